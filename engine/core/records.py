"""The packed record of each event: the public format of the log (docs/log-format.md).

Little-endian. A header `size u32, kind u8, version u8, zero u16`, then the body; `size` counts the
whole record. A string is `u16 length, UTF-8`; a blob is `u32 length, bytes`; a list is a `u16`
count and its rows.
"""

import struct

import msgspec

from engine.core.errors import LedgerError
from engine.core.events import (
    NO_PRICE,
    BucketId,
    Cause,
    Cut,
    Document,
    EntryPut,
    EpochOpened,
    Event,
    Freed,
    Kind,
    Left,
    Line,
    LocationPut,
    Movement,
    OrderCancelled,
    OrderChanged,
    OrderPlaced,
    OrderShipped,
    OrderStatus,
    PositionOpened,
    ReservationExpired,
    ReservationExtended,
    ReservationReleased,
    Reserved,
    SkuPut,
    Standing,
    StockMoved,
    Take,
)
from engine.core.routing.fewest import POLICY_COSTS


class Batch(msgspec.Struct, frozen=True):
    """What one frame holds: `count` packed records, the first of them number `first_seq`."""

    stamp_us: int
    first_seq: int
    count: int
    records: bytes


HEADER = struct.Struct("<IBBH")
VERSION = 1

# Line flags: which optional fields follow, in this order.
_BACKORDERED, _PRICED, _NAMED, _MANY = 1, 2, 4, 8
_ENTRY = struct.Struct("<HI")
_U16, _U32, _U64, _I64 = (struct.Struct(f) for f in ("<H", "<I", "<Q", "<q"))
_LINE = struct.Struct("<BII")
_TAKE = struct.Struct("<II")
_MOVE = struct.Struct("<IBqq")
_CUT = struct.Struct("<HII")
_FREED = struct.Struct("<HHI")
_LEFT = struct.Struct("<HI")
_POSITION = struct.Struct("<III")
_CHANGE = struct.Struct("<QBB")
_GONE = struct.Struct("<II")
_SHORT = "event record is shorter than its fields; run `dibs verify`"
_RESTATED = 1  # flag of a change: lines follow


def _text(value: str) -> bytes:
    data = value.encode()
    return _U16.pack(len(data)) + data


def _blob(value: bytes) -> bytes:
    return _U32.pack(len(value)) + value


def _cause(cause: Cause) -> bytes:
    return _U64.pack(cause.fingerprint) + _text(cause.actor) + _text(cause.key)


def pack_line(line: Line) -> bytes:
    """Return an order's or a reservation's line as records carry it."""
    simple = len(line.takes) == 1 and line.takes[0].quantity == line.quantity
    flags = (
        (_BACKORDERED if line.backordered else 0)
        | (_PRICED if line.unit_price != NO_PRICE else 0)
        | (_NAMED if line.line_id else 0)
        | (0 if simple else _MANY)
    )
    parts = [_LINE.pack(flags, line.sku, line.quantity)]
    if flags & _BACKORDERED:
        parts.append(_U32.pack(line.backordered))
    if flags & _PRICED:
        parts.append(_I64.pack(line.unit_price))
    if flags & _NAMED:
        parts.append(_text(line.line_id))
    if simple:
        parts.append(_U32.pack(line.takes[0].position))
    else:
        parts.append(_U16.pack(len(line.takes)))
        parts += [_TAKE.pack(take.position, take.quantity) for take in line.takes]
    return b"".join(parts)


def _lines(lines: tuple[Line, ...]) -> bytes:
    return _U16.pack(len(lines)) + b"".join(map(pack_line, lines))


def _rows(packer: struct.Struct, rows: list[tuple]) -> bytes:
    return _U16.pack(len(rows)) + b"".join(packer.pack(*row) for row in rows)


def _freed(freed: tuple[Freed, ...]) -> bytes:
    rows = [_FREED.pack(f.line, f.take, f.quantity) for f in freed]
    return _U32.pack(len(rows)) + b"".join(rows)


def _changed(event: OrderChanged) -> bytes:
    rows = event.lines
    parts = [_cause(event.cause), _CHANGE.pack(event.order, event.status, rows is not None)]
    if rows is not None:
        parts.append(_lines(tuple(row.line for row in rows)))
        parts += [_GONE.pack(row.cancelled, row.shipped) for row in rows]
    return b"".join((*parts, _blob(event.document), _blob(event.note)))


