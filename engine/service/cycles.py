"""When a serving process looks for cyclic garbage: while it has nothing better to do.

CPython looks in the middle of whatever allocates, and so in the middle of a round. `Collector`
does it in a rest instead, most often while the log makes a frame durable:

    young    when there are `limits.GC_YOUNG_OBJECTS` new containers
    middle   after `limits.GC_MIDDLE_PASSES` young passes
    full     every `limits.GC_FULL_EVERY_S` seconds, and in at most `limits.GC_FULL_SHARE_MAX` of
             the time: the more there is to look at, the rarer

A pass that has waited `limits.GC_PATIENCE_S` is made without a rest. The interpreter's own trigger
for a young pass stays, far above ours: no burst of garbage outgrows it between two looks.
"""

import asyncio
import gc
import time
from collections.abc import Callable
from typing import Any

from engine.core import limits

YOUNG, MIDDLE, FULL = range(3)
_NEVER = 2**31 - 1


def settle(young: int = limits.GC_YOUNG_OBJECTS_MAX) -> None:
    """Look at everything once, then never again at what lives now: it was loaded to stay. What was
    kept by a call before this one, and is of no more use, goes. From now on the interpreter looks
    by itself at `young` new containers only."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    gc.set_threshold(young, _NEVER, _NEVER)


class Collector:
    """Makes the passes of this process, and counts them: one `run` at a time.

    `resting` says whether nothing waits for this thread just now.
    """

    def __init__(
        self, resting: Callable[[], bool], now_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._resting, self._now_s = resting, now_s
        self._full_at = now_s() + limits.GC_FULL_EVERY_S
        self._due_since: float | None = None
        self._began = 0.0
        self.passes, self.seconds, self.longest_s = 0, 0.0, 0.0

    async def run(self) -> None:
        """Look, and collect what is due, until cancelled."""
        gc.callbacks.append(self._timed)
        try:
            while True:
                waits = self.look()
                await asyncio.sleep(limits.GC_RETRY_S if waits else limits.GC_LOOK_S)
        finally:
            gc.callbacks.remove(self._timed)

    def look(self) -> bool:
        """Make the pass that is due, if any; return whether one is and waits for a rest."""
        now_s = self._now_s()
        due = self._due(now_s)
        if due is None:
            self._due_since = None
            return False
        if self._due_since is None:
            self._due_since = now_s
        if not self._resting() and now_s - self._due_since < limits.GC_PATIENCE_S:
            return True
        self._due_since = None
        gc.collect(due)
        if due == FULL:
            end_s = self._now_s()
            pause_s = (end_s - now_s) / limits.GC_FULL_SHARE_MAX
            self._full_at = end_s + max(limits.GC_FULL_EVERY_S, pause_s)
        return False

    def _due(self, now_s: float) -> int | None:
        new, young_passes, _ = gc.get_count()
        if now_s >= self._full_at:
            return FULL
        if young_passes >= limits.GC_MIDDLE_PASSES:
            return MIDDLE
        return YOUNG if new >= limits.GC_YOUNG_OBJECTS else None

    def _timed(self, phase: str, _: dict[str, Any]) -> None:
        """Count one pass, whoever has asked for it."""
        if phase == "start":
            self._began = time.perf_counter()
            return
        took_s = time.perf_counter() - self._began
        self.passes += 1
        self.seconds += took_s
        self.longest_s = max(self.longest_s, took_s)

    def counters(self) -> dict[str, float]:
        """Counters and gauges for the metrics."""
        return {
            "gc_passes": float(self.passes),
            "gc_seconds": self.seconds,
            "gc_longest_seconds": self.longest_s,
        }
