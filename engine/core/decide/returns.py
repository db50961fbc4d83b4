"""Returns: goods of an order are to come back. Both twins decide by this.

`return_goods` has the steps that move stock. No step here does, and no step but those of the goods
waits for them: a refund can be noted before anything came, or without.
"""

from collections.abc import Iterator

import msgspec

from engine.core import answers, kept, limits
from engine.core.commands import Request
from engine.core.decide import (
    Decision,
    Replay,
    cause_of,
    conflict,
    exchanges,
    refusals,
    return_goods,
)
from engine.core.decide import return_refusals as refused
from engine.core.decide.return_parts import Returnable
from engine.core.decide.rows import Named, named, rows_of
from engine.core.events import OrderChanged
from engine.core.lives import Note, note_bytes
from engine.core.notes.returns import (
    APPROVED,
    REQUESTED,
    Part,
    Refund,
    Return,
    ReturnApproved,
    ReturnClosed,
    ReturnOpened,
    ReturnRefunded,
    ReturnRejected,
    Row,
)
from engine.core.outcomes import Refused
from engine.core.return_commands import (
    ApproveReturn,
    CloseReturn,
    InspectReturn,
    OpenReturn,
    ReceiveReturn,
    RefundReturn,
    RejectReturn,
)
from engine.core.state import Order, State


def open_return(state: State, request: Request) -> Decision:
    """Announce a return. The same again is a replay."""
    command: OpenReturn = request.command
    order, cause = state.order(command.channel, command.order_id), cause_of(request)
    if order is None:
        return refusals.unknown_order(state, command.channel, command.order_id)
    life = state.lives.of(order.seq)
    known = life.done.get(("return", command.return_id))
    if known is not None:
        if known != cause.fingerprint:
            return conflict(state, "return_id", command.return_id)
        return _again(state, order, life.returns[command.return_id])
    if not life.room:
        return refusals.full(state, "notes on this order")
    note = announced(state, order, command)
    if isinstance(note, Refused):
        return note
    if command.exchange is None:
        return [changed(order, cause, note)]
    first = msgspec.structs.replace(cause, key="")
    placed = exchanges.ordered(state, order, request, first)
    return placed if isinstance(placed, Refused) else [*placed, changed(order, cause, note)]


def announced(
    state: State, order: Order, command: OpenReturn, *, by_cancel: bool = False
) -> ReturnOpened | Refused:
    """Return the note of a new return."""
    books = Returnable(state, order)
    found = _all(books, command.reason) if command.lines is None else _some(books, command)
    if isinstance(found, Refused):
        return found
    rows, parts = found
    return ReturnOpened(
        command.return_id,
        command.reason,
        command.approved,
        rows,
        parts,
        by_cancel,
        command.exchange.order_id if command.exchange else "",
    )


