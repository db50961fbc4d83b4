"""The shop's documents, as far as we read them: an order as a webhook brings it (the older REST
form, ids as numbers) and as GraphQL answers (ids as gid://shopify/Kind/number)."""

from datetime import datetime
from decimal import Decimal
from typing import Generic, TypeVar

import msgspec

from engine.connectors.shopify.client import UserError

Text = str | int | float | None
Kind = TypeVar("Kind")


# A webhook.


class HookAddress(msgspec.Struct, frozen=True):
    """A shipping address."""

    name: str | None = None
    company: str | None = None
    address1: str | None = None
    address2: str | None = None
    city: str | None = None
    province: str | None = None
    province_code: str | None = None
    zip: str | None = None
    country_code: str | None = None
    phone: str | None = None
    latitude: float | None = None
    longitude: float | None = None


class HookShare(msgspec.Struct, frozen=True):
    """What a discount takes off a line, all its units together."""

    amount: Decimal = Decimal(0)


class HookLine(msgspec.Struct, frozen=True):
    """A line: `quantity` ordered at first, `current_quantity` left after edits and refunds."""

    id: Text
    variant_id: Text = None
    sku: str | None = None
    quantity: int = 0
    current_quantity: int | None = None
    requires_shipping: bool = True
    price: Decimal | None = None
    discount_allocations: list[HookShare] = []
    gift_card: bool = False


class HookCustomer(msgspec.Struct, frozen=True):
    """Who bought."""

    id: Text = None


class HookOrder(msgspec.Struct, frozen=True):
    """An order, as `orders/*` webhooks bring it."""

    id: Text
    updated_at: datetime
    created_at: datetime | None = None
    cancelled_at: datetime | None = None
    currency: str | None = None
    financial_status: str | None = None
    fulfillment_status: str | None = None
    email: str | None = None
    note: str | None = None
    customer: HookCustomer | None = None
    shipping_address: HookAddress | None = None
    line_items: list[HookLine] = []


class HookPart(msgspec.Struct, frozen=True):
    """The name of something in a webhook that is about a part of an order."""

    id: Text = None
    order_id: Text = None


class HookOther(msgspec.Struct, frozen=True):
    """Any webhook, as far as it says which order it is about."""

    id: Text = None
    order_id: Text = None
    order_edit: HookPart | None = None
    fulfillment_order: HookPart | None = None


# An answer.


class Named(msgspec.Struct, frozen=True):
    """Something with an id."""

    id: str


class PageInfo(msgspec.Struct, frozen=True, rename="camel"):
    """Whether more follows, and where it begins."""

    has_next_page: bool = False
    end_cursor: str | None = None


class Page(msgspec.Struct, Generic[Kind], frozen=True, rename="camel"):
    """A page of a connection."""

    nodes: list[Kind] = []
    page_info: PageInfo = PageInfo()


class Money(msgspec.Struct, frozen=True):
    """An amount, in the currency of whoever says it."""

    amount: Decimal = Decimal(0)


class Bag(msgspec.Struct, frozen=True, rename="camel"):
    """An amount, in the shop's currency."""

    shop_money: Money = Money()


class Share(msgspec.Struct, frozen=True, rename="camel"):
    """What a discount takes off a line, all its units together."""

    allocated_amount_set: Bag = Bag()


class Line(msgspec.Struct, frozen=True, rename="camel"):
    """A line, see `HookLine`."""

    id: str
    variant: Named | None = None
    sku: str | None = None
    quantity: int = 0
    current_quantity: int = 0
    requires_shipping: bool = True
    original_unit_price_set: Bag | None = None
    discount_allocations: list[Share] = []


class Address(msgspec.Struct, frozen=True, rename="camel"):
    """A shipping address."""

    name: str | None = None
    company: str | None = None
    address1: str | None = None
    address2: str | None = None
    city: str | None = None
    province: str | None = None
    province_code: str | None = None
    zip: str | None = None
    country_code: str | None = msgspec.field(name="countryCodeV2", default=None)
    phone: str | None = None
    latitude: float | None = None
    longitude: float | None = None


class Order(msgspec.Struct, frozen=True, rename="camel"):
    """An order, as GraphQL answers it."""

    id: str
    updated_at: datetime
    created_at: datetime | None = None
    cancelled_at: datetime | None = None
    currency_code: str | None = None
    display_financial_status: str | None = None
    display_fulfillment_status: str | None = None
    current_subtotal_line_items_quantity: int = 0
    email: str | None = None
    note: str | None = None
    customer: Named | None = None
    shipping_address: Address | None = None
    line_items: Page[Line] = Page()


class Location(msgspec.Struct, frozen=True):
    """Where a fulfillment order is to be worked on."""

    location: Named | None = None


class FulfillmentOrder(msgspec.Struct, frozen=True, rename="camel"):
    """A part of an order that one location sends."""

    id: str
    status: str = ""
    assigned_location: Location = Location()


class Tracking(msgspec.Struct, frozen=True):
    """A parcel's number."""

    number: str | None = None


class Fulfillment(msgspec.Struct, frozen=True, rename="camel"):
    """What has left, as the shop was told."""

    id: str
    status: str = ""
    tracking_info: list[Tracking] = []


class Shipping(msgspec.Struct, frozen=True, rename="camel"):
    """How far an order has been sent."""

    fulfillment_orders: Page[FulfillmentOrder] = Page()
    fulfillments: list[Fulfillment] = []


class PartLine(msgspec.Struct, frozen=True, rename="camel"):
    """Units of an order's line in a fulfillment order or in a fulfillment."""

    line_item: Named
    id: str = ""
    quantity: int = 0
    remaining_quantity: int = 0


class Transaction(msgspec.Struct, frozen=True, rename="camel"):
    """Money that came or went."""

    id: str
    kind: str = ""
    status: str = ""
    gateway: str | None = None
    maximum_refundable_v2: Money | None = msgspec.field(name="maximumRefundableV2", default=None)


class Note(msgspec.Struct, frozen=True):
    """A refund, by what was noted on it."""

    note: str | None = None


class Payments(msgspec.Struct, frozen=True):
    """What was paid and paid back."""

    refunds: list[Note] = []
    transactions: list[Transaction] = []


class Units(msgspec.Struct, frozen=True):
    """A quantity of some name."""

    quantity: int = 0


class Level(msgspec.Struct, frozen=True):
    """The stock of an item at a location."""

    quantities: list[Units] = []


class Item(msgspec.Struct, frozen=True, rename="camel"):
    """An inventory item, or a variant and its inventory item."""

    id: str = ""
    inventory_level: Level | None = None
    inventory_item: Named | None = None


class Hook(msgspec.Struct, frozen=True):
    """A webhook subscription."""

    id: str
    topic: str = ""
    uri: str = ""


class Done(msgspec.Struct, frozen=True, rename="camel"):
    """What came of a mutation, whichever: only what it did not take matters."""

    user_errors: list[UserError] = []
    order_cancel_user_errors: list[UserError] = []
