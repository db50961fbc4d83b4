"""What clients of a storm do with an order after it was placed: holds, the work of its locations,
goods that come back or are exchanged, units that go to another order. One more area is one more
such file, as `changes` is: `KINDS` with weights, `draw`, and `learn`."""

import random
from collections import deque
from datetime import date, datetime

import msgspec

from engine.core import commands as c
from engine.core import fulfillment_commands as f
from engine.core import return_commands as r
from engine.core.commands import Command, PutValidation
from engine.core.validation_commands import ValidationRule
from tests.faults import changes, papers
from tests.faults.changes import DUE
from tests.faults.history import Op

KINDS = (
    changes.KINDS
    | papers.KINDS
    | {
        "hold": 4,
        "end hold": 4,
        "release order": 6,
        "work": 14,
        "cancel work": 1,
        "open return": 4,
        "exchange": 6,
        "decide return": 4,
        "goods": 8,
        "reallocate": 4,
    }
)
CHECKED = "market"  # the channel whose orders are looked at
MANY = 5  # units of a line: an order with so many is held when it is placed
COOLED = "later"  # the channel whose orders cool off
MINUTES = (None, 1, 1, 2)  # until something is due by itself
_RULES = (ValidationRule("quantity", units=MANY - 1, keeps_stock=False),)
_COOL = (ValidationRule("cool_off", minutes=1, then="release"), ValidationRule("payment"))
_NEXT = {
    "requested": (f.AcceptFulfillment, f.AcceptFulfillment, f.RejectFulfillment),
    "accepted": (f.PickFulfillment, f.PickShort),
    "picking": (f.PackFulfillment, f.PackFulfillment, f.PickShort),
    "packed": (f.ShipFulfillment,),
    "shipped": (f.DeliverFulfillment,),
}
_DISPOSITIONS = ("restock", "restock", "damaged", "quality_control", "scrap")


def catalogue(places: tuple[str, ...]) -> list[Command]:
    """Return what has to be there beside locations, SKUs and stock."""
    return [
        *papers.catalogue(places),
        c.PutChannel(COOLED),
        PutValidation(CHECKED, _RULES),
        PutValidation(COOLED, _COOL),
    ]


def due(rng: random.Random) -> datetime | None:
    """Draw when an order is required, if it is."""
    return rng.choice((None, *DUE))


