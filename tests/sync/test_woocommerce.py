"""What only WooCommerce does: pages that move while they are read."""

import asyncio
from datetime import UTC, datetime, timedelta

from tests.sync.open import connected


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
