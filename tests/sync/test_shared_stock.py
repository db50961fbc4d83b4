"""One stock, sold out on two channels at once: Amazon with its usage plan, and a shop.

At full size (DIBS_SYNC_FULL=1), 1,500 units.
"""

import asyncio
import contextlib
import os
import uuid

from engine.connectors.twins import Faults
from engine.sync.listings import Listing
from tests.sync.office import Running, running, until

UNITS = 1_500 if os.environ.get("DIBS_SYNC_FULL") else 60
KEPT = 12  # the last ones are the shop's: what Amazon shows is behind by a call or two


@contextlib.asynccontextmanager
async def sharing(desk, faults: Faults | None = None):
    """Run both channels; a listing of each sells the same SKU, which is given back, too."""
    sku = f"FLASH-{uuid.uuid4().hex[:8]}"
    async with (
        running(desk, "amazon", {"MUG": 1}, faults) as amazon,
        running(desk, "woocommerce", {"MUG": 1}, faults) as shop,
    ):
        await desk.put(f"/v1/skus/{sku}", {"title": "Flash"})
        buffers = [{"units": KEPT}]
        await desk.put(f"/v1/channels/{amazon.channel}", {"priority": 1, "buffers": buffers})
        await desk.receive(f"{sku}-all", {sku: UNITS})
        for site, shown in ((amazon, UNITS - KEPT), (shop, UNITS)):
            (listing,) = site.twin.listings()
            await site.worker.listings.put([Listing(listing, sku)])
            site.worker.publisher.touch([sku])
            await site.shows(listing, shown)
        yield sku, amazon, shop


async def rush(site: Running, each_s: float) -> list[str]:
    """Have a shopper come each so many seconds until nothing is shown; return the orders."""
    (listing,) = site.twin.listings()
    orders = []
    while site.twin.shown(listing) > 0:
        orders.append(site.twin.buy(listing))
        await asyncio.sleep(each_s)
    return orders


async def standing(desk, sites: list[Running], count: int) -> list[str]:
    """Wait until dibs has so many orders; return the status of each."""
    found: list[str] = []

    async def all_there() -> bool:
        found[:] = [
            row["status"] for site in sites for row in (await desk.orders(site.channel)).values()
        ]
        return len(found) == count

    await until(all_there, f"dibs has {count} orders")
    return found


async def test_a_flash_sale_to_zero_sells_nothing_twice(desk) -> None:
    async with sharing(desk) as (sku, amazon, shop):
        sold = await asyncio.gather(rush(amazon, 0.12), rush(shop, 0.12))
        assert min(map(len, sold)) > KEPT, "both sell"
        count = sum(map(len, sold))
        states = await standing(desk, [amazon, shop], count)
        assert count == UNITS and set(states) == {"allocated"}, "no order without its unit"
        assert await desk.available(sku) == 0
        assert not amazon.twin.meter.over and not shop.twin.meter.over


async def test_without_pushes_the_same_sale_sells_what_is_not_there(desk) -> None:
    """The control: channels that are asked every now and then only, as others do it."""
    async with sharing(desk, Faults(dropped=1.0)) as (_, amazon, shop):
        sold = await asyncio.gather(rush(amazon, 0.0), rush(shop, 0.0))
        await asyncio.sleep(1.1)  # windows end at the last whole second
        await asyncio.gather(amazon.worker.sweep.once(), shop.worker.sweep.once())
        states = await standing(desk, [amazon, shop], sum(map(len, sold)))
        assert states.count("backordered") == len(states) - UNITS > 0
