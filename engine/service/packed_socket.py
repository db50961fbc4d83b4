"""The packed socket: services on the same host put packed requests to the writer, many at a time.

    client ── hello, request, request, … ──▶ unix socket ──▶ parcels ──▶ the writer's loop
    client ◀────────────────── answer, answer, … in the same order ──────────┘

Public format: docs/packed-format.md. The socket's file mode (0600) says who may connect; the actor
is what a request says it is. Reading stops while `limits.SOCKET_REQUESTS_MAX` requests of a
connection are under way. A request that cannot be one ends the connection.
"""

import asyncio
import contextlib
import os
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog

from engine.core import limits
from engine.core.errors import OverloadedError, ServiceError, UnavailableError
from engine.core.packed import Trouble, fail_all
from engine.service.client import Bulk, Parcel
from ext.packed import check, tally

log = structlog.get_logger("packed")
HELLO = b"DIBP\x01\x00\x00\x00"  # magic, version


class _Requests:
    """A parcel of one connection, with the answers that are there and how many are not."""

    def __init__(self, connection: "_Connection", data: bytes, count: int) -> None:
        self.count = self.left = count
        self.said: list[bytes] = []
        self._connection, self._data = connection, data

    def watch(self, enough: int, call: Callable[[], None]) -> None:
        """It does not grow."""

    def close(self) -> bytes:
        return self._data

    def deliver(self, answers: bytes) -> None:
        self.said.append(answers)
        self.left -= tally(answers)[0]
        self._connection.flush()


class _Connection(asyncio.Protocol):
    """One service."""

    def __init__(self, server: "PackedServer") -> None:
        self._server, self._waiting, self._hello = server, 0, False
        self._buffer = bytearray()
        self._asked: deque[_Requests] = deque()
        self.transport: Any = None

    def connection_made(self, transport: asyncio.Transport) -> None:
        self.transport = transport
        self._server.connections.add(self)
        if len(self._server.connections) > limits.SOCKET_CONNECTIONS_MAX:
            transport.abort()

    def connection_lost(self, error: Exception | None) -> None:
        self._server.connections.discard(self)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._hello:
            if len(self._buffer) < len(HELLO):
                return
            hello = self._server.hello
            if self._buffer[: len(HELLO)] != hello:
                self.transport.abort()
                return
            del self._buffer[: len(HELLO)]
            self._hello = True
            self.transport.write(hello)
        self._take()

    def _take(self) -> None:
        try:
            end, count = check(self._buffer, self._server.trusted)
        except ValueError as error:
            log.warning("a service sent what is no request", error=str(error))
            self.transport.abort()
            return
        if not count:
            return
        data = bytes(memoryview(self._buffer)[:end])
        del self._buffer[:end]
        self._waiting += count
        if self._waiting > limits.SOCKET_REQUESTS_MAX:
            self.transport.pause_reading()
        parcel = _Requests(self, data, count)
        self._asked.append(parcel)
        try:
            self._server.client.submit_packed(parcel)
        except ServiceError as error:
            over = isinstance(error, OverloadedError)
            trouble = Trouble.OVERLOADED if over else Trouble.UNAVAILABLE
            parcel.deliver(fail_all(data, trouble, str(error)))

    def flush(self) -> None:
        """Write the answers that are next; go on reading when enough of them are out."""
        before = self._waiting
        while self._asked and self._asked[0].said:
            parcel = self._asked[0]
            if not self.transport.is_closing():
                self.transport.writelines(parcel.said)
            parcel.said = []
            if parcel.left:
                break
            self._waiting -= parcel.count
            self._asked.popleft()
        if before > limits.SOCKET_REQUESTS_MAX >= self._waiting and not self.transport.is_closing():
            self.transport.resume_reading()


