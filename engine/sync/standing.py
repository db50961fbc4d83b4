"""Standing: what a channel holds against a seller, counted as it counts, beside what it allows.

    orders placed, by day ──────────────┐
    cancellations told to the channel ──┼─▶ share, and projected share ─▶ near what is allowed:
    orders that wait for stock ─────────┘                                 a few units held back

    orders of which a parcel was told, by day ──┐
    those of which one was told after its due ──┼─▶ share, and projected share
    open orders past their due, or nearly ──────┘

    where the carrier's scan counts: orders it has got, by day ──┐
    those it got after that was due, or should have got by now ──┼─▶ share, and projected share
    those it is to get soon ─────────────────────────────────────┘

    parcels told, by day ───────────────────────┬─▶ share
    those that the channel cannot follow ───────┘

The projection takes it that what waits for stock will be cancelled, too, and what is due will be
late: that is the day on which it can still be avoided. While cancellations are near what the
channel allows, listings show a few units less than there are, so that fewer shoppers meet a listing
that is a moment behind.

A channel knows of a parcel what it is told. So one that left in time and was told late is late.
"""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import structlog

from engine.connectors.base import Account, ForeignOrder, Parcel
from engine.connectors.standards import Allowed, Standards, standards_of
from engine.connectors.tracking import plausible
from engine.core import limits
from engine.core.errors import ConfigError, OverloadedError, UnavailableError
from engine.sync.store import SyncStore
from engine.sync.tally import Tally
from engine.views import outgoing
from engine.views.reader import ViewsReader

log = structlog.get_logger("standing")
_DAY_S = 86_400
# Tables in the store: of what a share is, by day; and what is held against the seller, by name.
_BOOKS = {
    "cancelled": ("placed", "cancelled"),
    "late": ("shipped", "shipped_late"),
    "untracked": ("parcels", "parcels_untracked"),
}


class Rate(msgspec.Struct, frozen=True):
    """Of `total` orders or parcels of the last `days` days, `counted` are held against the seller,
    and `coming` orders will be if nothing is done; so many of those, `beyond`, are not in `total`
    yet. The channel allows a share of `allowed`. While `held_back` is above 0, listings show so
    many units less."""

    total: int = 0
    counted: int = 0
    coming: int = 0
    beyond: int = 0
    days: int = 0
    allowed: float = 0.0
    held_back: int = 0

    @property
    def share(self) -> float:
        """The share that is held against the seller."""
        return self.counted / max(self.total, 1)

    @property
    def projected(self) -> float:
        """The share if all that is coming is, too."""
        return (self.counted + self.coming) / max(self.total + self.beyond, 1)

    @property
    def near(self) -> bool:
        """Whether the projection is near what is allowed, or above, and of enough to say so."""
        enough = self.total + self.beyond >= limits.STANDING_ORDERS_MIN
        return enough and self.projected >= limits.STANDING_NEAR * self.allowed


class Rates(msgspec.Struct, frozen=True):
    """How an account stands; None where its channel allows no share that is known. `cancelled`: of
    the orders placed, those that the seller cancelled, and orders that wait for stock. `late`: of
    the orders that left, those told after they were due, and open orders past that or due within
    `limits.STANDING_AHEAD_S`; or the same by when carriers had them, where those that they should
    have by now count, too. `untracked`: of the parcels, those the channel cannot follow."""

    cancelled: Rate | None = None
    late: Rate | None = None
    untracked: Rate | None = None

    @property
    def held_back(self) -> int:
        """So many units less than there are is what listings show."""
        return self.cancelled.held_back if self.cancelled else 0


class Counted(msgspec.Struct, frozen=True):
    """What to count, by table: see `SyncStore.outbox_told`."""

    more: dict[str, dict[str, int]] = {}
    marks: dict[str, dict[str, float]] = {}


