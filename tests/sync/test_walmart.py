"""What is particular to Walmart: feeds beside single calls, tokens, lines that stand differently.

DIBS_SYNC_FULL=1 changes 50,000 SKUs instead of some hundreds.
"""

import asyncio
import json
import os
from collections import Counter
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import httpx
import pytest

from engine.connectors.base import BadSignature, ConnectorError, Delivery, Fetch, Parcel, Quantity
from engine.connectors.calls import Calls
from engine.connectors.twins import Faults, serving
from engine.connectors.walmart.connector import Walmart
from engine.connectors.walmart.twin import Market
from engine.sync.bulk import BulkSender
from engine.sync.listings import Listing
from engine.sync.queue import Due, Pace, Queue
from tests.sync.office import running, until
from tests.sync.open_gate import OpenGate

SKUS = 50_000 if os.environ.get("DIBS_SYNC_FULL") else 400


@pytest.fixture
async def shop():
    """A twin and a connector to it, with no quota between them."""
    twin = Market({"MUG": 9, "CUP": 9}, feed_s=0.0)
    async with serving(twin.app) as url, httpx.AsyncClient() as client:
        account = twin.account(url)
        yield twin, Walmart(account, Calls(client, OpenGate(), account.name))


async def test_a_token_is_asked_for_once_by_all_and_again_when_it_ends(shop) -> None:
    twin, walmart = shop
    rows = [Quantity("MUG", 1)]
    await asyncio.gather(*(walmart.publish(rows) for _ in range(20)))
    assert twin.meter.calls["token"] == 1
    twin.tokens.clear()  # they end before their time
    results = await asyncio.gather(*(walmart.publish(rows) for _ in range(20)))
    assert twin.meter.calls["token"] == 2
    assert not any(row.problem for (row,) in results)


async def test_only_what_walmart_signed_is_believed(shop) -> None:
    twin, walmart = shop
    body = b'{"source":{"eventType":"PO_CREATED"},"payload":{"purchaseOrderId":"7"}}'
    headers = twin._signed(body)
    walmart.verify(headers, body)
    for changed in (body.replace(b"7", b"8"), body + b" "):
        with pytest.raises(BadSignature):
            walmart.verify(headers, changed)
    with pytest.raises(BadSignature):
        walmart.verify({}, body)
    delivery = walmart.receive(headers, body)
    assert delivery == walmart.receive(headers, body)
    assert walmart.read(delivery) == Fetch("7")
    update = {"source": {"eventType": "ORDER_UPDATES"}, "payload": {"subEventType": "FRAUD_CANCEL"}}
    update["payload"]["order"] = {"purchaseOrderId": "9"}
    assert walmart.read(Delivery("1", "ORDER_UPDATES", json.dumps(update).encode())) == Fetch("9")


async def test_every_page_comes_and_old_orders_with_new_changes(shop) -> None:
    twin, walmart = shop
    twin.stock["MUG"] = 1_000
    orders = {twin.buy("MUG") for _ in range(450)}
    old = next(iter(orders))
    twin.book[old]["orderDate"] -= 30 * 86_400_000  # without a time of creation it would not come
    now = datetime.now(UTC)
    since, until_ = now - timedelta(minutes=5), now + timedelta(minutes=1)
    found = [row async for row in walmart.pull(since, until_)]
    assert {walmart.read(row).order_id for row in found} == orders and len(found) == 450
    assert [row async for row in walmart.pull(since - timedelta(1), since)] == []


async def test_parcels_split_a_line_and_are_acknowledged_first(shop) -> None:
    twin, walmart = shop
    order = twin.buy("MUG", 3)
    for number, units in (("A", 1), ("B", 2), ("A", 1), ("B", 2)):
        await walmart.ship(_parcel(order, number, units))
    assert twin.parcels(order) == ["A", "B"] and twin.orders()[order] == "fulfilled"
    assert twin.meter.calls["acknowledge"] == 1 and twin.meter.calls["ship"] == 2
    with pytest.raises(ConnectorError, match="no line 9"):
        await walmart.ship(_parcel(order, "C", 1, line="9"))


