"""What Hepsiburada's orders mean.

    a payment that is not received yet    it takes nothing
    open, unpacked, packaged              to be delivered
    in transit and whatever follows       it has left
    cancelled, by whomever                nothing of it is wanted

An order is lines; a line that is packed or cancelled in part goes on as two, one of them under a
new number. A status that nobody knows is taken for one that is to be delivered: that frees no
stock.
"""

from typing import Any

from engine.connectors import istanbul, money, packages
from engine.connectors.base import ForeignOrder
from engine.connectors.hepsiburada import wire
from engine.connectors.packages import Pack, Row, Standing
from engine.core.terms import Address

_LEFT = ("intransit", "delivered", "undelivered", "claim", "return", "refund", "completed")
_RECEIVED = ("", "received", "completed", "paid")


def understand(order: wire.Order) -> ForeignOrder:
    """Return the order as all channels' orders are; each of its lines counts as a package."""
    paid = (order.payment_status or "").strip().lower() in _RECEIVED
    packs = [
        Pack(
            number=str(line.id),
            standing=standing(line) if paid or standing(line) == "gone" else "unpaid",
            changed_ms=istanbul.milliseconds(line.last_status_update_date or order.order_date),
            rows=(row(line),),
        )
        for line in order.items
    ]
    return packages.combined(str(order.order_number), packs, _details(order))


def standing(line: wire.Line) -> Standing:
    """Return where a line stands, if it is paid."""
    if line.word.startswith("cancel"):
        return "gone"
    return "left" if line.word.startswith(_LEFT) else "open"


def row(line: wire.Line) -> Row:
    """Return what a line holds."""
    price = line.unit_price
    return Row(
        number=str(line.id),
        listing=str(line.sku),
        sku=str(line.merchant_sku or "") or None,
        quantity=line.quantity,
        unit_price=None
        if price.amount is None
        else money.minor(price.amount, price.currency or "TRY"),
    )


def _details(order: wire.Order) -> dict[str, Any]:
    due = [found for line in order.items if (found := istanbul.moment(line.due_date))]
    currencies = [line.unit_price.currency for line in order.items if line.unit_price.currency]
    customer = order.customer or wire.Customer()
    return {
        "currency": currencies[0] if currencies else "TRY",
        "ship_to": _address(order),
        "customer": str(customer.customer_id) if customer.customer_id else customer.name,
        "note": (order.order_note.value if order.order_note else None) or None,
        "placed_at": istanbul.moment(order.order_date),
        "required_by": min(due, default=None),
    }


def _address(order: wire.Order) -> Address | None:
    there = order.delivery_address
    if there is None:
        return None
    fields = {
        "name": there.name,
        "line1": there.address,
        "line2": there.district,
        "city": there.city,
        "region": there.town,
        "postcode": str(there.postal_code or ""),
        "country": there.country_code if len(there.country_code or "") == 2 else "TR",
        "phone": str(there.phone_number or ""),
        "email": there.email,
    }
    return Address(**{name: text for name, text in fields.items() if text})
