"""Magento's documents, as far as we read them. Unknown fields are passed over; quantities and
amounts come as numbers or as text, flags as numbers."""

from decimal import Decimal

import msgspec

Number = str | int | float | None


def units(value: Number) -> int:
    """Return whole units; half a unit of something is none that can be promised."""
    return int(Decimal(str(value or 0)))


class Address(msgspec.Struct, frozen=True):
    """A billing or shipping address."""

    firstname: str | None = ""
    lastname: str | None = ""
    company: str | None = ""
    street: list[str] | None = None
    city: str | None = ""
    region: str | None = ""
    postcode: str | None = ""
    country_id: str | None = ""
    telephone: str | None = ""
    email: str | None = ""


class Item(msgspec.Struct, frozen=True):
    """A line. One with a parent is what the parent is made of, in another row."""

    item_id: int
    sku: str = ""
    product_type: str | None = "simple"
    parent_item_id: int | None = None
    qty_ordered: Number = 0
    qty_canceled: Number = 0
    qty_refunded: Number = 0
    qty_shipped: Number = 0
    row_total: Number = None
    discount_amount: Number = None

    @property
    def to_ship(self) -> int:
        """Units that are still to leave, as the shop counts them."""
        gone = units(self.qty_canceled) + units(self.qty_refunded) + units(self.qty_shipped)
        return max(units(self.qty_ordered) - gone, 0)


class Shipping(msgspec.Struct, frozen=True):
    """Where a part of an order goes."""

    address: Address | None = None


class Assignment(msgspec.Struct, frozen=True):
    """A part of an order that goes to one place."""

    shipping: Shipping | None = None


class Extra(msgspec.Struct, frozen=True):
    """What modules add to an order."""

    shipping_assignments: list[Assignment] = []


class Order(msgspec.Struct, frozen=True):
    """An order. `increment_id` is what people call it, `entity_id` what calls do."""

    entity_id: int
    increment_id: str
    state: str | None = "new"
    created_at: str | None = None
    updated_at: str | None = None
    order_currency_code: str | None = None
    customer_email: str | None = None
    customer_note: str | None = None
    grand_total: Number = 0
    total_paid: Number = 0
    billing_address: Address | None = None
    items: list[Item] = []
    extension_attributes: Extra = Extra()


class Page(msgspec.Struct, frozen=True):
    """Some of what was searched. A shop that fails to make the page has no `items`, and says why
    in `message` of an answer of 200."""

    items: list[msgspec.Raw] | None = None
    total_count: int = 0


class Comment(msgspec.Struct, frozen=True):
    """A remark on a shipment or credit memo; ours name what they belong to."""

    comment: str | None = ""


class Document(msgspec.Struct, frozen=True):
    """A shipment, an invoice or a credit memo."""

    entity_id: int = 0
    comments: list[Comment] | None = None

    def has(self, mark: str) -> bool:
        """Whether a remark on it has this in it."""
        return any(mark in (row.comment or "") for row in self.comments or ())


class Documents(msgspec.Struct, frozen=True):
    """Documents of an order."""

    items: list[Document] = []


class SourceItem(msgspec.Struct, frozen=True):
    """What a source has of a SKU. Status 0: out of stock there, whatever the quantity."""

    sku: str
    source_code: str = ""
    quantity: Number = 0
    status: int = 1


class SourceItems(msgspec.Struct, frozen=True):
    """What sources have."""

    items: list[SourceItem] = []


class Salable(msgspec.Struct, frozen=True):
    """What shoppers of a website are shown of a SKU."""

    sku: str
    qty: Number = 0
    is_salable: bool = False

    @property
    def sure(self) -> bool:
        """Whether `qty` is what can be bought. None, and yet to be bought, is what a shop says of
        a product whose stock it does not manage, and of one that is made of others."""
        return bool(units(self.qty)) or not self.is_salable


class Salables(msgspec.Struct, frozen=True):
    """What shoppers of a website are shown of the SKUs of a search. The total is left out: before
    2.4.9 it is not more than the page."""

    items: list[Salable] = []


class SalesChannel(msgspec.Struct, frozen=True):
    """Where a stock sells: a website, by its code, or what a module adds."""

    type: str = ""
    code: str = ""


class StockExtra(msgspec.Struct, frozen=True):
    """What modules add to a stock."""

    sales_channels: list[SalesChannel] = []


class StockOf(msgspec.Struct, frozen=True):
    """A stock: what websites sell, from sources."""

    extension_attributes: StockExtra = StockExtra()


class Accepted(msgspec.Struct, frozen=True):
    """A bulk request that was taken."""

    bulk_uuid: str


class Operation(msgspec.Struct, frozen=True):
    """One of the requests in a bulk. Status 1: done; 2: failed, may be tried again; 3: failed;
    4: not yet; 5: refused."""

    id: int = 0
    status: int = 4
    result_message: str | None = ""


class Bulk(msgspec.Struct, frozen=True):
    """How far a bulk request is. `operation_count` are all that it has; the shop lists those that
    it has noted."""

    operations_list: list[Operation] = []
    operation_count: int = 0
