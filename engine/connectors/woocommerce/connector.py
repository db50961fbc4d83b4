"""The connector: every call of a WooCommerce shop."""

from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from engine.connectors import money
from engine.connectors.base import (
    Account,
    ConnectorError,
    Delivery,
    Fetch,
    ForeignOrder,
    Parcel,
    Published,
    Quantity,
    understood,
)
from engine.connectors.calls import CallError, Calls, document, none_if_missing
from engine.connectors.woocommerce import auth, orders, wire

_PAGE = 100
_decode = msgspec.json.Decoder(wire.Order, strict=False).decode


class WooCommerce:
    """A WooCommerce shop, REST API wc/v3.

    See `base.Connector` for what each method promises.
    """

    needs = ("key", "secret", "hook_secret")
    publish_rows = 100
    publish_operation = "stock"
    publish_parallel = 2

    def __init__(self, account: Account, calls: Calls) -> None:
        self._account, self._calls = account, calls
        self._root = account.url.rstrip("/") + "/wp-json/wc/v3"
        self._headers = auth.headers(account)

    async def _ask(self, operation: str, method: str, path: str, **more: Any) -> Any:
        return await self._calls.ask(
            operation, method, self._root + path, headers=self._headers, **more
        )

    # In.

    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        """The signature is over the raw body."""
        auth.verify(self._account, headers, body)

    def receive(self, headers: Mapping[str, str], body: bytes) -> Delivery | None:
        """Orders only; the shop's ping and other topics need no work."""
        topic = headers.get("x-wc-webhook-topic", "")
        if auth.is_ping(headers, body) or not topic.startswith("order."):
            return None
        delivery = headers.get("x-wc-webhook-delivery-id")
        if not delivery:
            raise ConnectorError("X-WC-Webhook-Delivery-ID is missing")
        return Delivery(f"hook-{delivery}", topic, body)

    async def pull(self, since: datetime, until: datetime) -> AsyncIterator[Delivery]:
        """Pages are read from the last to the first: an order that changes meanwhile leaves the
        window, and what follows moves to pages that are still to be read. So the first, which says
        how many there are, is read again at the end.
        """
        window = {
            "modified_after": _gmt(since),
            "modified_before": _gmt(until),
            "dates_are_gmt": "true",
            "orderby": "id",
            "order": "asc",
            "per_page": str(_PAGE),
        }
        first = await self._page(window, 1)
        pages = _pages(first.headers)
        for page in range(pages, 1, -1):
            async for delivery in self._each(await self._page(window, page)):
                yield delivery
        async for delivery in self._each(await self._page(window, 1) if pages > 1 else first):
            yield delivery

    async def _page(self, window: dict[str, str], page: int) -> Any:
        return await self._ask("orders", "GET", "/orders", params=window | {"page": str(page)})

    async def _each(self, answer: Any) -> AsyncIterator[Delivery]:
        for raw in document(answer, list[msgspec.Raw]):
            yield await self._whole(bytes(raw))

    async def fetch(self, order_id: str) -> Delivery | None:
        """An order with its refunds."""
        answer = await none_if_missing(self._ask("order", "GET", f"/orders/{int(order_id)}"))
        if answer is None:
            return None
        return await self._whole(answer.content)

    async def _whole(self, body: bytes) -> Delivery:
        """Return an order as a delivery, its refunds put in where it mentions any."""
        order = self._order(body)
        if order.refunds:
            answer = await self._ask("refunds", "GET", f"/orders/{order.id}/refunds")
            refunded = msgspec.Raw(answer.content)
            body = msgspec.json.encode(msgspec.json.decode(body) | {"refunded": refunded})
        return Delivery(f"{order.id}@{order.date_modified_gmt}", "order", body)

    def _order(self, body: bytes) -> wire.Order:
        return understood(_decode, body)

    def read(self, delivery: Delivery) -> ForeignOrder | Fetch | None:
        """An order that mentions refunds without their lines is to be fetched."""
        if delivery.topic == "order.deleted":
            return None  # the shop threw its record away; what was sold stays sold
        order = self._order(delivery.body)
        if order.refunds and order.refunded is None:
            return Fetch(str(order.id))
        return orders.understand(order)

    # Out.

    async def publish(self, rows: Sequence[Quantity]) -> list[Published]:
        """Products in one call, and the variations of each product in one."""
        groups: dict[str, list[tuple[Quantity, int]]] = defaultdict(list)
        for row in rows:
            product, _, variation = row.listing.partition("/")
            path = f"/products/{product}/variations" if variation else "/products"
            groups[path].append((row, int(variation or product)))
        results = []
        for path, group in groups.items():
            results += await self._publish(path, group)
        return results

    async def _publish(self, path: str, group: list[tuple[Quantity, int]]) -> list[Published]:
        update = [
            {"id": number, "manage_stock": True, "stock_quantity": row.quantity}
            for row, number in group
        ]
        try:
            answer = await self._ask("stock", "POST", f"{path}/batch", json={"update": update})
            found = {row.id: row for row in document(answer, wire.Batch).update}
        except CallError as error:
            return [Published(row.listing, str(error), error.again) for row, _ in group]
        return [_published(row, found.get(number)) for row, number in group]

    async def shown(self, items: Sequence[Quantity]) -> dict[str, int]:
        """What the shop has as stock now."""
        groups: dict[str, dict[int, str]] = defaultdict(dict)
        for row in items:
            product, _, variation = row.listing.partition("/")
            path = f"/products/{product}/variations" if variation else "/products"
            groups[path][int(variation or product)] = row.listing
        found: dict[str, int] = {}
        for path, names in groups.items():
            query = {"include": ",".join(map(str, names)), "per_page": str(_PAGE)}
            answer = await self._ask("products", "GET", path, params=query)
            for row in document(answer, list[wire.Product]):
                if row.id in names and row.stock_quantity is not None:
                    found[names[row.id]] = row.stock_quantity
        return found

    async def ship(self, parcel: Parcel) -> None:
        """Core has no tracking: a note to the customer says it, and the last parcel completes the
        order. The note names our shipment, so it can be seen that it is there."""
        path = f"/orders/{int(parcel.order_id)}"
        mark = f"[{parcel.shipment_id}]"
        notes = document(await self._ask("notes", "GET", f"{path}/notes"), list[dict])
        if not any(mark in str(note.get("note")) for note in notes):
            way = " ".join(text for text in (parcel.carrier, parcel.tracking) if text)
            text = f"Shipped {way} {mark}" if way else f"Shipped {mark}"
            note = {"note": text, "customer_note": True}
            await self._ask("note", "POST", f"{path}/notes", json=note, once=True)
        if parcel.last:
            await self._ask("order", "PUT", path, json={"status": "completed"})

    async def refund(self, order_id: str, refund_id: str, amount: int, currency: str) -> None:
        """A refund carries our id as meta data, so it can be seen that it is there."""
        path = f"/orders/{int(order_id)}/refunds"
        there = document(await self._ask("refunds", "GET", path), list[dict])
        if any(refund_id == row.get("value") for r in there for row in r.get("meta_data", ())):
            return
        body = {
            "amount": money.decimal(amount, currency),
            "api_refund": True,
            "meta_data": [{"key": "_dibs_refund", "value": refund_id}],
        }
        await self._ask("refund", "POST", path, json=body, once=True)

    async def cancel(self, order_id: str, reason: str) -> None:
        """The status says it; the shop tells its customer."""
        await self._ask("order", "PUT", f"/orders/{int(order_id)}", json={"status": "cancelled"})

    async def heal(self) -> list[str]:
        """The shop disables a hook after five failures in a row, and it stays so."""
        word = self._account.secrets.get("hook_path")
        if not word:
            return []
        hooks = document(await self._ask("hooks", "GET", "/webhooks"), list[wire.Hook])
        done = []
        for hook in hooks:
            if word in hook.delivery_url and hook.status != "active":
                body = {"status": "active"}
                await self._ask("hook", "PUT", f"/webhooks/{hook.id}", json=body)
                done.append(f"webhook {hook.id} ({hook.topic}) was {hook.status}, is active again")
        return done


def _gmt(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _pages(headers: Mapping[str, str]) -> int:
    text = headers.get("x-wp-totalpages", "1")
    return int(text) if text.isdigit() else 1


def _published(row: Quantity, found: wire.Product | None) -> Published:
    if found is None:
        return Published(row.listing, "the answer does not mention it", True)
    if found.error:
        return Published(row.listing, str(found.error.get("message", found.error)))
    return Published(row.listing)
