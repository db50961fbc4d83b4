"""Orders: place one or many, read, list, cancel, ship."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from api import bulk, order_stream
from api.endpoint import Ask, Endpoint, Reply
from api.lines import NDJSON
from api.problems import missing
from api.routes import params
from api.routes.reservations import ORDER_ANSWER
from api.routes.submit import change, create
from api.wire import Param, body_type
from engine.core import limits
from engine.core.answers import OrderAnswer, ShipmentAnswer
from engine.core.commands import Cancel, Id, PlaceOrder, Ship
from engine.core.events import OrderStatus

CancelBody = body_type(Cancel, "channel", "order_id", name="CancelBody")
ShipmentBody = body_type(Ship, "channel", "order_id", name="ShipmentBody")
_STATUSES = tuple(status.name.lower() for status in OrderStatus)
Status = Literal[_STATUSES]


class OrderBatch(msgspec.Struct, forbid_unknown_fields=True):
    """Up to 1,000 orders; each stands alone. A bare list of orders is taken too."""

    orders: Annotated[list[PlaceOrder], Meta(min_length=1, max_length=limits.BATCH_ORDERS_MAX)]


_RESULT = [{"$ref": f"#/components/schemas/{name}"} for name in ("OrderAnswer", "Problem")]


class OrderResults(msgspec.Struct):
    """The answer or problem of each order, in the order sent."""

    results: Annotated[list[Any], Meta(extra_json_schema={"items": {"anyOf": _RESULT}})]


class OrdersPage(msgspec.Struct):
    """Orders, newest first. `next_cursor` is null on the last page."""

    orders: list[OrderAnswer]
    next_cursor: str | None


async def _order(ask: Ask) -> Reply:
    channel, order_id = ask.params["channel"], ask.params["order_id"]
    answer = await ask.front.client.order(channel, order_id)
    if answer is None:
        detail = f"channel {channel!r} has no order {order_id!r}"
        raise missing("unknown_order", "order_id", detail)
    return 200, answer


async def _orders(ask: Ask) -> Reply:
    query = ask.query
    rows, place = await ask.front.client.orders(
        status=query["status"],
        channel=query["channel"],
        q=query["q"],
        before=params.place_of(query["cursor"], 0),
        limit=query["limit"],
    )
    return 200, OrdersPage(rows, params.cursor_of(place))


_ORDER = {
    "order_id": "1001",
    "channel": "web",
    "lines": [{"sku": "TEA-1", "quantity": 2, "unit_price": 499}],
    "currency": "EUR",
    "payment": "paid",
    "ship_to": {"name": "A. Turing", "city": "Berlin", "postcode": "10115", "country": "DE"},
}
_ALLOT_CODES = (
    "idempotency_conflict",
    "unknown_location",
    "unknown_sku",
    "unknown_policy",
    "unknown_strategy",
    "not_routable",
    "location_inactive",
    "bundle_too_wide",
    "quantity_overflow",
    "insufficient_stock",
    "backorder_limit",
    "table_full",
)
_TWO = (params.CHANNEL, params.ORDER)

ENDPOINTS = (
    Endpoint(
        name="place_order",
        method="POST",
        path="/v1/orders",
        noun="orders",
        summary="Allocate an order; all or nothing unless `when_short` says otherwise",
        scope="sell",
        handler=create,
        body=PlaceOrder,
        answer=OrderAnswer,
        status=201,
        keyed=True,
        hot=True,
        codes=_ALLOT_CODES,
        example=_ORDER,
        answer_example=ORDER_ANSWER,
    ),
    Endpoint(
        name="place_orders",
        method="POST",
        path="/v1/orders/batch",
        noun="orders",
        summary="Allocate up to 1,000 orders; each stands alone",
        note=(
            "`results` holds, in the order sent, what each order would have got by itself: its "
            "answer, or its problem document with `status`. With an `Idempotency-Key`, order i "
            "has the key `KEY:i`."
        ),
        scope="sell",
        handler=bulk.place,
        body=OrderBatch,
        body_also={
            "type": "array",
            "items": {"$ref": "#/components/schemas/PlaceOrder"},
            "minItems": 1,
            "maxItems": limits.BATCH_ORDERS_MAX,
        },
        reader=bulk.Body(),
        answer=OrderResults,
        keyed=True,
        hot=True,
        example={"orders": [_ORDER]},
        answer_example={"results": [ORDER_ANSWER]},
    ),
    Endpoint(
        name="stream_orders",
        method="POST",
        path="/v1/orders/stream",
        noun="orders",
        summary="Allocate orders as they come in, one a line; results come back in the same order",
        note=(
            "Send the body in chunks, one order a line, for as long as you like: the answer "
            "begins at once, and each line gets, in the order sent, the line that it would get "
            "among the `results` of a batch. Blank lines are ignored and keep a stream open. A "
            "bad line, or one longer than a body may be, gets its problem, and the stream goes "
            "on. Read while you send: who does not read is not read from. The answer ends after "
            f"the end of the body. It also ends after {limits.ORDER_STREAM_IDLE_S:g} s without a "
            "byte (`request_timeout`) and when the server shuts down (`unavailable`): then a "
            "problem comes last, and orders without a result before it were not looked at."
        ),
        scope="sell",
        handler=order_stream.place,
        body=PlaceOrder,
        answer=OrderAnswer,
        lines=True,
        media=NDJSON,
        hot=True,
        codes=("unsupported_media_type", "invalid_value"),
        example=_ORDER,
        answer_example=ORDER_ANSWER,
    ),
    Endpoint(
        name="get_order",
        method="GET",
        path="/v1/orders/{channel}/{order_id}",
        noun="orders",
        summary="One order as it stands",
        handler=_order,
        params=_TWO,
        answer=OrderAnswer,
        codes=("unknown_order",),
        answer_example=ORDER_ANSWER,
    ),
    Endpoint(
        name="list_orders",
        method="GET",
        path="/v1/orders",
        noun="orders",
        summary="Orders, newest first, page by page",
        handler=_orders,
        query=(
            Param("status", Status, "only these", default="", example="allocated"),
            Param("channel", Id, "only those of this channel", default="", example="web"),
            Param("q", Id, "only ids that contain this", default="", example="10"),
            params.CURSOR,
            params.LIMIT,
        ),
        answer=OrdersPage,
        answer_example={"orders": [ORDER_ANSWER], "next_cursor": None},
    ),
    Endpoint(
        name="cancel_order",
        method="POST",
        path="/v1/orders/{channel}/{order_id}/cancel",
        noun="orders",
        summary="Cancel an order whole, or the quantities in `lines`",
        note=(
            "Cancelling a cancelled order whole answers the same, replayed. What has left cannot "
            "be cancelled: with `return_id`, it becomes a return of that id in the same step."
        ),
        scope="sell",
        handler=change,
        params=_TWO,
        body=CancelBody,
        command=Cancel,
        body_optional=True,
        answer=OrderAnswer,
        keyed=True,
        codes=(
            "idempotency_conflict",
            "unknown_order",
            "order_closed",
            "quantity_not_held",
            "unknown_sku",
            "not_returnable",
            "table_full",
        ),
        example={"lines": [{"sku": "TEA-1", "quantity": 1}], "reason": "customer changed mind"},
        answer_example={**ORDER_ANSWER, "status": "allocated"},
    ),
    Endpoint(
        name="ship_order",
        method="POST",
        path="/v1/orders/{channel}/{order_id}/shipments",
        noun="orders",
        summary="Units of an order leave: all that is allocated, or what `lines` name",
        note=(
            "With `location`, only units allocated there. Bundles leave whole. The units are "
            "neither allocated nor on hand afterwards; an order of which nothing is left to ship "
            "is `shipped` and closed."
        ),
        scope="stock",
        handler=create,
        params=_TWO,
        body=ShipmentBody,
        command=Ship,
        answer=ShipmentAnswer,
        status=201,
        keyed=True,
        codes=(
            "idempotency_conflict",
            "unknown_order",
            "unknown_location",
            "order_closed",
            "order_status",
            "order_incomplete",
            "quantity_not_held",
            "insufficient_stock",
            "table_full",
        ),
        example={
            "shipment_id": "parcel-1",
            "location": "berlin",
            "lines": [{"sku": "TEA-1", "quantity": 2}],
            "carrier": "dhl",
            "tracking_number": "00340434161094042557",
        },
        answer_example={
            "seq": 12,
            "shipment_id": "parcel-1",
            "channel": "web",
            "order_id": "1001",
            "status": "partially_shipped",
            "lines": [{"sku": "TEA-1", "quantity": 2, "location": "berlin"}],
            "carrier": "dhl",
            "tracking_number": "00340434161094042557",
        },
    ),
)
