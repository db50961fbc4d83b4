"""What happened to orders beside their units: one document each, the same class in both twins.

A note is the JSON of one member of `Note` inside an `OrderChanged`. `Lives.apply` is the one place
that folds it into the order's `Life`, live and in replay. Only orders with notes have a life, and
it goes with the order. To add a kind of note: a tagged struct with `fold` in `notes`, and its name
in `Note`.
"""

from datetime import datetime
from typing import Any

import msgspec

from engine.core import answers, limits
from engine.core.answers import OrderAnswer
from engine.core.errors import LedgerError
from engine.core.events import OrderChanged, OrderStatus
from engine.core.fact_commands import DETAILS
from engine.core.fitting import misfit
from engine.core.notes.counts import Recounted
from engine.core.notes.edits import Edited, Merged, MergedInto, SplitOff
from engine.core.notes.exchanges import ExchangeFor
from engine.core.notes.facts import FactTold, Told
from engine.core.notes.fills import Filled
from engine.core.notes.fulfillments import Fulfillment, FulfillmentStep, Released, Rerouted
from engine.core.notes.holds import Held, HoldEnded, HoldEscalated
from engine.core.notes.moves import Moved
from engine.core.notes.returns import (
    Return,
    ReturnApproved,
    ReturnClosed,
    ReturnInspected,
    ReturnOpened,
    ReturnReceived,
    ReturnRefunded,
    ReturnRejected,
)
from engine.core.notes.steals import GaveUp, TookOver
from engine.core.notes.validation import Checked
from engine.core.order_life import CLOSED
from engine.core.return_index import ReturnIndex
from engine.core.timers import Timers
from engine.core.worklist import WorkList

Note = (
    Held
    | HoldEnded
    | HoldEscalated
    | Edited
    | Merged
    | MergedInto
    | SplitOff
    | Checked
    | FactTold
    | ExchangeFor
    | ReturnOpened
    | ReturnApproved
    | ReturnRejected
    | ReturnReceived
    | ReturnInspected
    | ReturnRefunded
    | ReturnClosed
    | Filled
    | Released
    | FulfillmentStep
    | Rerouted
    | TookOver
    | GaveUp
    | Recounted
    | Moved
)


class Happened(msgspec.Struct, frozen=True):
    """A note, and when and by whose request it came: `fingerprint` is that of the request."""

    seq: int
    stamp_us: int
    actor: str
    fingerprint: int
    note: Note


class Life(msgspec.Struct):
    """All notes of an order, in order, and what follows from them: `holds` that are live, those
    that nobody decided about in time (`escalated`), and the fingerprint of the request behind
    every hold that there was, and behind everything that may be done once by its id (`done`, by
    noun and id); what holds of what channels told (`told`, by field), and the SKUs that nothing was
    known of when it came (`unknown`). `returns` by their ids, and
    `parts`: how many units of a SKU make one unit of a line, by (line, SKU), where something comes
    back. Its fulfillments (`work`) by number, and how many units of a SKU have left `ahead` of
    other parts of their bundle, by (line, SKU). `exchange_for` says for which return of another
    order it was placed, if it was."""

    notes: list[Happened] = []
    holds: dict[str, Held] = {}
    hold_ids: dict[str, int] = {}
    escalated: set[str] = set()
    done: dict[tuple[str, str], int] = {}
    returns: dict[str, Return] = {}
    parts: dict[tuple[int, int], int] = {}
    told: dict[str, Told] = {}
    work: dict[int, Fulfillment] = {}
    exchange_for: ExchangeFor | None = None
    ahead: dict[tuple[int, int], int] = {}
    unknown: tuple[str, ...] = ()
    mark: int = 0

    def add(self, happened: Happened) -> None:
        """Fold one more note in."""
        misfit("an order has too many notes", len(self.notes) >= limits.ORDER_NOTES_MAX)
        happened.note.fold(self, happened)
        self.notes.append(happened)

    def once(self, noun: str, name: str, happened: Happened) -> None:
        """Note that what bears this id is done; `LedgerError` if it was done before."""
        misfit(f"a {noun}'s id is used twice", (noun, name) in self.done)
        self.done[noun, name] = happened.fingerprint

    def checked(self, order: int) -> Checked | None:
        """Return what was found in the step in which the order, placed at `order`, was placed."""
        first = self.notes[0] if self.notes else None
        found = first.note if first and first.seq == order + 1 else None
        return found if isinstance(found, Checked) else None

    @property
    def room(self) -> int:
        """How many more notes there may be: each live hold needs one more, to end, one that is to
        escalate another, and each open fulfillment has some for itself."""
        kept = sum(max(limits.FULFILLMENT_STEPS_KEPT - one.steps, 1) for one in self.open)
        kept += len(self.holds) + sum(hold.then == "escalate" for hold in self.timed_holds)
        return limits.ORDER_NOTES_MAX - len(self.notes) - kept

    @property
    def open(self) -> list[Fulfillment]:
        """The fulfillments that are open, the oldest first."""
        return [one for one in self.work.values() if one.open]

    @property
    def timed_holds(self) -> list[Held]:
        """The live holds that something is due of."""
        live = self.holds.values()
        return [hold for hold in live if hold.until_us and hold.hold_id not in self.escalated]

    @property
    def due_us(self) -> int:
        """When the first thing of this life is due by itself; 0 if nothing is."""
        times = [one.due_us for one in self.work.values() if one.due_us]
        return min((*times, *(hold.until_us for hold in self.timed_holds)), default=0)


