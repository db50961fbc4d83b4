"""Two orders become one, or one becomes two. Both twins decide by this. Units stay where they are
allocated: nothing is allotted anew, nothing is free in between.
"""

import msgspec

from engine.core import kept, limits, routing, told
from engine.core.commands import Request
from engine.core.decide import Decision, Replay, cause_of, conflict, refusals
from engine.core.decide.again import noted, places_of, positions_of
from engine.core.decide.orders import status_of
from engine.core.decide.reallotment import status_of_lines
from engine.core.decide.rows import Row, line_of, named, rows_of, standing_of, too_large
from engine.core.events import OrderChanged, OrderPlaced, OrderStatus
from engine.core.lives import note_bytes
from engine.core.notes.edits import Merged, MergedInto, SplitOff
from engine.core.order_commands import MergeOrders, SplitOrder
from engine.core.outcomes import Code, Fault, Refused
from engine.core.routing import slip
from engine.core.sends import sends_of
from engine.core.state import Order, State

_JOINABLE = (OrderStatus.ALLOCATED, OrderStatus.PARTIALLY_ALLOCATED, OrderStatus.BACKORDERED)


def merge(state: State, request: Request) -> Decision:
    """Let an order take over another's lines. The same merge again is a replay."""
    command: MergeOrders = request.command
    order, cause = state.order(command.channel, command.order_id), cause_of(request)
    if order is None:
        return refusals.unknown_order(state, command.channel, command.order_id)
    known = state.lives.of(order.seq).done.get(("merge", command.merge_id))
    if known is not None:
        if known != cause.fingerprint:
            return conflict(state, "merge_id", command.merge_id)
        return Replay(told.order_now(state, order), order.changed_seq)
    other = state.order(command.channel, command.from_order_id)
    wrong = _unmergeable(state, order, other, command)
    if wrong:
        return wrong
    taken = [row for row in rows_of(other) if row.wanted]
    left = [_emptied(row) for row in rows_of(other)]
    rows = rows_of(order) + [_fresh(row) for row in taken]
    wide = too_large(state, rows)
    if wide:
        return wide
    # The answer to a key is that of the last event.
    first = msgspec.structs.replace(cause, key="")
    into = MergedInto(command.order_id, order.seq)
    note = Merged(command.merge_id, command.from_order_id, other.seq)
    # What both would send from one location leaves at once.
    sends = tuple((dict(sends_of(other.event)) | dict(sends_of(order.event))).items())
    if order.event.receipt and sends != sends_of(order.event):
        note = msgspec.structs.replace(note, sends=sends)
    lines = standing_of(rows)
    return [
        OrderChanged(
            first, other.seq, OrderStatus.CANCELLED, standing_of(left), note=note_bytes(into)
        ),
        OrderChanged(
            cause, order.seq, status_of_lines(lines), lines, _merged(order, other), note_bytes(note)
        ),
    ]


def _merged(order: Order, other: Order) -> bytes:
    """Return the document of an order that takes over another's lines; empty if it stays. If one
    of them ships complete, so do both together."""
    mine, theirs = kept.read(order.event.document), kept.read(other.event.document)
    taken = [number for number, row in enumerate(rows_of(other)) if row.wanted]
    first = len(order.event.lines)
    more = tuple((first + taken.index(n), place) for n, place in theirs.bound if n in taken)
    whole = mine.ships_complete or theirs.ships_complete
    if not more and whole == mine.ships_complete:
        return b""
    mine = msgspec.structs.replace(mine, ships_complete=whole)
    return kept.document_of(mine, mine.bound + more, mine.since)


def _unmergeable(
    state: State, order: Order, other: Order | None, command: MergeOrders
) -> Refused | None:
    path = "from_order_id"
    if other is None:
        found = refusals.unknown_order(state, command.channel, command.from_order_id)
        return msgspec.structs.replace(found, faults=(Fault(path, "unknown order"),))
    if other.seq == order.seq:
        return refusals.orders_differ(state, path, "order is needed, not the same")
    for one in (order, other):
        if one.status not in _JOINABLE:
            return refusals.wrong_status(state, one.status, "merged")
        if not state.lives.of(one.seq).room:
            return refusals.full(state, "notes on this order")
        if state.lives.of(one.seq).ahead:
            return refusals.bundle_parted(state, "merged")
    mine, theirs = kept.read(order.event.document), kept.read(other.event.document)
    for name in ("ship_to", "currency"):
        if getattr(mine, name) != getattr(theirs, name):
            return refusals.orders_differ(state, path, name)
    return None


def _emptied(row: Row) -> Row:
    return msgspec.structs.replace(row, takes={}, backordered=0, cancelled=row.quantity)


def _fresh(row: Row) -> Row:
    return msgspec.structs.replace(row, quantity=row.wanted, cancelled=0)


