"""Goods that come back, what became of them, and refunds: read model, folded as
`core.notes.returns` does."""

from typing import Any

from engine.core.notes.returns import APPROVED, CLOSED, RECEIVED, REJECTED, REQUESTED
from engine.views import kpis
from engine.views.orders import CHANNEL, CURRENCY
from engine.views.schema import BY_NAME
from engine.views.work import OrderRows, Work, plain

NEEDS = ("returns", "return_units")
_Note = dict[str, Any]
_HEAD = BY_NAME["returns"].names
_STATUS, _WHY, _EXPECTED, _RECEIVED, _INSPECTED, _CHANGED, _CLOSED = map(
    _HEAD.index,
    ("status", "why", "expected", "received", "inspected", "changed_us", "closed_us"),
)
_LABEL = slice(_HEAD.index("carrier"), _HEAD.index("label_url") + 1)
_UNITS = BY_NAME["return_units"].names
_UNITS_EXPECTED, _UNITS_RECEIVED = _UNITS.index("expected"), _UNITS.index("received")


def _find(work: Work, stamp_us: int, order: OrderRows, note: _Note) -> list:
    head = work.part(order, "returns")[(note["return_id"],)]
    head[_CHANGED] = stamp_us
    return head


def _units(work: Work, order: OrderRows, name: str, part: list, column: int) -> int:
    """Add the units of a part, [line, SKU, each, units], to a column; return them."""
    line, sku, each, units = part
    rows = work.part(order, "return_units")
    row = rows.setdefault((name, line, sku), [order.head[0], name, line, sku, each, 0, 0])
    row[column] += units
    return units


def _opened(work: Work, seq: int, stamp_us: int, order: OrderRows, note: _Note) -> None:
    name, placed = note["return_id"], order.head[0]
    units = sum(_units(work, order, name, part, _UNITS_EXPECTED) for part in note["parts"])
    work.part(order, "returns")[(name,)] = [
        placed,
        name,
        APPROVED if note["approved"] else REQUESTED,
        note["reason"],
        int(note["by_cancel"]),
        note["exchange"] or None,
        None,
        None,
        None,
        None,
        units,
        0,
        0,
        stamp_us,
        stamp_us,
        None,
        seq,
    ]
    for n, (line, sku, quantity, reason) in enumerate(note["rows"]):
        row = (placed, name, n, line, sku, quantity, plain(reason))
        work.new["return_lines"].append(row)
    work.term(seq, placed, name)


def _approved(work: Work, seq: int, stamp_us: int, order: OrderRows, note: _Note) -> None:
    head = _find(work, stamp_us, order, note)
    head[_STATUS] = APPROVED
    label = [plain(note[name]) for name in ("carrier", "tracking_number", "label_url")]
    head[_LABEL] = label
    work.term(seq, order.head[0], label[1])


def _rejected(work: Work, seq: int, stamp_us: int, order: OrderRows, note: _Note) -> None:
    head = _find(work, stamp_us, order, note)
    head[_STATUS], head[_WHY], head[_CLOSED] = REJECTED, plain(note["reason"]), stamp_us


def _received(work: Work, seq: int, stamp_us: int, order: OrderRows, note: _Note) -> None:
    head, name, count = _find(work, stamp_us, order, note), note["return_id"], 0
    head[_STATUS] = RECEIVED
    told = (order.head[0], name, note["receipt_id"], stamp_us, note["location"])
    for n, part in enumerate(note["parts"]):
        line, sku, _, units = part
        count += _units(work, order, name, part, _UNITS_RECEIVED)
        work.new["return_receipts"].append((seq, n, *told, line, sku, units))
    head[_RECEIVED] += count
    kpis.add_returned(kpis.of(work, stamp_us, order.head[CHANNEL], order.head[CURRENCY]), count)


def _inspected(work: Work, seq: int, stamp_us: int, order: OrderRows, note: _Note) -> None:
    head, name = _find(work, stamp_us, order, note), note["return_id"]
    told = (order.head[0], name, note["inspection_id"], stamp_us, note["location"])
    for n, (sku, units, disposition, reason) in enumerate(note["rows"]):
        row = (seq, n, *told, sku, units, disposition, plain(reason))
        work.new["dispositions"].append(row)
        head[_INSPECTED] += units
    rows = work.part(order, "return_units").items()
    came = all(row[_UNITS_RECEIVED] >= row[_UNITS_EXPECTED] for key, row in rows if key[0] == name)
    if came and head[_INSPECTED] == head[_RECEIVED] and head[_STATUS] == RECEIVED:
        head[_STATUS], head[_CLOSED] = CLOSED, stamp_us


def _refunded(work: Work, seq: int, stamp_us: int, order: OrderRows, note: _Note) -> None:
    _find(work, stamp_us, order, note)
    refund, placed = note["refund"], order.head[0]
    amount, currency = refund["amount"], refund["currency"]
    told = (refund["refund_id"], amount, currency, plain(refund["reason"]), stamp_us)
    work.new["refunds"].append((seq, placed, note["return_id"], *told))
    kpis.add_refunded(kpis.of(work, stamp_us, order.head[CHANNEL], currency), amount)


def _closed(work: Work, seq: int, stamp_us: int, order: OrderRows, note: _Note) -> None:
    head = _find(work, stamp_us, order, note)
    head[_STATUS], head[_WHY], head[_CLOSED] = CLOSED, plain(note["reason"]), stamp_us


FOLD = {
    "return_opened": _opened,
    "return_approved": _approved,
    "return_rejected": _rejected,
    "return_received": _received,
    "return_inspected": _inspected,
    "return_refunded": _refunded,
    "return_closed": _closed,
}
