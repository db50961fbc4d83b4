"""The system at a glance: all who look share one reading a second."""

import time
from typing import Any

import msgspec

from engine.core import limits
from engine.core.answers import OrderAnswer


class Units(msgspec.Struct):
    """Units by bucket, over the SKUs looked at."""

    on_hand: int = 0
    reserved: int = 0
    allocated: int = 0
    unavailable: int = 0
    available: int = 0


class Overview(msgspec.Struct):
    """The system at a glance. `units`, `sold_out` look at the first `skus_seen` SKUs only."""

    state: str
    epoch: int
    seq: int
    rows: dict[str, int]
    skus_seen: int
    units: Units
    sold_out: list[str]
    latest: list[OrderAnswer]


async def shared(front: Any) -> Overview:
    """Return the reading of this second, of an `api.endpoint.Front`."""
    now = time.monotonic()
    if front.overview is None or now - front.overview_s >= limits.OVERVIEW_EVERY_S:
        front.overview_s = now
        front.overview = await _look(front.client)
    return front.overview


async def _look(client: Any) -> Overview:
    status = client.status()
    skus, _ = await client.skus(after=-1, limit=limits.OVERVIEW_SKUS_MAX)
    stocks = await client.stocks([sku.sku for sku in skus])
    units = Units()
    for stock in stocks:
        for name in units.__struct_fields__:
            setattr(units, name, getattr(units, name) + getattr(stock, name))
    latest, _ = await client.orders(limit=limits.OVERVIEW_ORDERS)
    return Overview(
        status.state,
        status.epoch,
        status.seq,
        client.sizes(),
        len(skus),
        units,
        [stock.sku for stock in stocks if stock.available <= 0],
        latest,
    )
