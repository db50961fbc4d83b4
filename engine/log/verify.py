"""The walker behind `dibs verify`: archive, stream and snapshots, read by an independent reader.

It parses frames here and records in `books` from the public format, and shares no code with the
ledger or the writer's frames. What it finds is a report; it changes nothing, and may run beside a
working system.

    chain   every frame's checksum, its number, epoch, stamp and link to the frame before  (P6)
    books   P1 and P2 after every single event, one effect for one request                (P4)
    ends    no mark, cursor, snapshot or segment has seen more than the log still holds    (P3)
    twice   what both archive and stream hold is the same; snapshots equal the books       (P7)
"""

import hashlib
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from engine.core.errors import CorruptLogError
from engine.log import books_snapshot, marks, snapshot
from engine.log.archive import Archive, read_segment
from engine.log.books import KINDS, Books, Unreadable
from engine.log.frame import Link
from engine.log.history import cursor_seq
from engine.log.report import Problem, Report, SnapshotCheck
from engine.log.store import Store

__all__ = ["Problem", "Report", "SnapshotCheck", "verify", "walk"]

PROBLEMS_MAX = 100
_HEAD = struct.Struct("<4sHIQQQI16s")
_FENCE = struct.Struct("<4sQB")
_DIGEST_BYTES = 16
_CHUNK_ENTRIES = 64
_PROGRESS_EVENTS = 20_000


class _Stop(Exception):
    """Nothing beyond this point can be trusted."""


class _Walk:
    def __init__(self, report: Report, progress: Callable[[int, int], None] | None) -> None:
        self.report, self.progress = report, progress
        self.books = Books(self.bad)
        self.link, self.where, self.total = Link(), "", 0
        self.on_hand_before = self.shown_events = self.stream_seq = 0
        self.dumps: dict[int, tuple[Path, Link]] = {}

    def bad(self, promise: str, why: str, seq: int | None = None, where: str | None = None) -> None:
        """Note a problem; only the first `PROBLEMS_MAX` are kept, all are counted."""
        report = self.report
        report.problem_count += 1
        found = Problem(
            self.books.seq if seq is None else seq, self.where if where is None else where,
            promise, why,
        )  # fmt: skip
        if len(report.problems) < PROBLEMS_MAX:
            report.problems.append(found)

    def stop(self, promise: str, why: str, seq: int) -> None:
        """Note a problem after which the walk cannot go on."""
        self.bad(promise, why, seq)
        raise _Stop

    def frame(self, data: bytes, entry_id: str = "") -> None:
        """Check one frame against the chain and put its records into the books."""
        link, books, report = self.link, self.books, self.report
        expected = link.seq + 1
        if len(data) < _HEAD.size + _DIGEST_BYTES:
            self.stop("P6", "too short for a frame", expected)
        magic, version, count, epoch, first, stamp_us, size, previous = _HEAD.unpack_from(data)
        digest = data[-_DIGEST_BYTES:]
        end = len(data) - _DIGEST_BYTES
        if hashlib.blake2b(memoryview(data)[:end], digest_size=_DIGEST_BYTES).digest() != digest:
            self.stop("P6", "the frame fails its checksum", expected)
        last = first + count - 1
        wrong = (
            "not a frame of version 1"
            if magic != b"DIBF" or version != 1 or size != end - _HEAD.size or not count
            else f"entry {entry_id} holds frame {epoch}-{last}"
            if entry_id not in ("", f"{epoch}-{last}")
            else f"gap: seq {first} after {link.seq}"
            if first != expected
            else f"epoch {epoch} after {link.epoch}"
            if epoch < link.epoch
            else f"stamp {stamp_us} after {link.stamp_us}"
            if stamp_us <= link.stamp_us
            else "the chain is broken: the frame before is another one"
            if previous != link.digest
            else ""
        )
        if wrong:
            self.stop("P6", wrong, min(first, expected) or expected)
        report.epochs += epoch != link.epoch
        books.epoch, books.stamp_us = epoch, stamp_us
        try:
            books.take(data, _HEAD.size, end, first, count)
        except Unreadable as error:
            self.stop("P6", str(error), books.seq)
        self.link = Link(epoch, last, stamp_us, digest)
        report.frames += 1
        report.events += count
        report.bytes += len(data)
        report.first_stamp_us = report.first_stamp_us or stamp_us
        if last in self.dumps:
            self.snapshot(last)
        if self.progress and report.events - self.shown_events >= _PROGRESS_EVENTS:
            self.shown_events = report.events
            self.progress(report.events, max(self.total, report.events))

    def again(self, data: bytes, seq: int, previous: bytes | None) -> bytes:
        """Check a frame whose records have been walked; return its digest."""
        digest = hashlib.blake2b(data[:-_DIGEST_BYTES], digest_size=_DIGEST_BYTES).digest()
        if digest != data[-_DIGEST_BYTES:] or len(data) < _HEAD.size:
            self.stop("P6", "the frame fails its checksum", seq)
        if previous not in (None, _HEAD.unpack_from(data)[7]):
            self.stop("P6", "the chain is broken: the frame before is another one", seq)
        return digest

    def fence(self, data: bytes, entry_id: str) -> int:
        """Check a fence; return the epoch that it opens."""
        body, digest = data[:-_DIGEST_BYTES], data[-_DIGEST_BYTES:]
        whole = hashlib.blake2b(body, digest_size=_DIGEST_BYTES).digest() == digest
        epoch = _FENCE.unpack_from(body)[1] if whole and len(body) >= _FENCE.size else 0
        if body[:4] != b"DIBE" or entry_id != f"{epoch}-0":
            self.stop("P6", "no intact fence", self.link.seq + 1)
        self.report.fences += 1
        return epoch

    def snapshot(self, seq: int) -> None:
        """Compare the snapshot at `seq` with the books, which have just come there."""
        path, link = self.dumps.pop(seq)
        if not path.exists():
            return  # an older one, removed while we walked
        try:
            dump, _ = snapshot.load(path)
            found = books_snapshot.differences(self.books, books_snapshot.read_books(dump))
        except (CorruptLogError, Unreadable) as error:
            found = [str(error)]
        if link != self.link:
            found.insert(0, "it stands at another frame than the log has there")
        for why in found:
            self.bad("P7", f"the snapshot differs: {why}", seq, path.name)
        self.note(path, seq, "different" if found else "equal")

    def note(self, path: Path, seq: int, state: str) -> None:
        """Put a snapshot into the report."""
        self.report.snapshots.append(SnapshotCheck(path.name, seq, state))


