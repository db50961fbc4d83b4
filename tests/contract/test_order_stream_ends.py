"""The order stream: who may begin one, its bounds, and every way to end.

Method: as in test_order_stream.
"""

import asyncio
import contextlib
import json

import pytest

from api.endpoint import Settings
from tests.contract.site import LOOSE, PATIENCE_S, changed, site
from tests.contract.talk import (
    CHUNKED,
    NDJSON,
    PATH,
    Gate,
    Talk,
    chunk,
    head,
    order,
    stream,
    streams_open,
    until,
)

# Before the stream begins.


@pytest.mark.parametrize(
    ("authorization", "status", "code"),
    [
        (b"", 401, "unauthorized"),
        (b"Authorization: Bearer nonsense\r\n", 401, "unauthorized"),
        (b"Authorization: Bearer {read}\r\n", 403, "forbidden"),
    ],
)
async def test_who_may_not_is_refused_before_the_body(
    lane: str, authorization: bytes, status: int, code: str
) -> None:
    bounds = changed(body_bytes_max=4096)
    async with site(bounds, lane=lane) as here, here.line() as line:
        token = here.world.tokens["read"].encode()
        start = b"POST %b HTTP/1.1\r\nHost: x\r\n" % PATH.encode()
        more = authorization.replace(b"{read}", token) + NDJSON + CHUNKED
        await line.send(start + more + b"Expect: 100-continue\r\n\r\n")
        found, _, body = await line.answer()  # and no 100 before it
        assert (found, json.loads(body)["code"]) == (status, code)
        with contextlib.suppress(ConnectionError):  # the bounds of a body are as for others
            for _ in range(20):
                await line.send(chunk(b" " * 1000))
        assert await line.end() == b""
        assert not streams_open(here)


@pytest.mark.parametrize(
    ("more", "status", "code", "names"),
    [
        (b"Content-Type: application/json\r\n", 415, "unsupported_media_type", "x-ndjson"),
        (b"", 415, "unsupported_media_type", "x-ndjson"),
        (NDJSON + b"Idempotency-Key: k\r\n", 422, "invalid_value", "Idempotency-Key"),
    ],
)
async def test_a_wrong_type_or_a_key_is_refused_and_the_connection_goes_on(
    lane: str, more: bytes, status: int, code: str, names: str
) -> None:
    async with site(LOOSE, lane=lane) as here, here.line() as line:
        before = here.world.digest()
        await line.send(head(here, more + CHUNKED) + chunk(order(1)) + b"0\r\n\r\n")
        found, _, body = await line.answer()
        document = json.loads(body)
        assert (found, document["code"]) == (status, code)
        assert names in document["detail"]
        await line.send(here.get())
        assert (await line.answer())[0] == 200
        assert here.world.digest() == before


async def test_a_media_type_with_parameters_in_any_case() -> None:
    async with site(LOOSE) as here, here.line() as line:
        more = b"content-type: Application/X-NDJSON; charset=utf-8\r\n" + CHUNKED
        await line.send(head(here, more))
        await Talk(line).head()


async def test_too_many_streams_at_once() -> None:
    settings = Settings(order_streams_max=2)
    async with site(LOOSE, settings=settings) as here, stream(here) as first, stream(here):
        async with here.line() as third:
            await third.send(head(here))
            status, headers, body = await third.answer()
            assert (status, json.loads(body)["code"]) == (429, "overloaded")
            assert headers["retry-after"] == "1"
        await first.finish()
        assert await first.result() is None
        async with stream(here) as talk:
            await talk.say(order(1))
            assert await talk.ids(1) == ["1"]


# Bounds.


async def test_a_line_that_is_too_long_gets_its_problem_and_the_stream_goes_on(lane: str) -> None:
    settings = Settings(body_bytes_max=1000)
    async with site(LOOSE, lane=lane, settings=settings) as here, stream(here) as talk:
        await talk.say(order(1))
        for _ in range(50):
            await talk.line.send(chunk(b"x" * 100))
        found = await talk.results(2)  # told before the line has ended
        assert [one.get("code") for one in found] == [None, "body_too_large"]
        await talk.line.send(chunk(b"x" * 5000 + b"\n" + order(2) + b"\n"))
        assert await talk.ids(1) == ["2"]
        await talk.say(b"y" * 1001, order(3), order(4)[:10] + b" " * 991)
        found = await talk.results(3)
        assert [one.get("code") for one in found] == ["body_too_large", None, "body_too_large"]


async def test_a_stream_has_neither_the_bytes_nor_the_time_of_a_body(lane: str) -> None:
    bounds = changed(body_bytes_max=20_000, body_timeout_s=0.1)
    async with site(bounds, lane=lane) as here, stream(here) as talk, here.line() as other:
        for number in range(10):
            padded = b" " * 9_000 + order(number)
            await talk.say(padded, b"")
            assert await talk.ids(1) == [str(number)]
            await asyncio.sleep(0.05)
        token = here.world.tokens["sell"].encode()
        start = b"POST /v1/orders HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %b\r\n" % token
        await other.send(start + CHUNKED + b"\r\n" + chunk(b"{"))
        await other.refusal(408, "request_timeout")
        await talk.say(order("after"))
        assert await talk.ids(1) == ["after"]


