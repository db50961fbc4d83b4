"""The publisher: every listing shows what it may, soon after it changed.

    stock stream ─▶ SKUs touched (and bundles of them) ─▶ availability of the channel
        ─▶ otherwise than shown? ─▶ queue, newest quantity only ─▶ quota ─▶ connector.publish

What a listing was last made to show is noted after its channel took it. A crash before the note
sends the same absolute number again, which changes nothing. Quantities are chosen after the quota
allowed the call, so a listing that waits its turn is sent with what is right by then, once. What
a channel will not hear twice (`sync.repeats`) is said in other company, or waits, and so does a
listing that was changed too often (`sync.revisions`).
"""

import asyncio
import heapq
import itertools
import time
from collections import Counter
from collections.abc import Iterable

import structlog

from engine.connectors.base import (
    Account,
    Connector,
    ConnectorError,
    Published,
    Quantity,
    worth_again,
)
from engine.connectors.calls import CallError, Calls, patiently
from engine.connectors.quotas import quotas_of
from engine.core import limits
from engine.sync.audit import Auditor
from engine.sync.bulk import BulkSender
from engine.sync.desk import Desk, DeskError
from engine.sync.lags import Lags
from engine.sync.listings import Listings
from engine.sync.queue import Due, Pace, Queue
from engine.sync.repeats import Repeats, otherwise
from engine.sync.revisions import Revisions, Wish
from engine.sync.store import SyncStore
from engine.sync.tasks import end

log = structlog.get_logger("publisher")


