"""Asking until it is done: many channels take work in and say later what came of it."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from engine.core import limits

T = TypeVar("T")


async def until_done(ask: Callable[[], Awaitable[T | None]]) -> T | None:
    """Ask until the answer is not None, ever more seldom; None where it takes longer than
    `limits.POLL_GIVE_UP_S`."""
    end_s, delay_s = time.monotonic() + limits.POLL_GIVE_UP_S, limits.POLL_FIRST_S
    while True:
        await asyncio.sleep(delay_s)
        if (found := await ask()) is not None:
            return found
        if time.monotonic() >= end_s:
            return None
        delay_s = min(delay_s * 2, limits.POLL_S_MAX)
