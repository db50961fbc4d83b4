"""TikTok Shop's documents, as far as we read them."""

from decimal import Decimal
from typing import Generic, TypeVar

import msgspec

Text = str | int | None
Kind = TypeVar("Kind")


class Answer(msgspec.Struct, Generic[Kind], frozen=True):
    """Any answer: its `data` alone is of interest, once `auth.check` saw its code."""

    data: Kind


class District(msgspec.Struct, frozen=True):
    """A part of an address, the country first: L0, L1, …"""

    address_level: str = ""
    address_name: str = ""


class Address(msgspec.Struct, frozen=True):
    """Where an order goes; not shown before it is paid and its cool-off has ended."""

    name: str | None = None
    phone_number: str | None = None
    region_code: str | None = None
    postal_code: str | None = None
    post_town: str | None = None
    address_line1: str | None = None
    address_line2: str | None = None
    address_detail: str | None = None
    district_info: list[District] | None = None


class Unit(msgspec.Struct, frozen=True):
    """A line item: always one unit."""

    id: Text
    sku_id: Text
    product_id: Text = None
    seller_sku: str | None = None
    sale_price: Decimal | None = None
    display_status: str | None = None
    package_id: Text = None
    package_status: str | None = None
    tracking_number: str | None = None


class Payment(msgspec.Struct, frozen=True):
    """What was paid, in which currency."""

    currency: str | None = None


class Order(msgspec.Struct, frozen=True):
    """An order. Times are seconds since 1970."""

    id: Text
    status: str
    update_time: int = 0
    create_time: int | None = None
    paid_time: int | None = None
    rts_sla_time: int | None = None  # until when it is to leave
    tts_sla_time: int | None = None  # until when its carrier is to have it
    collection_time: int | None = None
    is_cod: bool | None = None
    user_id: Text = None
    buyer_email: str | None = None
    buyer_message: str | None = None
    shipping_type: str | None = None
    delivery_option_id: Text = None
    payment: Payment | None = None
    recipient_address: Address | None = None
    line_items: list[Unit] | None = None


class Page(msgspec.Struct, frozen=True):
    """A page of orders."""

    orders: list[msgspec.Raw] = []
    next_page_token: str | None = None


class Stock(msgspec.Struct, frozen=True):
    """The units of a SKU in a warehouse that may be ordered."""

    warehouse_id: Text
    available_quantity: int = 0


class Sku(msgspec.Struct, frozen=True):
    """A SKU's stock."""

    id: Text
    total_available_quantity: int = 0
    warehouse_inventory: list[Stock] = []


class Product(msgspec.Struct, frozen=True):
    """A product's stock."""

    product_id: Text
    skus: list[Sku] = []


class Inventory(msgspec.Struct, frozen=True):
    """The stock of products."""

    inventory: list[Product] | None = None


class Wrong(msgspec.Struct, frozen=True):
    """Which SKU an error is about."""

    sku_id: Text = None


class Problem(msgspec.Struct, frozen=True):
    """An error of one SKU, in an answer whose code is 0."""

    code: int = 0
    message: str = ""
    detail: Wrong = Wrong()


class Updated(msgspec.Struct, frozen=True):
    """What of a stock update was not taken."""

    errors: list[Problem] | None = None


class Carrier(msgspec.Struct, frozen=True):
    """Somebody who carries parcels."""

    id: Text
    name: str = ""


class Carriers(msgspec.Struct, frozen=True):
    """Who may carry parcels of a delivery option."""

    shipping_providers: list[Carrier] = []


class Parted(msgspec.Struct, frozen=True):
    """A package that splitting made."""

    id: Text = None
    splittable_group_id: str = ""


class Split(msgspec.Struct, frozen=True):
    """What splitting made."""

    packages: list[Parted] = []


class PushData(msgspec.Struct, frozen=True):
    """What a push is about."""

    order_id: Text = None


class Push(msgspec.Struct, frozen=True):
    """A push: it says that something changed, not how it is now."""

    type: int = 0
    tts_notification_id: Text = None
    data: PushData = PushData()
