"""Bookkeeping of what is wanted of orders and of what they hold, from nothing but what was asked
and the events.

It shares no rule with the ledger. It knows that what is wanted changes only where somebody cancels,
edits, merges or splits, by as much as was asked; that orders which become one, or two, hold
together what they held before, at the same positions; and that the order of an exchange waits for
its goods.
"""

from collections import Counter, defaultdict

import msgspec

from engine.core import commands as c
from engine.core import lives
from engine.core import return_commands as r
from engine.core.commands import Command
from engine.core.events import (
    Event,
    OrderCancelled,
    OrderChanged,
    OrderPlaced,
    OrderShipped,
    OrderStatus,
    SkuPut,
)
from engine.core.notes.edits import Edited, Merged, MergedInto, SplitOff
from engine.core.notes.exchanges import HOLD, ExchangeFor
from engine.core.notes.holds import HoldEnded
from engine.core.notes.returns import ReturnOpened, ReturnReceived

Wanted = list[tuple[int, int]]  # (SKU, units wanted in all) by line


class Wants:
    """All orders. `decided` returns what is wrong with the events of one decision, as sentences."""

    def __init__(self) -> None:
        self.skus: dict[str, int] = {}
        self.names: dict[tuple[str, str], int] = {}
        self.wanted: dict[int, Wanted] = {}
        self.held: dict[int, Counter[int]] = {}  # by position
        self.takes: dict[int, list[list[int]]] = {}  # positions of takes, by line
        self.goods = Goods()

    def decided(self, first_seq: int, events: list[Event], command: Command | None) -> list[str]:
        """Book the events of one decision; return the broken promises, each as `P… : sentence`."""
        wrong: list[str] = []
        touched = self._named(command)
        before = {seq: self.wanted[seq][:] for seq in touched}
        held = self._together(touched)
        for seq, event in enumerate(events, first_seq):
            match event:
                case SkuPut():
                    self.skus[msgspec.json.decode(event.document)["sku"]] = event.number
                case OrderPlaced():
                    self._placed(seq, event)
                    touched += [seq] if isinstance(command, c.SplitOrder) else []
                case OrderCancelled():
                    for cut in event.cuts:
                        sku, units = self.wanted[event.order][cut.line]
                        self.wanted[event.order][cut.line] = sku, units - cut.quantity
                    self._freed(event)
                case OrderShipped():
                    self._freed(event)
                case OrderChanged():
                    wrong += self._changed(event)
        match command:
            case c.EditOrder() if before:
                wrong += self._edited(command, before[touched[0]], self.wanted[touched[0]])
            case c.MergeOrders() | c.SplitOrder() if self._together(touched) != held:
                wrong.append(f"P2: orders {touched} hold other units together than before")
        return wrong + self.goods.decided(first_seq, events, command)

    def _named(self, command: Command | None) -> list[int]:
        """Return the orders that a change names."""
        ids: tuple[str, ...] = ()
        match command:
            case c.EditOrder() | c.SplitOrder():
                ids = (command.order_id,)
            case c.MergeOrders():
                ids = (command.order_id, command.from_order_id)
        found = (self.names.get((command.channel, name)) for name in ids)
        return [seq for seq in found if seq is not None]

    def _together(self, orders: list[int]) -> tuple[Counter[int], Counter[int]]:
        """Return what orders hold by position, and what is wanted of them by SKU."""
        held, wanted = Counter[int](), Counter[int]()
        for seq in orders:
            held.update(self.held[seq])
            for sku, units in self.wanted[seq]:
                wanted[sku] += units
        return +held, +wanted

    def _placed(self, seq: int, event: OrderPlaced) -> None:
        self.names[event.channel, event.order_id] = seq
        self.wanted[seq] = [(line.sku, line.quantity) for line in event.lines]
        self._hold(seq, event.lines)

    def _hold(self, order: int, lines) -> None:
        self.takes[order] = [[take.position for take in line.takes] for line in lines]
        self.held[order] = Counter()
        for take in (take for line in lines for take in line.takes):
            self.held[order][take.position] += take.quantity

    def _freed(self, event: OrderCancelled | OrderShipped) -> None:
        for freed in event.freed:
            position = self.takes[event.order][freed.line][freed.take]
            self.held[event.order][position] -= freed.quantity

    def _changed(self, event: OrderChanged) -> list[str]:
        note = lives.read_note(event.note) if event.note else None
        if event.lines is None:
            return []
        old = self.wanted[event.order]
        new = [(row.line.sku, row.line.quantity - row.cancelled) for row in event.lines]
        due = self._due(old, note, new)
        self.wanted[event.order] = new
        self._hold(event.order, [row.line for row in event.lines])
        if new == due:
            return []
        return [f"P2: of order {event.order} {new} are wanted, not {due}, by {note!r}"]

    def _due(self, old: Wanted, note: lives.Note | None, new: Wanted) -> Wanted:
        """Return what is to be wanted after a note."""
        due = old[:]
        match note:
            case Edited():
                for row in note.lines:
                    if row.line == len(due):
                        due.append((new[row.line][0], 0))
                    due[row.line] = due[row.line][0], due[row.line][1] + row.after - row.before
            case SplitOff():
                for line, units in note.lines:
                    due[line] = due[line][0], due[line][1] - units
            case MergedInto():
                due = [(sku, 0) for sku, _ in due]
            case Merged():
                due += new[len(due) :]  # as many as the other one gave: `_together` says so
        return due

    def _edited(self, command: c.EditOrder, before: Wanted, after: Wanted) -> list[str]:
        wrong = []
        for line in command.lines:
            sku = self.skus[line.sku]
            were = [number for number, row in enumerate(before) if row[0] == sku]
            at = were[0] if were else [row[0] for row in after].index(sku, len(before))
            due = before[at][1] if line.quantity is None else line.quantity
            if len(were) < 2 and after[at][1] != due:
                wrong.append(f"P5: {after[at][1]} units of {line.sku} are wanted, not {due}")
        return wrong


