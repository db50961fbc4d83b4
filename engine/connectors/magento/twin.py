"""A Magento shop that runs here: orders, sources and stocks, shipments, credit memos, its queue.

A stock keeps units for every order (a reservation) until it leaves, and shows what its sources have
less that. Stocks that share a source do not see each other's reservations, as in a real shop.
"""

import itertools
import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from engine.connectors.base import Account
from engine.connectors.magento.orders import NOT_YET
from engine.connectors.magento.twin_orders import (
    Refused,
    credited,
    fresh,
    now,
    settle,
    shipped,
    to_ship,
)
from engine.connectors.magento.twin_stock import Stocks
from engine.connectors.twins import Faults, Mischief, Twin

_FIELD = "searchCriteria[filterGroups][0][filters][0]"


class Shop(Twin):
    """The shop's state, and its HTTP face `app`. `stock` is units by SKU of the source `default`,
    from which the stocks 1 and 2 sell. `asked` counts calls by route."""

    connector = "magento"
    signs = False
    pushes_orders = False

    def __init__(
        self, stock: Mapping[str, int], faults: Faults | None = None, seed: int = 1
    ) -> None:
        super().__init__(faults, seed)
        self.token = "twin-token"
        self.stocks = Stocks(stock)
        self.source = self.stocks.source
        self.asked: Counter[str] = Counter()
        self.book: dict[int, dict[str, Any]] = {}  # ids rise, so it is in their order
        self.unpaid: dict[int, dict[str, Any]] = {}
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
        return self.stocks.salable(sku, stock)

    def shown(self, listing: str) -> int:
        """Return what shoppers of the first stock are shown."""
        return self.salable(listing)

    def meddle(self, listing: str, quantity: int) -> None:
        """Somebody sets the source's quantity in the shop's own screens."""
        self.stocks.put(listing, quantity, int(quantity > 0))

    # Orders.

    def buy(
        self, listing: str, quantity: int = 1, *, paid: bool = True, stock: int = 1
    ) -> str | None:
        """Have a shopper of a stock buy what it shows."""
        if self.salable(listing, stock) < quantity:
            return None
        self.stocks.keep(listing, stock, quantity)
        number = next(self._ids)
        self.book[number] = row = fresh(number, listing, quantity, paid)
        self.sites[number] = stock
        if not paid:
            self.unpaid[number] = row
        return row["increment_id"]

    def _find(self, order: str) -> dict[str, Any]:
        return self.book[int(order)]

    def pay(self, order: str) -> None:
        """The payment arrives."""
        found = self._find(order)
        found |= {"state": "processing", "status": "processing"}
        self.unpaid.pop(found["entity_id"], None)
        settle(found | {"total_paid": found["grand_total"]}, found)

    def cancel(self, order: str) -> None:
        """The shop cancels an order, or pays back what was paid: units are free again."""
        found = self._find(order)
        self._release(found, {row["item_id"]: to_ship(row) for row in found["items"]})
        paid = found["state"] == "processing"
        self.unpaid.pop(found["entity_id"], None)
        field = "qty_refunded" if paid else "qty_canceled"
        for row in found["items"]:
            row[field] += to_ship(row)
        settle({"state": "closed" if paid else "canceled"}, found)

    def _release(self, order: dict[str, Any], units: Mapping[int, int]) -> None:
        """Give up what is kept for units that will not leave, or have left."""
        for row in order["items"]:
            left = units.get(row["item_id"], 0)
            self.stocks.keep(row["sku"], self.sites[order["entity_id"]], -left)

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
        listed = stock + "/export-stock-salable-qty/website/{website}"
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
            (stock + "/stocks/{stock:int}", self._stock, "GET"),
            (listed, self._list_salable, "GET"),
            (salable, self._salable, "GET"),
            ("/async/bulk" + stock + "/source-items", self._enqueue, "POST"),
            ("/V1/bulk/{bulk}/status", self._short, "GET"),
            ("/V1/bulk/{bulk}/detailed-status", self._detailed, "GET"),
        ]
        return Starlette(
            routes=[
                Route("/rest/default" + path, self._guarded(path, call), methods=[method])
                for path, call, method in routes
            ]
        )

    def _guarded(self, path: str, call: Any) -> Any:
        async def answer(request: Request) -> Response:
            self.asked[f"{request.method} {path}"] += 1
            if request.headers.get("authorization") != f"Bearer {self.token}":
                return _error(401, "The consumer isn't authorized to access %resources.")
            try:
                return await call(request)
            except Refused as error:
                return _error(400, str(error))

        return answer

    async def _list_orders(self, request: Request) -> Response:
        rows = self._searched(*_filter(request))
        page = _paged(rows, request)
        if any(row["entity_id"] in self.broken for row in page):
            return JSONResponse({"message": "The product that was requested doesn't exist."})
        return _found(request, page, len(rows))

    def _searched(self, field: str, value: str, condition: str) -> list[dict[str, Any]]:
        if field == "updated_at":
            return [row for row in self.book.values() if row["updated_at"] >= value]
        if field == "increment_id":
            found = self.book.get(int(value)) if value.isdecimal() else None
            return [found] if found else []
        wanted = set(value.split(",") if condition == "in" else [value])
        rows = self.unpaid if field == "state" and wanted <= NOT_YET else self.book
        return [row for row in rows.values() if str(row[field]) in wanted]

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
            left = self.source[item["sku"]] - item["qty"]
            self.stocks.put(item["sku"], left, int(left > 0))
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
        number = int(_filter(request)[1])
        paid = number in self.book and self.book[number]["total_paid"]
        rows = [{"entity_id": number, "order_id": number}] if paid else []
        return _found(request, rows, len(rows))

    async def _list_shipments(self, request: Request) -> Response:
        return self._listed(self.shipments, request)

    async def _list_memos(self, request: Request) -> Response:
        return self._listed(self.memos, request)

    def _listed(self, rows: list[dict[str, Any]], request: Request) -> Response:
        order = int(_filter(request)[1])
        found = [row for row in rows if row["order_id"] == order]
        return _found(request, found, len(found))

    async def _list_source(self, request: Request) -> Response:
        rows = self.stocks.items(_skus(request))
        return _found(request, _paged(rows, request), len(rows))

    async def _put_source(self, request: Request) -> Response:
        self.stocks.set((await request.json())["sourceItems"])
        return JSONResponse([])

    async def _stock(self, request: Request) -> Response:
        stock = request.path_params["stock"]
        if stock not in self.stocks.channels:
            return _error(404, "Stock with id does not exist.")
        extra = {"sales_channels": self.stocks.channels[stock]}
        name = f"Stock {stock}"
        return JSONResponse({"stock_id": stock, "name": name, "extension_attributes": extra})

    async def _list_salable(self, request: Request) -> Response:
        sort = request.query_params.get("searchCriteria[sortOrders][0][field]", "")
        rows = self.stocks.exported(request.path_params["website"], _skus(request), sort)
        return _found(request, _paged(rows, request), len(rows))

    async def _salable(self, request: Request) -> Response:
        found = self.stocks.one(request.path_params["sku"], request.path_params["stock"])
        if found is None:
            return _error(404, "The Product with the SKU does not exist.")
        return JSONResponse(found)

    async def _enqueue(self, request: Request) -> Response:
        rows, name = await request.json(), str(uuid.uuid4())
        self.queue[name] = time.monotonic() + self.queue_s, rows
        items = [{"id": n, "data_hash": "", "status": "accepted"} for n in range(len(rows))]
        return JSONResponse({"bulk_uuid": name, "request_items": items, "errors": False}, 202)

    async def _short(self, request: Request) -> Response:
        return self._bulk(request, _noted)

    async def _detailed(self, request: Request) -> Response:
        name = request.path_params["bulk"]
        return self._bulk(request, lambda number, row: _noted(number, row) | _data(name, row))

    def _bulk(self, request: Request, told: Callable[[int, dict[str, Any]], Any]) -> Response:
        name = request.path_params["bulk"]
        if name not in self.queue:
            return _error(404, "Bulk uuid not exist")
        at_s, rows = self.queue[name]
        if at_s <= time.monotonic():
            for row in rows:
                self._do(row)
        found = {"operations_list": list(itertools.starmap(told, enumerate(rows)))}
        found |= {"operation_count": len(rows), "bulk_id": name, "description": "Topic"}
        return JSONResponse(found | {"user_type": 1, "user_id": 1, "start_time": now()})

    def _do(self, row: dict[str, Any]) -> None:
        """Do one request of a bulk, once."""
        if "_status" in row:
            return
        try:
            self.stocks.set(row["sourceItems"])
            row["_status"], row["_said"] = 1, "Service execution success"
        except Refused as error:
            row["_status"], row["_said"] = 3, str(error)


def _noted(number: int, row: dict[str, Any]) -> dict[str, Any]:
    said = {"result_message": row.get("_said", ""), "error_code": 0}
    return {"id": number, "status": row.get("_status", 4)} | said


def _data(bulk: str, row: dict[str, Any]) -> dict[str, Any]:
    inner = JSONResponse({"sourceItems": row["sourceItems"]}).body.decode()
    data = JSONResponse({"meta_information": inner}).body.decode()
    found = {"bulk_uuid": bulk, "topic_name": "async.magento.inventoryapi"}
    return found | {"serialized_data": data, "result_serialized_data": ""}


def _filter(request: Request) -> tuple[str, str, str]:
    query = request.query_params
    found = tuple(query[f"{_FIELD}[{name}]"] for name in ("field", "value", "conditionType"))
    return found  # type: ignore[return-value]


def _skus(request: Request) -> list[str]:
    """Return the SKUs that a search is for; a list is taken apart at commas."""
    _, value, condition = _filter(request)
    return value.split(",") if condition == "in" else [value]


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
