"""The one writer: collect, stamp, decide, append, release. The only code that changes the ledger.

    submit ─▶ queue ─▶ _stamp ─▶ _decide_batch ─▶ _append ─▶ _release ─▶ answers
                 ▲                                   │
                 └── the next batch gathers here ────┘   while one frame is being made durable

Commands come one by one, as a `Request` with its future, or many at once, as a parcel of packed
requests (`core.packed`). When a frame is durable and commands wait already, the next frame leaves
first and the answers of the one before are written while it is on its way.

One frame is under way at most. What the ledger holds beyond the last durable frame is seen by
nobody: outcomes and reads wait for the frame that they have seen (P3, P8). An append that fails or
is in doubt ends writing at once (P12); `Engine` recovers from the log, never from memory.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from engine.core import limits, packed
from engine.core.commands import Request
from engine.core.errors import (
    DoubtError,
    LogError,
    OutcomeUnknownError,
    OverloadedError,
    UnavailableError,
)
from engine.core.outcomes import Accepted, Outcome
from engine.service.client import Parcel, tally

# What waits: a command and its future, or a parcel's count and the parcel.
Ticket = tuple[Request, asyncio.Future] | tuple[int, Parcel]
# What was decided: an outcome for a future, or packed answers for a parcel.
Decided = list[tuple[asyncio.Future, Outcome] | tuple[Parcel, bytes]]
_AWAY = "the log is being recovered; try again"
_UNKNOWN = (
    "it is not known whether this took effect: retry with the same id or "
    "Idempotency-Key, and you get the first answer or the effect, never both"
)
_UNCHANGED = "nothing was changed; try again"


class Loop:
    """Owns a ledger and its writer until the first trouble. Make a new one after recovery.

    `ledger` has the face of `core.ledger.Ledger`, `writer` that of `log.writer.Writer`, `clock`
    that of `service.clock.Clock`.
    """

    def __init__(self, ledger: Any, writer: Any, clock: Any) -> None:
        self.ledger, self.writer, self.clock = ledger, writer, clock
        self.trouble: LogError | None = None
        self.doubtful: Decided = []
        self.durable_seq = ledger.seq
        self.batches = self.events = self.commands = self.refusals = self.expiries = 0
        self.append_s = 0.0
        self._queue: deque[Ticket] = deque()
        self._packed = 0  # packed requests in the queue, about
        self._rest: tuple[Parcel, bytes, int] | None = None  # a parcel that did not fit, from where
        self._waiting_reads: list[tuple[asyncio.Future, Any]] = []
        self._asked: list[tuple[asyncio.Future, Any]] = []  # reads that the present round answers
        self._wake = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None

    # The door.

    def submit(self, request: Request) -> asyncio.Future:
        """Queue one command. The future gives its durable `Outcome`, or a `ServiceError`."""
        self._admit(self.queue_depth, limits.QUEUE_COMMANDS_MAX, "commands")
        future = asyncio.get_running_loop().create_future()
        self._queue.append((request, future))
        self._wake.set()
        return future

    def submit_packed(self, parcel: Parcel) -> None:
        """Queue packed requests; the parcel gets their durable answers."""
        self._admit(self.queue_depth, limits.QUEUE_COMMANDS_MAX, "commands")
        self._queue.append((parcel.count, parcel))
        self._packed += parcel.count
        self._wake.set()

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
            raise UnavailableError(_AWAY)
        if waiting >= most:
            raise OverloadedError(f"{most} {noun} wait already; slow down")

    @property
    def queue_depth(self) -> int:
        """Commands that wait for a batch."""
        return len(self._queue) + self._packed

    # The loop.

    async def run(self, epoch: int, writer_name: str, software: str) -> LogError:
        """Write until the log fails; return why. The first frame opens the epoch."""
        try:
            self._stamp()
            self.ledger.open_epoch(epoch, writer_name, software)
            await self._append([])
            while True:
                self._arm_timer()
                if not self._waits():
                    self._wake.clear()
                    await self._wake.wait()
                    # Requests that arrive in the same turn of the event loop share the batch.
                    await asyncio.sleep(0)
                await self._round()
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

    def _waits(self) -> bool:
        return bool(self._queue or self._waiting_reads or self._rest)

    async def _round(self) -> None:
        """Decide what waits, make it durable, and let the answers go."""
        self._stamp()
        decided = self._decide_batch()
        asked = self._asked = self._waiting_reads
        self._waiting_reads = []
        if self.ledger.pending_bytes:
            await self._append(decided)
        elif decided or asked:
            await self._confirm(decided)
        self._asked = []
        if self._waits():
            # The next frame is sent in this turn of the event loop, these answers in the next.
            asyncio.get_running_loop().call_soon(self._release, decided, asked)
        else:
            self._release(decided, asked)

    def _stamp(self) -> None:
        self.ledger.begin(self.clock.stamp_us())

    def _decide_batch(self) -> Decided:
        """Decide what waits, up to one frame's worth. Due reservations end first."""
        ledger, queue, decided = self.ledger, self._queue, []
        self.expiries += ledger.expire(limits.EXPIRIES_PER_TICK_MAX)
        if self._rest:
            (parcel, data, at), self._rest = self._rest, None
            self._decide_parcel(parcel, data, at, decided)
        for _ in range(min(len(queue), limits.BATCH_COMMANDS_MAX)):
            if ledger.pending_bytes > limits.FRAME_BODY_BYTES_TARGET or self._rest:
                break
            request, target = queue.popleft()
            if type(request) is int:
                self._packed -= request
                self._decide_parcel(target, target.close(), 0, decided)
            elif not target.cancelled():
                self.commands += 1
                decided.append((target, ledger.decide(request)))
        return decided

    def _decide_parcel(self, parcel: Parcel, data: bytes, at: int, decided: Decided) -> None:
        """Decide a parcel's requests from byte `at` on; what does not fit comes first next time."""
        answers, end = self.ledger.decide_packed(data, at)
        if end < len(data):
            self._rest = (parcel, data, end)
        if answers:
            count, refused = tally(answers)
            self.commands += count
            self.refusals += refused
            decided.append((parcel, answers))

    async def _append(self, decided: Decided) -> None:
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

    async def _confirm(self, decided: Decided) -> None:
        """Nothing is to be made durable, but what is told must not be older than what a newer
        writer may have told already: ask the log whether there is one."""
        try:
            await self.writer.confirm()
        except LogError:
            self.doubtful = decided
            raise

    def _release(self, decided: Decided, asked: list[tuple[asyncio.Future, Any]]) -> None:
        """Hand out what the frame before has made true."""
        for target, outcome in decided:
            if type(outcome) is bytes:
                target.deliver(outcome)
                continue
            if not isinstance(outcome, Accepted):
                self.refusals += 1
            if not target.done():
                target.set_result(outcome)
        for future, answer in asked:
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
        waiting = [future for future, _ in (*self._asked, *self._waiting_reads)]
        parcels = []
        if self._rest:
            parcel, data, at = self._rest
            parcels.append((parcel, data[at:]))
        for request, target in self._queue:
            if type(request) is int:
                parcels.append((target, target.close()))
            else:
                waiting.append(target)
        self._queue.clear()
        self._asked, self._waiting_reads, self._rest, self._packed = [], [], None, 0
        for future in waiting:
            if not future.done():
                future.set_exception(UnavailableError(_AWAY))
        for parcel, data in parcels:
            parcel.deliver(packed.fail_all(data, packed.Trouble.UNAVAILABLE, _AWAY))

    def settle(self, *, stored: bool | None) -> None:
        """Answer the frame that failed: it is in the log, it is not, or nobody can say yet."""
        doubtful, self.doubtful = self.doubtful, []
        for target, outcome in doubtful:
            if type(outcome) is bytes:
                target.deliver(_settled(outcome, stored))
            elif target.done():
                continue
            elif stored:
                target.set_result(outcome)
            elif stored is None and isinstance(outcome, Accepted):
                target.set_exception(OutcomeUnknownError(_UNKNOWN))
            else:
                target.set_exception(UnavailableError(_UNCHANGED))

    def settle_unknown(self) -> None:
        """Answer the frame that failed: nobody can say yet whether it holds."""
        self.settle(stored=None)


def _settled(answers: bytes, stored: bool | None) -> bytes:
    """Return what is told instead of packed answers whose frame failed."""
    if stored:
        return answers
    if stored is None:
        return packed.in_doubt(answers, _UNKNOWN, _UNCHANGED)
    return packed.withdraw(answers, _UNCHANGED)
