"""Reallocation: an order that waits takes units over from orders that it comes before. Both twins
decide by this.

Units are taken from orders of lower priority, and from those of the same priority that are
required later, never because of age alone; only from orders that nobody works on yet, that are on
no hold, and that are not due within the hours that the command locks. The lowest priority gives
first, then what is required last, then what was placed last. What an order gave waits, and its turn
is what it was.
"""

import msgspec

from engine.core import kept, limits, told
from engine.core.commands import Request
from engine.core.decide import Decision, Replay, cause_of, conflict, refusals
from engine.core.decide.again import noted, positions_of, source_again
from engine.core.decide.allotment import Allotment, Source, allot
from engine.core.decide.fills import take_up, wants_of
from engine.core.decide.reallotment import status_of_lines
from engine.core.decide.rows import Row, rows_of, standing_of, too_large
from engine.core.events import Cause, OrderChanged, OrderStatus
from engine.core.notes.steals import GaveUp, TookOver
from engine.core.order_commands import Reallocate
from engine.core.outcomes import Code, Fault, Refused
from engine.core.ranks import turn_of
from engine.core.state import Order, State

_HOUR_US = 3_600_000_000
_TAKERS = (OrderStatus.BACKORDERED, OrderStatus.PARTIALLY_ALLOCATED)
_GIVERS = frozenset((OrderStatus.ALLOCATED, OrderStatus.PARTIALLY_ALLOCATED))


class _Giver(msgspec.Struct):
    """An order that can give: its lines as they stand, and what it gives, by line."""

    order: Order
    turn: tuple[int, int]
    rows: list[Row]
    lines: dict[int, int] = {}


def reallocate(state: State, request: Request) -> Decision:
    """Let an order take over what it waits for; the same reallocation again is a replay."""
    command: Reallocate = request.command
    order, cause = state.order(command.channel, command.order_id), cause_of(request)
    if order is None:
        return refusals.unknown_order(state, command.channel, command.order_id)
    life = state.lives.of(order.seq)
    known = life.done.get(("reallocation", command.reallocation_id))
    if known is not None:
        if known != cause.fingerprint:
            return conflict(state, "reallocation_id", command.reallocation_id)
        return Replay(told.order_now(state, order), order.changed_seq)
    if order.closed_us:
        return refusals.order_closed(state, order.status)
    if order.status not in _TAKERS:
        return refusals.wrong_status(state, order.status, "given units of other orders")
    if not life.room:
        return refusals.full(state, "notes on this order")
    rows = rows_of(order)
    numbers, wants = wants_of(state, order, rows)
    givers = _givers(state, order, command.lock_hours) if wants else []
    source = source_again(state, order, first=True)
    source.own, source.lent = _held(state, givers, order.event.channel), True
    ship_to = kept.read(order.event.document).ship_to
    plan = allot(state, wants, ship_to, partial=True, source=source) if givers else None
    if isinstance(plan, Refused):
        return plan
    if plan is None or not sum(plan.granted):
        return _nobody_gives(state)
    _give(state, givers, plan, source)
    take_up(rows, numbers, plan)
    if large := too_large(state, rows):
        return large
    givers = [one for one in givers if one.lines]
    got = zip(numbers, plan.granted, strict=True)
    note = TookOver(
        command.reallocation_id,
        tuple((line, units) for line, units in got if units),
        tuple(_given(one) for one in givers),
    )
    standing, held = standing_of(rows), positions_of(row.takes for row in rows)
    status = status_of_lines(standing)
    packed = noted(state, order, note, held, source, plan.opened)
    silent = msgspec.structs.replace(cause, key="")
    return [
        *plan.opened,
        *(_gives(state, order, one, silent) for one in givers),
        OrderChanged(cause, order.seq, status, standing, note=packed),
    ]


def _givers(state: State, order: Order, lock_hours: int) -> list[_Giver]:
    """Return the orders that can give, in the order in which they do."""
    entry = state.waiting.entries.get(order.seq)
    wanted = frozenset(sku for sku, _ in entry.units) if entry else frozenset()
    mine, locked_us = turn_of(order.event.document), state.now_us + lock_hours * _HOUR_US
    most, scan = limits.REALLOCATION_GIVERS_MAX, limits.REALLOCATION_SCAN_MAX
    found = []
    for seq in state.holders(wanted, _GIVERS, most, scan):
        other = state.order_row(seq)
        turn = turn_of(other.event.document)
        if seq != order.seq and turn > mine and turn[1] >= locked_us and state.lives.of(seq).room:
            found.append(_Giver(other, turn, rows_of(other)))
    # They come the newest first, and sorting keeps that among equals.
    return sorted(found, key=lambda one: one.turn, reverse=True)


def _held(state: State, givers: list[_Giver], channel: str) -> dict[int, int]:
    """Return what can be given, by position."""
    found: dict[int, int] = {}
    for one in givers:
        for row in one.rows:
            if not _gives_row(state, one, row, channel):
                continue
            for position, units in row.takes.items():
                found[position] = found.get(position, 0) + units
    return found


def _gives_row(state: State, giver: _Giver, row: Row, channel: str) -> bool:
    """Say whether the units of a line can be given: of a bundle, also of one that is none any more,
    they would be of no use, and what is out of the fence of another channel stays there."""
    if state.skus[row.sku].components or row.remade(state):
        return False
    return not state.registers.fences.has_of(giver.order.seq, row.sku, channel)


def _give(state: State, givers: list[_Giver], plan: Allotment, source: Source) -> None:
    """Take from the givers what the plan takes beyond what is free."""
    lack: dict[int, int] = {}
    for take in (take for takes in plan.takes for take in takes):
        lack[take.position] = lack.get(take.position, 0) + take.quantity
    for position in lack:
        known = position < len(state.positions)
        if known and source.share(state.positions[position].sku) is None:
            lack[position] -= max(state.positions[position].available, 0)
    for one in givers:
        for number, row in enumerate(one.rows):
            if not _gives_row(state, one, row, source.channel):
                continue
            for position, units in list(row.takes.items()):
                given = max(min(units, lack.get(position, 0)), 0)
                if not given:
                    continue
                lack[position] -= given
                row.backordered += given
                row.takes[position] -= given
                one.lines[number] = one.lines.get(number, 0) + given
            row.takes = {position: units for position, units in row.takes.items() if units}


def _given(giver: _Giver) -> tuple[int, str, str, int]:
    event = giver.order.event
    return giver.order.seq, event.channel, event.order_id, sum(giver.lines.values())


def _gives(state: State, order: Order, giver: _Giver, cause: Cause) -> OrderChanged:
    higher = giver.turn[0] > turn_of(order.event.document)[0]
    note = GaveUp(
        order.event.channel,
        order.event.order_id,
        order.seq,
        "priority" if higher else "required_by",
        tuple(giver.lines.items()),
    )
    standing = standing_of(giver.rows)
    status, held = status_of_lines(standing), positions_of(row.takes for row in giver.rows)
    packed = noted(state, giver.order, note, held)
    return OrderChanged(cause, giver.order.seq, status, standing, note=packed)


def _nobody_gives(state: State) -> Refused:
    return refusals.refuse(
        state,
        Code.INSUFFICIENT_STOCK,
        "no order that this one comes before holds what it waits for",
        Fault("", "nothing to take over"),
    )