class Standing:
    """Counts for one account. Without a standard of its channel, it counts and says nothing.

    Raises `ConfigError` where the account's option `guard_units` is no number of units."""

    def __init__(self, account: Account, store: SyncStore) -> None:
        self._guard = _units(account)
        self._account, self._store, self._tally = account, store, Tally(store)
        self._standards = standards_of(account.connector)
        late = self._standards.late
        self._scans = late is not None and late.by == "scan"
        self._looked_s = 0.0
        self.rates = Rates()

    async def placed(self) -> None:
        """Count an order that came."""
        if self._standards.cancelled is not None:
            await self._tally.add({_today(): 1}, "placed", self._account.name)

    async def cancelled(self, order_id: str) -> None:
        """Count an order whose cancellation was told to the channel; once, however often told."""
        if self._standards.cancelled is not None:
            await self._tally.rank({order_id: time.time()}, "cancelled", self._account.name)

    async def seen(self, order: ForeignOrder) -> None:
        """Note whether an order's carrier has got it, where that counts. Of older documents of the
        same order, none may be noted later."""
        if not self._scans or order.collect_by is None:
            return
        name, by_s = self._account.name, order.collect_by.timestamp()
        if order.state == "cancelled":
            await self._tally.unrank(order.order_id, "awaited", name)
        elif order.collected_at is None:
            await self._tally.rank({order.order_id: by_s}, "awaited", name)
        else:
            at_s = order.collected_at.timestamp()
            late_s = at_s if at_s > by_s else None
            await self._tally.collected(name, order.order_id, _day(at_s), late_s)

    def left(
        self, parcel: Parcel, due_us: int | None, first: bool, followed: bool | None
    ) -> Counted:
        """Return what to count of a parcel that was told just now. Its order was due at `due_us`,
        microseconds since 1970, None if nobody says so; `first`: it is the order's first one;
        `followed` is what its connector said of it."""
        now_s = time.time()
        more: dict[str, dict[str, int]] = {}
        marks: dict[str, dict[str, float]] = {}
        if self._standards.late is not None and not self._scans:
            if first:
                more["shipped"] = {_today(): 1}
            if due_us is not None and now_s * 1e6 > due_us:
                marks["shipped_late"] = {parcel.order_id: now_s}
        if self._standards.untracked is not None:
            more["parcels"] = {_today(): 1}
            if not (plausible(parcel.tracking) if followed is None else followed):
                name = f"{parcel.order_id}:{parcel.shipment_id}"
                marks["parcels_untracked"] = {name: now_s}
        return Counted(more, marks)

    async def look(self, views: ViewsReader | None) -> Rates:
        """Return how things stand, worked out anew every `limits.STANDING_LOOK_S`."""
        now_s = time.time()
        if self._standards == Standards() or abs(now_s - self._looked_s) < limits.STANDING_LOOK_S:
            return self.rates
        self._looked_s = now_s
        try:
            waiting, due = await self._coming(views, now_s)
        except (UnavailableError, OverloadedError) as error:
            log.info("what waits is not known", account=self._account.name, why=str(error))
            return self.rates
        rates = Rates(
            await self._rate("cancelled", self._standards.cancelled, waiting),
            await self._late(due),
            await self._rate("untracked", self._standards.untracked),
        )
        if rates.held_back != self.rates.held_back:
            name = self._account.name
            log.info("held back", account=name, units=rates.held_back, of=rates.cancelled)
        self.rates = rates
        return rates

    async def _coming(self, views: ViewsReader | None, now_s: float) -> tuple[int, int]:
        """Return how many orders wait for stock, and how many are due."""
        if views is None:
            return 0, 0
        channel, waiting, due = self._account.channel, 0, 0
        if self._standards.cancelled is not None:
            waiting = await views.ask(outgoing.waiting, channel)
        if self._standards.late is not None and not self._scans:
            before_us = round((now_s + limits.STANDING_AHEAD_S) * 1e6)
            due = await views.ask(outgoing.due, channel, before_us, limits.STANDING_OPEN_MAX)
        return waiting, due

    async def _late(self, due: int) -> Rate | None:
        """Return the share of late orders, `due` of which are still here."""
        if not self._scans:
            return await self._rate("late", self._standards.late, due, due)
        book, now_s = ("awaited", self._account.name), time.time()
        over = await self._tally.ranked_between(0.0, now_s, *book)
        soon = await self._tally.ranked_between(now_s, now_s + limits.STANDING_AHEAD_S, *book)
        rate = await self._rate("late", self._standards.late, soon, soon)
        assert rate is not None
        return msgspec.structs.replace(rate, total=rate.total + over, counted=rate.counted + over)

    async def _rate(
        self, what: str, allowed: Allowed | None, coming: int = 0, beyond: int = 0
    ) -> Rate | None:
        if allowed is None:
            return None
        total, counted = await self._counted(what, time.time() - allowed.days * _DAY_S)
        rate = Rate(total, counted, coming, beyond, allowed.days, allowed.share)
        if what == "cancelled" and rate.near:
            rate = msgspec.structs.replace(rate, held_back=self._guard)
        return rate

    async def _counted(self, what: str, since_s: float) -> tuple[int, int]:
        """Return of how many since a time how many are held against the seller, and forget older
        ones."""
        name, (of, marked) = self._account.name, _BOOKS[what]
        first = datetime.fromtimestamp(since_s, UTC) - timedelta(days=1)
        days = await self._store.table(of, name)
        old = [day for day in days if day < f"{first:%Y-%m-%d}"]
        await self._store.drop(old, of, name)
        total = sum(int(count) for day, count in days.items() if day not in old)
        return total, await self._tally.ranked(since_s, marked, name)


def _today() -> str:
    return _day(time.time())


def _day(at_s: float) -> str:
    return f"{datetime.fromtimestamp(at_s, UTC):%Y-%m-%d}"


def _units(account: Account) -> int:
    text: Any = account.options.get("guard_units", str(limits.STANDING_GUARD_UNITS))
    if not text.isdecimal() or len(text) > 6:
        name = account.name
        raise ConfigError(
            f"account {name!r}: option guard_units is {text!r}, not a number of units"
        )
    return int(text)
