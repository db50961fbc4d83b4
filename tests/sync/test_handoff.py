"""Work of a location that Amazon's warehouses do: sold on another channel, and told there."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from engine.connectors.amazon.provider import Mcf
from engine.connectors.amazon.twin import Marketplace
from engine.connectors.base import Account
from engine.connectors.calls import Calls
from engine.connectors.quotas import quotas_for, quotas_of
from engine.connectors.twins import Meter, serving
from engine.core.errors import ConfigError
from engine.sync.gate import AccountGate
from engine.sync.handoff import Handoff
from engine.sync.listings import Listing, Listings
from engine.sync.office import Office
from tests.sync.contracts.judge import judge
from tests.sync.contracts.recorder import Recorder
from tests.sync.office import Running, running, until
from tests.sync.test_contracts import needed

_PACE = 50  # times the plan's, so that many works fit into a test


class Killed(BaseException):
    """The process ends here."""


class Death:
    """Ends the process at effect number `at`, just before or just after it had its effect."""

    def __init__(self, at: int = 0, after: bool = False) -> None:
        self.at, self.after, self.seen = at, after, 0

    def upon(self, thing: Any, *names: str) -> Any:
        """Have calls of these methods count."""
        for name in names:
            setattr(thing, name, self._wrapped(getattr(thing, name)))
        return thing

    def _wrapped(self, call: Callable) -> Callable:
        async def counted(*args: Any, **more: Any) -> Any:
            self.seen += args[:1] != ("GET",)
            here = self.seen == self.at and args[:1] != ("GET",)
            if here and not self.after:
                raise Killed
            found = await call(*args, **more)
            if here:
                raise Killed
            return found

        return counted


class Shipping:
    """A shop whose mugs are in Amazon's warehouses, a location of dibs."""

    def __init__(self, site: Running, twin: Marketplace, account: Account) -> None:
        self.site, self.twin, self.account = site, twin, account
        self.location = account.options["locations"]
        self.mug = next(iter(site.twin.listings()))
        self.sku = site.twin.listings()[self.mug]
        self.theirs = f"{self.sku}-FBA"
        self.recorder = Recorder("amazon")
        self._client = self.recorder.client()

    async def handoff(self, death: Death | None = None) -> Handoff:
        """Return a worker as a new process has it."""
        office, name = self.site.office, self.account.name
        gate = AccountGate(office.store, name, quotas_for(self.account))
        calls, death = Calls(self._client, gate, name), death or Death()
        provider = death.upon(Mcf(self.account, calls), "create", "release", "cancel")
        store = death.upon(_Same(office.store), "put", "drop")
        desk, listings = death.upon(_Same(office.desk), "ask"), Listings(office.store, name)
        await listings.put([Listing(self.theirs, self.sku, published=False)])
        return Handoff(self.account, provider, store, desk, listings)

    async def sell(self, quantity: int = 1) -> str:
        """Have the shop sell, and dibs release."""
        order = self.site.twin.buy(self.mug, quantity)
        await self.site.comes(order)
        await self.release(order, "r1")
        return order

    async def release(self, order: str, name: str) -> dict:
        """Have dibs ask the location for an order."""
        path = f"/v1/orders/{self.site.channel}/{order}/release"
        return await self.site.desk.post(path, {"release_id": name})

    async def order(self, order: str) -> dict:
        """Return an order as dibs has it."""
        return (await self.site.desk.http.get(f"/v1/orders/{self.site.channel}/{order}")).json()

    def made(self, order: dict) -> list[str]:
        """Return the ids of Amazon's orders for the fulfillments of an order."""
        ids = [row["fulfillment_id"] for row in order["fulfillments"]]
        return [n for n in self.twin.warehouses.book if any(f"dibs-{i}-" in n for i in ids)]

    async def on_hand(self) -> int:
        """Return the units that dibs has at Amazon's."""
        stock = (await self.site.desk.http.get(f"/v1/stock/{self.sku}")).json()
        return sum(r["on_hand"] for r in stock["locations"] if r["location"] == self.location)


class _Same:
    """Something whose methods may be replaced without replacing those of others' copies."""

    def __init__(self, thing: Any) -> None:
        self._thing = thing

    def __getattr__(self, name: str) -> Any:
        return getattr(self._thing, name)


