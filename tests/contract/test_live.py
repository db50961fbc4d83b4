"""The live channel: begins with the present state, tells what changed, forgets what it may.

Method: real server, raw HTTP stream; the changes come from a real ledger.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator

import httpx

from api.topics import Queue
from engine.core import limits
from engine.core.answers import OrderAnswer
from engine.core.errors import UnavailableError
from tests.contract.site import LOOSE, PATIENCE_S, Site, site
from tests.contract.talk import until
from tests.contract.test_streams import Events, sell
from tests.contract.world import problem_of


@contextlib.asynccontextmanager
async def tab(here: Site, query: str = "") -> AsyncIterator[Events]:
    """Open the stream of a tab."""
    headers = {"authorization": f"Bearer {here.world.tokens['read']}"}
    url = f"http://{here.host}:{here.port}/v1/live?{query}"
    async with httpx.AsyncClient() as http, http.stream("GET", url, headers=headers) as response:
        assert response.status_code == 200
        yield Events(response)


async def event(events: Events, name: str):
    """Read on to the next event of this name; return its data."""
    while True:
        found = await events.next()
        if found["event"] == name:
            return json.loads(found["data"])


async def test_a_tab_is_told_the_present_and_then_what_changed() -> None:
    async with site(LOOSE) as here:
        await sell(here.world, 0, 2)
        async with tab(here, "skus=TEA-1,MUG-1&show=orders,now&order_channel=web&order_id=1") as at:
            beat = await event(at, "beat")
            assert (beat["state"], beat["standing"]) == ("leading", {"allocated": 2})
            assert (await event(at, "order"))["order_id"] == "1"
            orders = await event(at, "orders")
            assert orders["anew"] and [row["order_id"] for row in orders["orders"]] == ["1", "0"]
            stock = await event(at, "stock")
            assert {row["sku"] for row in stock} == {"TEA-1", "MUG-1"}
            now = await event(at, "now")
            assert now["overview"]["rows"]["orders"] == 2 and "p99_ms" in now["gauges"]
            await sell(here.world, 2, 1)
            assert (await event(at, "beat"))["standing"] == {"allocated": 3}
            orders = await event(at, "orders")
            assert not orders["anew"] and [row["order_id"] for row in orders["orders"]] == ["2"]
            stock = await event(at, "stock")
            assert [row["sku"] for row in stock] == ["TEA-1"], "only what changed"
            assert stock[0] == await here.world.good("GET", "/v1/stock/TEA-1"), "as when asked"


async def test_an_order_that_leaves_the_filter_is_gone() -> None:
    async with site(LOOSE) as here, tab(here, "show=orders&status=allocated") as at:
        await sell(here.world, 0, 3)
        seen: set[str] = set()
        while len(seen) < 3:
            seen |= {row["order_id"] for row in (await event(at, "orders"))["orders"]}
        hold = {"hold_id": "h", "reason": "review"}
        await here.world.good("POST", "/v1/orders/web/1/holds", hold)
        orders = await event(at, "orders")
        assert (orders["gone"], orders["orders"]) == ([["web", "1"]], [])


async def test_equal_tabs_get_the_same_bytes_made_once() -> None:
    async with site(LOOSE) as here, tab(here, "skus=TEA-1") as one, tab(here, "skus=TEA-1") as two:
        for events in (one, two):
            await event(events, "stock")
        live, made = here.world.app.front.live, []
        whole = live._news
        live._news = lambda wants, since: made.append(since) or whole(wants, since)
        await sell(here.world, 0, 1)
        first, second = [await event(events, "stock") for events in (one, two)]
        assert first == second and first[0]["allocated"] == 1
        assert len(made) == len(set(made)), "once each round, whoever wants it"


async def test_nothing_is_read_while_nothing_happens() -> None:
    async with site(LOOSE) as here, tab(here, "skus=TEA-1&show=orders") as at:
        await event(at, "stock")
        client, asked = here.world.client, []
        whole = client.stocks
        client.stocks = lambda skus: asked.append(skus) or whole(skus)
        number = here.world.app.front.live._number
        await until(lambda: here.world.app.front.live._number > number + 3)
        assert asked == []
        await sell(here.world, 0, 1)
        await event(at, "stock")
        assert asked == [["TEA-1"]]


async def test_a_tab_that_does_not_read_is_left_out_and_then_told_the_newest() -> None:
    """P9: nothing is kept for it; what it missed is not told."""
    async with site(LOOSE) as here:
        query = "/v1/live?skus=TEA-1"
        async with here.line() as line:
            await line.send(here.get(query))
            front = here.world.app.front
            await until(lambda: len(front.live) == 1)
            (member,) = front.live._tabs
            await until(lambda: member.told >= 0)
            deaf = lambda now_s: False  # noqa: E731
            hears, type(member).can_hear = type(member).can_hear, lambda self, now_s: deaf(now_s)
            try:
                told = member.told
                for number in range(4):
                    await sell(here.world, number, 1)
                    await asyncio.sleep(limits.LIVE_EVERY_S)
                assert member.told == told
                assert member.cycle.transport.get_write_buffer_size() == 0
            finally:
                type(member).can_hear = hears
            text = b""
            async with asyncio.timeout(PATIENCE_S):
                while b'"allocated":4' not in text:
                    text += await line.reader.read(65_536)
            assert b'"allocated":2' not in text


async def test_it_says_that_no_writer_leads_and_goes_on_by_itself() -> None:
    async with site(LOOSE) as here, tab(here, "skus=TEA-1") as at:
        await event(at, "stock")
        here.world.client.state = "recovering"
        here.world.client.trouble = UnavailableError("away")
        assert (await event(at, "beat"))["state"] == "recovering"
        here.world.client.state, here.world.client.trouble = "leading", None
        assert (await event(at, "beat"))["state"] == "leading"


async def test_whoever_goes_away_costs_nothing() -> None:
    async with site(LOOSE) as here:
        front = here.world.app.front
        async with tab(here, "skus=TEA-1") as at:
            await event(at, "stock")
            assert front.streams["live"] == 1
        await until(lambda: not len(front.live))
        await until(lambda: front.live._task.done())
        assert front.streams["live"] == 0 and not front.live._wants


async def test_what_is_wrong_with_the_question_is_said() -> None:
    async with site(LOOSE) as here:
        many = ",".join(f"S{n}" for n in range(limits.LIVE_SKUS_MAX + 1))
        for query, code, path in (
            (f"skus={many}", "invalid_length", "skus"),
            ("show=nothing", "invalid_value", "show"),
            ("order_id=1", "missing_field", "order_channel"),
        ):
            found = problem_of(await here.world.call("GET", f"/v1/live?{query}"))
            assert (found["code"], found["errors"][0]["path"]) == (code, path)


def row(name: str, seq: int = 1) -> OrderAnswer:
    return OrderAnswer(seq=seq, order_id=name, channel="web", status="allocated", lines=[])


def told(queue: Queue, since: int) -> tuple[bool, list[str], list[str]]:
    """What a tab is told: whether anew, rows, gone."""
    text = queue.news(since).decode()
    if not text:
        return False, [], []
    data = json.loads(text.partition("data: ")[2])
    return data["anew"], [row["order_id"] for row in data["orders"]], [k[1] for k in data["gone"]]


def test_a_queue_tells_what_joins_what_was_before() -> None:
    queue = Queue()
    queue.take(1, [row("c"), row("b"), row("a")], 7)
    assert told(queue, 0) == (True, ["c", "b", "a"], [])
    queue.take(2, [row("c"), row("b"), row("a")], 7)
    assert told(queue, 1) == (False, [], [])
    queue.take(3, [row("d"), row("c", 9), row("b")], 7)
    assert told(queue, 1) == (False, ["d", "c"], []), "a is pushed off, not gone"
    queue.take(4, [row("d"), row("b"), row("a")], 7)
    assert told(queue, 3) == (False, ["a"], ["c"])
    assert told(queue, 1) == (False, ["d", "a"], ["c"])
    queue.take(5, [row("z"), row("y"), row("x")], 7)
    assert told(queue, 4) == (True, ["z", "y", "x"], []), "nothing joins them"
    queue.take(6, [row("z")], None)
    assert told(queue, 5) == (False, [], ["y", "x"])
    queue.take(7, [], None)
    assert told(queue, 6) == (False, [], ["z"])
