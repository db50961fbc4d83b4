"""An n11 seller that runs here: packages listed by one status at a time, split only while they are
picked, told of over SOAP; stock by tasks that are done a moment later. Nothing is pushed.
"""

import asyncio
import itertools
import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any
from xml.etree import ElementTree as Xml

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from engine.connectors.base import Account
from engine.connectors.istanbul import ZONE, moment
from engine.connectors.packtwin import Line, Pack, PackageTwin
from engine.connectors.twins import Faults, Mischief

_ROWS_MAX, _PAGE_MAX, _PRODUCTS_MAX = 1_000, 100, 250
_SPAN_MS = 15 * 86_400_000  # of a longer window, its end is shown
_TASK_S = 0.03  # from a task that is taken in to its result
_WORDS = {
    "open": "Created",
    "picking": "Picking",
    "left": "Shipped",
    "cancelled": "Cancelled",
    "unsupplied": "UnSupplied",
    "replaced": "UnPacked",
}
_STATUSES = (*_WORDS.values(), "Delivered", "UnDelivered")
_OPERATIONS = (
    (r"/rest/delivery/v1/shipmentPackages", "orders"),
    (r"/rest/.*", "package"),
    (r"/ws/.*", "soap"),
    (r"/ms/product/tasks/price-stock-update", "stock"),
    (r"/ms/product/task-details/page-query", "task"),
    (r"/ms/product-query", "products"),
)


