"""The API of the twin: what each call does to a `twin.Shop`."""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

UNITS_MAX = 999
_PAGE_MAX, _OFFSET_MAX, _LISTINGS_MAX = 100, 12_000, 100
_FREE_OF_TRACKING = 1_000  # cents; a parcel of more within the US has a number
_ONLY_SHOWN = {"product_id", "is_deleted", "offering_id", "scale_name"}
_BASE = "/v3/application"
Answer = Callable[[Any, Request], Awaitable[Response]]


def token(twin: Any) -> Callable[[Request], Awaitable[Response]]:
    """Return what gives a token, and a new refresh token, to who shows one that was given. Those
    before the last work, too: Etsy's users see that (github.com/etsy/open-api/issues/353)."""

    async def answer(request: Request) -> Response:
        form = parse_qs((await request.body()).decode())
        shown = {name: values[0] for name, values in form.items()}
        if shown.get("client_id") != twin.keystring or shown.get("grant_type") != "refresh_token":
            return JSONResponse({"error": "invalid_request"}, 400)
        user, _, number = twin.refresh_token.rpartition("-")
        if shown.get("refresh_token") not in {f"{user}-{n}" for n in range(int(number) + 1)}:
            return JSONResponse({"error": "invalid_grant"}, 400)
        word = f"77.{secrets.token_urlsafe(16)}"
        twin.refresh_token = f"{user}-{int(number) + 1}"
        twin.tokens[word] = time.monotonic() + twin.token_life_s
        found = {"access_token": word, "token_type": "Bearer", "expires_in": twin.token_life_s}
        return JSONResponse(found | {"refresh_token": twin.refresh_token})

    return answer


def guarded(twin: Any, call: Answer) -> Callable[[Request], Awaitable[Response]]:
    """Return a call that needs the application's words and a token that has not ended."""

    async def answer(request: Request) -> Response:
        if request.headers.get("x-api-key") != f"{twin.keystring}:{twin.shared_secret}":
            return error(403, "Shared secret is required in x-api-key header.")
        _, _, word = request.headers.get("authorization", "").partition(" ")
        if twin.tokens.get(word, 0.0) < time.monotonic():
            return error(401, "invalid_token")
        if request.path_params.get("shop", twin.shop_id) != twin.shop_id:
            return error(403, "The shop is not yours")
        await asyncio.sleep(0)
        return await call(twin, request)

    return answer


def error(status: int, message: str) -> Response:
    """Return an error as Etsy writes it."""
    return JSONResponse({"error": message}, status)


async def _get_inventory(twin: Any, request: Request) -> Response:
    row = twin.shelf.get(request.path_params["listing"])
    if row is None:
        return error(404, "Resource not found")
    found = dict(row["inventory"])
    if request.query_params.get("includes") == "Listing":
        found["listing"] = {"listing_id": row["listing_id"], "state": row["state"]}
    return JSONResponse(found)


async def _put_inventory(twin: Any, request: Request) -> Response:
    """The whole inventory becomes what is sent; products and offerings have new ids."""
    row, body = twin.shelf.get(request.path_params["listing"]), await request.json()
    if row is None:
        return error(404, "Resource not found")
    if why := _wrong(body):
        return error(400, why)
    products = []
    for product in body["products"]:
        (offering,) = product["offerings"]
        price, shows = round(offering["price"] * 100), offering["is_enabled"]
        kept = {"sku": product["sku"], "property_values": product["property_values"]}
        kept |= {"product_id": next(twin.ids), "is_deleted": False}
        kept["offerings"] = [twin.offering(offering["quantity"], price, shows=shows)]
        products.append(kept)
    row["inventory"] = body | {"products": products}
    return JSONResponse(row["inventory"])


def _wrong(body: dict[str, Any]) -> str:
    """Say why an inventory is not taken."""
    units: dict[tuple, set[int]] = {}
    for product in body.get("products") or [{}]:
        offerings = product.get("offerings") or [{}]
        for part in (product, *offerings, *product.get("property_values", ())):
            if extra := _ONLY_SHOWN & part.keys():
                return f"Unexpected fields: {sorted(extra)}"
        if {"price", "quantity", "is_enabled", "readiness_state_id"} - offerings[0].keys():
            return "An offering needs price, quantity, is_enabled and readiness_state_id"
        if not isinstance(offerings[0]["price"], int | float):
            return "The price must be a float"
        if not 0 <= offerings[0]["quantity"] <= UNITS_MAX:
            return "The quantity must be between 0 and 999"
        values = product.get("property_values", ())
        key = tuple(
            (value["property_id"], *value["value_ids"])
            for value in values
            if value["property_id"] in body.get("quantity_on_property", ())
        )
        units.setdefault(key, set()).add(offerings[0]["quantity"])
    if any(len(some) > 1 for some in units.values()):
        return "Quantities are incompatible with quantity_on_property"
    if not any(max(some) for some in units.values()):
        return "One offering must have quantity greater than 0"
    return ""


