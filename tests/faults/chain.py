"""The judge's view of the log: entries in order, checked as frames of one chain (P6).

An entry is `(entry id, bytes)` as the server holds it. Checksum, fields and links are computed
here from docs/log-format.md with `struct` and `hashlib`, not with the engine's own reader: a
reader that has learned to overlook damage must not be the one to say that there is none.
"""

import hashlib
import struct
from collections.abc import Iterable

import msgspec

from engine.core import records
from engine.core.errors import LedgerError
from engine.core.events import EpochOpened, Event

_HEAD = struct.Struct("<4sHIQQQI16s")
_DIGEST = 16


class Sealed(msgspec.Struct, frozen=True):
    """One frame that passed: its place and its events."""

    entry_id: str
    epoch: int
    first_seq: int
    stamp_us: int
    body: bytes
    events: list[Event]
    packed: list[bytes]

    @property
    def last_seq(self) -> int:
        """Number of the last event."""
        return self.first_seq + len(self.events) - 1


class Break(Exception):
    """The chain does not hold at `seq`."""

    def __init__(self, message: str, seq: int, entry_id: str) -> None:
        super().__init__(message)
        self.seq, self.entry_id = seq, entry_id


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=_DIGEST).digest()


class Chain:
    """Walks entries in order. `fences` counts epochs that were opened but perhaps never used."""

    def __init__(self) -> None:
        self.epoch, self.seq, self.stamp_us = 0, 0, 0
        self.digest = bytes(_DIGEST)
        self.fenced = 0
        self.fences = 0
        self.epochs: list[int] = []
        self._last_id = (0, 0)

    def walk(self, entries: Iterable[tuple[str, bytes]], archived: int = 0) -> Iterable[Sealed]:
        """Yield the frames; raise `Break` at the first that does not hold.

        The first `archived` entries are from the archive, where fences are not kept, and trimming
        may have taken the fence of the first that the server still holds: there a new epoch need
        only be higher.
        """
        for number, (entry_id, data) in enumerate(entries):
            if archived and number <= archived and not entry_id.endswith("-0"):
                self.fenced = max(self.fenced, int(entry_id.split("-")[0]))
            frame = self._entry(entry_id, bytes(data))
            if frame:
                yield frame

    def _entry(self, entry_id: str, data: bytes) -> Sealed | None:
        def need(holds: bool, message: str) -> None:
            if not holds:
                raise Break(message, self.seq + 1, entry_id)

        try:
            epoch, seq = map(int, entry_id.split("-"))
        except ValueError:
            raise Break("entry id is not epoch-seq", self.seq + 1, entry_id) from None
        need((epoch, seq) > self._last_id, "entry ids do not rise")
        need(len(data) > _DIGEST and _digest(data[:-_DIGEST]) == data[-_DIGEST:], "checksum")
        self._last_id = (epoch, seq)
        if data[:4] == b"DIBE":
            need(seq == 0 and struct.unpack_from("<Q", data, 4)[0] == epoch, "fence of another id")
            need(epoch > self.fenced, f"fence {epoch} after fence {self.fenced}")
            self.fenced, self.fences = epoch, self.fences + 1
            return None
        return self._frame(need, entry_id, epoch, seq, data)

    def _frame(self, need, entry_id: str, epoch: int, seq: int, data: bytes) -> Sealed:
        need(data[:4] == b"DIBF" and len(data) >= _HEAD.size + _DIGEST, "not a frame")
        _, _, count, own_epoch, first_seq, stamp_us, size, previous = _HEAD.unpack_from(data)
        body = data[_HEAD.size : -_DIGEST]
        need(size == len(body) and own_epoch == epoch, "frame's fields disagree with its entry")
        need(first_seq == self.seq + 1, f"gap: seq {first_seq} after {self.seq}")
        need(count > 0 and seq == first_seq + count - 1, "frame's count disagrees with its entry")
        need(epoch == self.fenced, f"frame of epoch {epoch} while the fence says {self.fenced}")
        need(stamp_us > self.stamp_us, f"stamp {stamp_us} after {self.stamp_us}")
        need(previous == self.digest, "the frame before is another one")
        try:
            packed = records.split(body)
            events = [records.decode(record) for record in packed]
        except LedgerError as error:
            raise Break(str(error), first_seq, entry_id) from None
        need(len(events) == count, "count of events disagrees")
        opens = isinstance(events[0], EpochOpened)
        need(opens == (epoch != self.epoch), "an epoch's first event, and only it, opens it")
        if opens:
            need(events[0].epoch == epoch, "the epoch record names another epoch")
            self.epochs.append(epoch)
        self.epoch, self.seq, self.stamp_us = epoch, seq, stamp_us
        self.digest = data[-_DIGEST:]
        return Sealed(entry_id, epoch, first_seq, stamp_us, body, events, packed)
