"""What n11's packages mean.

    Created, Picking                 paid, to be delivered
    Shipped, Delivered, UnDelivered  it has left
    Cancelled, UnSupplied            nothing of it is wanted
    UnPacked                         replaced by other packages of the same order

Orders that are not paid are not shown at all. A package says nothing of whether it came with the
order, so each change says only that the order is to be asked for.
"""

from collections.abc import Sequence
from typing import Any

from engine.connectors import istanbul, money, packages
from engine.connectors.base import ForeignOrder
from engine.connectors.n11 import wire
from engine.connectors.packages import Pack, Row, Standing
from engine.core.terms import Address

STATUSES = (
    "Created",
    "Picking",
    "Shipped",
    "Cancelled",
    "Delivered",
    "UnDelivered",
    "UnPacked",
    "UnSupplied",
)
_STANDING: dict[str, Standing] = {
    "created": "open",
    "picking": "open",
    "cancelled": "gone",
    "canceled": "gone",
    "unsupplied": "gone",
    "unpacked": "replaced",
}
_CURRENCY = "TRY"


def understand(found: Sequence[wire.Package]) -> ForeignOrder:
    """Return the order that these packages are."""
    first = min(found, key=lambda package: str(package.id or "").zfill(20))
    packs = [pack(package) for package in found]
    return packages.combined(str(first.order_number), packs, _details(first))


def pack(package: wire.Package) -> Pack:
    """Return a package as all channels' packages are."""
    told = (package.cargo_sender_number, package.cargo_tracking_link)
    return Pack(
        number=str(package.id or ""),
        standing=_STANDING.get(package.word, "left"),
        changed_ms=istanbul.milliseconds(package.last_modified_date),
        rows=tuple(_row(line) for line in package.lines or ()),
        told=" ".join(str(text) for text in told if text),
    )


def _row(line: wire.Line) -> Row:
    return Row(
        number=str(line.order_line_id),
        listing=str(line.stock_code),
        sku=str(line.stock_code),
        quantity=line.quantity,
        unit_price=None if line.price is None else money.minor(line.price, _CURRENCY),
    )


def _details(package: wire.Package) -> dict[str, Any]:
    return {
        "currency": _CURRENCY,
        "ship_to": _address(package),
        "customer": str(package.customer_id) if package.customer_id else package.customer_email,
        "required_by": istanbul.moment(package.agreed_delivery_date),
    }


def _address(package: wire.Package) -> Address | None:
    there = package.shipping_address
    if there is None:
        return None
    fields = {
        "name": there.full_name or package.customer_full_name,
        "line1": there.address,
        "line2": there.neighborhood,
        "city": there.city,
        "region": there.district,
        "postcode": str(there.postal_code or ""),
        "country": "TR",
        "phone": str(there.gsm or ""),
        "email": package.customer_email,
    }
    return Address(**{name: text for name, text in fields.items() if text})
