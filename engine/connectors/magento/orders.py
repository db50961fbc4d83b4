"""What a Magento order means.

    pending_payment, payment_review   not paid yet, the gateway has not said: it takes nothing
    new                               placed, to be paid otherwise
    processing, holded                placed, paid or in part shipped
    complete                          it has left
    canceled, closed                  nothing of it is wanted; closed: it was paid back

The shop keeps units for every order until it leaves (a reservation), and its clock ticks in
seconds. A line of a configurable product or a bundle has its parts as lines of their own: the first
has the SKU and the price, so parts are passed over. What is not shipped is no line for us.
"""

from datetime import UTC, datetime
from decimal import Decimal

from engine.connectors.base import ForeignLine, ForeignOrder
from engine.connectors.magento import wire
from engine.connectors.magento.wire import units
from engine.connectors.money import minor
from engine.core.terms import Address

NOT_YET = frozenset(("pending_payment", "payment_review"))
_OVER = frozenset(("canceled", "closed"))
_NO_GOODS = frozenset(("virtual", "downloadable"))


def moment(text: str | None) -> datetime | None:
    """Return the time that the shop writes without its zone, which is UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC) if text else None


def goods(order: wire.Order) -> list[wire.Item]:
    """Return the lines that are shipped."""
    return [
        item
        for item in order.items
        if item.parent_item_id is None and item.product_type not in _NO_GOODS
    ]


def understand(order: wire.Order) -> ForeignOrder:
    """Return the order as all channels' orders are."""
    changed = moment(order.updated_at or order.created_at)
    items, state = goods(order), "open"
    if order.state in _OVER:
        left = sum(units(item.qty_shipped) for item in items)
        state = "fulfilled" if left else "cancelled"
    elif order.state == "complete":
        state = "fulfilled"
    return ForeignOrder(
        order_id=order.increment_id,
        version=int(changed.timestamp() * 1000) if changed else 0,
        state=state,
        ready=order.state not in NOT_YET,
        payment=_payment(order),
        lines=tuple(_line(item, order.order_currency_code) for item in items if _wanted(item)),
        currency=order.order_currency_code or None,
        ship_to=_address(order),
        customer=order.customer_email or None,
        note=order.customer_note or None,
        placed_at=moment(order.created_at),
    )


def _wanted(item: wire.Item) -> int:
    return units(item.qty_shipped) + item.to_ship


def _payment(order: wire.Order) -> str:
    paid, total = Decimal(str(order.total_paid or 0)), Decimal(str(order.grand_total or 0))
    if paid >= total:
        return "paid"
    return "authorized" if order.state == "processing" else "pending"


def _line(item: wire.Item, currency: str | None) -> ForeignLine:
    price, ordered = None, units(item.qty_ordered)
    if item.row_total is not None and ordered:
        total = Decimal(str(item.row_total)) - abs(Decimal(str(item.discount_amount or 0)))
        price = minor(total / ordered, currency or "")
    return ForeignLine(
        line=str(item.item_id),
        listing=item.sku,
        sku=item.sku,
        quantity=_wanted(item),
        unit_price=price,
    )


def _address(order: wire.Order) -> Address | None:
    """Return where it goes: the shipping address, or the billing one where there is none."""
    parts = order.extension_attributes.shipping_assignments
    shipping = next((p.shipping.address for p in parts if p.shipping and p.shipping.address), None)
    there = shipping or order.billing_address
    if there is None:
        return None
    street = [text for text in there.street or () if text]
    fields = {
        "name": f"{there.firstname or ''} {there.lastname or ''}".strip(),
        "company": there.company,
        "line1": street[0] if street else "",
        "line2": ", ".join(street[1:]),
        "city": there.city,
        "region": there.region,
        "postcode": there.postcode,
        "country": there.country_id if len(there.country_id or "") == 2 else "",
        "phone": there.telephone,
        "email": there.email or order.customer_email,
    }
    known = {name: text for name, text in fields.items() if text}
    return Address(**known) if known else None
