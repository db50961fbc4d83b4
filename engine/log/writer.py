"""The writer's end of the log: a batch becomes the next frame of the chain, or nothing more does.

Fail-stop: whatever goes wrong closes the writer. Only recovery, which fences and reads the log
back, makes a new one.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Protocol

from engine.core import limits
from engine.core.errors import AppendError, DoubtError, FencedError, LogError
from engine.core.records import Batch
from engine.log import frame
from engine.log.frame import Link
from engine.log.reader import entry_id_of

Told = Callable[[LogError | None], None]


class Appends(Protocol):
    """What a writer needs of an appender. `told` gets None, or what went wrong."""

    def append(self, after: str, entry_id: str, data: bytes, told: Told, timeout_s: float) -> None:
        """Send one entry, to be stored behind the entry `after`, durably, and nowhere else."""

    def confirm(self, entry_id: str, told: Told) -> None:
        """Ask whether nothing stands behind this entry."""


class Writer:
    """Appends batches behind `link` as `epoch`, which must have been opened by a fence.

    Batches may be sent before the ones before them are durable; they are told about in order.
    `link` is where the durable chain stands. `doubts` are the (entry id, bytes) whose fate is
    unknown after a `DoubtError`, in order; `reader.resolve` decides each.
    """

    def __init__(self, appender: Appends, link: Link, epoch: int) -> None:
        self.link, self.epoch = link, epoch
        self._appender, self._closed = appender, False
        self._tip = link  # where the chain stands when all that was sent is durable
        self._sent: deque[tuple[Link, bytes]] = deque()

    @property
    def closed(self) -> bool:
        """Whether an error has ended this writer."""
        return self._closed

    @property
    def doubts(self) -> list[tuple[str, bytes]]:
        """What was sent and not told about."""
        return [(entry_id_of(link), data) for link, data in self._sent]

    def send(self, batch: Batch, told: Told, timeout_s: float = limits.APPEND_TIMEOUT_S) -> None:
        """Send one batch. `told` gets None when it is durable, else what the appender says.

        Raises `LogError` if the batch does not fit or the writer is closed; nothing was sent then.
        After any error the writer is closed.
        """
        self._check_open()
        self._check(batch)
        data, digest = frame.pack(self.epoch, self._tip.digest, batch)
        link = Link(self.epoch, batch.first_seq + batch.count - 1, batch.stamp_us, digest)
        after, self._tip = self._newest, link
        self._sent.append((link, data))

        def answered(error: LogError | None) -> None:
            if error is not None:
                if isinstance(error, (AppendError, FencedError)) and not self._closed:
                    self._sent.clear()  # refused, and so is what was sent behind it
                self._closed = True
            elif not self._closed:
                self.link = link
                self._sent.popleft()
            told(error)

        self._appender.append(after, entry_id_of(link), data, answered, timeout_s)

    def ask(self, told: Told) -> None:
        """Ask whether the last frame sent is the end of the log: this writer still leads.

        `told` gets None if it does, else what the appender says, or a `DoubtError` where frames
        sent behind the question are in doubt with it. After any error the writer is closed.
        """
        self._check_open()

        def answered(error: LogError | None) -> None:
            if error is not None:
                self._closed = True
                if isinstance(error, FencedError):
                    self._sent.clear()
                elif self._sent:
                    error = DoubtError(str(error))
            told(error)

        self._appender.confirm(self._newest, answered)

    async def append(self, batch: Batch, timeout_s: float = limits.APPEND_TIMEOUT_S) -> Link:
        """Make one batch durable and return where the chain stands then; raises as `send`."""
        await _told(lambda told: self.send(batch, told, timeout_s))
        return self.link

    async def confirm(self) -> None:
        """Return if this writer still leads; raises as `ask`."""
        await _told(self.ask)

    @property
    def _newest(self) -> str:
        """Id of the entry behind which the next one belongs."""
        return entry_id_of(self._tip) if self._tip.epoch == self.epoch else f"{self.epoch}-0"

    def _check_open(self) -> None:
        if self._closed:
            raise LogError("the writer is closed; recover and make a new one")

    def _check(self, batch: Batch) -> None:
        link = self._tip
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
            self._closed = True
            raise LogError(f"this batch cannot be the next frame: {wrong}; nothing was sent")


async def _told(ask: Callable[[Told], None]) -> None:
    """Wait until `ask` is told about; raise what went wrong."""
    answer = asyncio.get_running_loop().create_future()

    def told(error: LogError | None) -> None:
        if not answer.done():
            answer.set_result(error)

    ask(told)
    error = await answer
    if error is not None:
        raise error
