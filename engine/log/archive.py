"""The archive: every frame that ever was, in compressed segment files. Public format:
docs/log-format.md.

    magic    8  b"DIBSSEGM"
    version  u16        zero     u16
    before   u64 epoch, u64 seq, u64 stamp_us, 16 digest    the link that the first frame follows
    after    u64 epoch, u64 seq, u64 stamp_us, 16 digest    the link of the last frame
    frames   u32        size     u64 bytes unpacked         packed   u64 bytes that follow
    body         zstd of the frames, each after its size (u32)
    digest   16  BLAKE2b-128 over everything before it

A segment is written once, whole, and never changed; its name carries its first and last seq. A
writer that crashed begins again at the end of the last segment. Should two have written, their
segments overlap, and since both are cut from one chain, either may be read.
"""

import hashlib
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
import zstandard

from engine.core import limits
from engine.core.errors import CorruptLogError
from engine.log import frame
from engine.log.files import sweep, write_whole
from engine.log.frame import DIGEST_BYTES, Frame, Link

MAGIC = b"DIBSSEGM"
VERSION = 1
SUFFIX = ".segment"
_LINK = struct.Struct("<QQQ16s")
_HEAD = struct.Struct("<8sHH40s40sIQQ")
_SIZE = struct.Struct("<I")
_LEVEL = 3


class Segment(msgspec.Struct, frozen=True):
    """A segment file by its name: it holds the frames of `first_seq` to `last_seq`."""

    path: Path
    first_seq: int
    last_seq: int


def _digest(*parts: bytes | memoryview) -> bytes:
    state = hashlib.blake2b(digest_size=DIGEST_BYTES)
    for part in parts:
        state.update(part)
    return state.digest()


def _segment_of(path: Path) -> Segment:
    try:
        first, last = path.name.removesuffix(SUFFIX).split("-")
        return Segment(path, int(first), int(last))
    except ValueError:
        raise CorruptLogError(f"{path.name} is no name of a segment; move it away") from None


