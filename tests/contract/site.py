"""A real server on a free port, and raw connections to it. Bounds are lowered by parameters."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator

from api.endpoint import Settings
from api.guard import Guard
from api.server import serve
from tests.contract.world import World, furnish

PATIENCE_S = 20.0
NEVER = 1e9
LOOSE = Guard(
    header_bytes_max=4096,
    body_bytes_max=100_000,
    header_timeout_s=NEVER,
    body_timeout_s=NEVER,
    idle_timeout_s=NEVER,
    linger_timeout_s=0.05,
    tick_s=0.01,
)


class Line:
    """One raw connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        """Read one answer with a content-length."""
        async with asyncio.timeout(PATIENCE_S):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = dict(row.split(": ", 1) for row in head[1:] if row)
            body = await self.reader.readexactly(int(headers["content-length"]))
        return int(head[0].split()[1]), headers, body

    async def refusal(self, status: int, code: str) -> None:
        """Read a problem document; after it the connection must end."""
        found, headers, body = await self.answer()
        assert (found, json.loads(body)["code"]) == (status, code)
        assert headers["connection"] == "close"
        assert headers["content-type"] == "application/problem+json"
        await self.end()

    async def end(self) -> bytes:
        """Wait until the server has closed; return what came before."""
        async with asyncio.timeout(PATIENCE_S):
            try:
                return await self.reader.read()
            except ConnectionResetError:
                return b""


class Site:
    """A running server and its world."""

    def __init__(self, world: World, host: str, port: int, stop: asyncio.Event) -> None:
        self.world, self.host, self.port, self.stop = world, host, port, stop

    @contextlib.asynccontextmanager
    async def line(self) -> AsyncIterator[Line]:
        """Connect."""
        reader, writer = await asyncio.open_connection(self.host, self.port)
        try:
            yield Line(reader, writer)
        finally:
            writer.close()

    def post(self, body: bytes, path: str = "/v1/orders", more: bytes = b"") -> bytes:
        """A good request with `more` headers."""
        return (
            b"POST %b HTTP/1.1\r\nHost: x\r\n%b"
            b"Authorization: Bearer %b\r\nContent-Length: %d\r\n\r\n%b"
        ) % (path.encode(), more, self.world.tokens["admin"].encode(), len(body), body)

    def get(self, path: str = "/v1/stock/TEA-1") -> bytes:
        """A good GET."""
        token = self.world.tokens["read"].encode()
        return b"GET %b HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %b\r\n\r\n" % (
            path.encode(),
            token,
        )


@contextlib.asynccontextmanager
async def site(
    guard: Guard, *, lane: str = "auto", settings: Settings | None = None
) -> AsyncIterator[Site]:
    """A server with these bounds on a free port."""
    world, stop = World(settings), asyncio.Event()
    await furnish(world)
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    running = asyncio.create_task(
        serve(world.app, "127.0.0.1", 0, ready.set_result, stop=stop, guard=guard, lane=lane)
    )
    host, _, port = (await ready).removeprefix("http://").rpartition(":")
    try:
        yield Site(world, host, int(port), stop)
    finally:
        stop.set()
        await running
        await world.http.aclose()


def changed(**bounds) -> Guard:
    """The loose bounds with some tightened."""
    return Guard(**({f: getattr(LOOSE, f) for f in LOOSE.__struct_fields__} | bounds))
