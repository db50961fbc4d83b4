"""Returns: goods that come back, and what becomes of them."""

from typing import Literal

import msgspec

from api.endpoint import Ask, Endpoint, Reply
from api.problems import missing
from api.routes import params
from api.routes.submit import change, create
from api.wire import Param, body_type
from engine.core.answers import ReturnAnswer
from engine.core.commands import Id
from engine.core.notes.returns import STATUSES
from engine.core.return_commands import (
    ApproveReturn,
    CloseReturn,
    InspectReturn,
    OpenReturn,
    ReceiveReturn,
    RefundReturn,
    RejectReturn,
)

_ORDER = ("channel", "order_id")
_ONE = (*_ORDER, "return_id")
OpenReturnBody = body_type(OpenReturn, *_ORDER, name="OpenReturnBody")
ApproveReturnBody = body_type(ApproveReturn, *_ONE, name="ApproveReturnBody")
RejectReturnBody = body_type(RejectReturn, *_ONE, name="RejectReturnBody")
ReceiveReturnBody = body_type(ReceiveReturn, *_ONE, name="ReceiveReturnBody")
InspectReturnBody = body_type(InspectReturn, *_ONE, name="InspectReturnBody")
RefundReturnBody = body_type(RefundReturn, *_ONE, name="RefundReturnBody")
CloseReturnBody = body_type(CloseReturn, *_ONE, name="CloseReturnBody")
Status = Literal[STATUSES]


class ReturnsPage(msgspec.Struct):
    """Returns, newest first. `next_cursor` is null on the last page."""

    returns: list[ReturnAnswer]
    next_cursor: str | None


async def _return(ask: Ask) -> Reply:
    channel, order_id, name = (ask.params[key] for key in _ONE)
    answer = await ask.front.client.return_(channel, order_id, name)
    if answer is None:
        detail = f"order {order_id!r} of channel {channel!r} has no return {name!r}"
        raise missing("unknown_return", "return_id", detail)
    return 200, answer


async def _returns(ask: Ask) -> Reply:
    query = ask.query
    rows, place = await ask.front.client.returns(
        status=query["status"],
        channel=query["channel"],
        order_id=query["order_id"],
        before=params.place_of(query["cursor"], 0),
        limit=query["limit"],
    )
    return 200, ReturnsPage(rows, params.cursor_of(place))


_TWO = (params.CHANNEL, params.ORDER)
_THREE = (*_TWO, Param("return_id", Id, "the return's id, the order's own", example="rma-1"))
_OPEN = {
    "return_id": "rma-1",
    "reason": "too small",
    "lines": [{"sku": "TEA-1", "quantity": 2}],
}
_ANSWER = {
    "seq": 14,
    "return_id": "rma-1",
    "channel": "web",
    "order_id": "1001",
    "status": "requested",
    "reason": "too small",
    "lines": [{"sku": "TEA-1", "quantity": 2, "reason": "too small"}],
    "units": [{"sku": "TEA-1", "expected": 2, "received": 0}],
}
_CAME = {**_ANSWER, "units": [{"sku": "TEA-1", "expected": 2, "received": 2}]}
_TWO_TEA = {"sku": "TEA-1", "location": "berlin", "quantity": 2}
_CODES = ("idempotency_conflict", "unknown_order", "unknown_return", "table_full")


def _step(name: str, word: str, body: type, command: type, **more) -> Endpoint:
    """Return the call that does one step of a return."""
    codes = more.pop("codes", ())
    return Endpoint(
        name=name,
        method="POST",
        path="/v1/orders/{channel}/{order_id}/returns/{return_id}/" + word,
        noun="returns",
        params=_THREE,
        body=body,
        command=command,
        answer=ReturnAnswer,
        keyed=True,
        codes=(*_CODES, *codes),
        **more,
    )


