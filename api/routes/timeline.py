"""Timelines: every change of an order, with who did it."""

from api.endpoint import Ask, Endpoint, Reply
from api.problems import missing
from api.routes import params
from api.who import name_of
from engine.core.timeline import TimelineAnswer


async def _timeline(ask: Ask) -> Reply:
    channel, order_id = ask.params["channel"], ask.params["order_id"]
    found = await ask.front.client.timeline(
        channel,
        order_id,
        after=params.place_of(ask.query["cursor"], 0),
        limit=ask.query["limit"],
    )
    if found is None:
        detail = f"channel {channel!r} has no order {order_id!r}"
        raise missing("unknown_order", "order_id", detail)
    answer, place = found
    answer.next_cursor = params.cursor_of(place)
    for change in answer.changes:
        change.actor_name = name_of(ask.front, change.actor)
    return 200, answer


_KEY = "5f1c09aa72e4"
_THEN = "2026-11-27T10:00:00Z"
_CHANGES = [
    {
        "seq": 14,
        "at": _THEN,
        "what": "placed",
        "actor": _KEY,
        "actor_name": "web shop",
        "lines": [{"quantity": 2, "sku": "TEA-1", "line": 0, "location": "berlin"}],
        "details": {"status": "allocated"},
    },
    {
        "seq": 19,
        "at": _THEN,
        "what": "shipped",
        "actor": "user:ada",
        "actor_name": "ada",
        "lines": [{"quantity": 2, "sku": "TEA-1", "line": 0, "location": "berlin"}],
        "details": {"status": "shipped", "shipment_id": "parcel-1", "carrier": "DHL"},
    },
]

ENDPOINTS = (
    Endpoint(
        name="get_timeline",
        method="GET",
        path="/v1/orders/{channel}/{order_id}/timeline",
        noun="orders",
        summary="Every change of an order, oldest first: who, what, why, how many and where",
        note=(
            "`actor` is the id of the API key that asked for it, `user:NAME` for a person, `timer` "
            "if a time was over, or `system`. `seq` is the position in the log. It comes from the "
            "ledger, so it needs no views."
        ),
        handler=_timeline,
        params=(params.CHANNEL, params.ORDER),
        query=(params.CURSOR, params.LIMIT),
        answer=TimelineAnswer,
        codes=("unknown_order",),
        answer_example={
            "channel": "web",
            "order_id": "1001",
            "seq": 19,
            "complete": True,
            "changes": _CHANGES,
            "next_cursor": None,
        },
    ),
)
