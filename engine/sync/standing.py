"""Standing: how many orders of an account the seller cancels, beside what its channel allows.

    orders placed, by day ──────────────┐
    cancellations told to the channel ──┼─▶ share, and projected share ─▶ near what is allowed:
    orders that wait for stock ─────────┘                                 a few units held back

The projection takes it that what waits for stock will be cancelled, too: that is the day on which
it can still be avoided. While it is near what the channel allows, listings show a few units less
than there are, so that fewer shoppers meet a listing that is a moment behind.
"""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import structlog

from engine.connectors.base import Account
from engine.connectors.standards import standards_of
from engine.core import limits
from engine.core.errors import ConfigError, OverloadedError, UnavailableError
from engine.sync.store import SyncStore
from engine.views import outgoing
from engine.views.reader import ViewsReader

log = structlog.get_logger("standing")
_DAY_S = 86_400


class Rate(msgspec.Struct, frozen=True):
    """Of `placed` orders of the last `days` days the seller `cancelled` some, and some are
    `waiting` for stock that is not there. The channel allows a share of `allowed`. While
    `held_back` is above 0, listings show so many units less."""

    placed: int
    cancelled: int
    waiting: int
    days: int
    allowed: float
    held_back: int = 0

    @property
    def share(self) -> float:
        """The share that was cancelled."""
        return self.cancelled / max(self.placed, 1)

    @property
    def projected(self) -> float:
        """The share if all that waits is cancelled, too."""
        return (self.cancelled + self.waiting) / max(self.placed, 1)

    @property
    def near(self) -> bool:
        """Whether the projection is near what is allowed, or above, and of enough orders to say
        so."""
        enough = self.placed >= limits.STANDING_ORDERS_MIN
        return enough and self.projected >= limits.STANDING_NEAR * self.allowed


class Standing:
    """Counts for one account. Without a standard of its channel, it counts and says nothing.

    Raises `ConfigError` where the account's option `guard_units` is no number of units."""

    def __init__(self, account: Account, store: SyncStore) -> None:
        self._account, self._store = account, store
        self._standard = standards_of(account.connector).cancelled
        self._guard = _units(account)
        self._looked_s = 0.0
        self.rate: Rate | None = None

    async def placed(self) -> None:
        """Count an order that came."""
        if self._standard is not None:
            day = f"{datetime.now(UTC):%Y-%m-%d}"
            await self._store.add({day: 1}, "placed", self._account.name)

    async def cancelled(self, order_id: str) -> None:
        """Count an order whose cancellation was told to the channel; once, however often told."""
        if self._standard is not None:
            await self._store.rank({order_id: time.time()}, "cancelled", self._account.name)

    async def look(self, views: ViewsReader | None) -> Rate | None:
        """Return how things stand, worked out anew every `limits.STANDING_LOOK_S`."""
        standard, now_s = self._standard, time.time()
        if standard is None or abs(now_s - self._looked_s) < limits.STANDING_LOOK_S:
            return self.rate
        self._looked_s = now_s
        try:
            waiting = await views.ask(outgoing.waiting, self._account.channel) if views else 0
        except (UnavailableError, OverloadedError) as error:
            log.info("what waits is not known", account=self._account.name, why=str(error))
            return self.rate
        since = now_s - standard.days * _DAY_S
        placed, cancelled = await self._counted(since)
        rate = Rate(placed, cancelled, waiting, standard.days, standard.share)
        if rate.near:
            rate = msgspec.structs.replace(rate, held_back=self._guard)
        if self.rate is None or rate.held_back != self.rate.held_back:
            log.info("held back", account=self._account.name, units=rate.held_back, of=rate)
        self.rate = rate
        return rate

    async def _counted(self, since_s: float) -> tuple[int, int]:
        """Return orders placed and cancelled since a time, and forget older ones."""
        name = self._account.name
        first = datetime.fromtimestamp(since_s, UTC) - timedelta(days=1)
        days = await self._store.table("placed", name)
        old = [day for day in days if day < f"{first:%Y-%m-%d}"]
        await self._store.drop(old, "placed", name)
        placed = sum(int(count) for day, count in days.items() if day not in old)
        return placed, await self._store.ranked(since_s, "cancelled", name)


def _units(account: Account) -> int:
    text: Any = account.options.get("guard_units", str(limits.STANDING_GUARD_UNITS))
    if not text.isdecimal() or len(text) > 6:
        name = account.name
        raise ConfigError(
            f"account {name!r}: option guard_units is {text!r}, not a number of units"
        )
    return int(text)
