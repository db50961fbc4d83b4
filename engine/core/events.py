"""What happened, as facts: one struct per event. `records` packs them for the log.

SKUs, locations and positions are named by the dense numbers that `SkuPut`, `LocationPut` and
`PositionOpened` gave them; reservations and orders by the sequence number of the event that made
them. Events do not carry their own sequence number: a frame knows that of its first event.
"""

from enum import IntEnum
from typing import ClassVar

import msgspec

NO_LOCATION = 0xFFFFFFFF
NO_PRICE = -1


class Kind(IntEnum):
    """The number of an event's kind in its record."""

    EPOCH_OPENED = 1
    LOCATION_PUT = 2
    SKU_PUT = 3
    POSITION_OPENED = 4
    STOCK_MOVED = 5
    RESERVED = 6
    RESERVATION_EXTENDED = 7
    RESERVATION_RELEASED = 8
    RESERVATION_EXPIRED = 9
    ORDER_PLACED = 10
    ORDER_CANCELLED = 11
    ENTRY_PUT = 12
    ORDER_SHIPPED = 13
    ORDER_CHANGED = 14


class Document(IntEnum):
    """Which paper moved stock."""

    RECEIPT = 1
    COUNT = 2
    ADJUSTMENT = 3
    TRANSFER = 4
    RETURN = 5
    SHORT = 6


class BucketId(IntEnum):
    """The buckets of a position that documents change. All but ON_HAND are `unavailable`."""

    ON_HAND = 0
    DAMAGED = 1
    QUALITY_CONTROL = 2
    SAFETY_STOCK = 3


class OrderStatus(IntEnum):
    """Where an order stands; the lower-case name is the public `status`."""

    ALLOCATED = 1
    PARTIALLY_ALLOCATED = 2
    BACKORDERED = 3
    CANCELLED = 4
    SHIPPED = 5
    PARTIALLY_SHIPPED = 6
    RECEIVED = 7
    VALIDATED = 8
    ON_HOLD = 9
    RELEASED = 10
    PICKING = 11
    PACKED = 12
    DELIVERED = 13
    EXCEPTION = 14


class Cause(msgspec.Struct, frozen=True):
    """Which request made an event: its body's fingerprint, who sent it, its Idempotency-Key."""

    fingerprint: int = 0
    actor: str = ""
    key: str = ""


class _Event(msgspec.Struct, frozen=True):
    kind: ClassVar[Kind]


class EpochOpened(_Event, frozen=True):
    """A writer took over. Everything with a lower epoch that comes later is refused."""

    kind: ClassVar[Kind] = Kind.EPOCH_OPENED
    epoch: int
    writer: str
    software: str


class LocationPut(_Event, frozen=True):
    """`document` is the JSON of the `PutLocation` command."""

    kind: ClassVar[Kind] = Kind.LOCATION_PUT
    cause: Cause
    number: int
    document: bytes


class SkuPut(_Event, frozen=True):
    """`document` is the JSON of the `PutSku` command; `components` are (SKU number, units)."""

    kind: ClassVar[Kind] = Kind.SKU_PUT
    cause: Cause
    number: int
    backorderable: bool
    components: tuple[tuple[int, int], ...]
    document: bytes


class EntryPut(_Event, frozen=True):
    """Entry `number` of a register (`registers.Code`) is now what `document`, its JSON, says."""

    kind: ClassVar[Kind] = Kind.ENTRY_PUT
    cause: Cause
    register: int
    number: int
    document: bytes


class PositionOpened(_Event, frozen=True):
    """SKU and location got a cell in the ledger."""

    kind: ClassVar[Kind] = Kind.POSITION_OPENED
    number: int
    sku: int
    location: int


class Movement(msgspec.Struct, frozen=True):
    """`delta` units into `bucket` of `position`, which then holds `quantity`.

    A delta to ON_HAND brings units in or takes them out; a delta to another bucket moves units
    that stay on hand.
    """

    position: int
    bucket: BucketId
    delta: int
    quantity: int
    reason: str = ""


class StockMoved(_Event, frozen=True):
    """A receipt, count, adjustment, transfer, short pick or step of a return, all of its lines."""

    kind: ClassVar[Kind] = Kind.STOCK_MOVED
    cause: Cause
    document: Document
    document_id: str
    location: int
    to_location: int
    movements: tuple[Movement, ...]


class Take(msgspec.Struct, frozen=True):
    """`quantity` units of a position, promised to one line."""

    position: int
    quantity: int


