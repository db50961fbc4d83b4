"""The office: all of sync for all accounts, in one event loop."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import structlog

from engine.connectors.base import Account, Connector
from engine.connectors.calls import Calls
from engine.connectors.quotas import quotas_for
from engine.connectors.registry import connector_class, provider_class
from engine.core import limits
from engine.core.errors import ConfigError
from engine.sync.desk import Desk
from engine.sync.feed import Feed
from engine.sync.gate import AccountGate
from engine.sync.handoff import Handoff, locations_of
from engine.sync.hooks import Hooks
from engine.sync.ingest import Ingest
from engine.sync.listener import Listener
from engine.sync.listings import Listings
from engine.sync.outbox import Reader, Teller
from engine.sync.publisher import Publisher
from engine.sync.store import SyncStore
from engine.sync.sweep import Sweep
from engine.sync.webhooks.book import Book
from engine.sync.webhooks.job import Webhooks
from engine.sync.webhooks.shelf import StoreShelf
from engine.views.reader import ViewsReader

log = structlog.get_logger("sync")


class Worker:
    """Everything of one account."""

    def __init__(
        self, account: Account, store: SyncStore, desk: Desk, client: httpx.AsyncClient
    ) -> None:
        self.account, self.failures = account, 0
        gate = AccountGate(store, account.name, quotas_for(account))
        self.calls = Calls(client, gate, account.name)
        self.connector: Connector = connector_class(account.connector)(account, self.calls)
        self.listings = Listings(store, account.name)
        self.ingest = Ingest(account, self.connector, store, desk, self.listings, self.calls)
        self.listener = Listener(account, self.connector, store)
        self.teller = Teller(account, self.connector, store)
        self.sweep = Sweep(account, self.connector, store)
        self.publisher = Publisher(account, self.connector, self.calls, store, desk, self.listings)
        self.handoff: Handoff | None = None
        if locations_of(account):
            provider = provider_class(account.connector)(account, self.calls)
            self.handoff = Handoff(account, provider, store, desk, self.listings)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop`."""
        await self.listings.load()
        async with asyncio.TaskGroup() as tasks:
            workers = [self.ingest, self.listener, self.sweep, self.publisher, self.teller]
            for worker in workers + ([self.handoff] if self.handoff else []):
                tasks.create_task(kept(worker.run, stop, self.account.name, self._failed))

    def _failed(self) -> None:
        self.failures += 1


async def kept(
    job: Callable[[asyncio.Event], Any],
    stop: asyncio.Event,
    of: str,
    failed: Callable[[], None] = lambda: None,
) -> None:
    """Run a job, and again after it failed: the trouble of one is not that of others. `failed` is
    told each time."""
    delay_s = 0.05
    while not stop.is_set():
        try:
            await job(stop)
        except Exception as error:
            failed()
            log.exception("begins anew", of=of, job=job.__qualname__, error=str(error))
            await asyncio.sleep(delay_s)
            delay_s = min(delay_s * 2, limits.RECONNECT_DELAY_S_MAX)


class Office:
    """All accounts of a data folder, the hooks that they are pushed to, and webhooks if there is a
    `book` of them; then `connect` opens the stock stream."""

    def __init__(
        self,
        accounts: list[Account],
        store: SyncStore,
        feed: Feed,
        views: ViewsReader,
        *,
        url: str,
        key: str,
        client: Callable[..., httpx.AsyncClient] = httpx.AsyncClient,
        book: Book | None = None,
        connect: Callable[..., Any] | None = None,
    ) -> None:
        self._client = client(timeout=limits.CALL_TIMEOUT_S, follow_redirects=False)
        self._desk_client = httpx.AsyncClient(timeout=limits.CALL_TIMEOUT_S)
        self.desk = Desk(self._desk_client, url, key)
        self.store, self._feed = store, feed
        _check_locations(accounts)
        self.workers = {a.name: Worker(a, store, self.desk, self._client) for a in accounts}
        self._reader = Reader(store, views, accounts)
        self.webhooks = None
        if book is not None and connect is not None:
            self.webhooks = Webhooks(book, StoreShelf(store), self.desk, views, connect)
        self.hooks = Hooks({n: (w.account, w.connector) for n, w in self.workers.items()}, store)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop`, then let go of everything."""
        try:
            async with asyncio.TaskGroup() as tasks:
                for worker in self.workers.values():
                    tasks.create_task(worker.run(stop), name=worker.account.name)
                publishers = [worker.publisher for worker in self.workers.values()]
                tasks.create_task(self._reader.run(stop), name="outbox")
                tasks.create_task(self._feed.run(stop, self.desk, publishers), name="feed")
                if self.webhooks is not None:
                    tasks.create_task(kept(self.webhooks.run, stop, "webhooks"))
        finally:
            if self.webhooks is not None:
                await self.webhooks.sender.close()
            await self._client.aclose()
            await self._desk_client.aclose()


def _check_locations(accounts: list[Account]) -> None:
    """Raise `ConfigError` where two accounts would do the work of one location."""
    taken: dict[str, str] = {}
    for account in accounts:
        for location in locations_of(account):
            other = taken.setdefault(location, account.name)
            if other != account.name:
                raise ConfigError(f"location {location!r}: both {other} and {account.name} ship")
