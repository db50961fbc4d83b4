"""Hepsiburada's own traps: payments that come late, packages ten at a time, names spelt in two
ways, times without a zone, a limit by the minute."""

import base64
import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from engine.connectors.base import BadSignature, ConnectorError, Delivery, Fetch, Parcel, Quantity
from engine.connectors.hepsiburada.connector import Hepsiburada
from engine.connectors.hepsiburada.twin import Merchant
from engine.connectors.quotas import quotas_of
from engine.connectors.twins import Faults, Meter
from tests.sync.alone import alone
from tests.sync.office import running, until


async def changed(connector, since: datetime, until_: datetime) -> list[tuple[str, str]]:
    """Return (kind, order) of all that a sweep of this window is told of."""
    return [
        (delivery.id.partition(":")[0], connector.read(delivery).order_id)
        async for delivery in connector.pull(since, until_)
    ]


def ago(pack, **span) -> None:
    """Have a line be bought and changed that long ago."""
    milliseconds = int(timedelta(**span).total_seconds() * 1000)
    pack.placed_ms, pack.changed_ms = pack.placed_ms - milliseconds, pack.changed_ms - milliseconds


# Orders.


async def test_a_payment_that_comes_days_later_is_found_and_nothing_before(desk) -> None:
    async with running(desk, "hepsiburada", {"MUG": 5}, Faults(dropped=1.0)) as site:
        (mug,) = site.twin.listings()
        late = site.twin.buy(mug, paid=False)
        ago(site.twin.of(late)[0], days=3)
        seen = site.twin.buy(mug)
        await site.worker.sweep.once()
        await site.comes(seen)
        assert await site.there(late) is None  # it is in no list, and asked for it says "not yet"
        whole = await site.worker.connector.fetch(late)
        assert site.worker.connector.read(whole).ready is False
        site.twin.pay(late)
        ago(site.twin.of(late)[0], days=0)
        await site.worker.sweep.once()  # of the last five minutes; the order is three days old
        await site.comes(late)


async def test_what_is_packed_cancelled_or_delivered_is_found_page_by_page() -> None:
    twin = Merchant({"MUG": 999})
    (mug,) = twin.stock
    open_, packed, cancelled, delivered = (
        [twin.buy(mug) for _ in range(n)] for n in (130, 25, 12, 11)
    )
    for order in cancelled:
        twin.cancel(order)
    for order in [*packed, *delivered]:
        (pack,) = twin.of(order)
        pack.box = f"P{order}"
        twin.move(pack, "picking" if order in packed else "delivered")
    now = datetime.now(UTC)
    async with alone(twin) as connector:
        found = await changed(connector, now - timedelta(minutes=5), now + timedelta(seconds=5))
        expected = [("line", order) for order in open_]
        expected += [("package", order) for order in packed]
        expected += [("cancelled", order) for order in cancelled]
        expected += [("delivered", order) for order in delivered]
        assert sorted(found) == sorted(expected)
        assert twin.meter.calls["packages"] == 3  # ten, ten and five
        later = await changed(connector, now + timedelta(hours=1), now + timedelta(hours=2))
        assert {kind for kind, _ in later} == {"line"}  # what is open is told of at any time


async def test_the_due_date_and_the_clock_are_istanbuls() -> None:
    twin = Merchant({"MUG": 9})
    (mug,) = twin.stock
    order = twin.buy(mug)
    (pack,) = twin.of(order)
    async with alone(twin) as connector:
        found = connector.read(await connector.fetch(order))
    due = datetime.fromtimestamp(pack.placed_ms / 1000, UTC) + timedelta(days=1)
    assert found.required_by == due and found.version == pack.changed_ms
    assert found.placed_at == due - timedelta(days=1)


async def test_lines_of_one_order_stay_its_lines_however_they_are_packed() -> None:
    twin = Merchant({"MUG": 9, "CUP": 9})
    mug, cup = twin.stock
    order = twin.buy_all({mug: 3, cup: 1})
    async with alone(twin) as connector:
        before = connector.read(await connector.fetch(order))
        assert [(line.listing, line.quantity) for line in before.lines] == [(mug, 3), (cup, 1)]
        await connector._box([(twin.line(twin.of(order)[0])["id"], 2)])
        after = connector.read(await connector.fetch(order))
        assert len(twin.of(order)) == 3 and after.lines == before.lines
        assert after.state == "open" and after.version > before.version


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("Open", "open"),
        ("Unpacked", "open"),
        ("packaged", "open"),
        ("SomethingNew", "open"),  # what nobody knows frees no stock
        ("InTransit", "fulfilled"),
        ("ClaimCreated", "fulfilled"),
        ("CancelledBySap", "cancelled"),
    ],
)
def test_what_a_status_means(word, state) -> None:
    line = {"id": "1", "orderNumber": "9", "sku": "S", "quantity": "2", "status": word}
    line["unitPrice"] = {"amount": "12.50", "currency": "TRY"}
    body = json.dumps({"orderNumber": 9, "orderDate": "2026-03-05T23:30:00", "items": [line]})
    found = Hepsiburada(Merchant({}).account("http://x"), None).read(
        Delivery("x", "order", body.encode())
    )
    assert (found.state, found.order_id, found.placed_at.hour) == (state, "9", 20)
    assert [row.unit_price for row in found.lines] == ([] if state == "cancelled" else [1_250])