async def _batch(twin: Any, request: Request) -> Response:
    numbers = [int(text) for text in request.query_params["listing_ids"].split(",")]
    if len(numbers) > _LISTINGS_MAX:
        return error(400, "Too many listings")
    if any(number not in twin.shelf for number in numbers):
        return error(404, "Some listings were not found")
    return JSONResponse({"count": len(numbers), "results": [twin.shelf[n] for n in numbers]})


async def _patch_listing(twin: Any, request: Request) -> Response:
    """What was sold out has one unit when it is opened."""
    row, form = twin.shelf.get(request.path_params["listing"]), await request.body()
    state = parse_qs(form.decode()).get("state", [""])[0]
    if row is None:
        return error(404, "Resource not found")
    if state not in ("active", "inactive"):
        return error(400, "The state must be active or inactive")
    offerings = [product["offerings"][0] for product in row["inventory"]["products"]]
    if sum(offering["quantity"] for offering in offerings) > UNITS_MAX:
        return error(400, "The quantity must be between 1 and 999")
    if row["state"] == "sold_out" and state == "active":
        offerings[0]["quantity"] = 1
    row["state"] = state
    return JSONResponse({"listing_id": row["listing_id"], "state": state})


async def _receipts(twin: Any, request: Request) -> Response:
    query = request.query_params
    size, at = int(query.get("limit", "25")), int(query.get("offset", "0"))
    if size > _PAGE_MAX or at + size > _OFFSET_MAX:
        return error(400, "The limit or the offset is too high")
    first, last = int(query["min_last_modified"]), int(query["max_last_modified"])
    rows = [row for row in twin.book.values() if first <= row["updated_timestamp"] <= last]
    if query.get("sort_on") == "updated":
        rows.sort(key=lambda row: row["updated_timestamp"])
    if query.get("sort_order", "desc") not in ("asc", "ascending", "up"):
        rows.reverse()
    return JSONResponse({"count": len(rows), "results": rows[at : at + size]})


async def _receipt(twin: Any, request: Request) -> Response:
    found = twin.book.get(str(request.path_params["receipt"]))
    return JSONResponse(found) if found else error(404, "Resource not found")


async def _tracking(twin: Any, request: Request) -> Response:
    """What is told twice is there twice, and the buyer has two mails."""
    name, body = str(request.path_params["receipt"]), await request.json()
    found = twin.book.get(name)
    if found is None:
        return error(404, "Resource not found")
    number, carrier = body.get("tracking_code", ""), body.get("carrier_name", "")
    worth = sum(line["price"]["amount"] * line["quantity"] for line in found["transactions"])
    if not number and found["country_iso"] == "US" and worth > _FREE_OF_TRACKING:
        return error(400, "Tracking code and carrier name are required")
    if number and carrier not in twin.carriers:
        return error(400, "Invalid carrier name")
    parcel = {"receipt_shipping_id": next(twin.ids), "carrier_name": carrier}
    found["shipments"].append(parcel | {"tracking_code": number})
    found |= {"is_shipped": True, "status": "completed"}
    twin.mails.append(name)
    twin.changed(name)
    return JSONResponse(found)


_RECEIPTS = f"{_BASE}/shops/{{shop:int}}/receipts"
ROUTES: tuple[tuple[str, str, Answer], ...] = (
    (f"{_BASE}/listings/batch/inventory", "GET", _batch),
    (f"{_BASE}/listings/{{listing:int}}/inventory", "GET", _get_inventory),
    (f"{_BASE}/listings/{{listing:int}}/inventory", "PUT", _put_inventory),
    (f"{_BASE}/shops/{{shop:int}}/listings/{{listing:int}}", "PATCH", _patch_listing),
    (_RECEIPTS, "GET", _receipts),
    (f"{_RECEIPTS}/{{receipt:int}}", "GET", _receipt),
    (f"{_RECEIPTS}/{{receipt:int}}/tracking", "POST", _tracking),
)
_OPERATIONS = {
    ("POST", "token"): "token",
    ("POST", "tracking"): "tracking",
    ("GET", "receipts"): "receipts",
    ("GET", "inventory"): "inventory",
    ("PUT", "inventory"): "stock",
}


def operation(scope: Any) -> str | None:
    """Return which operation of the quotas a call is."""
    path = scope["path"].strip("/").split("/")
    if path[-2:] == ["batch", "inventory"]:
        return "items"
    other = "state" if scope["method"] == "PATCH" else "receipt"
    return _OPERATIONS.get((scope["method"], path[-1]), other)
