"""Holds: an order waits for somebody's decision, with or without its stock. Both twins decide by
this.
"""

import msgspec

from engine.core import actors, limits, order_life, told
from engine.core.commands import Cancel, Hold, ReleaseHold, Request
from engine.core.decide import Decision, Replay, cause_of, conflict, refusals
from engine.core.decide.fulfillments import cancel_order
from engine.core.decide.orders import status_after
from engine.core.decide.reallotment import (
    held_units,
    reallot,
    standing,
    status_of_lines,
    wants_of,
)
from engine.core.decide.rows import rewritten
from engine.core.decide.work import recalled
from engine.core.events import Cause, Event, OrderChanged, OrderStatus, Standing
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
    if not command.keeps_stock and held_units(order):
        lines = standing(order, {})
    # The answer to a key is that of the last event.
    recall = recalled(msgspec.structs.replace(cause, key=""), order, life, "the order is on hold")
    return [
        *recall,
        OrderChanged(cause, order.seq, OrderStatus.ON_HOLD, lines=lines, note=note_bytes(note)),
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
    life = state.lives.of(order.seq)
    opened: list[Event] = []
    status, lines = OrderStatus.ON_HOLD, None
    left = [one for one in life.holds.values() if one is not hold]
    if not left:
        opened, status, lines = resumed(state, order)
    elif not hold.keeps_stock and all(one.keeps_stock for one in left):
        opened, _, lines = resumed(state, order)
    note = note_bytes(HoldEnded(hold.hold_id, "release"))
    return [*opened, OrderChanged(cause, order.seq, status, lines=lines, note=note)]


def resumed(
    state: State, order: Order
) -> tuple[list[Event], OrderStatus, tuple[Standing, ...] | None]:
    """Return (events to come first, status, lines anew or None) of an order that goes on after its
    last hold. Where nothing can be allotted, it goes on as it is."""
    wanted, waiting, shipped = rewritten(order).totals()
    if waiting:
        lines, wants = wants_of(state, order)
        plan = reallot(state, order, wants)
        if not isinstance(plan, Refused):
            pairs = zip(plan.granted, plan.takes, strict=True)
            rows = standing(order, dict(zip(lines, pairs, strict=True)))
            return [*plan.opened], status_of_lines(rows), rows
    return [], status_after(wanted, waiting, shipped), None
