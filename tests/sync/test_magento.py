"""What is particular to Magento: units that the shop keeps itself, stocks that share a source."""

import asyncio
import os
from collections import Counter
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from engine.connectors.base import BadSignature, ConnectorError, Parcel, Quantity
from engine.connectors.calls import Calls
from engine.connectors.magento.connector import Magento
from engine.connectors.magento.twin import Shop
from engine.connectors.twins import serving
from tests.sync.office import running, until
from tests.sync.open_gate import OpenGate

FULL = os.environ.get("DIBS_SYNC_FULL") == "1"
NAMES = {"MUG": 9, "CUP 2/RED%": 9}


@pytest.fixture
async def shop():
    """A twin and a connector to it, with no quota between them."""
    twin = Shop(NAMES)
    async with serving(twin.app) as url, httpx.AsyncClient() as client:
        account = twin.account(url)
        yield twin, Magento(account, Calls(client, OpenGate(), account.name))


async def publish(magento: Magento, sku: str, units: int) -> None:
    """Show so many, and insist."""
    (done,) = await magento.publish([Quantity(sku, units)])
    assert not done.problem


async def test_what_open_orders_keep_is_added_and_not_shown_twice_as_gone(shop) -> None:
    twin, magento = shop
    twin.buy("MUG", 2)
    assert twin.salable("MUG") == 7
    await publish(magento, "MUG", 7)  # dibs counts the order, too
    assert twin.salable("MUG") == 7 and twin.source["MUG"] == 9
    assert await magento.shown([Quantity("MUG", 7)]) == {"MUG": 7}


async def test_two_stocks_of_one_source_never_show_more_than_there_is(shop) -> None:
    twin, magento = shop
    magento._stock.stocks = [1, 2]
    left, too_many = 9, 0
    for stock in (1, 2, 2, 1, 2):
        assert twin.buy("MUG", 1, stock=stock)
        left -= 1
        too_many += twin.salable("MUG", 3 - stock) > left  # until the source is told
        await publish(magento, "MUG", left)
        shown = [twin.salable("MUG", n) for n in (1, 2)]
        assert max(shown) == left and min(shown) >= 0
    assert too_many, "the stocks do not share a source"
    await publish(magento, "MUG", 0)
    assert twin.buy("MUG", 1) is None is twin.buy("MUG", 1, stock=2)


async def test_a_name_with_a_slash_is_one_name(shop) -> None:
    twin, magento = shop
    await publish(magento, "CUP 2/RED%", 4)
    assert twin.salable("CUP 2/RED%") == 4
    rows = [Quantity("GONE", 1), Quantity("MUG", 3)]
    gone, mug = await magento.publish(rows)
    assert "no such SKU" in gone.problem and not mug.problem and twin.salable("MUG") == 3


async def test_every_page_comes_once_and_the_order_that_breaks_one_is_told_of(shop) -> None:
    twin, magento = shop
    twin.source["MUG"] = 1_000
    orders = [twin.buy("MUG") for _ in range(250)]
    now = datetime.now(UTC)
    window = now - timedelta(minutes=5), now
    found = [magento.read(row).order_id async for row in magento.pull(*window)]
    assert found == orders
    twin.broken.add(150)  # a product of it was deleted: the shop cannot make its page
    rows = [row async for row in magento.pull(*window)]
    broken = [row for row in rows if row.topic == "broken"]
    assert len(rows) == 250 and len(broken) == 1
    with pytest.raises(ConnectorError, match="number 150"):
        magento.read(broken[0])


async def test_a_refund_is_of_the_amount_and_nothing_else(shop) -> None:
    twin, magento = shop
    order = twin.buy("MUG", 3)
    for name in ("r-1", "r-2", "r-1"):
        await magento.refund(order, name, 250, "EUR")
    assert twin.refunds(order) == [250, 250]
    found = magento.read(await magento.fetch(order))
    assert found.state == "open" and found.lines[0].quantity == 3
    magento._account.options["refunds"] = "online"
    await magento.refund(order, "r-3", 100, "EUR")
    assert twin.refunds(order)[-1] == 100


