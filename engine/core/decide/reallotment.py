"""Allotting the lines of an order anew: what it holds counts as free, so it never competes with
itself. Both twins decide by this; holds, edits, fills and picks that fall short restate with it.
An order of the compiled ledger, which makes its lines when they are asked for, answers some of this
itself.
"""

import msgspec

from engine.core import kept
from engine.core.decide.allotment import Allotment, Source, allot
from engine.core.decide.orders import served, status_after
from engine.core.events import Line, OrderStatus, Standing
from engine.core.outcomes import Refused
from engine.core.state import Order, State


class Want(msgspec.Struct, frozen=True):
    """`quantity` units of SKU `sku` (its id), from `location` (its id) only if it is given."""

    sku: str
    quantity: int
    location: str | None = None


def open_units(order: Order) -> list[int]:
    """Return the units of each line that are wanted still: neither cancelled nor shipped."""
    if not isinstance(order, Order):
        return order.open_units()
    return [served(order, index) + late for index, late in enumerate(order.backordered)]


def held_units(order: Order) -> dict[int, int]:
    """Return the units that an order holds, by position."""
    if not isinstance(order, Order):
        return order.held_units()
    held: dict[int, int] = {}
    for line, left in zip(order.event.lines, order.takes, strict=True):
        for take, units in zip(line.takes, left, strict=True):
            if units:
                held[take.position] = held.get(take.position, 0) + units
    return held


def reallot(
    state: State,
    order: Order,
    wants: list[Want],
    places: frozenset[int] | None = None,
    document: bytes = b"",
) -> Allotment | Refused:
    """Allot `wants` to `order` instead of all that it holds, as far as stock is there.

    The units that it holds count as free. `document` replaces the order's, unless it is empty.
    `places` are the numbers of the locations that may give (None: all that are active). The
    `Allotment` has one entry of `granted` units and `takes` for each want, `short` says which wants
    get less and of what, and `opened` are events to put before the `OrderChanged`. Refuses as
    `allot` does.
    """
    channel, own = order.event.channel, held_units(order)
    source = Source(state, own, places, channel=channel, holder=order.seq)
    destination = kept.read(document or order.event.document).ship_to
    return allot(state, wants, destination, partial=True, source=source)


def wants_of(state: State, order: Order) -> tuple[list[int], list[Want]]:
    """Return the numbers of the lines that want units still, and these wants."""
    open_now = open_units(order)
    lines = [index for index, units in enumerate(open_now) if units]
    skus = [state.sku_name(order.event.lines[index].sku) for index in lines]
    places = dict(kept.read(order.event.document).bound)
    pairs = zip(lines, skus, strict=True)
    return lines, [Want(sku, open_now[index], places.get(index)) for index, sku in pairs]


def standing(order: Order, granted: dict[int, tuple[int, tuple]]) -> tuple[Standing, ...]:
    """Return an order's lines with other takes: `granted` has, by line, the units it gets of what
    it wants still, and their takes. Lines that are not named get nothing: all of it waits."""
    if not isinstance(order, Order):
        return order.standing(granted)
    rows, wanted = [], open_units(order)
    for index, line in enumerate(order.event.lines):
        units, takes = granted.get(index, (0, ()))
        restated = Line(
            line.sku,
            line.quantity,
            tuple(takes),
            wanted[index] - units,
            line.unit_price,
            line.line_id,
        )
        rows.append(Standing(restated, order.cancelled[index], order.shipped[index]))
    return tuple(rows)


def status_of_lines(rows: tuple[Standing, ...]) -> OrderStatus:
    """Return the status that follows from the units of restated lines."""
    if not isinstance(rows, tuple):
        return status_after(*rows.totals)
    shipped = sum(row.shipped for row in rows)
    wanted = sum(row.line.quantity - row.cancelled for row in rows) - shipped
    return status_after(wanted, sum(row.line.backordered for row in rows), shipped)
