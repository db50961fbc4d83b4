"""A Magento shop that runs here: orders, sources and stocks, shipments, credit memos, its queue.

A stock keeps units for every order (a reservation) until it leaves, and shows what its sources have
less that. Stocks that share a source do not see each other's reservations, as in a real shop.
"""

import itertools
import time
import uuid
from collections.abc import Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from engine.connectors.base import Account
from engine.connectors.magento.twin_orders import (
    Refused,
    credited,
    fresh,
    settle,
    shipped,
    to_ship,
)
from engine.connectors.twins import Faults, Mischief, Twin

_FIELD = "searchCriteria[filterGroups][0][filters][0]"


class Shop(Twin):
    """The shop's state, and its HTTP face `app`. `stock` is units by SKU of the source `default`,
    from which the stocks 1 and 2 sell."""

    connector = "magento"
    signs = False
    pushes_orders = False

    def __init__(
        self, stock: Mapping[str, int], faults: Faults | None = None, seed: int = 1
    ) -> None:
        super().__init__(faults, seed)
        self.token = "twin-token"
        self.source: dict[str, int] = dict(stock)
        self.kept: dict[tuple[str, int], int] = {}
        self.book: dict[int, dict[str, Any]] = {}
        self.sites: dict[int, int] = {}
        self.shipments: list[dict[str, Any]] = []
        self.memos: list[dict[str, Any]] = []
        self.broken: set[int] = set()
        self.queue: dict[str, tuple[float, list[dict[str, Any]]]] = {}
        self.queue_s = 0.0
        self._ids = itertools.count(1)
        self.app = Mischief(self._site(), self.meter, self.faults, seed, _operation)

    def account(self, url: str) -> Account:
        """Return the account with which the twin at `url` may be called."""
        return Account(
            name="magento",
            connector=self.connector,
            channel="magento",
            url=url,
            secrets={"token": self.token, "hook_path": "tw1n"},
            options={"sweep_s": "0.5"},
        )

    def hook(self, url: str) -> None:
        """The shop pushes nothing."""

    # Listings.

    def listings(self) -> dict[str, str]:
        """A listing is a SKU."""
        return {sku: sku for sku in self.source}

    def salable(self, sku: str, stock: int = 1) -> int:
        """Return what shoppers of a stock are shown."""
        return self.source[sku] - self.kept.get((sku, stock), 0)

    def shown(self, listing: str) -> int:
        """Return what shoppers of the first stock are shown."""
        return self.salable(listing)

    def meddle(self, listing: str, quantity: int) -> None:
        """Somebody sets the source's quantity in the shop's own screens."""
        self.source[listing] = quantity

    # Orders.

    def buy(
        self, listing: str, quantity: int = 1, *, paid: bool = True, stock: int = 1
    ) -> str | None:
        """Have a shopper of a stock buy what it shows."""
        if self.salable(listing, stock) < quantity:
            return None
        self._keep(listing, stock, quantity)
        number = next(self._ids)
        self.book[number] = fresh(number, listing, quantity, paid)
        self.sites[number] = stock
        return self.book[number]["increment_id"]

    def _keep(self, sku: str, stock: int, units: int) -> None:
        self.kept[sku, stock] = self.kept.get((sku, stock), 0) + units

    def _find(self, order: str) -> dict[str, Any]:
        return next(row for row in self.book.values() if row["increment_id"] == order)

    def pay(self, order: str) -> None:
        """The payment arrives."""
        found = self._find(order)
        found |= {"state": "processing", "status": "processing"}
        settle(found | {"total_paid": found["grand_total"]}, found)

    def cancel(self, order: str) -> None:
        """The shop cancels an order, or pays back what was paid: units are free again."""
        found = self._find(order)
        self._release(found, {row["item_id"]: to_ship(row) for row in found["items"]})
        paid = found["state"] == "processing"
        field = "qty_refunded" if paid else "qty_canceled"
        for row in found["items"]:
            row[field] += to_ship(row)
        settle({"state": "closed" if paid else "canceled"}, found)

    def _release(self, order: dict[str, Any], units: Mapping[int, int]) -> None:
        """Give up what is kept for units that will not leave, or have left."""
        for row in order["items"]:
            self._keep(row["sku"], self.sites[order["entity_id"]], -units.get(row["item_id"], 0))

    def reduce(self, order: str, quantity: int = 1) -> None:
        """The seller pays back units of the first line that have not left."""
        found = self._find(order)
        row = found["items"][0]
        self._release(found, {row["item_id"]: quantity})
        row["qty_refunded"] += quantity
        settle({}, found)

    def orders(self) -> dict[str, str]:
        """Return each order's standing."""
        words = {"pending_payment": "unpaid", "complete": "fulfilled"}
        words |= {"canceled": "cancelled", "closed": "cancelled"}
        return {row["increment_id"]: words.get(row["state"], "open") for row in self.book.values()}

    def parcels(self, order: str) -> list[str]:
        """Return the tracking number of each shipment."""
        number = self._find(order)["entity_id"]
        return [
            track["track_number"]
            for row in self.shipments
            if row["order_id"] == number
            for track in row["tracks"]
        ]

    def refunds(self, order: str) -> list[int]:
        """Return the minor units of each credit memo of an amount."""
        number = self._find(order)["entity_id"]
        rows = (row for row in self.memos if row["order_id"] == number)
        return [round(row["grand_total"] * 100) for row in rows]

    # The API.

    def _site(self) -> Starlette:
        stock = "/V1/inventory"
        salable = stock + "/get-product-salable-quantity/{sku:path}/{stock:int}"
        routes = [
            ("/V1/orders", self._list_orders, "GET"),
            ("/V1/orders/{order:int}/cancel", self._cancel, "POST"),
            ("/V1/order/{order:int}/ship", self._ship, "POST"),
            ("/V1/order/{order:int}/refund", self._refund, "POST"),
            ("/V1/invoices", self._list_invoices, "GET"),
            ("/V1/invoice/{order:int}/refund", self._refund, "POST"),
            ("/V1/shipments", self._list_shipments, "GET"),
            ("/V1/creditmemos", self._list_memos, "GET"),
            (stock + "/source-items", self._list_source, "GET"),
            (stock + "/source-items", self._put_source, "POST"),
            (salable, self._salable, "GET"),
            ("/async/bulk" + stock + "/source-items", self._enqueue, "POST"),
            ("/V1/bulk/{bulk}/detailed-status", self._bulk, "GET"),
        ]
        return Starlette(
            routes=[
                Route("/rest/default" + path, self._guarded(call), methods=[method])
                for path, call, method in routes
            ]
        )

    def _guarded(self, call: Any) -> Any:
        async def answer(request: Request) -> Response:
            if request.headers.get("authorization") != f"Bearer {self.token}":
                return _error(401, "The consumer isn't authorized to access %resources.")
            try:
                return await call(request)
            except Refused as error:
                return _error(400, str(error))

        return answer

    async def _list_orders(self, request: Request) -> Response:
        field, value, condition = _filter(request)
        rows = sorted(self.book.values(), key=lambda row: row["entity_id"])
        if field == "updated_at":
            rows = [row for row in rows if row["updated_at"] >= value]
        else:
            wanted = value.split(",") if condition == "in" else [value]
            rows = [row for row in rows if str(row[field]) in wanted]
        page = _paged(rows, request)
        if any(row["entity_id"] in self.broken for row in page):
            return JSONResponse({"message": "The product that was requested doesn't exist."})
        return _found(request, page, len(rows))

    def _of(self, request: Request) -> dict[str, Any]:
        found = self.book.get(request.path_params["order"])
        if found is None:
            raise Refused("The entity that was requested doesn't exist.")
        return found

    async def _cancel(self, request: Request) -> Response:
        found = self._of(request)
        if found["state"] not in ("new", "pending_payment", "payment_review"):
            return JSONResponse(False)
        self.cancel(found["increment_id"])
        return JSONResponse(True)

    async def _ship(self, request: Request) -> Response:
        order, body = self._of(request), await request.json()
        row = shipped(order, body, next(self._ids))
        for item in row["items"]:
            self.source[item["sku"]] -= item["qty"]
        self._release(order, {item["order_item_id"]: item["qty"] for item in row["items"]})
        self.shipments.append(row)
        return JSONResponse(row["entity_id"])

    async def _refund(self, request: Request) -> Response:
        order, body = self._of(request), await request.json()
        row, freed = credited(order, body, next(self._ids))
        self._release(order, freed)
        self.memos.append(row)
        return JSONResponse(row["entity_id"])

    async def _list_invoices(self, request: Request) -> Response:
        rows = [
            {"entity_id": row["entity_id"], "order_id": row["entity_id"]}
            for row in self.book.values()
            if row["total_paid"] and str(row["entity_id"]) == _filter(request)[1]
        ]
        return _found(request, rows, len(rows))

    async def _list_shipments(self, request: Request) -> Response:
        return self._listed(self.shipments, request)

    async def _list_memos(self, request: Request) -> Response:
        return self._listed(self.memos, request)

    def _listed(self, rows: list[dict[str, Any]], request: Request) -> Response:
        found = [row for row in rows if str(row["order_id"]) == _filter(request)[1]]
        return _found(request, found, len(found))

    async def _list_source(self, request: Request) -> Response:
        wanted = _filter(request)[1].split(",")
        rows = [_source_item(sku, self.source[sku]) for sku in wanted if sku in self.source]
        return _found(request, _paged(rows, request), len(rows))

    async def _put_source(self, request: Request) -> Response:
        self._set(await request.json())
        return JSONResponse([])

    def _set(self, body: dict[str, Any]) -> None:
        for row in body["sourceItems"]:
            if row["sku"] not in self.source or row["source_code"] != "default":
                raise Refused(f"Product with SKU {row['sku']} does not exist.")
        for row in body["sourceItems"]:
            self.source[row["sku"]] = int(row["quantity"])

    async def _salable(self, request: Request) -> Response:
        sku = request.path_params["sku"]
        if sku not in self.source:
            return _error(404, "The Product with the SKU does not exist.")
        return JSONResponse(self.salable(sku, request.path_params["stock"]))

    async def _enqueue(self, request: Request) -> Response:
        rows, name = await request.json(), str(uuid.uuid4())
        self.queue[name] = time.monotonic() + self.queue_s, rows
        items = [{"id": n, "data_hash": "", "status": "accepted"} for n in range(len(rows))]
        return JSONResponse({"bulk_uuid": name, "request_items": items, "errors": False}, 202)

    async def _bulk(self, request: Request) -> Response:
        at_s, rows = self.queue[request.path_params["bulk"]]
        ready = at_s <= time.monotonic()
        found = [self._operation(n, row, ready) for n, row in enumerate(rows)]
        return JSONResponse({"operations_list": found, "operation_count": len(rows)})

    def _operation(self, number: int, row: dict[str, Any], ready: bool) -> dict[str, Any]:
        """Do one request of a bulk, once, when its time has come."""
        if ready and "_status" not in row:
            try:
                self._set(row)
                row["_status"], row["_said"] = 1, "Service execution success"
            except Refused as error:
                row["_status"], row["_said"] = 3, str(error)
        return _told(number, row)


