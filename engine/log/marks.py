"""High-water marks: how far the log is known to have reached, kept apart from the log.

A server may come back with a shorter log and say nothing: a cut append-only file loads, an old
copy of the folder too. So the serving process notes its durable link about once a second, and a
start compares the log's end with every mark there is: the note, the newest snapshot, the archive,
and every consumer's cursor. A log that ends before one of them has lost what somebody has seen.
"""

import struct
from collections.abc import Mapping
from pathlib import Path

from engine.core.errors import CorruptLogError
from engine.log import snapshot
from engine.log.archive import Archive
from engine.log.files import write_whole
from engine.log.frame import DIGEST_BYTES, Link, digest_of
from engine.log.history import cursor_seq

MAGIC = b"DIBSMARK"
VERSION = 1
NAME = "mark"
_MARK = struct.Struct("<8sHQQQ16s")


def write_mark(folder: Path, link: Link) -> None:
    """Note in the data folder that the log is durable up to `link`. Blocks for an fsync."""
    data = _MARK.pack(MAGIC, VERSION, link.epoch, link.seq, link.stamp_us, link.digest)
    write_whole(Path(folder) / NAME, (data, digest_of(data)))


def read_mark(folder: Path) -> Link | None:
    """Return the noted link, None if there is none; `CorruptLogError` if the note is damaged."""
    path = Path(folder) / NAME
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    if len(data) != _MARK.size + DIGEST_BYTES or digest_of(data[:-DIGEST_BYTES]) != data[-16:]:
        raise CorruptLogError(
            f"the mark {path} is damaged; run `dibs verify`, and remove it only if the log is whole"
        )
    magic, version, epoch, seq, stamp_us, digest = _MARK.unpack_from(data)
    if magic != MAGIC or version != VERSION:
        raise CorruptLogError(f"the mark {path} is of another version; upgrade dibs")
    return Link(epoch, seq, stamp_us, digest)


def check_marks(folder: Path, cursors: Mapping[str, bytes | int], link: Link) -> None:
    """Refuse a log that ends at `link` although something has seen more of it.

    `folder` is the data folder, with the note, `snapshots` and `archive`. Raises `CorruptLogError`
    that names what is missing and who has seen it.
    """
    folder = Path(folder)
    seen = [(f"consumer {name}", cursor_seq(value)) for name, value in sorted(cursors.items())]
    noted = read_mark(folder)
    if noted:
        seen.append(("the mark of the last writer", noted.seq))
    newest = next(iter(snapshot.latest(folder / "snapshots")), None)
    if newest:
        seen.append((f"snapshot {newest.name}", snapshot.seq_of(newest)))
    seen.append(("the archive", Archive(folder / "archive").last_seq))
    beyond = [f"{name} has seen seq {seq}" for name, seq in seen if seq > link.seq]
    if beyond:
        raise CorruptLogError(
            f"the log ends at seq {link.seq}, but {'; '.join(beyond)}. Acknowledged events are "
            "missing: bring the server's folder back from a copy, or run `dibs verify`; "
            "dibs does not start on a log that has lost something",
            seq=link.seq + 1,
        )
    if noted and noted.seq == link.seq and noted.digest != link.digest:
        raise CorruptLogError(
            f"the log's frame at seq {link.seq} is not the one that was acknowledged there: "
            "this is another log",
            seq=link.seq,
        )
