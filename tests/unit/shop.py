"""A small shop over either ledger, and short words for what is asked of it."""

from engine.core import commands as c
from engine.core.commands import Request
from engine.core.outcomes import Accepted, Code, Refused

START_US = 1_800_000_000_000_000
SECOND_US = 1_000_000


class Shop:
    """A ledger with two warehouses and a few SKUs, and short words for what is asked of it."""

    def __init__(self, ledger) -> None:
        self.ledger, self.now_us = ledger, START_US
        ledger.begin(START_US)
        for name, priority in (("north", 1), ("south", 2)):
            self.ok(c.PutLocation(name, name, "warehouse", "DE", priority=priority))
        for sku in ("red", "blue", "rare"):
            self.ok(c.PutSku(sku, sku))
        self.ok(c.PutSku("rope", "by the metre", backorderable=True))
        self.papers = 0

    def ask(self, command, key: str = "", actor: str = "a"):
        return self.ledger.decide(Request(command, actor, key))

    def ok(self, command, key: str = ""):
        outcome = self.ask(command, key)
        assert isinstance(outcome, Accepted), outcome
        return outcome.answer

    def no(self, command, code: Code, key: str = "") -> Refused:
        """The command is refused with `code`, and nothing changes."""
        before, seq = self.ledger.dump(), self.ledger.seq
        outcome = self.ask(command, key)
        assert isinstance(outcome, Refused), outcome
        assert (outcome.code, outcome.seq) == (code, seq)
        assert self.ledger.dump() == before
        return outcome

    def wait(self, microseconds: int) -> None:
        self.ledger.drain()
        self.now_us += microseconds
        self.ledger.begin(self.now_us)

    def receive(self, location: str, **units: int):
        self.papers += 1
        lines = tuple(c.ReceiptLine(sku, n) for sku, n in units.items())
        return self.ok(c.Receive(f"paper-{self.papers}", location, lines))

    def order(self, order_id: str, *lines, **more):
        lines = tuple(c.OrderLine(*line) for line in lines)
        return c.PlaceOrder(order_id=order_id, channel="web", lines=lines, **more)

    def reserve(self, reservation_id: str, *lines, ttl_s: int = 60):
        return c.Reserve(
            reservation_id, "web", ttl_s, tuple(c.ReserveLine(*line) for line in lines)
        )

    def available(self, sku: str) -> int:
        return self.ledger.stock(sku).available


def allocations(answer) -> list[list[tuple[str, int]]]:
    return [[(a.location, a.quantity) for a in line.allocations] for line in answer.lines]