def _told(number: int, row: dict[str, Any]) -> dict[str, Any]:
    inner = JSONResponse({"sourceItems": row["sourceItems"]}).body.decode()
    data = JSONResponse({"meta_information": inner}).body.decode()
    found = {"id": number, "status": row.get("_status", 4), "serialized_data": data}
    return found | {"result_message": row.get("_said", "")}


def _source_item(sku: str, units: int) -> dict[str, Any]:
    return {"sku": sku, "source_code": "default", "quantity": units, "status": int(units > 0)}


def _filter(request: Request) -> tuple[str, str, str]:
    query = request.query_params
    found = tuple(query[f"{_FIELD}[{name}]"] for name in ("field", "value", "conditionType"))
    return found  # type: ignore[return-value]


def _found(request: Request, rows: list[dict[str, Any]], total: int) -> Response:
    """Answer a search, with what was searched for."""
    names = ("field", "value", "condition_type")
    wanted = dict(zip(names, _filter(request), strict=True))
    criteria: dict[str, Any] = {"filter_groups": [{"filters": [wanted]}]}
    sizes = {"page_size": "pageSize", "current_page": "currentPage"}
    for name, asked in sizes.items():
        if text := request.query_params.get(f"searchCriteria[{asked}]"):
            criteria[name] = int(text)
    return JSONResponse({"items": rows, "search_criteria": criteria, "total_count": total})


def _paged(rows: list[dict[str, Any]], request: Request) -> list[dict[str, Any]]:
    """Return a page; one past the end is the last one again, as the shop has it."""
    query = request.query_params
    size = int(query["searchCriteria[pageSize]"])
    page = min(int(query["searchCriteria[currentPage]"]), max(-(-len(rows) // size), 1))
    return rows[(page - 1) * size : page * size]


def _operation(scope: Any) -> str | None:
    return "any" if scope["path"].startswith("/rest/") else None


def _error(status: int, message: str) -> Response:
    return JSONResponse({"message": message}, status)


TWIN = Shop
