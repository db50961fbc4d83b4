"""The connector: every call of a Walmart seller account."""

import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import msgspec

from engine.connectors.base import (
    Acceptance,
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
from engine.connectors.walmart import auth, orders, shipping, wire
from engine.connectors.walmart.stock import Feeds, inventory

_PAGE = "200"
_HISTORY = timedelta(days=179)  # orders made longer ago are not given out
_decode = msgspec.json.Decoder(wire.Order, strict=False).decode
_decode_push = msgspec.json.Decoder(wire.Push, strict=False).decode


class _Raw(msgspec.Struct, frozen=True):
    order: msgspec.Raw


class _HookRow(msgspec.Struct, frozen=True):
    event: list[wire.Hook] = []


class _Hooks(msgspec.Struct, frozen=True):
    events: list[_HookRow] | _HookRow = []


class Walmart:
    """A seller account at Walmart Marketplace, US.

    See `base.Connector` for what each method promises.
    """

    needs = ("client_id", "client_secret", "hook_secret")
    publish_rows = 1
    publish_operation = "inventory"
    publish_parallel = 4

    def __init__(self, account: Account, calls: Calls) -> None:
        self._account, self._calls = account, calls
        self._root = account.url.rstrip("/")
        self._tokens = auth.tokens(account, calls, self._root)
        node = account.options.get("ship_node")
        self._node = {"shipNode": node} if node else {}
        self.bulk = Feeds(self._ask, self._node)

    async def _ask(self, operation: str, method: str, path: str, **more: Any) -> Any:
        def ask(token: str) -> Any:
            headers = auth.headers(self._account) | {"wm_sec.access_token": token}
            return self._calls.ask(operation, method, self._root + path, headers=headers, **more)

        return await self._tokens.call(ask)

    # In.

    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        """The signature is over the raw body."""
        auth.verify(self._account, headers, body)

    def receive(self, headers: Mapping[str, str], body: bytes) -> Delivery | None:
        """Events of orders only."""
        push = self._push(body)
        if not push.order:
            return None
        name = push.source.event_id or hashlib.blake2b(body, digest_size=16).hexdigest()
        return Delivery(f"hook-{name}", push.source.event_type, body)

    def _push(self, body: bytes) -> wire.Push:
        return understood(_decode_push, body, "a push")

    async def pull(self, since: datetime, until: datetime) -> AsyncIterator[Delivery]:
        """By time of change. Without a time of creation only orders of the last week would come.
        The cursor is a query string that must be sent back as it is; no order at all can be 404."""
        window = {
            "createdStartDate": _time(min(since, until) - _HISTORY),
            "lastModifiedStartDate": _time(since),
            "lastModifiedEndDate": _time(until),
            "limit": _PAGE,
        }
        query = "?" + "&".join(f"{name}={quote(text)}" for name, text in window.items())
        while query:
            answer = await none_if_missing(self._ask("orders", "GET", f"/v3/orders{query}"))
            if answer is None:
                return
            page = document(answer, wire.Paged).list
            for raw in page.elements.order if page.elements else ():
                yield self._delivery(bytes(raw))
            query = page.meta.next_cursor

    async def fetch(self, order_id: str) -> Delivery | None:
        """A purchase order."""
        answer = await none_if_missing(self._ask("order", "GET", _path(order_id)))
        if answer is None:
            return None
        return self._delivery(bytes(document(answer, _Raw).order))

    def _delivery(self, body: bytes) -> Delivery:
        order = orders.understand(self._order(body))
        return Delivery(f"{order.order_id}@{order.version}", "order", body)

    def _order(self, body: bytes) -> wire.Order:
        return understood(_decode, body)

    def read(self, delivery: Delivery) -> ForeignOrder | Fetch | None:
        """A push only says which order it is about."""
        if delivery.topic != "order":
            return Fetch(self._push(delivery.body).order)
        return orders.understand(self._order(delivery.body))

    # Out.

    async def publish(self, rows: Sequence[Quantity]) -> list[Published]:
        """One SKU a call; very many go by `bulk`."""
        return [await self._publish(row) for row in rows]

    async def _publish(self, row: Quantity) -> Published:
        body = inventory(row.listing, row.quantity)
        try:
            await self._ask(
                "inventory",
                "PUT",
                "/v3/inventory",
                params={"sku": row.listing, **self._node},
                json=body,
            )
        except CallError as error:
            return Published(row.listing, str(error), error.again)
        return Published(row.listing)

    async def shown(self, items: Sequence[Quantity]) -> dict[str, int]:
        """What Walmart shows now."""
        found = {}
        for row in items:
            query = {"sku": row.listing, **self._node}
            answer = await none_if_missing(self._ask("shown", "GET", "/v3/inventory", params=query))
            if answer is None:
                continue
            found[row.listing] = document(answer, wire.Inventory).quantity.count
        return found

    async def _look(self, order_id: str) -> wire.Order:
        whole = await self.fetch(order_id)
        if whole is None:
            raise ConnectorError(f"Walmart has no order {order_id}")
        return self._order(whole.body)

    async def accept(self, acceptance: Acceptance) -> None:
        """Walmart wants to hear within four hours that an order is worked on."""
        order = await self._look(acceptance.order_id)
        if any(line.units("Created") for line in order.order_lines.order_line):
            await self._ask("acknowledge", "POST", _path(acceptance.order_id, "acknowledge"))

    async def ship(self, parcel: Parcel) -> None:
        """The tracking number names the parcel on each line, so it can be seen that it is there.
        An order that nobody acknowledged is acknowledged first."""
        order = await self._look(parcel.order_id)
        lines = shipping.shipped(order, parcel, self._account.options)
        if not lines:
            return
        if any(line.units("Created") for line in order.order_lines.order_line):
            await self._ask("acknowledge", "POST", _path(parcel.order_id, "acknowledge"))
        body = {"orderShipment": {"orderLines": {"orderLine": lines}}}
        await self._ask("ship", "POST", _path(parcel.order_id, "shipping"), json=body, once=True)

    async def refund(self, order_id: str, refund_id: str, amount: int, currency: str) -> None:
        """Walmart takes refunds of what has left, line by line. The comment of a line names all
        refunds that it had a part in, because only the last one is shown."""
        lines = shipping.refunded(await self._look(order_id), refund_id, amount, currency)
        if lines:
            body = {
                "orderRefund": {"purchaseOrderId": order_id, "orderLines": {"orderLine": lines}}
            }
            await self._ask("refund", "POST", _path(order_id, "refund"), json=body, once=True)

    async def cancel(self, order_id: str, reason: str) -> None:
        """Of each line what has not left. Walmart counts it against the seller."""
        if lines := shipping.cancelled(await self._look(order_id)):
            body = {"orderCancellation": {"orderLines": {"orderLine": lines}}}
            await self._ask("cancel", "POST", _path(order_id, "cancel"), json=body)

    async def heal(self) -> list[str]:
        """A subscription that is not active pushes nothing."""
        word = self._account.secrets.get("hook_path")
        if not word:
            return []
        answer = document(await self._ask("hooks", "GET", "/v3/webhooks/subscriptions"), _Hooks)
        rows = answer.events if isinstance(answer.events, list) else [answer.events]
        done = []
        for hook in (hook for row in rows for hook in row.event):
            if word in hook.event_url and hook.status != "ACTIVE":
                path = f"/v3/webhooks/subscriptions/{quote(hook.subscription_id, safe='')}"
                await self._ask("hook", "PATCH", path, json={"status": "ACTIVE"})
                done.append(f"subscription to {hook.event_type} was {hook.status}, is active again")
        return done


def _path(order_id: str, *more: str) -> str:
    return "/v3/orders/" + "/".join(quote(part, safe="") for part in (order_id, *more))


def _time(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
