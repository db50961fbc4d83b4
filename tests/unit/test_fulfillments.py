"""Fulfillments in both twins: released, accepted or not, picked, packed, gone."""

from pathlib import Path

import pytest

from engine.core import commands as c
from engine.core import fulfillment_commands as f
from engine.core import fulfillment_life, limits
from engine.core.ledger import Ledger as SlowLedger
from engine.core.order_commands import EditLine
from engine.core.outcomes import Accepted, Code
from ext.ledger import Ledger as FastLedger
from tests.unit.shop import SECOND_US, Shop, allocations

GUIDE = Path(__file__).parents[2] / "docs" / "fulfillment.md"
TWINS = pytest.mark.parametrize("make", (SlowLedger, FastLedger))
MINUTE_US = 60 * SECOND_US


def shop_of(make) -> Shop:
    """Order 1 holds 3 red from north and 2 from south; 1 is left there."""
    shop = Shop(make())
    shop.receive("north", red=3)
    shop.receive("south", red=3)
    shop.ok(shop.order("1", ("red", 5)))
    return shop


def release(shop: Shop, name: str = "w1", **more) -> list[str]:
    """Release order 1; return the ids of its fulfillments."""
    answer = shop.ok(f.ReleaseOrder("web", "1", name, **more))
    return [one.fulfillment_id for one in answer.fulfillments]


def status(shop: Shop) -> str:
    return shop.ledger.order("web", "1").status


def picked(shop: Shop, name: str) -> None:
    shop.ok(f.PickFulfillment(name))
    shop.ok(f.PackFulfillment(name))


def listed(shop: Shop, **more) -> list[tuple[str, str]]:
    rows, _ = shop.ledger.fulfillments(limit=10, **more)
    return [(row.location, row.status) for row in rows]


def same_after_replay(shop: Shop) -> None:
    """A dump loads to the same state, and lists the same work."""
    shop.wait(1)
    data = shop.ledger.dump()
    for make in (SlowLedger, FastLedger):
        other = make.load(data)
        assert other.dump() == data
        assert other.fulfillments(limit=10) == shop.ledger.fulfillments(limit=10)
        assert other.next_expiry_us() == shop.ledger.next_expiry_us()


@TWINS
def test_an_order_is_released_to_each_location_that_has_units(make) -> None:
    shop = shop_of(make)
    answer = shop.ok(f.ReleaseOrder("web", "1", "w1"))
    assert answer.status == status(shop) == "released"
    found = [(one.location, one.lines[0].quantity) for one in answer.fulfillments]
    assert found == [("north", 3), ("south", 2)]
    assert listed(shop) == [("north", "requested"), ("south", "requested")]
    assert listed(shop, location="south") == [("south", "requested")]
    assert listed(shop, location="none") == []
    again = shop.ask(f.ReleaseOrder("web", "1", "w1"))
    assert isinstance(again, Accepted) and again.replayed
    shop.no(f.ReleaseOrder("web", "1", "w1", pickup=True), Code.IDEMPOTENCY_CONFLICT)
    shop.no(f.ReleaseOrder("web", "1", "w2"), Code.QUANTITY_NOT_HELD)
    shop.no(c.Ship("web", "1", "s"), Code.ORDER_STATUS)
    shop.no(c.EditOrder("web", "1", "e", (EditLine("red", 1),)), Code.ORDER_STATUS)
    same_after_replay(shop)


@TWINS
def test_each_location_goes_its_way_until_all_is_delivered(make) -> None:
    shop = shop_of(make)
    north, south = release(shop)
    assert shop.ok(f.AcceptFulfillment(north)).status == "accepted"
    assert status(shop) == "released"
    shop.ok(f.PickFulfillment(north))
    assert status(shop) == "picking"
    box = f.Package("b1", 900, lines=(f.PackageLine("red", 3),))
    assert shop.ok(f.PackFulfillment(north, (box,))).packages == (box,)
    assert status(shop) == "picking"
    picked(shop, south)
    assert status(shop) == "packed"
    sent = shop.ok(f.ShipFulfillment(north, "p1", carrier="dhl", tracking_number="42"))
    assert (sent.status, sent.lines[0].quantity) == ("packed", 3)
    assert shop.ask(f.ShipFulfillment(north, "p1", carrier="dhl", tracking_number="42")).replayed
    shop.no(f.ShipFulfillment(north, "p1"), Code.IDEMPOTENCY_CONFLICT)
    shop.no(f.ShipFulfillment(north, "p2"), Code.FULFILLMENT_STATUS)
    assert shop.ok(f.ShipFulfillment(south, "p3")).status == "shipped"
    assert shop.ledger.stock("red").on_hand == 1
    assert shop.ok(f.DeliverFulfillment(south)).order_status == "shipped"
    done = shop.ok(f.DeliverFulfillment(north))
    assert (done.order_status, done.shipments[0].tracking_number) == ("delivered", "42")
    assert listed(shop) == []
    same_after_replay(shop)