class Lives:
    """What one client knows of its orders, from what it was answered."""

    def __init__(
        self, rng: random.Random, skus: tuple[str, ...], places: tuple[str, ...], today: date
    ) -> None:
        self.rng, self.changes = rng, changes.Changes(rng)
        self.papers = papers.Papers(rng, skus, places, today)
        self.held: deque[tuple[str, str, str]] = deque(maxlen=8)
        self.waiting: deque[tuple[str, str]] = deque(maxlen=8)
        self.shipped: deque[tuple[str, str]] = deque(maxlen=8)
        self.work: dict[str, dict] = {}  # fulfillments as last answered, by id
        self.returns: dict[tuple[str, str, str], dict] = {}

    def dressed(self, order: c.PlaceOrder) -> c.PlaceOrder:
        """Return an order as it is placed: now and then as one of which something was told before,
        and where it goes if a policy is to say from where."""
        order = self.changes.named(order)
        if order.channel != papers.ROUTED:
            return order
        return msgspec.structs.replace(order, ship_to=self.rng.choice(changes.ADDRESSES))

    def draw(self, kind: str, name: str, orders: deque[tuple[str, str]]) -> Command | None:
        """Return a command of this kind, None while nothing is known that it could be about."""
        order = self._one(orders)
        if kind in changes.KINDS:
            return self.changes.draw(kind, name)
        if kind in papers.KINDS:
            return self.papers.draw(kind, name)
        match kind:
            case "hold" if order:
                return self._hold(order, name)
            case "end hold" if self.held:
                return c.ReleaseHold(*self._one(self.held))
            case "release order" if order:
                minutes = self.rng.choice(MINUTES)
                return f.ReleaseOrder(*order, f"w{name}", accept_minutes=minutes)
            case "work" if self.work:
                return self._step(name)
            case "cancel work" if self.work:
                return f.CancelFulfillment(self._one(self.work), "storm")
            case "open return" if self.shipped:
                return r.OpenReturn(*self._one(self.shipped), f"b{name}", "storm", approved=True)
            case "exchange" if self.shipped:
                return self._exchange(*self._one(list(self.shipped)[-3:]), name)
            case "decide return":
                young = ("requested", "approved")
                open_ = [key for key, one in self.returns.items() if one["status"] in young]
                return self._decide(self._one(open_)) if open_ else None
            case "goods" if self.returns:
                return self._goods(name)
            case "reallocate" if self.waiting:
                return c.Reallocate(*self._one(list(self.waiting)[-3:]), f"t{name}", 0)
        return None

    def _one(self, known):
        return self.rng.choice(list(known)) if known else None

    def _hold(self, order: tuple[str, str], name: str) -> Command:
        rng, then = self.rng, self.rng.choice(("release", "cancel", "escalate", "escalate"))
        return c.Hold(
            *order,
            f"h{name}",
            "operator",
            minutes=rng.choice(MINUTES),
            then=then,
            keeps_stock=rng.random() < 0.6,
            escalate_to=rng.choice(("", "chief")) if then == "escalate" else "",
        )

    def _step(self, name: str) -> Command:
        number = self._one(self.work)
        found = self.work[number]
        kind = self.rng.choice(_NEXT.get(found["status"], (f.AcceptFulfillment,)))
        match kind:
            case f.RejectFulfillment:
                return kind(number, "no time")
            case f.PickShort:
                rows = found["lines"] or [{"sku": "sku-0", "quantity": 1}]
                row = self.rng.choice(rows)
                units = self.rng.randint(1, row["quantity"])
                return kind(number, f"p{name}", (f.ShortLine(row["sku"], units),))
            case f.ShipFulfillment:
                return kind(number, f"s{name}")
        return kind(number)

    def _exchange(self, channel: str, order_id: str, name: str) -> Command:
        rng, known = self.rng, [sku for skus in self.changes.known.values() for sku in skus]
        line = r.ExchangeLine(rng.choice(known or ["sku-11"]), rng.randint(1, 2), 500)
        leaves = rng.choice(("now", "received", "received"))
        other = r.Exchange(f"x{name}", (line,), leaves)
        approved = rng.random() < 0.7
        return r.OpenReturn(
            channel, order_id, f"b{name}", "storm", approved=approved, exchange=other
        )

    def _decide(self, key: tuple[str, str, str]) -> Command:
        if self.rng.random() < 0.6:
            return r.ApproveReturn(*key, carrier="storm")
        return r.RejectReturn(*key, "storm")

    def _goods(self, name: str) -> Command:
        key = self._one(self.returns)
        found, dice = self.returns[key], self.rng.random()
        if dice < 0.1:
            return r.RefundReturn(*key, f"m{name}", self.rng.randint(1, 999), "EUR")
        if dice < 0.15:
            return r.CloseReturn(*key)
        if found["inspecting"] and dice < 0.6:
            row = self.rng.choice(found["inspecting"])
            units, word = self.rng.randint(1, row["quantity"]), self.rng.choice(_DISPOSITIONS)
            line = r.InspectedLine(row["sku"], units, word)
            return r.InspectReturn(*key, f"i{name}", row["location"], (line,))
        row = self.rng.choice(found["units"])
        line = r.ReturnedLine(row["sku"], self.rng.randint(1, max(row["expected"], 1)))
        return r.ReceiveReturn(*key, f"g{name}", self.rng.choice(("east", "west")), (line,))

    def learn(self, command: Command, op: Op) -> None:
        """Note what an accepted command was answered, whether now or again."""
        answer = op.answer
        self.changes.learn(command, op)
        self.papers.learn(command, op)
        match command:
            case c.PlaceOrder():
                order = (command.channel, command.order_id)
                if answer["status"] in ("backordered", "partially_allocated"):
                    self.waiting.append(order)
                for hold in answer.get("holds", ()):
                    self.held.append((*order, hold["hold_id"]))
            case c.Hold():
                self.held.append((command.channel, command.order_id, command.hold_id))
            case c.Ship():
                self.shipped.append((command.channel, command.order_id))
            case f.ShipFulfillment():
                self.shipped.append((answer["channel"], answer["order_id"]))
                self._now(command.fulfillment_id, status="shipped")
            case f.ReleaseOrder():
                for one in answer["fulfillments"]:
                    self._now(one["fulfillment_id"], **one)
            case _ if "fulfillment_id" in answer:
                self._now(answer["fulfillment_id"], **answer)
            case _ if "return_id" in answer:
                key = (answer["channel"], answer["order_id"], answer["return_id"])
                self.returns[key] = {"inspecting": [], **answer}
        for known in (self.work, self.returns):
            while len(known) > 12:
                del known[next(iter(known))]

    def _now(self, number: str, **fields) -> None:
        """A fulfillment stands so now; it moves to the end of those that can go on."""
        known = self.work.pop(number, {"lines": []}) | fields
        if known["status"] in _NEXT:
            self.work[number] = known
