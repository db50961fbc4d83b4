"""The office: all of sync for all accounts, in one event loop.

Accounts may be connected, changed and disconnected while it works: each has its worker, which is
started, replaced and stopped without the others noticing. Without any, the office is idle.
"""

import asyncio
import contextlib
import functools
from collections.abc import Callable, Iterable
from typing import Any

import httpx
import structlog
from httpx_aiohttp import HttpxAiohttpClient

from engine.connectors.base import Account, Connector
from engine.connectors.calls import Calls, Renewals
from engine.connectors.quotas import quotas_for
from engine.connectors.registry import connector_class, provider_class
from engine.core import limits
from engine.core.errors import ConfigError, LogError
from engine.sync.asked import StockNow
from engine.sync.desk import Desk
from engine.sync.feed import Feed
from engine.sync.gate import AccountGate
from engine.sync.handoff import Handoff, locations_of
from engine.sync.hooks import Found, Hooks
from engine.sync.ingest import Ingest
from engine.sync.listener import Listener
from engine.sync.listings import Listings
from engine.sync.outbox import Reader, Teller
from engine.sync.publisher import Publisher
from engine.sync.standing import Standing
from engine.sync.status import AccountStatus, Noter
from engine.sync.store import SyncStore
from engine.sync.sweep import Sweep
from engine.sync.tasks import end
from engine.sync.webhooks.book import Book
from engine.sync.webhooks.job import Webhooks
from engine.sync.webhooks.shelf import StoreShelf
from engine.views.reader import ViewsReader

log = structlog.get_logger("sync")


