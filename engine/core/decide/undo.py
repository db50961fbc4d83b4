"""Cancelling whatever has become of the units: what has not left is cancelled, what has is to come
back. Both twins decide by this, where a cancellation names a return.
"""

import msgspec

from engine.core import told
from engine.core.commands import Cancel, CancelLine, Request
from engine.core.decide import Decision, Replay, cause_of, conflict, refusals, returns
from engine.core.decide.fulfillments import cancel_order
from engine.core.decide.orders import lines_by_sku
from engine.core.events import OrderCancelled
from engine.core.lives import note_bytes
from engine.core.outcomes import Code, Refused
from engine.core.return_commands import OpenReturn, ReturnLine
from engine.core.state import Order, State


def cancel(state: State, request: Request) -> Decision:
    """Cancel as far as nothing has left, or whatever has become of it if a return is named."""
    rule = cancel_order if request.command.return_id is None else undo
    return rule(state, request)


def undo(state: State, request: Request) -> Decision:
    """Cancel units that have not left, and open a return of those that have, in one step. Without
    such units it is a cancellation like any other; the same again is a replay."""
    command: Cancel = request.command
    order, cause = state.order(command.channel, command.order_id), cause_of(request)
    if order is None:
        return refusals.unknown_order(state, command.channel, command.order_id)
    life = state.lives.of(order.seq)
    known = life.done.get(("return", command.return_id))
    if known is not None:
        if known != cause.fingerprint:
            return conflict(state, "return_id", command.return_id)
        return Replay(told.order_now(state, order), order.changed_seq)
    if not any(order.shipped):
        return cancel_order(state, request)
    cuts, back = _parts(state, order, command)
    opening = OpenReturn(
        command.channel, command.order_id, command.return_id, command.reason or "cancelled", back
    )
    note = None if back == () else returns.announced(state, order, opening, by_cancel=True)
    if isinstance(note, Refused):
        if command.lines is not None or note.code is not Code.NOT_RETURNABLE:
            return note
        note = None
    if note is not None and not life.room:
        return refusals.full(state, "notes on this order")
    if cuts == () and note is not None:
        return [returns.changed(order, cause, note)]
    cut = cancel_order(state, _of(request, Cancel(command.channel, command.order_id, cuts)))
    if note is None or not isinstance(cut, list):
        return _as_asked(cut, cause, command)
    # The answer to a key is that of the last event.
    *first, event = _as_asked(cut, msgspec.structs.replace(cause, key=""), command)
    noted = returns.changed(order, cause, note)
    return [
        *first,
        event,
        msgspec.structs.replace(noted, status=event.status, note=note_bytes(note)),
    ]


def _of(request: Request, command: Cancel) -> Request:
    return msgspec.structs.replace(request, command=command)


def _as_asked(decision: Decision, cause, command: Cancel) -> Decision:
    """Let the event say what was asked, not how it was shared out."""
    if not isinstance(decision, list):
        return decision
    *first, event = decision
    assert isinstance(event, OrderCancelled)
    return [*first, msgspec.structs.replace(event, cause=cause, reason=command.reason or "")]


def _parts(
    state: State, order: Order, command: Cancel
) -> tuple[tuple[CancelLine, ...] | None, tuple[ReturnLine, ...] | None]:
    """Share what is named out: first what has not left, then what has. None stands for all."""
    if command.lines is None:
        return (() if order.closed_us else None), None
    cuts, back, lines, taken = [], [], lines_by_sku(order), {}
    for asked in command.lines:
        here = sum(
            order.event.lines[n].quantity - order.cancelled[n] - order.shipped[n]
            for n in lines.get(state.sku_numbers.get(asked.sku, -1), ())
        )
        units = min(asked.quantity, max(here - taken.get(asked.sku, 0), 0))
        taken[asked.sku] = taken.get(asked.sku, 0) + units
        if units:
            cuts.append(CancelLine(asked.sku, units))
        if asked.quantity > units:
            back.append(ReturnLine(asked.sku, asked.quantity - units))
    return tuple(cuts), tuple(back)
