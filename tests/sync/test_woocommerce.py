"""What only WooCommerce does: pages that move while they are read, hooks that disable themselves.

DIBS_SYNC_FULL=1 has it sell as much while we are away as a shop does in ten minutes at 20 a second.
"""

import asyncio
import os
from datetime import UTC, datetime, timedelta

from tests.processes import free_port
from tests.sync.office import Running, running, until
from tests.sync.open import connected

FULL = os.environ.get("DIBS_SYNC_FULL") == "1"


async def test_an_order_that_leaves_the_window_hides_no_other() -> None:
    async with connected("woocommerce", {"A": 1_000}) as (twin, connector):
        orders = [twin.buy("1") for _ in range(250)]
        await asyncio.sleep(1.1)  # the shop's clock ticks in seconds
        until, seen = datetime.now(UTC), set()
        async for delivery in connector.pull(until - timedelta(1), until):
            if not seen:  # while the last page is read, three of the first change
                await asyncio.sleep(1.1)
                for name in orders[:3]:
                    twin.pay(name)
            seen.add(delivery.id.partition("@")[0])
        assert set(orders[3:]) <= seen


async def test_a_hook_that_was_disabled_while_we_were_away_costs_no_order(desk) -> None:
    count = 12_000 if FULL else 120
    async with running(desk, "woocommerce", {"MUG": count + 9}) as site:
        (mug,) = site.twin.listings()
        site.twin.faults.late_s = 0.0
        nobody = f"http://127.0.0.1:{free_port()}/{site.worker.account.secrets['hook_path']}"
        _deliver_to(site, nobody)
        orders = []
        for at in range(0, count, 20):
            orders += [site.twin.buy(mug) for _ in range(20)]
            if at % 400 == 0:
                await site.twin.pushes.drain()
        assert all(orders) and await _disabled(site) == {"order.created"}
        pushed = site.office.hooks.counts[site.name, "kept"]

        _deliver_to(site, site.hook)
        await asyncio.sleep(1.1)  # windows end at the last whole second
        await site.worker.sweep.once()
        assert not await _disabled(site)

        async def all_there() -> bool:
            return (await desk.orders(site.channel)).keys() == site.twin.orders().keys()

        await until(all_there, "every order is there", 600.0 if FULL else 30.0)
        there = (await desk.orders(site.channel)).values()
        assert {order["status"] for order in there} == {"allocated"}
        await site.comes(site.twin.buy(mug))
        assert site.office.hooks.counts[site.name, "kept"] > pushed, "pushes are heard again"
        await site.shows(mug, 8)
        print(f"{count:,} orders while the hook was disabled, {len(there):,} held after one sweep")


def _deliver_to(site: Running, url: str) -> None:
    for hook in site.twin.hooks.values():
        hook["delivery_url"] = url


async def _disabled(site: Running) -> set[str]:
    await site.twin.pushes.drain()
    return {row["topic"] for row in site.twin.hooks.values() if row["status"] == "disabled"}


async def test_of_two_unpaid_orders_for_the_last_unit_one_can_be_finished(desk) -> None:
    async with running(desk, "woocommerce", {"MUG": 1}) as site:
        (mug,) = site.twin.listings()
        left = site.twin.buy(mug, paid=False)
        site.twin.meddle(mug, 1)  # the shop gives up what it kept for an order that is not paid
        finished = site.twin.buy(mug, paid=False)
        site.twin.pay(finished)
        await site.comes(finished)
        site.twin.cancel(left)  # which the shop takes for a unit more, of an order dibs never had
        await site.worker.publisher.audit()
        await site.shows(mug, 0)
        assert await site.there(left) is None
        assert await desk.available(site.twin.listings()[mug]) == 0