NOTHING = Life()
_json = msgspec.json.Encoder().encode
_note = msgspec.json.Decoder(Note).decode
_notes = msgspec.json.Decoder(list[Happened]).decode


def note_bytes(note: Note) -> bytes:
    """Return a note as `OrderChanged` carries it."""
    return _json(note)


def read_note(data: bytes) -> Note:
    """Return the note of an `OrderChanged`; `LedgerError` if it is none that is known."""
    return _read(_note, data)


def show_told(answer: OrderAnswer, told: dict[str, Told], *, all_of_it: bool) -> None:
    """Let an answer say what was told of the order's payment, or `all_of_it`: the rest stands in
    its details where it could be heeded."""
    names = DETAILS if all_of_it else ()
    for name in ("payment", *names):
        if name in told:
            setattr(answer, name, msgspec.to_builtins(told[name].value, builtin_types=(datetime,)))


class Lives:
    """Lives by the seq of their order."""

    def __init__(self) -> None:
        self._lives: dict[int, Life] = {}
        self.returns = ReturnIndex()
        self.timers = Timers()
        self.worklist = WorkList()
        self.unknown: dict[str, dict[int, None]] = {}  # SKU → orders held because of it
        self.marks: dict[int, dict[int, int]] = {}  # mark → orders, and when they were placed

    def __len__(self) -> int:
        return len(self._lives)

    def of(self, order: int) -> Life:
        """Return the life of the order placed at `order`, an empty one if nothing happened. It is
        to be read only."""
        return self._lives.get(order, NOTHING)

    def newest(self, order: int) -> Note:
        """Return the newest note of the order placed at `order`, which has some."""
        return self._lives[order].notes[-1].note

    def show(self, answer: OrderAnswer, order: int, status: OrderStatus) -> None:
        """Let the answer for an order say what only its life knows: its live holds (one that is
        closed has none), and what was told of it. What was told of one that was cancelled holds
        too, though nothing follows."""
        life = self.of(order)
        if status is OrderStatus.ON_HOLD:
            answer.holds = answers.holds(list(life.holds.values()), life.escalated)
        show_told(answer, life.told, all_of_it=status is OrderStatus.CANCELLED)
        answer.exchange_for = answers.exchange_for(life.exchange_for)

    def apply(self, seq: int, stamp_us: int, event: OrderChanged) -> None:
        """Fold the note of `event`, number `seq`, if it has one. `LedgerError` if it is none that
        is known, or if the order would be on hold without a hold, or the other way about."""
        if event.note:
            note = read_note(event.note)
            life = self._lives.setdefault(event.order, Life())
            life.add(Happened(seq, stamp_us, event.cause.actor, event.cause.fingerprint, note))
            self._index(event.order, life.notes[-1])
            self._follow(event.order, life)
        on_hold = event.status is OrderStatus.ON_HOLD
        if event.status not in CLOSED:
            misfit(
                "an order's status and holds differ", bool(self.of(event.order).holds) != on_hold
            )

    def add(self, order: int, happened: Happened) -> None:
        """Fold one more note of an order in, which leaves it as much on hold as it was."""
        self._lives.setdefault(order, Life()).add(happened)

    def drop(self, order: int) -> None:
        """Forget the life of an order that is forgotten."""
        life = self._lives.pop(order, NOTHING)
        self._follow(order, NOTHING, life.unknown)
        if life.mark:
            self.marks[life.mark].pop(order)
            if not self.marks[life.mark]:
                del self.marks[life.mark]
        for one in life.returns.values():
            self.returns.drop(one.opened_seq)

    def _index(self, order: int, happened: Happened) -> None:
        if isinstance(happened.note, ReturnOpened):
            self.returns.add(happened.seq, order, happened.note.return_id)

    def due_us(self) -> int:
        """When the first thing is due by itself with an order: 1 if it is at once, 0 if never."""
        return 1 if self.worklist.recalled()[0] else self.timers.first()[0]

    def _follow(self, order: int, life: Life, unknown: tuple[str, ...] = ()) -> None:
        """Let the indexes say how an order's life is now, which had SKUs that were `unknown`."""
        self.timers.set(order, life.due_us)
        self.worklist.follow(order, life.work)
        if life.mark:
            self.marks.setdefault(life.mark, {})[order] = life.notes[0].stamp_us
        held = any(hold.reason == "unknown_sku" for hold in life.holds.values())
        for name in life.unknown or unknown:
            if held:
                self.unknown.setdefault(name, {})[order] = None
            elif order in self.unknown.get(name, ()):
                del self.unknown[name][order]
                if not self.unknown[name]:
                    del self.unknown[name]

    def rows(self) -> list[tuple[int, bytes]]:
        """Return (seq of the order, JSON of its notes), in order of seq."""
        return [(seq, _json(self._lives[seq].notes)) for seq in sorted(self._lives)]

    def load(self, order: int, data: bytes) -> None:
        """Take up a row of `rows`."""
        life = Life()
        for happened in _read(_notes, data):
            life.add(happened)
            self._index(order, happened)
        misfit("a life is empty or stands twice", not life.notes or order in self._lives)
        self._lives[order] = life
        self._follow(order, life)


def _read(decode, data: bytes) -> Any:
    """Decode what must be as dibs writes it."""
    try:
        found = decode(data)
    except msgspec.MsgspecError as error:
        raise LedgerError(f"a note is not known to this version of dibs: {error}") from error
    misfit("a note is not as dibs writes it", _json(found) != data)
    return found