ENDPOINTS = (
    Endpoint(
        name="open_return",
        method="POST",
        path="/v1/orders/{channel}/{order_id}/returns",
        noun="returns",
        summary="Announce that units that have left come back: those named, or all",
        note=(
            "At most what has left and is in no other return. Of a bundle, name the bundle or its "
            "parts. With `exchange`, another order is allocated in the same step, linked to the "
            "return, and on hold until the goods have come. The same again answers with the "
            "return as it stands, `replayed`."
        ),
        scope="sell",
        handler=create,
        params=_TWO,
        body=OpenReturnBody,
        command=OpenReturn,
        answer=ReturnAnswer,
        status=201,
        keyed=True,
        codes=(
            "idempotency_conflict",
            "unknown_order",
            "unknown_sku",
            "not_returnable",
            "order_exists",
            "unknown_policy",
            "unknown_strategy",
            "not_routable",
            "location_inactive",
            "bundle_too_wide",
            "quantity_overflow",
            "insufficient_stock",
            "table_full",
        ),
        example=_OPEN,
        answer_example=_ANSWER,
    ),
    _step(
        "approve_return",
        "approve",
        ApproveReturnBody,
        ApproveReturn,
        summary="Let the goods of a return be sent, with the data of a label",
        note="Approving again with another label replaces it, until something has come.",
        scope="sell",
        handler=change,
        body_optional=True,
        codes=("return_status",),
        example={"carrier": "dhl", "tracking_number": "00340434161094042564"},
        answer_example={
            **_ANSWER,
            "status": "approved",
            "carrier": "dhl",
            "tracking_number": "00340434161094042564",
        },
    ),
    _step(
        "reject_return",
        "reject",
        RejectReturnBody,
        RejectReturn,
        summary="Do not take the goods of a return back; they may be announced again",
        scope="sell",
        handler=change,
        codes=("return_status",),
        example={"reason": "worn"},
        answer_example={**_ANSWER, "status": "rejected", "why": "worn"},
    ),
    _step(
        "receive_return",
        "receipts",
        ReceiveReturnBody,
        ReceiveReturn,
        summary="Goods of a return arrived at a location, any one",
        note=(
            "They are on hand there, in quality control: nobody can buy them until they are "
            "inspected. More or other units than announced are taken, if they have left with "
            "this order. Bundles come back as their parts."
        ),
        scope="stock",
        handler=create,
        status=201,
        codes=(
            "unknown_location",
            "unknown_sku",
            "bundle_not_stocked",
            "quantity_overflow",
            "return_status",
            "not_returnable",
        ),
        example={
            "receipt_id": "parcel-9",
            "location": "berlin",
            "lines": [{"sku": "TEA-1", "quantity": 2}],
        },
        answer_example={**_CAME, "status": "received", "inspecting": [_TWO_TEA]},
    ),
    _step(
        "inspect_return",
        "inspections",
        InspectReturnBody,
        InspectReturn,
        summary="Say what becomes of units of a return, where they were received",
        note=(
            "`restock` makes them available there; `damaged` and `quality_control` keep them "
            "aside; `scrap` takes them out of the stock. A return is closed when all that was "
            "announced has come and was inspected."
        ),
        scope="stock",
        handler=create,
        status=201,
        codes=(
            "unknown_location",
            "unknown_sku",
            "bundle_not_stocked",
            "quantity_not_held",
            "insufficient_stock",
        ),
        example={
            "inspection_id": "look-1",
            "location": "berlin",
            "lines": [{"sku": "TEA-1", "quantity": 2, "disposition": "restock"}],
        },
        answer_example={
            **_CAME,
            "status": "closed",
            "inspected": [{**_TWO_TEA, "disposition": "restock"}],
        },
    ),
    _step(
        "refund_return",
        "refunds",
        RefundReturnBody,
        RefundReturn,
        summary="Note money that goes back for a return; it moves no stock and waits for none",
        scope="sell",
        handler=create,
        status=201,
        example={"refund_id": "m-1", "amount": 998, "currency": "EUR"},
        answer_example={
            **_ANSWER,
            "refunds": [{"refund_id": "m-1", "amount": 998, "currency": "EUR"}],
        },
    ),
    _step(
        "close_return",
        "close",
        CloseReturnBody,
        CloseReturn,
        summary="Expect no more of a return; what has not come may be announced again",
        scope="sell",
        handler=change,
        body_optional=True,
        codes=("return_status",),
        example={"reason": "lost by the carrier"},
        answer_example={**_ANSWER, "status": "closed", "why": "lost by the carrier"},
    ),
    Endpoint(
        name="get_return",
        method="GET",
        path="/v1/orders/{channel}/{order_id}/returns/{return_id}",
        noun="returns",
        summary="One return as it stands",
        handler=_return,
        params=_THREE,
        answer=ReturnAnswer,
        codes=("unknown_return",),
        answer_example=_ANSWER,
    ),
    Endpoint(
        name="list_returns",
        method="GET",
        path="/v1/returns",
        noun="returns",
        summary="Returns, newest first, page by page; with `order_id`, those of one order",
        handler=_returns,
        query=(
            Param("status", Status, "only these", default="", example="received"),
            Param("channel", Id, "only those of this channel", default="", example="web"),
            Param(
                "order_id", Id, "with `channel`: those of this order", default="", example="1001"
            ),
            params.CURSOR,
            params.LIMIT,
        ),
        answer=ReturnsPage,
        answer_example={"returns": [_ANSWER], "next_cursor": None},
    ),
)
