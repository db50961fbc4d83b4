"""Bad connections against a real server: each is cut off with the right answer, good traffic is
unhurt meanwhile.

Method: raw sockets, bounds lowered by parameters. Nothing here asserts how long something took;
what must end is waited for with a patience far above its bound.
"""

import asyncio
import contextlib
import json

import pytest

from api.server import serve
from engine.core.errors import ConfigError
from tests.contract.site import LOOSE, PATIENCE_S, Line, changed, site
from tests.contract.world import World


def order(number: int) -> bytes:
    lines = [{"sku": "TEA-1", "quantity": 1}]
    return json.dumps({"order_id": str(number), "channel": "web", "lines": lines}).encode()


HEAD = b"POST /v1/orders HTTP/1.1\r\nHost: x\r\n"


# Time.


async def test_a_silent_connection() -> None:
    async with site(changed(header_timeout_s=0.1)) as here, here.line() as line:
        await line.refusal(408, "request_timeout")


async def test_trickling_headers() -> None:
    async with site(changed(header_timeout_s=0.3)) as here, here.line() as line:

        async def trickle() -> None:
            with contextlib.suppress(ConnectionError):
                await line.send(HEAD)
                while True:
                    await line.send(b"x-a: b\r\n")
                    await asyncio.sleep(0.02)

        trickling = asyncio.create_task(trickle())
        await line.refusal(408, "request_timeout")
        trickling.cancel()


async def test_a_trickling_body_has_no_effect() -> None:
    async with site(changed(body_timeout_s=0.3)) as here, here.line() as line:
        before = here.world.digest()
        whole = here.post(order(1))
        await line.send(whole[:-5])
        await line.refusal(408, "request_timeout")
        assert here.world.digest() == before


async def test_an_idle_connection_is_closed_without_a_word() -> None:
    async with site(changed(idle_timeout_s=0.2)) as here, here.line() as line:
        await line.send(here.get())
        assert (await line.answer())[0] == 200
        assert await line.end() == b""


async def test_who_does_not_read_is_cut_off() -> None:
    """The answers fill every buffer on the way; the server must not keep them for ever."""
    async with site(changed(write_timeout_s=0.3)) as here, here.line() as line:
        line.writer.transport.pause_reading()
        page = here.get("/openapi.json") * 20
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(PATIENCE_S):
                while True:
                    await line.send(page)
        assert line.writer.transport.is_closing()


# Size.


@pytest.mark.parametrize("name", [b"x-long: " + b"a" * 5000, b"x-a: b\r\n" * 800])
async def test_oversized_headers(name: bytes) -> None:
    async with site(LOOSE) as here:
        for whole in (b"\r\nContent-Length: 0\r\n\r\n", b""):
            async with here.line() as line:
                await line.send(HEAD + name + whole)
                await line.refusal(431, "headers_too_large")


async def test_one_endless_header_line_and_one_endless_url() -> None:
    async with site(LOOSE) as here:
        for start in (b"GET / HTTP/1.1\r\nx: ", b"GET /", b"A"):
            async with here.line() as line:
                with contextlib.suppress(ConnectionError):
                    await line.send(start)
                    for _ in range(20):
                        await line.send(b"a" * 1000)
                status, _, _ = await line.answer()
                assert status in (400, 431)
                await line.end()


async def test_oversized_body_by_length_even_before_it_is_sent() -> None:
    async with site(LOOSE) as here:
        before = here.world.digest()
        for length, status, code in (
            (b"100001", 413, "body_too_large"),
            (b"9" * 19, 413, "body_too_large"),
            (b"9" * 60, 400, "malformed_http"),
        ):
            async with here.line() as line:
                await line.send(HEAD + b"Content-Length: " + length + b"\r\n\r\n")
                await line.refusal(status, code)
        assert here.world.digest() == before


