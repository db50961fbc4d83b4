"""Shopify: its own traps, and its load: signed webhooks that come twice, too early or never."""

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from engine.connectors.base import (
    BadSignature,
    ConnectorError,
    Delivery,
    Fetch,
    Parcel,
    Quantity,
)
from engine.connectors.shopify import twin_orders
from engine.connectors.shopify.connector import TOPICS
from engine.connectors.shopify.twin import Shop
from engine.connectors.shopify.twin_orders import Line, Part
from engine.connectors.twins import Faults
from engine.core import limits
from tests.sync.alone import alone
from tests.sync.office import Running, running, until

FULL = os.environ.get("DIBS_SYNC_FULL") == "1"
CONTRACTS = Path(
    os.environ.get("DIBS_SHARED_CONTRACTS") or Path(__file__).parents[3] / "shared" / "contracts"
)


@contextlib.asynccontextmanager
async def shop(stock: dict[str, int], **options: str) -> AsyncIterator[tuple[Shop, Any]]:
    """Give (twin, connector that calls it)."""
    twin = Shop(stock, seed=7)
    async with alone(twin, **options) as connector:
        yield twin, connector


async def test_webhooks_twice_too_early_or_never_end_in_what_the_shop_has(
    desk, monkeypatch
) -> None:
    """Shop, office and shoppers share this loop; `make channels-webhooks` sends 10,000, with
    processes of their own, and times the answers."""
    count = 1_000 if FULL else 200
    monkeypatch.setattr(Shop, "pace", 10.0)
    faults = Faults(dropped=0.01 if FULL else 0.03, doubled=0.05)
    async with running(desk, "shopify", {"MUG": count + 50}, faults) as site:
        (mug,) = site.twin.listings()
        random, early = Random(3), set()
        for number in range(count):
            if random.random() < 0.03:  # its creation is told after its payment
                faults.late_s = 0.5
                early.add(order := site.twin.buy(mug, paid=False))
                faults.late_s = 0.0
                site.twin.pay(order)
            else:
                site.twin.buy(mug)
            if number % 20 == 0:  # a rush
                await asyncio.sleep(0.4 if FULL else 0.02)
        await site.twin.pushes.drain()
        _judge_answers(site)
        assert site.twin.pushes.counts["dropped"] > 0 and early
        await asyncio.sleep(1.1)
        await site.worker.sweep.once()

        async def all_there() -> bool:
            there = await desk.orders(site.channel)
            return there.keys() == site.twin.orders().keys() and all(
                order["status"] == "allocated" for order in there.values()
            )

        await until(all_there, "every order is there", 120.0 if FULL else 30.0)
        assert await desk.available(site.twin.listings()[mug]) == 50
        await site.shows(mug, 50)
        assert not await site.office.store.dead(site.name) and not site.twin.meter.over


def _judge_answers(site: Running) -> None:
    """Every push that was answered is kept once, and known when it comes again."""
    sent, counts = site.twin.pushes.counts, site.office.hooks.counts
    unanswered = sent["meant"] - sent["dropped"] + sent["doubled"] - sent["answered 200"]
    repeated, kept = counts[site.name, "repeated"], counts[site.name, "kept"]
    assert sent["doubled"] - unanswered <= repeated <= sent["doubled"] > 0
    assert kept + repeated >= sent["answered 200"]
    print(f"{kept:,} webhooks kept, {repeated} repeats known, {unanswered} not answered,", end=" ")
    print(f"{sent['dropped']} never sent")


async def test_a_webhook_is_proved_by_its_raw_bytes() -> None:
    async with shop({"MUG": 5}) as (twin, connector):
        body = b'{"id": 1,  "updated_at": "2026-11-29T10:00:00-05:00"}'
        headers = {"x-shopify-hmac-sha256": twin.sign(body)}
        connector.verify(headers, body)
        for other in (body.replace(b"  ", b" "), body + b"\n", b""):
            with pytest.raises(BadSignature):
                connector.verify(headers, other)
        with pytest.raises(BadSignature):
            connector.verify({}, body)


