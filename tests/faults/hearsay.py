"""Bookkeeping of what channels tell of orders, from nothing but what was asked and the events.

It shares no rule with the ledger. It knows that of each field the greatest version holds, whichever
came first and whether the order was there; that an order shows what holds and nothing else changes
with it; that one which is told to be cancelled is, and one which is paid does not wait for that.
"""

import msgspec

from engine.core import commands as c
from engine.core import lives
from engine.core.commands import Command
from engine.core.events import (
    Event,
    OrderCancelled,
    OrderChanged,
    OrderPlaced,
    OrderShipped,
    OrderStatus,
)
from engine.core.notes.facts import FactTold
from engine.core.notes.holds import Held, HoldEnded
from engine.core.notes.validation import Checked

SHOWN = ("ship_to", "required_by", "customer", "note")
_CLOSED = (OrderStatus.CANCELLED, OrderStatus.SHIPPED, OrderStatus.DELIVERED)
Name = tuple[str, str]  # channel and id of an order


class Hearsay:
    """All orders. `decided` returns what is wrong with the events of one decision, as sentences."""

    def __init__(self) -> None:
        self.told: dict[Name, dict[str, tuple[int, str]]] = {}  # the rank of what holds, by field
        self.values: dict[tuple[Name, str], object] = {}
        self.names: dict[int, Name] = {}
        self.shows: dict[Name, dict] = {}
        self.statuses: dict[Name, OrderStatus] = {}
        self.unpaid: dict[Name, set[str]] = {}  # holds for a payment

    def decided(self, first_seq: int, events: list[Event], command: Command | None) -> list[str]:
        """Book the events of one decision; return the broken promises, each as `P… : sentence`."""
        about = (command.channel, command.order_id) if isinstance(command, c.TellFact) else None
        before, was = self.shows.get(about), self.statuses.get(about)
        fresh = self._hear(about, command) if about else []
        wrong: list[str] = []
        placed: list[Name] = []
        for seq, event in enumerate(events, first_seq):
            match event:
                case OrderPlaced():
                    name = event.channel, event.order_id
                    self.names[seq], self.unpaid[name] = name, set()
                    self.shows[name] = msgspec.json.decode(event.document)
                    self.statuses[name] = event.status
                    if name in self.told:
                        placed.append(name)
                        wrong += self._compare(name, list(self.told[name]), {}, SHOWN)
                case OrderChanged() | OrderCancelled() | OrderShipped():
                    self._changed(self.names[event.order], event)
        if before is not None and was not in _CLOSED:
            # Of one that is cancelled with it only the fact says the rest.
            fresh = ["cancelled"] if "cancelled" in fresh else fresh
            wrong += self._compare(about, fresh, before, _heeded(events))
            wrong += self._follows(about, fresh)
        for name in placed:
            wrong += self._follows(name, list(self.told[name]))
        return wrong

    def _hear(self, name: Name, command: c.TellFact) -> list[str]:
        """Note what is told; return the fields of which it holds."""
        told, fresh = self.told.setdefault(name, {}), []
        for field in (*SHOWN, "payment", "cancelled"):
            value, rank = getattr(command, field), (command.version, command.event_id)
            if value in (None, False) or told.get(field, (0, "")) >= rank:
                continue
            told[field] = rank
            self.values[name, field] = msgspec.to_builtins(value)
            fresh.append(field)
        return fresh

    def _changed(self, name: Name, event: OrderChanged | OrderCancelled | OrderShipped) -> None:
        self.statuses[name] = event.status
        if not isinstance(event, OrderChanged):
            return
        if event.document:
            self.shows[name] = msgspec.json.decode(event.document)
        holds = self.unpaid[name]
        match lives.read_note(event.note) if event.note else None:
            case Held(reason="payment", hold_id=hold):
                holds.add(hold)
            case HoldEnded(hold_id=hold):
                holds.discard(hold)
            case Checked(holds=begun):
                holds |= {hold.hold_id for hold in begun if hold.reason == "payment"}
            case FactTold() as note:
                holds -= set(note.ended)
                holds |= {hold.hold_id for hold in note.held if hold.reason == "payment"}

    def _compare(self, name: Name, fresh: list[str], before: dict, heeded) -> list[str]:
        """Compare what an order shows with what holds: of `fresh` fields, and before of others."""
        wrong = []
        for field in SHOWN:
            due = before.get(field)
            if field in fresh and field in heeded:
                due = self.values[name, field]
            elif not before:
                continue
            if self.shows[name].get(field) != due:
                shown = self.shows[name].get(field)
                wrong.append(f"P5: {name} shows {field} {shown!r}, told was {due!r}")
        return wrong

    def _follows(self, name: Name, fresh: list[str]) -> list[str]:
        status, wrong = self.statuses[name], []
        if "cancelled" in fresh and status not in _CLOSED:
            wrong.append(f"P5: {name} was told to be cancelled, and is {status.name}")
        paid = "payment" in fresh and self.values[name, "payment"] == "paid"
        if paid and status is OrderStatus.ON_HOLD and self.unpaid[name]:
            wrong.append(f"P5: {name} is paid, and waits for that")
        return wrong


def _heeded(events: list[Event]) -> tuple[str, ...]:
    """Return the fields of a fact that the order has taken up: who packs it already does not mind
    another address."""
    for event in events:
        if isinstance(event, OrderChanged) and event.note:
            note = lives.read_note(event.note)
            if isinstance(note, FactTold):
                return note.stood
    return SHOWN