class Goods:
    """Orders that are given for goods that come back: on hold until all of these have come, if they
    are to wait."""

    def __init__(self) -> None:
        self.waits: dict[int, tuple[int, str]] = {}  # by new order: the other, and its return
        self.lacking: dict[tuple[int, str], Counter] = defaultdict(Counter)

    def decided(self, first_seq: int, events: list[Event], command: Command | None) -> list[str]:
        """Book the events of one decision; return the broken promises, each as `P… : sentence`."""
        freed: list[int] = []
        for event in events:
            note = None
            if isinstance(event, OrderChanged) and event.note:
                note = lives.read_note(event.note)
            match note:
                case ExchangeFor(waits=True):
                    self.waits[event.order] = note.seq, note.return_id
                case ReturnOpened():
                    for part in note.parts:
                        self.lacking[event.order, note.return_id][part.line, part.sku] += part.units
                case ReturnReceived():
                    for part in note.parts:
                        self.lacking[event.order, note.return_id][part.line, part.sku] -= part.units
                case HoldEnded(hold_id=name) if name == HOLD:
                    freed.append(event.order)
            if getattr(event, "status", None) is OrderStatus.CANCELLED:
                self.waits.pop(getattr(event, "order", 0), None)
        return self._wrong(freed, command)

    def _wrong(self, freed: list[int], command: Command | None) -> list[str]:
        wrong = []
        for order in freed:
            goods = self.waits.pop(order, None)
            early = goods and any(units > 0 for units in self.lacking[goods].values())
            if early and not isinstance(command, c.ReleaseHold):
                wrong.append(f"P2: order {order} goes on before the goods of {goods} have come")
        for order, goods in self.waits.items():
            if goods[1] != getattr(command, "return_id", None):
                continue
            came = all(units <= 0 for units in self.lacking[goods].values())
            if isinstance(command, r.ReceiveReturn) and came:
                wrong.append(f"P5: order {order} waits for goods of {goods}, which have come")
            if isinstance(command, r.RejectReturn):
                wrong.append(f"P5: order {order} waits for goods of {goods}, which nobody takes")
        return wrong
