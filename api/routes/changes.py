"""What may be changed of an order afterwards: edits, merges and splits."""

from api.endpoint import Endpoint
from api.routes import params
from api.routes.reservations import ORDER_ANSWER
from api.routes.submit import change, create
from api.wire import body_type
from engine.core.answers import OrderAnswer
from engine.core.commands import EditOrder, MergeOrders, Reallocate, SplitOrder

EditOrderBody = body_type(EditOrder, "channel", "order_id", name="EditOrderBody")
MergeOrdersBody = body_type(MergeOrders, "channel", "order_id", name="MergeOrdersBody")
ReallocateBody = body_type(Reallocate, "channel", "order_id", name="ReallocateBody")
SplitOrderBody = body_type(SplitOrder, "channel", "order_id", name="SplitOrderBody")
_TWO = (params.CHANNEL, params.ORDER)
_CODES = ("idempotency_conflict", "unknown_order", "order_status", "table_full")
_LINE_CODES = ("unknown_line", "duplicate_line", "quantity_not_held")

ENDPOINTS = (
    Endpoint(
        name="edit_order",
        method="PATCH",
        path="/v1/orders/{channel}/{order_id}",
        noun="orders",
        summary="Change lines, address, date or texts of an order, all in one step or nothing",
        note=(
            "Give the units wanted in all, not the difference. An edit of prices and texts touches "
            "no stock; another address is routed anew. The same `edit_id` again answers with the "
            "order as it stands, `replayed`."
        ),
        scope="sell",
        handler=change,
        params=_TWO,
        body=EditOrderBody,
        command=EditOrder,
        answer=OrderAnswer,
        keyed=True,
        codes=(
            *_CODES,
            *_LINE_CODES,
            "order_closed",
            "stale_order",
            "unknown_sku",
            "unknown_location",
            "location_inactive",
            "bundle_too_wide",
            "bundle_remade",
            "bundle_parted",
            "quantity_overflow",
            "insufficient_stock",
            "backorder_limit",
        ),
        example={"edit_id": "e1", "lines": [{"sku": "TEA-1", "quantity": 2}]},
        answer_example=ORDER_ANSWER,
    ),
    Endpoint(
        name="merge_orders",
        method="POST",
        path="/v1/orders/{channel}/{order_id}/merge",
        noun="orders",
        summary="Take over the lines and units of another order, which is cancelled",
        note="Both orders go to the same address in the same currency, and nothing has left.",
        scope="sell",
        handler=change,
        params=_TWO,
        body=MergeOrdersBody,
        command=MergeOrders,
        answer=OrderAnswer,
        keyed=True,
        codes=(*_CODES, "orders_differ", "bundle_too_wide", "bundle_parted"),
        example={"merge_id": "m1", "from_order_id": "1002"},
        answer_example=ORDER_ANSWER,
    ),
    Endpoint(
        name="split_order",
        method="POST",
        path="/v1/orders/{channel}/{order_id}/split",
        noun="orders",
        summary="Move units of an order, with what they hold, into a new one",
        note="Without `lines`, what waits is moved. The answer is the new order.",
        scope="sell",
        handler=create,
        params=_TWO,
        body=SplitOrderBody,
        command=SplitOrder,
        answer=OrderAnswer,
        status=201,
        keyed=True,
        codes=(*_CODES, *_LINE_CODES, "order_exists", "bundle_parted"),
        example={
            "split_id": "s1",
            "new_order_id": "1001-b",
            "lines": [{"sku": "TEA-1", "quantity": 1}],
        },
        answer_example=ORDER_ANSWER,
    ),
    Endpoint(
        name="reallocate_order",
        method="POST",
        path="/v1/orders/{channel}/{order_id}/reallocations",
        noun="orders",
        summary="Let an order that waits take units over from orders that it comes before",
        note=(
            "Before come a higher priority and, with the same one, an earlier `required_by`; age "
            "alone does not count. Each order that gives has a note that says to whom and why."
        ),
        scope="sell",
        handler=change,
        params=_TWO,
        body=ReallocateBody,
        command=Reallocate,
        answer=OrderAnswer,
        keyed=True,
        codes=(*_CODES, "order_closed", "insufficient_stock"),
        example={"reallocation_id": "r1", "lock_hours": 48},
        answer_example=ORDER_ANSWER,
    ),
)
