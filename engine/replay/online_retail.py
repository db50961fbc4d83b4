"""Online Retail (UCI, Chen 2015): one row per invoice line of a British gift wholesaler.

An invoice is

- a cancellation when its number starts with `C`: its lines are matched to earlier orders of the
  same customer (`matching`), and what matches none is a goods return;
- bad debt when it starts with `A`: money only, skipped;
- a stock adjustment when no line has a price and there is no customer; so is, by itself, any line
  with a negative quantity outside `C`. The note is the reason;
- an order otherwise. A line of an order may be free.

Codes that name no goods (postage, fees, discounts, vouchers) are skipped line by line. Times are
naive and taken as UTC. Prices are pounds.
"""

from collections import Counter

import msgspec

from engine.core import limits
from engine.core.commands import (
    Address,
    AdjustLine,
    Cancel,
    CancelLine,
    OrderLine,
    PlaceOrder,
    ReceiptLine,
)
from engine.replay import fields
from engine.replay.documents import (
    Adjustment,
    Cancellation,
    Document,
    Extract,
    Findings,
    GoodsReturn,
    Order,
    SkuFacts,
)
from engine.replay.matching import OpenOrders
from engine.replay.places import COUNTRIES
from engine.replay.tables import Table

NAME = "online_retail"
COLUMNS = {
    "lines": ("invoice", "sku", "qty", "ts", "unit_price", "customer", "country", "note"),
    "skus": ("sku", "description"),
}
NEEDED = ("lines",)
NOT_GOODS = frozenset(
    ("POST", "DOT", "M", "m", "D", "C2", "S", "B", "AMAZONFEE", "BANK CHARGES", "CRUK", "PADS")
)
NO_REASON = "unexplained"


class _Row(msgspec.Struct):
    """One good line of an invoice."""

    sku: str
    units: int
    price: int
    note: str


class _Invoice(msgspec.Struct):
    """All lines of one number, dated by the first. `dirty` if one of them could not be read."""

    number: str
    at_us: int
    customer: str
    country: str
    file: str
    line: int
    rows: list[_Row]
    dirty: bool = False


def read(tables: dict[str, list[Table]], findings: Findings) -> Extract:
    """Return the documents of these tables in time order."""
    extract = Extract(country="GB")
    for table in tables.get("skus", ()):
        _read_skus(table, extract.skus, findings)
    invoices: dict[str, _Invoice] = {}
    dirty: set[str] = set()
    for table in tables["lines"]:
        _read_lines(table, invoices, dirty, findings)
    orders = OpenOrders()
    for invoice in sorted(invoices.values(), key=lambda found: found.at_us):
        if invoice.number in dirty:
            findings.skip(invoice.file, invoice.line, "document with a dirty row")
            continue
        for row in invoice.rows:
            extract.skus.setdefault(row.sku, SkuFacts())
        extract.documents += _documents(invoice, orders, findings)
    return extract


def _read_skus(table: Table, skus: dict[str, SkuFacts], findings: Findings) -> None:
    for number, cells, good in table.rows(COLUMNS["skus"], findings):
        if good and cells[0] not in NOT_GOODS and not cells[0].startswith("gift_"):
            try:
                sku = fields.identifier(cells[0])
            except ValueError as error:
                findings.fault(table.name, number, "sku", str(error))
                continue
            skus[sku] = SkuFacts(fields.optional(cells[1]) or "")


