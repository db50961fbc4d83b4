"""What `OrderChanged` does to an order and to the positions that it holds units of.

A restated order is kept as one that was placed so: `Order.event` becomes an `OrderPlaced` with the
new lines, and `Order.placed` keeps the one that made it, for the answer to its repetition.
"""

import msgspec

from engine.core import sends
from engine.core.events import OrderChanged, Standing
from engine.core.fitting import check_lines, fits, misfit
from engine.core.notes.base import NoteBase
from engine.core.state import CLOSED, Order, State


def restate(state: State, order: Order, event: OrderChanged) -> None:
    """Give back what `order` holds, take what `event` says that it holds now, set its status.

    A closed order may go to another closed status, with its lines and document as they are; its
    retention then begins anew. `LedgerError` where this does not fit (P1, P2).
    """
    if order.closed_us:
        misfit("a closed order is opened", event.status not in CLOSED)
        misfit("a closed order is restated", event.lines is not None or bool(event.document))
    if event.lines is not None:
        check_lines(state, [row.line for row in event.lines])
        misfit("an order would have no lines", not event.lines)
        for row in event.lines:
            _check(row)
        _move(state, order, event)
        _set_lines(order, event.lines)
    if event.document:
        _keep_first(order)
        order.event = msgspec.structs.replace(order.event, document=event.document)
    if event.status in CLOSED:
        misfit("a closed order holds units", any(map(any, order.takes)))
    state.settle(order, event.status)


def recount(state: State, order: Order, note: NoteBase) -> None:
    """Count an order at the locations that a note says have to send something of it now."""
    event = sends.follow(state, order.event, note)
    if event is not None:
        misfit("a closed order has something to send", bool(order.closed_us))
        _keep_first(order)
        order.event = event


def _check(row: Standing) -> None:
    line = row.line
    open_units = line.quantity - line.backordered - row.cancelled - row.shipped
    misfit("more is done with a line than was asked for", open_units < 0)
    misfit("a line holds units that nobody wants, or none", bool(open_units) != bool(line.takes))


def _keep_first(order: Order) -> None:
    order.placed = order.placed or order.event


def _set_lines(order: Order, rows: tuple[Standing, ...]) -> None:
    _keep_first(order)
    lines = tuple(row.line for row in rows)
    order.event = msgspec.structs.replace(order.event, lines=lines)
    order.takes = [[take.quantity for take in line.takes] for line in lines]
    order.backordered = [line.backordered for line in lines]
    order.cancelled = [row.cancelled for row in rows]
    order.shipped = [row.shipped for row in rows]


def _held(order: Order) -> list[list[tuple[int, int]]]:
    """Return (position, units) of what each line holds."""
    return [
        [(take.position, units) for take, units in zip(line.takes, left, strict=True) if units]
        for line, left in zip(order.event.lines, order.takes, strict=True)
    ]


def _move(state: State, order: Order, event: OrderChanged) -> None:
    """Move the units; a position may end with fewer than it promised only where it may (P1).
    Where each line holds what it held, no position is touched."""
    if _held(order) == [[(t.position, t.quantity) for t in row.line.takes] for row in event.lines]:
        return
    before, was = {}, {}
    for line, left in zip(order.event.lines, order.takes, strict=True):
        for take, units in zip(line.takes, left, strict=True):
            before.setdefault(take.position, state.positions[take.position].allocated)
            was.setdefault(take.position, state.positions[take.position].allocated)
            _allocate(state, take.position, -units, event)
    for row in event.lines:
        for take in row.line.takes:
            was.setdefault(take.position, state.positions[take.position].allocated)
            _allocate(state, take.position, take.quantity, event)
    for row in event.lines:
        for take in row.line.takes:
            position = state.positions[take.position]
            may = state.skus[position.sku].put.backorderable
            misfit("a position would be oversold", position.available < 0 and not may)
    moves = {number: state.positions[number].allocated - units for number, units in was.items()}
    state.registers.fences.moved(order.seq, order.event.channel, moves, state.positions)
    for number, units in before.items():
        if state.positions[number].allocated < units:
            state.rise(number, event.kind)


def _allocate(state: State, number: int, units: int, event: OrderChanged) -> None:
    if units:
        position = state.positions[number]
        position.allocated += units
        fits(position.allocated)
        state.touch(number, event.kind)
