"""The application: hot calls straight to their endpoint, everything else through FastAPI.

`create_app` binds the table of endpoints to a client and a key book. The result is a plain ASGI
callable; its `fastapi` attribute is the FastAPI application, where further rooms hang their routes.
"""

from collections import defaultdict
from collections.abc import Callable
from functools import partial
from importlib.resources import files
from typing import Any

import structlog
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match
from starlette.staticfiles import StaticFiles

from api import openapi, pages, problems
from api.endpoint import Front, Served, Settings, raw_path
from api.problems import Problem
from api.table import ENDPOINTS
from api.wire import encode
from engine import __version__
from engine.service.client import Client
from engine.service.keys import KeyBook
from engine.service.people.book import People
from engine.service.people.first import FirstAdmin
from engine.sync.connections import Connections
from engine.sync.webhooks.book import Book
from engine.views.reader import ViewsReader

log = structlog.get_logger("api")


class PathRoute(BaseRoute):
    """All methods of one path, matched on the percent-encoded path.

    Where a path ends in a word after its last parameter, like `…/commit`, it owns every request
    that ends so: an id that does has its slash encoded.
    """

    def __init__(self, path: str, served: list[Served]) -> None:
        self.path, self.name = path, path
        self.pattern = served[0].pattern
        self.by_method = {one.endpoint.method: one for one in served}
        if "GET" in self.by_method:
            self.by_method["HEAD"] = self.by_method["GET"]

    def matches(self, scope: dict) -> tuple[Match, dict]:
        """Match the path alone; a method that is not there is answered by `handle`."""
        found = scope["type"] == "http" and self.pattern.fullmatch(raw_path(scope))
        return (Match.FULL if found else Match.NONE), {}

    async def handle(self, scope: dict, receive: Callable, send: Callable) -> None:
        """Serve, or say which methods there are."""
        served = self.by_method.get(scope["method"])
        if served is None:
            raise HTTPException(405, headers={"allow": ", ".join(sorted(self.by_method))})
        await served(scope, receive, send)


class App:
    """The ASGI callable. `close` ends all streams, for a shutdown in good order."""

    def __init__(self, front: Front, fastapi: FastAPI, served: list[Served]) -> None:
        self.front, self.fastapi = front, fastapi
        hot = [one for one in served if one.endpoint.hot]
        self._exact = {
            (one.endpoint.method, one.endpoint.path): one
            for one in hot
            if "{" not in one.endpoint.path
        }
        self._nested: dict[str, list[tuple[bytes, bytes, Served]]] = defaultdict(list)
        for one in hot:
            before, brace, after = one.endpoint.path.encode().partition(b"{")
            if brace:
                end = after.rpartition(b"}")[2]
                self._nested[one.endpoint.method].append((before, end, one))
        self._ends = tuple({end for nested in self._nested.values() for _, end, _ in nested if end})

    async def __call__(self, scope: dict, receive: Callable, send: Callable) -> None:
        """Serve one connection's request."""
        if scope["type"] == "http":
            served = self._exact.get((scope["method"], scope["path"]))
            if served is None and scope["method"] in self._nested:
                served = self._find(scope["method"], raw_path(scope))
            if served is not None:
                return await served(scope, receive, send)
        await self.fastapi(scope, receive, send)

    def _find(self, method: str, path: bytes) -> Served | None:
        """Return a hot endpoint with parameters; None leaves it to the framework."""
        for start, end, served in self._nested[method]:
            if path.startswith(start) and len(path) > len(start):
                if end and path.endswith(end):
                    return served
                if not end and not path.endswith(self._ends):
                    return served
        return None

    def close(self) -> None:
        """End all streams."""
        self.front.closing.set()


def create_app(
    client: Client,
    keys: KeyBook,
    settings: Settings | None = None,
    views: ViewsReader | None = None,
    people: People | None = None,
    first_admin: FirstAdmin | None = None,
    webhooks: Book | None = None,
    connections: Connections | None = None,
) -> App:
    """Return the application in front of `client`, opened by the keys in `keys` and to `people`.
    Without `views`, `people`, `webhooks` or `connections` what is asked of them is unavailable."""
    front = Front(
        client,
        keys,
        settings or Settings(),
        views,
        people,
        first_admin,
        webhooks,
        connections,
    )
    served = [Served(endpoint, front) for endpoint in ENDPOINTS]
    app = FastAPI(
        title="dibs",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False},
        exception_handlers={HTTPException: partial(_framework_problem, front), Exception: _bug},
    )
    by_path: dict[str, list[Served]] = defaultdict(list)
    for one in served:
        by_path[one.endpoint.path].append(one)
    for path, group in by_path.items():
        app.router.routes.append(PathRoute(path, group))
    assets = files("fastapi_offline") / "static"
    app.mount("/docs/assets", StaticFiles(directory=str(assets)))
    document = openapi.document(ENDPOINTS, __version__)
    app.mount("/console", pages.Files())
    front.document = encode(document)
    app.openapi = lambda: document
    return App(front, app, served)


_FRAMEWORK_CODES = {404: "not_found", 405: "method_not_allowed"}


async def _framework_problem(front: Front, request: Request, error: HTTPException) -> Response:
    front.answers["none", error.status_code] += 1
    code = _FRAMEWORK_CODES.get(error.status_code, "malformed_http")
    allow = (error.headers or {}).get("allow")
    detail = f"use {allow}" if allow else "there is nothing at this path; see /docs"
    return _response(problems.problem(code, detail), error.headers)


async def _bug(request: Request, error: Exception) -> Response:
    log.error("request failed", path=request.url.path, exc_info=error)
    return _response(problems.problem("internal", "a bug in dibs; its log has the details"))


def _response(document: Problem, headers: Any = None) -> Response:
    return Response(
        encode(document),
        status_code=document.status,
        headers=headers,
        media_type="application/problem+json",
    )
