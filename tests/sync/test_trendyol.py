"""Trendyol's own traps: packages that are replaced, bodies that may not be said twice, pages that
end, hooks that become passive."""

import base64
import json
import os
import time
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from engine.connectors.base import BadSignature, ConnectorError, Delivery, Fetch, Parcel, Quantity
from engine.connectors.calls import CallError
from engine.connectors.packtwin import Line, Pack
from engine.connectors.quotas import quotas_of
from engine.connectors.trendyol import orders, wire
from engine.connectors.trendyol.connector import Trendyol
from engine.connectors.trendyol.twin import Seller
from engine.sync.gate import AccountGate
from tests.sync.alone import alone, publishing
from tests.sync.office import running, until

FULL = os.environ.get("DIBS_SYNC_FULL") == "1"
REPEATED = "the same may not be said for 15 minutes"


def read(twin: Seller, *packs: Pack, whole: bool = True):
    found = [twin.document(pack) for pack in packs]
    return orders.understand(wire_of(*found), whole=whole)


def wire_of(*documents: dict) -> list[wire.Package]:
    return msgspec.json.decode(json.dumps(documents), type=list[wire.Package], strict=False)


# Stock.


async def test_a_thousand_listings_go_in_a_call_and_the_newest_quantity_wins(store) -> None:
    count = 100_000 if FULL else 2_500
    twin = Seller({f"S{n}": 0 for n in range(count)})
    async with publishing(twin, store, "ty-thousand", twin.stock) as site:
        assert await site.show(dict.fromkeys(twin.stock, 7)) == -(-count // 1_000)
        assert set(twin.stock.values()) == {7}
        site.wanted.rows |= dict.fromkeys(twin.stock, 8)
        site.publisher.touch(twin.stock)
        await site.publisher.look()  # queued, and changed before it is sent
        assert await site.show(dict.fromkeys(twin.stock, 9)) == -(-count // 1_000)
        assert set(twin.stock.values()) == {9}
        assert not twin.meter.over and not twin.refused


async def test_the_same_is_never_said_twice_in_a_quarter_of_an_hour(store) -> None:
    twin = Seller({"MUG": 0, "CUP": 0, "JUG": 0})
    mug, cup, jug = twin.stock
    async with publishing(twin, store, "ty-twice", twin.stock) as site:
        await site.show({mug: 5, cup: 3, jug: 2})
        for quantity in (4, 5, 4, 5, 0):  # what sells and comes back says the same again and again
            await site.show({mug: quantity})
            assert twin.stock == {mug: quantity, cup: 3, jug: 2}
        assert not twin.refused and not site.publisher.queue.rows


async def test_what_cannot_be_said_otherwise_waits_and_nothing_else_does(store) -> None:
    twin = Seller({"MUG": 0})
    (mug,) = twin.stock
    async with publishing(twin, store, "ty-waits", twin.stock) as site:
        for quantity in (5, 4):
            await site.show({mug: quantity})
        assert await site.show({mug: 5}) == 0 and twin.stock[mug] == 4
        assert 800 < site.publisher.queue.rest_s(time.monotonic()) <= 900
        assert await site.show({mug: 0}) == 1 and twin.stock[mug] == 0
        assert not twin.refused


async def test_the_twin_refuses_what_trendyol_refuses() -> None:
    twin = Seller({f"S{n}": 0 for n in range(1_001)})
    names = list(twin.stock)
    async with alone(twin) as connector:
        await connector.publish([Quantity(names[0], 1)])
        wrong = {
            REPEATED: [Quantity(names[0], 1)],
            "1 to 1,000 rows": [Quantity(name, 1) for name in names],
            "a quantity is 0 to 20,000": [Quantity(names[0], 20_001)],
        }
        for why, rows in wrong.items():
            with pytest.raises(CallError, match=why):
                await connector.publish(rows)


async def test_more_than_may_be_shown_is_shown_as_that_and_is_no_drift(store) -> None:
    twin = Seller({"MUG": 0})
    (mug,) = twin.stock
    async with publishing(twin, store, "ty-most", twin.stock) as site:
        await site.show({mug: 50_000})
        assert twin.stock[mug] == 20_000 and await site.publisher.audit() == []


async def test_a_row_that_is_refused_is_named_and_the_others_are_shown() -> None:
    twin = Seller({"MUG": 0})
    (mug,) = twin.stock
    async with alone(twin) as connector:
        good, bad = await connector.publish([Quantity(mug, 3), Quantity("869404", 3)])
    assert not good.problem and twin.stock[mug] == 3
    assert (bad.problem, bad.again) == ("no such barcode", False)


# Orders.


async def test_every_package_is_found_also_where_pages_end(store) -> None:
    count = 10_400 if FULL else 450
    twin = Seller({"MUG": count})
    (mug,) = twin.stock
    bought = {twin.buy(mug) for _ in range(count)}
    async with alone(twin, AccountGate(store, "ty-pages", quotas_of("trendyol"))) as connector:
        now = datetime.now(UTC)
        seen = [
            connector.read(delivery).order_id
            async for delivery in connector.pull(now - timedelta(days=20), now + timedelta(hours=1))
        ]
        assert len(seen) == count and set(seen) == bought and not twin.meter.over
        query = {"page": "50", "size": "200"}
        with pytest.raises(CallError, match="pages end at 10,000"):
            await connector._ask("orders", "GET", "order", "v2/orders", params=query)


async def test_a_split_changes_no_order_and_a_part_that_is_cancelled_is_taken_off(desk) -> None:
    async with running(desk, "trendyol", {"MUG": 5, "CUP": 5}) as site:
        twin, (mug, cup) = site.twin, site.twin.listings()
        order = twin.buy_all({mug: 3, cup: 1})
        before = await site.comes(order)
        (pack,) = twin.of(order)
        twin.split(pack, [{pack.lines[0].number: 2}])
        await until(lambda: len(twin.of(order)) == 3, "the package is split")
        await twin.pushes.drain()
        await until(lambda: site.worker.ingest.counts["told"], "the split is read")
        after = await site.there(order)
        assert set(await desk.orders(site.channel)) == {order}
        assert after["lines"] == before["lines"] and not site.worker.ingest.counts["edited"]
        # Each half is its own package now: one is cancelled in part, so it is replaced again.
        twin.reduce(order, 1)
        await until(lambda: site.worker.ingest.counts["edited"], "a part is taken off")
        line = next(line for line in (await site.there(order))["lines"] if line["line_id"] == mug)
        assert line["quantity"] - line.get("cancelled", 0) == 2
        await site.shows(mug, 3)


async def test_packages_of_one_order_that_come_one_by_one_are_one_order(desk) -> None:
    async with running(desk, "trendyol", {"MUG": 5, "CUP": 5}) as site:
        twin, (mug, cup) = site.twin, site.twin.listings()
        order = twin.buy(mug, 2)
        first = await site.comes(order)
        second = Pack(next(twin.ids), order, "open", [Line(next(twin.ids), cup, 1)], 0, 0)
        twin.packs[second.number] = second
        twin.move(second, "open")

        async def both() -> bool:
            return len((await site.there(order))["lines"]) == 2

        await until(both, "both packages are in the order")
        assert (await site.there(order))["lines"][0] == first["lines"][0]
        # The first is older than what is known by now; asked for, it changes nothing.
        twin.changed(twin.of(order)[0])
        await site.worker.sweep.once()
        await until(lambda: twin.meter.calls["stream"] > 1, "it is looked at")
        assert await both()


def test_an_order_whose_package_is_being_split_is_looked_at_again() -> None:
    twin = Seller({"MUG": 9})
    (mug,) = twin.stock
    (pack,) = twin.of(twin.buy(mug, 3))
    twin.replace(pack, [{pack.lines[0].number: 1}], ["open"], by="split")
    parent, *children = twin.of(pack.order)
    assert [line.quantity for line in read(twin, parent, *children).lines] == [3]
    for some in ((parent,), (parent, children[0])):
        with pytest.raises(ConnectorError) as error:
            read(twin, *some)
        assert error.value.retry_s


def test_a_package_says_enough_only_while_it_is_as_it_came() -> None:
    twin = Seller({"MUG": 9})
    (mug,) = twin.stock
    (pack,) = twin.of(twin.buy(mug, 3))
    connector = Trendyol(twin.account(""), None)

    def found():
        return connector.read(Delivery("x", "package", json.dumps(twin.document(pack)).encode()))

    assert found().whole is False and found().placed_at.timestamp() * 1000 == pack.placed_ms
    for standing in ("left", "cancelled", "unsupplied", "replaced"):
        pack.standing = standing
        assert found() == Fetch(pack.order)
    pack.standing, pack.by, pack.origins = "open", "split", [1]
    assert found() == Fetch(pack.order)


def test_one_listing_at_two_prices_is_two_lines() -> None:
    twin = Seller({"MUG": 9})
    (mug,) = twin.stock
    (pack,) = twin.of(twin.buy(mug, 3))
    document = twin.document(pack)
    document["lines"].append(document["lines"][0] | {"lineId": 7, "lineUnitPrice": "8.50"})
    document["cargoTrackingNumber"] = str(document["cargoTrackingNumber"])
    found = orders.understand(wire_of(document))
    assert [(line.line, line.unit_price) for line in found.lines] == [
        (f"{mug}@1000", 1_000),
        (f"{mug}@850", 850),
    ]


def test_a_line_without_a_barcode_is_named_by_the_sellers_own_code() -> None:
    twin = Seller({"MUG": 9})
    (mug,) = twin.stock
    (pack,) = twin.of(twin.buy(mug))
    document = twin.document(pack)
    del document["lines"][0]["barcode"]
    assert [line.listing for line in orders.understand(wire_of(document)).lines] == ["MUG"]


# Out, and pushes.


async def test_a_part_is_split_from_its_package_before_it_leaves() -> None:
    twin = Seller({"MUG": 9, "CUP": 9})
    mug, cup = twin.stock
    order = twin.buy_all({mug: 3, cup: 1})
    async with alone(twin) as connector:
        parcels = [
            Parcel(order_id=order, shipment_id=name, lines=lines, shipped_at=datetime.now(UTC))
            for name, lines in (
                ("s-1", ((mug, 1),)),
                ("s-2", ((mug, 1),)),
                ("s-3", ((mug, 1), (cup, 1))),
            )
        ]
        for parcel in parcels:
            for _ in range(3):  # told again after a kill, and after a split that was not done yet
                try:
                    await connector.ship(parcel)
                except ConnectorError as error:
                    assert error.retry_s
        assert sorted(twin.parcels(order)) == ["s-1", "s-2", "s-3"]
        assert twin.orders()[order] == "fulfilled"
        with pytest.raises(ConnectorError, match="no open package"):
            await connector.ship(
                Parcel(
                    order_id=order,
                    shipment_id="s-4",
                    lines=((mug, 1),),
                    shipped_at=datetime.now(UTC),
                )
            )


def test_a_push_carries_our_key() -> None:
    twin = Seller({})
    account = twin.account("http://x")
    connector = Trendyol(account, None)

    def basic(text: str) -> dict[str, str]:
        return {"authorization": "Basic " + base64.b64encode(text.encode()).decode()}

    for good in ({"x-api-key": "hook-key"}, basic("anybody:hook-key")):
        connector.verify(good, b"{}")
    for bad in ({}, {"x-api-key": "hook-kez"}, basic("hook-key:"), {"authorization": "Basic %"}):
        with pytest.raises(BadSignature):
            connector.verify(bad, b"{}")
    account.secrets["hook_key"] = ""
    with pytest.raises(BadSignature):
        connector.verify({"x-api-key": ""}, b"{}")


async def test_a_hook_that_became_passive_is_active_again() -> None:
    twin = Seller({"MUG": 20})
    (mug,) = twin.stock
    async with alone(twin) as connector:
        twin.hook("http://127.0.0.1:9/hooks/trendyol/tw1n")  # nobody is there
        for _ in range(13):
            twin.buy(mug)
        await twin.pushes.drain()
        assert twin.hooks["hook-1"]["status"] == "PASSIVE"
        assert await connector.heal() == ["webhook hook-1 was passive, is active again"]
        assert twin.hooks["hook-1"]["status"] == "ACTIVE" and await connector.heal() == []
