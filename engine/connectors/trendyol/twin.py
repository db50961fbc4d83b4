"""A Trendyol seller that runs here: packages that are replaced when they are split or cancelled in
part, stock by batches that are done a moment later, a body that may not be said twice in a quarter
of an hour, pages that end at the ten thousandth package, hooks that become passive.
"""

import asyncio
import base64
import itertools
import json
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from engine.connectors.base import Account
from engine.connectors.packtwin import Pack, PackageTwin
from engine.connectors.twins import Faults, Mischief

_FAILURES_MAX = 13  # pushes that fail, and the hook becomes passive
_ROWS_MAX, _QUANTITY_MAX = 1_000, 20_000
_REACHABLE = 10_000  # packages by page number
_QUIET_S = 900
_AHEAD_MS = 3 * 3_600_000
_FORTNIGHT_MS = 14 * 86_400_000
_BATCH_S = 0.03  # from a batch that is taken in to its result
_WORDS = {
    "unpaid": "Awaiting",
    "open": "Created",
    "picking": "Picking",
    "invoiced": "Invoiced",
    "left": "Shipped",
    "cancelled": "Cancelled",
    "unsupplied": "UnSupplied",
    "replaced": "UnPacked",
}
_KEEPS = ("open", "picking", "invoiced")
_OPERATIONS = (
    (r"/integration/order/sellers/\d+/v2/orders", "orders"),
    (r"/integration/order/sellers/\d+/orders/stream", "stream"),
    (r"/integration/order/sellers/\d+/shipment-packages/.*", "package"),
    (r"/integration/inventory/sellers/\d+/products/price-and-inventory", "stock"),
    (r"/integration/product/sellers/\d+/products/batch-requests/.*", "batch"),
    (r"/integration/product/sellers/\d+/products/approved/.*", "products"),
    (r"/integration/webhook/sellers/\d+/webhooks.*", "hooks"),
)


