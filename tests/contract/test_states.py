"""The conflated stock stream: present state first, then the newest of what changed, never a gap.

Method: as in test_streams; where it matters who reads when, the followers are asked directly.
"""

import asyncio
import contextlib
import json

import pytest

from api import states
from api.states import States
from engine.core import limits
from engine.core.errors import OverloadedError, UnavailableError
from tests.contract.site import LOOSE, PATIENCE_S, Site, site
from tests.contract.talk import stream as order_stream
from tests.contract.talk import until
from tests.contract.test_streams import PATH, Events, sell, stream
from tests.contract.world import World, problem_of

EVERY_S = limits.STATES_EVERY_MS_MIN / 1_000
FAST = f"every_ms={limits.STATES_EVERY_MS_MIN}"


def told(data: bytes) -> list[dict]:
    """The states in what a follower is to write, each with the `id` of its event, if any."""
    found = []
    for event in data.decode().split("\n\n")[:-1]:
        lines = dict(line.split(": ", 1) for line in event.split("\n") if line[0] != ":")
        if lines:
            found.append(json.loads(lines["data"]) | {"id": lines.get("id")})
    return found


async def settled(events: Events, world: World, sku: str) -> list[dict]:
    """Read states until that of `sku` is as the ledger has it; return all that came."""
    wanted, found = world.client.ledger.stock(sku), []
    while not found or (found[-1]["sku"], found[-1]["allocated"]) != (sku, wanted.allocated):
        found.append(json.loads((await events.next())["data"]))
    return found


async def test_it_begins_with_the_present_state_of_each_position(lane: str) -> None:
    async with site(LOOSE, lane=lane) as here:
        await sell(here.world, 0, 3)
        async with stream(here, f"skus=MUG-1,TEA-1&{FAST}") as events:
            found = await events.take(2)
        seq = here.world.client.ledger.seq
        assert [event.get("id") for event in found] == [None, str(seq)]
        assert {event["event"] for event in found} == {"stock"}
        rows = {row["sku"]: row for row in (json.loads(event["data"]) for event in found)}
        assert set(rows) == {"TEA-1", "MUG-1"}
        assert rows["TEA-1"] == {
            "seq": seq,
            "sku": "TEA-1",
            "location": "berlin",
            "reason": "state",
            "on_hand": 40,
            "reserved": 0,
            "allocated": 3,
            "unavailable": 0,
            "available": 37,
        }


async def test_then_it_tells_the_newest_of_what_changed() -> None:
    async with site(LOOSE) as here, stream(here, f"skus=MUG-1,TEA-1&{FAST}") as events:
        await events.take(2)
        for number in range(5):
            await sell(here.world, 10 * number, 7)
            found = await settled(events, here.world, "TEA-1")
            assert {row["sku"] for row in found} == {"TEA-1"}
            allocated = [row["allocated"] for row in found]
            assert allocated == sorted(set(allocated)) and len(found) <= 7
        await sell(here.world, 100, 1, "MUG-1")
        assert len(await settled(events, here.world, "MUG-1")) == 1


async def test_only_these_locations_and_positions_that_open_later() -> None:
    async with site(LOOSE) as here:
        query = f"skus=TEA-1,SET-1,none&locations=hamburg&{FAST}"
        async with stream(here, query) as events:
            await sell(here.world, 0, 1)  # in berlin
            lines = [{"sku": "TEA-1", "quantity": 2}]
            paper = {"receipt_id": "later", "location": "hamburg", "lines": lines}
            await here.world.good("POST", "/v1/stock/receipts", paper)
            row = json.loads((await events.next())["data"])
            assert (row["sku"], row["location"], row["on_hand"]) == ("TEA-1", "hamburg", 2)


async def test_a_sku_without_positions_and_a_bundle_tell_nothing() -> None:
    async with site(LOOSE) as here, stream(here, f"skus=SET-1,none&{FAST}") as events:
        event = asyncio.ensure_future(events.next())
        await sell(here.world, 0, 1, "SET-1")
        await until(lambda: here.world.app.front.streams["states"])
        await asyncio.sleep(3 * EVERY_S)
        assert not event.done() and events.heartbeats
        event.cancel()


