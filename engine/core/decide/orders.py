"""Orders: place, commit a reservation, cancel whole or by line."""

from engine.core import limits, routing, told
from engine.core.commands import Cancel, Commit, PlaceOrder, Request
from engine.core.decide import Decision, Replay, cause_of, conflict, refusals
from engine.core.decide import routing as routes
from engine.core.decide.allotment import Allotment, Source, allot
from engine.core.decide.backlog import over_limit
from engine.core.decide.reservations import find_live
from engine.core.events import (
    NO_PRICE,
    Cut,
    Freed,
    Line,
    OrderCancelled,
    OrderPlaced,
    OrderStatus,
)
from engine.core.kept import document_of
from engine.core.order_life import BY_UNITS, CLOSED
from engine.core.outcomes import Refused
from engine.core.routing import slip
from engine.core.state import COMMITTED, Order, State


def status_of(quantity: int, backordered: int) -> OrderStatus:
    """Return the status of an order of which `quantity` units are wanted still."""
    if not quantity:
        return OrderStatus.CANCELLED
    if not backordered:
        return OrderStatus.ALLOCATED
    return OrderStatus.BACKORDERED if backordered == quantity else OrderStatus.PARTIALLY_ALLOCATED


def status_after(quantity: int, backordered: int, shipped: int) -> OrderStatus:
    """Return the status of an order of which `shipped` units have left, and `quantity` have not
    and are wanted still."""
    if not shipped:
        return status_of(quantity, backordered)
    return OrderStatus.PARTIALLY_SHIPPED if quantity else OrderStatus.SHIPPED


def place(
    state: State, request: Request, *, takes: bool = True, command: PlaceOrder | None = None
) -> Decision:
    """Allocate an order, all or nothing unless `when_short` says otherwise. Without `takes`, all of
    it waits. `command` is what is placed, where that is not what was asked."""
    command, cause = command or request.command, cause_of(request)
    known = state.order(command.channel, command.order_id)
    if known:
        if known.event.cause.fingerprint != cause.fingerprint:
            return conflict(state, "order_id", command.order_id)
        first = told.order_first(state, known)
        return Replay(first, first.seq)
    if len(state.orders) >= limits.ORDERS_MAX:
        return refusals.full(state, "orders")
    found = plan_order(state, command, state.now_us, takes=takes)
    if isinstance(found, Refused):
        return found
    plan, source = found
    lines = lines_of(state, command, plan)
    over = over_limit(state, [(line.sku, line.backordered) for line in lines]) if takes else None
    if over:
        return over
    receipt, asked = routes.receipt_of(source), sum(line.quantity for line in command.lines)
    return [
        *plan.opened,
        OrderPlaced(
            cause,
            command.channel,
            command.order_id,
            status_of(asked, asked - sum(plan.granted)),
            0,
            routing.POLICY_COSTS if receipt else routing.POLICY_FEWEST,
            lines,
            document_of(command, bound_of(command)),
            receipt,
        ),
    ]


def bound_of(command: PlaceOrder) -> tuple[tuple[int, str], ...]:
    """Return which lines may come from one location only."""
    return tuple(
        (index, line.location)
        for index, line in enumerate(command.lines)
        if line.location is not None
    )


def lines_of(state: State, command: PlaceOrder, plan: Allotment) -> tuple[Line, ...]:
    """Return an order's lines with what they get."""
    return tuple(
        Line(
            state.sku_numbers.get(line.sku),
            line.quantity,
            tuple(takes),
            line.quantity - given,
            NO_PRICE if line.unit_price is None else line.unit_price,
            line.line_id or "",
        )
        for line, given, takes in zip(command.lines, plan.granted, plan.takes, strict=True)
    )


def plan_order(
    state: State, command: PlaceOrder, now_us: int, *, takes: bool = True
) -> tuple[Allotment, Source] | Refused:
    """Return what an order gets at a time, and the source that says why, or why it is refused.
    Without `takes`, it gets nothing."""
    partial = command.when_short != "refuse" or not takes
    source = routes.source_of(state, command, now_us)
    if isinstance(source, Refused):
        return source
    plan = allot(state, command.lines, command.ship_to, partial=partial, source=source)
    if isinstance(source, routes.Routed):
        plan = source.kept_whole(plan, command)
    if isinstance(plan, Refused):
        return plan
    if not takes:
        count = len(command.lines)
        if isinstance(source, routes.Routed):
            source.wait(slip.HELD)
        return Allotment([], [0] * count, [[] for _ in range(count)], []), source
    none = command.when_short == "split" and not sum(plan.granted)
    if plan.short and (none or not partial):
        return refusals.short(state, "taken", plan.short)
    return plan, source