def _body(event: Event) -> bytes:
    match event:
        case OrderPlaced():
            head = struct.pack("<BQH", event.status, event.reservation, event.policy)
            return (
                _cause(event.cause)
                + _text(event.channel)
                + _text(event.order_id)
                + head
                + _lines(event.lines)
                + _blob(event.document)
                + (_blob(event.receipt) if event.policy == POLICY_COSTS else b"")
            )
        case Reserved():
            return (
                _cause(event.cause)
                + _text(event.reservation_id)
                + _text(event.channel)
                + _U64.pack(event.expires_us)
                + _lines(event.lines)
            )
        case ReservationExpired():
            return _U64.pack(event.reservation)
        case ReservationReleased():
            return _cause(event.cause) + _U64.pack(event.reservation)
        case ReservationExtended():
            return _cause(event.cause) + struct.pack("<QQ", event.reservation, event.expires_us)
        case OrderCancelled():
            return (
                _cause(event.cause)
                + struct.pack("<QB", event.order, event.status)
                + _text(event.reason)
                + _rows(_CUT, [(c.line, c.quantity, c.backordered) for c in event.cuts])
                + _freed(event.freed)
            )
        case OrderShipped():
            return (
                _cause(event.cause)
                + struct.pack("<QB", event.order, event.status)
                + b"".join(map(_text, (event.shipment_id, event.carrier, event.tracking_number)))
                + _rows(_LEFT, [(row.line, row.quantity) for row in event.left])
                + _freed(event.freed)
            )
        case OrderChanged():
            return _changed(event)
        case StockMoved():
            return _moved(event)
        case PositionOpened():
            return _POSITION.pack(event.number, event.sku, event.location)
        case SkuPut():
            return (
                _cause(event.cause)
                + struct.pack("<IB", event.number, event.backorderable)
                + _rows(_TAKE, list(event.components))
                + _blob(event.document)
            )
        case LocationPut():
            return _cause(event.cause) + _U32.pack(event.number) + _blob(event.document)
        case EntryPut():
            head = _ENTRY.pack(event.register, event.number)
            return _cause(event.cause) + head + _blob(event.document)
        case EpochOpened():
            return _U64.pack(event.epoch) + _text(event.writer) + _text(event.software)
    raise LedgerError(f"no record format for {type(event).__name__}; add one in core/records.py")


def _moved(event: StockMoved) -> bytes:
    head = struct.pack("<BII", event.document, event.location, event.to_location)
    moves = [
        _MOVE.pack(m.position, m.bucket, m.delta, m.quantity) + _text(m.reason)
        for m in event.movements
    ]
    count = _U16.pack(len(moves))
    return _cause(event.cause) + head + _text(event.document_id) + count + b"".join(moves)


def encode(event: Event) -> bytes:
    """Return the packed record of `event`."""
    body = _body(event)
    return HEADER.pack(HEADER.size + len(body), event.kind, VERSION, 0) + body


