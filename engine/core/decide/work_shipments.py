"""Units that leave a fulfillment: by a carrier, or in the hands of the customer. Both twins decide
by this."""

import msgspec

from engine.core import effects, limits
from engine.core import fulfillment_commands as c
from engine.core.commands import Request
from engine.core.decide import Decision, Replay, cause_of, conflict, refusals, refuse, whole
from engine.core.decide.orders import ahead_of, status_after, taken_each
from engine.core.decide.shipments import leaving, not_there, wanted_units
from engine.core.decide.work import Work, fetched, find, no_room, status_with, wrong_status
from engine.core.events import Freed, Left, OrderChanged, OrderShipped, OrderStatus
from engine.core.lives import note_bytes
from engine.core.notes.fulfillments import FulfillmentStep, Row
from engine.core.outcomes import Code, Fault, Refused
from engine.core.state import Order, State


def ship(state: State, request: Request) -> Decision:
    """Packed units leave: all of them, or the quantities named."""
    command: c.ShipFulfillment = request.command
    carried = {
        "carrier": command.carrier or "",
        "tracking_number": command.tracking_number or "",
        "packages": command.packages,
    }
    return _leave(state, request, "packed", "shipped", **carried)


def hand_over(state: State, request: Request) -> Decision:
    """The customer has fetched what was ready."""
    return _leave(state, request, "ready_for_pickup", "picked_up")


def _leave(state: State, request: Request, at: str, end: str, **carried) -> Decision:
    """Units leave a fulfillment that is at status `at`; with the last of them it is at `end`."""
    command = request.command
    work, cause = find(state, command.fulfillment_id), cause_of(request)
    if isinstance(work, Refused):
        return work
    order, one = work.order, work.one
    known = state.answered(effects.shipment_key(order.seq, command.shipment_id))
    if known:
        if known.fingerprint != cause.fingerprint:
            return conflict(state, "shipment_id", command.shipment_id)
        return Replay(known.answer, known.seq)
    if one.status != at or (one.pickup and end == "shipped"):
        return wrong_status(state, one, end.replace("_", " "))
    if order.status is OrderStatus.ON_HOLD:
        return refusals.wrong_status(state, order.status, end)
    waits = whole.incomplete(state, order, end.replace("_", " "))
    if waits:
        return waits
    if len(state.remembered) >= limits.DOCUMENTS_MAX:
        return refusals.full(state, "shipments")
    gone_now = _leaving(state, work, command.lines)
    if isinstance(gone_now, Refused):
        return gone_now
    units, freed, ahead = gone_now
    left = tuple(Left(index, count) for index, count in enumerate(units) if count)
    rows = _rows(work, freed)
    wrong = not_there(state, order, freed)
    wrong = wrong or _boxed_wrong(state, rows, carried.get("packages", ()))
    if wrong:
        return wrong
    status = end if sum(row[2] for row in rows) == sum(one.units.values()) else at
    if no_room(work.life, one, status):
        return refusals.full(state, "notes on this order")
    gone = sum(order.shipped) + sum(units)
    wanted = sum(line.quantity for line in order.event.lines) - sum(order.cancelled) - gone
    after = status_after(wanted, sum(order.backordered), gone)
    if after is OrderStatus.SHIPPED and fetched(work.life, {one.number: status}):
        after = OrderStatus.DELIVERED
    working = status_with(work.life, {one.number: status})
    note = FulfillmentStep(
        one.number, status, rows, shipment_id=command.shipment_id, ahead=ahead, **carried
    )
    first = msgspec.structs.replace(cause, key="")
    return [
        OrderChanged(first, order.seq, order.status, note=note_bytes(note)),
        OrderShipped(
            cause,
            order.seq,
            working if wanted and working else after,
            command.shipment_id,
            carried.get("carrier", ""),
            carried.get("tracking_number", ""),
            left,
            tuple(freed),
        ),
    ]


Ahead = tuple[tuple[int, int, int], ...]


