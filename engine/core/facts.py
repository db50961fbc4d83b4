"""Facts that came before their order: kept by (channel, order), a bounded number for a while.

Each entry is a slot. It holds what was told of one order, until that is placed or the time is over,
and then what was told of another.
"""

from heapq import heappop, heappush
from typing import Any

import msgspec

from engine.core import limits
from engine.core.answers import OrderAnswer
from engine.core.fact_commands import TellFact
from engine.core.register import Code, Entry, Register

AWAITED = "awaited"


class EarlyFact(msgspec.Struct, frozen=True, omit_defaults=True):
    """A fact, and who told it by which request."""

    fact: TellFact
    actor: str
    fingerprint: int


class Early(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was told of an order that is not there, kept until `until_us`; none: a free slot."""

    slot: str
    until_us: int = 0
    facts: tuple[EarlyFact, ...] = ()

    @property
    def order(self) -> tuple[str, str]:
        """Channel and id of the order."""
        fact = self.facts[0].fact
        return fact.channel, fact.order_id


def answer(early: Early, seq: int, replayed: bool = False) -> OrderAnswer:
    """Answer for facts whose order is awaited, the last of which came at `seq`."""
    channel, order_id = early.order if early.facts else ("", "")
    return OrderAnswer(
        seq=seq, replayed=replayed, order_id=order_id, channel=channel, status=AWAITED, lines=[]
    )


class EarlyFacts(Register):
    """The register of facts that wait for their orders."""

    def __init__(self) -> None:
        most = limits.EARLY_FACTS_MAX
        super().__init__(Code.EARLY_FACTS, "slot", Early, most, answer)
        self._slots: dict[tuple[str, str], int] = {}
        self._ends: list[tuple[int, int]] = []  # (end of what it holds, slot); 0: it is free

    def put(self, number: int, document: bytes, seq: int) -> Any:
        """Set a slot; see `Register.put`."""
        before: Entry | None = self.rows[number] if number < len(self.rows) else None
        super().put(number, document, seq)
        now: Early = self.rows[number].put
        if before and before.put.facts and (not now.facts or before.put.order != now.order):
            del self._slots[before.put.order]
        if now.facts:
            self._slots[now.order] = number
        heappush(self._ends, (now.until_us, number))

    def of(self, channel: str, order_id: str, now_us: int) -> tuple[int, Early | None]:
        """Return (slot, what was told) of an order: -1 if nothing was, None if too long ago."""
        number = self._slots.get((channel, order_id), -1)
        found = self.rows[number].put if number >= 0 else None
        return number, found if found and found.until_us > now_us else None

    def room(self, now_us: int) -> int:
        """Return the slot for another order: one that is free or whose time is over, or a new one;
        -1 if there is none."""
        while self._ends and self._ends[0][0] <= now_us:
            until_us, number = self._ends[0]
            if self.rows[number].put.until_us == until_us:
                return number
            heappop(self._ends)  # the slot holds something else by now
        return len(self.rows) if len(self.rows) < self.most else -1

    def orders(self) -> list[tuple[str, str]]:
        """Return channel and id of all orders that something is kept of."""
        return list(self._slots)