def _read_lines(
    table: Table, invoices: dict[str, _Invoice], dirty: set[str], findings: Findings
) -> None:
    for number, cells, good in table.rows(COLUMNS["lines"], findings):
        if not good:
            dirty.update(cells)
            continue
        name, sku, units, ts, price, customer, country, note = cells
        if name[:1] == "A":
            findings.skip(table.name, number, "bad debt, money only")
            continue
        if sku in NOT_GOODS or sku.startswith("gift_"):
            findings.skip(table.name, number, "non-stock code, not goods")
            continue
        column = "invoice"
        try:
            fields.identifier(name)
            column = "sku"
            fields.identifier(sku)
            column = "qty"
            row = _Row(sku, fields.units(units), 0, note.strip())
            if name[:1] == "C" and row.units > 0:
                raise ValueError(f"{units} is positive on a cancellation")
            column = "ts"
            at_us = fields.moment_us(ts)
            column = "unit_price"
            row.price = fields.minor_units(price)
            if row.price < 0:
                raise ValueError(f"{price} is negative")
        except ValueError as error:
            findings.fault(table.name, number, column, str(error))
            dirty.add(name)
            continue
        invoice = invoices.get(name)
        if invoice is None:
            invoice = invoices[name] = _Invoice(
                name, at_us, customer, country, table.name, number, []
            )
        invoice.rows.append(row)


def _documents(invoice: _Invoice, orders: OpenOrders, findings: Findings) -> list[Document]:
    if invoice.number[:1] == "C":
        return _cancellations(invoice, orders)
    if not invoice.customer and not any(row.price for row in invoice.rows):
        return [_adjustment(invoice, invoice.rows)]
    found: list[Document] = []
    negative = [row for row in invoice.rows if row.units < 0]
    if negative:
        found.append(_adjustment(invoice, negative))
    sold = [row for row in invoice.rows if row.units > 0]
    if len(sold) > limits.ORDER_LINES_MAX:
        detail = f"{invoice.number} has {len(sold)} lines, at most {limits.ORDER_LINES_MAX}"
        findings.fault(invoice.file, invoice.line, "invoice", detail)
    elif sold:
        found.append(_order(invoice, sold))
        wanted: Counter[str] = Counter()
        for row in sold:
            wanted[row.sku] += row.units
        orders.add(invoice.customer, invoice.number, wanted)
    return found


def _order(invoice: _Invoice, rows: list[_Row]) -> Order:
    country = COUNTRIES.get(invoice.country)
    return Order(
        invoice.at_us,
        PlaceOrder(
            order_id=invoice.number,
            channel=NAME,
            lines=tuple(OrderLine(r.sku, r.units, unit_price=r.price) for r in rows),
            ship_to=Address(country=country) if country else None,
            payment="paid",
            currency="GBP",
            customer=fields.optional(invoice.customer),
        ),
    )


def _adjustment(invoice: _Invoice, rows: list[_Row]) -> Adjustment:
    lines = []
    for row in rows:
        reason = (fields.optional(row.note) or NO_REASON)[: limits.REASON_CHARS_MAX]
        lines.append(AdjustLine(row.sku, row.units, reason))
    return Adjustment(invoice.at_us, NAME, invoice.number, tuple(lines))


def _cancellations(invoice: _Invoice, orders: OpenOrders) -> list[Document]:
    """One cancellation for each order that its lines match, and a return for the rest."""
    cuts: dict[str, Counter[str]] = {}
    rules: dict[str, str] = {}
    back: Counter[str] = Counter()
    for row in invoice.rows:
        rule, matched = orders.match(invoice.customer, row.sku, -row.units)
        if not matched:
            back[row.sku] -= row.units
        for order_id, units in matched.items():
            cuts.setdefault(order_id, Counter())[row.sku] += units
            rules.setdefault(order_id, rule)
    found: list[Document] = []
    for order_id, wanted in cuts.items():
        whole = orders.emptied(order_id)
        lines = None if whole else tuple(CancelLine(sku, n) for sku, n in wanted.items())
        reason = f"credit note {invoice.number}"[: limits.REASON_CHARS_MAX]
        command = Cancel(NAME, order_id, lines, reason)
        name = f"{invoice.number}/{order_id}"[-limits.ID_CHARS_MAX :]
        found.append(Cancellation(invoice.at_us, name, command, rules[order_id]))
    if back:
        lines = tuple(ReceiptLine(sku, units) for sku, units in back.items())
        found.append(GoodsReturn(invoice.at_us, NAME, invoice.number, lines))
    return found
