"""The canonical bytes of a state, and back. Public format: docs/snapshot-format.md.

Sections in fixed order, each a `u64` count and its rows in order of number or sequence. Rows that
came from events hold the event's packed record, so there is one codec for both. The format is
canonical: equal states give equal bytes. What can be derived (positions of a SKU, ids, the timing
wheel's slots, queues of closed entries) is rebuilt, not stored.
"""

import hashlib
import struct

import msgspec

from engine.core import bundles, limits, records, trail
from engine.core.commands import PutLocation, PutSku
from engine.core.errors import LedgerError
from engine.core.events import OrderPlaced, OrderStatus, Reserved
from engine.core.fitting import check_lines, check_scarcity
from engine.core.order_life import CLOSED
from engine.core.routing import POLICY_COSTS, slip
from engine.core.state import (
    EXPIRED,
    LIVE,
    Location,
    Order,
    Position,
    Remembered,
    Reservation,
    Sku,
    State,
)
from engine.core.usual import SCALE_BITS

MAGIC = b"DIBSSTAT"
VERSION = 6
_HEAD = struct.Struct("<8sHQQ")
_COUNT = struct.Struct("<Q")
_SEQ = struct.Struct("<Q")
_PAIR = struct.Struct("<II")
_USUAL = struct.Struct("<QQI")
_POSITION = struct.Struct("<II6q")
_RESERVATION = struct.Struct("<QQQBQQ")
_ORDER = struct.Struct("<QQBQQB")
_LINE = struct.Struct("<IIIH")
_UNITS = struct.Struct("<I")
_REMEMBERED = struct.Struct("<QQQ")
_LOAD = struct.Struct("<III")
_json = msgspec.json.Encoder().encode
_location = msgspec.json.Decoder(PutLocation).decode
_sku = msgspec.json.Decoder(PutSku).decode