class PackedServer:
    """Listens at `path` for the process that holds `client`. Who says `hello` and is `trusted`
    writes requests as `ext.packed` does: they are not checked again."""

    def __init__(
        self, client: Any, path: Path, hello: bytes = HELLO, *, trusted: bool = False
    ) -> None:
        self.client, self.path, self.hello, self.trusted = client, path, hello, trusted
        self.connections: set[_Connection] = set()
        self._server: asyncio.AbstractServer | None = None

    async def start(self) -> None:
        """Listen. A file that a dead process left is replaced; `OSError` if that cannot be."""
        with contextlib.suppress(FileNotFoundError):
            self.path.unlink()
        loop, mask = asyncio.get_running_loop(), os.umask(0o177)
        try:
            self._server = await loop.create_unix_server(lambda: _Connection(self), str(self.path))
        finally:
            os.umask(mask)

    async def close(self) -> None:
        """Stop listening and end all connections."""
        if self._server:
            self._server.close()
        for connection in list(self.connections):
            connection.transport.close()
        with contextlib.suppress(FileNotFoundError):
            self.path.unlink()


class _Asked:
    """A parcel under way: its requests, and how many of them have no answer."""

    __slots__ = ("data", "left", "parcel")

    def __init__(self, parcel: Parcel, data: bytes) -> None:
        self.parcel, self.data, self.left = parcel, data, parcel.count


class PackedClient(asyncio.Protocol):
    """A service's end. `ask` may be called many times before the first answer is there."""

    def __init__(self, hello: bytes = HELLO) -> None:
        loop = asyncio.get_running_loop()
        self.unanswered = 0
        self._hello, self._greeted = hello, False
        self._asked: deque[_Asked] = deque()
        self._buffer = bytearray()
        self._transport: Any = None
        self._ready: asyncio.Future = loop.create_future()

    @classmethod
    async def connect(cls, path: Path | str) -> "PackedClient":
        """Connect; `OSError` if nobody listens or it is no packed socket."""
        loop = asyncio.get_running_loop()
        _, client = await loop.create_unix_connection(cls, str(path))
        await client._ready
        return client

    def ask(self, requests: bytes, count: int) -> asyncio.Future[bytes]:
        """Send `count` packed requests; the future gives their answers, in order.

        `UnavailableError` if the connection ends first: then nobody knows which were decided, and
        repeating them with the same ids is safe.
        """
        bulk = Bulk(requests, count)
        self.send(bulk, bulk.close())
        return bulk.answers

    def send(self, parcel: Parcel, requests: bytes) -> None:
        """Send the requests of a closed parcel, which gets their answers as they come."""
        if self._transport is None:
            raise UnavailableError("the packed socket is closed")
        self._asked.append(_Asked(parcel, requests))
        self.unanswered += parcel.count
        self._transport.write(requests)

    @property
    def unsent_bytes(self) -> int:
        """Bytes that the other end has not taken yet."""
        return self._transport.get_write_buffer_size() if self._transport else 0

    def close(self) -> None:
        """Let go of the writer."""
        if self._transport:
            self._transport.close()

    def connection_made(self, transport: Any) -> None:
        """Say hello."""
        self._transport = transport
        transport.write(self._hello)

    def data_received(self, data: bytes) -> None:
        """Sort answers to who asked."""
        self._buffer += data
        if not self._greeted:
            if len(self._buffer) < len(self._hello):
                return
            self._greeted = True
            del self._buffer[: len(self._hello)]
            self._ready.set_result(None)
        while self._asked and self._buffer:
            asked = self._asked[0]
            end, count = check(self._buffer, True, asked.left)
            if not count:
                return
            answers = bytes(memoryview(self._buffer)[:end])
            del self._buffer[:end]
            asked.left -= count
            self.unanswered -= count
            if not asked.left:
                self._asked.popleft()
            asked.parcel.deliver(answers)

    def connection_lost(self, error: Exception | None) -> None:
        """Whoever waits is told that nobody knows."""
        self._transport = None
        if not self._ready.done():
            self._ready.set_exception(ConnectionError("this is no packed socket of dibs"))
        asked, self._asked, self.unanswered = self._asked, deque(), 0
        for one in asked:
            self.lose(one.parcel, one.data, one.left)

    def lose(self, parcel: Parcel, requests: bytes, left: int) -> None:
        """Tell a parcel that the last `left` of its requests get no answer."""
        if not parcel.answers.done():
            parcel.answers.set_exception(UnavailableError("the packed socket was closed"))
