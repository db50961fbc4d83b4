"""Callers of the order stream, raw, and a gate before the engine that they talk to."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from engine.core import packed
from engine.core.errors import OverloadedError
from tests.contract.site import PATIENCE_S, Line, Site

PATH = "/v1/orders/stream"
NDJSON = b"Content-Type: application/x-ndjson\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"


def order(number: int | str, quantity: int = 1, sku: str = "TEA-1") -> bytes:
    lines = [{"sku": sku, "quantity": quantity}]
    return json.dumps({"order_id": str(number), "channel": "web", "lines": lines}).encode()


def head(here: Site, more: bytes = NDJSON + CHUNKED, scope: str = "sell") -> bytes:
    """The head of a good request."""
    token = here.world.tokens[scope].encode()
    return b"POST %b HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %b\r\n%b\r\n" % (
        PATH.encode(),
        token,
        more,
    )


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


class Talk:
    """One open stream on a connection."""

    def __init__(self, line: Line) -> None:
        self.line, self._rest, self.ended = line, b"", False

    async def say(self, *lines: bytes) -> None:
        """Send lines in one chunk."""
        await self.line.send(chunk(b"".join(line + b"\n" for line in lines)))

    async def finish(self) -> None:
        """End the body."""
        await self.line.send(b"0\r\n\r\n")

    async def head(self) -> str:
        """Read the answer's status and headers."""
        async with asyncio.timeout(PATIENCE_S):
            found = (await self.line.reader.readuntil(b"\r\n\r\n")).decode()
        assert found.startswith("HTTP/1.1 200 OK\r\n"), found
        assert "content-type: application/x-ndjson\r\n" in found
        return found

    async def result(self) -> dict | None:
        """Read one result; None where the answer ends."""
        async with asyncio.timeout(PATIENCE_S):
            while b"\n" not in self._rest:
                size = int(await self.line.reader.readuntil(b"\r\n"), 16)
                self._rest += (await self.line.reader.readexactly(size + 2))[:-2]
                if size == 0:
                    assert not self._rest, "the answer ends within a line"
                    self.ended = True
                    return None
        one, _, self._rest = self._rest.partition(b"\n")
        return json.loads(one)

    async def results(self, count: int) -> list[dict]:
        """Read so many results."""
        return [await self.result() for _ in range(count)]

    async def ids(self, count: int) -> list[str]:
        """Read so many results, all of them orders; return their ids."""
        return [found["order_id"] for found in await self.results(count)]


@contextlib.asynccontextmanager
async def stream(here: Site) -> AsyncIterator[Talk]:
    """An open stream; its head is read, so the answer begins before the body does."""
    async with here.line() as line:
        talk = Talk(line)
        await line.send(head(here))
        await talk.head()
        yield talk


class Gate:
    """A client before the real one: it can hold parcels back, be full, or lose an outcome."""

    def __init__(self, here: Site) -> None:
        self._inner = here.world.client
        self.held: list[Any] = []
        self.asked, self.closed, self.full, self.doubt = 0, False, 0, False
        here.world.app.front.client = self

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def submit_packed(self, parcel: Any) -> None:
        """Let a parcel through, or not."""
        if self.full:
            self.full -= 1
            raise OverloadedError("full")
        self.asked += parcel.count
        if self.doubt:
            trouble = packed.Trouble.OUTCOME_UNKNOWN
            parcel.deliver(packed.fail_all(parcel.close(), trouble, "unknown"))
        elif self.closed:
            self.held.append(parcel)
        else:
            self._inner.submit_packed(parcel)

    def open(self, at: int = 0) -> None:
        """Let one of the held parcels through."""
        self._inner.submit_packed(self.held.pop(at))


async def until(true: Callable[[], Any]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(PATIENCE_S):
        while not true():
            await asyncio.sleep(0.002)


async def still(number: Callable[[], int]) -> int:
    """Wait until a number, once above zero, stands still; return it."""
    last = 0
    async with asyncio.timeout(PATIENCE_S):
        while not last or number() != last:
            last = number()
            await asyncio.sleep(0.2)
    return last


def streams_open(here: Site) -> int:
    """How many streams there are; tasks that outlive their stream count too."""
    tasks = [t for t in asyncio.all_tasks() if "OrderStream" in t.get_coro().__qualname__]
    return max(here.world.app.front.streams["orders"], len(tasks))