@TWINS
def test_a_fulfillment_leaves_in_parts(make) -> None:
    shop = shop_of(make)
    (north,) = release(shop, location="north")
    picked(shop, north)
    part = (f.FulfillmentLine("red", 1),)
    assert shop.ok(f.ShipFulfillment(north, "p1", part)).status == "packed"
    shop.no(f.ShipFulfillment(north, "p2", (f.FulfillmentLine("red", 3),)), Code.QUANTITY_NOT_HELD)
    assert shop.ledger.fulfillment(north).lines[0].quantity == 2
    rest = shop.ok(f.ShipFulfillment(north, "p2"))
    assert (rest.status, shop.ledger.fulfillment(north).status) == ("partially_shipped", "shipped")
    (south,) = release(shop, "w2")
    picked(shop, south)
    assert shop.ok(f.ShipFulfillment(south, "p3")).status == "shipped"


@TWINS
def test_what_the_customer_fetches_leaves_without_a_carrier(make) -> None:
    shop = shop_of(make)
    north, south = release(shop, pickup=True)
    picked(shop, north)
    shop.no(f.ShipFulfillment(north, "p1"), Code.FULFILLMENT_STATUS)
    assert shop.ok(f.ReadyFulfillment(north)).status == "ready_for_pickup"
    shop.ok(f.HandOver(north, "till-7"))
    assert shop.ledger.fulfillment(north).status == "picked_up"
    assert shop.ledger.stock("red").on_hand == 3
    shop.ok(f.CancelFulfillment(south, "changed mind"))
    (again,) = release(shop, "w2")
    picked(shop, again)
    shop.no(f.ReadyFulfillment(again), Code.FULFILLMENT_STATUS)


@TWINS
def test_what_was_fetched_in_part_is_not_cancelled(make) -> None:
    shop = shop_of(make)
    north, south = release(shop, pickup=True)
    one = (f.FulfillmentLine("red", 1),)
    for name in (north, south):
        picked(shop, name)
        shop.ok(f.ReadyFulfillment(name))
        shop.ok(f.HandOver(name, f"till-{name}", one))
    assert shop.ok(f.CancelFulfillment(south, "never came")).status == "picked_up"
    assert shop.ok(c.Cancel("web", "1")).status == "delivered"
    assert shop.ledger.fulfillment(north).status == "picked_up"
    same_after_replay(shop)


@TWINS
def test_who_does_not_accept_in_time_loses_it(make) -> None:
    shop = shop_of(make)
    north, south = release(shop, accept_minutes=10)
    shop.ok(f.AcceptFulfillment(north))
    due_us = shop.now_us + 10 * MINUTE_US
    assert shop.ledger.next_expiry_us() == due_us
    same_after_replay(shop)
    shop.wait(due_us - shop.now_us - 1)
    assert shop.ledger.expire() == 0
    shop.wait(1)
    assert shop.ledger.expire() == 1
    lost = shop.ledger.fulfillment(south)
    assert (lost.status, lost.reason) == ("expired", "not accepted in time")
    assert shop.ledger.fulfillment(north).status == "accepted"
    assert shop.ledger.next_expiry_us() == 0
    shop.no(f.AcceptFulfillment(south), Code.FULFILLMENT_STATUS)
    assert shop.ledger.drain().count == 1


@TWINS
def test_many_deadlines_at_once_come_in_bounded_steps(make) -> None:
    shop = Shop(make())
    count = limits.TIMERS_PER_TICK_MAX + 5
    shop.receive("north", red=count)
    for number in range(count):
        shop.ok(shop.order(str(number), ("red", 1)))
        shop.ok(f.ReleaseOrder("web", str(number), "w", accept_minutes=1))
    shop.wait(2 * MINUTE_US)
    assert shop.ledger.expire() == limits.TIMERS_PER_TICK_MAX
    assert shop.ledger.next_expiry_us() < shop.now_us
    assert [shop.ledger.expire(), shop.ledger.expire()] == [5, 0]