def read_segment(path: Path) -> tuple[Link, Link, list[bytes]]:
    """Return (link before, link after, frames' bytes) of a segment whose own check holds.

    Raises `CorruptLogError` if a byte is wrong or missing. The frames are not looked into.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CorruptLogError(f"segment {path.name} cannot be read: {error}") from error
    if len(data) < _HEAD.size + DIGEST_BYTES:
        raise CorruptLogError(f"segment {path.name} is too short")
    if _digest(memoryview(data)[:-DIGEST_BYTES]) != data[-DIGEST_BYTES:]:
        raise CorruptLogError(f"segment {path.name} fails its checksum")
    magic, version, _, before, after, count, size, packed = _HEAD.unpack_from(data)
    if magic != MAGIC or version != VERSION:
        raise CorruptLogError(f"segment {path.name} is not of version {VERSION}")
    body = memoryview(data)[_HEAD.size : -DIGEST_BYTES]
    try:
        frames = zstandard.ZstdDecompressor().decompress(body, max_output_size=size)
    except zstandard.ZstdError as error:
        raise CorruptLogError(f"segment {path.name} does not unpack: {error}") from error
    rows, at = [], 0
    while at + _SIZE.size <= len(frames):
        end = at + _SIZE.size + _SIZE.unpack_from(frames, at)[0]
        rows.append(frames[at + _SIZE.size : end])
        at = end
    if len(body) != packed or len(frames) != size or at != size or len(rows) != count:
        raise CorruptLogError(f"segment {path.name} does not hold what it states")
    return Link(*_LINK.unpack(before)), Link(*_LINK.unpack(after)), rows


class Archive:
    """The segments of one folder, and the one that is being gathered. One writer at a time.

    `link` is the end of what is durable here. What was gathered and not flushed is lost in a
    crash, which does no harm: the log still has it.
    """

    def __init__(self, folder: Path, *, target_bytes: int = limits.SEGMENT_BYTES_TARGET) -> None:
        self.folder, self._target_bytes = Path(folder), target_bytes
        self._before: Link | None = None
        self._link: Link | None = None
        self._rows: list[bytes] = []
        self._bytes = 0

    # Reading.

    def segments(self) -> list[Segment]:
        """Return the segments in order of their first seq; of equals, the longest first."""
        found = map(_segment_of, self.folder.glob(f"*{SUFFIX}"))
        return sorted(found, key=lambda s: (s.first_seq, -s.last_seq))

    def covers(self, seq: int) -> bool:
        """Say whether a segment's name states that it holds event `seq`."""
        return any(s.first_seq <= seq <= s.last_seq for s in self.segments())

    @property
    def last_seq(self) -> int:
        """Last seq that the names of the segments state, 0 if there are none."""
        return max((segment.last_seq for segment in self.segments()), default=0)

    @property
    def link(self) -> Link:
        """The end of the last segment; `CorruptLogError` if that is damaged."""
        last = max(self.segments(), key=lambda s: s.last_seq, default=None)
        return read_segment(last.path)[1] if last else Link()

    def entries(self, after_seq: int = 0) -> Iterator[tuple[Path, Link, bytes]]:
        """Yield (file, its link before, frame's bytes) from the segment that holds `after_seq + 1`
        on, each segment's own check passed. Frames up to `after_seq` may come along.

        Where segments overlap, a damaged one is passed over for one that covers the same.
        Ends quietly where the archive does; a gap is for the caller to see.
        """
        seq = after_seq
        while True:
            covers = [s for s in self.segments() if s.first_seq <= seq + 1 <= s.last_seq]
            if not covers:
                return
            for segment in sorted(covers, key=lambda s: -s.last_seq):
                try:
                    before, after, rows = read_segment(segment.path)
                    break
                except CorruptLogError as error:
                    trouble = CorruptLogError(str(error), seq=segment.first_seq)
            else:
                raise trouble
            if after.seq != segment.last_seq or before.seq + 1 != segment.first_seq:
                raise CorruptLogError(
                    f"segment {segment.path.name} holds seq {before.seq + 1} to {after.seq}",
                    seq=segment.first_seq,
                )
            for row in rows:
                yield segment.path, before, row
            seq = after.seq

    def frames(self, link: Link, until: int | None = None) -> Iterator[Frame]:
        """Yield the archive's frames after `link`, each checked, to its end or to `until`.

        Raises `CorruptLogError` at the first bad one, or where the archive begins after `link`.
        """
        segments = self.segments()
        if segments and segments[0].first_seq > link.seq + 1:
            raise CorruptLogError(
                f"the archive begins at seq {segments[0].first_seq}; "
                f"what follows seq {link.seq} is missing",
                seq=link.seq + 1,
            )
        for path, _, data in self.entries(link.seq):
            if until is not None and link.seq >= until:
                return
            found = frame.unpack(data)
            if found.last_seq <= link.seq:
                continue
            try:
                link = frame.follow(link, found)
            except CorruptLogError as error:
                raise CorruptLogError(
                    f"{path.name}: {error}", seq=error.seq, entry_id=error.entry_id
                ) from error
            yield found

    # Writing.

    def append(self, frames: Iterable[Frame]) -> None:
        """Take frames that follow on what is here; those that are here already are passed over.

        Writes a segment whenever one is full. Raises `CorruptLogError` where they do not follow.
        """
        if self._link is None:
            sweep(self.folder)
            self._before = self._link = self.link
        for found in frames:
            if found.last_seq <= self._link.seq:
                continue
            try:
                self._link = frame.follow(self._link, found)
            except CorruptLogError as error:
                raise CorruptLogError(
                    f"the archive ends at seq {self._link.seq} and cannot go on: {error}",
                    seq=error.seq,
                ) from error
            data = found.data
            self._rows += (_SIZE.pack(len(data)), data)
            self._bytes += len(data)
            if self._bytes >= self._target_bytes:
                self.flush()

    def flush(self) -> Path | None:
        """Make what was gathered a segment, durably; return its path, None if there is nothing."""
        if not self._rows:
            return None
        before, after = self._before, self._link
        unpacked = b"".join(self._rows)
        body = zstandard.ZstdCompressor(level=_LEVEL).compress(unpacked)
        head = _HEAD.pack(
            MAGIC,
            VERSION,
            0,
            _LINK.pack(before.epoch, before.seq, before.stamp_us, before.digest),
            _LINK.pack(after.epoch, after.seq, after.stamp_us, after.digest),
            len(self._rows) // 2,
            len(unpacked),
            len(body),
        )
        path = self.folder / f"{before.seq + 1:020d}-{after.seq:020d}{SUFFIX}"
        write_whole(path, (head, body, _digest(head, body)))
        self._before, self._rows, self._bytes = after, [], 0
        return path
