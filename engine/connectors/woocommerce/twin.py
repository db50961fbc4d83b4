"""A WooCommerce shop that runs here: orders, products, refunds, webhooks that disable themselves.

Shoppers buy what the shop shows, and nothing else: an order is made only while `stock_quantity`
suffices, and lowers it, as in a real shop.
"""

import asyncio
import base64
import hmac
import itertools
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from engine.connectors.base import Account
from engine.connectors.twins import Faults, Mischief, Twin

_FAILURES_MAX = 5  # deliveries in a row that fail, and the shop disables the hook


class Shop(Twin):
    """The shop's state, and its HTTP face `app`. `stock` is units by SKU, each a product."""

    connector = "woocommerce"

    def __init__(
        self, stock: Mapping[str, int], faults: Faults | None = None, seed: int = 1
    ) -> None:
        super().__init__(faults, seed)
        self.key, self.secret, self.hook_secret = "ck_twin", "cs_twin", "hook-secret"
        self.products: dict[int, dict[str, Any]] = {
            n: {"id": n, "sku": sku, "stock_quantity": units, "manage_stock": True}
            for n, (sku, units) in enumerate(stock.items(), 1)
        }
        self.book: dict[int, dict[str, Any]] = {}
        self.paid_back: dict[int, list[dict[str, Any]]] = {}
        self.notes: dict[int, list[dict[str, Any]]] = {}
        self.hooks: dict[int, dict[str, Any]] = {}
        self._failures: dict[int, int] = {}
        self._ids, self._deliveries = itertools.count(1_000), itertools.count(1)
        self.app = Mischief(self._site(), self.meter, self.faults, seed, _operation)

    def account(self, url: str) -> Account:
        """Return the account with which the twin at `url` may be called."""
        secrets = {"key": self.key, "secret": self.secret, "hook_secret": self.hook_secret}
        secrets["hook_path"] = "tw1n"
        return Account(
            name="shop", connector=self.connector, channel="shop", url=url, secrets=secrets
        )

    def hook(self, url: str) -> None:
        """Register webhooks, as the seller does in the shop's settings."""
        for topic in ("order.created", "order.updated"):
            row = {"id": next(self._ids), "status": "active", "topic": topic, "delivery_url": url}
            self.hooks[row["id"]] = row

    # Listings.

    def listings(self) -> dict[str, str]:
        """Return the SKU of each product."""
        return {str(n): row["sku"] for n, row in self.products.items()}

    def shown(self, listing: str) -> int:
        """Return the stock of a product."""
        return self.products[int(listing)]["stock_quantity"]

    def meddle(self, listing: str, quantity: int) -> None:
        """Somebody changes the stock in the shop's own screens."""
        self.products[int(listing)]["stock_quantity"] = quantity

    # Orders.

    def buy(self, listing: str, quantity: int = 1, *, paid: bool = True) -> str | None:
        """Have a shopper buy; the shop lowers its stock at once, as it does when paying begins."""
        row = self.products[int(listing)]
        if row["stock_quantity"] < quantity:
            return None
        row["stock_quantity"] -= quantity
        number, line = next(self._ids), next(self._ids)
        lines = [
            {
                "id": line,
                "product_id": row["id"],
                "variation_id": 0,
                "quantity": quantity,
                "sku": row["sku"],
                "total": f"{quantity * 10}.00",
                "price": 10,
                "meta_data": [],
            }
        ]
        address = {"first_name": "Ada", "last_name": "Lovelace", "address_1": "St James's Sq 12"}
        address |= {"city": "London", "postcode": "SW1Y 4JH", "country": "GB"}
        self.book[number] = {
            "id": number,
            "number": str(number),
            "status": "processing" if paid else "pending",
            "currency": "GBP",
            "date_created_gmt": _now(),
            "date_paid_gmt": _now() if paid else None,
            "customer_id": 0,
            "customer_note": "",
            "billing": address | {"email": "ada@example.org"},
            "shipping": address,
            "line_items": lines,
            "refunds": [],
        }
        self._changed(number, "order.created")
        return str(number)

    def pay(self, order: str) -> None:
        """The payment of an order arrives."""
        self.book[int(order)] |= {"status": "processing", "date_paid_gmt": _now()}
        self._changed(int(order))

    def cancel(self, order: str) -> None:
        """The seller or the shopper cancels an order; its stock is shown again."""
        row = self.book[int(order)]
        row["status"] = "cancelled"
        for line in row["line_items"]:
            self.products[line["product_id"]]["stock_quantity"] += line["quantity"]
        self._changed(int(order))

    def reduce(self, order: str, quantity: int = 1) -> None:
        """The seller refunds units of an order's first line."""
        number = int(order)
        (line, *_) = self.book[number]["line_items"]
        meta = [{"id": 1, "key": "_refunded_item_id", "value": str(line["id"])}]
        row = {"id": next(self._ids), "reason": "", "amount": "10.00", "meta_data": []}
        row["line_items"] = [{"id": next(self._ids), "quantity": -quantity, "meta_data": meta}]
        self.paid_back.setdefault(number, []).append(row)
        self.book[number]["refunds"].append({"id": row["id"], "reason": "", "total": "-10.00"})
        self._changed(number)

    def orders(self) -> dict[str, str]:
        """Return each order's standing."""
        words = {"pending": "unpaid", "cancelled": "cancelled", "completed": "fulfilled"}
        return {str(n): words.get(row["status"], "open") for n, row in self.book.items()}

    def parcels(self, order: str) -> list[str]:
        """Return what was told to the customer of each parcel."""
        return [note["note"] for note in self.notes.get(int(order), ())]

    def refunds(self, order: str) -> list[int]:
        """Return the minor units of each refund that came by the API."""
        rows = self.paid_back.get(int(order), ())
        return [int(Decimal(row["amount"]) * 100) for row in rows if row.get("api_refund")]

    # Pushing.

    def _changed(self, number: int, topic: str = "order.updated") -> None:
        order = self.book[number]
        order["date_modified_gmt"] = _now()
        for hook in self.hooks.values():
            if hook["topic"] == topic and hook["status"] == "active":
                self._push(hook, json.dumps(order).encode())

    def _push(self, hook: dict[str, Any], body: bytes) -> None:
        mac = base64.b64encode(hmac.digest(self.hook_secret.encode(), body, "sha256")).decode()
        headers = {
            "content-type": "application/json",
            "x-wc-webhook-topic": hook["topic"],
            "x-wc-webhook-resource": "order",
            "x-wc-webhook-event": hook["topic"].partition(".")[2],
            "x-wc-webhook-signature": mac,
            "x-wc-webhook-id": str(hook["id"]),
            "x-wc-webhook-delivery-id": str(next(self._deliveries)),
        }

        def forged() -> tuple[dict[str, str], bytes]:
            order = json.loads(body)
            order["id"] = -order["id"]
            other = {"x-wc-webhook-delivery-id": str(next(self._deliveries))}
            return headers | other, json.dumps(order).encode()

        self.pushes.send(hook["id"], hook["delivery_url"], headers, body, forged)

    def answered(self, key: Any, status: int) -> None:
        """Count failures in a row; too many disable the hook."""
        if key not in self.hooks:
            return
        fails = 0 if 200 <= status < 400 else self._failures.get(key, 0) + 1
        self._failures[key] = fails
        if fails >= _FAILURES_MAX:
            self.hooks[key]["status"] = "disabled"

    # The API.

    def _site(self) -> Starlette:
        root = "/wp-json/wc/v3"
        routes = [
            ("/orders", self._list_orders, "GET"),
            ("/orders/{order:int}", self._get_order, "GET"),
            ("/orders/{order:int}", self._put_order, "PUT"),
            ("/orders/{order:int}/refunds", self._list_refunds, "GET"),
            ("/orders/{order:int}/refunds", self._refund, "POST"),
            ("/orders/{order:int}/notes", self._list_notes, "GET"),
            ("/orders/{order:int}/notes", self._note, "POST"),
            ("/products", self._list_products, "GET"),
            ("/products/batch", self._batch, "POST"),
            ("/webhooks", self._list_hooks, "GET"),
            ("/webhooks/{hook:int}", self._put_hook, "PUT"),
        ]
        return Starlette(
            routes=[
                Route(root + path, self._guarded(call), methods=[method])
                for path, call, method in routes
            ]
        )

    def _guarded(self, call: Any) -> Any:
        pair = base64.b64encode(f"{self.key}:{self.secret}".encode()).decode()

        async def answer(request: Request) -> Response:
            if request.headers.get("authorization") != f"Basic {pair}":
                return _error(401, "woocommerce_rest_cannot_view")
            await asyncio.sleep(0)
            return await call(request)

        return answer

    async def _list_orders(self, request: Request) -> Response:
        query = request.query_params
        size, page = int(query.get("per_page", "10")), int(query.get("page", "1"))
        if size > 100:
            return _error(400, "rest_invalid_param")
        after, before = query.get("modified_after", ""), query.get("modified_before", "9")
        rows = [
            order for order in self.book.values() if after < order["date_modified_gmt"] < before
        ]
        rows.sort(key=lambda order: order["id"], reverse=query.get("order") != "asc")
        pages = -(-len(rows) // size)
        headers = {"x-wp-total": str(len(rows)), "x-wp-totalpages": str(pages)}
        return JSONResponse(rows[(page - 1) * size : page * size], headers=headers)

    async def _get_order(self, request: Request) -> Response:
        found = self.book.get(request.path_params["order"])
        return (
            JSONResponse(found) if found else _error(404, "woocommerce_rest_shop_order_invalid_id")
        )

    async def _put_order(self, request: Request) -> Response:
        number, body = request.path_params["order"], await request.json()
        if number not in self.book:
            return _error(404, "woocommerce_rest_shop_order_invalid_id")
        if body.get("status") == "cancelled":
            self.cancel(str(number))
        elif self.book[number]["status"] != body.get("status"):
            self.book[number]["status"] = body["status"]
            self._changed(number)
        return JSONResponse(self.book[number])

    async def _list_refunds(self, request: Request) -> Response:
        return JSONResponse(self.paid_back.get(request.path_params["order"], []))

    async def _refund(self, request: Request) -> Response:
        number, body = request.path_params["order"], await request.json()
        row = {"id": next(self._ids), "reason": "", "line_items": [], **body}
        self.paid_back.setdefault(number, []).append(row)
        return JSONResponse(row, 201)

    async def _list_notes(self, request: Request) -> Response:
        return JSONResponse(self.notes.get(request.path_params["order"], []))

    async def _note(self, request: Request) -> Response:
        row = {"id": next(self._ids), **(await request.json())}
        self.notes.setdefault(request.path_params["order"], []).append(row)
        return JSONResponse(row, 201)

    async def _list_products(self, request: Request) -> Response:
        wanted = [int(n) for n in request.query_params.get("include", "").split(",") if n]
        return JSONResponse([self.products[n] for n in wanted if n in self.products])

    async def _batch(self, request: Request) -> Response:
        update = (await request.json()).get("update", [])
        if len(update) > 100:
            return _error(413, "woocommerce_rest_request_entity_too_large")
        rows = []
        for change in update:
            found = self.products.get(change["id"])
            if found is None:
                problem = {"code": "woocommerce_rest_product_invalid_id", "message": "Invalid ID."}
                rows.append({"id": change["id"], "error": problem})
            else:
                found.update(change)
                rows.append(found)
        return JSONResponse({"update": rows})

    async def _list_hooks(self, request: Request) -> Response:
        return JSONResponse(list(self.hooks.values()))

    async def _put_hook(self, request: Request) -> Response:
        hook = self.hooks[request.path_params["hook"]]
        hook.update(await request.json())
        self._failures[hook["id"]] = 0
        return JSONResponse(hook)


def _operation(scope: Any) -> str | None:
    return "any" if scope["path"].startswith("/wp-json/") else None


def _error(status: int, code: str) -> Response:
    return JSONResponse({"code": code, "message": code, "data": {"status": status}}, status)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S")


TWIN = Shop
