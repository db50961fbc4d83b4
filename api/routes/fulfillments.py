"""Fulfillments: an order is given to its locations, and they say what becomes of it."""

from typing import Literal

import msgspec

from api.endpoint import Ask, Endpoint, Reply
from api.problems import missing
from api.routes import params
from api.routes.submit import change, create
from api.wire import Param, body_type
from engine.core import fulfillment_commands as c
from engine.core import fulfillment_life
from engine.core.answers import FulfillmentAnswer, ReleaseAnswer, ShipmentAnswer
from engine.core.commands import Id
from engine.core.waves import WaveAnswer

Status = Literal[fulfillment_life.OPEN]
_ID = Param("fulfillment_id", Id, "the fulfillment's id", example="11-1")
ReleaseOrderBody = body_type(c.ReleaseOrder, "channel", "order_id", name="ReleaseOrderBody")


class FulfillmentsPage(msgspec.Struct):
    """Open fulfillments, the oldest release first. `next_cursor` is null on the last page."""

    fulfillments: list[FulfillmentAnswer]
    next_cursor: str | None


async def _one(ask: Ask) -> Reply:
    name = ask.params["fulfillment_id"]
    answer = await ask.front.client.fulfillment(name)
    if answer is None:
        detail = f"fulfillment {name!r} does not exist"
        raise missing("unknown_fulfillment", "fulfillment_id", detail)
    return 200, answer


async def _list(ask: Ask) -> Reply:
    query = ask.query
    rows, place = await ask.front.client.fulfillments(
        location=query["location"],
        status=query["status"],
        after=params.place_of(query["cursor"], -1),
        limit=query["limit"],
    )
    return 200, FulfillmentsPage(rows, params.cursor_of(place))


_PACKAGE = {
    "package_id": "box-1",
    "weight_g": 1_250,
    "lines": [{"sku": "TEA-1", "quantity": 3}],
}
_ANSWER = {
    "seq": 12,
    "fulfillment_id": "11-1",
    "channel": "web",
    "order_id": "1001",
    "location": "berlin",
    "status": "requested",
    "order_status": "released",
    "lines": [{"sku": "TEA-1", "quantity": 3}],
    "accept_by": "2026-11-23T20:45:00Z",
}
_BASE = "/v1/fulfillments/{fulfillment_id}"
_CODES = (
    "idempotency_conflict",
    "unknown_fulfillment",
    "fulfillment_status",
    "order_status",
    "table_full",
)


def _step(
    verb: str,
    command: type,
    summary: str,
    example: dict,
    status: str,
    *,
    note: str = "",
    required: bool = False,
    codes: tuple[str, ...] = (),
) -> Endpoint:
    """Return the call that brings a fulfillment to `status`."""
    return Endpoint(
        name=f"{verb}_fulfillment",
        method="POST",
        path=f"{_BASE}/{verb}",
        noun="fulfillments",
        summary=summary,
        note=note or "Once more it answers with the fulfillment as it stands, `replayed`.",
        scope="stock",
        handler=change,
        params=(_ID,),
        body=body_type(command, "fulfillment_id", name=f"{command.__name__}Body"),
        command=command,
        body_optional=not required,
        answer=FulfillmentAnswer,
        keyed=True,
        codes=(*_CODES, *codes),
        example=example,
        answer_example={k: v for k, v in _ANSWER.items() if k != "accept_by"} | {"status": status},
    )


def _leaves(verb: str, command: type, summary: str, example: dict) -> Endpoint:
    """Return the call by which units of a fulfillment leave."""
    return Endpoint(
        name=f"{verb}_fulfillment",
        method="POST",
        path=f"{_BASE}/{verb}",
        noun="fulfillments",
        summary=summary,
        note=(
            "Without `lines`, all of it leaves, parts of bundles that lie at other locations too "
            "among them; such a bundle counts as shipped with the last part. Bundles that `lines` "
            "name leave whole. The units are neither allocated nor on hand afterwards. The "
            "`shipment_id` is the order's own."
        ),
        scope="stock",
        handler=create,
        params=(_ID,),
        body=body_type(command, "fulfillment_id", name=f"{command.__name__}Body"),
        command=command,
        answer=ShipmentAnswer,
        status=201,
        keyed=True,
        codes=(
            *_CODES,
            "order_incomplete",
            "quantity_not_held",
            "insufficient_stock",
            "duplicate_line",
        ),
        example=example,
        answer_example={
            "seq": 16,
            "shipment_id": "parcel-1",
            "channel": "web",
            "order_id": "1001",
            "status": "shipped",
            "lines": [{"sku": "TEA-1", "quantity": 3, "location": "berlin"}],
        },
    )


