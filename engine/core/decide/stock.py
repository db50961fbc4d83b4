"""Papers that move stock: receipts, counts, adjustments and transfers. All lines or none."""

from engine.core import limits
from engine.core.commands import Adjust, Count, Receive, Request, Transfer
from engine.core.decide import Decision, Replay, cause_of, conflict, refusals, refuse
from engine.core.effects import document_key
from engine.core.events import (
    NO_LOCATION,
    BucketId,
    Document,
    Movement,
    PositionOpened,
    StockMoved,
)
from engine.core.outcomes import Code, Fault, Refused
from engine.core.state import Position, State


class Draft:
    """Positions as they will be after the lines so far, and the events that get there."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.opened: list[PositionOpened] = []
        self.cells: dict[tuple[int, int], int] = {}
        self.after: dict[int, Position] = {}
        self.movements: list[Movement] = []

    def position(self, sku: int, location: int) -> int:
        """Return the number of a cell, opening it in this draft where it is new."""
        number = self.state.cells.get((sku, location), self.cells.get((sku, location)))
        if number is None:
            number = len(self.state.positions) + len(self.opened)
            self.opened.append(PositionOpened(number, sku, location))
            self.cells[sku, location] = number
            self.after[number] = Position(sku, location)
        elif number not in self.after:
            known = self.state.positions[number]
            self.after[number] = Position(*(getattr(known, f) for f in known.__struct_fields__))
        return number

    def move(self, number: int, bucket: BucketId, delta: int, reason: str = "") -> None:
        """Add `delta` units to a bucket."""
        position, name = self.after[number], bucket.name.lower()
        setattr(position, name, getattr(position, name) + delta)
        self.movements.append(Movement(number, bucket, delta, getattr(position, name), reason))


def receive(state: State, request: Request) -> Decision:
    """Goods arrived: adds to on_hand."""
    command: Receive = request.command
    return _document(state, request, Document.RECEIPT, command.receipt_id, _receive_line)


def count(state: State, request: Request) -> Decision:
    """A count sets on_hand; a mismatch with `expected_on_hand` refuses the whole count."""
    command: Count = request.command
    return _document(state, request, Document.COUNT, command.count_id, _count_line)


def adjust(state: State, request: Request) -> Decision:
    """Corrections: of on_hand, or between sellable and an unavailable bucket."""
    command: Adjust = request.command
    return _document(state, request, Document.ADJUSTMENT, command.adjustment_id, _adjust_line)


def transfer(state: State, request: Request) -> Decision:
    """Available units change their location in one step."""
    command: Transfer = request.command
    if command.from_location == command.to_location:
        return refuse(
            state,
            Code.SAME_LOCATION,
            "from_location and to_location are the same",
            Fault("to_location", "same as from_location"),
        )
    return _document(state, request, Document.TRANSFER, command.transfer_id, _transfer_line)


def _document(state: State, request: Request, kind: Document, paper_id: str, line_rule) -> Decision:
    command, cause = request.command, cause_of(request)
    known = state.answered(document_key(kind, paper_id))
    if known:
        if known.fingerprint != cause.fingerprint:
            return conflict(state, f"{kind.name.lower()}_id", paper_id)
        return Replay(known.answer, known.seq)
    places = _places(state, command, kind)
    if isinstance(places, Refused):
        return places
    draft, counted = Draft(state), set()
    for index, line in enumerate(command.lines):
        sku = stocked(state, index, line.sku)
        if isinstance(sku, Refused):
            return sku
        if kind is Document.COUNT and sku in counted:
            return refuse(
                state,
                Code.DUPLICATE_LINE,
                f"SKU {line.sku!r} is counted twice; add it up",
                Fault(f"lines[{index}].sku", "counted twice", sku=line.sku),
            )
        counted.add(sku)
        wrong = line_rule(state, draft, index, line, sku, places)
        if wrong:
            return wrong
    full = len(state.positions) + len(draft.opened) > limits.POSITIONS_MAX
    if full or len(state.remembered) >= limits.DOCUMENTS_MAX:
        return refuse(state, Code.TABLE_FULL, "no room for more positions or documents")
    return [
        *draft.opened,
        StockMoved(cause, kind, paper_id, places[0], places[1], tuple(draft.movements)),
    ]


def _places(state: State, command, kind: Document) -> tuple[int, int] | Refused:
    fields = ("from_location", "to_location") if kind is Document.TRANSFER else ("location",)
    numbers = []
    for field in fields:
        name = getattr(command, field)
        number = state.location_numbers.get(name)
        if number is None:
            return refusals.missing_location(state, field, name)
        numbers.append(number)
    return numbers[0], numbers[1] if len(numbers) > 1 else NO_LOCATION


def stocked(state: State, index: int, name: str) -> int | Refused:
    """Return the number of the SKU of line `index`, which must exist and be no bundle."""
    path = f"lines[{index}].sku"
    sku = state.sku_numbers.get(name)
    if sku is None:
        return refusals.missing_sku(state, path, name)
    if state.skus[sku].components:
        return refuse(
            state,
            Code.BUNDLE_NOT_STOCKED,
            f"SKU {name!r} is a bundle: move the stock of its components",
            Fault(path, "bundle has no stock of its own", sku=name),
        )
    return sku


def _receive_line(state, draft: Draft, index, line, sku, places) -> Refused | None:
    number = draft.position(sku, places[0])
    return _grow(state, draft, index, line, number, line.quantity, "quantity")


def _grow(state, draft, index, line, number, delta, field, reason="") -> Refused | None:
    if draft.after[number].on_hand + delta > limits.BUCKET_UNITS_MAX:
        return refuse(
            state,
            Code.QUANTITY_OVERFLOW,
            f"a position holds at most {limits.BUCKET_UNITS_MAX} units",
            Fault(f"lines[{index}].{field}", "too many units in total", sku=line.sku),
        )
    draft.move(number, BucketId.ON_HAND, delta, reason)
    return None


def _count_line(state, draft: Draft, index, line, sku, places) -> Refused | None:
    number = draft.position(sku, places[0])
    before = draft.after[number].on_hand
    if line.expected_on_hand is not None and line.expected_on_hand != before:
        return refuse(
            state,
            Code.STALE_COUNT,
            f"{line.sku!r} has {before} on hand, not {line.expected_on_hand}: count again",
            Fault(
                f"lines[{index}].expected_on_hand",
                "on_hand has changed",
                sku=line.sku,
                expected=line.expected_on_hand,
                actual=before,
            ),
        )
    draft.move(number, BucketId.ON_HAND, line.on_hand - before)
    return _promised(state, draft, index, line, number, "on_hand")


def _promised(state, draft, index, line, number, field) -> Refused | None:
    """Refuse when the last movement leaves less on hand than is promised or set aside."""
    position, delta = draft.after[number], draft.movements[-1].delta
    worse = delta > 0 if draft.movements[-1].bucket else delta < 0
    negative = (
        min(
            position.on_hand - position.unavailable,
            position.damaged,
            position.quality_control,
            position.safety_stock,
        )
        < 0
    )
    broken = position.available < 0 and worse and not state.skus[position.sku].put.backorderable
    if not negative and not broken:
        return None
    return refuse(
        state,
        Code.PROMISED_STOCK,
        f"{line.sku!r}: {position.reserved} reserved, {position.allocated} allocated and "
        f"{position.unavailable} unavailable would exceed {position.on_hand} on hand; "
        "release or cancel first",
        Fault(
            f"lines[{index}].{field}",
            "less than is promised or set aside",
            sku=line.sku,
            requested=delta,
            available=position.available - (-delta if draft.movements[-1].bucket else delta),
        ),
    )


def _adjust_line(state, draft: Draft, index, line, sku, places) -> Refused | None:
    number = draft.position(sku, places[0])
    if line.bucket is None:
        wrong = _grow(state, draft, index, line, number, line.delta, "delta", line.reason)
    else:
        wrong = None
        draft.move(number, BucketId[line.bucket.upper()], line.delta, line.reason)
    return wrong or _promised(state, draft, index, line, number, "delta")


def _transfer_line(state, draft: Draft, index, line, sku, places) -> Refused | None:
    source = draft.position(sku, places[0])
    available = draft.after[source].available
    if line.quantity > available:
        return refuse(
            state,
            Code.INSUFFICIENT_STOCK,
            f"{line.sku!r} has {available} available to move",
            Fault(
                f"lines[{index}]",
                "not enough available",
                sku=line.sku,
                requested=line.quantity,
                available=available,
            ),
        )
    draft.move(source, BucketId.ON_HAND, -line.quantity)
    target = draft.position(sku, places[1])
    return _grow(state, draft, index, line, target, line.quantity, "quantity")
