"""Every connector does the same things, each against the twin of its channel.

A test here is not of one channel: what a channel cannot do its twin says (`signs`, `pushes_orders`)
and the test skips with that as its reason.
"""

import asyncio
import json
from random import Random

import pytest

from engine.connectors import registry
from engine.connectors.base import Delivery, Parcel
from engine.connectors.quotas import quotas_of
from engine.connectors.twins import Faults
from tests.sync.office import Running, running, until

CHANNELS = registry.names()
each_channel = pytest.mark.parametrize("channel", CHANNELS)


@each_channel
def test_limits_say_since_when_and_where_that_is_written(channel) -> None:
    for limit in quotas_of(channel).limits:
        assert limit.since and limit.source and ((limit.calls and limit.window_s) or limit.per_s)


@each_channel
async def test_what_is_sold_is_an_order_and_the_rest_is_shown(desk, channel) -> None:
    async with running(desk, channel, {"MUG": 5, "CUP": 3}) as site:
        mug, cup = site.twin.listings()
        order = site.twin.buy(mug, 2)
        there = await site.comes(order)
        assert there["lines"][0]["unit_price"] == 1_000
        # Somebody else sells the rest: the channel is sold out, and the other listing untouched.
        sku = site.twin.listings()[mug]
        lines = [{"sku": sku, "quantity": 3}]
        body = {"order_id": "w1", "channel": site.channel, "lines": lines}
        await desk.post("/v1/orders", body)
        await site.shows(mug, 0)
        assert site.twin.buy(mug) is None and site.twin.shown(cup) == 3
        await desk.receive(f"{site.name}-more", {sku: 4})
        await site.shows(mug, 4)
        assert not site.twin.meter.over and not await site.office.store.dead(site.name)


@each_channel
async def test_what_is_cancelled_or_reduced_is_shown_again(desk, channel) -> None:
    async with running(desk, channel, {"MUG": 5}) as site:
        (mug,) = site.twin.listings()
        first, second = site.twin.buy(mug, 3), site.twin.buy(mug, 1)
        await site.comes(first)
        await site.comes(second)
        site.twin.cancel(second)
        await site.comes(second, "cancelled")
        if not site.twin.reduces:
            await site.shows(mug, 2)
            return
        site.twin.reduce(first, 1)
        await site.shows(mug, 3)

        async def two() -> bool:
            (line,) = (await site.there(first))["lines"]
            return line["quantity"] - line.get("cancelled", 0) == 2

        await until(two, "two are left of it")


@each_channel
async def test_an_unpaid_order_takes_nothing_until_it_is_paid(desk, channel) -> None:
    async with running(desk, channel, {"MUG": 5}) as site:
        (mug,) = site.twin.listings()
        unpaid, paid = site.twin.buy(mug, 1, paid=False), site.twin.buy(mug, 1)
        await site.comes(paid)
        await asyncio.sleep(0.3)
        assert await site.there(unpaid) is None
        site.twin.pay(unpaid)
        await site.comes(unpaid)


@each_channel
async def test_an_order_that_no_push_tells_of_is_found(desk, channel) -> None:
    async with running(desk, channel, {"MUG": 5}, Faults(dropped=1.0)) as site:
        (mug,) = site.twin.listings()
        order = site.twin.buy(mug)
        await site.twin.pushes.drain()
        await asyncio.sleep(1.1)  # windows end at the last whole second
        await site.worker.sweep.once()
        await site.comes(order)
        counts = site.worker.ingest.counts
        await until(lambda: counts["missed_by_pushes"] == 1, "that no push told is counted")
        seen = site.worker.ingest.counts["placed"]
        await site.worker.sweep.once()  # the overlap shows it again, which changes nothing
        await asyncio.sleep(0.3)
        assert site.worker.ingest.counts["placed"] == seen


@each_channel
async def test_a_push_comes_twice_and_a_forged_one_is_refused(desk, channel) -> None:
    async with running(desk, channel, {"MUG": 9}, Faults(doubled=1.0, forged=1.0)) as site:
        if not (site.twin.pushes_orders and site.twin.signs):
            pytest.skip("this channel signs no pushes")
        (mug,) = site.twin.listings()
        orders = {site.twin.buy(mug) for _ in range(5)}
        await site.twin.pushes.drain()
        for order in orders:
            await site.comes(order)
        assert set(await desk.orders(site.channel)) == orders
        counts = site.office.hooks.counts
        assert counts[site.name, "forged"] == site.twin.pushes.counts["forged"] == 5
        assert counts[site.name, "repeated"] == 5 == counts[site.name, "kept"]


@each_channel
async def test_fields_that_nobody_knows_and_numbers_as_text_are_survived(desk, channel) -> None:
    async with running(desk, channel, {"MUG": 5}) as site:
        (mug,) = site.twin.listings()
        order = site.twin.buy(mug, 2)
        await site.comes(order)
        whole = await site.worker.connector.fetch(order)
        drifted = drift(json.loads(whole.body))
        again = Delivery(whole.id, whole.topic, json.dumps(drifted).encode())
        connector = site.worker.connector
        assert connector.read(again) == connector.read(whole)


def drift(thing):
    """Return a document as a channel might send it after a change that it tells nobody of."""
    if isinstance(thing, dict):
        return {name: drift(value) for name, value in thing.items()} | {"brand_new": {"x": [1]}}
    if isinstance(thing, list):
        return [drift(value) for value in thing]
    return thing


