"""Fulfillments: an order is given to the locations that have its units, and they say what becomes
of it. Both twins decide by this.
"""

import msgspec

from engine.core import answers, limits
from engine.core import fulfillment_commands as c
from engine.core.commands import Request
from engine.core.decide import (
    Decision,
    Replay,
    cause_of,
    conflict,
    let_go,
    orders,
    refusals,
    refuse,
    shorts,
    whole,
    work_shipments,
)
from engine.core.decide.again import noted, sends_left
from engine.core.decide.rerouting import (
    Held,
    Plan,
    end_of,
    ended,
    lacking,
    losses,
    planned,
    status_without,
)
from engine.core.decide.rows import standing_of
from engine.core.decide.work import (
    Work,
    fetched,
    find,
    held_rows,
    no_room,
    now,
    status_by_units,
    status_with,
    stepped,
    wrong_status,
)
from engine.core.events import OrderCancelled, OrderChanged, OrderStatus
from engine.core.fulfillment_life import OPEN, UNPICKED, order_status
from engine.core.lives import Life, note_bytes
from engine.core.notes.counts import Recounted
from engine.core.notes.fulfillments import Part, Released, Row
from engine.core.order_life import CLOSED
from engine.core.outcomes import Code, Fault, Refused
from engine.core.sends import sends_of
from engine.core.state import Order, State

_MINUTE_US = 60_000_000
RELEASABLE = (
    OrderStatus.ALLOCATED,
    OrderStatus.PARTIALLY_ALLOCATED,
    OrderStatus.PARTIALLY_SHIPPED,
    OrderStatus.RELEASED,
    OrderStatus.PICKING,
    OrderStatus.PACKED,
)


def release(state: State, request: Request) -> Decision:
    """Make a fulfillment for each location that has units of the order which none has yet. The
    same release again answers with its fulfillments as they stand."""
    command: c.ReleaseOrder = request.command
    order, cause = state.order(command.channel, command.order_id), cause_of(request)
    if order is None:
        return refusals.unknown_order(state, command.channel, command.order_id)
    life = state.lives.of(order.seq)
    known = life.done.get(("release", command.release_id))
    if known is not None:
        if known != cause.fingerprint:
            return conflict(state, "release_id", command.release_id)
        return Replay(_released(state, order, life, command.release_id), order.changed_seq)
    if order.closed_us:
        return refusals.order_closed(state, order.status)
    if order.status not in RELEASABLE:
        return refusals.wrong_status(state, order.status, "released")
    waits = whole.incomplete(state, order, "released")
    if waits:
        return waits
    place = None
    if command.location is not None:
        place = state.location_numbers.get(command.location)
        if place is None:
            return refusals.missing_location(state, "location", command.location, hint="")
    parts = unreleased(state, order, life, place)
    closed = [at for at in parts if not state.locations[at].put.active]
    if closed:
        return _from_closed(state, order, life, parts, closed, cause, command)
    if not parts:
        return refuse(
            state,
            Code.QUANTITY_NOT_HELD,
            "nothing of the order is allocated and not released" + (" there" if place else ""),
            Fault("order_id", "nothing to release"),
        )
    if _too_many(life, len(parts)):
        return refusals.full(state, "fulfillments of this order")
    return [released(state, order, life, parts, cause, command)]


def _from_closed(
    state: State,
    order: Order,
    life: Life,
    parts: dict[int, list[Row]],
    closed: list[int],
    cause,
    command: c.ReleaseOrder,
) -> Decision:
    """Release what lies elsewhere, after what is at closed locations was moved as far as there is
    stock at others."""
    lost = {(line, position): n for at in closed for line, position, n in parts[at]}
    plan = planned(state, order, life, lost, dict.fromkeys(closed, "inactive"), stay=True)
    # Parts of bundles that others work on stay.
    moves = plan.after != plan.before and not lacking(life, plan.after)
    after, opened = (plan.after, plan.opened) if moves else (plan.before, [])
    place = None if command.location is None else state.location_numbers[command.location]
    found = {
        at: rows
        for at, rows in unreleased_of(state, after, life, opened).items()
        if at not in closed and place in (None, at)
    }
    if not found:
        return refusals.closed_location(state, state.location_name(closed[0]))
    if _too_many(life, len(found)):
        return refusals.full(state, "fulfillments of this order")
    event = released(state, order, life, found, cause, command, plan if moves else None)
    if moves:
        event = msgspec.structs.replace(event, lines=standing_of(plan.rows))
    return [*opened, event]


