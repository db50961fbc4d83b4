"""TikTok Shop: signatures, the hour in which a buyer may cancel, packages that are no orders."""

import asyncio
import contextlib
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from engine.connectors.base import (
    BadSignature,
    ConnectorError,
    Delivery,
    Fetch,
    Parcel,
    Quantity,
)
from engine.connectors.calls import CallError, Calls
from engine.connectors.tiktok.auth import sign, signed
from engine.connectors.tiktok.connector import TikTok
from engine.connectors.tiktok.twin import Shop
from engine.connectors.twins import serving
from engine.core import limits
from engine.sync.accounts import Accounts
from tests.sync.alone import alone
from tests.sync.office import running, until
from tests.sync.open_gate import OpenGate


@contextlib.asynccontextmanager
async def shop(stock: dict[str, int], **options: str) -> AsyncIterator[tuple[Shop, Any]]:
    """Give (twin, connector that calls it)."""
    twin = Shop(stock, seed=7)
    async with alone(twin, **options) as connector:
        yield twin, connector


def parcel(twin: Shop, order: str, quantity: int, name: str = "s-1", **more: Any) -> Parcel:
    """Return a parcel of units of an order's first SKU."""
    sku = twin.book[order]["line_items"][0]["sku_id"]
    known = {"carrier": "dhl", "tracking": f"JD-{name}"} | more
    return Parcel(
        order_id=order,
        shipment_id=name,
        lines=((sku, quantity),),
        shipped_at=datetime.now(UTC),
        **known,
    )


# Signatures.


def test_a_call_is_signed_over_path_sorted_query_and_body() -> None:
    query = {"b": "2", "a": "1", "sign": "x", "access_token": "y"}
    first = sign("secret", "/p", query, b'{"c":3}')
    assert first == sign("secret", "/p", {"a": "1", "b": "2"}, b'{"c":3}')
    # The same by hand: secret, path, names and values by name, body, secret.
    text = b'secret/pa1b2{"c":3}secret'
    assert first == hmac.new(b"secret", text, hashlib.sha256).hexdigest()
    for other in (
        sign("other", "/p", query, b'{"c":3}'),
        sign("secret", "/q", query, b'{"c":3}'),
        sign("secret", "/p", query | {"a": "2"}, b'{"c":3}'),
        sign("secret", "/p", query, b'{"c":4}'),
    ):
        assert other != first


async def test_the_twin_refuses_what_is_signed_wrong_or_late(monkeypatch) -> None:
    async with shop({"MUG": 5}) as (twin, connector):
        order = twin.buy("1001/5001")
        assert await connector.fetch(order)
        path, account = "/order/202507/orders", connector._account
        good, _ = signed(account, path, {"ids": order}, None)
        real = time.time
        monkeypatch.setattr("engine.connectors.tiktok.auth.time.time", lambda: real() - 900)
        late, _ = signed(account, path, {"ids": order}, None)
        monkeypatch.undo()
        headers = {"x-tts-access-token": next(iter(twin.tokens))}
        async with httpx.AsyncClient() as client:
            for query, code in ((good, 0), (good | {"ids": "1"}, 106001), (late, 106010)):
                answer = await client.get(account.url + path, params=query, headers=headers)
                assert answer.json()["code"] == code


async def test_a_push_is_proved_by_its_raw_bytes() -> None:
    async with shop({"MUG": 5}) as (twin, connector):
        body = b'{"type": 1,  "tts_notification_id": "9", "data": {"order_id": "7"}}'
        right = {"authorization": twin.mac(body)}
        connector.verify(right, body)
        for headers, other in (
            (right, body.replace(b"  ", b" ")),
            ({"authorization": "Bearer " + twin.mac(body)}, body),
            ({}, body),
        ):
            with pytest.raises(BadSignature):
                connector.verify(headers, other)
        found = connector.receive(right, body)
        assert connector.read(found) == Fetch("7")
        for kind in (4, 12, 36):
            assert connector.receive(right, b'{"type": %d, "data": {}}' % kind) is None


