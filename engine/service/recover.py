"""From nothing to a ledger that may write: fence, snapshot, replay, marks. The only way in.

The order matters. The fence comes first: after it no older writer can add anything, so what is
read next is the whole truth. A snapshot that does not load is passed over for an older one, and
without any the whole history is replayed.
"""

import os
import time
from collections.abc import Callable, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any

import msgspec

from engine.core.errors import CorruptLogError, LedgerError
from engine.log import marks, snapshot
from engine.log.archive import Archive
from engine.log.frame import Link
from engine.log.history import read_history
from engine.log.reader import open_epoch, resolve
from engine.log.store import Keys, Store


class Recovered(msgspec.Struct, frozen=True):
    """A ledger at `link`, free to write as `epoch`, and what it took to get there.

    `doubts_stored` says how many of the entries in doubt are in the log; the others are not.
    """

    ledger: Any
    link: Link
    epoch: int
    snapshot_seq: int
    replayed_events: int
    seconds: float
    doubts_stored: int = 0


def recover(
    store: Store,
    folder: Path,
    make_ledger: Any,
    writer_name: str,
    *,
    doubts: Sequence[tuple[str, bytes]] = (),
    progress: Callable[[int], None] | None = None,
) -> Recovered:
    """Fence the log and bring a ledger up to its end.

    `make_ledger` is the ledger's class; `doubts` are entries (id, bytes) whose fate is to be
    resolved, in the order in which they were sent.
    Raises `ConfigError` on unsafe settings, `CorruptLogError` if the log cannot be trusted,
    `LogError` if the server does not answer.
    """
    started = time.monotonic()
    store.check_settings()
    store.check_scripts()
    epoch = open_epoch(store, writer_name)
    # The log takes them in order: behind one that is missing there is none.
    doubts_stored = sum(1 for _ in takewhile(lambda doubt: resolve(store, *doubt), doubts))
    ledger, link = newest_snapshot(folder, make_ledger)
    snapshot_seq = link.seq
    for frame in read_history(Archive(folder / "archive"), store, link):
        ledger.apply(frame.stamp_us, frame.first_seq, frame.body)
        link = Link(frame.epoch, frame.last_seq, frame.stamp_us, frame.digest)
        if progress:
            progress(link.seq)
    marks.check_marks(folder, store.hash_all(Keys().cursors), link)
    return Recovered(
        ledger,
        link,
        epoch,
        snapshot_seq,
        link.seq - snapshot_seq,
        time.monotonic() - started,
        doubts_stored,
    )


def newest_snapshot(folder: Path, make_ledger: Any) -> tuple[Any, Link]:
    """Return the ledger of the newest snapshot that loads, or an empty one."""
    seed = os.urandom(16)  # ids come from outside: nobody shall choose them so that they collide
    for path in snapshot.latest(folder / "snapshots"):
        try:
            data, link = snapshot.load(path)
            ledger = make_ledger.load(data, seed)
        except (CorruptLogError, LedgerError):
            continue
        if ledger.seq == link.seq:
            return ledger, link
    return make_ledger(seed), Link()
