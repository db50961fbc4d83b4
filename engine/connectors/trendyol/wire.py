"""Trendyol's documents, as far as we read them. Numbers come as text and text as numbers; the same
field has one name in the older and another in the newer API."""

from decimal import Decimal

import msgspec

Number = int | str | None


class Address(msgspec.Struct, frozen=True, rename="camel"):
    """Where it goes."""

    first_name: str | None = None
    last_name: str | None = None
    company: str | None = None
    address1: str | None = None
    address2: str | None = None
    full_address: str | None = None
    city: str | None = None
    district: str | None = None
    postal_code: Number = None
    country_code: str | None = None
    phone: Number = None


class Line(msgspec.Struct, frozen=True, rename="camel"):
    """A line of a package."""

    line_id: Number = None
    id: Number = None
    barcode: Number = None
    stock_code: Number = None
    merchant_sku: Number = None
    quantity: int = 0
    line_unit_price: Decimal | None = None
    price: Decimal | None = None

    @property
    def number(self) -> str:
        """Its number, by either name."""
        return str(self.line_id or self.id or "")


class Package(msgspec.Struct, frozen=True, rename="camel"):
    """A package. `order_date` is ahead of UTC by three hours, `last_modified_date` is not; both are
    milliseconds since 1970."""

    order_number: Number = None
    shipment_package_id: Number = None
    id: Number = None
    status: str | None = None
    shipment_package_status: str | None = None
    order_date: int | None = None
    last_modified_date: int = 0
    agreed_delivery_date: int | None = None
    currency_code: str | None = None
    customer_id: Number = None
    customer_email: str | None = None
    shipment_address: Address | None = None
    cargo_tracking_number: Number = None
    cargo_tracking_link: str | None = None
    created_by: str | None = None
    origin_package_ids: list[Number] | None = None
    lines: list[Line] | None = None

    @property
    def number(self) -> str:
        """Its number, by either name."""
        return str(self.shipment_package_id or self.id or "")

    @property
    def word(self) -> str:
        """Its status, by either name."""
        return self.status or self.shipment_package_status or ""


class Push(Package, frozen=True, rename="camel"):
    """A push: a package, or a page with one."""

    content: list[Package] | None = None


class Page(msgspec.Struct, frozen=True, rename="camel"):
    """A page of packages, as they came: from the stream, which says whether more follow."""

    content: list[msgspec.Raw] = []
    has_more: bool | None = None
    next_cursor: str | None = None
    total_pages: int | None = None


class Order(msgspec.Struct, frozen=True, rename="camel"):
    """All packages of an order: our own envelope."""

    packages: list[Package]


class Taken(msgspec.Struct, frozen=True, rename="camel"):
    """What a batch is called, once it is taken in."""

    batch_request_id: str


class BatchItem(msgspec.Struct, frozen=True, rename="camel"):
    """What became of one row of a batch."""

    request_item: dict = {}
    status: str | None = None
    failure_reasons: list[str] | None = None


class Batch(msgspec.Struct, frozen=True, rename="camel"):
    """What became of a batch. For stock, only the rows have a status."""

    items: list[BatchItem] | None = None


class Variant(msgspec.Struct, frozen=True, rename="camel"):
    """A listing's stock; `quantity` stands there by itself, or in `stock`."""

    barcode: Number = None
    quantity: int | None = None
    stock: dict | int | None = None

    @property
    def shown(self) -> int | None:
        """The quantity, from either place."""
        if self.quantity is not None:
            return self.quantity
        found = self.stock.get("quantity") if isinstance(self.stock, dict) else self.stock
        return found if isinstance(found, int) else None


class Content(Variant, frozen=True, rename="camel"):
    """A product: with its variants, or as the only one."""

    variants: list[Variant] | None = None


class Products(msgspec.Struct, frozen=True):
    """A page of products."""

    content: list[Content] = []


class Hook(msgspec.Struct, frozen=True):
    """A webhook as Trendyol has it."""

    id: str
    url: str = ""
    status: str = ""