async def test_a_refresh_token_outlives_the_process_that_got_it(tmp_path) -> None:
    accounts = Accounts(tmp_path)
    twin = Shop({"MUG": 5}, seed=7)
    order = twin.buy("1001/5001")
    async with serving(twin.app) as url, httpx.AsyncClient() as client:
        account = twin.account(url)
        accounts.put(account)

        async def found(renewed) -> bool:
            calls = Calls(client, OpenGate(), account.name, renewed)
            return await TikTok(account, calls).fetch(order) is not None

        for _ in range(3):  # each begins with what the one before was given
            assert await found(accounts.renewed(account.name))
        kept = tmp_path / "accounts" / f"{account.name}.renewed"
        assert kept.stat().st_mode & 0o077 == 0
        with pytest.raises(CallError):
            await found(None)  # the token that it was connected with worked once
        accounts.put(account)  # connected anew
        assert not kept.exists()
        await twin.pushes.close()


async def test_an_answer_that_was_lost_locks_nobody_out() -> None:
    async with shop({"MUG": 5}) as (twin, connector):
        order = twin.buy("1001/5001")
        before = twin.refresh
        await connector.fetch(order)
        assert twin.refresh_before == twin.refresh != before, "the new token was used"
        twin.refresh, twin.refresh_before = "refresh_9", twin.refresh  # one that nobody heard of
        twin.tokens = dict.fromkeys(twin.tokens, 0.0)
        assert await connector.fetch(order)


async def test_a_token_that_ended_is_fetched_once_for_all_with_the_newest_refresh_token() -> None:
    async with shop({"MUG": 5}) as (twin, connector):
        order = twin.buy("1001/5001")
        await connector.fetch(order)
        twin.tokens = dict.fromkeys(twin.tokens, 0.0)
        assert all(await asyncio.gather(*(connector.fetch(order) for _ in range(20))))
        assert len(twin.tokens) == 2 and twin.refresh == "refresh_2"


# The hour.


async def test_what_is_cancelled_within_the_hour_leaves_no_trace(desk) -> None:
    async with running(desk, "tiktok", {"MUG": 5}) as site:
        (mug,) = site.twin.listings()
        site.twin.holds = True
        regretted, kept = site.twin.buy(mug), site.twin.buy(mug)
        await until(lambda: site.worker.ingest.counts["not_ready"] >= 2, "both are seen")
        assert await desk.orders(site.channel) == {}
        site.twin.cancel(regretted)
        site.twin.release(kept)
        await site.comes(kept)
        assert set(await desk.orders(site.channel)) == {kept}


async def test_an_order_may_take_stock_within_the_hour_but_no_work(desk) -> None:
    """With `cool_off` = `keep`, the channel's payment rule holds what a buyer may cancel."""
    async with running(desk, "tiktok", {"MUG": 5}) as site:
        rules = {"rules": [{"check": "payment", "minutes": 120, "then": "escalate"}]}
        await desk.put(f"/v1/channels/{site.channel}/validation", rules)
        site.worker.connector._keeps = True
        (mug,) = site.twin.listings()
        site.twin.holds = True
        regretted, kept = site.twin.buy(mug, 2), site.twin.buy(mug)
        await site.comes(regretted, "on_hold")
        await site.comes(kept, "on_hold")
        assert await desk.available(site.twin.listings()[mug]) == 2  # nobody else gets them
        path = f"/v1/orders/{site.channel}/{kept}/shipments"
        answer = await desk.http.post(path, json={"shipment_id": "s-1"})
        assert answer.status_code == 409
        site.twin.cancel(regretted)
        site.twin.release(kept)
        await site.comes(regretted, "cancelled")
        await site.comes(kept)
        assert await desk.available(site.twin.listings()[mug]) == 4


async def test_a_parcel_of_an_order_on_hold_is_told_later() -> None:
    async with shop({"MUG": 5}) as (twin, connector):
        twin.holds = True
        order = twin.buy("1001/5001")
        with pytest.raises(ConnectorError, match="may still cancel") as caught:
            await connector.ship(parcel(twin, order, 1))
        assert caught.value.retry_s and not twin.shipments


# Packages.


async def test_combined_packages_are_still_two_orders_and_leave_once() -> None:
    async with shop({"MUG": 9}) as (twin, connector):
        first, second = twin.buy("1001/5001", 2), twin.buy("1001/5001")
        twin.pack(first, second)
        for order, units in ((first, 2), (second, 1)):
            found = connector.read(await connector.fetch(order))
            assert (found.order_id, [x.quantity for x in found.lines]) == (order, [units])
        for _ in range(2):
            await connector.ship(parcel(twin, first, 2))
            await connector.ship(parcel(twin, second, 1))
        assert len(twin.shipments) == 1
        assert twin.orders() == {first: "fulfilled", second: "fulfilled"}


