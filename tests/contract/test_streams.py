"""The stock stream: exact resume, filters, heartbeats, gaps and ends.

Method: real server, raw HTTP stream; the changes come from a real ledger.
"""

import asyncio
import contextlib
import itertools
import json
from collections.abc import AsyncIterator

import httpx
import pytest

from api.endpoint import Settings
from engine.core import limits
from engine.core.errors import UnavailableError
from tests.contract.site import LOOSE, PATIENCE_S, Site, site
from tests.contract.world import World, problem_of

PATH = "/v1/streams/stock"


class Events:
    """The events of one open stream."""

    def __init__(self, response: httpx.Response) -> None:
        self._lines = response.aiter_lines()
        self.heartbeats = 0

    async def next(self) -> dict[str, str]:
        """The next event's fields; counts the heartbeats before it."""
        found: dict[str, str] = {}
        async with asyncio.timeout(PATIENCE_S):
            async for line in self._lines:
                if line.startswith(":"):
                    self.heartbeats += 1
                elif line:
                    name, _, value = line.partition(": ")
                    found[name] = value
                elif found:
                    return found
        return found

    async def take(self, count: int) -> list[dict[str, str]]:
        """The next events."""
        return [await self.next() for _ in range(count)]


@contextlib.asynccontextmanager
async def stream(here: Site, query: str = "", after: str = "") -> AsyncIterator[Events]:
    """Open a stream."""
    headers = {"authorization": f"Bearer {here.world.tokens['read']}"}
    if after:
        headers["last-event-id"] = after
    url = f"http://{here.host}:{here.port}{PATH}?{query}"
    async with httpx.AsyncClient() as http, http.stream("GET", url, headers=headers) as response:
        assert response.status_code == 200
        assert response.headers["content-type"] == "text/event-stream"
        yield Events(response)


async def sell(world: World, start: int, count: int, sku: str = "TEA-1") -> None:
    for number in range(start, start + count):
        line = {"sku": sku, "quantity": 1}
        body = {"order_id": str(number), "channel": "web", "lines": [line]}
        await world.good("POST", "/v1/orders", body)


async def test_changes_arrive_as_they_are_durable() -> None:
    async with site(LOOSE) as here, stream(here) as events:
        await sell(here.world, 0, 1)
        event = await events.next()
        data = json.loads(event["data"])
        seq = here.world.client.ledger.seq
        assert (event["event"], event["id"]) == ("stock", f"{seq}-0")
        assert data == {
            "id": event["id"],
            "seq": seq,
            "sku": "TEA-1",
            "location": "berlin",
            "reason": "order_placed",
            "on_hand": 40,
            "reserved": 0,
            "allocated": 1,
            "unavailable": 0,
            "available": 39,
        }


async def test_resume_after_any_event_has_no_gap_and_no_repeat() -> None:
    async with site(LOOSE) as here:
        await sell(here.world, 0, 4)
        await sell(here.world, 10, 1, "SET-1")  # two positions in one batch
        async with stream(here, after="0-0") as events:
            whole = await events.take(8)
        ids = [event["id"] for event in whole]
        assert len(set(ids)) == 8
        assert any(a.split("-")[0] == b.split("-")[0] for a, b in itertools.pairwise(ids))
        for index, cut in enumerate(ids):
            async with stream(here, after=cut) as events:
                await sell(here.world, 100 + index, 1)
                rest = await events.take(len(ids) - index)
            assert [e["id"] for e in rest[:-1]] == ids[index + 1 : index + 1 + len(rest) - 1]


async def test_a_stream_cut_many_times_sees_everything_once() -> None:
    async with site(LOOSE) as here:
        async with stream(here, after="0-0") as events:
            seen = [(await events.next())["id"]]
        for round_ in range(6):
            await sell(here.world, 10 * round_, 3)
            async with stream(here, after=seen[-1]) as events:
                seen += [event["id"] for event in await events.take(2)]
        async with stream(here, after=seen[-1]) as events:
            await sell(here.world, 900, 1)
            last = f"{here.world.client.ledger.seq}-0"
            while seen[-1] != last:
                seen.append((await events.next())["id"])
        assert seen == [change.id for change in here.world.client.changes_kept]


