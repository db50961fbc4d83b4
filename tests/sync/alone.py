"""A connector against its twin with nothing of dibs beside it, and a publisher whose desk says what
a test wants."""

import contextlib
from collections.abc import AsyncIterator, Iterable
from typing import Any

import httpx
import msgspec

from engine.connectors.calls import Calls, Gate
from engine.connectors.quotas import quotas_of
from engine.connectors.registry import connector_class
from engine.connectors.twins import Twin, serving
from engine.sync.desk import Shown
from engine.sync.gate import AccountGate
from engine.sync.listings import Listing, Listings
from engine.sync.publisher import Publisher
from engine.sync.store import SyncStore
from tests.sync.open_gate import OpenGate


@contextlib.asynccontextmanager
async def alone(twin: Twin, gate: Gate | None = None, **options: str) -> AsyncIterator[Any]:
    """Serve a twin; give the connector of its account, which calls through a gate and has these
    options beside its own."""
    async with serving(twin.app) as url, httpx.AsyncClient(timeout=30.0) as client:
        account = twin.account(url)
        account = msgspec.structs.replace(account, options=account.options | options)
        calls = Calls(client, gate or OpenGate(), account.name)
        yield connector_class(twin.connector)(account, calls)
        await twin.pushes.close()


class Wanted:
    """A desk that says what may be shown, of listings named as their SKUs are."""

    def __init__(self) -> None:
        self.rows: dict[str, int] = {}

    async def shown(self, channel: str, skus: list[str]) -> list[Shown]:
        """Return what the test wants."""
        return [Shown(sku, self.rows[sku]) for sku in skus]


class Publishing:
    """A publisher of a twin's listings, step by step: `show` says what is wanted and sends all."""

    def __init__(self, publisher: Publisher, wanted: Wanted) -> None:
        self.publisher, self.wanted = publisher, wanted

    async def show(self, rows: dict[str, int]) -> int:
        """Want these quantities, and send what can be sent now; return the number of calls."""
        before = self.publisher.counts["calls"]
        self.wanted.rows |= rows
        self.publisher.touch(rows)
        await self.publisher.look()
        while await self.publisher.send_some():
            continue
        return self.publisher.counts["calls"] - before


@contextlib.asynccontextmanager
async def publishing(
    twin: Twin, store: SyncStore, name: str, listings: Iterable[str]
) -> AsyncIterator[Publishing]:
    """Serve a twin; give a publisher of its listings that remembers in the store as `name`."""
    async with serving(twin.app) as url, httpx.AsyncClient(timeout=30.0) as client:
        account = twin.account(url)
        quotas = quotas_of(twin.connector).times(twin.pace)
        calls = Calls(client, AccountGate(store, name, quotas), name)
        connector = connector_class(twin.connector)(account, calls)
        known, wanted = Listings(store, name), Wanted()
        await known.put(Listing(listing, listing) for listing in listings)
        named = msgspec.structs.replace(account, name=name)
        yield Publishing(Publisher(named, connector, calls, store, wanted, known), wanted)
        await twin.pushes.close()
