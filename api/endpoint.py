"""What an endpoint is, and the one pipeline that serves all of them.

    route → authenticate → headers, query → body → decode → handler → encode → two sends

`Endpoint` is a row of the table in `api.table`: routes, OpenAPI document and test matrices are all
made from it. `Served` binds a row to a running front and is a plain ASGI callable. The few hot rows
are called by `api.app` before the framework, the others through the FastAPI router; both are this
same object, so they cannot answer differently.
"""

import asyncio
import re
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote, unquote_to_bytes

import msgspec
import structlog

from api import access, problems
from api.live import Live
from api.problems import Headers, Problem, ProblemError, fail, field
from api.states import States
from api.streams import Exchange, Stream, send_stream
from api.wire import Param, Reader, encode
from engine.core import limits
from engine.core.errors import ServiceError
from engine.service.client import Client
from engine.service.keys import KeyBook
from engine.service.people.book import People
from engine.service.people.first import FirstAdmin
from engine.service.people.records import Signed
from engine.sync.connections import Connections
from engine.sync.webhooks.book import Book
from engine.views.reader import ViewsReader

log = structlog.get_logger("api")

_JSON = (b"content-type", b"application/json")
_PROBLEM = (b"content-type", b"application/problem+json")
VISIBLE = re.compile(rb"^[\x21-\x7e]{1,%d}\Z" % limits.IDEMPOTENCY_KEY_CHARS_MAX)
_NAME = re.compile(r"\{(\w+)\}")


class Settings(msgspec.Struct, frozen=True):
    """What an operator may choose about the front."""

    body_bytes_max: int = limits.BODY_BYTES_MAX
    order_streams_max: int = limits.ORDER_STREAMS_MAX
    stream_first_s: float = limits.STREAM_FIRST_S


class Front:
    """What all endpoints share while one application lives."""

    def __init__(
        self,
        client: Client,
        keys: KeyBook,
        settings: Settings,
        views: ViewsReader | None = None,
        people: People | None = None,
        first_admin: FirstAdmin | None = None,
        webhooks: Book | None = None,
        connections: Connections | None = None,
    ) -> None:
        self.client, self.keys, self.settings = client, keys, settings
        self.webhooks = webhooks
        self.views = views
        self.people, self.first_admin = people, first_admin
        self.connections = connections
        self.views_at: tuple[int, int] | None = None  # seq and stamp, as metrics last saw it
        self.answers: Counter[tuple[str, int]] = Counter()  # by endpoint's name and status
        self.closing = asyncio.Event()
        self.streams: Counter[str] = Counter()  # open now: orders, changes, states, live
        self.states = States(client)
        self.live = Live(self)
        self.document: bytes = b""
        self.lane: Any = None  # the fast lane of the server, where there is one
        self.overview: Any = None  # the last reading, and when it was begun
        self.overview_s = 0.0


class Ask:
    """One request as a handler sees it: authenticated, decoded, validated."""

    __slots__ = ("actor", "front", "key", "params", "query", "scope", "signed", "value")

    def __init__(self, front: Front, scope: dict, params: dict, query: dict) -> None:
        self.front, self.scope = front, scope
        self.params, self.query = params, query
        self.actor = self.key = ""
        self.signed: Signed | None = None
        self.value: Any = None

    @property
    def headers(self) -> list:
        """The request's headers."""
        return self.scope["headers"]


class Content(msgspec.Struct, frozen=True):
    """An answer that is not JSON."""

    body: bytes
    media: str
    headers: Headers = ()


