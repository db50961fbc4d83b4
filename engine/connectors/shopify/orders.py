"""What an order of a shop means, by push or by answer: the same `ForeignOrder` from both.

    authorized, paid, partially …    placed
    pending                          placed but not paid: it takes nothing, unless the account's
                                     option `pending` is `take`
    expired, voided                  its payment is over: it takes nothing, and does not end either

Lines that need no shipping (gift cards, files) are not of our concern. Prices are of one unit, less
the line's share of every discount, in the shop's currency. The shop's clock ticks in seconds.
"""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

import msgspec

from engine.connectors.base import ForeignLine, ForeignOrder, Sign
from engine.connectors.money import minor
from engine.connectors.shopify import wire
from engine.core.fact_commands import Paid
from engine.core.terms import Address

_PAYMENTS: dict[str, Paid] = {
    "paid": "paid",
    "partially_refunded": "paid",
    "authorized": "authorized",
    "pending": "pending",
    "partially_paid": "pending",
    "refunded": "refunded",
}
_READY = frozenset(("paid", "partially_refunded", "authorized", "refunded"))
_WAITING = frozenset(("pending", "partially_paid"))


def number(gid: str) -> str:
    """Return the number at the end of gid://shopify/Kind/number."""
    return gid.rpartition("/")[2].partition("?")[0]


def gid(kind: str, name: str) -> str:
    """Return how GraphQL names what a webhook gives the number of."""
    return name if name.startswith("gid://") else f"gid://shopify/{kind}/{name}"


def of_hook(order: wire.HookOrder, takes_pending: bool) -> ForeignOrder:
    """Return the order of a webhook."""
    currency = order.currency or ""
    lines = [
        _line(
            str(line.id),
            str(line.variant_id or ""),
            line.sku,
            (line.quantity, _or(line.current_quantity, line.quantity)),
            line.price,
            sum((share.amount for share in line.discount_allocations), Decimal(0)),
            currency,
        )
        for line in order.line_items
        if line.requires_shipping
    ]
    return _order(
        order,
        str(order.id),
        lines,
        currency,
        order.financial_status or "",
        order.fulfillment_status or "",
        str(order.customer.id) if order.customer and order.customer.id else None,
        takes_pending,
    )


def of_answer(order: wire.Order, takes_pending: bool) -> ForeignOrder:
    """Return the order of an answer."""
    currency = order.currency_code or ""
    lines = [
        _line(
            number(line.id),
            number(line.variant.id) if line.variant else "",
            line.sku,
            (line.quantity, line.current_quantity),
            line.original_unit_price_set and line.original_unit_price_set.shop_money.amount,
            sum(
                (s.allocated_amount_set.shop_money.amount for s in line.discount_allocations),
                Decimal(0),
            ),
            currency,
        )
        for line in order.line_items.nodes
        if line.requires_shipping
    ]
    return _order(
        order,
        number(order.id),
        lines,
        currency,
        (order.display_financial_status or "").lower(),
        (order.display_fulfillment_status or "").lower(),
        number(order.customer.id) if order.customer else None,
        takes_pending,
    )


def sign_of_hook(order: wire.HookOrder) -> Sign:
    """Return the sign of the order of a webhook: the same as of an answer that says the same."""
    units = sum(
        _or(line.current_quantity, line.quantity) for line in order.line_items if not line.gift_card
    )
    mark = _mark(order, units, order.financial_status or "", order.fulfillment_status or "")
    return Sign(str(order.id), mark)


def sign_of_answer(order: wire.Order) -> Sign:
    """Return the sign of the order of an answer, whichever document asked."""
    mark = _mark(
        order,
        order.current_subtotal_line_items_quantity,
        (order.display_financial_status or "").lower(),
        (order.display_fulfillment_status or "").lower(),
    )
    return Sign(number(order.id), mark)


def _mark(order: wire.HookOrder | wire.Order, units: int, financial: str, fulfillment: str) -> str:
    """Return a digest of what both forms say in the same words, as far as it costs little to ask.
    Of lines that is how many units they have; nobody wants those of a cancelled order."""
    there = order.shipping_address
    said = (
        _milliseconds(order.updated_at),
        order.cancelled_at and _milliseconds(order.cancelled_at),
        0 if order.cancelled_at else units,
        financial,
        fulfillment == "fulfilled",
        order.email or "",
        order.note or "",
        there and [value or "" for value in _place(there)],
    )
    return hashlib.blake2b(msgspec.json.encode(said), digest_size=12).hexdigest()


def _place(there: wire.HookAddress | wire.Address) -> tuple[str | None, ...]:
    return (
        there.name,
        there.company,
        there.address1,
        there.address2,
        there.city,
        there.province_code or there.province,
        there.zip,
        there.country_code,
        there.phone,
    )


def _or(value: int | None, other: int) -> int:
    return other if value is None else value


def _line(
    name: str,
    variant: str,
    sku: str | None,
    quantities: tuple[int, int],
    price: Decimal | None,
    off: Decimal,
    currency: str,
) -> ForeignLine:
    ordered, wanted = quantities
    unit_price = None
    if price is not None and ordered > 0:
        unit_price = max(minor(price - off / ordered, currency), 0)
    return ForeignLine(
        line=name,
        listing=variant or sku or "",
        sku=sku or None,
        quantity=wanted,
        unit_price=unit_price,
    )


def _order(
    order: wire.HookOrder | wire.Order,
    name: str,
    lines: Sequence[ForeignLine],
    currency: str,
    financial: str,
    fulfillment: str,
    customer: str | None,
    takes_pending: bool,
) -> ForeignOrder:
    state = "open"
    if order.cancelled_at:
        state = "cancelled"
    elif fulfillment == "fulfilled":
        state = "fulfilled"
    return ForeignOrder(
        order_id=name,
        version=_milliseconds(order.updated_at),
        state=state,
        ready=financial in _READY or (takes_pending and financial in _WAITING),
        payment=_PAYMENTS.get(financial),
        lines=tuple(sorted((x for x in lines if x.quantity > 0), key=lambda x: x.line)),
        currency=currency or None,
        ship_to=_address(order.shipping_address, order.email),
        customer=customer or order.email or None,
        note=order.note or None,
        placed_at=order.created_at.astimezone(UTC) if order.created_at else None,
    )


def _milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def _address(there: wire.HookAddress | wire.Address | None, email: str | None) -> Address | None:
    if there is None:
        return None
    country = there.country_code
    fields = {
        "name": there.name,
        "company": there.company,
        "line1": there.address1,
        "line2": there.address2,
        "city": there.city,
        "region": there.province_code or there.province,
        "postcode": there.zip,
        "country": country if country and len(country) == 2 else None,
        "phone": there.phone,
        "email": email,
    }
    if there.latitude is not None and there.longitude is not None:
        fields |= {"latitude": there.latitude, "longitude": there.longitude}
    return Address(**{name: value for name, value in fields.items() if value not in (None, "")})
