"""Holds: an order waits for somebody's decision, with or without its stock. Both twins decide by
this.
"""

import msgspec

from engine.core import actors, limits, order_life, told
from engine.core.commands import Cancel, Hold, ReleaseHold, Request
from engine.core.decide import Decision, Replay, cause_of, conflict, refusals
from engine.core.decide.again import held_units, noted, unmoved, with_receipt
from engine.core.decide.fulfillments import cancel_order
from engine.core.decide.orders import status_after
from engine.core.decide.reallotment import (
    reallot,
    standing,
    status_of_lines,
    wants_of,
)
from engine.core.decide.rows import rewritten
from engine.core.decide.work import recalled
from engine.core.events import Cause, Event, OrderChanged, OrderStatus
from engine.core.lives import note_bytes
from engine.core.notes.holds import Held, HoldEnded, HoldEscalated
from engine.core.outcomes import Refused
from engine.core.state import Order, State

_TIMER = Cause(actor=actors.TIMER)


def hold(state: State, request: Request) -> Decision:
    """Put a hold on an order. The same hold again is a replay; several may be on at once.
    Locations that have not begun to pick are told to leave it."""
    command: Hold = request.command
    order, cause = state.order(command.channel, command.order_id), cause_of(request)
    if order is None:
        return refusals.unknown_order(state, command.channel, command.order_id)
    life = state.lives.of(order.seq)
    known = life.hold_ids.get(command.hold_id)
    if known is not None:
        if known != cause.fingerprint:
            return conflict(state, "hold_id", command.hold_id)
        return Replay(told.order_now(state, order), order.changed_seq)
    if order.closed_us:
        return refusals.order_closed(state, order.status)
    if not order_life.check(order.status, OrderStatus.ON_HOLD):
        return refusals.wrong_status(state, order.status, "put on hold")
    if life.room < 3:  # to begin, to escalate, to end
        return refusals.full(state, "notes on this order")
    if len(life.holds) >= limits.HOLDS_MAX:
        return refusals.full(state, "holds on this order")
    if life.ahead and not command.keeps_stock:
        return refusals.bundle_parted(state, "given up", "keeps_stock")
    until_us = state.now_us + command.minutes * 60_000_000 if command.minutes else 0
    note = Held(
        command.hold_id,
        command.reason,
        command.owner,
        until_us,
        command.then,
        command.keeps_stock,
        command.escalate_to,
    )
    lines = None
    packed = note_bytes(note)
    if not command.keeps_stock and held_units(order):
        lines, packed = standing(order, {}), noted(state, order, note, ())
    # The answer to a key is that of the last event.
    recall = recalled(msgspec.structs.replace(cause, key=""), order, life, "the order is on hold")
    return [
        *recall,
        OrderChanged(cause, order.seq, OrderStatus.ON_HOLD, lines=lines, note=packed),
    ]


def release_hold(state: State, request: Request) -> Decision:
    """End a hold; one that has ended is a replay."""
    command: ReleaseHold = request.command
    order = state.order(command.channel, command.order_id)
    if order is None:
        return refusals.unknown_order(state, command.channel, command.order_id)
    life = state.lives.of(order.seq)
    if command.hold_id not in life.hold_ids:
        return refusals.unknown_hold(state, command.hold_id)
    if command.hold_id not in life.holds:
        return Replay(told.order_now(state, order), order.changed_seq)
    if order.closed_us:
        return refusals.order_closed(state, order.status)
    return ended(state, order, life.holds[command.hold_id], cause_of(request))


def over(state: State, order: Order, hold: Held) -> list[Event]:
    """Do what is due of a hold whose time is over. One that escalates stays on, so nothing leaves;
    who may decide about it then is not for the ledger to say."""
    if hold.then == "release":
        return ended(state, order, hold, _TIMER)
    if hold.then == "escalate":
        note = note_bytes(HoldEscalated(hold.hold_id, hold.escalate_to))
        return [OrderChanged(_TIMER, order.seq, order.status, note=note)]
    wish = Cancel(order.event.channel, order.event.order_id, None, hold.reason)
    *first, cancelled = cancel_order(state, Request(wish, actors.TIMER))
    cancelled = msgspec.structs.replace(cancelled, cause=_TIMER)
    note = note_bytes(HoldEnded(hold.hold_id, "cancel"))
    return [*first, cancelled, OrderChanged(_TIMER, order.seq, cancelled.status, note=note)]


def ended(state: State, order: Order, hold: Held, cause: Cause) -> list[Event]:
    """End a live hold. With the last one, or the last that keeps no stock, what waits is allotted
    as far as there is stock."""
    life, note = state.lives.of(order.seq), HoldEnded(hold.hold_id, "release")
    left = [one for one in life.holds.values() if one is not hold]
    last = not hold.keeps_stock and all(one.keeps_stock for one in left)
    if not left or last:
        return _resumed(state, order, cause, note, bool(left))
    return [OrderChanged(cause, order.seq, OrderStatus.ON_HOLD, note=note_bytes(note))]


def _resumed(
    state: State, order: Order, cause: Cause, note: HoldEnded, on_hold: bool
) -> list[Event]:
    """Return the events by which an order goes on after its last hold, or keeps its stock again
    (`on_hold`). Where nothing can be allotted, it goes on as it is."""
    wanted, waiting, shipped = rewritten(order).totals()
    status, source = status_after(wanted, waiting, shipped), None
    if waiting:
        lines, wants = wants_of(state, order)
        plan, source = reallot(state, order, wants)
        if not isinstance(plan, Refused):
            pairs = zip(plan.granted, plan.takes, strict=True)
            rows = standing(order, dict(zip(lines, pairs, strict=True)))
            status = OrderStatus.ON_HOLD if on_hold else status_of_lines(rows)
            held = {take.position for takes in plan.takes for take in takes}
            packed = noted(state, order, note, held, source, plan.opened)
            return [*plan.opened, OrderChanged(cause, order.seq, status, lines=rows, note=packed)]
    status = OrderStatus.ON_HOLD if on_hold else status
    packed = note_bytes(with_receipt(note, unmoved(source)))
    return [OrderChanged(cause, order.seq, status, note=packed)]
