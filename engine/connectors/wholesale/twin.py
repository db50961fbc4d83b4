"""A wholesale partner that runs here: pushes purchase orders, shows what it is advised of, keeps
each message once by its name."""

import base64
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

from engine.connectors import signatures
from engine.connectors.base import Account, BadSignature
from engine.connectors.twins import Faults, Mischief, Twin

HOOK_SECRET = "whsec_" + base64.b64encode(b"twin-hook-secret-of-32-bytes-now").decode()
OUT_SECRET = "whsec_" + base64.b64encode(b"twin-out-secret-that-has-32-byte").decode()


class Partner(Twin):
    """The partner's state, and its HTTP face `app`. `stock` is what it shows, by SKU."""

    connector = "wholesale"

    def __init__(
        self, stock: Mapping[str, int], faults: Faults | None = None, seed: int = 1
    ) -> None:
        super().__init__(faults, seed)
        self.hook_secret, self.out_secret = HOOK_SECRET, OUT_SECRET
        self.stock: dict[str, int] = dict(stock)
        self.newest: dict[str, int] = {}
        self.book: dict[str, dict[str, Any]] = {}
        self.messages: dict[str, dict[str, Any]] = {}
        self.left: set[str] = set()
        self._ids, self._pushes = itertools.count(4_500), itertools.count(1)
        self._hook = ""
        self.app = Mischief(self._site(), self.meter, self.faults, seed, lambda _: "any")

    def account(self, url: str) -> Account:
        """Return the account with which the twin at `url` may be called."""
        given = {"hook_secret": self.hook_secret, "out_secret": self.out_secret}
        return Account(
            name="wholesale",
            connector=self.connector,
            channel="wholesale",
            url=url,
            secrets=given | {"hook_path": "tw1n"},
        )

    def hook(self, url: str) -> None:
        """Have orders pushed to this address."""
        self._hook = url

    # Listings.

    def listings(self) -> dict[str, str]:
        """A listing is a SKU."""
        return {sku: sku for sku in self.stock}

    def shown(self, listing: str) -> int:
        """Return what the partner's buyers see."""
        return self.stock[listing]

    def meddle(self, listing: str, quantity: int) -> None:
        """Somebody changes it at the partner's."""
        self.stock[listing] = quantity

    # Orders.

    def buy(self, listing: str, quantity: int = 1, *, paid: bool = True) -> str | None:
        """Have a buyer order what is shown; an order that nobody approved is a draft."""
        if self.stock[listing] < quantity:
            return None
        self.stock[listing] -= quantity
        name = f"PO-{next(self._ids)}"
        line = {"line_id": "1", "sku": listing, "quantity": quantity, "unit_price": "10.00"}
        address = {"company": "Acme", "line1": "Torstr. 1", "city": "Berlin", "country": "DE"}
        self.book[name] = {
            "order_id": name,
            "status": "open" if paid else "draft",
            "payment": "authorized",
            "currency": "EUR",
            "ordered_at": _now(),
            "ship_to": address,
            "lines": [line],
        }
        self._changed(name)
        return name

    def pay(self, order: str) -> None:
        """The draft is approved."""
        self.book[order]["status"] = "open"
        self._changed(order)

    def cancel(self, order: str) -> None:
        """The buyer cancels an order."""
        self.book[order]["status"] = "cancelled"
        self._changed(order)

    def reduce(self, order: str, quantity: int = 1) -> None:
        """The buyer wants less of the first line."""
        line = self.book[order]["lines"][0]
        line["quantity"] -= quantity
        self._changed(order)

    def orders(self) -> dict[str, str]:
        """Return each order's standing."""
        words = {"draft": "unpaid", "cancelled": "cancelled"}
        return {
            name: words.get(row["status"], "fulfilled" if name in self.left else "open")
            for name, row in self.book.items()
        }

    def told(self, kind: str, order: str) -> list[dict[str, Any]]:
        """Return what the partner was told of an order, once for each name."""
        return [
            row["data"]
            for row in self.messages.values()
            if row["type"] == kind and row["data"].get("order_id") == order
        ]

    def parcels(self, order: str) -> list[str]:
        """Return the tracking number of each despatch advice."""
        return [row["tracking"] for row in self.told("despatch", order)]

    def refunds(self, order: str) -> list[int]:
        """Return the minor units of each credit note."""
        return [int(Decimal(row["amount"]) * 100) for row in self.told("credit", order)]

    def _changed(self, name: str) -> None:
        self.book[name]["changed_at"] = _now()
        if not self._hook:
            return
        body = json.dumps({"type": "order", "data": self.book[name]}).encode()
        push = f"push-{next(self._pushes)}"
        headers = signatures.signed([self.hook_secret], push, body)
        forged = headers | {"webhook-id": f"{push}-f"}
        other = body.replace(name.encode(), b"PO-0")
        self.pushes.send(name, self._hook, headers, body, lambda: (forged, other))

    # The API.

    def _site(self) -> Starlette:
        routes = [
            ("/orders", self._list_orders, "GET"),
            ("/orders/{order}", self._get_order, "GET"),
            ("/inventory", self._inventory, "GET"),
            ("/messages", self._message, "POST"),
        ]
        return Starlette(
            routes=[
                Route(path, self._guarded(call), methods=[method]) for path, call, method in routes
            ]
        )

    def _guarded(self, call: Any) -> Any:
        async def answer(request: Request) -> Response:
            try:
                body = await request.body()
                signatures.verify([self.out_secret], dict(request.headers), body)
            except BadSignature:
                return JSONResponse({"problem": "not signed"}, 401)
            return await call(request)

        return answer

    async def _list_orders(self, request: Request) -> Response:
        query = request.query_params
        after, before = query["changed_from"], query["changed_to"]
        limit, start = int(query["limit"]), int(query.get("start", "0"))
        rows = [row for row in self.book.values() if after <= row["changed_at"] < before]
        found: dict[str, Any] = {"orders": rows[start : start + limit]}
        if len(rows) > start + limit:
            found["next"] = str(request.url.include_query_params(start=start + limit))
        return JSONResponse(found)

    async def _get_order(self, request: Request) -> Response:
        found = self.book.get(request.path_params["order"])
        return JSONResponse(found) if found else JSONResponse({"problem": "no such order"}, 404)

    async def _inventory(self, request: Request) -> Response:
        wanted = request.query_params["skus"].split(",")
        found = {sku: self.stock[sku] for sku in wanted if sku in self.stock}
        return JSONResponse({"quantities": found})

    async def _message(self, request: Request) -> Response:
        name, body = request.headers["webhook-id"], await request.json()
        if name in self.messages:
            return JSONResponse({})
        self.messages[name] = body
        data, refused = body["data"], []
        if body["type"] == "inventory":
            refused = self._advised(data)
        elif body["type"] == "despatch" and data["last"]:
            self.left.add(data["order_id"])
        elif body["type"] == "cancellation":
            self.cancel(data["order_id"])
        return JSONResponse({"refused": refused})

    def _advised(self, data: dict[str, Any]) -> list[dict[str, str]]:
        """Show quantities, unless a newer advice came first."""
        refused = []
        for row in data["lines"]:
            if row["sku"] not in self.stock:
                refused.append({"sku": row["sku"], "problem": "no such item"})
            elif self.newest.get(row["sku"], 0) < data["number"]:
                self.newest[row["sku"]] = data["number"]
                self.stock[row["sku"]] = row["quantity"]
        return refused


def _now() -> str:
    return datetime.now(UTC).isoformat()


TWIN = Partner
