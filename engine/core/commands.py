"""What may be asked of the ledger. One struct per command; the HTTP bodies are these structs.

Types carry the bounds of `limits`; decoding refuses unknown fields, wrong types and numbers out
of range before a command exists. Ids come from outside and are opaque.
"""

import hashlib
from typing import Annotated

import msgspec
from msgspec import Meta

from engine.core import limits
from engine.core.fact_commands import TellFact
from engine.core.fence_commands import PutFence
from engine.core.fulfillment_commands import FulfillmentCommand, ReleaseWave
from engine.core.order_commands import (
    EditOrder,
    Hold,
    MergeOrders,
    Reallocate,
    ReleaseHold,
    SplitOrder,
)
from engine.core.return_commands import ReturnCommand
from engine.core.routing.policy import PutCapacity, PutScarcity, RoutingPolicy
from engine.core.terms import (
    Address,
    Body,
    Bucket,
    Country,
    Currency,
    Delta,
    Id,
    Latitude,
    LocationKind,
    Longitude,
    Moment,
    MonthDay,
    Names,
    OnHand,
    OrderPriority,
    Payment,
    Percent,
    Price,
    Priority,
    Quantity,
    Reason,
    Score,
    Text,
    Ttl,
    WhenShort,
)
from engine.core.validation_commands import PutValidation


class PutLocation(Body):
    """Create or change a location. A lower `priority` is preferred when orders are routed."""

    location: Id
    name: Text
    kind: LocationKind
    country: Country
    postcode: Text | None = None
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    active: bool = True
    priority: Priority = 100


class Component(Body):
    """`quantity` units of `sku` go into one bundle."""

    sku: Id
    quantity: Quantity


class PutSku(Body):
    """Create or change a SKU. `components` make it a bundle, which has no stock of its own.
    `baseline` is how many units a location ought to have: channels' buffers may go by it.
    `handling` is a class of goods: routing policies say which locations are equipped for it.
    At most `backorder_limit` units may be waited for; what is `backorderable` nobody waits for.
    A `provisional` one was named by an order, and nothing else is known of it."""

    sku: Id
    title: Annotated[str, Meta(max_length=limits.TITLE_CHARS_MAX)]
    weight_g: Annotated[int, Meta(ge=0, le=limits.WEIGHT_G_MAX)] | None = None
    backorderable: bool = False
    components: Annotated[tuple[Component, ...], Meta(max_length=limits.BUNDLE_COMPONENTS_MAX)] = ()
    baseline: OnHand | None = None
    handling: Id | None = None
    backorder_limit: OnHand | None = None
    provisional: bool = False


class Season(Body):
    """Days of the year, MM-DD in UTC, from `first` to `last` inclusive; may span New Year."""

    first: MonthDay
    last: MonthDay


class Buffer(Body):
    """What a channel is not shown of a position: `units`, and `percent` of what is available,
    rounded up. It holds for the SKUs and locations named, or all; in the season, or always; while
    less is available at the location than `below`, or always; and with `below_baseline` only
    while less is available there than the SKU's `baseline`."""

    units: OnHand = 0
    percent: Percent = 0
    skus: Names = ()
    locations: Names = ()
    below: OnHand | None = None
    below_baseline: bool = False
    season: Season | None = None


class PutChannel(Body):
    """Create or change a channel: what it may show. It sells from `locations`, or from all, less
    its buffers, `cap` units of a SKU at most. The last `protect` units of a SKU are shown to this
    channel and to those with its `priority` or a lower number, and to no other. Its orders find
    their locations by the routing policy `policy`; without one, the fewest locations are taken."""

    channel: Id
    name: Text = ""
    priority: Priority = 100
    locations: Names | None = None
    buffers: Annotated[tuple[Buffer, ...], Meta(max_length=limits.CHANNEL_BUFFERS_MAX)] = ()
    cap: OnHand | None = None
    protect: OnHand = 0
    policy: Id | None = None


class ReceiptLine(Body):
    """`quantity` units of `sku` arrived."""

    sku: Id
    quantity: Quantity


class Receive(Body):
    """Goods arrived at a location: adds to on_hand. What came of a purchase order is counted there;
    it may be more than was ordered, and at another location."""

    receipt_id: Id
    location: Id
    lines: Annotated[
        tuple[ReceiptLine, ...], Meta(min_length=1, max_length=limits.DOCUMENT_LINES_MAX)
    ]
    purchase_order: Id | None = None


class PurchaseLine(Body):
    """`quantity` units of `sku` are ordered."""

    sku: Id
    quantity: Quantity


class PutPurchaseOrder(Body):
    """Create or change a purchase order: goods that are to come to a location by a time. A
    cancelled one is expected no more; what has come of it stays."""

    purchase_order: Id
    location: Id
    expected_at: Moment
    lines: Annotated[
        tuple[PurchaseLine, ...], Meta(min_length=1, max_length=limits.DOCUMENT_LINES_MAX)
    ]
    supplier: Text = ""
    cancelled: bool = False


class CountLine(Body):
    """`on_hand` units were counted; with `expected_on_hand` only if that is what we believed."""

    sku: Id
    on_hand: OnHand
    expected_on_hand: OnHand | None = None


class Count(Body):
    """A stock count: sets on_hand. Each SKU may stand in one line only."""

    count_id: Id
    location: Id
    lines: Annotated[
        tuple[CountLine, ...], Meta(min_length=1, max_length=limits.DOCUMENT_LINES_MAX)
    ]


