"""What only Amazon does: a queue, tokens, feeds, usage plans, orders that are not ours to ship."""

import asyncio
import os
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from engine.connectors.amazon import orders
from engine.connectors.amazon.auth import rate
from engine.connectors.amazon.connector import package_number
from engine.connectors.amazon.queue import TOPIC
from engine.connectors.amazon.twin import Marketplace
from engine.connectors.amazon.twin_documents import notification, stamp
from engine.connectors.base import ConnectorError, Delivery, Fetch, Parcel, Quantity
from engine.connectors.calls import CallError
from engine.connectors.twins import Faults
from tests.sync.contracts.judge import judge
from tests.sync.office import running, until
from tests.sync.test_contracts import needed

FULL = bool(os.environ.get("DIBS_SYNC_FULL"))


@pytest.fixture
def options(monkeypatch):
    """Have the twin's account carry other options or secrets."""

    def put(secrets: dict[str, str] | None = None, **more: str) -> None:
        plain = Marketplace.account

        def account(self, url: str):
            found = plain(self, url)
            return msgspec.structs.replace(
                found, options=found.options | more, secrets=found.secrets | (secrets or {})
            )

        monkeypatch.setattr(Marketplace, "account", account)

    return put


async def test_a_token_is_fetched_once_however_many_need_it(desk) -> None:
    async with running(desk, "amazon", {"MUG": 5}) as site:
        (mug,) = site.twin.listings()
        order, connector = site.twin.buy(mug), site.worker.connector
        await site.comes(order)
        assert site.twin.granted == 1
        site.twin.forget_tokens()
        found = await asyncio.gather(*(connector.fetch(order) for _ in range(12)))
        assert all(found) and site.twin.granted == 2


async def test_a_rush_takes_stock_before_the_orders_can_be_asked_for(desk) -> None:
    """getOrder allows one call in two seconds: what the notifications say must do meanwhile."""
    count = 400 if FULL else 60
    async with running(desk, "amazon", {"MUG": count}) as site:
        (mug,) = site.twin.listings()
        placed = [site.twin.buy(mug) for _ in range(count)]
        await until(lambda: site.worker.ingest.counts["placed"] == count, "all is taken", 20.0)
        assert site.worker.ingest.counts["brief"]  # how many, is a matter of the pace
        there = await desk.orders(site.channel)
        assert set(there) == set(placed)
        assert await desk.available(mug) == 0
        await site.worker.sweep.once()

        async def complete() -> bool:
            rows = (await desk.orders(site.channel)).values()
            return all(row["lines"][0].get("unit_price") == 1_000 for row in rows)

        await until(complete, "the sweep brings the prices")
        found = await asyncio.gather(
            *(desk.http.get(f"/v1/orders/{site.channel}/{n}") for n in placed)
        )
        assert all(row.json()["ship_to"]["city"] == "London" for row in found)
        assert not site.twin.meter.over and not await site.office.store.dead(site.name)


async def test_an_older_document_fills_in_what_a_newer_notification_lacked(desk) -> None:
    async with running(desk, "amazon", {"MUG": 5}, Faults(dropped=1.0)) as site:
        await site.swept()
        (mug,) = site.twin.listings()
        order = site.twin.buy(mug, 3)
        whole = await site.worker.connector.fetch(order)
        told = notification(site.twin.book[order], "seller", 1)
        change = told["Payload"]["OrderChangeNotification"]
        late = stamp(datetime.now(UTC) + timedelta(seconds=5))
        change["OrderChangeTrigger"]["TimeOfOrderChange"] = late
        change["Summary"]["OrderItems"][0]["Quantity"] = 2
        apply, read = site.worker.ingest.apply, site.worker.connector.read
        fetch = read(Delivery("a", TOPIC, msgspec.json.encode(told)))
        assert await apply(fetch.meanwhile) == "placed"
        assert await apply(read(whole)) == "filled_in"
        there = (await desk.http.get(f"/v1/orders/{site.channel}/{order}")).json()
        assert there["ship_to"]["city"] == "London"
        (line,) = there["lines"]
        assert line["unit_price"] == 1_000 and line["quantity"] == 2, "lines are the newer one's"


