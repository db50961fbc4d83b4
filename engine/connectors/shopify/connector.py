"""The connector: every call of a shop, and what its pushes mean."""

import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

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
    Sign,
    batches,
    understood,
)
from engine.connectors.calls import Calls
from engine.connectors.shopify import auth, orders, shipping, wire
from engine.connectors.shopify.client import OPERATION, Client, insist
from engine.connectors.shopify.documents import (
    HOOKS,
    LINES,
    MORE_LINES,
    ONE,
    ONE_LARGE,
    ORDER_OF,
    ORDERS,
    SCAN,
    SIGNS,
    SOME,
    SUBSCRIBE,
    SUBSCRIPTIONS,
)
from engine.connectors.shopify.stock import Stock

_NULL = msgspec.Raw(b"null")
_PART = "gid://shopify/FulfillmentOrder/"
_decode = msgspec.json.Decoder(wire.Order, strict=False).decode
_hook = msgspec.json.Decoder(wire.HookOrder, strict=False).decode
_other = msgspec.json.Decoder(wire.HookOther, strict=False).decode
# What we want to hear of: how an order is now, and that a part of it changed.
TOPICS = ("ORDERS_CREATE", "ORDERS_UPDATED", "ORDERS_EDITED", "REFUNDS_CREATE")
_WHOLE = frozenset(
    f"orders/{word}"
    for word in ("create", "updated", "paid", "cancelled", "fulfilled", "partially_fulfilled")
)
_PARTS = ("orders/edited", "refunds/", "fulfillments/", "fulfillment_orders/", "returns/")


class _Scanned(msgspec.Struct, frozen=True):
    orders: wire.Page[wire.Order]


class _Some(msgspec.Struct, frozen=True):
    nodes: list[msgspec.Raw]


class _OneOrder(msgspec.Struct, frozen=True):
    order: msgspec.Raw = _NULL


class _OrderOf(msgspec.Struct, frozen=True, rename="camel"):
    fulfillment_order: dict[str, Any] | None = None


class _Hooks(msgspec.Struct, frozen=True, rename="camel"):
    webhook_subscriptions: wire.Page[wire.Hook] = wire.Page()


class _Subscribed(msgspec.Struct, frozen=True, rename="camel"):
    webhook_subscription_create: wire.Done = wire.Done()


