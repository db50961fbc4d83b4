"""The history, indexed the way the judge walks the log: by request, by log position, by time."""

from collections import defaultdict

from engine.core import commands, lives
from engine.core.events import (
    Event,
    OrderCancelled,
    OrderChanged,
    OrderPlaced,
    OrderShipped,
    OrderStatus,
    Reserved,
    StockMoved,
)
from engine.core.notes.edits import Edited, Merged, SplitOff
from engine.core.notes.facts import FactTold
from engine.core.notes.fulfillments import FulfillmentStep, Released
from engine.core.notes.holds import Held, HoldEnded
from engine.core.notes.returns import ReturnClosed, ReturnInspected, ReturnOpened, ReturnReceived
from engine.core.notes.steals import TookOver
from tests.faults.history import History, Op

Wish = tuple[int, str]  # a body's fingerprint and the Idempotency-Key: one request


class Evidence:
    """All ops, found by what they asked for and by the position they were answered with."""

    def __init__(self, history: History) -> None:
        self.ops = history.ops
        self.marks = history.marks
        rates = [mark.seq for mark in self.marks if mark.what == "clock rate"]
        self.clock_rate = rates[-1] if rates else 1
        self.attempts: dict[Wish, list[Op]] = defaultdict(list)
        self.commands: dict[Wish, commands.Command] = {}
        self._keys: dict[int, list[str]] = defaultdict(list)
        self.acks: dict[int, list[Op]] = defaultdict(list)
        self.repeats: dict[int, list[Op]] = defaultdict(list)
        self.standing: dict[int, list[Op]] = defaultdict(list)
        self.refusals: dict[int, list[Op]] = defaultdict(list)
        self.stock_reads: dict[int, list[Op]] = defaultdict(list)
        self.order_reads: dict[tuple[str, str], list[Op]] = defaultdict(list)
        self.wish_of: dict[int, Wish] = {}
        for op in self.ops:
            self._add(op)

    def _add(self, op: Op) -> None:
        if op.name == "stock":
            if op.outcome == "ok" and op.status == 200:
                self.stock_reads[op.seq].append(op)
            return
        if op.name == "order":
            if op.outcome == "ok":
                self.order_reads[op.body["channel"], op.body["order_id"]].append(op)
            return
        command = op.command()
        wish = (commands.fingerprint(command), op.key)
        self.wish_of[id(op)] = wish
        self.attempts[wish].append(op)
        if wish not in self.commands:
            self.commands[wish] = command
            self._keys[wish[0]].append(op.key)
        if op.outcome == "ok":
            again = self.repeats if op.name in _FIRST_ANSWER else self.standing
            (again if op.replayed else self.acks)[op.seq].append(op)
        elif op.outcome == "refused" and "seq" in op.answer:
            self.refusals[op.seq].append(op)

    @property
    def told(self) -> tuple[dict[int, list[Op]], ...]:
        """What was answered of effects, by position."""
        return self.acks, self.repeats, self.standing

    def keys_of(self, fingerprint: int) -> list[str]:
        """Return the keys under which a body was sent."""
        return self._keys.get(fingerprint, [])

    def wish(self, op: Op) -> Wish:
        """Return which request an op is an attempt of."""
        return self.wish_of[id(op)]


def real_time_floor(ops: list[Op]) -> dict[int, int]:
    """Return for each op (by id) the highest log position that was answered before it was sent.

    An answer, whether effect, refusal, read or replay, proves that the log had reached the
    position it carries.
    """
    answered = sorted((op.answered_ns, op.seq) for op in ops if op.answered_ns and op.seq)
    floors, highest, at = {}, 0, 0
    for op in sorted(ops, key=lambda op: op.sent_ns):
        while at < len(answered) and answered[at][0] < op.sent_ns:
            highest = max(highest, answered[at][1])
            at += 1
        floors[id(op)] = highest
    return floors


# Repeated, these are answered as they were first; others with a new key, as their noun stands.
_FIRST_ANSWER = {"PutLocation", "PutSku", "Receive", "Count", "Adjust", "Transfer", "Reserve"}
_FIRST_ANSWER |= {"Extend", "Release", "Commit", "PlaceOrder", "Ship"}

# What answers also tell that goes on without a change of their noun.
_MOVING = {"PutFence": ("used", "left")}


def lasting(name: str, answer: dict) -> dict:
    """Return what an answer to a command of this name tells that holds until its noun changes."""
    moving = ("replayed", *_MOVING.get(name, ()))
    return {field: value for field, value in settled(answer).items() if field not in moving}


def settled(answer: dict) -> dict:
    """Return an answer without what it promises for its lines: that goes with what is to come, not
    with the order."""
    lines = answer.get("lines")
    if not lines:
        return answer
    return answer | {"lines": [{k: row[k] for k in row if k != "promised_at"} for row in lines]}


# What happens once only in an order's life bears an id there.
_NAMED = {
    Held: "hold_id",
    HoldEnded: "hold_id",
    Released: "release_id",
    ReturnOpened: "return_id",
    ReturnClosed: "return_id",
    ReturnReceived: "receipt_id",
    ReturnInspected: "inspection_id",
    TookOver: "reallocation_id",
    Edited: "edit_id",
    Merged: "merge_id",
    SplitOff: "split_id",
}


def identities(event: Event) -> list[tuple]:
    """Return the names under which an event may happen once only."""
    names: list[tuple] = []
    match event:
        case StockMoved():
            names.append((event.document.name.lower(), event.document_id))
        case Reserved():
            names.append(("reservation", event.reservation_id))
        case OrderPlaced():
            names.append(("order", event.channel, event.order_id))
            if event.reservation:
                names.append(("commit of", event.reservation))
        case OrderShipped():
            names.append(("shipment", event.order, event.shipment_id))
        case OrderChanged() if event.note:
            note = lives.read_note(event.note)
            if type(note) in _NAMED:
                name = getattr(note, _NAMED[type(note)])
                names.append((type(note).__name__, event.order, name))
            told = [note.fact] if isinstance(note, FactTold) else getattr(note, "facts", ())
            names += [("fact", event.order, fact.event_id) for fact in told]
            if isinstance(note, FulfillmentStep) and note.short_id:
                names.append(("short", event.order, note.short_id))
        case OrderCancelled() if event.status is OrderStatus.CANCELLED:
            names.append(("whole cancel of", event.order))
    return names