async def test_one_event_is_several_deliveries_and_a_repeat_is_none() -> None:
    async with shop({"MUG": 5}) as (_, connector):
        body = b'{"id": 7, "updated_at": "2026-11-29T10:00:00-05:00"}'
        headers = {
            "x-shopify-topic": "orders/create",
            "x-shopify-event-id": "e1",
            "x-shopify-webhook-id": "w1",
            "x-shopify-triggered-at": "2026-11-29T15:00:00.123Z",
        }
        first = connector.receive(headers, body)
        again = connector.receive(headers | {"x-shopify-webhook-id": "w2"}, body)
        paid = connector.receive(headers | {"x-shopify-topic": "orders/paid"}, body)
        other = connector.receive(headers, body.replace(b"7", b"8"))
        assert first.id == again.id
        assert len({first.id, paid.id, other.id}) == 3
        assert connector.receive(headers | {"x-shopify-topic": "products/update"}, body) is None


async def test_a_webhook_and_an_answer_mean_the_same_order() -> None:
    async with shop({"MUG": 50, "GIFT": 5}) as (twin, connector):
        order = twin.book[int(twin.buy("1", 3))]
        order.lines[0].off = twin_orders.Decimal("1.00")  # 10.00 less a third of 1.00
        card = Line(id=9, variant=2, sku="GIFT", quantity=1, current=1, shipped=False)
        order.lines.append(card)
        pushed = json.dumps(twin_orders.pushed(order)).encode()
        by_push = connector.read(Delivery("1", "orders/updated", pushed))
        by_answer = connector.read(await connector.fetch(str(order.id)))
        assert by_push == by_answer
        (line,) = by_push.lines  # nobody sends a gift card
        assert (line.listing, line.quantity, line.unit_price) == ("1", 3, 967)
        assert by_push.ship_to.country == "GB" and by_push.ship_to.latitude == 51.5
        assert by_push.placed_at.utcoffset().total_seconds() == 0


async def test_an_order_of_many_lines_is_read_whole() -> None:
    async with shop({"MUG": 5}) as (twin, connector):
        order = twin.book[int(twin.buy("1"))]
        order.lines += [
            Line(id=n, variant=1, sku="MUG", quantity=n, current=n) for n in range(1, 260)
        ]
        since, until_ = order.changed.replace(microsecond=0), order.changed.replace(year=2100)
        (pulled,) = [delivery async for delivery in connector.pull(since, until_)]
        found = connector.read(pulled)
        assert len(found.lines) == 260 and sum(x.quantity for x in found.lines) == 1 + 259 * 130


async def test_what_is_pending_waits_unless_the_account_takes_it() -> None:
    for options, ready in (({}, False), ({"pending": "take"}, True)):
        async with shop({"MUG": 5}, **options) as (twin, connector):
            found = connector.read(await connector.fetch(twin.buy("1", paid=False)))
            assert (found.ready, found.payment) == (ready, "pending")


async def test_what_concerns_a_part_of_an_order_has_the_order_asked_for() -> None:
    async with shop({"MUG": 5}) as (twin, connector):
        name = twin.buy("1", 2)
        part = twin.book[int(name)].parts[0]
        bodies = {
            "orders/edited": {"order_edit": {"id": 3, "order_id": int(name)}},
            "refunds/create": {"id": 4, "order_id": int(name)},
            "fulfillment_orders/placed_on_hold": {
                "fulfillment_order": {"id": f"gid://shopify/FulfillmentOrder/{part.id}"}
            },
        }
        for topic, body in bodies.items():
            found = connector.read(Delivery("1", topic, json.dumps(body).encode()))
            assert isinstance(found, Fetch)
            assert connector.read(await connector.fetch(found.order_id)).order_id == name


# Stock.