async def test_split_packages_are_still_one_order() -> None:
    async with shop({"MUG": 9}) as (twin, connector):
        order = twin.buy("1001/5001", 3)
        twin.pack(order)
        for _ in range(2):  # a part of a package is split off it before it leaves
            await connector.ship(parcel(twin, order, 1))
        assert twin.orders()[order] == "open" and twin.parcels(order) == ["JD-s-1"]
        found = connector.read(await connector.fetch(order))
        assert [(line.line, line.quantity) for line in found.lines] == [("5001", 3)]
        for _ in range(2):
            await connector.ship(parcel(twin, order, 2, "s-2"))
        assert twin.parcels(order) == ["JD-s-1", "JD-s-2"]
        assert twin.orders()[order] == "fulfilled"
        with pytest.raises(ConnectorError, match="1 of SKU 5001"):
            await connector.ship(parcel(twin, order, 1, "s-3"))


async def test_with_tiktoks_own_carrier_its_package_is_sent_once() -> None:
    async with shop({"MUG": 9}) as (twin, connector):
        order = twin.buy("1001/5001", 2)
        twin.book[order]["shipping_type"] = "TIKTOK"
        with pytest.raises(ConnectorError, match="no package yet") as caught:
            await connector.ship(parcel(twin, order, 2, last=True))
        assert caught.value.retry_s
        twin.pack(order)
        for _ in range(2):
            await connector.ship(parcel(twin, order, 2, last=True))
        ((_, number),) = twin.shipments
        assert number.startswith("TT") and twin.orders()[order] == "fulfilled"


async def test_a_carrier_that_tiktok_does_not_know_is_named_with_those_it_knows() -> None:
    async with shop({"MUG": 9}) as (twin, connector):
        order = twin.buy("1001/5001")
        with pytest.raises(ConnectorError, match=r"'owl'.*DHL, Royal Mail"):
            await connector.ship(parcel(twin, order, 1, carrier="owl"))
        assert not twin.shipments


async def test_a_parcel_whose_answer_was_lost_is_told_once(monkeypatch) -> None:
    monkeypatch.setattr(limits, "CALL_BACKOFF_S", 0.01)
    async with shop({"MUG": 9}) as (twin, connector):
        order = twin.buy("1001/5001", 3)
        twin.faults.broken_after = 0.4
        for _ in range(10):
            with contextlib.suppress(Exception):
                await connector.ship(parcel(twin, order, 1))
        assert twin.parcels(order) == ["JD-s-1"]


# Stock.


async def test_every_warehouse_is_mentioned_and_all_is_in_one() -> None:
    async with shop({"MUG": 5}) as (twin, connector):
        twin.skus["5001"]["stock"] = {"W1": 2, "W2": 3}
        listing = "1001/5001"
        (done,) = await connector.publish([Quantity(listing, 7)])
        assert not done.problem and twin.skus["5001"]["stock"] == {"W1": 7, "W2": 0}
        await connector.publish([Quantity(listing, 4, {"warehouse": "W2"})])
        assert twin.skus["5001"]["stock"] == {"W1": 0, "W2": 4}
        assert await connector.shown([Quantity(listing, 4)]) == {listing: 4}
        await connector.publish([Quantity(listing, 0)])
        assert twin.shown(listing) == 0


async def test_a_sku_that_is_wrong_hides_no_other() -> None:
    async with shop({"MUG": 5, "CUP": 5}) as (twin, connector):
        rows = [Quantity("1001/5001", 3), Quantity("1001/5002", 3), Quantity("1002/5002", 100_000)]
        good, stranger, many = await connector.publish(rows)
        assert not good.problem and twin.shown("1001/5001") == 3
        assert "12052260" in stranger.problem and "12019024" in many.problem
        assert twin.shown("1002/5002") == 5


async def test_units_are_lines_by_sku_at_their_mean_price() -> None:
    async with shop({"MUG": 5}) as (twin, connector):
        order = twin.buy("1001/5001", 3)
        items = twin.book[order]["line_items"]
        items[0]["sale_price"], items[2]["display_status"] = 9.5, "CANCELLED"
        whole = await connector.fetch(order)
        found = connector.read(Delivery("1", "order", json.dumps(json.loads(whole.body)).encode()))
        (line,) = found.lines
        assert (line.quantity, line.unit_price, line.listing) == (2, 975, "1001/5001")
        assert found.ship_to.city == "London" and found.ship_to.region == "England"
