"""Quantities where a shop keeps units of its own.

    what a shopper may have = what the source has − what open orders of the stock keep

dibs has taken those orders into account already, so the source is told what is to be shown and, on
top, what the stock keeps; but not for orders that are not paid yet, which dibs does not count: the
shop keeps their units, and shows as many less. Stocks that share a source keep units each for
itself and know nothing of each other: the source is told the least that is right for any of them,
so none shows too much.

A shop tells what it shows of many SKUs in one call, by a website of the stock, and of one SKU in
another. Only the second tells the quantity of a product whose stock the shop does not manage, and
refuses one that is made of others, so what the first leaves open is asked of the second.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from engine.connectors.base import Account, ConnectorError, Quantity
from engine.connectors.calls import CallError, document
from engine.connectors.magento import wire
from engine.connectors.magento.orders import NOT_YET, goods
from engine.connectors.magento.search import SKUS_PER_CALL, named, portions, search
from engine.connectors.magento.wire import units

PARALLEL = 8
"""Calls of one account for quantities that are under way at once."""
_PAGE = 100
_SOURCES = 20  # of a SKU, at most
_MISSING = (400, 404)


class Stock:
    """The source of an account, and the stocks that sell from it."""

    def __init__(self, account: Account, ask: Callable[..., Any]) -> None:
        self.source = account.options.get("source", "default")
        self.stocks = [int(n) for n in account.options.get("stocks", "1").split(",")]
        self._ask, self._places = ask, asyncio.Semaphore(PARALLEL)
        self._websites: dict[int, str] = {}
        self._learning = asyncio.Lock()

    async def _get(self, operation: str, path: str, **more: Any) -> Any:
        async with self._places:
            return await self._ask(operation, "GET", path, **more)

    async def salable(
        self, skus: Sequence[str], singly: Collection[str] = frozenset()
    ) -> dict[str, int]:
        """Return what shoppers are shown of each SKU, the most of any stock; of those that the shop
        has. SKUs in `singly` are asked for one by one."""
        together = [sku for sku in skus if sku not in singly]
        found = await asyncio.gather(*(self._salable(skus, together, n) for n in self.stocks))
        return {
            sku: max(rows[sku] for rows in found)
            for sku in skus
            if all(sku in rows for rows in found)
        }

    async def _salable(
        self, skus: Sequence[str], together: Sequence[str], stock: int
    ) -> dict[str, int]:
        website = await self._website(stock) if together else ""
        parts = await asyncio.gather(*(self._listed(some, website) for some in portions(together)))
        sure = {row.sku: units(row.qty) for rows in parts for row in rows if row.sure}
        found = {sku: sure[sku] for sku in skus if sku in sure}
        open_ = [sku for sku in skus if sku not in found]
        rest = await asyncio.gather(*(self._one(sku, stock) for sku in open_))
        told = zip(open_, rest, strict=True)
        return found | {sku: number for sku, number in told if number is not None}

    async def _listed(self, skus: list[str], website: str) -> list[wire.Salable]:
        """Ask for SKUs together. Simple products come first: a shop of 2.4.9 lists all that are
        made of others, too, whatever is asked for, and the page must not be full of them."""
        path = f"/V1/inventory/export-stock-salable-qty/website/{quote(website, safe='')}"
        query = named(skus, len(skus), "type_id", "DESC")
        return document(await self._get("salable", path, params=query), wire.Salables).items

    async def _one(self, sku: str, stock: int) -> int | None:
        path = f"/V1/inventory/get-product-salable-quantity/{quote(sku, safe='')}/{stock}"
        try:
            return units(document(await self._get("salable", path), wire.Number))
        except CallError as error:
            if error.status not in _MISSING:
                raise
        return None

    async def _website(self, stock: int) -> str:
        """Return a website that the stock sells on; all show the same. It is asked for once. Raises
        `ConnectorError` for a stock that there is not, or that sells on none."""
        async with self._learning:
            if stock not in self._websites:
                self._websites[stock] = await self._learn(stock)
            return self._websites[stock]

    async def _learn(self, stock: int) -> str:
        name = f"stock {stock} of the option stocks"
        try:
            answer = await self._get("stocks", f"/V1/inventory/stocks/{stock}")
        except CallError as error:
            if error.status not in _MISSING:
                raise
            raise ConnectorError(f"{name} is not there: leave it out of the option") from error
        for channel in document(answer, wire.StockOf).extension_attributes.sales_channels:
            if channel.type == "website":
                return channel.code
        raise ConnectorError(
            f"{name} sells on no website, so what it shows cannot be asked: assign a website to it"
            " in the shop, or leave it out of the option"
        )

    async def present(self, skus: Sequence[str]) -> dict[str, int]:
        """Return what the source has to sell, of the SKUs that it has. What is out of stock there
        is none, whatever its quantity: the shop does not show it either."""
        parts = await asyncio.gather(*(self._present(some) for some in portions(skus)))
        return {
            row.sku: units(row.quantity) if row.status else 0
            for rows in parts
            for row in rows
            if row.source_code == self.source
        }

    async def _present(self, skus: list[str]) -> list[wire.SourceItem]:
        query = named(skus, len(skus) * _SOURCES)
        answer = await self._get("source_items", "/V1/inventory/source-items", params=query)
        return document(answer, wire.SourceItems).items

    async def pending(self) -> Counter[str]:
        """Return the units of each SKU that the shop keeps for orders not paid yet."""
        found: Counter[str] = Counter()
        page, total = 1, 1
        while (page - 1) * _PAGE < total:
            query = search({"state": ",".join(sorted(NOT_YET))}, "in", _PAGE, page, "entity_id")
            answer = await self._get("orders", "/V1/orders", params=query)
            rows = msgspec.json.decode(answer.content, type=_Orders, strict=False)
            for order in rows.items:
                found.update({item.sku: item.to_ship for item in goods(order)})
            page, total = page + 1, rows.total_count
        return found

    async def items(self, rows: Sequence[Quantity]) -> list[dict[str, Any] | None]:
        """Return what the source is to be told of each row; None for what the shop has not."""
        pending = await self.pending()
        starts = range(0, len(rows), SKUS_PER_CALL)
        parts = (self._items(rows[at : at + SKUS_PER_CALL], pending) for at in starts)
        return [item for part in await asyncio.gather(*parts) for item in part]

    async def _items(
        self, rows: Sequence[Quantity], pending: Counter[str]
    ) -> list[dict[str, Any] | None]:
        """The two numbers of a SKU are asked for one after the other, with few calls between. What
        the source has nothing of may be made of others, which only `_one` tells."""
        names = [row.listing for row in rows]
        there = await self.present(names)
        salable = await self.salable(names, set(names) - there.keys())
        return [
            self.item(
                row.listing,
                there.get(row.listing, 0)
                + row.quantity
                - pending[row.listing]
                - salable[row.listing],
            )
            if row.listing in salable
            else None
            for row in rows
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
