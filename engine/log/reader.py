"""The readers' end of the log: frames in order, each checked, and what recovery needs.

The order of recovery is fence, then read: after `open_epoch` no older writer can add anything, so
what is read is the whole truth, and an entry in doubt is there or never will be (`resolve`).
"""

from collections.abc import Iterator

from engine.core import limits
from engine.core.errors import CorruptLogError, FencedError, LogError
from engine.log import frame
from engine.log.frame import Frame, Link
from engine.log.store import Store

_FENCE_TRIES_MAX = 1_000
_FIRST_COUNT = 32


def entry_id_of(link: Link) -> str:
    """Return the id of the entry at which `link` stands."""
    return f"{link.epoch}-{link.seq}"


def position_of(entry_id: str) -> tuple[int, int]:
    """Return (epoch, seq) of an entry's id; the seq of a fence is 0."""
    epoch, _, seq = entry_id.partition("-")
    return int(epoch), int(seq)


def is_fence_id(entry_id: str) -> bool:
    """Say whether the entry with this id has to be a fence."""
    return entry_id.endswith("-0")


def _checked(rows: list[tuple[str, bytes]], link: Link, fence: int) -> Iterator[tuple[Frame, Link]]:
    """Yield the frames in `rows` with the link after each. `fence` is the newest epoch opened."""
    for entry_id, data in rows:
        if is_fence_id(entry_id):
            fence, _ = frame.unpack_fence(data, entry_id)
            continue
        found = frame.unpack(data, entry_id)
        if found.epoch != fence:
            raise CorruptLogError(
                f"frame of epoch {found.epoch} while epoch {fence} is open",
                seq=found.first_seq,
                entry_id=entry_id,
            )
        link = frame.follow(link, found)
        yield found, link


def read_frames(store: Store, link: Link, until: int | None = None) -> Iterator[Frame]:
    """Yield the stream's frames after `link` up to its end, or to the frame with seq `until`.

    Raises `CorruptLogError` at the first entry that is damaged, missing or out of order.
    """
    after, fence, count = entry_id_of(link), link.epoch, _FIRST_COUNT
    while until is None or link.seq < until:
        rows = store.read(after, count)
        if not rows:
            return
        for found, link in _checked(rows, link, fence):  # noqa: B020 - the chain goes on
            yield found
            if until is not None and link.seq >= until:
                return
        after = rows[-1][0]
        fence = position_of(after)[0]
        size = max(sum(len(data) for _, data in rows) // len(rows), 1)
        count = min(max(limits.READ_BYTES_TARGET // size, 1), limits.READ_ENTRIES_MAX)


def read_entries(
    store: Store, link: Link, limit: int = _FIRST_COUNT, block_ms: int = 0
) -> list[Frame]:
    """Return up to `limit` checked frames after `link`, waiting up to `block_ms` for the first.

    For followers: fences alone do not end the wait. Raises as `read_frames`.
    """
    after, rows = entry_id_of(link), []
    while not rows or is_fence_id(after):
        found = store.read(after, min(limit, _FIRST_COUNT), block_ms)
        if not found:
            break
        rows += found
        after = found[-1][0]
    return [found for found, _ in _checked(rows, link, link.epoch)]


def open_epoch(store: Store, writer: str) -> int:
    """Fence the log and return the epoch that is open now, higher than any before.

    `writer` names who leads, for people who read the log. Raises `LogError` when the server does
    not answer: the fence may be there then, and a new try takes the next number.
    """
    for _ in range(_FENCE_TRIES_MAX):
        epoch = position_of(store.last_id())[0] + 1
        try:
            store.fence(epoch, writer)
        except FencedError:
            continue
        return epoch
    raise LogError(f"{_FENCE_TRIES_MAX} epochs were taken by others; too many writers start")


def resolve(store: Store, entry_id: str, data: bytes) -> bool:
    """Say whether the entry in doubt is stored, once and for all.

    Only after a fence with a higher epoch, by `open_epoch`: before it, the entry could still be
    on its way. Trimming never removes the newest frame, so an entry that is missing behind the
    newest frame was never there. Raises `CorruptLogError` if the id holds other bytes, `LogError`
    if the answer cannot be known from the stream any more.
    """
    place = position_of(entry_id)
    if position_of(store.last_id())[0] <= place[0]:
        raise LogError(f"entry {entry_id} may still arrive: fence before resolving")
    found = store.entry(entry_id)
    if found is not None:
        if found != data:
            raise CorruptLogError(
                f"entry {entry_id} holds other bytes than were sent",
                seq=place[1],
                entry_id=entry_id,
            )
        return True
    newest = newest_frame_id(store)
    if newest and position_of(newest) > place:
        raise LogError(f"a newer writer went on beyond {entry_id}; ask the archive")
    return False


def newest_frame_id(store: Store) -> str:
    """Return the id of the newest entry that is no fence, "" if there is none."""
    before = None
    while rows := store.read_back(before, _FIRST_COUNT):
        for entry_id, _ in rows:
            if not is_fence_id(entry_id):
                return entry_id
        before = rows[-1][0]
    return ""
