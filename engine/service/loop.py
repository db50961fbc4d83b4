"""The one writer: collect, stamp, decide, append, release. The only code that changes the ledger.

    submit ─▶ queue ─▶ _stamp ─▶ _decide_batch ─▶ _append ─▶ _release ─▶ answers
                 ▲                                   │
                 └── the next batch gathers here ────┘   while one frame is being made durable

One frame is under way at most. What the ledger holds beyond the last durable frame is seen by
nobody: outcomes and reads wait for the frame that they have seen (P3, P8). An append that fails or
is in doubt ends writing at once (P12); `Engine` recovers from the log, never from memory.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from engine.core import limits
from engine.core.commands import Request
from engine.core.errors import (
    DoubtError,
    LogError,
    OutcomeUnknownError,
    OverloadedError,
    UnavailableError,
)
from engine.core.outcomes import Accepted, Outcome

Ticket = tuple[Request, asyncio.Future]


class Loop:
    """Owns a ledger and its writer until the first trouble. Make a new one after recovery.

    `ledger` has the face of `core.ledger.Ledger`, `writer` that of `log.writer.Writer`, `clock`
    that of `service.clock.Clock`.
    """

    def __init__(self, ledger: Any, writer: Any, clock: Any) -> None:
        self.ledger, self.writer, self.clock = ledger, writer, clock
        self.trouble: LogError | None = None
        self.doubtful: list[tuple[asyncio.Future, Outcome]] = []
        self.durable_seq = ledger.seq
        self.batches = self.events = self.commands = self.refusals = self.expiries = 0
        self.append_s = 0.0
        self._queue: deque[Ticket] = deque()
        self._waiting_reads: list[tuple[asyncio.Future, Any]] = []
        self._asked: list[tuple[asyncio.Future, Any]] = []  # reads that the present round answers
        self._wake = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None

    # The door.

    def submit(self, request: Request) -> asyncio.Future:
        """Queue one command. The future gives its durable `Outcome`, or a `ServiceError`."""
        self._admit(len(self._queue), limits.QUEUE_COMMANDS_MAX, "commands")
        future = asyncio.get_running_loop().create_future()
        self._queue.append((request, future))
        self._wake.set()
        return future

    async def read(self, question: Callable[[Any], Any]) -> Any:
        """Ask the ledger now; answer when everything that the answer shows is durable, and this
        writer is known to have led after the question came."""
        self._admit(len(self._waiting_reads), limits.QUEUE_READS_MAX, "reads")
        answer = question(self.ledger)
        future = asyncio.get_running_loop().create_future()
        self._waiting_reads.append((future, answer))
        self._wake.set()
        return await future

    def _admit(self, waiting: int, most: int, noun: str) -> None:
        if self.trouble:
            raise UnavailableError("the log is being recovered; try again")
        if waiting >= most:
            raise OverloadedError(f"{most} {noun} wait already; slow down")

    @property
    def queue_depth(self) -> int:
        """Commands that wait for a batch."""
        return len(self._queue)

    # The loop.

    async def run(self, epoch: int, writer_name: str, software: str) -> LogError:
        """Write until the log fails; return why. The first frame opens the epoch."""
        try:
            self._stamp()
            self.ledger.open_epoch(epoch, writer_name, software)
            await self._append([])
            while True:
                self._arm_timer()
                if not self._queue and not self._waiting_reads:
                    self._wake.clear()
                    await self._wake.wait()
                # Requests that arrive in the same turn of the event loop share the batch.
                await asyncio.sleep(0)
                self._stamp()
                decided = self._decide_batch()
                self._asked, self._waiting_reads = self._waiting_reads, []
                if self.ledger.pending_bytes:
                    await self._append(decided)
                elif decided or self._asked:
                    await self._confirm(decided)
                self._release(decided)
        except LogError as error:
            self.trouble = error
            self._fail()
            if not isinstance(error, DoubtError):
                self.settle(stored=False)
            return error
        except BaseException:
            # A bug, or the end of the process: say nothing about what was under way.
            self.trouble = LogError("the loop has stopped")
            self._fail()
            self.settle(stored=None)
            raise
        finally:
            if self._timer:
                self._timer.cancel()

    def _stamp(self) -> None:
        self.ledger.begin(self.clock.stamp_us())

    def _decide_batch(self) -> list[tuple[asyncio.Future, Outcome]]:
        """Decide what waits, up to one frame's worth. Due reservations end first."""
        ledger, queue, decided = self.ledger, self._queue, []
        self.expiries += ledger.expire(limits.EXPIRIES_PER_TICK_MAX)
        for _ in range(min(len(queue), limits.BATCH_COMMANDS_MAX)):
            request, future = queue.popleft()
            if future.cancelled():
                continue
            decided.append((future, ledger.decide(request)))
            if ledger.pending_bytes > limits.FRAME_BODY_BYTES_TARGET:
                break
        self.commands += len(decided)
        return decided

    async def _append(self, decided: list[tuple[asyncio.Future, Outcome]]) -> None:
        """Make the open batch durable. Until then nobody sees what it changed."""
        batch = self.ledger.drain()
        started = time.perf_counter()
        try:
            await self.writer.append(batch)
        except LogError:
            self.doubtful = decided
            raise
        self.append_s += time.perf_counter() - started
        self.durable_seq = batch.first_seq + batch.count - 1
        self.batches += 1
        self.events += batch.count

    async def _confirm(self, decided: list[tuple[asyncio.Future, Outcome]]) -> None:
        """Nothing is to be made durable, but what is told must not be older than what a newer
        writer may have told already: ask the log whether there is one."""
        try:
            await self.writer.confirm()
        except LogError:
            self.doubtful = decided
            raise

    def _release(self, decided: list[tuple[asyncio.Future, Outcome]]) -> None:
        """Hand out what the frame before has made true."""
        for future, outcome in decided:
            if not isinstance(outcome, Accepted):
                self.refusals += 1
            if not future.done():
                future.set_result(outcome)
        reads, self._asked = self._asked, []
        for future, answer in reads:
            if not future.done():
                future.set_result(answer)

    def _arm_timer(self) -> None:
        """Wake up when the next reservation is due."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        due_us = self.ledger.next_expiry_us()
        if due_us:
            delay_s = max(due_us - self.clock.now_us(), 0) / 1_000_000
            self._timer = asyncio.get_running_loop().call_later(delay_s, self._wake.set)

    def _fail(self) -> None:
        """Answer what waits: nothing of the queue was looked at, nothing read is confirmed.

        Outcomes of the frame itself stay in `doubtful` until recovery has read the log back.
        """
        waiting = [future for _, future in self._queue]
        waiting += [future for future, _ in (*self._asked, *self._waiting_reads)]
        self._queue.clear()
        self._asked.clear()
        self._waiting_reads.clear()
        for future in waiting:
            if not future.done():
                future.set_exception(UnavailableError("the log is being recovered; try again"))

    def settle(self, *, stored: bool | None) -> None:
        """Answer the frame that failed: it is in the log, it is not, or nobody can say yet."""
        doubtful, self.doubtful = self.doubtful, []
        for future, outcome in doubtful:
            if future.done():
                continue
            if stored:
                future.set_result(outcome)
            elif stored is None and isinstance(outcome, Accepted):
                future.set_exception(
                    OutcomeUnknownError(
                        "it is not known whether this holds; retry with the same id or key"
                    )
                )
            else:
                future.set_exception(UnavailableError("nothing was changed; try again"))

    def settle_unknown(self) -> None:
        """Answer the frame that failed: nobody can say yet whether it holds."""
        self.settle(stored=None)