def commit(state: State, request: Request) -> Decision:
    """Turn a live reservation into an allocated order."""
    command: Commit = request.command
    cause = cause_of(request)
    known = state.reservation(command.reservation_id)
    if known and known.status == COMMITTED:
        order = state.orders.get(known.order)
        if order is not None:
            if order.event.cause.fingerprint != cause.fingerprint:
                return conflict(state, "reservation_id", command.reservation_id)
            first = told.order_first(state, order)
            return Replay(first, first.seq)
    found = find_live(state, command.reservation_id)
    if isinstance(found, Refused):
        return found
    order_id = command.order_id or command.reservation_id
    channel = found.event.channel
    if state.order(channel, order_id):
        return refusals.order_exists(state, channel, order_id)
    if len(state.orders) >= limits.ORDERS_MAX:
        return refusals.full(state, "orders")
    return [
        OrderPlaced(
            cause,
            channel,
            order_id,
            OrderStatus.ALLOCATED,
            found.seq,
            routing.POLICY_FEWEST,
            found.event.lines,
            document_of(command),
        )
    ]


def cancel(state: State, request: Request) -> Decision:
    """Cancel an order whole, or the quantities named; exactly what is held becomes available."""
    command: Cancel = request.command
    order = state.order(command.channel, command.order_id)
    if order is None:
        return refusals.unknown_order(state, command.channel, command.order_id)
    if order.closed_us:
        if command.lines is None and order.status is OrderStatus.CANCELLED:
            return Replay(told.order_now(state, order), order.changed_seq)
        return refusals.order_closed(state, order.status)
    parted = [begun(state, order, index) for index in range(len(order.event.lines))]
    rows = zip(order.event.lines, order.cancelled, order.shipped, parted, strict=True)
    held = [line.quantity - cut - gone - part for line, cut, gone, part in rows]
    wanted = _wanted(state, order, command, held)
    if isinstance(wanted, Refused):
        return wanted
    cuts, freed = [], []
    for index, units in enumerate(wanted):
        if units:
            waiting = min(units, order.backordered[index])
            cuts.append(Cut(index, units, waiting))
            freed += _free(state, order, index, units - waiting)
    waiting_after = sum(order.backordered) - sum(cut.backordered for cut in cuts)
    left = sum(held) - sum(wanted) + sum(parted)
    status = status_after(left, waiting_after, sum(order.shipped))
    if status not in CLOSED and order.status not in BY_UNITS:
        status = order.status
    return [
        OrderCancelled(
            cause_of(request), order.seq, status, command.reason or "", tuple(cuts), tuple(freed)
        )
    ]


def _wanted(state: State, order: Order, command: Cancel, held: list[int]) -> list[int] | Refused:
    """Units to cut off each line; of a SKU on several lines, the last lines give first."""
    if command.lines is None:
        return held
    wanted, lines = [0] * len(held), lines_by_sku(order)
    for asked_index, asked in enumerate(command.lines):
        units = asked.quantity
        for index in reversed(lines.get(state.sku_numbers.get(asked.sku, -1), ())):
            cut = min(units, held[index] - wanted[index])
            wanted[index] += cut
            units -= cut
        if units:
            return refusals.not_held(
                state, asked_index, asked.sku, asked.quantity, asked.quantity - units
            )
    return wanted


def lines_by_sku(order: Order) -> dict[int, list[int]]:
    """Return the numbers of an order's lines, in order, by the number of their SKU."""
    lines: dict[int, list[int]] = {}
    for index, line in enumerate(order.event.lines):
        lines.setdefault(line.sku, []).append(index)
    return lines


def served(order: Order, index: int) -> int:
    """Return units of a line that are allocated and have not left."""
    gone = order.cancelled[index] + order.backordered[index] + order.shipped[index]
    return order.event.lines[index].quantity - gone


def taken_each(state: State, order: Order, index: int) -> dict[int, int]:
    """Return units of each stocked SKU in one served unit of a line, as they were taken: what is
    held is always in that proportion, with parts that have left ahead of others."""
    taken = ahead_of(state, order, index)
    for take, left in zip(order.event.lines[index].takes, order.takes[index], strict=True):
        if left:
            sku = state.positions[take.position].sku
            taken[sku] = taken.get(sku, 0) + left
    return {sku: total // served(order, index) for sku, total in taken.items()}


def ahead_of(state: State, order: Order, index: int) -> dict[int, int]:
    """Return the units of each SKU of a line that have left ahead of other parts of a bundle."""
    ahead = state.lives.of(order.seq).ahead
    return {sku: units for (line, sku), units in ahead.items() if line == index}


def begun(state: State, order: Order, index: int) -> int:
    """Return how many units of a line, bundles, have left in part."""
    ahead = ahead_of(state, order, index)
    if not ahead:
        return 0
    each = taken_each(state, order, index)
    return max(-(-units // each[sku]) for sku, units in ahead.items())


def _free(state: State, order: Order, index: int, units: int) -> list[Freed]:
    """Units of line `index` to give back, from its last takes first.

    A bundle's line gives back each component in the proportion in which it was taken, which is
    whole: components were taken for whole bundles only.
    """
    line = order.event.lines[index]
    need = {sku: each * units for sku, each in taken_each(state, order, index).items()}
    freed = []
    for number in reversed(range(len(line.takes))):
        sku = state.positions[line.takes[number].position].sku
        back = min(need.get(sku, 0), order.takes[index][number])
        if back:
            freed.append(Freed(index, number, back))
            need[sku] -= back
    return freed