class Line(msgspec.Struct, frozen=True):
    """One line as asked: `quantity` units of SKU number `sku`, of which `backordered` wait.

    A bundle's takes are those of its components. `unit_price` is in minor units, -1 if none.
    """

    sku: int
    quantity: int
    takes: tuple[Take, ...]
    backordered: int = 0
    unit_price: int = NO_PRICE
    line_id: str = ""


class Reserved(_Event, frozen=True):
    """Units are promised to a checkout until `expires_us` (UTC, microseconds)."""

    kind: ClassVar[Kind] = Kind.RESERVED
    cause: Cause
    reservation_id: str
    channel: str
    expires_us: int
    lines: tuple[Line, ...]


class ReservationExtended(_Event, frozen=True):
    """The reservation made at `reservation` now ends at `expires_us`."""

    kind: ClassVar[Kind] = Kind.RESERVATION_EXTENDED
    cause: Cause
    reservation: int
    expires_us: int


class ReservationReleased(_Event, frozen=True):
    """Its owner gave the units back."""

    kind: ClassVar[Kind] = Kind.RESERVATION_RELEASED
    cause: Cause
    reservation: int


class ReservationExpired(_Event, frozen=True):
    """Its time was over: the units are back."""

    kind: ClassVar[Kind] = Kind.RESERVATION_EXPIRED
    reservation: int


class OrderPlaced(_Event, frozen=True):
    """Units are allocated to an order; from `reservation` (0: none) if it was committed.

    `document` is the JSON of the command's `Details`. `policy` says who chose the locations; if a
    routing policy did (`routing.POLICY_COSTS`), `receipt` is the packed `routing.slip.Slip`.
    """

    kind: ClassVar[Kind] = Kind.ORDER_PLACED
    cause: Cause
    channel: str
    order_id: str
    status: OrderStatus
    reservation: int
    policy: int
    lines: tuple[Line, ...]
    document: bytes
    receipt: bytes = b""


class Cut(msgspec.Struct, frozen=True):
    """`quantity` units of line `line` are cancelled, `backordered` of them were waiting."""

    line: int
    quantity: int
    backordered: int


class Freed(msgspec.Struct, frozen=True):
    """`quantity` units of take `take` of line `line` are available again."""

    line: int
    take: int
    quantity: int


class OrderCancelled(_Event, frozen=True):
    """All or part of the order placed at `order` is cancelled; `status` is what it is now."""

    kind: ClassVar[Kind] = Kind.ORDER_CANCELLED
    cause: Cause
    order: int
    status: OrderStatus
    reason: str
    cuts: tuple[Cut, ...]
    freed: tuple[Freed, ...]


class Left(msgspec.Struct, frozen=True):
    """`quantity` units of line `line`, whole bundles if it is one, have left."""

    line: int
    quantity: int


class OrderShipped(_Event, frozen=True):
    """Units of the order placed at `order` have left, out of the takes named in `freed`; `status`
    is what it is now."""

    kind: ClassVar[Kind] = Kind.ORDER_SHIPPED
    cause: Cause
    order: int
    status: OrderStatus
    shipment_id: str
    carrier: str
    tracking_number: str
    left: tuple[Left, ...]
    freed: tuple[Freed, ...]


class Standing(msgspec.Struct, frozen=True):
    """One line as it now stands: `line` with the units asked for now, the takes that it still
    holds and the units that wait now, and beside it the units that were cancelled or have left."""

    line: Line
    cancelled: int = 0
    shipped: int = 0


class OrderChanged(_Event, frozen=True):
    """The order placed at `order` stands otherwise, as no other event says it.

    `lines` are all of its lines anew (None: untouched); `document` is the JSON of its `Details`
    (empty: unchanged); `note` the JSON of a `lives.Note`, what happened (empty: nothing to tell).
    """

    kind: ClassVar[Kind] = Kind.ORDER_CHANGED
    cause: Cause
    order: int
    status: OrderStatus
    lines: tuple[Standing, ...] | None = None
    document: bytes = b""
    note: bytes = b""


Event = (
    EpochOpened
    | LocationPut
    | SkuPut
    | EntryPut
    | PositionOpened
    | StockMoved
    | Reserved
    | ReservationExtended
    | ReservationReleased
    | ReservationExpired
    | OrderPlaced
    | OrderCancelled
    | OrderShipped
    | OrderChanged
)
