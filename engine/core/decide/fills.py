"""Fills: an order that waits gets what has come. Both twins decide by this.

`waiting.Waiting.pick` says whose turn it is. What the order holds it keeps; only what waits is
allotted, at the location that a line is bound to, if it is, and by the routing policy that the
order is routed by. Of a bundle whose parts have changed since units of the same line were taken,
nothing more is taken.
"""

from engine.core import actors, kept
from engine.core.decide.again import complete, noted, positions_of, source_again
from engine.core.decide.allotment import Allotment, allot
from engine.core.decide.reallotment import Want, status_of_lines
from engine.core.decide.rows import Row, rows_of, standing_of, too_large
from engine.core.events import Cause, Event, OrderChanged
from engine.core.fences import share
from engine.core.notes.fills import Filled
from engine.core.order_life import BY_UNITS
from engine.core.outcomes import Refused
from engine.core.state import Order, State
from engine.core.waiting import Pick

_SYSTEM = Cause(actor=actors.SYSTEM)


def fill(state: State, pick: Pick) -> list[Event]:
    """Return what gives the picked order all that is there of what it waits for; nothing if
    nothing is there for it of the SKU that it was picked for."""
    order = state.order_row(pick.order)
    mine = share(state, pick.sku, order.event.channel)
    if mine is not None and not mine.total:
        return []  # what came is set aside for others: many may wait behind a fence
    rows = rows_of(order)
    lines, wants = wants_of(state, order, rows)
    ship_to = kept.read(order.event.document).ship_to
    source = source_again(state, order, first=True)
    plan = allot(state, wants, ship_to, partial=True, source=source)
    if isinstance(plan, Refused) or not sum(plan.granted) or not complete(source, plan):
        return []
    take_up(rows, lines, plan)
    if too_large(state, rows):
        return []
    standing = standing_of(rows)
    status = status_of_lines(standing) if order.status in BY_UNITS else order.status
    note = b""
    if state.lives.of(order.seq).room:
        got = zip(lines, plan.granted, strict=True)
        what = tuple((line, units) for line, units in got if units)
        filled = Filled(pick.due.kind, pick.due.seq, what)
        held = positions_of(row.takes for row in rows)
        note = noted(state, order, filled, held, source, plan.opened)
    return [*plan.opened, OrderChanged(_SYSTEM, order.seq, status, standing, note=note)]


def spent(state: State, sku: int) -> bool:
    """Say whether nothing of a SKU is left that an order could get."""
    return not state.skus[sku].put.backorderable and not state.free_units(sku)


def wants_of(state: State, order: Order, rows: list[Row]) -> tuple[list[int], list[Want]]:
    """Return the numbers of the lines that can be filled now, and what they want."""
    places = dict(kept.read(order.event.document).bound)
    lines, wants = [], []
    for number, row in enumerate(rows):
        place = places.get(number)
        if row.backordered and _open(state, place) and not row.remade(state):
            lines.append(number)
            wants.append(Want(state.sku_name(row.sku), row.backordered, place))
    return lines, wants


def _open(state: State, place: str | None) -> bool:
    if place is None:
        return True
    return state.locations[state.location_numbers.get(place)].put.active


def take_up(rows: list[Row], lines: list[int], plan: Allotment) -> None:
    """Give these lines what the plan has for them."""
    for number, units, takes in zip(lines, plan.granted, plan.takes, strict=True):
        rows[number].backordered -= units
        rows[number].add(takes)
