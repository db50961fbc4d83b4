"""What waits in an inbox: who is handed out, and whom a slow or a refused one holds up."""

import asyncio
import uuid

from engine.connectors.base import Delivery
from engine.core import limits
from engine.sync.inbox import Inbox
from tests.sync.office import running, until


async def kept(store, account: str, *names: str) -> None:
    for name in names:
        assert await store.keep(account, Delivery(name, "order", b"{}"), "push")


async def handed(inbox: Inbox, count: int) -> list[str]:
    """Ask until `count` were handed out; return their names."""
    found: list[str] = []
    async with asyncio.timeout(10):
        while len(found) < count:
            found += [row.id for row in await inbox.next()]
    return found


async def test_what_is_in_hand_is_not_handed_out_again_and_what_is_done_never(store) -> None:
    account = uuid.uuid4().hex
    inbox = Inbox(account, store)
    await kept(store, account, "a", "b", "c")
    rows = await inbox.next()
    assert [row.id for row in rows] == ["a", "b", "c"]
    await inbox.done(rows[:1])
    inbox.put_back(rows[1:2])
    assert await handed(inbox, 1) == ["b"]
    assert await inbox.next() == []
    inbox.open_anew()
    assert await handed(inbox, 2) == ["b", "c"]


async def test_what_is_put_back_is_tried_though_new_ones_never_cease(store) -> None:
    account, names = uuid.uuid4().hex, (f"n{n}" for n in range(10_000))
    inbox = Inbox(account, store)
    await kept(store, account, "again")
    (again,) = await inbox.next()
    inbox.put_back([again])
    tries, seen = 0, 0
    async with asyncio.timeout(20):
        while tries < 3:
            await kept(store, account, next(names))  # there is always a new one
            rows = await inbox.next()
            seen += len(rows)
            tries += again in rows
            inbox.put_back(row for row in rows if row == again)
            await inbox.done(row for row in rows if row != again)
    assert seen > tries


async def test_new_ones_come_though_many_are_put_back_and_hands_never_overflow(store) -> None:
    account, many = uuid.uuid4().hex, limits.SYNC_READ * 3
    inbox = Inbox(account, store)
    await kept(store, account, *(f"p{n}" for n in range(many)))
    seen: set[str] = set()
    while len(seen) < many:
        rows = await inbox.next()
        assert len(rows) <= limits.SYNC_READ
        seen |= {row.id for row in rows}
        inbox.put_back(rows)
    await kept(store, account, "new")
    for _ in range(4):
        rows = await inbox.next()
        if "new" in {row.id for row in rows}:
            break
        inbox.put_back(rows)
    else:
        raise AssertionError("the new one waits for a whole round of old ones")
    everyone = set()
    async with asyncio.timeout(20):
        while len(everyone) < many:
            rows = await inbox.next()
            everyone |= {row.id for row in rows if row.id != "new"}
            inbox.put_back(rows)


async def test_full_hands_wait_until_there_is_room(store) -> None:
    account = uuid.uuid4().hex
    inbox = Inbox(account, store)
    await kept(store, account, *(f"x{n}" for n in range(limits.SYNC_READ + 5)))
    rows = await inbox.next()
    assert len(rows) == limits.SYNC_READ
    waits = asyncio.create_task(inbox.next())
    await asyncio.sleep(0.05)
    assert not waits.done()
    await inbox.done(rows[: limits.SYNC_READ // 2])
    assert [row.id for row in await waits] == [f"x{limits.SYNC_READ + n}" for n in range(5)]


async def test_an_order_whose_channel_does_not_answer_holds_up_no_other(desk) -> None:
    async with running(desk, "woocommerce", {"MUG": 9}) as site:
        (mug,) = site.twin.listings()
        slow, ingest, go = site.twin.buy(mug), site.worker.ingest, asyncio.Event()
        await site.comes(slow)
        apply = ingest.apply

        async def halting(order) -> str:
            if order.order_id == slow:
                await go.wait()
            return await apply(order)

        ingest.apply = halting
        site.twin.cancel(slow)
        others = [site.twin.buy(mug) for _ in range(3)]
        for order in others:
            await site.comes(order)
        assert (await site.there(slow))["status"] == "allocated"
        later = site.twin.buy(mug)
        await site.comes(later)
        go.set()
        await site.comes(slow, "cancelled")


async def test_several_documents_of_one_order_are_applied_one_at_a_time(desk) -> None:
    async with running(desk, "woocommerce", {"MUG": 9}) as site:
        (mug,) = site.twin.listings()
        ingest, at_once, most = site.worker.ingest, 0, 0
        apply = ingest.apply

        async def watched(order) -> str:
            nonlocal at_once, most
            at_once += 1
            most = max(most, at_once)
            await asyncio.sleep(0.05)
            try:
                return await apply(order)
            finally:
                at_once -= 1

        order = site.twin.buy(mug, 3)
        await site.comes(order)
        store, name = site.office.store, site.name
        whole = await site.worker.connector.fetch(order)
        ingest.apply = watched
        for n in range(20):
            await store.keep(name, Delivery(f"twice-{n}", whole.topic, whole.body), "push")
            await asyncio.sleep(0.005)
        await until(lambda: ingest.counts["superseded"], "they are taken together")

        async def empty() -> bool:
            return not await store.inbox_length(name)

        await until(empty, "all is applied")
        assert most == 1 and (await site.there(order))["lines"][0]["quantity"] == 3


async def test_a_fault_of_ours_makes_one_dead_letter_and_stops_no_other_order(desk) -> None:
    async with running(desk, "woocommerce", {"MUG": 9}) as site:
        (mug,) = site.twin.listings()
        apply, bad = site.worker.ingest.apply, set()

        async def failing(order) -> str:
            if order.order_id in bad:
                raise RuntimeError("a fault")
            return await apply(order)

        site.worker.ingest.apply = failing
        bad.add(first := site.twin.buy(mug))
        await site.comes(site.twin.buy(mug))
        store = site.office.store
        await until(lambda: store.dead(site.name), "it is a dead letter")
        (letter,) = await store.dead(site.name)
        assert "a fault of dibs" in letter.problem and site.worker.failures == 0
        bad.clear()
        await store.revive(site.name, letter)
        await site.comes(first)
