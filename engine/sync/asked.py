"""What a channel that asks is told: the stock of its listings as dibs has it at this moment.

Nothing is kept here: each answer is of a question to dibs that was put after the channel asked, so
it is as new as the ledger. Who asks while dibs is being asked waits for that, and is then asked for
together with all others who came meanwhile: many shoppers at checkout cost dibs little more than
one.

    A ─▶ dibs ──────────────▶ A is told
    B, C, D ─▶ wait for A ──▶ together ─▶ dibs ─▶ all three are told
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
        self._last: asyncio.Task[dict[str, Units]] | None = None
        self._next: _Together | None = None  # not put yet

    async def __call__(self, listings: Sequence[str]) -> dict[str, Units]:
        """Return what is shown of each listing that sells a SKU. Raises `ConnectorError`, to be
        tried again, where dibs does not say so in `limits.ASKED_S`."""
        sku_of = {listing: self._listings.sku(listing, None) for listing in listings}
        skus = [sku for sku in dict.fromkeys(sku_of.values()) if _possible(sku)]
        try:
            async with asyncio.timeout(limits.ASKED_S):
                units = await self._together(skus) if skus else {}
        except (TimeoutError, DeskError) as error:
            raise ConnectorError(f"dibs does not say what is there: {error}", 1.0) from error
        return {listing: units[sku] for listing, sku in sku_of.items() if sku in units}

    async def _together(self, skus: Sequence[str]) -> dict[str, Units]:
        """Return the units of these SKUs, asked for with those of others who wait."""
        found = self._next
        if found is None or len(found.skus) + len(skus) > limits.AVAILABILITY_SKUS_MAX:
            found = self._next = _Together({})
            self._last = asyncio.create_task(self._put(found, self._last))
            self._last.add_done_callback(_seen)
            found.answer = self._last
        found.skus.update(dict.fromkeys(skus))
        return await asyncio.shield(found.answer)

    async def _put(self, together: "_Together", before: asyncio.Task | None) -> dict[str, Units]:
        if before is not None and not before.done():
            await asyncio.wait([before])
        if self._next is together:  # who comes from here on may want something newer
            self._next = None
        async with asyncio.timeout(limits.ASKED_S):
            rows = await self._desk.shown(self._channel, list(together.skus))
        # A location's units may be bounded together with those of others: by a cap, say.
        return {
            row.sku: Units(
                row.sellable, {at.location: min(at.sellable, row.sellable) for at in row.locations}
            )
            for row in rows
        }


class _Together(msgspec.Struct):
    """A question of several who ask, and its answer."""

    skus: dict[str, None]
    answer: asyncio.Task | None = None


def _seen(task: asyncio.Task) -> None:
    """Have a failure of a question that nobody waits for any more be no fault."""
    if not task.cancelled():
        task.exception()


def _possible(sku: str) -> bool:
    """Say whether a SKU of dibs could be called so."""
    try:
        msgspec.convert(sku, Id)
    except msgspec.ValidationError:
        return False
    return True
