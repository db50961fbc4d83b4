"""The connector: every call of a TikTok Shop."""

import hashlib
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import httpx
import msgspec

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
from engine.connectors.calls import CallError, Calls
from engine.connectors.tiktok import auth, orders, shipping, wire

_PAGE = 100
_ORDER_PUSHES = frozenset((1, 3, 11))  # status, address, cancellation: each names an order
_order = msgspec.json.Decoder(wire.Order, strict=False).decode
_push = msgspec.json.Decoder(wire.Push, strict=False).decode
_REASON = "seller_cancel_reason_out_of_stock"


class TikTok:
    """A TikTok Shop, Open API 202309.

    See `base.Connector` for what each method promises.
    """

    needs = ("app_key", "app_secret", "refresh_token", "shop_cipher")
    publish_rows = 20
    publish_operation = "stock"
    publish_parallel = 4
    publish_units_max = 99_999

    def __init__(self, account: Account, calls: Calls) -> None:
        self._account, self._calls = account, calls
        self._root = account.url.rstrip("/")
        self._keeps = account.options.get("cool_off") == "keep"
        self._tokens = auth.tokens(account, calls)
        self._places: dict[str, list[str]] = {}  # warehouses of each SKU
        self._carriers: dict[str, list[wire.Carrier]] = {}  # of each delivery option

    async def ask(
        self,
        operation: str,
        method: str,
        path: str,
        kind: Any = Any,
        *,
        query: Mapping[str, str] | None = None,
        body: dict[str, Any] | None = None,
        once: bool = False,
    ) -> Any:
        """Call and return the answer's `data` as `kind`. Raises `CallError`."""
        answer = await self._tokens.call(
            lambda token: self._send(operation, method, path, query or {}, body, token, once)
        )
        try:
            return msgspec.json.decode(answer.content, type=wire.Answer[kind], strict=False).data
        except msgspec.MsgspecError as error:
            raise CallError(f"{operation}: answer not understood: {error}", 422) from error

    async def _send(
        self,
        operation: str,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: dict[str, Any] | None,
        token: str,
        once: bool,
    ) -> httpx.Response:
        whole, content = auth.signed(self._account, path, query, body)
        headers = {"x-tts-access-token": token, "content-type": "application/json"}
        return await self._calls.ask(
            operation,
            method,
            self._root + path,
            once=once,
            check=auth.check,
            headers=headers,
            params=whole,
            content=content,
        )

    # In.

    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        """The signature is over the app's key and the raw body."""
        auth.verify(self._account, headers, body)

    def receive(self, headers: Mapping[str, str], body: bytes) -> Delivery | None:
        """Pushes about orders; those about packages and returns change nothing that we keep."""
        found = understood(_push, body, "a push")
        if found.type not in _ORDER_PUSHES:
            return None
        if not found.tts_notification_id:
            raise ConnectorError("tts_notification_id is missing")
        return Delivery(f"hook-{found.tts_notification_id}", f"push.{found.type}", body)

    async def pull(self, since: datetime, until: datetime) -> AsyncIterator[Delivery]:
        """Pages by when orders changed, oldest first."""
        query = {
            "page_size": str(_PAGE),
            "sort_field": "update_time",
            "sort_order": "ASC",
        }
        body = {"update_time_ge": int(since.timestamp()), "update_time_lt": int(until.timestamp())}
        while True:
            path = "/order/202309/orders/search"
            page = await self.ask("orders", "POST", path, wire.Page, query=query, body=body)
            for raw in page.orders:
                yield _delivery(self._read(bytes(raw)), bytes(raw))
            if not page.next_page_token:
                return
            query["page_token"] = page.next_page_token

    async def fetch(self, order_id: str) -> Delivery | None:
        """An order as it is now."""
        path, query = "/order/202507/orders", {"ids": order_id}
        page = await self.ask("order", "GET", path, wire.Page, query=query)
        for raw in page.orders:
            return _delivery(self._read(bytes(raw)), bytes(raw))
        return None

    def _read(self, body: bytes) -> wire.Order:
        return understood(_order, body)

    def read(self, delivery: Delivery) -> ForeignOrder | Fetch | None:
        """A push says only which order changed."""
        if delivery.topic == "order":
            return orders.understand(self._read(delivery.body), self._keeps)
        name = _push(delivery.body).data.order_id
        return Fetch(str(name)) if name else None

    # Out.

    async def publish(self, rows: Sequence[Quantity]) -> list[Published]:
        """A call for each product, with all of its SKUs that changed."""
        await self._learn([row.listing.partition("/")[2] for row in rows])
        groups: dict[str, list[Quantity]] = defaultdict(list)
        for row in rows:
            groups[row.listing.partition("/")[0]].append(row)
        results = []
        for product, group in groups.items():
            results += await self._publish(product, group)
        return results

    async def _publish(self, product: str, group: list[Quantity]) -> list[Published]:
        skus = [self._sku(row) for row in group]
        path = f"/product/202309/products/{product}/inventory/update"
        try:
            done = await self.ask("stock", "POST", path, wire.Updated | None, body={"skus": skus})
        except CallError as error:
            return [Published(row.listing, str(error), error.again) for row in group]
        errors = (done.errors or ()) if done else ()
        wrong = {str(error.detail.sku_id): error for error in errors}
        results = []
        for row in group:
            error = wrong.get(row.listing.partition("/")[2])
            problem = f"{error.code} {error.message}" if error else ""
            results.append(Published(row.listing, problem))
        return results

    def _sku(self, row: Quantity) -> dict[str, Any]:
        """Return a SKU's stock: all of it in one warehouse, none in the others, because TikTok
        wants every warehouse of a SKU to be mentioned."""
        name = row.listing.partition("/")[2]
        places = self._places.get(name, [])
        main = row.item.get("warehouse") or (places[0] if places else "")
        if not main:
            return {"id": name, "inventory": [{"quantity": row.quantity}]}
        others = [place for place in places if place != main]
        stock = [{"warehouse_id": main, "quantity": row.quantity}]
        return {
            "id": name,
            "inventory": stock + [{"warehouse_id": place, "quantity": 0} for place in others],
        }

    async def _learn(self, skus: list[str]) -> None:
        if unknown := [sku for sku in skus if sku not in self._places]:
            for sku in await self._inventory(unknown):
                self._places[str(sku.id)] = [str(s.warehouse_id) for s in sku.warehouse_inventory]

    async def _inventory(self, skus: list[str]) -> list[wire.Sku]:
        path, body = "/product/202309/inventory/search", {"sku_ids": skus}
        found = await self.ask("inventory", "POST", path, wire.Inventory, body=body)
        return [sku for product in found.inventory or () for sku in product.skus]

    async def shown(self, items: Sequence[Quantity]) -> dict[str, int]:
        """What may be ordered over all warehouses."""
        names = {row.listing.partition("/")[2]: row.listing for row in items}
        found = await self._inventory(list(names))
        return {
            names[str(sku.id)]: sku.total_available_quantity
            for sku in found
            if str(sku.id) in names
        }

    async def ship(self, parcel: Parcel) -> bool | None:
        """Package by package, see `shipping`."""
        return await shipping.ship(self, parcel)

    async def order(self, order_id: str) -> wire.Order:
        """Return an order as TikTok shows it. Raises `ConnectorError` where there is none."""
        whole = await self.fetch(order_id)
        if whole is None:
            raise ConnectorError(f"TikTok has no order {order_id}")
        return self._read(whole.body)

    async def carrier(self, option: str, name: str | None) -> str:
        """Return TikTok's id of a carrier, by its name among those of a delivery option."""
        if option not in self._carriers:
            path = f"/logistics/202309/delivery_options/{option}/shipping_providers"
            found = await self.ask("carriers", "GET", path, wire.Carriers)
            self._carriers[option] = found.shipping_providers
        known = self._carriers[option]
        for row in known:
            if name and row.name.casefold() == name.casefold():
                return str(row.id)
        there = ", ".join(row.name for row in known)
        raise ConnectorError(f"TikTok knows no carrier {name!r} here; it knows: {there}")

    async def refund(self, order_id: str, refund_id: str, amount: int, currency: str) -> None:
        """There is no call for an amount."""
        raise NotImplementedError("TikTok pays back by its own returns, whose reasons it names")

    async def cancel(self, order_id: str, reason: str) -> None:
        """The reason is one of TikTok's own words."""
        why = self._account.options.get("cancel_reason", _REASON)
        body = {"order_id": order_id, "cancel_reason": why}
        path = "/return_refund/202309/cancellations"
        await self.ask("cancel", "POST", path, body=body, once=True)

    async def heal(self) -> list[str]:
        """TikTok disables no webhook."""
        return []


def _delivery(order: wire.Order, body: bytes) -> Delivery:
    said = hashlib.blake2b(body, digest_size=8).hexdigest()
    return Delivery(f"{order.id}@{order.update_time}-{said}", "order", body)
