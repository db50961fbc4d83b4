"""What may be asked of goods that come back: the part of `commands` that `notes.returns` keep."""

from typing import Annotated

from msgspec import Meta

from engine.core import limits
from engine.core.terms import (
    Body,
    Currency,
    Disposition,
    Id,
    Leaves,
    Price,
    Quantity,
    Reason,
    Text,
)


class ReturnLine(Body):
    """`quantity` units of `sku` are to come back: of the line with `line_id`, if one is given, else
    of the first lines that have some. `sku` is what was ordered, or a part of an ordered bundle.
    Without a `reason`, the return's."""

    sku: Id
    quantity: Quantity
    line_id: Id | None = None
    reason: Reason | None = None


class ExchangeLine(Body):
    """`quantity` units of `sku` at `unit_price` minor units each."""

    sku: Id
    quantity: Quantity
    unit_price: Price | None = None


class Exchange(Body):
    """What the customer gets instead: an order of the same channel to the same address, allocated
    in the same step. It `leaves` now, or when all that was announced has been received; until then
    it is on hold."""

    order_id: Id
    lines: Annotated[
        tuple[ExchangeLine, ...], Meta(min_length=1, max_length=limits.DOCUMENT_LINES_MAX)
    ]
    leaves: Leaves = "received"


class OpenReturn(Body):
    """Units that have left are to come back: those named, or all that have not been returned.
    With `approved` they may be sent at once. With `exchange`, something else is ordered for them in
    the same step, or nothing happens."""

    channel: Id
    order_id: Id
    return_id: Id
    reason: Reason
    lines: (
        Annotated[tuple[ReturnLine, ...], Meta(min_length=1, max_length=limits.DOCUMENT_LINES_MAX)]
        | None
    ) = None
    approved: bool = False
    exchange: Exchange | None = None


class ApproveReturn(Body):
    """The goods of a return may be sent, with this label. Approving again changes the label."""

    channel: Id
    order_id: Id
    return_id: Id
    carrier: Text | None = None
    tracking_number: Text | None = None
    label_url: Text | None = None


class RejectReturn(Body):
    """The goods of a return are not taken back."""

    channel: Id
    order_id: Id
    return_id: Id
    reason: Reason


class ReturnedLine(Body):
    """`quantity` units of `sku`, which has stock of its own: bundles come back as their parts."""

    sku: Id
    quantity: Quantity


class ReceiveReturn(Body):
    """Goods of a return arrived at a location. They are on hand there, in quality control, until
    they are inspected. They may be others than announced, but never more than have left."""

    channel: Id
    order_id: Id
    return_id: Id
    receipt_id: Id
    location: Id
    lines: Annotated[
        tuple[ReturnedLine, ...], Meta(min_length=1, max_length=limits.DOCUMENT_LINES_MAX)
    ]


class InspectedLine(Body):
    """What becomes of `quantity` units of `sku`: `restock` makes them available, `damaged` and
    `quality_control` keep them aside, `scrap` takes them out of the stock."""

    sku: Id
    quantity: Quantity
    disposition: Disposition
    reason: Reason | None = None


class InspectReturn(Body):
    """Say what becomes of units of a return, at the location that received them."""

    channel: Id
    order_id: Id
    return_id: Id
    inspection_id: Id
    location: Id
    lines: Annotated[
        tuple[InspectedLine, ...], Meta(min_length=1, max_length=limits.DOCUMENT_LINES_MAX)
    ]


class RefundReturn(Body):
    """Money that goes back for a return, in minor units: for the channel to know. It moves no
    stock and waits for none. Without `currency`, the order's."""

    channel: Id
    order_id: Id
    return_id: Id
    refund_id: Id
    amount: Price
    currency: Currency | None = None
    reason: Reason | None = None


class CloseReturn(Body):
    """Nothing more of a return is to come. All that came has been inspected."""

    channel: Id
    order_id: Id
    return_id: Id
    reason: Reason | None = None


ReturnCommand = (
    OpenReturn
    | ApproveReturn
    | RejectReturn
    | ReceiveReturn
    | InspectReturn
    | RefundReturn
    | CloseReturn
)
