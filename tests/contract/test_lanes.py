"""Two lanes, one meaning: the same bytes sent to a server with the fast lane and to one without
get the same answers and leave the same state (P4, P8, P9).

Requests are drawn from a seeded generator: hot calls, most of them whole and plain, some with odd
headers, bad bodies, wrong keys, chunked bodies, several in one write, one in several writes.
"""

import asyncio
import contextlib
import json
import re
from random import Random

import pytest

from api.server import serve
from tests.contract.site import LOOSE, PATIENCE_S, Line, Site, changed, site
from tests.contract.world import World, furnish

fastlane = pytest.importorskip("ext.fastlane")
SEEDS = range(8)
ROUNDS = 150
CLOCK = re.compile(rb'"expires_at":"[^"]*"')


@contextlib.asynccontextmanager
async def lane_site(lane: str):
    """A furnished server on one lane; all worlds are alike, down to the keys' ids."""
    world, stop = World(), asyncio.Event()
    await furnish(world)
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    running = asyncio.create_task(
        serve(world.app, "127.0.0.1", 0, ready.set_result, stop=stop, guard=LOOSE, lane=lane,
              need_uvloop=False)
    )  # fmt: skip
    host, _, port = (await ready).removeprefix("http://").rpartition(":")
    try:
        yield Site(world, host, int(port), stop)
    finally:
        stop.set()
        await running
        await world.http.aclose()


class Requests:
    """Requests as bytes. `{admin}` and the like stand for a world's own tokens."""

    def __init__(self, seed: int) -> None:
        self.rng, self.number, self.strange = Random(seed), 0, False

    def _odd(self, share: float) -> bool:
        return self.strange and self.rng.random() < share

    def _lines(self, *, price: bool) -> list[dict]:
        rng = self.rng
        lines = []
        for _ in range(rng.choice((1, 1, 2, 3))):
            line = {"sku": rng.choice(("TEA-1", "MUG-1", "SET-1", "none", "ü☕"))}
            if not self.strange:
                line["sku"] = rng.choice(("TEA-1", "MUG-1"))
            line["quantity"] = rng.choice((0, 1.5) if self._odd(0.1) else (1, 1, 1, 2, 9, 10_000))
            if rng.random() < 0.1:
                line["location"] = rng.choice(("berlin", "nowhere"))
            if price and rng.random() < 0.3:
                line["unit_price"] = rng.choice((0, 499, -1) if self.strange else (0, 499))
            lines.append(line)
        return lines

    def _id(self) -> str:
        self.number += 1
        return f"{self.rng.choice('ab')}-{self.rng.choice((self.number, 1, 2, 3))}"

    def _order(self) -> dict:
        order = {"order_id": self._id(), "channel": "web", "lines": self._lines(price=True)}
        for name, values in (
            ("payment", ("paid", "cash")),
            ("currency", ("EUR", "eur")),
            ("when_short", ("refuse", "split", "backorder", "complete", "maybe")),
            ("customer", ("A. Turing", "Zo\u00eb", 'quote "q"')),
            ("ship_to", ({"city": "Gent", "country": "BE"}, {"latitude": 51.0, "longitude": 3.7})),
            ("nonsense", (1,)),
        ):
            if self._odd(0.2):
                order[name] = self.rng.choice(values)
        return order

    def _call(self) -> tuple[str, str, bytes]:
        rng, name = self.rng, f"r-{self.rng.choice((1, 2, 3, 4))}"
        if self._odd(0.3):
            name = rng.choice(("a%20b", "%C3%BC", "x" * 140))
        match rng.randrange(8):
            case 0 | 1 | 2:
                return "POST", "/v1/orders", self._json(self._order())
            case 3:
                body = {"reservation_id": f"r-{rng.choice((1, 2, 3, 4))}", "channel": "web"}
                body |= {
                    "ttl_s": rng.choice((60, 900, 0) if self.strange else (60, 900)),
                    "lines": self._lines(price=False),
                }
                return "POST", "/v1/reservations", self._json(body)
            case 4:
                body = rng.choice((b"", b"{}", b'{"payment":"paid"}', b'{"order_id":"c-1"}'))
                return "POST", f"/v1/reservations/{name}/commit", body
            case 5:
                return (
                    "POST",
                    f"/v1/reservations/{name}/extend",
                    (b'{"ttl_s":0}' if self._odd(0.5) else b'{"ttl_s":9}'),
                )
            case 6:
                return "DELETE", f"/v1/reservations/{name}", b""
        sku = rng.choice(("TEA-1", "MUG-1", "SET-1", "none", "TEA-1?x=1", "%C3%BC"))
        return "GET", f"/v1/stock/{sku}", b""

    def _json(self, body: dict) -> bytes:
        data = json.dumps(body, ensure_ascii=self._odd(0.5)).encode()
        if self._odd(0.1):
            return self.rng.choice((data[:-3], data + b"x", data.replace(b'"', b"'"), b"\xff"))
        return data

    def draw(self) -> bytes:
        """One request, about half of them as a plain client sends them."""
        rng = self.rng
        self.strange = rng.random() < 0.5
        method, path, body = self._call()
        token = "read" if self._odd(0.1) else "admin"
        headers = ["Host: x", "Authorization: Bearer {" + token + "}"]
        if self._odd(0.1):
            headers[1] = rng.choice(("Authorization: Basic x", "Authorization: Bearer no", "X: y"))
        if self._odd(0.2):
            headers.append(f"Idempotency-Key: {rng.choice(('k1', 'k2', 'bad key', ''))}")
        if rng.random() < 0.1:
            headers.append(rng.choice(("Connection: keep-alive", "X-Trace: 1", "Accept: */*")))
        if self._odd(0.1) and body:
            headers.append("Transfer-Encoding: chunked")
            body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
        elif body or rng.random() < 0.3:
            headers.append(f"Content-Length: {len(body)}")
        head = f"{method} {path} HTTP/1.1\r\n" + "\r\n".join(headers) + "\r\n\r\n"
        return head.encode() + body


