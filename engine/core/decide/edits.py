"""Edits: lines, address, date and texts of an order change as one difference. Both twins decide by
this.

What is wanted less is given up as by cancelling: the waiting units first, then the last takes.
What is wanted more is allotted from what is available and what the same edit gives up. Where the
destination changes, all that has not left is allotted anew, what the order holds counting as free.
An edit of prices and texts touches no stock.
"""

import msgspec

from engine.core import kept, order_life, told
from engine.core.commands import Address, Details, Request
from engine.core.decide import Decision, Replay, cause_of, checks, conflict, refusals
from engine.core.decide.again import held_units, noted, positions_of, routed, source_again
from engine.core.decide.allotment import Allotment, Source, allot
from engine.core.decide.backlog import over_limit
from engine.core.decide.orders import status_after
from engine.core.decide.reallotment import Want
from engine.core.decide.rows import Named, Row, Rows, named, rewritten, too_large
from engine.core.events import NO_PRICE, Event, OrderChanged, OrderStatus
from engine.core.lives import note_bytes
from engine.core.notes.edits import Edited, LineEdit
from engine.core.notes.holds import HoldEnded
from engine.core.order_commands import EditLine, EditOrder
from engine.core.outcomes import Refused
from engine.core.state import Order, State

_FIELDS = ("ship_to", "required_by", "customer", "note", "priority")
_WHERE = ("country", "region", "postcode", "latitude", "longitude")
EDITABLE = (*order_life.BY_UNITS, OrderStatus.ON_HOLD, OrderStatus.EXCEPTION)


class _Wish(msgspec.Struct):
    """What one line of the command comes to: `extra` units more than line `row` had, which has
    given up `freed` units by position."""

    row: int
    before: int
    price_before: int
    extra: int = 0
    freed: dict[int, int] = {}
    location: str | None = None


def edit(state: State, request: Request) -> Decision:
    """Change an order as the command says, or not at all. The same edit again is a replay."""
    command: EditOrder = request.command
    order, cause = state.order(command.channel, command.order_id), cause_of(request)
    if order is None:
        return refusals.unknown_order(state, command.channel, command.order_id)
    life = state.lives.of(order.seq)
    known = life.done.get(("edit", command.edit_id))
    if known is not None:
        if known != cause.fingerprint:
            return conflict(state, "edit_id", command.edit_id)
        return Replay(told.order_now(state, order), order.changed_seq)
    if order.closed_us:
        return refusals.order_closed(state, order.status)
    if command.expected_seq not in (None, order.changed_seq):
        return refusals.stale_order(state, command.expected_seq, order.changed_seq)
    if not life.room:
        return refusals.full(state, "notes on this order")
    rows = rewritten(order)
    wishes = _wishes(state, command, rows)
    if isinstance(wishes, Refused):
        return wishes
    old = kept.read(order.event.document)
    fields = [name for name in _FIELDS if getattr(command, name) not in (None, getattr(old, name))]
    new = msgspec.structs.replace(
        old,
        **{name: getattr(command, name) for name in fields},
        ships_complete=old.ships_complete or command.when_short == "complete",
    )
    moved = any(wish.extra or wish.freed or wish.before != rows[wish.row].wanted for wish in wishes)
    elsewhere = where(old.ship_to) != where(new.ship_to) and any(row.served for row in rows)
    if (moved or elsewhere) and order.status not in EDITABLE:
        return refusals.wrong_status(state, order.status, "edited, but for its prices and texts")
    if (moved or elsewhere) and life.ahead:
        return refusals.bundle_parted(state, "edited")
    served = _serve(state, order, command, rows, wishes, new, elsewhere)
    if isinstance(served, Refused):
        return served
    opened, source = served
    over = over_limit(state, rows.waiting(), order.seq)
    if over:
        return over
    note = _note(command, rows, wishes, fields)
    bound = _bound(old, rows, wishes)
    same = not fields and (bound, new.ships_complete) == (old.bound, old.ships_complete)
    document = b"" if same else kept.document_of(new, bound, old.since)
    changed = _changed(order, cause, rows, note, document, elsewhere)
    moves = changed.lines is not None and routed(order, source)
    held = positions_of(row.takes for row in rows) if moves else None
    packed = noted(state, order, note, held, source, opened, changed.status)
    changed = msgspec.structs.replace(changed, note=packed)
    return [*opened, *_mended(state, order, rows, new, changed)]