# Out.


async def test_what_leaves_is_packed_in_part_and_each_package_is_told_once() -> None:
    twin = Merchant({"MUG": 9, "CUP": 9})
    mug, cup = twin.stock
    order, at = twin.buy_all({mug: 3, cup: 1}), datetime.now(UTC)
    async with alone(twin) as connector:
        for name, lines in (("T-1", ((mug, 1),)), ("T-2", ((mug, 2), (cup, 1)))):
            parcel = Parcel(
                order_id=order, shipment_id=name, lines=lines, shipped_at=at, tracking=name
            )
            for _ in range(3):
                try:
                    await connector.ship(parcel)
                except ConnectorError as error:
                    assert error.retry_s
        assert twin.parcels(order) == ["T-1", "T-2"] and len(twin.tracking) == 2
        assert twin.orders()[order] == "fulfilled"


async def test_a_package_that_was_made_before_a_kill_is_not_made_again() -> None:
    twin = Merchant({"MUG": 9})
    (mug,) = twin.stock
    order, at = twin.buy(mug, 2), datetime.now(UTC)
    async with alone(twin) as connector:
        await connector._box([(twin.line(twin.of(order)[0])["id"], 2)])  # and nothing was told
        parcel = Parcel(order_id=order, shipment_id="s", lines=((mug, 2),), shipped_at=at)
        await connector.ship(parcel)
        assert twin.parcels(order) == ["s"] and len(twin.tracking) == 1


async def test_what_is_packed_is_not_cancelled_behind_its_back() -> None:
    twin = Merchant({"MUG": 9, "CUP": 9})
    mug, cup = twin.stock
    order = twin.buy_all({mug: 1, cup: 1})
    async with alone(twin) as connector:
        await connector._box([(twin.line(twin.of(order)[0])["id"], 1)])
        with pytest.raises(ConnectorError, match="P00000001 is packed: unpack it there first"):
            await connector.cancel(order, "lost")
    assert [pack.standing for pack in twin.of(order)] == ["picking", "unsupplied"]


async def test_an_upload_names_what_it_refuses() -> None:
    twin = Merchant({"MUG": 0})
    (mug,) = twin.stock
    async with alone(twin) as connector:
        good, bad = await connector.publish([Quantity(mug, 4), Quantity("HBV404", 1)])
    assert not good.problem and twin.stock[mug] == 4
    assert (bad.problem, bad.again) == ("no such listing", False)


def test_uploads_and_looks_at_them_share_the_limit_by_the_minute() -> None:
    clock_s = [0.0]
    meter = Meter(quotas_of("hepsiburada"), lambda: clock_s[0])
    mixed = ("stock", "upload", "listings")
    assert sum(meter.take(mixed[n % 3]) for n in range(300)) == 240
    assert sum(meter.take("orders") for _ in range(1_200)) == 1_000  # of its own, by the second
    clock_s[0] = 60.0
    assert meter.take("stock")


# Pushes.


@pytest.mark.parametrize(
    "body",
    [
        {"orderNumber": 2837470503},
        {"OrderNumber": "2837470503", "items": []},
        {"items": [{"id": "1", "orderNumber": "2837470503"}]},
        [{"package": {"lines": [{"orderNumber": "2837470503"}]}}],
    ],
)
def test_whatever_a_push_looks_like_it_says_which_order_changed(body) -> None:
    connector = Hepsiburada(Merchant({}).account("http://x"), None)
    delivery = connector.receive({}, json.dumps(body).encode())
    assert connector.read(delivery) == Fetch("2837470503")


def test_a_push_without_an_order_needs_no_work_and_one_that_is_no_json_is_told_so() -> None:
    connector = Hepsiburada(Merchant({}).account("http://x"), None)
    assert connector.receive({}, b'{"hello": [1, null]}') is None
    with pytest.raises(ConnectorError):
        connector.receive({}, b"<xml/>")


def test_a_push_carries_our_password() -> None:
    connector = Hepsiburada(Merchant({}).account("http://x"), None)

    def given(text: str) -> dict[str, str]:
        return {"authorization": "Basic " + base64.b64encode(text.encode()).decode()}

    connector.verify(given("hb:hook-key"), b"{}")
    for bad in ({}, given("hook-key:"), given("hb:hook-kez"), {"authorization": "Bearer hook-key"}):
        with pytest.raises(BadSignature):
            connector.verify(bad, b"{}")


async def test_pushes_come_below_the_address_and_by_put_as_well(desk) -> None:
    async with running(desk, "hepsiburada", {"MUG": 5}, Faults(dropped=1.0)) as site:
        (mug,) = site.twin.listings()
        order = site.twin.buy(mug)
        headers = {"authorization": "Basic " + base64.b64encode(b"hb:hook-key").decode()}
        async with httpx.AsyncClient() as client:
            url = f"{site.hook}/packages/P1/intransit"
            refused = await client.put(url, json={"orderNumber": order})
            taken = await client.put(url, json={"orderNumber": order}, headers=headers)
        assert (refused.status_code, taken.status_code) == (401, 200)
        await site.comes(order)
        await until(lambda: site.worker.ingest.counts["placed"], "it is placed")
