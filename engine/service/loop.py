"""The one writer: collect, stamp, decide, append, release. The only code that changes the ledger.

    submit ─▶ queue ─▶ _stamp ─▶ _decide_batch ─▶ _send ─▶ … ─▶ _finish ─▶ _release ─▶ answers
                 ▲                                   │
                 └── the next batch gathers here ────┘   while frames are being made durable

Commands come one by one, as a `Request` with its future, or many at once, as a parcel of packed
requests (`core.packed`). When a frame is durable and commands wait already, the next frame leaves
first and the answers of the one before are written while it is on its way.

Frames are sent before the ones before them are durable, `limits.ROUNDS_UNDER_WAY_MAX` at most; the
log takes them in order or not at all (`log.appender`). What the ledger holds beyond the last
durable frame is seen by nobody: outcomes and reads wait for the frame that they have seen (P3,
P8). An append that fails or is in doubt ends writing at once (P12); `Engine` recovers from the
log, never from memory.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from engine.core import limits, packed
from engine.core.commands import Request
from engine.core.errors import DoubtError, LogError, OverloadedError, UnavailableError
from engine.core.outcomes import Accepted
from engine.service.client import Parcel, tally
from engine.service.latency import Latencies
from engine.service.rounds import Asked, Decided, Round, settle

# What waits: a command and its future, or a parcel's count and the parcel.
Ticket = tuple[Request, asyncio.Future] | tuple[int, Parcel]
_AWAY = "the log is being recovered; try again"


class Loop:
    """Owns a ledger and its writer until the first trouble. Make a new one after recovery.

    `ledger` has the face of `core.ledger.Ledger`, `writer` that of `log.writer.Writer`, `clock`
    that of `service.clock.Clock`. With `awake` the thread does not sleep while many commands wait
    for the log (`_stay_awake`).
    """

    def __init__(self, ledger: Any, writer: Any, clock: Any, *, awake: bool = False) -> None:
        self.ledger, self.writer, self.clock, self.awake = ledger, writer, clock, awake
        self.trouble: LogError | None = None
        self.doubtful: list[Round] = []
        self.durable_seq = ledger.seq
        self.batches = self.events = self.commands = self.refusals = self.expiries = 0
        self.append_s = 0.0
        self.latencies = Latencies()
        self._since_s = 0.0  # when the oldest command of the next round came, about
        self._queue: deque[Ticket] = deque()
        self._packed = 0  # packed requests in the queue, about
        self._rest: tuple[Parcel, bytes, int] | None = None  # a parcel that did not fit, from where
        self._waiting_reads: Asked = []
        self._under_way: deque[Round] = deque()
        self._due = False  # a reservation may have ended
        self._wake = asyncio.Event()
        self.turning = False  # `_stay_awake` is to be called in the event loop's next turn
        self._timer: asyncio.TimerHandle | None = None
        self._armed_us = 0  # what the timer waits for

    # The door.

    def submit(self, request: Request) -> asyncio.Future:
        """Queue one command. The future gives its durable `Outcome`, or a `ServiceError`."""
        self._admit(self.queue_depth, limits.QUEUE_COMMANDS_MAX, "commands")
        future = asyncio.get_running_loop().create_future()
        self._await()
        self._queue.append((request, future))
        self._stir()
        return future

    def submit_packed(self, parcel: Parcel) -> None:
        """Queue packed requests; the parcel gets their durable answers."""
        self._admit(self.queue_depth, limits.QUEUE_COMMANDS_MAX, "commands")
        count = max(parcel.count, 1)
        self._await()
        self._queue.append((count, parcel))
        self._packed += count
        self._stir()

    async def read(self, question: Callable[[Any], Any]) -> Any:
        """Ask the ledger now; answer when everything that the answer shows is durable, and this
        writer is known to have led after the question came."""
        self._admit(len(self._waiting_reads), limits.QUEUE_READS_MAX, "reads")
        answer = question(self.ledger)
        future = asyncio.get_running_loop().create_future()
        self._waiting_reads.append((future, answer))
        self._stir()
        return await future

    def _await(self) -> None:
        if not self._queue and not self._rest:
            self._since_s = time.perf_counter()

    def _admit(self, waiting: int, most: int, noun: str) -> None:
        if self.trouble:
            raise UnavailableError(_AWAY)
        if waiting >= most:
            raise OverloadedError(f"{most} {noun} wait already; slow down")

    @property
    def queue_depth(self) -> int:
        """Commands that wait for a batch."""
        return len(self._queue) + self._packed

    @property
    def resting(self) -> bool:
        """Whether nothing is to be decided or told just now, as while the log is waited for."""
        return not (self._ready() or self._told())

    # The loop.

    async def run(self, epoch: int, writer_name: str, software: str) -> LogError:
        """Write until the log fails; return why. The first frame opens the epoch."""
        try:
            self._stamp()
            self.ledger.open_epoch(epoch, writer_name, software)
            self._send([], [], 0)
            while True:
                while not self._ready() and not self._told():
                    await self._pause()
                finished = self._finish()
                try:
                    if self._ready():
                        self._round()
                finally:  # what is durable is told, whatever becomes of the next round
                    self._release_all(finished)
        except LogError as error:
            if self.writer.doubts and not isinstance(error, DoubtError):
                error = DoubtError(str(error))  # a batch that could not be sent, behind others
            self.trouble = error
            self._fail()
            if not isinstance(error, DoubtError):
                self.settle(stored=0)
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
        return bool(
            self._queue or self._waiting_reads or self._rest or self._due or self.ledger.filling
        )

    def _ready(self) -> bool:
        """Say whether a round is to begin: at once when none is under way, else when as much
        has gathered as is under way, so that two do not share what one would do as quickly."""
        if not self._under_way:
            return self._waits()
        return self._may_join() and (self._lack() <= 0 or bool(self._rest))

    def _may_join(self) -> bool:
        return len(self._under_way) < limits.ROUNDS_UNDER_WAY_MAX and self._waits()

    def _lack(self) -> int:
        """Return how many more have to wait until a round joins the one under way."""
        lack = max(self._under_way[-1].commands, 1)
        lack -= len(self._waiting_reads) + len(self._queue)
        for request, target in self._queue:
            if lack <= 0:
                break
            if type(request) is int:
                lack -= target.count - 1
        return lack

    def _stir(self) -> None:
        """Wake up now if that begins a round, or when enough has gathered."""
        if not self._under_way:
            if self._waits():
                self._wake.set()
        elif self._may_join():
            lack = self._lack()
            if lack <= 0:
                self._wake.set()
            elif self._queue and type(self._queue[-1][0]) is int:
                parcel = self._queue[-1][1]
                parcel.watch(parcel.count + lack, self._wake.set)

    def _told(self) -> bool:
        return bool(self.trouble or (self._under_way and self._under_way[0].durable))

    async def _pause(self) -> None:
        """Sleep until something comes: a request, an answer of the log, a reservation's end."""
        self._arm_timer()
        self._wake.clear()
        self._stir()
        await self._wake.wait()
        if not self._under_way:
            # Requests that arrive in the same turn of the event loop share the batch.
            await asyncio.sleep(0)

    def _round(self) -> None:
        """Decide what waits and send it to the log."""
        self._stamp()
        commands, self._due = self.commands, False
        decided = self._decide_batch()
        asked, self._waiting_reads = self._waiting_reads, []
        if self.ledger.pending_bytes or decided or asked:
            self._send(decided, asked, self.commands - commands)

    def _stamp(self) -> None:
        self.ledger.begin(self.clock.stamp_us())

    def _decide_batch(self) -> Decided:
        """Decide what waits, up to one frame's worth. Due reservations end first, and waiting
        orders get what has come for them."""
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

    def _send(self, decided: Decided, asked: Asked, commands: int) -> None:
        """Have the open batch made durable. Until then nobody sees what it changed.

        Where nothing is to be made durable, what is told must still not be older than what a newer
        writer may have told already: the log is asked whether there is one.
        """
        sent = Round(decided, asked, commands, self._since_s)
        self._since_s = sent.sent_s  # what did not fit waits from here on
        self._under_way.append(sent)

        def told(error: LogError | None) -> None:
            sent.durable = error is None and not self.trouble
            self.trouble = self.trouble or error
            self._wake.set()

        if not self.ledger.pending_bytes:
            self.writer.ask(told)
            return
        batch = self.ledger.drain()
        sent.last_seq, sent.events = batch.first_seq + batch.count - 1, batch.count
        self.writer.send(batch, told)
        if self.awake and not self.turning:
            self._stay_awake()

    def _stay_awake(self) -> None:
        """Keep the event loop turning instead of sleeping while many wait for the log, at most
        `limits.AWAKE_S_MAX` for one frame: to wake a core that sleeps takes as long as a batch."""
        waiting = sum(sent.commands for sent in self._under_way if sent.events)
        self.turning = (
            waiting >= limits.AWAKE_COMMANDS_MIN
            and time.perf_counter() - self._under_way[0].sent_s < limits.AWAKE_S_MAX
        )
        if self.turning:
            asyncio.get_running_loop().call_soon(self._stay_awake)

    def _finish(self) -> list[Round]:
        """Return the rounds that the log has made true, in order; raise what ended writing."""
        finished = []
        now_s = time.perf_counter()
        while self._under_way and self._under_way[0].durable:
            done = self._under_way.popleft()
            finished.append(done)
            if done.events:
                self.durable_seq = done.last_seq
                self.append_s += now_s - done.sent_s
                self.batches += 1
                self.events += done.events
                self.latencies.add(now_s - done.since_s, done.commands)
        if self.trouble:
            for done in finished:
                self._release(done)
            raise self.trouble
        return finished

    def _release_all(self, finished: list[Round]) -> None:
        """Release at once, or, when a frame has just left, in the next turn of the event loop."""
        later = bool(self._under_way)
        for done in finished:
            if later:
                asyncio.get_running_loop().call_soon(self._release, done)
            else:
                self._release(done)

    def _release(self, done: Round) -> None:
        """Hand out what a round has decided and seen."""
        for target, outcome in done.decided:
            if type(outcome) is bytes:
                target.deliver(outcome)
                continue
            if not isinstance(outcome, Accepted):
                self.refusals += 1
            if not target.done():
                target.set_result(outcome)
        for future, answer in done.asked:
            if not future.done():
                future.set_result(answer)

    def _arm_timer(self) -> None:
        """Wake up when the next reservation is due."""
        due_us = self.ledger.next_expiry_us()
        if due_us == self._armed_us or self._due:
            return
        if self._timer:
            self._timer.cancel()
            self._timer = None
        self._armed_us = due_us
        if due_us:
            delay_s = max(due_us - self.clock.now_us(), 0) / 1_000_000
            self._timer = asyncio.get_running_loop().call_later(delay_s, self._tick)

    def _tick(self) -> None:
        self._due, self._armed_us = True, 0
        self._wake.set()

    def _fail(self) -> None:
        """Answer what waits: nothing of the queue was looked at, nothing read is confirmed.

        Outcomes of rounds under way stay in `doubtful` until recovery has read the log back.
        """
        self.doubtful = list(self._under_way)
        self._under_way.clear()
        waiting = [future for future, _ in self._waiting_reads]
        for round_ in self.doubtful:
            waiting += [future for future, _ in round_.asked]
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
        self._waiting_reads, self._rest, self._packed = [], None, 0
        for future in waiting:
            if not future.done():
                future.set_exception(UnavailableError(_AWAY))
        for parcel, data in parcels:
            parcel.deliver(packed.fail_all(data, packed.Trouble.UNAVAILABLE, _AWAY))

    def settle(self, stored: int | None) -> None:
        """Answer the rounds that failed: the first `stored` of their frames are in the log and no
        others, or, where None, nobody can say yet."""
        doubtful, self.doubtful = self.doubtful, []
        for failed in doubtful:
            known = None if stored is None else bool(failed.events) and stored > 0
            stored = stored - 1 if known else stored
            for target, outcome in failed.decided:
                settle(target, outcome, known)

    def settle_unknown(self) -> None:
        """Answer the rounds that failed: nobody can say yet whether they hold."""
        self.settle(stored=None)