def _mended(
    state: State, order: Order, rows: Rows, new: Details, changed: OrderChanged
) -> list[Event]:
    """Let the holds end whose cause the edit has taken away. What the order may have then is looked
    for as of all that wait."""
    if changed.status is not OrderStatus.ON_HOLD:
        return [changed]
    rules = state.registers.validations.rules(order.event.channel)
    live = state.lives.of(order.seq).holds
    gone = checks.cleared(rules, live, new, "") if changed.document else ()
    gone += checks.fewer(state, rules, live, [(row.sku, row.wanted) for row in rows])
    events = [changed]
    for number, name in enumerate(gone, 1):
        last = number == len(live)
        status = status_after(*rows.totals()) if last else OrderStatus.ON_HOLD
        note = note_bytes(HoldEnded(name, "release"))
        # The answer to a key is that of the last event.
        events[-1] = msgspec.structs.replace(
            events[-1], cause=msgspec.structs.replace(changed.cause, key="")
        )
        events.append(OrderChanged(changed.cause, order.seq, status, note=note))
    return events


def _bound(old: kept.Kept, rows: Rows, wishes: list[_Wish]) -> tuple[tuple[int, str], ...]:
    """Return which lines may come from one location only, of those that are wanted."""
    places = dict(old.bound)
    places.update({wish.row: wish.location for wish in wishes if wish.location is not None})
    return tuple((row, place) for row, place in places.items() if rows[row].wanted)


def where(address: Address | None) -> tuple:
    """Return what routing goes by of an address."""
    return tuple(getattr(address, name) for name in _WHERE) if address else ()


def _wishes(state: State, command: EditOrder, rows: Rows) -> list[_Wish] | Refused:
    """Bring `rows` to what the command says, but for units that are to be found first."""
    index, seen, wishes = named(state, rows), set(), []
    for at, asked in enumerate(command.lines):
        found = _find(state, index, at, asked)
        if isinstance(found, Refused):
            return found
        if found in seen:
            return refusals.twice(state, at, asked.sku)
        wish = _new_line(rows, at, asked, state) if found is None else _old_line(rows, found)
        if isinstance(wish, Refused):
            return wish
        seen.add(wish.row)
        row, wanted = rows[wish.row], asked.quantity
        if asked.unit_price is not None:
            row.unit_price = asked.unit_price
        if wanted is not None and wanted < row.shipped:
            return refusals.has_left(state, at, asked.sku, wanted, row.shipped)
        if wanted is not None and wanted < row.wanted:
            part = row.remove(state, row.wanted - wanted)
            row.cancelled += part.quantity
            wish.freed = part.takes
        elif wanted is not None:
            wish.extra = wanted - row.wanted
            row.quantity += wish.extra
            row.backordered += wish.extra
        wishes.append(wish)
    return too_large(state, rows, rows.looked_at()) or wishes


def _find(state: State, index: Named, at: int, asked: EditLine) -> int | Refused | None:
    """Return the number of the line that is meant, None for a new one."""
    found = index.find(asked.sku, asked.line_id)
    if len(found) > 1:
        return refusals.many_lines(state, at, asked.sku)
    if not found and asked.line_id is not None and asked.line_id in index.ids:
        return refusals.other_sku(state, at, asked.sku, asked.line_id)
    return found[0] if found else None


def _old_line(rows: Rows, number: int) -> _Wish:
    return _Wish(number, rows[number].wanted, rows[number].unit_price)


def _new_line(rows: Rows, at: int, asked: EditLine, state: State) -> _Wish | Refused:
    sku = state.sku_numbers.get(asked.sku)
    if sku is None:
        return refusals.unknown_sku(state, at, asked.sku)
    if not asked.quantity:
        return refusals.no_line(state, at, asked.sku)
    rows.append(Row(sku, 0, {}, 0, NO_PRICE, asked.line_id or ""))
    return _Wish(len(rows) - 1, 0, NO_PRICE, location=asked.location)


