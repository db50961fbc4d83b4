"""The worker's replica: tails the log, keeps its own ledger, and makes from it what others need.

    log ─▶ check chain ─▶ apply ─┬─▶ stock stream   one entry per changed position per batch
                                 ├─▶ archive        compressed segments, before anything is trimmed
                                 ├─▶ snapshots      recovery is short, and the writer never pauses
                                 └─▶ trim           behind snapshot, archive and every cursor

Each product has a cursor in the log's server; a crash between any two steps repeats work, and
repeating is harmless: stream ids and segment names come from log positions.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog

from engine.core import limits
from engine.core.errors import LogError
from engine.log import snapshot
from engine.log.archive import Archive
from engine.log.frame import Frame, Link
from engine.log.history import read_history, trim_behind
from engine.log.reader import read_entries
from engine.log.rewrite import Rewriting
from engine.log.store import Keys, Store
from engine.service.recover import newest_snapshot

log = structlog.get_logger("replica")
CURSOR_STREAM = "stock-stream"
_NOUNS = {
    "stock_moved": "stock",
    "reserved": "reservation",
    "reservation_released": "release",
    "reservation_expired": "expiry",
    "order_placed": "order",
    "order_cancelled": "cancellation",
    "order_shipped": "shipment",
    "order_changed": "change",
}


class Replica:
    """Follows one log from the newest snapshot on. Not thread-safe; run it in its own process.

    `connect` gives a fresh `Store`. A snapshot is taken every `snapshot_events` events or
    `snapshot_s` seconds in which there were any.
    """

    def __init__(
        self,
        folder: Path,
        make_ledger: Any,
        connect: Callable[[], Store],
        *,
        snapshot_events: int = limits.SNAPSHOT_EVERY_EVENTS,
        snapshot_s: float = limits.SNAPSHOT_EVERY_S,
    ) -> None:
        self._folder, self._connect = folder, connect
        self._snapshot_events, self._snapshot_s = snapshot_events, snapshot_s
        self._archive = Archive(folder / "archive")
        self._store: Store | None = None
        self._ledger, self.link = newest_snapshot(folder, make_ledger)
        self._ledger.watch()
        self._snapshot_seq, self._snapshot_at = self.link.seq, time.monotonic()
        self._published_seq = 0
        self._unsent: tuple[int, list] | None = None
        self._rewriting = Rewriting()

    def run(self, stop: Callable[[], bool]) -> None:
        """Follow until `stop()`; the server may go and come back meanwhile."""
        delay_s = 0.05
        while not stop():
            try:
                self._open()
                delay_s = 0.05
                while not stop():
                    self.step()
            except LogError as error:
                log.warning("the log is away", error=str(error))
                self.close()
                time.sleep(delay_s)
                delay_s = min(delay_s * 2, limits.RECONNECT_DELAY_S_MAX)
        if self._store:
            self.archive_now()
        self.close()

    def _open(self) -> None:
        """Connect and catch up with what happened before, from archive and stream."""
        self._store = self._connect()
        cursor = self._store.hash_all(Keys().cursors).get(CURSOR_STREAM, b"0")
        self._published_seq = int(cursor)
        self._send()
        # A snapshot may be ahead of the archive when a crash came between the two.
        behind = read_history(self._archive, self._store, self._archive.link, self.link.seq)
        if self._archive.last_seq < self.link.seq:
            self._archive.append(behind)
        for frame in read_history(self._archive, self._store, self.link):
            self._take([frame])

    def close(self) -> None:
        """Let go of the server."""
        if self._store:
            self._store.close()
            self._store = None

    def step(self, block_ms: int = 200) -> int:
        """Take what the log has beyond here, waiting `block_ms` for more; return its frames."""
        frames = read_entries(self._store, self.link, limit=256, block_ms=block_ms)
        if frames:
            self._take(frames)
        self._maintain()
        return len(frames)

    def _take(self, frames: list[Frame]) -> None:
        for frame in frames:
            self._ledger.apply(frame.stamp_us, frame.first_seq, frame.body)
            self.link = Link(frame.epoch, frame.last_seq, frame.stamp_us, frame.digest)
            self._publish(frame.last_seq)
        self._archive.append(frames)
        if self._published_seq:
            self._store.hash_put(Keys().cursors, CURSOR_STREAM, str(self._published_seq).encode())

    def _publish(self, last_seq: int) -> None:
        """Write the positions that this frame changed, as they are after it."""
        touched = self._ledger.touched()
        if last_seq <= self._published_seq:
            return
        rows = self._ledger.positions([number for number, _, _ in touched])
        entries, index, before = [], 0, 0
        for (_, seq, kind), (sku, quantities) in zip(touched, rows, strict=True):
            index = index + 1 if seq == before else 0
            before = seq
            fields = {"sku": sku, "location": quantities.location, "reason": _NOUNS[kind]}
            for name in ("on_hand", "reserved", "allocated", "unavailable", "available"):
                fields[name] = str(getattr(quantities, name))
            entries.append((f"{seq}-{index}", fields))
        self._unsent = (last_seq, entries)
        self._send()

    def _send(self) -> None:
        """Store what is published and not yet known to be stored; again after a lost server."""
        if self._unsent is None:
            return
        last_seq, entries = self._unsent
        if entries:
            self._store.stock_append(entries)
        self._unsent = None
        self._published_seq = max(self._published_seq, last_seq)

    def _maintain(self) -> None:
        fresh = self.link.seq - self._snapshot_seq
        waited = time.monotonic() - self._snapshot_at
        if fresh >= self._snapshot_events or (fresh and waited >= self._snapshot_s):
            self.snapshot_now()
        self._rewriting.look(self._store)

    def snapshot_once(self) -> tuple[Path, Link]:
        """Catch up with the log's end, write a snapshot there and let go; return (file, link).

        What was published and trimmed on the way leaves the server's file, too: it would be
        read at the next start.
        """
        self._open()
        path = self.snapshot_now()
        self._rewriting.at_once(self._store)
        self.close()
        return path, self.link

    def archive_now(self) -> None:
        """Put the frames gathered so far into a segment."""
        self._archive.flush()

    def snapshot_now(self) -> Path:
        """Write a snapshot of here, then trim what archive, snapshots and cursors leave behind."""
        self.archive_now()
        path = snapshot.write(self._folder / "snapshots", self._ledger.dump(), self.link)
        snapshot.prune(self._folder / "snapshots")
        self._snapshot_seq, self._snapshot_at = self.link.seq, time.monotonic()
        cursors = self._store.hash_all(Keys().cursors)
        trimmed = trim_behind(self._store, self._archive, self._snapshot_seq, cursors)
        log.info("snapshot", seq=self.link.seq, file=path.name, trimmed_entries=trimmed)
        return path
