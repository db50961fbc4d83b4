"""What only eBay does: signed pushes that name an order, 25 SKUs a call, parcels that double."""

import asyncio
import base64
import hashlib
import json
import time
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from engine.connectors.base import BadSignature, ConnectorError, Delivery, Parcel, Quantity
from engine.connectors.calls import CallError
from engine.connectors.ebay import auth, wire
from engine.connectors.ebay.connector import Ebay
from engine.core.errors import ConfigError
from engine.sync.queue import Due
from tests.sync.contracts.catalogue import ROOT
from tests.sync.office import running, until
from tests.sync.open import connected


@pytest.fixture
async def ebay():
    """An eBay twin with three SKUs, and the connector of its account."""
    async with connected("ebay", {"A": 5, "B": 5, "C": 5}) as both:
        yield both


# Pushes.


def vector() -> dict:
    """Return eBay's own example of a signed push, or skip."""
    place = ROOT / "ebay" / "notification-signature-vector.json"
    if not place.is_file():
        pytest.skip(f"{place} is not there; set DIBS_SHARED_CONTRACTS")
    return json.loads(place.read_text())["valid"]


async def test_ebays_own_example_of_a_push_is_proved_and_a_changed_byte_is_not() -> None:
    given = vector()
    asked = []

    async def key(name: str) -> wire.PublicKey:
        asked.append(name)
        return msgspec.convert(given["public_key_response"], wire.PublicKey)

    keys = auth.PublicKeys(key)
    headers, body = {"x-ebay-signature": given["x_ebay_signature"]}, given["raw_body"].encode()
    await keys.verify(headers, body)
    for wrong in (body.replace(b"test_user", b"best_user"), body + b" ", b""):
        with pytest.raises(BadSignature):
            await keys.verify(headers, wrong)
    assert asked == [given["public_key_id"]], "a key is asked for once"


@pytest.mark.parametrize("header", ["", "not base64!", "e30=", base64.b64encode(b"[]").decode()])
async def test_a_push_without_a_proof_is_refused_without_asking(header: str) -> None:
    async def key(name: str) -> wire.PublicKey:
        raise AssertionError("nobody is to be asked")

    with pytest.raises(BadSignature):
        await auth.PublicKeys(key).verify({"x-ebay-signature": header}, b"{}")


def proof(kid: str) -> dict[str, str]:
    """Return the header of a push that names a key."""
    text = json.dumps({"kid": kid, "signature": "AAAA"}).encode()
    return {"x-ebay-signature": base64.b64encode(text).decode()}


async def test_who_makes_keys_up_does_not_have_ebay_asked_for_each() -> None:
    now_s, asked = [0.0], []

    async def key(name: str) -> wire.PublicKey:
        asked.append(name)
        raise CallError("no such key", 404)

    keys = auth.PublicKeys(key, lambda: now_s[0])
    for n in range(50):
        with pytest.raises((BadSignature, ConnectorError)):
            await keys.verify(proof(f"made-up-{n}"), b"{}")
    assert asked == ["made-up-0"]
    now_s[0] = 10.0
    with pytest.raises(BadSignature):
        await keys.verify(proof("made-up-0"), b"{}")
    assert asked == ["made-up-0"], "what is no key is remembered"


def test_the_challenge_is_answered_as_ebay_computes_it(ebay_account) -> None:
    url = "http://127.0.0.1:1/hooks/ebay/w0rd?challenge_code=a8628072"
    answer = auth.challenge(ebay_account, {"challenge_code": "a8628072"}, url)
    token = ebay_account.secrets["verification_token"]
    told = f"a8628072{token}http://127.0.0.1:1/hooks/ebay/w0rd"
    assert answer == {"challengeResponse": hashlib.sha256(told.encode()).hexdigest()}


@pytest.fixture
def ebay_account():
    """Return the account of a twin that nobody serves."""
    from engine.connectors.ebay.twin import Marketplace

    return Marketplace({"A": 1}).account("http://127.0.0.1:1")


# Quantities.


async def test_the_251st_revision_of_a_listing_in_a_day_is_refused(ebay) -> None:
    twin, connector = ebay
    twin.families |= {"A": "shirt", "B": "shirt"}
    for n in range(125):
        found = await connector.publish([Quantity("A", n), Quantity("B", n)])
        assert not any(row.problem for row in found)
    found = await connector.publish([Quantity("A", 500), Quantity("C", 7)])
    assert "250 times" in found[0].problem and not found[0].again and not found[1].problem
    assert (twin.shown("A"), twin.shown("C")) == (124, 7)


async def test_more_than_25_skus_need_more_than_one_call(ebay) -> None:
    twin, connector = ebay
    assert connector.publish_rows == 25
    with pytest.raises(CallError, match="More than 25"):
        rows = [{"sku": f"S{n}", "shipToLocationAvailability": {"quantity": 1}} for n in range(26)]
        path = "/sell/inventory/v1/bulk_update_price_quantity"
        await connector._ask("stock", "POST", path, json={"requests": rows})
    found = await connector.publish([Quantity("A", 1), Quantity("nobody", 1), Quantity("B", 0)])
    assert [bool(row.problem) for row in found] == [False, True, False] and not found[1].again
    assert (twin.shown("A"), twin.shown("B")) == (1, 0)


@pytest.mark.parametrize("text", ["0", "26", "many", "-1"])
def test_a_wrong_number_of_skus_per_call_is_refused(ebay_account, text: str) -> None:
    options = {"skus_per_call": text}
    with pytest.raises(ConfigError, match="1 to 25"):
        Ebay(msgspec.structs.replace(ebay_account, options=options), None)


