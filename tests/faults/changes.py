"""What clients of a storm change of orders: lines, address and date, two orders that become one,
one that becomes two, and what channels tell of them, late, twice and before they come."""

import random
from collections import deque
from datetime import UTC, datetime

import msgspec

from engine.core import commands as c
from engine.core import order_commands as o
from engine.core.commands import Command
from tests.faults.history import Op

KINDS = {"edit": 6, "merge": 4, "split": 4, "fact": 7, "early fact": 2}
VERSIONS = 9  # of what channels tell: few, so that many are old
# Far away, so that nothing is locked by it.
DUE = tuple(datetime(2035, 1, day, tzinfo=UTC) for day in (1, 2, 3))
ADDRESSES = tuple(
    c.Address(line1="Road 1", city="Berlin", postcode=code, country="DE")
    for code in ("10115", "80331")
)
_WORDS = ("", "first", "second", "third")
_FIELDS = ("payment", "payment", "ship_to", "required_by", "customer", "note", "cancelled")


class Changes:
    """What one client knows of orders that may change: their SKUs, by (channel, id)."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.known: dict[tuple[str, str], list[str]] = {}
        self.waiting: deque[tuple[str, str]] = deque(maxlen=8)
        self.awaited: deque[tuple[str, str]] = deque(maxlen=4)

    def draw(self, kind: str, name: str) -> Command | None:
        """Return a command of this kind, None while nothing is known that it could be about."""
        match kind:
            case "edit" if self.known:
                return self._edit(self._order(), name)
            case "merge" if len(self.known) > 1:
                return self._merge(name)
            case "split" if self.known:
                return self._split(name)
            case "fact" if self.known:
                # Of few orders, so that some is told late.
                return self._fact(self.rng.choice(list(self.known)[-3:]), name)
            case "early fact":
                if not self.awaited or self.rng.random() < 0.4:
                    self.awaited.append((self.rng.choice(("web", "market", "later")), f"a{name}"))
                return self._fact(self.awaited[-1], name)
        return None

    def named(self, order: c.PlaceOrder) -> c.PlaceOrder:
        """Return an order, now and then as one of which something was told before."""
        if not self.awaited or self.rng.random() < 0.6:
            return order
        channel, order_id = self.awaited.popleft()
        return msgspec.structs.replace(order, channel=channel, order_id=order_id)

    def _order(self) -> tuple[str, str]:
        return self.rng.choice(list(self.known))

    def _edit(self, order: tuple[str, str], name: str) -> Command:
        rng, skus = self.rng, self.known[order]
        lines = [o.EditLine(rng.choice(skus), rng.randint(0, 4))] if rng.random() < 0.8 else []
        if rng.random() < 0.3:
            new = rng.choice([sku for skus in self.known.values() for sku in skus])
            lines += [o.EditLine(new, rng.randint(1, 2))] if new != (lines and lines[0].sku) else []
        return c.EditOrder(
            *order,
            f"d{name}",
            tuple(lines),
            ship_to=rng.choice(ADDRESSES) if rng.random() < 0.1 else None,
            required_by=rng.choice((None, None, *DUE)),
            note=rng.choice(_WORDS) or None,
            when_short=rng.choice(("refuse", "backorder", "backorder", "split")),
        )

    def _merge(self, name: str) -> Command | None:
        channel, order_id = self._order()
        others = [key for key in self.known if key[0] == channel and key[1] != order_id]
        if not others:
            return None
        return c.MergeOrders(channel, order_id, f"m{name}", self.rng.choice(others)[1])

    def _split(self, name: str) -> Command:
        rng, lines = self.rng, None
        order = self._order()
        if self.waiting and rng.random() < 0.5:
            order = rng.choice(list(self.waiting))
        elif rng.random() < 0.8:
            lines = (o.SplitLine(rng.choice(self.known[order]), 1),)
        return c.SplitOrder(*order, f"p{name}", f"n{name}", lines)

    def _fact(self, order: tuple[str, str], name: str) -> Command:
        rng, said = self.rng, {}
        for field in rng.sample(_FIELDS, rng.randint(1, 2)):
            match field:
                case "payment":
                    said[field] = rng.choice(("paid", "paid", "pending", "refunded"))
                case "ship_to":
                    said[field] = rng.choice(ADDRESSES)
                case "required_by":
                    said[field] = rng.choice(DUE)
                case "cancelled":
                    said[field] = rng.random() < 0.3
                case _:
                    said[field] = rng.choice(_WORDS[1:])
        return c.TellFact(*order, f"e{name}", rng.randint(1, VERSIONS), **said)

    def learn(self, command: Command, op: Op) -> None:
        """Note what an accepted command was answered, whether now or again."""
        answer = op.answer
        if not isinstance(command, c.PlaceOrder | c.SplitOrder | c.MergeOrders):
            return
        order = answer["channel"], answer["order_id"]
        self.known.pop(order, None)
        self.known[order] = [line["sku"] for line in answer["lines"]]
        if answer["status"] == "partially_allocated":
            self.waiting.append(order)
        while len(self.known) > 8:
            del self.known[next(iter(self.known))]
