"""Picked short: units that should be there are not. Both twins decide by this.

In one step the order gives up what is not there, the stock loses it, and the order gets others or
waits; so nothing is promised that nobody has, and nothing is given back twice.
"""

import msgspec

from engine.core import fulfillment_commands as c
from engine.core import limits
from engine.core.commands import Request
from engine.core.decide import Decision, Replay, cause_of, conflict, refusals
from engine.core.decide.rerouting import (
    Held,
    lacking,
    losses,
    moved,
    parts_of,
    planned,
    status_of_plan,
    status_without,
    still,
)
from engine.core.decide.work import Work, find, now, wrong_status
from engine.core.events import (
    NO_LOCATION,
    BucketId,
    Cause,
    Document,
    Event,
    Movement,
    OrderChanged,
    OrderStatus,
    StockMoved,
)
from engine.core.lives import note_bytes
from engine.core.notes.fulfillments import FulfillmentStep
from engine.core.notes.fulfillments import Row as Units
from engine.core.outcomes import Refused
from engine.core.state import State

_ALLOWED = ("accepted", "picking", "packed")


def short(state: State, request: Request) -> Decision:
    """Units of a fulfillment are not there. The same again is a replay."""
    command: c.PickShort = request.command
    work, cause = find(state, command.fulfillment_id), cause_of(request)
    if isinstance(work, Refused):
        return work
    known = work.life.done.get(("short", command.short_id))
    if known is not None:
        if known != cause.fingerprint:
            return conflict(state, "short_id", command.short_id)
        return Replay(now(state, work), work.order.changed_seq)
    if work.one.status not in _ALLOWED:
        return wrong_status(state, work.one, "picked short")
    if work.order.status is OrderStatus.ON_HOLD:
        return refusals.wrong_status(state, work.order.status, "picked short")
    if work.life.room < 2 + len(work.life.open):
        return refusals.full(state, "notes on this order")
    if len(state.remembered) >= limits.DOCUMENTS_MAX:
        return refusals.full(state, "documents")
    lost = _lost(state, work, command)
    if isinstance(lost, Refused):
        return lost
    if {line for line, _ in lost} & {line for line, _ in work.life.ahead}:
        return refusals.bundle_parted(state, "had from elsewhere", "lines")
    return _decided(state, cause, work, command, lost)


def _decided(
    state: State, cause: Cause, work: Work, command: c.PickShort, lost: Held
) -> list[Event]:
    one, order = work.one, work.order
    reason = command.reason or "picked short"
    shut = range(len(state.locations)) if one.pickup else (one.location,)
    why = dict.fromkeys(shut, "picked_short")
    plan = planned(state, order, work.life, lost, why, stay=False)
    lack = lacking(work.life, plan.after, first=one.number, gone=lost)
    changed = {number: status_without(work.life, number, rows) for number, rows in lack.items()}
    parts = parts_of(state, work.life, plan)
    after = status_of_plan(work.life, plan, changed, parts)
    # The answer to a key is that of the last event.
    first = msgspec.structs.replace(cause, key="")
    own = _added(lack.pop(one.number))
    head = FulfillmentStep(one.number, changed[one.number], own, reason, short_id=command.short_id)
    return [
        OrderChanged(first, order.seq, after, plan.between, note=note_bytes(head)),
        *losses(first, order, work.life, after, lack, reason),
        *_gone(state, first, work, command, lost),
        *plan.opened,
        moved(state, cause, work, after, plan, parts, reason),
    ]


def _lost(state: State, work: Work, command: c.PickShort) -> Held | Refused:
    """Return the units that are not there, by line and position."""
    left, lost = still(state, work), {}
    for at, asked in enumerate(command.lines):
        missing = asked.quantity
        for key, units in left.items():
            if missing and state.position_sku_name(key[1]) == asked.sku:
                part = min(missing, units)
                left[key] -= part
                missing -= part
                if part:
                    lost[key] = lost.get(key, 0) + part
        if missing:
            there = asked.quantity - missing
            return refusals.not_held(state, at, asked.sku, asked.quantity, there)
    return lost


def _added(rows: list[Units]) -> tuple[Units, ...]:
    """Add rows of the same units up."""
    found: dict[tuple[int, int], int] = {}
    for line, position, units in rows:
        found[line, position] = found.get((line, position), 0) + units
    return tuple((*key, units) for key, units in found.items())


def _gone(state: State, cause: Cause, work: Work, command: c.PickShort, lost: Held) -> list[Event]:
    """Return the event by which the stock loses the units, as far as it was said to have them:
    those of a backorderable SKU may have been promised before they came."""
    units: dict[int, int] = {}
    for (_, position), count in lost.items():
        units[position] = units.get(position, 0) + count
    moves = []
    for number, count in units.items():
        position = state.positions[number]
        gone = min(count, max(position.on_hand - position.unavailable, 0))
        if gone:
            left = position.on_hand - gone
            moves.append(Movement(number, BucketId.ON_HAND, -gone, left, "picked short"))
    if not moves:
        return []
    name = f"{command.fulfillment_id}:{command.short_id}"
    return [StockMoved(cause, Document.SHORT, name, work.one.location, NO_LOCATION, tuple(moves))]
