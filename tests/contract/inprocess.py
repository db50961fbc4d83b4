"""A `Client` over the slow ledger in this process: a real ledger, no log, nothing pretended.

Each call is one batch. What it keeps for streams is the list of changes since it began, cut off at
the front by `forget_changes`.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence

from engine.core import limits
from engine.core.commands import Request
from engine.core.errors import GapError, OverloadedError, ServiceError
from engine.core.ledger import Ledger
from engine.core.outcomes import Outcome
from engine.service.client import Change, Pulse, Status
from engine.service.latency import CLASSES


class InProcessClient:
    """`trouble`, when set, is raised by every call; `state` is what `status` says."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.ledger.watch()
        self.state = "leading"
        self.trouble: ServiceError | None = None
        self.skew_us = 0
        self.heartbeat_s = 0.05
        self.changes_kept: list[Change] = []
        self.oldest = (0, 0)
        self._more = asyncio.Event()
        self._broken: ServiceError | None = None
        self.followers = 0

    # Writing.

    def _begin(self) -> None:
        if self.trouble:
            raise self.trouble
        stamp = time.time_ns() // 1000 + self.skew_us
        self.ledger.begin(max(stamp, self.ledger._state.now_us + 1))

    def _drain(self) -> None:
        self.ledger.expire()
        self.ledger.drain()
        touched = self.ledger.touched()
        rows = self.ledger.positions([number for number, _, _ in touched])
        for index, ((_, seq, reason), (sku, q)) in enumerate(zip(touched, rows, strict=True)):
            self.changes_kept.append(
                Change(
                    f"{self.ledger.seq}-{index}",
                    seq,
                    sku,
                    q.location,
                    reason,
                    q.on_hand,
                    q.reserved,
                    q.allocated,
                    q.unavailable,
                    q.available,
                )
            )
        if touched:
            self._more.set()
            self._more = asyncio.Event()

    async def submit(self, request: Request) -> Outcome:
        """Decide one command in a batch of its own."""
        self._begin()
        outcome = self.ledger.decide(request)
        self._drain()
        return outcome

    def submit_packed(self, parcel) -> None:
        """Decide packed requests in one batch, as soon as this turn of the event loop is over."""
        if self.trouble:
            raise self.trouble
        asyncio.get_running_loop().call_soon(self._decide_packed, parcel)

    def _decide_packed(self, parcel) -> None:
        self._begin()
        data = parcel.close()
        answers, end = self.ledger.decide_packed(data)
        assert end == len(data)
        self._drain()
        parcel.deliver(answers)

    async def submit_many(self, requests: Sequence[Request]) -> list[Outcome | ServiceError]:
        """Decide commands in one batch."""
        self._begin()
        outcomes = [self.ledger.decide(request) for request in requests]
        self._drain()
        return outcomes

    def pass_time(self, seconds: float) -> None:
        """Let the clock of later batches stand this much later."""
        self.skew_us += int(seconds * 1_000_000)

    # Reading.

    def status(self) -> Status:
        """Return the state as set."""
        return Status(self.state, 1, self.ledger.seq)

    def _ledger(self) -> Ledger:
        if self.trouble:
            raise self.trouble
        return self.ledger

    async def stock(self, sku: str):
        """Stock of one SKU."""
        return self._ledger().stock(sku)

    async def stocked(self, skus: Sequence[str]):
        """Positions of several SKUs."""
        return self._ledger().stocked(skus)

    async def stocks(self, skus: Sequence[str]):
        """Stock of several SKUs."""
        return [self._ledger().stock(sku) for sku in skus]

    async def order(self, channel: str, order_id: str):
        """One order."""
        return self._ledger().order(channel, order_id)

    async def orders(self, **filters):
        """A page of orders."""
        return self._ledger().orders(**filters)

    async def fulfillment(self, name: str):
        """One fulfillment."""
        return self._ledger().fulfillment(name)

    async def fulfillments(self, **filters):
        """A page of open fulfillments."""
        return self._ledger().fulfillments(**filters)

    async def reservation(self, reservation_id: str):
        """One reservation."""
        return self._ledger().reservation(reservation_id)

    async def location(self, name: str):
        """One location."""
        return self._ledger().location(name)

    async def sku(self, name: str):
        """One SKU."""
        return self._ledger().sku(name)

    async def locations(self, *, after: int, limit: int):
        """A page of locations."""
        return self._ledger().locations(after=after, limit=limit)

    async def skus(self, *, after: int, limit: int):
        """A page of SKUs."""
        return self._ledger().skus(after=after, limit=limit)

    async def channel(self, name: str):
        """One channel."""
        return self._ledger().channel(name)

    async def channels(self, *, after: int, limit: int):
        """A page of channels."""
        return self._ledger().channels(after=after, limit=limit)

    async def purchase_order(self, name: str):
        """One purchase order, or None."""
        return self._ledger().purchase_order(name)

    async def purchase_orders(self, *, after: int, limit: int):
        """A page of purchase orders."""
        return self._ledger().purchase_orders(after=after, limit=limit)

    async def validation(self, name: str):
        """What the orders of one channel are checked for, or None."""
        return self._ledger().validation(name)

    async def validations(self, *, after: int, limit: int):
        """A page of what channels' orders are checked for."""
        return self._ledger().validations(after=after, limit=limit)

    async def fences(self, **ask):
        """A page of fences."""
        return self._ledger().fences(**ask)

    async def return_(self, channel: str, order_id: str, return_id: str):
        """One return."""
        return self._ledger().return_(channel, order_id, return_id)

    async def returns(self, **ask):
        """A page of returns."""
        return self._ledger().returns(**ask)

    async def routing_policy(self, name: str):
        """One routing policy."""
        return self._ledger().routing_policy(name)

    async def day(self, location: str):
        """What a location has to send on a day, and can."""
        return self._ledger().day(location)

    async def scarcity(self, name: str):
        """The scarcity prices of one SKU."""
        return self._ledger().scarcity(name)

    async def timeline(self, channel: str, order_id: str, *, after: int, limit: int):
        """A page of what happened to an order."""
        return self._ledger().timeline(channel, order_id, after, limit)

    async def decisions(self, channel: str, order_id: str):
        """How an order's units were routed."""
        return self._ledger().decisions(channel, order_id)

    async def preview(self, command):
        """What an order would get now."""
        return self._ledger().preview(command, time.time_ns() // 1_000)

    async def availability(self, channel: str, skus: list[str], by=None, reservation=None):
        """What a channel may show."""
        now_us = time.time_ns() // 1_000
        return self._ledger().availability(channel, skus, now_us, by, reservation)

    async def promises(self, channel: str, order_id: str):
        """By when an order can have what it waits for."""
        return self._ledger().promises(channel, order_id)

    async def backorders(self, *, after: int, limit: int):
        """A page of SKUs that somebody waits for."""
        return self._ledger().backorders(after=after, limit=limit)

    async def turns(self, sku: str, limit: int):
        """The first of those that wait for a SKU."""
        return self._ledger().turns(sku, limit)

    def sizes(self) -> dict[str, int]:
        """Rows per table."""
        return self.ledger.sizes()

    async def pulse(self) -> Pulse:
        """What goes on."""
        ledger = self._ledger()
        return Pulse(ledger.seq, ledger.sizes(), ledger.standing(), *ledger.placed())

    def latencies(self) -> list[int]:
        """Nothing waits here."""
        return [0] * CLASSES

    def counters(self) -> dict[str, float]:
        """A few of the engine's counters."""
        return {"events": float(self.ledger.seq), "queue_depth": 0.0}

    # Following.

    def break_streams(self, error: ServiceError) -> None:
        """End every open stream with an error."""
        self._broken = error
        self._more.set()

    def forget_changes(self) -> None:
        """Keep none of the changes so far."""
        if self.changes_kept:
            self.oldest = _place(self.changes_kept[-1].id)
        self.changes_kept.clear()

    async def changes(
        self, after: str | None, skus: frozenset[str], locations: frozenset[str]
    ) -> AsyncIterator[Change | None]:
        """Follow stock changes; see `Client.changes`."""
        if self.followers >= limits.STREAM_SUBSCRIBERS_MAX:
            raise OverloadedError("too many followers")
        known = _place(after) if after else (self.ledger.seq, 1 << 62)
        if known < self.oldest:
            raise GapError("no longer kept", oldest="{}-{}".format(*self.oldest))
        self.followers += 1
        try:
            while True:
                more = self._more
                for change in [c for c in self.changes_kept if _place(c.id) > known]:
                    known = _place(change.id)
                    if (not skus or change.sku in skus) and (
                        not locations or change.location in locations
                    ):
                        yield change
                if self._broken:
                    raise self._broken
                if more is self._more:
                    try:
                        await asyncio.wait_for(more.wait(), self.heartbeat_s)
                    except TimeoutError:
                        yield None
        finally:
            self.followers -= 1


def _place(change_id: str) -> tuple[int, int]:
    seq, _, index = change_id.partition("-")
    return int(seq), int(index) if index else 1 << 62
