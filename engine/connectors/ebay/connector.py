"""The connector: every call of an eBay seller's account."""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from engine.connectors import money
from engine.connectors.base import (
    Account,
    Delivery,
    Fetch,
    ForeignOrder,
    Parcel,
    Published,
    Quantity,
    Stock,
    understood,
    worth_again,
)
from engine.connectors.calls import CallError, Calls, document, none_if_missing
from engine.connectors.ebay import auth, check, orders, wire
from engine.connectors.tokens import Tokens
from engine.core.errors import ConfigError

_PAGE = 200
_SKUS = 25
_SAME_REFUND = timedelta(days=1)
_REASON = "OUT_OF_STOCK_OR_CANNOT_FULFILL"
_FULFILLMENT, _INVENTORY = "/sell/fulfillment/v1", "/sell/inventory/v1"
_NOTIFICATION = "/commerce/notification/v1"
_decode = msgspec.json.Decoder(wire.Order, strict=False).decode
_push = msgspec.json.Decoder(wire.Push).decode


class Ebay:
    """eBay: orders, inventory by SKU, parcels, refunds, cancellations.

    See `base.Connector` for what each method promises.
    """

    needs = ("client_id", "client_secret", "refresh_token", "verification_token")
    publish_operation = "stock"
    publish_parallel = 2

    def __init__(self, account: Account, calls: Calls) -> None:
        self._account, self._calls = account, calls
        self._root = account.url.rstrip("/")
        self._tokens = Tokens(lambda: auth.fetch_token(account, calls))
        self._keys = auth.PublicKeys(self._public_key)
        self.publish_rows = _rows(account)
        self._place_of = check.stores(account)

    async def _ask(
        self, operation: str, method: str, path: str, scheme: str = "Bearer", **more: Any
    ) -> Any:
        def ask(token: str) -> Any:
            headers = {"authorization": f"{scheme} {token}"}
            return self._calls.ask(operation, method, self._root + path, headers=headers, **more)

        return await self._tokens.call(ask)

    # In.

    async def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        """The signature is over the raw body; eBay's key may have to be fetched."""
        await self._keys.verify(headers, body)

    async def _public_key(self, name: str) -> wire.PublicKey:
        answer = await self._ask("key", "GET", f"{_NOTIFICATION}/public_key/{name}", attempts=1)
        return document(answer, wire.PublicKey)

    def challenge(self, query: Mapping[str, str], url: str) -> dict[str, str]:
        """Say to eBay that this address is ours."""
        return auth.challenge(self._account, query, url)

    async def asked(self, headers: Mapping[str, str], body: bytes, stock: Stock) -> bytes:
        """eBay asks at checkout, if the seller has it do so."""
        check.prove(self._account, headers)
        return await check.answer(body, stock, self._place_of)

    def receive(self, headers: Mapping[str, str], body: bytes) -> Delivery | None:
        """A push names an order, and no more than that."""
        push = understood(_push, body, "a push")
        if not push.notification.data.get("orderId"):
            return None
        return Delivery(f"push-{push.notification.notification_id}", push.metadata.topic, body)

    async def pull(self, since: datetime, until: datetime) -> AsyncIterator[Delivery]:
        """Pages are read from the last to the first: an order that changes meanwhile leaves the
        window, and what follows moves to pages that are still to be read."""
        window = f"lastmodifieddate:[{_utc(since)}..{_utc(until)}]"
        query = {"filter": window, "limit": str(_PAGE)}
        page = await self._page(query, 0)
        for at in range(_PAGE * ((page.total - 1) // _PAGE), 0, -_PAGE):
            for raw in (await self._page(query, at)).orders:
                yield self._delivery(bytes(raw))
        if page.total > _PAGE:
            page = await self._page(query, 0)
        for raw in page.orders:
            yield self._delivery(bytes(raw))

    async def _page(self, query: dict[str, str], at: int) -> wire.Page:
        asked = query | {"offset": str(at)}
        return document(
            await self._ask("orders", "GET", f"{_FULFILLMENT}/order", params=asked), wire.Page
        )

    def _delivery(self, body: bytes) -> Delivery:
        order = self._order(body)
        return Delivery(f"{order.order_id}@{order.last_modified_date}", "order", body)

    async def fetch(self, order_id: str) -> Delivery | None:
        """An order as it is now."""
        answer = await none_if_missing(
            self._ask("order", "GET", f"{_FULFILLMENT}/order/{order_id}")
        )
        if answer is None:
            return None
        return self._delivery(answer.content)

    def _order(self, body: bytes) -> wire.Order:
        return understood(_decode, body)

    def read(self, delivery: Delivery) -> ForeignOrder | Fetch | None:
        """What was pushed names an order; what was pulled is one."""
        if delivery.topic != "order":
            push = _push(delivery.body)
            return Fetch(str(push.notification.data["orderId"]))
        return orders.understand(self._order(delivery.body))

    # Out.

    async def publish(self, rows: Sequence[Quantity]) -> list[Published]:
        """The total of each SKU, and the quantity of its offers where the listing names them."""
        requests = []
        for row in rows:
            request: dict[str, Any] = {"sku": row.listing}
            request["shipToLocationAvailability"] = {"quantity": row.quantity}
            if offers := row.item.get("offers", "").split():
                request["offers"] = [
                    {"offerId": name, "availableQuantity": row.quantity} for name in offers
                ]
            requests.append(request)
        path = f"{_INVENTORY}/bulk_update_price_quantity"
        try:
            answer = await self._ask("stock", "POST", path, json={"requests": requests})
            found = document(answer, wire.Rows).responses
        except CallError as error:
            return [Published(row.listing, str(error), worth_again(error)) for row in rows]
        return [_published(row, [r for r in found if r.sku == row.listing]) for row in rows]

    async def shown(self, items: Sequence[Quantity]) -> dict[str, int]:
        """The total quantity of each SKU."""
        found: dict[str, int] = {}
        for at in range(0, len(items), _SKUS):
            skus = [{"sku": row.listing} for row in items[at : at + _SKUS]]
            path = f"{_INVENTORY}/bulk_get_inventory_item"
            answer = await self._ask("items", "POST", path, json={"requests": skus})
            for row in document(answer, wire.Rows).responses:
                there = row.inventory_item.get("availability", {})
                quantity = there.get("shipToLocationAvailability", {}).get("quantity")
                if row.sku and quantity is not None:
                    found[row.sku] = int(quantity)
        return found

    async def ship(self, parcel: Parcel) -> None:
        """eBay makes a second parcel of what it is told twice, so those it has are looked at."""
        path = f"{_FULFILLMENT}/order/{parcel.order_id}/shipping_fulfillment"
        there = document(await self._ask("parcels", "GET", path), wire.Parcels)
        body: dict[str, Any] = {
            "lineItems": [{"lineItemId": line, "quantity": n} for line, n in parcel.lines],
            "shippedDate": _utc(parcel.shipped_at),
        }
        if parcel.tracking:  # eBay takes both or neither, and letters and digits only
            body["trackingNumber"] = _plain(parcel.tracking)
            body["shippingCarrierCode"] = parcel.carrier or "OTHER"
        if not any(_same(known, body) for known in there.fulfillments):
            await self._ask("parcel", "POST", path, json=body, once=True)

    async def refund(self, order_id: str, refund_id: str, amount: int, currency: str) -> None:
        """eBay keeps no name of ours with a refund: one of the same amount, less than a day old,
        is taken for this one."""
        path = f"{_FULFILLMENT}/order/{order_id}"
        order = self._order((await self._ask("order", "GET", path)).content)
        value = money.decimal(amount, currency)
        since = datetime.now(UTC) - _SAME_REFUND
        for refund in order.payment_summary.refunds:
            at = orders.moment(refund.refund_date)
            same = orders.amount(refund.amount) == Decimal(value)
            if same and refund.refund_status != "FAILED" and (at is None or at >= since):
                return
        body = {
            "reasonForRefund": "OTHER_ADJUSTMENT",
            "comment": refund_id[:100],
            "orderLevelRefundAmount": {"value": value, "currency": currency},
        }
        await self._ask("refund", "POST", f"{path}/issue_refund", json=body, once=True)

    async def cancel(self, order_id: str, reason: str) -> None:
        """The buyer is told, and paid back, by eBay."""
        body = {"legacyOrderId": order_id, "cancelReason": _REASON}
        path = "/post-order/v2/cancellation"
        await self._ask("cancel", "POST", path, scheme="IAF", json=body)

    async def heal(self) -> list[str]:
        """eBay disables a subscription whose pushes keep failing."""
        path = f"{_NOTIFICATION}/subscription"
        answer = await self._ask("subscriptions", "GET", path, params={"limit": "100"})
        done = []
        for row in document(answer, wire.Subscriptions).subscriptions:
            if row.topic_id == "ORDER_CONFIRMATION" and row.status != "ENABLED":
                await self._ask("subscription", "POST", f"{path}/{row.subscription_id}/enable")
                done.append(f"subscription to {row.topic_id} was {row.status}, is enabled again")
        return done


def _rows(account: Account) -> int:
    text = account.options.get("skus_per_call", str(_SKUS))
    if not text.isdigit() or not 1 <= int(text) <= _SKUS:
        raise ConfigError(f"account {account.name!r}: option skus_per_call: use 1 to {_SKUS}")
    return int(text)


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03}Z"


def _plain(tracking: str) -> str:
    return re.sub(r"[^0-9A-Za-z]", "", tracking)


def _same(known: wire.Parcel, body: dict[str, Any]) -> bool:
    """Say whether a parcel that eBay has is this one: by its number, or by lines and time."""
    number = body.get("trackingNumber", "")
    if number or known.shipment_tracking_number:
        return _plain(known.shipment_tracking_number or "") == number
    there = sorted((row.get("lineItemId"), row.get("quantity")) for row in known.line_items)
    ours = sorted((row["lineItemId"], row["quantity"]) for row in body["lineItems"])
    return there == ours and orders.moment(known.shipped_date) == orders.moment(body["shippedDate"])


def _published(row: Quantity, found: list[wire.Row]) -> Published:
    if not found:
        return Published(row.listing, "the answer does not mention it", True)
    bad = [answer for answer in found if answer.status_code >= 300]
    texts = [str(error.get("message", error)) for answer in bad for error in answer.errors]
    again = any(answer.status_code in (429, 500, 503) for answer in bad)
    return Published(row.listing, "; ".join(texts) or "refused" * bool(bad), again)
