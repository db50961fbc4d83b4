"""What callers are told: the bodies of successful answers, built from events and state.

The first answer to a request is a function of its event, so that repeating the request gives it
again, word for word, with `replayed: true`.
"""

from datetime import UTC, datetime

import msgspec

from engine.core.commands import Buffer, Details, PutChannel, PutLocation, PutSku
from engine.core.events import (
    NO_PRICE,
    Document,
    Line,
    OrderPlaced,
    OrderShipped,
    OrderStatus,
    Reserved,
    StockMoved,
)
from engine.core.lives import Held


class _Answer(msgspec.Struct, omit_defaults=True, kw_only=True):
    seq: int
    replayed: bool = False


class LocationAnswer(_Answer):
    """A location as it is now. Fields as in `PutLocation`."""

    location: str
    name: str
    kind: str
    country: str
    active: bool
    priority: int
    postcode: str | None = None
    latitude: float | None = None
    longitude: float | None = None


class ChannelAnswer(_Answer):
    """A channel as it is now. Fields as in `PutChannel`."""

    channel: str
    name: str
    priority: int
    locations: tuple[str, ...] | None = None
    buffers: tuple[Buffer, ...] = ()
    cap: int | None = None
    protect: int = 0


class ComponentAnswer(msgspec.Struct):
    """`quantity` units of `sku` per bundle."""

    sku: str
    quantity: int


class SkuAnswer(_Answer):
    """A SKU as it is now. Fields as in `PutSku`."""

    sku: str
    title: str
    backorderable: bool
    weight_g: int | None = None
    components: list[ComponentAnswer] = []
    baseline: int | None = None


class StockLineAnswer(msgspec.Struct, omit_defaults=True):
    """One moved line. `on_hand` is what the position holds after it."""

    sku: str
    on_hand: int
    quantity: int | None = None
    delta: int | None = None
    bucket: str | None = None
    reason: str | None = None


class DocumentAnswer(_Answer):
    """A receipt, count, adjustment or transfer that holds. One of the four ids is set."""

    status: str
    lines: list[StockLineAnswer]
    receipt_id: str | None = None
    count_id: str | None = None
    adjustment_id: str | None = None
    transfer_id: str | None = None
    location: str | None = None
    from_location: str | None = None
    to_location: str | None = None


class ReservedLineAnswer(msgspec.Struct, omit_defaults=True):
    """`quantity` units of `sku` promised at `location`; `bundle` names the bundle asked for."""

    sku: str
    quantity: int
    location: str
    bundle: str | None = None


class ReservationAnswer(_Answer):
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
    """One line as asked for, what it got, what waits and what was cancelled."""

    sku: str
    quantity: int
    allocations: list[AllocationAnswer]
    line_id: str | None = None
    unit_price: int | None = None
    backordered: int = 0
    cancelled: int = 0
    shipped: int = 0


class ShippedLineAnswer(msgspec.Struct, omit_defaults=True):
    """`quantity` units of `sku` left `location`; `bundle` names the bundle they belong to."""

    sku: str
    quantity: int
    location: str
    bundle: str | None = None


class ShipmentAnswer(_Answer):
    """Units that have left; `status` is the order's."""

    shipment_id: str
    channel: str
    order_id: str
    status: str
    lines: list[ShippedLineAnswer]
    carrier: str | None = None
    tracking_number: str | None = None


class HoldAnswer(msgspec.Struct, omit_defaults=True):
    """A hold that is on an order now, for good or `until` then. Fields as in `Hold`."""

    hold_id: str
    reason: str
    then: str
    keeps_stock: bool
    owner: str = ""
    until: datetime | None = None


class OrderAnswer(_Answer):
    """An order. `seq` is the log position of its last change."""

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
    holds: list[HoldAnswer] = []


class QuantitiesAnswer(msgspec.Struct):
    """The buckets of one position, in units."""

    location: str
    on_hand: int
    reserved: int
    allocated: int
    unavailable: int
    available: int


class StockAnswer(msgspec.Struct):
    """Stock of one SKU at log position `seq`: totals, and by location."""

    sku: str
    seq: int
    on_hand: int
    reserved: int
    allocated: int
    unavailable: int
    available: int
    locations: list[QuantitiesAnswer]


def moment(stamp_us: int) -> datetime:
    """Return a stamp (UTC, microseconds since 1970) as a datetime."""
    return datetime.fromtimestamp(stamp_us // 1_000_000, UTC).replace(
        microsecond=stamp_us % 1_000_000
    )


def no_sku(name: str) -> str:
    """Say that a SKU does not exist."""
    return f"SKU {name!r} does not exist"


def location(put: PutLocation, seq: int, replayed: bool = False) -> LocationAnswer:
    """Answer for a location put at `seq`."""
    return LocationAnswer(seq=seq, replayed=replayed, **msgspec.structs.asdict(put))


def channel(put: PutChannel, seq: int, replayed: bool = False) -> ChannelAnswer:
    """Answer for a channel put at `seq`."""
    return ChannelAnswer(seq=seq, replayed=replayed, **msgspec.structs.asdict(put))


def sku(put: PutSku, seq: int, replayed: bool = False) -> SkuAnswer:
    """Answer for a SKU put at `seq`."""
    return SkuAnswer(
        seq=seq,
        replayed=replayed,
        sku=put.sku,
        title=put.title,
        weight_g=put.weight_g,
        backorderable=put.backorderable,
        components=[ComponentAnswer(c.sku, c.quantity) for c in put.components],
        baseline=put.baseline,
    )


def document(event: StockMoved, seq: int, names) -> DocumentAnswer:
    """Answer for stock that moved. `names` gives texts for numbers, see `State`.

    A transfer logs two movements a line, out and in; its answer shows one line, at the target.
    """
    answer = DocumentAnswer(seq=seq, status="accepted", lines=[])
    noun = event.document.name.lower()
    setattr(answer, f"{noun}_id", event.document_id)
    place = names.location_name(event.location)
    transfer = event.document is Document.TRANSFER
    if transfer:
        answer.from_location = place
        answer.to_location = names.location_name(event.to_location)
    else:
        answer.location = place
    for move in event.movements[1::2] if transfer else event.movements:
        line = StockLineAnswer(names.position_sku_name(move.position), move.quantity)
        if event.document in (Document.RECEIPT, Document.TRANSFER):
            line.quantity = move.delta
        else:
            line.delta = move.delta
            line.reason = move.reason or None
        if move.bucket:
            line.bucket = move.bucket.name.lower()
            line.on_hand = names.position_on_hand(move.position)
        answer.lines.append(line)
    return answer


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


def holds(live: list[Held]) -> list[HoldAnswer]:
    """Answer for the holds of an order that are live."""
    return [
        HoldAnswer(
            hold.hold_id,
            hold.reason,
            hold.then,
            hold.keeps_stock,
            hold.owner,
            moment(hold.until_us) if hold.until_us else None,
        )
        for hold in live
    ]


_details = msgspec.json.Decoder(Details).decode


def order(
    event: OrderPlaced,
    seq: int,
    lines: list[OrderLineAnswer],
    *,
    status: OrderStatus | None = None,
) -> OrderAnswer:
    """Answer for an order whose lines are already built."""
    details = _details(event.document)
    fields = {f: getattr(details, f) for f in Details.__struct_fields__ if f != "ship_to"}
    ship_to = msgspec.to_builtins(details.ship_to) if details.ship_to else None
    return OrderAnswer(
        seq=seq,
        order_id=event.order_id,
        channel=event.channel,
        status=(status or event.status).name.lower(),
        lines=lines,
        ship_to=ship_to,
        **fields,
    )
