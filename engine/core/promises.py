"""When what waits can be promised: supply by date against demand in its turn.

    now: what is available ──▶ the first purchase order ──▶ the next …      supply, a ladder
    the first in turn ──▶ the second ──▶ …                                  demand, see `waiting`

Each that waits is promised by the date of the step that covers it and all before it. Nothing is
reserved by that: put a purchase order anew, or raise a priority, and the promises are others. The
same code in both twins.
"""

from datetime import datetime
from heapq import nsmallest

import msgspec

from engine.core import bundles, kept, limits
from engine.core.answers import OrderAnswer
from engine.core.fences import share
from engine.core.purchases import IncomingAnswer
from engine.core.waiting import Rank


class SupplyAnswer(msgspec.Struct, omit_defaults=True):
    """`units` of `sku`, of those that wait, come with a purchase order by `expected_at`; without
    one they are there, and cannot be taken alone."""

    sku: str
    units: int
    purchase_order: str | None = None
    expected_at: datetime | None = None


class PromiseAnswer(msgspec.Struct, omit_defaults=True):
    """`units` of line number `line` wait. They can be had by `promised_at`, out of `supply`;
    without a date, not all of them are on their way."""

    line: int
    sku: str
    units: int
    line_id: str | None = None
    promised_at: datetime | None = None
    supply: list[SupplyAnswer] = []


class PromisesAnswer(msgspec.Struct, omit_defaults=True):
    """What an order waits for, as of log position `seq`. By `promised_at` it has all of it."""

    channel: str
    order_id: str
    status: str
    seq: int
    lines: list[PromiseAnswer]
    promised_at: datetime | None = None


class TurnAnswer(msgspec.Struct, omit_defaults=True):
    """An order that waits for `units` of a SKU, with what its turn goes by."""

    channel: str
    order_id: str
    units: int
    priority: int = 0
    required_by: datetime | None = None
    promised_at: datetime | None = None


class BackorderAnswer(msgspec.Struct, omit_defaults=True):
    """`orders` wait for `units` of a SKU, of which `incoming` are on their way. By `covered_at`
    all of them can be had; without a date, too few are on their way."""

    sku: str
    orders: int
    units: int
    incoming: int
    backorder_limit: int | None = None
    covered_at: datetime | None = None


class TurnsAnswer(msgspec.Struct, omit_defaults=True):
    """Who waits for a SKU, in their turn, as of log position `seq`; `oldest` was placed first."""

    seq: int
    backorder: BackorderAnswer
    turns: list[TurnAnswer]
    oldest: TurnAnswer | None = None


class _Ladder:
    """The supply of a SKU: `there` units now, then what is to come, the earliest first; at one
    location only if `place` is given; without what is set aside for other channels than `channel`
    (None: for any)."""

    def __init__(
        self, state, sku: int, place: str | None = None, channel: str | None = None
    ) -> None:
        self.name = state.sku_name(sku)
        self.rows: list[IncomingAnswer] = [
            row
            for row in state.registers.purchase_orders.incoming(self.name)
            if place is None or row.location == place
        ]
        self.there = state.free_units(sku) if place is None else _free_at(state, sku, place)
        known = share(state, sku, channel)
        if known is not None:
            self.there = min(self.there, known.total)

    def shares(self, ahead: int, units: int) -> tuple[list[SupplyAnswer], datetime | None, int]:
        """Return what covers `units` behind `ahead` others, the date of the last of it (None: it
        is there), and the units that nothing covers."""
        found, last = [], None
        for there, row in ((self.there, None), *((row.units, row) for row in self.rows)):
            passed = min(ahead, there)
            ahead -= passed
            used = min(units, there - passed)
            if used:
                order, at = (row.purchase_order, row.expected_at) if row else (None, None)
                found.append(SupplyAnswer(self.name, used, order, at))
                units, last = units - used, at
        return found, last, units


def _free_at(state, sku: int, place: str) -> int:
    number = state.location_numbers.get(place)
    cell = None if number is None else state.cells.get((sku, number))
    return max(state.positions[cell].available, 0) if cell is not None else 0


def promises(state, channel: str, order_id: str) -> PromisesAnswer | None:
    """Return what an order waits for, and by when it can be had; None if there is no such order."""
    order = state.order(channel, order_id)
    if order is None:
        return None
    lines = _lines(state, order)
    answer = PromisesAnswer(channel, order_id, order.status.name.lower(), state.seq, lines)
    dates = [line.promised_at for line in lines]
    if all(dates):
        answer.promised_at = max(dates, default=None)
    return answer


