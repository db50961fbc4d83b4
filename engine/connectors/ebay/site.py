"""The API of the twin: what each call does to a `twin.Marketplace`."""

import asyncio
import base64
import re
import secrets
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

_SKUS_MAX, _PAGE_MAX = 25, 200
_WINDOW = re.compile(r"lastmodifieddate:\[(\S+?)\.\.(\S+?)\]")
_INVENTORY, _FULFILLMENT = "/sell/inventory/v1", "/sell/fulfillment/v1"
_NOTIFICATION = "/commerce/notification/v1"
Answer = Callable[[Any, Request], Awaitable[Response]]


def token(twin: Any) -> Callable[[Request], Awaitable[Response]]:
    """Return what gives tokens to who shows the application's secret and a refresh token."""

    async def answer(request: Request) -> Response:
        form = dict(pair.split("=", 1) for pair in (await request.body()).decode().split("&"))
        pair = base64.b64encode(f"{twin.client_id}:{twin.client_secret}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {pair}":
            return JSONResponse({"error": "invalid_client"}, 401)
        if form.get("grant_type") != "refresh_token" or "scope" not in form:
            return JSONResponse({"error": "invalid_grant"}, 400)
        word = secrets.token_urlsafe(16)
        twin.tokens[word] = time.monotonic() + twin.token_life_s
        kind = {"token_type": "User Access Token", "expires_in": twin.token_life_s}
        return JSONResponse({"access_token": word, **kind})

    return answer


def guarded(twin: Any, call: Answer) -> Callable[[Request], Awaitable[Response]]:
    """Return a call that needs a token that has not ended."""

    async def answer(request: Request) -> Response:
        scheme, _, word = request.headers.get("authorization", "").partition(" ")
        right = "IAF" if request.url.path.startswith("/post-order/") else "Bearer"
        if scheme != right or twin.tokens.get(word, 0.0) < time.monotonic():
            return error(401, 1001, "Invalid access token")
        await asyncio.sleep(0)
        return await call(twin, request)

    return answer


def now() -> str:
    """Return the time as eBay writes it: milliseconds, in UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def error(status: int, number: int, message: str) -> Response:
    """Return an error as eBay writes it."""
    return JSONResponse({"errors": [problem(number, message)]}, status)


def problem(number: int, message: str) -> dict[str, Any]:
    """Return one of an answer's errors."""
    return {"errorId": number, "domain": "API", "category": "REQUEST", "message": message}


async def _list_orders(twin: Any, request: Request) -> Response:
    query = request.query_params
    size, at = int(query.get("limit", "50")), int(query.get("offset", "0"))
    window = _WINDOW.fullmatch(query.get("filter", ""))
    if size > _PAGE_MAX or window is None:
        return error(400, 30_700, "Invalid limit or filter")
    since, until = window.groups()
    rows = [row for row in twin.book.values() if since <= row["lastModifiedDate"] <= until]
    page = {"total": len(rows), "limit": size, "offset": at, "orders": rows[at : at + size]}
    return JSONResponse(page)


async def _get_order(twin: Any, request: Request) -> Response:
    found = twin.book.get(request.path_params["order"])
    return JSONResponse(found) if found else error(404, 32_100, "Invalid order ID")


async def _list_parcels(twin: Any, request: Request) -> Response:
    rows = twin.shipped[request.path_params["order"]]
    return JSONResponse({"total": len(rows), "fulfillments": rows})


async def _parcel(twin: Any, request: Request) -> Response:
    """A parcel that is told twice is there twice; the answer's body is empty."""
    name, body = request.path_params["order"], await request.json()
    order = twin.book.get(name)
    if order is None:
        return error(404, 32_100, "Invalid order ID")
    if bool(body.get("trackingNumber")) != bool(body.get("shippingCarrierCode")):
        return error(400, 32_630, "Give a tracking number and a carrier, or neither")
    number = str(next(twin.ids))
    row = {"fulfillmentId": number, "lineItems": body["lineItems"]}
    row |= {"shippedDate": body["shippedDate"]}
    row["shipmentTrackingNumber"] = body.get("trackingNumber", "")
    twin.shipped[name].append(row)
    twin.penalties.parcel(name, None, row["shipmentTrackingNumber"])
    left = {line["lineItemId"]: line["quantity"] for line in order["lineItems"]}
    for parcel in twin.shipped[name]:
        for line in parcel["lineItems"]:
            left[line["lineItemId"]] -= line["quantity"]
    done = all(units <= 0 for units in left.values())
    order["orderFulfillmentStatus"] = "FULFILLED" if done else "IN_PROGRESS"
    twin.changed(name)
    place = f"https://api.ebay.com{request.url.path}/{number}"
    return JSONResponse({}, 201, {"location": place})


async def _refund(twin: Any, request: Request) -> Response:
    name, body = request.path_params["order"], await request.json()
    if name not in twin.book or "reasonForRefund" not in body:
        return error(400, 34_900, "Invalid order ID or no reason")
    row = {"refundId": str(next(twin.ids)), "refundStatus": "PENDING"}
    row |= {"amount": body["orderLevelRefundAmount"], "refundDate": now()}
    twin.paid_back[name].append(row)
    twin.book[name]["paymentSummary"]["refunds"].append(row)
    twin.book[name]["orderPaymentStatus"] = "PARTIALLY_REFUNDED"
    twin.changed(name)
    return JSONResponse({"refundId": row["refundId"], "refundStatus": "PENDING"})


async def _cancel(twin: Any, request: Request) -> Response:
    body = await request.json()
    name = body.get("legacyOrderId")
    if name not in twin.book or not body.get("cancelReason"):
        return error(400, 1_616, "Invalid order ID or no reason")
    if twin.book[name]["cancelStatus"]["cancelState"] == "CANCELED":
        return error(409, 1_617, "It is cancelled already")
    twin.cancel(name)
    twin.penalties.cancel(name)
    return JSONResponse({"cancelId": str(next(twin.ids))})


async def _update(twin: Any, request: Request) -> Response:
    """More than 25 SKUs are refused as a whole; else each is answered for itself."""
    requests = (await request.json()).get("requests", [])
    if len(requests) > _SKUS_MAX:
        return error(400, 25_708, "More than 25 requests")
    rows = []
    for row in requests:
        sku, quantity = row["sku"], row["shipToLocationAvailability"]["quantity"]
        if sku not in twin.stock:
            text = problem(25_702, f"{sku} could not be found or is not available in the system.")
            rows.append({"sku": sku, "statusCode": 404, "errors": [text]})
        elif not twin.revise(sku, quantity):
            text = problem(25_002, "The listing was revised 250 times today.")
            rows.append({"sku": sku, "statusCode": 400, "errors": [text]})
        else:
            rows.append({"sku": sku, "statusCode": 200})
    status = 200 if all(row["statusCode"] == 200 for row in rows) else 207
    return JSONResponse({"responses": rows}, status)


async def _items(twin: Any, request: Request) -> Response:
    skus = [row["sku"] for row in (await request.json())["requests"]]
    if len(skus) > _SKUS_MAX:
        return error(400, 25_708, "More than 25 requests")
    rows = []
    for sku in skus:
        if sku in twin.stock:
            there = {"shipToLocationAvailability": {"quantity": twin.stock[sku]}}
            item = {"sku": sku, "availability": there}
            rows.append({"sku": sku, "statusCode": 200, "inventoryItem": item})
        else:
            text = problem(25_702, f"{sku} could not be found.")
            rows.append({"sku": sku, "statusCode": 404, "errors": [text]})
    return JSONResponse({"responses": rows})


async def _public_key(twin: Any, request: Request) -> Response:
    if request.path_params["key"] != twin.key_id:
        return error(404, 195_018, "Not Found")
    return JSONResponse(twin.public_key())


async def _subscriptions(twin: Any, request: Request) -> Response:
    row = {"subscriptionId": "s-1", "topicId": "ORDER_CONFIRMATION", "status": twin.subscription}
    return JSONResponse({"total": 1, "limit": 100, "subscriptions": [row]})


async def _enable(twin: Any, request: Request) -> Response:
    twin.subscription = "ENABLED"
    return Response(status_code=204)


ROUTES: tuple[tuple[str, str, Answer], ...] = (
    (f"{_FULFILLMENT}/order", "GET", _list_orders),
    (f"{_FULFILLMENT}/order/{{order}}", "GET", _get_order),
    (f"{_FULFILLMENT}/order/{{order}}/shipping_fulfillment", "GET", _list_parcels),
    (f"{_FULFILLMENT}/order/{{order}}/shipping_fulfillment", "POST", _parcel),
    (f"{_FULFILLMENT}/order/{{order}}/issue_refund", "POST", _refund),
    ("/post-order/v2/cancellation", "POST", _cancel),
    (f"{_INVENTORY}/bulk_update_price_quantity", "POST", _update),
    (f"{_INVENTORY}/bulk_get_inventory_item", "POST", _items),
    (f"{_NOTIFICATION}/public_key/{{key}}", "GET", _public_key),
    (f"{_NOTIFICATION}/subscription", "GET", _subscriptions),
    (f"{_NOTIFICATION}/subscription/{{name}}/enable", "POST", _enable),
)
_OPERATIONS = {
    ("GET", "order"): "orders",
    ("GET", "shipping_fulfillment"): "parcels",
    ("POST", "shipping_fulfillment"): "parcel",
    ("POST", "issue_refund"): "refund",
    ("POST", "cancellation"): "cancel",
    ("POST", "bulk_update_price_quantity"): "stock",
    ("POST", "bulk_get_inventory_item"): "items",
    ("GET", "subscription"): "subscriptions",
    ("POST", "enable"): "subscription",
    ("POST", "token"): "token",
}


def operation(scope: Any) -> str | None:
    """Return which operation of the quotas a call is."""
    path = scope["path"].strip("/").split("/")
    if path[-2] == "public_key":
        return "key"
    return _OPERATIONS.get((scope["method"], path[-1]), "order")
