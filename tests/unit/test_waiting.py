"""Waiting orders: they get what comes, in their order, in the same step, and nobody overtakes them
(P1, P2, P7)."""

import msgspec
import pytest

from engine.core import commands as c
from engine.core import limits, records
from engine.core.events import OrderChanged
from engine.core.lives import read_note
from engine.core.order_commands import EditLine, EditOrder, SplitOrder
from engine.core.outcomes import Code
from tests.unit.shop import allocations


def _wait(shop, name: str, units: int = 1, sku: str = "red", **more):
    return shop.ok(shop.order(name, (sku, units), when_short="backorder", **more))


def _status(shop, *names: str) -> list[str]:
    return [shop.ledger.order("web", name).status for name in names]


def _fills(shop) -> list:
    """The notes of fills in the open batch."""
    batch = shop.ledger.drain()
    shop.now_us += 1
    shop.ledger.begin(shop.now_us)
    events = map(records.decode, records.split(batch.records))
    notes = [read_note(e.note) for e in events if isinstance(e, OrderChanged) and e.note]
    return [note for note in notes if type(note).__name__ == "Filled"]


def test_a_receipt_fills_what_waits_in_the_same_step(shop) -> None:
    _wait(shop, "1", 2)
    _wait(shop, "2", 2)
    shop.wait(1)
    seq = shop.receive("north", red=3).seq
    assert _status(shop, "1", "2") == ["allocated", "partially_allocated"]
    assert allocations(shop.ledger.order("web", "2")) == [[("north", 1)]]
    notes = _fills(shop)
    assert [(note.cause, note.seq) for note in notes] == [("stock_moved", seq)] * 2
    assert [note.lines for note in notes] == [((0, 2),), ((0, 1),)]
    assert shop.available("red") == 0 and not shop.ledger.filling


def test_the_turn_goes_by_priority_then_date_then_age(shop) -> None:
    early, late = (msgspec.convert(f"2027-0{month}-01T00:00:00Z", c.Moment) for month in (1, 2))
    _wait(shop, "old")
    _wait(shop, "late", required_by=late)
    _wait(shop, "early", required_by=early)
    _wait(shop, "new")
    _wait(shop, "first", priority=9)
    order = ["first", "early", "late", "old", "new"]
    for number in range(5):
        shop.receive("south", red=1)
        assert _status(shop, *order) == ["allocated"] * (number + 1) + ["backordered"] * (
            4 - number
        )


def test_an_edit_changes_the_turn(shop) -> None:
    _wait(shop, "1")
    _wait(shop, "2")
    shop.ok(EditOrder("web", "2", "e", priority=3))
    shop.receive("north", red=1)
    assert _status(shop, "1", "2") == ["backordered", "allocated"]
    assert shop.ledger.order("web", "2").priority == 3


@pytest.mark.parametrize(
    "free",
    (
        lambda shop: shop.ok(c.Cancel("web", "has")),
        lambda shop: shop.ok(c.Cancel("web", "has", (c.CancelLine("red", 2),))),
        lambda shop: shop.ok(c.Hold("web", "has", "h", "payment", keeps_stock=False)),
        lambda shop: shop.ok(EditOrder("web", "has", "e", (EditLine("red", 0),))),
        lambda shop: shop.ok(c.Release("cart")),
        lambda shop: (shop.wait(61_000_000), shop.ledger.expire()),
        lambda shop: shop.ok(c.Adjust("a", "north", (c.AdjustLine("red", 2, "found"),))),
        lambda shop: shop.ok(c.Count("n", "north", (c.CountLine("red", 8),))),
        lambda shop: shop.ok(c.Adjust("b", "north", (c.AdjustLine("red", -2, "fine", "damaged"),))),
        lambda shop: shop.ok(c.PutLocation("south", "s", "warehouse", "DE")),
        lambda shop: shop.ok(c.PutSku("red", "red", backorderable=True)),
    ),
)
def test_whatever_frees_units_fills(shop, free) -> None:
    shop.receive("north", red=6)
    shop.ok(c.Adjust("d", "north", (c.AdjustLine("red", 2, "wet", "damaged"),)))
    shop.ok(shop.order("has", ("red", 2)))
    shop.ok(shop.reserve("cart", ("red", 2)))
    shop.receive("south", red=2)
    shop.ok(c.PutLocation("south", "s", "warehouse", "DE", active=False))
    _wait(shop, "waits", 2)
    assert _status(shop, "waits") == ["backordered"]
    free(shop)
    assert _status(shop, "waits") == ["allocated"]


def test_what_comes_to_another_place_does_not_fill_a_bound_line(shop) -> None:
    order = shop.order("1", ("red", 2, None, None, "south"), when_short="backorder")
    shop.receive("south", red=1)
    shop.ok(order)
    shop.receive("north", red=5)
    assert _status(shop, "1") == ["partially_allocated"]
    assert shop.ledger.order("web", "1").lines[0].backordered == 1
    shop.ok(shop.order("2", ("red", 5)))
    shop.receive("south", red=1)
    assert allocations(shop.ledger.order("web", "1")) == [[("south", 2)]]


