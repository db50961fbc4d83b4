"""What happened, as messages: of orders from the views, of stock from the stock stream.

What happened before the first webhook was made, or while there was none, is not told of. A SKU is
sold out when nothing of it is available at any location, and back when something is again; bundles
have no stock of their own and are not told of.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import msgspec
import structlog

from engine.core import limits
from engine.core.errors import LogError, UnavailableError
from engine.core.paths import order_path, path_of
from engine.log.store import AsyncStock
from engine.sync.desk import Desk, Refusal
from engine.sync.webhooks.book import Book, Webhook
from engine.sync.webhooks.shelf import StoreShelf, Waiting
from engine.views import outgoing
from engine.views.reader import ViewsReader

log = structlog.get_logger("webhooks")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ORDERS, _STOCK = "webhooks:orders", "webhooks:stock"
_READ = 500
_KINDS = {
    "order_placed": "order.placed",
    "order_cancelled": "order.cancelled",
    "order_shipped": "order.shipped",
}


class _Stock(msgspec.Struct, frozen=True):
    available: int
    seq: int = 0


class Watcher:
    """Turns what happens into messages for the webhooks that want them."""

    def __init__(
        self,
        book: Book,
        shelf: StoreShelf,
        views: ViewsReader,
        desk: Desk,
        connect: Callable[..., Any],
        now_s: Callable[[], float] = time.time,
    ) -> None:
        self._book, self._shelf, self._views, self._desk = book, shelf, views, desk
        self._connect, self._now_s = connect, now_s

    async def run_orders(self, stop: asyncio.Event) -> None:
        """Tell of orders until `stop`; views may be away meanwhile."""
        while not stop.is_set():
            try:
                if await self.orders():
                    continue
            except UnavailableError as error:
                log.warning("the views cannot be read", error=str(error))
            await asyncio.sleep(limits.OUTBOX_IDLE_S)

    async def run_stock(self, stop: asyncio.Event) -> None:
        """Tell of stock until `stop`."""
        while not stop.is_set():
            stock: AsyncStock | None = None
            try:
                stock = await self._connect()
                while not stop.is_set():
                    await self.stock(stock, block_ms=200)
            except (LogError, UnavailableError) as error:
                log.warning("the stock stream is away", error=str(error))
                await asyncio.sleep(limits.OUTBOX_IDLE_S)
            finally:
                if stock is not None:
                    await stock.close()

    async def _listeners(self) -> list[Webhook]:
        """Return the webhooks that are told anything. One for which too much waits is stopped."""
        stopped, found = await self._book.stopped(), []
        for webhook in await self._book.all():
            if not webhook.active or webhook.name in stopped:
                continue
            if await self._shelf.waiting(webhook.name) >= limits.WEBHOOK_QUEUE_MAX:
                why = f"{limits.WEBHOOK_QUEUE_MAX} messages waited for it"
                log.warning("stopped", webhook=webhook.name, why=why)
                await self._shelf.stop(webhook.name, why)
                continue
            found.append(webhook)
        return found

    # Orders.

    async def orders(self) -> int:
        """Tell of what happened to some orders; return of how many things."""
        listeners = await self._listeners()
        after = await self._shelf.cursor(_ORDERS)
        if not listeners:
            await self._rest(_ORDERS, after)
            return 0
        if after is None:
            newest = await self._views.ask(outgoing.newest)
            await self._shelf.queue({}, {_ORDERS: str(newest)}, self._now_ms())
            return 0
        rows = await self._views.ask(outgoing.happened, int(after), _READ)
        if not rows:
            return 0
        queued: dict[str, dict[str, Waiting]] = {}
        for row in rows:
            kind = _kind(row)
            wanting = [w for w in listeners if w.wants(kind, row.channel)]
            if wanting:
                body = _body(kind, row.stamp_us, await self._order(row))
                for webhook in wanting:
                    some = queued.setdefault(webhook.name, {})
                    some[f"order-{row.seq}"] = Waiting(body, kind)
        await self._shelf.queue(queued, {_ORDERS: str(rows[-1].seq)}, self._now_ms())
        return len(rows)

    async def _order(self, row: outgoing.Happened) -> dict[str, Any]:
        """Return what is told of an order: what happened, and how it stands by now."""
        found = await self._desk.ask("GET", order_path(row.channel, row.order_id))
        order = None if isinstance(found, Refusal) else msgspec.Raw(found)
        data = {"seq": row.seq, "channel": row.channel, "order_id": row.order_id}
        return data | {"what": row.what, "order": order}

    # Stock.

    async def stock(self, stock: AsyncStock, block_ms: int = 0) -> int:
        """Tell of SKUs that are sold out, or back; return how many changes were read."""
        listeners = await self._listeners()
        after = await self._shelf.cursor(_STOCK)
        if not listeners:
            await self._rest(_STOCK, after)
            await asyncio.sleep(block_ms / 1000)
            return 0
        if after is None:
            _, last = await stock.ends()  # before the look: what turns meanwhile is read again
            gone = await self._views.ask(outgoing.sold_out)
            await self._shelf.begin(_STOCK, last or "0-0", gone)
            return 0
        rows = await stock.read(after, _READ, block_ms=block_ms)
        if not rows:
            return 0
        skus = {row["sku"] for _, row in rows}
        known = await self._shelf.out(skus)
        empty = {row["sku"] for _, row in rows if int(row["available"]) <= 0}
        turned: dict[str, bool] = {}
        queued: dict[str, dict[str, Waiting]] = {}
        for sku in sorted(empty | known):
            there = await self._available(sku)
            if there is None or (gone := there.available <= 0) == (sku in known):
                continue
            turned[sku] = gone
            self._tell(queued, listeners, sku, there, rows)
        cursor = {_STOCK: rows[-1][0]}
        await self._shelf.queue(queued, cursor, self._now_ms(), turned)
        return len(rows)

    def _tell(self, queued, listeners: list[Webhook], sku: str, there: _Stock, rows) -> None:
        kind = "stock.sold_out" if there.available <= 0 else "stock.back"
        last = [place for place, row in rows if row["sku"] == sku][-1]
        data = {"seq": there.seq, "sku": sku, "available": there.available}
        body = _body(kind, self._now_ms() * 1000, data)
        for webhook in (w for w in listeners if w.wants(kind)):
            message = f"stock-{last}-{quote(sku, safe='')}"
            queued.setdefault(webhook.name, {})[message] = Waiting(body, kind)

    async def _rest(self, cursor: str, after: str | None) -> None:
        """Forget where one is: with nobody to be told, the next one is told from then on."""
        if after is not None:
            await self._shelf.forget(cursor)

    async def _available(self, sku: str) -> _Stock | None:
        found = await self._desk.ask("GET", path_of("stock", sku))
        return None if isinstance(found, Refusal) else msgspec.json.decode(found, type=_Stock)

    def _now_ms(self) -> int:
        return int(self._now_s() * 1000)


def _kind(row: outgoing.Happened) -> str:
    if row.kind == "order_changed" and (row.what or "").startswith("return_"):
        return "order.returned"
    return _KINDS.get(row.kind, "order.changed")


def _body(kind: str, stamp_us: int, data: dict[str, Any]) -> str:
    at = _EPOCH + timedelta(microseconds=stamp_us)
    document = {"type": kind, "timestamp": at.isoformat(), "data": data}
    return msgspec.json.encode(document).decode()
