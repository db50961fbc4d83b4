"""Publishing quantities: one SKU by one call, or very many by a feed that takes half an hour."""

from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from engine.connectors.base import Published, Quantity
from engine.connectors.calls import document
from engine.connectors.walmart import wire

_DETAILS = 50  # lines of a feed in one answer
_AGAIN = frozenset(("SYSTEM_ERROR", "TIMEOUT_ERROR", "INPROGRESS"))


def inventory(sku: str, quantity: int) -> dict[str, Any]:
    """Return the document that shows a quantity."""
    return {"sku": sku, "quantity": {"unit": "EACH", "amount": quantity}}


class Feeds:
    """Inventory feeds: a `base.Bulk`. A file holds 5 MB; so many lines fit with SKUs of the longest
    kind, and single calls, 200 a minute, reach `beyond` others before it is worked off."""

    operation = "feed"
    rows = 40_000
    beyond = 5_000
    poll_s = 60.0

    def __init__(self, ask: Callable[..., Any], node: dict[str, str]) -> None:
        self._ask, self._node = ask, node

    async def send(self, rows: Sequence[Quantity]) -> str:
        """Hand in a feed. It is not tried again: each try counts, and the next is soon."""
        lines = [inventory(row.listing, row.quantity) for row in rows]
        body = msgspec.json.encode({"InventoryHeader": {"version": "1.4"}, "Inventory": lines})
        answer = await self._ask(
            "feed",
            "POST",
            "/v3/feeds",
            params={"feedType": "inventory", **self._node},
            files={"file": ("inventory.json", body, "application/json")},
            attempts=1,
        )
        return document(answer, wire.Fed).feed_id

    async def done(self, ticket: str, listings: Sequence[str]) -> list[Published] | None:
        """Ask how far a feed is; when it is done, what became of each line."""
        feed = await self._status(ticket)
        if feed.feed_status == "ERROR":
            return [Published(name, "the feed was refused", True) for name in listings]
        if feed.feed_status != "PROCESSED":
            return None
        found: dict[str, wire.FeedLine] = {}
        for offset in range(0, feed.items_received, _DETAILS):
            page = await self._status(ticket, offset)
            rows = page.item_details.item_ingestion_status if page.item_details else None
            found |= {row.sku: row for row in rows or ()}
        return [_published(name, found.get(name)) for name in listings]

    async def _status(self, ticket: str, offset: int | None = None) -> wire.Feed:
        query = {"includeDetails": "false"}
        if offset is not None:
            query = {"includeDetails": "true", "offset": str(offset), "limit": str(_DETAILS)}
        path = f"/v3/feeds/{quote(ticket, safe='')}"
        return document(await self._ask("feed_status", "GET", path, params=query), wire.Feed)


def _published(listing: str, row: wire.FeedLine | None) -> Published:
    if row is None:
        return Published(listing, "the feed's answer does not mention it", True)
    if row.ingestion_status == "SUCCESS":
        return Published(listing)
    errors = (row.ingestion_errors.ingestion_error if row.ingestion_errors else None) or []
    why = "; ".join(f"{error.code} {error.description}".strip() for error in errors)
    return Published(listing, why or row.ingestion_status, row.ingestion_status in _AGAIN)
