"""The history, indexed the way the judge walks the log: by request, by log position, by time."""

from collections import defaultdict

from engine.core import commands, lives
from engine.core.events import (
    Cause,
    Event,
    OrderCancelled,
    OrderChanged,
    OrderPlaced,
    OrderShipped,
    OrderStatus,
    Reserved,
    StockMoved,
)
from tests.faults.history import History, Op

Wish = tuple[int, str]  # a body's fingerprint and the Idempotency-Key: one request


class Evidence:
    """All ops, found by what they asked for and by the position they were answered with."""

    def __init__(self, history: History) -> None:
        self.ops = history.ops
        self.marks = history.marks
        self.attempts: dict[Wish, list[Op]] = defaultdict(list)
        self.commands: dict[Wish, commands.Command] = {}
        self.acks: dict[int, list[Op]] = defaultdict(list)
        self.repeats: dict[int, list[Op]] = defaultdict(list)
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
        self.commands[wish] = command
        if op.outcome == "ok":
            (self.repeats if op.replayed else self.acks)[op.seq].append(op)
        elif op.outcome == "refused" and "seq" in op.answer:
            self.refusals[op.seq].append(op)

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


def identities(event: Event, cause: Cause) -> list[tuple]:
    """Return the names under which an event may happen once only."""
    names: list[tuple] = [("key", cause.actor, cause.key)] if cause.key else []
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
            names.append((type(note).__name__, event.order, note.hold_id))
        case OrderCancelled() if event.status is OrderStatus.CANCELLED:
            names.append(("whole cancel of", event.order))
    return names
