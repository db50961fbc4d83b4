"""Publishing quantities: a patch for each listing, or a feed for very many.

Only the quantity is merged into the listing's `fulfillment_availability`: replacing that would drop
what stands beside it, like the days a seller takes to ship.
"""

from collections.abc import Sequence
from urllib.parse import quote

import msgspec

from engine.connectors.amazon import feeds, wire
from engine.connectors.amazon.auth import Api
from engine.connectors.base import Published, Quantity
from engine.connectors.calls import CallError, document

_PATH = "/listings/2021-08-01/items"
SHOWN_ROWS = 20  # listings that one search may name
_KIND = "PRODUCT"  # of a listing whose product type nobody told us


def _patches(row: Quantity) -> dict:
    value = {"fulfillment_channel_code": "DEFAULT", "quantity": row.quantity}
    patch = {"op": "merge", "path": "/attributes/fulfillment_availability", "value": [value]}
    return {"productType": row.item.get("product_type", _KIND), "patches": [patch]}


async def patch(api: Api, row: Quantity) -> Published:
    """Publish one quantity."""
    path = f"{_PATH}/{quote(api.seller, safe='')}/{quote(row.listing, safe='')}"
    query = {"marketplaceIds": api.marketplaces[0]}
    try:
        answer = await api.ask("patch", "PATCH", path, params=query, json=_patches(row))
        found = document(answer, wire.Submission)
    except CallError as error:
        return Published(row.listing, str(error), error.again)
    if found.status in ("ACCEPTED", "VALID"):
        return Published(row.listing)
    return Published(row.listing, _problem(found.issues) or f"status {found.status}")


class Feed:
    """Very many quantities in one feed, a `base.Bulk`."""

    operation = "feed"
    rows = 10_000

    def __init__(self, api: Api, beyond: int, poll_s: float) -> None:
        self._api, self.beyond, self.poll_s = api, beyond, poll_s

    async def send(self, rows: Sequence[Quantity]) -> str:
        """Hand the feed in; its id is the ticket."""
        messages = [
            {"messageId": n, "sku": row.listing, "operationType": "PATCH", **_patches(row)}
            for n, row in enumerate(rows, 1)
        ]
        header = {"sellerId": self._api.seller, "version": "2.0", "issueLocale": "en_US"}
        body = msgspec.json.encode({"header": header, "messages": messages})
        kind = "application/json; charset=UTF-8"
        return await feeds.hand_in(self._api, feeds.LISTINGS, kind, body)

    async def done(self, ticket: str, listings: Sequence[str]) -> list[Published] | None:
        """Read the feed's report. A listing that it has nothing against was taken."""
        told = await feeds.report(self._api, ticket)
        if told is None:
            return None
        found = feeds.report_of(told)
        issues: dict[str | None, list[wire.Issue]] = {}
        for issue in found.issues:
            issues.setdefault(issue.sku, []).append(issue)
        whole = _problem(issues.get(None, []))
        if found.summary.messages_accepted == 0 and not whole and not _problem(found.issues):
            whole = "the feed's report says that no message was taken"
        return [
            Published(name, whole or _problem(issues.get(name, [])), bool(whole))
            for name in listings
        ]


async def shown(api: Api, items: Sequence[Quantity]) -> dict[str, int]:
    """Return what Amazon shows of listings now."""
    found: dict[str, int] = {}
    for at in range(0, len(items), SHOWN_ROWS):
        names = ",".join(row.listing for row in items[at : at + SHOWN_ROWS])
        query = {
            "marketplaceIds": api.marketplaces[0],
            "identifiersType": "SKU",
            "identifiers": names,
            "includedData": "fulfillmentAvailability",
            "pageSize": str(SHOWN_ROWS),
        }
        path = f"{_PATH}/{quote(api.seller, safe='')}"
        answer = await api.ask("listings", "GET", path, params=query)
        for row in document(answer, wire.Listings).items:
            for part in row.fulfillment_availability:
                if part.fulfillment_channel_code == "DEFAULT" and part.quantity is not None:
                    found[row.sku] = part.quantity
    return found


def _problem(issues: Sequence[wire.Issue]) -> str:
    return "; ".join(i.message or i.code for i in issues if i.severity == "ERROR")
