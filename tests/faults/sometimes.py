"""Rare states that a storm must reach, or it has proved nothing about them."""

import msgspec

from engine.core import actors, lives
from engine.core.events import (
    EntryPut,
    Event,
    OrderChanged,
    OrderPlaced,
    OrderStatus,
    ReservationExpired,
    Reserved,
)
from engine.core.notes.edits import Edited, Merged, SplitOff
from engine.core.notes.exchanges import HOLD, ExchangeFor
from engine.core.notes.facts import FactTold
from engine.core.notes.fills import Filled
from engine.core.notes.fulfillments import FulfillmentStep, Rerouted
from engine.core.notes.holds import HoldEnded, HoldEscalated
from engine.core.notes.returns import ReturnInspected, ReturnReceived
from engine.core.notes.steals import TookOver
from engine.core.notes.validation import Checked
from engine.core.outcomes import Code
from engine.core.register import Code as Register
from tests.faults.chain import Sealed
from tests.faults.evidence import Evidence
from tests.faults.history import Op
from tests.faults.twin import Twin
from tests.faults.verdict import Verdict

RACE_US = 500_000  # a commit this near its deadline has raced it

# States that the history and the log alone can show. The storm adds those that only it can see.
STATES = (
    "unknown outcome, applied",
    "unknown outcome, not applied",
    "expiry racing a commit",
    "last unit contested",
    "duplicate hit",
    "id conflict",
    "503",
    "429",
    "backorder",
    "split",
    "waiting order filled",
    "batch of many effects",
    "refusal beside an expiry",
    "held when placed",
    "hold ended",
    "hold over: release",
    "hold over: cancel",
    "hold over: escalate",
    "fulfillment expired",
    "fulfillment rejected",
    "picked short",
    "fulfillment shipped",
    "goods came back",
    "goods inspected",
    "units taken over",
    "edited",
    "merged",
    "split off",
    "facts before their order",
    "fact told",
    "fact told too late",
    "exchange waits",
    "exchange goes on",
    "routed by policy",
    "orders moved",
)


class Sometimes:
    """Watches the judge's walk."""

    def __init__(self, verdict: Verdict, evidence: Evidence) -> None:
        self.verdict, self.evidence = verdict, evidence
        self.emptied: dict[str, list[Op]] = {}

    def frame(self, frame: Sealed) -> None:
        """Look at a whole frame."""
        if len(frame.events) > 8:
            self.verdict.reach("batch of many effects")

    def before(self, twin: Twin, event: Event, stamp_us: int) -> None:
        """Look at an event before it is followed."""
        if isinstance(event, ReservationExpired):
            self.verdict.reach("expiry")
        if isinstance(event, OrderPlaced) and event.reservation:
            left_us = twin.state.reservations[event.reservation].expires_us - stamp_us
            if left_us < RACE_US * self.evidence.clock_rate:
                self.verdict.reach("expiry racing a commit")
        if isinstance(event, OrderPlaced) and event.status is OrderStatus.BACKORDERED:
            self.verdict.reach("backorder")
        if isinstance(event, OrderPlaced) and event.status is OrderStatus.PARTIALLY_ALLOCATED:
            self.verdict.reach("split")

    def after(self, twin: Twin, event: Event) -> None:
        """Look at an event after it was followed: which SKUs did it empty, and for whom?"""
        if isinstance(event, EntryPut) and event.register == Register.CAPACITIES:
            moved = msgspec.json.decode(event.document).get("moved", ())
            self.verdict.reach("orders moved", len(moved))
        if isinstance(event, OrderPlaced) and event.receipt:
            self.verdict.reach("routed by policy")
        if isinstance(event, OrderChanged) and event.note:
            self._note(lives.read_note(event.note), event.cause.actor == actors.TIMER)
        if not isinstance(event, (OrderPlaced, Reserved)):
            return
        wish = (event.cause.fingerprint, event.cause.key)
        for take in (take for line in event.lines for take in line.takes):
            if twin.state.positions[take.position].available == 0:
                sku = twin.state.position_sku_name(take.position)
                self.emptied[sku] = self.evidence.attempts.get(wish, [])

    def _note(self, note: lives.Note, by_time: bool) -> None:
        match note:
            case Checked(facts=facts) if facts:
                self.verdict.reach("facts before their order")
            case Checked(holds=holds) if holds:
                self.verdict.reach("held when placed")
            case Filled():
                self.verdict.reach("waiting order filled")
            case HoldEnded(hold_id=name) if name == HOLD:
                self.verdict.reach("exchange goes on")
            case HoldEnded() if by_time:
                self.verdict.reach(f"hold over: {note.how}")
            case HoldEscalated():
                self.verdict.reach("hold over: escalate")
            case HoldEnded(how="release"):
                self.verdict.reach("hold ended")
            case FulfillmentStep(status="expired"):
                self.verdict.reach("fulfillment expired")
            case Rerouted() | FulfillmentStep(status="rejected"):
                self.verdict.reach("fulfillment rejected")
            case FulfillmentStep(short_id=name) if name:
                self.verdict.reach("picked short")
            case FulfillmentStep(status="shipped"):
                self.verdict.reach("fulfillment shipped")
            case ReturnReceived():
                self.verdict.reach("goods came back")
            case ReturnInspected():
                self.verdict.reach("goods inspected")
            case TookOver():
                self.verdict.reach("units taken over")
            case Edited():
                self.verdict.reach("edited")
            case Merged():
                self.verdict.reach("merged")
            case SplitOff():
                self.verdict.reach("split off")
            case FactTold():
                self.verdict.reach("fact told" if note.stood else "fact told too late")
            case ExchangeFor(waits=True):
                self.verdict.reach("exchange waits")

    def refusal(self, twin: Twin, op: Op, code: Code, stamp_us: int) -> None:
        """Look at a refusal that the twin has confirmed."""
        if code is Code.IDEMPOTENCY_CONFLICT:
            self.verdict.reach("id conflict")
        if code is Code.RESERVATION_EXPIRED:
            entry = twin.state.reservation(op.body.get("reservation_id", ""))
            ended_us = entry.closed_us or entry.expires_us
            race_us = RACE_US * self.evidence.clock_rate
            self.verdict.reach("refusal beside an expiry")
            if op.name == "Commit" and stamp_us - ended_us < race_us:
                self.verdict.reach("expiry racing a commit")
        if code is Code.INSUFFICIENT_STOCK:
            for line in op.body.get("lines", ()):
                rivals = self.emptied.get(line["sku"], ())
                if any(_overlap(op, rival) for rival in rivals):
                    self.verdict.reach("last unit contested")
                    return

    def finish(self) -> None:
        """Look at the history as a whole."""
        counts = self.verdict.counts
        self.verdict.reach("unknown outcome, applied", counts.unknown_applied)
        self.verdict.reach("unknown outcome, not applied", counts.unknown_not_applied)
        self.verdict.reach("duplicate hit", counts.replayed)
        for op in self.evidence.ops:
            if op.status in (429, 503):
                self.verdict.reach(str(op.status))
                self.verdict.reach(f"{op.status} {op.code}")
        for state in STATES:
            self.verdict.sometimes.setdefault(state, 0)


def _overlap(a: Op, b: Op) -> bool:
    return a.sent_ns < (b.answered_ns or b.sent_ns) and b.sent_ns < (a.answered_ns or a.sent_ns)