Reply = tuple[int, Any]


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the contract.

    `body` is what is read (`body_also` the schema of another form of it), `command` what is made of
    it and the path; `answer` is the type of a success, `status` its code (`also` a second one).
    Where `lines` is set, body and answer are NDJSON, one `body` and one `answer` a line, and the
    handler reads by itself (`api.streams.Exchange`).
    `codes` are problem codes beyond those that every call of this kind can give. `scope` is None
    where no key is needed, `access.SELF` where being signed in is enough.
    """

    name: str
    method: str
    path: str
    noun: str
    summary: str
    handler: Callable[[Ask], Awaitable[Reply]]
    answer: Any
    scope: str | None = "read"
    status: int = 200
    also: int = 0
    body: Any = None
    body_also: Any = None
    command: Any = None
    body_optional: bool = False
    reader: Any = None
    params: tuple[Param, ...] = ()
    query: tuple[Param, ...] = ()
    headers: tuple[Param, ...] = ()
    codes: tuple[str, ...] = ()
    note: str = ""
    example: Any = None
    answer_example: Any = None
    media: str = "application/json"
    lines: bool = False
    hot: bool = False
    keyed: bool = False

    @property
    def problem_codes(self) -> list[str]:
        """Every problem code that this call can give, in the order of the table."""
        codes = set(self.codes)
        if self.scope:
            codes |= {*problems.AUTH_CODES, *problems.SERVICE_CODES}
        if self.body is not None and not self.lines:
            codes |= {*problems.BODY_CODES}
        if self.params:
            codes |= {"invalid_utf8", "invalid_value", "invalid_length"}
        codes |= {"unknown_parameter", "internal"}
        if self.query:
            codes |= {"duplicate_parameter", "invalid_utf8", "invalid_value", "invalid_length"}
            codes |= {"out_of_range", "invalid_type"}
            if any(param.default is msgspec.NODEFAULT for param in self.query):
                codes.add("missing_field")
        if self.keyed:
            codes.add("invalid_value")
        return [code for code in problems.TABLE if code in codes]


def compile_path(path: str) -> re.Pattern:
    """Return the pattern of a path as it stands in the request, still percent-encoded.

    A parameter is one segment; the last one takes slashes too, so that an id with an unencoded
    slash is still found.
    """
    names = _NAME.findall(path)
    pattern = re.escape(path).replace(r"\{", "{").replace(r"\}", "}")
    for name in names:
        part = ".+" if name == names[-1] else "[^/]+"
        pattern = pattern.replace("{" + name + "}", f"(?P<{name}>{part})")
    return re.compile(pattern.encode(), re.DOTALL)


def raw_path(scope: dict) -> bytes:
    """Return the request's path, percent-encoded."""
    raw = scope.get("raw_path")
    return raw.partition(b"?")[0] if raw else quote(scope["path"]).encode()


def _text(raw: bytes, name: str) -> str:
    try:
        return unquote_to_bytes(raw).decode()
    except UnicodeDecodeError:
        raise field("invalid_utf8", name, "percent-encode UTF-8 text") from None


class _GoneError(Exception):
    """The caller went away before its request was whole."""