class AdjustLine(Body):
    """Without `bucket`, on_hand changes by `delta`; with it, `delta` units of on_hand move from
    sellable into that bucket (negative: back)."""

    sku: Id
    delta: Delta
    reason: Reason
    bucket: Bucket | None = None


class Adjust(Body):
    """A correction with reasons, all or nothing."""

    adjustment_id: Id
    location: Id
    lines: Annotated[
        tuple[AdjustLine, ...], Meta(min_length=1, max_length=limits.DOCUMENT_LINES_MAX)
    ]


class TransferLine(Body):
    """`quantity` available units of `sku` move."""

    sku: Id
    quantity: Quantity


class Transfer(Body):
    """Move available units from one location to another in one step."""

    transfer_id: Id
    from_location: Id
    to_location: Id
    lines: Annotated[
        tuple[TransferLine, ...], Meta(min_length=1, max_length=limits.DOCUMENT_LINES_MAX)
    ]


class ReserveLine(Body):
    """`quantity` units of `sku`, from `location` only if it is given."""

    sku: Id
    quantity: Quantity
    location: Id | None = None


class Reserve(Body):
    """Promise stock to a checkout for `ttl_s` seconds; all lines or none."""

    reservation_id: Id
    channel: Id
    ttl_s: Ttl
    lines: Annotated[tuple[ReserveLine, ...], Meta(min_length=1, max_length=limits.ORDER_LINES_MAX)]


class Details(Body):
    """What an order carries besides its lines. `review_score` says how much it wants a look, from 0
    to 100, by whoever scores orders. Of the orders that wait for stock, those with the highest
    `priority` get it first."""

    ship_to: Address | None = None
    payment: Payment | None = None
    currency: Currency | None = None
    placed_at: Moment | None = None
    required_by: Moment | None = None
    customer: Text | None = None
    note: Text | None = None
    review_score: Score | None = None
    priority: OrderPriority = 0


class Commit(Details):
    """Turn a reservation into an allocated order, named `order_id` or as the reservation."""

    reservation_id: Id = ""
    order_id: Id | None = None


class Extend(Body):
    """Let a live reservation end `ttl_s` seconds from now."""

    reservation_id: Id
    ttl_s: Ttl


class Release(Body):
    """Give a reservation's units back."""

    reservation_id: Id


class OrderLine(Body):
    """`quantity` units of `sku` at `unit_price` minor units each."""

    sku: Id
    quantity: Quantity
    line_id: Id | None = None
    unit_price: Price | None = None
    location: Id | None = None


class PlaceOrder(Details, kw_only=True):
    """Allocate an order. `when_short` says what happens when stock does not suffice:
    `refuse` all of it, `backorder` what is missing, or `split`: take what is there, let the
    rest wait, and refuse only when nothing is there. `complete` is as `backorder`, but nothing of
    the order leaves before all of it is allocated. `policy` and `strategy` take the place of the
    channel's routing policy and of its strategy there."""

    order_id: Id
    channel: Id
    lines: Annotated[tuple[OrderLine, ...], Meta(min_length=1, max_length=limits.ORDER_LINES_MAX)]
    when_short: WhenShort = "refuse"
    policy: Id | None = None
    strategy: Id | None = None


class CancelLine(Body):
    """`quantity` units of `sku` are no longer wanted."""

    sku: Id
    quantity: Quantity


class Cancel(Body):
    """Cancel an order whole, or the quantities named. What has left cannot be cancelled; with a
    `return_id` it becomes a return of that id in the same step."""

    channel: Id
    order_id: Id
    lines: Annotated[tuple[CancelLine, ...], Meta(max_length=limits.ORDER_LINES_MAX)] | None = None
    reason: Reason | None = None
    return_id: Id | None = None


class ShipLine(Body):
    """`quantity` units of `sku` leave."""

    sku: Id
    quantity: Quantity


class Ship(Body):
    """Allocated units of an order leave: all of them, or those at `location`, or the quantities
    named. Bundles leave whole, with all of their parts."""

    channel: Id
    order_id: Id
    shipment_id: Id
    location: Id | None = None
    lines: Annotated[tuple[ShipLine, ...], Meta(max_length=limits.ORDER_LINES_MAX)] | None = None
    carrier: Text | None = None
    tracking_number: Text | None = None


Command = (
    PutLocation
    | PutSku
    | PutChannel
    | PutPurchaseOrder
    | PutValidation
    | RoutingPolicy
    | TellFact
    | PutScarcity
    | PutFence
    | PutCapacity
    | Receive
    | Count
    | Adjust
    | Transfer
    | Reserve
    | Commit
    | Extend
    | Release
    | PlaceOrder
    | Cancel
    | Ship
    | Hold
    | ReleaseHold
    | EditOrder
    | MergeOrders
    | SplitOrder
    | Reallocate
    | ReturnCommand
    | FulfillmentCommand
    | ReleaseWave
)


class Request(msgspec.Struct, frozen=True):
    """A command with who sent it (`actor`, an API key's id) and its `Idempotency-Key`, if any."""

    command: Command
    actor: str = ""
    key: str = ""


_encode = msgspec.msgpack.Encoder(enc_hook=None).encode


def fingerprint(command: Command) -> int:
    """64 bits that tell whether two commands ask for the same thing.

    Defaults are left out before hashing, so a later optional field does not change the
    fingerprint of the commands that do not use it. BLAKE2b, RFC 7693.
    """
    body = _encode((type(command).__name__, command))
    return int.from_bytes(hashlib.blake2b(body, digest_size=8).digest(), "little")
