"""Whoever comes through a front notices nothing: answers, effects, bounds and streams are those of
a single process (P4, P8, P9). Generated requests go to both and must be answered alike; the tests
of the guard and of the streams are run again, through a front.
"""

import asyncio
import json
import re
from random import Random

import pytest

from engine.core import limits
from engine.core.errors import OverloadedError, UnavailableError
from tests.contract import (
    test_guard,
    test_order_stream,
    test_order_stream_ends,
    test_states,
    test_streams,
)
from tests.contract.fronted import Fronted, fronted
from tests.contract.site import LOOSE, Line, Site, changed, site
from tests.contract.test_lanes import Requests, _exchange, _filled, _seq
from tests.contract.world import order

pytest.importorskip("ext.fastlane")

SEEDS = range(4)
ROUNDS = 120
_AGAIN = (test_guard, test_states, test_streams, test_order_stream, test_order_stream_ends)


@pytest.fixture(autouse=True)
def _through_a_front(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests that are run again find a front where they ask for a site."""
    for module in _AGAIN:
        if hasattr(module, "site"):
            monkeypatch.setattr(module, "site", fronted)


def _again() -> dict:
    found = {}
    for module in _AGAIN:
        for name, value in vars(module).items():
            if name.startswith("test_") and "here" in value.__code__.co_varnames:
                assert name not in found, f"{name} is there twice"
                found[name] = value
    return found


globals().update(_again())


def _in_lane(here: Fronted) -> int:
    return sum(here.relay.front.lane.tally().values())


@pytest.mark.parametrize("seed", SEEDS)
async def test_a_front_answers_as_a_single_process(seed: int) -> None:
    drawn, rng = Requests(seed), Random(seed)
    async with fronted() as front, site(LOOSE) as alone:
        async with front.line() as one, alone.line() as other:
            for _ in range(ROUNDS):
                requests = [drawn.draw() for _ in range(rng.choice((1, 1, 1, 1, 2, 3)))]
                cut = rng.choice((0.0, 0.0, 0.0, rng.random()))
                found = await _exchange(front, one, requests, cut)
                expected = await _exchange(alone, other, requests, cut)
                assert found == expected, requests
                assert _seq(front) == _seq(alone)
        assert _in_lane(front) > ROUNDS / 5
        for sku in ("TEA-1", "MUG-1", "SET-1"):
            assert await front.world.stocked(sku) == await alone.world.stocked(sku)


_ODD = [
    b"CONNECT / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET http://other/healthz HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /healthz? HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /healthz?x=1&y HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /a%20b/%ff HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /healthz HTTP/1.0\r\n\r\n",
    b"GET /healthz HTTP/1.0\r\nHost: x\r\nHost: y\r\nConnection: keep-alive\r\n\r\n",
    b"HEAD /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n",
    b"HEAD /nothing HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /docs HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    b"GET /docs/assets/swagger-ui.css HTTP/1.1\r\nHost: x\r\nRange: bytes=0-9\r\n\r\n",
    b"DELETE /v1/orders HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {admin}\r\n\r\n",
    b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc",
    b"POST /v1/orders HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}",
    b"POST /v1/orders HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n{}",
    b"POST /v1/orders HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n",
    b"GET /v1/orders?limit=0 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {read}\r\n\r\n",
    b"GET /v1/overview HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {read}\r\n\r\n",
    b"BREW / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 5000 + b"\r\n\r\n",
    b"GET / HTTP/1.1\r\n\r\n",
]


async def _whole(here: Site, request: bytes) -> bytes:
    """Everything that a server says to one request on a connection of its own, until it says no
    more: the caller has ended its side."""
    async with here.line() as line:
        await line.send(_filled(request, here))
        found = await line.reader.readuntil(b"\r\n\r\n")
        line.writer.write_eof()
        found += await line.end()
    found = re.sub(rb"nonce([-=]\"?)[\w-]+", rb"nonce\1", found)  # new with each page
    return re.sub(rb"(last-modified|etag|date): [^\r]*", rb"\1", found)


@pytest.mark.parametrize("request_", _ODD, ids=lambda r: " ".join(map(repr, r.split()[:2])))
async def test_odd_requests_are_answered_alike(request_: bytes) -> None:
    async with fronted() as front, site(LOOSE) as alone:
        assert await _whole(front, request_) == await _whole(alone, request_)


async def test_a_body_in_many_parts_and_in_chunks_arrives_whole() -> None:
    body = json.dumps(order(note="n" * 500)).encode()
    async with fronted() as here, here.line() as line:
        for cut in (1, 7, 300):
            parts = [body[at : at + cut] for at in range(0, len(body), cut)]
            head = here.post(b"", more=b"Transfer-Encoding: chunked\r\n")
            await line.send(head.replace(b"Content-Length: 0\r\n", b""))
            for part in parts:
                await line.send(b"%x\r\n%b\r\n" % (len(part), part))
            await line.send(b"0\r\n\r\n")
            status, _, said = await line.answer()
            assert status == 201, said
        assert json.loads(said)["replayed"] is True
        assert _in_lane(here) == 0


async def test_a_connection_takes_both_ways_in_turn() -> None:
    async with fronted() as here, here.line() as line:
        for _ in range(5):
            await line.send(here.get() + here.get("/v1/orders") + here.get() + here.get("/healthz"))
            assert [(await line.answer())[0] for _ in range(4)] == [200] * 4
        assert _in_lane(here) >= 5


async def test_revoked_keys_are_refused_on_both_ways() -> None:
    async with fronted() as here, here.line() as line:
        for path in ("/v1/stock/TEA-1", "/v1/orders"):
            await line.send(here.get(path))
            assert (await line.answer())[0] == 200
        book = here.world.book
        book.revoke(book.verify(here.world.tokens["read"]).id)
        for path in ("/v1/stock/TEA-1", "/v1/orders"):
            await line.send(here.get(path))
            assert (await line.answer())[0] == 401


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (UnavailableError("recovering: the log is read back"), 503, "unavailable"),
        (OverloadedError("65536 commands wait already; slow down"), 429, "overloaded"),
    ],
)
async def test_trouble_of_the_engine_is_told_by_the_front(error, status, code) -> None:
    body = json.dumps(order()).encode()
    async with fronted() as front, site(LOOSE, lane="slow") as alone:
        said = []
        for here in (front, alone):
            here.world.client.trouble = error
            async with here.line() as line:
                await line.send(here.post(body))
                said.append(await line.answer())
                here.world.client.trouble = None
                await line.send(here.post(body))
                assert (await line.answer())[0] == 201
        assert said[0] == said[1]
        assert (said[0][0], json.loads(said[0][2])["code"]) == (status, code)
        assert _in_lane(front) == 2


@pytest.mark.parametrize(
    ("bound", "most"), [("FRONT_REQUESTS_MAX", 1), ("FRONT_UNSENT_BYTES_MAX", -1)]
)
async def test_too_much_under_way_is_overload(bound, most, monkeypatch) -> None:
    async with fronted() as here:
        held: list = []
        monkeypatch.setattr(here.world.client, "submit_packed", held.append)
        async with here.line() as one, here.line() as other:
            await one.send(here.get())
            while not held:
                await asyncio.sleep(0.001)
            monkeypatch.setattr(limits, bound, most)
            await other.send(here.get())
            status, headers, body = await other.answer()
            assert (status, headers["retry-after"]) == (429, "1")
            assert json.loads(body)["code"] == "overloaded"
            here.world.client._decide_packed(held.pop())
            assert (await one.answer())[0] == 200


async def _code(line: Line) -> tuple[int, str]:
    status, headers, body = await line.answer()
    assert status != 503 or headers["retry-after"] == "1"
    return status, json.loads(body)["code"]


async def test_a_lost_writer_is_unknown_for_orders_and_unavailable_for_reads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    body = json.dumps(order()).encode()
    async with fronted() as here:
        held: list = []
        monkeypatch.setattr(here.world.client, "submit_packed", held.append)
        async with here.line() as buyer, here.line() as reader:
            await buyer.send(here.post(body))
            await reader.send(here.get())
            while sum(parcel.count for parcel in held) < 2:
                await asyncio.sleep(0.001)
            for connection in list(here.link.connections):
                connection.transport.abort()
            assert await _code(buyer) == (503, "outcome_unknown")
            assert await _code(reader) == (503, "unavailable")
            monkeypatch.undo()
            while not here.relay.front.client.linked:
                await asyncio.sleep(0.001)
            await buyer.send(here.post(body))
            assert (await buyer.answer())[0] == 201


async def test_without_a_writer_nothing_is_sent_and_it_is_said() -> None:
    body = json.dumps(order()).encode()
    async with fronted() as here, here.line() as line:
        await here.link.close()
        while here.relay.front.client.linked:
            await asyncio.sleep(0.001)
        await line.send(here.post(body))
        assert await _code(line) == (503, "unavailable")
        here.relay._pool._path += ".gone"
        await line.send(here.get("/v1/orders"))
        assert await _code(line) == (503, "unavailable")


async def test_an_idle_caller_of_a_front_is_let_go() -> None:
    async with fronted(changed(idle_timeout_s=0.05)) as here, here.line() as line:
        await line.send(here.get() + here.get("/v1/orders"))
        assert [(await line.answer())[0] for _ in range(2)] == [200, 200]
        assert await line.end() == b""