def _filled(request: bytes, site: Site) -> bytes:
    for scope, token in site.world.tokens.items():
        request = request.replace(b"{%b}" % scope.encode(), token.encode())
    return request


async def _exchange(site: Site, line: Line, requests: list[bytes], cut: float) -> list:
    """Send requests in one write, or in two cut somewhere; return the answers."""
    data = b"".join(_filled(request, site) for request in requests)
    at = int(cut * len(data))
    for part in (data[:at], data[at:]):
        if part:
            await line.send(part)
            await asyncio.sleep(0.001 if at else 0)
    answers = []
    for _ in requests:
        async with asyncio.timeout(PATIENCE_S):
            status, headers, body = await line.answer()
        answers.append((status, headers | {"content-length": ""}, CLOCK.sub(b"", body)))
    return answers


@pytest.mark.parametrize("seed", SEEDS)
async def test_both_lanes_answer_alike(seed: int) -> None:
    drawn, rng = Requests(seed), Random(seed)
    async with lane_site("fast") as fast, lane_site("slow") as slow:
        assert fast.world.app.front.lane is not None and slow.world.app.front.lane is None
        async with fast.line() as one, slow.line() as other:
            for _ in range(ROUNDS):
                requests = [drawn.draw() for _ in range(rng.choice((1, 1, 1, 1, 1, 1, 2, 3)))]
                cut = rng.choice((0.0, 0.0, 0.0, 0.0, 0.0, rng.random()))
                found = await _exchange(fast, one, requests, cut)
                expected = await _exchange(slow, other, requests, cut)
                assert found == expected, requests
                assert _seq(fast) == _seq(slow)
        assert sum(fast.world.app.front.lane.tally().values()) > ROUNDS / 4
        for sku in ("TEA-1", "MUG-1", "SET-1"):
            assert await fast.world.stocked(sku) == await slow.world.stocked(sku)


def _seq(site: Site) -> int:
    return site.world.client.ledger.seq


async def test_a_revoked_key_is_refused_in_the_lane() -> None:
    async with lane_site("fast") as site, site.line() as line:
        await line.send(site.get())
        assert (await line.answer())[0] == 200
        book = site.world.book
        book.revoke(book.verify(site.world.tokens["read"]).id)
        await line.send(site.get())
        assert (await line.answer())[0] == 401
        assert sum(site.world.app.front.lane.tally().values()) == 1


async def test_a_server_with_a_smaller_bound_on_bodies_keeps_it_in_the_lane() -> None:
    async with site(changed(body_bytes_max=300)) as here:
        for padding, status in ((0, 201), (300, 413)):
            body = b'{"reservation_id":"r-%d","channel":"web","ttl_s":60,' % padding
            body += b" " * padding + b'"lines":[{"sku":"TEA-1","quantity":1}]}'
            async with here.line() as line:
                await line.send(here.post(body, "/v1/reservations"))
                assert (await line.answer())[0] == status


async def test_half_closed_callers_get_their_answer_and_the_end() -> None:
    async with lane_site("fast") as site, site.line() as line:
        line.writer.write(site.get())
        line.writer.write_eof()
        assert (await line.answer())[0] == 200
        assert await line.end() == b""
        assert sum(site.world.app.front.lane.tally().values()) == 1


async def test_trouble_of_the_engine_is_told_as_on_the_normal_path() -> None:
    from engine.core.errors import UnavailableError

    async with lane_site("fast") as site, site.line() as line:
        site.world.client.trouble = UnavailableError("away")
        await line.send(site.get())
        status, headers, body = await line.answer()
        assert (status, headers["retry-after"]) == (503, "1")
        assert json.loads(body)["code"] == "unavailable"
        site.world.client.trouble = None
        await line.send(site.get())
        assert (await line.answer())[0] == 200


async def test_an_idle_connection_in_the_lane_is_closed_in_time() -> None:
    guard = changed(idle_timeout_s=0.05)
    world, stop = World(), asyncio.Event()
    await furnish(world)
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    running = asyncio.create_task(
        serve(world.app, "127.0.0.1", 0, ready.set_result, stop=stop, guard=guard,
              lane="fast", need_uvloop=False)
    )  # fmt: skip
    host, _, port = (await ready).removeprefix("http://").rpartition(":")
    site = Site(world, host, int(port), stop)
    async with site.line() as line:
        await line.send(site.get())
        assert (await line.answer())[0] == 200
        assert await line.end() == b""
    stop.set()
    await running
    await world.http.aclose()