class _Cursor:
    """Reads fields one after the other; an overrun is a `LedgerError` or a `struct.error`."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, HEADER.size

    def unpack(self, packer: struct.Struct) -> tuple:
        values = packer.unpack_from(self.data, self.at)
        self.at += packer.size
        return values

    def one(self, packer: struct.Struct) -> int:
        return self.unpack(packer)[0]

    def raw(self, size: int) -> bytes:
        end = self.at + size
        if end > len(self.data):
            raise LedgerError(_SHORT)
        value = self.data[self.at : end]
        self.at = end
        return value

    def text(self) -> str:
        (size,) = _U16.unpack_from(self.data, self.at)
        self.at += 2
        return self.raw(size).decode() if size else ""

    def blob(self) -> bytes:
        return self.raw(self.one(_U32))

    def cause(self) -> Cause:
        return Cause(self.one(_U64), self.text(), self.text())

    def rows(self, packer: struct.Struct) -> list[tuple]:
        return [self.unpack(packer) for _ in range(self.one(_U16))]

    def line(self) -> Line:
        flags, sku, quantity = self.unpack(_LINE)
        backordered = self.one(_U32) if flags & _BACKORDERED else 0
        price = self.one(_I64) if flags & _PRICED else NO_PRICE
        line_id = self.text() if flags & _NAMED else ""
        if flags & _MANY:
            takes = tuple(Take(*row) for row in self.rows(_TAKE))
        else:
            takes = (Take(self.one(_U32), quantity),)
        return Line(sku, quantity, takes, backordered, price, line_id)

    def lines(self) -> tuple[Line, ...]:
        return tuple(self.line() for _ in range(self.one(_U16)))


def _order_placed(c: _Cursor) -> OrderPlaced:
    cause, channel, order_id = c.cause(), c.text(), c.text()
    status, reservation, policy = c.unpack(struct.Struct("<BQH"))
    placed = OrderStatus(status), reservation, policy, c.lines(), c.blob()
    receipt = c.blob() if policy == POLICY_COSTS else b""
    return OrderPlaced(cause, channel, order_id, *placed, receipt)


def _order_cancelled(c: _Cursor) -> OrderCancelled:
    cause = c.cause()
    order, status = c.unpack(struct.Struct("<QB"))
    reason = c.text()
    cuts = tuple(Cut(*row) for row in c.rows(_CUT))
    freed = tuple(Freed(*c.unpack(_FREED)) for _ in range(c.one(_U32)))
    return OrderCancelled(cause, order, OrderStatus(status), reason, cuts, freed)


def _order_shipped(c: _Cursor) -> OrderShipped:
    cause = c.cause()
    order, status = c.unpack(struct.Struct("<QB"))
    names = c.text(), c.text(), c.text()
    left = tuple(Left(*row) for row in c.rows(_LEFT))
    freed = tuple(Freed(*c.unpack(_FREED)) for _ in range(c.one(_U32)))
    return OrderShipped(cause, order, OrderStatus(status), *names, left, freed)


def _order_changed(c: _Cursor) -> OrderChanged:
    cause = c.cause()
    order, status, flags = c.unpack(_CHANGE)
    if flags > _RESTATED:
        raise ValueError(f"flags {flags}")
    rows = None
    if flags:
        rows = tuple(Standing(line, *c.unpack(_GONE)) for line in c.lines())
    return OrderChanged(cause, order, OrderStatus(status), rows, c.blob(), c.blob())


def _stock_moved(c: _Cursor) -> StockMoved:
    cause = c.cause()
    document, location, to_location = c.unpack(struct.Struct("<BII"))
    document_id = c.text()
    movements = []
    for _ in range(c.one(_U16)):
        position, bucket, delta, quantity = c.unpack(_MOVE)
        movements.append(Movement(position, BucketId(bucket), delta, quantity, c.text()))
    return StockMoved(
        cause, Document(document), document_id, location, to_location, tuple(movements)
    )


def _sku_put(c: _Cursor) -> SkuPut:
    cause = c.cause()
    number, backorderable = c.unpack(struct.Struct("<IB"))
    return SkuPut(cause, number, bool(backorderable), tuple(c.rows(_TAKE)), c.blob())


_READERS = {
    Kind.EPOCH_OPENED: lambda c: EpochOpened(c.one(_U64), c.text(), c.text()),
    Kind.LOCATION_PUT: lambda c: LocationPut(c.cause(), c.one(_U32), c.blob()),
    Kind.SKU_PUT: _sku_put,
    Kind.POSITION_OPENED: lambda c: PositionOpened(*c.unpack(_POSITION)),
    Kind.STOCK_MOVED: _stock_moved,
    Kind.RESERVED: lambda c: Reserved(c.cause(), c.text(), c.text(), c.one(_U64), c.lines()),
    Kind.RESERVATION_EXTENDED: lambda c: ReservationExtended(c.cause(), c.one(_U64), c.one(_U64)),
    Kind.RESERVATION_RELEASED: lambda c: ReservationReleased(c.cause(), c.one(_U64)),
    Kind.RESERVATION_EXPIRED: lambda c: ReservationExpired(c.one(_U64)),
    Kind.ORDER_PLACED: _order_placed,
    Kind.ORDER_CANCELLED: _order_cancelled,
    Kind.ORDER_SHIPPED: _order_shipped,
    Kind.ENTRY_PUT: lambda c: EntryPut(c.cause(), *c.unpack(_ENTRY), c.blob()),
    Kind.ORDER_CHANGED: _order_changed,
}


def decode(record: bytes, *, again: bool = True) -> Event:
    """Return the event of one packed record; `LedgerError` if it is not exactly one. Without
    `again` it is not written again to compare: for readers of frames whose digest they checked."""
    if len(record) < HEADER.size:
        raise LedgerError("event record has no header; run `dibs verify`")
    size, kind, version, zero = HEADER.unpack_from(record)
    if size != len(record) or version != VERSION or zero or kind not in _READERS:
        raise LedgerError(
            f"event kind {kind} version {version} size {size} of {len(record)} is not known to "
            "this version of dibs; read the log with the version that wrote it, or a newer one"
        )
    cursor = _Cursor(record)
    try:
        event = _READERS[Kind(kind)](cursor)
    except struct.error as error:
        raise LedgerError(_SHORT) from error
    except (UnicodeDecodeError, ValueError) as error:
        raise LedgerError(f"event kind {kind} is damaged: {error}") from error
    if cursor.at != size:
        raise LedgerError(f"event kind {kind} has {size - cursor.at} bytes too many")
    if again and encode(event) != record:
        # One event has one record: what is kept and what is written again are the same bytes.
        raise LedgerError(f"event kind {kind} is not written as dibs writes it")
    return event


def split(records: bytes) -> list[bytes]:
    """Cut a frame's body into its records, checking that they fill it."""
    out, at = [], 0
    while at < len(records):
        if at + HEADER.size > len(records):
            raise LedgerError("frame body ends inside a record header; run `dibs verify`")
        size = HEADER.unpack_from(records, at)[0]
        if size < HEADER.size or at + size > len(records):
            raise LedgerError("frame body ends inside a record; run `dibs verify`")
        out.append(bytes(records[at : at + size]))
        at += size
    return out