async def test_a_change_behind_our_back_wins_and_is_reconciled() -> None:
    stock = {f"S{n}": 5 for n in range(100)}
    async with shop(stock) as (twin, connector):
        rows = [Quantity(name, 9, {}, 5) for name in twin.listings()]
        twin.meddle("42", 4)  # an order that we have not heard of, perhaps
        results = {row.listing: row for row in await connector.publish(rows)}
        assert results["42"].again and "4" in results["42"].problem and twin.shown("42") == 4
        assert [name for name in twin.listings() if twin.shown(name) != 9] == ["42"]
        assert [name for name, row in results.items() if row.problem] == ["42"]
        (again,) = await connector.publish([rows[41]])
        assert not again.problem and twin.shown("42") == 9


async def test_too_many_shown_are_lowered_at_once_whoever_raised_them() -> None:
    async with shop({"MUG": 5, "CUP": 5}) as (twin, connector):
        twin.meddle("1", 77)
        twin.meddle("2", 3)  # a sale that we know of by now
        results = await connector.publish([Quantity("1", 4, {}, 5), Quantity("2", 3, {}, 5)])
        assert not any(row.problem for row in results)
        assert (twin.shown("1"), twin.shown("2")) == (4, 3)


async def test_a_listing_that_the_shop_does_not_know_hides_no_other() -> None:
    async with shop({"MUG": 5}) as (twin, connector):
        elsewhere = {"location": "9"}
        rows = [Quantity("99", 1), Quantity("1", 3)]
        unknown, known = await connector.publish(rows)
        assert unknown.problem and not unknown.again and not known.problem
        assert twin.shown("1") == 3
        (off,) = await connector.publish([Quantity("1", 2, elsewhere)])
        assert "ITEM_NOT_STOCKED_AT_LOCATION" in off.problem and not off.again


async def test_the_twin_insists_on_idempotency_keys() -> None:
    async with shop({"MUG": 5}) as (twin, _):
        rows = [{"inventoryItemId": "gid://shopify/InventoryItem/1", "quantity": 1}]
        rows[0] |= {"locationId": "gid://shopify/Location/1", "changeFromQuantity": 5}
        asked = {"name": "available", "reason": "correction", "quantities": rows}
        text = "mutation M($i: InventorySetQuantitiesInput!, $k: String!) {"
        body = "inventorySetQuantities(input: $i) %s { userErrors { code } } }"
        bare, _used = twin.api.run(text + body % "", {"i": asked, "k": "1"})
        assert bare["errors"] and twin.shown("1") == 5
        marked = text + body % "@idempotent(key: $k)"
        for _ in range(2):  # the second is the first, although 5 is stale by then
            done, _used = twin.api.run(marked, {"i": asked, "k": "1"})
            assert done["data"]["inventorySetQuantities"]["userErrors"] == []
        rows[0]["quantity"] = 2
        other, _used = twin.api.run(marked, {"i": asked, "k": "1"})
        (error,) = other["data"]["inventorySetQuantities"]["userErrors"]
        assert error["code"] == "IDEMPOTENCY_KEY_PARAMETER_MISMATCH" and twin.shown("1") == 1


# Calls.


async def test_a_token_that_ended_is_fetched_once_for_all() -> None:
    async with shop({"MUG": 5}) as (twin, connector):
        order = twin.buy("1")
        await connector.fetch(order)
        twin.tokens.clear()
        assert all(await asyncio.gather(*(connector.fetch(order) for _ in range(20))))
        assert twin.granted == 2


async def test_an_effect_whose_answer_was_lost_is_had_once(monkeypatch) -> None:
    monkeypatch.setattr(limits, "CALL_BACKOFF_S", 0.01)
    monkeypatch.setattr(Shop, "pace", 100.0)  # what is lost is charged, and asked for again
    async with shop({"MUG": 5}) as (twin, connector):
        order = twin.buy("1", 2)
        (line,) = twin.book[int(order)].lines
        parcel = Parcel(
            order_id=order,
            shipment_id="s-1",
            lines=((str(line.id), 1),),
            shipped_at=twin.book[int(order)].placed,
        )
        twin.faults.broken_after = 0.5
        for work in (
            lambda: connector.ship(parcel),
            lambda: connector.refund(order, "r-1", 700, "GBP"),
        ):
            for _ in range(12):
                try:
                    await work()
                except Exception as error:
                    assert "500" in str(error)
        assert twin.parcels(order) == ["s-1"] and twin.refunds(order) == [700]


