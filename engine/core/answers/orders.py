"""Answers on reservations, orders and shipments."""

from collections.abc import Collection
from datetime import datetime

import msgspec

from engine.core import kept
from engine.core.answers.base import Answer, moment
from engine.core.answers.fulfillments import OrderWorkAnswer
from engine.core.commands import Details
from engine.core.events import NO_PRICE, Line, OrderPlaced, OrderShipped, OrderStatus, Reserved
from engine.core.notes.exchanges import ExchangeFor
from engine.core.notes.holds import Held


class ReservedLineAnswer(msgspec.Struct, omit_defaults=True):
    """`quantity` units of `sku` promised at `location`; `bundle` names the bundle asked for."""

    sku: str
    quantity: int
    location: str
    bundle: str | None = None


class ReservationAnswer(Answer):
    """A reservation: `reserved`, `committed`, `released` or `expired`."""

    reservation_id: str
    channel: str
    status: str
    expires_at: datetime
    lines: list[ReservedLineAnswer]


class AllocationAnswer(msgspec.Struct, omit_defaults=True):
    """`quantity` units come from `location`; `sku` names the component when it is a bundle."""

    location: str
    quantity: int
    sku: str | None = None


class OrderLineAnswer(msgspec.Struct, omit_defaults=True):
    """One line as asked for, what it got, what waits and what was cancelled. `promised_at` is by
    when all that waits can be had, where an order is read as it stands."""

    sku: str
    quantity: int
    allocations: list[AllocationAnswer]
    line_id: str | None = None
    unit_price: int | None = None
    backordered: int = 0
    cancelled: int = 0
    shipped: int = 0
    promised_at: datetime | None = None


class ShippedLineAnswer(msgspec.Struct, omit_defaults=True):
    """`quantity` units of `sku` left `location`; `bundle` names the bundle they belong to."""

    sku: str
    quantity: int
    location: str
    bundle: str | None = None


class ShipmentAnswer(Answer):
    """Units that have left; `status` is the order's."""

    shipment_id: str
    channel: str
    order_id: str
    status: str
    lines: list[ShippedLineAnswer]
    carrier: str | None = None
    tracking_number: str | None = None


class HoldAnswer(msgspec.Struct, omit_defaults=True):
    """A hold that is on an order now, for good or `until` then. Fields as in `Hold`; it is
    `escalated` if nobody has decided in time, and `owner` is who is to decide now."""

    hold_id: str
    reason: str
    then: str
    keeps_stock: bool
    owner: str = ""
    until: datetime | None = None
    escalated: bool = False
    escalate_to: str = ""


class ExchangeForAnswer(msgspec.Struct):
    """The return that an order was placed for."""

    order_id: str
    return_id: str


class OrderAnswer(Answer):
    """An order. `seq` is the log position of its last change. One that `ships_complete` leaves when
    nothing of it waits any more."""

    order_id: str
    channel: str
    status: str
    lines: list[OrderLineAnswer]
    ship_to: dict | None = None
    payment: str | None = None
    currency: str | None = None
    placed_at: datetime | None = None
    required_by: datetime | None = None
    customer: str | None = None
    note: str | None = None
    review_score: int | None = None
    priority: int = 0
    ships_complete: bool = False
    holds: list[HoldAnswer] = []
    fulfillments: list[OrderWorkAnswer] = []
    exchange_for: ExchangeForAnswer | None = None


def reservation(
    event: Reserved, seq: int, names, *, status: str = "reserved", expires_us: int = 0
) -> ReservationAnswer:
    """Answer for a reservation made at `seq`; by default as it was then."""
    lines = []
    for line in event.lines:
        asked = names.sku_name(line.sku)
        for take in line.takes:
            taken = names.position_sku_name(take.position)
            lines.append(
                ReservedLineAnswer(
                    taken,
                    take.quantity,
                    names.position_location_name(take.position),
                    asked if asked != taken else None,
                )
            )
    return ReservationAnswer(
        seq=seq,
        reservation_id=event.reservation_id,
        channel=event.channel,
        status=status,
        expires_at=moment(expires_us or event.expires_us),
        lines=lines,
    )


def order_line(
    line: Line,
    names,
    *,
    takes: list[int] | None = None,
    backordered: int | None = None,
    cancelled: int = 0,
    shipped: int = 0,
) -> OrderLineAnswer:
    """One order line; `takes` are the units each take still holds, by default all of them."""
    asked = names.sku_name(line.sku)
    allocations = []
    for index, take in enumerate(line.takes):
        quantity = take.quantity if takes is None else takes[index]
        if quantity:
            taken = names.position_sku_name(take.position)
            allocations.append(
                AllocationAnswer(
                    names.position_location_name(take.position),
                    quantity,
                    taken if taken != asked else None,
                )
            )
    return OrderLineAnswer(
        sku=asked,
        quantity=line.quantity,
        allocations=allocations,
        line_id=line.line_id or None,
        unit_price=None if line.unit_price == NO_PRICE else line.unit_price,
        backordered=line.backordered if backordered is None else backordered,
        cancelled=cancelled,
        shipped=shipped,
    )


def shipment(event: OrderShipped, seq: int, names) -> ShipmentAnswer:
    """Answer for units that left at `seq`. `names` gives texts for numbers, see `State`."""
    order = names.order_row(event.order)
    lines = []
    for freed in event.freed:
        line = order.event.lines[freed.line]
        position = line.takes[freed.take].position
        sku, bundle = names.position_sku_name(position), names.sku_name(line.sku)
        place = names.position_location_name(position)
        lines.append(
            ShippedLineAnswer(sku, freed.quantity, place, bundle if bundle != sku else None)
        )
    return ShipmentAnswer(
        seq=seq,
        shipment_id=event.shipment_id,
        channel=order.event.channel,
        order_id=order.event.order_id,
        status=event.status.name.lower(),
        lines=lines,
        carrier=event.carrier or None,
        tracking_number=event.tracking_number or None,
    )


def holds(live: list[Held], escalated: Collection[str] = ()) -> list[HoldAnswer]:
    """Answer for the holds of an order that are live, some of which are `escalated`."""
    return [
        HoldAnswer(
            hold.hold_id,
            hold.reason,
            hold.then,
            hold.keeps_stock,
            hold.owner,
            moment(hold.until_us) if hold.until_us else None,
            hold.hold_id in escalated,
            hold.escalate_to,
        )
        for hold in live
    ]


def exchange_for(link: ExchangeFor | None) -> ExchangeForAnswer | None:
    """Answer for what an order was placed for, if it was."""
    return link and ExchangeForAnswer(link.order_id, link.return_id)


def order(
    event: OrderPlaced,
    seq: int,
    lines: list[OrderLineAnswer],
    *,
    status: OrderStatus | None = None,
) -> OrderAnswer:
    """Answer for an order whose lines are already built."""
    details = kept.read(event.document)
    fields = {f: getattr(details, f) for f in Details.__struct_fields__ if f != "ship_to"}
    ship_to = msgspec.to_builtins(details.ship_to) if details.ship_to else None
    return OrderAnswer(
        seq=seq,
        order_id=event.order_id,
        channel=event.channel,
        status=(status or event.status).name.lower(),
        lines=lines,
        ship_to=ship_to,
        ships_complete=details.ships_complete,
        **fields,
    )
