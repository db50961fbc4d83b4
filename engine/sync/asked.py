"""What a channel that asks is told: the stock of its listings as dibs has it at this moment.

Each question is one question to dibs, so an answer is as new as the ledger; nothing is kept here.
"""

import asyncio
from collections.abc import Sequence

import msgspec

from engine.connectors.base import ConnectorError, Units
from engine.core import limits
from engine.core.terms import Id
from engine.sync.desk import Desk, DeskError
from engine.sync.listings import Listings


class StockNow:
    """The stock that is shown to `channel`, by the account's listings: a `base.Stock`."""

    def __init__(self, desk: Desk, channel: str, listings: Listings) -> None:
        self._desk, self._channel, self._listings = desk, channel, listings

    async def __call__(self, listings: Sequence[str]) -> dict[str, Units]:
        """Return what is shown of each listing that sells a SKU. Raises `ConnectorError`, to be
        tried again, where dibs does not say so in `limits.ASKED_S`."""
        sku_of = {listing: self._listings.sku(listing, None) for listing in listings}
        skus = [sku for sku in dict.fromkeys(sku_of.values()) if _possible(sku)]
        try:
            async with asyncio.timeout(limits.ASKED_S):
                rows = await self._desk.shown(self._channel, skus) if skus else []
        except (TimeoutError, DeskError) as error:
            raise ConnectorError(f"dibs does not say what is there: {error}", 1.0) from error
        # A location's units may be bounded together with those of others: by a cap, say.
        units = {
            row.sku: Units(
                row.sellable, {at.location: min(at.sellable, row.sellable) for at in row.locations}
            )
            for row in rows
        }
        return {listing: units[sku] for listing, sku in sku_of.items() if sku in units}


def _possible(sku: str) -> bool:
    """Say whether a SKU of dibs could be called so."""
    try:
        msgspec.convert(sku, Id)
    except msgspec.ValidationError:
        return False
    return True
