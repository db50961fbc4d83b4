"""What only Etsy does with orders: a clock of seconds, pushes with a number, mails to buyers."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from engine.connectors import signatures
from engine.connectors.base import Account, BadSignature, ConnectorError, Fetch, Parcel
from engine.connectors.calls import CallError
from engine.connectors.etsy import CONNECTOR
from engine.connectors.etsy.twin import Shop
from engine.core.errors import ConfigError
from tests.sync.etsy import names, shop


@pytest.fixture
async def etsy():
    """An Etsy twin with a listing of three variations and one without, and its connector."""
    async with shop() as both:
        yield both


# Orders.


async def test_a_change_in_the_same_second_is_another_delivery(etsy) -> None:
    twin, connector = etsy
    order = twin.buy(names(twin)["RED"])
    first = await connector.fetch(order)
    second_s = twin.book[order]["updated_timestamp"]
    twin.cancel(order)
    twin.book[order]["updated_timestamp"] = second_s
    second = await connector.fetch(order)
    assert first.id != second.id
    assert connector.read(first).version == connector.read(second).version
    assert connector.read(second).state == "cancelled"


async def test_a_second_that_fills_pages_and_those_after_it_are_read_once(etsy) -> None:
    twin, connector = etsy
    twin.meddle(names(twin)["RED"], 500)
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    orders = [twin.buy(names(twin)["RED"]) for _ in range(430)]
    for at, order in enumerate(orders):  # 60, then 250 in one second, then one a second
        later_s = 5 if 60 <= at < 310 else (at // 20 if at < 60 else at)
        twin.book[order]["updated_timestamp"] = int(start.timestamp()) + later_s
    window = (start, start + timedelta(minutes=30))
    seen = [connector.read(row).order_id async for row in connector.pull(*window)]
    assert sorted(seen) == sorted(orders)
    assert twin.meter.calls["receipts"] < 12


async def test_what_a_receipt_says(etsy) -> None:
    twin, connector = etsy
    order = twin.buy(names(twin)["RED"], 2)
    row = twin.book[order]

    async def now(**fields) -> object:
        row.update(fields)
        return connector.read(await connector.fetch(order))

    there = await now()
    assert (there.state, there.ready, there.lines[0].unit_price) == ("open", True, 1_000)
    assert there.required_by and there.ship_to.city == "London" and there.currency == "GBP"
    assert (await now(status="partially refunded")).state == "open"
    assert (await now(status="Fully Refunded")).state == "cancelled"
    assert (await now(is_shipped=True)).state == "fulfilled"
    yen = {"amount": 1_200, "divisor": 1, "currency_code": "JPY"}
    row["transactions"][0]["price"] = yen
    assert (await now()).lines[0].unit_price == 1_200
    row["transactions"].append(row["transactions"][0] | {"is_digital": True})
    assert len((await now()).lines) == 1
    row["transactions"][0]["is_digital"] = True
    assert await now() is None, "what is downloaded takes no stock"
    assert await connector.fetch("1") is None


# Pushes.


async def test_a_push_is_proved_and_only_the_number_in_it_is_used(etsy) -> None:
    twin, connector = etsy
    place = "http://elsewhere.example/v3/application/shops/1/receipts/4711"
    push = {"event_type": "order.paid", "resource_url": place, "shop_id": 1}
    body = json.dumps(push).encode()
    headers = signatures.signed([twin.hook_secret], "msg_1", body)
    connector.verify(headers, body)
    old = signatures.signed([twin.hook_secret], "msg_1", body, 1_000.0)
    for given, text in ((headers, body + b" "), (old, body), ({}, body)):
        with pytest.raises(BadSignature):
            connector.verify(given, text)
    delivery = connector.receive(headers, body)
    assert delivery.id == "hook-msg_1" and connector.read(delivery) == Fetch("4711")
    other = {"event_type": "listing.updated", "resource_url": "http://x.example/listings/1"}
    assert connector.receive(headers, json.dumps(other).encode()) is None
    with pytest.raises(ConnectorError):
        connector.receive(headers, b"{")


async def test_without_a_secret_no_push_is_believed(etsy) -> None:
    twin, connector = etsy
    account = twin.account("http://127.0.0.1:1")
    secrets = account.secrets | {"hook_secret": ""}
    bare = CONNECTOR(msgspec.structs.replace(account, secrets=secrets), connector._calls)
    with pytest.raises(BadSignature):
        bare.verify(signatures.signed([twin.hook_secret], "msg_1", b"{}"), b"{}")


# Parcels, and who we are.


def parcel(order: str, shipment: str, **how: str) -> Parcel:
    """Return a parcel of an order."""
    now = datetime.now(UTC)
    return Parcel(order_id=order, shipment_id=shipment, lines=(), shipped_at=now, **how)


async def test_the_buyer_has_one_mail_for_each_parcel(etsy) -> None:
    twin, connector = etsy
    order, plain = twin.buy(names(twin)["RED"], 2), twin.buy(names(twin)["RED"])
    first = parcel(order, "s-1", carrier="dhl", tracking="JD1")
    second = parcel(order, "s-2", carrier="harbour post", tracking="HP2")
    for one in (first, second, first, second):
        await connector.ship(one)
    assert twin.parcels(order) == ["JD1", "HP2"] and twin.mails == [order, order]
    carriers = [row["carrier_name"] for row in twin.book[order]["shipments"]]
    assert carriers == ["dhl", "other"]
    for _ in range(2):
        await connector.ship(parcel(plain, "s-3"))
    assert twin.mails.count(plain) == 1 and twin.orders()[plain] == "fulfilled"


async def test_a_parcel_whose_answer_is_lost_is_not_told_twice(etsy) -> None:
    twin, connector = etsy
    order = twin.buy(names(twin)["RED"])
    one = parcel(order, "s-1", carrier="dhl", tracking="JD1")
    await connector.fetch(order)
    twin.faults.broken_after = 1.0
    with pytest.raises(CallError):
        await connector._ask(
            "tracking",
            "POST",
            f"/shops/{twin.shop_id}/receipts/{order}/tracking",
            json={"tracking_code": "JD1", "carrier_name": "dhl"},
            once=True,
        )
    twin.faults.broken_after = 0.0
    await connector.ship(one)
    assert twin.mails == [order]


async def test_a_parcel_that_must_have_a_number_says_so(etsy) -> None:
    twin, connector = etsy
    order = twin.buy(names(twin)["RED"], 2)
    twin.book[order]["country_iso"] = "US"
    with pytest.raises(CallError, match="Tracking code") as refused:
        await connector.ship(parcel(order, "s-1"))
    assert not refused.value.again and not twin.mails


async def test_a_token_that_ended_is_fetched_once_for_all(etsy) -> None:
    twin, connector = etsy
    order = twin.buy(names(twin)["RED"])
    await asyncio.gather(*(connector.fetch(order) for _ in range(10)))
    assert twin.meter.calls["token"] == 1
    twin.tokens.clear()
    first = twin.refresh_token
    await asyncio.gather(*(connector.fetch(order) for _ in range(10)))
    assert twin.meter.calls["token"] == 2 and twin.refresh_token != first
    twin.tokens.clear()  # the newest refresh token is used from now on
    assert await connector.fetch(order) and twin.meter.calls["token"] == 3


@pytest.mark.parametrize("shop", ["", "my-shop", "12/../3"])
def test_a_shop_that_is_no_number_is_refused(shop: str, etsy_account: Account) -> None:
    account = msgspec.structs.replace(etsy_account, options={"shop_id": shop})
    with pytest.raises(ConfigError, match="shop_id"):
        CONNECTOR(account, None)


@pytest.fixture
def etsy_account() -> Account:
    """Return the account of a twin that nobody serves."""
    return Shop({"A": 1}).account("http://127.0.0.1:1")
