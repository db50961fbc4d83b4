"""Bookkeeping of what has its time, from nothing but the events: holds that are over, work that
nobody has accepted.

It shares no rule with the ledger. It knows that nothing is done before its time, that what is done
is what was said, once, and that nothing is left undone for long after its time.
"""

from collections import deque

from engine.core import actors, lives
from engine.core.events import Event, OrderCancelled, OrderChanged, OrderShipped, OrderStatus
from engine.core.notes.facts import FactTold
from engine.core.notes.fulfillments import FulfillmentStep, Released, Rerouted
from engine.core.notes.holds import Held, HoldEnded, HoldEscalated
from engine.core.notes.validation import Checked

# A frame does what is due of some orders only: whatever is due must be done so many frames later.
FRAMES_MAX = 12
_CLOSED = (OrderStatus.CANCELLED, OrderStatus.SHIPPED, OrderStatus.DELIVERED)

Thing = tuple[int, str, str | int]  # order, "hold" or "work", its id or number


class Timetable:
    """When what is due. `decided` and `frame` return what is wrong, as sentences."""

    def __init__(self) -> None:
        self.due: dict[Thing, int] = {}
        self.then: dict[Thing, str] = {}
        self.closed: set[int] = set()
        self.stamps: deque[int] = deque(maxlen=FRAMES_MAX)

    def frame(self, stamp_us: int) -> list[str]:
        """Look at what should have been done by the end of the frame stamped so."""
        self.stamps.append(stamp_us)
        if len(self.stamps) < FRAMES_MAX:
            return []
        late = [
            thing
            for thing, due_us in self.due.items()
            if due_us <= self.stamps[0] and thing[0] not in self.closed
        ]
        for thing in late:
            del self.due[thing]  # it is told once
        return [f"P5: {thing} was due long ago and is not done" for thing in late]

    def decided(self, events: list[Event], stamp_us: int) -> list[str]:
        """Book the events of one decision; return the broken promises, each as `P… : sentence`."""
        wrong: list[str] = []
        for event in events:
            if isinstance(event, OrderChanged) and event.note:
                wrong += self._noted(event, lives.read_note(event.note), stamp_us)
            if isinstance(event, OrderChanged | OrderCancelled | OrderShipped):
                keep = self.closed.add if event.status in _CLOSED else self.closed.discard
                keep(event.order)
        return wrong

    def _noted(self, event: OrderChanged, note: lives.Note, stamp_us: int) -> list[str]:
        order, by_time = event.order, event.cause.actor == actors.TIMER
        match note:
            case Held():
                self._hold(order, note)
            case Checked(holds=holds) | FactTold(held=holds):
                for hold in holds:
                    self._hold(order, hold)
                for name in getattr(note, "ended", ()):
                    self._over((order, "hold", name), "release", 0, by_time=False)
            case HoldEnded():
                return self._over((order, "hold", note.hold_id), note.how, stamp_us, by_time)
            case HoldEscalated():
                return self._over((order, "hold", note.hold_id), "escalate", stamp_us, by_time)
            case Released() | Rerouted() if note.accept_by_us:
                for part in note.parts:
                    self.due[order, "work", part.number] = note.accept_by_us
                    self.then[order, "work", part.number] = "expired"
            case FulfillmentStep():
                by_time = note.status == "expired"
                return self._over((order, "work", note.number), note.status, stamp_us, by_time)
        return []

    def _hold(self, order: int, hold: Held) -> None:
        thing = order, "hold", hold.hold_id
        self.then[thing] = hold.then
        if hold.until_us:
            self.due[thing] = hold.until_us

    def _over(self, thing: Thing, how: str, stamp_us: int, by_time: bool) -> list[str]:
        due_us = self.due.pop(thing, 0)
        if not by_time:
            return [f"P5: {thing} escalates at somebody's wish"] if how == "escalate" else []
        if not due_us or due_us > stamp_us:
            return [f"P5: {thing} is over by time at {stamp_us}, it was due at {due_us}"]
        if self.then[thing] != how:
            return [f"P5: {thing} is to end with {self.then[thing]!r}, not {how!r}"]
        return []