class Seller(PackageTwin):
    """The seller's state, and its HTTP face `app`. `told` counts what was refused, by why;
    `now_s` is the clock by which a body is forgotten."""

    connector = "trendyol"

    def __init__(
        self,
        stock: Mapping[str, int],
        faults: Faults | None = None,
        seed: int = 1,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(stock, faults, seed)
        self.number, self.key, self.secret, self.hook_key = 4242, "ty-key", "ty-secret", "hook-key"
        self.batches: dict[str, list[dict[str, Any]]] = {}
        self.hooks: dict[str, dict[str, Any]] = {}
        self.refused, self._failures = Counter[str](), Counter[str]()
        self._said: dict[str, float] = {}
        self._now_s, self._batch_numbers = now_s, itertools.count(1)
        self.app = Mischief(self._site(), self.meter, self.faults, seed, _operation)

    def listing(self, number: int) -> str:
        """Return a barcode."""
        return f"869{number:010}"

    def account(self, url: str) -> Account:
        """Return the account with which the twin at `url` may be called."""
        secrets = {"seller": str(self.number), "key": self.key, "secret": self.secret}
        secrets |= {"hook_key": self.hook_key, "hook_path": "tw1n"}
        return Account(
            name="trendyol",
            connector=self.connector,
            channel="trendyol",
            url=f"{url}/integration",
            secrets=secrets,
        )

    # Pushing.

    def hook(self, url: str) -> None:
        """Register a webhook, as its seller does by a call."""
        name = f"hook-{len(self.hooks) + 1}"
        self.hooks[name] = {
            "id": name,
            "url": url,
            "authenticationType": "API_KEY",
            "status": "ACTIVE",
        }

    def changed(self, pack: Pack) -> None:
        """Push a package, all of it, whatever changed."""
        body = json.dumps(self.document(pack)).encode()
        headers = {"content-type": "application/json", "x-api-key": self.hook_key}

        def forged() -> tuple[dict[str, str], bytes]:
            return headers | {"x-api-key": "guessed"}, body

        for hook in self.hooks.values():
            if hook["status"] == "ACTIVE":
                self.pushes.send(hook["id"], hook["url"], headers, body, forged)

    def answered(self, key: Any, status: int) -> None:
        """Count failures; too many make the hook passive."""
        if key in self.hooks and not 200 <= status < 300:
            self._failures[key] += 1
            if self._failures[key] >= _FAILURES_MAX:
                self.hooks[key]["status"] = "PASSIVE"

    def document(self, pack: Pack) -> dict[str, Any]:
        """Return a package as the channel shows it."""
        address = {"firstName": "Ayşe", "lastName": "Yılmaz", "address1": "Büyükdere Cad. 1"}
        address |= {"city": "İstanbul", "district": "Sarıyer", "countryCode": "TR"}
        address |= {"postalCode": "34453", "phone": "5550001122"}
        word, price = _WORDS[pack.standing], self.price()
        lines = [
            {
                "lineId": line.number,
                "barcode": line.listing,
                "merchantSku": self.skus[line.listing],
                "quantity": line.quantity,
                "lineUnitPrice": price,
                "lineGrossAmount": price,
                "currencyCode": "TRY",
                "orderLineItemStatusName": word,
            }
            for line in pack.lines
        ]
        return {
            "shipmentPackageId": pack.number,
            "orderNumber": pack.order,
            "orderDate": pack.placed_ms + _AHEAD_MS,
            "status": word,
            "shipmentPackageStatus": word,
            "packageTotalPrice": price * sum(line.quantity for line in pack.lines),
            "currencyCode": "TRY",
            "customerId": 99_000_001,
            "customerFirstName": "Ayşe",
            "customerLastName": "Yılmaz",
            "customerEmail": "ayse@example.org",
            "shipmentAddress": address,
            "invoiceAddress": address,
            "cargoTrackingNumber": 7_330_000_000 + pack.number,
            "cargoTrackingLink": pack.told,
            "createdBy": pack.by,
            "originPackageIds": pack.origins or None,
            "agreedDeliveryDate": pack.placed_ms + 86_400_000,
            "lastModifiedDate": pack.changed_ms,
            "packageHistories": [{"createdDate": pack.changed_ms, "status": word}],
            "lines": lines,
        }

    # The API.

    def _site(self) -> Starlette:
        order, product = "/order/sellers/{seller:int}", "/product/sellers/{seller:int}/products"
        package, hooks = order + "/shipment-packages/{package:int}", "/webhook/sellers/{seller:int}"
        routes = [
            (order + "/v2/orders", self._list, "GET"),
            (order + "/orders/stream", self._stream, "GET"),
            (package, self._status, "PUT"),
            (package + "/alternative-delivery", self._deliver, "PUT"),
            (package + "/split-packages", self._split, "POST"),
            (package + "/items/unsupplied", self._unsupplied, "PUT"),
            ("/inventory/sellers/{seller:int}/products/price-and-inventory", self._stock, "POST"),
            (product + "/batch-requests/{batch}", self._batch, "GET"),
            (product + "/approved/inventory-and-price", self._products, "GET"),
            (hooks + "/webhooks", self._hooks, "GET"),
            (hooks + "/webhooks/{hook}/activate", self._activate, "PUT"),
        ]
        return Starlette(
            routes=[
                Route("/integration" + path, self._guarded(call), methods=[way])
                for path, call, way in routes
            ]
        )

    def _guarded(self, call: Any) -> Any:
        pair = base64.b64encode(f"{self.key}:{self.secret}".encode()).decode()

        async def answer(request: Request) -> Response:
            await asyncio.sleep(0)
            if not re.fullmatch(rf"{self.number} - .+", request.headers.get("user-agent", "")):
                return self._error(403, "a User-Agent is missing")
            if request.headers.get("authorization") != f"Basic {pair}":
                return self._error(401, "ClientApiAuthenticationException")
            if request.path_params["seller"] != self.number:
                return self._error(401, "this seller is another")
            return await call(request)

        return answer

    def _error(self, status: int, text: str) -> Response:
        self.refused[text] += 1
        return JSONResponse({"errors": [{"key": "refused", "message": text}]}, status)

    async def _list(self, request: Request) -> Response:
        query = request.query_params
        size, page = int(query.get("size", "50")), int(query.get("page", "0"))
        if size > 200 or size * (page + 1) > _REACHABLE:
            return self._error(400, "pages end at 10,000 packages")
        rows = [
            pack
            for pack in self.packs.values()
            if pack.order == query.get("orderNumber", pack.order)
            and _WORDS[pack.standing] == query.get("status", _WORDS[pack.standing])
        ]
        body = {"page": page, "size": size, "totalElements": len(rows)}
        body["totalPages"] = -(-len(rows) // size)
        some = rows[page * size : (page + 1) * size]
        return JSONResponse(body | {"content": [self.document(pack) for pack in some]})

    async def _stream(self, request: Request) -> Response:
        query = request.query_params
        size, now_ms = int(query.get("size", "50")), int(time.time() * 1000)
        end = int(query.get("lastModifiedEndDate", now_ms))
        start = int(query.get("lastModifiedStartDate", end - _FORTNIGHT_MS))
        if size > 200 or end - start > _FORTNIGHT_MS:
            return self._error(400, "at most 200 packages of a fortnight")
        before = tuple(map(int, query.get("nextCursor", f"{end},0").split(",")))
        rows = sorted(((p.changed_ms, p.number) for p in self.packs.values()), reverse=True)
        rows = [row for row in rows if row < before and row[0] >= start]
        some = rows[:size]
        body = {"size": size, "hasMore": len(rows) > size}
        if body["hasMore"]:
            body["nextCursor"] = ",".join(map(str, some[-1]))
        content = [self.document(self.packs[number]) for _, number in some]
        return JSONResponse(body | {"content": content})

    def _package(self, request: Request) -> Pack | None:
        found = self.packs.get(request.path_params["package"])
        return found if found and found.standing in _KEEPS else None

    async def _status(self, request: Request) -> Response:
        pack, body = self._package(request), await request.json()
        if pack is None:
            return self._error(400, "the package cannot be changed")
        words = {"Picking": "picking", "Invoiced": "invoiced"}
        if body["status"] == "Invoiced" and pack.standing == "open":
            return self._error(400, "first Picking, then Invoiced")
        self.move(pack, words[body["status"]])
        return Response()

    async def _deliver(self, request: Request) -> Response:
        pack, body = self._package(request), await request.json()
        if pack is None or pack.standing == "open":
            return self._error(400, "the package is not being worked on")
        pack.told = body["trackingInfo"]
        self.move(pack, "left")
        return Response()

    async def _split(self, request: Request) -> Response:
        pack, body = self._package(request), await request.json()
        if pack is None:
            return self._error(400, "the package cannot be split")
        parts = [
            {row["orderLineId"]: row["quantities"] for row in part["packageDetails"]}
            for part in body["splitPackages"]
        ]
        self.split(pack, parts)
        return Response()

    async def _unsupplied(self, request: Request) -> Response:
        pack, body = self._package(request), await request.json()
        if pack is None:
            return self._error(400, "the package cannot be cancelled")
        units = {row["lineId"]: row["quantity"] for row in body["lines"]}
        if units == {line.number: line.quantity for line in pack.lines}:
            self.move(pack, "unsupplied")
        else:
            self.replace(pack, [units], ["unsupplied"], by="cancel")
        return Response()

    async def _stock(self, request: Request) -> Response:
        items = (await request.json())["items"]
        if not 1 <= len(items) <= _ROWS_MAX:
            return self._error(400, "1 to 1,000 rows")
        if any(not 0 <= row["quantity"] <= _QUANTITY_MAX for row in items):
            return self._error(400, "a quantity is 0 to 20,000")
        said = json.dumps(sorted(items, key=lambda row: row["barcode"]))
        if self._now_s() - self._said.get(said, -_QUIET_S) < _QUIET_S:
            return self._error(400, "the same may not be said for 15 minutes")
        self._said[said] = self._now_s()
        name = f"batch-{next(self._batch_numbers)}"
        self.batches[name] = [{"requestItem": row, "status": "PROCESSING"} for row in items]
        asyncio.get_running_loop().call_later(_BATCH_S, self._work_off, name)
        return JSONResponse({"batchRequestId": name})

    def _work_off(self, name: str) -> None:
        for row in self.batches[name]:
            barcode, quantity = row["requestItem"]["barcode"], row["requestItem"]["quantity"]
            if barcode in self.stock:
                self.stock[barcode] = quantity
                row["status"] = "SUCCESS"
            else:
                row |= {"status": "FAILED", "failureReasons": ["no such barcode"]}

    async def _batch(self, request: Request) -> Response:
        name = request.path_params["batch"]
        if name not in self.batches:
            return self._error(404, "no such batch")
        return JSONResponse({"batchRequestId": name, "items": self.batches[name]})

    async def _products(self, request: Request) -> Response:
        names = request.query_params.get("barcodes", "").split(",")
        if len(names) > 50:
            return self._error(400, "at most 50 barcodes")
        rows = [{"barcode": n, "quantity": self.stock[n]} for n in names if n in self.stock]
        return JSONResponse({"content": [{"contentId": 1, "variants": rows}] if rows else []})

    async def _hooks(self, request: Request) -> Response:
        return JSONResponse(list(self.hooks.values()))

    async def _activate(self, request: Request) -> Response:
        name = request.path_params["hook"]
        self.hooks[name]["status"], self._failures[name] = "ACTIVE", 0
        return Response()


def _operation(scope: Any) -> str | None:
    for pattern, name in _OPERATIONS:
        if re.fullmatch(pattern, scope["path"]):
            return name
    return None


TWIN = Seller
