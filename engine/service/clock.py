"""The only place where the engine asks for the time.

Stamps strictly rise. They follow the wall clock as it was at start and from then on the monotonic
clock, so a wall clock that jumps while we run moves nothing. Across a restart they go on after the
last stamp of the log, even if the wall clock has been set back: a reservation then lives longer by
the step at most, and never ends early by more than the step forward.
"""

import time


class Clock:
    """Stamps in microseconds since 1970 (UTC), each later than the one before."""

    def __init__(self, after_us: int = 0) -> None:
        self._last_us = after_us
        wall_us = time.time_ns() // 1_000
        self._offset_us = max(wall_us, after_us + 1) - time.monotonic_ns() // 1_000

    def now_us(self) -> int:
        """Return the time now, without taking a stamp."""
        return max(self._offset_us + time.monotonic_ns() // 1_000, self._last_us)

    def stamp_us(self) -> int:
        """Return a stamp for a batch."""
        self._last_us = max(self.now_us(), self._last_us + 1)
        return self._last_us
