"""Sweeps that scan before they read: what they find, what they pass over, and what it costs."""

import asyncio
import contextlib
import json
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx
import msgspec
import pytest

from engine.connectors.base import Delivery, Quantity, Sign
from engine.connectors.calls import Calls
from engine.connectors.quotas import Limit, Quotas
from engine.connectors.shopify import twin_orders
from engine.connectors.shopify.connector import Shopify
from engine.connectors.shopify.documents import ORDERS, SIGNS
from engine.connectors.shopify.twin import Shop
from engine.connectors.shopify.twin_orders import Line, Sent
from engine.connectors.twins import serving
from engine.sync.gate import AccountGate
from engine.sync.hooks import Hooks
from engine.sync.store import Kept, SyncStore
from engine.sync.sweep import Sweep
from tests.sync.office import running
from tests.sync.open_gate import OpenGate
from tests.sync.test_faults import account_of

SCANNED, READ = 2, 7  # points of an order: to scan it, and to read it whole with its one line


class Clock:
    """Says what time it is for a sweep: a little later than it is, so every second is over."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC) + timedelta(seconds=3)

    def __call__(self) -> datetime:
        """Return it."""
        return self.now

    def passes(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)


class Site:
    """A shop, its account's hooks and sweep, and the inbox between; nobody applies what comes."""

    def __init__(self, twin: Shop, connector: Shopify, store: SyncStore, name: str) -> None:
        self.twin, self.connector, self.store, self.name = twin, connector, store, name
        self.clock = Clock()
        self.sweep = self.anew()

    def anew(self) -> Sweep:
        """Return the sweep of an office that starts."""
        return Sweep(account_of(self.name), self.connector, self.store, self.clock)

    async def sell(self, pushed: int, unpushed: int) -> list[str]:
        """Sell, and tell of some of it; return the orders."""
        names = [self.twin.buy("1") for _ in range(pushed)]
        with self.silence():
            names += [self.twin.buy("1") for _ in range(unpushed)]
        await self.twin.pushes.drain()
        return names

    @contextlib.contextmanager
    def silence(self):
        """Have no push sent in the block."""
        self.twin.faults.dropped = 1.0
        yield
        self.twin.faults.dropped = 0.0

    async def swept(self) -> tuple[int, int]:
        """Sweep; return (points it cost, orders it read)."""
        points, read = self.twin.points, self.sweep.counts["read"]
        await self.sweep.once()
        return self.twin.points - points, self.sweep.counts["read"] - read

    async def inbox(self) -> list[Kept]:
        """Return what waits."""
        return await self.store.waiting(self.name, "0", 10_000, 1)


@contextlib.asynccontextmanager
async def shop(store: SyncStore, quotas: Quotas | None = None) -> AsyncIterator[Site]:
    """Run a shop that pushes to hooks which keep."""
    name, twin = uuid.uuid4().hex[:8], Shop({"MUG": 1_000}, seed=7)
    async with serving(twin.app) as url, httpx.AsyncClient(timeout=30.0) as client:
        account = msgspec.structs.replace(twin.account(url), name=name)
        gate = AccountGate(store, name, quotas) if quotas else OpenGate()
        connector = Shopify(account, Calls(client, gate, name))
        hooks = Hooks(lambda _: (account, connector, None), store)
        async with serving(hooks.app) as there:
            twin.hook(f"{there}/hooks/{name}/{account.secrets['hook_path']}")
            yield Site(twin, connector, store, name)
            await twin.pushes.close()


# What it costs.


@pytest.mark.parametrize(
    ("pushed", "unpushed"), [(0, 0), (30, 0), (0, 30), (2 * SIGNS, 1), (57, ORDERS + 3)]
)
async def test_a_sweep_reads_what_no_push_brought_and_scans_the_others(
    store, pushed, unpushed
) -> None:
    async with shop(store) as site:
        names = await site.sell(pushed, unpushed)
        assert await site.swept() == (SCANNED * len(names) + READ * unpushed, unpushed)
        site.clock.passes(1)
        assert await site.swept() == (SCANNED * len(names), 0)
        site.sweep = site.anew()
        assert await site.swept() == (SCANNED * len(names), 0)
        rows = await site.inbox()
        assert Counter(row.by for row in rows) == Counter(push=pushed, sweep=unpushed)
        found = [site.connector.read(row).order_id for row in rows]
        assert sorted(found) == sorted(names)


