"""Orders, their lines, allocations and shipments: read model."""

from datetime import UTC, datetime, timedelta

import msgspec

from engine.core import limits
from engine.core.events import NO_PRICE, OrderCancelled, OrderChanged, OrderPlaced, OrderShipped
from engine.core.order_life import CLOSED
from engine.core.terms import Moment
from engine.views import kpis, stock
from engine.views.schema import BY_NAME
from engine.views.work import OrderRows, Work, plain

_HEAD = BY_NAME["orders"].names
CHANNEL, NAME, CURRENCY = map(_HEAD.index, ("channel", "order_id", "currency"))
STATUS, CHANGED_US, CHANGED_SEQ = map(_HEAD.index, ("status", "changed_us", "changed_seq"))
UNITS, LATE, SHIPPED, VALUE = map(_HEAD.index, ("units", "backordered", "shipped", "value_minor"))
HOLD, _LINES, _DOCUMENT = map(_HEAD.index, ("hold_reason", "lines", "document"))
_CUSTOMER = _HEAD.index("customer")
_DETAILS = slice(_CUSTOMER, _HEAD.index("required_by_us") + 1)
_LINE = BY_NAME["order_lines"].names
QUANTITY, PRICE = map(_LINE.index, ("quantity", "unit_price"))
LINE_LATE, LINE_CUT, LINE_SHIPPED = map(_LINE.index, ("backordered", "cancelled", "shipped"))
HOLD_REASON, HOLD_ENDED, HOLD_HOW = map(
    BY_NAME["holds"].names.index, ("reason", "ended_us", "ended_how")
)
HOLD_ESCALATED, HOLD_OWNER, HOLD_SEQ, HOLD_N = map(
    BY_NAME["holds"].names.index, ("escalated_us", "owner", "seq", "n")
)
_EPOCH, _US = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)


class _Place(msgspec.Struct):
    country: str | None = None
    city: str | None = None
    postcode: str | None = None


class _Details(msgspec.Struct):
    """What tables say of an order's details; the rest of them stays in its document."""

    customer: str | None = None
    currency: str | None = None
    payment: str | None = None
    ship_to: _Place | None = None
    required_by: Moment | None = None


_read = msgspec.json.Decoder(_Details).decode
_NOWHERE = _Place()
_STATUS_WORDS: dict[int, str] = {}


def _word(status) -> str:
    found = _STATUS_WORDS.get(status)
    if found is None:
        found = _STATUS_WORDS[status] = status.name.lower()
    return found


def _details(document: bytes) -> tuple:
    if document == b"{}":
        return (None,) * 7
    found = _read(document)
    place, by = found.ship_to or _NOWHERE, found.required_by
    by_us = (by - _EPOCH) // _US if by else None
    where = (place.country, place.city, place.postcode)
    texts = (found.customer, found.currency, found.payment, *where)
    if b"\\u0000" in document:  # which not every database keeps
        texts = tuple(text and text.replace("\0", "\ufffd") for text in texts)
    return (*texts, by_us)


def _line_row(order: int, n: int, line, cancelled: int = 0, shipped: int = 0) -> list:
    price = None if line.unit_price == NO_PRICE else line.unit_price
    asked, late = line.quantity, line.backordered
    return [order, n, line.line_id or None, line.sku, asked, price, late, cancelled, shipped]


def _take_rows(order: int, lines) -> list[list]:
    rows = []
    for n, line in enumerate(lines):
        if len(line.takes) == 1:
            (take,) = line.takes
            rows.append([order, n, 0, take.position, take.quantity])
        else:
            rows += [[order, n, t, p.position, p.quantity] for t, p in enumerate(line.takes)]
    return rows


def placed(work: Work, seq: int, stamp_us: int, event: OrderPlaced, n: int) -> None:
    """An order came; the units that it takes are movements from `n` on."""
    # In one pass, without calls for a line or a take: this is what most events do.
    lines, takes, units, late, value = [], [], 0, 0, 0
    positions, touched, moves = work.positions, work.touched, work.new["movements"]
    allocated, available, changed = stock.ALLOCATED, stock.AVAILABLE, stock.SEQ
    for at, line in enumerate(event.lines):
        asked, price, waits = line.quantity, line.unit_price, line.backordered
        lines.append([seq, at, line.line_id or None, line.sku, asked, price, waits, 0, 0])
        units += asked
        late += waits
        if price == NO_PRICE:
            lines[at][PRICE] = None
        elif price * asked <= limits.VIEW_LINE_MINOR_MAX:
            value += price * asked
        for which, promised in enumerate(line.takes):
            number, count = promised.position, promised.quantity
            takes.append([seq, at, which, number, count])
            row = positions.get(number) or work.position(number)
            touched.add(number)
            row[allocated] = held = row[allocated] + count
            row[available] = left = row[available] - count
            row[changed] = seq
            moves.append((number, seq, n, "allocated", count, held, left, None))
            n += 1
    name, channel, document = event.order_id, event.channel, event.document
    details = _details(document)
    customer, currency = details[:2]
    head = [seq, channel, name, _word(event.status), stamp_us, stamp_us, seq]
    head += (event.reservation or None, *details, len(lines), units, late, 0, value, None)
    head.append(document.decode())
    work.orders[seq] = OrderRows(head, lines, takes, fresh=True)
    work.new["terms"].append((seq, seq, f"{name}\n{customer}" if customer else name))
    counts = kpis.of(work, stamp_us, channel, currency)
    kpis.add_order(counts, len(lines), units, value, late)


