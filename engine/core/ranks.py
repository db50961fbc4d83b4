"""How an order waits: whether, for what, and when its turn is.

An order is filled while its status follows from its units, or while it is on hold and keeps its
stock. While somebody works on it, has to look at it, or has put it aside, others come first; but
one that ships complete is filled while it is worked on, since nothing of it may leave before.
"""

from datetime import UTC, datetime, timedelta

import msgspec

from engine.core import bundles
from engine.core.complete import ships_complete
from engine.core.events import OrderStatus
from engine.core.order_life import BY_UNITS
from engine.core.waiting import Entry

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NEVER_US = 2**63 - 1
WORKED_ON = (OrderStatus.RELEASED, OrderStatus.PICKING, OrderStatus.PACKED)


class _Told(msgspec.Struct, frozen=True):
    """What an order's document says of its turn; see `kept.Kept`."""

    priority: int = 0
    required_by: datetime | None = None
    bound: tuple[tuple[int, str], ...] = ()
    since: int = 0


_told = msgspec.json.Decoder(_Told).decode


def turn_of(document: bytes) -> tuple[int, int]:
    """Return what of an order's document decides who comes first, less first: its priority,
    highest first, and when it is required, in microseconds."""
    return _turn(_told(document))


def _turn(told: _Told) -> tuple[int, int]:
    if told.required_by is None:
        return -told.priority, NEVER_US
    return -told.priority, (told.required_by - _EPOCH) // timedelta(microseconds=1)


def entry_of(state, order) -> Entry | None:
    """Return how `order`, of a state of either twin, waits; None if it does not."""
    if not any(order.backordered) or not _ready(state, order):
        return None
    units: dict[int, int] = {}
    waiting = set()
    for index, (line, late) in enumerate(zip(order.event.lines, order.backordered, strict=True)):
        if late:
            waiting.add(index)
            bundles.leaves(state.skus, line.sku, late, units)
    told = _told(order.event.document)
    rank = (*_turn(told), told.since or order.seq, order.seq)
    bound = any(index in waiting for index, _ in told.bound)
    return Entry(rank, tuple(sorted(units.items())), bound)


def _ready(state, order) -> bool:
    if order.status is OrderStatus.ON_HOLD:
        return all(hold.keeps_stock for hold in state.lives.of(order.seq).holds.values())
    if order.status in WORKED_ON:
        return ships_complete(state, order.event)
    return order.status in BY_UNITS
