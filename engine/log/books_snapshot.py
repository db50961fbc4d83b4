"""The second opinion on snapshots: read one into books, and compare two sets of books.

Reads the canonical dump by itself, from docs/snapshot-format.md.
"""

import struct
from collections.abc import Iterator

import msgspec

from engine.log.books import BY_POLICY, Books, Unreadable
from engine.log.books_changes import BY_UNITS
from engine.log.books_fences import FENCES
from engine.log.books_lines import Held, read_lines
from engine.log.books_slips import read_slip

_HEAD = struct.Struct("<8sHQQ")
_U64 = struct.Struct("<Q")
_U16 = struct.Struct("<H")
_U32 = struct.Struct("<I")
_PAIR = struct.Struct("<II")
_USUAL = struct.Struct("<QQI")
_POSITION = struct.Struct("<II6q")
_RESERVATION = struct.Struct("<QQQBQQ")
_ORDER = struct.Struct("<QQBQQB")
_LINE = struct.Struct("<IIIH")
_REMEMBERED = struct.Struct("<QQQ")
_LOAD = struct.Struct("<III")
_TWO = struct.Struct("<QQ")
_RECORD_BYTES = 8
_ORDER_HEAD_BYTES = 11
_EXPIRES_BYTES = 8


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def row(self, packer: struct.Struct) -> tuple:
        values = packer.unpack_from(self.data, self.at)
        self.at += packer.size
        return values

    def blob(self) -> bytes:
        (size,) = self.row(_U32)
        self.at += size
        if self.at > len(self.data):
            raise Unreadable("the snapshot ends inside a row")
        return self.data[self.at - size : self.at]

    def rows(self) -> Iterator[int]:
        return iter(range(self.row(_U64)[0]))


def _named(record: bytes, head_bytes: int) -> tuple[bytes, bytes, int]:
    """Return (first text, both texts as packed, where lines begin) of a packed record."""
    at = _RECORD_BYTES + 8
    starts = []
    for _ in range(4):  # actor, key, and the two texts that name it
        starts.append(at)
        at += 2 + int.from_bytes(record[at : at + 2], "little")
    return record[starts[2] : starts[3]], record[starts[2] : at], at + head_bytes


def read_books(dump: bytes, bad=lambda promise, why: None) -> Books:
    """Return the books of a canonical dump; `Unreadable` if it is not one."""
    books, reader = Books(bad), _Reader(dump)
    try:
        magic, version, books.seq, books.stamp_us = reader.row(_HEAD)
        if magic != b"DIBSSTAT" or version != 6:
            raise Unreadable("the snapshot's state is not of version 6")
        fences: list[bytes] = []
        _catalogue(reader, books)
        _positions(reader, books)
        _reservations(reader, books)
        _orders(reader, books)
        for _ in reader.rows():
            _, stamp_us, _ = reader.row(_REMEMBERED)
            books.answered[reader.blob()] = stamp_us
            reader.blob()
        for _ in range(*reader.row(_U16)):
            (register,) = reader.row(_U16)
            for _ in reader.rows():
                reader.row(_U64)
                document = reader.blob()
                books.entries[register] = books.entries.get(register, 0) + 1
                if register == FENCES:
                    fences.append(document)
        for _ in reader.rows():
            (seq,) = reader.row(_U64)
            life = msgspec.json.decode(reader.blob())
            if seq not in books.order_name_of or not life:
                raise Unreadable(f"the snapshot has the life of order {seq}, which is not there")
            _returns(books, seq, life)
        for _ in reader.rows():
            place, *load = reader.row(_LOAD)
            books.loads[place] = tuple(load)
        books.fences.load(fences, [_marks(reader) for _ in fences])
    except (struct.error, IndexError, ValueError) as error:
        raise Unreadable(f"the snapshot names what is not there: {error!r}") from error
    if reader.at != len(dump):
        raise Unreadable("the snapshot has bytes beyond its end")
    books.answered_since = books.stamp_us
    books.work.leaving.clear()
    return books


def _catalogue(reader: _Reader, books: Books) -> None:
    for _ in reader.rows():
        reader.row(_U64)
        books.know_location(books.locations, reader.blob())
        books.locations += 1
    for _ in reader.rows():
        reader.row(_U64)
        put = msgspec.json.decode(reader.blob(), type=dict)
        pairs = list(_PAIR.iter_unpack(reader.blob()))
        reader.row(_USUAL)
        books.add_sku(bool(put.get("backorderable", False)), pairs)


def _positions(reader: _Reader, books: Books) -> None:
    for number in reader.rows():
        sku, location, on_hand, reserved, allocated, *aside = reader.row(_POSITION)
        books.add_position(sku, location)
        for bucket, units in zip(books.buckets, (on_hand, *aside), strict=True):
            bucket[number] = units
        books.reserved[number], books.allocated[number] = reserved, allocated
        books.room[number] = on_hand - reserved - allocated - sum(aside)