async def test_a_caller_that_says_nothing_is_told_and_left(lane: str) -> None:
    async with site(changed(stream_idle_s=0.2), lane=lane) as here, stream(here) as talk:
        await talk.say(order(1))
        await talk.line.send(chunk(order(2)[:20]))  # half a line is no order
        assert await talk.ids(1) == ["1"]
        assert (await talk.result())["code"] == "request_timeout"
        assert await talk.result() is None
        assert await talk.line.end() == b""
        assert not streams_open(here)
        assert (await here.world.stocked("TEA-1"))["allocated"] == 1


async def test_blank_lines_keep_a_stream_open() -> None:
    async with site(changed(stream_idle_s=1.5)) as here, stream(here) as talk:
        for _ in range(20):
            await talk.say(b"")
            await asyncio.sleep(0.1)
        await talk.say(order(1))
        assert await talk.ids(1) == ["1"]


async def test_who_waits_for_results_is_not_idle() -> None:
    async with site(changed(stream_idle_s=0.1)) as here, stream(here) as talk:
        gate = Gate(here)
        gate.closed = True
        await talk.say(order(1))
        await until(lambda: gate.held)
        await asyncio.sleep(0.5)
        gate.open()
        assert await talk.ids(1) == ["1"]
        assert (await talk.result())["code"] == "request_timeout"


# Ends.


async def test_the_connection_is_good_for_more_afterwards(lane: str) -> None:
    async with site(LOOSE, lane=lane) as here, here.line() as line:
        for number in range(3):
            talk = Talk(line)
            whole = order(number) + b"\n"
            length = b"Content-Length: %d\r\n" % len(whole)
            sized = head(here, NDJSON + length) + whole
            chunked = head(here) + chunk(whole) + b"0\r\n\r\n"
            await line.send((sized if number == 1 else chunked) + here.get())
            await talk.head()
            assert await talk.ids(1) == [str(number)]
            assert await talk.result() is None
            assert (await line.answer())[0] == 200
            await line.send(here.post(order(f"single-{number}")))
            assert (await line.answer())[0] == 201


async def test_expect_100_continue_is_asked_to_go_on(lane: str) -> None:
    async with site(LOOSE, lane=lane) as here, here.line() as line:
        talk = Talk(line)
        await line.send(head(here, NDJSON + CHUNKED + b"Expect: 100-continue\r\n"))
        async with asyncio.timeout(PATIENCE_S):
            assert (await line.reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100 ")
        await talk.head()
        await talk.say(order(1))
        assert await talk.ids(1) == ["1"]


async def test_a_half_closed_caller_gets_its_results(lane: str) -> None:
    async with site(LOOSE, lane=lane) as here, stream(here) as talk:
        gate = Gate(here)
        gate.closed = True
        await talk.say(*map(order, range(3)))
        await talk.finish()
        talk.line.writer.write_eof()
        await until(lambda: gate.held)
        gate.open()
        assert await talk.ids(3) == ["0", "1", "2"]
        assert await talk.result() is None
        assert await talk.line.end() == b""


@pytest.mark.parametrize("end", [b"", b"zz\r\n", b"5\r\nabcdefgh"])
async def test_a_body_that_breaks_off_ends_the_connection(lane: str, end: bytes) -> None:
    """What was accepted stays, half an order does nothing, no task is left."""
    async with site(LOOSE, lane=lane) as here, stream(here) as talk:
        await talk.say(order(1))
        assert await talk.ids(1) == ["1"]
        await talk.line.send(chunk(order(2)) + end)
        if not end:
            talk.line.writer.write_eof()
        assert b"allocated" not in await talk.line.end()
        await until(lambda: not streams_open(here))
        assert (await here.world.stocked("TEA-1"))["allocated"] == 1


async def test_a_caller_that_goes_away_while_the_engine_works() -> None:
    async with site(LOOSE) as here:
        gate = Gate(here)
        gate.closed = True
        async with stream(here) as talk:
            await talk.say(order(1))
            await until(lambda: gate.held)
        gate.open()
        await until(lambda: not streams_open(here))
        assert (await here.world.stocked("TEA-1"))["allocated"] == 1


@pytest.mark.parametrize("busy", [True, False])
async def test_a_shutdown_answers_what_is_under_way_and_says_so(lane: str, busy: bool) -> None:
    async with site(LOOSE, lane=lane) as here, stream(here) as talk:
        gate = Gate(here)
        gate.closed = busy
        await talk.say(order(1), order(2))
        if busy:
            await until(lambda: gate.held)
        else:
            assert await talk.ids(2) == ["1", "2"]
        here.stop.set()
        await here.world.app.front.closing.wait()
        await talk.line.send(chunk(order(3) + b"\n"))  # too late
        if busy:
            gate.open()
            assert await talk.ids(2) == ["1", "2"]
        assert (await talk.result())["code"] == "unavailable"
        assert await talk.result() is None
        assert await talk.line.end() == b""
        assert here.world.client.ledger.stock("TEA-1").allocated == 2
        assert not streams_open(here)
