"""What a front does with a request that its lane does not take: it asks the writer's HTTP server,
and hands the answer on as it comes.

    caller ─▶ guard ─▶ lane ─▶ packed requests ─▶ writer
                 └─▶ Relay ─▶ the same request ─▶ the writer's guard, lane and routes
    caller ◀───────── status, headers, body ◀────────┘

The front's own guard has judged the connection by then, with the bounds of a single process.
Method, target, headers and body reach the writer as they came, except what belongs to one
connection only (`_HOP`); the caller's address goes along (`access.CALLER`).
An answer in lines that begins before its request is whole is that of an
order stream (`api.order_stream`): the request is as endless here as it is there.

If the writer is lost, a request that may have had an effect is answered with `outcome_unknown`,
any other with `unavailable`; an answer that has begun is cut off.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from api import access, problems
from api.cycle import Cycle
from api.endpoint import Front, Settings
from api.lines import NDJSON
from api.upstream import LostError, Pool, Upstream
from api.wire import encode
from engine.core.errors import OutcomeUnknownError, ServiceError, UnavailableError
from engine.service.client import Client
from engine.service.keys import KeyBook

_HOP = frozenset(
    (b"connection", b"host", b"keep-alive", b"te", b"trailer", b"upgrade", access.CALLER)
)
_NDJSON = NDJSON.encode()
_HARMLESS = frozenset(("GET", "HEAD", "OPTIONS", "TRACE"))
_AWAY = "the writer is away; try again"


class Relay:
    """The ASGI callable of a front, with the face of `api.app.App`. `path` is where the writer's
    HTTP server listens; `client` and `keys` are the lane's."""

    def __init__(self, client: Client, keys: KeyBook, path: Path) -> None:
        self.front = Front(client, keys, Settings())
        self._pool = Pool(path)

    def close(self) -> None:
        """Nothing: streams end when the writer's server ends them."""

    async def __call__(self, scope: dict, receive: Callable, send: Callable) -> None:
        """Serve one request."""
        cycle = Cycle.of(receive)
        try:
            upstream = await self._pool.take(head_only=scope["method"] == "HEAD")
        except OSError:
            await self._fail(UnavailableError(_AWAY), send)
            return
        sending = asyncio.create_task(_send_on(upstream, scope, cycle))
        try:
            await _answer(upstream, cycle, send)
        except LostError:
            if cycle.disconnected:
                pass  # the caller went first
            elif cycle.response_started:
                cycle.transport.abort()
                cycle.disconnected = True
            elif scope["method"] in _HARMLESS:
                await self._fail(UnavailableError(_AWAY), send)
            else:
                await self._fail(OutcomeUnknownError(_AWAY), send)
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
            self._pool.give(upstream)

    async def _fail(self, error: ServiceError, send: Callable) -> None:
        document = problems.of_service(error)
        self.front.answers["none", document.status] += 1
        body = encode(document)
        headers = (
            (b"content-type", b"application/problem+json"),
            (b"content-length", b"%d" % len(body)),
            *problems.retry_headers(document),
        )
        await send({"type": "http.response.start", "status": document.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def _head(scope: dict) -> tuple[bytes, bool, bool]:
    """Return a request's line and headers, whether its body is chunked, and whether it waits."""
    hosts, kept, chunked, waits = [], [], False, False
    for name, value in scope["headers"]:
        if name == b"host":
            hosts.append(value)
        elif name not in _HOP:
            kept += (name, b": ", value, b"\r\n")
            chunked = chunked or name == b"transfer-encoding"
            waits = waits or (name == b"expect" and value.lower() == b"100-continue")
    # HTTP/1.0 leaves the host open; the next server is asked in 1.1, which does not.
    host = hosts[0] if len(hosts) == 1 else b"dibs"
    target, query = scope["raw_path"], scope["query_string"]
    if query:
        target = target + b"?" + query
    kept += (access.CALLER, b": ", access.address(scope).encode("latin-1"), b"\r\n")
    line = (scope["method"].encode(), b" ", target, b" HTTP/1.1\r\nhost: ", host, b"\r\n")
    return b"".join((*line, *kept, b"\r\n")), chunked, waits


async def _send_on(upstream: Upstream, scope: dict, cycle: Cycle) -> None:
    """Send the request, its body as it comes, and end the exchange if the caller goes away."""
    head, chunked, waits = _head(scope)
    message: dict[str, Any] = {"more_body": True}
    if cycle.more_body or waits:
        upstream.transport.write(head)
        head = b""
        if waits:
            await upstream.proceed.wait()
    while message.get("more_body"):
        message = await cycle.receive()
        if message["type"] != "http.request":
            break
        body, more = message["body"], message["more_body"]
        cycle.idle = False  # the writer's server has a clock of its own for that
        if chunked:
            body = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
            body += b"" if more else b"0\r\n\r\n"
        upstream.transport.write(head + body)
        head = b""
        upstream.sent = not more
        await upstream.writable.wait()
    while message["type"] == "http.request":
        message = await cycle.receive()
    if not cycle.response_complete:
        upstream.transport.abort()


async def _answer(upstream: Upstream, cycle: Cycle, send: Callable) -> None:
    """Hand the answer on. What is there already goes along with the head."""
    status, headers = await upstream.head()
    if cycle.more_body and (b"content-type", _NDJSON) in headers:
        cycle.open_endless()
    headers = [pair for pair in headers if pair[0] != b"transfer-encoding"]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    body, more = upstream.take()
    await send({"type": "http.response.body", "body": body, "more_body": more})
    while more:
        body, more = await upstream.chunk()
        await send({"type": "http.response.body", "body": body, "more_body": more})
