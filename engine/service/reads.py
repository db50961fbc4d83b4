"""What may be asked of the engine while it leads: each answer is durable, and read between two
batches. Pages are read in bounded steps, so that a rare filter over many rows never holds up the
writer."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from engine.core.commands import PlaceOrder
from engine.service.client import Pulse
from engine.service.loop import Loop


class Reads:
    """The questions of `Client`."""

    def _leading(self) -> Loop:
        """Return the loop; `UnavailableError` while there is none."""
        raise NotImplementedError

    async def _paged(
        self, page: Callable[[Any, int, int], tuple[list, int | None]], at: int, limit: int
    ) -> tuple[list, int | None]:
        """Gather a page of `limit` rows from `at` on, in steps between which others are served.
        `page` asks a ledger for at most so many rows from a place on, and where to go on."""
        rows: list = []
        while True:
            room = limit - len(rows)
            found, cursor = await self._leading().read(partial(_ask, page, at, room))
            rows += found
            if cursor is None or len(rows) >= limit:
                return rows, cursor
            at = cursor
            await asyncio.sleep(0)

    async def pulse(self):
        """What goes on."""
        return await self._leading().read(_pulse)

    async def stock(self, sku: str):
        """Stock of one SKU, or None."""
        return await self._leading().read(lambda ledger: ledger.stock(sku))

    async def stocked(self, skus: Sequence[str]):
        """Positions of several SKUs at one moment, and its log position."""
        return await self._leading().read(lambda ledger: ledger.stocked(skus))

    async def stocks(self, skus: Sequence[str]):
        """Stock of several SKUs at one moment."""
        return await self._leading().read(lambda ledger: [ledger.stock(sku) for sku in skus])

    async def order(self, channel: str, order_id: str):
        """One order as it stands, or None."""
        return await self._leading().read(lambda ledger: ledger.order(channel, order_id))

    async def orders(
        self, *, status: str = "", channel: str = "", q: str = "", before: int = 0, limit: int = 50
    ):
        """A page of orders, newest first. Looks at the table in bounded steps, so that a rare
        filter over many orders never holds up the writer."""
        return await self._paged(
            lambda ledger, at, room: ledger.orders(
                status=status, channel=channel, q=q, before=at, limit=room
            ),
            before,
            limit,
        )

    async def fulfillment(self, name: str):
        """One fulfillment as it stands, or None."""
        return await self._leading().read(lambda ledger: ledger.fulfillment(name))

    async def fulfillments(self, *, location: str, status: str, after: int, limit: int):
        """A page of open fulfillments, looked for in bounded steps, as `orders`."""
        return await self._paged(
            lambda ledger, at, room: ledger.fulfillments(
                location=location, status=status, after=at, limit=room
            ),
            after,
            limit,
        )

    async def reservation(self, reservation_id: str):
        """One reservation as it stands, or None."""
        return await self._leading().read(lambda ledger: ledger.reservation(reservation_id))

    async def location(self, name: str):
        """One location, or None."""
        return await self._leading().read(lambda ledger: ledger.location(name))

    async def sku(self, name: str):
        """One SKU, or None."""
        return await self._leading().read(lambda ledger: ledger.sku(name))

    async def locations(self, *, after: int, limit: int):
        """A page of locations."""
        return await self._leading().read(lambda ledger: ledger.locations(after=after, limit=limit))

    async def skus(self, *, after: int, limit: int):
        """A page of SKUs."""
        return await self._leading().read(lambda ledger: ledger.skus(after=after, limit=limit))

    async def channel(self, name: str):
        """One channel, or None."""
        return await self._leading().read(lambda ledger: ledger.channel(name))

    async def channels(self, *, after: int, limit: int):
        """A page of channels."""
        return await self._leading().read(lambda ledger: ledger.channels(after=after, limit=limit))

    async def purchase_order(self, name: str):
        """One purchase order, or None."""
        return await self._leading().read(lambda ledger: ledger.purchase_order(name))

    async def purchase_orders(self, *, after: int, limit: int):
        """A page of purchase orders."""
        read = self._leading().read
        return await read(lambda ledger: ledger.purchase_orders(after=after, limit=limit))

    async def validation(self, name: str):
        """What the orders of one channel are checked for, or None."""
        return await self._leading().read(lambda ledger: ledger.validation(name))

    async def validations(self, *, after: int, limit: int):
        """A page of what channels' orders are checked for."""
        read = self._leading().read
        return await read(lambda ledger: ledger.validations(after=after, limit=limit))

    async def fences(self, *, channel: str, sku: str, after: int, limit: int):
        """A page of fences."""
        return await self._leading().read(
            lambda ledger: ledger.fences(channel=channel, sku=sku, after=after, limit=limit)
        )

    async def return_(self, channel: str, order_id: str, return_id: str):
        """One return of an order as it stands, or None."""
        read = self._leading().read
        return await read(lambda ledger: ledger.return_(channel, order_id, return_id))

    async def returns(
        self, *, status: str, channel: str, order_id: str, before: int, limit: int
    ) -> tuple[list, int | None]:
        """A page of returns, newest first, read in bounded steps as `orders`."""
        return await self._paged(
            lambda ledger, at, room: ledger.returns(
                status=status, channel=channel, order_id=order_id, before=at, limit=room
            ),
            before,
            limit,
        )

    async def routing_policy(self, name: str):
        """One routing policy, or None."""
        return await self._leading().read(lambda ledger: ledger.routing_policy(name))

    async def scarcity(self, name: str):
        """The scarcity prices of one SKU, or None."""
        return await self._leading().read(lambda ledger: ledger.scarcity(name))

    async def day(self, location: str):
        """What a location has to send on a day, and can, or None."""
        return await self._leading().read(lambda ledger: ledger.day(location))

    async def decisions(self, channel: str, order_id: str):
        """How an order's units were routed, or None."""
        return await self._leading().read(lambda ledger: ledger.decisions(channel, order_id))

    async def timeline(self, channel: str, order_id: str, *, after: int, limit: int):
        """A page of what happened to an order and where to go on, or None."""
        read = self._leading().read
        return await read(lambda ledger: ledger.timeline(channel, order_id, after, limit))

    async def preview(self, command: PlaceOrder):
        """What an order would get now, or why it would be refused."""
        loop = self._leading()
        now_us = loop.clock.now_us()
        return await loop.read(lambda ledger: ledger.preview(command, now_us))

    async def availability(self, channel: str, skus: list[str], by=None, reservation=None):
        """What a channel may show of these SKUs now, or None if there is no such channel."""
        loop = self._leading()
        ask = channel, skus, loop.clock.now_us(), by, reservation
        return await loop.read(lambda ledger: ledger.availability(*ask))

    async def promises(self, channel: str, order_id: str):
        """By when an order can have what it waits for, or None if there is no such order."""
        return await self._leading().read(lambda ledger: ledger.promises(channel, order_id))

    async def backorders(self, *, after: int, limit: int):
        """A page of SKUs that somebody waits for."""
        return await self._leading().read(
            lambda ledger: ledger.backorders(after=after, limit=limit)
        )

    async def turns(self, sku: str, limit: int):
        """The first of those that wait for a SKU, or None if there is no such SKU."""
        return await self._leading().read(lambda ledger: ledger.turns(sku, limit))


def _pulse(ledger: Any) -> Pulse:
    return Pulse(ledger.seq, ledger.sizes(), ledger.standing(), *ledger.placed())


def _ask(page: Callable, at: int, room: int, ledger: Any):
    return page(ledger, at, room)