class Served:
    """One endpoint of one front: an ASGI callable."""

    __slots__ = ("_params", "_query", "_reader", "endpoint", "front", "pattern")

    def __init__(self, endpoint: Endpoint, front: Front) -> None:
        self.endpoint, self.front = endpoint, front
        self.pattern = compile_path(endpoint.path)
        self._params = {param.name: param for param in endpoint.params}
        self._query = {param.name: param for param in endpoint.query}
        self._reader = endpoint.reader
        if endpoint.body is not None and self._reader is None and not endpoint.lines:
            self._reader = Reader(endpoint.body, endpoint.command, optional=endpoint.body_optional)

    async def __call__(self, scope: dict, receive: Callable, send: Callable) -> None:
        headers: Headers = ()
        try:
            status, answer = await self._answer(scope, receive)
        except ProblemError as error:
            answer, headers = error.problem, error.headers
            status = answer.status
        except ServiceError as error:
            answer = problems.of_service(error)
            status = answer.status
        except _GoneError:
            return
        except Exception:
            log.exception("request failed", endpoint=self.endpoint.name)
            answer = problems.problem("internal", "a bug in dibs; its log has the details")
            status = 500
        self.front.answers[self.endpoint.name, status] += 1
        if type(answer) is Stream:
            with access.while_signed_in(self.front, scope, receive):
                await send_stream(answer, status, receive, send, self.front)
            return
        if isinstance(answer, Exchange):
            with access.while_signed_in(self.front, scope, receive):
                await answer.run(receive, send)
            return
        await self._send(send, status, answer, headers)

    async def _answer(self, scope: dict, receive: Callable) -> Reply:
        endpoint, front = self.endpoint, self.front
        authorization = cookie = key = None
        for name, value in scope["headers"]:
            if name == b"authorization":
                authorization = value
            elif name == b"cookie":
                cookie = value
            elif name == b"idempotency-key":
                key = value
        actor, signed = "", None
        if endpoint.scope:
            actor, signed = access.admit(front, endpoint.scope, scope, authorization, cookie)
        params = self._named(scope) if self._params else _NOTHING
        raw_query = scope["query_string"]
        query = self._asked(raw_query) if raw_query or self._query else _NOTHING
        ask = Ask(front, scope, params, query)
        ask.actor, ask.signed = actor, signed
        if key is not None and endpoint.keyed:
            if not VISIBLE.match(key):
                raise field("invalid_value", "Idempotency-Key", "use 1 to 128 visible characters")
            ask.key = key.decode("ascii")
        if self._reader is not None:
            message = await receive()
            body = message.get("body", b"")
            if message.get("more_body") or len(body) > front.settings.body_bytes_max:
                body = await self._rest(message, receive)
            elif message["type"] != "http.request":
                raise _GoneError
            ask.value = self._reader.read(body, params)
        return await endpoint.handler(ask)

    def _named(self, scope: dict) -> dict[str, str]:
        """Return the path's parameters, decoded and validated."""
        found = self.pattern.fullmatch(raw_path(scope))
        if found is None:
            raise fail("not_found", "there is nothing at this path; see /docs")
        return {name: param.read(_text(found[name], name)) for name, param in self._params.items()}

    def _asked(self, raw: bytes) -> dict[str, Any]:
        """Return the query's parameters, each once, with defaults for those left out."""
        found: dict[str, Any] = {}
        for pair in raw.split(b"&") if raw else ():
            raw_name, _, raw_value = pair.replace(b"+", b" ").partition(b"=")
            if not pair:
                continue
            name = _text(raw_name, "query")
            param = self._query.get(name)
            if param is None:
                known = ", ".join(self._query) or "none"
                raise field("unknown_parameter", name[:128], f"parameters here: {known}")
            if name in found:
                raise field("duplicate_parameter", name, "send it once")
            if param.separated:
                parts = [_text(part, name) for part in raw_value.split(b",") if part]
                found[name] = [param.read(part) for part in parts]
            else:
                found[name] = param.read(_text(raw_value, name))
        for name, param in self._query.items():
            if name not in found:
                if param.default is msgspec.NODEFAULT:
                    raise field("missing_field", name, "give it as a query parameter")
                found[name] = param.default
        return found

    async def _rest(self, message: dict, receive: Callable) -> bytes:
        """Return a body that comes in several messages, bounded."""
        parts, size = [], 0
        while True:
            if message["type"] != "http.request":
                raise _GoneError
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > self.front.settings.body_bytes_max:
                raise fail(
                    "body_too_large",
                    f"a body has at most {self.front.settings.body_bytes_max} bytes",
                    headers=((b"connection", b"close"),),
                )
            if not message.get("more_body"):
                return b"".join(parts)
            message = await receive()

    async def _send(self, send: Callable, status: int, answer: Any, extra: Headers) -> None:
        if type(answer) is Content:
            body, kind = answer.body, (b"content-type", answer.media.encode())
            extra = answer.headers
        else:
            body = encode(answer)
            if type(answer) is Problem:
                kind = _PROBLEM
                extra = (*extra, *problems.retry_headers(answer))
            else:
                kind = _JSON
        await send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": (kind, (b"content-length", b"%d" % len(body)), *extra),
            }
        )
        await send({"type": "http.response.body", "body": body})


_NOTHING: dict[str, Any] = {}
