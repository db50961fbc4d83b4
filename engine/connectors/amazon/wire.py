"""Amazon's documents, as far as we read them. Unknown fields are passed over."""

from typing import Any

import msgspec


class _Camel(msgspec.Struct, frozen=True, rename="camel"):
    """The API spells names like this."""


class _Pascal(msgspec.Struct, frozen=True, rename="pascal"):
    """Notifications spell names like this."""


class Money(_Camel, frozen=True):
    """An amount, as a decimal."""

    amount: str | float | None = None
    currency_code: str = ""


class Price(_Camel, frozen=True):
    """What one unit costs."""

    unit_price: Money | None = None


class Product(_Camel, frozen=True):
    """What was bought; `seller_sku` is the listing."""

    seller_sku: str | None = None
    price: Price | None = None


class ItemFulfillment(_Camel, frozen=True):
    """Units that have left, and those that are still to."""

    quantity_fulfilled: int | None = None
    quantity_unfulfilled: int | None = None


class CancelRequest(_Camel, frozen=True):
    """Somebody, the buyer that is, would like the item to be cancelled."""

    requester: str | None = None
    cancel_reason: str | None = None


class Cancellation(_Camel, frozen=True):
    """What was asked for, and what was done."""

    cancellation_request: CancelRequest | None = None
    cancellation_execution: dict[str, Any] | None = None


class Item(_Camel, frozen=True):
    """A line of an order."""

    order_item_id: str
    product: Product = Product()
    quantity_ordered: int = 0
    fulfillment: ItemFulfillment = ItemFulfillment()
    cancellation: Cancellation = Cancellation()


class Address(_Camel, frozen=True):
    """Where it goes. Amazon holds it back until the order is paid, and from whoever may not see
    it."""

    name: str | None = None
    company_name: str | None = None
    address_line1: str | None = None
    address_line2: str | None = None
    address_line3: str | None = None
    city: str | None = None
    state_or_region: str | None = None
    postal_code: str | None = None
    country_code: str | None = None
    phone: str | None = None


class Recipient(_Camel, frozen=True):
    """Who gets it."""

    delivery_address: Address | None = None


class Buyer(_Camel, frozen=True):
    """Who bought it; the address is one of Amazon's, for this seller."""

    buyer_email: str | None = None


class Window(_Camel, frozen=True):
    """From when until when."""

    latest_date_time: str | None = None


class Fulfillment(_Camel, frozen=True):
    """Where the order is on its way, and who is to ship it: MERCHANT or AMAZON."""

    fulfillment_status: str = "PENDING"
    fulfilled_by: str | None = None
    ship_by_window: Window | None = None


class Package(_Camel, frozen=True):
    """A parcel that was confirmed."""

    package_reference_id: str


class Channel(_Camel, frozen=True):
    """Where it was sold."""

    marketplace_id: str | None = None


class Order(_Camel, frozen=True):
    """An order, with the data sets that we ask for."""

    order_id: str
    created_time: str
    last_updated_time: str
    sales_channel: Channel = Channel()
    fulfillment: Fulfillment = Fulfillment()
    buyer: Buyer | None = None
    recipient: Recipient | None = None
    order_items: list[Item] = []
    packages: list[Package] = []


class OneOrder(_Camel, frozen=True):
    """The answer of getOrder, its order as it came."""

    order: msgspec.Raw


class Pagination(_Camel, frozen=True):
    """Where the next page is, if there is one."""

    next_token: str | None = None


class Orders(_Camel, frozen=True):
    """The answer of searchOrders, its orders as they came."""

    orders: list[msgspec.Raw] = []
    pagination: Pagination | None = None


class Issue(_Camel, frozen=True):
    """What Amazon has against a listing or a message of a feed."""

    message: str = ""
    code: str = ""
    severity: str = "ERROR"
    sku: str | None = None


class Submission(_Camel, frozen=True):
    """The answer to a patch. ACCEPTED: it will be applied."""

    status: str = ""
    issues: list[Issue] = []


class Availability(_Camel, frozen=True):
    """Units of a listing; the channel DEFAULT is the seller's own."""

    fulfillment_channel_code: str
    quantity: int | None = None


class Listing(_Camel, frozen=True):
    """A listing, as far as its stock goes."""

    sku: str
    fulfillment_availability: list[Availability] = []


class Listings(_Camel, frozen=True):
    """The answer of searchListingsItems."""

    items: list[Listing] = []


class Feed(_Camel, frozen=True):
    """A feed, and where its report is once it is DONE."""

    feed_id: str
    processing_status: str = "IN_QUEUE"
    result_feed_document_id: str | None = None


class Handed(_Camel, frozen=True):
    """A feed that was taken."""

    feed_id: str


class FeedDocument(_Camel, frozen=True):
    """Where a feed's document is to be put, or its report to be read."""

    feed_document_id: str
    url: str
    compression_algorithm: str | None = None


class Summary(_Camel, frozen=True):
    """How many messages of a feed were taken."""

    messages_processed: int = 0
    messages_accepted: int = 0


class Report(_Camel, frozen=True):
    """What became of a feed of listings. Issues without a message are of the whole feed."""

    issues: list[Issue] = []
    summary: Summary = Summary()


# ORDER_CHANGE.


class ChangedItem(_Pascal, frozen=True):
    """A line, as the notification has it."""

    order_item_id: str
    seller_sku: str = msgspec.field(name="SellerSKU", default="")
    quantity: int = 0


class ChangeSummary(_Pascal, frozen=True):
    """The order in short."""

    order_status: str
    fulfillment_type: str = "MFN"
    purchase_date: str | None = None
    order_items: list[ChangedItem] = []


class Trigger(_Pascal, frozen=True):
    """When it changed."""

    time_of_order_change: str | None = None


class Change(_Pascal, frozen=True):
    """What changed. At OrderItemLevel, only the items that did are named."""

    amazon_order_id: str
    summary: ChangeSummary
    notification_level: str = "OrderLevel"
    order_change_trigger: Trigger = Trigger()


class ChangePayload(_Pascal, frozen=True):
    """The change itself."""

    order_change_notification: Change


class Metadata(_Pascal, frozen=True):
    """The notification's own name: the same one comes twice now and then."""

    notification_id: str


class Notification(_Pascal, frozen=True):
    """Any notification, before it is known to be one of ours."""

    notification_type: str
    notification_metadata: Metadata


class OrderChange(_Pascal, frozen=True):
    """A notification of type ORDER_CHANGE."""

    event_time: str
    payload: ChangePayload