class Worker:
    """Everything of one account, whose calls go through `client`, which is of it alone: one channel
    that is slow takes no connections from others. Raises `ConfigError` for an account that cannot
    work."""

    def __init__(
        self,
        account: Account,
        store: SyncStore,
        desk: Desk,
        client: httpx.AsyncClient,
        renewed: Renewals | None = None,
    ) -> None:
        self.account, self.failures, self._client = account, 0, client
        self.gate = AccountGate(store, account.name, quotas_for(account))
        self.calls = Calls(client, self.gate, account.name, renewed)
        self.connector: Connector = connector_class(account.connector)(account, self.calls)
        self.listings = Listings(store, account.name)
        self.stock = StockNow(desk, account.channel, self.listings)
        self.standing = Standing(account, store)
        self.ingest = Ingest(
            account, self.connector, store, desk, self.listings, self.calls, self.standing
        )
        self.listener = Listener(account, self.connector, store)
        self.teller = Teller(account, self.connector, store, self.standing)
        self.sweep = Sweep(account, self.connector, store)
        self.publisher = Publisher(account, self.connector, self.calls, store, desk, self.listings)
        self.handoff: Handoff | None = None
        if locations_of(account):
            provider = provider_class(account.connector)(account, self.calls)
            self.handoff = Handoff(account, provider, store, desk, self.listings)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop`, then let go of the channel."""
        parts = [self.ingest, self.listener, self.sweep, self.publisher, self.teller]
        async with contextlib.aclosing(self._client):
            await self._load(stop)
            async with asyncio.TaskGroup() as tasks:
                for part in parts + ([self.handoff] if self.handoff else []):
                    tasks.create_task(kept(part.run, stop, self.account.name, self._failed))

    async def _load(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                return await self.listings.load()
            except Exception as error:  # the log's server, or a listing that is none
                self._failed()
                log.warning("begins later", account=self.account.name, problem=repr(error))
                await asyncio.sleep(limits.RECONNECT_DELAY_S_MAX)

    async def map_anew(self) -> None:
        """Read the listings again, and have all of them looked at."""
        await self.listings.load()
        self.publisher.touch_all()

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
    """The accounts that are connected, the hooks that they are pushed to, and webhooks if there is
    a `book` of them; then `connect` opens the stock stream. `watch`, if given, tells which accounts
    there are now, by name; else there are those that it began with. `renewed` says where the
    secrets of an account are kept that its channel replaces."""

    def __init__(
        self,
        accounts: Iterable[Account],
        store: SyncStore,
        feed: Feed,
        views: ViewsReader,
        *,
        url: str,
        key: str,
        watch: Callable[[], dict[str, Account]] | None = None,
        client: Callable[..., httpx.AsyncClient] = httpx.AsyncClient,
        book: Book | None = None,
        connect: Callable[..., Any] | None = None,
        renewed: Callable[[str], Renewals] | None = None,
    ) -> None:
        self._renewed = renewed
        # Reading all certificates takes a while, so it is done once.
        self._client = functools.partial(
            client,
            timeout=limits.CALL_TIMEOUT_S,
            follow_redirects=False,
            verify=httpx.create_ssl_context(),
        )
        # A third of the work of httpx's own transport. Not for channels: it does not tell a
        # connection that never was from one that broke, which `CallError.safe` rests on.
        self._desk_client = HttpxAiohttpClient(timeout=limits.CALL_TIMEOUT_S)
        self.desk = Desk(self._desk_client, url, key)
        self.store, self._feed, self._watch, self._views = store, feed, watch, views
        self.workers: dict[str, Worker] = {}
        self.noters: dict[str, Noter] = {}
        self.hooks = Hooks(self._open, store)
        self._reader = Reader(store, views, lambda: self._known.values())
        self._running: dict[str, tuple[asyncio.Task, asyncio.Event]] = {}
        self._refused: dict[str, Account] = {}
        accounts = list(accounts)
        _check_locations(accounts)
        # With those that are being replaced, or cannot work now: what is to be told to them waits.
        self._known = {account.name: account for account in accounts}
        for account in accounts:
            self._hire(account)
        self.webhooks = None
        if book is not None and connect is not None:
            self.webhooks = Webhooks(book, StoreShelf(store), self.desk, views, connect)

    def _open(self, name: str) -> Found | None:
        worker = self.workers.get(name)
        return worker and (worker.account, worker.connector, worker.stock)

    def _hire(self, account: Account) -> None:
        _check_locations([account, *(w.account for w in self.workers.values())])
        renewed = self._renewed(account.name) if self._renewed else None
        worker = Worker(account, self.store, self.desk, self._client(), renewed)
        self.workers[account.name] = worker
        self.noters[account.name] = Noter(worker, self.store, self.hooks.counts, self._views)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop`, then let go of everything."""
        try:
            async with asyncio.TaskGroup() as tasks:
                for worker in self.workers.values():
                    self._start(tasks, worker)
                jobs = [tasks.create_task(self._note(stop), name="status")]
                jobs.append(tasks.create_task(self._shared(tasks, stop), name="shared"))
                if self._watch is not None:
                    jobs.append(tasks.create_task(self._follow(tasks, stop), name="accounts"))
                if self.webhooks is not None:
                    tasks.create_task(kept(self.webhooks.run, stop, "webhooks"))
                await stop.wait()
                for _, ends in self._running.values():
                    ends.set()
                for job in jobs:
                    job.cancel()
                await end((task for task, _ in self._running.values()), limits.OFFICE_STOP_S)
        finally:
            if self.webhooks is not None:
                await self.webhooks.sender.close()
            await self._desk_client.aclose()

    async def _shared(self, tasks: asyncio.TaskGroup, stop: asyncio.Event) -> None:
        """Begin what all accounts share, when there is one."""
        while not self.workers:
            await asyncio.sleep(limits.STATUS_S)
        tasks.create_task(kept(self._reader.run, stop, "outbox"), name="outbox")
        tasks.create_task(kept(self._follow_stock, stop, "feed"), name="feed")

    async def _follow_stock(self, stop: asyncio.Event) -> None:
        await self._feed.run(stop, self.desk, self._publishers)

    def _publishers(self) -> list[Publisher]:
        return [worker.publisher for worker in self.workers.values()]

    def statuses(self) -> list[AccountStatus]:
        """Return how each account is doing, as it was last noted."""
        return [noter.last for noter in self.noters.values() if noter.last is not None]

    @property
    def listed(self) -> int:
        """How many listings there are, of all accounts."""
        return sum(len(worker.listings.rows) for worker in self.workers.values())

    @property
    def resting(self) -> bool:
        """Whether nobody waits for an answer, and no listing shows more than there is."""
        high = any(publisher.queue.high for publisher in self._publishers())
        return not high and not self.hooks.under_way

    # Who works.

    def _start(self, tasks: asyncio.TaskGroup, worker: Worker) -> None:
        name, ends = worker.account.name, asyncio.Event()
        self._running[name] = (tasks.create_task(worker.run(ends), name=name), ends)

    async def _follow(self, tasks: asyncio.TaskGroup, stop: asyncio.Event) -> None:
        """Have a worker for each account that there is, and for none that is not."""
        while not stop.is_set():
            await asyncio.sleep(limits.ACCOUNTS_LOOK_S)
            found = self._known = self._watch()
            for name, worker in list(self.workers.items()):
                if found.get(name) != worker.account:
                    await self._dismiss(name, gone=name not in found)
            for name, account in found.items():
                if name not in self.workers and self._refused.get(name) != account:
                    self._try(tasks, account)

    def _try(self, tasks: asyncio.TaskGroup, account: Account) -> None:
        try:
            self._hire(account)
        except Exception as error:  # whatever a connector makes of its options
            self._refused[account.name] = account
            log.error("an account cannot work", account=account.name, problem=str(error))
        else:
            self._refused.pop(account.name, None)
            self._start(tasks, self.workers[account.name])
            log.info("an account works", account=account.name, connector=account.connector)

    async def _dismiss(self, name: str, gone: bool) -> None:
        """Stop an account's worker; it ends what it has begun."""
        noter = self.noters.pop(name)
        del self.workers[name]
        self._refused.clear()  # what it had may be another's now
        running, ends = self._running.pop(name)
        ends.set()
        await end([running], limits.OFFICE_STOP_S)
        if gone:
            try:
                await noter.forget()
            except LogError as error:
                log.warning("its status stays", account=name, problem=str(error))
        log.info("an account's work ends", account=name, gone=gone)

    async def _note(self, stop: asyncio.Event) -> None:
        """Note how each account is doing."""
        while not stop.is_set():  # a cancellation may be swallowed, as in the publisher
            for name, noter in list(self.noters.items()):
                try:
                    if self.noters.get(name) is noter:
                        await noter.note()
                except Exception as error:  # no order is to wait for numbers
                    log.warning("not noted", account=name, problem=repr(error))
            await asyncio.sleep(limits.STATUS_S)


def _check_locations(accounts: list[Account]) -> None:
    """Raise `ConfigError` where two accounts would do the work of one location."""
    taken: dict[str, str] = {}
    for account in accounts:
        for location in locations_of(account):
            other = taken.setdefault(location, account.name)
            if other != account.name:
                raise ConfigError(f"location {location!r}: both {other} and {account.name} ship")
