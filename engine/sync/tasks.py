"""Ending tasks that others wait for."""

import asyncio
from collections.abc import Iterable

from engine.core import limits


async def end(tasks: Iterable[asyncio.Task], grace_s: float = 0.0) -> None:
    """Wait `grace_s` seconds for tasks to end by themselves, then make them. What they were at is
    repeated after the next start, as after any crash."""
    left = {task for task in tasks if not task.done()}
    if left and grace_s:
        _, left = await asyncio.wait(left, timeout=grace_s)
    while left:  # a client of the server may swallow a cancellation that meets its own timeout
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=limits.OUTBOX_IDLE_S)
