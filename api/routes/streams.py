"""Stock changes as server-sent events."""

import asyncio

from api.endpoint import Ask, Endpoint, Reply
from api.problems import field
from api.streams import CHANGE_ID, Stream, events
from api.wire import Param
from engine.core.commands import Id
from engine.service.client import Change


def _last_event_id(ask: Ask) -> str | None:
    """Return where to resume, or None to start from now."""
    for name, value in ask.headers:
        if name == b"last-event-id" and value:
            text = value.decode("latin-1")
            if not CHANGE_ID.match(text):
                detail = "send the `id` of the last event you saw, like 1234-0"
                raise field("invalid_value", "Last-Event-ID", detail)
            return text
    return None


async def _stock(ask: Ask) -> Reply:
    """Begin a stream. What is wrong at once (a gap, too many followers) is a problem document,
    so the answer waits a moment for the first change or the first error."""
    changes = ask.front.client.changes(
        _last_event_id(ask), frozenset(ask.query["skus"]), frozenset(ask.query["locations"])
    )
    first = asyncio.ensure_future(anext(changes))
    try:
        await asyncio.wait({first}, timeout=ask.front.settings.stream_first_s)
    except asyncio.CancelledError:
        first.cancel()
        raise
    if first.done() and first.exception():
        await changes.aclose()
        raise first.exception()
    return 200, Stream(events(first, changes))


ENDPOINTS = (
    Endpoint(
        name="stream_stock",
        method="GET",
        path="/v1/streams/stock",
        noun="streams",
        summary="Stock changes as server-sent events, resumable without gap or repeat",
        note=(
            "Events are `stock` with a change as JSON; their `id` is a log position, to be sent "
            "back as `Last-Event-ID`. A comment line comes about every 15 seconds when nothing "
            "happens. `gap` ends a stream that cannot be resumed from there: read the stock anew "
            "and go on after `oldest`. `end` ends one for another reason: connect again."
        ),
        handler=_stock,
        query=(
            Param(
                "skus",
                Id,
                "only these SKUs, separated by commas (a comma inside a SKU is %2C)",
                default=(),
                separated=True,
                example="TEA-1",
            ),
            Param(
                "locations",
                Id,
                "only these locations, separated by commas",
                default=(),
                separated=True,
                example="berlin",
            ),
        ),
        headers=(Param("Last-Event-ID", str, "resume after this event", default=""),),
        answer=Change,
        media="text/event-stream",
        codes=("stream_gap", "invalid_value"),
        answer_example={
            "id": "12-0",
            "seq": 12,
            "sku": "TEA-1",
            "location": "berlin",
            "reason": "order",
            "on_hand": 40,
            "reserved": 0,
            "allocated": 5,
            "unavailable": 0,
            "available": 35,
        },
    ),
)