def _serve(
    state: State,
    order: Order,
    command: EditOrder,
    rows: Rows,
    wishes: list[_Wish],
    new: Details,
    elsewhere: bool,
) -> tuple[list[Event], Source | None] | Refused:
    """Find the units that are wanted on top, or all anew where they go elsewhere. Return events to
    come first, and what was asked."""
    life = state.lives.of(order.seq)
    extra = sum(wish.extra for wish in wishes)
    if not (extra or elsewhere) or any(not hold.keeps_stock for hold in life.holds.values()):
        return [], None
    document = kept.document_of(new)
    if elsewhere:
        # All lines, those of the command first; all that the order holds counts as free.
        numbers = list(dict.fromkeys((*(wish.row for wish in wishes), *range(len(rows)))))
        source = source_again(state, order, held_units(order), document=document)
    else:
        for at, wish in enumerate(wishes):
            # What a line holds is always in one proportion: what leaves and comes back goes by it.
            if wish.extra and rows[wish.row].remade(state):
                return refusals.bundle_remade(state, at, state.sku_name(rows[wish.row].sku))
        numbers = [wish.row for wish in wishes]
        source = source_again(state, order, _given_up(wishes), document=document)
    bound = dict(kept.read(order.event.document).bound)
    bound.update({wish.row: wish.location for wish in wishes if wish.location is not None})
    more = {wish.row: wish.extra for wish in wishes}
    wants = []
    for number in numbers:
        row = rows[number]
        units = row.served + row.backordered if elsewhere else more[number]
        wants.append(Want(state.sku_name(row.sku), units, bound.get(number)))
    plan = allot(state, wants, new.ship_to, partial=True, source=source)
    if isinstance(plan, Refused):
        return plan
    held = [rows[number].served if elsewhere else 0 for number in numbers]
    least = [old + more.get(number, 0) for number, old in zip(numbers, held, strict=True)]
    short = [at for at, units in enumerate(plan.granted) if units < least[at]]
    if short and (
        command.when_short == "refuse"
        or any(plan.granted[at] < held[at] for at in short)
        or (command.when_short == "split" and extra and sum(plan.granted) <= sum(held))
    ):
        return refusals.short(state, "changed", _faults(plan, short, len(command.lines)))
    _take_up(rows, numbers, plan, elsewhere)
    return too_large(state, rows, rows.looked_at()) or ([*plan.opened], source)


def _given_up(wishes: list[_Wish]) -> dict[int, int]:
    own: dict[int, int] = {}
    for wish in wishes:
        for position, units in wish.freed.items():
            own[position] = own.get(position, 0) + units
    return own


def _take_up(rows: Rows, numbers: list[int], plan: Allotment, elsewhere: bool) -> None:
    """Give the lines what was found for them."""
    for number, units, takes in zip(numbers, plan.granted, plan.takes, strict=True):
        row = rows[number]
        if elsewhere:
            row.backordered += row.served - units
            row.takes = {}
        else:
            row.backordered -= units
        row.add(takes)


def _faults(plan: Allotment, short: list[int], asked: int) -> list:
    """Name the lines of the command; what is short of the others is so by the new address."""
    found = {int(fault.path[6 : fault.path.index("]")]): fault for fault in plan.short}
    return [
        found[at] if at < asked else msgspec.structs.replace(found[at], path="ship_to")
        for at in short
    ]


def _note(command: EditOrder, rows: Rows, wishes: list[_Wish], fields: list[str]) -> Edited:
    lines = []
    for wish in wishes:
        row = rows[wish.row]
        prices = (None, None)
        if wish.price_before != row.unit_price:
            prices = (wish.price_before, row.unit_price)
        if wish.before != row.wanted or prices[0] is not None:
            lines.append(LineEdit(wish.row, wish.before, row.wanted, *prices))
    return Edited(command.edit_id, tuple(lines), tuple(fields), command.reason or "")


def _changed(
    order: Order, cause, rows: Rows, note: Edited, document: bytes, elsewhere: bool
) -> OrderChanged:
    lines, status = None, order.status
    # Only another destination moves units of lines that the edit does not name.
    standing = rows.standing() if note.lines or elsewhere else ()
    if note.lines or (elsewhere and standing != rewritten(order).standing()):
        lines, due = standing, status_after(*rows.totals())
        if due in order_life.CLOSED or status in order_life.BY_UNITS:
            status = due
    return OrderChanged(cause, order.seq, status, lines, document)
