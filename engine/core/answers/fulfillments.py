"""Answers on fulfillments, and on the releases that made them."""

from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from engine.core import kept
from engine.core.answers.base import Answer, moment
from engine.core.fulfillment_commands import Package
from engine.core.notes.fulfillments import Fulfillment, Released, Shipment

if TYPE_CHECKING:
    from engine.core.lives import Life


class FulfillmentLineAnswer(msgspec.Struct, omit_defaults=True):
    """`quantity` units of `sku` are still to be seen to; `bundle` names the bundle asked for."""

    sku: str
    quantity: int
    line_id: str | None = None
    bundle: str | None = None


class PartAnswer(msgspec.Struct, omit_defaults=True):
    """What of a fulfillment left at once, and how."""

    shipment_id: str
    carrier: str | None = None
    tracking_number: str | None = None
    packages: tuple[Package, ...] = ()


class FulfillmentAnswer(Answer):
    """The work of one location for one order. `lines` are the units that it still has to see to;
    `order_status` is the order's."""

    fulfillment_id: str
    channel: str
    order_id: str
    location: str
    status: str
    order_status: str
    lines: list[FulfillmentLineAnswer]
    pickup: bool = False
    accept_by: datetime | None = None
    reason: str | None = None
    packages: tuple[Package, ...] = ()
    shipments: list[PartAnswer] = []
    ship_to: dict | None = None
    required_by: datetime | None = None


class ReleaseAnswer(Answer):
    """An order that was given to its locations; `status` is the order's."""

    release_id: str
    channel: str
    order_id: str
    status: str
    fulfillments: list[FulfillmentAnswer]


class OrderWorkAnswer(msgspec.Struct):
    """A fulfillment of an order, in short."""

    fulfillment_id: str
    location: str
    status: str


def fulfillment_id(order: int, number: int) -> str:
    """Return the public id of fulfillment `number` of the order placed at `order`."""
    return f"{order}-{number}"


def order_work(life: "Life", order: int, names) -> list[OrderWorkAnswer]:
    """Answer for all fulfillments of an order in short. `names` gives texts, see `State`."""
    return [
        OrderWorkAnswer(
            fulfillment_id(order, one.number), names.location_name(one.location), one.status
        )
        for one in life.work.values()
    ]


def fulfillment(order, one: Fulfillment, names) -> FulfillmentAnswer:
    """Answer for a fulfillment of `order`, a `State`'s order, as it stands."""
    details = kept.read(order.event.document)
    lines = []
    for (line, position), units in one.units.items():
        asked = order.event.lines[line]
        sku, bundle = names.position_sku_name(position), names.sku_name(asked.sku)
        lines.append(
            FulfillmentLineAnswer(
                sku, units, asked.line_id or None, bundle if bundle != sku else None
            )
        )
    return FulfillmentAnswer(
        seq=order.changed_seq,
        fulfillment_id=fulfillment_id(order.seq, one.number),
        channel=order.event.channel,
        order_id=order.event.order_id,
        location=names.location_name(one.location),
        status=one.status,
        order_status=order.status.name.lower(),
        lines=lines,
        pickup=one.pickup,
        accept_by=moment(one.due_us) if one.due_us else None,
        reason=one.reason or None,
        packages=one.packages,
        shipments=[_part(part) for part in one.shipments],
        ship_to=msgspec.to_builtins(details.ship_to) if details.ship_to else None,
        required_by=details.required_by,
    )


def _part(part: Shipment) -> PartAnswer:
    carrier, tracking = part.carrier or None, part.tracking_number or None
    return PartAnswer(part.shipment_id, carrier, tracking, part.packages)


def release(order, life: "Life", note: Released, names) -> ReleaseAnswer:
    """Answer for a release of `order`, with its fulfillments as they stand."""
    return ReleaseAnswer(
        seq=order.changed_seq,
        release_id=note.release_id,
        channel=order.event.channel,
        order_id=order.event.order_id,
        status=order.status.name.lower(),
        fulfillments=[fulfillment(order, life.work[part.number], names) for part in note.parts],
    )
