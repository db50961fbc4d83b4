"""Random `OrderChanged` events that fit a state, beyond what any command makes of an order today:
lines with other units, split, dearer, with other takes, and statuses far along."""

from collections import Counter
from random import Random

from engine.core import limits
from engine.core.decide.reallotment import held_units, open_units, status_of_lines
from engine.core.events import Cause, Line, OrderChanged, OrderStatus, Standing, Take
from engine.core.order_life import CLOSED
from engine.core.state import Order, State

FAR = (OrderStatus.RELEASED, OrderStatus.PICKING, OrderStatus.PACKED, OrderStatus.EXCEPTION)


def change(rng: Random, state: State) -> OrderChanged | None:
    """Draw a change of any order that fits, None if there is no order."""
    if not state.orders:
        return None
    order = state.orders[rng.choice(sorted(state.orders))]
    cause = Cause(rng.getrandbits(64), rng.choice(("", "alice")), rng.choice(("", "k1", "k2")))
    if order.closed_us:
        status = rng.choice((order.status, OrderStatus.DELIVERED))
        return OrderChanged(cause, order.seq, status)
    # Returns go by the numbers of lines, which no command changes; so do parts of bundles that have
    # left, and the rest of them follows.
    fixed = state.lives.of(order.seq).returns or state.lives.of(order.seq).ahead
    rows = _rows(rng, state, order) if rng.random() < 0.8 and not fixed else None
    document = b'{"note":"restated"}' if rng.random() < 0.3 else b""
    return OrderChanged(cause, order.seq, _status(rng, state, order, rows), rows, document)


def _status(rng: Random, state: State, order: Order, rows) -> OrderStatus:
    if rows is None:
        due = OrderStatus.ALLOCATED
        if order.status is not OrderStatus.ON_HOLD:
            return order.status
    else:
        due = status_of_lines(rows)
    if due in CLOSED:
        return due
    if state.lives.of(order.seq).holds:
        return OrderStatus.ON_HOLD
    return rng.choice((due, due, *FAR))


def _rows(rng: Random, state: State, order: Order) -> tuple[Standing, ...]:
    room = Counter(held_units(order))
    for number, position in enumerate(state.positions):
        room[number] += max(position.available, 0)
    rows: list[Standing] = []
    for index, wanted in enumerate(open_units(order)):
        line = order.event.lines[index]
        gone = order.cancelled[index], order.shipped[index]
        if state.skus[line.sku].components:
            rows.append(_waiting(line, wanted, gone))
        elif wanted > 1 and rng.random() < 0.3:
            part = rng.randint(1, wanted - 1)
            rows.append(_taking(rng, state, line, wanted - part, gone, room))
            rows.append(_taking(rng, state, line, part, (0, 0), room))
        else:
            more = min(rng.choice((0, 0, 1, 3)), limits.QUANTITY_MAX - wanted - sum(gone))
            rows.append(_taking(rng, state, line, wanted + more, gone, room))
    return tuple(rows)


def _waiting(line: Line, wanted: int, gone: tuple[int, int]) -> Standing:
    price, name = line.unit_price, line.line_id
    return Standing(Line(line.sku, line.quantity, (), wanted, price, name), *gone)


def _taking(
    rng: Random, state: State, line: Line, wanted: int, gone: tuple[int, int], room: Counter
) -> Standing:
    takes, left = [], rng.randint(0, wanted)
    positions = list(state.skus[line.sku].positions)
    rng.shuffle(positions)
    for number in positions:
        units = min(left, room[number])
        if units:
            takes.append(Take(number, units))
            room[number] -= units
            left -= units
    waits = wanted - sum(take.quantity for take in takes)
    price = rng.choice((line.unit_price, 5))
    restated = Line(line.sku, wanted + sum(gone), tuple(takes), waits, price, line.line_id)
    return Standing(restated, *gone)