# Fulfillment.


async def test_a_parcel_from_two_locations_is_told_whole_after_a_kill_between() -> None:
    async with shop({"MUG": 9}) as (twin, connector):
        order = twin.buy("1", 5)
        found = twin.book[int(order)]
        (line,) = found.lines
        found.parts = [
            Part(id=1, left={line.id: 2}),
            Part(id=2, left={line.id: 3}, place="gid://shopify/Location/2"),
        ]
        parcel = Parcel(
            order_id=order,
            shipment_id="s-1",
            lines=((str(line.id), 5),),
            shipped_at=found.placed,
            carrier="dhl",
            tracking="JD1",
        )
        real, sent = twin.send, []

        def killed(asked):
            if sent:
                raise RuntimeError("killed")
            sent.append(asked)
            return real(asked)

        twin.send = killed
        with pytest.raises(Exception, match="killed"):
            await connector.ship(parcel)
        twin.send = real
        await connector.ship(parcel)
        await connector.ship(parcel)
        assert [one.units for one in found.sent] == [{line.id: 2}, {line.id: 3}]
        assert twin.orders()[order] == "fulfilled"


async def test_what_the_shop_holds_is_told_later_and_what_it_has_not_never() -> None:
    async with shop({"MUG": 9}) as (twin, connector):
        order = twin.buy("1", 2)
        found = twin.book[int(order)]
        (line,) = found.lines
        parcel = Parcel(
            order_id=order,
            shipment_id="s-1",
            lines=((str(line.id), 2),),
            shipped_at=found.placed,
        )
        found.parts[0].held = True
        with pytest.raises(ConnectorError, match="2 of line") as caught:
            await connector.ship(parcel)
        assert caught.value.retry_s
        found.parts[0].held = False
        found.parts[0].left[line.id] = 1
        with pytest.raises(ConnectorError, match="1 of line") as caught:
            await connector.ship(parcel)
        assert caught.value.retry_s is None and not twin.parcels(order)


async def test_more_than_was_paid_does_not_go_back() -> None:
    async with shop({"MUG": 9}) as (twin, connector):
        order = twin.buy("1", 2)
        with pytest.raises(ConnectorError, match=r"0\.01 GBP more"):
            await connector.refund(order, "r-1", 2_001, "GBP")
        assert not twin.refunds(order)


# Webhooks.


async def test_webhooks_that_the_shop_removed_are_made_again(desk) -> None:
    options = {"address": "http://127.0.0.1:9"}
    async with shop({"MUG": 50}, **options) as (twin, connector):
        assert len(await connector.heal()) == len(TOPICS) == len(twin.hooks)
        assert await connector.heal() == []
        for _ in range(8):  # nobody listens there
            twin.buy("1")
            await twin.pushes.drain()
        assert len(twin.hooks) == len(TOPICS) - 1
        assert await connector.heal() == [
            "the webhook for ORDERS_CREATE was missing, is there again"
        ]


async def test_the_vendors_own_example_is_understood() -> None:
    place = CONTRACTS / "shopify" / "rest-fixtures" / "order.json"
    if not place.is_file():
        pytest.skip(f"{place} is not there; set DIBS_SHARED_CONTRACTS to the folder above it")
    body = json.dumps(json.loads(place.read_text())["order"]).encode()
    async with shop({"MUG": 5}) as (_, connector):
        found = connector.read(Delivery("1", "orders/create", body))
        assert found.order_id == "450789469" and found.payment == "authorized" and found.ready
        assert [line.unit_price for line in found.lines] == [19_900] * 3
        assert found.ship_to.region == "KY" and found.version == 1_199_980_800_000
