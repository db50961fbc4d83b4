"""The twin's HTTP face: calls that are signed, in time and of a token that lives."""

import json
import time
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from engine.connectors.tiktok.auth import sign

if TYPE_CHECKING:
    from engine.connectors.tiktok.twin import Shop

_TOKEN_S = 7 * 86_400
_CLOCK_S = 300  # by which a call's time may be off
_ADDRESS = {
    "name": "Ada L***",
    "phone_number": "(+44)7*******01",
    "region_code": "GB",
    "postal_code": "SW1Y 4JH",
    "post_town": "London",
    "address_line1": "St James's Sq 12",
    "district_info": [{"address_level": "L1", "address_name": "England"}],
}
CARRIERS = ({"id": "77", "name": "DHL"}, {"id": "78", "name": "Royal Mail"})


class Api:
    """Answers calls from a shop as it is."""

    def __init__(self, shop: "Shop") -> None:
        self.shop = shop

    def app(self) -> Starlette:
        """Return the application."""
        routes = [
            ("/order/202309/orders/search", self._search, "POST"),
            ("/order/202507/orders", self._detail, "GET"),
            ("/product/202309/inventory/search", self._inventory, "POST"),
            ("/product/202309/products/{product}/inventory/update", self._update, "POST"),
            ("/fulfillment/202309/orders/{order}/packages", self._create, "POST"),
            ("/fulfillment/202309/orders/{order}/split", self._split, "POST"),
            ("/fulfillment/202309/packages/{package}/ship", self._ship, "POST"),
            ("/logistics/202309/delivery_options/{option}/shipping_providers", self._who, "GET"),
            ("/return_refund/202309/cancellations", self._cancel, "POST"),
        ]
        return Starlette(
            routes=[
                Route("/api/v2/token/refresh", self._refresh, methods=["GET"]),
                *(Route(path, self._guarded(do), methods=[method]) for path, do, method in routes),
            ]
        )

    async def _refresh(self, request: Request) -> Response:
        query = request.query_params
        if (query.get("app_key"), query.get("app_secret")) != (self.shop.key, self.shop.secret):
            return _failed(36004004, "invalid app")
        # The one before works until the new token is used: an answer that is lost locks nobody out.
        if query.get("refresh_token") not in (self.shop.refresh, self.shop.refresh_before):
            return _failed(36004004, "invalid refresh token")
        self.shop.refresh_before = query["refresh_token"]
        token = f"TTP_{len(self.shop.tokens) + 1}"
        self.shop.tokens[token] = time.time() + _TOKEN_S
        self.shop.refresh = f"refresh_{len(self.shop.tokens)}"
        data = {"access_token": token, "access_token_expire_in": int(self.shop.tokens[token])}
        return _done(data | {"refresh_token": self.shop.refresh})

    def _guarded(self, do: Any) -> Any:
        async def answer(request: Request) -> Response:
            query, body = dict(request.query_params), await request.body()
            if (
                self.shop.tokens.get(request.headers.get("x-tts-access-token", ""), 0.0)
                < time.time()
            ):
                return _failed(105002, "Expired credentials", 401)
            if abs(int(query.get("timestamp", "0")) - time.time()) > _CLOCK_S:
                return _failed(106010, "timestamp is invalid", 400)
            right = sign(self.shop.secret, request.url.path, query, body)
            if query.get("sign") != right or query.get("app_key") != self.shop.key:
                return _failed(106001, "sign invalid", 401)
            if query.get("shop_cipher") != self.shop.cipher:
                return _failed(106011, "shop_cipher is invalid", 400)
            if request.headers["x-tts-access-token"] == f"TTP_{len(self.shop.tokens)}":
                self.shop.refresh_before = self.shop.refresh
            return do(request, json.loads(body) if body else {})

        return answer

    def _search(self, request: Request, body: dict[str, Any]) -> Response:
        since, until = body.get("update_time_ge", 0), body.get("update_time_lt", 1 << 60)
        rows = [row for row in self.shop.book.values() if since <= row["update_time"] < until]
        rows.sort(key=lambda row: (row["update_time"], row["id"]))
        size = int(request.query_params["page_size"])
        if not 1 <= size <= 100:
            return _failed(36009013, "page_size is invalid")
        start = int(request.query_params.get("page_token") or 0)
        more = str(start + size) if start + size < len(rows) else ""
        page = [_seen(row) for row in rows[start : start + size]]
        return _done({"orders": page, "total_count": len(rows), "next_page_token": more})

    def _detail(self, request: Request, _: Any) -> Response:
        names = ",".join(request.query_params.getlist("ids")).split(",")
        return _done(
            {"orders": [_seen(self.shop.book[n]) for n in names[:50] if n in self.shop.book]}
        )

    def _inventory(self, _: Request, body: dict[str, Any]) -> Response:
        rows = []
        for name in body.get("sku_ids", ())[:600]:
            if (found := self.shop.skus.get(name)) is None:
                continue
            places = [
                {"warehouse_id": place, "available_quantity": units, "committed_quantity": 0}
                for place, units in found["stock"].items()
            ]
            sku = {"id": name, "seller_sku": found["sku"], "warehouse_inventory": places}
            sku["total_available_quantity"] = sum(found["stock"].values())
            rows.append({"product_id": found["product"], "skus": [sku]})
        return _done({"inventory": rows})

    def _update(self, request: Request, body: dict[str, Any]) -> Response:
        product, errors = request.path_params["product"], []
        for sku in body["skus"]:
            found = self.shop.skus.get(sku["id"])
            stock = {row.get("warehouse_id"): row["quantity"] for row in sku["inventory"]}
            wrong = None
            if found is None or found["product"] != product:
                wrong = (12052260, "The product ID does not exist")
            elif set(stock) != set(found["stock"]):
                wrong = (12019028, "Multiple warehouses detected. Include all warehouse IDs")
            elif any(not 0 <= units <= 99_999 for units in stock.values()):
                wrong = (12019024, "stock count is invalid")
            if wrong:
                detail = {"sku_id": sku["id"]}
                errors.append({"code": wrong[0], "message": wrong[1], "detail": detail})
            else:
                found["stock"].update(stock)
        return _done({"errors": errors})

    def _create(self, request: Request, body: dict[str, Any]) -> Response:
        order, names = request.path_params["order"], body["order_line_item_ids"]
        units = [unit for unit in self.shop.units(order) if unit["id"] in names]
        if self.shop.book[order]["status"] not in ("AWAITING_SHIPMENT", "PARTIALLY_SHIPPING"):
            return _failed(11001002, "the order is not to be shipped")
        if len(units) != len(names) or any(unit["package_id"] for unit in units):
            return _failed(11001002, "a line item is in a package already")
        package = str(next(self.shop.ids))
        for unit in units:
            unit["package_id"] = package
        self.shop.leave(package, body["tracking_number"])
        return _done({"order_id": order, "package_id": package})

    def _split(self, request: Request, body: dict[str, Any]) -> Response:
        made = []
        for group in body["splittable_groups"]:
            package = str(next(self.shop.ids))
            for unit in self.shop.units(request.path_params["order"]):
                if unit["id"] in group["order_line_item_ids"]:
                    unit["package_id"] = package
            made.append({"splittable_group_id": group["id"], "id": package})
        return _done({"packages": made})

    def _ship(self, request: Request, body: dict[str, Any]) -> Response:
        package = request.path_params["package"]
        if any(name == package for name, _ in self.shop.shipments):
            return _failed(11006021, "Package has been shipped. Please not ship the package again.")
        own = body.get("self_shipment") or {}
        self.shop.leave(package, own.get("tracking_number") or f"TT{package[-6:]}")
        return _done({})

    def _who(self, _: Request, __: Any) -> Response:
        return _done({"shipping_providers": list(CARRIERS)})

    def _cancel(self, _: Request, body: dict[str, Any]) -> Response:
        order = body["order_id"]
        if self.shop.orders().get(order) not in ("open", "unpaid"):
            return _failed(25001020, "the order cannot be cancelled")
        self.shop.cancel(order)
        self.shop.penalties.cancel(order)
        return _done({"cancel_id": "1", "cancel_status": "CANCELLATION_REQUEST_SUCCESS"})


def _seen(order: dict[str, Any]) -> dict[str, Any]:
    """Return an order as TikTok shows it: no address before it is to be shipped."""
    hidden = order["status"] in ("UNPAID", "ON_HOLD")
    return order if hidden else order | {"recipient_address": _ADDRESS}


def _done(data: dict[str, Any]) -> Response:
    return JSONResponse({"code": 0, "message": "Success", "request_id": "1", "data": data})


def _failed(code: int, message: str, status: int = 200) -> Response:
    return JSONResponse({"code": code, "message": message, "request_id": "1"}, status)
