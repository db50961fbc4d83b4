"""Sweeps: asking a channel what changed, because pushes get lost.

Each window begins some minutes before the last one ended: clocks differ, and a channel may show a
change late. What a window finds goes into the inbox like a push. A document that no push brought is
counted as `missed`: that is the gap detector. The end of a window is noted only when all of it is
in the inbox, so a crash repeats the window.

Where a connector scans, orders are passed over that were kept as they are now, by push or sweep:

    scan ─▶ sign of each order ─▶ its mark is met? ─▶ no: fetch_some ─▶ inbox and mark, in one step

There, most windows overlap by seconds. A deep one, which begins minutes before the last deep one
ended, comes first after a start and then every `limits.SWEEP_OVERLAP_S`.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

import msgspec
import structlog

from engine.connectors.base import Account, Connector, ConnectorError, Delivery, Sign, batches
from engine.connectors.calls import CallError, patiently
from engine.core import limits
from engine.sync.accounts import sweep_every_s
from engine.sync.store import InboxFull, SyncStore

log = structlog.get_logger("sweep")


class Sweep:
    """Looks through one account's changes. `counts` says how many orders were seen, how many of
    them were read, and how many documents of those were new."""

    def __init__(
        self,
        account: Account,
        connector: Connector,
        store: SyncStore,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._account, self._connector, self._store = account, connector, store
        self._every_s, self._now = sweep_every_s(account), now
        self._scan = getattr(connector, "scan", None)
        self._shallow = False  # until a deep one is done, nobody knows what came before the start
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
        name, scans = self._account.name, self._scan is not None
        until = self._now()
        since, deep = await self._window(until)
        # Who hears by pushes, too, has time: a sweep is not to hold up what is to be shown.
        with patiently(lambda: scans):
            for done in await self._connector.heal():
                log.warning("mended at the channel", account=name, done=done)
            if scans:
                await self._read_changed(since, until)
            else:
                async for delivery in self._connector.pull(since, until):
                    self.counts["seen"] += 1
                    await self._keep(delivery)
        noted = {f"sweep:{name}": until.isoformat()}
        if deep:
            noted[f"deep:{name}"] = until.isoformat()
            self._shallow = scans
        await self._store.put(noted, "cursors")

    async def _window(self, until: datetime) -> tuple[datetime, bool]:
        """Return where the window that ends at `until` begins, and whether it is a deep one. The
        deep ones overlap each other, so what a channel shows late is in the next but one."""
        name = self._account.name
        fields = await self._store.fields([f"sweep:{name}", f"deep:{name}"], "cursors")
        swept, deep = (found and datetime.fromisoformat(found.decode()) for found in fields)
        first = until - timedelta(seconds=limits.SWEEP_FIRST_S)
        if swept is None:
            return first, True
        overlap = timedelta(seconds=limits.SWEEP_OVERLAP_S)
        if self._shallow and deep is not None and deep <= swept <= until < deep + overlap:
            return swept - timedelta(seconds=limits.SWEEP_SHALLOW_S), False
        since = min(swept, deep or swept) - overlap
        # One that was noted while the clock was wrong: nobody knows what was seen then.
        return (since if since <= until else first), True

    async def _read_changed(self, since: datetime, until: datetime) -> None:
        """Read the orders that say something new. The mark of one that changed after it was scanned
        is not noted, so the next window reads it again: the second in which it changed may not
        have been over, and the channel's clock tells no less."""
        async for signs in batches(self._unmet(since, until), self._connector.fetch_rows):
            for delivery in await self._connector.fetch_some([sign.order_id for sign in signs]):
                if delivery.sign not in signs:
                    delivery = msgspec.structs.replace(delivery, sign=None)
                await self._keep(delivery)

    async def _unmet(self, since: datetime, until: datetime) -> AsyncIterator[Sign]:
        """Give the signs of orders that were not kept as they are now."""
        async for signs in batches(self._scan(since, until), limits.SWEEP_SIGNS):
            self.counts["seen"] += len(signs)
            orders = [sign.order_id for sign in signs]
            marks = await self._store.marks(self._account.name, orders)
            for sign, mark in zip(signs, marks, strict=True):
                if sign.mark != mark:
                    yield sign

    async def _keep(self, delivery: Delivery) -> None:
        self.counts["read"] += 1
        if await self._store.keep(self._account.name, delivery, "sweep"):
            self.counts["kept"] += 1
