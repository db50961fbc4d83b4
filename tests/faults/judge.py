"""The judge: the clients' history and the log, eight checks, one verdict.

1. Unknown outcomes are resolved from the log.
2. Frames, epochs, gaps and chain hold (P6); see `chain`.
3. Every decision is taken again by the slow twin in the same state at the same stamp: an effect
   must be the same records byte for byte, its answer the same JSON; a refusal must be refused
   with the same code (P5).
4. P1 and P2 hold at every prefix; see `accounts`, and `books` for what comes after placing.
5. Acknowledged ⊆ log, effects ⊆ requests, at most one effect for each request (P3, P4).
6. If A was answered before B was sent, B does not show or make an earlier state than A (P5).
7. Nothing shows a state that the log does not contain, or that a crash has taken back (P8).
8. Replay by the slow twin, by the fast twin, and from a snapshot give one digest (P7).

Time in refusals. A refusal carries the log position s whose state refused it, not its stamp. Inside
a frame the stamp is the frame's. If s is the last position of a frame, the decision was taken in
that batch or in any batch without effects up to the next frame, so its stamp lies in an interval
between the two frames' stamps, both included. A decision depends on the stamp through one
threshold only (the end of the reservation it names; retention is days away, orders are required
years from now, and what is due by itself leaves a frame), so if any stamp of the interval gives the
answer, one of its ends does: both ends are asked. After the last frame the interval ends as much
later as the history lasted.
"""

from typing import Any

from engine.core import commands
from engine.core.decide import Replay
from engine.core.errors import LedgerError
from engine.core.events import (
    Cause,
    EpochOpened,
    Event,
    OrderCancelled,
    OrderChanged,
    OrderPlaced,
    OrderShipped,
    PositionOpened,
    ReservationExpired,
    Reserved,
    SkuPut,
)
from engine.core.outcomes import Code, Refused
from tests.faults import digests
from tests.faults.accounts import Accounts
from tests.faults.books import Books
from tests.faults.chain import Break, Chain, Sealed
from tests.faults.decisions import Decided, alone, next_decision
from tests.faults.evidence import Evidence, identities, lasting, real_time_floor, settled
from tests.faults.history import History, Op, shown
from tests.faults.sometimes import Sometimes
from tests.faults.twin import Twin, pack, plain
from tests.faults.verdict import Counts, Verdict


def judge(
    history: History,
    entries: list[tuple[str, bytes]],
    *,
    archived: int = 0,
    fast: type | None = None,
    stock: list[tuple[str, dict[str, str]]] | None = None,
) -> Verdict:
    """Judge one log and what its clients saw.

    The first `archived` entries are from the archive. `fast` is the fast twin's class, `stock`
    the public stock stream of a worker that has caught up; both may be missing.
    """
    verdict = Verdict(Counts(), [], {})
    walk = Judge(verdict, Evidence(history))
    walk.walk(entries, archived)
    if verdict.clean:
        digests.compare(verdict, entries, fast)
    if verdict.clean and stock is not None:
        digests.compare_stream(verdict, stock, walk.twin)
    return verdict


