"""What a purchase order of Walmart means.

    Created, Acknowledged    wanted; it was paid before the seller hears of it
    Shipped, Delivered       it has left
    Cancelled                not wanted any more
    Refund                   paid back after it had left

Units of one line may stand differently. The order has no time of its last change, its lines have.
"""

from datetime import UTC, datetime

from engine.connectors.base import ForeignLine, ForeignOrder
from engine.connectors.money import minor
from engine.connectors.walmart import wire
from engine.core.terms import Address

_COUNTRIES = {"USA": "US", "CAN": "CA", "MEX": "MX", "PRI": "PR"}
LEFT = ("Shipped", "Delivered", "Refund")


def understand(order: wire.Order) -> ForeignOrder:
    """Return the order as all channels' orders are."""
    lines = order.order_lines.order_line
    wanted = [line for line in lines if line.order_line_quantity.count > line.units("Cancelled")]
    state = "open"
    if not wanted:
        state = "cancelled"
    elif all(_gone(line) for line in wanted):
        state = "fulfilled"
    asked = [line.line_number for line in wanted if _true(line.intent_to_cancel)]
    return ForeignOrder(
        order_id=order.purchase_order_id,
        version=max([order.order_date, *(line.status_date for line in lines)]),
        state=state,
        payment="paid",
        lines=tuple(_line(line) for line in wanted),
        currency=_currency(lines),
        ship_to=_address(order),
        customer=order.customer_email_id or None,
        note=f"the customer asks to cancel line {', '.join(asked)}" if asked else None,
        placed_at=_moment(order.order_date),
        required_by=_moment(order.shipping_info.estimated_ship_date),
    )


def product(line: wire.Line) -> wire.Charge | None:
    """Return what the units of a line cost together, without shipping."""
    found = (c for c in line.charges.charge if c.charge_type == "PRODUCT")
    return next(found, None)


def _gone(line: wire.Line) -> bool:
    return line.units(*LEFT) + line.units("Cancelled") >= line.order_line_quantity.count


def _true(value: object) -> bool:
    return str(value).lower() == "true"


def _moment(at_ms: int | None) -> datetime | None:
    return datetime.fromtimestamp(at_ms / 1000, UTC) if at_ms else None


def _currency(lines: list[wire.Line]) -> str | None:
    charges = (charge for line in lines if (charge := product(line)))
    return next((charge.charge_amount.currency for charge in charges), None)


def _line(line: wire.Line) -> ForeignLine:
    charge, ordered = product(line), line.order_line_quantity.count
    price = None
    if charge is not None and ordered > 0:
        price = minor(charge.charge_amount.decimal / ordered, charge.charge_amount.currency)
    return ForeignLine(
        line=line.line_number,
        listing=line.item.sku,
        sku=line.item.sku,
        quantity=ordered - line.units("Cancelled"),
        unit_price=price,
    )


def _address(order: wire.Order) -> Address | None:
    there, email = order.shipping_info.postal_address, order.customer_email_id
    fields = {
        "name": there.name,
        "line1": there.address1,
        "line2": there.address2,
        "city": there.city,
        "region": there.state,
        "postcode": there.postal_code,
        "country": _COUNTRIES.get(there.country, there.country if len(there.country) == 2 else ""),
        "phone": order.shipping_info.phone,
        "email": email,
    }
    known = {name: text for name, text in fields.items() if text}
    return Address(**known) if known else None
