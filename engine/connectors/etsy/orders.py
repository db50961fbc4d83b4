"""What an Etsy receipt means.

    open, payment processing             not paid yet: it takes nothing
    paid, partially refunded             placed, paid
    completed, or is_shipped             it has left
    canceled                             nothing of it is wanted
    fully refunded before it left        the same

A receipt knows no fewer units of a line: who gives back a part of the money has not said for what.
What is downloaded takes no stock, so it is no line.
"""

from datetime import UTC, datetime
from decimal import Decimal

from engine.connectors.base import ForeignLine, ForeignOrder, State
from engine.connectors.etsy import wire
from engine.connectors.money import minor
from engine.core.terms import Address


def understand(receipt: wire.Receipt) -> ForeignOrder | None:
    """Return the order as all channels' orders are; None where nothing of it is ever sent."""
    sent = [line for line in receipt.transactions or () if not line.is_digital]
    if receipt.transactions and not sent:
        return None
    dates = [line.expected_ship_date for line in sent if line.expected_ship_date]
    return ForeignOrder(
        order_id=str(receipt.receipt_id),
        version=(receipt.updated_timestamp or receipt.created_timestamp) * 1000,
        state=_state(receipt),
        ready=receipt.is_paid,
        payment="paid" if receipt.is_paid else "pending",
        lines=tuple(_line(line) for line in sent if line.quantity > 0),
        currency=next((line.price.currency_code for line in sent if line.price), "") or None,
        ship_to=_address(receipt),
        customer=None if receipt.buyer_user_id is None else str(receipt.buyer_user_id),
        note=receipt.message_from_buyer or None,
        placed_at=_moment(receipt.created_timestamp),
        required_by=_moment(min(dates, default=0)),
    )


def listing_of(listing_id: int | None, sku: str | None) -> str:
    """Return how a listing is named: `LISTING/SKU`, and `LISTING` where it has no SKU. The id of a
    product would not do: it changes whenever the inventory is put."""
    return f"{listing_id}/{sku}" if sku else str(listing_id)


def _moment(seconds: int) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds else None


def _state(receipt: wire.Receipt) -> State:
    status = receipt.status.lower()
    if status == "canceled":
        return "cancelled"
    if receipt.is_shipped or status == "completed":
        return "fulfilled"
    return "cancelled" if status == "fully refunded" else "open"


def _line(line: wire.Transaction) -> ForeignLine:
    price = line.price
    value = Decimal(price.amount) / (price.divisor or 1) if price else None
    return ForeignLine(
        line=str(line.transaction_id),
        listing=listing_of(line.listing_id, line.sku),
        sku=line.sku or None,
        quantity=line.quantity,
        unit_price=None if value is None else minor(value, price.currency_code),
    )


def _address(receipt: wire.Receipt) -> Address | None:
    if not receipt.country_iso:
        return None
    return Address(
        name=receipt.name or None,
        line1=receipt.first_line or None,
        line2=receipt.second_line or None,
        city=receipt.city or None,
        region=receipt.state or None,
        postcode=receipt.zip or None,
        country=receipt.country_iso,
    )
