"""Walmart's documents, as far as we read them. Unknown fields are passed over; amounts and
quantities come as text or as numbers."""

from decimal import Decimal
from typing import Any

import msgspec

Number = str | int | float


class Token(msgspec.Struct, frozen=True):
    """An access token, good for `expires_in` seconds."""

    access_token: str
    expires_in: int = 900


class Amount(msgspec.Struct, frozen=True):
    """Money as a decimal number."""

    currency: str = "USD"
    amount: Number = 0

    @property
    def decimal(self) -> Decimal:
        """The number, exactly as it was written."""
        return Decimal(str(self.amount))


class Tax(msgspec.Struct, frozen=True, rename="camel"):
    """The tax on a charge."""

    tax_name: str = ""
    tax_amount: Amount = Amount()


class Charge(msgspec.Struct, frozen=True, rename="camel"):
    """What is charged for all units of a line."""

    charge_type: str = ""
    charge_name: str = ""
    charge_amount: Amount = Amount()
    tax: Tax | None = None


class Charges(msgspec.Struct, frozen=True):
    """Charges of a line."""

    charge: list[Charge] = []


class Units(msgspec.Struct, frozen=True):
    """A quantity."""

    amount: Number = 0

    @property
    def count(self) -> int:
        """Whole units."""
        return int(Decimal(str(self.amount)))


class Tracking(msgspec.Struct, frozen=True, rename="camel"):
    """How units travel."""

    tracking_number: str = ""


class Status(msgspec.Struct, frozen=True, rename="camel"):
    """So many units of a line stand so."""

    status: str
    status_quantity: Units = Units()
    tracking_info: Tracking | None = None


class Statuses(msgspec.Struct, frozen=True, rename="camel"):
    """How the units of a line stand."""

    order_line_status: list[Status] = []


class Item(msgspec.Struct, frozen=True):
    """What was bought."""

    sku: str


class RefundCharge(msgspec.Struct, frozen=True):
    """A part of a refund, negative."""

    charge: Charge = Charge()


class RefundCharges(msgspec.Struct, frozen=True, rename="camel"):
    """The parts of a refund."""

    refund_charge: list[RefundCharge] = []


class Refund(msgspec.Struct, frozen=True, rename="camel"):
    """What was paid back for a line. `refund_comments` is ours: it names our refunds."""

    refund_comments: str | None = None
    refund_charges: RefundCharges = RefundCharges()


class Line(msgspec.Struct, frozen=True, rename="camel"):
    """A line of an order."""

    line_number: str
    item: Item
    charges: Charges = Charges()
    order_line_quantity: Units = Units()
    status_date: int = 0
    order_line_statuses: Statuses = Statuses()
    refund: Refund | None = None
    intent_to_cancel: Any = None

    def units(self, *words: str) -> int:
        """Return how many units have one of these statuses."""
        rows = self.order_line_statuses.order_line_status
        return sum(row.status_quantity.count for row in rows if row.status in words)


class Lines(msgspec.Struct, frozen=True, rename="camel"):
    """Lines of an order."""

    order_line: list[Line] = []


class Postal(msgspec.Struct, frozen=True, rename="camel"):
    """Where it goes. The country has three letters."""

    name: str = ""
    address1: str = ""
    address2: str | None = ""
    city: str = ""
    state: str = ""
    postal_code: str = ""
    country: str = ""


class Shipping(msgspec.Struct, frozen=True, rename="camel"):
    """How it is to go; times are milliseconds since 1970."""

    phone: str | None = ""
    estimated_ship_date: int | None = None
    method_code: str = "Standard"
    postal_address: Postal = Postal()


class Order(msgspec.Struct, frozen=True, rename="camel"):
    """A purchase order: what one seller delivers of a customer's order."""

    purchase_order_id: str
    customer_order_id: str = ""
    customer_email_id: str | None = None
    order_date: int = 0
    shipping_info: Shipping = Shipping()
    order_lines: Lines = Lines()


class One(msgspec.Struct, frozen=True):
    """The answer to a call of one order."""

    order: Order


class Elements(msgspec.Struct, frozen=True):
    """Orders of a page, each as it came."""

    order: list[msgspec.Raw] = []


class Meta(msgspec.Struct, frozen=True, rename="camel"):
    """Of a page; `next_cursor` is a query string that is to be sent as it is."""

    next_cursor: str | None = None


class Page(msgspec.Struct, frozen=True):
    """Orders, page by page."""

    meta: Meta = Meta()
    elements: Elements | None = None


class Paged(msgspec.Struct, frozen=True):
    """The answer to a call for orders."""

    list: Page = Page()


class Inventory(msgspec.Struct, frozen=True):
    """What is shown of a SKU."""

    sku: str
    quantity: Units


class Fed(msgspec.Struct, frozen=True, rename="camel"):
    """A feed that was taken."""

    feed_id: str


class FeedError(msgspec.Struct, frozen=True):
    """Why a line of a feed was not taken."""

    code: str = ""
    description: str = ""


class FeedErrors(msgspec.Struct, frozen=True, rename="camel"):
    """Why a line of a feed was not taken."""

    ingestion_error: list[FeedError] | None = None


class FeedLine(msgspec.Struct, frozen=True, rename="camel"):
    """What became of a line of a feed."""

    sku: str = ""
    ingestion_status: str = ""
    ingestion_errors: FeedErrors | None = None


class FeedLines(msgspec.Struct, frozen=True, rename="camel"):
    """What became of lines of a feed."""

    item_ingestion_status: list[FeedLine] | None = None


class Feed(msgspec.Struct, frozen=True, rename="camel"):
    """How far a feed is."""

    feed_status: str
    items_received: int = 0
    item_details: FeedLines | None = None


class Hook(msgspec.Struct, frozen=True, rename="camel"):
    """A subscription."""

    subscription_id: str = ""
    event_type: str = ""
    event_url: str = ""
    status: str = ""


class Source(msgspec.Struct, frozen=True, rename="camel"):
    """What a push is about."""

    event_type: str = ""
    event_id: str = ""


class Named(msgspec.Struct, frozen=True, rename="camel"):
    """An order, by its name."""

    purchase_order_id: str = ""


class Payload(msgspec.Struct, frozen=True, rename="camel"):
    """What happened: events of one kind name the order here, updates of orders in `order`."""

    purchase_order_id: str = ""
    order: Named = Named()


class Push(msgspec.Struct, frozen=True):
    """A push."""

    source: Source = Source()
    payload: Payload = Payload()

    @property
    def order(self) -> str:
        """The order that it is about, empty for what is about none."""
        return self.payload.purchase_order_id or self.payload.order.purchase_order_id
