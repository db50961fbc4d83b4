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
                tasks.create_task(self._kept(worker.run, stop))

    async def _kept(self, job: Callable[[asyncio.Event], Any], stop: asyncio.Event) -> None:
        """Run a job, and again after it failed: one account's trouble is not that of others."""
        delay_s = 0.05
        while not stop.is_set():
            try:
                await job(stop)
            except Exception as error:
                self.failures += 1
                name = job.__qualname__
                log.exception("begins anew", account=self.account.name, job=name, error=str(error))
                await asyncio.sleep(delay_s)
                delay_s = min(delay_s * 2, limits.RECONNECT_DELAY_S_MAX)


class Office:
    """All accounts of a data folder, and the hooks that they are pushed to."""

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
    ) -> None:
        self._client = client(timeout=limits.CALL_TIMEOUT_S, follow_redirects=False)
        self._desk_client = httpx.AsyncClient(timeout=limits.CALL_TIMEOUT_S)
        self.desk = Desk(self._desk_client, url, key)
        self.store, self._feed = store, feed
        _check_locations(accounts)
        self.workers = {a.name: Worker(a, store, self.desk, self._client) for a in accounts}
        self._reader = Reader(store, views, accounts)
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
        finally:
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