def walk(
    store: Store | None,
    folder: Path | str,
    from_seq: int = 0,
    to_seq: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Walk the log of a data folder and report; nothing is changed.

    Without `store`, the archive alone is walked. With `from_seq` the walk begins at the newest
    snapshot before it, otherwise at genesis; it ends after the frame that holds `to_seq`, or at
    the end. `progress(events walked, events expected)` is called now and then. Raises `LogError`
    if the server does not answer.
    """
    started, folder = time.monotonic(), Path(folder)
    report = Report()
    state = _Walk(report, progress)
    archive = Archive(folder / "archive")
    _base(state, folder / "snapshots", from_seq)
    start_seq = state.link.seq
    tail = _tail_seq(store) if store else 0
    state.total = min(to_seq or 1 << 63, max(tail, archive.last_seq)) - start_seq
    again = True
    try:
        while again:
            _walk_archive(state, archive, store, to_seq)
            again = bool(store) and _walk_stream(state, store, archive, to_seq)
    except _Stop:
        pass
    else:
        if to_seq is None:
            _check_ends(state, folder, store, archive)
        _check_sums(state)
    _finish(state, report, time.monotonic() - started)
    return report


verify = walk


def _base(state: _Walk, folder: Path, from_seq: int) -> None:
    """Begin at the newest snapshot before `from_seq`; note the others for comparison."""
    for path in snapshot.latest(folder):
        try:
            link = snapshot.stated_link(path)
            if link.seq >= from_seq:
                state.dumps[link.seq] = (path, link)
                continue
            dump, link = snapshot.load(path)
            books = books_snapshot.read_books(dump, state.bad)
        except (CorruptLogError, Unreadable) as error:
            state.bad("P7", str(error), 0, path.name)
            state.note(path, 0, "damaged")
            continue
        state.books, state.link = books, link
        state.report.base, state.report.base_seq = path.name, link.seq
        state.on_hand_before = sum(books.buckets[0])
        return


def _walk_archive(state: _Walk, archive: Archive, store: Store | None, to_seq: int | None) -> None:
    """Walk the segments, and look at those too that others have made needless."""
    seen: set[Path] = set()
    stopped = ""
    try:
        for path, _, data in archive.entries(state.link.seq):
            seen.add(path)
            state.where = path.name
            if to_seq is not None and state.link.seq >= to_seq:
                return
            if len(data) < _HEAD.size or _HEAD.unpack_from(data)[4] > state.link.seq:
                state.frame(data)
    except CorruptLogError as error:
        stopped = str(error)
        state.bad("P6", stopped, error.seq or state.link.seq + 1, "archive")
    state.report.segments += len(seen)
    for segment in archive.segments():
        if segment.path in seen or segment.last_seq <= state.report.base_seq:
            continue
        try:
            read_segment(segment.path)
        except CorruptLogError as error:
            if str(error) != stopped:
                state.bad("P6", str(error), segment.first_seq, segment.path.name)
        if segment.first_seq > state.link.seq + 1 and not store:
            why = f"gap: the archive has nothing between seq {state.link.seq} and this"
            state.where = segment.path.name
            state.stop("P6", why, state.link.seq + 1)


def _walk_stream(state: _Walk, store: Store, archive: Archive, to_seq: int | None) -> bool:
    """Walk the stream; what the archive has shown already has to be the same here.

    Returns True when the stream was trimmed meanwhile and the archive has to go on.
    """
    fence, known, previous = None, state.link, None
    state.report.stream_entries = state.report.fences = state.stream_seq = 0
    for entry_id, data in _entries(store):
        if to_seq is not None and state.link.seq >= to_seq:
            return False
        state.where = f"entry {entry_id}"
        state.report.stream_entries += 1
        epoch, seq = (int(part) for part in entry_id.split("-"))
        if not seq:
            fence = state.fence(data, entry_id)
            continue
        expected = state.link.seq + 1
        ahead = len(data) >= _HEAD.size and _HEAD.unpack_from(data)[4] > expected
        if ahead and archive.covers(expected):
            return True
        if fence is not None and epoch != fence:
            state.stop("P6", f"a frame of epoch {epoch} while {fence} is open", expected)
        state.stream_seq = seq
        if seq <= known.seq:
            previous = state.again(data, seq, previous)
            if seq == known.seq and previous != known.digest:
                state.stop("P7", "archive or snapshot and stream hold different frames", seq)
            continue
        state.frame(data, entry_id)
    return False


def _entries(store: Store) -> Iterator[tuple[str, bytes]]:
    after = "0-0"
    while rows := store.read(after, _CHUNK_ENTRIES):
        yield from rows
        after = rows[-1][0]


def _tail_seq(store: Store) -> int:
    before = None
    while rows := store.read_back(before, _CHUNK_ENTRIES):
        before = rows[-1][0]
        for entry_id, _ in rows:
            if not entry_id.endswith("-0"):
                return int(entry_id.split("-")[1])
    return 0


def _check_ends(state: _Walk, folder: Path, store: Store | None, archive: Archive) -> None:
    """Nothing may have seen more of the log than it still holds."""
    state.where, end = "end", state.link.seq
    for seq, (path, _) in sorted(state.dumps.items()):
        state.bad("P3", f"a snapshot stands at seq {seq}, the log ends at {end}", seq, path.name)
        state.note(path, seq, "not reached")
    state.dumps.clear()
    seen = [("the archive", archive.last_seq)]
    if store:
        try:
            noted = marks.read_mark(folder)
            cursors = store.hash_all(store.keys.cursors)
            seen += [("the mark of the last writer", noted.seq)] if noted else []
            seen += [(f"consumer {name}", cursor_seq(value)) for name, value in cursors.items()]
        except CorruptLogError as error:
            state.bad("P3", str(error), end)
    end = state.stream_seq if store else end
    for name, seq in seen:
        if seq > end:
            state.bad("P3", f"{name} has seen seq {seq}, the log ends at {end}", end + 1)


def _check_sums(state: _Walk) -> None:
    """Everything that came, less everything that went, is what is there (P2)."""
    books = state.books
    books.close()
    units = books.units
    came = units["received"] + units["counted"] + units["adjusted"]
    came += units["returned"] - units["shipped"]
    there = sum(books.buckets[0])
    if state.on_hand_before + came != there:
        state.bad("P2", f"{state.on_hand_before} + {came} units came, {there} are there")


def _finish(state: _Walk, report: Report, seconds: float) -> None:
    books, link = state.books, state.link
    for seq, (path, _) in sorted(state.dumps.items()):
        state.note(path, seq, "not reached")
    report.last_seq, report.last_stamp_us = link.seq, link.stamp_us
    report.last_entry, report.chain = f"{link.epoch}-{link.seq}", link.digest.hex()
    for word, units in books.units.items():
        setattr(report, f"units_{word}", units)
    report.units_on_hand = sum(books.buckets[0])
    report.units_promised = sum(books.reserved) + sum(books.allocated)
    report.skus, report.locations = len(books.components), books.locations
    report.positions = len(books.room)
    report.open_orders, report.live_reservations = len(books.orders), len(books.reservations)
    report.kinds = {KINDS[kind]: count for kind, count in enumerate(books.counts) if count}
    report.seconds = seconds
    report.events_per_s = report.events / seconds if seconds else 0.0
    report.ok = not report.problem_count
    if report.problems:
        first = report.problems[0]
        where = f" ({first.where})" if first.where else ""
        report.first_bad = f"seq {first.seq}{where}: {first.promise}: {first.why}"
    if state.progress:
        state.progress(report.events, max(state.total, report.events))
