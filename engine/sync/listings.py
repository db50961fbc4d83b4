"""Which listing of a channel sells which SKU, and how the channel finds the listing.

A listing that sells several units, or a set, is mapped to a SKU that is a bundle; so one listing is
always one SKU, and what may be shown of it is what dibs says of that SKU. A listing that nobody
mapped sells the SKU that the seller named it by at the channel, if dibs knows that one.
"""

import asyncio
from collections.abc import Iterable

import msgspec

from engine.sync.store import SyncStore

_TOGETHER = 10_000  # rows at once, so that nobody waits long


class Listing(msgspec.Struct, frozen=True, omit_defaults=True):
    """`listing` sells `sku`; `item` is what its channel needs to find it. One that is not
    `published` takes orders, but its quantity is somebody else's concern."""

    listing: str
    sku: str
    item: dict[str, str] = {}
    published: bool = True


class Listings:
    """The listings of an account, in memory; changes go to the store first. `mapped` is how often
    they had been mapped when they were read: others map them, too."""

    def __init__(self, store: SyncStore, account: str) -> None:
        self._store, self._account = store, account
        self.mapped = 0
        self.rows: dict[str, Listing] = {}
        self._by_sku: dict[str, tuple[str, ...]] = {}  # a set of each would take four times as much

    async def load(self) -> None:
        """Read all of them from the store."""
        mapped = await self._store.field(f"listings:{self._account}", "cursors")
        self.mapped = int(mapped or 0)
        decode = msgspec.json.Decoder(Listing).decode
        documents = await self._store.table("listings", self._account)
        fresh = Listings(self._store, self._account)
        for number, document in enumerate(documents.values()):
            fresh._set(decode(document))
            if number % _TOGETHER == 0:
                await asyncio.sleep(0)
        self.rows, self._by_sku = fresh.rows, fresh._by_sku

    async def put(self, rows: Iterable[Listing]) -> None:
        """Set listings, durably."""
        rows = list(rows)
        for at in range(0, len(rows), _TOGETHER):
            documents = {x.listing: msgspec.json.encode(x) for x in rows[at : at + _TOGETHER]}
            await self._store.map_listings(self._account, documents)
        for row in rows:
            self._set(row)

    def _set(self, row: Listing) -> None:
        if before := self.rows.get(row.listing):
            rest = tuple(x for x in self._by_sku[before.sku] if x != row.listing)
            self._by_sku[before.sku] = rest
        self.rows[row.listing] = row
        self._by_sku[row.sku] = (*self._by_sku.get(row.sku, ()), row.listing)

    def sku(self, listing: str, named: str | None) -> str:
        """Return the SKU that a listing sells; what the seller named it, if it is not mapped."""
        row = self.rows.get(listing)
        return row.sku if row else named or listing

    def of(self, sku: str) -> list[Listing]:
        """Return the published listings that sell a SKU."""
        return [self.rows[name] for name in self._by_sku.get(sku, ()) if self.rows[name].published]

    def elsewhere(self, sku: str) -> str:
        """Return what a provider that ships for us calls a SKU: the listing that sells it and is
        not published, because its quantity is the provider's; the SKU itself if there is none."""
        rows = (self.rows[name] for name in sorted(self._by_sku.get(sku, ())))
        return next((row.listing for row in rows if not row.published), sku)

    @property
    def skus(self) -> list[str]:
        """Every SKU that a listing sells, published or not."""
        return list(self._by_sku)
