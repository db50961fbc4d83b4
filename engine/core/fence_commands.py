"""What may be asked about ring-fenced stock: the part of `commands` that sets units aside."""

from engine.core.terms import Body, Id, Moment, OnHand


class PutFence(Body):
    """Set `quantity` units of a SKU aside for one channel, in all, from `starts_at` until
    `ends_at`: at `location` only, or wherever they are. Orders of the channel use them first, and
    then what is not set aside, unless it may not `fall_back` on that. No units: the fence ends."""

    channel: Id
    sku: Id
    quantity: OnHand
    location: Id | None = None
    starts_at: Moment | None = None
    ends_at: Moment | None = None
    fall_back: bool = True