ENDPOINTS = (
    Endpoint(
        name="release_order",
        method="POST",
        path="/v1/orders/{channel}/{order_id}/release",
        noun="fulfillments",
        summary="Give an order to the locations that have its units, as one fulfillment each",
        note=(
            "What is allocated and not released yet is released, all of it or that at `location`. "
            "A location that has not accepted `accept_minutes` from now loses it. The same release "
            "again answers with its fulfillments as they stand, `replayed`."
        ),
        scope="stock",
        handler=create,
        params=(params.CHANNEL, params.ORDER),
        body=ReleaseOrderBody,
        command=c.ReleaseOrder,
        answer=ReleaseAnswer,
        status=201,
        keyed=True,
        codes=(
            "idempotency_conflict",
            "unknown_order",
            "unknown_location",
            "order_closed",
            "order_status",
            "order_incomplete",
            "location_inactive",
            "quantity_not_held",
            "table_full",
        ),
        example={"release_id": "r1", "accept_minutes": 30},
        answer_example={
            "seq": 12,
            "release_id": "r1",
            "channel": "web",
            "order_id": "1001",
            "status": "released",
            "fulfillments": [_ANSWER],
        },
    ),
    Endpoint(
        name="release_wave",
        method="POST",
        path="/v1/waves",
        noun="fulfillments",
        summary="Release many orders at once, the oldest first",
        note=(
            "Takes orders of which something is allocated and not released: those of `channel`, "
            "with units at `location`, that are required by `required_by` or earlier. With "
            "`next_after` in the answer there may be more: send it as `after` of the next wave. "
            "The same wave again answers the same, `replayed`."
        ),
        scope="stock",
        handler=create,
        body=c.ReleaseWave,
        answer=WaveAnswer,
        status=201,
        keyed=True,
        codes=("idempotency_conflict", "unknown_location", "table_full"),
        example={"wave_id": "morning-1", "location": "berlin", "limit": 50},
        answer_example={
            "seq": 12,
            "wave_id": "morning-1",
            "orders": [{"channel": "web", "order_id": "1001"}],
        },
    ),
    Endpoint(
        name="get_fulfillment",
        method="GET",
        path=_BASE,
        noun="fulfillments",
        summary="One fulfillment as it stands",
        handler=_one,
        params=(_ID,),
        answer=FulfillmentAnswer,
        codes=("unknown_fulfillment",),
        answer_example=_ANSWER,
    ),
    Endpoint(
        name="list_fulfillments",
        method="GET",
        path="/v1/fulfillments",
        noun="fulfillments",
        summary="The work list: open fulfillments, the oldest release first, page by page",
        handler=_list,
        query=(
            Param("location", Id, "only those of this location", default="", example="berlin"),
            Param("status", Status, "only these", default="", example="requested"),
            params.CURSOR,
            params.LIMIT,
        ),
        answer=FulfillmentsPage,
        answer_example={"fulfillments": [_ANSWER], "next_cursor": None},
    ),
    _step("accept", c.AcceptFulfillment, "The location will do it", {}, "accepted"),
    _step(
        "reject",
        c.RejectFulfillment,
        "The location will not do it",
        {"reason": "closed for stocktaking"},
        "rejected",
        required=True,
    ),
    _step(
        "cancel",
        c.CancelFulfillment,
        "The location is not to do it; its units stay with the order",
        {"reason": "other carrier"},
        "cancelled",
    ),
    _step("pick", c.PickFulfillment, "Somebody begins to pick", {}, "picking"),
    _step(
        "pack",
        c.PackFulfillment,
        "All of it is packed",
        {"packages": [_PACKAGE]},
        "packed",
        codes=("quantity_not_held", "duplicate_line"),
    ),
    _step(
        "short",
        c.PickShort,
        "Units are not there: the order gets others from other locations, or waits",
        {"short_id": "s1", "lines": [{"sku": "TEA-1", "quantity": 1}]},
        "picking",
        note=(
            "In one step the order gives the units up, the stock loses them, and others are "
            "allocated and requested where there are any. The same `short_id` again answers with "
            "the fulfillment as it stands, `replayed`."
        ),
        required=True,
        codes=("quantity_not_held", "bundle_parted"),
    ),
    _step("ready", c.ReadyFulfillment, "It waits for the customer", {}, "ready_for_pickup"),
    _step("deliver", c.DeliverFulfillment, "What was shipped has arrived", {}, "delivered"),
    _leaves(
        "ship",
        c.ShipFulfillment,
        "Packed units leave",
        {
            "shipment_id": "parcel-1",
            "carrier": "dhl",
            "tracking_number": "00340434161094042557",
            "packages": [_PACKAGE],
        },
    ),
    _leaves(
        "handover",
        c.HandOver,
        "The customer has fetched what was ready",
        {"shipment_id": "till-7"},
    ),
)
