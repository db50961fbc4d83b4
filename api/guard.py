"""What keeps a bad connection from costing more than its share, below ASGI.

A subclass of uvicorn's protocol, given to uvicorn as `http=`. It bounds, per connection: bytes of
headers (431), bytes of body by `Content-Length` and as counted (413), seconds until the headers
and until the body are there (408), seconds between requests and seconds without the caller reading
(close); and the number of connections (503). Ambiguous framing, by which one proxy sees two
requests where another sees one, is refused (400). A refused connection gets a problem document and
is closed. An order stream (`api.order_stream`) whose key is good may send bytes without end, for as
long as it likes: what is bounded is how long it sends nothing. Deadlines are looked at every
`Guard.tick_s`, by one timer for all connections, so good traffic pays nothing for them.

    CONNECTED ─first byte─▶ HEAD ─headers whole─▶ BODY ─body whole─▶ BUSY ─answered─▶ IDLE ─▶ HEAD
"""

import asyncio
from collections import Counter
from typing import Any
from urllib.parse import unquote

import httptools
import msgspec
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from api import problems
from api.cycle import Cycle
from api.wire import encode
from engine.core import limits

# Refusals by code, of all servers in this process; `api.metrics` shows them.
refusals: Counter[str] = Counter()

HEAD, BODY, BUSY, IDLE, CLOSING = range(5)


class Guard(msgspec.Struct, frozen=True):
    """The bounds, see `engine.core.limits`."""

    header_bytes_max: int = limits.HEADER_BYTES_MAX
    body_bytes_max: int = limits.BODY_BYTES_MAX
    header_timeout_s: float = limits.HEADER_TIMEOUT_S
    body_timeout_s: float = limits.BODY_TIMEOUT_S
    idle_timeout_s: float = limits.IDLE_TIMEOUT_S
    stream_idle_s: float = limits.ORDER_STREAM_IDLE_S
    write_timeout_s: float = limits.WRITE_TIMEOUT_S
    linger_timeout_s: float = limits.LINGER_TIMEOUT_S
    connections_max: int = limits.CONNECTIONS_MAX
    tick_s: float = limits.GUARD_TICK_S


