"""What an eBay order means.

    orderPaymentStatus PENDING, FAILED     not paid yet: it takes nothing
    PAID, PARTIALLY_REFUNDED               placed, paid
    FULLY_REFUNDED before it left          nothing of it is wanted
    cancelStatus CANCELED                  the same
    orderFulfillmentStatus FULFILLED       it has left

A line that was refunded whole is not wanted any more. eBay knows no fewer units of a line: who
gives back a part of a line's price has not said which units that is for.
"""

from datetime import datetime
from decimal import Decimal, InvalidOperation

from engine.connectors.base import ForeignLine, ForeignOrder
from engine.connectors.ebay import wire
from engine.connectors.money import minor
from engine.core.terms import Address

_PAID = frozenset(("PAID", "PARTIALLY_REFUNDED", "FULLY_REFUNDED"))


def moment(text: str | None) -> datetime | None:
    """Return the time that eBay writes, in UTC with a Z."""
    return datetime.fromisoformat(text) if text else None


def understand(order: wire.Order) -> ForeignOrder:
    """Return the order as all channels' orders are."""
    changed = moment(order.last_modified_date or order.creation_date)
    currency = next(
        (line.line_item_cost.currency for line in order.line_items if line.line_item_cost), ""
    )
    return ForeignOrder(
        order_id=order.order_id,
        version=int(changed.timestamp() * 1000) if changed else 0,
        state=_state(order),
        ready=order.order_payment_status in _PAID,
        payment="paid" if order.order_payment_status in _PAID else "pending",
        lines=tuple(_line(line) for line in order.line_items if not _given_up(line)),
        currency=currency or None,
        ship_to=_address(order),
        customer=order.buyer.username or None,
        note=order.buyer_checkout_notes or None,
        placed_at=moment(order.creation_date),
        required_by=_by(order),
    )


def _state(order: wire.Order) -> str:
    if order.cancel_status.cancel_state == "CANCELED":
        return "cancelled"
    if order.order_fulfillment_status == "FULFILLED":
        return "fulfilled"
    untouched = order.order_fulfillment_status in ("", "NOT_STARTED")
    if order.order_payment_status == "FULLY_REFUNDED" and untouched:
        return "cancelled"
    return "open"


def amount(money: wire.Amount | None) -> Decimal | None:
    """Return a sum of money, or None where it cannot be read."""
    try:
        return None if money is None else Decimal(str(money.value))
    except InvalidOperation:
        return None


def _given_up(line: wire.Line) -> bool:
    cost = amount(line.discounted_line_item_cost or line.line_item_cost)
    back = [
        sum_
        for refund in line.refunds
        if refund.refund_status != "FAILED" and (sum_ := amount(refund.amount)) is not None
    ]
    return line.quantity <= 0 or bool(cost and back and sum(back) >= cost)


def _line(line: wire.Line) -> ForeignLine:
    cost = line.discounted_line_item_cost or line.line_item_cost
    total = amount(cost)
    return ForeignLine(
        line=line.line_item_id,
        listing=listing_of(line),
        sku=line.sku or None,
        quantity=line.quantity,
        unit_price=None if total is None else minor(total / line.quantity, cost.currency),
    )


def listing_of(line: wire.Line) -> str:
    """Return how a listing is named: its SKU, which eBay's inventory goes by; where the seller gave
    none, `ITEM` or `ITEM/VARIATION`, which cannot be published."""
    variation = line.legacy_variation_id
    if line.sku:
        return line.sku
    has_one = variation and variation != "0"
    return f"{line.legacy_item_id}/{variation}" if has_one else str(line.legacy_item_id)


def _address(order: wire.Order) -> Address | None:
    steps = [row.shipping_step for row in order.fulfillment_start_instructions]
    there = next((step.ship_to for step in steps if step and step.ship_to), None)
    country = there.contact_address.get("countryCode") if there else None
    if not country:
        return None
    given = there.contact_address
    return Address(
        name=there.full_name or None,
        company=there.company_name or None,
        line1=given.get("addressLine1"),
        line2=given.get("addressLine2"),
        city=given.get("city"),
        region=given.get("stateOrProvince"),
        postcode=given.get("postalCode"),
        country=country,
    )


def _by(order: wire.Order) -> datetime | None:
    """Return by when all of it is to be shipped: the earliest date of a line."""
    dates = [line.line_item_fulfillment_instructions.get("shipByDate") for line in order.line_items]
    return min(filter(None, map(moment, dates)), default=None)
