"""The connector: every call of a Magento shop."""

import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from engine.connectors import money
from engine.connectors.base import (
    Account,
    BadSignature,
    ConnectorError,
    Delivery,
    Fetch,
    ForeignOrder,
    Parcel,
    Published,
    Quantity,
    understood,
)
from engine.connectors.calls import Calls, document
from engine.connectors.magento import auth, orders, wire
from engine.connectors.magento.bulk import AsyncBulk
from engine.connectors.magento.search import SKUS_PER_CALL, search
from engine.connectors.magento.stock import PARALLEL, Stock

_PAGE = 100
_decode = msgspec.json.Decoder(wire.Order, strict=False).decode
_BROKEN = "broken"


class Magento:
    """A shop of Adobe Commerce or Magento Open Source, REST API V1.

    See `base.Connector` for what each method promises.
    """

    needs = ("token",)
    publish_rows = SKUS_PER_CALL
    publish_operation = "stock"
    publish_parallel = 2
    shown_rows = SKUS_PER_CALL * PARALLEL

    def __init__(self, account: Account, calls: Calls) -> None:
        self._account, self._calls = account, calls
        self._root = f"{account.url.rstrip('/')}/rest/{account.options.get('store', 'default')}"
        self._headers = auth.headers(account)
        self._stock = Stock(account, self._ask)
        self.bulk = AsyncBulk(self._stock, self._ask)

    async def _ask(self, operation: str, method: str, path: str, **more: Any) -> Any:
        return await self._calls.ask(
            operation, method, self._root + path, headers=self._headers, **more
        )

    # In.

    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        """The shop pushes nothing, so whoever does is not the shop."""
        raise BadSignature

    def receive(self, headers: Mapping[str, str], body: bytes) -> Delivery | None:
        """Nothing is pushed."""
        return None

    async def pull(self, since: datetime, until: datetime) -> AsyncIterator[Delivery]:
        """By id, of all that changed after `since`: an order that changes meanwhile stays where it
        is in that list, so no page is missed. Pages past the end repeat the last one, so it is the
        total that says when to stop."""
        page, total = 1, 1
        while (page - 1) * _PAGE < total:
            found = await self._page(since, _PAGE, page)
            total = found.total_count
            if found.items is None:
                total, some = await self._singly(since, page)
            else:
                some = [self._delivery(bytes(raw)) for raw in found.items]
            for delivery in some:
                yield delivery
            page += 1

    async def _page(self, since: datetime, size: int, page: int) -> wire.Page:
        where = {"updated_at": since.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")}
        query = search(where, "gteq", size, page, "entity_id")
        return document(await self._ask("orders", "GET", "/V1/orders", params=query), wire.Page)

    async def _singly(self, since: datetime, page: int) -> tuple[int, list[Delivery]]:
        """Read the orders of a page that cannot be made one by one; return how many there are in
        all, and these. The one that breaks the page is told of, and becomes a dead letter."""
        total, some, number = 0, [], (page - 1) * _PAGE + 1
        while number <= page * _PAGE and (number <= total or not total):
            found = await self._page(since, 1, number)
            total = found.total_count or total
            if found.items is None:
                name = f"{_BROKEN}-{since.isoformat()}-{number}"
                some.append(Delivery(name, _BROKEN, str(number).encode()))
            else:
                some += [self._delivery(bytes(raw)) for raw in found.items]
            number += 1
        if not total:
            raise ConnectorError("the shop cannot show any order of a page", 60.0)
        return total, some

    async def fetch(self, order_id: str) -> Delivery | None:
        """An order, by what people call it."""
        query = search({"increment_id": order_id}, "eq", 1)
        found = document(await self._ask("order", "GET", "/V1/orders", params=query), wire.Page)
        if found.items is None:
            raise ConnectorError(f"the shop cannot show order {order_id}")
        return self._delivery(bytes(found.items[0])) if found.items else None

    def _delivery(self, body: bytes) -> Delivery:
        order = self._order(body)
        digest = hashlib.blake2b(body, digest_size=8).hexdigest()
        return Delivery(f"{order.increment_id}@{order.updated_at}-{digest}", "order", body)

    def _order(self, body: bytes) -> wire.Order:
        return understood(_decode, body)

    def read(self, delivery: Delivery) -> ForeignOrder | Fetch | None:
        """An order is whole, always."""
        if delivery.topic == _BROKEN:
            raise ConnectorError(
                f"the shop cannot show the order that is number {delivery.body.decode()} of those"
                " that changed; a product of it was deleted, perhaps. Look at the shop's log"
            )
        return orders.understand(self._order(delivery.body))

    # Out.

    async def publish(self, rows: Sequence[Quantity]) -> list[Published]:
        """All of them in one call, after those that tell what open orders keep."""
        items = await self._stock.items(rows)
        known = [item for item in items if item is not None]
        if known:
            body = {"sourceItems": known}
            await self._ask("stock", "POST", "/V1/inventory/source-items", json=body)
        return [
            Published(row.listing, "" if item else "the shop has no such SKU")
            for row, item in zip(rows, items, strict=True)
        ]

    async def shown(self, items: Sequence[Quantity]) -> dict[str, int]:
        """What shoppers are shown now, and what is kept for those who have not paid yet."""
        pending = await self._stock.pending()
        found = await self._stock.salable([row.listing for row in items])
        return {name: n + pending[name] for name, n in found.items()}

    async def _look(self, order_id: str) -> wire.Order:
        whole = await self.fetch(order_id)
        if whole is None:
            raise ConnectorError(f"the shop has no order {order_id}")
        return self._order(whole.body)

    async def _told(self, kind: str, order: wire.Order, mark: str) -> bool:
        """Say whether a document of the order has our mark on it."""
        query = search({"order_id": str(order.entity_id)}, "eq", _PAGE)
        answer = await self._ask(kind, "GET", f"/V1/{kind}", params=query)
        return any(row.has(mark) for row in document(answer, wire.Documents).items)

    async def ship(self, parcel: Parcel) -> None:
        """A remark on the shipment names ours, so it can be seen that it is there: the shop would
        make a second one as long as units are left."""
        order, mark = await self._look(parcel.order_id), f"[{parcel.shipment_id}]"
        if await self._told("shipments", order, mark):
            return
        body: dict[str, Any] = {
            "items": [{"order_item_id": int(line), "qty": units} for line, units in parcel.lines],
            "notify": True,
            **_remark(mark),
        }
        body["arguments"] = {"extension_attributes": {"source_code": self._stock.source}}
        if parcel.tracking:
            carrier = parcel.carrier or "custom"
            track = {"track_number": parcel.tracking, "title": carrier, "carrier_code": carrier}
            body["tracks"] = [track]
        path = f"/V1/order/{order.entity_id}/ship"
        await self._ask("ship", "POST", path, json=body, once=True)

    async def refund(self, order_id: str, refund_id: str, amount: int, currency: str) -> None:
        """A credit memo of an amount: without lines the shop would pay back all of them, and
        without an amount for shipping all of that."""
        order, mark = await self._look(order_id), f"[{refund_id}]"
        if await self._told("creditmemos", order, mark):
            return
        items = [{"order_item_id": item.item_id, "qty": 0} for item in orders.goods(order)]
        arguments = {"adjustment_positive": float(money.decimal(amount, currency))}
        await self._credit(order, items, arguments, mark)

    async def _credit(
        self, order: wire.Order, items: list[dict], arguments: dict[str, float], mark: str
    ) -> None:
        body = {"items": items, "notify": True, **_remark(mark)}
        body["arguments"] = {"shipping_amount": 0} | arguments
        path = f"/V1/order/{order.entity_id}/refund"
        if self._account.options.get("refunds") == "online":
            query = search({"order_id": str(order.entity_id)}, "eq", 1)
            answer = await self._ask("invoices", "GET", "/V1/invoices", params=query)
            invoices = document(answer, wire.Documents).items
            if not invoices:
                raise ConnectorError(f"order {order.increment_id} has no invoice to pay back")
            path, body["isOnline"] = f"/V1/invoice/{invoices[0].entity_id}/refund", True
        await self._ask("refund", "POST", path, json=body, once=True)

    async def cancel(self, order_id: str, reason: str) -> None:
        """What is invoiced cannot be cancelled, only paid back: all that has not left."""
        order = await self._look(order_id)
        path = f"/V1/orders/{order.entity_id}/cancel"
        if document(await self._ask("cancel", "POST", path), bool):
            return
        mark = f"[cancelled {order_id}]"
        if await self._told("creditmemos", order, mark):
            return
        items = [
            {"order_item_id": item.item_id, "qty": item.to_ship} for item in orders.goods(order)
        ]
        await self._credit(order, items, {}, mark)

    async def heal(self) -> list[str]:
        """Nothing is pushed, so nothing can be switched off."""
        return []


def _remark(mark: str) -> dict[str, Any]:
    return {"appendComment": True, "comment": {"comment": mark, "is_visible_on_front": 0}}
