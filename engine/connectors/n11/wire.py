"""n11's documents, as far as we read them. Numbers come as text and text as numbers; times as
milliseconds or as Istanbul's date."""

from decimal import Decimal

import msgspec

Number = int | str | None


class Address(msgspec.Struct, frozen=True, rename="camel"):
    """Where it goes."""

    address: str | None = None
    city: str | None = None
    district: str | None = None
    neighborhood: str | None = None
    full_name: str | None = None
    gsm: Number = None
    postal_code: Number = None


class Line(msgspec.Struct, frozen=True, rename="camel"):
    """A line of a package. `price` is of one unit, before discounts."""

    order_line_id: Number = None
    stock_code: Number = None
    quantity: int = 0
    price: Decimal | None = None


class Package(msgspec.Struct, frozen=True, rename="camel"):
    """A package. Its number is missing where the buyer fetches it."""

    id: Number = None
    order_number: Number = None
    shipment_package_status: str | None = None
    last_modified_date: Number = None
    agreed_delivery_date: Number = None
    customer_id: Number = None
    customer_email: str | None = None
    customer_full_name: str | None = msgspec.field(default=None, name="customerfullName")
    shipping_address: Address | None = None
    cargo_sender_number: Number = None
    cargo_tracking_link: str | None = None
    lines: list[Line] | None = None

    @property
    def word(self) -> str:
        """Its status in lower case: they write some in two ways."""
        return (self.shipment_package_status or "").strip().lower()

    @property
    def is_new(self) -> bool:
        """Whether it is to be accepted yet."""
        return self.word == "created"


class Page(msgspec.Struct, frozen=True, rename="camel"):
    """A page of packages, as they came."""

    content: list[msgspec.Raw] = []
    total_pages: int | None = None


class Order(msgspec.Struct, frozen=True, rename="camel"):
    """All packages of an order: our own envelope."""

    packages: list[Package]


class Task(msgspec.Struct, frozen=True):
    """What became of a task when it was handed in. IN_QUEUE is no success yet."""

    id: int | str | None = None
    status: str = ""
    reasons: list[str] | None = None


class TaskItem(msgspec.Struct, frozen=True, rename="camel"):
    """What became of one row of a task."""

    item_code: Number = None
    status: str | None = None
    reasons: list[str] | None = None


class TaskItems(msgspec.Struct, frozen=True):
    """A page of them."""

    content: list[TaskItem] = []


class TaskPage(msgspec.Struct, frozen=True):
    """The answer about a task."""

    skus: TaskItems = TaskItems()


class Product(msgspec.Struct, frozen=True, rename="camel"):
    """A listing and its stock."""

    stock_code: Number = None
    quantity: int | None = None


class Products(msgspec.Struct, frozen=True, rename="camel"):
    """A page of listings."""

    content: list[Product] = []
    total_pages: int | None = None
