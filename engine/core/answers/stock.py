"""Answers on stock: documents that moved it, and how much there is."""

import msgspec

from engine.core.answers.base import Answer
from engine.core.events import Document, StockMoved


class StockLineAnswer(msgspec.Struct, omit_defaults=True):
    """One moved line. `on_hand` is what the position holds after it."""

    sku: str
    on_hand: int
    quantity: int | None = None
    delta: int | None = None
    bucket: str | None = None
    reason: str | None = None


class DocumentAnswer(Answer):
    """A receipt, count, adjustment, transfer, short pick or step of a return that holds. One of
    the ids is set."""

    status: str
    lines: list[StockLineAnswer]
    receipt_id: str | None = None
    count_id: str | None = None
    adjustment_id: str | None = None
    transfer_id: str | None = None
    return_id: str | None = None
    short_id: str | None = None
    location: str | None = None
    from_location: str | None = None
    to_location: str | None = None


class QuantitiesAnswer(msgspec.Struct):
    """The buckets of one position, in units."""

    location: str
    on_hand: int
    reserved: int
    allocated: int
    unavailable: int
    available: int


class StockAnswer(msgspec.Struct):
    """Stock of one SKU at log position `seq`: totals, and by location."""

    sku: str
    seq: int
    on_hand: int
    reserved: int
    allocated: int
    unavailable: int
    available: int
    locations: list[QuantitiesAnswer]


def document(event: StockMoved, seq: int, names) -> DocumentAnswer:
    """Answer for stock that moved. `names` gives texts for numbers, see `State`.

    A transfer logs two movements a line, out and in; its answer shows one line, at the target.
    """
    answer = DocumentAnswer(seq=seq, status="accepted", lines=[])
    noun = event.document.name.lower()
    setattr(answer, f"{noun}_id", event.document_id)
    place = names.location_name(event.location)
    transfer = event.document is Document.TRANSFER
    if transfer:
        answer.from_location = place
        answer.to_location = names.location_name(event.to_location)
    else:
        answer.location = place
    for move in event.movements[1::2] if transfer else event.movements:
        line = StockLineAnswer(names.position_sku_name(move.position), move.quantity)
        if event.document in (Document.RECEIPT, Document.TRANSFER):
            line.quantity = move.delta
        else:
            line.delta = move.delta
            line.reason = move.reason or None
        if move.bucket:
            line.bucket = move.bucket.name.lower()
            line.on_hand = names.position_on_hand(move.position)
        answer.lines.append(line)
    return answer
