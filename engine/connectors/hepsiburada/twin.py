"""A Hepsiburada merchant that runs here: orders that are shown once they are paid, lines that are
packed, packages ten at a time, uploads that are done a moment later.

Each line stands for itself: `Pack` is a line here, and `box` is the package that it is in.
"""

import asyncio
import itertools
import json
import re
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from engine.connectors.base import Account
from engine.connectors.basic import basic
from engine.connectors.istanbul import ZONE, milliseconds
from engine.connectors.packtwin import Line, Pack, PackageTwin
from engine.connectors.twins import Faults, Mischief

_MERCHANT = "b2910839-83b9-4d45-adb6-86bad457edcb"
_UPLOAD_S = 0.03  # from an upload that is taken in to its result
_WORDS = {
    "unpaid": "Open",
    "open": "Open",
    "picking": "Packaged",
    "left": "InTransit",
    "delivered": "Delivered",
    "cancelled": "CancelledByCustomer",
    "unsupplied": "CancelledByMerchant",
}
_OPERATIONS = (
    (r"/orders/merchantid/[^/]+/ordernumber/.*", "order"),
    (r"/orders/.*|/packages/merchantid/[^/]+/(un)?delivered", "orders"),
    (r"/lineitems/.*|/packages/merchantid/[^/]+/packagenumber/.*", "package"),
    (r"/listings/merchantid/[^/]+/stock-uploads", "stock"),
    (r"/listings/merchantid/[^/]+/stock-uploads/id/.*", "upload"),
    (r"/listings/.*", "listings"),
)


