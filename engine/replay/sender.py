"""A lean HTTP/1.1 client: prepared requests, many kept-alive connections, one request in flight on
each, no task or future per request.

Order is kept by start of sending. An exchange that waits `after` another is sent when that one
has its final answer, and not at all unless its `root` was accepted. 429 and 5xx that ask to try
again, and lost connections, are retried with the same bytes, so with the same id.
"""

import asyncio
import ssl
import time
from collections import deque
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

import httptools

from engine.core import limits
from engine.replay.documents import ReplayError

WITHHELD = -1
NO_ANSWER = 0
_RETRIED = frozenset((429, 502, 503, 504))
_RETRY_DELAY_S = 0.05
_WATCH_S = 0.2
_clock = time.perf_counter


class Exchange:
    """One request and its answer. Times are seconds of one monotonic clock.

    `status` is the final one; `NO_ANSWER` if attempts ran out, `WITHHELD` if it was not sent.
    `begun` is when it was first sent or, in a paced run, when it was meant to be.
    """

    __slots__ = ("after", "attempts", "begun", "body", "due_s", "ended", "request", "root")
    __slots__ += ("status", "tag", "waiting")

    def __init__(
        self,
        request: bytes,
        tag=None,
        *,
        due_s: float = 0.0,
        after: "Exchange | None" = None,
        root: "Exchange | None" = None,
    ) -> None:
        self.request = request
        self.tag = tag
        self.due_s = due_s
        self.after = after
        self.root = root
        self.attempts = 0
        self.status = NO_ANSWER
        self.body = b""
        self.begun = 0.0
        self.ended = 0.0
        self.waiting: list[Exchange] | None = None

    @property
    def accepted(self) -> bool:
        """Whether the server said yes."""
        return 200 <= self.status < 300


