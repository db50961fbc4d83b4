"""The connector: every call of a Hepsiburada merchant."""

import hashlib
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from engine.connectors import istanbul
from engine.connectors.base import (
    Account,
    ConnectorError,
    Delivery,
    Fetch,
    ForeignOrder,
    Parcel,
    Published,
    Quantity,
    understood,
)
from engine.connectors.calls import Calls, document, none_if_missing
from engine.connectors.hepsiburada import auth, orders, wire
from engine.connectors.packages import Pack, Row, plan
from engine.connectors.polling import until_done
from engine.core import limits

_PAGE, _PACKAGES = 100, 10
_SKUS = 50  # to a question for stock
_REASON = 83  # that the seller cannot supply it
_DONE = ("done", "success", "succeeded", "completed", "finished")
_FAILED = ("failed", "fail", "error")
_order = msgspec.json.Decoder(wire.Order, strict=False).decode


class Hepsiburada:
    """A Hepsiburada merchant: orders once they are paid, stock by uploads.

    See `base.Connector` for what each method promises.
    """

    needs = ("merchant", "secret", "user_agent", "hook_key")
    publish_rows = 1_000
    publish_operation = "stock"
    publish_parallel = 2

    def __init__(self, account: Account, calls: Calls) -> None:
        self._account, self._calls = account, calls
        self._root = account.url.rstrip("/")
        apart = self._root.replace("//oms-external", "//listing-external")
        self._listings = account.options.get("listing_url", apart).rstrip("/")
        self._merchant = account.secrets["merchant"]
        self._headers = auth.headers(account)

    async def _ask(
        self, operation: str, method: str, url: str, kind: Any = None, **more: Any
    ) -> Any:
        answer = await self._calls.ask(operation, method, url, headers=self._headers, **more)
        return answer if kind is None else document(answer, kind)

    def _url(self, room: str, *path: str) -> str:
        return "/".join((self._root, room, "merchantid", self._merchant, *path))

    # In.

    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        """By the password that we gave them, whatever the body says."""
        auth.verify(self._account, headers)

    def receive(self, headers: Mapping[str, str], body: bytes) -> Delivery | None:
        """What they push is written in several ways; it says which order changed."""
        try:
            found = _order_number(msgspec.json.decode(body))
        except msgspec.MsgspecError as error:
            raise ConnectorError(f"a push cannot be understood: {error}") from error
        if not found:
            return None
        digest = hashlib.blake2b(body, digest_size=8).hexdigest()
        return _hint(f"push:{digest}", found)

    async def pull(self, since: datetime, until: datetime) -> AsyncIterator[Delivery]:
        """All that is open, whenever it was bought: a payment may come hours after the order, and
        only then is it shown. And what was packed, cancelled or delivered in the window."""
        async for line in self._open():
            name = f"line:{line.id}@{line.last_status_update_date}:{line.word}:{line.quantity}"
            yield _hint(name, str(line.order_number))
        window = {"begindate": _minute(since), "enddate": _minute(until + timedelta(minutes=1))}
        url = self._url("orders", "cancelled")
        async for row in self._pages(url, wire.CancelledLines, window):
            yield _hint(f"cancelled:{row.line_item_id}@{row.cancel_date}", str(row.order_number))
        async for package in self._packed(window):
            for name in {str(item.order_number) for item in package.items}:
                yield _hint(f"package:{package.package_number}:{package.status}:{name}", name)
        for kind in ("delivered", "undelivered"):
            url = self._url("packages", kind)
            async for row in self._pages(url, wire.Arrivals, window):
                for name in row.orders:
                    yield _hint(f"{kind}:{row.package_number}:{name}", name)

    def _open(self) -> AsyncIterator[wire.Line]:
        return self._pages(self._url("orders"), wire.Lines, {})

    async def _pages(self, url: str, kind: Any, query: Mapping[str, str]) -> AsyncIterator[Any]:
        offset = 0
        while True:
            more = {"offset": str(offset), "limit": str(_PAGE)}
            page = await self._ask("orders", "GET", url, kind, params={**query, **more})
            for row in page.items:
                yield row
            offset += len(page.items)
            if not page.items or offset >= (page.total_count or 0):
                return

    async def _packed(self, window: Mapping[str, str]) -> AsyncIterator[wire.Package]:
        """Ten at a time, and the offset has a capital."""
        offset = 0
        while True:
            query = {**window, "Offset": str(offset), "limit": str(_PACKAGES)}
            url, kind = self._url("packages"), list[wire.Package]
            found = await self._ask("packages", "GET", url, kind, params=query)
            for package in found:
                yield package
            offset += len(found)
            if len(found) < _PACKAGES:
                return

    async def fetch(self, order_id: str) -> Delivery | None:
        """An order, all of its lines."""
        answer = await none_if_missing(
            self._ask("order", "GET", self._url("orders", "ordernumber", order_id))
        )
        if answer is None:
            return None
        digest = hashlib.blake2b(answer.content, digest_size=8).hexdigest()
        return Delivery(f"{order_id}@{digest}", "order", answer.content)

    def read(self, delivery: Delivery) -> ForeignOrder | Fetch | None:
        """An order, or which one changed."""
        if delivery.topic == "order":
            found = _read(delivery.body)
            return orders.understand(found) if found.items else None
        return Fetch(msgspec.json.decode(delivery.body)["orderNumber"])

    # Out.

    async def publish(self, rows: Sequence[Quantity]) -> list[Published]:
        """Taken in at once, done a little later; what was refused is named row by row."""
        body = [{"hepsiburadaSku": row.listing, "availableStock": row.quantity} for row in rows]
        url = f"{self._listings}/listings/merchantid/{self._merchant}/stock-uploads"
        taken = await self._ask("stock", "POST", url, wire.Taken, json=body)
        found = await until_done(lambda: self._done(f"{url}/id/{taken.id}"))
        if found is None or (found.status or "").lower() in _FAILED:
            text = f"upload {taken.id} is not done" if found is None else "the upload failed"
            return [Published(row.listing, text, True) for row in rows]
        wrong = {
            str(error.hepsiburada_sku): "; ".join(error.errors or ["refused"])
            for error in found.errors or ()
        }
        return [Published(row.listing, wrong.get(row.listing, "")) for row in rows]

    async def _done(self, url: str) -> wire.Upload | None:
        found = await self._ask("upload", "GET", url, wire.Upload)
        return found if (found.status or "").lower() in (*_DONE, *_FAILED) else None

    async def shown(self, items: Sequence[Quantity]) -> dict[str, int]:
        """The stock of listings, by their SKU there."""
        found: dict[str, int] = {}
        url = f"{self._listings}/listings/merchantid/{self._merchant}"
        for at in range(0, len(items), _SKUS):
            names = {row.listing for row in items[at : at + _SKUS]}
            query = {"offset": "0", "limit": str(_SKUS), "hbSkuList": ",".join(sorted(names))}
            page = await self._ask("listings", "GET", url, wire.Listings, params=query)
            for row in page.listings:
                if str(row.hepsiburada_sku) in names and row.available_stock is not None:
                    found[str(row.hepsiburada_sku)] = row.available_stock
        return found

    async def _lines(self, order_id: str) -> list[wire.Line]:
        whole = await self.fetch(order_id)
        if whole is None:
            raise ConnectorError(f"Hepsiburada knows no order {order_id}")
        return _read(whole.body).items

    async def ship(self, parcel: Parcel) -> None:
        """What leaves is packed, if it is not yet, and the package is in transit with its tracking.

        By a carrier of theirs: the carrier tells, so we only pack.
        """
        packs = await self._packs(await self._lines(parcel.order_id))
        mark = parcel.tracking or parcel.shipment_id
        step = plan([pack for pack, _ in packs], parcel.lines, mark)
        boxed = {pack.number for pack, is_boxed in packs if is_boxed}
        numbers = [pack.number for pack in step.packs if pack.number in boxed]
        loose = [
            row for pack in step.packs if pack.number not in boxed for row in _units(pack.rows)
        ]
        if step.split is not None and step.split.number in boxed:
            await self._unbox(step.split.number, step.rows)
        elif step.split is not None:
            loose += step.rows
        if loose:
            numbers.append(await self._box(loose))
        if self._account.options.get("delivery", "own") == "own":
            for number in numbers:
                await self._leave(number, parcel, mark)
        if step.split is not None or step.more:
            text = f"order {parcel.order_id}: the rest is looked at again"
            raise ConnectorError(text, limits.PACKAGES_RETRY_S)

    async def _packs(self, lines: Sequence[wire.Line]) -> list[tuple[Pack, bool]]:
        """Return the packages of an order and its lines that are in none; and if it is one."""
        groups: dict[str, list[wire.Line]] = {}
        for line in lines:
            if orders.standing(line) != "gone":
                groups.setdefault(str(line.package_number or f"-{line.id}"), []).append(line)
        found = []
        for number, some in groups.items():
            is_boxed = not number.startswith("-")
            standing = "left" if all(orders.standing(ln) == "left" for ln in some) else "open"
            told = await self._told(number) if is_boxed else ""
            rows = tuple(map(orders.row, some))
            found.append((Pack(number, standing, 0, rows, told), is_boxed))
        return found

    async def _told(self, number: str) -> str:
        url = self._url("packages", "packagenumber", number)
        found = await self._ask("package", "GET", url, wire.Tracking)
        return f"{found.tracking_info_code or ''} {found.tracking_info_url or ''}"

    async def _box(self, rows: Iterable[tuple[str, int]]) -> str:
        lines = [{"id": number, "quantity": units} for number, units in rows]
        body = {"parcelQuantity": 1, "deci": 1, "lineItemRequests": lines}
        url = self._url("packages")
        return str(
            (
                await self._ask("package", "POST", url, wire.Boxed, json=body, once=True)
            ).package_number
        )

    async def _unbox(self, number: str, rows: Iterable[tuple[str, int]]) -> None:
        lines = [{"orderLineId": line, "quantity": units} for line, units in rows]
        body = {"packageDetails": [{"parcelQuantity": 1, "deci": 1, "lines": lines}]}
        url = self._url("packages", "packagenumber", number, "split")
        await self._ask("package", "POST", url, json=body, once=True)

    async def _leave(self, number: str, parcel: Parcel, mark: str) -> None:
        template = self._account.options.get("tracking_url", "")
        shipped = parcel.shipped_at.astimezone(istanbul.ZONE)
        body = {"shippedDate": f"{shipped:%Y-%m-%dT%H:%M:%S}", "trackingNumber": mark}
        if template:
            body["trackingUrl"] = template.replace("{tracking}", mark)
        url = self._url("packages", "packagenumber", number, "intransit")
        await self._ask("package", "POST", url, json=body, once=True)

    async def refund(self, order_id: str, refund_id: str, amount: int, currency: str) -> None:
        """Not by a merchant."""
        raise NotImplementedError("Hepsiburada pays buyers back itself, when a claim is accepted")

    async def cancel(self, order_id: str, reason: str) -> None:
        """As not supplied, line by line. What is packed must be unpacked there first."""
        packed = []
        for line in await self._lines(order_id):
            if orders.standing(line) != "open":
                continue
            if line.package_number:
                packed.append(str(line.package_number))
                continue
            url = self._url("lineitems", "id", str(line.id), "cancelbymerchant")
            await self._ask("package", "POST", url, json={"reasonId": _REASON}, once=True)
        if packed:
            raise ConnectorError(f"package {', '.join(packed)} is packed: unpack it there first")

    async def heal(self) -> list[str]:
        """A push is set up by a ticket, and nothing shows whether it still is."""
        return []


def _minute(at: datetime) -> str:
    return at.astimezone(istanbul.ZONE).strftime("%Y-%m-%d %H:%M")


def _hint(name: str, order: str) -> Delivery:
    return Delivery(name, "changed", msgspec.json.encode({"orderNumber": order}))


def _units(rows: Sequence[Row]) -> list[tuple[str, int]]:
    return [(row.number, row.quantity) for row in rows]


def _read(body: bytes) -> wire.Order:
    return understood(_order, body)


def _order_number(thing: Any) -> str:
    """Return the first order number in a document, however deep and however it is spelt."""
    if isinstance(thing, dict):
        for name, value in thing.items():
            if name.lower() == "ordernumber" and isinstance(value, str | int):
                return str(value)
    inside = thing.values() if isinstance(thing, dict) else thing
    for value in inside if isinstance(thing, dict | list) else ():
        if found := _order_number(value):
            return found
    return ""