@TWINS
def test_what_one_location_rejects_others_get_in_the_same_step(make) -> None:
    shop = shop_of(make)
    north, _ = release(shop, accept_minutes=10)
    shop.wait(MINUTE_US)
    gone = shop.ok(f.RejectFulfillment(north, "closed today"))
    assert (gone.status, gone.reason, gone.lines) == ("rejected", "closed today", [])
    assert shop.ask(f.RejectFulfillment(north, "closed today")).replayed
    rows, _ = shop.ledger.fulfillments(limit=9)
    assert [(row.location, row.lines[0].quantity) for row in rows] == [("south", 2), ("south", 1)]
    assert (rows[1].accept_by - rows[0].accept_by).total_seconds() == 60
    order = shop.ledger.order("web", "1")
    assert allocations(order) == [[("north", 2), ("south", 3)]]  # what nobody else has stays
    assert shop.available("red") == 1
    for row in rows:
        shop.ok(f.CancelFulfillment(row.fulfillment_id))
    assert status(shop) == "allocated"
    assert release(shop, "w2")[0].endswith("-4")
    same_after_replay(shop)


@TWINS
def test_picked_short_others_get_it_in_the_same_step(make) -> None:
    shop = shop_of(make)
    shop.receive("south", red=9)
    north, _ = release(shop)
    shop.ok(f.PickFulfillment(north))
    command = f.PickShort(north, "x1", (f.ShortLine("red", 2),))
    rest = shop.ok(command)
    assert (rest.status, rest.lines[0].quantity) == ("picking", 1)
    assert shop.ask(command).replayed
    shop.no(f.PickShort(north, "x1", (f.ShortLine("red", 1),)), Code.IDEMPOTENCY_CONFLICT)
    shop.no(f.PickShort(north, "x2", (f.ShortLine("red", 2),)), Code.QUANTITY_NOT_HELD)
    assert allocations(shop.ledger.order("web", "1")) == [[("north", 1), ("south", 4)]]
    assert listed(shop) == [("north", "picking"), ("south", "requested"), ("south", "requested")]
    stock = shop.ledger.stock("red").locations[0]
    assert (stock.on_hand, stock.allocated, stock.available) == (1, 1, 0)
    same_after_replay(shop)


@TWINS
def test_picked_short_with_none_left_the_order_waits(make) -> None:
    shop = shop_of(make)
    shop.ok(c.Adjust("a", "south", (c.AdjustLine("red", -1, "lost"),)))
    north, south = release(shop)
    shop.ok(f.PickFulfillment(north))
    rest = shop.ok(f.PickShort(north, "x1", (f.ShortLine("red", 3),), "not found"))
    assert (rest.status, rest.reason, rest.order_status) == ("cancelled", "not found", "released")
    assert shop.ledger.order("web", "1").lines[0].backordered == 3
    picked(shop, south)
    assert shop.ok(f.ShipFulfillment(south, "p")).status == "partially_shipped"
    shop.receive("north", red=3)
    same_after_replay(shop)


@TWINS
def test_a_part_that_is_short_takes_its_bundle_with_it(make) -> None:
    shop = Shop(make())
    shop.ok(c.PutSku("set", "set", components=(c.Component("red", 2), c.Component("blue", 1))))
    shop.receive("north", red=4, blue=2)
    shop.receive("south", red=1, blue=2)
    shop.ok(shop.order("1", ("set", 2)))
    (north,) = release(shop)
    shop.ok(f.PickFulfillment(north))
    rest = shop.ok(f.PickShort(north, "x1", (f.ShortLine("red", 1),)))
    assert [(one.sku, one.quantity) for one in rest.lines] == [("red", 2), ("blue", 1)]
    assert shop.ledger.order("web", "1").lines[0].backordered == 1
    assert [shop.available(sku) for sku in ("red", "blue")] == [2, 3]
    shop.ok(f.PackFulfillment(north))
    assert shop.ok(f.ShipFulfillment(north, "p")).status == "partially_shipped"


@TWINS
def test_a_location_that_failed_an_order_is_not_asked_again(make) -> None:
    shop = shop_of(make)
    shop.receive("south", red=9)
    shop.receive("north", red=9)
    north, south = release(shop)
    shop.ok(f.RejectFulfillment(north, "no"))
    assert [place for place, _ in listed(shop)] == ["south", "south"]
    shop.ok(f.RejectFulfillment(south, "no"))
    assert allocations(shop.ledger.order("web", "1")) == [[("south", 5)]]


@TWINS
def test_what_a_customer_was_to_fetch_is_not_moved(make) -> None:
    shop = shop_of(make)
    north, _ = release(shop, pickup=True)
    shop.ok(f.RejectFulfillment(north, "no"))
    assert allocations(shop.ledger.order("web", "1")) == [[("north", 3), ("south", 2)]]


