"""What callers are told: the bodies of successful answers, built from events and state.

The first answer to a request is a function of its event, so that repeating the request gives it
again, word for word, with `replayed: true`. One room per noun.
"""

from engine.core.answers.base import moment, no_sku
from engine.core.answers.catalogue import (
    ChannelAnswer,
    ComponentAnswer,
    LocationAnswer,
    SkuAnswer,
    channel,
    location,
    sku,
)
from engine.core.answers.fulfillments import (
    FulfillmentAnswer,
    ReleaseAnswer,
    fulfillment,
    fulfillment_id,
    order_work,
    release,
)
from engine.core.answers.orders import (
    AllocationAnswer,
    HoldAnswer,
    OrderAnswer,
    OrderLineAnswer,
    ReservationAnswer,
    ReservedLineAnswer,
    ShipmentAnswer,
    ShippedLineAnswer,
    exchange_for,
    holds,
    order,
    order_line,
    reservation,
    shipment,
)
from engine.core.answers.returns import ReturnAnswer, returned
from engine.core.answers.stock import (
    DocumentAnswer,
    QuantitiesAnswer,
    StockAnswer,
    StockLineAnswer,
    document,
)

__all__ = [
    "AllocationAnswer",
    "ChannelAnswer",
    "ComponentAnswer",
    "DocumentAnswer",
    "FulfillmentAnswer",
    "HoldAnswer",
    "LocationAnswer",
    "OrderAnswer",
    "OrderLineAnswer",
    "QuantitiesAnswer",
    "ReleaseAnswer",
    "ReservationAnswer",
    "ReservedLineAnswer",
    "ReturnAnswer",
    "ShipmentAnswer",
    "ShippedLineAnswer",
    "SkuAnswer",
    "StockAnswer",
    "StockLineAnswer",
    "channel",
    "document",
    "exchange_for",
    "fulfillment",
    "fulfillment_id",
    "holds",
    "location",
    "moment",
    "no_sku",
    "order",
    "order_line",
    "order_work",
    "release",
    "reservation",
    "returned",
    "shipment",
    "sku",
]