async def test_oversized_body_by_chunks() -> None:
    async with site(LOOSE) as here, here.line() as line:
        auth = b"Authorization: Bearer " + here.world.tokens["admin"].encode() + b"\r\n"
        await line.send(HEAD + auth + b"Transfer-Encoding: chunked\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            for _ in range(30):
                await line.send(b"1000\r\n" + b" " * 4096 + b"\r\n")
        await line.refusal(413, "body_too_large")


async def test_expect_100_continue_is_answered_or_refused() -> None:
    async with site(LOOSE) as here:
        async with here.line() as line:
            whole = here.post(order(1), more=b"Expect: 100-continue\r\n")
            head, _, body = whole.partition(b"\r\n\r\n")
            await line.send(head + b"\r\n\r\n")
            assert (await line.reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100")
            await line.send(body)
            assert (await line.answer())[0] == 201
        async with here.line() as line:
            expect = b"Expect: 100-continue\r\nContent-Length: 100001\r\n\r\n"
            await line.send(HEAD + expect)
            await line.refusal(413, "body_too_large")


async def test_too_many_connections() -> None:
    async with site(changed(connections_max=3)) as here, contextlib.AsyncExitStack() as stack:
        lines = [await stack.enter_async_context(here.line()) for _ in range(3)]
        for line in lines:
            await line.send(here.get())
            assert (await line.answer())[0] == 200
        async with here.line() as fourth:
            status, headers, body = await fourth.answer()
            assert (status, json.loads(body)["code"]) == (503, "too_many_connections")
            assert headers["retry-after"] == "1"
            await fourth.end()
        await lines[0].send(here.get())
        assert (await lines[0].answer())[0] == 200


# Framing.

SMUGGLED = b"GET /v1/skus HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize(
    "headers",
    [
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        b"Content-Length: 0\r\nContent-Length: 35\r\n",
        b"Content-Length: 5\r\nContent-Length: 5\r\n",
        b"Content-Length: +5\r\n",
        b"Content-Length: -5\r\n",
        b"Content-Length: 0x5\r\n",
        b"Content-Length: 5, 5\r\n",
        b"Content-Length: 5 5\r\n",
        b"Content-Length:\r\n",
        b"Transfer-Encoding: xchunked\r\n",
        b"Transfer-Encoding: chunked, identity\r\n",
        b"Transfer-Encoding: gzip, chunked\r\n",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding : chunked\r\n",
        b"Transfer-Encoding:\x0bchunked\r\n",
        b" Transfer-Encoding: chunked\r\n",
        b"Content-Length : 5\r\n",
        b"X: y\r\n folded: 1\r\n",
        b"X: a\x00b\r\n",
        b"Host: y\r\n",
    ],
)
async def test_ambiguous_framing_is_refused_and_nothing_smuggled(headers: bytes) -> None:
    async with site(LOOSE) as here, here.line() as line:
        before = here.world.digest()
        await line.send(HEAD + headers + b"\r\n0\r\n\r\n" + SMUGGLED)
        await line.refusal(400, "malformed_http")
        assert here.world.digest() == before


@pytest.mark.parametrize(
    "line_bytes",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"G\x00T / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"CONNECT a:1 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n"
        b"Content-Length: 2\r\n\r\n{}",
        b"\r\n\r\n\r\n:",
    ],
)
async def test_bad_request_lines(line_bytes: bytes) -> None:
    async with site(LOOSE) as here, here.line() as line:
        await line.send(line_bytes)
        await line.refusal(400, "malformed_http")


# Good traffic.


async def test_pipelined_requests_are_answered_in_order() -> None:
    async with site(LOOSE) as here, here.line() as line:
        await line.send(b"".join(here.post(order(n)) for n in range(20)))
        for number in range(20):
            status, _, body = await line.answer()
            assert (status, json.loads(body)["order_id"]) == (201, str(number))


