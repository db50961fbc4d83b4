"""A front's connections to the writer's own HTTP server, over a Unix socket.

One request at a time goes over a connection. A connection whose exchange has ended as it should is
kept for the next request, for `limits.RELAY_SPARE_S` seconds at most: the server closes what is
idle for longer than that, so a kept connection is not closed while a request is on its way.
"""

import asyncio
from collections import deque
from pathlib import Path
from typing import Any

import httptools

from engine.core import limits

_CONTINUE = 100


class LostError(Exception):
    """The writer's server ended the connection before its answer was whole."""


class Upstream(asyncio.Protocol):
    """One connection. `proceed` is set once the server asks for a body that waits for that, `sent`
    by who sends the request, when all of it is."""

    def __init__(self) -> None:
        self.transport: Any = None
        self.proceed, self.writable = asyncio.Event(), asyncio.Event()
        self.lost = False
        self.spare_since = 0.0
        self._wake = asyncio.Event()
        self._head_only = False
        self.begin(head_only=False)

    def begin(self, *, head_only: bool) -> None:
        """Get ready for the next answer; `head_only`: it says how long a body it leaves out."""
        self._parser = httptools.HttpResponseParser(self)
        self._head_only = head_only
        self._headers: list[tuple[bytes, bytes]] = []
        self._body: deque[bytes] = deque()
        self._unread = self._status = 0
        self._ended = self._kept = self.sent = False
        self.proceed.clear()

    # From the event loop.

    def connection_made(self, transport: Any) -> None:
        """Take the connection."""
        self.transport = transport
        self.writable.set()

    def connection_lost(self, error: Exception | None) -> None:
        """Whoever waits is told."""
        self.lost = True
        for event in (self.proceed, self.writable, self._wake):
            event.set()

    def pause_writing(self) -> None:
        """The server does not read on."""
        self.writable.clear()

    def resume_writing(self) -> None:
        """It does again."""
        self.writable.set()

    def data_received(self, data: bytes) -> None:
        """Read part of the answer."""
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.transport.abort()
        if self._unread > limits.RELAY_UNREAD_BYTES_MAX:
            self.transport.pause_reading()

    # From the parser.

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        """The head is there; one that only asks for the body is not the answer's."""
        status = self._parser.get_status_code()
        if status == _CONTINUE:
            self._headers = []
            self.proceed.set()
            return
        self._status = status
        self._ended = self._head_only
        self._wake.set()

    def on_body(self, body: bytes) -> None:
        """Part of the body."""
        self._body.append(body)
        self._unread += len(body)
        self._wake.set()

    def on_message_complete(self) -> None:
        """The answer is whole."""
        if self._status:
            self._ended = True
            self._kept = self._parser.should_keep_alive() and not self._head_only
            self._wake.set()

    # From the relay.

    @property
    def reusable(self) -> bool:
        """Whether the exchange has ended in a way that lets another one follow."""
        return self.sent and self._kept and not self.lost

    async def head(self) -> tuple[int, list[tuple[bytes, bytes]]]:
        """Return status and headers of the answer; `LostError` if none comes."""
        while not self._status:
            await self._more()
        return self._status, self._headers

    def take(self) -> tuple[bytes, bool]:
        """Return what of the body is there and not taken, and whether more follows."""
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        if self._unread > limits.RELAY_UNREAD_BYTES_MAX and not self.transport.is_closing():
            self.transport.resume_reading()
        self._body.clear()
        self._unread = 0
        return body, not self._ended

    async def chunk(self) -> tuple[bytes, bool]:
        """Return the next part of the body, and whether more follows; `LostError` if it is cut."""
        while not self._body and not self._ended:
            await self._more()
        return self.take()

    async def _more(self) -> None:
        if self.lost:
            raise LostError
        self._wake.clear()
        await self._wake.wait()


class Pool:
    """The connections to the server at `path`."""

    def __init__(self, path: Path) -> None:
        self._path, self._spare = str(path), deque[Upstream]()

    async def take(self, *, head_only: bool) -> Upstream:
        """Return a connection ready for a request; `OSError` if nobody listens."""
        now = asyncio.get_running_loop().time()
        while self._spare:
            found = self._spare.pop()
            if found.lost or found.transport.is_closing():
                continue
            if now - found.spare_since < limits.RELAY_SPARE_S:
                found.begin(head_only=head_only)
                return found
            found.transport.close()
        loop = asyncio.get_running_loop()
        _, found = await loop.create_unix_connection(Upstream, self._path)
        found.begin(head_only=head_only)
        return found

    def give(self, upstream: Upstream) -> None:
        """Take a connection back; it is closed unless it can be used again."""
        if not upstream.reusable or len(self._spare) >= limits.RELAY_SPARE_MAX:
            upstream.transport.abort()
            return
        upstream.spare_since = asyncio.get_running_loop().time()
        self._spare.append(upstream)
