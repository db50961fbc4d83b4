"""A Shopify shop that runs here: orders, stock with compare-and-set, fulfillment orders, webhooks
that are removed when they fail, tokens that end, and points that are counted.

Shoppers buy what is available, which lowers it. Every change is a webhook of the order whole.
"""

import asyncio
import base64
import heapq
import hmac
import itertools
import json
import random
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from engine.connectors.base import Account
from engine.connectors.shopify import twin_orders
from engine.connectors.shopify.documents import VERSION
from engine.connectors.shopify.twin_api import Api, problem
from engine.connectors.shopify.twin_orders import Line, Order, Part, Sent, gid, text
from engine.connectors.shopify.twin_schema import COST_MAX
from engine.connectors.twins import Faults, Twin

_FAILURES_MAX = 8  # deliveries in a row that fail, and the shop removes the webhook
_TOKEN_S = 86_399
_JOB_S = 0.02  # that a cancellation takes after its answer
_OPERATION = "graphql"


class Shop(Twin):
    """The shop's state, and its HTTP face `app`. `stock` is units by SKU, each a variant."""

    connector = "shopify"

    def __init__(
        self, stock: Mapping[str, int], faults: Faults | None = None, seed: int = 1
    ) -> None:
        super().__init__(faults, seed)
        self.client_id, self.client_secret = "client_twin", "shpss_twin"
        self.variants: dict[int, dict[str, Any]] = {
            n: {"sku": sku, "available": units} for n, (sku, units) in enumerate(stock.items(), 1)
        }
        self.book: dict[int, Order] = {}
        self.hooks: dict[int, dict[str, Any]] = {}
        self.tokens: set[str] = set()
        self.points = 0  # that documents did cost
        self.granted = 0
        self._failures: dict[int, int] = {}
        self._ids = itertools.count(1_000)
        self._random = random.Random(seed)
        self.api = Api(self)
        root = f"/admin/api/{VERSION}/graphql.json"
        self.app = Starlette(
            routes=[
                Route("/admin/oauth/access_token", self._grant, methods=["POST"]),
                Route(root, self._graphql, methods=["POST"]),
            ]
        )

    def account(self, url: str) -> Account:
        """Return the account with which the twin at `url` may be called."""
        secrets = {"client_id": self.client_id, "client_secret": self.client_secret}
        return Account(
            name="shop",
            connector=self.connector,
            channel="shop",
            url=url,
            secrets=secrets | {"hook_path": "tw1n"},
            options={"pace": str(self.pace)},
        )

    def hook(self, url: str) -> None:
        """Subscribe to what happens to orders."""
        for topic in ("ORDERS_CREATE", "ORDERS_UPDATED"):
            self.subscribe(topic, url)

    def subscribe(self, topic: str, url: str) -> dict[str, Any]:
        """Make a webhook; return it as GraphQL shows it."""
        number = next(self._ids)
        row = {"id": gid("WebhookSubscription", number), "topic": topic, "uri": url}
        self.hooks[number] = row
        return row

    # Listings.

    def listings(self) -> dict[str, str]:
        """Return the SKU of each variant."""
        return {str(n): row["sku"] for n, row in self.variants.items()}

    def shown(self, listing: str) -> int:
        """Return what is available of a variant."""
        return self.variants[int(listing)]["available"]

    def meddle(self, listing: str, quantity: int) -> None:
        """Somebody changes the stock in the shop's own screens."""
        self.variants[int(listing)]["available"] = quantity

    # Orders.

    def buy(self, listing: str, quantity: int = 1, *, paid: bool = True) -> str | None:
        """Have a shopper buy; the shop commits its stock at once."""
        row = self.variants[int(listing)]
        if row["available"] < quantity:
            return None
        row["available"] -= quantity
        number, line = next(self._ids), next(self._ids)
        bought = Line(
            id=line, variant=int(listing), sku=row["sku"], quantity=quantity, current=quantity
        )
        now = datetime.now(UTC)
        self.book[number] = Order(
            id=number,
            placed=now,
            changed=now,
            financial="PAID" if paid else "PENDING",
            lines=[bought],
            parts=[Part(id=next(self._ids), left={line: quantity})],
        )
        self.changed(number, "ORDERS_CREATE", *(["ORDERS_PAID"] if paid else []))
        return str(number)

    def pay(self, order: str) -> None:
        """The payment of an order arrives."""
        self.book[int(order)].financial = "PAID"
        self.changed(int(order), "ORDERS_PAID", "ORDERS_UPDATED")

    def cancel(self, order: str, restock: bool = True) -> None:
        """The seller or the shopper cancels an order; its stock may be put back on sale."""
        found = self.book[int(order)]
        if found.cancelled:
            return
        found.cancelled = datetime.now(UTC)
        for line in found.lines if restock else ():
            self.variants[line.variant]["available"] += line.current
        for part in found.parts:
            part.left = {}
        self.changed(int(order), "ORDERS_CANCELLED", "ORDERS_UPDATED")

    def reduce(self, order: str, quantity: int = 1) -> None:
        """The seller edits an order: fewer units of its first line, not put back on sale."""
        found = self.book[int(order)]
        (line, *_) = found.lines
        line.current -= quantity
        for part in found.parts:
            if part.left.get(line.id, 0) >= quantity:
                part.left[line.id] -= quantity
                break
        self.changed(int(order), "ORDERS_EDITED", "ORDERS_UPDATED")

    def orders(self) -> dict[str, str]:
        """Return each order's standing."""
        return {str(number): _standing(order) for number, order in self.book.items()}

    def parcels(self, order: str) -> list[str]:
        """Return the tracking number of each fulfillment."""
        return [one.number for one in self.book[int(order)].sent]

    def refunds(self, order: str) -> list[int]:
        """Return the minor units of each refund of money."""
        return [int(amount * 100) for _, amount in self.book[int(order)].back if amount]

    # What the API does with orders.

    def graph(self, name: str) -> dict[str, Any] | None:
        """Return an order as GraphQL answers it."""
        found = self.book.get(_number(name))
        return twin_orders.graph(found) if found else None

    def between(self, since: str, until: str, after: tuple[str, int], most: int) -> list[Order]:
        """Return the first orders that changed in [since, until), by when they did and by their
        number, of those that come after such a place."""
        rows = [
            ((changed, order.id), order)
            for order in self.book.values()
            if since <= (changed := text(order.changed)) < until
        ]
        rows = [row for row in rows if row[0] > after]
        return [order for _, order in heapq.nsmallest(most, rows, key=lambda row: row[0])]

    def _part(self, name: str) -> tuple[Order, Part] | None:
        for order in self.book.values():
            for part in order.parts:
                if part.id == _number(name):
                    return order, part
        return None

    def graph_part(self, name: str) -> dict[str, Any] | None:
        """Return a fulfillment order as GraphQL answers it."""
        found = self._part(name)
        return twin_orders.graph_part(*found) if found else None

    def graph_sent(self, name: str) -> dict[str, Any] | None:
        """Return a fulfillment as GraphQL answers it."""
        for order in self.book.values():
            for one in order.sent:
                if one.id == _number(name):
                    return twin_orders.graph_sent(one)
        return None

    def send(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Make a fulfillment of parts of an order, which must be at one location and open."""
        wanted: list[tuple[Part, int, int]] = []
        orders, places = set(), set()
        for group in asked["lineItemsByFulfillmentOrder"]:
            found = self._part(group["fulfillmentOrderId"])
            if found is None or found[1].status != "OPEN":
                return _refused("Fulfillment order does not exist or is not open.")
            orders.add(found[0].id)
            places.add(found[1].place)
            for row in group.get("fulfillmentOrderLineItems") or ():
                wanted.append((found[1], _number(row["id"]), row["quantity"]))
        if len(orders) != 1 or len(places) != 1:
            return _refused("All fulfillment orders must be of one order and one location.")
        if any(part.left.get(line, 0) < units or units < 1 for part, line, units in wanted):
            return _refused("Invalid fulfillment order line item quantity requested.")
        tracking = asked.get("trackingInfo") or {}
        one = Sent(
            id=next(self._ids),
            number=tracking.get("number", ""),
            company=tracking.get("company", ""),
            units={},
        )
        for part, line, units in wanted:
            part.left[line] -= units
            one.units[line] = one.units.get(line, 0) + units
        (number,) = orders
        self.book[number].sent.append(one)
        self.changed(number, "ORDERS_FULFILLED", "ORDERS_UPDATED")
        return {"fulfillment": twin_orders.graph_sent(one), "userErrors": []}

    def pay_back(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Refund money of an order."""
        found = self.book.get(_number(asked["orderId"]))
        amount = sum((Decimal(row["amount"]) for row in asked["transactions"]), Decimal(0))
        if found is None or amount > found.refundable:
            return _refused("Refund cannot be more than what was paid.")
        left = found.refundable - amount
        found.back.append((asked.get("note") or "", amount))
        found.financial = "PARTIALLY_REFUNDED" if left else "REFUNDED"
        self.changed(found.id, "REFUNDS_CREATE", "ORDERS_UPDATED")
        return {"refund": {"id": gid("Refund", len(found.back))}, "userErrors": []}

    def cancel_later(self, orderId: str, restock: bool, **_: Any) -> dict[str, Any]:
        """Cancel an order, as a job that runs after the answer."""
        found = self.book.get(_number(orderId))
        if found is None or found.cancelled:
            wrong = problem("Order cannot be cancelled", "INVALID", ["orderId"])
            return {"orderCancelUserErrors": [wrong]}
        loop = asyncio.get_running_loop()
        loop.call_later(_JOB_S, self.cancel, str(found.id), restock)
        job = {"id": gid("Job", next(self._ids)), "done": False}
        return {"job": job, "orderCancelUserErrors": []}

    # Pushing.

    def changed(self, number: int, *topics: str) -> None:
        """Note that an order changed, and push it to whoever subscribed to one of the topics."""
        order, event = self.book[number], str(uuid.UUID(int=self._random.getrandbits(128)))
        order.changed = datetime.now(UTC)
        for key, hook in list(self.hooks.items()):
            if hook["topic"] in topics:
                self._push(key, hook, event, order)

    def _push(self, key: int, hook: dict[str, Any], event: str, order: Order) -> None:
        kind, _, what = hook["topic"].lower().partition("s_")
        word = f"{kind}s/{what}"
        body = json.dumps(_body(word, order)).encode()
        headers = {
            "content-type": "application/json",
            "x-shopify-topic": word,
            "x-shopify-shop-domain": "twin.myshopify.com",
            "x-shopify-api-version": VERSION,
            "x-shopify-hmac-sha256": self.sign(body),
            "x-shopify-webhook-id": str(uuid.UUID(int=self._random.getrandbits(128))),
            "x-shopify-event-id": event,
            "x-shopify-triggered-at": datetime.now(UTC).isoformat(),
        }

        def forged() -> tuple[dict[str, str], bytes]:
            other = json.loads(body)
            other["id"] = 1
            return headers | {"x-shopify-event-id": "forged"}, json.dumps(other).encode()

        self.pushes.send(key, hook["uri"], headers, body, forged)

    def sign(self, body: bytes) -> str:
        """Return the signature of a body."""
        mac = hmac.digest(self.client_secret.encode(), body, "sha256")
        return base64.b64encode(mac).decode()

    def answered(self, key: Any, status: int) -> None:
        """Count failures in a row; too many remove the webhook."""
        if key not in self.hooks:
            return
        fails = 0 if 200 <= status < 300 else self._failures.get(key, 0) + 1
        self._failures[key] = fails
        if fails >= _FAILURES_MAX:
            del self.hooks[key]

    # The API.

    async def _grant(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode()))
        right = (self.client_id, self.client_secret)
        if form.get("grant_type") != "client_credentials" or right != (
            form.get("client_id"),
            form.get("client_secret"),
        ):
            return JSONResponse({"error": "invalid_client"}, 400)
        self.granted += 1
        token = f"shpat_{self.granted}"
        self.tokens.add(token)
        return JSONResponse({"access_token": token, "scope": "", "expires_in": _TOKEN_S})

    async def _graphql(self, request: Request) -> Response:
        if request.headers.get("x-shopify-access-token") not in self.tokens:
            return JSONResponse({"errors": "[API] Invalid API key or access token"}, 401)
        asked = await request.json()
        query, variables = asked["query"], asked.get("variables") or {}
        price, chance = self.api.price(query, variables), self._random.random()
        if price > COST_MAX:
            return self._errors(f"Query cost is {price}", "MAX_COST_EXCEEDED", price)
        if chance < self.faults.refused or not self.meter.take(_OPERATION, price):
            return self._errors("Throttled", "THROTTLED", price)
        self.points += price
        chance -= self.faults.refused
        if chance < self.faults.broken:
            return JSONResponse({"errors": "Internal Server Error"}, 500)
        answer, used = self.api.run(query, variables)
        if chance - self.faults.broken < self.faults.broken_after:
            return JSONResponse({"errors": "Internal Server Error"}, 500)
        self.meter.give_back(_OPERATION, price - used)
        self.points -= price - used
        return JSONResponse(answer | {"extensions": self._cost(price, used)})

    def _errors(self, message: str, code: str, price: int) -> Response:
        error = {"message": message, "extensions": {"code": code}}
        return JSONResponse({"errors": [error], "extensions": self._cost(price, None)})

    def _cost(self, price: int, used: int | None) -> dict[str, Any]:
        status = {
            "maximumAvailable": 2_000 * self.pace,
            "currentlyAvailable": int(self.meter.left(_OPERATION)),
            "restoreRate": 100 * self.pace,
        }
        cost = {"requestedQueryCost": price, "actualQueryCost": used, "throttleStatus": status}
        return {"cost": cost}


def _standing(order: Order) -> str:
    if order.cancelled:
        return "cancelled"
    if order.fulfillment == "FULFILLED":
        return "fulfilled"
    return "unpaid" if order.financial == "PENDING" else "open"


def _body(topic: str, order: Order) -> dict[str, Any]:
    """Return what a webhook of a topic brings."""
    if topic == "orders/edited":
        return {"order_edit": {"id": 1, "order_id": order.id, "line_items": {}}}
    if topic == "refunds/create":
        return {"id": 1, "order_id": order.id}
    if topic == "fulfillment_orders/placed_on_hold":
        return {"fulfillment_order": {"id": gid("FulfillmentOrder", order.parts[0].id)}}
    return twin_orders.pushed(order)


def _refused(message: str) -> dict[str, Any]:
    return {"userErrors": [problem(message)]}


def _number(name: str) -> int:
    return int(name.rpartition("/")[2])


TWIN = Shop
