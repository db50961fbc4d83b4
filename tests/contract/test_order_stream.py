"""The order stream: results in the order sent and as in a batch, back-pressure both ways, trouble.

Method: raw connections to a real server over a real ledger, in both lanes. `Gate` stands before the
ledger where a test needs an engine that is slow, full or away. What must come is waited for.
"""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from random import Random

import pytest

from api import bulk
from engine.core import limits
from engine.core.errors import UnavailableError
from tests.contract.fields import bad_values, fields_of, full_body, render
from tests.contract.site import LOOSE, PATIENCE_S, Line, Site, changed, site
from tests.contract.talk import Gate, Talk, chunk, head, order, still, stream, streams_open, until
from tests.contract.world import BY_NAME, World, furnished, problem_of

# Order, form, bad lines.


async def test_results_come_one_by_one_in_the_order_sent(lane: str) -> None:
    async with site(LOOSE, lane=lane) as here, stream(here) as talk:
        for number in range(5):  # a lonely line gets its result before the next is sent
            await talk.say(order(number))
            assert await talk.ids(1) == [str(number)]
        await talk.say(*map(order, range(5, 25)))
        assert await talk.ids(20) == [str(n) for n in range(5, 25)]
        await talk.finish()
        assert await talk.result() is None
        assert (await here.world.stocked("TEA-1"))["allocated"] == 25


async def test_blank_lines_are_nothing_and_bad_lines_get_their_problem(lane: str) -> None:
    async with site(LOOSE, lane=lane) as here, stream(here) as talk:
        good, short = order(1), order(2, 41)
        twice = order(3).replace(b"{", b'{"channel":"x",', 1)
        await talk.say(b"", good, b" \t\r", b"{", short, twice, b"[1]", good + b"," + good, b"")
        await talk.say(order(4) + b"\r", order(5)[:30])
        found = await talk.results(8)
        codes = [one.get("code") for one in found]
        assert codes == [
            *(None, "malformed_json", "insufficient_stock", "duplicate_field"),
            *("invalid_type", "malformed_json", None, "malformed_json"),
        ]
        assert [one["status"] for one in found] == ["allocated", 400, 409, 422, 422, 400,
                                                    "allocated", 400]  # fmt: skip
        await talk.finish()
        assert await talk.result() is None
        assert (await here.world.stocked("TEA-1"))["allocated"] == 2


async def test_an_order_cut_anywhere_and_a_last_line_without_an_end(lane: str) -> None:
    data = b"\n".join(order(n) for n in range(12))
    async with site(LOOSE, lane=lane) as here:
        for seed in range(6):
            rng = Random(seed)
            async with stream(here) as talk:
                at = 0
                while at < len(data):
                    size = rng.choice((1, 7, 60, 200))
                    await talk.line.send(chunk(data[at : at + size]))
                    at += size
                await talk.finish()
                assert await talk.ids(12) == [str(n) for n in range(12)]
                assert await talk.result() is None
        assert (await here.world.stocked("TEA-1"))["allocated"] == 12


async def streamed(here: Site, orders: list[bytes]) -> list[dict]:
    """The results of orders that are sent as one stream."""
    async with stream(here) as talk:
        sending = asyncio.create_task(talk.say(*orders))
        found = await talk.results(len(orders))
        await sending
        await talk.finish()
        assert await talk.result() is None
    return found


@pytest.mark.parametrize("compiled", [True, False])
async def test_results_equal_those_of_a_batch(compiled: bool, monkeypatch) -> None:
    if not compiled:
        monkeypatch.setattr(bulk, "Packer", None)
    full = full_body(BY_NAME["place_order"])
    orders = [
        *map(order, range(3)),
        order(1),  # again
        order(1, 2),  # and other than before
        json.dumps(full).encode(),
        json.dumps(full | {"order_id": "ü☂", "when_short": "backorder"}).encode(),
        order("none", sku="none"),
        order("set", sku="SET-1"),
        json.dumps({"order_id": "5", "channel": "web", "lines": []}).encode(),
        order(6, 10**6),
        order(7).replace(b'"1"', b'"\\u0031"').replace(b": ", b" :  "),
    ]
    async with furnished() as world:
        body = b'{"orders":[' + b",".join(orders) + b"]}"
        batch = (await world.call("POST", "/v1/orders/batch", content=body)).json()["results"]
        stock = [await world.stocked(sku) for sku in ("TEA-1", "MUG-1", "SET-1")]
    async with site(LOOSE) as here:
        assert await streamed(here, orders) == batch
        assert here.world.client.ledger.seq == world.client.ledger.seq
        assert stock == [await here.world.stocked(sku) for sku in ("TEA-1", "MUG-1", "SET-1")]


