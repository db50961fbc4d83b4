"""Holds on orders: put on, and ended by whoever decides."""

from api.endpoint import Endpoint
from api.routes import params
from api.routes.reservations import ORDER_ANSWER
from api.routes.submit import change, create
from api.wire import Param, body_type
from engine.core.answers import OrderAnswer
from engine.core.commands import Hold, Id, ReleaseHold

HoldBody = body_type(Hold, "channel", "order_id", name="HoldBody")
ReleaseHoldBody = body_type(ReleaseHold, "channel", "order_id", "hold_id", name="ReleaseHoldBody")
_TWO = (params.CHANNEL, params.ORDER)
_HOLD = Param("hold_id", Id, "the hold's id, the order's own", example="risk-1")
_EXAMPLE = {
    "hold_id": "risk-1",
    "reason": "payment",
    "owner": "risk team",
    "minutes": 120,
    "then": "cancel",
    "keeps_stock": True,
}
_ON_HOLD = {key: value for key, value in _EXAMPLE.items() if key != "minutes"}
_ON_HOLD |= {"until": "2026-11-23T22:15:00Z"}

ENDPOINTS = (
    Endpoint(
        name="hold_order",
        method="POST",
        path="/v1/orders/{channel}/{order_id}/holds",
        noun="orders",
        summary="Put a hold on an order: it does not leave until all of its holds have ended",
        note=(
            "Without `keeps_stock` its units are given back meanwhile, and all of it waits. The "
            "same hold again answers with the order as it stands, `replayed`."
        ),
        scope="sell",
        handler=create,
        params=_TWO,
        body=HoldBody,
        command=Hold,
        answer=OrderAnswer,
        status=201,
        keyed=True,
        codes=(
            "idempotency_conflict",
            "unknown_order",
            "order_closed",
            "order_status",
            "table_full",
            "bundle_parted",
        ),
        example=_EXAMPLE,
        answer_example={**ORDER_ANSWER, "status": "on_hold", "holds": [_ON_HOLD]},
    ),
    Endpoint(
        name="release_hold",
        method="POST",
        path="/v1/orders/{channel}/{order_id}/holds/{hold_id}/release",
        noun="orders",
        summary="End a hold; with the last one, what waits is allocated as far as there is stock",
        note="Ending a hold that has ended answers with the order as it stands, `replayed`.",
        scope="sell",
        handler=change,
        params=(*_TWO, _HOLD),
        body=ReleaseHoldBody,
        command=ReleaseHold,
        body_optional=True,
        answer=OrderAnswer,
        keyed=True,
        codes=(
            "idempotency_conflict",
            "unknown_order",
            "unknown_hold",
            "order_closed",
            "table_full",
        ),
        example={},
        answer_example=ORDER_ANSWER,
    ),
)
