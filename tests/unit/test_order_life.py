"""The table of statuses, its diagram, and holds in both twins."""

from pathlib import Path

import pytest

from engine.core import commands as c
from engine.core import limits, order_life, records
from engine.core.decide.reallotment import Want, reallot
from engine.core.errors import LedgerError
from engine.core.events import Cause, Line, OrderChanged, OrderStatus, Standing, Take
from engine.core.ledger import Ledger as SlowLedger
from engine.core.outcomes import Code
from ext.ledger import Ledger as FastLedger
from tests.unit.shop import Shop, allocations

ORDERS = Path(__file__).parents[2] / "docs" / "orders.md"
TWINS = pytest.mark.parametrize("make", (SlowLedger, FastLedger))


def hold(name: str, *, order: str = "1", keeps: bool = False) -> c.Hold:
    return c.Hold("web", order, name, "review", keeps_stock=keeps)


def shop_of(make) -> Shop:
    """Order 1 holds 3 red from north and 2 from south; 1 is left there."""
    shop = Shop(make())
    shop.receive("north", red=3)
    shop.receive("south", red=3)
    shop.ok(shop.order("1", ("red", 5)))
    return shop


def test_the_diagram_in_the_guide_is_the_table() -> None:
    assert f"```mermaid\n{order_life.diagram()}\n```" in ORDERS.read_text()


def test_what_may_follow_what() -> None:
    status = OrderStatus
    assert order_life.check(status.ALLOCATED, status.RELEASED)
    assert order_life.check(status.ON_HOLD, status.ON_HOLD)
    assert not order_life.check(status.ON_HOLD, status.RELEASED)
    assert not order_life.check(status.PACKED, status.ON_HOLD)
    assert order_life.reached(status.SHIPPED) == {status.SHIPPED, status.DELIVERED}


@TWINS
def test_several_holds_at_once_end_one_by_one(make) -> None:
    shop = shop_of(make)
    held = shop.ok(hold("a"))
    assert (held.status, allocations(held), shop.available("red")) == ("on_hold", [[]], 6)
    shop.ok(hold("b", keeps=True))
    shop.ok(shop.order("2", ("red", 4)))
    assert shop.ok(c.ReleaseHold("web", "1", "a")).status == "on_hold"
    shop.no(c.Ship("web", "1", "s"), Code.ORDER_STATUS)
    free = shop.ok(c.ReleaseHold("web", "1", "b"))
    assert (free.status, free.lines[0].backordered) == ("partially_allocated", 3)
    assert sum(units for _, units in allocations(free)[0]) == 2
    assert free.holds == []


@TWINS
def test_a_hold_that_keeps_stock_changes_no_line(make) -> None:
    shop = shop_of(make)
    before = shop.ledger.order("web", "1").lines
    assert shop.ok(hold("a", keeps=True)).lines == before
    assert shop.available("red") == 1
    free = shop.ok(c.ReleaseHold("web", "1", "a"))
    assert (free.lines, free.status) == (before, "allocated")


@TWINS
def test_bounds_of_holds_refuse(make) -> None:
    shop = shop_of(make)
    for number in range(limits.HOLDS_MAX):
        shop.ok(hold(f"h{number}", keeps=True))
    shop.no(hold("one more"), Code.TABLE_FULL)
    shop.no(c.ReleaseHold("web", "1", "none"), Code.UNKNOWN_HOLD)


@TWINS
def test_every_hold_can_end_when_notes_run_out(make) -> None:
    shop = shop_of(make)
    rounds = limits.ORDER_NOTES_MAX // 2 - 1  # the last might still escalate
    for number in range(rounds):
        shop.ok(hold(f"h{number}", keeps=True))
        shop.ok(c.ReleaseHold("web", "1", f"h{number}"))
    shop.no(hold("one more", keeps=True), Code.TABLE_FULL)
    assert shop.ledger.order("web", "1").status == "allocated"


@TWINS
def test_a_life_goes_with_its_order(make) -> None:
    shop = shop_of(make)
    shop.ok(hold("a"))
    shop.ok(c.Cancel("web", "1"))
    shop.wait(1)
    with_life = len(shop.ledger.dump())
    shop.wait(limits.CLOSED_ORDER_RETENTION_US)
    shop.receive("north", blue=1)
    shop.wait(1)
    data = shop.ledger.dump()
    assert shop.ledger.order("web", "1") is None and len(data) < with_life
    assert make.load(data).dump() == data