@contextlib.asynccontextmanager
async def shipping(desk, units: int = 40):
    """Run a shop, and Amazon's warehouses with so many of its mugs."""
    async with running(desk, "woocommerce", {"MUG": 0, "PAD": 1}) as site:
        twin = Marketplace({})
        twin.meter = Meter(quotas_of("amazon").times(_PACE))
        twin.app.meter = twin.meter
        async with serving(twin.app) as url:
            account = twin.account(url)
            more = {"locations": f"fba-{site.name}", "look_s": "0.03", "pace": str(_PACE)}
            account = msgspec.structs.replace(
                account, name=f"a-{site.name}", options=account.options | more
            )
            found = Shipping(site, twin, account)
            place = {"name": "Amazon", "kind": "warehouse", "country": "GB"}
            await desk.put(f"/v1/locations/{found.location}", place)
            lines = [{"sku": found.sku, "quantity": units}]
            receipt = {"receipt_id": f"{site.name}-fba", "location": found.location, "lines": lines}
            await desk.post("/v1/stock/receipts", receipt)
            twin.warehouses.stock[found.theirs] = units
            await site.shows(found.mug, units)
            yield found


async def through(
    where: Shipping, order: str, worker: Handoff, status: str, parts: int = 1
) -> None:
    """Step until the order has a status, Amazon shipping what is released to it."""

    async def so() -> bool:
        await worker.step()
        there = await where.order(order)
        for name in where.made(there):
            row = where.twin.warehouses.book[name]
            if (
                row["fulfillmentConfiguration"]["action"] == "SHIP"
                and row["status"] == "PROCESSING"
            ):
                where.twin.warehouses.ship(name, parts)
            if status == "delivered" and row["shipments"]:
                where.twin.warehouses.deliver(name)
        return there["status"] == status

    await until(so, f"{order} is {status}")


async def test_killed_at_every_step_it_is_shipped_once_and_told_once(desk) -> None:
    """Preview, create on hold, release to ship, tracking, back to the channel where it was sold;
    the process ends before and after each effect that there is, and a new one goes on."""
    async with shipping(desk) as where:
        sold, kills = [], 0
        for at in range(1, 100):
            ends = False
            for after in (False, True):
                order, death = await where.sell(), Death(at, after)
                sold.append(order)
                try:
                    await through(where, order, await where.handoff(death), "delivered")
                    ends = True
                except Killed:
                    kills += 1
                    await through(where, order, await where.handoff(), "delivered")
            if ends:
                break
        assert kills >= 16, "note, create, accept, pick, release, pack, ship, deliver: each twice"
        shop, told = where.site.twin, where.site.worker.teller
        await until(lambda: told.counts["shipped"] == len(sold), "the shop is told of all")
        for order in sold:
            (made,) = where.made(await where.order(order))
            (shipment,) = where.twin.warehouses.book[made]["shipments"]
            (note,) = shop.parcels(order)
            (package,) = shipment["packages"]
            assert package["tracking"]["carrier"]["trackingNumber"] in note
            assert shop.orders()[order] == "fulfilled"
        assert len(where.twin.warehouses.book) == len(sold) and not where.twin.warehouses.refused
        assert await where.on_hand() == 40 - len(sold) == where.twin.warehouses.stock[where.theirs]
        assert not where.twin.meter.over


async def test_what_amazon_has_not_is_had_from_elsewhere(desk) -> None:
    async with shipping(desk) as where:
        where.twin.warehouses.stock[where.theirs] = 0  # its count and ours differ
        order, worker = await where.sell(2), await where.handoff()
        await desk.receive(f"{where.site.name}-more", {where.sku: 5})
        await until(lambda: worker.step(), "a step is done")
        first, second = (await where.order(order))["fulfillments"]
        assert (first["status"], second["location"]) == ("rejected", "main")
        assert worker.counts["rejected"] == 1 and not where.twin.warehouses.book


