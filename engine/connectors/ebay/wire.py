"""eBay's documents, as far as we read them. Unknown fields are passed over; what eBay leaves out is
empty."""

from typing import Any

import msgspec


class Token(msgspec.Struct, frozen=True):
    """An access token, and the seconds that it lives."""

    access_token: str
    expires_in: float = 7_200.0


class Proof(msgspec.Struct, frozen=True):
    """What `X-EBAY-SIGNATURE` holds: by which key, and the signature in base64."""

    kid: str
    signature: str


class PublicKey(msgspec.Struct, frozen=True):
    """A key that pushes are signed with; `digest` is what the signature is over."""

    key: str
    algorithm: str = "ECDSA"
    digest: str = "SHA1"


class Metadata(msgspec.Struct, frozen=True):
    """What a push is about."""

    topic: str = ""


class Notice(msgspec.Struct, frozen=True, rename="camel"):
    """What happened. The same notice may come again, under the same id."""

    notification_id: str
    data: dict[str, Any] = {}


class Push(msgspec.Struct, frozen=True):
    """A push."""

    metadata: Metadata
    notification: Notice


class Amount(msgspec.Struct, frozen=True):
    """Money: a decimal as text."""

    value: str | float | int = "0"
    currency: str = ""


class Refund(msgspec.Struct, frozen=True, rename="camel"):
    """A refund of an order or a line."""

    amount: Amount = Amount()
    refund_date: str | None = None
    refund_status: str | None = None


class Line(msgspec.Struct, frozen=True, rename="camel"):
    """A line. `total` is of all its units, with discounts, shipping and taxes; `line_item_cost`
    without, `discounted_line_item_cost` if there is a discount."""

    line_item_id: str
    quantity: int = 0
    sku: str | None = None
    legacy_item_id: str | None = None
    legacy_variation_id: str | None = None
    line_item_cost: Amount | None = None
    discounted_line_item_cost: Amount | None = None
    line_item_fulfillment_instructions: dict[str, Any] = {}
    refunds: list[Refund] = []


class CancelStatus(msgspec.Struct, frozen=True, rename="camel"):
    """Whether an order is cancelled."""

    cancel_state: str = "NONE_REQUESTED"


class Contact(msgspec.Struct, frozen=True, rename="camel"):
    """Where an order goes."""

    full_name: str | None = None
    company_name: str | None = None
    contact_address: dict[str, Any] = {}


class ShippingStep(msgspec.Struct, frozen=True, rename="camel"):
    """How it travels."""

    ship_to: Contact | None = None


class Instruction(msgspec.Struct, frozen=True, rename="camel"):
    """How an order is to be fulfilled."""

    shipping_step: ShippingStep | None = None


class Payments(msgspec.Struct, frozen=True):
    """What was paid, and paid back."""

    refunds: list[Refund] = []


class Buyer(msgspec.Struct, frozen=True):
    """Who bought."""

    username: str | None = None


class Order(msgspec.Struct, frozen=True, rename="camel"):
    """An order."""

    order_id: str
    creation_date: str = ""
    last_modified_date: str = ""
    order_payment_status: str = ""
    order_fulfillment_status: str = ""
    cancel_status: CancelStatus = CancelStatus()
    buyer: Buyer = Buyer()
    buyer_checkout_notes: str | None = None
    fulfillment_start_instructions: list[Instruction] = []
    line_items: list[Line] = []
    payment_summary: Payments = Payments()
    pricing_summary: dict[str, Any] = {}


class Page(msgspec.Struct, frozen=True):
    """A page of orders, each as it came."""

    orders: list[msgspec.Raw] = []
    total: int = 0


class Parcel(msgspec.Struct, frozen=True, rename="camel"):
    """A shipping fulfillment."""

    line_items: list[dict[str, Any]] = []
    shipment_tracking_number: str | None = None
    shipped_date: str | None = None


class Parcels(msgspec.Struct, frozen=True):
    """The shipping fulfillments of an order."""

    fulfillments: list[Parcel] = []


class Row(msgspec.Struct, frozen=True, rename="camel"):
    """What became of one inventory item or offer in a bulk call."""

    status_code: int = 200
    sku: str | None = None
    offer_id: str | None = None
    errors: list[dict[str, Any]] = []
    inventory_item: dict[str, Any] = {}


class Rows(msgspec.Struct, frozen=True):
    """The answer to a bulk call."""

    responses: list[Row] = []


class Subscription(msgspec.Struct, frozen=True, rename="camel"):
    """A topic that eBay pushes to a destination of ours."""

    subscription_id: str
    topic_id: str = ""
    status: str = "ENABLED"


class Subscriptions(msgspec.Struct, frozen=True):
    """Those of an account."""

    subscriptions: list[Subscription] = []
