"""Questions to the state: stock, pages of orders and of the catalogue, table sizes."""

from collections import Counter
from collections.abc import Sequence

from engine.core import answers, bundles, told
from engine.core.answers import QuantitiesAnswer, StockAnswer
from engine.core.fences import cover
from engine.core.register import Register
from engine.core.state import LIVE, Position, State

_FIELDS = ("on_hand", "reserved", "allocated", "unavailable", "available")


def quantities(state: State, position: Position) -> QuantitiesAnswer:
    """Return the buckets of one position."""
    return QuantitiesAnswer(
        state.location_name(position.location), *(getattr(position, f) for f in _FIELDS)
    )


def positions(state: State, numbers: list[int]) -> list[tuple[str, QuantitiesAnswer]]:
    """Return (SKU, buckets) of positions by number."""
    return [(state.position_sku_name(n), quantities(state, state.positions[n])) for n in numbers]


def stock(state: State, name: str) -> StockAnswer | None:
    """Return the stock of one SKU, positions in order of opening."""
    number = state.sku_numbers.get(name)
    if number is None:
        return None
    sku = state.skus[number]
    if sku.components:
        return _bundle(state, name, number)
    rows = [quantities(state, state.positions[n]) for n in sku.positions]
    totals = [sum(getattr(row, f) for row in rows) for f in _FIELDS]
    return StockAnswer(name, state.seq, *totals, rows)


def _bundle(state: State, name: str, number: int) -> StockAnswer:
    """A bundle has no units of its own: `available` is how many could be built, in total and at
    each location that holds every component; the other buckets are 0."""
    leaves: dict[int, int] = {}
    bundles.leaves(state.skus, number, 1, leaves)
    total, places = None, None
    for leaf, per_unit in leaves.items():
        here, units = {}, 0
        for n in state.skus[leaf].positions:
            position = state.positions[n]
            here[position.location] = max(position.available, 0) // per_unit
            units += max(position.available, 0)
        total = units // per_unit if total is None else min(total, units // per_unit)
        places = (
            here if places is None else {p: min(places[p], here[p]) for p in places if p in here}
        )
    rows = [
        QuantitiesAnswer(state.location_name(p), 0, 0, 0, 0, units)
        for p, units in sorted((places or {}).items())
    ]
    return StockAnswer(name, state.seq, 0, 0, 0, 0, total or 0, rows)


def stocked(state: State, names: Sequence[str]) -> tuple[int, list[list[QuantitiesAnswer]]]:
    """Return `seq`, and the positions of each SKU in order of opening: what is in stock of all of
    them at one moment. A bundle has no positions, nor has a SKU that does not exist."""
    found = []
    for name in names:
        number = state.sku_numbers.get(name)
        numbers = () if number is None else state.skus[number].positions
        found.append([quantities(state, state.positions[n]) for n in numbers])
    return state.seq, found


def orders(state, status: str, channel: str, q: str, before: int, limit: int, scan: int):
    """Return (answers, cursor): orders older than `before` (0: the newest first) that match.

    `q` is a part of the order's id. At most `scan` orders are looked at; `cursor` is the log
    position to go on before, or None at the end.
    """
    rows, looked, last = [], 0, None
    for seq in reversed(state.orders):
        if before and seq >= before:
            continue
        if looked == scan or len(rows) == limit:
            return rows, last
        looked, last = looked + 1, seq
        order = state.orders[seq]
        if (
            (not status or order.status.name.lower() == status)
            and (not channel or order.event.channel == channel)
            and q in order.event.order_id
        ):
            rows.append(told.order_now(state, order))
    return rows, None


def return_(state: State, channel: str, order_id: str, return_id: str):
    """Return one return's answer, or None."""
    order = state.order(channel, order_id)
    found = order and state.lives.of(order.seq).returns.get(return_id)
    return found and answers.returned(found, order.event, state)


def returns(
    state: State, status: str, channel: str, order_id: str, before: int, limit: int, scan: int
):
    """Return (answers, cursor) of returns, as `orders`: those opened before `before` that match.
    With an `order_id`, all those of that order of the channel."""
    if order_id:
        order = state.order(channel, order_id)
        found = list(state.lives.of(order.seq).returns.values()) if order else []
        rows = [one for one in reversed(found) if not status or one.status == status]
        return [answers.returned(one, order.event, state) for one in rows], None
    page, last = state.lives.returns.before(before, scan)
    rows = []
    for seq, placed, name in page:
        found = state.lives.of(placed).returns[name]
        order = None if status and found.status != status else state.order_row(placed)
        if order is None or (channel and order.event.channel != channel):
            continue
        rows.append(answers.returned(found, order.event, state))
        if len(rows) == limit:
            return rows, None if last is None and seq == page[-1][0] else seq
    return rows, last


def location(state: State, name: str):
    """Return one location's answer, or None."""
    number = state.location_numbers.get(name)
    found = None if number is None else state.locations[number]
    return found and answers.location(found.put, found.seq)


def sku(state: State, name: str):
    """Return one SKU's answer, or None."""
    number = state.sku_numbers.get(name)
    found = None if number is None else state.skus[number]
    return found and answers.sku(found.put, found.seq)


def entry(register: Register, name: str):
    """Return the answer of one entry of a register, or None."""
    found = register.find(name)
    return found and register.answer(found.put, found.seq)


def entries(register: Register, after: int, limit: int):
    """Return (answers, cursor) of a register's entries numbered above `after`."""
    return catalogue(register.rows, register.answer, after, limit)


def catalogue(rows: list, answer, after: int, limit: int):
    """Return (answers, cursor) of the rows numbered above `after`."""
    page = rows[after + 1 : after + 1 + limit]
    last = after + len(page)
    return [answer(row.put, row.seq) for row in page], last if last + 1 < len(rows) else None


def fences(state: State, channel: str, sku: str, after: int, limit: int, scan: int):
    """Return (answers, cursor) of the fences numbered above `after` that match, with what of them
    is there. At most `scan` are looked at."""
    register, found, there = state.registers.fences, [], {}
    number = after
    for number in range(after + 1, min(after + 1 + scan, len(register.rows))):
        row = register.rows[number]
        if channel in ("", row.put.put.channel) and sku in ("", row.put.put.sku):
            if row.put.sku not in there:
                there[row.put.sku] = cover(state, row.put.sku)[1]
            answer = register.answer(row.put, row.seq)
            ended = row.put.status == "ended"
            answer.used = register.used[number]
            answer.left = 0 if ended else register.left(number)
            answer.covered = there[row.put.sku].get(number, 0)
            found.append(answer)
            if len(found) == limit:
                break
    return found, number if number + 1 < len(register.rows) else None


def sizes(state: State) -> dict[str, int]:
    """Return rows per table."""
    return {
        "skus": len(state.skus),
        "locations": len(state.locations),
        "positions": len(state.positions),
        "orders": len(state.orders),
        "reservations": len(state.reservations),
        "reservations_live": sum(r.status == LIVE for r in state.reservations.values()),
        "documents": len(state.remembered),
    }


def standing(state: State) -> dict[str, int]:
    """Return orders by status, of those statuses that some have."""
    return dict(Counter(order.status.name.lower() for order in state.orders.values()))
