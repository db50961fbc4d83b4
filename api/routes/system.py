"""The process itself: alive, ready, measured, described; and the console."""

import contextlib

import msgspec
from fastapi.openapi.docs import get_swagger_ui_html

from api import metrics, overview
from api.endpoint import Ask, Content, Endpoint, Reply
from api.overview import Overview
from api.pages import SECURITY, Page
from engine.core.errors import ServiceError
from engine.service.client import Status
from engine.views.reader import position

_PAGE = Page()


class Alive(msgspec.Struct):
    """The process answers."""

    status: str


async def _alive(ask: Ask) -> Reply:
    return 200, Alive("alive")


async def _ready(ask: Ask) -> Reply:
    status = ask.front.client.status()
    return (200 if status.state == "leading" else 503), status


async def _metrics(ask: Ask) -> Reply:
    front = ask.front
    front.views_at = None
    if front.views:
        with contextlib.suppress(ServiceError):
            front.views_at = await front.views.ask(position)
    return 200, Content(metrics.scrape(front), metrics.MEDIA)


async def _openapi(ask: Ask) -> Reply:
    return 200, Content(ask.front.document, "application/json")


async def _docs(ask: Ask) -> Reply:
    page = get_swagger_ui_html(
        openapi_url="openapi.json",
        title="dibs API",
        swagger_js_url="docs/assets/swagger-ui-bundle.js",
        swagger_css_url="docs/assets/swagger-ui.css",
        swagger_favicon_url="docs/assets/favicon.png",
        swagger_ui_parameters={"persistAuthorization": False, "docExpansion": "none"},
    )
    return 200, Content(page.body, "text/html; charset=utf-8", SECURITY)


async def _page(ask: Ask) -> Reply:
    text, headers = _PAGE.answer()
    return 200, Content(text, "text/html; charset=utf-8", headers)


async def _overview(ask: Ask) -> Reply:
    return 200, await overview.shared(ask.front)


def _open(name: str, path: str, summary: str, handler, answer, media: str, example=None, note=""):
    return Endpoint(
        name=name,
        method="GET",
        path=path,
        noun="system",
        summary=summary,
        scope=None,
        handler=handler,
        answer=answer,
        media=media,
        answer_example=example,
        note=note,
    )


_STATUS = {"state": "leading", "epoch": 1, "seq": 7, "detail": ""}
_HTML = "text/html"

ENDPOINTS = (
    _open(
        "alive",
        "/healthz",
        "The process answers",
        _alive,
        Alive,
        "application/json",
        {"status": "alive"},
    ),
    msgspec.structs.replace(
        _open(
            "ready",
            "/readyz",
            "200 while this process leads and takes orders, else 503",
            _ready,
            Status,
            "application/json",
            _STATUS,
        ),
        also=503,
    ),
    Endpoint(
        name="metrics",
        method="GET",
        path="/metrics",
        noun="system",
        summary="Metrics in Prometheus' text format",
        handler=_metrics,
        answer=str,
        media="text/plain",
    ),
    Endpoint(
        name="overview",
        method="GET",
        path="/v1/overview",
        noun="system",
        summary="The system at a glance, read at most once a second",
        handler=_overview,
        answer=Overview,
        answer_example={
            "state": "leading",
            "epoch": 1,
            "seq": 7,
            "rows": {"skus": 1, "locations": 1, "positions": 1, "orders": 0},
            "skus_seen": 1,
            "units": {
                "on_hand": 40,
                "reserved": 2,
                "allocated": 3,
                "unavailable": 0,
                "available": 35,
            },
            "sold_out": [],
            "latest": [],
        },
    ),
    _open("openapi", "/openapi.json", "This document", _openapi, dict, "application/json"),
    _open("docs", "/docs", "The contract, to read and to try", _docs, str, _HTML),
    _open(
        "page",
        "/",
        "The console: orders and stock, live, in a browser",
        _page,
        str,
        _HTML,
        note="It asks for a key, keeps it for the browser's tab, and may do what the key may.",
    ),
)
