"""What is to be published first: the listings whose wrong quantity costs most for each call.

A listing that shows more than there is can be oversold; one that shows less only sells less. So
what falls goes before what rises, and what has fallen to nothing goes first. Within each, the
expected oversell counts: the units shown too many, at most those that are likely to be asked for
until the next chance, by how fast the SKU sells.

A queue may be as long as the catalogue, a million listings, when an account is new. So none of what
is done for each call looks at all of it. Of each class, three kinds are kept in order:

    hot      the SKU sells more units than one until the next chance: few, compared when asked for
    selling  it sold before: by how fast. All rates fall alike as time passes, so none overtakes
             another, and an order once made holds (`sync.ordered`)
    still    it never sold: by how long the listing waits
"""

import itertools
import math
import time
from collections.abc import Callable, Iterable, Mapping

import msgspec

from engine.sync.ordered import Ordered

SOLD_OUT, FALLING, RISING = RANKS = 0, 1, 2
_HALF_LIFE_S = 60.0
_PRESSING = 1e-4  # units a second, one in three hours: what sells less can wait a moment


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

    def level(self, sku: str) -> float:
        """Return a number that is larger than another SKU's if this one sells faster, whenever the
        two were asked for. Only for one that sold."""
        rate, at_s = self._rates[sku]
        return math.log2(rate) + at_s / _HALF_LIFE_S


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
    turn: int = 0  # grows whenever the queue files it anew
    filed: int = RISING  # the class that it is counted in

    @property
    def rank(self) -> int:
        """Which of the three classes it is in."""
        if self.shown is not None and self.wanted >= self.shown:
            return RISING
        return SOLD_OUT if self.wanted == 0 else FALLING


