"""Purchase orders: what is on its way, and what of it has come.

A purchase order adds no unit to the ledger. It says what is to come when (`incoming`), so that a
promise can be made against it; a receipt that names it counts what has come. What is open of a
line is what was ordered less what has come, never below zero: suppliers send too much as well.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

import msgspec

from engine.core import limits
from engine.core.commands import PurchaseLine, PutPurchaseOrder, ReceiptLine
from engine.core.register import Code, Register


class PurchaseOrder(msgspec.Struct, frozen=True, omit_defaults=True):
    """A purchase order as it stands: as put, and the units received of each line."""

    purchase_order: str
    put: PutPurchaseOrder
    received: tuple[int, ...]

    def open_lines(self) -> Iterator[tuple[str, int]]:
        """Yield (SKU, units) that have not come and are still expected."""
        if not self.put.cancelled:
            for line, units in zip(self.put.lines, self.received, strict=True):
                if units < line.quantity:
                    yield line.sku, line.quantity - units


class PurchaseLineAnswer(msgspec.Struct):
    """`quantity` units of `sku` were ordered, of which `received` have come."""

    sku: str
    quantity: int
    received: int


class PurchaseOrderAnswer(msgspec.Struct, omit_defaults=True, kw_only=True):
    """A purchase order as it stands. `status` is `open`, `received` (nothing is left to come) or
    `cancelled`."""

    seq: int
    replayed: bool = False
    purchase_order: str
    status: str
    location: str
    expected_at: datetime
    supplier: str = ""
    lines: list[PurchaseLineAnswer]


class IncomingAnswer(msgspec.Struct, omit_defaults=True):
    """`units` of a SKU are to come to `location` by `expected_at`."""

    expected_at: datetime
    location: str
    units: int
    purchase_order: str


def answer(order: PurchaseOrder, seq: int, replayed: bool = False) -> PurchaseOrderAnswer:
    """Answer for a purchase order last changed at `seq`."""
    put, left = order.put, any(order.open_lines())
    return PurchaseOrderAnswer(
        seq=seq,
        replayed=replayed,
        purchase_order=order.purchase_order,
        status="cancelled" if put.cancelled else "open" if left else "received",
        location=put.location,
        expected_at=put.expected_at,
        supplier=put.supplier,
        lines=[
            PurchaseLineAnswer(line.sku, line.quantity, units)
            for line, units in zip(put.lines, order.received, strict=True)
        ],
    )


def made(put: PutPurchaseOrder, known: PurchaseOrder | None) -> PurchaseOrder:
    """Return the order after a put: what has come of a SKU stays, on its first lines."""
    come = Counter[str]()
    if known:
        for line, units in zip(known.put.lines, known.received, strict=True):
            come[line.sku] += units
    return PurchaseOrder(put.purchase_order, put, _shared(put.lines, come))


def arrived(order: PurchaseOrder, lines: Iterable[ReceiptLine]) -> PurchaseOrder:
    """Return the order after a receipt of these lines; SKUs that it does not hold do not count."""
    come = Counter[str]()
    for line, units in zip(order.put.lines, order.received, strict=True):
        come[line.sku] += units
    for line in lines:
        come[line.sku] += line.quantity
    return msgspec.structs.replace(order, received=_shared(order.put.lines, come))


def _shared(lines: tuple[PurchaseLine, ...], come: Counter[str]) -> tuple[int, ...]:
    """Share what has come of each SKU out to its lines, first come first full; the last line of a
    SKU takes what is too much."""
    last = {line.sku: at for at, line in enumerate(lines)}
    found = []
    for at, line in enumerate(lines):
        units = come[line.sku]
        units = units if last[line.sku] == at else min(units, line.quantity)
        come[line.sku] -= units
        found.append(units)
    return tuple(found)


class PurchaseOrders(Register):
    """The register of purchase orders, with those that are open found by SKU."""

    def __init__(self) -> None:
        most = limits.PURCHASE_ORDERS_MAX
        super().__init__(Code.PURCHASE_ORDERS, "purchase_order", PurchaseOrder, most, answer)
        self._open: dict[str, dict[int, None]] = {}

    def put(self, number: int, document: bytes, seq: int) -> Any:
        """Set an order; see `Register.put`."""
        before = self.rows[number].put if number < len(self.rows) else None
        super().put(number, document, seq)
        for sku, _ in before.open_lines() if before else ():
            self._open.get(sku, {}).pop(number, None)
        for sku, _ in self.rows[number].put.open_lines():
            self._open.setdefault(sku, {})[number] = None

    def incoming(self, sku: str) -> list[IncomingAnswer]:
        """Return what is to come of a SKU, the earliest first."""
        found = []
        for number in self._open.get(sku, ()):
            order = self.rows[number].put
            units = sum(units for name, units in order.open_lines() if name == sku)
            put = order.put
            found.append(IncomingAnswer(put.expected_at, put.location, units, order.purchase_order))
        return sorted(found, key=lambda row: (row.expected_at, row.purchase_order))