async def test_a_bad_request_behind_good_ones_waits_for_their_answers() -> None:
    async with site(LOOSE) as here, here.line() as line:
        good = b"".join(here.post(order(n)) for n in range(5))
        await line.send(good + HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n")
        for number in range(5):
            assert json.loads((await line.answer())[2])["order_id"] == str(number)
        await line.refusal(400, "malformed_http")


async def test_an_oversized_body_behind_a_good_request() -> None:
    async with site(LOOSE) as here, here.line() as line:
        chunked = HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"19000\r\n" + b" " * 0x19000
        with contextlib.suppress(ConnectionError):
            await line.send(here.post(order(1)) + chunked)
        assert (await line.answer())[0] == 201
        await line.refusal(413, "body_too_large")


async def test_a_request_in_single_bytes_and_a_chunked_one() -> None:
    async with site(LOOSE) as here, here.line() as line:
        for byte in here.post(order(1)):
            await line.send(bytes([byte]))
        assert (await line.answer())[0] == 201
        auth = b"Authorization: Bearer " + here.world.tokens["admin"].encode() + b"\r\n"
        body = order(2)
        await line.send(HEAD + auth + b"Transfer-Encoding: chunked\r\n\r\n")
        for byte in body:
            await line.send(b"1\r\n%c\r\n" % byte)
        await line.send(b"0\r\n\r\n")
        assert json.loads((await line.answer())[2])["order_id"] == "2"


async def test_a_half_closed_caller_gets_its_answers() -> None:
    async with site(LOOSE) as here, here.line() as line:
        await line.send(here.post(order(1)) + here.post(order(2)))
        line.writer.write_eof()
        assert [(await line.answer())[0] for _ in range(2)] == [201, 201]
        assert await line.end() == b""


async def test_half_a_request_and_then_the_end_does_nothing() -> None:
    async with site(LOOSE) as here, here.line() as line:
        before = here.world.digest()
        await line.send(here.post(order(1))[:-3])
        line.writer.write_eof()
        await line.end()
        assert here.world.digest() == before


async def test_http_1_0_and_an_unserved_upgrade() -> None:
    async with site(LOOSE) as here:
        for request in (
            b"GET /healthz HTTP/1.0\r\n\r\n",
            b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
            b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
            b"GET http://x/healthz HTTP/1.0\r\n\r\n",
        ):
            async with here.line() as line:
                await line.send(request)
                status, headers, body = await line.answer()
                assert (status, headers["connection"]) == (200, "close")
                assert json.loads(body) == {"status": "alive"}
                await line.end()


async def test_good_traffic_is_unhurt_by_all_that() -> None:
    """Silent, trickling, oversized and broken connections at once; every good order is answered."""
    tight = changed(header_timeout_s=2.0, body_timeout_s=2.0)
    async with site(tight) as here, contextlib.AsyncExitStack() as stack:
        for kind in range(60):
            bad = await stack.enter_async_context(here.line())
            with contextlib.suppress(ConnectionError):
                await bad.send(
                    (
                        b"",
                        HEAD[:10],
                        here.post(order(0))[:-4],
                        HEAD + b"x: " + b"a" * 5000,
                        HEAD + b"Content-Length: 999999999\r\n\r\n",
                        b"\x00\x01\x02",
                    )[kind % 6]
                )

        async def caller(start: int) -> list[int]:
            async with here.line() as line:
                statuses = []
                for number in range(start, start + 10):
                    await line.send(here.post(order(number)))
                    statuses.append((await line.answer())[0])
                return statuses

        found = await asyncio.gather(*(caller(100 * n) for n in range(1, 5)))
        assert found == [[201] * 10] * 4
        assert (await here.world.stocked("TEA-1"))["allocated"] == 40


async def test_refusals_are_counted() -> None:
    async with site(LOOSE) as here:
        async with here.line() as line:
            await line.send(HEAD + b"Content-Length: 100001\r\n\r\n")
            await line.refusal(413, "body_too_large")
        await here.world.call("GET", "/v1/nothing")
        text = (await here.world.call("GET", "/metrics")).text
    assert 'dibs_http_requests_total{endpoint="none",status="404"} 1.0' in text
    counted = next(row for row in text.splitlines() if 'code="body_too_large"' in row)
    assert counted.startswith("dibs_http_refusals_total{") and float(counted.split()[1]) >= 1


# The server.


async def test_stopping_ends_streams_in_good_order() -> None:
    async with site(LOOSE) as here, here.line() as stream:
        await stream.send(here.get("/v1/streams/stock"))
        await stream.reader.readuntil(b"\r\n\r\n")
        here.stop.set()
        assert (await stream.end()).endswith(b"0\r\n\r\n")


async def test_a_unix_socket(tmp_path) -> None:
    world, stop = World(), asyncio.Event()
    ready = asyncio.get_running_loop().create_future()
    path = str(tmp_path / "dibs.sock")
    running = asyncio.create_task(serve(world.app, on_ready=ready.set_result, stop=stop, uds=path))
    assert await ready == f"unix:{path}"
    reader, writer = await asyncio.open_unix_connection(path)
    line = Line(reader, writer)
    await line.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (await line.answer())[0] == 200
    stop.set()
    await running
    writer.close()
    assert not (tmp_path / "dibs.sock").exists()


def test_a_slow_loop_is_refused() -> None:
    with pytest.raises(ConfigError, match="uvloop"):
        asyncio.run(serve(World().app))
