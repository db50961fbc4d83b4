"""The door that fronts use: ask the one writer, read what is durable, follow changes.

Everything here returns only what a crash cannot take back (P8): `submit` answers when the batch
is durable, reads wait for the batch that they have seen.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from engine.core.answers import (
    ChannelAnswer,
    FulfillmentAnswer,
    LocationAnswer,
    OrderAnswer,
    QuantitiesAnswer,
    ReservationAnswer,
    ReturnAnswer,
    SkuAnswer,
    StockAnswer,
)
from engine.core.capacities import DayAnswer
from engine.core.commands import PlaceOrder, Request
from engine.core.decisions import DecisionsAnswer, PreviewAnswer
from engine.core.errors import ServiceError
from engine.core.fences import FenceAnswer
from engine.core.outcomes import Outcome, Refused
from engine.core.policies import RoutingPolicyAnswer
from engine.core.promises import BackorderAnswer, PromisesAnswer, TurnsAnswer
from engine.core.purchases import PurchaseOrderAnswer
from engine.core.scarcity import ScarcityAnswer
from engine.core.sellable import AvailabilityAnswer
from engine.core.timeline import TimelineAnswer
from engine.core.validation import ValidationAnswer

try:
    from ext.packed import tally
except ImportError:
    from engine.core.packed import tally


class Status(msgspec.Struct, frozen=True):
    """How the engine is: `leading`, `recovering` or `stopped`, and where its log stands."""

    state: str
    epoch: int
    seq: int
    detail: str = ""


class Pulse(msgspec.Struct, frozen=True):
    """What goes on, of one durable moment: rows per table, orders by status, and what was placed
    since the writer's ledger was made; a lower number than before means another ledger."""

    seq: int
    rows: dict[str, int]
    standing: dict[str, int]
    placed_orders: int
    placed_units: int


class Change(msgspec.Struct, frozen=True):
    """One position after a batch that touched it. `id` is `seq-n`: where to resume after it."""

    id: str
    seq: int
    sku: str
    location: str
    reason: str
    on_hand: int
    reserved: int
    allocated: int
    unavailable: int
    available: int


class Parcel(Protocol):
    """Packed requests (`core.packed`) on their way to the writer. `count` says about how many."""

    count: int

    def watch(self, enough: int, call: Callable[[], None]) -> None:
        """Call once when it has grown to `enough` requests, if it grows."""

    def close(self) -> bytes:
        """Return the requests, once, when they are about to be decided. No more come in then."""

    def deliver(self, answers: bytes) -> None:
        """Take durable answers, in order, perhaps in parts. Must not raise."""


class Bulk:
    """A parcel of ready requests. `answers` gives all of them when the last one is there."""

    def __init__(self, data: bytes, count: int) -> None:
        self.count = count
        self.answers: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._data, self._parts, self._left = data, [], count

    def watch(self, enough: int, call: Callable[[], None]) -> None:
        """It does not grow."""

    def close(self) -> bytes:
        """Return the requests."""
        return self._data

    def deliver(self, answers: bytes) -> None:
        """Take answers; done when as many came as were asked for."""
        self._parts.append(answers)
        self._left -= tally(answers)[0]
        if self._left <= 0 and not self.answers.done():
            self.answers.set_result(b"".join(self._parts))


