"""Answers on locations, channels and SKUs."""

import msgspec

from engine.core.answers.base import Answer
from engine.core.commands import Buffer, PutChannel, PutLocation, PutSku


class LocationAnswer(Answer):
    """A location as it is now. Fields as in `PutLocation`."""

    location: str
    name: str
    kind: str
    country: str
    active: bool
    priority: int
    postcode: str | None = None
    latitude: float | None = None
    longitude: float | None = None


class ChannelAnswer(Answer):
    """A channel as it is now. Fields as in `PutChannel`."""

    channel: str
    name: str
    priority: int
    locations: tuple[str, ...] | None = None
    buffers: tuple[Buffer, ...] = ()
    cap: int | None = None
    protect: int = 0
    policy: str | None = None


class ComponentAnswer(msgspec.Struct):
    """`quantity` units of `sku` per bundle."""

    sku: str
    quantity: int


class SkuAnswer(Answer):
    """A SKU as it is now. Fields as in `PutSku`."""

    sku: str
    title: str
    backorderable: bool
    weight_g: int | None = None
    components: list[ComponentAnswer] = []
    baseline: int | None = None
    handling: str | None = None
    backorder_limit: int | None = None
    provisional: bool = False


def location(put: PutLocation, seq: int, replayed: bool = False) -> LocationAnswer:
    """Answer for a location put at `seq`."""
    return LocationAnswer(seq=seq, replayed=replayed, **msgspec.structs.asdict(put))


def channel(put: PutChannel, seq: int, replayed: bool = False) -> ChannelAnswer:
    """Answer for a channel put at `seq`."""
    return ChannelAnswer(seq=seq, replayed=replayed, **msgspec.structs.asdict(put))


def sku(put: PutSku, seq: int, replayed: bool = False) -> SkuAnswer:
    """Answer for a SKU put at `seq`."""
    return SkuAnswer(
        seq=seq,
        replayed=replayed,
        sku=put.sku,
        title=put.title,
        weight_g=put.weight_g,
        backorderable=put.backorderable,
        components=[ComponentAnswer(c.sku, c.quantity) for c in put.components],
        baseline=put.baseline,
        handling=put.handling,
        backorder_limit=put.backorder_limit,
        provisional=put.provisional,
    )