@pytest.mark.parametrize(("lines", "points"), [(1, READ), (2, 11), (3, 15), (5, 23)])
async def test_an_order_costs_by_its_lines_to_read_and_by_itself_to_scan(
    store, lines, points
) -> None:
    async with shop(store) as site:
        for name in await site.sell(0, 2):
            site.twin.book[int(name)].lines += [
                Line(id=n, variant=1, sku="MUG", quantity=1, current=1) for n in range(1, lines)
            ]
        assert await site.swept() == (2 * SCANNED + 2 * points, 2)
        assert await site.swept() == (2 * SCANNED, 0)


async def test_a_sweep_waits_for_the_quota_and_a_quantity_does_not(store) -> None:
    slow = Quotas((Limit(("graphql",), "a test", "2026-11-30", per_s=0.01, burst=2_000),))
    async with shop(store, slow) as site:
        await site.sell(1, 0)
        await site.connector.publish([Quantity("1", 5)])  # finds where the listing's stock is
        gate, waits = site.connector._client._calls._gate, asyncio.Event()
        assert await gate.take("graphql", 1_450) == 0  # there is a page, but not beside a quarter
        real = gate.take

        async def take(*given) -> float:
            if wait_s := await real(*given):
                waits.set()
            return wait_s

        gate.take = take
        sweeping = asyncio.create_task(site.sweep.once())
        async with asyncio.timeout(10):
            await waits.wait()
            (row,) = await site.connector.publish([Quantity("1", 4, {}, 5)])
        assert not row.problem and site.twin.shown("1") == 4
        assert not sweeping.done() and not site.sweep.counts["seen"]
        await real("graphql", -1_000)
        await site.connector.shown([Quantity("1", 4)])  # what it gives back wakes who waits
        async with asyncio.timeout(10):
            await sweeping
        assert site.sweep.counts["seen"] == 1


# What a mark tells.


def _signs(site: Site, order: twin_orders.Order) -> Sign:
    body = json.dumps(twin_orders.pushed(order)).encode()
    headers = {"x-shopify-topic": "orders/updated", "x-shopify-event-id": "e"}
    return site.connector.receive(headers, body).sign


async def _scanned(site: Site) -> list[Sign]:
    long = timedelta(days=1)
    return [sign async for sign in site.connector.scan(site.clock() - long, site.clock() + long)]


def _sent(order: twin_orders.Order) -> None:
    (line,), (part,) = order.lines, order.parts
    part.left = {line.id: 0}
    order.sent.append(Sent(id=1, number="n", company="", units={line.id: line.quantity}))


CHANGES = {
    "paid": lambda order: setattr(order, "financial", "PAID"),
    "partly paid back": lambda order: setattr(order, "financial", "PARTIALLY_REFUNDED"),
    "fewer units": lambda order: setattr(order.lines[0], "current", 1),
    "another line": lambda order: order.lines.append(
        Line(id=9, variant=1, sku="MUG", quantity=1, current=1)
    ),
    "a note": lambda order: setattr(order, "note", "ring twice – Grüße"),
    "another street": lambda order: setattr(order, "address", {"address1": "Downing St 10"}),
    "a company": lambda order: setattr(order, "address", {"company": "Engines Ltd"}),
    "nowhere to send it": lambda order: setattr(order, "address", None),
    "sent": _sent,
    "cancelled": lambda order: setattr(order, "cancelled", order.changed),
}
UNSEEN = {
    "where that is": lambda order: setattr(order, "address", {"latitude": 0.0}),
    "a gift card": lambda order: order.lines.append(
        Line(id=9, variant=1, sku="GIFT", quantity=1, current=1, shipped=False, gift=True)
    ),
    "an empty note": lambda order: setattr(order, "note", ""),
}


@pytest.mark.parametrize("change", CHANGES | UNSEEN)
async def test_push_scan_and_answer_agree_and_see_each_change_of_a_second(store, change) -> None:
    async with shop(store) as site:
        order = site.twin.book[int(site.twin.buy("1", 3, paid=False))]
        (before,) = await _scanned(site)
        (CHANGES | UNSEEN)[change](order)
        (after,) = await _scanned(site)
        (read,) = await site.connector.fetch_some([str(order.id)])
        fetched = await site.connector.fetch(str(order.id))
        assert _signs(site, order) == after == read.sign == fetched.sign
        assert (before != after) == (change in CHANGES)
        order.changed += timedelta(seconds=1)
        assert await _scanned(site) != [after]