def test_what_is_put_aside_is_not_filled(shop) -> None:
    _wait(shop, "off")
    _wait(shop, "held")
    _wait(shop, "kept")
    _wait(shop, "gone")
    shop.ok(c.Hold("web", "off", "h", "payment", keeps_stock=False))
    shop.ok(c.Hold("web", "kept", "h", "payment"))
    shop.ok(c.Cancel("web", "gone"))
    shop.receive("north", red=4)
    assert _status(shop, "off", "held", "kept", "gone") == [
        "on_hold",
        "allocated",
        "on_hold",
        "cancelled",
    ]
    assert [shop.ledger.order("web", n).lines[0].backordered for n in ("off", "kept")] == [1, 0]
    assert shop.available("red") == 2
    shop.ok(c.ReleaseHold("web", "off", "h"))
    assert _status(shop, "off") == ["allocated"]


def test_a_bundle_is_filled_whole_and_its_parts_serve_others_meanwhile(shop) -> None:
    shop.ok(c.PutSku("set", "set", components=(c.Component("red", 2), c.Component("blue", 1))))
    _wait(shop, "set", 2, "set")
    _wait(shop, "2", 1, "blue")
    shop.receive("north", blue=3)
    assert _status(shop, "set", "2") == ["backordered", "allocated"]
    shop.receive("south", red=3)
    answer = shop.ledger.order("web", "set")
    assert answer.lines[0].backordered == 1
    assert allocations(answer) == [[("south", 2), ("north", 1)]]


def test_a_bundle_that_is_made_otherwise_now_takes_nothing_more(shop) -> None:
    shop.ok(c.PutSku("set", "set", components=(c.Component("red", 1),)))
    shop.receive("north", red=1)
    _wait(shop, "1", 2, "set")
    shop.ok(c.PutSku("set", "set", components=(c.Component("blue", 1),)))
    shop.receive("north", red=1, blue=1)
    assert shop.ledger.order("web", "1").lines[0].backordered == 1
    shop.ok(c.PutSku("set", "set", components=(c.Component("red", 1),)))
    assert _status(shop, "1") == ["allocated"]


def test_what_was_a_bundle_and_is_none_now_takes_nothing_more(shop) -> None:
    shop.ok(c.PutSku("set", "set", components=(c.Component("red", 2),)))
    shop.receive("north", red=2)
    _wait(shop, "1", 2, "set")
    shop.ok(c.PutSku("set", "set"))
    shop.receive("north", set=1)
    assert shop.ledger.order("web", "1").lines[0].backordered == 1
    assert shop.available("set") == 1


def test_no_more_may_wait_than_the_limit_says(shop) -> None:
    shop.ok(c.PutSku("red", "red", backorder_limit=3))
    shop.ok(c.PutSku("pair", "pair", components=(c.Component("red", 2),)))
    shop.receive("north", red=1)
    _wait(shop, "1", 3)
    refused = shop.no(shop.order("2", ("pair", 1), when_short="backorder"), Code.BACKORDER_LIMIT)
    assert (refused.faults[0].requested, refused.faults[0].available) == (2, 1)
    more = EditOrder("web", "1", "e", (EditLine("red", 5),), when_short="backorder")
    shop.no(more, Code.BACKORDER_LIMIT)
    shop.ok(EditOrder("web", "1", "e", (EditLine("red", 4),), when_short="backorder"))
    shop.no(shop.order("3", ("red", 1), when_short="backorder"), Code.BACKORDER_LIMIT)
    shop.receive("north", red=2)
    _wait(shop, "3", 2)


def test_what_is_split_off_keeps_its_turn(shop) -> None:
    shop.receive("north", red=1)
    _wait(shop, "1", 2)
    _wait(shop, "2")
    shop.ok(SplitOrder("web", "1", "s", "1-b"))
    assert _status(shop, "1", "1-b") == ["allocated", "backordered"]
    shop.receive("north", red=1)
    assert _status(shop, "1-b", "2") == ["allocated", "backordered"]


def test_nobody_overtakes_while_a_long_queue_is_filled(shop) -> None:
    """Half of the queue is behind when the newcomer comes: what is left over is for it, no more."""
    count = 2 * limits.FILLS_PER_BATCH_MAX
    for number in range(count):
        _wait(shop, str(number))
    shop.wait(1)
    shop.receive("north", red=count + 1)
    assert shop.ledger.filling
    assert len(_fills(shop)) == limits.FILLS_PER_BATCH_MAX
    refused = shop.no(shop.order("new", ("red", 2)), Code.INSUFFICIENT_STOCK)
    assert refused.faults[0].available == 1
    shop.no(shop.reserve("cart", ("red", 2)), Code.INSUFFICIENT_STOCK)
    shop.ok(shop.reserve("small", ("red", 1)))
    while shop.ledger.filling:
        shop.wait(1)
        shop.ledger.expire()
    assert _status(shop, *map(str, range(count))) == ["allocated"] * count
    assert shop.available("red") == 0


def test_filling_goes_on_after_a_restart(shop, make) -> None:
    count = limits.FILLS_PER_BATCH_MAX + 5
    for number in range(count):
        _wait(shop, str(number))
    shop.wait(1)
    shop.receive("north", red=count)
    shop.ledger.drain()
    shop.ledger = make.load(shop.ledger.dump())
    shop.ledger.begin(shop.now_us + 1)
    assert shop.ledger.filling
    shop.ledger.expire()
    assert not shop.ledger.filling and shop.available("red") == 0
