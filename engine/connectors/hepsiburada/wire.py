"""Hepsiburada's documents, as far as we read them. Times are Istanbul's, without saying so. Most
names are in camelCase, those of what was delivered in PascalCase."""

from decimal import Decimal

import msgspec

Text = str | int | None


class Money(msgspec.Struct, frozen=True):
    """An amount."""

    amount: Decimal | None = None
    currency: str | None = None


class Address(msgspec.Struct, frozen=True, rename="camel"):
    """Where it goes."""

    name: str | None = None
    address: str | None = None
    district: str | None = None
    town: str | None = None
    city: str | None = None
    country_code: str | None = None
    postal_code: Text = None
    phone_number: Text = None
    email: str | None = None


class Line(msgspec.Struct, frozen=True, rename="camel"):
    """A line of an order, which is in a package if it has its number."""

    id: Text = None
    order_number: Text = None
    sku: Text = None
    merchant_sku: Text = msgspec.field(default=None, name="merchantSKU")
    quantity: int = 0
    status: str | None = None
    unit_price: Money = Money()
    due_date: str | None = None
    last_status_update_date: str | None = None
    package_number: Text = None

    @property
    def word(self) -> str:
        """Its status in lower case."""
        return (self.status or "").strip().lower()


class Customer(msgspec.Struct, frozen=True, rename="camel"):
    """Who ordered."""

    customer_id: Text = None
    name: str | None = None


class Note(msgspec.Struct, frozen=True):
    """What the buyer wrote."""

    value: str | None = None


class Order(msgspec.Struct, frozen=True, rename="camel"):
    """An order, all of its lines."""

    order_number: Text = None
    order_date: str | None = None
    payment_status: str | None = None
    customer: Customer | None = None
    delivery_address: Address | None = None
    items: list[Line] = []
    order_note: Note | None = None


class Lines(msgspec.Struct, frozen=True, rename="camel"):
    """A page of lines."""

    items: list[Line] = []
    total_count: int | None = None


class Cancelled(msgspec.Struct, frozen=True, rename="camel"):
    """A line that was cancelled."""

    line_item_id: Text = None
    order_number: Text = None
    cancel_date: str | None = None


class CancelledLines(msgspec.Struct, frozen=True, rename="camel"):
    """A page of them."""

    items: list[Cancelled] = []
    total_count: int | None = None


class PackageItem(msgspec.Struct, frozen=True, rename="camel"):
    """A line in a package."""

    order_number: Text = None


class Package(msgspec.Struct, frozen=True, rename="camel"):
    """A package that is packed. One package may have lines of several orders."""

    package_number: Text = None
    status: str | None = None
    items: list[PackageItem] = []


class Arrived(msgspec.Struct, frozen=True, rename="pascal"):
    """A package that was delivered, or could not be."""

    package_number: Text = None
    order_number: Text = None
    order_numbers: list[Text] | None = None

    @property
    def orders(self) -> list[str]:
        """The orders in it."""
        return [str(name) for name in self.order_numbers or [self.order_number] if name]


class Arrivals(msgspec.Struct, frozen=True, rename="camel"):
    """A page of them."""

    items: list[Arrived] = []
    total_count: int | None = None


class Tracking(msgspec.Struct, frozen=True, rename="camel"):
    """How a package travels."""

    status: str | None = None
    tracking_info_code: Text = None
    tracking_info_url: str | None = None


class Boxed(msgspec.Struct, frozen=True, rename="camel"):
    """What a new package is called."""

    package_number: Text


class Taken(msgspec.Struct, frozen=True):
    """What an upload is called, once it is taken in."""

    id: str


class UploadError(msgspec.Struct, frozen=True, rename="camel"):
    """Why a row of an upload was refused."""

    hepsiburada_sku: Text = None
    merchant_sku: Text = None
    errors: list[str] | None = None


class Upload(msgspec.Struct, frozen=True):
    """What became of an upload."""

    status: str | None = None
    errors: list[UploadError] | None = None


class Listing(msgspec.Struct, frozen=True, rename="camel"):
    """A listing and its stock."""

    hepsiburada_sku: Text = None
    available_stock: int | None = None


class Listings(msgspec.Struct, frozen=True):
    """A page of them."""

    listings: list[Listing] = []