@TWINS
def test_cancelling_tells_the_locations_the_newest_first(make) -> None:
    shop = shop_of(make)
    north, south = release(shop)
    shop.ok(f.PickFulfillment(north))
    part = shop.ok(c.Cancel("web", "1", (c.CancelLine("red", 3),)))
    assert part.status == "picking"
    assert shop.ledger.fulfillment(south).status == "cancelled"
    assert shop.ledger.fulfillment(north).lines[0].quantity == 2
    assert shop.ok(c.Cancel("web", "1")).status == "cancelled"
    assert shop.ledger.fulfillment(north).status == "cancelled"
    assert (shop.available("red"), listed(shop)) == (6, [])
    same_after_replay(shop)


@TWINS
def test_cancelling_what_was_released_leaves_the_rest_to_be_released(make) -> None:
    shop = shop_of(make)
    (south,) = release(shop, location="south")
    assert shop.ok(c.Cancel("web", "1", (c.CancelLine("red", 2),))).status == "allocated"
    assert shop.ledger.fulfillment(south).status == "cancelled"


@TWINS
def test_a_hold_calls_the_locations_back(make) -> None:
    shop = shop_of(make)
    north, _ = release(shop)
    held = shop.ok(c.Hold("web", "1", "h", "payment"))
    assert (held.status, held.fulfillments[0].status) == ("on_hold", "cancelled")
    shop.no(f.PickFulfillment(north), Code.FULFILLMENT_STATUS)
    shop.no(f.ReleaseOrder("web", "1", "w2"), Code.ORDER_STATUS)
    assert shop.ok(c.ReleaseHold("web", "1", "h")).status == "allocated"
    north, _ = release(shop, "w2")
    shop.ok(f.PickFulfillment(north))
    shop.no(c.Hold("web", "1", "h2", "payment"), Code.ORDER_STATUS)


@TWINS
def test_packages_hold_what_there_is(make) -> None:
    shop = shop_of(make)
    north, _ = release(shop)
    shop.ok(f.PickFulfillment(north))
    red = f.PackageLine("red", 2)
    twice = (f.Package("a", lines=(red,)), f.Package("a"))
    shop.no(f.PackFulfillment(north, twice), Code.DUPLICATE_LINE)
    much = (f.Package("a", lines=(red,)), f.Package("b", lines=(red,)))
    wrong = shop.no(f.PackFulfillment(north, much), Code.QUANTITY_NOT_HELD)
    assert wrong.faults[0].path == "packages[1].lines[0].quantity"


@TWINS
@pytest.mark.parametrize(
    "name", ["", "x", "1", "1-1", "99-1", "0-1", "7-0", "01-1", "9" * 20 + "-1"]
)
def test_there_is_no_fulfillment_of_another_name(make, name: str) -> None:
    shop = shop_of(make)
    release(shop)
    assert shop.ledger.fulfillment(name) is None
    shop.no(f.AcceptFulfillment(name), Code.UNKNOWN_FULFILLMENT)


@TWINS
def test_what_is_begun_can_be_ended_when_notes_run_out(make) -> None:
    shop = shop_of(make)
    rounds = 0
    while True:
        outcome = shop.ask(f.ReleaseOrder("web", "1", f"w{rounds}", location="north"))
        if not isinstance(outcome, Accepted):
            break
        rounds += 1
        shop.ok(f.CancelFulfillment(outcome.answer.fulfillments[0].fulfillment_id))
    assert outcome.code is Code.TABLE_FULL and rounds > 400


def test_pages_go_on_where_they_ended() -> None:
    shop = Shop(FastLedger())
    shop.receive("north", red=9)
    for number in range(9):
        shop.ok(shop.order(str(number), ("red", 1)))
        shop.ok(f.ReleaseOrder("web", str(number), "w"))
    after, seen = -1, []
    while after is not None:
        rows, after = shop.ledger.fulfillments(limit=2, after=-1 if after is None else after)
        seen += [row.order_id for row in rows]
    assert seen == [str(number) for number in range(9)]


def test_the_diagram_in_the_guide_is_the_table() -> None:
    assert f"```mermaid\n{fulfillment_life.diagram()}\n```" in GUIDE.read_text()


def test_the_table_has_no_way_back() -> None:
    for status_now in fulfillment_life.NEXT:
        closed = status_now not in fulfillment_life.OPEN
        assert not closed or not fulfillment_life.check(status_now, status_now)