class Queue:
    """Listings to publish, the newest quantity of each. `rows` is to be read only: what changes
    goes by the methods, which keep the listings in order."""

    def __init__(self, pace: Pace, horizon_s: float = 1.0) -> None:
        self.rows: dict[str, Due] = {}
        self.flying: set[str] = set()  # being sent: their next quantity waits for the answer
        self.aloft: dict[str, int] = {}  # handed in with this quantity, not worked off yet
        self.crossed: set[str] = set()  # shown otherwise while they were aloft
        self.doubted: set[str] = set()  # being sent while what was aloft came down
        self._pace, self._horizon_s = pace, horizon_s
        self._turns = itertools.count(1)
        self._counts = [0, 0, 0]
        self._hot: dict[str, Due] = {}
        self._selling = [Ordered(self.rows, _filed) for _ in RANKS]
        self._still = [Ordered(self.rows, _filed) for _ in RANKS]
        self._resting = Ordered(self.rows, _filed)
        self._ages = Ordered(self.rows, _since)

    # What ought to be shown.

    def want(self, due: Due) -> None:
        """Queue a listing, or give the one that is queued its newer quantity."""
        there = self.rows.get(due.listing)
        if due.wanted == due.shown:
            self.drop(due.listing)
        elif there is None:
            self._enter(due)
        else:
            if due.wanted == 0 < there.wanted:  # one more try at once, whatever it rests for
                there.not_before_s = 0.0
            if due.wanted != there.wanted and there.newer_s is None:
                there.newer_s = due.since_s if due.listing in self.flying else None
            there.wanted, there.shown = due.wanted, due.shown
            if there.held is not None and there.held != due.wanted:
                there.held, there.not_before_s, there.failures = None, 0.0, 0
            self._file(there)

    def drop(self, listing: str) -> None:
        """Queue a listing no more."""
        if (due := self.rows.pop(listing, None)) is not None:
            self._counts[due.filed] -= 1
            self._hot.pop(listing, None)

    def rest(self, due: Due, until_s: float, held: int | None = None) -> None:
        """Let a listing rest until then (monotonic seconds); with `held`, only as long as that is
        the quantity to be shown."""
        due.not_before_s, due.held = until_s, held
        if self.rows.get(due.listing) is due:
            self._file(due)

    def shown(self, listing: str, quantity: int, now_s: float) -> None:
        """Note that a listing shows `quantity` now. What it ought to show otherwise by then has had
        no failure yet."""
        due = self.rows.get(listing)
        self.drop(listing)
        if due is not None and due.wanted != quantity:
            since_s = now_s if due.newer_s is None else due.newer_s
            self._enter(Due(listing, due.sku, due.wanted, quantity, since_s))

    def _enter(self, due: Due) -> None:
        self.rows[due.listing] = due
        self._counts[due.filed] += 1
        self._ages.add((due.since_s,), due)
        self._file(due)

    def _file(self, due: Due) -> None:
        """Have a listing where it is looked for, after anything of it changed."""
        due.turn, rank = next(self._turns), due.rank
        self._counts[due.filed] -= 1
        self._counts[rank] += 1
        due.filed = rank
        self._hot.pop(due.listing, None)
        if not self._sendable(due):
            return
        if due.not_before_s > 0.0:
            self._resting.add((due.not_before_s,), due)
        else:
            self._ready(due)

    def _ready(self, due: Due) -> None:
        rate = self._pace.of(due.sku) if due.filed != RISING else 0.0
        if rate * self._horizon_s >= 1.0:
            self._hot[due.listing] = due
        elif rate:
            self._selling[due.filed].add((-self._pace.level(due.sku), due.since_s), due)
        else:
            self._still[due.filed].add((due.since_s,), due)

    def _sendable(self, due: Due) -> bool:
        """Whether a single call helps: what is aloft with the right quantity comes down by itself,
        but nothing that is sold out waits for that."""
        if due.listing in self.flying:
            return False
        return self.aloft.get(due.listing) != due.wanted or due.wanted == 0

    # What goes first.

    def worth(self, due: Due) -> tuple[int, float, float]:
        """Return what a listing is sorted by, the most urgent least."""
        if due.rank == RISING:
            return RISING, due.since_s, 0.0
        over = due.shown - due.wanted if due.shown is not None else due.wanted + 1
        asked = self._pace.of(due.sku) * self._horizon_s
        return due.rank, -min(float(over), asked), due.since_s

    def best(self, count: int, now_s: float, *, bulk: bool = False) -> list[Due]:
        """Return the `count` listings to publish first; they stay queued until told. With `bulk`,
        none that is aloft."""
        self._wake(now_s)

        def fits(due: Due) -> bool:
            return not (bulk and due.listing in self.aloft)

        hot = sorted(filter(fits, self._hot.values()), key=self.worth)
        found: list[Due] = []
        for rank in RANKS:
            found += [due for due in hot if due.filed == rank]
            for kind in (self._selling, self._still):
                found += kind[rank].first(count - len(found), fits)
        return found[:count]

    def kin(self, count: int, now_s: float, among: Callable[[str], bool]) -> list[Due]:
        """Return the `count` listings to publish first of those that are `among` them. Looks at
        all."""
        ready = [
            due
            for name, due in self.rows.items()
            if due.not_before_s <= now_s and self._sendable(due) and among(name)
        ]
        return sorted(ready, key=self.worth)[:count]

    def rest_s(self, now_s: float) -> float | None:
        """Return in how many seconds the next listing is ready; None if all there is is sent."""
        self._wake(now_s)
        if self._hot or any(self._selling) or any(self._still):
            return 0.0
        (first,) = self._resting.first(1) or [None]
        return None if first is None else max(first.not_before_s - now_s, 0.0)

    def _wake(self, now_s: float) -> None:
        """Have those ready that have rested, and hot no more what sells less by now."""
        while due := self._resting.take((now_s,)):
            self._ready(due)
        for due in list(self._hot.values()):
            if self._pace.of(due.sku) * self._horizon_s < 1.0:
                del self._hot[due.listing]
                self._ready(due)

    # How it is doing.

    @property
    def pressing(self) -> bool:
        """Whether a listing that is ready shows too many of what sells now."""
        fastest = (due for kind in self._selling for due in kind.first(1))
        both = itertools.chain(self._hot.values(), fastest)
        return any(self._pace.of(due.sku) >= _PRESSING for due in both)

    @property
    def high(self) -> bool:
        """Whether a listing shows more than there is, as far as anybody knows."""
        return bool(self._counts[SOLD_OUT] or self._counts[FALLING])

    def waiting(self, rank: int) -> int:
        """Return how many listings there are of a class."""
        return self._counts[rank]

    def oldest(self, count: int) -> list[Due]:
        """Return the listings that wait longest."""
        return self._ages.first(count)

    # On the way.

    def fly(self, listings: Iterable[str]) -> None:
        """Note that these are being sent."""
        listings = set(listings)
        self.flying |= listings
        self._refile(listings)

    def land(self, listings: Iterable[str]) -> None:
        """Note that these were answered, or never sent."""
        listings = set(listings)
        self.flying -= listings
        self._refile(listings)

    def lift(self, sent: Mapping[str, int]) -> None:
        """Note that these quantities are handed in, to be worked off later."""
        self.aloft |= sent
        self._refile(sent)

    def _refile(self, listings: Iterable[str]) -> None:
        for listing in listings:
            if (due := self.rows.get(listing)) is not None:
                self._file(due)

    def took(self, listing: str, quantity: int) -> None:
        """Note that a single call showed `quantity`."""
        if self.aloft.get(listing, quantity) != quantity:
            self.crossed.add(listing)

    def in_doubt(self, taken: Mapping[str, int]) -> set[str]:
        """Return which of these listings, which a single call showed, are in doubt; once."""
        doubted = self.doubted & taken.keys()
        self.doubted -= doubted
        return doubted

    def landed(self, sent: Mapping[str, int]) -> set[str]:
        """Note that what was aloft is worked off; return of what nobody knows what is shown. Of
        what is being sent nobody knows it either, when that is answered: which came first?"""
        sending = self.flying & sent.keys()
        self.doubted |= sending
        for listing in sent:
            self.aloft.pop(listing, None)
        self._refile(sent)
        unknown = (self.crossed & sent.keys()) | sending
        self.crossed -= unknown
        return unknown


def _filed(due: Due, _: tuple[float, ...], turn: int) -> bool:
    return due.turn == turn


def _since(due: Due, at_s: tuple[float, ...], _: int) -> bool:
    return (due.since_s,) == at_s
