"""Bulk: quantities of which there are more than single calls reach in time, in one slow delivery.

    what waits, most urgent first ─▶ [ single calls ][ bulk, once in a while ]

A delivery is worked off long after it is handed in, so a listing that falls to nothing meanwhile is
still shown by a single call, and the delivery may land on top of that. Where a single call showed
something else than the delivery carries, nobody knows what is shown when both are done: it is sent
once more. What is on its way is noted with its ticket, so a killed process asks for it again.
"""

import asyncio
import time
import uuid
from typing import TYPE_CHECKING

import msgspec
import structlog

from engine.connectors.base import Bulk, ConnectorError, Published, Quantity, worth_again
from engine.connectors.calls import CallError, patiently
from engine.core import limits

if TYPE_CHECKING:
    from engine.sync.publisher import Publisher

log = structlog.get_logger("bulk")
_PERHAPS = "perhaps:"  # what tickets begin with that are not known
_decode = msgspec.json.Decoder(dict[str, int]).decode


class BulkSender:
    """Sends one account's deliveries for its publisher, whose queue and notes it shares."""

    def __init__(self, publisher: "Publisher", bulk: Bulk) -> None:
        self._publisher, self._bulk = publisher, bulk
        self._paid = False  # for a delivery that was not sent, because nothing waited any more
        self._under_way = 0

    async def run(self) -> None:
        """Send until cancelled; what was on its way before is watched first."""
        publisher = self._publisher
        async with asyncio.TaskGroup() as watched:
            known = await publisher.store.table("bulk", publisher.account)
            for ticket, document in known.items():
                if ticket.startswith(_PERHAPS):
                    watched.create_task(self._lose(ticket, _decode(document)))
                else:
                    sent = _decode(document)
                    publisher.queue.lift(sent)
                    watched.create_task(self._land(ticket, sent))
            while True:
                # What is handed in long before it is worked off is old by then.
                full = self._under_way >= limits.BULK_UNDER_WAY_MAX
                if full or await self._once(watched) == 0:
                    await asyncio.sleep(limits.BULK_LOOK_S)

    async def _once(self, watched: asyncio.TaskGroup) -> int:
        """Send one delivery if enough waits; return how many listings it has."""
        publisher, bulk = self._publisher, self._bulk
        if not self._waiting():
            return 0
        if not self._paid:
            await publisher.calls.prepay(bulk.operation)
            self._paid = True
        rows = [
            Quantity(due.listing, due.wanted, publisher.listings.rows[due.listing].item)
            for due in self._waiting()
        ]
        if not rows:
            return 0
        self._paid = False
        sent = {row.listing: row.quantity for row in rows}
        # At once: what a connector reads to hand them in, no single call of ours may change.
        publisher.queue.lift(sent)
        document, perhaps = msgspec.json.encode(sent), f"{_PERHAPS}{uuid.uuid4().hex}"
        await publisher.store.put({perhaps: document}, "bulk", publisher.account)
        try:
            with patiently():  # what it reads of many listings is not to hold up one that sold out
                ticket = await bulk.send(rows)
        except (ConnectorError, CallError) as error:
            publisher.counts["bulk_problems"] += 1
            publisher.queue.landed(sent)
            log.warning("not handed in", account=publisher.account, problem=str(error))
            if isinstance(error, CallError) and not error.safe:  # or it was, and nobody heard
                watched.create_task(self._lose(perhaps, sent))
            else:
                await publisher.store.drop([perhaps], "bulk", publisher.account)
            return 0
        await publisher.store.replace({ticket: document}, [perhaps], "bulk", publisher.account)
        publisher.counts["bulk"] += 1
        publisher.counts["bulk_listings"] += len(sent)
        watched.create_task(self._land(ticket, sent))
        return len(sent)

    def _waiting(self):
        """Return what the next delivery takes: what single calls do not reach before it is done."""
        beyond, rows = self._bulk.beyond, self._bulk.rows
        return self._publisher.queue.best(beyond + rows, time.monotonic(), bulk=True)[beyond:]

    async def _lose(self, ticket: str, sent: dict[str, int]) -> None:
        """Show anew what may have been in a delivery whose ticket nobody got, when it is surely
        worked off: it may have come after newer quantities."""
        publisher = self._publisher
        await asyncio.sleep(limits.BULK_LOST_S)
        publisher.mend(name for name in sent if name in publisher.listings.rows)
        await publisher.store.drop([ticket], "bulk", publisher.account)

    async def _land(self, ticket: str, sent: dict[str, int]) -> None:
        """Wait until a delivery is worked off, and note what became of it."""
        publisher = self._publisher
        self._under_way += 1
        while (results := await self._results(ticket, list(sent))) is None:
            await asyncio.sleep(self._bulk.poll_s)
        self._under_way -= 1
        await publisher.landed(results, sent)
        await publisher.store.drop([ticket], "bulk", publisher.account)

    async def _results(self, ticket: str, listings: list[str]) -> list[Published] | None:
        try:
            return await self._bulk.done(ticket, listings)
        except (ConnectorError, CallError) as error:
            log.warning("not known yet", account=self._publisher.account, problem=str(error))
            return None if worth_again(error) else _unknown(listings, str(error))


def _unknown(listings: list[str], problem: str) -> list[Published]:
    return [Published(listing, problem, True) for listing in listings]