class Merchant(PackageTwin):
    """The merchant's state, and its HTTP face `app`. `refused` counts by why."""

    connector = "hepsiburada"

    def __init__(
        self, stock: Mapping[str, int], faults: Faults | None = None, seed: int = 1
    ) -> None:
        super().__init__(stock, faults, seed)
        self.secret, self.agent, self.hook_key = "hb-secret", "dibs_dev", "hook-key"
        self.uploads: dict[str, dict[str, Any]] = {}
        self.hooks: list[str] = []
        self.tracking: dict[str, str] = {}
        self.refused, self._numbers = Counter[str](), itertools.count(1)
        self.app = Mischief(self._site(), self.meter, self.faults, seed, _operation)

    def listing(self, number: int) -> str:
        """Return a SKU of theirs."""
        return f"HBV{number:08}"

    def account(self, url: str) -> Account:
        """Return the account with which the twin at `url` may be called."""
        secrets = {"merchant": _MERCHANT, "secret": self.secret, "user_agent": self.agent}
        secrets |= {"hook_key": self.hook_key, "hook_path": "tw1n"}
        return Account(
            name="hb", connector=self.connector, channel="hepsiburada", url=url, secrets=secrets
        )

    # Lines instead of packages.

    def buy_all(self, wanted: Mapping[str, int], *, paid: bool = True) -> str | None:
        """Have a shopper buy; each listing is a line of its own."""
        if any(self.stock[listing] < units for listing, units in wanted.items()):
            return None
        order, at_ms = str(next(self.ids)), self.now_ms()
        for listing, units in wanted.items():
            self.stock[listing] -= units
            number, standing = next(self.ids), "open" if paid else "unpaid"
            line = Line(number, listing, units)
            self.packs[number] = Pack(number, order, standing, [line], at_ms, at_ms)
        self.changed(self.of(order)[0])
        return order

    def replace(
        self, pack: Pack, parts: list[dict[int, int]], standings: list[str], *, by: str
    ) -> None:
        """Take parts off a line: each is a line of its own, under a new number."""
        (line,) = pack.lines
        for standing, part in zip(standings, parts, strict=True):
            units = part[line.number]
            line.quantity -= units
            number, at_ms = next(self.ids), self.now_ms()
            rows = [Line(number, line.listing, units)]
            self.packs[number] = Pack(number, pack.order, standing, rows, at_ms, pack.placed_ms)
        self.move(pack, pack.standing)

    def parcels(self, order: str) -> list[str]:
        """Return the tracking of each package of an order that is in transit."""
        boxes = {pack.box for pack in self.of(order) if pack.standing == "left"}
        return [self.tracking[box] for box in sorted(boxes)]

    # Pushing.

    def hook(self, url: str) -> None:
        """Have a ticket answered: changes are pushed to this address and what is below it."""
        self.hooks.append(url)

    def changed(self, pack: Pack) -> None:
        """Push the lines of an order that is paid."""
        lines = [self.line(p) for p in self.of(pack.order)]
        if pack.standing == "unpaid" or not lines:
            return
        place = "/cancelled" if pack.standing in ("cancelled", "unsupplied") else "/orders"
        body = json.dumps({"items": lines}).encode()
        headers = {"content-type": "application/json", "authorization": basic("hb", self.hook_key)}

        def forged() -> tuple[dict[str, str], bytes]:
            return headers | {"authorization": basic("hb", "guessed")}, body

        for url in self.hooks:
            self.pushes.send(url, url + place, headers, body, forged)

    def line(self, pack: Pack) -> dict[str, Any]:
        """Return a line as the channel shows it."""
        (row,) = pack.lines
        price = {"currency": "TRY", "amount": self.price()}
        total = {"currency": "TRY", "amount": self.price() * row.quantity}
        return {
            "id": _guid(pack.number),
            "orderNumber": pack.order,
            "orderDate": _local(pack.placed_ms),
            "sku": row.listing,
            "merchantSKU": self.skus[row.listing],
            "quantity": row.quantity,
            "status": _WORDS[pack.standing],
            "unitPrice": price,
            "totalPrice": total,
            "dueDate": _local(pack.placed_ms + 86_400_000),
            "lastStatusUpdateDate": _local(pack.changed_ms),
            **({"packageNumber": pack.box} if pack.box else {}),
        }

    # The API.

    def _site(self) -> Starlette:
        orders, packages = "/orders/merchantid/{merchant}", "/packages/merchantid/{merchant}"
        one, listings = packages + "/packagenumber/{box}", "/listings/merchantid/{merchant}"
        cancel = "/lineitems/merchantid/{merchant}/id/{line}/cancelbymerchant"
        routes = [
            (orders, self._open, "GET"),
            (orders + "/ordernumber/{order}", self._order, "GET"),
            (orders + "/cancelled", self._cancelled, "GET"),
            (cancel, self._cancel, "POST"),
            (packages, self._packages, "GET"),
            (packages, self._pack, "POST"),
            (packages + "/delivered", self._arrived, "GET"),
            (packages + "/undelivered", self._arrived, "GET"),
            (one, self._tracking, "GET"),
            (one + "/intransit", self._leave, "POST"),
            (listings, self._listings, "GET"),
            (listings + "/stock-uploads", self._stock, "POST"),
            (listings + "/stock-uploads/id/{upload}", self._upload, "GET"),
        ]
        return Starlette(
            routes=[Route(path, self._guarded(call), methods=[way]) for path, call, way in routes]
        )

    def _guarded(self, call: Any) -> Any:
        async def answer(request: Request) -> Response:
            await asyncio.sleep(0)
            if request.headers.get("user-agent") != self.agent:
                return self._error(403, "the User-Agent is not an integrator's")
            if request.headers.get("authorization") != basic(_MERCHANT, self.secret):
                return self._error(401, "unauthorised")
            if request.path_params["merchant"] != _MERCHANT:
                return self._error(403, "this merchant is another")
            return await call(request)

        return answer

    def _error(self, status: int, text: str) -> Response:
        self.refused[text] += 1
        return JSONResponse({"message": text}, status)

    def _page(self, request: Request, rows: list[dict[str, Any]]) -> Response:
        query = request.query_params
        if not 1 <= int(query.get("limit", "0")) <= 100:
            return self._error(400, "limit is 1 to 100, and has to be given")
        limit, offset = int(query["limit"]), int(query.get("offset", "0"))
        body = {"limit": limit, "offset": offset, "totalCount": len(rows)}
        body["pageCount"] = -(-len(rows) // limit)
        return JSONResponse(body | {"items": rows[offset : offset + limit]})

    def _within(self, request: Request, at_ms: int) -> bool:
        query = request.query_params
        start = milliseconds(query.get("begindate")) if "begindate" in query else 0
        end = milliseconds(query["enddate"]) if "enddate" in query else 1 << 62
        return start <= at_ms < end

    async def _open(self, request: Request) -> Response:
        rows = [
            self.line(pack)
            for pack in self.packs.values()
            if pack.standing == "open" and self._within(request, pack.placed_ms)
        ]
        return self._page(request, rows)

    async def _order(self, request: Request) -> Response:
        packs = self.of(request.path_params["order"])
        if not packs:
            return self._error(404, "no such order")
        paid = all(pack.standing != "unpaid" for pack in packs)
        address = {"name": "Ayşe Yılmaz", "address": "Büyükdere Cad. 1", "town": "Sarıyer"}
        address |= {"city": "İstanbul", "countryCode": "TR", "phoneNumber": "5550001122"}
        return JSONResponse(
            {
                "orderNumber": packs[0].order,
                "orderDate": _local(packs[0].placed_ms),
                "paymentStatus": "Received" if paid else "Pending",
                "customer": {"customerId": "c-77", "name": "Ayşe Yılmaz"},
                "deliveryAddress": address | {"email": "ayse@example.org"},
                "items": [self.line(pack) for pack in packs],
            }
        )

    async def _cancelled(self, request: Request) -> Response:
        rows = [
            {
                "lineItemId": _guid(pack.number),
                "orderNumber": pack.order,
                "quantity": pack.lines[0].quantity,
                "cancelDate": _local(pack.changed_ms),
                "cancelledBy": "Merchant" if pack.standing == "unsupplied" else "Customer",
            }
            for pack in self.packs.values()
            if pack.standing in ("cancelled", "unsupplied")
            and self._within(request, pack.changed_ms)
        ]
        return self._page(request, rows)

    async def _cancel(self, request: Request) -> Response:
        pack = self.packs.get(_number(request.path_params["line"]))
        if pack is None or pack.standing != "open":
            return self._error(400, "this line cannot be cancelled")
        self.move(pack, "unsupplied")
        return JSONResponse("ok")

    async def _packages(self, request: Request) -> Response:
        query = request.query_params
        offset, limit = int(query.get("Offset", "0")), min(int(query.get("limit", "10")), 10)
        boxes: dict[str, list[Pack]] = {}
        for pack in self.packs.values():
            if pack.box and pack.standing == "picking" and self._within(request, pack.changed_ms):
                boxes.setdefault(pack.box, []).append(pack)
        rows = [
            {
                "packageNumber": box,
                "status": "Open",
                "items": [{"lineItemId": _guid(p.number), "orderNumber": p.order} for p in packs],
            }
            for box, packs in boxes.items()
        ]
        return JSONResponse(rows[offset : offset + limit])

    async def _pack(self, request: Request) -> Response:
        wanted = []
        for row in (await request.json())["lineItemRequests"]:
            pack = self.packs.get(_number(row["id"]))
            if pack is None or pack.standing != "open" or row["quantity"] > pack.lines[0].quantity:
                return self._error(400, "this line cannot be packed")
            wanted.append((pack, row["quantity"]))
        box = f"P{next(self._numbers):08}"
        self.tracking[box] = ""
        for pack, units in wanted:
            (line,) = pack.lines
            if units < line.quantity:  # the rest goes on as an open line under a new number
                self.replace(pack, [{line.number: line.quantity - units}], ["open"], by="pack")
            pack.box = box
            self.move(pack, "picking")
        return JSONResponse({"packageNumber": box, "barcode": f"B{box}"}, 201)

    async def _arrived(self, request: Request) -> Response:
        wanted = request.url.path.endswith("/delivered")
        rows = [
            {
                "Id": _guid(pack.number),
                "PackageNumber": pack.box,
                "OrderNumber": pack.order,
                "DeliveredDate": _local(pack.changed_ms),
            }
            for pack in self.packs.values()
            if wanted and pack.standing == "delivered" and self._within(request, pack.changed_ms)
        ]
        return self._page(request, rows)

    async def _tracking(self, request: Request) -> Response:
        box = request.path_params["box"]
        if box not in self.tracking:
            return self._error(404, "no such package")
        return JSONResponse({"packageNumber": box, "trackingInfoCode": self.tracking[box] or None})

    async def _leave(self, request: Request) -> Response:
        box, body = request.path_params["box"], await request.json()
        inside = [p for p in self.packs.values() if p.box == box and p.standing == "picking"]
        if not inside:
            return self._error(400, "this package cannot leave")
        self.tracking[box] = body["trackingNumber"]
        for pack in inside:
            self.move(pack, "left")
        return JSONResponse("ok")

    async def _stock(self, request: Request) -> Response:
        name, rows = _guid(next(self._numbers)), await request.json()
        self.uploads[name] = {"id": name, "status": "InProgress", "total": len(rows), "errors": []}
        asyncio.get_running_loop().call_later(_UPLOAD_S, self._work_off, name, rows)
        return JSONResponse({"id": name})

    def _work_off(self, name: str, rows: list[dict[str, Any]]) -> None:
        upload = self.uploads[name]
        for row in rows:
            if row["hepsiburadaSku"] in self.stock:
                self.stock[row["hepsiburadaSku"]] = row["availableStock"]
            else:
                why = {"hepsiburadaSku": row["hepsiburadaSku"], "errors": ["no such listing"]}
                upload["errors"].append(why)
        upload["status"] = "Done"

    async def _upload(self, request: Request) -> Response:
        found = self.uploads.get(request.path_params["upload"])
        return JSONResponse(found) if found else self._error(404, "no such upload")

    async def _listings(self, request: Request) -> Response:
        names = request.query_params.get("hbSkuList", "").split(",")
        if len(names) > 50:
            return self._error(400, "at most 50 listings")
        rows = [
            {"hepsiburadaSku": name, "availableStock": self.stock[name], "isSalable": True}
            for name in names
            if name in self.stock
        ]
        body = {"totalCount": len(rows), "limit": len(rows), "offset": 0}
        return JSONResponse(body | {"listings": rows})


def _guid(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012}"


def _number(guid: str) -> int:
    return int(guid.rpartition("-")[2])


def _local(at_ms: int) -> str:
    at = datetime.fromtimestamp(at_ms / 1000, ZONE).replace(tzinfo=None)
    return at.isoformat(timespec="milliseconds")


def _operation(scope: Any) -> str | None:
    if re.fullmatch(r"/packages/merchantid/[^/]+", scope["path"]):
        return "packages" if scope["method"] == "GET" else "package"
    for pattern, name in _OPERATIONS:
        if re.fullmatch(pattern, scope["path"]):
            return name
    return None


TWIN = Merchant
