"""Amazon, as one seller sees it, here: orders, listings, feeds, a queue of notifications, tokens
that expire, usage plans kept to the letter.

Shoppers buy what a listing shows, and nothing else. An order begins as PENDING, which lowers what
is shown already, and is the seller's to ship once it is paid.
"""

import itertools
import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from engine.connectors.amazon.twin_calls import operation
from engine.connectors.amazon.twin_documents import notification, now, shaped, stamp
from engine.connectors.amazon.twin_feeds import (
    Feeds,
    cancelled_orders,
    listings_report,
    refused,
)
from engine.connectors.amazon.twin_mcf import Warehouses
from engine.connectors.amazon.twin_queue import Queue, QueuePushes
from engine.connectors.base import Account
from engine.connectors.twins import Faults, Mischief, Twin

MARKET = "A1F83G8C2ARO7P"
_SELLER, _REGION = "A2SELLERTWIN00", "eu-west-1"
_OLD_S = 120.0  # a window that has an end must end so long ago


class Marketplace(Twin):
    """The seller's account, and its HTTP face `app`. `stock` is units by the seller's SKU, each a
    listing. `token_s` is how long a token lives; `rate` is what `x-amzn-RateLimit-Limit` says;
    `late_s`, how long it takes until a search finds a change."""

    connector = "amazon"
    signs = False  # trust is the queue's access policy

    def __init__(
        self, stock: Mapping[str, int], faults: Faults | None = None, seed: int = 1
    ) -> None:
        super().__init__(faults, seed)
        self.token_s, self.rate, self.late_s, self.granted = 3_600.0, "string", 0.0, 0
        self.offers: dict[str, dict[str, Any]] = {
            sku: {"quantity": units, "lead_time_to_ship_max_days": 3}
            for sku, units in stock.items()
        }
        self.book: dict[str, dict[str, Any]] = {}
        self.subscribed = False
        self.queue = Queue("AKIATWIN", "aws-secret", _REGION)
        self.pushes = QueuePushes(self.queue, self.faults, seed)
        kinds = {
            "JSON_LISTINGS_FEED": lambda body: listings_report(body, self._apply),
            "POST_ORDER_ACKNOWLEDGEMENT_DATA": lambda body: cancelled_orders(body, self._give_up),
        }
        self.feeds, self.warehouses = Feeds(kinds), Warehouses()
        self._tokens: dict[str, float] = {}
        self._numbers = itertools.count(1_000_001)
        self.app = Mischief(self._site(), self.meter, self.faults, seed, _operation)

    def account(self, url: str) -> Account:
        """Return the account with which the twin at `url` may be called."""
        secrets = {"client_id": "app", "client_secret": "shh", "refresh_token": "Atzr|twin"}
        secrets |= {"aws_key": self.queue.key, "aws_secret": self.queue.secret}
        options = {"seller_id": _SELLER, "marketplaces": MARKET, "destination": "d-1"}
        options |= {"queue": f"{url}/123456789012/orders", "queue_region": _REGION}
        options |= {"token_url": f"{url}/auth/o2/token", "feed_poll_s": "0.05", "pending": "wait"}
        return Account(
            name="amazon",
            connector=self.connector,
            channel="amazon",
            url=url,
            secrets=secrets,
            options=options,
        )

    def hook(self, url: str) -> None:
        """Have changes put into the queue; Amazon pushes to no address."""
        self.subscribed = True

    # Listings.

    def listings(self) -> dict[str, str]:
        """Return the SKU of each listing, which is its name."""
        return {sku: sku for sku in self.offers}

    def shown(self, listing: str) -> int:
        """Return the seller's own units on offer."""
        return self.offers[listing]["quantity"]

    def meddle(self, listing: str, quantity: int) -> None:
        """Somebody changes the quantity in Seller Central."""
        self.offers[listing]["quantity"] = quantity

    def _apply(self, sku: str, asked: dict[str, Any]) -> str:
        """Apply a patch; return what is wrong with it, or nothing."""
        if sku not in self.offers:
            return f"SKU {sku} does not exist"
        if not asked.get("productType"):
            return "productType is missing"
        for patch in asked.get("patches", ()):
            (value,) = patch["value"]
            if patch["path"] != "/attributes/fulfillment_availability":
                return f"{patch['path']} cannot be patched"
            if not isinstance(value["quantity"], int) or value["quantity"] < 0:
                return "quantity is not valid"
            kept = self.offers[sku] if patch["op"] == "merge" else {}
            self.offers[sku] = kept | {"quantity": value["quantity"]}
        return ""

    # Orders.

    def buy(
        self, listing: str, quantity: int = 1, *, paid: bool = True, by_amazon: bool = False
    ) -> str | None:
        """Have a shopper buy. `by_amazon`: from Amazon's own warehouses, which have enough."""
        offer = self.offers[listing]
        if not by_amazon:
            if offer["quantity"] < quantity:
                return None
            offer["quantity"] -= quantity
        number = next(self._numbers)
        name = f"026-{number}-{number % 9_999_991:07}"
        price = {"unitPrice": {"amount": "10.00", "currencyCode": "GBP"}}
        item = {
            "orderItemId": f"6{number:013}",
            "quantityOrdered": quantity,
            "product": {"asin": "B000TWIN00", "sellerSku": listing, "price": price},
            "fulfillment": {"quantityFulfilled": 0, "quantityUnfulfilled": quantity},
        }
        address = {"name": "Ada Lovelace", "addressLine1": "St James's Sq 12", "city": "London"}
        address |= {"postalCode": "SW1Y 4JH", "countryCode": "GB"}
        self.book[name] = {
            "orderId": name,
            "createdTime": now(),
            "salesChannel": {"channelName": "AMAZON", "marketplaceId": MARKET},
            "buyer": {"buyerEmail": "x7f@marketplace.amazon.co.uk"},
            "recipient": {"deliveryAddress": address},
            "fulfillment": {
                "fulfillmentStatus": "PENDING",
                "fulfilledBy": "AMAZON" if by_amazon else "MERCHANT",
            },
            "orderItems": [item],
            "packages": [],
        }
        self._becomes(name, "UNSHIPPED" if paid else "PENDING")
        return name

    def pay(self, order: str) -> None:
        """The payment of an order arrives."""
        self._becomes(order, "UNSHIPPED")

    def cancel(self, order: str) -> None:
        """Amazon or the shopper cancels. What was never paid is on offer again at once; of what
        was, the seller says what there is."""
        row = self.book[order]
        for item in row["orderItems"]:
            if row["fulfillment"]["fulfillmentStatus"] == "PENDING":
                left = item["fulfillment"]["quantityUnfulfilled"]
                self.offers[item["product"]["sellerSku"]]["quantity"] += left
            item["fulfillment"]["quantityUnfulfilled"] = 0
            item["cancellation"] = {"cancellationExecution": {"cancelledBy": "BUYER"}}
        self._becomes(order, "CANCELLED")

    def ask_to_cancel(self, order: str, reason: str) -> None:
        """The shopper asks for it, and the seller may."""
        asked = {"requester": "BUYER", "cancelReason": reason}
        self.book[order]["orderItems"][0]["cancellation"] = {"cancellationRequest": asked}
        self._changed(order)

    def reduce(self, order: str, quantity: int = 1) -> None:
        """Units of the first item are cancelled."""
        item = self.book[order]["orderItems"][0]
        item["fulfillment"]["quantityUnfulfilled"] -= quantity
        item["cancellation"] = {"cancellationExecution": {"cancelledBy": "BUYER"}}
        self._changed(order)

    def orders(self) -> dict[str, str]:
        """Return each order's standing."""
        words = {"PENDING": "unpaid", "CANCELLED": "cancelled", "SHIPPED": "fulfilled"}
        return {
            name: words.get(row["fulfillment"]["fulfillmentStatus"], "open")
            for name, row in self.book.items()
        }

    def parcels(self, order: str) -> list[str]:
        """Return the tracking number of each package."""
        return [row["trackingNumber"] for row in self.book[order]["packages"]]

    def refunds(self, order: str) -> list[int]:
        """There is no call for them."""
        return []

    def _give_up(self, order: str) -> str:
        if order not in self.book:
            return f"order {order} does not exist"
        if self.orders()[order] in ("fulfilled", "cancelled"):
            return f"order {order} is {self.orders()[order]}"
        self.cancel(order)
        self.penalties.cancel(order)
        return ""

    def _becomes(self, order: str, status: str) -> None:
        fulfillment = self.book[order]["fulfillment"]
        fulfillment["fulfillmentStatus"] = status
        if status == "UNSHIPPED":
            self.penalties.order(order)
            due = datetime.now(UTC) + timedelta(seconds=self.ship_by_s)
            fulfillment["shipByWindow"] = {"latestDateTime": stamp(due)}
        self._changed(order)

    def _changed(self, order: str) -> None:
        self.book[order]["lastUpdatedTime"] = now()
        if self.subscribed:
            body = notification(self.book[order], _SELLER, next(self._numbers))
            self.pushes.send(order, "", {}, json.dumps(body).encode())

    # The API.

    def _site(self) -> Starlette:
        orders, feeds = "/orders/2026-01-01/orders", "/feeds/2021-06-30"
        items = f"/listings/2021-08-01/items/{_SELLER}"
        rows = [
            (orders, self._search, "GET"),
            (orders + "/{order}", self._get, "GET"),
            ("/orders/v0/orders/{order}/shipmentConfirmation", self._confirm, "POST"),
            (items + "/{sku:path}", self._patch, "PATCH"),
            (items, self._listings, "GET"),
            (feeds + "/documents", self.feeds.make_document, "POST"),
            (feeds + "/documents/{name}", self.feeds.get_document, "GET"),
            (feeds + "/feeds", self.feeds.make, "POST"),
            (feeds + "/feeds/{feed}", self.feeds.get, "GET"),
            ("/notifications/v1/subscriptions/ORDER_CHANGE", self._subscription, "GET"),
            ("/notifications/v1/subscriptions/ORDER_CHANGE", self._subscribe, "POST"),
            *self.warehouses.rows(),
        ]
        guarded = [Route(p, self._guarded(call), methods=[method]) for p, call, method in rows]
        return Starlette(
            routes=[
                *guarded,
                Route("/auth/o2/token", self._grant, methods=["POST"]),
                Route("/upload/{name}", self.feeds.upload, methods=["PUT"]),
                Route("/upload/{name}", self.feeds.download, methods=["GET"]),
                Route("/", self.queue.serve, methods=["POST"]),
            ]
        )

    async def _grant(self, request: Request) -> Response:
        form = dict(pair.split("=") for pair in (await request.body()).decode().split("&"))
        if form.get("grant_type") != "refresh_token" or form.get("client_secret") != "shh":
            return JSONResponse({"error": "invalid_grant"}, 400)
        self.granted += 1
        token = f"Atza|{self.granted}"
        self._tokens[token] = time.monotonic() + self.token_s
        found = {"access_token": token, "token_type": "bearer", "expires_in": self.token_s}
        return JSONResponse(found)

    def forget_tokens(self) -> None:
        """Take back every token before its time."""
        self._tokens.clear()

    def _guarded(self, call: Any) -> Any:
        async def answer(request: Request) -> Response:
            token = request.headers.get("x-amz-access-token", "")
            if self._tokens.get(token, 0.0) < time.monotonic():
                return refused(403, "Unauthorized", "The access token you provided has expired.")
            found = await call(request)
            found.headers["x-amzn-RateLimit-Limit"] = self.rate
            return found

        return answer

    async def _search(self, request: Request) -> Response:
        query = request.query_params
        after, before = query.get("lastUpdatedAfter"), query.get("lastUpdatedBefore")
        if not after or not query.get("marketplaceIds"):
            return refused(400, "InvalidInput", "lastUpdatedAfter, marketplaceIds")
        at = datetime.now(UTC)
        if before and datetime.fromisoformat(before) > at - timedelta(seconds=_OLD_S):
            return refused(400, "InvalidInput", "lastUpdatedBefore")
        size = int(query.get("maxResultsPerPage", "100"))
        if not 1 <= size <= 100:
            return refused(400, "InvalidInput", "maxResultsPerPage")
        top = before or stamp(at - timedelta(seconds=self.late_s))
        rows = [
            row
            for row in self.book.values()
            if after <= row["lastUpdatedTime"] <= top
            and row["fulfillment"]["fulfilledBy"] in query.get("fulfilledBy", "MERCHANT,AMAZON")
        ]
        start = int(query.get("paginationToken", "0"))
        page = [shaped(row, query) for row in rows[start : start + size]]
        found: dict[str, Any] = {"orders": page, "lastUpdatedBefore": top}
        if start + size < len(rows):
            found["pagination"] = {"nextToken": str(start + size)}
        return JSONResponse(found)

    async def _get(self, request: Request) -> Response:
        row = self.book.get(request.path_params["order"])
        if row is None:
            return refused(404, "NotFound")
        return JSONResponse({"order": shaped(row, request.query_params)})

    async def _confirm(self, request: Request) -> Response:
        row, asked = self.book.get(request.path_params["order"]), await request.json()
        package = asked.get("packageDetail", {})
        if row is None:
            return refused(404, "NotFound")
        if not asked.get("marketplaceId") or not package.get("trackingNumber"):
            return refused(400, "InvalidInput", "marketplaceId, trackingNumber")
        if not package.get("packageReferenceId", "").isdigit() or not package.get("carrierCode"):
            return refused(400, "InvalidInput", "packageReferenceId, carrierCode")
        items = {item["orderItemId"]: item["fulfillment"] for item in row["orderItems"]}
        for told in package["orderItems"]:
            part = items.get(told["orderItemId"])
            if part is None or part["quantityUnfulfilled"] < told["quantity"]:
                return refused(400, "InvalidInput", "orderItems")
        for told in package["orderItems"]:
            items[told["orderItemId"]]["quantityUnfulfilled"] -= told["quantity"]
            items[told["orderItemId"]]["quantityFulfilled"] += told["quantity"]
        row["packages"].append(package)
        due = datetime.fromisoformat(row["fulfillment"]["shipByWindow"]["latestDateTime"])
        number, known = package["trackingNumber"], package["carrierCode"] != "Other"
        self.penalties.parcel(row["orderId"], due.timestamp(), number, known)
        left = any(part["quantityUnfulfilled"] for part in items.values())
        self._becomes(row["orderId"], "PARTIALLY_SHIPPED" if left else "SHIPPED")
        return Response(status_code=204)

    async def _patch(self, request: Request) -> Response:
        sku = request.path_params["sku"]
        if sku not in self.offers:
            return refused(404, "NOT_FOUND", sku)
        problem = self._apply(sku, await request.json())
        found = {"sku": sku, "status": "INVALID" if problem else "ACCEPTED", "submissionId": "s"}
        row = {"code": "90220", "message": problem, "severity": "ERROR", "categories": []}
        return JSONResponse(found | {"issues": [row] if problem else []})

    async def _listings(self, request: Request) -> Response:
        names = request.query_params.get("identifiers", "").split(",")
        if len(names) > 20 or request.query_params.get("identifiersType") != "SKU":
            return refused(400, "InvalidInput", "identifiers")
        items = []
        for sku in names:
            if sku in self.offers:
                part = {"fulfillmentChannelCode": "DEFAULT", "quantity": self.shown(sku)}
                items.append({"sku": sku, "fulfillmentAvailability": [part]})
        return JSONResponse({"numberOfResults": len(items), "items": items})

    async def _subscription(self, request: Request) -> Response:
        if not self.subscribed:
            return refused(404, "NotFound")
        return JSONResponse({"payload": _SUBSCRIPTION})

    async def _subscribe(self, request: Request) -> Response:
        asked = await request.json()
        if not asked.get("destinationId") or not asked.get("payloadVersion"):
            return refused(400, "InvalidInput", "destinationId, payloadVersion")
        self.subscribed = True
        return JSONResponse({"payload": _SUBSCRIPTION})


_SUBSCRIPTION = {"subscriptionId": "s-1", "payloadVersion": "1.0", "destinationId": "d-1"}


def _operation(scope: Any) -> str | None:
    return operation(scope["path"], scope["method"])


TWIN = Marketplace
