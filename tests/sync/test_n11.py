"""n11's own traps: one status at a time, windows that are cut silently, splits only while picking,
refusals inside of HTTP 200, tasks that are in the queue and no more."""

import json
import os
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from engine.connectors import istanbul
from engine.connectors.base import BadSignature, ConnectorError, Parcel, Quantity
from engine.connectors.calls import CallError
from engine.connectors.n11 import orders, wire
from engine.connectors.n11.connector import N11
from engine.connectors.n11.twin import Seller
from engine.connectors.quotas import quotas_of
from engine.connectors.twins import Meter
from tests.sync.alone import alone, publishing
from tests.sync.office import running, until

FULL = os.environ.get("DIBS_SYNC_FULL") == "1"


async def pulled(connector, since: datetime, until_: datetime) -> list[str]:
    """Return the orders that a sweep of this window is told of, in turn."""
    return [connector.read(delivery).order_id async for delivery in connector.pull(since, until_)]


@pytest.mark.parametrize("ahead", [0, 3])
async def test_changes_are_found_in_every_status_and_whatever_the_clock(ahead) -> None:
    twin = Seller({"MUG": 500})
    (mug,) = twin.stock
    twin.ahead_ms = ahead * 3_600_000
    count = 1_050 if FULL else 150  # of one status: more than a page
    twin.stock[mug] = count + 10
    bought = [twin.buy(mug) for _ in range(count)]
    twin.buy(mug, paid=False)
    cancelled = twin.buy(mug)
    twin.cancel(cancelled)
    (pack,) = twin.of(bought[0])
    twin.move(pack, "left")
    now = datetime.fromtimestamp(twin.now_ms() / 1000, UTC)  # a little ahead, after so many
    async with alone(twin) as connector:
        found = await pulled(connector, now - timedelta(minutes=1), now + timedelta(seconds=1))
        assert sorted(found) == sorted([*bought, cancelled])
        # What changed weeks ago is found as well, though they show no more than half a month.
        pack.changed_ms -= 20 * 86_400_000
        found = await pulled(connector, now - timedelta(days=30), now + timedelta(seconds=1))
        assert sorted(found) == sorted([*bought, cancelled])
        assert twin.meter.calls["orders"] <= 8 * 4 + count // 50 and not twin.meter.over


async def test_a_late_change_of_an_old_order_is_found(desk) -> None:
    async with running(desk, "n11", {"MUG": 5}) as site:
        (mug,) = site.twin.listings()
        order = site.twin.buy(mug)
        (pack,) = site.twin.of(order)
        pack.placed_ms -= 10 * 86_400_000
        await site.comes(order)
        site.twin.cancel(order)
        await site.comes(order, "cancelled")


async def test_a_split_changes_no_order(desk) -> None:
    async with running(desk, "n11", {"MUG": 5, "CUP": 5}) as site:
        twin, (mug, cup) = site.twin, site.twin.listings()
        order = twin.buy_all({mug: 3, cup: 1})
        before = await site.comes(order)
        (pack,) = twin.of(order)
        connector = site.worker.connector
        rows = ((str(pack.lines[0].number), 2),)
        with pytest.raises(CallError, match="only what is being picked"):
            await connector._split(order, orders.pack(read(twin, pack)[0]), rows)
        twin.move(pack, "picking")
        await connector._split(order, orders.pack(read(twin, pack)[0]), rows)
        parent, *children = twin.of(order)
        assert parent.standing == "replaced" and len(children) == 2
        assert len({child.number for child in children} | {parent.number}) == 3
        lines = [line.number for child in children for line in child.lines]
        assert len(set(lines)) == 3  # the line that was divided goes on under two numbers
        told = site.worker.ingest.counts["told"]
        await site.worker.sweep.once()
        await until(lambda: site.worker.ingest.counts["told"] > told, "the split is read")
        after = await site.there(order)
        assert after["lines"] == before["lines"] and not site.worker.ingest.counts["edited"]


def read(twin: Seller, *packs) -> list[wire.Package]:
    """Return packages as the connector reads them."""
    text = json.dumps([twin.document(pack) for pack in packs])
    return msgspec.json.decode(text, type=list[wire.Package], strict=False)


def test_while_an_order_is_being_split_it_is_looked_at_again() -> None:
    twin = Seller({"MUG": 5})
    (mug,) = twin.stock
    (pack,) = twin.of(twin.buy(mug, 3))
    twin.replace(pack, [{pack.lines[0].number: 1}], ["picking"], by="split")
    parent, first, second = twin.of(pack.order)
    assert [
        line.quantity for line in orders.understand(read(twin, parent, first, second)).lines
    ] == [3]
    with pytest.raises(ConnectorError) as error:
        orders.understand(read(twin, parent, first))
    assert error.value.retry_s


