"""What may be asked of an order after it was placed, beside cancelling and shipping: the part of
`commands` that its life (`lives`) is made of."""

from engine.core.terms import Body, HoldMinutes, HoldReason, HoldThen, Id, Text


class Hold(Body):
    """An order may not leave until this hold ends, by its owner or after `minutes`, whereupon
    `then` is due. Without `keeps_stock` its units are given back meanwhile."""

    channel: Id
    order_id: Id
    hold_id: Id
    reason: HoldReason
    owner: Text = ""
    minutes: HoldMinutes | None = None
    then: HoldThen = "escalate"
    keeps_stock: bool = True


class ReleaseHold(Body):
    """End a hold. With the last one, the order is allocated as far as there is stock."""

    channel: Id
    order_id: Id
    hold_id: Id
