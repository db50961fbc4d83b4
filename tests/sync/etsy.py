"""A shop of Etsy's twin, as its tests share it."""

import contextlib

from engine.connectors.etsy.twin import Shop
from tests.sync.alone import alone

FAMILY = ("RED", "BLUE", "GREEN")


class Quick(Shop):
    """A shop that may do more in a second, so that a day takes less time."""

    pace = 1_000.0


@contextlib.asynccontextmanager
async def shop():
    """An Etsy twin with a listing of three variations and one without, and its connector."""
    twin = Quick({"RED": 5, "BLUE": 4, "GREEN": 3, "MUG": 2}, families=[FAMILY])
    async with alone(twin) as connector:
        yield twin, connector


def names(twin: Shop) -> dict[str, str]:
    """Return the listing of each SKU."""
    return {sku: name for name, sku in twin.listings().items()}
