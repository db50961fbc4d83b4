"""What Trendyol's packages mean.

    Awaiting                         not paid yet: it takes nothing
    Created, Picking, Invoiced       to be delivered
    Shipped and whatever follows     it has left
    Cancelled, UnSupplied            nothing of it is wanted
    UnPacked, Repack                 replaced by other packages of the same order

A package that came with the order and is still to be delivered says what it holds, and that is put
with what is known of the order. Any other says that the order is to be asked for: splitting and
cancelling replace packages, and only all of them together are an order.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from engine.connectors import money, packages
from engine.connectors.base import ForeignOrder
from engine.connectors.packages import Pack, Row, Standing
from engine.connectors.trendyol import wire
from engine.core.terms import Address

_STANDING: dict[str, Standing] = {
    "Awaiting": "unpaid",
    "Created": "open",
    "Picking": "open",
    "Invoiced": "open",
    "Cancelled": "gone",
    "UnSupplied": "gone",
    "UnPacked": "replaced",
    "Repack": "replaced",
}
_AHEAD = timedelta(hours=3)  # their `orderDate` is Istanbul's clock, counted as if it were UTC's


def moment(milliseconds: int | None) -> datetime | None:
    """Return a time that is given as milliseconds since 1970."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC) if milliseconds else None


def says_enough(package: wire.Package) -> bool:
    """Say whether a package came with the order and is still to be delivered."""
    first = package.created_by == "order-creation" and not package.origin_package_ids
    return first and _STANDING.get(package.word) in ("unpaid", "open")


def understand(found: Sequence[wire.Package], *, whole: bool = True) -> ForeignOrder:
    """Return the order that these packages are."""
    packs = [pack(package) for package in found]
    first = min(found, key=lambda package: package.number.zfill(20))
    return packages.combined(str(first.order_number), packs, _details(first), whole=whole)


def pack(package: wire.Package) -> Pack:
    """Return a package as all channels' packages are."""
    return Pack(
        number=package.number,
        standing=_STANDING.get(package.word, "left"),
        changed_ms=package.last_modified_date,
        rows=tuple(_row(line, package.currency_code or "TRY") for line in package.lines or ()),
        told=package.cargo_tracking_link or str(package.cargo_tracking_number or ""),
    )


def _row(line: wire.Line, currency: str) -> Row:
    price = line.price if line.line_unit_price is None else line.line_unit_price
    return Row(
        number=line.number,
        listing=str(line.barcode or line.merchant_sku or line.stock_code),
        sku=str(line.merchant_sku or line.stock_code or "") or None,
        quantity=line.quantity,
        unit_price=None if price is None else money.minor(Decimal(price), currency),
    )


def _details(package: wire.Package) -> dict[str, Any]:
    placed = moment(package.order_date)
    return {
        "currency": package.currency_code or "TRY",
        "ship_to": _address(package),
        "customer": str(package.customer_id) if package.customer_id else package.customer_email,
        "placed_at": placed - _AHEAD if placed else None,
        "required_by": moment(package.agreed_delivery_date),
    }


def _address(package: wire.Package) -> Address | None:
    there = package.shipment_address
    if there is None:
        return None
    fields = {
        "name": f"{there.first_name or ''} {there.last_name or ''}".strip(),
        "company": there.company,
        "line1": there.address1 or there.full_address,
        "line2": there.address2,
        "city": there.city,
        "region": there.district,
        "postcode": str(there.postal_code or ""),
        "country": there.country_code if len(there.country_code or "") == 2 else "",
        "phone": str(there.phone or ""),
        "email": package.customer_email,
    }
    kept = {name: text for name, text in fields.items() if text}
    return Address(**kept) if kept else None