async def test_a_carrier_that_walmart_does_not_know_needs_an_address(shop) -> None:
    twin, walmart = shop
    order = twin.buy("MUG", 2)
    await walmart.ship(_parcel(order, "A", 1, carrier="Yurtici"))
    (line,) = twin.book[order]["orderLines"]["orderLine"]
    (tracking,) = [
        row["trackingInfo"]
        for row in line["orderLineStatuses"]["orderLineStatus"]
        if "trackingInfo" in row
    ]
    assert tracking["carrierName"] == {"otherCarrier": "Yurtici"}
    assert tracking["trackingURL"] == "https://parcels.example/A"
    walmart._account.options.pop("tracking_url")
    with pytest.raises(ConnectorError, match="tracking_url"):
        await walmart.ship(_parcel(order, "B", 1, carrier="Yurtici"))


async def test_refunds_are_of_what_left_and_each_is_made_once(shop) -> None:
    twin, walmart = shop
    order = twin.buy("MUG", 2)
    with pytest.raises(ConnectorError, match="more than was charged"):
        await walmart.refund(order, "r-0", 500, "USD")  # nothing has left, nothing was charged
    await walmart.ship(_parcel(order, "A", 2))
    for name, amount in (("r-1", 500), ("r-2", 700), ("r-1", 500), ("r-2", 700)):
        await walmart.refund(order, name, amount, "USD")
    assert twin.refunds(order) == [500, 700]


async def test_a_wish_to_cancel_is_seen_and_cancels_nothing(shop) -> None:
    twin, walmart = shop
    order = twin.buy("MUG", 2)
    twin.ask_to_cancel(order)
    found = walmart.read(await walmart.fetch(order))
    assert found.state == "open" and found.note == "the customer asks to cancel line 1"


async def test_a_feed_says_what_became_of_each_line(shop) -> None:
    _, walmart = shop
    rows = [Quantity("MUG", 4), Quantity("GONE", 1), Quantity("CUP", 0)]
    ticket = await walmart.bulk.send(rows)
    results = await walmart.bulk.done(ticket, [row.listing for row in rows])
    assert [bool(row.problem) for row in results] == [False, True, False]
    assert "no such SKU" in results[1].problem and not results[1].again


def test_what_is_aloft_is_left_alone_unless_it_sold_out_or_changed() -> None:
    queue = Queue(Pace())

    def want(listing: str, wanted: int, shown: int = 9) -> None:
        queue.want(Due(listing, listing, wanted, shown, 0.0))

    for listing, wanted in (("A", 5), ("B", 6), ("C", 0)):
        want(listing, wanted)
    queue.lift({"A": 5, "B": 6, "C": 0})
    assert [due.listing for due in queue.best(9, 1.0)] == ["C"]
    assert queue.best(9, 1.0, bulk=True) == []
    want("B", 1)
    assert {due.listing for due in queue.best(9, 1.0)} == {"B", "C"}
    queue.took("B", 1)
    queue.took("C", 0)
    # The delivery may have landed on top of the 1, and of the 0 it said the same.
    assert queue.landed({"A": 5, "B": 6, "C": 0}) == {"B"}
    assert not queue.aloft and not queue.crossed


def test_what_is_being_sent_while_a_delivery_lands_is_in_doubt_once() -> None:
    """Whether the call or the delivery came last, nobody can tell."""
    queue = Queue(Pace())
    queue.lift({"A": 5, "B": 6})
    queue.fly("A")
    assert queue.landed({"A": 5, "B": 6}) == {"A"}
    queue.land("A")
    queue.took("A", 7)
    assert queue.in_doubt({"A": 7, "C": 1}) == {"A"}
    assert queue.in_doubt({"A": 7}) == set()


