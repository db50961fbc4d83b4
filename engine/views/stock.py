"""Positions, and every movement that made them: read model of stock."""

from engine.core.events import BucketId, Line, PositionOpened, StockMoved
from engine.views.schema import BY_NAME
from engine.views.work import OrderRows, Work

_COLUMNS = BY_NAME["positions"].names
ON_HAND, RESERVED, ALLOCATED = map(_COLUMNS.index, ("on_hand", "reserved", "allocated"))
AVAILABLE, SEQ = _COLUMNS.index("available"), _COLUMNS.index("seq")
_BUCKETS = {bucket: _COLUMNS.index(bucket.name.lower()) for bucket in BucketId}


def opened(work: Work, seq: int, event: PositionOpened) -> None:
    """A SKU and a location got a position."""
    number = event.number
    work.positions[number] = [number, event.sku, event.location, *(0,) * 7, seq]
    work.touched.add(number)


def moved(work: Work, seq: int, event: StockMoved) -> None:
    """A paper moved units."""
    for n, move in enumerate(event.movements):
        change(work, seq, n, move.position, _BUCKETS[move.bucket], move.delta, move.reason or None)


def change(
    work: Work, seq: int, n: int, number: int, bucket: int, delta: int, reason: str | None = None
) -> None:
    """Movement `n` of event `seq`: `delta` units into a position's bucket, a column's index."""
    row = work.position(number)
    row[bucket] += delta
    row[AVAILABLE] += delta if bucket == ON_HAND else -delta
    row[SEQ] = seq
    after = (row[bucket], row[AVAILABLE], reason)
    work.new["movements"].append((number, seq, n, _COLUMNS[bucket], delta, *after))


def reserve(work: Work, seq: int, lines: tuple[Line, ...]) -> None:
    """All units of a reservation's lines are promised."""
    takes = (take for line in lines for take in line.takes)
    for n, take in enumerate(takes):
        change(work, seq, n, take.position, RESERVED, take.quantity)


def give_back(work: Work, seq: int, takes: list, bucket: int = RESERVED) -> int:
    """Units of (position, units) are promised no more; return how many movements that made."""
    for n, (number, units) in enumerate(takes):
        change(work, seq, n, number, bucket, -units)
    return len(takes)


def restate(work: Work, seq: int, order: OrderRows, takes: list[list]) -> None:
    """An order holds the units of `takes` instead of those that it held: rows of allocations."""
    net: dict[int, int] = {}
    for rows, sign in ((order.takes, -1), (takes, 1)):
        for row in rows:
            net[row[3]] = net.get(row[3], 0) + sign * row[4]
    moves = [(number, delta) for number, delta in net.items() if delta]
    for n, (number, delta) in enumerate(moves):
        change(work, seq, n, number, ALLOCATED, delta)
