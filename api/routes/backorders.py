"""Backorders: who waits for what, whose turn it is, and when it can be promised."""

import msgspec

from api.endpoint import Ask, Endpoint, Reply
from api.problems import missing
from api.routes import params
from api.routes.reading import page, unknown
from engine.core.promises import BackorderAnswer, PromisesAnswer, TurnsAnswer


class BackordersPage(msgspec.Struct):
    """SKUs that are waited for, in order of creation. `next_cursor` is null on the last page."""

    backorders: list[BackorderAnswer]
    next_cursor: str | None


async def _promises(ask: Ask) -> Reply:
    channel, order_id = ask.params["channel"], ask.params["order_id"]
    answer = await ask.front.client.promises(channel, order_id)
    if answer is None:
        detail = f"channel {channel!r} has no order {order_id!r}"
        raise missing("unknown_order", "order_id", detail)
    return 200, answer


async def _turns(ask: Ask) -> Reply:
    sku = ask.params["sku"]
    answer = await ask.front.client.turns(sku, ask.query["limit"])
    if answer is None:
        raise unknown("sku", sku, "SKU")
    return 200, answer


_BACKORDER = {
    "sku": "TEA-1",
    "orders": 2,
    "units": 5,
    "incoming": 120,
    "covered_at": "2026-12-01T08:00:00Z",
}
_TURN = {
    "channel": "web",
    "order_id": "1001",
    "units": 2,
    "priority": 5,
    "promised_at": "2026-12-01T08:00:00Z",
}
_OLDEST = {"channel": "web", "order_id": "998", "units": 3, "promised_at": "2026-12-01T08:00:00Z"}
_SUPPLY = {
    "sku": "TEA-1",
    "units": 2,
    "purchase_order": "PO-17",
    "expected_at": "2026-12-01T08:00:00Z",
}

ENDPOINTS = (
    Endpoint(
        name="get_promises",
        method="GET",
        path="/v1/orders/{channel}/{order_id}/promises",
        noun="backorders",
        summary="What an order waits for, and by when it can be had",
        note=(
            "Supply is what is available and what purchase orders bring, by date; it goes to those "
            "that wait in their turn. A promise reserves nothing: a purchase order put anew, or "
            "an order with a higher priority, makes it another."
        ),
        handler=_promises,
        params=(params.CHANNEL, params.ORDER),
        answer=PromisesAnswer,
        codes=("unknown_order",),
        answer_example={
            "channel": "web",
            "order_id": "1001",
            "status": "backordered",
            "seq": 41,
            "lines": [
                {
                    "line": 0,
                    "sku": "TEA-1",
                    "units": 2,
                    "promised_at": "2026-12-01T08:00:00Z",
                    "supply": [_SUPPLY],
                }
            ],
            "promised_at": "2026-12-01T08:00:00Z",
        },
    ),
    Endpoint(
        name="list_backorders",
        method="GET",
        path="/v1/backorders",
        noun="backorders",
        summary="The SKUs that orders wait for, page by page",
        handler=page("backorders", BackordersPage),
        query=(params.CURSOR, params.LIMIT),
        answer=BackordersPage,
        answer_example={"backorders": [_BACKORDER], "next_cursor": None},
    ),
    Endpoint(
        name="get_turns",
        method="GET",
        path="/v1/backorders/{sku}",
        noun="backorders",
        summary="The orders that wait for a SKU, the first in turn first",
        handler=_turns,
        params=(params.SKU,),
        query=(params.LIMIT,),
        answer=TurnsAnswer,
        codes=("unknown_sku",),
        answer_example={
            "seq": 41,
            "backorder": _BACKORDER,
            "turns": [_TURN, _OLDEST],
            "oldest": _OLDEST,
        },
    ),
)