async def test_what_is_paid_cannot_be_cancelled_and_is_paid_back(shop) -> None:
    twin, magento = shop
    paid, unpaid = twin.buy("MUG", 3), twin.buy("MUG", 2, paid=False)
    await magento.ship(_parcel(paid, twin, 1))
    for order in (paid, unpaid, paid):
        await magento.cancel(order, "lost")
    assert twin.refunds(paid) == [2_000] and twin.refunds(unpaid) == []
    assert twin.salable("MUG") == twin.source["MUG"] == 8  # nothing is kept any more
    found = magento.read(await magento.fetch(unpaid))
    assert found.state == "cancelled"


async def test_a_parcel_comes_off_the_source_once(shop) -> None:
    twin, magento = shop
    order = twin.buy("MUG", 2)
    for _ in range(3):
        await magento.ship(_parcel(order, twin, 2))
    assert twin.source["MUG"] == 7 == twin.salable("MUG")
    assert twin.orders()[order] == "fulfilled" and len(twin.shipments) == 1


async def test_the_queue_does_each_row_by_itself(shop) -> None:
    twin, magento = shop
    twin.buy("MUG", 2)
    rows = [Quantity("MUG", 4), Quantity("GONE", 1), Quantity("CUP 2/RED%", 1)]
    twin.queue_s = 0.2
    ticket = await magento.bulk.send(rows)
    names = [row.listing for row in rows]
    assert await magento.bulk.done(ticket, names) is None
    await asyncio.sleep(0.3)
    results = await magento.bulk.done(ticket, names)
    assert [bool(row.problem) for row in results] == [False, True, False]
    assert twin.salable("MUG") == 4


async def test_a_thousand_checkouts_at_once_leave_nothing_inconsistent(desk) -> None:
    """Shoppers of the shop and of another front take the last units in the same moment."""
    count = 1_000 if FULL else 100
    units = count * 3 // 5
    async with running(desk, "magento", {"MUG": units}) as site:
        (mug,) = site.twin.listings()
        sku = site.twin.listings()[mug]
        lines = [{"sku": sku, "quantity": 1}]

        async def check_out(number: int) -> int:
            body = {"order_id": f"w{number}", "channel": site.channel, "lines": lines}
            return (await desk.http.post("/v1/orders", json=body)).status_code

        checkouts = [asyncio.create_task(check_out(n)) for n in range(count // 2)]
        bought = [site.twin.buy(mug) for _ in range(count // 2)]
        told = Counter(await asyncio.gather(*checkouts))
        await asyncio.sleep(1.1)  # windows end at the last whole second
        await site.worker.sweep.once()

        async def all_there() -> bool:
            return set(bought) <= (await desk.orders(site.channel)).keys()

        await until(all_there, "every order is there", 120.0)
        there = await desk.orders(site.channel)
        states = Counter(there[order]["status"] for order in bought)
        assert set(told) <= {201, 409} and set(states) <= {"allocated", "backordered"}
        assert told[201] + states["allocated"] == units, "each unit has one buyer"
        stock = (await desk.http.get(f"/v1/stock/{sku}")).json()
        assert (stock["on_hand"], stock["allocated"], stock["available"]) == (units, units, 0)
        await site.shows(mug, 0)
        assert not await site.worker.publisher.audit(), "shop and ledger differ"
        print(f"{count:,} checkouts for {units} units: {dict(told)} elsewhere, {dict(states)} here")


async def test_nobody_may_push(shop) -> None:
    _, magento = shop
    with pytest.raises(BadSignature):
        magento.verify({"authorization": "Bearer twin-token"}, b"{}")


async def test_an_order_that_was_not_paid_yet_counts_for_the_shop_only(desk) -> None:
    """The shop keeps units for it, and dibs does not: they are shown to nobody else."""
    async with running(desk, "magento", {"MUG": 5}) as site:
        (mug,) = site.twin.listings()
        unpaid = site.twin.buy(mug, 2, paid=False)
        order = site.twin.buy(mug, 1)
        await site.comes(order)
        await until(lambda: site.twin.source[mug] == 5, "the source is told")
        await site.shows(mug, 2)
        assert await site.worker.connector.shown([Quantity(mug, 4)]) == {mug: 4}
        site.twin.pay(unpaid)
        await site.comes(unpaid)
        await site.shows(mug, 2)


def _parcel(order: str, twin: Shop, units: int) -> Parcel:
    line = twin._find(order)["items"][0]["item_id"]
    return Parcel(
        order_id=order,
        shipment_id="s-1",
        lines=((str(line), units),),
        shipped_at=datetime.now(UTC),
        carrier="dhl",
        tracking="T1",
    )
