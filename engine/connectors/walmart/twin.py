"""Walmart's marketplace that runs here: purchase orders, inventory, subscriptions; feeds are in
`twin_feeds`. Shoppers buy only what is shown, and what they have not paid for no seller sees.
"""

import base64
import hmac
import itertools
import json
import secrets
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from engine.connectors.base import Account
from engine.connectors.twins import Faults, Mischief, Twin
from engine.connectors.walmart.auth import SERVICE
from engine.connectors.walmart.twin_feeds import Feeds
from engine.connectors.walmart.twin_orders import Refused, fresh, move, pay_back, units

_TOKEN_S = 900
_OPERATIONS = {
    ("POST", "token"): "token",
    ("GET", "orders"): "orders",
    ("PUT", "inventory"): "inventory",
    ("GET", "inventory"): "shown",
    ("POST", "feeds"): "feed",
    ("GET", "feeds"): "feed_status",
    ("GET", "webhooks"): "hooks",
    ("PATCH", "webhooks"): "hook",
}
_ACTIONS = {"acknowledge": "acknowledge", "shipping": "ship"}


class Market(Twin):
    """The seller's account, and its HTTP face `app`. `stock` is units by SKU."""

    connector = "walmart"
    refunds_before_parcel = False

    def __init__(
        self,
        stock: Mapping[str, int],
        faults: Faults | None = None,
        seed: int = 1,
        feed_s: float = 1_800.0,
    ) -> None:
        super().__init__(faults, seed)
        self.client, self.secret, self.hook_secret = "twin-id", "twin-secret", "hook-secret"
        self.stock: dict[str, int] = dict(stock)
        self.book: dict[str, dict[str, Any]] = {}
        self.unpaid: dict[str, dict[str, Any]] = {}
        self.hooks: dict[str, dict[str, Any]] = {}
        self.tokens: dict[str, float] = {}
        self.feeds = Feeds(self.stock, feed_s)
        self.token_s = _TOKEN_S
        self._ids, self._events = itertools.count(1_796_277_083_022), itertools.count(1)
        self.app = Mischief(self._site(), self.meter, self.faults, seed, _operation)

    def account(self, url: str) -> Account:
        """Return the account with which the twin at `url` may be called."""
        given = {"client_id": self.client, "client_secret": self.secret}
        given |= {"hook_secret": self.hook_secret, "hook_path": "tw1n"}
        options = {"tracking_url": "https://parcels.example/{tracking}"}
        return Account(
            name="walmart",
            connector=self.connector,
            channel="walmart",
            url=url,
            secrets=given,
            options=options,
        )

    def hook(self, url: str) -> None:
        """Subscribe to what happens to orders."""
        for event in ("PO_CREATED", "PO_LINE_AUTOCANCELLED", "ORDER_INTENT_TO_CANCEL"):
            name = secrets.token_hex(8)
            row = {"subscriptionId": name, "eventType": event, "eventUrl": url, "status": "ACTIVE"}
            self.hooks[name] = row | {"eventVersion": "V1", "resourceName": "ORDER"}

    # Listings.

    def listings(self) -> dict[str, str]:
        """A listing is a SKU."""
        return {sku: sku for sku in self.stock}

    def shown(self, listing: str) -> int:
        """Return what shoppers see."""
        return self.stock[listing]

    def meddle(self, listing: str, quantity: int) -> None:
        """Somebody changes the quantity in Seller Center."""
        self.stock[listing] = quantity

    # Orders.

    def buy(self, listing: str, quantity: int = 1, *, paid: bool = True) -> str | None:
        """Have a shopper buy; what is not paid yet is no order that a seller sees."""
        if self.stock[listing] < quantity:
            return None
        self.stock[listing] -= quantity
        number = str(next(self._ids))
        self.unpaid[number] = fresh(number, listing, quantity, self.ship_by_s)
        if paid:
            self.pay(number)
        return number

    def pay(self, order: str) -> None:
        """The payment arrives: a purchase order is made."""
        self.book[order] = self.unpaid.pop(order)
        self.penalties.order(order)
        self._happened("PO_CREATED", self.book[order])

    def cancel(self, order: str) -> None:
        """Walmart cancels all lines. What is shown does not rise by that: it is for the seller to
        say whether the units are there."""
        found = self.unpaid.get(order) or self.book[order]
        for line in found["orderLines"]["orderLine"]:
            move(line, "Cancelled", units(line, "Created", "Acknowledged"))
        if order in self.book:
            self._happened("PO_LINE_AUTOCANCELLED", found)

    def reduce(self, order: str, quantity: int = 1) -> None:
        """Walmart cancels units of the first line."""
        move(self.book[order]["orderLines"]["orderLine"][0], "Cancelled", quantity)
        self._happened("PO_LINE_AUTOCANCELLED", self.book[order])

    def ask_to_cancel(self, order: str) -> None:
        """The shopper asks for the first line to be cancelled; the seller decides."""
        line = self.book[order]["orderLines"]["orderLine"][0]
        line |= {"intentToCancel": "true", "statusDate": int(time.time() * 1000)}
        self._happened("ORDER_INTENT_TO_CANCEL", self.book[order])

    def orders(self) -> dict[str, str]:
        """Return each order's standing."""
        found = dict.fromkeys(self.unpaid, "unpaid")
        for number, order in self.book.items():
            lines = order["orderLines"]["orderLine"]
            open_ = sum(units(line, "Created", "Acknowledged") for line in lines)
            left = sum(units(line, "Shipped", "Refund") for line in lines)
            found[number] = "open" if open_ else "fulfilled" if left else "cancelled"
        return found

    def parcels(self, order: str) -> list[str]:
        """Return the tracking number of each status that has one."""
        return [
            row["trackingInfo"]["trackingNumber"]
            for line in self.book[order]["orderLines"]["orderLine"]
            for row in line["orderLineStatuses"]["orderLineStatus"]
            if "trackingInfo" in row
        ]

    def refunds(self, order: str) -> list[int]:
        """Return the minor units of each refund."""
        return [amount for line in self._lines(order) for amount in line.get("_paid_back", ())]

    def _lines(self, order: str) -> list[dict[str, Any]]:
        return self.book[order]["orderLines"]["orderLine"]

    # Pushing.

    def _happened(self, event: str, order: dict[str, Any]) -> None:
        order_id = order["purchaseOrderId"]
        source = {"eventType": event, "eventTime": datetime.now(UTC).isoformat()}
        source["eventId"] = f"e-{next(self._events)}"
        payload = {"partnerId": "10000000359", "purchaseOrderId": order_id}
        body = json.dumps({"source": source, "payload": payload}).encode()
        forged = body.replace(order_id.encode(), b"0").replace(b"e-", b"f-")
        for name, hook in self.hooks.items():
            if hook["eventType"] == event and hook["status"] == "ACTIVE":
                headers = self._signed(body)
                self.pushes.send(
                    name, hook["eventUrl"], headers, body, lambda h=headers: (h, forged)
                )

    def _signed(self, body: bytes) -> dict[str, str]:
        mac = base64.b64encode(hmac.digest(self.hook_secret.encode(), body, "sha256")).decode()
        return {"content-type": "application/json", "x-walmart-signature": mac}

    # The API.

    def _site(self) -> Starlette:
        routes = [
            ("/orders", self._list_orders, "GET"),
            ("/orders/{order}", self._get_order, "GET"),
            ("/orders/{order}/{action}", self._act, "POST"),
            ("/inventory", self._get_inventory, "GET"),
            ("/inventory", self._put_inventory, "PUT"),
            ("/feeds", self.feeds.take, "POST"),
            ("/feeds/{feed}", self.feeds.status, "GET"),
            ("/webhooks/subscriptions", self._list_hooks, "GET"),
            ("/webhooks/subscriptions/{hook}", self._patch_hook, "PATCH"),
        ]
        known = [
            Route("/v3" + path, self._guarded(call), methods=[method])
            for path, call, method in routes
        ]
        return Starlette(routes=[Route("/v3/token", self._token, methods=["POST"]), *known])

    def _refusal(self, request: Request, token: bool) -> Response | None:
        """Say what is missing of what every call must carry."""
        pair = base64.b64encode(f"{self.client}:{self.secret}".encode()).decode()
        given = request.headers
        if given.get("wm_svc.name") != SERVICE or not given.get("wm_qos.correlation_id"):
            return _error(400, "INVALID_REQUEST_HEADER", "WM_SVC.NAME, WM_QOS.CORRELATION_ID")
        if given.get("authorization") != f"Basic {pair}":
            return _error(401, "UNAUTHORIZED", "Authorization")
        if token and self.tokens.get(given.get("wm_sec.access_token", ""), 0.0) < time.monotonic():
            return _error(401, "UNAUTHORIZED", "WM_SEC.ACCESS_TOKEN")
        return None

    async def _token(self, request: Request) -> Response:
        if (refusal := self._refusal(request, token=False)) is not None:
            return refusal
        form = parse_qs((await request.body()).decode())
        if form.get("grant_type") != ["client_credentials"]:
            return _error(400, "INVALID_REQUEST", "grant_type")
        token = secrets.token_hex(16)
        self.tokens[token] = time.monotonic() + self.token_s
        found = {"access_token": token, "token_type": "Bearer", "expires_in": self.token_s}
        return JSONResponse(found)

    def _guarded(self, call: Any) -> Any:
        async def answer(request: Request) -> Response:
            return self._refusal(request, token=True) or await call(request)

        return answer

    async def _list_orders(self, request: Request) -> Response:
        query = request.query_params
        limit = int(query.get("limit", "100"))
        if limit > 200:
            return _error(400, "INVALID_REQUEST_PARAM", "limit")
        week = datetime.now(UTC) - timedelta(days=7)
        made = _ms(query["createdStartDate"]) if "createdStartDate" in query else _ms_of(week)
        after = _ms(query.get("lastModifiedStartDate", "1970-01-01T00:00:00Z"))
        before = _ms(query.get("lastModifiedEndDate", "2100-01-01T00:00:00Z"))
        rows = [
            order
            for order in self.book.values()
            if made <= order["orderDate"] and after <= _changed(order) <= before
        ]
        if not rows:
            return _error(404, "NOT_FOUND", "no orders")
        start = int(query.get("soIndex", "0"))
        meta: dict[str, Any] = {"totalCount": len(rows), "limit": limit}
        if len(rows) > start + limit:
            again = "&".join(f"{k}={v}" for k, v in query.items() if k != "soIndex")
            meta["nextCursor"] = f"?{again}&soIndex={start + limit}"
        page = [_public(row) for row in rows[start : start + limit]]
        return JSONResponse({"list": {"meta": meta, "elements": {"order": page}}})

    async def _get_order(self, request: Request) -> Response:
        found = self.book.get(request.path_params["order"])
        return JSONResponse({"order": _public(found)}) if found else _error(404, "NOT_FOUND", "PO")

    async def _act(self, request: Request) -> Response:
        """Acknowledge, ship, cancel or refund lines; all of what is asked for, or nothing."""
        order = self.book.get(request.path_params["order"])
        if order is None:
            return _error(404, "NOT_FOUND", "PO")
        action = request.path_params["action"]
        lines = {line["lineNumber"]: line for line in order["orderLines"]["orderLine"]}
        try:
            if action == "acknowledge":
                for line in lines.values():
                    move(line, "Acknowledged", units(line, "Created"), ("Created",))
            elif action == "refund":
                pay_back(lines, (await request.json())["orderRefund"])
            elif action in ("shipping", "cancel"):
                body = await request.json()
                self._change(lines, action, body)
                self._judge(order, action, body)
            else:
                return _error(404, "NOT_FOUND", action)
        except Refused as error:
            return _error(400, "INVALID_REQUEST_CONTENT", str(error))
        return JSONResponse({"order": _public(order)})

    def _change(self, lines: dict[str, Any], action: str, body: dict[str, Any]) -> None:
        """Ship or cancel units."""
        kind = {"shipping": "orderShipment", "cancel": "orderCancellation"}[action]
        rows = [
            (lines[row["lineNumber"]], status)
            for row in body[kind]["orderLines"]["orderLine"]
            for status in row["orderLineStatuses"]["orderLineStatus"]
        ]
        for line, status in rows:
            count = int(status["statusQuantity"]["amount"])
            if units(line, "Created", "Acknowledged") < count:
                raise Refused(f"line {line['lineNumber']} has not so many units")
            if action == "shipping" and units(line, "Created"):
                raise Refused(f"line {line['lineNumber']} is not acknowledged")
        for line, status in rows:
            count = int(status["statusQuantity"]["amount"])
            if action == "cancel":
                move(line, "Cancelled", count)
            else:
                move(line, "Shipped", count, tracking=status["trackingInfo"])

    def _judge(self, order: dict[str, Any], action: str, body: dict[str, Any]) -> None:
        """Note what it says of the seller."""
        name = order["purchaseOrderId"]
        if action == "cancel":
            return self.penalties.cancel(name)
        due_s = order["shippingInfo"]["estimatedShipDate"] / 1000
        parcels = {}
        for row in body["orderShipment"]["orderLines"]["orderLine"]:
            for status in row["orderLineStatuses"]["orderLineStatus"]:
                info = status["trackingInfo"]
                parcels[info["trackingNumber"]] = "carrier" in info["carrierName"]
        for number, known in parcels.items():
            self.penalties.parcel(name, due_s, number, known)

    async def _get_inventory(self, request: Request) -> Response:
        sku = request.query_params.get("sku", "")
        if sku not in self.stock:
            return _error(404, "CONTENT_NOT_FOUND", "sku")
        quantity = {"unit": "EACH", "amount": self.stock[sku]}
        return JSONResponse({"sku": sku, "quantity": quantity})

    async def _put_inventory(self, request: Request) -> Response:
        body, sku = await request.json(), request.query_params.get("sku", "")
        if sku not in self.stock or body["sku"] != sku:
            return _error(404, "CONTENT_NOT_FOUND", "sku")
        if body["quantity"]["unit"] != "EACH" or body["quantity"]["amount"] < 0:
            return _error(400, "INVALID_REQUEST_CONTENT", "quantity")
        self.stock[sku] = body["quantity"]["amount"]
        return JSONResponse(body)

    async def _list_hooks(self, request: Request) -> Response:
        return JSONResponse({"events": [{"event": list(self.hooks.values())}]})

    async def _patch_hook(self, request: Request) -> Response:
        hook = self.hooks[request.path_params["hook"]]
        hook.update(await request.json())
        return JSONResponse({"event": [hook]})


def _operation(scope: Any) -> str | None:
    parts = scope["path"].strip("/").split("/")
    if parts[1:2] == ["orders"] and len(parts) > 2:
        return "order" if len(parts) == 3 else _ACTIONS.get(parts[3], parts[3])
    return _OPERATIONS.get((scope["method"], parts[1] if len(parts) > 1 else ""))


def _changed(order: dict[str, Any]) -> int:
    dates = (line["statusDate"] for line in order["orderLines"]["orderLine"])
    return max(order["orderDate"], *dates)


def _public(order: dict[str, Any]) -> dict[str, Any]:
    lines = [
        {name: value for name, value in line.items() if not name.startswith("_")}
        for line in order["orderLines"]["orderLine"]
    ]
    return order | {"orderLines": {"orderLine": lines}}


def _ms(text: str) -> int:
    return _ms_of(datetime.fromisoformat(text.replace("Z", "+00:00")))


def _ms_of(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def _error(status: int, code: str, field: str) -> Response:
    row = {"code": f"{code}.GMP_GATEWAY_API", "field": field, "description": code}
    return JSONResponse({"errors": {"error": [row]}}, status)


TWIN = Market