async def test_an_audit_of_many_skus_asks_25_at_a_time() -> None:
    stock = {f"S{n}": n for n in range(60)}
    async with connected("ebay", stock) as (twin, connector):
        found = await connector.shown([Quantity(sku, 0) for sku in stock])
        assert found == stock and twin.meter.calls["items"] == 3


async def test_a_busy_listing_is_never_revised_too_often_and_still_sells_out(desk) -> None:
    async with running(desk, "ebay", {"MUG": 5}) as site:
        (mug,) = site.twin.listings()
        publisher = site.worker.publisher
        await until(lambda: not publisher.queue.rows, "what was sent is noted")
        for n in range(300):
            shown = site.twin.shown(mug)
            publisher.queue.want(Due(mug, mug, 9 - n % 2, shown, time.monotonic()))
            await publisher.send_some()
        revised = len(site.twin.revisions[mug])
        assert 60 < revised < 125 and publisher.counts["held"] > 100
        publisher.queue.want(Due(mug, mug, 0, 9, time.monotonic()))
        await publisher.send_some()
        assert site.twin.shown(mug) == 0 and not publisher.counts["problems"]


# Orders.


async def test_all_pages_of_a_window_are_read(ebay) -> None:
    twin, connector = ebay
    twin.stock["A"] = 1_000
    orders = {twin.buy("A") for _ in range(450)}
    until = datetime.now(UTC) + timedelta(seconds=1)
    seen = [d.id.partition("@")[0] async for d in connector.pull(until - timedelta(1), until)]
    assert set(seen) == orders
    assert twin.meter.calls["orders"] == 4  # the first page is read again, last


async def test_an_order_that_leaves_the_window_hides_no_other(ebay) -> None:
    twin, connector = ebay
    twin.stock["A"] = 1_000
    orders = [twin.buy("A") for _ in range(401)]
    until = datetime.now(UTC)
    seen = set()
    async for delivery in connector.pull(until - timedelta(1), until):
        if not seen:  # while the last page is read, three of the first change
            await asyncio.sleep(0.01)
            for name in orders[:3]:
                twin.changed(name)
        seen.add(delivery.id.partition("@")[0])
    assert set(orders[3:]) <= seen


async def test_a_line_that_was_refunded_whole_is_not_wanted(ebay) -> None:
    twin, connector = ebay
    name = twin.buy("A", 2)
    for value, left in (("5.00", 1), ("20.00", 0)):
        refund = {"amount": {"value": value, "currency": "GBP"}, "refundStatus": "REFUNDED"}
        twin.book[name]["lineItems"][0]["refunds"] = [refund]
        found = connector.read(await connector.fetch(name))
        assert len(found.lines) == left
    twin.book[name]["orderPaymentStatus"] = "FULLY_REFUNDED"
    assert connector.read(await connector.fetch(name)).state == "cancelled"
    twin.book[name]["orderFulfillmentStatus"] = "FULFILLED"
    assert connector.read(await connector.fetch(name)).state == "fulfilled"


async def test_a_listing_without_a_sku_goes_by_its_item(ebay) -> None:
    twin, connector = ebay
    name = twin.buy("A")
    line = twin.book[name]["lineItems"][0]
    del line["sku"]
    for variation, listing in ((None, "7"), ("0", "7"), ("9", "7/9")):
        line |= {"legacyItemId": "7", "legacyVariationId": variation}
        body = json.dumps(twin.book[name]).encode()
        (found,) = connector.read(Delivery("1", "order", body)).lines
        assert found.listing == listing and found.sku is None


# Out.


def parcel(order: str, **more) -> Parcel:
    """Return a parcel of all of an order's one line."""
    at = datetime(2026, 11, 29, 10, 0, 0, 123_456, tzinfo=UTC)
    return Parcel(order_id=order, shipment_id="s", shipped_at=at, **more)


async def test_a_tracking_number_is_told_once_however_it_is_written(ebay) -> None:
    twin, connector = ebay
    order = twin.buy("A", 2)
    line = twin.book[order]["lineItems"][0]["lineItemId"]
    for number in ("JD 00-01", "JD0001"):
        await connector.ship(parcel(order, lines=((line, 1),), carrier="DHL", tracking=number))
    assert twin.parcels(order) == ["JD0001"]
    for _ in range(2):  # the other unit, without a number
        await connector.ship(parcel(order, lines=((line, 1),)))
    assert twin.parcels(order) == ["JD0001", ""] and twin.orders()[order] == "fulfilled"


async def test_a_refund_that_failed_is_asked_for_again(ebay) -> None:
    twin, connector = ebay
    order = twin.buy("A")
    await connector.refund(order, "r-1", 500, "GBP")
    twin.paid_back[order][0]["refundStatus"] = "FAILED"
    for _ in range(2):
        await connector.refund(order, "r-1", 500, "GBP")
    await connector.refund(order, "r-2", 300, "GBP")
    assert twin.refunds(order) == [500, 500, 300]


async def test_a_token_that_ended_is_fetched_again_by_one(ebay) -> None:
    twin, connector = ebay
    order = twin.buy("A")
    await asyncio.gather(*(connector.fetch(order) for _ in range(20)))
    assert twin.meter.calls["token"] == 1
    twin.tokens.clear()  # the seller changed the password, say
    assert await connector.fetch(order)
    assert twin.meter.calls["token"] == 2


async def test_a_disabled_subscription_is_enabled_again(ebay) -> None:
    twin, connector = ebay
    assert await connector.heal() == []
    twin.subscription = "DISABLED"
    assert "enabled again" in (await connector.heal())[0] and twin.subscription == "ENABLED"