class Client(Protocol):
    """What a front may ask. All raise `UnavailableError` while no writer leads."""

    def status(self) -> Status:
        """Return the engine's state at once."""

    async def submit(self, request: Request) -> Outcome:
        """Decide one command and return its durable outcome.

        Raises `OverloadedError`, `UnavailableError` (not looked at) or `OutcomeUnknownError`.
        """

    async def submit_many(self, requests: Sequence[Request]) -> list[Outcome | ServiceError]:
        """Decide commands in order, each for itself; the outcomes come in the same order.

        Where the engine failed midway, the commands concerned get their `ServiceError` instead.
        """

    def submit_packed(self, parcel: Parcel) -> None:
        """Queue packed requests; the parcel gets their durable answers, or those of a failure.

        Raises `OverloadedError` or `UnavailableError`; the parcel then gets nothing.
        """

    async def stock(self, sku: str) -> StockAnswer | None:
        """Stock of one SKU, or None if it does not exist."""

    async def stocked(self, skus: Sequence[str]) -> tuple[int, list[list[QuantitiesAnswer]]]:
        """The positions of each SKU, all of one moment, and the log position of that moment.

        None for a bundle or a SKU that does not exist. The writer is held up for as long as this
        takes: ask for `limits.STATES_READ_SKUS_MAX` at most.
        """

    async def stocks(self, skus: Sequence[str]) -> list[StockAnswer | None]:
        """Stock of several SKUs, all of one moment; as many at most as for `stocked`."""

    async def order(self, channel: str, order_id: str) -> OrderAnswer | None:
        """One order as it stands."""

    async def orders(
        self, *, status: str = "", channel: str = "", q: str = "", before: int = 0, limit: int = 50
    ) -> tuple[list[OrderAnswer], int | None]:
        """A page of orders, newest first, and the `before` of the next page or None."""

    async def fulfillment(self, name: str) -> FulfillmentAnswer | None:
        """One fulfillment as it stands."""

    async def fulfillments(
        self, *, location: str, status: str, after: int, limit: int
    ) -> tuple[list[FulfillmentAnswer], int | None]:
        """A page of open fulfillments, the oldest release first, and the `after` of the next page
        or None."""

    async def reservation(self, reservation_id: str) -> ReservationAnswer | None:
        """One reservation as it stands."""

    async def location(self, name: str) -> LocationAnswer | None:
        """One location."""

    async def sku(self, name: str) -> SkuAnswer | None:
        """One SKU."""

    async def locations(self, *, after: int, limit: int) -> tuple[list[LocationAnswer], int | None]:
        """A page of locations in order of creation, and the `after` of the next page or None."""

    async def skus(self, *, after: int, limit: int) -> tuple[list[SkuAnswer], int | None]:
        """A page of SKUs in order of creation, and the `after` of the next page or None."""

    async def channel(self, name: str) -> ChannelAnswer | None:
        """One channel."""

    async def channels(self, *, after: int, limit: int) -> tuple[list[ChannelAnswer], int | None]:
        """A page of channels in order of creation, and the `after` of the next page or None."""

    async def purchase_order(self, name: str) -> PurchaseOrderAnswer | None:
        """One purchase order as it stands."""

    async def purchase_orders(
        self, *, after: int, limit: int
    ) -> tuple[list[PurchaseOrderAnswer], int | None]:
        """A page of purchase orders, as `channels`."""

    async def validation(self, name: str) -> ValidationAnswer | None:
        """What the orders of one channel are checked for."""

    async def validations(
        self, *, after: int, limit: int
    ) -> tuple[list[ValidationAnswer], int | None]:
        """A page of what channels' orders are checked for, as `channels`."""

    async def fences(
        self, *, channel: str, sku: str, after: int, limit: int
    ) -> tuple[list[FenceAnswer], int | None]:
        """A page of fences, as `channels`; of one channel or SKU where they are not empty."""

    async def return_(self, channel: str, order_id: str, return_id: str) -> ReturnAnswer | None:
        """One return of an order as it stands."""

    async def returns(
        self, *, status: str, channel: str, order_id: str, before: int, limit: int
    ) -> tuple[list[ReturnAnswer], int | None]:
        """A page of returns, newest first, and the `before` of the next page or None."""

    async def routing_policy(self, name: str) -> RoutingPolicyAnswer | None:
        """One routing policy."""

    async def scarcity(self, name: str) -> ScarcityAnswer | None:
        """The scarcity prices of one SKU."""

    async def day(self, location: str) -> DayAnswer | None:
        """What a location has to send on a day, and can."""

    async def decisions(self, channel: str, order_id: str) -> DecisionsAnswer | None:
        """How the units of an order were routed, or None if there is no such order."""

    async def timeline(
        self, channel: str, order_id: str, *, after: int, limit: int
    ) -> tuple[TimelineAnswer, int | None] | None:
        """A page of what happened to an order and where to go on, or None."""

    async def preview(self, command: PlaceOrder) -> PreviewAnswer | Refused:
        """What an order would get now, and why, or why it would be refused. Nothing is taken."""

    async def availability(
        self,
        channel: str,
        skus: list[str],
        by: datetime | None = None,
        reservation: str | None = None,
    ) -> AvailabilityAnswer | None:
        """What a channel may show now of the SKUs that exist among these, and can have `by` then;
        what `reservation` holds counts as available."""

    async def promises(self, channel: str, order_id: str) -> PromisesAnswer | None:
        """By when an order can have what it waits for."""

    async def backorders(
        self, *, after: int, limit: int
    ) -> tuple[list[BackorderAnswer], int | None]:
        """A page of SKUs that somebody waits for, as `channels`."""

    async def turns(self, sku: str, limit: int) -> TurnsAnswer | None:
        """The first of those that wait for a SKU, in their turn."""

    def changes(
        self, after: str | None, skus: frozenset[str], locations: frozenset[str]
    ) -> AsyncIterator[Change | None]:
        """Follow stock changes after id `after` (None: from now on), without gap or repeat.

        Empty sets mean all. None is yielded about every 15 s when nothing happens. Raises
        `GapError` when `after` is older than what is kept, `OverloadedError` when there are too
        many followers or this one is too slow.
        """

    async def pulse(self) -> Pulse:
        """What goes on now, cheaply."""

    def latencies(self) -> list[int]:
        """Commands by how long they waited for their answers (`service.latency`): each counts as
        long as the first of its round."""

    def sizes(self) -> dict[str, int]:
        """Rows per table of the ledger, for metrics."""

    def counters(self) -> dict[str, float]:
        """Counters and gauges of the writer (batches, events, queue depth, append seconds, …)."""
