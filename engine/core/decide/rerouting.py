"""A location does not have the goods, or will not do the work: others get it in the same step. Both
twins decide by this.

What is moved is whole units of the order's lines, of a bundle with all of its parts; what the
order gives up for that counts as free at the other locations, so it never competes with itself. A
location that has failed this order once is not asked again. Where nothing else is found, units stay
where they are, or, if they are not there, wait.
"""

import msgspec

from engine.core import kept, limits
from engine.core.decide.allotment import Source, allot
from engine.core.decide.reallotment import Want, status_of_lines
from engine.core.decide.rows import Row, rows_of, standing_of, too_large
from engine.core.decide.work import Work, held_rows, status_with, stepped
from engine.core.events import Cause, Event, OrderChanged, OrderStatus, Standing
from engine.core.fulfillment_life import order_status
from engine.core.lives import Life, note_bytes
from engine.core.notes.fulfillments import Fulfillment, FulfillmentStep, Part, Rerouted
from engine.core.notes.fulfillments import Row as Units
from engine.core.outcomes import Refused
from engine.core.state import Order, State

Held = dict[tuple[int, int], int]  # units by line and position


class Plan(msgspec.Struct, frozen=True):
    """How the lines stand when the units are given up (`between`) and when others have come
    (`rows`); `before` and `after` are what the order holds, `opened` are events to come first."""

    between: tuple[Standing, ...]
    rows: list[Row]
    before: Held
    after: Held
    opened: list[Event]


def planned(
    state: State, order: Order, life: Life, lost: Held, avoid: frozenset[int], *, stay: bool
) -> Plan | None:
    """Plan how the units in `lost` are had from other locations than those numbered in `avoid`, and
    those that have failed this order. With `stay`, units for which nothing is found are not given
    up; otherwise they wait. None if nothing can be moved, though it need not wait."""
    avoid |= {one.location for one in life.work.values() if one.failed}
    places = frozenset(range(len(state.locations))) - avoid
    units = _whole(state, rows_of(order), lost)
    # A bundle that is made of something else now moves as a whole, so that its units stay alike.
    remade = {line: row.served for line, row in enumerate(rows_of(order)) if row.remade(state)}
    units |= {line: remade[line] for line in units if line in remade}
    while units:
        rows, own = rows_of(order), {}
        for line, count in units.items():
            first = frozenset(position for at, position in lost if at == line)
            for position, freed in rows[line].give_up(state, count, first).items():
                own[position] = own.get(position, 0) + freed
        between = standing_of(rows)
        wants = [Want(state.sku_name(rows[line].sku), count) for line, count in units.items()]
        source = Source(state, own, places, channel=order.event.channel, holder=order.seq)
        destination = kept.read(order.event.document).ship_to
        plan = allot(state, wants, destination, partial=True, source=source)
        if isinstance(plan, Refused):
            return None if stay else _waiting(state, order, rows, between)
        if stay and plan.granted != list(units.values()):
            granted = zip(units, plan.granted, strict=True)
            left = {line: count for line, count in granted if count}
            units = {n: count for n, count in left.items() if count == units[n] or n not in remade}
            continue
        for line, count, takes in zip(units, plan.granted, plan.takes, strict=True):
            rows[line].backordered -= count
            rows[line].add(takes)
        if too_large(state, rows):
            return None if stay else _waiting(state, order, rows_of(order), between)
        return Plan(between, rows, held_rows(state, order), _held(rows), [*plan.opened])
    return None


def _waiting(state: State, order: Order, rows: list[Row], between: tuple[Standing, ...]) -> Plan:
    """The plan in which nothing is found: `rows` stand as in `between`."""
    return Plan(between, rows, held_rows(state, order), _held(rows), [])


def _whole(state: State, rows: list[Row], lost: Held) -> dict[int, int]:
    """Return the whole units of each line that the lost ones belong to."""
    by_line: dict[int, dict[int, int]] = {}
    for (line, position), units in lost.items():
        by_line.setdefault(line, {})[position] = units
    found = {line: rows[line].whole(state, units) for line, units in sorted(by_line.items())}
    return {line: units for line, units in found.items() if units}


def _held(rows: list[Row]) -> Held:
    return {(line, at): n for line, row in enumerate(rows) for at, n in row.takes.items()}


def lacking(
    life: Life, held: Held, *, without: int = 0, first: int = 0, gone: Held | None = None
) -> dict[int, list[Units]]:
    """Return what open fulfillments have that the order will not hold any more, by their numbers.
    Fulfillment `first` gives up first, what is `gone` in any case; then the newest. One that is to
    end (`without`) has nothing."""
    left, found = dict(held), {}
    gone = gone or {}
    if gone:
        found[first] = [(*key, units) for key, units in gone.items()]
    work = {
        one.number: {
            key: units - (gone.get(key, 0) if one.number == first else 0)
            for key, units in one.units.items()
        }
        for one in reversed(life.open)
        if one.number != without
    }
    for units in work.values():
        for key, count in units.items():
            left[key] = left.get(key, 0) - count
    for number in sorted(work, key=lambda number: number != first):
        for (line, position), count in work[number].items():
            lack = min(count, max(-left[line, position], 0))
            if lack:
                left[line, position] += lack
                found.setdefault(number, []).append((line, position, lack))
    return found