class Judge:
    """One walk over the log."""

    def __init__(self, verdict: Verdict, evidence: Evidence) -> None:
        self.verdict, self.evidence = verdict, evidence
        self.counts = verdict.counts
        self.twin, self.accounts, self.chain = Twin(), Accounts(), Chain()
        self.books = Books()
        self.sometimes = Sometimes(verdict, evidence)
        self.effects_of: dict[tuple[int, str], int] = {}
        self.effect_ids: dict[tuple, int] = {}
        self.order_changes: dict[tuple[str, str], list[int]] = {}
        self.sku_since: dict[str, int] = {}
        self.lasted_us = 0
        self.undecided: list[Op] = list(evidence.refusals.pop(0, []))
        self.actor = ""
        self.actors: dict[int, str] = {}  # fronts have admin keys of their own
        self.seq, self.booked, self.stuck, self.broken = 0, 0, False, False
        self.at_seq: dict[str, Any] = {}

    # The walk.

    def walk(self, entries: list[tuple[str, bytes]], archived: int) -> None:
        """Walk the log from its beginning, then settle what is left."""
        times = [ns for op in self.evidence.ops for ns in (op.answered_ns, op.sent_ns) if ns]
        lasted_ns = max(times) - min(times) if times else 0
        self.lasted_us = lasted_ns // 1_000 * self.evidence.clock_rate
        self.verdict.add_ops(self.evidence.ops)
        self._reads(0)
        try:
            for frame in self.chain.walk(entries, archived):
                self._frame(frame)
        except Break as broken:
            self.verdict.add(2, "P6", broken.seq, str(broken), entry=broken.entry_id)
            self.broken = True  # what lies beyond cannot be read, so nothing is said about it
        self._finish()

    def _frame(self, frame: Sealed) -> None:
        self.counts.frames += 1
        self.counts.events += len(frame.events)
        self.sometimes.frame(frame)
        at = 0
        if not self.stuck:
            self._settle_undecided(frame.stamp_us)
            self.twin.open_frame(frame.events, frame.packed, frame.stamp_us)
        while at < len(frame.events):
            one = alone(frame, at)
            self._at(frame, one)
            if not self.stuck:
                try:
                    one = next_decision(self.twin, self.evidence, frame, at)
                    self._at(frame, one)
                    self._decision(one, frame)
                except (LedgerError, LookupError, ValueError) as error:
                    self._say(3, "P5", f"the log cannot be replayed: {error!r}")
                    self.stuck = True
            if self.stuck:
                self._only_evidence(one)
            at = one.last + 1
        if not self.stuck:
            self._faults(self.books.frame(frame.stamp_us))
            self.twin.close_frame(frame.stamp_us)

    def _at(self, frame: Sealed, one: Decided) -> None:
        self.at_seq = {"entry": frame.entry_id, "events": repr(one.events)}
        self.seq = frame.first_seq + one.last

    def _only_evidence(self, one: Decided) -> None:
        """Beyond what can be replayed: compare who asked and who was told, no more."""
        cause = one.cause
        if cause and self.booked != self.seq:
            self._effect(one.events, cause)
        for op in self.evidence.acks.pop(self.seq, []):
            if cause is None or self.evidence.wish(op) != (cause.fingerprint, cause.key):
                self.counts.lost += 1
                self._say(5, "P3", "acknowledged, but the log has another effect", op=shown(op))
        told = self.evidence
        for kind in (told.repeats, told.standing, told.refusals, told.stock_reads):
            kind.pop(self.seq, None)

    def _decision(self, one: Decided, frame: Sealed) -> None:
        events, packed, last, cause, again = one
        event, twin, stamp_us = events[-1], self.twin, frame.stamp_us
        first_seq = twin.state.seq + 1
        if isinstance(event, PositionOpened):
            self._say(4, "P2", "a position is opened for nothing")
        elif isinstance(event, ReservationExpired):
            fault = twin.expiry_fault(event, stamp_us)
            if fault:
                self._say(3, "P5", f"reservation {event.reservation} expires, but {fault}")
        elif not twin.is_due([] if cause else packed) and not isinstance(event, EpochOpened):
            self._say(3, "P5", "the twin does otherwise by itself", twin=repr(twin.filling))
        elif cause:
            self._effect(events, cause)
            self._compare(cause, again, packed)
        command = self.evidence.commands.get((cause.fingerprint, cause.key)) if cause else None
        self._faults(self.books.decided(first_seq, events, stamp_us, command))
        for each in events:
            self.sometimes.before(twin, each, stamp_us)
            self._faults(self.accounts.apply(twin.state.seq + 1, each))
            twin.follow(each, stamp_us)
        then = frame.events[last + 1] if last + 1 < len(frame.events) else None
        twin.settle(then, frame.packed[last + 1 :], stamp_us)
        seq = self.seq
        if cause:
            self._acknowledged(seq, event, cause)
        for number, each in enumerate(events, first_seq):
            self._noun_changed(number, each)
            self._repeats_by_state(number, stamp_us)
            self.sometimes.after(twin, each)
        self._reads(seq)
        late = [
            op for op in self.evidence.refusals.pop(seq, []) if not self._refused_at(op, stamp_us)
        ]
        if seq == self.chain.seq:
            self.undecided = late  # at a frame's end the stamp may have been a later one
            return
        for op in late:
            self._false_refusal(op, stamp_us)

    # Check 3: decisions.

    def _compare(self, cause: Cause, found: Any, packed: list[bytes]) -> None:
        if found is None:
            return
        self.actor = self.actor or cause.actor
        self.counts.redecided += 1
        if isinstance(found, Refused):
            self._say(3, "P5", f"the twin refuses this with {found.code.slug}", detail=found.detail)
        elif isinstance(found, Replay):
            self._say(5, "P4", f"this request had its effect at seq {found.seq} already")
        elif pack(found) != packed:
            self._say(3, "P5", "the twin decides otherwise", twin=repr(found))

    def _refused_at(self, op: Op, stamp_us: int) -> bool:
        """Say whether the twin refuses `op` now with the same code."""
        found = self.twin.peek(self._request(op), stamp_us)
        if not isinstance(found, Refused) or found.code.slug != op.code:
            return False
        self.counts.refusals_redecided += 1
        self.sometimes.refusal(self.twin, op, found.code, stamp_us)
        told = [fault.get("available") for fault in op.answer.get("errors", [])]
        if found.code is Code.INSUFFICIENT_STOCK and told != [f.available for f in found.faults]:
            self._say(3, "P5", "the refusal tells other quantities than the twin", op=shown(op))
        return True

    def _request(self, op: Op) -> commands.Request:
        return commands.Request(op.command(), self.actors.get(op.front, self.actor), op.key)

    def _settle_undecided(self, stamp_us: int) -> None:
        for op in self.undecided:
            if not self._refused_at(op, stamp_us):
                self._false_refusal(op, stamp_us)
        self.undecided = []

    def _false_refusal(self, op: Op, stamp_us: int) -> None:
        found = self.twin.peek(self._request(op), stamp_us)
        word = found.code.slug if isinstance(found, Refused) else "acceptance"
        self._say(3, "P5", f"refused with {op.code}; the twin says {word}", op=shown(op))

    # Check 5: requests and effects.

    def _effect(self, events: list[Event], cause: Cause) -> None:
        wish, self.booked = (cause.fingerprint, cause.key), self.seq
        self.counts.effects += 1
        attempts = self.evidence.attempts.get(wish, [])
        able = [op for op in attempts if op.outcome in ("ok", "unknown") and not op.replayed]
        done = self.effects_of[wish] = self.effects_of.get(wish, 0) + 1
        if not attempts:
            self.counts.invented += 1
            self._say(5, "P4", "nobody asked for this effect")
        elif not any(op.outcome in ("ok", "unknown") for op in attempts):
            self.counts.invented += 1
            self._say(5, "P10", "every attempt was told no", op=shown(attempts[0]))
        elif done > max(len(able), 1):
            self.counts.double += 1
            self._say(5, "P4", f"effect {done} of {len(able)} attempts", op=shown(attempts[0]))
        names = [("key", cause.actor, cause.key)] if cause.key else []
        for name in [*names, *(name for event in events for name in identities(event))]:
            if name in self.effect_ids:
                self.counts.double += 1
                self._say(5, "P4", f"{name} had its effect at seq {self.effect_ids[name]}")
            self.effect_ids[name] = self.seq

    def _acknowledged(self, seq: int, event: Event, cause: Cause) -> None:
        acks = self.evidence.acks.pop(seq, [])
        repeats = self.evidence.repeats.pop(seq, [])
        answer = self.twin.answer(event) if acks or repeats else None
        for op in acks:
            self.actors[op.front] = cause.actor
            if self.evidence.wish(op) != (cause.fingerprint, cause.key):
                self.counts.lost += 1
                self._say(5, "P3", "acknowledged, but the log has another effect", op=shown(op))
            elif op.answer != answer:
                self._say(3, "P5", "the twin gives another answer", op=shown(op), twin=answer)
        if len(acks) > 1:
            self._say(5, "P4", "two attempts were told that they came first", op=shown(acks[1]))
        for op in repeats:
            self._repeat(op, event, cause, answer)

    def _repeats_by_state(self, seq: int, stamp_us: int) -> None:
        """Repeats that are answered with their noun as it stands: at the position of its last
        change, the twin must say the same."""
        for op in self.evidence.standing.pop(seq, []):
            found = self.twin.peek(self._request(op), stamp_us)
            fits = isinstance(found, Replay) and found.seq == seq
            if not fits or lasting(op.name, plain(found.answer)) != lasting(op.name, op.answer):
                self._say(5, "P4", "a repeated request got another answer", op=shown(op))

    def _repeat(self, op: Op, event: Event, cause: Cause, answer: dict) -> None:
        told = {name: value for name, value in op.answer.items() if name != "replayed"}
        match op.name:
            case "Release" if isinstance(event, Reserved):
                # Releasing what has ended shows the end; its position is the reservation's.
                fits = told["status"] in ("released", "expired")
                told["status"] = answer["status"]
                told["expires_at"] = answer["expires_at"]
            case _:
                fits = self.evidence.wish(op)[0] == cause.fingerprint
        if not fits or settled(told) != settled(answer):
            self._say(5, "P4", "a repeated request got another answer", op=shown(op), twin=answer)

    # Checks 6 and 7: reads, real time, what a crash takes back.

    def _reads(self, seq: int) -> None:
        for op in self.evidence.stock_reads.pop(seq, []):
            self.counts.reads_compared += 1
            true = self.twin.stock(op.body["sku"])
            if op.answer != true:
                self._say(7, "P8", "stock was never so at this position", op=shown(op), twin=true)

    def _noun_changed(self, seq: int, event: Event) -> None:
        if isinstance(event, OrderPlaced):
            placed, name = seq, (event.channel, event.order_id)
        elif isinstance(event, OrderCancelled | OrderShipped | OrderChanged):
            first = self.accounts.orders[event.order]
            placed, name = event.order, (first.channel, first.order_id)
        else:
            if isinstance(event, SkuPut):
                self.sku_since.setdefault(self.twin.state.sku_name(event.number), seq)
            return
        self.order_changes.setdefault(name, []).append(seq)
        reads = [op for op in self.evidence.order_reads.get(name, ()) if op.seq == seq]
        true = self.twin.order(placed) if reads else None
        for op in reads:
            self.counts.reads_compared += 1
            if settled(op.answer) != settled(true):
                self._say(7, "P8", "the order was never so", op=shown(op), twin=true)

    def _finish(self) -> None:
        chain, counts, tail = self.chain, self.counts, self.chain.seq
        counts.epochs, counts.fences = len(chain.epochs), chain.fences
        ops = self.evidence.ops
        if not self.stuck:
            self._settle_undecided(self.twin.state.stamp_us + self.lasted_us)
        self._faults(self.accounts.all_faults())
        counts.oversold_units = sum(self.accounts.oversold.values())
        if not self.broken:
            self._beyond(tail)
        self._real_time()
        for mark in (mark for mark in self.evidence.marks if mark.what == "tail"):
            for op in ops:
                if 0 < op.answered_ns < mark.ns and op.seq > mark.seq:
                    self._say(7, "P8", f"seen, but a crash left seq {mark.seq}", op=shown(op))
        for wish, attempts in self.evidence.attempts.items():
            unknown = sum(op.outcome == "unknown" for op in attempts)
            applied = min(unknown, 1) if self.effects_of.get(wish) else 0
            counts.unknown_applied += applied
            counts.unknown_not_applied += unknown - applied
        self.sometimes.finish()

    def _beyond(self, tail: int) -> None:
        """Whatever position was never walked over was shown without being in the log."""
        told, text = self.evidence, f"acknowledged, not in the log up to {tail}"
        for seq, ops in (row for kind in told.told for row in kind.items()):
            for op in ops:
                self.counts.lost += 1
                self.verdict.add(5, "P3", seq, text, op=shown(op))
        text = f"shown, but no state of the log up to {tail}"
        for kind in (told.refusals, told.stock_reads):
            for seq, ops in kind.items():
                self.verdict.add(7, "P8", seq, text, op=shown(ops[0]))
        if self.stuck:
            return
        for name, ops in self.evidence.order_reads.items():
            changes = set(self.order_changes.get(name, ()))
            for op in (op for op in ops if op.status == 200 and op.seq not in changes):
                self.verdict.add(7, "P8", op.seq, "the order never stood there", op=shown(op))

    def _real_time(self) -> None:
        floors = real_time_floor(self.evidence.ops)
        for op in self.evidence.ops:
            if not self._late(op, floors[id(op)]):
                continue
            text = f"sent after seq {floors[id(op)]} was answered"
            self.verdict.add(6, "P5", op.seq, text, op=shown(op))

    def _late(self, op: Op, floor: int) -> bool:
        """Say whether `op` shows or makes less than what was known before it was sent."""
        if op.name == "order" and op.outcome == "ok":
            changes = self.order_changes.get((op.body["channel"], op.body["order_id"]), [])
            return op.seq < max((seq for seq in changes if seq <= floor), default=0)
        if op.name == "stock" and op.status == 404:
            return self.sku_since.get(op.body["sku"], floor + 1) <= floor
        if op.seq and (op.outcome == "refused" or op.is_read):
            return op.seq < floor
        return op.outcome == "ok" and not op.replayed and not op.is_read and op.seq <= floor

    # Small things.

    def _faults(self, found: list[str]) -> None:
        """Say what a book found, each as `P… : sentence`."""
        for fault in found:
            self._say(4, fault[:2], fault)

    def _say(self, check: int, promise: str, message: str, **context: Any) -> None:
        self.verdict.add(check, promise, self.seq, message, **(self.at_seq | context))
