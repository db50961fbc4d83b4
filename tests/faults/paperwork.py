"""Bookkeeping of what is put while orders come: purchase orders, routing policies, what locations
can send, from nothing but what was asked and the events.

It shares no rule with the ledger. It knows that a purchase order counts what came of it, no more
and no less, and moves no unit; that an order gets no unit from where its policy is not to send; and
that what went elsewhere because a location cannot send it is not there any more.
"""

from collections import Counter, defaultdict

import msgspec

from engine.core import commands as c
from engine.core import lives
from engine.core.commands import Command
from engine.core.events import (
    EntryPut,
    Event,
    LocationPut,
    OrderChanged,
    OrderPlaced,
    PositionOpened,
)
from engine.core.notes.edits import Merged
from engine.core.register import Code
from engine.core.routing.policy import RoutingPolicy
from tests.faults.wants import Wants


class Paperwork:
    """All papers. `decided` returns what is wrong with the events of one decision, as sentences;
    `wants` has booked them already."""

    def __init__(self, wants: Wants) -> None:
        self.wants = wants
        self.places: dict[int, str] = {}  # names by number of a location
        self.cells: list[int] = []  # locations by position
        self.came: dict[str, Counter[str]] = defaultdict(Counter)
        self.policies: dict[str, RoutingPolicy] = {}
        self.policy_of: dict[str, str | None] = {}  # by channel
        self.channels: dict[int, str] = {}  # by order
        self.had: dict[int, set[int]] = {}  # positions that an order has had

    def decided(self, first_seq: int, events: list[Event], command: Command | None) -> list[str]:
        """Book the events of one decision; return the broken promises, each as `P… : sentence`."""
        match command:
            case RoutingPolicy():
                self.policies[command.policy] = command
            case c.PutChannel():
                self.policy_of[command.channel] = command.policy
            case c.Receive(purchase_order=str(number)):
                for line in command.lines:
                    self.came[number][line.sku] += line.quantity
        wrong: list[str] = []
        if isinstance(command, c.PutPurchaseOrder) and len(events) > 1:
            wrong.append(f"P2: purchase order {command.purchase_order} does more than to be put")
        for seq, event in enumerate(events, first_seq):
            match event:
                case LocationPut():
                    self.places[event.number] = msgspec.json.decode(event.document)["location"]
                case PositionOpened():
                    self.cells.append(event.location)
                case EntryPut(register=Code.PURCHASE_ORDERS):
                    wrong += self._purchase(msgspec.json.decode(event.document))
                case EntryPut(register=Code.CAPACITIES):
                    wrong += self._moved(msgspec.json.decode(event.document))
                case OrderPlaced():
                    self.channels[seq], self.had[seq] = event.channel, set()
                    free = event.reservation or isinstance(command, c.SplitOrder)
                    wrong += self._held(seq, event.lines, bool(free))
                case OrderChanged(lines=lines) if lines is not None:
                    note = lives.read_note(event.note) if event.note else None
                    rows = [row.line for row in lines]
                    wrong += self._held(event.order, rows, isinstance(note, Merged))
        return wrong

    def _purchase(self, order: dict) -> list[str]:
        """Of each SKU that it holds, all that came by it is counted, and nothing else."""
        counted = Counter[str]()
        for line, units in zip(order["put"]["lines"], order["received"], strict=True):
            counted[line["sku"]] += units
        number = order["purchase_order"]
        return [
            f"P2: {units} units of {sku} count as come of {number}, not {self.came[number][sku]}"
            for sku, units in counted.items()
            if units != self.came[number][sku]
        ]

    def _moved(self, capacity: dict) -> list[str]:
        wrong = []
        for channel, order_id in capacity.get("moved", ()):
            seq = self.wants.names[channel, order_id]
            held = {self.places[self.cells[at]] for at, n in self.wants.held[seq].items() if n > 0}
            if capacity["location"] in held:
                wrong.append(f"P5: order {seq} went elsewhere, and is at {capacity['location']}")
        return wrong

    def _held(self, order: int, lines, free: bool) -> list[str]:
        """Look at where an order has units now and had none before; with `free`, they were
        another's and may be anywhere."""
        now = {take.position for line in lines for take in line.takes}
        fresh, channel = now - self.had[order], self.channels[order]
        self.had[order] |= now
        policy = self.policies.get(self.policy_of.get(channel) or "")
        if policy is None or free:
            return []
        shut = {
            rule.location
            for rule in policy.locations
            if rule.channels is not None and channel not in rule.channels
        }
        found = {self.places[self.cells[position]] for position in fresh} & shut
        return [f"P5: order {order} gets units from {place}, which is shut" for place in found]