class Shopify:
    """A Shopify shop, GraphQL Admin API 2026-07.

    See `base.Connector` for what each method promises.
    """

    needs = ("client_id", "client_secret")
    publish_rows = 250
    publish_operation = OPERATION
    publish_parallel = 2
    fetch_rows = ORDERS

    def __init__(self, account: Account, calls: Calls) -> None:
        self._account = account
        self._takes_pending = account.options.get("pending") == "take"
        self._client = Client(account, calls)
        self._stock = Stock(account, self._client)

    # In.

    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        """The signature is over the raw body."""
        auth.verify(self._account, headers, body)

    def receive(self, headers: Mapping[str, str], body: bytes) -> Delivery | None:
        """What one event causes shares its id, over topics and orders; a repeat, even one of the
        same instant, has the id, topic and time of what it repeats."""
        topic = headers.get("x-shopify-topic", "")
        if topic not in _WHOLE and not topic.startswith(_PARTS):
            return None
        event = headers.get("x-shopify-event-id") or headers.get("x-shopify-webhook-id")
        if not event:
            raise ConnectorError("X-Shopify-Event-Id is missing")
        at = headers.get("x-shopify-triggered-at", "")
        about = _about(body)
        name = f"hook-{event}-{topic}-{about.order_id or about.id}-{at}"
        return Delivery(name, topic, body, _pushed(body) if topic in _WHOLE else None)

    async def scan(self, since: datetime, until: datetime) -> AsyncIterator[Sign]:
        """Pages sorted by when orders changed: one that changes meanwhile leaves the window, and
        moves no other."""
        window = f"updated_at:>='{_text(since)}' AND updated_at:<'{_text(until)}'"
        after: str | None = None
        while True:
            variables = {"window": window, "first": SIGNS, "after": after}
            page = (await self._client.ask(SCAN, variables, _Scanned)).orders
            for order in page.nodes:
                yield orders.sign_of_answer(order)
            after = page.page_info.end_cursor
            if not page.page_info.has_next_page:
                return

    async def fetch_some(self, order_ids: Sequence[str]) -> list[Delivery]:
        """One call; one more for each order of many lines."""
        ids = [orders.gid("Order", name) for name in order_ids]
        nodes = (await self._client.ask(SOME, {"ids": ids, "lines": LINES}, _Some)).nodes
        return [await self._whole(bytes(raw)) for raw in nodes if bytes(raw) != b"null"]

    async def pull(self, since: datetime, until: datetime) -> AsyncIterator[Delivery]:
        """What a scan finds, all of it read."""
        async for signs in batches(self.scan(since, until), self.fetch_rows):
            for delivery in await self.fetch_some([sign.order_id for sign in signs]):
                yield delivery

    async def fetch(self, order_id: str) -> Delivery | None:
        """An order with all of its lines; `order_id` may be that of a fulfillment order, too."""
        if order_id.startswith(_PART):
            found = await self._client.ask(ORDER_OF, {"id": order_id}, _OrderOf)
            if not found.fulfillment_order:
                return None
            order_id = orders.number(str(found.fulfillment_order["orderId"]))
        variables: dict[str, Any] = {"id": orders.gid("Order", order_id), "lines": LINES}
        raw = (await self._client.ask(ONE, variables, _OneOrder)).order
        return None if bytes(raw) == b"null" else await self._whole(bytes(raw))

    async def _whole(self, raw: bytes) -> Delivery:
        """Return an order's document, with the lines of further pages if it has more."""
        order = self._order(raw)
        sign, page = orders.sign_of_answer(order), order.line_items.page_info
        if not page.has_next_page:
            return _delivery(order, raw, sign)
        body = msgspec.json.decode(raw)
        lines = body["lineItems"]["nodes"]
        while page.has_next_page:
            more = {"id": order.id, "lines": MORE_LINES, "linesAfter": page.end_cursor}
            raw = (await self._client.ask(ONE_LARGE, more, _OneOrder)).order
            if bytes(raw) == b"null":
                break
            order = self._order(bytes(raw))
            lines += msgspec.json.decode(raw)["lineItems"]["nodes"]
            page = order.line_items.page_info
        body["lineItems"] = {"nodes": lines}
        # One that changed between two pages is of both. Its sign is that of the first, as it is no
        # more, so it is read again.
        return _delivery(order, msgspec.json.encode(body), sign)

    def _order(self, body: bytes) -> wire.Order:
        return understood(_decode, body)

    def read(self, delivery: Delivery) -> ForeignOrder | Fetch | None:
        """A webhook about a part of an order says only which order is to be asked for."""
        if delivery.topic == "order":
            return orders.of_answer(self._order(delivery.body), self._takes_pending)
        if delivery.topic not in _WHOLE:
            about = _about(delivery.body)
            name = about.order_id
            return Fetch(str(name)) if name else None
        try:
            return orders.of_hook(_hook(delivery.body), self._takes_pending)
        except msgspec.MsgspecError as error:
            raise ConnectorError(f"an order cannot be understood: {error}") from error

    # Out.

    async def publish(self, rows: Sequence[Quantity]) -> list[Published]:
        """By compare-and-set, see `stock`."""
        return await self._stock.publish(rows)

    async def shown(self, items: Sequence[Quantity]) -> dict[str, int]:
        """What is available at the location."""
        return await self._stock.shown(items)

    async def ship(self, parcel: Parcel) -> None:
        """Looked for before it is told, see `shipping`."""
        await shipping.ship(self._client, parcel)

    async def refund(self, order_id: str, refund_id: str, amount: int, currency: str) -> None:
        """Once for its key, and looked for before."""
        await shipping.refund(self._client, order_id, refund_id, amount, currency)

    async def cancel(self, order_id: str, reason: str) -> None:
        """The shop does it in the background and pushes what came of it."""
        await shipping.cancel(self._client, order_id, reason)

    async def heal(self) -> list[str]:
        """The shop removes a webhook after eight failures in a row: make what is missing, if the
        account says where we are."""
        address = self._account.options.get("address", "").rstrip("/")
        word = self._account.secrets.get("hook_path")
        if not address or not word:
            return []
        uri = f"{address}/hooks/{self._account.name}/{word}"
        found = await self._client.ask(SUBSCRIPTIONS, {"first": HOOKS}, _Hooks)
        there = {hook.topic for hook in found.webhook_subscriptions.nodes if hook.uri == uri}
        done = []
        for topic in TOPICS:
            if topic not in there:
                hook = {"topic": topic, "hook": {"uri": uri, "format": "JSON"}}
                made = await self._client.ask(SUBSCRIBE, hook, _Subscribed)
                insist(made.webhook_subscription_create.user_errors)
                done.append(f"the webhook for {topic} was missing, is there again")
        return done


def _about(body: bytes) -> wire.HookPart:
    """Return which order a webhook is about, and what of it."""
    found = understood(_other, body, "a webhook")
    if found.order_edit is not None:
        return found.order_edit
    if found.fulfillment_order is not None:
        name = str(found.fulfillment_order.id or "")
        return wire.HookPart(name, orders.gid("FulfillmentOrder", name))
    return wire.HookPart(found.id, found.order_id)


def _pushed(body: bytes) -> Sign | None:
    """Return the sign of an order that a webhook shows; None where that cannot be understood."""
    try:
        return orders.sign_of_hook(_hook(body))
    except msgspec.MsgspecError:
        return None


def _delivery(order: wire.Order, body: bytes, sign: Sign | None) -> Delivery:
    said = hashlib.blake2b(body, digest_size=8).hexdigest()
    name = f"{orders.number(order.id)}@{order.updated_at.isoformat()}-{said}"
    return Delivery(name, "order", body, sign)


def _text(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
