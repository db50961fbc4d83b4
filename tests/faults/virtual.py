"""Time that costs nothing: an event loop that jumps to the next timer, and clocks that read it.

Nothing in here waits. A loop that has neither a ready callback nor a timer would wait for ever:
that is `Stuck`, the one thing a simulation must never be.
"""

import asyncio
import selectors
from collections.abc import Callable
from typing import Any

START_NS = 1_800_000_000 * 1_000_000_000


class Stuck(Exception):
    """Everything waits and nothing will ever happen."""


class _Jump(selectors.SelectSelector):
    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0

    def select(self, timeout: float | None = None) -> list:
        if timeout is None:
            raise Stuck("no callback and no timer is left")
        self.now_s += max(timeout, 0.0)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """Deterministic: no threads, no sockets, time moves only when nothing else is to be done."""

    def __init__(self) -> None:
        self._jump = _Jump()
        super().__init__(self._jump)

    def time(self) -> float:
        """Return virtual seconds since the loop was made."""
        return self._jump.now_s

    def run_in_executor(self, executor: Any, func: Callable, *args: Any) -> asyncio.Future:
        """Run at once, in this thread."""
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:
            future.set_exception(error)
        return future


class VirtualTime:
    """Stands in for the module `time` where the engine asks for it. `jump_s` moves the wall clock
    only, as an operator or a time server would."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop, self.jump_s = loop, 0.0

    def monotonic(self) -> float:
        """Return virtual seconds."""
        return self._loop.time()

    def monotonic_ns(self) -> int:
        """Return virtual nanoseconds."""
        return int(self._loop.time() * 1e9)

    def time(self) -> float:
        """Return virtual wall time in seconds since 1970."""
        return self.time_ns() / 1e9

    def time_ns(self) -> int:
        """Return virtual wall time in nanoseconds since 1970."""
        return START_NS + self.monotonic_ns() + int(self.jump_s * 1e9)