class _Connection(asyncio.Protocol):
    """One connection. Tells the sender about each whole answer, and about its end."""

    def __init__(self, sender: "Sender") -> None:
        self.sender = sender
        self.transport: asyncio.Transport | None = None
        self.exchange: Exchange | None = None
        self.sent_at = 0.0
        self.closing = False
        self.body: list[bytes] = []
        self.retry_after = b""

    def connection_made(self, transport) -> None:
        self.transport = transport
        self.parser = httptools.HttpResponseParser(self)
        self.sender._ready(self)

    def send(self, exchange: Exchange) -> None:
        """Send; the answer comes to `Sender._answered`."""
        self.exchange = exchange
        self.sent_at = _clock()
        self.transport.write(exchange.request)

    def data_received(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            self.transport.abort()

    def on_header(self, name: bytes, value: bytes) -> None:
        if len(name) == 11 and name.lower() == b"retry-after":
            self.retry_after = value

    def on_body(self, body: bytes) -> None:
        self.body.append(body)

    def on_message_complete(self) -> None:
        exchange, self.exchange = self.exchange, None
        body = self.body[0] if len(self.body) == 1 else b"".join(self.body)
        retry_after, self.retry_after, self.body = self.retry_after, b"", []
        status = self.parser.get_status_code()
        if exchange is None or not self.parser.should_keep_alive():
            self.closing = True
            self.transport.close()
        if exchange is not None:
            self.sender._answered(self, exchange, status, body, retry_after)

    def connection_lost(self, error: Exception | None) -> None:
        exchange, self.exchange, self.closing = self.exchange, None, True
        self.sender._lost(self, exchange)


class Sender:
    """Many connections to one server; `answered`, `retried`, `reconnected` count what happened."""

    def __init__(self, url: str, key: str = "", connections: int = 64) -> None:
        parts = urlsplit(url if "//" in url else f"http://{url}")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ReplayError(f"{url!r} is not an http or https address")
        self._secure = ssl.create_default_context() if parts.scheme == "https" else None
        self._host = parts.hostname
        self._port = parts.port or (443 if self._secure else 80)
        name = f"[{self._host}]" if ":" in self._host else self._host
        self._head = f"Host: {name}:{self._port}\r\n"
        if key:
            if not key.isprintable() or not key.isascii():
                raise ReplayError("the key is not plain text; give the key itself, or its file")
            self._head += f"Authorization: Bearer {key}\r\n"
        self._base = parts.path.rstrip("/")
        self._count = connections
        self._open: set[_Connection] = set()
        self._idle: list[_Connection] = []
        self._gone_since = 0.0
        self._front: deque[Exchange] = deque()
        self._list: Sequence[Exchange] = ()
        self._next = 0
        self._left = 0
        self._origin = 0.0
        self._paced = False
        self._timer: asyncio.TimerHandle | None = None
        self._done: asyncio.Future | None = None
        self._on_answer: Callable[[Exchange], None] | None = None
        self._closed = False
        self.answered = self.retried = self.reconnected = 0

    def encode(self, method: str, path: str, body: bytes = b"", key: str = "") -> bytes:
        """Return a request's bytes. `key` is its Idempotency-Key."""
        head = f"{method} {self._base}{path} HTTP/1.1\r\n{self._head}"
        if key:
            head += f"Idempotency-Key: {key}\r\n"
        if body or method != "GET":
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        return head.encode() + b"\r\n" + body

    async def open(self) -> None:
        """Connect; `ReplayError` if nobody answers there."""
        self._loop = asyncio.get_running_loop()
        try:
            await self._connect()
        except OSError as error:
            raise ReplayError(
                f"no server at {self._host}:{self._port} ({error}); start one with `dibs up`"
            ) from error
        results = await asyncio.gather(
            *(self._connect() for _ in range(self._count - 1)), return_exceptions=True
        )
        wrong = next((r for r in results if isinstance(r, BaseException)), None)
        if wrong:
            self.close()
            raise ReplayError(
                f"only {len(self._open)} of {self._count} connections opened ({wrong}); "
                "ask for fewer with --connections"
            )

    async def _connect(self) -> None:
        await self._loop.create_connection(
            lambda: _Connection(self), self._host, self._port, ssl=self._secure
        )

    def close(self) -> None:
        """Close all connections."""
        self._closed = True
        for connection in tuple(self._open):
            connection.transport.abort()

    async def run(
        self,
        exchanges: Sequence[Exchange],
        *,
        paced: bool = False,
        on_answer: Callable[[Exchange], None] | None = None,
    ) -> None:
        """Send all, in order, and return when each has its final answer.

        `paced` starts each no earlier than its `due_s` after the call. Raises `ReplayError` when
        the server stays away for longer than `ANSWER_TIMEOUT_S`.
        """
        if not exchanges:
            return
        self._list, self._next, self._left = exchanges, 0, len(exchanges)
        self._paced, self._on_answer = paced, on_answer
        self._origin = _clock()
        self._done = self._loop.create_future()
        watch = self._loop.create_task(self._watch())
        try:
            self._fill()
            await self._done
        finally:
            watch.cancel()
            if self._timer:
                self._timer.cancel()
            self._list, self._done, self._timer = (), None, None
            self._front.clear()

    # Sending.

    def _fill(self) -> None:
        """Give every idle connection something to send."""
        while self._idle:
            exchange = self._take()
            if exchange is None:
                return
            connection = self._idle.pop()
            if connection.closing:
                self._front.appendleft(exchange)
                continue
            exchange.attempts += 1
            connection.send(exchange)
            if not exchange.begun:
                exchange.begun = (
                    self._origin + exchange.due_s if self._paced else connection.sent_at
                )

    def _take(self) -> Exchange | None:
        if self._front:
            return self._front.popleft()
        while self._next < len(self._list):
            exchange = self._list[self._next]
            if self._paced:
                wait = self._origin + exchange.due_s - _clock()
                if wait > 0:
                    if self._timer is None:
                        self._timer = self._loop.call_later(wait, self._due)
                    return None
            self._next += 1
            before = exchange.after
            if before is None:
                return exchange
            if before.ended and exchange.root.accepted:
                return exchange
            if before.ended:
                self._withhold(exchange)
            elif before.waiting is None:
                before.waiting = [exchange]
            else:
                before.waiting.append(exchange)
        return None

    def _due(self) -> None:
        self._timer = None
        self._fill()

    def _withhold(self, exchange: Exchange) -> None:
        exchange.status = WITHHELD
        self._finish(exchange)

    def _finish(self, exchange: Exchange) -> None:
        exchange.ended = _clock()
        exchange.request = b""
        self._left -= 1
        if self._on_answer:
            self._on_answer(exchange)
        waiting, exchange.waiting = exchange.waiting, None
        for follower in waiting or ():
            if follower.root.accepted:
                self._front.append(follower)
            else:
                self._withhold(follower)
        if not self._left and self._done and not self._done.done():
            self._done.set_result(None)

    # What connections report.

    def _ready(self, connection: _Connection) -> None:
        self._open.add(connection)
        self._gone_since = 0.0
        self._idle.append(connection)
        if self._done:
            self._fill()

    def _answered(
        self, connection: _Connection, exchange: Exchange, status: int, body: bytes, later: bytes
    ) -> None:
        self.answered += 1
        if status in _RETRIED and exchange.attempts < limits.REPLAY_ATTEMPTS_MAX:
            # The connection waits with its exchange: a busy server is not sent the next one.
            self._retry(exchange, _delay(later, exchange.attempts), connection)
            return
        exchange.status, exchange.body = status, body
        self._finish(exchange)
        if not connection.closing:
            self._idle.append(connection)
        self._fill()

    def _lost(self, connection: _Connection, exchange: Exchange | None) -> None:
        self._open.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)
        if self._closed:
            return
        if exchange is not None:
            if exchange.attempts < limits.REPLAY_ATTEMPTS_MAX:
                self._retry(exchange, _delay(b"", exchange.attempts))
            else:
                self._finish(exchange)

    def _retry(
        self, exchange: Exchange, delay_s: float, connection: _Connection | None = None
    ) -> None:
        self.retried += 1
        self._loop.call_later(delay_s, self._again, exchange, connection)

    def _again(self, exchange: Exchange, connection: _Connection | None) -> None:
        if self._done is None:
            return
        if connection is not None and not connection.closing:
            exchange.attempts += 1
            connection.send(exchange)
        else:
            self._front.append(exchange)
            self._fill()

    async def _watch(self) -> None:
        """Replace lost connections, and give up on silent ones and on a server that is gone."""
        while True:
            await asyncio.sleep(_WATCH_S)
            now = _clock()
            for connection in tuple(self._open):
                silent = connection.exchange and now - connection.sent_at
                if silent and silent > limits.REPLAY_ANSWER_TIMEOUT_S:
                    connection.transport.abort()
            missing = self._count - len(self._open)
            if missing:
                found = await asyncio.gather(
                    *(self._connect() for _ in range(missing)), return_exceptions=True
                )
                self.reconnected += sum(not isinstance(one, BaseException) for one in found)
            self._gone_since = 0.0 if self._open else self._gone_since or now
            if self._gone_since and now - self._gone_since > limits.REPLAY_ANSWER_TIMEOUT_S:
                gone = ReplayError(
                    f"the server at {self._host}:{self._port} went away; {self._left} of "
                    f"{len(self._list)} requests have no answer. Start it and run this again: "
                    "what it knows already is answered as before"
                )
                self._done.set_exception(gone)
                return


def _delay(retry_after: bytes, attempts: int) -> float:
    try:
        asked = float(retry_after)
    except ValueError:
        asked = 0.0
    grown = _RETRY_DELAY_S * 2 ** min(attempts - 1, 16)
    return min(max(asked, grown), limits.REPLAY_RETRY_DELAY_S_MAX)
