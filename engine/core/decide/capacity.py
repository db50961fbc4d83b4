"""A location says how many orders it can send on a day. What it has above that goes elsewhere in
the same step, as far as it is not picked yet and others have it. Both twins decide by this.

The lowest priority goes first, then what is required last, then the newest. Only orders that a
policy gave it are counted, and only such can go. An order goes whole: all that the location has of
it. Those that go in one step do not compete for the same units, or for the last order of another
location's day: what one takes, the next does not see (`Spent`).
"""

import msgspec

from engine.core import limits
from engine.core.capacities import Capacity, day_number
from engine.core.commands import Request
from engine.core.decide import Decision, Replay, cause_of, refusals, timers
from engine.core.decide.again import noted
from engine.core.decide.rerouting import Plan, Spent, given, lacking, parts_of, planned
from engine.core.decide.rows import standing_of
from engine.core.decide.work import Work, held_rows
from engine.core.events import Cause, EntryPut, Event, OrderChanged, OrderStatus
from engine.core.fulfillment_life import UNPICKED
from engine.core.notes.moves import Moved
from engine.core.order_life import BY_UNITS
from engine.core.ranks import turn_of
from engine.core.routing.policy import PutCapacity
from engine.core.sends import sends_of
from engine.core.state import Order, State

_json = msgspec.json.Encoder().encode
_REASON = "over capacity"
_MOVABLE = (*BY_UNITS, OrderStatus.RELEASED, OrderStatus.PICKING, OrderStatus.PACKED)


def put_capacity(state: State, request: Request) -> Decision:
    """Set what a location can send on a day, and move what is above that. The same again goes on
    with what is above still; if nothing can go, it is a replay."""
    put: PutCapacity = request.command
    register, cause = state.registers.capacities, cause_of(request)
    known, place = register.find(put.location), state.location_numbers.get(put.location)
    if place is None:
        return refusals.missing_location(state, "location", put.location, hint="")
    latest, used = state.loads.get(place, (0, 0))
    above = max(used - put.orders, 0) if day_number(put.day) == latest else 0
    # The answer to a key is that of the last event.
    silent = msgspec.structs.replace(cause, key="")
    events, moved = _moved(state, silent, place, latest, above)
    made = Capacity(put.location, put.day, put.orders, tuple(moved), above - len(moved))
    if known and not moved and msgspec.structs.replace(known.put, moved=()) == made:
        return Replay(register.answer(known.put, known.seq), known.seq)
    number = register.numbers.get(put.location, len(register.rows))
    return [*events, EntryPut(cause, register.code, number, _json(made))]


def _moved(
    state: State, cause: Cause, place: int, day: int, above: int
) -> tuple[list[Event], list[tuple[str, str]]]:
    """Return the events by which `above` orders, or as many as can, go elsewhere, and their
    names."""
    events: list[Event] = []
    names: list[tuple[str, str]] = []
    spent = Spent({}, {})
    looks = min(limits.CAPACITY_LOOKS_MAX, 4 * timers.most_at_once(state))
    for order in _candidates(state, place, day)[:looks] if above else ():
        if len(names) == above:
            break
        found = _moves(state, cause, order, place, spent)
        if found:
            events += found
            names.append((order.event.channel, order.event.order_id))
    return events, names


def _candidates(state: State, place: int, day: int) -> list[Order]:
    """Return the orders that count on the day, in the order in which they go."""
    most, scan = limits.CAPACITY_ORDERS_MAX, limits.CAPACITY_SCAN_MAX
    found = [state.order_row(seq) for seq in state.senders(place, day, most, scan)]
    # They come the newest first, and sorting keeps that among equals.
    return sorted(found, key=lambda order: turn_of(order.event.document), reverse=True)


def _moves(state: State, cause: Cause, order: Order, place: int, spent: Spent) -> list[Event]:
    """Return the events by which all that a location has of an order goes elsewhere; none if it
    cannot, or somebody picks it already."""
    life, held = state.lives.of(order.seq), held_rows(state, order)
    if order.status not in _MOVABLE or life.room < 2 + len(life.open):
        return []
    lost = {key: n for key, n in held.items() if state.positions[key[1]].location == place}
    asked = [one for one in life.open if one.location == place]
    if any(one.status not in UNPICKED or one.pickup or one.units != lost for one in asked):
        return []
    shut = {place: "capacity"}
    plan = planned(state, order, life, lost, shut, stay=True, spent=spent)
    if plan.after == plan.before or lost.keys() & plan.after.keys():
        return []
    if asked:
        parts = parts_of(state, life, plan)
        work = Work(order, life, asked[0])
        found = given(state, cause, work, "cancelled", _REASON, plan, parts) if parts else []
    elif lacking(life, plan.after):
        found = []  # parts of bundles that others work on
    else:
        found = [*plan.opened, _unasked(state, cause, order, place, plan)]
    if found:
        spent.add(plan, sends_of(order.event))
    return found


def _unasked(state: State, cause: Cause, order: Order, place: int, plan: Plan) -> OrderChanged:
    """Return the event that moves units that nobody was asked for yet."""
    note, held = Moved(place, _REASON), {position for _, position in plan.after}
    packed = noted(state, order, note, held, plan.source, plan.opened)
    return OrderChanged(cause, order.seq, order.status, standing_of(plan.rows), note=packed)
