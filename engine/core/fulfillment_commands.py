"""What may be asked of the work on an order: releasing it to its locations, and what they say."""

from typing import Annotated

from msgspec import Meta

from engine.core import limits
from engine.core.terms import Body, Id, Moment, Quantity, Reason, Seq, Text

AcceptMinutes = Annotated[int, Meta(ge=1, le=limits.ACCEPT_MINUTES_MAX)]
WeightG = Annotated[int, Meta(ge=0, le=limits.WEIGHT_G_MAX)]


class ReleaseOrder(Body):
    """Give what is allocated to the locations that have it, as one fulfillment each; with
    `location` only to that one. Who has not accepted `accept_minutes` from now loses it. With
    `pickup`, the customer fetches the goods there."""

    channel: Id
    order_id: Id
    release_id: Id
    location: Id | None = None
    accept_minutes: AcceptMinutes | None = None
    pickup: bool = False


WaveOrders = Annotated[int, Meta(ge=1, le=limits.WAVE_ORDERS_MAX)]


class ReleaseWave(Body):
    """Release many orders as `ReleaseOrder` does, the oldest first, behind the one placed at log
    position `after`: `limit` at most of those of `channel`, with units at `location`, that are
    required by a time or earlier."""

    wave_id: Id
    channel: Id | None = None
    location: Id | None = None
    required_by: Moment | None = None
    limit: WaveOrders = 50
    after: Seq = 0
    accept_minutes: AcceptMinutes | None = None


class PackageLine(Body):
    """`quantity` units of `sku` are in the package."""

    sku: Id
    quantity: Quantity


class Package(Body):
    """A box: its weight, what is in it, and by whom it travels."""

    package_id: Id
    weight_g: WeightG | None = None
    carrier: Text | None = None
    tracking_number: Text | None = None
    lines: Annotated[tuple[PackageLine, ...], Meta(max_length=limits.PACKAGE_LINES_MAX)] = ()


Packages = Annotated[tuple[Package, ...], Meta(max_length=limits.PACKAGES_MAX)]


class AcceptFulfillment(Body):
    """The location will do it."""

    fulfillment_id: Id


class RejectFulfillment(Body):
    """The location will not do it."""

    fulfillment_id: Id
    reason: Reason


class CancelFulfillment(Body):
    """The location is not to do it any more. The units stay allocated to the order."""

    fulfillment_id: Id
    reason: Reason | None = None


class PickFulfillment(Body):
    """Somebody has begun to pick; that accepts it too."""

    fulfillment_id: Id


class PackFulfillment(Body):
    """All of it is packed, in these packages if they are told."""

    fulfillment_id: Id
    packages: Packages = ()


class ShortLine(Body):
    """`quantity` units of `sku`, a part if it is of a bundle, are not there."""

    sku: Id
    quantity: Quantity


class PickShort(Body):
    """Units that should be there are not: they leave the stock, and the order gets others from
    other locations in the same step, or waits."""

    fulfillment_id: Id
    short_id: Id
    lines: Annotated[tuple[ShortLine, ...], Meta(min_length=1, max_length=limits.SHORT_LINES_MAX)]
    reason: Reason | None = None


class ReadyFulfillment(Body):
    """It waits for the customer to fetch it."""

    fulfillment_id: Id


class FulfillmentLine(Body):
    """`quantity` units of `sku`, whole bundles if it is one."""

    sku: Id
    quantity: Quantity


FulfillmentLines = Annotated[tuple[FulfillmentLine, ...], Meta(max_length=limits.ORDER_LINES_MAX)]


class ShipFulfillment(Body):
    """Packed units leave: all of them, or the quantities named."""

    fulfillment_id: Id
    shipment_id: Id
    lines: FulfillmentLines | None = None
    carrier: Text | None = None
    tracking_number: Text | None = None
    packages: Packages = ()


class HandOver(Body):
    """The customer has fetched what was ready: all of it, or the quantities named."""

    fulfillment_id: Id
    shipment_id: Id
    lines: FulfillmentLines | None = None


class DeliverFulfillment(Body):
    """What was shipped has arrived."""

    fulfillment_id: Id


FulfillmentCommand = (
    ReleaseOrder
    | AcceptFulfillment
    | RejectFulfillment
    | CancelFulfillment
    | PickFulfillment
    | PackFulfillment
    | PickShort
    | ReadyFulfillment
    | ShipFulfillment
    | HandOver
    | DeliverFulfillment
)
