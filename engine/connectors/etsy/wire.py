"""Etsy's documents, as far as we read them. Unknown fields are passed over; what Etsy leaves out is
empty. Times are seconds since 1970."""

import msgspec


class Money(msgspec.Struct, frozen=True):
    """An amount of `amount` / `divisor`."""

    amount: int = 0
    divisor: int = 100
    currency_code: str = ""


class Transaction(msgspec.Struct, frozen=True):
    """A line of a receipt; `price` is of one unit."""

    transaction_id: int
    listing_id: int | None = None
    sku: str | None = None
    quantity: int = 0
    price: Money | None = None
    is_digital: bool = False
    expected_ship_date: int | None = None


class Shipment(msgspec.Struct, frozen=True):
    """A parcel that Etsy was told of."""

    tracking_code: str | None = None
    carrier_name: str | None = None


class Receipt(msgspec.Struct, frozen=True):
    """An order."""

    receipt_id: int
    status: str = ""
    is_paid: bool = False
    is_shipped: bool = False
    created_timestamp: int = 0
    updated_timestamp: int = 0
    buyer_user_id: int | None = None
    message_from_buyer: str | None = None
    name: str | None = None
    first_line: str | None = None
    second_line: str | None = None
    city: str | None = None
    state: str | None = None
    zip: str | None = None
    country_iso: str | None = None
    shipments: list[Shipment] | None = None
    transactions: list[Transaction] | None = None


class Receipts(msgspec.Struct, frozen=True):
    """A page of orders, each as it came; `count` is how many there are on all pages."""

    count: int = 0
    results: list[msgspec.Raw] = []


class Push(msgspec.Struct, frozen=True):
    """A push: what happened, and the address of what it happened to."""

    event_type: str = ""
    resource_url: str = ""


class PropertyValue(msgspec.Struct, frozen=True):
    """In what a variation differs: a colour, say."""

    property_id: int
    property_name: str | None = None
    scale_id: int | None = None
    value_ids: list[int] = []
    values: list[str] = []


class Offering(msgspec.Struct, frozen=True):
    """How many of a variation there are, and at what price. One that is not enabled is hidden from
    shoppers."""

    quantity: int = 0
    is_enabled: bool = True
    is_deleted: bool = False
    price: Money = Money()
    readiness_state_id: int | None = None


class Product(msgspec.Struct, frozen=True):
    """A variation of a listing; one without variations has one product."""

    sku: str | None = None
    is_deleted: bool = False
    offerings: list[Offering] = []
    property_values: list[PropertyValue] = []


class Listing(msgspec.Struct, frozen=True):
    """A listing: `active`, `inactive`, `sold_out`, `draft` or `expired`."""

    state: str = "active"


class Inventory(msgspec.Struct, frozen=True):
    """All products of a listing, and by which properties price, quantity and the rest differ."""

    products: list[Product] = []
    price_on_property: list[int] = []
    quantity_on_property: list[int] = []
    sku_on_property: list[int] = []
    readiness_state_on_property: list[int] | None = None
    listing: Listing | None = None


class Row(msgspec.Struct, frozen=True):
    """A listing with its inventory; None where the seller never set one."""

    listing_id: int
    state: str = "active"
    inventory: Inventory | None = None


class Rows(msgspec.Struct, frozen=True):
    """Several of them."""

    results: list[Row] = []
