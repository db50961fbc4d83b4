"""Quantities that cross: with a sale, and with a bulk delivery."""

import uuid

from engine.connectors.base import Published
from engine.connectors.registry import twin_class
from tests.sync.alone import publishing


async def test_a_sale_that_crossed_a_quantity_lets_the_next_one_go_at_once(store) -> None:
    """What the shop would not take rests; what is right after the sale was heard of does not."""
    twin = twin_class("shopify")({"MUG": 9})
    async with publishing(twin, store, uuid.uuid4().hex[:8], ["1"]) as site:
        assert await site.show({"1": 9}) == 1
        twin.meddle("1", 6)  # two were sold that nobody here has heard of
        assert await site.show({"1": 8}) == 1
        assert site.publisher.queue.rows["1"].problem
        assert await site.show({"1": 8}) == 0
        assert await site.show({"1": 6}) == 1
        assert not site.publisher.queue.rows and site.publisher.shows("1") == 6


async def test_many_sales_that_cross_quantities_let_none_rest_for_longer(store) -> None:
    """Each is another quantity's first failure: a busy listing does not end in a long rest."""
    twin = twin_class("shopify")({"MUG": 50})
    async with publishing(twin, store, uuid.uuid4().hex[:8], ["1"]) as site:
        assert await site.show({"1": 50}) == 1
        for heard in range(40, 30, -1):  # a few more were sold than anybody here has heard of
            twin.meddle("1", heard - 8)
            assert await site.show({"1": heard}) == 1
            assert site.publisher.queue.rows["1"].failures == 1


async def test_a_call_that_a_delivery_landed_beside_is_made_anew(store, monkeypatch) -> None:
    """The delivery's older quantity may have come last."""
    twin = twin_class("woocommerce")({"TEA": 5})
    async with publishing(twin, store, uuid.uuid4().hex[:8], ["1"]) as site:
        publisher, publish = site.publisher, site.publisher._connector.publish
        publisher.queue.lift({"1": 9})

        async def beside(rows) -> list:
            """Answer when the delivery is noted as worked off, which it was a moment later."""
            results = await publish(rows)
            twin.meddle("1", 9)
            monkeypatch.setattr(publisher._connector, "publish", publish)
            await publisher.landed([Published("1")], {"1": 9})
            return results

        monkeypatch.setattr(publisher._connector, "publish", beside)
        assert await site.show({"1": 7}) == 1 and twin.shown("1") == 9
        await publisher.look()
        assert await publisher.send_some() == 1 and twin.shown("1") == 7
        assert publisher.shows("1") == 7
