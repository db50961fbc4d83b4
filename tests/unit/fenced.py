"""A shop with fences, for the tests of these."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from engine.core import commands as c
from engine.core.ledger import Ledger as SlowLedger
from engine.core.outcomes import Code
from engine.log.books import Books
from engine.log.books_snapshot import differences, read_books
from ext.ledger import Ledger as FastLedger
from tests.unit.shop import Shop

TWINS = pytest.mark.parametrize("make", (SlowLedger, FastLedger))


class Fenced(Shop):
    """A shop with three channels, whose log a second reader walks as it grows."""

    def __init__(self, make, **units: int) -> None:
        self.problems: list = []
        self.books = Books(lambda promise, why: self.problems.append((promise, why)))
        super().__init__(make())
        for name in ("web", "market", "store"):
            self.ok(c.PutChannel(name))
        if units:
            self.receive("north", **units)

    def wait(self, microseconds: int) -> None:
        batch = self.ledger.drain()
        if batch.count:
            self.books.stamp_us = batch.stamp_us
            size = len(batch.records)
            self.books.take(batch.records, 0, size, batch.first_seq, batch.count)
        self.now_us += microseconds
        self.ledger.begin(self.now_us)

    def fence(self, channel: str, units: int, sku: str = "red", **more):
        return self.ok(c.PutFence(channel, sku, units, **more))

    def sell(self, channel: str, name: str, units: int, sku: str = "red", **more):
        wish = self.order(name, (sku, units), **more)
        return self.ask(msgspec.structs.replace(wish, channel=channel))

    def sells(self, channel: str, name: str, units: int, sku: str = "red", **more):
        outcome = self.sell(channel, name, units, sku, **more)
        assert not hasattr(outcome, "code"), outcome
        return outcome.answer

    def short(self, channel: str, name: str, units: int, sku: str = "red"):
        outcome = self.sell(channel, name, units, sku)
        assert outcome.code is Code.INSUFFICIENT_STOCK
        (fault,) = outcome.faults
        return fault.available, fault.detail

    def held(self, name: str, channel: str = "web") -> int:
        lines = self.ledger.order(channel, name).lines
        return sum(line.quantity - line.backordered - line.cancelled for line in lines)

    def rows(self) -> list[tuple]:
        rows, _ = self.ledger.fences()
        return [(row.channel, row.used, row.left, row.covered) for row in rows]

    def soon(self, **delta) -> datetime:
        return datetime.fromtimestamp(self.now_us / 1e6, UTC) + timedelta(**delta)

    def shown(self, channel: str, sku: str = "red"):
        (row,) = self.ledger.availability(channel, [sku], self.now_us).skus
        return row.sellable, {one.cause: one.units for one in row.withheld}, row.own_fence

    def close(self) -> None:
        """The log replays to the same state, a dump loads to it, and the second reader agrees."""
        self.wait(1)
        data = self.ledger.dump()
        for make in (SlowLedger, FastLedger):
            assert make.load(data).dump() == data
        assert not self.problems
        assert differences(self.books, read_books(data)) == []
