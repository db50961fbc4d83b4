"""The connector: every call of an n11 seller."""

import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from engine.connectors.base import (
    Account,
    BadSignature,
    ConnectorError,
    Delivery,
    Fetch,
    ForeignOrder,
    Parcel,
    Published,
    Quantity,
    understood,
)
from engine.connectors.calls import Calls, document
from engine.connectors.n11 import auth, orders, soap, wire
from engine.connectors.packages import Pack, plan
from engine.connectors.polling import until_done
from engine.core import limits

_PAGE = 100
_WINDOW = timedelta(days=14)  # of a longer one they show the end only, and say nothing
_AHEAD = timedelta(hours=3)  # their times may be Istanbul's, counted as if they were UTC's
_ONE_BY_ONE = 20  # listings asked for by name; of more, all pages are read
_PRODUCTS = 250
_order = msgspec.json.Decoder(wire.Order, strict=False).decode
_package = msgspec.json.Decoder(wire.Package, strict=False).decode


class N11:
    """An n11 seller: orders in packages, asked for; stock by tasks.

    See `base.Connector` for what each method promises.
    """

    needs = ("app_key", "app_secret")
    publish_rows = 1_000
    publish_operation = "stock"
    publish_parallel = 4
    publish_units_max = 999_999

    def __init__(self, account: Account, calls: Calls) -> None:
        self._account, self._calls = account, calls
        self._root = account.url.rstrip("/")
        self._headers = auth.headers(account)

    async def _ask(
        self, operation: str, method: str, path: str, kind: Any = None, **more: Any
    ) -> Any:
        answer = await self._calls.ask(
            operation, method, self._root + path, headers=self._headers, **more
        )
        return answer if kind is None else document(answer, kind)

    # In.

    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        """Nothing is theirs: they push nothing."""
        raise BadSignature

    def receive(self, headers: Mapping[str, str], body: bytes) -> Delivery | None:
        """Nothing comes."""
        return None

    async def pull(self, since: datetime, until: datetime) -> AsyncIterator[Delivery]:
        """One status at a time, as they want it. The window is wider than asked for by three hours
        at both ends, for times that are three hours off."""
        start, until = since - _AHEAD, until + _AHEAD
        while start < until:
            end = min(start + _WINDOW, until)
            for status in orders.STATUSES:
                query = {
                    "startDate": str(int(start.timestamp() * 1000)),
                    "endDate": str(int(end.timestamp() * 1000)),
                    "status": status,
                    "orderByField": "true",  # by the last change, not by when it was bought
                    "orderByDirection": "ASC",
                }
                async for body in self._pages(query):
                    package = _read(body)
                    name = f"{package.id}@{package.last_modified_date}:{package.word}"
                    yield Delivery(name, "package", body)
            start = end

    async def _pages(self, query: Mapping[str, str]) -> AsyncIterator[bytes]:
        number = 0
        while True:
            more = {"page": str(number), "size": str(_PAGE)}
            path = "/rest/delivery/v1/shipmentPackages"
            page = await self._ask("orders", "GET", path, wire.Page, params={**query, **more})
            for raw in page.content:
                yield bytes(raw)
            number += 1
            if not page.content or number >= (page.total_pages or 0):
                return

    async def fetch(self, order_id: str) -> Delivery | None:
        """All packages of an order, in whatever status."""
        found = [msgspec.Raw(body) async for body in self._pages({"orderNumber": order_id})]
        if not found:
            return None
        body = msgspec.json.encode({"packages": found})
        digest = hashlib.blake2b(body, digest_size=8).hexdigest()
        return Delivery(f"{order_id}@{digest}", "order", body)

    def read(self, delivery: Delivery) -> ForeignOrder | Fetch | None:
        """An order from all of its packages; a package says that its order is to be asked for."""
        if delivery.topic == "order":
            return orders.understand(_packages(delivery.body))
        return Fetch(str(_read(delivery.body).order_number))

    # Out.

    async def publish(self, rows: Sequence[Quantity]) -> list[Published]:
        """Taken in as a task, done a little later: that it is in the queue is no success."""
        skus = [{"stockCode": row.listing, "quantity": row.quantity} for row in rows]
        body = {"payload": {"integrator": "dibs", "skus": skus}}
        path = "/ms/product/tasks/price-stock-update"
        task = await self._ask("stock", "POST", path, wire.Task, json=body)
        if task.id is None or task.status == "REJECT":
            text = "; ".join(task.reasons or ["the task is refused"])
            return [Published(row.listing, text) for row in rows]
        found = await until_done(lambda: self._done(int(task.id), len(rows)))
        if found is None:
            return [Published(row.listing, f"task {task.id} is not done", True) for row in rows]
        return [_published(row, found.get(row.listing)) for row in rows]

    async def _done(self, task: int, rows: int) -> dict[str, wire.TaskItem] | None:
        items: list[wire.TaskItem] = []
        while len(items) < rows:
            page = {"page": len(items) // 1_000, "size": 1_000}
            body = {"taskId": task, "pageable": page}
            path = "/ms/product/task-details/page-query"
            more = (await self._ask("task", "POST", path, wire.TaskPage, json=body)).skus.content
            items += more
            if not more:
                break
        if len(items) < rows or any(item.status not in ("SUCCESS", "FAIL") for item in items):
            return None
        return {str(item.item_code): item for item in items}

    async def shown(self, items: Sequence[Quantity]) -> dict[str, int]:
        """The stock of products: a few by name, many by reading all pages."""
        names = {row.listing for row in items}
        found: dict[str, int] = {}
        if len(names) <= _ONE_BY_ONE:
            for name in sorted(names):
                await self._products({"stockCode": name, "page": "0", "size": "1"}, names, found)
            return found
        page = 0
        while len(found) < len(names):
            query = {"page": str(page), "size": str(_PRODUCTS)}
            if page >= await self._products(query, names, found) - 1:
                break
            page += 1
        return found

    async def _products(
        self, query: Mapping[str, str], names: set[str], found: dict[str, int]
    ) -> int:
        """Put what a page shows into `found`; return how many pages there are."""
        page = await self._ask("products", "GET", "/ms/product-query", wire.Products, params=query)
        for row in page.content:
            if str(row.stock_code) in names and row.quantity is not None:
                found[str(row.stock_code)] = row.quantity
        return page.total_pages or 0

    async def _packages_of(self, order_id: str) -> list[wire.Package]:
        whole = await self.fetch(order_id)
        if whole is None:
            raise ConnectorError(f"n11 knows no order {order_id}")
        return _packages(whole.body)

    async def ship(self, parcel: Parcel) -> None:
        """By the seller's carrier: accepted if it is not yet, then told over SOAP, line by line. A
        part of a package is split from it first, which they allow only while it is being picked.

        By a carrier of theirs: the carrier tells, so we only accept.
        """
        found = await self._packages_of(parcel.order_id)
        packs = [orders.pack(package) for package in found]
        new = {pack.number for pack, package in zip(packs, found, strict=True) if package.is_new}
        if self._account.options.get("delivery", "own") == "n11":
            await self._accept([pack for pack in packs if pack.number in new])
            return
        mark = parcel.tracking or parcel.shipment_id
        step = plan(packs, parcel.lines, mark)
        if step.split is not None:
            await self._accept([step.split] if step.split.number in new else [])
            await self._split(parcel.order_id, step.split, step.rows)
        for pack in step.packs:
            await self._accept([pack] if pack.number in new else [])
            await self._leave(pack, mark)
        if step.split is not None or step.more:
            text = f"order {parcel.order_id}: a package is being split"
            raise ConnectorError(text, limits.PACKAGES_RETRY_S)

    async def _accept(self, packs: Sequence[Pack]) -> None:
        lines = [{"lineId": int(row.number)} for pack in packs for row in pack.rows]
        if lines:
            body = {"lines": lines, "status": "Picking"}
            await self._ask("package", "PUT", "/rest/order/v1/update", json=body)

    async def _split(self, order_id: str, pack: Pack, rows: tuple[tuple[str, int], ...]) -> None:
        details = [{"orderLineId": int(number), "quantities": units} for number, units in rows]
        body = {"splitPackages": [{"packageDetails": details}]}
        path = "/rest/delivery/v1/splitPackageByQuantity"
        await self._ask("package", "POST", path, json=body, once=True)
        await until_done(lambda: self._replaced(order_id, pack.number))

    async def _replaced(self, order_id: str, number: str) -> bool | None:
        packs = map(orders.pack, await self._packages_of(order_id))
        return not any(pack.number == number and pack.standing == "open" for pack in packs) or None

    async def _leave(self, pack: Pack, mark: str) -> None:
        info: dict[str, Any] = {"trackingNumber": mark, "shipmentMethod": "1"}
        if carrier := self._account.options.get("carrier_id"):
            info = {"shipmentCompany": {"id": carrier}, **info}
        items = [{"id": row.number, "shipmentInfo": info} for row in pack.rows]
        await self._soap("MakeOrderItemShipment", {}, items)

    async def _soap(self, name: str, fields: Mapping[str, str], items: Sequence[Mapping]) -> None:
        body = soap.request(self._account, f"{name}Request", fields, items)
        await self._calls.ask(
            "soap",
            "POST",
            self._root + "/ws/orderService/",
            headers=soap.HEADERS,
            content=body,
            once=True,
            check=lambda answer: soap.check(name, answer),
        )

    async def refund(self, order_id: str, refund_id: str, amount: int, currency: str) -> None:
        """Not by a seller."""
        raise NotImplementedError("n11 pays shoppers back itself, when a return is approved")

    async def cancel(self, order_id: str, reason: str) -> None:
        """As refused, line by line. What was accepted cannot be refused any more."""
        picked = []
        for package in await self._packages_of(order_id):
            pack = orders.pack(package)
            if package.word == "picking":
                picked.append(pack.number)
            elif pack.standing == "open":
                items = [{"id": row.number} for row in pack.rows]
                fields = {"rejectReason": reason, "rejectReasonType": "OUT_OF_STOCK"}
                await self._soap("OrderItemReject", fields, items)
        if picked:
            text = f"package {', '.join(picked)} is accepted: cancel it in n11's own screens"
            raise ConnectorError(text)

    async def heal(self) -> list[str]:
        """Nothing is pushed, so nothing can be disabled."""
        return []


def _read(body: bytes) -> wire.Package:
    return understood(_package, body, "a package")


def _packages(body: bytes) -> list[wire.Package]:
    return understood(_order, body).packages


def _published(row: Quantity, item: wire.TaskItem | None) -> Published:
    if item is None:
        return Published(row.listing, "the answer does not mention it", True)
    if item.status == "FAIL":
        return Published(row.listing, "; ".join(item.reasons or ["refused"]))
    return Published(row.listing)
