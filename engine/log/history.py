"""The whole history: archive first, then stream, one chain. And what may be trimmed behind it."""

from collections.abc import Iterator, Mapping

from engine.core.errors import CorruptLogError
from engine.log import frame
from engine.log.archive import Archive, Segment, read_segment
from engine.log.frame import Frame, Link
from engine.log.reader import (
    entry_id_of,
    is_fence_id,
    newest_frame_id,
    position_of,
    read_frames,
)
from engine.log.store import Store

# A segment may appear while the archive is read; more often than this it is not chance.
_IDLE_ROUNDS_MAX = 10


def read_history(
    archive: Archive, store: Store | None, link: Link, until: int | None = None
) -> Iterator[Frame]:
    """Yield every frame after `link`, from genesis with `Link()`, to the frame with seq `until`.

    Without `until`, to the end as it is at the call. The stream is preferred where it reaches
    back to `link`; what is trimmed meanwhile is found in the archive. Raises `CorruptLogError` at
    the first frame that is damaged, missing or out of order.
    """
    end = until if until is not None else max(_tail_seq(store), archive.last_seq)
    idle = 0
    while link.seq < end and idle < _IDLE_ROUNDS_MAX:
        first = _first_seq(store)
        in_stream = first is not None and first <= link.seq + 1
        moved = False
        try:
            source = read_frames(store, link, end) if in_stream else archive.frames(link, end)
            for found in source:
                link = Link(found.epoch, found.last_seq, found.stamp_us, found.digest)
                moved = True
                yield found
        except CorruptLogError:
            trimmed = in_stream and (_first_seq(store) or 0) > link.seq + 1
            if not trimmed or not archive.covers(link.seq + 1):
                raise
            continue
        idle = 0 if moved else idle + 1
        if moved or (not in_stream and archive.covers(link.seq + 1)):
            continue
        if first is not None and first > link.seq + 1:
            raise CorruptLogError(
                f"seq {link.seq + 1} to {first - 1} are neither in the archive nor in the stream",
                seq=link.seq + 1,
            )
        return


def _tail_seq(store: Store | None) -> int:
    newest = newest_frame_id(store) if store else ""
    return position_of(newest)[1] if newest else 0


def _first_seq(store: Store | None) -> int | None:
    """Return the first seq of the oldest frame in the stream, None if it has none."""
    after = "0-0"
    while store and (rows := store.read(after, 1)):
        after, data = rows[0]
        if not is_fence_id(after):
            return frame.unpack(data, after).first_seq
    return None


def trim_behind(
    store: Store, archive: Archive, snapshot_seq: int, cursors: Mapping[str, bytes | int]
) -> int:
    """Trim what snapshot, every cursor and the archive have behind them; return entries removed.

    Cuts at segment ends only, after reading the segments that are to be the only copy, and leaves
    the newest frame where it is (`reader.resolve` needs it).
    """
    limit = min([snapshot_seq, *map(cursor_seq, cursors.values())])
    first = _first_seq(store)
    if first is None:
        return 0
    cut: Link | None = None
    while True:
        seq = cut.seq if cut else first - 1
        ready = [s for s in archive.segments() if s.first_seq <= seq + 1 <= s.last_seq <= limit]
        if not ready:
            break
        cut = _whole(max(ready, key=lambda segment: segment.last_seq))
    if cut is None:
        return 0
    held = store.entry(entry_id_of(cut))
    if held is None or frame.unpack(held, entry_id_of(cut)).digest != cut.digest:
        raise CorruptLogError(
            f"the archive's end at seq {cut.seq} is not in the stream; nothing was trimmed",
            seq=cut.seq,
        )
    # If this frame opens an epoch, its fence stays with it: a reader that stands just before it
    # would else meet a frame of an epoch that nobody has opened.
    before = store.read_back(entry_id_of(cut), 1)
    fenced = bool(before) and is_fence_id(before[0][0])
    return store.trim(before[0][0] if fenced else entry_id_of(cut))


def _whole(segment: Segment) -> Link:
    """Return the end of a segment, all of whose frames are there and in order."""
    link, after, rows = read_segment(segment.path)
    for row in rows:
        link = frame.follow(link, frame.unpack(row))
    if link != after or link.seq != segment.last_seq:
        raise CorruptLogError(
            f"segment {segment.path.name} ends at seq {link.seq}; nothing was trimmed",
            seq=link.seq,
        )
    return link


def cursor_seq(value: bytes | str | int) -> int:
    """Return the log position in a cursor: `seq` or `seq-n`."""
    text = value.decode() if isinstance(value, bytes) else str(value)
    try:
        return int(text.partition("-")[0])
    except ValueError:
        raise CorruptLogError(f"a consumer's cursor is not a log position: {text[:40]!r}") from None
