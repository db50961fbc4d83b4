"""How long it took from a change to its channel's yes: percentiles of the last minutes."""

import random
import time
from collections import deque
from collections.abc import Callable, Iterable
from math import ceil

from engine.core import limits

_RECENT = 5  # minutes that `percentiles` looks at


def percentile(values: Iterable[float], share: float) -> float | None:
    """Return the smallest value that `share` of the values do not exceed; None without any."""
    ordered = sorted(values)
    return ordered[max(ceil(len(ordered) * share) - 1, 0)] if ordered else None


class Lags:
    """Lags in seconds, of the last `limits.LAG_MINUTES` minutes. Of a busy minute, a fair sample of
    `limits.LAG_SAMPLES_MAX` is kept."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s, self._random = now_s, random.Random(1)
        self._minute, self._seen = self._minute_now(), 0
        self._minutes: deque[list[float]] = deque([[]], maxlen=limits.LAG_MINUTES)

    def _minute_now(self) -> int:
        return int(self._now_s() // 60)

    def _turn(self) -> None:
        """Begin the present minute, if it is another one than at the last call."""
        now = self._minute_now()
        for _ in range(min(now - self._minute, limits.LAG_MINUTES)):
            self._minutes.append([])
            self._seen = 0
        self._minute = now

    def add(self, lag_s: float) -> None:
        """Note one lag."""
        self._turn()
        self._seen += 1
        kept = self._minutes[-1]
        if len(kept) < limits.LAG_SAMPLES_MAX:
            kept.append(lag_s)
        elif (place := self._random.randrange(self._seen)) < limits.LAG_SAMPLES_MAX:
            kept[place] = lag_s

    def percentiles(self, *shares: float) -> list[float | None]:
        """Return these percentiles of the last minutes, in seconds."""
        self._turn()
        recent = [lag_s for kept in list(self._minutes)[-_RECENT:] for lag_s in kept]
        return [percentile(recent, share) for share in shares]

    def by_minute(self, share: float) -> list[float | None]:
        """Return a percentile of each minute, the present one last; None where nothing changed."""
        self._turn()
        found = [percentile(kept, share) for kept in self._minutes]
        return [None] * (limits.LAG_MINUTES - len(found)) + found
