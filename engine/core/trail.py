"""What was cancelled of an order, and what has left of it: the events, kept with the order.

A trail is bytes: for each event seq u64, stamp u64, its packed record, and for each take that it
frees the number of its position, u32. A record names takes by their place in lines, where others
may stand later. The compiled twin keeps the same bytes (`ext/plane/trail.pxi`).
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from engine.core import limits, records
from engine.core.errors import LedgerError
from engine.core.events import OrderCancelled, OrderShipped

_HEAD = struct.Struct("<QQ")
_U32 = struct.Struct("<I")


class Step(NamedTuple):
    """`event`, number `seq`, at `stamp_us`; `positions` are those of its `freed`."""

    seq: int
    stamp_us: int
    event: OrderCancelled | OrderShipped
    positions: tuple[int, ...]


def row(seq: int, stamp_us: int, event: OrderCancelled | OrderShipped, lines) -> bytes:
    """Return the row of an event that changes an order which stands with these `lines`."""
    positions = [lines[freed.line].takes[freed.take].position for freed in event.freed]
    numbers = b"".join(map(_U32.pack, positions))
    return _HEAD.pack(seq, stamp_us) + records.encode(event) + numbers


def steps(data: bytes) -> Iterator[Step]:
    """Yield the rows of a trail; `LedgerError` or `struct.error` where it is damaged."""
    at = 0
    while at < len(data):
        seq, stamp_us = _HEAD.unpack_from(data, at)
        at += _HEAD.size
        (size,) = _U32.unpack_from(data, at)
        event = records.decode(data[at : at + size])
        if not isinstance(event, OrderCancelled | OrderShipped):
            raise LedgerError("a trail holds what is not its own")
        at += size
        numbers = struct.unpack_from(f"<{len(event.freed)}I", data, at)
        at += _U32.size * len(numbers)
        yield Step(seq, stamp_us, event, numbers)


def grown(data: bytes, more: bytes) -> bytes | None:
    """Return a trail with one more row; None if there is no room for it."""
    return data + more if len(data) + len(more) <= limits.ORDER_TRAIL_BYTES_MAX else None