async def test_a_second_change_of_a_second_that_no_push_told_of_is_found(desk) -> None:
    async with running(desk, "shopify", {"MUG": 9}) as site:
        await site.swept()
        (mug,) = site.twin.listings()
        order, other = site.twin.buy(mug, paid=False), site.twin.buy(mug)
        await site.twin.pushes.drain()
        at = site.twin.book[int(order)].changed
        site.twin.faults.dropped = 1.0
        site.twin.pay(order)
        site.twin.book[int(order)].changed = at
        await site.comes(other)
        assert await site.there(order) is None
        await asyncio.sleep(1.1)  # the shop's clock ticks in seconds
        await site.worker.sweep.once()
        await site.comes(order)
        assert site.worker.sweep.counts["read"] == 1
        assert site.worker.ingest.counts["missed_by_pushes"] == 1


# What happens meanwhile.


async def test_an_order_that_changes_between_scan_and_reading_is_read_again(
    store, monkeypatch
) -> None:
    async with shop(store) as site:
        (name, *_) = await site.sell(0, 3)
        real = site.connector.fetch_some

        async def late(names: list[str]) -> list[Delivery]:
            monkeypatch.undo()
            site.twin.book[int(name)].note = "changed"
            return await real(names)

        monkeypatch.setattr(site.connector, "fetch_some", late)
        assert await site.swept() == (3 * SCANNED + 3 * READ, 3)
        assert await site.swept() == (3 * SCANNED + READ, 1)
        assert await site.swept() == (3 * SCANNED, 0)
        rows = await site.inbox()  # it was read as it was then, so once is enough
        assert len(rows) == 3
        assert [site.connector.read(row).note for row in rows].count("changed") == 1


async def test_an_order_that_leaves_a_page_takes_no_other_with_it(store) -> None:
    async with shop(store) as site:
        names = await site.sell(0, 2 * SIGNS + 10)
        since, until_ = site.clock() - timedelta(days=1), site.clock()
        seen: list[str] = []
        async for sign in site.connector.scan(since, until_):
            seen.append(sign.order_id)
            if len(seen) == SIGNS:  # one that was seen, and the first of the next page
                for moved in (names[3], names[SIGNS]):
                    site.twin.book[int(moved)].changed = until_ + timedelta(seconds=5)
        assert seen == [name for name in names if name != names[SIGNS]]


async def test_an_order_of_many_lines_is_scanned_like_any(store, monkeypatch) -> None:
    async with shop(store) as site:
        (name,) = await site.sell(0, 1)
        order = site.twin.book[int(name)]
        order.lines += [Line(id=n, variant=1, sku="MUG", quantity=1, current=1) for n in range(9)]
        real, asked = site.twin.graph, []

        def graph(wanted: str):
            asked.append(wanted)
            if len(asked) == 2:  # between its first page and its second
                order.note = "changed"
            return real(wanted)

        monkeypatch.setattr(site.twin, "graph", graph)
        assert (await site.swept())[1] == 1 and len(asked) == 2
        assert (await site.swept())[1] == 1  # that was of before and after
        assert (await site.swept())[1] == 0
        (_, row) = await site.inbox()
        found = site.connector.read(row)
        assert len(found.lines) == 10 and found.note == "changed"


async def test_a_sweep_that_was_killed_goes_on_where_it_was(store, monkeypatch) -> None:
    async with shop(store) as site:
        names = await site.sell(0, 2 * ORDERS + 5)
        real, calls = store.keep, []

        async def killed(*given):
            calls.append(given)
            if len(calls) > ORDERS + 2:
                raise RuntimeError("killed")
            return await real(*given)

        monkeypatch.setattr(store, "keep", killed)
        with pytest.raises(RuntimeError):
            await site.sweep.once()
        monkeypatch.undo()
        assert await store.field(f"sweep:{site.name}", "cursors") is None
        site.sweep = site.anew()
        rest = len(names) - ORDERS - 2
        assert await site.swept() == (SCANNED * len(names) + READ * rest, rest)
        assert len(await site.inbox()) == len(names)


async def test_what_was_kept_and_whose_mark_is_forgotten_is_kept_once(store) -> None:
    async with shop(store) as site:
        names = await site.sell(0, 3)
        await site.sweep.once()
        await store.redis.delete(*(store.key("mark", site.name, name) for name in names))
        assert (await site.swept())[1] == 3
        assert (await site.swept())[1] == 0 and len(await site.inbox()) == 3


async def test_a_push_that_comes_again_later_notes_nothing(store) -> None:
    async with shop(store) as site:
        first, newer = (
            Delivery(name, "order", b"{}", Sign("7", name)) for name in ("first", "newer")
        )
        for delivery in (first, newer, first):
            await store.keep(site.name, delivery, "push")
        assert await store.marks(site.name, ["7", "8"]) == ["newer", None]
