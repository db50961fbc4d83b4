"""The twin's orders: what they are, and how webhooks and answers show them."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from functools import lru_cache
from typing import Any

import msgspec

from engine.connectors.shopify.twin_api import PLACE, page

CURRENCY = "GBP"
ADDRESS = {
    "name": "Ada Lovelace",
    "company": None,
    "address1": "St James's Sq 12",
    "address2": None,
    "city": "London",
    "province": "England",
    "zip": "SW1Y 4JH",
    "phone": None,
    "latitude": 51.5,
    "longitude": -0.13,
}


class Line(msgspec.Struct, kw_only=True):
    """A line of an order: `current` of its `quantity` are still wanted."""

    id: int
    variant: int
    sku: str
    quantity: int
    current: int
    price: Decimal = Decimal("10.00")
    off: Decimal = Decimal(0)
    shipped: bool = True
    gift: bool = False


class Part(msgspec.Struct, kw_only=True):
    """A fulfillment order: `left` units of each line are to be sent from a location."""

    id: int
    left: dict[int, int]
    place: str = PLACE
    held: bool = False

    @property
    def status(self) -> str:
        """OPEN until all has left."""
        if self.held:
            return "ON_HOLD"
        return "OPEN" if any(self.left.values()) else "CLOSED"


class Sent(msgspec.Struct, kw_only=True):
    """A fulfillment."""

    id: int
    number: str
    company: str
    units: dict[int, int]


class Order(msgspec.Struct, kw_only=True):
    """An order. `back` are refunds as (note, amount), the latter None for one without money.
    `address` is what differs from the usual one; None for an order that is not sent anywhere."""

    id: int
    placed: datetime
    changed: datetime
    financial: str
    lines: list[Line]
    parts: list[Part]
    sent: list[Sent] = []
    back: list[tuple[str, Decimal | None]] = []
    cancelled: datetime | None = None
    note: str | None = None
    address: dict[str, str | None] | None = {}

    @property
    def units(self) -> int:
        """What is still wanted, but for gift cards."""
        return sum(line.current for line in self.lines if not line.gift)

    @property
    def total(self) -> Decimal:
        """What it cost."""
        return sum((line.price * line.quantity - line.off for line in self.lines), Decimal(0))

    @property
    def refundable(self) -> Decimal:
        """What may still be paid back."""
        paid = self.total if self.financial in ("PAID", "PARTIALLY_REFUNDED") else Decimal(0)
        return paid - sum((amount or 0 for _, amount in self.back), Decimal(0))

    @property
    def fulfillment(self) -> str:
        """How far it has been sent."""
        if not self.sent:
            return "UNFULFILLED"
        done = not any(sum(part.left.values()) for part in self.parts)
        return "FULFILLED" if done else "PARTIALLY_FULFILLED"


@lru_cache(maxsize=2**16)  # each page of a shop with many orders looks at it of all of them
def text(at: datetime | None) -> str | None:
    """Return a time as GraphQL shows it, to the second."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if at else None


def money(amount: Decimal) -> dict[str, Any]:
    """Return an amount as GraphQL shows it."""
    return {"shopMoney": {"amount": str(amount), "currencyCode": CURRENCY}}


def gid(kind: str, number: int) -> str:
    """Return how GraphQL names something."""
    return f"gid://shopify/{kind}/{number}"


def graph(order: Order) -> dict[str, Any]:
    """Return an order as GraphQL answers it."""
    lines = [graph_line(line) for line in order.lines]
    parts = [graph_part(order, part) for part in order.parts]
    sent = [graph_sent(one) for one in order.sent]
    back = [{"id": gid("Refund", at), "note": note} for at, (note, _) in enumerate(order.back)]
    paid = {
        "id": gid("OrderTransaction", order.id),
        "kind": "SALE",
        "status": "SUCCESS" if order.financial != "PENDING" else "PENDING",
        "gateway": "bogus",
        "maximumRefundableV2": {"amount": str(order.refundable), "currencyCode": CURRENCY},
    }
    return {
        "__typename": "Order",
        "id": gid("Order", order.id),
        "updatedAt": text(order.changed),
        "createdAt": text(order.placed),
        "cancelledAt": text(order.cancelled),
        "currencyCode": CURRENCY,
        "displayFinancialStatus": order.financial,
        "displayFulfillmentStatus": order.fulfillment,
        "currentSubtotalLineItemsQuantity": order.units,
        "email": "ada@example.org",
        "note": order.note,
        "customer": {"id": gid("Customer", 207119551)},
        "shippingAddress": _address(order, id="1", provinceCode="ENG", countryCodeV2="GB"),
        "lineItems": lambda _, first, after=None: page(lines, first, after),
        "fulfillmentOrders": lambda _, first, after=None: page(parts, first, after),
        "fulfillments": lambda _, first=None: sent[:first],
        "refunds": lambda _, first=None: back[:first],
        "transactions": lambda _, first=None: [paid][:first],
    }


