"""Leads while it can: recover, run the loop, and after trouble recover again. Fronts ask here.

    recovering ──recover()──▶ leading ──trouble──▶ recovering
                                   └──fenced, or the log cannot be trusted──▶ stopped

`Engine` is the in-process `Client`. It stops for good when a newer writer has taken over, when
the log is damaged, or on a bug: then the process must be looked at, not restarted in a circle.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import structlog

from engine import __version__
from engine.core import limits
from engine.core.commands import Request
from engine.core.errors import (
    ConfigError,
    CorruptLogError,
    DibsError,
    DoubtError,
    FencedError,
    LedgerError,
    LogError,
    OverloadedError,
    ServiceError,
    UnavailableError,
)
from engine.core.outcomes import Outcome
from engine.log import marks
from engine.log.store import Appender, Store
from engine.log.writer import Writer
from engine.service.changes import Changes
from engine.service.client import Change, Parcel, Status
from engine.service.clock import Clock
from engine.service.cycles import Collector, settle
from engine.service.latency import CLASSES
from engine.service.loop import Loop
from engine.service.reads import Reads
from engine.service.recover import Recovered, recover

log = structlog.get_logger("engine")
_FINAL = (FencedError, CorruptLogError, ConfigError, LedgerError)


class Engine(Reads):
    """One partition's writer with its recovery, as the `Client` of the same process.

    `connect` gives a fresh `Store`, `connect_appender` a fresh connected `Appender`; both may
    start a server first. `folder` holds snapshots, archive and marks. `awake`: see `Loop`.
    """

    def __init__(
        self,
        folder: Path,
        make_ledger: Any,
        connect: Callable[[], Store],
        connect_appender: Callable[[], Any],
        changes: Changes,
        *,
        name: str,
        awake: bool = False,
    ) -> None:
        self._folder, self._make_ledger = folder, make_ledger
        self._name, self._awake = name, awake
        self._connect, self._connect_appender = connect, connect_appender
        self._changes = changes
        self._loop: Loop | None = None
        self._state, self._detail, self._epoch = "recovering", "starting", 0
        self._recoveries = 0
        self._recovered: Recovered | None = None
        self._collector = Collector(self._resting, time.monotonic)

    # Life.

    async def lead(self) -> None:
        """Lead until it must stop; raises what stopped it."""
        marking = asyncio.create_task(self._mark())
        following = asyncio.create_task(self._changes.run())
        collecting = asyncio.create_task(self._collector.run())
        try:
            while True:
                recovered, appender = await self._recover()
                error = await self._run(recovered, appender)
                if isinstance(error, _FINAL):
                    raise error
                log.warning("append failed", error=str(error), kind=type(error).__name__)
        except DibsError as error:
            self._state, self._detail = "stopped", str(error)
            raise
        finally:
            if self._loop:
                self._loop.settle(stored=None)
            marking.cancel()
            following.cancel()
            collecting.cancel()

    async def _run(self, recovered: Recovered, appender: Appender) -> LogError:
        writer = Writer(appender, recovered.link, recovered.epoch)
        clock = Clock(recovered.link.stamp_us)
        self._loop = Loop(recovered.ledger, writer, clock, awake=self._awake)
        self._epoch = recovered.epoch
        task = asyncio.create_task(self._loop.run(recovered.epoch, self._name, __version__))
        while not task.done() and not self._loop.batches:
            await asyncio.wait({task}, timeout=0.001)
        if not task.done():
            self._state, self._detail = "leading", ""
            log.info(
                "leading",
                epoch=recovered.epoch,
                seq=recovered.ledger.seq,
                replayed=recovered.replayed_events,
                seconds=round(recovered.seconds, 3),
            )
        try:
            return await task
        finally:
            task.cancel()
            self._state, self._detail = "recovering", "the log is read back"
            await appender.close()

    async def _recover(self) -> tuple[Recovered, Appender]:
        """Recover, trying again while the server is away. Doubtful outcomes are settled here."""
        delay_s, patience = 0.02, None
        doubts = self._doubts()
        if doubts:
            patience = asyncio.get_running_loop().call_later(
                limits.DOUBT_PATIENCE_S, self._loop.settle_unknown
            )
        while True:
            try:
                recovered = await asyncio.to_thread(self._recover_once, doubts)
                appender = await self._connect_appender()
                break
            except LogError as error:
                if isinstance(error, (FencedError, CorruptLogError)):
                    raise
                self._detail = str(error)
                await asyncio.sleep(delay_s * (1 + random.random()))
                delay_s = min(delay_s * 2, limits.RECONNECT_DELAY_S_MAX)
        if patience:
            patience.cancel()
        if self._loop:
            self._check_whole(recovered)
            self._loop.settle(stored=recovered.doubts_stored)
        self._recoveries += 1
        self._recovered = recovered
        return recovered, appender

    def _doubts(self) -> list[tuple[str, bytes]]:
        if self._loop and isinstance(self._loop.trouble, DoubtError):
            return self._loop.writer.doubts
        return []

    def _recover_once(self, doubts: list[tuple[str, bytes]]) -> Recovered:
        store = self._connect()
        try:
            if self._epoch:
                self._check_not_fenced(store)
            found = recover(store, self._folder, self._make_ledger, self._name, doubts=doubts)
        finally:
            store.close()
        settle()
        return found

    def _resting(self) -> bool:
        return self._loop is None or self._loop.resting

    def _check_not_fenced(self, store: Store) -> None:
        """Do not take the log back from a newer writer: whoever started last leads."""
        tail = store.tail()
        if tail and int(tail[0].split("-")[0]) > self._epoch and not self._own_fence(tail):
            raise FencedError(f"a newer writer leads (entry {tail[0]}); this one stops")

    def _check_whole(self, recovered: Recovered) -> None:
        """Do not go on from a log that has lost what was told to somebody."""
        told = self._loop.durable_seq
        if recovered.link.seq < told:
            raise CorruptLogError(
                f"the log ends at {recovered.link.seq}, but {told} was durable; "
                "its server has lost data, or another one answers",
                seq=recovered.link.seq + 1,
            )

    def _own_fence(self, tail: tuple[str, bytes]) -> bool:
        return tail[0].endswith("-0") and self._name.encode() in tail[1]

    async def _mark(self) -> None:
        """Note how far the log is known to reach, about once a second, off the loop."""
        written = 0
        while True:
            await asyncio.sleep(limits.MARK_EVERY_S)
            loop = self._loop
            if loop and not loop.trouble and loop.durable_seq != written:
                link = loop.writer.link
                await asyncio.to_thread(marks.write_mark, self._folder, link)
                written = link.seq

    # The Client.

    def status(self) -> Status:
        """Return the engine's state at once."""
        seq = self._loop.durable_seq if self._loop else 0
        return Status(self._state, self._epoch, seq, self._detail)

    def _leading(self) -> Loop:
        if self._state != "leading":
            raise UnavailableError(f"{self._state}: {self._detail or 'no writer leads'}")
        return self._loop

    def submit(self, request: Request) -> asyncio.Future:
        """Decide one command; the future gives its durable outcome."""
        return self._leading().submit(request)

    def submit_packed(self, parcel: Parcel) -> None:
        """Queue packed requests; the parcel gets their answers."""
        self._leading().submit_packed(parcel)

    async def submit_many(self, requests: Sequence[Request]) -> list[Outcome | ServiceError]:
        """Decide commands in order; each stands for itself."""
        loop = self._leading()
        if loop.queue_depth + len(requests) > limits.QUEUE_COMMANDS_MAX:
            raise OverloadedError("too many commands wait already; slow down")
        futures = [loop.submit(request) for request in requests]
        return await asyncio.gather(*futures, return_exceptions=True)

    def changes(
        self, after: str | None, skus: frozenset[str], locations: frozenset[str]
    ) -> AsyncIterator[Change | None]:
        """Follow stock changes; see `Client.changes`."""
        return self._changes.follow(after, skus, locations)

    def sizes(self) -> dict[str, int]:
        """Rows per table of the ledger."""
        return self._loop.ledger.sizes() if self._loop else {}

    def latencies(self) -> list[int]:
        """Commands by how long they waited for their answers."""
        return list(self._loop.latencies.counts) if self._loop else [0] * CLASSES

    def counters(self) -> dict[str, float]:
        """Counters and gauges of the writer."""
        loop = self._loop
        base = {"recoveries": float(self._recoveries), "time_seconds": time.time()}
        if self._recovered:
            base |= {
                "recovery_seconds": self._recovered.seconds,
                "recovery_snapshot_seq": float(self._recovered.snapshot_seq),
                "recovery_replayed_events": float(self._recovered.replayed_events),
            }
        base |= self._collector.counters()
        if not loop:
            return base
        return base | {
            "batches": float(loop.batches),
            "events": float(loop.events),
            "commands": float(loop.commands),
            "refusals": float(loop.refusals),
            "expiries": float(loop.expiries),
            "append_seconds": loop.append_s,
            "queue_depth": float(loop.queue_depth),
            "durable_seq": float(loop.durable_seq),
            "decided_seq": float(loop.ledger.seq),
        }