async def test_whoever_comes_again_begins_with_the_present_state() -> None:
    async with site(LOOSE) as here:
        for number in range(3):
            await sell(here.world, number, 1)
            async with stream(here, f"skus=TEA-1&{FAST}", after="1") as events:
                event = await events.next()
                assert event["id"] == str(here.world.client.ledger.seq)
                assert json.loads(event["data"])["allocated"] == number + 1


async def test_its_id_goes_on_in_the_full_stream() -> None:
    async with site(LOOSE) as here:
        async with stream(here, f"skus=TEA-1&{FAST}") as events:
            last = (await events.next())["id"]
        await sell(here.world, 0, 1)
        async with stream(here, "skus=TEA-1", after=last) as events:
            row = json.loads((await events.next())["data"])
            assert (row["reason"], row["allocated"]) == ("order_placed", 1)


@pytest.mark.parametrize(
    ("query", "code", "path"),
    [
        ("every_ms=250", "missing_field", "skus"),
        ("every_ms=250&skus=", "missing_field", "skus"),
        ("every_ms=250&skus=" + ",".join(map(str, range(101))), "invalid_length", "skus"),
        (f"every_ms={limits.STATES_EVERY_MS_MIN - 1}&skus=a", "out_of_range", "every_ms"),
        (f"every_ms={limits.STATES_EVERY_MS_MAX + 1}&skus=a", "out_of_range", "every_ms"),
    ],
)
async def test_what_cannot_be_followed_is_refused(
    world: World, query: str, code: str, path: str
) -> None:
    document = problem_of(await world.call("GET", f"{PATH}?{query}"))
    assert (document["status"], document["code"]) == (422, code)
    assert document["errors"][0]["path"] == path
    assert not len(world.app.front.states)


async def test_as_many_skus_as_allowed_with_as_many_followers() -> None:
    """The 1,001st is refused; one that leaves makes room. All are told by reads of bounded size."""
    world = World()
    most, reads = limits.STREAM_SUBSCRIBERS_MAX, []
    stocked = world.client.stocked

    async def counted(skus):
        reads.append(len(skus))
        return await stocked(skus)

    world.client.stocked = counted
    hub = States(world.client)
    groups = [
        frozenset(f"S{n}-{number}" for n in range(limits.STATES_SKUS_MAX)) for number in range(9)
    ]
    followers = [
        hub.follow(groups[number % len(groups)], frozenset(), EVERY_S) for number in range(most)
    ]
    async with asyncio.timeout(PATIENCE_S):
        await asyncio.gather(*map(anext, followers))
    assert len(hub) == most and max(reads) <= limits.STATES_READ_SKUS_MAX
    late = hub.follow(groups[0], frozenset(), EVERY_S)
    with pytest.raises(OverloadedError):
        await anext(late)
    await followers.pop().aclose()
    again = hub.follow(groups[0], frozenset(), EVERY_S)
    await anext(again)
    for follower in (*followers, again):
        await follower.aclose()
    await until(lambda: hub._task.done())
    assert not len(hub) and not hub._skus


async def test_followers_of_one_interval_share_a_read_and_the_encoding(monkeypatch) -> None:
    async with site(LOOSE) as here:
        world, encoded, reads = here.world, [], []
        stocked, encode = world.client.stocked, states.encode

        async def counted(skus):
            reads.append(list(skus))
            return await stocked(skus)

        monkeypatch.setattr(world.client, "stocked", counted)
        monkeypatch.setattr(states, "encode", lambda one: encoded.append(one) or encode(one))
        hub = States(world.client)
        sku, nowhere = frozenset({"TEA-1"}), frozenset()
        followers = [hub.follow(sku, nowhere, EVERY_S) for _ in range(20)]
        await asyncio.gather(*map(anext, followers))
        reads.clear()
        encoded.clear()
        waiting = asyncio.gather(*map(anext, followers))
        await asyncio.sleep(0)
        await sell(world, 0, 1)
        found = await waiting
        assert len({*found}) == 1 and told(found[0])[0]["allocated"] == 1
        assert len(encoded) == 1 and reads == [["TEA-1"]] * len(reads)
        assert len(reads) <= 4
        for follower in followers:
            await follower.aclose()