def end_of(one: Fulfillment) -> str:
    """Return the status of a fulfillment that is to do nothing more: part of it may have left."""
    if not one.shipments:
        return "cancelled"
    return "picked_up" if one.pickup else "shipped"


def status_without(life: Life, number: int, rows: list[Units]) -> str:
    """Return the status of a fulfillment that loses these rows."""
    one = life.work[number]
    if sum(row[2] for row in rows) < sum(one.units.values()):
        return one.status
    return end_of(one)


def ended(state: State, cause: Cause, work: Work, status: str, reason: str) -> list[Event]:
    """Return the events by which a fulfillment ends and others get what it had, as far as there is
    stock elsewhere; the rest stays with the order. What a customer was to fetch is not moved."""
    one, plan = work.one, None
    if not one.pickup and work.order.status is not OrderStatus.ON_HOLD:
        lost = still(state, work)
        avoid = frozenset({one.location})
        plan = planned(state, work.order, work.life, lost, avoid, stay=True)
    parts = plan and parts_of(state, work.life, plan)
    if not plan or not parts:
        return [stepped(cause, work, status, reason=reason)]
    # The answer to a key is that of the last event.
    first = msgspec.structs.replace(cause, key="")
    lack = lacking(work.life, plan.after, without=one.number)
    changed = {number: status_without(work.life, number, rows) for number, rows in lack.items()}
    after = status_of_plan(work.life, plan, {**changed, one.number: status}, parts)
    head = FulfillmentStep(one.number, status, reason=reason)
    return [
        OrderChanged(first, work.order.seq, after, note=note_bytes(head)),
        *losses(first, work.order, work.life, after, lack, reason),
        *plan.opened,
        moved(state, cause, work, after, plan, parts, reason),
    ]


def still(state: State, work: Work) -> Held:
    """Return the units of a fulfillment, as far as the order holds them."""
    held = held_rows(state, work.order)
    return {key: min(n, held[key]) for key, n in work.one.units.items() if key in held}


def parts_of(state: State, life: Life, plan: Plan) -> tuple[Part, ...]:
    """Return the fulfillments of what a plan brings, none if the order can have no more."""
    found: dict[int, list[Units]] = {}
    for (line, position), units in plan.after.items():
        more = units - plan.before.get((line, position), 0)
        if more > 0:
            location = _location(state, plan, position)
            found.setdefault(location, []).append((line, position, more))
    room = life.room - len(found) * limits.FULFILLMENT_STEPS_KEPT
    if room < 1 or len(life.work) + len(found) > limits.FULFILLMENTS_MAX:
        return ()
    number = len(life.work) + 1
    return tuple(
        Part(number + at, location, tuple(rows))
        for at, (location, rows) in enumerate(found.items())
    )


def _location(state: State, plan: Plan, position: int) -> int:
    if position < len(state.positions):
        return state.positions[position].location
    return next(event.location for event in plan.opened if event.number == position)


def status_of_plan(
    life: Life, plan: Plan, changed: dict[int, str], parts: tuple[Part, ...]
) -> OrderStatus:
    """Return the status of an order after a plan that asks `parts`; `changed` are the statuses to
    which its fulfillments come."""
    if parts:
        rest = [changed.get(number, one.status) for number, one in life.work.items()]
        return order_status([*rest, "requested"])
    return status_with(life, changed) or status_of_lines(standing_of(plan.rows))


def losses(
    cause: Cause,
    order: Order,
    life: Life,
    after: OrderStatus,
    lack: dict[int, list[Units]],
    reason: str,
) -> list[Event]:
    """Return the events that tell other fulfillments of an order what they are to leave."""
    found: list[Event] = []
    for number, rows in lack.items():
        status = status_without(life, number, rows)
        note = FulfillmentStep(number, status, tuple(rows), reason)
        found.append(OrderChanged(cause, order.seq, after, note=note_bytes(note)))
    return found


def moved(
    state: State,
    cause: Cause,
    work: Work,
    after: OrderStatus,
    plan: Plan,
    parts: tuple[Part, ...],
    reason: str,
) -> OrderChanged:
    """Return the event that gives others what fulfillment `work.one` had."""
    patience_us = work.one.patience_us
    waits = sum(row.backordered for row in plan.rows) - sum(work.order.backordered)
    accept_by_us = state.now_us + patience_us if parts and patience_us else 0
    note = Rerouted(work.one.number, parts, accept_by_us, waits, reason)
    lines = standing_of(plan.rows)
    return OrderChanged(cause, work.order.seq, after, lines, note=note_bytes(note))
