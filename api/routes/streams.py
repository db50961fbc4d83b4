"""Stock as server-sent events: every change, or for screens the newest state each interval."""

from typing import Annotated

import msgspec

from api.endpoint import Ask, Endpoint, Reply
from api.problems import field
from api.streams import CHANGE_ID, begin, told
from api.wire import Param
from engine.core import limits
from engine.core.commands import Id
from engine.service.client import Change

_EVERY = msgspec.Meta(ge=limits.STATES_EVERY_MS_MIN, le=limits.STATES_EVERY_MS_MAX)


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
    """Begin a stream."""
    front, query = ask.front, ask.query
    skus, locations = frozenset(query["skus"]), frozenset(query["locations"])
    after = _last_event_id(ask)
    if query["every_ms"] is None:
        kind, source = "changes", told(front.client.changes(after, skus, locations))
    else:
        _check_followed(skus)
        kind, source = "states", front.states.follow(skus, locations, query["every_ms"] / 1_000)
    return 200, await begin(source, kind, front.settings.stream_first_s)


def _check_followed(skus: frozenset[str]) -> None:
    """Refuse to read the states of everything, or of too much, again and again."""
    most = limits.STATES_SKUS_MAX
    if not skus:
        raise field("missing_field", "skus", f"with `every_ms`, name 1 to {most} SKUs")
    if len(skus) > most:
        raise field("invalid_length", "skus", f"with `every_ms`, name {most} SKUs at most")


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
            "and go on after `oldest`. `end` ends one for another reason: connect again.\n\n"
            "With `every_ms` the stream is for screens: it begins with the present state of each "
            "position of `skus`, and then tells the newest state of those that changed, once each "
            "interval. Its changes have the reason `state` and no `id` of their own; the last "
            "event of an interval has a log position as its id: all up to there is known. "
            "`Last-Event-ID` changes nothing then, and there is no gap. A caller that reads slowly "
            "gets fewer states. A bundle has no positions: name its components."
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
            Param(
                "every_ms",
                Annotated[int, _EVERY],
                f"states instead of changes, once in so many milliseconds; needs `skus`, "
                f"{limits.STATES_SKUS_MAX} at most",
                default=None,
                example=250,
            ),
        ),
        headers=(Param("Last-Event-ID", str, "resume after this event", default=""),),
        answer=Change,
        media="text/event-stream",
        codes=("stream_gap", "invalid_value", "missing_field"),
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
