"""Publishing quantities where a shop keeps units of its own.

    what a shopper may have = what the source has − what open orders of the stock keep

dibs has taken those orders into account already, so the source is told what is to be shown and, on
top, what the stock keeps; but not for orders that are not paid yet, which dibs does not count: the
shop keeps their units, and shows as many less. Stocks that share a source keep units each for
itself and know nothing of each other: the source is told the least that is right for any of them,
so none shows too much.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from engine.connectors.base import Account, Published, Quantity
from engine.connectors.calls import CallError, document
from engine.connectors.magento import wire
from engine.connectors.magento.orders import NOT_YET, goods
from engine.connectors.magento.search import search
from engine.connectors.magento.wire import units

_PARALLEL, _PAGE = 8, 100
_DONE, _TRY_AGAIN, _OPEN = 1, 2, 4  # what becomes of an operation


class Stock:
    """The source of an account, and the stocks that sell from it."""

    def __init__(self, account: Account, ask: Callable[..., Any]) -> None:
        self.source = account.options.get("source", "default")
        self.stocks = [int(n) for n in account.options.get("stocks", "1").split(",")]
        self._ask, self._places = ask, asyncio.Semaphore(_PARALLEL)

    async def salable(self, sku: str) -> int | None:
        """Return what shoppers are shown, the most of any stock; None for no such SKU."""
        found = await asyncio.gather(*(self._salable(sku, stock) for stock in self.stocks))
        return None if None in found else max(found)

    async def _salable(self, sku: str, stock: int) -> int | None:
        path = f"/V1/inventory/get-product-salable-quantity/{quote(sku, safe='')}/{stock}"
        async with self._places:
            try:
                return units(document(await self._ask("salable", "GET", path), wire.Number))
            except CallError as error:
                if error.status not in (400, 404):
                    raise
        return None

    async def present(self, skus: Sequence[str]) -> dict[str, int]:
        """Return what the source has, of the SKUs that it has."""
        query = search({"sku": ",".join(skus)}, "in", len(skus) * 20)
        answer = await self._ask("source_items", "GET", "/V1/inventory/source-items", params=query)
        rows = msgspec.json.decode(answer.content, type=_Rows).items
        return {row.sku: units(row.quantity) for row in rows if row.source_code == self.source}

    async def pending(self) -> Counter[str]:
        """Return the units of each SKU that the shop keeps for orders not paid yet."""
        found: Counter[str] = Counter()
        page, total = 1, 1
        while (page - 1) * _PAGE < total:
            query = search({"state": ",".join(sorted(NOT_YET))}, "in", _PAGE, page, "entity_id")
            answer = await self._ask("orders", "GET", "/V1/orders", params=query)
            rows = msgspec.json.decode(answer.content, type=_Orders, strict=False)
            for order in rows.items:
                found.update({item.sku: item.to_ship for item in goods(order)})
            page, total = page + 1, rows.total_count
        return found

    async def items(self, rows: Sequence[Quantity]) -> list[dict[str, Any] | None]:
        """Return what the source is to be told of each row; None for what the shop has not."""
        there = await self.present([row.listing for row in rows])
        pending = await self.pending()
        shown = await asyncio.gather(*(self.salable(row.listing) for row in rows))
        return [
            None
            if salable is None
            else self.item(
                row.listing,
                there.get(row.listing, 0) + row.quantity - pending[row.listing] - salable,
            )
            for row, salable in zip(rows, shown, strict=True)
        ]

    def item(self, sku: str, quantity: int) -> dict[str, Any]:
        """Return the document that gives the source a quantity."""
        return {
            "sku": sku,
            "source_code": self.source,
            "quantity": max(quantity, 0),
            "status": 1 if quantity > 0 else 0,
        }


class _Orders(msgspec.Struct, frozen=True):
    items: list[wire.Order] = []
    total_count: int = 0


class _Row(wire.SourceItem, frozen=True):
    source_code: str = ""


class _Rows(msgspec.Struct, frozen=True):
    items: list[_Row] = []


class AsyncBulk:
    """The shop's queue: a `base.Bulk`. Each row is an operation of its own, so one that fails fails
    alone."""

    operation = "bulk"
    rows = 2_000
    beyond = 500
    poll_s = 5.0

    def __init__(self, stock: Stock, ask: Callable[..., Any]) -> None:
        self._stock, self._ask = stock, ask

    async def send(self, rows: Sequence[Quantity]) -> str:
        """Hand in a request for each row that the shop has."""
        items = []
        for at in range(0, len(rows), 100):
            items += await self._stock.items(rows[at : at + 100])
        body = [{"sourceItems": [item]} for item in items if item is not None]
        path = "/async/bulk/V1/inventory/source-items"
        answer = await self._ask("bulk", "POST", path, json=body)
        return document(answer, wire.Accepted).bulk_uuid

    async def done(self, ticket: str, listings: Sequence[str]) -> list[Published] | None:
        """Ask how far the queue is; when it is done, what became of each row."""
        path = f"/V1/bulk/{quote(ticket, safe='')}/detailed-status"
        answer = await self._ask("bulk_status", "GET", path)
        rows = document(answer, _Detail).operations_list
        if any(row.status == _OPEN for row in rows):
            return None
        found = {row.sku: row for row in rows}
        return [_published(listing, found.get(listing)) for listing in listings]


class _Told(msgspec.Struct, frozen=True):
    sku: str = ""


class _Sent(msgspec.Struct, frozen=True, rename="camel"):
    source_items: list[_Told] = []


class _Serialized(msgspec.Struct, frozen=True):
    meta_information: str = "{}"


class _Operation(wire.Operation, frozen=True):
    serialized_data: str = "{}"

    @property
    def sku(self) -> str:
        """The SKU that the request was of, which is a JSON text within one."""
        inner = msgspec.json.decode(self.serialized_data, type=_Serialized).meta_information
        rows = msgspec.json.decode(inner, type=_Sent).source_items
        return rows[0].sku if rows else ""


class _Detail(msgspec.Struct, frozen=True):
    operations_list: list[_Operation] = []


def _published(listing: str, row: _Operation | None) -> Published:
    if row is None:
        return Published(listing, "the shop has no such SKU")
    if row.status == _DONE:
        return Published(listing)
    return Published(listing, row.result_message or "failed", row.status == _TRY_AGAIN)
