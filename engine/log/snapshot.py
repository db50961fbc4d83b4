"""Snapshots: the ledger's canonical bytes at one link of the chain. Public format:
docs/snapshot-format.md.

    magic    8  b"DIBSSNAP"
    version  u16        zero     u16
    epoch    u64        seq      u64        stamp_us u64    the link: the frame they follow
    chain    16  digest of that frame
    state    16  digest of the canonical bytes (what `Ledger.digest` shows)
    size     u64 of the canonical bytes     packed   u64 bytes that follow
    body         canonical bytes, zstd
    digest   16  BLAKE2b-128 over everything before it

A snapshot saves time, it is never the truth: one that does not load is passed over for an older
one, or for the whole history.
"""

import hashlib
import struct
from collections.abc import Iterator
from pathlib import Path

import zstandard

from engine.core import limits
from engine.core.errors import CorruptLogError
from engine.log.files import sweep, sync_folder, write_whole
from engine.log.frame import DIGEST_BYTES, Link

MAGIC = b"DIBSSNAP"
VERSION = 1
SUFFIX = ".snapshot"
_HEAD = struct.Struct("<8sHHQQQ16s16sQQ")
_LEVEL = 3


def _digest(*parts: bytes | memoryview) -> bytes:
    state = hashlib.blake2b(digest_size=DIGEST_BYTES)
    for part in parts:
        state.update(part)
    return state.digest()


def write(folder: Path, ledger_dump: bytes, link: Link) -> Path:
    """Write the snapshot of a ledger whose last frame is `link`; return its path.

    There whole or not at all. Raises `OSError` when the disk does.
    """
    sweep(folder)
    body = zstandard.ZstdCompressor(level=_LEVEL).compress(ledger_dump)
    head = _HEAD.pack(
        MAGIC,
        VERSION,
        0,
        link.epoch,
        link.seq,
        link.stamp_us,
        link.digest,
        _digest(ledger_dump),
        len(ledger_dump),
        len(body),
    )
    path = folder / f"{link.seq:020d}-{link.epoch}{SUFFIX}"
    return write_whole(path, (head, body, _digest(head, body)))


def latest(folder: Path) -> list[Path]:
    """Return the snapshots in `folder`, newest first; whether they load is another question."""
    return sorted(folder.glob(f"*{SUFFIX}"), reverse=True)


def seq_of(path: Path) -> int:
    """Return the log position that a snapshot's name states."""
    try:
        return int(path.name.split("-")[0])
    except ValueError:
        raise CorruptLogError(f"{path.name} is no name of a snapshot; move it away") from None


def stated_link(path: Path) -> Link:
    """Return the link in a snapshot's header, unchecked; `CorruptLogError` if there is none."""
    try:
        with open(path, "rb") as file:
            head = file.read(_HEAD.size)
    except OSError as error:
        raise CorruptLogError(f"snapshot {path.name} cannot be read: {error}") from error
    if len(head) < _HEAD.size or head[:8] != MAGIC:
        raise CorruptLogError(f"snapshot {path.name} has no header of a snapshot")
    _, _, _, epoch, seq, stamp_us, chain, *_ = _HEAD.unpack(head)
    return Link(epoch, seq, stamp_us, chain)


def load(path: Path) -> tuple[bytes, Link]:
    """Return the ledger's canonical bytes and the link they stand at.

    Raises `CorruptLogError` if a byte is wrong or missing: use an older one, or replay.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CorruptLogError(f"snapshot {path.name} cannot be read: {error}") from error
    if len(data) < _HEAD.size + DIGEST_BYTES:
        raise CorruptLogError(f"snapshot {path.name} is too short; use an older one, or replay")
    if _digest(memoryview(data)[:-DIGEST_BYTES]) != data[-DIGEST_BYTES:]:
        raise CorruptLogError(f"snapshot {path.name} fails its checksum; use an older one")
    magic, version, _, epoch, seq, stamp_us, chain, state, size, packed = _HEAD.unpack_from(data)
    if magic != MAGIC or version != VERSION:
        raise CorruptLogError(f"snapshot {path.name} is not of version {VERSION}; replay instead")
    body = memoryview(data)[_HEAD.size : -DIGEST_BYTES]
    try:
        dump = zstandard.ZstdDecompressor().decompress(body, max_output_size=size)
    except zstandard.ZstdError as error:
        raise CorruptLogError(f"snapshot {path.name} does not unpack: {error}") from error
    if len(body) != packed or len(dump) != size or _digest(dump) != state:
        raise CorruptLogError(f"snapshot {path.name} does not hold what it states")
    return dump, Link(epoch, seq, stamp_us, chain)


def loadable(folder: Path) -> Iterator[tuple[Path, bytes, Link]]:
    """Yield the snapshots that pass their check, newest first."""
    for path in latest(folder):
        try:
            dump, link = load(path)
        except CorruptLogError:
            continue
        yield path, dump, link


def prune(folder: Path, keep: int = limits.SNAPSHOTS_KEPT) -> int:
    """Remove all but the newest `keep`; return how many went."""
    old = latest(folder)[keep:]
    for path in old:
        path.unlink(missing_ok=True)
    if old:
        sync_folder(folder)
    return len(old)
