"""What an order of Amazon means.

    PENDING, PENDING_AVAILABILITY   placed, not paid: Amazon shows so many less already
    UNSHIPPED, PARTIALLY_SHIPPED    paid, to be shipped
    SHIPPED                         it has left
    CANCELLED, UNFULFILLABLE        nothing of it is wanted

Orders that Amazon ships from its own warehouses are not ours: they take none of our stock.
"""

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

import msgspec

from engine.connectors.amazon import wire
from engine.connectors.base import ConnectorError, Fetch, ForeignLine, ForeignOrder, understood
from engine.connectors.money import minor
from engine.core.terms import Address

_NOT_YET = frozenset(("PENDING", "PENDING_AVAILABILITY"))
_STATES = {"CANCELLED": "cancelled", "UNFULFILLABLE": "cancelled", "SHIPPED": "fulfilled"}
# Notifications have words of their own.
_WORDS = {
    "Pending": "PENDING",
    "PendingAvailability": "PENDING_AVAILABILITY",
    "Unshipped": "UNSHIPPED",
    "InvoiceUnconfirmed": "UNSHIPPED",
    "PartiallyShipped": "PARTIALLY_SHIPPED",
    "Shipped": "SHIPPED",
    "Canceled": "CANCELLED",
    "Unfulfillable": "UNFULFILLABLE",
}
_order = msgspec.json.Decoder(wire.Order, strict=False).decode
_change = msgspec.json.Decoder(wire.OrderChange, strict=False).decode


def decode(body: bytes | msgspec.Raw) -> wire.Order:
    """Return an order's document as a struct. Raises `ConnectorError`."""
    return understood(_order, body)


def moment(text: str | None) -> datetime | None:
    """Return a time that Amazon wrote, in UTC."""
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConnectorError(f"{text!r} is no time") from error
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def milliseconds(text: str | None) -> int:
    """Return a time as a version."""
    at = moment(text)
    return round(at.timestamp() * 1000) if at else 0


def understand(body: bytes, pending_takes: bool) -> ForeignOrder | None:
    """Return the order as all channels' orders are; None for one that Amazon ships."""
    order = decode(body)
    if order.fulfillment.fulfilled_by == "AMAZON":
        return None
    status = order.fulfillment.fulfillment_status
    lines = tuple(_line(item) for item in order.order_items)
    window = order.fulfillment.ship_by_window
    return ForeignOrder(
        order_id=order.order_id,
        version=milliseconds(order.last_updated_time),
        lines=tuple(line for line in lines if line.quantity > 0),
        currency=_currency(order),
        ship_to=_address(order),
        customer=order.buyer.buyer_email if order.buyer else None,
        note=_wish(order),
        placed_at=moment(order.created_time),
        required_by=moment(window.latest_date_time) if window else None,
        **_standing(status, pending_takes),
    )


def understand_change(body: bytes, pending_takes: bool) -> Fetch | None:
    """Return which order a notification is of, and what it says itself. It has neither address nor
    price; and one that names only the items that changed does not say what is wanted of others."""
    told = understood(_change, body, "a notification")
    change = told.payload.order_change_notification
    if change.summary.fulfillment_type == "AFN":
        return None
    if change.notification_level != "OrderLevel":
        return Fetch(change.amazon_order_id)
    status = _WORDS.get(change.summary.order_status)
    if status is None:
        return Fetch(change.amazon_order_id)
    lines = (
        ForeignLine(
            line=item.order_item_id,
            listing=item.seller_sku,
            sku=item.seller_sku,
            quantity=item.quantity,
        )
        for item in change.summary.order_items
    )
    meanwhile = ForeignOrder(
        order_id=change.amazon_order_id,
        version=milliseconds(change.order_change_trigger.time_of_order_change or told.event_time),
        brief=True,
        lines=tuple(line for line in lines if line.quantity > 0),
        placed_at=moment(change.summary.purchase_date),
        **_standing(status, pending_takes),
    )
    return Fetch(change.amazon_order_id, meanwhile)


def _standing(status: str, pending_takes: bool) -> dict:
    return {
        "state": _STATES.get(status, "open"),
        "ready": status not in _NOT_YET or pending_takes,
        "payment": "pending" if status in _NOT_YET else "paid",
    }


def _line(item: wire.Item) -> ForeignLine:
    price = item.product.price.unit_price if item.product.price else None
    listing = item.product.seller_sku or ""
    return ForeignLine(
        line=item.order_item_id,
        listing=listing,
        sku=listing or None,
        quantity=_wanted(item),
        unit_price=_minor(price),
    )


def _wanted(item: wire.Item) -> int:
    """Return the units that have left or are to leave. Of an item that nobody has begun with, both
    may be 0 or left out."""
    done, todo = item.fulfillment.quantity_fulfilled, item.fulfillment.quantity_unfulfilled
    counted = (done or 0) + (todo or 0)
    if item.cancellation.cancellation_execution is not None:
        return counted
    return counted or item.quantity_ordered


def _minor(price: wire.Money | None) -> int | None:
    if price is None or price.amount is None:
        return None
    try:
        return minor(Decimal(str(price.amount)), price.currency_code)
    except InvalidOperation:
        return None


def _currency(order: wire.Order) -> str | None:
    for item in order.order_items:
        price = item.product.price.unit_price if item.product.price else None
        if price and price.currency_code:
            return price.currency_code
    return None


def _wish(order: wire.Order) -> str | None:
    """Say that the buyer asks to cancel: Amazon leaves it to the seller whether that is done."""
    for item in order.order_items:
        asked = item.cancellation.cancellation_request
        if asked is not None:
            who = (asked.requester or "somebody").lower()
            return f"the {who} asks to cancel: {asked.cancel_reason or 'no reason given'}"
    return None


def _address(order: wire.Order) -> Address | None:
    there = order.recipient.delivery_address if order.recipient else None
    if there is None:
        return None
    more = ", ".join(text for text in (there.address_line2, there.address_line3) if text)
    fields = {
        "name": there.name,
        "company": there.company_name,
        "line1": there.address_line1,
        "line2": more,
        "city": there.city,
        "region": there.state_or_region,
        "postcode": there.postal_code,
        "country": there.country_code,
        "phone": there.phone,
    }
    found = {name: text for name, text in fields.items() if text}
    return Address(**found) if found else None
