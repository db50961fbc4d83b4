"""A location does not have the goods, or will not do the work: others get it in the same step. Both
twins decide by this.

What is moved is whole units of the order's lines, of a bundle with all of its parts; what the
order gives up for that counts as free at the other locations, so it never competes with itself. The
order's routing policy decides as it did at first (`again`). A location that has failed this order
once is not asked again. Where nothing else is found, units stay where they are, or, if they are not
there, wait.
"""

import msgspec

from engine.core import kept, limits
from engine.core.decide.again import noted, source_again, unmoved
from engine.core.decide.allotment import Allotment, Source, allot
from engine.core.decide.reallotment import Want, status_of_lines
from engine.core.decide.routing import Routed
from engine.core.decide.rows import Row, rows_of, standing_of, too_large
from engine.core.decide.work import Work, held_rows, status_with, stepped
from engine.core.events import Cause, Event, OrderChanged, OrderStatus, Standing
from engine.core.fulfillment_life import order_status
from engine.core.lives import Life, note_bytes
from engine.core.notes.fulfillments import Fulfillment, FulfillmentStep, Part, Rerouted
from engine.core.notes.fulfillments import Row as Units
from engine.core.outcomes import Refused
from engine.core.routing import slip
from engine.core.state import Order, State

Held = dict[tuple[int, int], int]  # units by line and position
# Why a location is not asked that has a fulfillment no more, by the status that this comes to.
WHY_SHUT = {"rejected": "rejected", "expired": "expired", "cancelled": "inactive"}


class Plan(msgspec.Struct, frozen=True):
    """How the lines stand when the units are given up (`between`) and when others have come
    (`rows`); `before` and `after` are what the order holds, `opened` are events to come first.
    `source` says why, if it was asked."""

    between: tuple[Standing, ...]
    rows: list[Row]
    before: Held
    after: Held
    opened: list[Event]
    source: Source | None = None


class Spent(msgspec.Struct):
    """What orders that move in the running step have taken, and the state does not know of yet:
    units by position (less than 0), and orders by location."""

    units: dict[int, int]
    orders: dict[int, int]
    opened: bool = False

    def add(self, plan: Plan, sends: tuple[tuple[int, int], ...]) -> None:
        """Note what a plan takes, of an order that counts as `sends` already."""
        for key, units in plan.after.items():
            more = units - plan.before.get(key, 0)
            if more > 0:
                self.units[key[1]] = self.units.get(key[1], 0) - more
        if isinstance(plan.source, Routed):
            for place, day in slip.sends_of(plan.source.slip):
                self.orders[place] = self.orders.get(place, 0) + ((place, day) not in sends)
        self.opened = self.opened or bool(plan.opened)


def planned(
    state: State,
    order: Order,
    life: Life,
    lost: Held,
    shut: dict[int, str],
    *,
    stay: bool,
    spent: Spent | None = None,
) -> Plan:
    """Plan how the units in `lost` are had from other locations than those in `shut`, each with a
    reason, and those that have failed this order. With `stay`, units for which nothing is found are
    not given up; otherwise they wait. Lines that are bound to a location are had from nowhere
    else. What is `spent` is not there."""
    shut = {one.location: _failure(one) for one in life.work.values() if one.failed} | shut
    # Of a bundle that has left in part, the rest can only follow.
    parted = {line for line, _ in life.ahead}
    lost = {key: count for key, count in lost.items() if key[0] not in parted}
    units = _whole(state, rows_of(order), lost)
    # A bundle that is made of something else now moves as a whole, so that its units stay alike.
    remade = {line: row.served for line, row in enumerate(rows_of(order)) if row.remade(state)}
    units |= {line: remade[line] for line in units if line in remade}
    fixed, source = {line for line, _ in kept.read(order.event.document).bound}, None
    while units:
        rows, own = rows_of(order), {}
        for line, count in units.items():
            first = frozenset(position for at, position in lost if at == line)
            for position, freed in rows[line].give_up(state, count, first).items():
                own[position] = own.get(position, 0) + freed
        between = standing_of(rows)
        free = {line: count for line, count in units.items() if line not in fixed}
        source = source_again(state, order, own, shut)
        if spent:
            _without(source, spent)
        plan = _allotted(state, order, rows, free, source)
        if isinstance(plan, Refused):
            return _as_it_is(state, order, source) if stay else _waits(state, order, rows, source)
        granted = dict(zip(free, plan.granted, strict=True))
        if stay and granted != units:
            left = {line: count for line, count in granted.items() if count}
            units = {n: count for n, count in left.items() if count == units[n] or n not in remade}
            continue
        for line, takes in zip(free, plan.takes, strict=True):
            rows[line].backordered -= granted[line]
            rows[line].add(takes)
        if too_large(state, rows) or (spent and spent.opened and plan.opened):
            return _as_it_is(state, order, source) if stay else _waits(state, order, rows, source)
        after = _held(rows)
        return Plan(between, rows, held_rows(state, order), after, [*plan.opened], source)
    return _as_it_is(state, order, source)


def _without(source: Source, spent: Spent) -> None:
    """Let a source know what others have taken in the same step."""
    for position, units in spent.units.items():
        source.own[position] = source.own.get(position, 0) + units
    if isinstance(source, Routed):
        source.spent = spent.orders


def _failure(one: Fulfillment) -> str:
    """Return why a location is not asked again that has failed an order."""
    return one.status if one.status in ("rejected", "expired") else "picked_short"


def _allotted(
    state: State, order: Order, rows: list[Row], units: dict[int, int], source: Source
) -> Allotment | Refused:
    wants = [Want(state.sku_name(rows[line].sku), count) for line, count in units.items()]
    ship_to = kept.read(order.event.document).ship_to
    return allot(state, wants, ship_to, partial=True, source=source)


def _as_it_is(state: State, order: Order, source: Source | None) -> Plan:
    """The plan in which nothing moves."""
    rows, held = rows_of(order), held_rows(state, order)
    return Plan(standing_of(rows), rows, held, held, [], unmoved(source))


def _waits(state: State, order: Order, rows: list[Row], source: Source) -> Plan:
    """The plan in which what `rows` have given up waits."""
    held = held_rows(state, order)
    return Plan(standing_of(rows), rows, held, _held(rows), [], unmoved(source))


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
    one, plan, parts = work.one, None, ()
    if not one.pickup and work.order.status is not OrderStatus.ON_HOLD:
        shut = {one.location: WHY_SHUT[status]}
        plan = planned(state, work.order, work.life, still(state, work), shut, stay=True)
        parts = parts_of(state, work.life, plan)
    if not plan or not parts:
        source = unmoved(plan.source) if plan else None
        return [stepped(cause, work, status, source=source, reason=reason)]
    return given(state, cause, work, status, reason, plan, parts)


def given(
    state: State,
    cause: Cause,
    work: Work,
    status: str,
    reason: str,
    plan: Plan,
    parts: tuple[Part, ...],
) -> list[Event]:
    """Return the events by which a fulfillment ends and others get what it had, as planned."""
    one = work.one
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
    note = noted(
        state,
        work.order,
        Rerouted(work.one.number, parts, accept_by_us, waits, reason),
        {position for _, position in plan.after},
        plan.source,
        plan.opened,
        after,
    )
    return OrderChanged(cause, work.order.seq, after, standing_of(plan.rows), note=note)
