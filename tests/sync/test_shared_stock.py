"""One stock, sold out on Amazon with its usage plan, eBay with its revisions, and a Shopify shop.

At full size (DIBS_SYNC_FULL=1), 1,500 units.
"""

import asyncio
import contextlib
import os
import uuid
from collections.abc import AsyncIterator, Sequence

from engine.connectors.twins import Faults
from engine.sync.listings import Listing
from engine.sync.standing import Rate, Standing
from tests.sync.office import Desk, Running, running, until

FULL = bool(os.environ.get("DIBS_SYNC_FULL"))
UNITS = 1_500 if FULL else 60
EACH_S = 0.12  # between two shoppers of a channel
# The last ones are the shop's: what marketplaces show is behind by what sells in a second or so,
# eBay's by what is sold between two of its revisions. As `buffer_for` of the story has it.
KEPT = dict.fromkeys(("amazon", "ebay"), 36 if FULL else 12) | {"shopify": 0}


@contextlib.asynccontextmanager
async def sharing(desk: Desk, faults: Faults | None = None) -> AsyncIterator[tuple]:
    """Run all three; a listing of each sells the same SKU, which is given back, too."""
    sku = f"FLASH-{uuid.uuid4().hex[:8]}"
    async with contextlib.AsyncExitStack() as stack:
        sites = [
            await stack.enter_async_context(running(desk, name, {"MUG": 1}, faults))
            for name in KEPT
        ]
        await desk.put(f"/v1/skus/{sku}", {"title": "Flash"})
        for site, kept in zip(sites, KEPT.values(), strict=True):
            buffers = [{"units": kept}] if kept else []
            await desk.put(f"/v1/channels/{site.channel}", {"priority": 1, "buffers": buffers})
        await desk.receive(f"{sku}-all", {sku: UNITS})
        for site, kept in zip(sites, KEPT.values(), strict=True):
            (listing,) = site.twin.listings()
            item = site.worker.listings.rows[listing].item
            await site.worker.listings.put([Listing(listing, sku, item)])
            site.worker.publisher.touch([sku])
            await site.shows(listing, UNITS - kept)
            await site.swept()
        yield sku, sites


async def rush(site: Running, each_s: float) -> list[str]:
    """Have a shopper come each so many seconds until nothing is shown; return the orders."""
    (listing,) = site.twin.listings()
    orders = []
    while site.twin.shown(listing) > 0:
        orders.append(site.twin.buy(listing))
        await asyncio.sleep(each_s)
    return orders


async def rushed(sites: Sequence[Running], each_s: float) -> list[list[str]]:
    """Sell on all of them until none shows anything; a listing may show some again meanwhile."""
    sold = await asyncio.gather(*(rush(site, each_s) for site in sites))
    while any(site.twin.shown(next(iter(site.twin.listings()))) for site in sites):
        for orders, more in zip(
            sold, await asyncio.gather(*(rush(site, each_s) for site in sites)), strict=True
        ):
            orders += more
    return sold


async def standing(desk: Desk, sites: Sequence[Running], count: int) -> list[str]:
    """Wait until dibs has so many orders; return the status of each."""
    found: list[str] = []

    async def all_there() -> bool:
        found[:] = [
            row["status"] for site in sites for row in (await desk.orders(site.channel)).values()
        ]
        return len(found) == count

    await until(all_there, f"dibs has {count} orders")
    return found


async def rated(site: Running, placed: int) -> Rate | None:
    """Wait until so many orders of a marketplace are counted; return what it will hold against the
    seller if all that waits for stock is cancelled. A shop of one's own holds nothing: None."""
    rate: Rate | None = None

    async def counted() -> bool:
        nonlocal rate  # one that has looked keeps what it saw for a while
        found = Standing(site.worker.account, site.office.store)
        rates = await found.look(site.office._views)
        rate = rates and rates.cancelled
        return rate is None or rate.total == placed

    await until(counted, f"{placed} orders of {site.name} are counted")
    assert (rate is None) == (site.worker.account.connector == "shopify")
    return rate


async def test_a_flash_sale_to_zero_sells_nothing_twice(desk) -> None:
    async with sharing(desk) as (sku, sites):
        sold = await rushed(sites, EACH_S)
        assert all(sold), "all of them sell"
        count = sum(map(len, sold))
        states = await standing(desk, sites, count)
        assert count == UNITS and set(states) == {"allocated"}, "no order without its unit"
        assert await desk.available(sku) == 0
        assert not any(site.twin.meter.over for site in sites)
        for site, orders in zip(sites, sold, strict=True):
            rate = await rated(site, len(orders))
            assert rate is None or rate.projected == 0, "nothing to cancel"


async def test_without_pushes_the_same_sale_sells_what_is_not_there(desk) -> None:
    """The control: channels that are asked every now and then only, as others do it."""
    async with sharing(desk, Faults(dropped=1.0)) as (_, sites):
        sold = await asyncio.gather(*(rush(site, 0.0) for site in sites))
        await asyncio.sleep(1.1)  # windows end at the last whole second
        await asyncio.gather(*(site.worker.sweep.once() for site in sites))
        states = await standing(desk, sites, sum(map(len, sold)))
        assert states.count("backordered") == len(states) - UNITS > 0
        rates = [await rated(site, len(orders)) for site, orders in zip(sites, sold, strict=True)]
        assert any(rate is not None and rate.projected > rate.allowed for rate in rates)