def graph_line(line: Line) -> dict[str, Any]:
    """Return a line as GraphQL answers it."""
    return {
        "id": gid("LineItem", line.id),
        "sku": line.sku,
        "quantity": line.quantity,
        "currentQuantity": line.current,
        "requiresShipping": line.shipped,
        "variant": {"id": gid("ProductVariant", line.variant)},
        "originalUnitPriceSet": money(line.price),
        "discountAllocations": [{"allocatedAmountSet": money(line.off)}] if line.off else [],
    }


def graph_part(order: Order, part: Part) -> dict[str, Any]:
    """Return a fulfillment order as GraphQL answers it."""
    rows = [
        {
            "id": gid("FulfillmentOrderLineItem", number),
            "lineItem": {"id": gid("LineItem", number)},
            "remainingQuantity": units,
            "totalQuantity": units,
        }
        for number, units in part.left.items()
    ]
    return {
        "id": gid("FulfillmentOrder", part.id),
        "orderId": gid("Order", order.id),
        "status": "CLOSED" if order.cancelled else part.status,
        "assignedLocation": {"location": {"id": part.place}},
        "lineItems": lambda _, first, after=None: page(rows, first, after),
    }


def graph_sent(one: Sent) -> dict[str, Any]:
    """Return a fulfillment as GraphQL answers it."""
    rows = [
        {"id": "1", "quantity": units, "lineItem": {"id": gid("LineItem", number)}}
        for number, units in one.units.items()
    ]
    return {
        "id": gid("Fulfillment", one.id),
        "status": "SUCCESS",
        "trackingInfo": lambda _, first=None: [{"number": one.number, "company": one.company}],
        "fulfillmentLineItems": lambda _, first, after=None: page(rows, first, after),
    }


def pushed(order: Order) -> dict[str, Any]:
    """Return an order as webhooks bring it."""
    fulfillment = {"FULFILLED": "fulfilled", "PARTIALLY_FULFILLED": "partial"}
    return {
        "id": order.id,
        "admin_graphql_api_id": gid("Order", order.id),
        "name": f"#{order.id}",
        "updated_at": _local(order.changed),
        "created_at": _local(order.placed),
        "cancelled_at": _local(order.cancelled),
        "currency": CURRENCY,
        "financial_status": order.financial.lower(),
        "fulfillment_status": fulfillment.get(order.fulfillment),
        "email": "ada@example.org",
        "note": order.note,
        "customer": {"id": 207119551, "email": "ada@example.org"},
        "shipping_address": _address(order, province_code="ENG", country_code="GB"),
        "line_items": [
            {
                "id": line.id,
                "variant_id": line.variant,
                "sku": line.sku,
                "quantity": line.quantity,
                "current_quantity": line.current,
                "requires_shipping": line.shipped,
                "gift_card": line.gift,
                "price": str(line.price),
                "discount_allocations": [{"amount": str(line.off)}] if line.off else [],
            }
            for line in order.lines
        ],
    }


def _address(order: Order, **codes: str) -> dict[str, Any] | None:
    return None if order.address is None else ADDRESS | codes | order.address


def _local(at: datetime | None) -> str | None:
    """Return a time as webhooks show it: with the offset of the shop's own clock."""
    zone = timezone(timedelta(hours=-5))
    return at.astimezone(zone).isoformat(timespec="seconds") if at else None