class Seller(PackageTwin):
    """The seller's state, and its HTTP face `app`. `refused` counts by why; `ahead_ms` is by how
    much the times it is asked for are ahead of UTC, which is not written anywhere."""

    connector = "n11"
    signs = pushes_orders = False
    ahead_ms = 0

    def __init__(
        self, stock: Mapping[str, int], faults: Faults | None = None, seed: int = 1
    ) -> None:
        super().__init__(stock, faults, seed)
        self.key, self.secret = "n11-key", "n11-secret"
        self.tasks: dict[int, list[dict[str, Any]]] = {}
        self.refused, self._numbers = Counter[str](), itertools.count(700_001)
        self.app = Mischief(self._site(), self.meter, self.faults, seed, _operation)

    def listing(self, number: int) -> str:
        """Return a stock code."""
        return f"N11-{number}"

    def account(self, url: str) -> Account:
        """Return the account with which the twin at `url` may be called."""
        secrets = {"app_key": self.key, "app_secret": self.secret, "hook_path": "tw1n"}
        return Account(
            name="n11",
            connector=self.connector,
            channel="n11",
            url=url,
            secrets=secrets,
            options={"sweep_s": "1"},
        )

    def hook(self, url: str) -> None:
        """Do nothing: they push nothing."""

    def document(self, pack: Pack) -> dict[str, Any]:
        """Return a package as the channel shows it, with what it writes in two ways."""
        address = {"address": "Büyükdere Cad. 1", "city": "İstanbul", "district": "Sarıyer"}
        address |= {"fullName": "Ayşe Yılmaz", "gsm": "5550001122", "postalCode": "34453"}
        word, price = _WORDS[pack.standing], self.price()
        local = moment(pack.changed_ms).astimezone(ZONE)
        lines = [
            {
                "orderLineId": line.number,
                "productId": 5,
                "stockCode": line.listing,
                "quantity": line.quantity,
                "price": price,
                "sellerInvoiceAmount": price * line.quantity,
                "orderItemLineItemStatusName": word,
            }
            for line in pack.lines
        ]
        return {
            "id": pack.number,
            "orderNumber": pack.order,
            "shipmentPackageStatus": word,
            "lastModifiedDate": pack.changed_ms,
            "agreedDeliveryDate": pack.placed_ms + 86_400_000,
            "customerId": 77,
            "customerfullName": "Ayşe Yılmaz",
            "customerEmail": "ayse@example.org",
            "shippingAddress": address,
            "billingAddress": address,
            "cargoTrackingNumber": f"C{pack.number}",
            "cargoSenderNumber": pack.told,
            "packageHistories": [
                {"createdDate": f"{local:%d-%m-%Y %H:%M}", "status": f" {word}"},
            ],
            "lines": lines,
        }

    # The API.

    def _site(self) -> Starlette:
        routes = [
            ("/rest/delivery/v1/shipmentPackages", self._list, "GET"),
            ("/rest/order/v1/update", self._update, "PUT"),
            ("/rest/delivery/v1/splitPackageByQuantity", self._split, "POST"),
            ("/ms/product/tasks/price-stock-update", self._stock, "POST"),
            ("/ms/product/task-details/page-query", self._task, "POST"),
            ("/ms/product-query", self._products, "GET"),
        ]
        rest = [Route(path, self._guarded(call), methods=[way]) for path, call, way in routes]
        return Starlette(routes=[*rest, Route("/ws/orderService/", self._soap, methods=["POST"])])

    def _guarded(self, call: Any) -> Any:
        async def answer(request: Request) -> Response:
            await asyncio.sleep(0)
            given = tuple(request.headers.get(name) for name in ("appkey", "appsecret"))
            if given == (self.key, self.secret):
                return await call(request)
            if request.url.path.startswith("/rest/"):
                return PlainTextResponse("Authentication failed", 403)
            return JSONResponse({"@type": "SellerApiUserUnauthorizedException"}, 401)

        return answer

    def _error(self, text: str) -> Response:
        self.refused[text] += 1
        return JSONResponse({"code": 400, "message": text}, 400)

    async def _list(self, request: Request) -> Response:
        query = request.query_params
        size, page = int(query.get("size", "20")), int(query.get("page", "0"))
        status = query.get("status")
        if size > _PAGE_MAX or status not in (None, *_STATUSES):
            return self._error("at most 100 packages, of one status")
        end = int(query.get("endDate", (time.time() + 86_400) * 1000))
        start = max(int(query.get("startDate", 0)), end - _SPAN_MS)
        rows = sorted(self._within(start, end, query), key=lambda pack: pack.changed_ms)
        some = rows[page * size : (page + 1) * size]
        body = {"page": page, "size": size, "totalPages": -(-len(rows) // size)}
        return JSONResponse(body | {"content": [self.document(pack) for pack in some]})

    def _within(self, start: int, end: int, query: Mapping[str, str]) -> Iterator[Pack]:
        by_change = query.get("orderByField") == "true"
        for pack in self.packs.values():
            at_ms = (pack.changed_ms if by_change else pack.placed_ms) + self.ahead_ms
            word = _WORDS.get(pack.standing)  # what is not paid is not shown
            asked = {"status": word, "orderNumber": pack.order} | dict(query)
            meant = (asked["status"], asked["orderNumber"]) == (word, pack.order)
            if word and meant and start <= at_ms <= end:
                yield pack

    def _holding(self, line: int) -> tuple[Pack, Line] | None:
        for pack in self.packs.values():
            for row in pack.lines:
                if row.number == line and pack.standing in ("open", "picking"):
                    return pack, row
        return None

    async def _update(self, request: Request) -> Response:
        body, content = await request.json(), []
        for line in body["lines"]:
            found = self._holding(line["lineId"])
            if found and found[0].standing == "open":
                self.move(found[0], "picking")
            status = "SUCCESS" if found else "FAIL"
            content.append({"lineId": line["lineId"], "status": status})
        return JSONResponse({"content": content})

    async def _split(self, request: Request) -> Response:
        parts = [
            {row["orderLineId"]: row["quantities"] for row in part["packageDetails"]}
            for part in (await request.json())["splitPackages"]
        ]
        found = self._holding(next(iter(parts[0])))
        if found is None or found[0].standing != "picking":
            return self._error("only what is being picked can be split")
        self.split(found[0], parts)
        return JSONResponse({"code": 200, "message": "success"})

    async def _stock(self, request: Request) -> Response:
        payload = (await request.json())["payload"]
        skus = payload["skus"]
        if not 1 <= len(skus) <= _ROWS_MAX:
            return self._error("1 to 1,000 rows")
        number = next(self._numbers)
        if any(not 0 <= row["quantity"] <= 999_999 for row in skus):
            reasons = ["a quantity is 0 to 999,999"]
            answer = {"id": number, "type": "SKU_UPDATE", "status": "REJECT", "reasons": reasons}
            return JSONResponse(answer)
        self.tasks[number] = []
        asyncio.get_running_loop().call_later(_TASK_S, self._work_off, number, skus)
        return JSONResponse({"id": number, "type": "SKU_UPDATE", "status": "IN_QUEUE"})

    def _work_off(self, number: int, skus: list[dict[str, Any]]) -> None:
        for row in skus:
            known = row["stockCode"] in self.stock
            if known:
                self.stock[row["stockCode"]] = row["quantity"]
            item = {"itemCode": row["stockCode"], "status": "SUCCESS" if known else "FAIL"}
            self.tasks[number].append(item | {"reasons": [] if known else ["no such stock code"]})

    async def _task(self, request: Request) -> Response:
        body = await request.json()
        page = body.get("pageable", {"page": 0, "size": 100})
        start = page["page"] * page["size"]
        rows = self.tasks.get(body["taskId"], [])[start : start + page["size"]]
        return JSONResponse({"taskId": body["taskId"], "skus": {"content": rows}})

    async def _products(self, request: Request) -> Response:
        query = request.query_params
        size, page = int(query.get("size", "20")), int(query.get("page", "0"))
        if size > _PRODUCTS_MAX:
            return self._error("at most 250 products")
        names = [name for name in self.stock if name == query.get("stockCode", name)]
        some = names[page * size : (page + 1) * size]
        content = [{"stockCode": name, "quantity": self.stock[name]} for name in some]
        return JSONResponse({"content": content, "totalPages": -(-len(names) // size)})

    # SOAP.

    async def _soap(self, request: Request) -> Response:
        said = Xml.fromstring(await request.body())
        call = said[0][0]
        name = call.tag.rpartition("}")[2]
        given = (call.findtext("auth/appKey"), call.findtext("auth/appSecret"))
        if given != (self.key, self.secret):
            return _answer(name, "SELLER_API.authenticationFailed")
        problem = ""
        for item in call.iterfind("orderItemList/orderItem"):
            found = self._holding(int(item.findtext("id") or 0))
            problem = problem or self._item(name, found, item)
        return _answer(name, problem)

    def _item(self, name: str, found: tuple[Pack, Line] | None, item: Xml.Element) -> str:
        """Do what is asked for one line; return why not, empty if it is done."""
        if found is None:
            return "" if name.startswith("MakeOrderItemShipment") else "ORDER.notFound"
        pack, _ = found
        if name == "OrderItemRejectRequest":
            if pack.standing != "open":
                return "ORDER.acceptedCannotBeRejected"
            self.move(pack, "unsupplied")
        elif name == "MakeOrderItemShipmentRequest":
            if pack.standing != "picking":
                return "ORDER.notAccepted"
            pack.told = item.findtext("shipmentInfo/trackingNumber") or ""
            self.move(pack, "left")
        return ""


def _answer(name: str, problem: str) -> Response:
    """Return an answer, which is 200 whatever it says."""
    status = "failure" if problem else "success"
    code = f"<errorCode>{problem}</errorCode><errorMessage>refused</errorMessage>"
    text = f"<result><status>{status}</status>{code if problem else ''}</result>"
    inner = f"<{name.replace('Request', 'Response')}>{text}</{name.replace('Request', 'Response')}>"
    body = f'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>{inner}'
    return Response(f"{body}</s:Body></s:Envelope>", media_type="text/xml")


def _operation(scope: Any) -> str | None:
    for pattern, name in _OPERATIONS:
        if re.fullmatch(pattern, scope["path"]):
            return name
    return None


TWIN = Seller
