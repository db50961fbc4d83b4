"""The audit: what was done by people and keys, with what was before and after. It comes from the
views, where it has indexes by actor and subject; the log and its archive have none."""

from datetime import UTC, datetime, timedelta

import msgspec

from api.endpoint import Ask, Endpoint, Reply
from api.routes import params
from api.routes.views import views_of
from api.who import actors_named, name_of
from api.wire import Param
from engine.core import limits
from engine.core.commands import Id
from engine.core.terms import Moment
from engine.views import audit

_FROM, _TO = "2026-11-27T00:00:00Z", "2026-11-28T00:00:00Z"
_EPOCH, _US = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)


class AuditPage(msgspec.Struct):
    """What was done, newest first. `next_cursor` is null on the last page."""

    done: list[audit.AuditRow]
    next_cursor: str | None


def _us(at: datetime | None, none: int) -> int:
    return none if at is None else min(max((at - _EPOCH) // _US, 0), limits.STAMP_US_MAX)


async def _audit(ask: Ask) -> Reply:
    query, name = ask.query, ask.query["actor"]
    rows, place = await views_of(ask).ask(
        audit.page,
        actors_named(ask.front, name) if name else [],
        _us(query["from"], 0),
        _us(query["to"], limits.STAMP_US_MAX),
        before=params.place_of(query["cursor"], 0),
        limit=query["limit"],
    )
    for row in rows:
        row.actor_name = name_of(ask.front, row.actor) if row.actor else None
    return 200, AuditPage(rows, params.cursor_of(place))


_DONE = {
    "seq": 31,
    "stamp_us": 1_795_000_000_000_000,
    "actor": "user:ada",
    "kind": "stock_moved",
    "what": "adjustment",
    "subject": None,
    "ref": "adj-7",
    "channel": None,
    "order_id": None,
    "before": None,
    "after": None,
    "moved": [
        {
            "sku": "TEA-1",
            "location": "berlin",
            "bucket": "on_hand",
            "before": 40,
            "after": 38,
            "reason": "broken",
        }
    ],
    "actor_name": "ada",
}

ENDPOINTS = (
    Endpoint(
        name="list_audit",
        method="GET",
        path="/v1/audit",
        noun="views",
        summary="What was done by people and keys, newest first, with what was before and after",
        note=(
            "Everything but orders that keys placed and reservations, which are in the views' "
            "`activity`. It is read from the views, which may be a moment behind the log. Fields "
            "that hold secrets are hidden."
        ),
        scope="admin",
        handler=_audit,
        query=(
            Param(
                "actor",
                Id,
                "only what this one did: a key's id or label, or a user's name",
                default="",
                example="ada",
            ),
            Param("from", Moment, "from this time on", default=None, example=_FROM),
            Param("to", Moment, "before this time", default=None, example=_TO),
            params.CURSOR,
            params.LIMIT,
        ),
        answer=AuditPage,
        answer_example={"done": [_DONE], "next_cursor": None},
    ),
)