async def test_what_amazon_ships_itself_takes_nothing_of_ours(desk) -> None:
    async with running(desk, "amazon", {"MUG": 5}) as site:
        (mug,) = site.twin.listings()
        theirs, ours = site.twin.buy(mug, by_amazon=True), site.twin.buy(mug)
        await site.comes(ours)
        await site.worker.sweep.once()
        await until(lambda: site.worker.ingest.counts["no_order"] >= 1, "it was heard of")
        assert await site.there(theirs) is None and await desk.available(mug) == 4
        whole = await site.worker.connector.fetch(theirs)
        assert site.worker.connector.read(whole) is None


async def test_a_pending_order_keeps_what_amazon_shows_less(desk, options) -> None:
    options(pending="take")
    async with running(desk, "amazon", {"MUG": 5}) as site:
        (mug,) = site.twin.listings()
        order = site.twin.buy(mug, 2, paid=False)
        await site.comes(order)
        there = (await desk.http.get(f"/v1/orders/{site.channel}/{order}")).json()
        assert there["payment"] == "pending" and await desk.available(mug) == 3
        site.twin.cancel(order)
        await site.comes(order, "cancelled")
        await site.shows(mug, 5)


async def test_a_sweep_reads_every_page_and_mends_the_subscription(desk) -> None:
    count = 700 if FULL else 130
    async with running(desk, "amazon", {"MUG": count}, Faults(dropped=1.0)) as site:
        (mug,) = site.twin.listings()
        placed = {site.twin.buy(mug) for _ in range(count)}
        site.twin.subscribed = False
        await site.worker.sweep.once()
        await until(lambda: site.worker.ingest.counts["placed"] == count, "all is found")
        assert set(await desk.orders(site.channel)) == placed and site.twin.subscribed
        # A window that ended long ago has an end; one that ends now must have none.
        long_ago = datetime.now(UTC) - timedelta(minutes=10)
        old = [d async for d in site.worker.connector.pull(long_ago, long_ago)]
        assert not old and not site.twin.meter.over


async def test_many_listings_go_by_feed_and_keep_their_handling_time(desk, options) -> None:
    options(bulk_beyond="3")
    units = {f"S{n}": n + 1 for n in range(24)}
    async with running(desk, "amazon", units) as site:
        fed = site.twin.meter.calls["feed"]
        assert fed >= 1 and site.twin.meter.calls["patch"] < len(units)
        assert all(row["lead_time_to_ship_max_days"] == 3 for row in site.twin.offers.values())
        bulk, (first, *_) = site.worker.connector.bulk, site.twin.listings()
        ticket = await bulk.send([Quantity(first, 7), Quantity("GONE", 1), Quantity("TOO", -1)])
        while (found := await bulk.done(ticket, [first, "GONE", "TOO"])) is None:
            await asyncio.sleep(0.05)
        good, gone, too = found
        assert not good.problem and site.twin.shown(first) == 7
        assert "does not exist" in gone.problem and not gone.again and "exist" in too.problem


async def test_feeds_and_subscriptions_are_as_the_contract_asks(desk, options) -> None:
    needed("amazon")
    options(bulk_beyond="3")
    async with running(desk, "amazon", {f"S{n}": n + 1 for n in range(60)}) as site:
        site.twin.subscribed = False
        await site.worker.sweep.once()
    found = await judge("amazon", site.recorder.calls, each=5)
    assert not found.problems, "\n".join(found.problems)
    wanted = (
        "POST /feeds/2021-06-30/feeds",
        "POST /notifications/v1/subscriptions/{notificationType}",
    )
    assert all(found.judged[name] for name in wanted), found.judged


async def test_what_nobody_can_read_is_a_dead_letter_and_other_types_are_passed_over(desk) -> None:
    async with running(desk, "amazon", {"MUG": 5}) as site:
        (mug,) = site.twin.listings()
        order = site.twin.buy(mug)
        await site.comes(order)
        other = notification(site.twin.book[order], "seller", 77) | {
            "NotificationType": "ANY_OFFER_CHANGED"
        }
        site.twin.queue.put(msgspec.json.encode(other).decode())
        site.twin.queue.put("<not json>")

        async def dead() -> bool:
            return len(await site.office.store.dead(site.name)) == 1

        await until(dead, "the unreadable one is dead")
        await until(lambda: not site.twin.queue.rows, "the queue forgets all of them")