async def test_what_amazon_finds_missing_later_leaves_the_stock_and_is_had_elsewhere(desk) -> None:
    async with shipping(desk) as where:
        order, worker = await where.sell(2), await where.handoff()
        await desk.receive(f"{where.site.name}-more", {where.sku: 5})
        await until(lambda: worker.step(), "it is released")
        (made,) = where.made(await where.order(order))
        where.twin.warehouses.fail(made)
        await until(lambda: worker.step(), "it is given up")
        first, second = (await where.order(order))["fulfillments"]
        assert (first["status"], second["location"]) == ("cancelled", "main")
        assert await where.on_hand() == 38 and worker.counts["short"] == 1


async def test_what_is_taken_back_is_cancelled_at_amazon(desk) -> None:
    async with shipping(desk) as where:
        order = await where.sell(2)
        with pytest.raises(Killed):
            await (await where.handoff(Death(2, after=True))).step()  # made, and killed
        (made,) = where.made(await where.order(order))
        body = {"reason": "the customer wrote"}
        await desk.post(f"/v1/orders/{where.site.channel}/{order}/cancel", body)
        worker = await where.handoff()
        while await worker.step():
            pass
        assert where.twin.warehouses.book[made]["status"] == "CANCELLED"
        assert where.twin.warehouses.stock[where.theirs] == 40
        assert not await where.site.office.store.table("handoff", where.account.name)


async def test_what_is_changed_before_it_is_released_is_asked_for_as_it_is_then(desk) -> None:
    async with shipping(desk) as where:
        order = await where.sell(3)
        with pytest.raises(Killed):
            await (await where.handoff(Death(2, after=True))).step()
        lines = [{"sku": where.sku, "quantity": 1}]
        path = f"/v1/orders/{where.site.channel}/{order}/cancel"
        await desk.post(path, {"lines": lines, "reason": "one is enough less"})
        worker = await where.handoff()
        while await worker.step():
            pass
        assert where.twin.warehouses.stock[where.theirs] == 40, "the first one was cancelled"
        await where.release(order, "r2")
        await through(where, order, worker, "shipped")
        assert where.twin.warehouses.stock[where.theirs] == 38


async def test_parcels_are_told_one_by_one(desk) -> None:
    async with shipping(desk) as where:
        order = await where.sell(3)
        await through(where, order, await where.handoff(), "shipped", parts=2)
        shop = where.site.twin
        await until(lambda: len(shop.parcels(order)) == 2, "the shop is told of both")
        await until(lambda: shop.orders()[order] == "fulfilled", "and that it is all")
        assert await where.on_hand() == 37


async def test_an_account_with_locations_does_it_all_by_itself(desk) -> None:
    async with shipping(desk) as where:
        store, stop = where.site.office.store, asyncio.Event()
        office = Office([where.account], store, None, None, url=desk.dibs.url, key=desk.dibs.key)
        (worker,) = office.workers.values()
        await worker.listings.put([Listing(where.theirs, where.sku, published=False)])
        working = asyncio.create_task(worker.run(stop))
        try:
            order = await where.sell(2)
            await until(lambda: worker.handoff.counts["released"] == 1, "it is handed off")
            (made,) = where.made(await where.order(order))
            (tracking,) = where.twin.warehouses.ship(made)
            shop = where.site.twin
            await until(lambda: shop.orders()[order] == "fulfilled", "the shop is told")
            assert tracking in shop.parcels(order)[0]
            assert where.twin.granted == 1, "selling and shipping share a token"
        finally:
            stop.set()
            await asyncio.wait_for(working, 30.0)
        assert not worker.failures


async def test_calls_are_as_the_contract_asks(desk) -> None:
    needed("amazon")
    async with shipping(desk) as where:
        order, other = await where.sell(3), await where.sell()
        await through(where, order, await where.handoff(), "delivered", parts=2)
        (made,) = where.made(await where.order(other))
        assert await (await where.handoff())._provider.cancel(made)
    found = await judge("amazon", where.recorder.calls, each=5)
    assert not found.problems, "\n".join(found.problems)
    assert len(found.judged) == 5, "preview, create, get, release, cancel"


def test_a_location_has_one_provider() -> None:
    first = Marketplace({}).account("http://127.0.0.1:1")
    first = msgspec.structs.replace(first, options=first.options | {"locations": "a, b"})
    second = msgspec.structs.replace(first, name="second")
    with pytest.raises(ConfigError, match="location 'a': both amazon and second"):
        Office([first, second], None, None, None, url="http://127.0.0.1:1", key="")
