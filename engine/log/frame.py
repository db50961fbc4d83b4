"""One batch, one frame, one stream entry. Public format: docs/log-format.md.

    magic    4  b"DIBF"
    version  u16        count      u32  events in the body
    epoch    u64        first_seq  u64  number of the first event; the others follow
    stamp_us u64        size       u32  bytes of the body
    previous 16  digest of the frame before (zeros for the first of all)
    body         packed event records (core/records.py)
    digest   16  BLAKE2b-128 over everything before it

The digest is checksum and chain link in one: a flipped byte, a missing frame, a frame from another
log or in another order cannot pass. A frame's stream id is `epoch-last_seq`. A fence, which opens
an epoch before its writer has read the log, is an entry `epoch-0` without events; it is no part of
the chain.
"""

import hashlib
import struct

import msgspec

from engine.core import limits
from engine.core.errors import CorruptLogError
from engine.core.records import Batch

MAGIC = b"DIBF"
FENCE_MAGIC = b"DIBE"
GENESIS = bytes(16)
DIGEST_BYTES = 16
_HEAD = struct.Struct("<4sHIQQQI16s")
HEAD_BYTES = _HEAD.size
_FENCE = struct.Struct("<4sQB")


class Frame(msgspec.Struct, frozen=True):
    """A frame that passed its own check. Whether it follows another is `follows`'s question."""

    epoch: int
    first_seq: int
    count: int
    stamp_us: int
    previous: bytes
    body: bytes
    digest: bytes

    @property
    def last_seq(self) -> int:
        """Number of the last event."""
        return self.first_seq + self.count - 1

    @property
    def entry_id(self) -> str:
        """Id of the stream entry that holds this frame."""
        return f"{self.epoch}-{self.last_seq}"

    @property
    def data(self) -> bytes:
        """The frame's bytes, as they stand in the log."""
        batch = Batch(self.stamp_us, self.first_seq, self.count, self.body)
        return b"".join((_head(self.epoch, self.previous, batch), self.body, self.digest))


def digest_of(data: bytes | memoryview) -> bytes:
    """Return the digest of a frame's bytes up to its digest field."""
    return hashlib.blake2b(data, digest_size=DIGEST_BYTES).digest()


def pack(epoch: int, previous: bytes, batch: Batch) -> tuple[bytes, bytes]:
    """Return (bytes of the frame, its digest)."""
    head = _head(epoch, previous, batch)
    state = hashlib.blake2b(head, digest_size=DIGEST_BYTES)
    state.update(batch.records)
    digest = state.digest()
    return b"".join((head, batch.records, digest)), digest


def _head(epoch: int, previous: bytes, batch: Batch) -> bytes:
    return _HEAD.pack(
        MAGIC,
        limits.FRAME_VERSION,
        batch.count,
        epoch,
        batch.first_seq,
        batch.stamp_us,
        len(batch.records),
        previous,
    )


def unpack(data: bytes, entry_id: str = "") -> Frame:
    """Return the frame in `data`; `CorruptLogError` if a byte is wrong or missing.

    With `entry_id`, the id must be the frame's own.
    """
    if len(data) < HEAD_BYTES + DIGEST_BYTES:
        raise CorruptLogError("entry is too short for a frame", entry_id=entry_id)
    magic, version, count, epoch, first_seq, stamp_us, size, previous = _HEAD.unpack_from(data)
    if digest_of(memoryview(data)[:-DIGEST_BYTES]) != data[-DIGEST_BYTES:]:
        raise CorruptLogError(
            f"frame at entry {entry_id or '?'} fails its checksum", seq=first_seq, entry_id=entry_id
        )
    if magic != MAGIC or version != limits.FRAME_VERSION:
        raise CorruptLogError("not a frame of this version", seq=first_seq, entry_id=entry_id)
    if size != len(data) - HEAD_BYTES - DIGEST_BYTES or not count or not first_seq:
        raise CorruptLogError("frame's fields disagree", seq=first_seq, entry_id=entry_id)
    frame = Frame(
        epoch,
        first_seq,
        count,
        stamp_us,
        previous,
        data[HEAD_BYTES:-DIGEST_BYTES],
        data[-DIGEST_BYTES:],
    )
    if entry_id and entry_id != frame.entry_id:
        raise CorruptLogError(
            f"entry {entry_id} holds frame {frame.entry_id}", seq=first_seq, entry_id=entry_id
        )
    return frame


class Link(msgspec.Struct, frozen=True):
    """Where a chain stands: the next frame must follow on exactly this."""

    epoch: int = 0
    seq: int = 0
    stamp_us: int = 0
    digest: bytes = GENESIS


def follow(link: Link, frame: Frame) -> Link:
    """Return the chain's next link; `CorruptLogError` where `frame` does not follow `link`."""
    wrong = (
        f"gap: seq {frame.first_seq} after {link.seq}"
        if frame.first_seq != link.seq + 1
        else f"epoch {frame.epoch} after {link.epoch}"
        if frame.epoch < link.epoch
        else f"stamp {frame.stamp_us} after {link.stamp_us}"
        if frame.stamp_us <= link.stamp_us
        else "chain: the frame before is another one"
        if frame.previous != link.digest
        else ""
    )
    if wrong:
        first = min(frame.first_seq, link.seq + 1)
        raise CorruptLogError(wrong, seq=first, entry_id=frame.entry_id)
    return Link(frame.epoch, frame.last_seq, frame.stamp_us, frame.digest)


def pack_fence(epoch: int, writer: str) -> bytes:
    """Return the bytes of a fence entry."""
    name = writer.encode()[:255]
    data = _FENCE.pack(FENCE_MAGIC, epoch, len(name)) + name
    return data + digest_of(data)


def is_fence(data: bytes) -> bool:
    """Say whether an entry is an intact fence."""
    return (
        len(data) >= _FENCE.size + DIGEST_BYTES
        and data[:4] == FENCE_MAGIC
        and digest_of(data[:-DIGEST_BYTES]) == data[-DIGEST_BYTES:]
    )


def unpack_fence(data: bytes, entry_id: str) -> tuple[int, str]:
    """Return (epoch, writer) of a fence; `CorruptLogError` if it is damaged or at a wrong id."""
    if not is_fence(data):
        raise CorruptLogError(f"entry {entry_id} is no intact fence", entry_id=entry_id)
    _, epoch, size = _FENCE.unpack_from(data)
    name = data[_FENCE.size : -DIGEST_BYTES]
    if len(name) != size or entry_id != f"{epoch}-0":
        raise CorruptLogError(f"entry {entry_id} holds the fence {epoch}-0", entry_id=entry_id)
    return epoch, name.decode(errors="replace")