def unreleased(state: State, order: Order, life: Life, place: int | None) -> dict[int, list[Row]]:
    """Return what an order holds and no open fulfillment has, by number of the location."""
    found = unreleased_of(state, held_rows(state, order), life, ())
    return {at: rows for at, rows in found.items() if place in (None, at)}


def unreleased_of(state: State, held: Held, life: Life, opened) -> dict[int, list[Row]]:
    """Return what of `held` no open fulfillment has, by number of the location; `opened` are events
    of positions that are new."""
    left, fresh = dict(held), {event.number: event.location for event in opened}
    for one in life.open:
        for key, units in one.units.items():
            left[key] = left.get(key, 0) - units
    found: dict[int, list[Row]] = {}
    for (line, position), units in left.items():
        if units > 0:
            known = position not in fresh
            location = state.positions[position].location if known else fresh[position]
            found.setdefault(location, []).append((line, position, units))
    return found


def _too_many(life: Life, more: int) -> bool:
    room = life.room - more * limits.FULFILLMENT_STEPS_KEPT
    return room < 1 or len(life.work) + more > limits.FULFILLMENTS_MAX


def released(
    state: State,
    order: Order,
    life: Life,
    parts: dict[int, list[Row]],
    cause,
    command,
    plan: Plan | None = None,
) -> OrderChanged:
    """Return the event that releases `parts`, after what `plan` has moved; `command` has
    `release_id`, `accept_minutes` and `pickup`."""
    minutes = command.accept_minutes
    note = Released(
        command.release_id,
        tuple(
            Part(len(life.work) + 1 + at, location, tuple(rows))
            for at, (location, rows) in enumerate(parts.items())
        ),
        state.now_us + minutes * _MINUTE_US if minutes else 0,
        command.pickup,
    )
    statuses = [one.status for one in life.work.values()] + ["requested"]
    packed = note_bytes(note)
    if plan is not None:
        held = {position for _, position in plan.after}
        packed = noted(state, order, note, held, plan.source, plan.opened)
    return OrderChanged(cause, order.seq, order_status(statuses), note=packed)


def _released(state: State, order: Order, life: Life, name: str) -> answers.ReleaseAnswer:
    notes = (happened.note for happened in life.notes)
    note = next(n for n in notes if isinstance(n, Released) and n.release_id == name)
    return answers.release(order, life, note, state)


# Steps that touch no unit. What is done already is a replay.


def _able(state: State, name: str, status: str, verb: str, allowed) -> Work | Decision:
    """Return the fulfillment if its status is in `allowed`, so that it may come to `status`."""
    work = find(state, name)
    if isinstance(work, Refused):
        return work
    if work.one.status == status:
        return Replay(now(state, work), work.order.changed_seq)
    if work.one.status not in allowed:
        return wrong_status(state, work.one, verb)
    if work.one.open and work.order.status is OrderStatus.ON_HOLD:
        return refusals.wrong_status(state, work.order.status, verb)
    if no_room(work.life, work.one, status):
        return refusals.full(state, "notes on this order")
    return work


def _step(state: State, request: Request, status: str, verb: str, allowed, **more) -> Decision:
    """Bring a fulfillment whose status is in `allowed` to `status`."""
    work = _able(state, request.command.fulfillment_id, status, verb, allowed)
    return [stepped(cause_of(request), work, status, **more)] if isinstance(work, Work) else work


def accept(state: State, request: Request) -> Decision:
    """The location will do it."""
    return _step(state, request, "accepted", "accepted", ("requested",))


def reject(state: State, request: Request) -> Decision:
    """The location will not do it: others get it, as far as there is stock."""
    command: c.RejectFulfillment = request.command
    work = _able(state, command.fulfillment_id, "rejected", "rejected", UNPICKED)
    if not isinstance(work, Work):
        return work
    return ended(state, cause_of(request), work, "rejected", command.reason)


def cancel(state: State, request: Request) -> Decision:
    """The location is not to do it; its units stay with the order."""
    reason = request.command.reason or ""
    work = find(state, request.command.fulfillment_id)
    status = "cancelled" if isinstance(work, Refused) else end_of(work.one)
    return _step(state, request, status, "cancelled", OPEN, reason=reason)


def pick(state: State, request: Request) -> Decision:
    """Somebody has begun to pick."""
    return _step(state, request, "picking", "picked", UNPICKED)


def pack(state: State, request: Request) -> Decision:
    """All that is left of it is packed."""
    command: c.PackFulfillment = request.command
    work = find(state, command.fulfillment_id)
    if not isinstance(work, Refused) and work.one.status == "picking":
        wrong = work_shipments.packed_wrong(state, work, command.packages)
        if wrong:
            return wrong
    return _step(state, request, "packed", "packed", ("picking",), packages=command.packages)