async def test_a_feed_waits_for_its_turn_and_is_not_handed_in_empty() -> None:
    queue, turns, handed_in = Queue(Pace()), [], []
    calls, store = SimpleNamespace(), SimpleNamespace()
    bulk = SimpleNamespace(operation="feed", rows=10, beyond=1)
    names = {name: Listing(name, name) for name in "ABC"}

    async def prepay(operation: str) -> None:
        turns.append(operation)
        for name in list(queue.rows):
            queue.drop(name)  # single calls reached all of it meanwhile

    async def send(rows) -> str:
        handed_in.append({row.listing: row.quantity for row in rows})
        return f"f-{len(handed_in)}"

    async def put(*_) -> None:
        """Note nothing."""

    calls.prepay, bulk.send, store.put, store.replace = prepay, send, put, put
    publisher = SimpleNamespace(
        queue=queue,
        calls=calls,
        store=store,
        account="w",
        counts=Counter(),
        listings=SimpleNamespace(rows=names),
    )
    sender, watched = (
        BulkSender(publisher, bulk),
        SimpleNamespace(create_task=lambda job: job.close()),
    )

    def want() -> None:
        for name, wanted in zip("ABC", (0, 5, 6), strict=True):
            queue.want(Due(name, name, wanted, 9, 0.0))

    want()
    assert await sender._once(watched) == 0 and not handed_in and turns == ["feed"]
    want()
    assert await sender._once(watched) == 2 and turns == ["feed"]  # that turn was not used
    assert handed_in == [{"B": 5, "C": 6}] and queue.aloft == {"B": 5, "C": 6}


@pytest.mark.timeout(300 + SKUS // 20)
async def test_many_changes_go_by_feeds_and_what_sells_out_before_them(desk) -> None:
    """More changes than single calls reach in time: within the quotas, sell-outs first, and the
    end is right although feeds land late."""
    units = dict.fromkeys((f"S{n}" for n in range(SKUS)), 0)
    async with running(desk, "walmart", units) as site:
        twin, worker = site.twin, site.worker
        twin.feeds.work_s, worker.connector.bulk.poll_s = 1.0, 0.1
        worker.connector.bulk.beyond = 20
        skus = list(twin.listings())
        for at in range(0, SKUS, 500):
            some = dict.fromkeys(skus[at : at + 500], 2)
            await desk.receive(f"{site.name}-more-{at}", some)
        await until(lambda: worker.publisher.counts["bulk"], "a feed is handed in", 120.0)
        gone = skus[-1]
        lines = [{"sku": gone, "quantity": 2}]
        order = {"order_id": "w1", "channel": site.channel, "lines": lines}
        await desk.post("/v1/orders", order)
        await site.shows(gone, 0)

        async def right() -> bool:
            twin.feeds.work()
            wanted = dict.fromkeys(skus, 2) | {gone: 0}
            return twin.stock == wanted and not worker.publisher.queue.rows

        await until(right, "every listing shows what there is", 600.0)
        assert not twin.meter.over, "ten feeds, and one more each six minutes"
        print(f"{SKUS:,} listings changed: {dict(twin.meter.calls)}")


async def test_a_feed_that_was_on_its_way_is_asked_for_after_a_restart(desk) -> None:
    async with running(desk, "walmart", {"MUG": 5}) as site:
        (mug,) = site.twin.listings()
        site.twin.feeds.work_s = 0.0
        ticket = await site.worker.connector.bulk.send([Quantity(mug, 3)])
        store, name = site.office.store, site.name
        await store.put({ticket: json.dumps({mug: 3}).encode()}, "bulk", name)
        stop = asyncio.Event()
        again = asyncio.create_task(site.worker.publisher.run(stop))

        async def known() -> bool:
            return not await store.table("bulk", name)

        await until(known, "what became of it is known")
        await site.shows(mug, 5)  # and not the three that it carried
        stop.set()
        await again


async def test_an_order_is_acknowledged_by_itself(desk) -> None:
    async with running(desk, "walmart", {"MUG": 5}, Faults(broken_after=0.1)) as site:
        (mug,) = site.twin.listings()
        orders = [site.twin.buy(mug) for _ in range(5)]

        def acknowledged() -> bool:
            lines = [site.twin.book[o]["orderLines"]["orderLine"][0] for o in orders]
            rows = [line["orderLineStatuses"]["orderLineStatus"] for line in lines]
            return all(row["status"] == "Acknowledged" for (row,) in rows)

        await until(acknowledged, "Walmart knows that its orders are worked on")


def _parcel(order: str, number: str, units: int, line: str = "1", carrier: str = "ups") -> Parcel:
    return Parcel(
        order_id=order,
        shipment_id=f"s-{number}",
        lines=((line, units),),
        shipped_at=datetime.now(UTC),
        carrier=carrier,
        tracking=number,
    )