def _leaving(state: State, work: Work, lines) -> tuple[list[int], list[Freed], Ahead] | Refused:
    """Return (whole units of each line that have left then, the takes out of which they leave now,
    parts that are ahead then, as a note has them): all of the fulfillment, or what `lines` name."""
    order, may = work.order, _may(state, work)
    units = wanted_units(state, order, lines, may, "of it", "fulfillment_id")
    parts = {} if lines is not None else _parts(state, order, may)
    if isinstance(units, Refused):
        if not parts:
            return units
        units = [0] * len(may)
    freed: list[Freed] = []
    ahead: list[tuple[int, int, int]] = []
    for index, count in enumerate(units):
        if index not in parts:
            freed += leaving(state, order, Left(index, count), may[index]) if count else ()
            continue
        units[index], rows = parts[index]
        ahead += rows
        freed += [Freed(index, at, n) for at, n in enumerate(may[index]) if n]
    return units, freed, tuple(ahead)


def _parts(state: State, order: Order, may: list[list[int]]) -> dict[int, tuple[int, list]]:
    """Return (bundles that are whole then, rows of parts that are ahead then) of each line of which
    parts leave before or after others of their bundle, if all that `may` leaves does."""
    found = {}
    for index, (line, left) in enumerate(zip(order.event.lines, may, strict=True)):
        each = taken_each(state, order, index)
        before = ahead_of(state, order, index)
        gone = {sku: before.get(sku, 0) for sku in each}
        for take, units in zip(line.takes, left, strict=True):
            if units:
                gone[state.positions[take.position].sku] += units
        # A bundle that was put anew and edited since may hold less than one of a part for each.
        bundles = min((gone[sku] // n if n else 0 for sku, n in each.items()), default=0)
        after = {sku: units - bundles * each[sku] for sku, units in gone.items()}
        rows = [(index, sku, units) for sku, units in after.items() if units != before.get(sku, 0)]
        if any(left) and (rows or before):
            found[index] = bundles, rows
    return found


def _may(state: State, work: Work) -> list[list[int]]:
    """Return, by line and take, the units of the order that the fulfillment has."""
    left, found = dict(work.one.units), []
    for index, (line, takes) in enumerate(
        zip(work.order.event.lines, work.order.takes, strict=True)
    ):
        row = []
        for take, units in zip(line.takes, takes, strict=True):
            part = min(units, left.get((index, take.position), 0))
            row.append(part)
            if part:
                left[index, take.position] -= part
        found.append(row)
    return found


def _rows(work: Work, freed: list[Freed]) -> tuple[Row, ...]:
    rows: dict[tuple[int, int], int] = {}
    for one in freed:
        key = one.line, work.order.event.lines[one.line].takes[one.take].position
        rows[key] = rows.get(key, 0) + one.quantity
    return tuple((*key, units) for key, units in rows.items())


def packed_wrong(state: State, work: Work, packages: tuple[c.Package, ...]) -> Refused | None:
    """Refuse packages that hold something else than the fulfillment has."""
    rows = tuple((*key, units) for key, units in work.one.units.items())
    return _boxed_wrong(state, rows, packages)


def _boxed_wrong(
    state: State, rows: tuple[Row, ...], packages: tuple[c.Package, ...]
) -> Refused | None:
    """Packages may be told without what is in them; what is told must be among `rows`."""
    there: dict[str, int] = {}
    for _, position, units in rows:
        sku = state.position_sku_name(position)
        there[sku] = there.get(sku, 0) + units
    names: set[str] = set()
    for at, package in enumerate(packages):
        if package.package_id in names:
            return refuse(
                state,
                Code.DUPLICATE_LINE,
                f"package {package.package_id!r} stands twice",
                Fault(f"packages[{at}].package_id", "named before"),
            )
        names.add(package.package_id)
        for index, line in enumerate(package.lines):
            held = there.get(line.sku, 0)
            if line.quantity > held:
                return refuse(
                    state,
                    Code.QUANTITY_NOT_HELD,
                    f"the packages hold more of {line.sku!r} than there is to pack",
                    Fault(
                        f"packages[{at}].lines[{index}].quantity",
                        "more than there is to pack",
                        sku=line.sku,
                        requested=line.quantity,
                        available=held,
                    ),
                )
            there[line.sku] = held - line.quantity
    return None