@each_channel
async def test_a_parcel_is_told_once(desk, channel) -> None:
    async with running(desk, channel, {"MUG": 5}) as site:
        (mug,) = site.twin.listings()
        order = site.twin.buy(mug, 2)
        parcel = await whole_parcel(site, order)
        for _ in range(3):  # killed after it was told, before that was noted
            await site.worker.connector.ship(parcel)
        (told,) = site.twin.parcels(order)
        assert "JD0001" in told and site.twin.orders()[order] == "fulfilled"


async def whole_parcel(site: Running, order: str) -> Parcel:
    """Wait until dibs has an order of two units; return the parcel that it leaves in."""
    there = await site.comes(order)
    return Parcel(
        order_id=order,
        shipment_id="s-1",
        lines=((there["lines"][0]["line_id"], 2),),
        shipped_at=site.now(),
        carrier="dhl",
        tracking="JD0001",
        last=True,
    )


@each_channel
async def test_money_goes_back_once(desk, channel) -> None:
    async with running(desk, channel, {"MUG": 5}) as site:
        (mug,) = site.twin.listings()
        order = site.twin.buy(mug, 2)
        parcel = await whole_parcel(site, order)
        if not site.twin.refunds_before_parcel:
            await site.worker.connector.ship(parcel)
        try:
            for _ in range(3):
                await site.worker.connector.refund(order, "r-1", 500, "GBP")
        except NotImplementedError as error:
            pytest.skip(f"this channel has no call for it: {error}")
        assert site.twin.refunds(order) == [500]


@each_channel
async def test_what_leaves_is_told_to_the_channel(desk, channel) -> None:
    async with running(desk, channel, {"MUG": 5}) as site:
        (mug,) = site.twin.listings()
        order, other = site.twin.buy(mug, 2), site.twin.buy(mug, 1)
        await site.comes(order)
        await site.comes(other)
        body = {"shipment_id": "s-1", "carrier": "dhl", "tracking_number": "JD0002"}
        await desk.post(f"/v1/orders/{site.channel}/{order}/shipments", body)
        await until(lambda: site.twin.parcels(order), "the parcel is told")
        (told,) = site.twin.parcels(order)
        assert "JD0002" in told
        await until(lambda: site.twin.orders()[order] == "fulfilled", "the order is fulfilled")
        # An order that dibs cancels is cancelled there, too; one that the channel cancelled is not.
        await desk.post(f"/v1/orders/{site.channel}/{other}/cancel", {"reason": "lost"})
        if site.twin.can_cancel:
            await until(lambda: site.twin.orders()[other] == "cancelled", "it is cancelled there")
        await until(lambda: sum(site.worker.teller.counts.values()) >= 2, "all is told")


@each_channel
async def test_what_somebody_changed_at_the_channel_is_found_and_mended(desk, channel) -> None:
    async with running(desk, channel, {"MUG": 5, "CUP": 3}) as site:
        mug, _ = site.twin.listings()
        await until(lambda: not site.worker.publisher.queue.rows, "all that was sent is noted")
        site.twin.meddle(mug, 77)
        assert await site.worker.publisher.audit() == [(mug, 77, 5)]
        await site.shows(mug, 5)


@each_channel
async def test_a_bad_day(desk, channel) -> None:
    """A tenth of the pushes is lost, a tenth comes twice, all come late and out of turn; the
    channel answers one call in twenty with 429 and one with 500."""
    faults = Faults(dropped=0.1, doubled=0.1, forged=0.05, late_s=0.5, refused=0.05, broken=0.05)
    units = {f"S{n}": 30 for n in range(5)}
    async with running(desk, channel, units, faults) as site:
        await buy_and_change(site, 60, Random(7))
        await site.twin.pushes.drain()
        await asyncio.sleep(1.1)
        await site.worker.sweep.once()

        async def same() -> bool:
            there = await desk.orders(site.channel)
            return all(agrees(word, there.get(n)) for n, word in site.twin.orders().items())

        await until(same, "every order is as the channel has it", 60.0)
        there = await desk.orders(site.channel)
        assert set(there) <= set(site.twin.orders()), "an order that nobody placed"
        sold = sum(
            line["quantity"] - line.get("cancelled", 0)
            for order in there.values()
            for line in order["lines"]
        )
        skus = site.twin.listings().values()
        assert sum([await desk.available(sku) for sku in skus]) == 150 - sold
        assert not await site.office.store.dead(site.name)


async def buy_and_change(site: Running, count: int, random: Random) -> None:
    """Have shoppers buy, pay and cancel."""
    listings = list(site.twin.listings())
    for _ in range(count):
        paid = random.random() < 0.7
        order = site.twin.buy(random.choice(listings), random.randint(1, 2), paid=paid)
        if order and random.random() < 0.3:
            (site.twin.cancel if paid or random.random() < 0.5 else site.twin.pay)(order)
        await asyncio.sleep(0.002)


def agrees(word: str, there: dict | None) -> bool:
    """Whether dibs has an order as its channel has it. What was never paid takes nothing."""
    if word == "unpaid":
        return there is None
    if word == "cancelled":
        return there is None or there["status"] == "cancelled"
    return there is not None and there["status"] in ("allocated", "backordered")