async def test_a_slow_reader_is_told_the_newest_only() -> None:
    """What a follower does not take is not kept for it: no buffer grows, nobody is cut off."""
    async with site(LOOSE) as here:
        hub = here.world.app.front.states
        both = frozenset({"TEA-1", "MUG-1"})
        slow, quick = (hub.follow(both, frozenset(), EVERY_S) for _ in range(2))
        await anext(slow)
        await anext(quick)
        for number in range(12):
            await sell(here.world, number, 1)
            assert told(await anext(quick))[-1]["allocated"] == number + 1
        found = told(await anext(slow))
        assert [(row["sku"], row["allocated"]) for row in found] == [("TEA-1", 12)]
        await slow.aclose()
        await quick.aclose()


async def test_heartbeats_when_nothing_changes(monkeypatch) -> None:
    monkeypatch.setattr(limits, "STREAM_HEARTBEAT_S", 2 * EVERY_S)
    async with site(LOOSE) as here, stream(here, f"skus=TEA-1&{FAST}") as events:
        await events.next()
        event = asyncio.ensure_future(events.next())
        async with asyncio.timeout(PATIENCE_S):
            while events.heartbeats < 3:
                await asyncio.sleep(0.01)
        assert not event.done()
        await sell(here.world, 0, 1)
        assert json.loads((await event)["data"])["allocated"] == 1


async def test_without_a_writer_streams_end_and_none_begins() -> None:
    async with site(LOOSE) as here, stream(here, f"skus=TEA-1&{FAST}") as events:
        await events.next()
        here.world.client.trouble = UnavailableError("the log is being recovered")
        event = await events.next()
        assert (event["event"], json.loads(event["data"])["code"]) == ("end", "unavailable")
        assert await events.next() == {}
        response = await here.world.call("GET", f"{PATH}?skus=TEA-1&{FAST}")
        assert (response.status_code, response.json()["code"]) == (503, "unavailable")
        here.world.client.trouble = None
        async with stream(here, f"skus=TEA-1&{FAST}") as again:
            assert (await again.next())["event"] == "stock"


async def test_a_bug_ends_the_streams_and_the_next_ones_are_told(monkeypatch) -> None:
    async with site(LOOSE) as here:
        async with stream(here, f"skus=TEA-1&{FAST}") as events:
            await events.next()
            with monkeypatch.context() as broken:
                broken.setattr(here.world.client, "stocked", lambda skus: 1 / 0)
                assert (await events.next())["event"] == "end"
        async with stream(here, f"skus=TEA-1&{FAST}") as events:
            assert (await events.next())["event"] == "stock"


async def test_streams_end_when_the_server_does() -> None:
    async with site(LOOSE) as here, stream(here, f"skus=TEA-1&{FAST}") as events:
        await events.next()
        here.stop.set()
        assert await events.next() == {}
        await until(lambda: not len(here.world.app.front.states))


async def gauge(here: Site) -> dict[str, float]:
    """Open streams by kind, as the metrics have them."""
    text = (await here.world.call("GET", "/metrics", scope="read")).text
    rows = [line for line in text.splitlines() if line.startswith("dibs_streams{")]
    return {row.split('"')[1]: float(row.split()[-1]) for row in rows}


async def test_metrics_say_which_streams_are_open(lane: str, monkeypatch) -> None:
    # Who leaves is noticed at the next write.
    monkeypatch.setattr(limits, "STREAM_HEARTBEAT_S", 2 * EVERY_S)
    async with site(LOOSE, lane=lane) as here:
        assert await gauge(here) == {"orders": 0, "changes": 0, "states": 0, "live": 0}
        async with contextlib.AsyncExitStack() as opened:
            for query in (f"skus=TEA-1&{FAST}", f"skus=MUG-1&{FAST}", "skus=TEA-1"):
                await opened.enter_async_context(stream(here, query))
            await opened.enter_async_context(order_stream(here))
            assert await gauge(here) == {"orders": 1, "changes": 1, "states": 2, "live": 0}
        open_now = here.world.app.front.streams
        await until(lambda: not any(open_now.values()))
        assert await gauge(here) == {"orders": 0, "changes": 0, "states": 0, "live": 0}
