"""What a WooCommerce order means.

    pending, checkout-draft, failed   not paid yet: it takes nothing
    on-hold                           placed, payment pending (the shop keeps stock for it, too)
    processing                        placed, paid
    completed                         it has left
    cancelled, refunded, trash        nothing of it is wanted

The shop's clock ticks in seconds, so two changes can have the same version.
"""

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

from engine.connectors.base import ForeignLine, ForeignOrder
from engine.connectors.money import minor
from engine.connectors.woocommerce import wire
from engine.core.terms import Address

_NOT_YET = frozenset(("pending", "checkout-draft", "auto-draft", "failed"))
_OVER = frozenset(("cancelled", "refunded", "trash"))
_PAID = frozenset(("processing", "completed"))


def moment(text: str | None) -> datetime | None:
    """Return the time that the shop writes without its zone, which for *_gmt fields is UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC) if text else None


def understand(order: wire.Order) -> ForeignOrder:
    """Return the order as all channels' orders are."""
    changed = moment(order.date_modified_gmt or order.date_created_gmt)
    state = "open"
    if order.status in _OVER:
        state = "cancelled"
    elif order.status == "completed":
        state = "fulfilled"
    back = _refunded(order)
    lines = (_line(line, order.currency, back.get(str(line.id), 0)) for line in order.line_items)
    return ForeignOrder(
        order_id=str(order.id),
        version=int(changed.timestamp() * 1000) if changed else 0,
        state=state,
        ready=order.status not in _NOT_YET,
        payment="paid" if order.status in _PAID or order.date_paid_gmt else "pending",
        lines=tuple(line for line in lines if line.quantity > 0),
        currency=order.currency or None,
        ship_to=_address(order),
        customer=str(order.customer_id) if order.customer_id else order.billing.email or None,
        note=order.customer_note or None,
        placed_at=moment(order.date_created_gmt),
    )


def listing_of(product_id: int, variation_id: int) -> str:
    """Return how a listing is named: `PRODUCT` or `PRODUCT/VARIATION`."""
    return f"{product_id}/{variation_id}" if variation_id else str(product_id)


def _refunded(order: wire.Order) -> dict[str, int]:
    found: dict[str, int] = {}
    for refund in order.refunded or ():
        for line in refund.line_items:
            found[line.line] = found.get(line.line, 0) + abs(line.quantity)
    return found


def _line(line: wire.Line, currency: str, refunded: int) -> ForeignLine:
    return ForeignLine(
        line=str(line.id),
        listing=listing_of(line.product_id, line.variation_id),
        sku=line.sku or None,
        quantity=line.quantity - refunded,
        unit_price=_price(line, currency),
    )


def _price(line: wire.Line, currency: str) -> int | None:
    """Return minor units for one unit: the line's total, shared out."""
    try:
        total = Decimal(str(line.total))
    except InvalidOperation:
        return None
    return minor(total / line.quantity, currency) if line.quantity > 0 else None


def _address(order: wire.Order) -> Address | None:
    """Return where it goes: the shipping address, or the billing one where that is empty."""
    there = order.shipping if order.shipping.address_1 or order.shipping.city else order.billing
    fields = {
        "name": f"{there.first_name} {there.last_name}".strip(),
        "company": there.company,
        "line1": there.address_1,
        "line2": there.address_2,
        "city": there.city,
        "region": there.state,
        "postcode": there.postcode,
        "country": there.country if len(there.country) == 2 else "",
        "phone": there.phone or order.billing.phone,
        "email": order.billing.email,
    }
    return (
        Address(**{name: text for name, text in fields.items() if text})
        if any(fields.values())
        else None
    )
