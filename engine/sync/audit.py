"""The audit: does the channel still show what it was made to show? Somebody may change it there.

    every listing once in `audit_s`, spread evenly ─▶ differs? ─▶ after the next sweep, differs the
        same way? ─▶ drift: counted, and published again

One look is not enough: a unit sold at the channel is gone there before its order is here, and to
show that unit again would sell it twice. A sweep brings orders that no push told of. What falls is
told first, so the audit waits for that.
"""

import asyncio
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from math import ceil
from typing import TYPE_CHECKING, TypeVar

import structlog

from engine.connectors.base import Account, Connector, ConnectorError, Quantity
from engine.connectors.calls import CallError, patiently
from engine.core import limits
from engine.sync.accounts import audit_every_s, sweep_every_s

if TYPE_CHECKING:
    from engine.sync.publisher import Publisher

_POLL_S = 1.0
log = structlog.get_logger("audit")
Row = TypeVar("Row")


class Auditor:
    """Reads back the listings of one publisher, all of them within the account's `audit_s`."""

    def __init__(self, publisher: "Publisher", connector: Connector, account: Account) -> None:
        self._publisher, self._connector = publisher, connector
        self._rows = getattr(connector, "shown_rows", connector.publish_rows)
        # As sweeps are. Others may hold, while they wait, what a quantity needs as well.
        self._patient = hasattr(connector, "scan")
        self._every_s, self._sweep_s = audit_every_s(account), sweep_every_s(account)
        every_s = self._every_s
        self._confirm_s = min(limits.AUDIT_CONFIRM_S, every_s / 2)

    async def run(self) -> None:
        """Read back until the publisher has ended."""
        while not self._publisher.ended:
            publisher, rows = self._publisher, self._rows
            names = list(publisher.listings.rows)
            if not names:
                await asyncio.sleep(min(self._every_s, limits.PUBLISH_SWEEP_S))
            pause_s = self._every_s / max(ceil(len(names) / rows), 1)
            for some in _some(names, rows):
                await asyncio.sleep(pause_s)
                if publisher.ended:
                    return
                await self._quiet(pause_s)
                try:
                    await self._look(some)
                except (ConnectorError, CallError) as error:
                    publisher.counts["audit_problems"] += 1
                    log.warning("not read back", account=publisher.account, problem=str(error))

    async def _quiet(self, patience_s: float) -> None:
        """Wait while less is to be shown than is, but not for ever: then drift would be."""
        queue = self._publisher.queue
        for _ in range(int(patience_s)):
            if not queue.high:
                return
            await asyncio.sleep(_POLL_S)

    async def _look(self, names: Iterable[str]) -> None:
        """Look at some listings, and a while later again at those that differ."""
        first = await self.differing(self._publisher.settled(names))
        if not first:
            return
        if not await self._swept(datetime.now(UTC)):
            return
        await asyncio.sleep(self._confirm_s)
        second = await self.differing(self._publisher.settled(first))
        drifted = [name for name, there in second.items() if there == first[name]]
        if drifted:
            log.warning(
                "changed at the channel",
                account=self._publisher.account,
                listings={name: second[name] for name in drifted[:10]},
            )
            self._publisher.mend(drifted)

    async def _swept(self, since: datetime) -> bool:
        """Wait until a sweep that began after `since` is done: it brings what no push told of, an
        order that took a unit there, say. False: none was, so nothing is sure."""
        publisher = self._publisher
        end_s = time.monotonic() + limits.AUDIT_SWEEPS * self._sweep_s
        while time.monotonic() < end_s and not publisher.ended:
            noted = await publisher.store.field(f"sweep:{publisher.account}", "cursors")
            if noted and datetime.fromisoformat(noted.decode()) > since:
                return True
            await asyncio.sleep(_POLL_S)
        return False

    async def differing(self, sent: Mapping[str, int]) -> dict[str, int | None]:
        """Return what the channel shows of those listings that it shows otherwise than they were
        sent; None: it does not know them. One that is sent anew meanwhile is not among them."""
        items, found = self._publisher.listings.rows, {}
        rows = [Quantity(name, quantity, items[name].item) for name, quantity in sent.items()]
        for some in _some(rows, self._rows):
            with patiently(lambda: self._patient):
                there = await self._connector.shown(some)
            settled = self._publisher.settled(row.listing for row in some)
            found |= {
                row.listing: there.get(row.listing)
                for row in some
                if there.get(row.listing) != row.quantity
                and settled.get(row.listing) == row.quantity
            }
        self._publisher.counts["audited"] += len(rows)
        return found


def _some(rows: Sequence[Row], count: int) -> Iterator[Sequence[Row]]:
    for at in range(0, len(rows), count):
        yield rows[at : at + count]
