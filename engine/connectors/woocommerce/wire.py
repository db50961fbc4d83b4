"""WooCommerce's documents, as far as we read them. Unknown fields are passed over; what is
sometimes a string and sometimes a number is taken as either."""

from typing import Any

import msgspec

Text = str | int | float | None


class Address(msgspec.Struct, frozen=True):
    """A billing or shipping address; all of it may be empty."""

    first_name: str = ""
    last_name: str = ""
    company: str = ""
    address_1: str = ""
    address_2: str = ""
    city: str = ""
    state: str = ""
    postcode: str = ""
    country: str = ""
    email: str = ""
    phone: str = ""


class Line(msgspec.Struct, frozen=True):
    """A line item. `price` is of one unit, `total` of all of them, after discounts."""

    id: int
    product_id: int = 0
    variation_id: int = 0
    quantity: int = 0
    sku: str | None = None
    total: Text = None


class RefundLine(msgspec.Struct, frozen=True):
    """A line of a refund. Its quantity is negative; which line it is of stands in `meta_data`."""

    id: int = 0
    quantity: int = 0
    meta_data: list[dict[str, Any]] = []

    @property
    def line(self) -> str:
        """The id of the order's line, empty if it does not say."""
        for row in self.meta_data:
            if row.get("key") == "_refunded_item_id":
                return str(row.get("value"))
        return ""


class Refund(msgspec.Struct, frozen=True):
    """A refund: of an amount, and of lines if any are named."""

    id: int
    reason: str | None = ""
    line_items: list[RefundLine] = []


class RefundRef(msgspec.Struct, frozen=True):
    """A refund as an order mentions it."""

    id: int


class Order(msgspec.Struct, frozen=True):
    """An order. `refunded` is not the shop's: whoever fetches an order puts its refunds there."""

    id: int
    status: str
    currency: str = ""
    date_created_gmt: str | None = None
    date_modified_gmt: str | None = None
    date_paid_gmt: str | None = None
    customer_id: int = 0
    customer_note: str | None = ""
    billing: Address = Address()
    shipping: Address = Address()
    line_items: list[Line] = []
    refunds: list[RefundRef] = []
    refunded: list[Refund] | None = None


class Hook(msgspec.Struct, frozen=True):
    """A webhook as the shop has it."""

    id: int
    status: str
    topic: str
    delivery_url: str


class Product(msgspec.Struct, frozen=True):
    """A product or a variation, as far as its stock goes. In an answer to a batch, `error` says why
    it was not changed."""

    id: int
    stock_quantity: int | None = None
    manage_stock: bool | str | None = None
    error: dict[str, Any] | None = None


class Batch(msgspec.Struct, frozen=True):
    """The answer to a batch."""

    update: list[Product] = []