def split(state: State, request: Request) -> Decision:
    """Move units of an order into a new one. The same split again answers with the new order."""
    command: SplitOrder = request.command
    order, cause = state.order(command.channel, command.order_id), cause_of(request)
    if order is None:
        return refusals.unknown_order(state, command.channel, command.order_id)
    life = state.lives.of(order.seq)
    made = state.order(command.channel, command.new_order_id)
    known = life.done.get(("split", command.split_id))
    if known is not None:
        if known != cause.fingerprint or made is None:
            return conflict(state, "split_id", command.split_id)
        return Replay(told.order_first(state, made), made.seq)
    if made is not None:
        found = refusals.order_exists(state, command.channel, command.new_order_id)
        return msgspec.structs.replace(found, faults=(Fault("new_order_id", "exists already"),))
    if order.status not in (*_JOINABLE, OrderStatus.PARTIALLY_SHIPPED):
        return refusals.wrong_status(state, order.status, "split")
    if len(state.orders) >= limits.ORDERS_MAX:
        return refusals.full(state, "orders")
    if not life.room:
        return refusals.full(state, "notes on this order")
    if life.ahead:
        return refusals.bundle_parted(state, "split off")
    rows = rows_of(order)
    moved = _moved(state, command, rows)
    if isinstance(moved, Refused):
        return moved
    lines = standing_of(rows)
    if not sum(row.wanted - row.shipped for row in rows):
        return _nothing_left(state)
    what = tuple((number, row.quantity) for number, row in moved.items())
    note = SplitOff(command.split_id, command.new_order_id, what)
    asked = sum(row.quantity for row in moved.values())
    # The answer to a key is that of the last event.
    first = msgspec.structs.replace(cause, key="")
    held = positions_of(row.takes for row in rows)
    packed, receipt = noted(state, order, note, held), _receipt(state, order, moved)
    return [
        OrderChanged(first, order.seq, status_of_lines(lines), lines, note=packed),
        OrderPlaced(
            cause,
            command.channel,
            command.new_order_id,
            status_of(asked, sum(row.backordered for row in moved.values())),
            0,
            routing.POLICY_COSTS if receipt else routing.POLICY_FEWEST,
            tuple(line_of(row) for row in moved.values()),
            _split_off(order, moved),
            receipt,
        ),
    ]


def _receipt(state: State, order: Order, moved: dict[int, Row]) -> bytes:
    """Return the receipt of an order that is split off: it is routed as the other was, and counts
    where that has sent its units from."""
    if not order.event.receipt:
        return b""
    places = places_of(state, positions_of(row.takes for row in moved.values()))
    sends = tuple(send for send in sends_of(order.event) if send[0] in places)
    return slip.pack(slip.standing(slip.unpack(order.event.receipt), sends, slip.STAYS))


def _split_off(order: Order, moved: dict[int, Row]) -> bytes:
    """Return the document of an order that is split off: what waits keeps its turn and place."""
    old = kept.read(order.event.document)
    if not any(row.backordered for row in moved.values()):
        return kept.document_of(old)
    numbers = list(moved)
    bound = tuple((numbers.index(n), place) for n, place in old.bound if n in moved)
    return kept.document_of(old, bound, old.since or order.seq)


def _moved(state: State, command: SplitOrder, rows: list[Row]) -> dict[int, Row] | Refused:
    """Take what goes into the new order out of `rows`; return it by number of the line."""
    units = _units(state, command, rows)
    if isinstance(units, Refused):
        return units
    if not units:
        return _nothing_waits(state)
    moved = {}
    for number, quantity in units.items():
        moved[number] = rows[number].remove(state, quantity)
        rows[number].cancelled += quantity
    return moved


def _units(state: State, command: SplitOrder, rows: list[Row]) -> dict[int, int] | Refused:
    if command.lines is None:
        return {number: row.backordered for number, row in enumerate(rows) if row.backordered}
    index, units = named(state, rows), {}
    for at, asked in enumerate(command.lines):
        found = index.find(asked.sku, asked.line_id)
        if len(found) > 1:
            return refusals.many_lines(state, at, asked.sku)
        if not found:
            return refusals.no_such_line(state, at, asked.sku)
        if found[0] in units:
            return refusals.twice(state, at, asked.sku)
        there = rows[found[0]].wanted - rows[found[0]].shipped
        if asked.quantity > there:
            return refusals.not_held(state, at, asked.sku, asked.quantity, there)
        units[found[0]] = asked.quantity
    return units


def _nothing_waits(state) -> Refused:
    """A split names no units, and none wait."""
    return refusals.refuse(
        state,
        Code.QUANTITY_NOT_HELD,
        "nothing of the order waits; name the lines to split off",
        Fault("lines", "nothing to move"),
    )


def _nothing_left(state) -> Refused:
    """A split would leave nothing that is wanted."""
    return refusals.refuse(
        state,
        Code.QUANTITY_NOT_HELD,
        "the split would leave nothing of the order; name fewer units",
        Fault("lines", "all of it"),
    )
