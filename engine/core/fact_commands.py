"""What a channel may tell of an order beside the order itself: a part of `commands`."""

from typing import Literal

from engine.core.terms import Address, Body, Id, Moment, Reason, Seq, Text

Paid = Literal["paid", "pending", "authorized", "refunded"]


class TellFact(Body):
    """What a channel says of an order, in its own event `event_id`: fields left out say nothing.
    Of what was told of a field, the greatest `version` holds (among equals the greatest
    `event_id`), whichever came first, and whether the order was there or not."""

    channel: Id
    order_id: Id
    event_id: Id
    version: Seq
    payment: Paid | None = None
    cancelled: bool = False
    ship_to: Address | None = None
    required_by: Moment | None = None
    customer: Text | None = None
    note: Text | None = None
    at: Moment | None = None
    reason: Reason | None = None


TOLD = ("payment", "cancelled", "ship_to", "required_by", "customer", "note")
DETAILS = TOLD[2:]  # those that an order's `Details` carry as they are told