def date(state, order, answer: OrderAnswer) -> None:
    """Add to the lines of an order's answer when what waits of them can be had. One that ships
    complete has one date for all that has not left."""
    lines = _lines(state, order)
    for line in lines:
        answer.lines[line.line].promised_at = line.promised_at
    if answer.ships_complete:
        dates = [line.promised_at for line in lines]
        last = max(dates) if dates and all(dates) else None
        for row in answer.lines:
            if row.quantity > row.cancelled + row.shipped:
                row.promised_at = last


def _lines(state, order) -> list[PromiseAnswer]:
    entry = state.waiting.entries.get(order.seq)
    if entry is None:
        return []
    places, before, found = dict(kept.read(order.event.document).bound), {}, []
    ladders: dict[tuple[int, str | None], _Ladder] = {}
    for sku, _ in entry.units:
        before[sku] = _ahead(state, sku, entry.rank)
    for number, (line, late) in enumerate(zip(order.event.lines, order.backordered, strict=True)):
        if not late:
            continue
        row = PromiseAnswer(number, state.sku_name(line.sku), late, line.line_id or None)
        parts: dict[int, int] = {}
        bundles.leaves(state.skus, line.sku, late, parts)
        dates, sure = [], True
        for sku, units in parts.items():
            key = sku, places.get(number)
            if key not in ladders:
                ladders[key] = _Ladder(state, *key, order.event.channel)
            ahead = before[sku]
            if ahead is None:
                sure = False
                continue
            shares, last, missing = ladders[key].shares(ahead, units)
            row.supply += shares
            before[sku] = ahead + units
            sure = sure and not missing
            dates += [last] if last else []
        row.promised_at = max(dates, default=None) if sure else None
        found.append(row)
    return found


def _ahead(state, sku: int, rank: Rank) -> int | None:
    """Return the units of a SKU that go to those before `rank`; None if too many wait to say."""
    if state.waiting.queues[sku].orders > limits.PROMISE_ORDERS_MAX:
        return None
    return sum(units for other, units in state.waiting.demand(sku) if other < rank)


def backorder(state, sku: int) -> BackorderAnswer:
    """Return how many wait for a SKU, which somebody does, and when all of them can be served."""
    queue, ladder = state.waiting.queues[sku], _Ladder(state, sku)
    incoming = sum(row.units for row in ladder.rows)
    _, last, missing = ladder.shares(0, queue.units)
    most = state.skus[sku].put.backorder_limit
    covered = None if missing else last
    return BackorderAnswer(ladder.name, queue.orders, queue.units, incoming, most, covered)


def backorders(state, after: int, limit: int) -> tuple[list[BackorderAnswer], int | None]:
    """Return a page of the SKUs that somebody waits for, in order of their creation, and the
    number to go on after, None at the end."""
    numbers = nsmallest(limit + 1, (sku for sku in state.waiting.queues if sku > after))
    page = numbers[:limit]
    return [backorder(state, sku) for sku in page], page[-1] if len(numbers) > limit else None


def turns(state, name: str, limit: int) -> TurnsAnswer | None:
    """Return the first `limit` of those that wait for a SKU; None if there is no such SKU."""
    sku = state.sku_numbers.get(name)
    if sku is None:
        return None
    if sku not in state.waiting.queues:
        return TurnsAnswer(state.seq, BackorderAnswer(name, 0, 0, 0), [])
    ladder, ahead, found = _Ladder(state, sku), 0, []
    demand = list(state.waiting.demand(sku))
    for rank, units in nsmallest(limit, demand):
        turn = _turn(state, rank, units)
        _, last, missing = ladder.shares(ahead, units)
        turn.promised_at = None if missing else last
        ahead += units
        found.append(turn)
    oldest = min(demand, key=lambda row: row[0][2:])
    return TurnsAnswer(state.seq, backorder(state, sku), found, _turn(state, *oldest))


def _turn(state, rank: Rank, units: int) -> TurnAnswer:
    event = state.order_row(rank[3]).event
    known = kept.read(event.document)
    return TurnAnswer(event.channel, event.order_id, units, known.priority, known.required_by)
