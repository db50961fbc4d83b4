"""What is to be published first: the listings whose wrong quantity costs most for each call.

A listing that shows more than there is can be oversold; one that shows less only sells less. So
what falls goes before what rises, and what has fallen to nothing goes first. Within each, the
expected oversell counts: the units shown too many, at most those that are likely to be asked for
until the next chance, by how fast the SKU sells.
"""

import math
import time
from collections.abc import Callable

import msgspec

SOLD_OUT, FALLING, RISING = 0, 1, 2
_HALF_LIFE_S = 60.0


class Pace:
    """How fast each SKU sells, in units a second: an average that forgets half in a minute."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._rates: dict[str, tuple[float, float]] = {}

    def sold(self, sku: str, units: int) -> None:
        """Note that so many units went just now."""
        now_s = self._now_s()
        self._rates[sku] = (self.of(sku) + units * math.log(2) / _HALF_LIFE_S, now_s)

    def of(self, sku: str) -> float:
        """Return units a second."""
        rate, at_s = self._rates.get(sku, (0.0, 0.0))
        return rate * 0.5 ** ((self._now_s() - at_s) / _HALF_LIFE_S) if rate else 0.0


class Due(msgspec.Struct):
    """A listing that shows `shown` (None: nobody knows) and ought to show `wanted`, since `since_s`
    (monotonic seconds). After a failure it rests until `not_before_s`."""

    listing: str
    sku: str
    wanted: int
    shown: int | None
    since_s: float
    not_before_s: float = 0.0
    failures: int = 0
    held: int | None = None  # the quantity that waits until then; another one need not
    newer_s: float | None = None  # since when it ought to show otherwise than what is being sent
    problem: str = ""  # why the last try failed

    @property
    def rank(self) -> int:
        """Which of the three classes it is in."""
        if self.shown is not None and self.wanted >= self.shown:
            return RISING
        return SOLD_OUT if self.wanted == 0 else FALLING


class Queue:
    """Listings to publish, the newest quantity of each. A few hundred thousand are meant; the best
    are found by looking at all, which is done once for each call that a quota allows."""

    def __init__(self, pace: Pace, horizon_s: float = 1.0) -> None:
        self.rows: dict[str, Due] = {}
        self.flying: set[str] = set()  # being sent: their next quantity waits for the answer
        self.aloft: dict[str, int] = {}  # handed in with this quantity, not worked off yet
        self.crossed: set[str] = set()  # shown otherwise while they were aloft
        self.doubted: set[str] = set()  # being sent while what was aloft came down
        self._pace, self._horizon_s = pace, horizon_s

    def want(self, due: Due) -> None:
        """Queue a listing, or give the one that is queued its newer quantity."""
        there = self.rows.get(due.listing)
        if due.wanted == due.shown:
            self.rows.pop(due.listing, None)
        elif there is None:
            self.rows[due.listing] = due
        else:
            if due.wanted == 0 < there.wanted:  # one more try at once, whatever it rests for
                there.not_before_s = 0.0
            if due.wanted != there.wanted and there.newer_s is None:
                there.newer_s = due.since_s if due.listing in self.flying else None
            there.wanted, there.shown = due.wanted, due.shown
            if there.held is not None and there.held != due.wanted:
                there.held, there.not_before_s, there.failures = None, 0.0, 0

    def worth(self, due: Due) -> tuple[int, float, float]:
        """Return what a listing is sorted by, the most urgent least."""
        if due.rank == RISING:
            return RISING, due.since_s, 0.0
        over = due.shown - due.wanted if due.shown is not None else due.wanted + 1
        asked = self._pace.of(due.sku) * self._horizon_s
        return due.rank, -min(float(over), asked), due.since_s

    def best(
        self,
        count: int,
        now_s: float,
        *,
        bulk: bool = False,
        among: Callable[[Due], bool] = lambda _: True,
    ) -> list[Due]:
        """Return the `count` listings to publish first; they stay queued until told. With `bulk`,
        none that is aloft; and only what is `among` them."""
        ready = [
            due
            for due in self.rows.values()
            if due.not_before_s <= now_s
            and self._sendable(due)
            and not (bulk and due.listing in self.aloft)
            and among(due)
        ]
        if bulk or len(ready) > count:
            ready.sort(key=self.worth)
        return ready[:count]

    def rest_s(self, now_s: float) -> float | None:
        """Return in how many seconds the next listing is ready; None if all there is is sent."""
        rows = (due for due in self.rows.values() if self._sendable(due))
        first = min((d.not_before_s for d in rows), default=None)
        return None if first is None else max(first - now_s, 0.0)

    def _sendable(self, due: Due) -> bool:
        """Whether a single call helps: what is aloft with the right quantity comes down by itself,
        but nothing that is sold out waits for that."""
        if due.listing in self.flying:
            return False
        return self.aloft.get(due.listing) != due.wanted or due.wanted == 0

    def shown(self, listing: str, quantity: int, now_s: float) -> None:
        """Note that a listing shows `quantity` now. What it ought to show otherwise by then has had
        no failure yet."""
        due = self.rows.get(listing)
        if due is not None and due.wanted == quantity:
            del self.rows[listing]
        elif due is not None:
            since_s = now_s if due.newer_s is None else due.newer_s
            self.rows[listing] = Due(listing, due.sku, due.wanted, quantity, since_s)

    def took(self, listing: str, quantity: int) -> None:
        """Note that a single call showed `quantity`."""
        if self.aloft.get(listing, quantity) != quantity:
            self.crossed.add(listing)

    def in_doubt(self, taken: dict[str, int]) -> set[str]:
        """Return which of these listings, which a single call showed, are in doubt; once."""
        doubted = self.doubted & taken.keys()
        self.doubted -= doubted
        return doubted

    def landed(self, sent: dict[str, int]) -> set[str]:
        """Note that what was aloft is worked off; return of what nobody knows what is shown. Of
        what is being sent nobody knows it either, when that is answered: which came first?"""
        sending = self.flying & sent.keys()
        self.doubted |= sending
        for listing in sent:
            self.aloft.pop(listing, None)
        unknown = (self.crossed & sent.keys()) | sending
        self.crossed -= unknown
        return unknown