def _reservations(reader: _Reader, books: Books) -> None:
    for _ in reader.rows():
        seq, expires_us, _, status, closed_us, _ = reader.row(_RESERVATION)
        record = reader.blob()
        name, _, lines_at = _named(record, _EXPIRES_BYTES)
        books.reservation_names[name] = closed_us
        if not status:
            books.reservations[seq] = [expires_us, record[lines_at:], name]


def _orders(reader: _Reader, books: Books) -> None:
    for _ in reader.rows():
        seq, _, status, closed_us, *_ = reader.row(_ORDER)
        record = reader.blob()
        reader.blob()
        reader.blob()
        _, name, lines_at = _named(record, _ORDER_HEAD_BYTES)
        end, lines = read_lines(record, lines_at)
        held, fresh = Held(lines), Held(lines)
        for sku, _, _, taken in lines:
            if any(books.position_sku[position] != sku for position, _ in taken):
                books.bundles.add(sku)
        for line in range(len(lines)):
            held.waiting[line], held.cancelled[line], held.shipped[line], takes = reader.row(_LINE)
            held.left[line] = [reader.row(_U32)[0] for _ in range(takes)]
        books.order_names[name] = closed_us
        books.order_name_of[seq] = name
        if closed_us and any(held.shipped):
            books.left_with[seq] = tuple(held.shipped)
        if not closed_us:
            if status not in BY_UNITS:
                books.progress[seq] = status
            books.orders[seq] = record[lines_at:end] if held.state == fresh.state else held
            _route(books, seq, record, lines_at, end)


def _route(books: Books, seq: int, record: bytes, lines_at: int, lines_end: int) -> None:
    """Take up the shipments in an open order's receipt, if it has one."""
    if _U16.unpack_from(record, lines_at - 2)[0] == BY_POLICY:
        at = lines_end + 4 + _U32.unpack_from(record, lines_end)[0]
        _, legs = read_slip(record, at + 4, len(record))
        books.routes[seq] = [(place, day) for place, day, _ in legs]


def _marks(reader: _Reader) -> tuple[int, dict[int, int]]:
    used, count = reader.row(_TWO)
    return used, dict(reader.row(_TWO) for _ in range(count))


def _returns(books: Books, seq: int, life: list[dict]) -> None:
    held = books.orders.get(seq)
    shipped = tuple(held.shipped) if isinstance(held, Held) else books.left_with.get(seq, ())
    for happened in life:
        books.work.fold(seq, happened["note"])
        if happened["note"]["what"].startswith("return_"):
            books.fold_return(seq, shipped, happened["note"])


def differences(walked: Books, stated: Books) -> list[str]:
    """Return what a snapshot states otherwise than the walk found, at most one line a subject."""
    found = []
    columns = (
        ("SKU", walked.position_sku, stated.position_sku),
        ("location", walked.position_location, stated.position_location),
        ("on_hand", walked.buckets[0], stated.buckets[0]),
        ("damaged", walked.buckets[1], stated.buckets[1]),
        ("quality_control", walked.buckets[2], stated.buckets[2]),
        ("safety_stock", walked.buckets[3], stated.buckets[3]),
        ("reserved", walked.reserved, stated.reserved),
        ("allocated", walked.allocated, stated.allocated),
    )
    for word, ours, theirs in columns:
        if ours == theirs:
            continue
        pairs = enumerate(zip(ours, theirs, strict=False))
        first = next((row for row in pairs if row[1][0] != row[1][1]), None)
        if first is None:
            found.append(f"{len(theirs)} positions, {len(ours)} were opened")
            break
        found.append(f"{word} of position {first[0]} is {first[1][1]}, the walk has {first[1][0]}")
    if walked.backorderable != stated.backorderable or walked.components != stated.components:
        found.append("its SKUs are not those of the walk")
    ours = {seq: (live[0], live[1]) for seq, live in walked.reservations.items()}
    if ours != {seq: (live[0], live[1]) for seq, live in stated.reservations.items()}:
        found.append("its live reservations are not those of the walk")
    if walked.orders.keys() != stated.orders.keys() or any(
        _state(lines) != _state(stated.orders[seq]) for seq, lines in walked.orders.items()
    ):
        found.append("its open orders are not those of the walk")
    elif walked.progress != stated.progress:
        found.append("its orders are not as far as those of the walk")
    if walked.work.parted(walked.orders) != stated.work.parted(stated.orders):
        found.append("what has left ahead of its bundle is not what the walk has")
    if walked.work.open(walked.orders) != stated.work.open(stated.orders):
        found.append("its fulfillments are not those of the walk")
    returned = {seq: one for seq, one in walked.returned.items() if seq in stated.order_name_of}
    if returned != stated.returned:
        found.append("its returns are not those of the walk")
    known = {*stated.order_name_of, *stated.reservations}
    if walked.fences.stated(known) != stated.fences.stated(known):
        found.append("what is out of its fences is not what the walk has")
    if walked.loads != stated.loads:
        found.append("what its locations have to send is not what the walk has")
    elif walked.routes != stated.routes:
        found.append("what its orders are counted as is not what the walk has")
    return found


def _state(lines: bytes | Held) -> tuple | bytes:
    if isinstance(lines, Held):
        return lines.state
    return Held(read_lines(lines)[1]).state