class Publisher:
    """Publishes one account's listings. `lags` are the times from a change's arrival to its
    channel's yes; `counts` tells of calls, listings and problems."""

    def __init__(
        self,
        account: Account,
        connector: Connector,
        calls: Calls,
        store: SyncStore,
        desk: Desk,
        listings: Listings,
    ) -> None:
        self._account, self._connector, self.calls = account, connector, calls
        self.store, self._desk, self.listings = store, desk, listings
        self.account = account.name
        bulk = getattr(connector, "bulk", None)
        self._bulk = BulkSender(self, bulk) if bulk else None
        quotas, operation = quotas_of(account.connector), connector.publish_operation
        quiet_s = quotas.unrepeatable_s(operation)
        self._revisions = Revisions(store, account.name, quotas.each_of(operation))
        self._repeats = Repeats(store, account.name, quiet_s)
        self._most = getattr(connector, "publish_units_max", limits.QUANTITY_MAX)
        self._pace = Pace()
        self.queue = Queue(self._pace)
        self._held_back = 0
        self._touched: dict[str, float] = {}
        self._unseen: dict[str, None] = {}  # SKUs to be looked at although nothing changed
        self.ended = False
        self._news, self._work = asyncio.Event(), asyncio.Event()
        self._shown: dict[str, int] = {}
        self.counts: Counter[str] = Counter()
        self.lags = Lags()
        self._auditor = Auditor(self, connector, account)

    def touch(self, skus: Iterable[str], sold: int = 0) -> None:
        """Note that the stock of SKUs changed just now; `sold` units of each went."""
        now_s = time.monotonic()
        for sku in skus:
            self._touched.setdefault(sku, now_s)
            if sold > 0:
                self._pace.sold(sku, sold)
        self._news.set()

    def touch_all(self) -> None:
        """Have every listing looked at, some at a time, after those whose stock changes."""
        self._unseen.update(dict.fromkeys(self.listings.skus))
        self._news.set()

    def hold_back(self, units: int) -> None:
        """Show so many units less than there are, of every listing, from now on."""
        if units != self._held_back:
            self._held_back = units
            self.touch_all()

    async def load(self) -> None:
        """Read what each listing shows, and have all of them looked at."""
        rows = await self.store.table("shown", self.account)
        self._shown = {listing: int(value) for listing, value in rows.items()}
        self.touch_all()

    async def run(self, stop: asyncio.Event) -> None:
        """Publish until `stop`."""
        self.ended = False
        await self.load()
        async with asyncio.TaskGroup() as tasks:
            senders = [self._send() for _ in range(self._connector.publish_parallel)]
            senders += [self._bulk.run()] if self._bulk else []
            senders.append(self._auditor.run())
            ours = [tasks.create_task(job) for job in (self._look(), self._again(), *senders)]
            try:
                await stop.wait()
            finally:  # also after one of them failed: the others are to end before all begin anew
                self.ended = True
                self._news.set()
                self._work.set()
                await end(ours)

    # What ought to be shown.

    async def _look(self) -> None:
        while not self.ended:
            await self._news.wait()
            await asyncio.sleep(limits.PUBLISH_COALESCE_S)
            self._news.clear()
            try:
                await self.look()
            except DeskError as error:  # the channel may be made later
                log.warning("nothing is published", account=self.account, error=str(error))
                await asyncio.sleep(limits.RECONNECT_DELAY_S_MAX)
                self.touch_all()
            if self._unseen:
                self._news.set()

    async def look(self) -> None:
        """Ask what the touched SKUs may show, and queue the listings that show something else.
        Of others that are to be looked at, perhaps all there are, one question's worth at most."""
        touched, self._touched = self._touched, {}
        skus = [sku for sku in touched if self.listings.of(sku)]
        each = limits.AVAILABILITY_SKUS_MAX
        now_s, room = time.monotonic(), each - len(skus) % each
        for sku in list(itertools.islice(self._unseen, room)):
            del self._unseen[sku]
            if sku not in touched and self.listings.of(sku):
                touched[sku] = now_s
                skus.append(sku)
        for at in range(0, len(skus), each):
            await self._ask({sku: touched[sku] for sku in skus[at : at + each]})
        if self.queue.rows:
            self._work.set()
        if self.queue.pressing:
            self.calls.wake()

    async def _ask(self, touched: dict[str, float]) -> None:
        """Ask what these SKUs may show, which may be otherwise since some time."""
        for row in await self._desk.shown(self._account.channel, list(touched)):
            for listing in self.listings.of(row.sku):
                wanted = min(max(row.sellable - self._held_back, 0), self._most)
                shown = self._shown.get(listing.listing)
                due = Due(listing.listing, row.sku, wanted, shown, touched[row.sku])
                self.queue.want(due)

    async def _again(self) -> None:
        """Look at every listing now and then: channels' rules and seasons change without stock."""
        while True:
            least_s = len(self.listings.rows) / limits.PUBLISH_SWEEP_ROWS_S
            await asyncio.sleep(max(limits.PUBLISH_SWEEP_S, least_s))
            self.touch_all()

    # Showing it.

    async def _send(self) -> None:
        while not self.ended:
            rest_s = self.queue.rest_s(time.monotonic())
            if rest_s is None or rest_s > 0:
                if not self.ended:
                    self._work.clear()
                try:
                    async with asyncio.timeout(rest_s):
                        await self._work.wait()
                except TimeoutError:
                    pass
                continue
            # What bulk deliveries carry as well is not to take the quota from them.
            with patiently(lambda: self._bulk is not None and not self.queue.pressing):
                await self.calls.prepay(self._connector.publish_operation)
                await self.send_some()

    async def send_some(self) -> int:
        """Publish one call's worth of the most urgent listings; return how many."""
        chosen = self._choose()
        if not chosen:  # another sender took it
            await self.calls.unpay(self._connector.publish_operation)
            return 0
        flying = {due.listing for due in chosen}
        self.queue.fly(flying)
        try:
            able = await self._revisable(chosen)
            if able and (sent := await self._sayable(able, flying)):
                await self._note(await self._publish(sent), sent)
            else:
                await self.calls.unpay(self._connector.publish_operation)
        finally:
            self.queue.land(flying)
            self._work.set()
        return len(chosen)

    def _choose(self) -> list[Due]:
        """Return what one call is to say. Where that is of one family, the most urgent listing
        brings the others of its family along."""
        count, now_s = self._connector.publish_rows, time.monotonic()
        family = getattr(self._connector, "family", None)
        if family is None:
            return self.queue.best(count, now_s)
        if not (first := self.queue.best(1, now_s)):
            return []
        name = family(first[0].listing)
        return self.queue.kin(count, now_s, lambda listing: family(listing) == name)

    async def _revisable(self, chosen: list[Due]) -> list[Due]:
        """Return the listings that may be changed now. Variations of one listing, which then have
        an item `family`, are counted together."""
        waits = await self._revisions.claim([self._wish(due) for due in chosen])
        for due, wait_s in zip(chosen, waits, strict=True):
            if wait_s:
                self.counts["held"] += 1
                self.queue.rest(due, time.monotonic() + wait_s, due.wanted)
        return [due for due, wait_s in zip(chosen, waits, strict=True) if not wait_s]

    def _wish(self, due: Due) -> Wish:
        item = self.listings.rows[due.listing].item
        fallen = due.wanted if due.shown is None else due.shown - due.wanted
        return Wish(
            item.get("family", due.listing),
            due.rank,
            due.wanted,
            fallen,
            time.monotonic() - due.since_s,
            self._pace.of(due.sku),
        )

    async def _sayable(self, chosen: list[Due], flying: set[str]) -> dict[str, int]:
        """Return what to say so that these listings are told, perhaps not all of them: nothing,
        where the channel would hear nothing new. Who comes along is `flying`, too."""
        said = {due.listing: due.wanted for due in chosen}
        if not (wait_s := await self._repeats.claim(said)):
            return said
        company = self._company()
        flying.update(company)
        self.queue.fly(company)
        for other in otherwise(said, company, self._connector.publish_rows):
            if not await self._repeats.claim(other):
                return other
        for due in chosen:
            self.queue.rest(due, time.monotonic() + wait_s, due.wanted)
        self.counts["held"] += len(chosen)
        log.info("may not be said again yet", account=self.account, wait_s=wait_s)
        return {}

    def _company(self) -> dict[str, int]:
        """Return listings that show what they may: those that show none, then those that sell
        least, since one sold this moment would be shown for a moment more."""
        free = (
            (quantity > 0, self._pace.of(self.listings.rows[name].sku), name)
            for name, quantity in self._shown.items()
            if name in self.listings.rows
            and name not in self.queue.rows
            and name not in self.queue.flying
        )
        names = heapq.nsmallest(limits.PUBLISH_COMPANIONS, free)
        return {name: self._shown[name] for _, _, name in names}

    async def _publish(self, sent: dict[str, int]) -> list[Published]:
        items, shown = self.listings.rows, self._shown
        rows = [Quantity(name, n, items[name].item, shown.get(name)) for name, n in sent.items()]
        self.counts["calls"] += 1
        try:
            return await self._connector.publish(rows)
        except (ConnectorError, CallError) as error:
            if isinstance(error, CallError) and error.safe:
                await self._repeats.release(sent)
            return [Published(row.listing, str(error), worth_again(error)) for row in rows]

    async def _note(self, results: list[Published], sent: dict[str, int]) -> None:
        now_s, taken = time.monotonic(), {}
        for result in results:
            due = self.queue.rows.get(result.listing)
            if not result.problem:
                taken[result.listing] = sent[result.listing]
                self.queue.took(result.listing, sent[result.listing])
                if due is not None:
                    self.lags.add(now_s - due.since_s)
            elif due is not None:
                self._failed(due, result, sent[result.listing], now_s)
        self._shown |= taken
        await self.store.put(taken, "shown", self.account)
        self.counts["listings"] += len(taken)
        for listing, quantity in taken.items():
            self.queue.shown(listing, quantity, now_s)
        if doubted := self.queue.in_doubt(taken):
            await self._forget(doubted)

    async def landed(self, results: list[Published], sent: dict[str, int]) -> None:
        """Note what became of a bulk delivery, and look at all of it again: much may have changed
        since it was handed in."""
        unknown = self.queue.landed(sent)
        await self._note([row for row in results if row.listing not in unknown], sent)
        await self._forget(unknown)
        self._look_again(sent)

    async def _forget(self, listings: set[str]) -> None:
        """Nobody knows what these show: show them anew."""
        for listing in listings:
            self._shown.pop(listing, None)
        await self.store.drop(listings, "shown", self.account)
        self._look_again(listings)

    def _look_again(self, listings: Iterable[str]) -> None:
        """Have these looked at, as far as they are mapped still."""
        rows = self.listings.rows
        self.touch({rows[listing].sku for listing in listings if listing in rows})

    def _failed(self, due: Due, result: Published, sent: int, now_s: float) -> None:
        """Let a listing rest: for longer each time, and for long where trying alone won't help.
        Where a sale crossed what was `sent`, the quantity after the sale needs no rest."""
        due.failures += 1
        due.problem, due.newer_s = result.problem, None
        self.counts["problems"] += 1
        rest_s = 0.5 * 2 ** min(due.failures, 9) if result.again else limits.PUBLISH_REFUSED_S
        held = sent if result.crossed else due.held
        if result.crossed and due.wanted != sent:
            rest_s, due.failures, held = 0.0, 0, due.held
        self.queue.rest(due, now_s + rest_s, held)
        log.warning(
            "a listing is not published",
            account=self.account,
            listing=due.listing,
            problem=result.problem,
            retry_in_s=due.not_before_s - now_s,
        )

    # Reading back.

    def settled(self, names: Iterable[str]) -> dict[str, int]:
        """Return what these listings show, as far as anybody here knows, without those that are
        about to show something else."""
        queue = self.queue
        return {
            name: self._shown[name]
            for name in names
            if name in self._shown
            and name in self.listings.rows
            and name not in queue.rows
            and name not in queue.flying
            and name not in queue.aloft
        }

    def shows(self, listing: str) -> int | None:
        """Return what a listing was last made to show; None if nobody knows."""
        return self._shown.get(listing)

    async def audit(self) -> list[tuple[str, int | None, int]]:
        """Compare all that was sent with what the channel shows; return (listing, shown there,
        sent) of those that differ, and have them published again."""
        sent = self.settled(self._shown)
        there = await self._auditor.differing(sent)
        self.mend(there)
        return [(listing, shown, sent[listing]) for listing, shown in there.items()]

    def mend(self, drifted: Iterable[str]) -> None:
        """Count listings that somebody changed at the channel, and publish them again."""
        drifted = list(drifted)
        for listing in drifted:
            self._shown.pop(listing, None)
        self.counts["drifted"] += len(drifted)
        self._look_again(drifted)
