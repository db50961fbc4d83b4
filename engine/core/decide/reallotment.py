"""Allotting the lines of an order anew: what it holds counts as free, so it never competes with
itself. Both twins decide by this; holds, edits, fills and picks that fall short restate with it.
An order of the compiled ledger, which makes its lines when they are asked for, answers some of this
itself.
"""

import msgspec

from engine.core import kept
from engine.core.decide.again import complete, held_units, source_again
from engine.core.decide.allotment import Allotment, Source, allot
from engine.core.decide.orders import served, status_after
from engine.core.decide.refusals import bundle_parted, not_routable
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


def reallot(
    state: State, order: Order, wants: list[Want], document: bytes = b""
) -> tuple[Allotment | Refused, Source]:
    """Allot `wants` to `order` instead of all that it holds, as far as stock is there, by the
    policy that routes it.

    The units that it holds count as free. `document` replaces the order's, unless it is empty. The
    `Allotment` has one entry of `granted` units and `takes` for each want, `short` says which wants
    get less and of what, and `opened` are events to put before the `OrderChanged`; the `Source`
    says why. Refuses as `allot` does, and an order that is to leave complete where it would not.
    """
    source = source_again(state, order, held_units(order), document=document)
    if state.lives.of(order.seq).ahead:
        return bundle_parted(state, "had from elsewhere"), source
    destination = kept.read(document or order.event.document).ship_to
    plan = allot(state, wants, destination, partial=True, source=source)
    if not isinstance(plan, Refused) and not complete(source, plan):
        plan = not_routable(state, "not all of it is there, and it is to leave complete")
    return plan, source


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
