"""Sweeps: asking a channel what changed, because pushes get lost.

Each window begins some minutes before the last one ended: clocks differ, and a channel may show a
change late. What a window finds goes into the inbox like a push. A document that no push brought is
counted as `missed`: that is the gap detector. The end of a window is noted only when all of it is
in the inbox, so a crash repeats the window.
"""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta

import structlog

from engine.connectors.base import Account, Connector, ConnectorError
from engine.connectors.calls import CallError
from engine.core import limits
from engine.sync.accounts import sweep_every_s
from engine.sync.store import InboxFull, SyncStore

log = structlog.get_logger("sweep")


class Sweep:
    """Looks through one account's changes. `counts` says how many documents were seen, and how
    many of them no push had brought."""

    def __init__(self, account: Account, connector: Connector, store: SyncStore) -> None:
        self._account, self._connector, self._store = account, connector, store
        self._every_s = sweep_every_s(account)
        self.counts: Counter[str] = Counter()

    async def run(self, stop: asyncio.Event) -> None:
        """Look again and again until `stop`."""
        while not stop.is_set():
            try:
                await self.once()
            except (ConnectorError, CallError, InboxFull) as error:
                self.counts["failed"] += 1
                log.warning("a sweep ends early", account=self._account.name, error=repr(error))
            try:
                async with asyncio.timeout(self._every_s):
                    await stop.wait()
            except TimeoutError:
                continue

    async def once(self) -> None:
        """Look through one window; see what disabled pushes, and mend it."""
        name = self._account.name
        noted = await self._store.field(f"sweep:{name}", "cursors")
        until = datetime.now(UTC)
        since = until - timedelta(seconds=limits.SWEEP_FIRST_S)
        if noted is not None:
            overlap = timedelta(seconds=limits.SWEEP_OVERLAP_S)
            since = datetime.fromisoformat(noted.decode()) - overlap
            if since > until:  # noted while the clock was wrong: nobody knows what was seen then
                since = until - timedelta(seconds=limits.SWEEP_FIRST_S)
        for done in await self._connector.heal():
            log.warning("mended at the channel", account=name, done=done)
        async for delivery in self._connector.pull(since, until):
            self.counts["seen"] += 1
            if await self._store.keep(name, delivery, "sweep"):
                self.counts["kept"] += 1
        await self._store.put({f"sweep:{name}": until.isoformat()}, "cursors")