class _RefusedError(Exception):
    """Raised inside the parser's callbacks: stop parsing and refuse with this problem."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code, self.detail = code, detail


class _Sweep:
    """One timer for all connections of a server; runs while there are any."""

    def __init__(self, tick_s: float) -> None:
        self.tick_s, self.now = tick_s, 0.0
        self.connections: set[GuardedProtocol] = set()
        self._handle: asyncio.TimerHandle | None = None

    def add(self, connection: "GuardedProtocol", loop: asyncio.AbstractEventLoop) -> None:
        """Watch a connection."""
        self.connections.add(connection)
        self.now = loop.time()
        if self._handle is None:
            self._handle = loop.call_later(self.tick_s, self._tick, loop)

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        self.now = loop.time()
        for connection in list(self.connections):
            connection.look(self.now)
        again = bool(self.connections)
        self._handle = loop.call_later(self.tick_s, self._tick, loop) if again else None


class GuardedProtocol(HttpToolsProtocol):
    """One connection. Made by `guarded`, which sets `guard` and `sweep`."""

    guard: Guard
    sweep: _Sweep

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Per connection: where it stands, since when, and the answer to send before closing.
        self.phase, self.since = HEAD, 0.0
        self.stuck_since = 0.0
        self.last_words = b""
        self.running: Cycle | None = None
        # Per request.
        self.raw_bytes = self.head_bytes = self.body_bytes = 0
        self.lengths = self.codings = self.hosts = 0

    # The connection.

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Take the connection, or turn it away when there are too many."""
        super().connection_made(transport)
        self.sweep.add(self, self.loop)
        self.since = self.sweep.now
        if len(self.connections) > self.guard.connections_max:
            self._refuse("too_many_connections", "there are too many connections; try again")

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection; requests that wait behind another are dropped."""
        self.sweep.connections.discard(self)
        self.phase = CLOSING
        if self.running is not None and not self.running.response_complete:
            self.running.disconnected = True
            self.running.message_event.set()
        super().connection_lost(exc)

    def eof_received(self) -> bool:
        """A caller that has said everything still gets its answers: keep the way back open."""
        waiting = self.phase == BUSY and not self.transport.is_closing()
        if waiting:
            self.cycle.keep_alive = False
        return waiting

    def look(self, now: float) -> None:
        """Cut the connection off if its time is over. Called every tick."""
        guard = self.guard
        if self.flow.read_paused:  # it is we who do not read
            self.since = now
        spent = now - self.since
        if self.flow.write_paused:
            self.stuck_since = self.stuck_since or now
            if now - self.stuck_since > guard.write_timeout_s:
                self.transport.abort()
        else:
            self.stuck_since = 0.0
        if self.phase == HEAD and spent > guard.header_timeout_s:
            self._refuse("request_timeout", f"headers take {guard.header_timeout_s:g} s at most")
        elif self.phase == BODY and self.cycle.endless:
            if spent > guard.stream_idle_s:
                self.since = now
                self.cycle.call_idle()
        elif self.phase == BODY and spent > guard.body_timeout_s:
            self._refuse("request_timeout", f"a body takes {guard.body_timeout_s:g} s at most")
        elif self.phase == IDLE and spent > guard.idle_timeout_s:
            self.transport.close()
        elif self.phase == CLOSING and not self.last_words:
            unsent = self.transport.get_write_buffer_size()
            if spent > (guard.write_timeout_s if unsent else guard.linger_timeout_s):
                self.transport.abort()

    # Bytes.

    def data_received(self, data: bytes) -> None:
        """Parse, and count what the parser keeps to itself."""
        if self.phase == CLOSING:
            return
        if self.phase == IDLE:
            self._enter(HEAD)
        in_head = self.phase == HEAD
        try:
            self.parser.feed_data(data)
            if in_head and self.phase == HEAD:
                self.raw_bytes += len(data)
                self._check_head(self.raw_bytes)
        except httptools.HttpParserUpgrade:
            pass  # there is nothing to upgrade to: the request was taken as plain HTTP
        except httptools.HttpParserError as error:
            refused = error.__context__
            if isinstance(refused, _RefusedError):
                self._refuse(refused.code, refused.detail)
            else:
                self._refuse("malformed_http", "the request is not valid HTTP/1.1")
        except _RefusedError as refused:
            self._refuse(refused.code, refused.detail)

    # The parser's callbacks.

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self.raw_bytes = self.head_bytes = self.body_bytes = 0
        self.lengths = self.codings = self.hosts = 0
        if self.phase != HEAD:
            self._enter(HEAD)

    def on_url(self, url: bytes) -> None:
        """Part of the request line."""
        super().on_url(url)
        self._check_head(len(self.url))

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        name = name.lower()
        self.head_bytes += len(name) + len(value) + 4
        if name == b"host":
            self.hosts += 1
        elif name == b"content-length":
            self.lengths += 1
            self._check_length(value)
        elif name == b"transfer-encoding":
            self.codings += 1
            if value.strip().lower() != b"chunked":
                raise _RefusedError("malformed_http", "the only Transfer-Encoding is chunked")
        elif name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """The headers are there: refuse what is too large or ambiguous, else begin."""
        self._check_head(self.head_bytes + len(self.url))
        if self.lengths > 1 or self.codings > 1 or (self.lengths and self.codings):
            raise _RefusedError("malformed_http", "send one Content-Length or chunked, not both")
        version = self.parser.get_http_version()
        if version == "1.1" and self.hosts != 1:
            raise _RefusedError("malformed_http", "send one Host header")
        upgrade = self.parser.should_upgrade()
        if upgrade and (self.lengths or self.codings):
            raise _RefusedError("malformed_http", "Upgrade with a body is not served")
        self._describe(version)
        before, self.cycle = self.cycle, self._make_cycle(version)
        if upgrade:  # the parser stops here: this answer is the last one
            self.cycle.keep_alive = False
        self._enter(BODY)
        if before is None or before.response_complete:
            self._start_asgi_task(self.cycle, self.app)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, self.app))

    def _describe(self, version: str) -> None:
        """Fill the scope in with what the request line says."""
        scope, url = self.scope, self.url
        scope["method"] = self.parser.get_method().decode("ascii")
        if version != "1.1":
            scope["http_version"] = version
        path, _, query = url.partition(b"?")
        if not url.startswith(b"/") or b"#" in url:
            parsed = httptools.parse_url(url)
            path, query = parsed.path or b"/", parsed.query or b""
        text = path.decode("ascii")
        scope["path"] = unquote(text) if "%" in text else text
        scope["raw_path"], scope["query_string"] = path, query

    def _make_cycle(self, version: str) -> Cycle:
        return Cycle(
            scope=self.scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=version != "1.0" and self.parser.should_keep_alive(),
            on_response=self.on_response_complete,
        )

    def on_body(self, body: bytes) -> None:
        """Part of the body."""
        if self.cycle.endless:
            self.since = self.sweep.now
        else:
            self.body_bytes += len(body)
        if self.body_bytes > self.guard.body_bytes_max:
            raise _RefusedError("body_too_large", self._body_words())
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole."""
        super().on_message_complete()
        self._enter(IDLE if self.cycle.response_complete else BUSY)

    def _check_head(self, size: int) -> None:
        if size > self.guard.header_bytes_max:
            bound = self.guard.header_bytes_max
            raise _RefusedError("headers_too_large", f"headers have at most {bound} bytes")

    def _check_length(self, value: bytes) -> None:
        if not value.isdigit():
            raise _RefusedError("malformed_http", "Content-Length is a number")
        if len(value) > 18 or int(value) > self.guard.body_bytes_max:
            raise _RefusedError("body_too_large", self._body_words())

    def _body_words(self) -> str:
        return f"a body has at most {self.guard.body_bytes_max} bytes; send it in parts"

    def _enter(self, phase: int) -> None:
        self.phase, self.since = phase, self.sweep.now

    # Answers.

    def _start_asgi_task(self, cycle: Cycle, app: Any) -> None:
        self.running = cycle
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        """An answer is out: begin the next request that waits, or say the last words."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        elif self.last_words:
            self._say_last_words()
        elif self.phase == BUSY:
            self._enter(IDLE)
        elif self.phase == BODY and self.cycle.endless:  # the front has ended it, not the caller
            self._enter(CLOSING)
            self._say_last_words()

    def _refuse(self, code: str, detail: str) -> None:
        """Answer with a problem document after the answers that are due, then close."""
        if self.phase == CLOSING or self.transport.is_closing():
            return
        refusals[code] += 1
        broken = self.cycle if self.phase == BODY else None
        self.phase, self.since = CLOSING, self.sweep.now
        self.last_words = _document(code, detail)
        if broken is not None:
            broken.disconnected = True
            broken.message_event.set()
            if self.pipeline and self.pipeline[0][0] is broken:
                self.pipeline.popleft()
            elif broken.response_started:
                self.last_words = b""
        due = self.running is not None and not self.running.response_complete
        if not due or self.running is broken:
            self._say_last_words()

    def _say_last_words(self) -> None:
        """Write the refusal, then read on for a moment: closing at once with unread bytes would
        reset the connection and could take the last answer away from the caller."""
        self.transport.write(self.last_words)
        self.last_words, self.since = b"", self.sweep.now
        self.flow.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()


def _document(code: str, detail: str) -> bytes:
    document = problems.problem(code, detail)
    body = encode(document)
    retry = b"retry-after: 1\r\n" if document.status == 503 else b""
    return b"".join(
        (
            STATUS_LINE[document.status],
            b"content-type: application/problem+json\r\nconnection: close\r\n",
            retry,
            b"content-length: %d\r\n\r\n" % len(body),
            body,
        )
    )


def guarded(
    guard: Guard, protocol: type[GuardedProtocol] = GuardedProtocol, **more: Any
) -> type[GuardedProtocol]:
    """Return the protocol class for one server, with its own bounds and timer, and `more` that
    its connections share."""
    shared = {"guard": guard, "sweep": _Sweep(guard.tick_s), **more}
    return type(protocol.__name__, (protocol,), shared)
