"""Goods that come back, and what becomes of them: the steps of a return that move stock.

What arrives is on hand at once, where it arrived, and in quality control: it is there, and nobody
can buy it. Only an inspection makes it available, or takes it out. Each step is one paper
(`Document.RETURN`) and the note that says the same, in one decision.
"""

import msgspec

from engine.core import limits
from engine.core.commands import Request
from engine.core.decide import cause_of, exchanges, refusals
from engine.core.decide import return_refusals as refused
from engine.core.decide.return_parts import Returnable
from engine.core.decide.stock import Draft, stocked
from engine.core.events import NO_LOCATION, BucketId, Document, Event, StockMoved
from engine.core.notes.returns import (
    APPROVED,
    RECEIVED,
    Return,
    ReturnInspected,
    ReturnReceived,
    Sorted,
)
from engine.core.outcomes import Code, Fault, Refused
from engine.core.return_commands import InspectReturn, ReceiveReturn
from engine.core.state import Order, State

_Goods = tuple[list[Event], ReturnReceived | ReturnInspected]


def received(state: State, order: Order, one: Return, request: Request) -> _Goods | Refused:
    """Return the events that bring goods in, and the note on them."""
    command: ReceiveReturn = request.command
    if one.status not in (APPROVED, RECEIVED):
        fix = "approve it first" if one.live else "open another return"
        return refused.wrong_status(state, one.status, "received", fix)
    place = state.location_numbers.get(command.location)
    if place is None:
        return refusals.missing_location(state, "location", command.location)
    books, draft = Returnable(state, order), Draft(state)
    for at, line in enumerate(command.lines):
        sku = stocked(state, at, line.sku)
        if isinstance(sku, Refused):
            return sku
        left = _shared(books, one, sku, line.quantity)
        if left:
            there = line.quantity - left
            return refused.not_returnable(state, at, line.sku, line.quantity, there)
        number = draft.position(sku, place)
        if draft.after[number].on_hand + line.quantity > limits.BUCKET_UNITS_MAX:
            return _overflow(books.state, at, line.sku)
        draft.move(number, BucketId.ON_HAND, line.quantity, "return")
        draft.move(number, BucketId.QUALITY_CONTROL, line.quantity, "return")
    if len(state.positions) + len(draft.opened) > limits.POSITIONS_MAX:
        return refusals.full(state, "positions")
    note = ReturnReceived(command.return_id, command.receipt_id, place, books.parts())
    made = _papers(state, order, request, draft, command.receipt_id, place, note)
    if isinstance(made, Refused):
        return made
    return [*exchanges.freed(state, order, one, note.parts, cause_of(request)), *made[0]], note


def _shared(books: Returnable, one: Return, sku: int, units: int) -> int:
    """Share units that came out to the lines: to those announced, as far as they are expected
    still, then to any that have some left. Return what no line can have."""
    for (line, part), expected in one.expected.items():
        if part == sku:
            due = expected - one.came.get((line, sku), 0) - books.taken.get((line, sku), 0)
            count = min(units, max(due, 0))
            if count:
                books.take(line, {sku: count})
                units -= count
    if not units:
        return 0
    for line in _lines_with(books, one, sku):
        count = min(units, books.left(line, sku, one))
        if count:
            books.take(line, {sku: count})
            units -= count
    return units


def _lines_with(books: Returnable, one: Return, sku: int) -> list[int]:
    """Lines that units of a SKU may have come of, those of the return first."""
    lines = dict.fromkeys(line for line, _ in one.expected)
    lines.update(dict.fromkeys(range(len(books.order.event.lines))))
    return [line for line in lines if books.order.shipped[line] and sku in books.each(line)]


def inspected(state: State, order: Order, one: Return, request: Request) -> _Goods | Refused:
    """Return the events that move what was inspected to where it belongs, and the note on it."""
    command: InspectReturn = request.command
    place = state.location_numbers.get(command.location)
    if place is None:
        return refusals.missing_location(state, "location", command.location)
    draft, rows, seen = Draft(state), [], {}
    for at, line in enumerate(command.lines):
        sku = stocked(state, at, line.sku)
        if isinstance(sku, Refused):
            return sku
        there = one.waiting.get((place, sku), 0) - seen.get(sku, 0)
        if line.quantity > there:
            return refused.not_waiting(state, at, line.sku, command.location, line.quantity, there)
        seen[sku] = seen.get(sku, 0) + line.quantity
        number = draft.position(sku, place)
        held = draft.after[number].quality_control
        if line.quantity > held:
            return refused.moved_away(state, at, line.sku, command.location, line.quantity, held)
        _sort(draft, number, line)
        rows.append(Sorted(sku, line.quantity, line.disposition, line.reason or ""))
    note = ReturnInspected(command.return_id, command.inspection_id, place, tuple(rows))
    return _papers(state, order, request, draft, command.inspection_id, place, note)


def _sort(draft: Draft, number: int, line) -> None:
    """Move units out of quality control; what is to stay there does not move."""
    if line.disposition == "quality_control":
        return
    draft.move(number, BucketId.QUALITY_CONTROL, -line.quantity, line.disposition)
    if line.disposition == "damaged":
        draft.move(number, BucketId.DAMAGED, line.quantity, line.disposition)
    elif line.disposition == "scrap":
        draft.move(number, BucketId.ON_HAND, -line.quantity, line.disposition)


def _papers(
    state: State, order: Order, request: Request, draft: Draft, step: str, place: int, note
) -> _Goods | Refused:
    if not draft.movements:
        return [], note
    if len(state.remembered) >= limits.DOCUMENTS_MAX:
        return refusals.full(state, "documents")
    # The answer to a key is that of the last event. The paper's name is no other's.
    cause = msgspec.structs.replace(cause_of(request), key="")
    serial = len(state.lives.of(order.seq).notes)
    name = f"{request.command.return_id}:{step}:{order.seq}:{serial}"
    moved = StockMoved(cause, Document.RETURN, name, place, NO_LOCATION, tuple(draft.movements))
    return [*draft.opened, moved], note


def _overflow(state: State, line: int, sku: str) -> Refused:
    return Refused(
        Code.QUANTITY_OVERFLOW,
        f"a position holds at most {limits.BUCKET_UNITS_MAX} units",
        state.seq,
        (Fault(f"lines[{line}].quantity", "too many units in total", sku=sku),),
    )