def changed(shop: Shop, event: OrderChanged) -> None:
    """Apply an event as the next frame."""
    shop.wait(1)
    shop.ledger.drain()
    shop.now_us += 1
    shop.ledger.apply(shop.now_us, shop.ledger.seq + 1, records.encode(event))
    shop.now_us += 1
    shop.ledger.begin(shop.now_us)


def order_seq(shop: Shop) -> int:
    return shop.ledger.order("web", "1").seq


def stands(*takes: tuple[int, int], quantity: int = 5, waits: int = 0, **gone) -> Standing:
    return Standing(Line(0, quantity, tuple(Take(*take) for take in takes), waits), **gone)


@TWINS
def test_a_delivered_order_stays_closed_and_is_kept_from_then_on(make) -> None:
    shop = shop_of(make)
    seq = order_seq(shop)
    shop.ok(c.Ship("web", "1", "s"))
    shop.wait(limits.CLOSED_ORDER_RETENTION_US - 10)
    changed(shop, OrderChanged(Cause(), seq, OrderStatus.DELIVERED))
    shop.wait(1_000)
    assert shop.ledger.order("web", "1").status == "delivered"
    shop.no(c.Cancel("web", "1"), Code.ORDER_CLOSED)


MISFITS = {
    "oversold": ([stands((0, 4), (1, 2), quantity=6)], "oversold"),
    "units of nobody": ([stands((0, 3), waits=5)], "nobody wants"),
    "none for what is served": ([stands(waits=4)], "nobody wants"),
    "more than asked": ([stands(waits=3, cancelled=3)], "more is done"),
    "no line": ([], "no lines"),
    "no position": ([stands((9, 5))], "position does not exist"),
}


@TWINS
@pytest.mark.parametrize("name", MISFITS)
def test_lines_that_do_not_fit_are_refused(make, name: str) -> None:
    shop = shop_of(make)
    rows, words = MISFITS[name]
    event = OrderChanged(Cause(), order_seq(shop), OrderStatus.ALLOCATED, tuple(rows))
    with pytest.raises(LedgerError, match=words):
        changed(shop, event)


@TWINS
@pytest.mark.parametrize(
    "event",
    [
        {"status": OrderStatus.ON_HOLD},
        {"status": OrderStatus.ALLOCATED, "note": b'{"what":"unheard"}'},
        {"status": OrderStatus.ON_HOLD, "note": b'{"what": "held"}'},
        {"status": OrderStatus.CANCELLED},
        {"status": OrderStatus.ALLOCATED, "order": 99},
    ],
)
def test_notes_and_statuses_that_do_not_fit_are_refused(make, event: dict) -> None:
    shop = shop_of(make)
    fields = {"cause": Cause(), "order": order_seq(shop), **event}
    with pytest.raises(LedgerError):
        changed(shop, OrderChanged(**fields))


@TWINS
def test_a_restated_line_is_cancelled_and_shipped_in_its_own_proportion(make) -> None:
    shop = shop_of(make)
    rows = (stands((0, 2), quantity=6, waits=3, cancelled=1), stands((1, 1), quantity=1))
    changed(
        shop,
        OrderChanged(Cause(1), order_seq(shop), OrderStatus.PICKING, rows, b'{"note":"changed"}'),
    )
    assert shop.available("red") == 3
    assert shop.ledger.order("web", "1").note == "changed"
    part = shop.ok(c.Cancel("web", "1", (c.CancelLine("red", 5),)))
    assert (part.status, allocations(part)) == ("picking", [[("north", 1)], []])
    sent = shop.ok(c.Ship("web", "1", "s"))
    assert (sent.status, [line.quantity for line in sent.lines]) == ("shipped", [1])


def test_an_order_does_not_compete_with_itself() -> None:
    shop = shop_of(SlowLedger)
    state = shop.ledger._state
    plan, _ = reallot(state, state.order("web", "1"), [Want("red", 6)])
    assert (plan.granted, sum(t.quantity for t in plan.takes[0]), plan.short) == ([6], 6, [])
    plan, _ = reallot(state, state.order("web", "1"), [Want("red", 6, "south")])
    assert (plan.granted, plan.takes) == ([3], [[Take(1, 3)]])
    assert plan.short[0].available == 3