def _all(books: Returnable, reason: str) -> tuple[tuple[Row, ...], tuple[Part, ...]] | Refused:
    """All that has left and is in no other return: whole units of the lines, then what else is left
    of bundles."""
    rows, parts = [], []
    for index, line in enumerate(books.order.event.lines):
        if not books.order.shipped[index]:
            continue
        each = books.each(index)
        whole = min(books.left(index, sku) // units for sku, units in each.items())
        if whole:
            rows.append(Row(index, line.sku, whole, reason))
        for sku, units in each.items():
            left = books.left(index, sku)
            if left:
                parts.append(Part(index, sku, units, left))
            if left > whole * units:
                rows.append(Row(index, sku, left - whole * units, reason))
    if len(parts) > limits.EXPANDED_LINES_MAX:
        return refusals.full(books.state, "parts in one return; name its lines")
    if not parts:
        return refused.nothing_returnable(books.state)
    return tuple(rows), tuple(parts)


def _some(
    books: Returnable, command: OpenReturn
) -> tuple[tuple[Row, ...], tuple[Part, ...]] | Refused:
    """What the command names; of a SKU on several lines, the first lines give first."""
    state, index = books.state, named(books.state, rows_of(books.order))
    rows: list[Row] = []
    for at, asked in enumerate(command.lines):
        number = state.sku_numbers.get(asked.sku)
        if number is None:
            return refusals.missing_sku(state, f"lines[{at}].sku", asked.sku)
        left = asked.quantity
        for line, need in _lines(books, index, number, asked):
            units = min(left, *(books.left(line, sku) // n for sku, n in need.items()))
            if units:
                books.take(line, {sku: n * units for sku, n in need.items()})
                rows.append(Row(line, number, units, asked.reason or command.reason))
                left -= units
            if not left:
                break
        if left:
            found = asked.quantity - left
            return refused.not_returnable(state, at, asked.sku, asked.quantity, found)
    if len(books.taken) > limits.EXPANDED_LINES_MAX:
        return refusals.full(state, "parts in one return; name fewer lines")
    return tuple(rows), books.parts()


def _lines(
    books: Returnable, index: Named, number: int, asked
) -> Iterator[tuple[int, dict[int, int]]]:
    """Yield (line, units of each SKU for one unit asked for) of the lines that may be meant: those
    of the SKU, then those of bundles that it is part of."""
    rows, sku_lines = index.rows, index.skus.get(number, [])
    if asked.line_id is not None:
        lines = index.ids.get(asked.line_id, [])
    else:
        lines = [*sku_lines, *(n for n, row in enumerate(rows) if row.sku != number)]
    for line in lines:
        if rows[line].shipped:
            each = books.each(line)
            if rows[line].sku == number:
                yield line, each
            elif number in each:
                yield line, {number: 1}


def approve(state: State, request: Request) -> Decision:
    """Let the goods be sent. The same label again is a replay, another one replaces it."""
    command: ApproveReturn = request.command
    found = find(state, command)
    if isinstance(found, Refused):
        return found
    order, one = found
    label = (command.carrier or "", command.tracking_number or "", command.label_url or "")
    if one.status == APPROVED and one.label == label:
        return _again(state, order, one)
    if one.status not in (REQUESTED, APPROVED):
        return refused.wrong_status(state, one.status, "approved", "open another return")
    return _noted(state, request, order, ReturnApproved(command.return_id, *label))


def reject(state: State, request: Request) -> Decision:
    """Do not take the goods back; what was to be given for them is cancelled, if it waits.
    Rejecting again is a replay."""
    command: RejectReturn = request.command
    found = find(state, command)
    if isinstance(found, Refused):
        return found
    order, one = found
    if one.status == "rejected":
        return _again(state, order, one)
    if one.status not in (REQUESTED, APPROVED):
        fix = "inspect what came, then close it"
        return refused.wrong_status(state, one.status, "rejected", fix)
    noted = _noted(state, request, order, ReturnRejected(command.return_id, command.reason))
    if isinstance(noted, Refused):
        return noted
    return [*exchanges.given_up(state, order, one, request), *noted]


def refund(state: State, request: Request) -> Decision:
    """Note money that goes back, whatever became of the goods. The same again is a replay."""
    command: RefundReturn = request.command
    found = find(state, command)
    if isinstance(found, Refused):
        return found
    order, _ = found
    known = _known(state, request, order, "refund", command.refund_id)
    if known:
        return known
    currency = command.currency or kept.read(order.event.document).currency or ""
    noted = Refund(command.refund_id, command.amount, currency, command.reason or "")
    return _noted(state, request, order, ReturnRefunded(command.return_id, noted))


def close(state: State, request: Request) -> Decision:
    """Expect no more of a return. Closing again is a replay."""
    command: CloseReturn = request.command
    found = find(state, command)
    if isinstance(found, Refused):
        return found
    order, one = found
    if one.status == "closed":
        return _again(state, order, one)
    if not one.live:
        return refused.wrong_status(state, one.status, "closed", "nothing of it is expected")
    for (_, sku), units in one.waiting.items():
        return refused.still_here(state, state.sku_name(sku), units)
    return _noted(state, request, order, ReturnClosed(command.return_id, command.reason or ""))


def receive(state: State, request: Request) -> Decision:
    """Goods arrived: on hand, in quality control. The same receipt again is a replay."""
    command: ReceiveReturn = request.command
    return _moving(state, request, "receipt", command.receipt_id, return_goods.received)


def inspect(state: State, request: Request) -> Decision:
    """Say what becomes of units. The same inspection again is a replay."""
    command: InspectReturn = request.command
    return _moving(state, request, "inspection", command.inspection_id, return_goods.inspected)


def _moving(state: State, request: Request, noun: str, name: str, rule) -> Decision:
    found = find(state, request.command)
    if isinstance(found, Refused):
        return found
    order, one = found
    known = _known(state, request, order, noun, name)
    if known:
        return known
    if not state.lives.of(order.seq).room:
        return refusals.full(state, "notes on this order")
    made = rule(state, order, one, request)
    if isinstance(made, Refused):
        return made
    moved, note = made
    return [*moved, changed(order, cause_of(request), note)]


def find(state: State, command) -> tuple[Order, Return] | Refused:
    """Return the order and the return that a command names."""
    order = state.order(command.channel, command.order_id)
    if order is None:
        return refusals.unknown_order(state, command.channel, command.order_id)
    one = state.lives.of(order.seq).returns.get(command.return_id)
    return refused.unknown_return(state, command.return_id) if one is None else (order, one)


def _known(state: State, request: Request, order: Order, noun: str, name: str) -> Decision | None:
    """Return what a step that bears this id was answered, or nothing if there was none."""
    life, return_id = state.lives.of(order.seq), request.command.return_id
    known = life.done.get((f"{noun} of {return_id}", name))
    if known is None:
        return None
    if known != cause_of(request).fingerprint:
        return conflict(state, f"{noun}_id", name)
    return _again(state, order, life.returns[return_id])


def _again(state: State, order: Order, one: Return) -> Replay:
    return Replay(answers.returned(one, order.event, state), one.seq)


def _noted(state: State, request: Request, order: Order, note: Note) -> Decision:
    if not state.lives.of(order.seq).room:
        return refusals.full(state, "notes on this order")
    return [changed(order, cause_of(request), note)]


def changed(order: Order, cause, note: Note) -> OrderChanged:
    """Return the event that adds a note to an order and leaves it as it stands."""
    return OrderChanged(cause, order.seq, order.status, note=note_bytes(note))


RULES = {
    OpenReturn: open_return,
    ApproveReturn: approve,
    RejectReturn: reject,
    ReceiveReturn: receive,
    InspectReturn: inspect,
    RefundReturn: refund,
    CloseReturn: close,
}
