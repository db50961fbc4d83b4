"""The connector: every call of an Etsy shop."""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from weakref import WeakValueDictionary

import msgspec

from engine.connectors import signatures
from engine.connectors.base import (
    Account,
    Delivery,
    Fetch,
    ForeignOrder,
    Parcel,
    Published,
    Quantity,
    understood,
    worth_again,
)
from engine.connectors.calls import CallError, Calls, document, none_if_missing
from engine.connectors.etsy import auth, inventory, orders, wire
from engine.core.errors import ConfigError

_PAGE = 100
_LISTINGS = 100
_RECEIPT = re.compile(r".*/receipts/(\d+)/?")
_APPLICATION = "/v3/application"
_decode = msgspec.json.Decoder(wire.Receipt, strict=False).decode
_push = msgspec.json.Decoder(wire.Push).decode


class Etsy:
    """An Etsy shop, Open API v3.

    See `base.Connector` for what each method promises.
    """

    needs = ("keystring", "shared_secret", "refresh_token")
    needs_options = ("shop_id",)
    publish_rows = 100
    publish_operation = "stock"
    publish_parallel = 4
    publish_units_max = inventory.UNITS_MAX
    shown_rows = _LISTINGS

    def __init__(self, account: Account, calls: Calls) -> None:
        self._account, self._calls = account, calls
        self._root = account.url.rstrip("/") + _APPLICATION
        shop = account.options.get("shop_id", "")
        if not shop.isascii() or not shop.isdigit():
            raise ConfigError(f"account {account.name!r}: option shop_id: use the shop's number")
        self._shop = f"/shops/{shop}"
        self._tokens = auth.tokens(account, calls)
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def _ask(self, operation: str, method: str, path: str, **more: Any) -> Any:
        def ask(token: str) -> Any:
            headers = auth.headers(self._account, token)
            return self._calls.ask(operation, method, self._root + path, headers=headers, **more)

        return await self._tokens.call(ask)

    # In.

    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        """The signature is one of Standard Webhooks, over id, time and the raw body."""
        signatures.verify([self._account.secrets.get("hook_secret", "")], headers, body)

    def receive(self, headers: Mapping[str, str], body: bytes) -> Delivery | None:
        """A push names a receipt, and no more than that."""
        push = understood(_push, body, "a push")
        if not _RECEIPT.fullmatch(push.resource_url):
            return None
        return Delivery(f"hook-{headers['webhook-id']}", push.event_type, body)

    async def pull(self, since: datetime, until: datetime) -> AsyncIterator[Delivery]:
        """Each page begins with the second in which the last one ended, so what changes meanwhile
        moves nothing that is still to be read, and no page is too far for Etsy to give. Where one
        second fills a page, all pages of it are read, from the last to the first."""
        first, last = int(since.timestamp()), int(until.timestamp())
        known: set[str] = set()
        while first <= last:
            page = await self._page(first, last, 0)
            rows = [self._delivery(bytes(raw)) for raw in page.results]
            if len(rows) < _PAGE:
                upto = last + 1
            elif (upto := self._second(rows[-1])) == first:
                count, upto = (await self._page(first, first, 0)).count, first + 1
                for at in range(_PAGE * ((count - 1) // _PAGE), -1, -_PAGE):
                    more = (await self._page(first, first, at)).results
                    rows += [self._delivery(bytes(raw)) for raw in more]
            rows = list({row.id: row for row in rows}.values())
            for row in rows:
                if row.id not in known:
                    yield row
            known, first = {row.id for row in rows}, upto

    async def _page(self, first: int, last: int, at: int) -> wire.Receipts:
        query = {
            "min_last_modified": str(first),
            "max_last_modified": str(last),
            "sort_on": "updated",
            "sort_order": "asc",
            "limit": str(_PAGE),
            "offset": str(at),
        }
        answer = await self._ask("receipts", "GET", f"{self._shop}/receipts", params=query)
        return document(answer, wire.Receipts)

    def _second(self, delivery: Delivery) -> int:
        return self._receipt(delivery.body).updated_timestamp

    def _delivery(self, body: bytes) -> Delivery:
        """Name a receipt by what it says, too: Etsy's clock is coarse, and two changes in one
        second are two deliveries."""
        receipt, digest = self._receipt(body), hashlib.blake2b(body, digest_size=8).hexdigest()
        name = f"{receipt.receipt_id}@{receipt.updated_timestamp}-{digest}"
        return Delivery(name, "receipt", body)

    async def fetch(self, order_id: str) -> Delivery | None:
        """A receipt as it is now."""
        answer = await none_if_missing(
            self._ask("receipt", "GET", f"{self._shop}/receipts/{int(order_id)}")
        )
        if answer is None:
            return None
        return self._delivery(answer.content)

    def _receipt(self, body: bytes) -> wire.Receipt:
        return understood(_decode, body, "a receipt")

    def read(self, delivery: Delivery) -> ForeignOrder | Fetch | None:
        """What was pushed names a receipt by its address, of which only the number is used; what
        was pulled is one."""
        if delivery.topic == "receipt":
            return orders.understand(self._receipt(delivery.body))
        found = _RECEIPT.fullmatch(_push(delivery.body).resource_url)
        return Fetch(found[1]) if found else None

    # Out.

    def family(self, listing: str) -> str:
        """Etsy's listing, which is put as a whole."""
        return listing.partition("/")[0]

    async def publish(self, rows: Sequence[Quantity]) -> list[Published]:
        """Listing by listing: who changes two variations of one at the same time loses one."""
        found = []
        for name in dict.fromkeys(self.family(row.listing) for row in rows):
            some = {_sku(row): row for row in rows if self.family(row.listing) == name}
            lock = self._locks.setdefault(name, asyncio.Lock())
            async with lock:
                found += await self._put(name, some)
        return found

    async def _put(self, name: str, rows: Mapping[str, Quantity]) -> list[Published]:
        """Read a listing and put it back at once, never twice with what was read once: shoppers
        buy its other variations meanwhile."""
        if not name.isascii() or not name.isdigit():
            why = "a listing of Etsy goes by its number: LISTING/SKU"
            return [Published(row.listing, why) for row in rows.values()]
        path = f"/listings/{name}/inventory"
        try:
            answer = await self._ask("inventory", "GET", path, params={"includes": "Listing"})
            plan = inventory.plan(document(answer, wire.Inventory), rows)
            if not plan.steps:  # as where shoppers of Etsy bought it: what is right is shown
                await self._calls.unpay("stock")
            await self._do(name, plan.steps)
        except CallError as error:
            again = worth_again(error) or error.status == 409
            return [Published(row.listing, str(error), again) for row in rows.values()]
        return [Published(row.listing, plan.problems.get(sku, "")) for sku, row in rows.items()]

    async def _do(self, name: str, steps: Sequence[dict[str, Any] | str]) -> None:
        """Take the steps of a plan, with no wait for the quota between them: of what has to be put
        the first is paid already, by who publishes."""
        bodies = sum(isinstance(step, dict) for step in steps)
        for operation, calls in (("state", len(steps) - bodies), ("stock", bodies - 1)):
            for _ in range(calls):
                await self._calls.prepay(operation)
        for step in steps:
            if isinstance(step, dict):
                path = f"/listings/{name}/inventory"
                await self._ask("stock", "PUT", path, json=step, attempts=1)
            else:
                path = f"{self._shop}/listings/{name}"
                await self._ask("state", "PATCH", path, data={"state": step})

    async def shown(self, items: Sequence[Quantity]) -> dict[str, int]:
        """The units of each product, a hundred listings a call."""
        names = {self.family(row.listing) for row in items if self.family(row.listing).isdigit()}
        found: dict[str, int] = {}
        numbers = sorted(names)
        for at in range(0, len(numbers), _LISTINGS):
            for row in await self._inventories(numbers[at : at + _LISTINGS]):
                there = inventory.quantities(row.inventory or wire.Inventory(), row.state)
                for sku, units in there.items():
                    found[orders.listing_of(row.listing_id, sku)] = units
        return {row.listing: found[row.listing] for row in items if row.listing in found}

    async def _inventories(self, numbers: list[str]) -> list[wire.Row]:
        """Ask for listings. One that is gone makes Etsy refuse all, so it is found by halves."""
        query = {"listing_ids": ",".join(numbers)}
        try:
            answer = await self._ask("items", "GET", "/listings/batch/inventory", params=query)
        except CallError as error:
            if error.status != 404:
                raise
            half = len(numbers) // 2
            if not half:
                return []
            return await self._inventories(numbers[:half]) + await self._inventories(numbers[half:])
        return document(answer, wire.Rows).results

    async def ship(self, parcel: Parcel) -> None:
        """Each time that it is told of a parcel Etsy writes to the buyer, so it is looked at which
        it knows. A carrier that it does not know goes as `other`."""
        path = f"{self._shop}/receipts/{int(parcel.order_id)}"
        there = self._receipt((await self._ask("receipt", "GET", path)).content)
        numbers = {shipment.tracking_code for shipment in there.shipments or ()}
        if parcel.tracking in numbers if parcel.tracking else there.is_shipped:
            return
        body = {}
        if parcel.tracking:
            body = {"tracking_code": parcel.tracking, "carrier_name": parcel.carrier or "other"}
        try:
            await self._ask("tracking", "POST", f"{path}/tracking", json=body, once=True)
        except CallError as error:
            if error.status != 400 or body.get("carrier_name", "other") == "other":
                raise
            body["carrier_name"] = "other"
            await self._ask("tracking", "POST", f"{path}/tracking", json=body, once=True)

    async def refund(self, order_id: str, refund_id: str, amount: int, currency: str) -> None:
        """Etsy has no call for it."""
        raise NotImplementedError("Etsy pays back on its page only")

    async def cancel(self, order_id: str, reason: str) -> None:
        """Etsy has no call for it."""
        raise NotImplementedError("Etsy has orders cancelled on its page only")

    async def heal(self) -> list[str]:
        """Etsy has no call that tells of its webhooks."""
        return []


def _sku(row: Quantity) -> str:
    return row.listing.partition("/")[2]
