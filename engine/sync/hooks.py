"""Hooks: where channels push to. A push is proved, kept and answered; the work comes later. One
that asks what is there is answered at once.

It listens on a port of its own, so that what the world may reach is this and nothing else. The
path has a part that only the channel knows: channels that sign nothing prove themselves by it.
"""

import hmac
import inspect
from collections import Counter
from collections.abc import Awaitable, Callable

import structlog
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from engine.connectors.base import (
    Account,
    BadQuestion,
    BadSignature,
    Connector,
    ConnectorError,
    Stock,
)
from engine.core import limits
from engine.core.errors import LogError
from engine.sync.store import InboxFull, SyncStore

log = structlog.get_logger("hooks")
Found = tuple[Account, Connector, Stock]


class Hooks:
    """The application that hears pushes. `find` returns an account by its name, with its connector
    and its stock; None where there is none now. `counts` is by (account, what), `under_way` what is
    being heard and not answered yet."""

    def __init__(self, find: Callable[[str], Found | None], store: SyncStore) -> None:
        self._account, self._store = find, store
        self.counts: Counter[tuple[str, str]] = Counter()
        self.under_way = 0
        path = "/hooks/{account}/{word}"
        self.app = Starlette(
            routes=[
                Route(path, self._heard(self._push), methods=["POST"]),
                Route(path + "/stock", self._heard(self._asked), methods=["POST"]),
                # Some channels are told an address to which they add what happened.
                Route(path + "/{more:path}", self._heard(self._push), methods=["POST", "PUT"]),
                Route(path, self._ask, methods=["GET"]),
                Route("/healthz", lambda _: PlainTextResponse("ok")),
            ]
        )

    def _heard(self, answer: Callable[[Request], Awaitable[Response]]) -> Callable:
        async def counted(request: Request) -> Response:
            self.under_way += 1
            try:
                return await answer(request)
            finally:
                self.under_way -= 1

        return counted

    def _find(self, request: Request) -> Found | None:
        found = self._account(request.path_params["account"])
        word = request.path_params["word"]
        right = found[0].secrets.get("hook_path", "") if found else ""
        if right and hmac.compare_digest(word.encode(), right.encode()):
            return found
        return None

    async def _push(self, request: Request) -> Response:
        """Keep what was pushed. 2xx means that it is durable; anything else, that it is not."""
        if (found := self._find(request)) is None:
            return PlainTextResponse("there is nothing here", 404)
        account, connector, _ = found
        body = await _body(request)
        if isinstance(body, Response):
            return body
        headers = dict(request.headers)
        try:
            proof = connector.verify(headers, body)
            if inspect.isawaitable(proof):
                await proof
            delivery = connector.receive(headers, body)
        except BadSignature:
            self.counts[account.name, "forged"] += 1
            return PlainTextResponse("the signature is not right", 401)
        except ConnectorError as error:
            self.counts[account.name, "unreadable"] += 1
            return PlainTextResponse(str(error), 400 if error.retry_s is None else 503)
        if delivery is None:
            return PlainTextResponse("ok")
        return await self._keep(account.name, delivery)

    async def _keep(self, account: str, delivery) -> Response:
        try:
            fresh = await self._store.keep(account, delivery, "push")
        except (InboxFull, LogError) as error:
            self.counts[account, "refused"] += 1
            log.warning("a push is not kept", account=account, error=repr(error))
            return PlainTextResponse("try again", 503, {"retry-after": "5"})
        self.counts[account, "kept" if fresh else "repeated"] += 1
        return PlainTextResponse("ok")

    async def _asked(self, request: Request) -> Response:
        """Tell a channel that asks what is there; for others it is a push like any."""
        found = self._find(request)
        if found is None or (answer := getattr(found[1], "asked", None)) is None:
            return await self._push(request)
        account, _, stock = found
        body = await _body(request)
        if isinstance(body, Response):
            return body
        try:
            told = await answer(dict(request.headers), body, stock)
        except BadSignature:
            self.counts[account.name, "forged"] += 1
            wanted = {"www-authenticate": "Basic"}
            return _problem(401, "unauthorized", "the username or the password is wrong", **wanted)
        except BadQuestion as error:
            self.counts[account.name, "unreadable"] += 1
            return _problem(400, "invalid_value", str(error), error)
        except ConnectorError as error:
            self.counts[account.name, "unanswered"] += 1
            log.warning("a question is not answered", account=account.name, problem=str(error))
            return _problem(503, "unavailable", str(error), **{"retry-after": "1"})
        self.counts[account.name, "answered"] += 1
        return Response(told, media_type="application/json")

    async def _ask(self, request: Request) -> Response:
        """Answer a channel that wants to see that the hook is ours."""
        if (found := self._find(request)) is None:
            return PlainTextResponse("there is nothing here", 404)
        answer = getattr(found[1], "challenge", None)
        if answer is None:
            return PlainTextResponse("push here", 200)
        return JSONResponse(answer(dict(request.query_params), str(request.url)))


async def _body(request: Request) -> bytes | Response:
    """Return the raw body, or what to answer where it is larger than `limits.HOOK_BYTES_MAX`."""
    parts, size = [], 0
    try:
        async for part in request.stream():
            size += len(part)
            if size > limits.HOOK_BYTES_MAX:
                return PlainTextResponse("too large", 413)
            parts.append(part)
    except ClientDisconnect:
        return PlainTextResponse("", 400)
    return b"".join(parts)


def _problem(
    status: int, code: str, detail: str, fault: BadQuestion | None = None, **headers: str
) -> Response:
    """Return a problem document, which names the field where one is to blame."""
    title = code.replace("_", " ").capitalize()
    body = {"title": title, "status": status, "code": code, "detail": detail}
    if fault is not None:
        body["errors"] = [{"path": fault.path, "detail": fault.detail}]
    return JSONResponse(body, status, headers, "application/problem+json")
