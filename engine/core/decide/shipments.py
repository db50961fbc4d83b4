"""Shipments: allocated units leave their locations. Both twins decide by this."""

from engine.core import effects, limits
from engine.core.commands import Request, Ship
from engine.core.decide import Decision, Replay, cause_of, conflict, refusals, refuse, whole
from engine.core.decide.orders import lines_by_sku, status_after, taken_each
from engine.core.events import Freed, Left, OrderShipped, OrderStatus
from engine.core.outcomes import Code, Fault, Refused
from engine.core.state import Order, State


def ship(state: State, request: Request) -> Decision:
    """Units of an order leave: those named, or all that is allocated (at a location)."""
    command: Ship = request.command
    order, cause = state.order(command.channel, command.order_id), cause_of(request)
    if order is None:
        return refusals.unknown_order(state, command.channel, command.order_id)
    known = state.answered(effects.shipment_key(order.seq, command.shipment_id))
    if known:
        if known.fingerprint != cause.fingerprint:
            return conflict(state, "shipment_id", command.shipment_id)
        return Replay(known.answer, known.seq)
    if order.closed_us:
        return refusals.order_closed(state, order.status)
    if order.status is OrderStatus.ON_HOLD:
        return refusals.wrong_status(state, order.status, "shipped")
    waits = whole.incomplete(state, order, "shipped")
    if waits:
        return waits
    if len(state.remembered) >= limits.DOCUMENTS_MAX:
        return refusals.full(state, "shipments")
    if state.lives.of(order.seq).open:
        return refusals.released_order(state)
    place = None
    if command.location is not None:
        place = state.location_numbers.get(command.location)
        if place is None:
            return refusals.missing_location(state, "location", command.location, hint="")
    may = _at(state, order, place)
    where, path = (" there", "location") if command.location else ("", "order_id")
    units = wanted_units(state, order, command.lines, may, f"of this order{where}", path)
    if isinstance(units, Refused):
        return units
    left = tuple(Left(index, count) for index, count in enumerate(units) if count)
    freed = [row for one in left for row in leaving(state, order, one, may[one.line])]
    wrong = not_there(state, order, freed)
    if wrong:
        return wrong
    return [
        OrderShipped(
            cause,
            order.seq,
            _status(order, units),
            command.shipment_id,
            command.carrier or "",
            command.tracking_number or "",
            left,
            tuple(freed),
        )
    ]


def _at(state: State, order: Order, place: int | None) -> list[list[int]]:
    """Return, by line and take, the units that may leave: all, or those at a location."""
    if place is None:
        return order.takes
    return [
        [
            units if state.positions[take.position].location == place else 0
            for take, units in zip(line.takes, left, strict=True)
        ]
        for line, left in zip(order.event.lines, order.takes, strict=True)
    ]


def wanted_units(
    state: State, order: Order, lines, may: list[list[int]], of: str, path: str
) -> list[int] | Refused:
    """Return units to ship of each line, out of those that `may` leave by line and take: all, or
    those in `lines` (each with sku, quantity); of a SKU on several lines, the first lines give
    first. `of` and `path` say in a refusal where nothing was found."""
    there = [_there(state, order, index, may[index]) for index in range(len(order.takes))]
    if lines is None:
        if any(there):
            return there
        return refuse(
            state,
            Code.QUANTITY_NOT_HELD,
            f"nothing {of} is allocated and whole",
            Fault(path, "nothing to ship"),
        )
    wanted, by_sku = [0] * len(there), lines_by_sku(order)
    for at, asked in enumerate(lines):
        units = asked.quantity
        for index in by_sku.get(state.sku_numbers.get(asked.sku, -1), ()):
            part = min(units, there[index] - wanted[index])
            wanted[index] += part
            units -= part
        if units:
            return refusals.not_held(state, at, asked.sku, asked.quantity, asked.quantity - units)
    if any(wanted):
        return wanted
    return refuse(
        state, Code.QUANTITY_NOT_HELD, "name lines, or none at all", Fault("lines", "empty")
    )


def _there(state: State, order: Order, index: int, may: list[int]) -> int:
    """Return whole units of a line that may leave."""
    each = taken_each(state, order, index)
    held = dict.fromkeys(each, 0)
    for take, units in zip(order.event.lines[index].takes, may, strict=True):
        if units:
            held[state.positions[take.position].sku] += units
    # A bundle that was put anew and edited since may hold less than one of a part for each unit.
    return min((units // each[sku] if each[sku] else 0 for sku, units in held.items()), default=0)


def leaving(state: State, order: Order, left: Left, may: list[int]) -> list[Freed]:
    """Return the takes out of which units of a line leave, the first takes first; `may` has the
    units of each that may."""
    line = order.event.lines[left.line]
    need = {sku: each * left.quantity for sku, each in taken_each(state, order, left.line).items()}
    rows = []
    for number, take in enumerate(line.takes):
        sku = state.positions[take.position].sku
        units = min(need.get(sku, 0), may[number])
        if units:
            rows.append(Freed(left.line, number, units))
            need[sku] -= units
    return rows


def not_there(state: State, order: Order, freed: list[Freed]) -> Refused | None:
    """Refuse to ship what was promised before it came: a backorderable SKU allows that."""
    leaving: dict[int, int] = {}
    for row in freed:
        number = order.event.lines[row.line].takes[row.take].position
        leaving[number] = leaving.get(number, 0) + row.quantity
    for number, units in leaving.items():
        position = state.positions[number]
        there = position.on_hand - position.unavailable
        if units > there:
            sku, place = state.position_sku_name(number), state.position_location_name(number)
            return refuse(
                state,
                Code.INSUFFICIENT_STOCK,
                f"{place!r} has {there} of the {units} units of {sku!r} on hand",
                Fault(
                    "lines",
                    "not on hand yet",
                    sku=sku,
                    location=place,
                    requested=units,
                    available=there,
                ),
            )
    return None


def _status(order: Order, units: list[int]):
    gone = sum(order.shipped) + sum(units)
    wanted = sum(line.quantity for line in order.event.lines) - sum(order.cancelled)
    return status_after(wanted - gone, sum(order.backordered), gone)
