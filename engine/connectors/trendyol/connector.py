"""The connector: every call of a Trendyol seller."""

import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

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
from engine.connectors.calls import Calls, document
from engine.connectors.packages import Pack, plan
from engine.connectors.polling import until_done
from engine.connectors.trendyol import auth, orders, wire
from engine.core import limits

_PAGE = 200
_WINDOW = timedelta(days=13)  # they allow a fortnight
_BARCODES = 50  # to a question for stock
_REASON = 500  # that the seller has none left
_order = msgspec.json.Decoder(wire.Order, strict=False).decode
_push = msgspec.json.Decoder(wire.Push, strict=False).decode


class Trendyol:
    """A Trendyol seller: orders in packages, stock by batches.

    See `base.Connector` for what each method promises.
    """

    needs = ("seller", "key", "secret", "hook_key")
    publish_rows = 1_000
    publish_operation = "stock"
    publish_parallel = 4
    publish_units_max = 20_000

    def __init__(self, account: Account, calls: Calls) -> None:
        self._account, self._calls = account, calls
        self._root, self._seller = account.url.rstrip("/"), account.secrets["seller"]
        self._headers = auth.headers(account)

    async def _ask(
        self, operation: str, method: str, place: str, path: str, kind: Any = None, **more: Any
    ) -> Any:
        """Call /PLACE/sellers/SELLER/PATH; return the answer, decoded if a kind is given."""
        url = f"{self._root}/{place}/sellers/{self._seller}/{path}"
        answer = await self._calls.ask(operation, method, url, headers=self._headers, **more)
        return answer if kind is None else document(answer, kind)

    # In.

    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        """By the key that we gave them, whatever the body says."""
        auth.verify(self._account, headers)

    def receive(self, headers: Mapping[str, str], body: bytes) -> Delivery | None:
        """A package at a time, named as a sweep names it: what both bring is kept once."""
        package = _only(body)
        return Delivery(_name(package), "package", body) if package.order_number else None

    async def pull(self, since: datetime, until: datetime) -> AsyncIterator[Delivery]:
        """From the stream, by cursor: pages by number end at the ten thousandth package."""
        while since < until:
            end = min(since + _WINDOW, until)
            async for delivery in self._window(since, end):
                yield delivery
            since = end

    async def _window(self, since: datetime, until: datetime) -> AsyncIterator[Delivery]:
        query = {
            "size": str(_PAGE),
            "lastModifiedStartDate": str(_milliseconds(since)),
            "lastModifiedEndDate": str(_milliseconds(until)),
        }
        while True:
            page = await self._ask(
                "stream", "GET", "order", "orders/stream", wire.Page, params=query
            )
            for raw in page.content:
                body = bytes(raw)
                yield Delivery(_name(_only(body)), "package", body)
            if not page.has_more or not page.next_cursor:
                return
            query["nextCursor"] = page.next_cursor

    async def fetch(self, order_id: str) -> Delivery | None:
        """All packages of an order."""
        query = {"orderNumber": order_id, "size": str(_PAGE)}
        page = await self._ask("orders", "GET", "order", "v2/orders", wire.Page, params=query)
        if not page.content:
            return None
        body = msgspec.json.encode({"packages": page.content})
        digest = hashlib.blake2b(body, digest_size=8).hexdigest()
        return Delivery(f"{order_id}@{digest}", "order", body)

    def read(self, delivery: Delivery) -> ForeignOrder | Fetch | None:
        """The order, from all of its packages, or from one that says enough."""
        if delivery.topic == "order":
            return orders.understand(_packages(delivery.body))
        package = _only(delivery.body)
        if not orders.says_enough(package):
            return Fetch(str(package.order_number))
        return orders.understand([package], whole=False)

    # Out.

    async def publish(self, rows: Sequence[Quantity]) -> list[Published]:
        """Taken in at once, done a little later: each row is asked for until it says how it went.

        A call that may have been heard is not repeated as it is: that would be refused.
        """
        items = [{"barcode": row.listing, "quantity": row.quantity} for row in rows]
        path = "products/price-and-inventory"
        taken = await self._ask(
            "stock", "POST", "inventory", path, wire.Taken, json={"items": items}, once=True
        )
        found = await until_done(lambda: self._done(taken.batch_request_id, len(rows)))
        if found is None:
            text = f"batch {taken.batch_request_id} is not done"
            return [Published(row.listing, text, True) for row in rows]
        return [_published(row, found.get(row.listing)) for row in rows]

    async def _done(self, batch: str, rows: int) -> dict[str, wire.BatchItem] | None:
        path = f"products/batch-requests/{batch}"
        items = (await self._ask("batch", "GET", "product", path, wire.Batch)).items or []
        if len(items) < rows or any(item.status not in ("SUCCESS", "FAILED") for item in items):
            return None
        return {str(item.request_item.get("barcode")): item for item in items}

    async def shown(self, items: Sequence[Quantity]) -> dict[str, int]:
        """The stock of approved products, by barcode."""
        found: dict[str, int] = {}
        path = "products/approved/inventory-and-price"
        for at in range(0, len(items), _BARCODES):
            names = {row.listing for row in items[at : at + _BARCODES]}
            query = {"barcodes": ",".join(sorted(names)), "size": "100"}
            page = await self._ask("products", "GET", "product", path, wire.Products, params=query)
            for row in (v for content in page.content for v in content.variants or [content]):
                if str(row.barcode) in names and row.shown is not None:
                    found[str(row.barcode)] = row.shown
        return found

    async def _packages(self, order_id: str) -> list[wire.Package]:
        whole = await self.fetch(order_id)
        if whole is None:
            raise ConnectorError(f"Trendyol knows no order {order_id}")
        return _packages(whole.body)

    async def ship(self, parcel: Parcel) -> None:
        """By the seller's carrier: its packages leave, with the tracking. A part of a package is
        split from it first, which takes a moment; it is told the next time.

        By a carrier of theirs: the carrier tells, package by package, so we only say, once all has
        left, that the order was worked on.
        """
        found = await self._packages(parcel.order_id)
        packs = [orders.pack(package) for package in found]
        if self._account.options.get("delivery", "own") == "trendyol":
            for pack in packs if parcel.last else ():
                await self._worked_on(pack, found, ("Picking", "Invoiced"))
            return
        mark = parcel.tracking or parcel.shipment_id
        next_step = plan(packs, parcel.lines, mark)
        if next_step.split is not None:
            await self._split(parcel.order_id, next_step.split, next_step.rows)
        link = self._account.options.get("tracking_url", "{tracking}").replace("{tracking}", mark)
        for pack in next_step.packs:
            await self._worked_on(pack, found, ("Picking",))
            body = {"isPhoneNumber": False, "trackingInfo": link, "params": {}}
            path = f"shipment-packages/{pack.number}/alternative-delivery"
            await self._ask("package", "PUT", "order", path, json=body, once=True)
        if next_step.split is not None or next_step.more:
            text = f"order {parcel.order_id}: a package is being split"
            raise ConnectorError(text, limits.PACKAGES_RETRY_S)

    async def _split(self, order_id: str, pack: Pack, rows: tuple[tuple[str, int], ...]) -> None:
        details = [{"orderLineId": int(number), "quantities": units} for number, units in rows]
        body = {"splitPackages": [{"packageDetails": details}]}
        path = f"shipment-packages/{pack.number}/split-packages"
        await self._ask("package", "POST", "order", path, json=body, once=True)
        await until_done(lambda: self._replaced(order_id, pack.number))

    async def _replaced(self, order_id: str, number: str) -> bool | None:
        packs = map(orders.pack, await self._packages(order_id))
        return not any(pack.number == number and pack.standing == "open" for pack in packs) or None

    async def _worked_on(
        self, pack: Pack, found: Sequence[wire.Package], words: tuple[str, ...]
    ) -> None:
        """Move an open package on, word by word, from where it is."""
        order = ("Created", "Picking", "Invoiced")
        word = next(package.word for package in found if package.number == pack.number)
        lines = [{"lineId": int(row.number), "quantity": row.quantity} for row in pack.rows]
        for step in words:
            if word in order and order.index(word) < order.index(step):
                body = {"status": step, "lines": lines, "params": {}}
                path = f"shipment-packages/{pack.number}"
                await self._ask("package", "PUT", "order", path, json=body)

    async def refund(self, order_id: str, refund_id: str, amount: int, currency: str) -> None:
        """Not by a seller."""
        raise NotImplementedError("Trendyol pays shoppers back itself, when a claim is approved")

    async def cancel(self, order_id: str, reason: str) -> None:
        """As not supplied, package by package; those that are cancelled already are passed over."""
        for package in map(orders.pack, await self._packages(order_id)):
            if package.standing != "open":
                continue
            lines = [{"lineId": int(row.number), "quantity": row.quantity} for row in package.rows]
            body = {"lines": lines, "reasonId": _REASON}
            path = f"shipment-packages/{package.number}/items/unsupplied"
            await self._ask("package", "PUT", "order", path, json=body, once=True)

    async def heal(self) -> list[str]:
        """They make a hook passive after thirteen failures, and it stays so."""
        word = self._account.secrets.get("hook_path")
        if not word:
            return []
        done = []
        for hook in await self._ask("hooks", "GET", "webhook", "webhooks", list[wire.Hook]):
            if word in hook.url and hook.status == "PASSIVE":
                await self._ask("hooks", "PUT", "webhook", f"webhooks/{hook.id}/activate")
                done.append(f"webhook {hook.id} was passive, is active again")
        return done


def _milliseconds(at: datetime) -> int:
    return int(at.astimezone(UTC).timestamp() * 1000)


def _only(body: bytes) -> wire.Package:
    """Return the package of a push, or of a page. Where there are several, which they send of one
    order only, the first stands for all: its order is asked for."""
    found = understood(_push, body, "a package")
    if not found.content:
        return found
    first = found.content[0]
    return first if len(found.content) == 1 else msgspec.structs.replace(first, created_by=None)


def _packages(body: bytes) -> list[wire.Package]:
    return understood(_order, body).packages


def _name(package: wire.Package) -> str:
    return f"{package.number}@{package.last_modified_date}:{package.word}"


def _published(row: Quantity, item: wire.BatchItem | None) -> Published:
    if item is None:
        return Published(row.listing, "the answer does not mention it", True)
    if item.status == "FAILED":
        return Published(row.listing, "; ".join(item.failure_reasons or ["refused"]))
    return Published(row.listing)