def ready(state: State, request: Request) -> Decision:
    """It waits for the customer."""
    work = find(state, request.command.fulfillment_id)
    if not isinstance(work, Refused) and not work.one.pickup:
        return refuse(
            state,
            Code.FULFILLMENT_STATUS,
            "the customer does not fetch it: it was released without `pickup`",
            Fault("fulfillment_id", "is to be shipped"),
        )
    return _step(state, request, "ready_for_pickup", "ready for pickup", ("packed",))


def deliver(state: State, request: Request) -> Decision:
    """What was shipped has arrived; with the last of it, the order is delivered."""
    decision = _step(state, request, "delivered", "delivered", ("shipped",))
    if not isinstance(decision, list):
        return decision
    work = find(state, request.command.fulfillment_id)
    others = (one for one in work.life.work.values() if one is not work.one)
    if work.order.status is OrderStatus.SHIPPED and all(one.status != "shipped" for one in others):
        return [msgspec.structs.replace(decision[0], status=OrderStatus.DELIVERED)]
    return decision


# Cancelling an order, of which locations may have units.


def cancel_order(state: State, request: Request) -> Decision:
    """Cancel an order whole or in part (`orders.cancel`); locations that are to do less than they
    were, the newest first, are told so in the same step."""
    decision = orders.cancel(state, request)
    if not isinstance(decision, list):
        return decision
    (event,) = decision
    order = state.order(request.command.channel, request.command.order_id)
    life = state.lives.of(order.seq)
    gone = event.status is OrderStatus.CANCELLED
    freed_others = let_go.without(state, order) if life.mark and gone else []
    if not life.open and not order.event.receipt:
        return [*freed_others, _arrived(life, {}, event)]
    held = held_rows(state, order)
    for freed in event.freed:
        held[freed.line, order.event.lines[freed.line].takes[freed.take].position] -= freed.quantity
    counts = _recounted(state, order, life, held, event)
    if not life.open:
        return [*freed_others, *counts, _arrived(life, {}, event)]
    lack = lacking(life, held)
    after = {number: status_without(life, number, rows) for number, rows in lack.items()}
    working = status_with(life, after)
    first = msgspec.structs.replace(event.cause, key="")
    held_up = order.status is OrderStatus.ON_HOLD
    status = order.status if held_up else working or status_by_units(order)
    events = losses(first, order, life, status, lack, "cancelled by the channel")
    if event.status not in CLOSED and not held_up:
        event = msgspec.structs.replace(event, status=working or _left(order, event))
    return [*freed_others, *events, *counts, _arrived(life, after, event)]


def _arrived(life: Life, after: dict[int, str], event: OrderCancelled) -> OrderCancelled:
    """If the rest of an order is cancelled, and the others were fetched, it has arrived."""
    if event.status is OrderStatus.SHIPPED and fetched(life, after):
        return msgspec.structs.replace(event, status=OrderStatus.DELIVERED)
    return event


def _recounted(
    state: State, order: Order, life: Life, held: Held, event: OrderCancelled
) -> list[OrderChanged]:
    """Return the event by which locations that have nothing of an order any more count it no more;
    of one that is cancelled whole none does."""
    if event.status is OrderStatus.CANCELLED or not order.event.receipt or not life.room:
        return []
    sends = sends_left(state, order, {position for (_, position), units in held.items() if units})
    if sends == sends_of(order.event):
        return []
    first = msgspec.structs.replace(event.cause, key="")
    return [OrderChanged(first, order.seq, order.status, note=note_bytes(Recounted(sends=sends)))]


def _left(order: Order, event: OrderCancelled) -> OrderStatus:
    """The status that follows from the units that the cut leaves."""
    shipped = sum(order.shipped)
    asked = sum(line.quantity for line in order.event.lines)
    wanted = asked - sum(order.cancelled) - shipped - sum(cut.quantity for cut in event.cuts)
    waiting = sum(order.backordered) - sum(cut.backordered for cut in event.cuts)
    return orders.status_after(wanted, waiting, shipped)


RULES = {
    c.ReleaseOrder: release,
    c.AcceptFulfillment: accept,
    c.RejectFulfillment: reject,
    c.CancelFulfillment: cancel,
    c.PickFulfillment: pick,
    c.PackFulfillment: pack,
    c.PickShort: shorts.short,
    c.ReadyFulfillment: ready,
    c.ShipFulfillment: work_shipments.ship,
    c.HandOver: work_shipments.hand_over,
    c.DeliverFulfillment: deliver,
}
