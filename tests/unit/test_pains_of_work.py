"""What hurts users of other systems when orders are picked and sent, as situations that cannot
happen here, in both twins. Each test is named after one pain; see `test_pains`."""

from random import Random

import pytest

from engine.core import fulfillment_commands as f
from engine.core import records
from engine.core.commands import Request
from engine.core.events import OrderChanged, StockMoved
from engine.core.ledger import Ledger as SlowLedger
from ext.ledger import Ledger as FastLedger
from tests.model import drawing, working
from tests.unit.shop import Shop, allocations

TWINS = pytest.mark.parametrize("make", (SlowLedger, FastLedger))


@TWINS
def test_pain_7_units_are_elsewhere_than_where_the_order_looks_for_them(make) -> None:
    """The total suffices, but the location that was chosen does not have its unit: the order has
    another one before anybody has to notice, and what it gave up is given up once."""
    shop = Shop(make())
    shop.receive("north", red=2)
    shop.receive("south", red=2)
    for name in ("1", "2"):
        shop.ok(shop.order(name, ("red", 1)))
    (one,) = shop.ok(f.ReleaseOrder("web", "1", "w")).fulfillments
    shop.ok(f.PickFulfillment(one.fulfillment_id))
    command = f.PickShort(one.fulfillment_id, "x", (f.ShortLine("red", 1),))
    for _ in range(3):  # the scanner sends it again
        shop.ok(command)
    assert allocations(shop.ledger.order("web", "1")) == [[("south", 1)]]
    assert allocations(shop.ledger.order("web", "2")) == [[("north", 1)]]
    stock = shop.ledger.stock("red")
    assert (stock.on_hand, stock.allocated, stock.available) == (3, 2, 1)


@TWINS
def test_pain_11_half_of_it_is_done_and_the_other_half_is_not(make) -> None:
    """P3, P4: giving up, the stock's loss, the new plan and its request are one frame. A crash
    before it leaves the state before, a crash after it all of it."""
    shop = Shop(make())
    shop.receive("north", red=2)
    shop.receive("south", red=2)
    shop.ok(shop.order("1", ("red", 2)))
    (one,) = shop.ok(f.ReleaseOrder("web", "1", "w")).fulfillments
    shop.ok(f.PickFulfillment(one.fulfillment_id))
    shop.wait(1)
    before = shop.ledger.dump()
    shop.ok(f.PickShort(one.fulfillment_id, "x", (f.ShortLine("red", 1),)))
    batch = shop.ledger.drain()
    events = [records.decode(record) for record in records.split(batch.records)]
    assert [type(event) for event in events] == [OrderChanged, StockMoved, OrderChanged]
    replica = make.load(before)
    assert replica.fulfillments(location="south", limit=9)[0] == []
    replica.apply(batch.stamp_us, batch.first_seq, batch.records)
    assert replica.dump() == shop.ledger.dump()
    (row,) = replica.fulfillments(location="south", limit=9)[0]
    assert (row.order_id, row.lines[0].quantity) == ("1", 1)


@TWINS
def test_pain_13_stock_changes_and_nobody_is_told(make) -> None:
    """P11: whatever picking, sending, rejecting and closing do to a position is told to whoever
    follows; the last told quantities are those that are there."""
    ledger, mirror, rng = make(), {}, Random(7)
    oracle = SlowLedger()
    for one in (ledger, oracle):
        one.watch()
        one.begin(1_800_000_000_000_000)
    known = 0
    for turn in range(600):
        if turn < len(drawing.OPENING):
            request = Request(drawing.OPENING[turn])
        elif rng.random() < 0.4:
            request = drawing.request(rng, oracle._state)
        else:
            request = Request(working.step(rng, oracle._state))
        for one in (ledger, oracle):
            one.decide(request)
            one.expire(2)
            one.drain()
            one.begin(1_800_000_000_000_000 + (turn + 1) * 20_000_000)
        for number, _, _ in ledger.touched():
            mirror[number] = ledger.positions([number])[0]
        known = max(known, ledger.sizes()["positions"])
    there = dict(enumerate(ledger.positions(list(range(known)))))
    assert {n: row for n, row in there.items() if row[1].on_hand or n in mirror} == mirror
    assert len(mirror) > 8