def _counted(price: int | None, quantity: int) -> int:
    """Return the price with which units of a line of `quantity` count in amounts."""
    return price if price and price * quantity <= limits.VIEW_LINE_MINOR_MAX else 0


def _sum(head: list, lines: list[list]) -> None:
    """Set what an order's row says of its lines."""
    units = late = shipped = value = 0
    for _, _, _, _, quantity, price, waits, cut, left in lines:
        units += quantity - cut
        late += waits
        shipped += left
        value += (quantity - cut) * _counted(price, quantity)
    head[UNITS], head[LATE], head[SHIPPED], head[VALUE] = units, late, shipped, value


def _settle(order: OrderRows, seq: int, stamp_us: int, status, work: Work) -> None:
    head = order.head
    head[STATUS], head[CHANGED_US], head[CHANGED_SEQ] = _word(status), stamp_us, seq
    if status in CLOSED and head[HOLD] is not None:
        head[HOLD] = None
        for hold in work.part(order, "holds").values():
            if hold[HOLD_ENDED] is None:
                hold[HOLD_ENDED], hold[HOLD_HOW] = stamp_us, "closed"


def cancelled(work: Work, seq: int, stamp_us: int, event: OrderCancelled) -> OrderRows:
    """Units of an order are not wanted any more."""
    order = work.order(event.order)
    units = value = 0
    for cut in event.cuts:
        line = order.lines[cut.line]
        line[LINE_CUT] += cut.quantity
        line[LINE_LATE] -= cut.backordered
        units += cut.quantity
        value += cut.quantity * _counted(line[PRICE], line[QUANTITY])
    takes = {(row[1], row[2]): row for row in order.takes}
    for n, freed in enumerate(event.freed):
        row = takes[freed.line, freed.take]
        row[4] -= freed.quantity
        stock.change(work, seq, n, row[3], stock.ALLOCATED, -freed.quantity)
    _sum(order.head, order.lines)
    _settle(order, seq, stamp_us, event.status, work)
    counts = kpis.of(work, stamp_us, order.head[CHANNEL], order.head[CURRENCY])
    kpis.add_cancelled(counts, units, value)
    return order


def shipped(work: Work, seq: int, stamp_us: int, event: OrderShipped) -> OrderRows:
    """Units of an order have left."""
    order, left = work.order(event.order), 0
    for row in event.left:
        order.lines[row.line][LINE_SHIPPED] += row.quantity
        left += row.quantity
    takes = {(row[1], row[2]): row for row in order.takes}
    for n, freed in enumerate(event.freed):
        row = takes[freed.line, freed.take]
        row[4] -= freed.quantity
        stock.change(work, seq, 2 * n, row[3], stock.ALLOCATED, -freed.quantity)
        stock.change(work, seq, 2 * n + 1, row[3], stock.ON_HAND, -freed.quantity)
    _sum(order.head, order.lines)
    _settle(order, seq, stamp_us, event.status, work)
    name, number = event.shipment_id, plain(event.tracking_number)
    fulfillment = order.leaving.pop(name, None)
    row = (seq, event.order, name, plain(event.carrier), number, stamp_us, left, fulfillment)
    work.new["shipments"].append(row)
    work.term(seq, event.order, name, number)
    lines: dict[int, int] = {}
    for row in event.left:
        lines[row.line] = lines.get(row.line, 0) + row.quantity
    work.new["shipment_lines"] += [(seq, *row) for row in lines.items()]
    kpis.add_shipped(kpis.of(work, stamp_us, order.head[CHANNEL], order.head[CURRENCY]), left)
    return order


def changed(work: Work, seq: int, stamp_us: int, event: OrderChanged) -> OrderRows:
    """An order stands otherwise."""
    order = work.order(event.order)
    head = order.head
    if event.lines is not None:
        before = _totals(order.lines)
        takes = _take_rows(event.order, [row.line for row in event.lines])
        stock.restate(work, seq, order, takes)
        order.takes = takes
        order.lines = [
            _line_row(event.order, n, row.line, row.cancelled, row.shipped)
            for n, row in enumerate(event.lines)
        ]
        head[_LINES] = len(order.lines)
        _sum(head, order.lines)
        counts = kpis.of(work, stamp_us, head[CHANNEL], head[CURRENCY])
        kpis.add_difference(counts, before, _totals(order.lines))
    if event.document:
        before = head[_CUSTOMER]
        head[_DETAILS] = _details(event.document)
        if head[_CUSTOMER] and head[_CUSTOMER] != before:
            work.term(seq, event.order, head[_CUSTOMER])
        head[_DOCUMENT] = event.document.decode()
    _settle(order, seq, stamp_us, event.status, work)
    return order


def _totals(lines: list[list]) -> tuple[int, ...]:
    """Return what KPIs count of an order: lines, units, their price, units cancelled, theirs,
    units shipped."""
    sums = [len(lines), 0, 0, 0, 0, 0]
    for _, _, _, _, quantity, price, _, cut, left in lines:
        for at, units in ((1, quantity), (3, cut)):
            sums[at] += units
            sums[at + 1] += units * _counted(price, quantity)
        sums[5] += left
    return tuple(sums)
