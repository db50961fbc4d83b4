"""The connector: every call of a seller's account at Amazon."""

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import msgspec

from engine.connectors.amazon import feeds, orders, queue, stock, wire
from engine.connectors.amazon.auth import Api
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
)
from engine.connectors.calls import CallError, Calls, document, none_if_missing

_ORDERS = "/orders/2026-01-01/orders"
_DATA = "BUYER,RECIPIENT,CANCELLATION,FULFILLMENT"
_PAGE = 100
_SETTLED = timedelta(minutes=2, seconds=5)  # a window may not end later than that before now
_FEED_POLL_S = 15.0
_BEYOND = 600  # listings: two minutes of patches, about what a feed takes
_CARRIERS = {
    "dhl": "DHL",
    "dpd": "DPD",
    "fedex": "FedEx",
    "gls": "GLS",
    "hermes": "Hermes",
    "royal mail": "Royal Mail",
    "ups": "UPS",
    "usps": "USPS",
}


class Amazon:
    """A seller's account at Amazon, Selling Partner API.

    See `base.Connector` for what each method promises.
    """

    needs = ("client_id", "client_secret", "refresh_token")
    needs_options = ("seller_id", "marketplaces")
    publish_rows = 1
    publish_operation = "patch"
    publish_parallel = 4
    shown_rows = stock.SHOWN_ROWS
    fetch_operation = "order"

    def __init__(self, account: Account, calls: Calls) -> None:
        self._account, self._api = account, Api(account, calls)
        options = account.options
        self._queue = queue.Queue(account, calls) if options.get("queue") else None
        self._pending_takes = options.get("pending", "take") == "take"
        self._poll_s = float(options.get("feed_poll_s", _FEED_POLL_S))
        beyond = int(options.get("bulk_beyond", _BEYOND))
        self.bulk = stock.Feed(self._api, beyond, self._poll_s)

    # In.

    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        """Nothing comes to an address: Amazon pushes into a queue."""
        raise BadSignature

    def receive(self, headers: Mapping[str, str], body: bytes) -> Delivery | None:
        """Nothing comes to an address."""
        return None

    async def listen(self, keep: Callable[[Delivery], Awaitable[None]]) -> int | None:
        """Hear the queue, if the account has one."""
        return await self._queue.listen(keep) if self._queue else None

    async def pull(self, since: datetime, until: datetime) -> AsyncIterator[Delivery]:
        """A window of the last minutes has no end that Amazon would take; what it shows late is
        found by the next one, which begins earlier. Orders that Amazon ships are left out."""
        query = {
            "lastUpdatedAfter": _zulu(since),
            "marketplaceIds": ",".join(self._api.marketplaces),
            "fulfilledBy": "MERCHANT",
            "maxResultsPerPage": str(_PAGE),
            "includedData": _DATA,
        }
        if until <= datetime.now(UTC) - _SETTLED:
            query["lastUpdatedBefore"] = _zulu(until)
        while True:
            answer = await self._api.ask("orders", "GET", _ORDERS, params=query)
            page = document(answer, wire.Orders)
            for raw in page.orders:
                yield _delivery(raw)
            token = page.pagination.next_token if page.pagination else None
            if not token:
                return
            query["paginationToken"] = token

    async def fetch(self, order_id: str) -> Delivery | None:
        """An order, as a search shows it too."""
        whole = await self._order(order_id, _DATA)
        return None if whole is None else _delivery(whole)

    async def _order(self, order_id: str, data: str) -> msgspec.Raw | None:
        path = f"{_ORDERS}/{quote(order_id, safe='')}"
        answer = await none_if_missing(
            self._api.ask("order", "GET", path, params={"includedData": data})
        )
        if answer is None:
            return None
        return document(answer, wire.OneOrder).order

    def read(self, delivery: Delivery) -> ForeignOrder | Fetch | None:
        """A notification is to be asked about, an order is read."""
        if delivery.topic == queue.TOPIC:
            return orders.understand_change(delivery.body, self._pending_takes)
        return orders.understand(delivery.body, self._pending_takes)

    # Out.

    async def publish(self, rows: Sequence[Quantity]) -> list[Published]:
        """A patch for each."""
        return [await stock.patch(self._api, row) for row in rows]

    async def shown(self, items: Sequence[Quantity]) -> dict[str, int]:
        """What Amazon has as the seller's own stock now."""
        return await stock.shown(self._api, items)

    async def ship(self, parcel: Parcel) -> bool | None:
        """A package has a number of ours, by which it can be seen that Amazon has it. It follows
        none of a carrier that it has no code for."""
        if not parcel.tracking:
            raise ConnectorError(f"parcel {parcel.shipment_id}: Amazon wants a tracking number")
        reference = package_number(parcel.shipment_id)
        whole = await self._order(parcel.order_id, "FULFILLMENT,PACKAGES")
        if whole is None:
            raise ConnectorError(f"Amazon has no order {parcel.order_id}")
        order = orders.decode(whole)
        carrier = _CARRIERS.get((parcel.carrier or "").lower())
        followed = None if carrier else False
        if any(package.package_reference_id == reference for package in order.packages):
            return followed
        package = {
            "packageReferenceId": reference,
            "carrierCode": carrier or "Other",
            "trackingNumber": parcel.tracking,
            "shipDate": _zulu(parcel.shipped_at),
            "orderItems": [
                {"orderItemId": line, "quantity": quantity} for line, quantity in parcel.lines
            ],
        }
        if carrier is None:
            package["carrierName"] = parcel.carrier or "Other"
        market = order.sales_channel.marketplace_id or self._api.marketplaces[0]
        path = f"/orders/v0/orders/{quote(parcel.order_id, safe='')}/shipmentConfirmation"
        body = {"packageDetail": package, "marketplaceId": market}
        await self._api.ask("confirm", "POST", path, json=body, once=True)
        return followed

    async def refund(self, order_id: str, refund_id: str, amount: int, currency: str) -> None:
        """There is a feed for it, but one that carries no id of ours and cannot be asked later."""
        raise NotImplementedError(
            "Amazon takes refunds as a feed that nobody can tell was sent before: repeated after "
            "a crash, it would pay twice; refund in Seller Central"
        )

    async def cancel(self, order_id: str, reason: str) -> None:
        """A feed says that the order cannot be delivered."""
        whole = await self._order(order_id, _DATA)
        if whole is None:
            return
        lines = [item.order_item_id for item in orders.decode(whole).order_items]
        body = feeds.cancellation(self._api.seller, order_id, lines)
        kind = "text/xml; charset=UTF-8"
        feed_id = await feeds.hand_in(self._api, feeds.CANCELLATIONS, kind, body)
        told = await feeds.worked_through(self._api, feed_id, self._poll_s)
        if problem := feeds.refused(told):
            raise ConnectorError(f"order {order_id} is not cancelled: {problem}")

    async def heal(self) -> list[str]:
        """Make the subscription again, if it is gone."""
        destination = self._account.options.get("destination")
        if not destination:
            return []
        path = f"/notifications/v1/subscriptions/{queue.TOPIC}"
        try:
            await self._api.ask("subscription", "GET", path, params={"payloadVersion": "1.0"})
            return []
        except CallError as error:
            if error.status != 404:
                raise
        wish = {
            "eventFilterType": queue.TOPIC,
            "marketplaceIds": self._api.marketplaces,
            "orderChangeTypes": ["OrderStatusChange", "BuyerRequestedChange"],
        }
        body = {
            "payloadVersion": "1.0",
            "destinationId": destination,
            "processingDirective": {"eventFilter": wish},
        }
        await self._api.ask("subscribe", "POST", path, json=body)
        return [f"the subscription to {queue.TOPIC} was gone, is made again"]


def package_number(shipment_id: str) -> str:
    """Return the number that a parcel has at Amazon for ever: it takes positive numbers only."""
    digest = hashlib.blake2b(shipment_id.encode(), digest_size=6).digest()
    return str(int.from_bytes(digest) + 1)


def _delivery(raw: msgspec.Raw) -> Delivery:
    body = bytes(raw)
    order = orders.decode(body)
    return Delivery(f"{order.order_id}@{order.last_updated_time}", "order", body)


def _zulu(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
