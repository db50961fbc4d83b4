"""What may be asked of an order after it was placed, beside cancelling and shipping: the part of
`commands` that its life (`lives`) is made of."""

from typing import Annotated

from msgspec import Meta

from engine.core import limits
from engine.core.terms import (
    Address,
    Body,
    HoldMinutes,
    HoldReason,
    HoldThen,
    Hours,
    Id,
    Moment,
    OnHand,
    OrderPriority,
    Price,
    Quantity,
    Reason,
    Seq,
    Text,
    WhenShort,
)


class Hold(Body):
    """An order may not leave until this hold ends, by its owner or after `minutes`, whereupon
    `then` is due: one that escalates then belongs to `escalate_to`, if that is given. Without
    `keeps_stock` its units are given back meanwhile."""

    channel: Id
    order_id: Id
    hold_id: Id
    reason: HoldReason
    owner: Text = ""
    minutes: HoldMinutes | None = None
    then: HoldThen = "escalate"
    keeps_stock: bool = True
    escalate_to: Text = ""


class ReleaseHold(Body):
    """End a hold. With the last one, the order is allocated as far as there is stock."""

    channel: Id
    order_id: Id
    hold_id: Id


class EditLine(Body):
    """What is wanted of one line now: `quantity` units in all, those that have left among them
    (0: none of what has not left; left out: as many as before). The line is that with `line_id`,
    if one is given, else the one with `sku`. What names no line of the order is a new line, which
    may be bound to a `location`."""

    sku: Id
    quantity: OnHand | None = None
    line_id: Id | None = None
    unit_price: Price | None = None
    location: Id | None = None


class EditOrder(Body):
    """Change what was ordered as one difference: lines, address, date and texts; fields left out
    stay as they are. `when_short` is as with a new order, for the units that are wanted on top;
    `complete` lets all of the order ship complete from then on. With `expected_seq`, only if the
    order has not changed since that log position."""

    channel: Id
    order_id: Id
    edit_id: Id
    lines: Annotated[tuple[EditLine, ...], Meta(max_length=limits.EDIT_LINES_MAX)] = ()
    ship_to: Address | None = None
    required_by: Moment | None = None
    customer: Text | None = None
    note: Text | None = None
    priority: OrderPriority | None = None
    when_short: WhenShort = "refuse"
    expected_seq: Seq | None = None
    reason: Reason | None = None


class MergeOrders(Body):
    """Let an order take over the lines and units of `from_order_id`, an order of the same channel
    that goes to the same address; that one is cancelled in the same step."""

    channel: Id
    order_id: Id
    merge_id: Id
    from_order_id: Id


class SplitLine(Body):
    """`quantity` units of the line with `line_id`, if one is given, else of the one with `sku`."""

    sku: Id
    quantity: Quantity
    line_id: Id | None = None


class SplitOrder(Body):
    """Move units of an order, with what they hold, into a new one, `new_order_id`: those named, of
    each line the waiting ones first; by default all that wait."""

    channel: Id
    order_id: Id
    split_id: Id
    new_order_id: Id
    lines: Annotated[tuple[SplitLine, ...], Meta(max_length=limits.EDIT_LINES_MAX)] | None = None


class Reallocate(Body):
    """Let an order that waits take units over from orders of lower priority, or of the same that
    are required later. Those that are due within `lock_hours`, on hold or worked on keep theirs."""

    channel: Id
    order_id: Id
    reallocation_id: Id
    lock_hours: Hours = 24
