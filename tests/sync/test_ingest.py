"""What becomes of documents that meet an order which is closed."""

from engine.connectors.base import Delivery
from tests.sync.office import running, until


async def test_an_order_that_dibs_cancelled_is_not_opened_again_by_an_old_document(desk) -> None:
    async with running(desk, "woocommerce", {"MUG": 5}) as site:
        (mug,) = site.twin.listings()
        store, name, order = site.office.store, site.name, site.twin.buy(mug, 2)
        await site.comes(order)
        whole = await site.worker.connector.fetch(order)
        await desk.post(f"/v1/orders/{site.channel}/{order}/cancel", {"reason": "lost"})
        await store.redis.delete(store.key("version", name, order))  # killed before its note
        await store.keep(name, Delivery("again", whole.topic, whole.body), "sweep")
        await until(lambda: site.worker.ingest.counts["cancelled_here"], "the document is read")
        assert not await store.dead(name)

        async def heard() -> bool:
            return (await store.applied(name, order)).cancelled

        await until(heard, "the channel's own word for it comes")
        site.twin.pay(order)  # somebody opens it again in the shop: that must be seen
        await until(lambda: store.dead(name), "what cannot be applied is a dead letter")
        (letter,) = await store.dead(name)
        assert "order_closed" in letter.problem