async def test_the_queue_refuses_whoever_has_the_wrong_key(desk, options) -> None:
    options(secrets={"aws_secret": "wrong"})
    async with running(desk, "amazon", {"MUG": 5}) as site:
        (mug,) = site.twin.listings()
        order = site.twin.buy(mug)
        await site.twin.pushes.drain()
        await until(lambda: site.worker.listener.counts["failed"], "it is refused")
        assert site.twin.queue.rows, "what nobody heard stays"
        with pytest.raises(CallError, match="SignatureDoesNotMatch"):
            await site.worker.connector.listen(site.worker.listener._keep)
        await site.worker.sweep.once()
        await site.comes(order)


async def test_the_pace_that_amazon_tells_is_kept(desk) -> None:
    async with running(desk, "amazon", {"MUG": 5}) as site:
        gate = site.worker.calls._gate
        while not (wait_s := await gate.take("orders")):
            pass
        assert 150 < wait_s < 190, "the plan's pace"
        site.twin.rate = "10.0"
        await site.worker.connector.fetch("nobody")
        while not (wait_s := await gate.take("order")):
            pass
        assert wait_s < 0.2, "not the plan's two seconds"
        assert await gate.take("orders") > 150, "of another operation nothing was told"
    assert rate({"x-amzn-ratelimit-limit": "string"}) is None
    assert rate({"x-amzn-ratelimit-limit": "0.0167"}) == 0.0167
    assert rate({"x-amzn-ratelimit-limit": "nan"}) is None and rate({}) is None


async def test_a_split_order_is_confirmed_package_by_package(desk) -> None:
    async with running(desk, "amazon", {"MUG": 5}) as site:
        (mug,) = site.twin.listings()
        order = site.twin.buy(mug, 3)
        (line,) = (await site.comes(order))["lines"]
        for number, units, standing in ((1, 2, "open"), (2, 1, "fulfilled")):
            parcel = Parcel(
                order_id=order,
                shipment_id=f"s-{number}",
                lines=((line["line_id"], units),),
                shipped_at=site.now(),
                carrier="Pigeon Post",
                tracking=f"JD{number}",
            )
            for _ in range(2):
                await site.worker.connector.ship(parcel)
            assert site.twin.orders()[order] == standing
        first, second = site.twin.book[order]["packages"]
        assert (
            first["packageReferenceId"] == package_number("s-1") and first["carrierCode"] == "Other"
        )
        assert first["carrierName"] == "Pigeon Post" and second["trackingNumber"] == "JD2"
        with pytest.raises(ConnectorError, match="tracking"):
            await site.worker.connector.ship(msgspec.structs.replace(parcel, tracking=None))


async def test_a_wish_to_cancel_is_told_and_left_to_the_seller(desk) -> None:
    async with running(desk, "amazon", {"MUG": 5}) as site:
        (mug,) = site.twin.listings()
        order = site.twin.buy(mug)
        await site.comes(order)
        site.twin.ask_to_cancel(order, "found it cheaper")

        async def told() -> bool:
            there = (await desk.http.get(f"/v1/orders/{site.channel}/{order}")).json()
            return "found it cheaper" in (there.get("note") or "")

        await until(told, "the wish stands in the order's note")
        assert (await site.there(order))["status"] == "allocated"


def test_a_notification_of_some_items_says_nothing_of_the_others() -> None:
    twin = Marketplace({"MUG": 5})
    order = twin.buy("MUG", 2)
    told = notification(twin.book[order], "seller", 1)
    whole = orders.understand_change(msgspec.json.encode(told), True)
    assert isinstance(whole, Fetch) and whole.meanwhile.lines[0].quantity == 2
    told["Payload"]["OrderChangeNotification"]["NotificationLevel"] = "OrderItemLevel"
    part = orders.understand_change(msgspec.json.encode(told), True)
    assert part == Fetch(order), "it can only be asked for"
