"""The writer's end of the log: a batch becomes the next frame of the chain, or nothing more does.

Fail-stop: whatever goes wrong closes the writer. Only recovery, which fences and reads the log
back, makes a new one.
"""

from typing import Protocol

from engine.core import limits
from engine.core.errors import DoubtError, LogError
from engine.core.records import Batch
from engine.log import frame
from engine.log.frame import Link


class Appends(Protocol):
    """What a writer needs of an appender."""

    async def append(self, entry_id: str, data: bytes, timeout_s: float) -> None:
        """Store one entry, durably."""

    async def confirm(self, entry_id: str) -> None:
        """Return if nothing stands behind this entry."""


class Writer:
    """Appends batches behind `link` as `epoch`, which must have been opened by a fence.

    `link` is where the durable chain stands. `doubt` is the (entry id, bytes) whose fate is
    unknown after a `DoubtError`, else None; `reader.resolve` decides it.
    """

    def __init__(self, appender: Appends, link: Link, epoch: int) -> None:
        self.link, self.epoch = link, epoch
        self.doubt: tuple[str, bytes] | None = None
        self._appender, self._closed = appender, False

    @property
    def closed(self) -> bool:
        """Whether an error has ended this writer."""
        return self._closed

    async def append(self, batch: Batch, timeout_s: float = limits.APPEND_TIMEOUT_S) -> Link:
        """Make one batch durable and return where the chain stands then.

        Raises what the appender raises, and `LogError` if the batch does not fit or the writer
        is closed. After any exception the writer is closed.
        """
        if self._closed:
            raise LogError("the writer is closed; recover and make a new one")
        self._closed = True  # until this append is known to have worked
        self._check(batch)
        data, digest = frame.pack(self.epoch, self.link.digest, batch)
        link = Link(self.epoch, batch.first_seq + batch.count - 1, batch.stamp_us, digest)
        entry_id = f"{link.epoch}-{link.seq}"
        self.doubt = (entry_id, data)
        try:
            await self._appender.append(entry_id, data, timeout_s)
        except LogError as error:
            if not isinstance(error, DoubtError):
                self.doubt = None
            raise
        self.link, self.doubt, self._closed = link, None, False
        return link

    async def confirm(self) -> None:
        """Return if this writer's last frame is the end of the log: it still leads.

        Raises what the appender raises. After any exception the writer is closed.
        """
        if self._closed:
            raise LogError("the writer is closed; recover and make a new one")
        self._closed = True
        await self._appender.confirm(f"{self.link.epoch}-{self.link.seq}")
        self._closed = False

    def _check(self, batch: Batch) -> None:
        link = self.link
        wrong = (
            f"first seq {batch.first_seq} after {link.seq}"
            if batch.first_seq != link.seq + 1
            else f"stamp {batch.stamp_us} after {link.stamp_us}"
            if batch.stamp_us <= link.stamp_us
            else f"{batch.count} events"
            if not 0 < batch.count <= limits.FRAME_EVENTS_MAX
            else f"{len(batch.records)} bytes"
            if len(batch.records) > limits.FRAME_BODY_BYTES_MAX
            else f"epoch {self.epoch} after {link.epoch}"
            if self.epoch < link.epoch
            else ""
        )
        if wrong:
            raise LogError(f"this batch cannot be the next frame: {wrong}; nothing was sent")
