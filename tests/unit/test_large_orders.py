"""Orders of many lines that are changed a little: both twins log and answer the same (P7)."""

import pytest

from engine.core import commands as c
from engine.core.commands import Request
from engine.core.ledger import Ledger as SlowLedger
from engine.core.order_commands import EditLine, EditOrder, Hold, ReleaseHold
from engine.core.outcomes import Accepted, Refused
from ext.ledger import Ledger as FastLedger
from tests.unit.shop import START_US

SKUS, STOCK = 60, 5


class Twins:
    """Both ledgers, asked the same, with one order of a line for each SKU and one line twice."""

    def __init__(self) -> None:
        self.ledgers, self.now_us = (SlowLedger(), FastLedger()), START_US
        names = [f"sku-{n}" for n in range(SKUS)]
        for place in ("north", "south"):
            self.ask(c.PutLocation(place, place, "warehouse", "DE"))
        for name in names:
            self.ask(c.PutSku(name, name))
        for place in ("north", "south"):
            lines = tuple(c.ReceiptLine(name, STOCK) for name in names)
            self.ask(c.Receive(f"from-{place}", place, lines))
        lines = [c.OrderLine(name, STOCK + 1, f"line-{name}", 100) for name in names]
        lines.append(c.OrderLine(names[0], 1, "again"))
        self.ask(c.PlaceOrder(order_id="1", channel="web", lines=tuple(lines)))

    def ask(self, command, kind: type = Accepted):
        """Ask both; they must answer and log the same. Return the answer, or the refusal."""
        self.now_us += 1
        found = []
        for ledger in self.ledgers:
            ledger.begin(self.now_us)
            outcome = ledger.decide(Request(command))
            assert isinstance(outcome, kind), outcome
            found.append((outcome, ledger.drain()))
        assert found[0] == found[1]
        assert self.ledgers[0].dump() == self.ledgers[1].dump()
        return found[1][0].answer if kind is Accepted else found[1][0]


def edit(name: str, *lines: EditLine, **more) -> EditOrder:
    return EditOrder("web", "1", name, lines, **more)


@pytest.mark.parametrize("count", [1, 3, SKUS])
def test_lines_that_are_not_named_stay_as_they_are(count: int) -> None:
    twins = Twins()
    lines = [EditLine(f"sku-{n}", n % 7 + 1, f"line-sku-{n}") for n in range(count)]
    before = twins.ledgers[1].order("web", "1").lines
    answer = twins.ask(edit("e", *lines))
    wanted = [line.quantity - line.cancelled for line in answer.lines]
    assert wanted[:count] == [n % 7 + 1 for n in range(count)]
    assert answer.lines[count:] == before[count:]


def test_a_line_is_found_by_its_sku_by_its_id_or_refused() -> None:
    twins = Twins()
    assert twins.ask(edit("a", EditLine("sku-9", 1))).lines[9].cancelled == STOCK
    assert twins.ask(edit("b", EditLine("sku-0", 3, "again"))).lines[SKUS].quantity == 3
    assert twins.ask(edit("c", EditLine("sku-0", 3)), Refused).faults[0].path == "lines[0]"
    assert len(twins.ask(edit("d", EditLine("sku-3", 2, "new"))).lines) == SKUS + 2
    # So many that they are not searched for one by one.
    lines = [EditLine(f"sku-{n}", 2) for n in range(1, SKUS)]
    lines.append(EditLine("sku-0", 1, "other"))
    refused = twins.ask(edit("f", *lines[:2], EditLine("sku-3", 1), *lines[3:]), Refused)
    assert refused.faults[0].path == "lines[2]"
    answer = twins.ask(edit("g", *lines[:2], *lines[3:]))
    assert sum(line.quantity - line.cancelled == 2 for line in answer.lines) == SKUS - 2 + 1
    assert answer.lines[-1].line_id == "other"


def test_what_was_cut_given_back_or_has_left_stays_so_through_edits() -> None:
    twins = Twins()
    twins.ask(c.Cancel("web", "1", (c.CancelLine("sku-5", 2), c.CancelLine("sku-6", 6))))
    twins.ask(c.Ship("web", "1", "s", "north", (c.ShipLine("sku-7", 5),)))
    twins.ask(edit("a", EditLine("sku-7", 9), when_short="backorder"))
    twins.ask(Hold("web", "1", "kept", "review"))
    twins.ask(ReleaseHold("web", "1", "kept"))
    held = twins.ask(Hold("web", "1", "freed", "review", keeps_stock=False))
    assert not any(line.allocations for line in held.lines)
    assert twins.ask(edit("b", EditLine("sku-8", 1))).status == "on_hold"
    answer = twins.ask(ReleaseHold("web", "1", "freed"))
    figures = [(one.quantity, one.cancelled, one.shipped) for one in answer.lines[5:9]]
    assert figures == [(6, 2, 0), (6, 6, 0), (9, 0, 5), (6, 5, 0)]
