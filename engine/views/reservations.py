"""Reservations, as they stand: read model."""

import msgspec

from engine.core.events import Reserved
from engine.views.schema import BY_NAME
from engine.views.work import Work

_COLUMNS = BY_NAME["reservations"].names
CHANNEL, NAME = _COLUMNS.index("channel"), _COLUMNS.index("reservation_id")
_STATUS, _EXPIRES, _CLOSED, _ORDER, _TAKES = map(
    _COLUMNS.index, ("status", "expires_us", "closed_us", "order_seq", "takes")
)
_json = msgspec.json.Encoder().encode
_takes = msgspec.json.Decoder(list[tuple[int, int]]).decode


def reserved(work: Work, seq: int, stamp_us: int, event: Reserved) -> None:
    """Units are promised to a checkout."""
    takes = [(take.position, take.quantity) for line in event.lines for take in line.takes]
    work.fresh_reservations.add(seq)
    work.reservations[seq] = [
        seq,
        event.reservation_id,
        event.channel,
        "reserved",
        stamp_us,
        event.expires_us,
        None,
        None,
        sum(units for _, units in takes),
        _json(takes).decode(),
    ]


def extended(work: Work, seq: int, expires_us: int) -> list:
    """It ends at another time; return its row."""
    row = work.reservation(seq)
    row[_EXPIRES] = expires_us
    return row


def closed(
    work: Work, seq: int, stamp_us: int, status: str, order_seq: int | None = None
) -> tuple[list, list[tuple[int, int]]]:
    """It has ended; return its row, and what it held: (position, units)."""
    row = work.reservation(seq)
    row[_STATUS], row[_CLOSED], row[_ORDER] = status, stamp_us, order_seq
    return row, _takes(row[_TAKES])