async def test_a_package_that_the_buyer_fetches_has_no_number_and_leaves_all_the_same() -> None:
    twin = Seller({"MUG": 5})
    (mug,) = twin.stock
    order, shows = twin.buy(mug, 2), twin.document
    twin.document = lambda pack: shows(pack) | {"id": None}
    async with alone(twin) as connector:
        at = datetime.now(UTC)
        await connector.ship(
            Parcel(
                order_id=order, shipment_id="s", lines=((mug, 2),), shipped_at=at, tracking="T-1"
            )
        )
    assert twin.parcels(order) == ["T-1"] and twin.meter.calls["package"] == 1  # accepted first


def test_times_are_milliseconds_or_dates_of_istanbul() -> None:
    at = datetime(2026, 3, 5, 20, 30, tzinfo=UTC)
    for text in (
        int(at.timestamp() * 1000),
        str(int(at.timestamp() * 1000)),
        "05-03-2026 23:30",
        "05-03-2026 23:30:00",
        "2026-03-05T23:30:00",
        "2026-03-05T20:30:00.0000000Z",
    ):
        assert istanbul.moment(text) == at
    assert istanbul.moment("soon") is istanbul.moment(None) is istanbul.moment("") is None
    assert istanbul.milliseconds(None) == 0


async def test_being_in_the_queue_is_no_success() -> None:
    twin = Seller({"MUG": 0, "CUP": 0})
    mug, cup = twin.stock
    async with alone(twin) as connector:
        rows = [Quantity(mug, 3), Quantity("N11-404", 1), Quantity(cup, 2)]
        first, second, third = await connector.publish(rows)
        assert (first.problem, third.problem, twin.stock) == ("", "", {mug: 3, cup: 2})
        assert (second.problem, second.again) == ("no such stock code", False)
        (refused,) = await connector.publish([Quantity(mug, 1_000_000)])
        assert refused.problem == "a quantity is 0 to 999,999" and not refused.again
        with pytest.raises(CallError, match="1 to 1,000 rows"):
            await connector.publish([Quantity(mug, 1)] * 1_001)


async def test_a_thousand_listings_go_in_a_task(store) -> None:
    twin = Seller({f"S{n}": 0 for n in range(1_500)})
    async with publishing(twin, store, "n11-thousand", twin.stock) as site:
        assert await site.show(dict.fromkeys(twin.stock, 7)) == 2
        assert set(twin.stock.values()) == {7}
        assert await site.publisher.audit() == []
        # Pages of 250: four have the first thousand, six have the rest.
        assert twin.meter.calls["products"] == 4 + 6


async def test_a_part_is_split_from_its_package_before_it_leaves() -> None:
    twin = Seller({"MUG": 9})
    (mug,) = twin.stock
    order, at = twin.buy(mug, 3), datetime.now(UTC)
    async with alone(twin) as connector:
        for name, units in (("T-1", 1), ("T-2", 2)):
            parcel = Parcel(
                order_id=order,
                shipment_id=name,
                lines=((mug, units),),
                shipped_at=at,
                tracking=name,
            )
            for _ in range(3):
                try:
                    await connector.ship(parcel)
                except ConnectorError as error:
                    assert error.retry_s
        assert sorted(twin.parcels(order)) == ["T-1", "T-2"]
        assert twin.orders()[order] == "fulfilled"


async def test_a_refusal_inside_of_a_200_is_a_refusal() -> None:
    twin = Seller({"MUG": 9})
    (mug,) = twin.stock
    order = twin.buy(mug)
    async with alone(twin) as connector:
        (pack,) = twin.of(order)
        with pytest.raises(CallError, match=r"ORDER\.notAccepted refused"):
            await connector._leave(orders.pack(read(twin, pack)[0]), "T-1")
        twin.move(pack, "picking")
        with pytest.raises(ConnectorError, match="in n11's own screens"):
            await connector.cancel(order, "lost")  # what was accepted cannot be refused any more
        twin.secret = "another"
        with pytest.raises(CallError, match="authenticationFailed"):
            await connector._leave(orders.pack(read(twin, pack)[0]), "T-1")
    assert twin.orders()[order] == "open"


async def test_nothing_that_is_pushed_is_believed(store) -> None:
    twin = Seller({})
    with pytest.raises(BadSignature):
        N11(twin.account("http://x"), None).verify({"appkey": "n11-key"}, b"{}")


def test_a_thousand_calls_a_minute_and_no_more() -> None:
    clock_s = [0.0]
    meter = Meter(quotas_of("n11"), lambda: clock_s[0])
    assert sum(meter.take("orders") for _ in range(1_200)) == 1_000
    clock_s[0] = 60.0
    assert meter.take("orders")