async def test_filters_by_sku_and_location() -> None:
    async with site(LOOSE) as here:
        await here.world.good("PUT", "/v1/skus/A%2CB", {"title": "comma"})
        for place in ("berlin", "hamburg"):
            line = [{"sku": "A,B", "quantity": 2}]
            paper = {"receipt_id": place, "location": place, "lines": line}
            await here.world.good("POST", "/v1/stock/receipts", paper)
        await sell(here.world, 0, 1)

        async def seen(query: str, count: int) -> list[tuple[str, str]]:
            async with stream(here, query, after="0-0") as events:
                rows = [json.loads(e["data"]) for e in await events.take(count)]
            return [(row["sku"], row["location"]) for row in rows]

        assert await seen("skus=A%2CB", 2) == [("A,B", "berlin"), ("A,B", "hamburg")]
        assert await seen("locations=hamburg", 1) == [("A,B", "hamburg")]
        tea = [("TEA-1", "berlin"), ("A,B", "hamburg"), ("TEA-1", "berlin")]
        both = await seen("skus=TEA-1,A%2CB&locations=berlin,hamburg", 4)
        assert both == [tea[0], ("A,B", "berlin"), *tea[1:]]


async def test_heartbeats_when_nothing_happens() -> None:
    async with site(LOOSE) as here, stream(here) as events:
        event = asyncio.ensure_future(events.next())
        async with asyncio.timeout(PATIENCE_S):
            while events.heartbeats < 4:
                await asyncio.sleep(0.01)
        assert not event.done()
        await sell(here.world, 0, 1)
        assert (await event)["event"] == "stock"


async def test_a_position_that_is_not_kept_is_410_with_the_oldest() -> None:
    async with site(LOOSE) as here:
        here.world.client.forget_changes()
        oldest = "{}-{}".format(*here.world.client.oldest)
        response = await here.world.call("GET", PATH, headers={"last-event-id": "1-0"})
        document = problem_of(response)
        assert (response.status_code, document["code"]) == (410, "stream_gap")
        assert document["oldest"] == oldest
        async with stream(here, after=oldest) as events:
            await sell(here.world, 0, 1)
            assert (await events.next())["event"] == "stock"


@pytest.mark.parametrize("last", ["x", "1-", "-1", "1-2-3", "1.5", "9" * 19, "1-" + "9" * 19, "*"])
async def test_a_position_that_is_none_is_refused(world: World, last: str) -> None:
    response = await world.call("GET", PATH, headers={"last-event-id": last})
    document = problem_of(response)
    assert (response.status_code, document["code"]) == (422, "invalid_value")
    assert document["errors"][0]["path"] == "Last-Event-ID"


async def test_too_many_followers_are_refused(world: World) -> None:
    world.client.followers = limits.STREAM_SUBSCRIBERS_MAX
    response = await world.call("GET", PATH)
    assert (response.status_code, problem_of(response)["code"]) == (429, "overloaded")


async def test_a_stream_that_breaks_says_why_and_ends() -> None:
    async with site(LOOSE) as here, stream(here) as events:
        here.world.client.break_streams(UnavailableError("the stock stream is away"))
        event = await events.next()
        assert event["event"] == "end"
        assert json.loads(event["data"])["code"] == "unavailable"
        assert await events.next() == {}


async def test_a_caller_who_leaves_is_forgotten() -> None:
    async with site(LOOSE) as here:
        async with stream(here):
            assert here.world.client.followers == 1
        async with asyncio.timeout(PATIENCE_S):
            while here.world.client.followers:
                await asyncio.sleep(0.01)


async def test_the_answer_does_not_wait_for_a_first_change() -> None:
    assert Settings().stream_first_s < limits.STREAM_HEARTBEAT_S / 10
    async with site(LOOSE) as here:
        here.world.client.heartbeat_s = 3600.0
        async with stream(here) as events:  # opens although nothing happens for an hour
            await sell(here.world, 0, 1)
            assert (await events.next())["event"] == "stock"