async def test_every_bad_value_of_every_field_is_told_as_for_one_order(world: World) -> None:
    endpoint = BY_NAME["place_order"]
    body = full_body(endpoint)
    orders = [
        raw
        for field in fields_of(endpoint)
        for value, _ in bad_values(field)
        if len(raw := render(body, field.path, value)) < 1 << 16
    ]
    single = []
    for raw in orders:
        single.append(problem_of(await world.call("POST", "/v1/orders", content=raw)))
    async with site(LOOSE) as here:
        before = here.world.digest()
        assert await streamed(here, orders) == single
        assert here.world.digest() == before


# Back-pressure.


def many(count: int) -> list[bytes]:
    """Orders that are refused, with blanks: more than all buffers of a connection can hold."""
    return [order(n, sku="none") + b" " * 300 for n in range(count)]


async def test_an_engine_that_is_slow_stops_the_reading() -> None:
    """What waits is bounded; the rest stays with the caller, and comes in order afterwards."""
    async with site(LOOSE) as here, stream(here) as talk:
        gate, count = Gate(here), 30_000
        gate.closed = True
        sending = asyncio.create_task(talk.say(*many(count)))
        assert 0 < await still(lambda: gate.asked) <= limits.ORDER_STREAM_ORDERS_MAX
        assert len(gate.held) == limits.ORDER_STREAM_PARCELS_MAX and not sending.done()
        gate.closed = False
        gate.open(1)  # the second is answered first: the results keep their order
        gate.open(0)
        for number in range(count):
            assert (await talk.result())["code"] == "unknown_sku", number
        await sending
        assert gate.asked == count
        await talk.say(order("last"))
        assert await talk.ids(1) == ["last"]


async def test_results_keep_their_order_whichever_parcel_is_first() -> None:
    async with site(LOOSE) as here, stream(here) as talk:
        gate = Gate(here)
        gate.closed = True
        for number in range(2):
            await talk.say(order(number))
            await until(lambda number=number: len(gate.held) == number + 1)
        gate.open(1)
        gate.open(0)
        assert await talk.ids(2) == ["0", "1"]


@contextlib.asynccontextmanager
async def deaf(here: Site) -> AsyncIterator[Talk]:
    """A stream whose caller does not read, with little room for what it does not read."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, (here.host, here.port))
    reader, writer = await asyncio.open_connection(sock=sock)
    talk = Talk(Line(reader, writer))
    await talk.line.send(head(here))
    await talk.head()
    writer.transport.pause_reading()
    try:
        yield talk
    finally:
        writer.close()


async def test_a_caller_that_does_not_read_is_not_read_from() -> None:
    async with site(LOOSE) as here, deaf(here) as talk:
        gate, count = Gate(here), 60_000
        sending = asyncio.create_task(talk.say(*many(count)))
        decided = await still(lambda: gate.asked)
        assert decided < count and not sending.done()
        talk.line.writer.transport.resume_reading()
        for number in range(count):
            assert (await talk.result())["code"] == "unknown_sku", number
        await sending
        await talk.finish()
        assert await talk.result() is None


async def test_a_caller_that_never_reads_is_cut_off() -> None:
    async with site(changed(write_timeout_s=0.3)) as here, deaf(here) as talk:
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(PATIENCE_S):
                while True:
                    await talk.say(*many(1000))
        await until(lambda: not streams_open(here))


async def test_an_engine_that_is_full_is_waited_for(lane: str) -> None:
    async with site(LOOSE, lane=lane) as here, stream(here) as talk:
        gate = Gate(here)
        gate.full = 3
        await talk.say(order(1), order(2))
        assert await talk.ids(2) == ["1", "2"]
        assert gate.full == 0


# Trouble of the engine.


async def test_trouble_is_told_in_the_orders_place_and_the_stream_goes_on(lane: str) -> None:
    async with site(LOOSE, lane=lane) as here, stream(here) as talk:
        here.world.client.trouble = UnavailableError("away")
        await talk.say(order(1), b"{", order(2))
        found = await talk.results(3)
        assert [one["code"] for one in found] == ["unavailable", "malformed_json", "unavailable"]
        whole = await here.world.call("POST", "/v1/orders", content=order(1))
        assert found[0] == whole.json() == found[2]
        here.world.client.trouble = None
        gate = Gate(here)
        gate.doubt = True
        await talk.say(order(3))
        assert [one["code"] for one in await talk.results(1)] == ["outcome_unknown"]
        gate.doubt = False
        await talk.say(order(3))
        assert await talk.ids(1) == ["3"]