def digest(data: bytes) -> str:
    """Return the digest of canonical bytes: BLAKE2b, 128 bits, as hex."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def _blob(data: bytes) -> bytes:
    return _UNITS.pack(len(data)) + data


def _put_row(row: Location) -> bytes:
    return _SEQ.pack(row.seq) + _blob(_json(row.put))


def _sku_row(sku: Sku) -> bytes:
    pairs = b"".join(_PAIR.pack(*pair) for pair in sku.components)
    return _SEQ.pack(sku.seq) + _blob(_json(sku.put)) + _blob(pairs) + _USUAL.pack(*sku.usual)


def _position_row(p: Position) -> bytes:
    return _POSITION.pack(
        p.sku,
        p.location,
        p.on_hand,
        p.reserved,
        p.allocated,
        p.damaged,
        p.quality_control,
        p.safety_stock,
    )


def _reservation_row(r: Reservation) -> bytes:
    head = _RESERVATION.pack(r.seq, r.expires_us, r.armed_seq, r.status, r.closed_us, r.order)
    return head + _blob(records.encode(r.event))


def _order_row(o: Order) -> bytes:
    parts = [
        _ORDER.pack(o.seq, o.changed_seq, o.status, o.closed_us, o.placed_us, o.trail_over),
        _blob(records.encode(o.event)),
        _blob(records.encode(o.placed) if o.placed else b""),
        _blob(o.trail),
    ]
    for takes, *units in zip(o.takes, o.backordered, o.cancelled, o.shipped, strict=True):
        parts.append(_LINE.pack(*units, len(takes)))
        parts += [_UNITS.pack(units) for units in takes]
    return b"".join(parts)


def _remembered_row(r: Remembered) -> bytes:
    return (
        _REMEMBERED.pack(r.seq, r.stamp_us, r.fingerprint) + _blob(r.key.encode()) + _blob(r.answer)
    )


def dump(state: State) -> bytes:
    """Return the canonical bytes of `state`."""
    parts = [_HEAD.pack(MAGIC, VERSION, state.seq, state.stamp_us)]
    sections = (
        (state.locations, _put_row),
        (state.skus, _sku_row),
        (state.positions, _position_row),
        ([state.reservations[seq] for seq in sorted(state.reservations)], _reservation_row),
        ([state.orders[seq] for seq in sorted(state.orders)], _order_row),
        (state.remembered.values(), _remembered_row),
    )
    for rows, pack in sections:
        parts.append(_COUNT.pack(len(rows)))
        parts += map(pack, rows)
    parts.append(dump_objects(state))
    return b"".join(parts)


def dump_objects(tables: State) -> bytes:
    """Return the last sections: what both twins keep as the same objects."""
    rows = [_SEQ.pack(seq) + _blob(notes) for seq, notes in tables.lives.rows()]
    loads = [_LOAD.pack(place, *tables.loads[place]) for place in sorted(tables.loads)]
    sections = (rows, loads)
    parts = [part for rows in sections for part in (_COUNT.pack(len(rows)), *rows)]
    # Only where there are fences: snapshots without are as they were before there were any.
    return b"".join((tables.registers.dump(), *parts, tables.registers.fences.dump_marks()))


def load_objects(data: bytes, tables: State) -> list[int]:
    """Fill the objects of a state, or of a view on one, from the last sections, all of `data`;
    return the seqs of the orders with lives."""
    reader, found = _Reader(data), [0]
    reader.at = tables.registers.load(data, tables.seq)
    for _ in reader.rows(limits.ORDERS_MAX):
        (seq,) = reader.unpack(_SEQ)
        _check("an order's life", found[-1] < seq <= tables.seq)
        tables.lives.load(seq, reader.blob())
        found.append(seq)
    _load_loads(reader, tables)
    reader.at += tables.registers.fences.load_marks(data[reader.at :], tables.seq)
    if reader.at != len(data):
        raise LedgerError("snapshot has bytes beyond its end; use an older one, or replay the log")
    return found[1:]


def _load_loads(reader: "_Reader", tables: State) -> None:
    last = -1
    for _ in reader.rows(limits.LOCATIONS_MAX):
        place, day, used = reader.unpack(_LOAD)
        _check("a location's load", last < place < len(tables.locations) and day > 0)
        tables.loads[place] = (day, used)
        last = place


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def unpack(self, packer: struct.Struct) -> tuple:
        if self.at + packer.size > len(self.data):
            raise LedgerError("snapshot ends too early; use an older one, or replay the log")
        values = packer.unpack_from(self.data, self.at)
        self.at += packer.size
        return values

    def blob(self) -> bytes:
        (size,) = self.unpack(_UNITS)
        if self.at + size > len(self.data):
            raise LedgerError("snapshot ends too early; use an older one, or replay the log")
        self.at += size
        return bytes(self.data[self.at - size : self.at])

    def rows(self, most: int) -> range:
        (count,) = self.unpack(_COUNT)
        if count > most:
            raise LedgerError(f"snapshot holds {count} rows of a table, more than {most}")
        return range(count)


def load(data: bytes) -> State:
    """Return the state of canonical bytes; `LedgerError` if they are not exactly one state."""
    try:
        return _load(data)
    except (LookupError, ValueError, struct.error, msgspec.MsgspecError) as error:
        raise LedgerError(f"snapshot is damaged ({error!r}); use an older one") from error


def _check(what: str, good: bool) -> None:
    if not good:
        raise LedgerError(f"snapshot is damaged: {what}; use an older one, or replay the log")


def _load(data: bytes) -> State:
    reader, state = _Reader(data), State()
    magic, version, state.seq, state.stamp_us = reader.unpack(_HEAD)
    state.now_us = state.stamp_us
    if magic != MAGIC or version != VERSION:
        raise LedgerError(f"not a dibs state of version {VERSION}; replay the log instead")
    _check("stamp", state.stamp_us <= limits.STAMP_US_MAX)
    _load_catalogue(reader, state)
    for number in reader.rows(limits.POSITIONS_MAX):
        position = Position(*reader.unpack(_POSITION))
        _load_position(state, number, position)
    _load_reservations(reader, state)
    _load_orders(reader, state)
    for _ in reader.rows(limits.DOCUMENTS_MAX + limits.FRAME_EVENTS_MAX):
        seq, stamp_us, fingerprint = reader.unpack(_REMEMBERED)
        key = reader.blob().decode()
        _check("a key stands twice", key not in state.remembered)
        _check("a key's position", seq <= state.seq and stamp_us <= state.stamp_us)
        state.remembered[key] = Remembered(key, seq, stamp_us, fingerprint, reader.blob())
    lives = load_objects(data[reader.at :], state)
    for row in state.registers.scarcity.rows:
        check_scarcity(state, row.put.sku)
    _check("the life of an order that is not there", set(lives) <= state.orders.keys())
    for order in state.orders.values():
        state.await_stock(order)
    return state


def _load_position(state: State, number: int, position: Position) -> None:
    units = (getattr(position, f) for f in Position.__struct_fields__[2:])
    _check("a bucket's units", all(0 <= n <= limits.BUCKET_UNITS_MAX for n in units))
    _check("a position's location", position.location < len(state.locations))
    _check("a position of a bundle", not state.skus[position.sku].components)
    _check("a position stands twice", (position.sku, position.location) not in state.cells)
    state.positions.append(position)
    state.cells[position.sku, position.location] = number
    state.skus[position.sku].positions.append(number)


def _load_put(reader: _Reader, decode, noun: str, numbers: dict, last_seq: int) -> tuple:
    """Return (command, seq) of a row that is its command; `noun` is the field of its name."""
    (seq,) = reader.unpack(_SEQ)
    text = reader.blob()
    put = decode(text)
    _check(f"a {noun}'s JSON", _json(put) == text and seq <= last_seq)
    _check(f"a {noun} stands twice", getattr(put, noun) not in numbers)
    return put, seq


def _load_catalogue(reader: _Reader, state: State) -> None:
    for number in reader.rows(limits.LOCATIONS_MAX):
        put, seq = _load_put(reader, _location, "location", state.location_numbers, state.seq)
        state.locations.append(Location(put, seq))
        state.lives.worklist.close(len(state.locations) - 1, not put.active)
        state.location_numbers[put.location] = number
    for number in reader.rows(limits.SKUS_MAX):
        (seq,) = reader.unpack(_SEQ)
        text, pairs = reader.blob(), reader.blob()
        usual = reader.unpack(_USUAL)
        _check("what a SKU's orders take", max(usual[:2]) <= limits.QUANTITY_MAX << SCALE_BITS)
        put = _sku(text)
        _check("a SKU's JSON", _json(put) == text and seq <= state.seq)
        _check("a SKU stands twice", put.sku not in state.sku_numbers)
        _check("a SKU's components", len(pairs) == _PAIR.size * len(put.components))
        state.skus.append(Sku(put, seq, tuple(_PAIR.iter_unpack(pairs)), [], set(), usual))
        state.sku_numbers[put.sku] = number
    for number, sku in enumerate(state.skus):
        named = tuple((state.sku_numbers[c.sku], c.quantity) for c in sku.put.components)
        _check("a SKU's components", named == sku.components)
        _check("a component stands twice", len({child for child, _ in named}) == len(named))
        for component, _ in sku.components:
            state.skus[component].parents.add(number)
    for number, sku in enumerate(state.skus):
        if sku.components:
            _check("depth", bundles.below(state.skus, number) <= limits.BUNDLE_DEPTH_MAX)


def _load_reservations(reader: _Reader, state: State) -> None:
    last = 0
    for _ in reader.rows(limits.RESERVATIONS_MAX):
        seq, expires_us, armed_seq, status, closed_us, order = reader.unpack(_RESERVATION)
        event = records.decode(reader.blob())
        check_lines(state, event.lines)
        _check("a reservation's seq", last < seq <= armed_seq <= state.seq >= order)
        _check("a reservation's status", status <= EXPIRED and (status == LIVE) == (not closed_us))
        _check("a reservation's end", expires_us <= limits.EXPIRES_US_MAX)
        _check("a reservation's close", closed_us <= state.stamp_us)
        _check("a reservation's event", isinstance(event, Reserved))
        _check("a reservation stands twice", event.reservation_id not in state.reservation_seqs)
        _check("a reservation's event's end", event.expires_us <= limits.EXPIRES_US_MAX)
        entry = Reservation(seq, event, expires_us, armed_seq, status, closed_us, order)
        state.reservations[seq] = entry
        state.reservation_seqs[event.reservation_id] = last = seq
    live = [entry for entry in state.reservations.values() if entry.status == LIVE]
    for entry in sorted(live, key=lambda entry: entry.armed_seq):
        state.arm(entry)
    closed = [entry for entry in state.reservations.values() if entry.status != LIVE]
    state.closed_reservations.extend(
        entry.seq for entry in sorted(closed, key=lambda entry: entry.armed_seq)
    )


def _load_orders(reader: _Reader, state: State) -> None:
    last = 0
    for _ in reader.rows(limits.ORDERS_MAX):
        seq, changed_seq, status, closed_us, placed_us, trail_over = reader.unpack(_ORDER)
        event, first, steps = records.decode(reader.blob()), reader.blob(), reader.blob()
        placed = records.decode(first) if first else None
        _check("an order's event", isinstance(event, OrderPlaced))
        _check_first(state, event, placed)
        _check("an order's first status", event.status <= OrderStatus.BACKORDERED)
        check_lines(state, event.lines)
        _check_receipt(state, event)
        _check("an order's seq", last < seq <= changed_seq <= state.seq)
        _check("an order's close", closed_us <= state.stamp_us)
        _check("when an order was placed", placed_us <= state.stamp_us)
        _check_trail(state, steps, trail_over, seq, changed_seq)
        _check("an order's status", (status in CLOSED) == bool(closed_us))
        name = (event.channel, event.order_id)
        _check("an order stands twice", name not in state.order_seqs)
        order = Order(
            seq, event, changed_seq, OrderStatus(status), [], [], [], [], closed_us, placed
        )
        order.placed_us, order.trail, order.trail_over = placed_us, steps, bool(trail_over)
        for line in event.lines:
            _load_line(reader, order, line)
        state.orders[seq] = order
        state.order_seqs[name] = last = seq
    closed = [entry for entry in state.orders.values() if entry.closed_us]
    state.closed_orders.extend(
        entry.seq for entry in sorted(closed, key=lambda entry: entry.changed_seq)
    )


def _check_trail(state: State, steps: bytes, over: int, seq: int, changed_seq: int) -> None:
    _check("an order's trail", over <= 1 and len(steps) <= limits.ORDER_TRAIL_BYTES_MAX)
    last, places = seq, len(state.positions)
    for step in trail.steps(steps):
        _check("an order's trail", last < step.seq <= changed_seq and step.event.order == seq)
        _check("an order's trail", step.stamp_us <= state.stamp_us)
        _check("an order's trail", all(number < places for number in step.positions))
        last = step.seq


def _check_receipt(state: State, event: OrderPlaced) -> None:
    _check("an order's policy", 0 < event.policy <= POLICY_COSTS)
    if event.policy == POLICY_COSTS:
        # Policies are read later.
        made = slip.unpack(event.receipt)
        there = slip.fits(made, 2**63, len(state.locations), len(state.skus))
        _check("an order's receipt", there)


def _check_first(state: State, event: OrderPlaced, placed: OrderPlaced | None) -> None:
    """What made a restated order differs from how it stands in lines, document, policy and receipt
    only."""
    if placed:
        _check("an order's first event", isinstance(placed, OrderPlaced))
        check_lines(state, placed.lines)
        _check_receipt(state, placed)
        may = {name: getattr(event, name) for name in ("lines", "document", "policy", "receipt")}
        same = msgspec.structs.replace(placed, **may)
        _check("an order's first event", same == event and bool(event.lines))


def _load_line(reader: _Reader, order: Order, line) -> None:
    waiting, cut, gone, count = reader.unpack(_LINE)
    left = [reader.unpack(_UNITS)[0] for _ in range(count)]
    _check("an order's takes", count == len(line.takes))
    for units, take in zip(left, line.takes, strict=True):
        _check("what is left of a take", units <= take.quantity)
    _check("what waits", waiting <= line.backordered)
    _check("what is cancelled", line.backordered - waiting <= cut <= line.quantity)
    _check("what is shipped", gone <= line.quantity - cut - waiting)
    order.backordered.append(waiting)
    order.cancelled.append(cut)
    order.shipped.append(gone)
    order.takes.append(left)


assert limits.QUANTITY_MAX < 2**32, "units of a take are stored in four bytes"
