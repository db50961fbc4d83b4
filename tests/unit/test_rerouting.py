"""Orders whose locations change after they were placed, in both twins: by the policy that routed
them, with a receipt for each decision, and counted where they are sent from (F30-F36, P2, P7)."""

import pytest

from engine.core import commands as c
from engine.core import fulfillment_commands as f
from engine.core.ledger import Ledger as SlowLedger
from engine.core.order_commands import EditLine, EditOrder, Reallocate, SplitLine, SplitOrder
from engine.core.outcomes import Code
from engine.core.routing.policy import Lane, LocationRule, RateBand, RoutingPolicy, Strategy, Zone
from ext.ledger import Ledger as FastLedger
from tests.unit.shop import SECOND_US, Shop, allocations

HERE = c.Address(country="DE", postcode="10115")
MINUTE_US = 60 * SECOND_US
# Without a policy, north is taken first; by the cheapest rate south, then west, then north.
RATES = {"south": 300, "west": 400, "north": 500, "east": 900}
DAYS = {"south": 3, "west": 3, "north": 1, "east": 2}


def rule(name: str, **more) -> LocationRule:
    return LocationRule(name, origin=name, **more)


def policy(version: int = 1, **rules: LocationRule) -> RoutingPolicy:
    return RoutingPolicy(
        "main",
        version,
        (
            Strategy("thrift", "cheapest"),
            Strategy("quick", "fastest"),
            Strategy("whole", "cheapest", complete=True),
        ),
        zones=(Zone("de", "DE"), Zone("fr", "FR")),
        lanes=(
            *(Lane(at, "de", (RateBand(9_000, RATES[at]),), DAYS[at]) for at in RATES),
            Lane("east", "fr", (RateBand(9_000, 100),), 1),
        ),
        locations=tuple(rules.get(at, rule(at)) for at in RATES),
    )


def shop_of(make, units: int = 5, **rules: LocationRule) -> Shop:
    shop = Shop(make())
    for name in ("west", "east"):
        shop.ok(c.PutLocation(name, name, "warehouse", "DE", priority=3))
    shop.ok(policy(**rules))
    shop.ok(c.PutChannel("web", policy="main"))
    for place in RATES:
        shop.receive(place, red=units)
    return shop


@pytest.fixture(params=(SlowLedger, FastLedger), ids=("slow", "fast"))
def make(request):
    return request.param


def place(shop: Shop, name: str = "1", units: int = 2, **more):
    return shop.ok(shop.order(name, ("red", units), **{"ship_to": HERE} | more))


def release(shop: Shop, name: str = "1", release_id: str = "w", **more) -> list[str]:
    answer = shop.ok(f.ReleaseOrder("web", name, release_id, **more))
    return [one.fulfillment_id for one in answer.fulfillments]


def at(shop: Shop, name: str = "1") -> list[tuple[str, int]]:
    """Where the units of an order's only line are."""
    (found,) = allocations(shop.ledger.order("web", name))
    return found


def decisions(shop: Shop, name: str = "1"):
    return shop.ledger.decisions("web", name).decisions


def counted(shop: Shop) -> dict[str, int]:
    """How many orders each location has to send; the same after a dump and load, in both twins."""
    shop.wait(1)
    data = shop.ledger.dump()
    for other in (SlowLedger, FastLedger):
        assert other.load(data).dump() == data
    state = SlowLedger.load(data)._state
    return {state.location_name(n): used for n, (_, used) in state.loads.items() if used}


def test_what_was_picked_short_comes_from_where_it_is_cheapest(make) -> None:
    shop = shop_of(make)
    assert allocations(place(shop)) == [[("south", 2)]]
    (name,) = release(shop)
    shop.ok(f.PickFulfillment(name))
    shop.ok(f.PickShort(name, "s", (f.ShortLine("red", 1),), "broken"))
    assert at(shop) == [("south", 1), ("west", 1)]
    first, later = decisions(shop)
    assert (first.because, later.because) == (None, "rerouted")
    assert later.excluded == {"south": "picked_short"}
    assert later.chosen.shipments[0].units == {"red": 1}
    assert later.sentence == (
        "Given to others (broken): All from west: the best of 3 candidates by strategy 'thrift' "
        "(policy 'main', version 1), at 4.00; next best was north, 1.00 more. "
        "Left out: 1 picked short."
    )
    assert counted(shop) == {"south": 1, "west": 1}


@pytest.mark.parametrize("reason", ["rejected", "expired", "inactive"])
def test_others_get_by_the_policy_what_a_location_does_not_do(make, reason: str) -> None:
    shop = shop_of(make)
    place(shop)
    (name,) = release(shop, accept_minutes=1)
    if reason == "rejected":
        shop.ok(f.RejectFulfillment(name, "full"))
    elif reason == "expired":
        shop.wait(2 * MINUTE_US)
        shop.ledger.expire()
    else:
        shop.ok(c.PutLocation("south", "south", "warehouse", "DE", priority=2, active=False))
        shop.wait(1)
        shop.ledger.expire()
    assert at(shop) == [("west", 2)]
    assert decisions(shop)[1].excluded == {"south": reason}
    assert counted(shop) == {"west": 1}
    # Nobody is asked again that has failed the order.
    again = shop.ledger.fulfillments(location="west", limit=9)[0][0].fulfillment_id
    shop.ok(f.RejectFulfillment(again, "full too"))
    assert at(shop) == [("north", 2)]
    assert decisions(shop)[2].excluded == {"south": reason, "west": "rejected"}


def test_who_has_no_capacity_left_gets_nothing_new(make) -> None:
    shop = shop_of(make, west=rule("west", capacity=0))
    place(shop)
    shop.ok(f.RejectFulfillment(release(shop)[0], "full"))
    assert at(shop) == [("north", 2)]
    assert decisions(shop)[1].excluded == {"south": "rejected", "west": "capacity"}


def test_a_day_has_room_again_for_what_went_elsewhere_and_only_once(make) -> None:
    shop = shop_of(make, south=rule("south", capacity=1), west=rule("west", capacity=1))
    place(shop)
    assert allocations(place(shop, "2")) == [[("west", 2)]]
    shop.ok(f.RejectFulfillment(release(shop)[0], "full"))
    assert at(shop) == [("north", 2)] and counted(shop) == {"west": 1, "north": 1}
    assert allocations(place(shop, "3")) == [[("south", 2)]]
    shop.ok(c.Cancel("web", "1"))
    assert counted(shop) == {"south": 1, "west": 1}
    shop.ok(c.Cancel("web", "2"))
    shop.ok(c.Cancel("web", "3"))
    assert counted(shop) == {}


def test_where_no_plan_is_allowed_it_stays_and_the_receipt_says_why(make) -> None:
    none = {name: rule(name, zones=("fr",)) for name in ("north", "west", "east")}
    shop = shop_of(make, **none)
    place(shop)
    shop.ok(f.RejectFulfillment(release(shop)[0], "full"))
    assert at(shop) == [("south", 2)]
    later = decisions(shop)[1]
    assert (later.because, later.chosen) == ("fulfillment_step", None)
    assert later.left_out == {"region": 3, "rejected": 1}
    assert counted(shop) == {"south": 1}


def test_an_order_keeps_its_own_strategy(make) -> None:
    shop = shop_of(make)
    assert allocations(place(shop, strategy="quick")) == [[("north", 2)]]
    shop.ok(f.RejectFulfillment(release(shop)[0], "full"))
    assert at(shop) == [("east", 2)]
    assert [one.strategy for one in decisions(shop)] == ["quick", "quick"]


def test_after_a_hold_it_is_routed_again(make) -> None:
    shop = shop_of(make, south=rule("south", capacity=1))
    place(shop)
    shop.ok(c.Hold("web", "1", "h", "review", keeps_stock=False))
    assert counted(shop) == {}
    assert allocations(place(shop, "2")) == [[("south", 2)]]
    shop.ok(c.ReleaseHold("web", "1", "h"))
    assert at(shop) == [("west", 2)]
    assert decisions(shop)[1].because == "hold_ended"
    assert decisions(shop)[1].excluded == {"south": "capacity"}
    assert counted(shop) == {"south": 1, "west": 1}


def test_an_order_that_is_to_leave_complete_waits_whole_after_a_hold(make) -> None:
    shop = shop_of(make, units=1)
    place(shop, units=4, strategy="whole")
    shop.ok(c.Hold("web", "1", "h", "review", keeps_stock=False))
    shop.ok(shop.order("2", ("red", 1), ship_to=HERE))
    shop.ok(c.ReleaseHold("web", "1", "h"))
    assert (at(shop), shop.ledger.order("web", "1").status) == ([], "backordered")
    assert "to leave complete" in decisions(shop)[1].sentence
    shop.receive("east", red=1)
    assert sum(units for _, units in at(shop)) == 4
    assert decisions(shop)[2].because == "filled"


def test_stock_that_comes_is_taken_by_the_policy_of_an_order_that_waits(make) -> None:
    shop = shop_of(make, units=0)
    place(shop, when_short="backorder")
    shop.receive("east", red=1)
    assert at(shop) == [("east", 1)]
    (_, filled) = decisions(shop)
    assert filled.because == "filled" and filled.chosen.shipments[0].location == "east"
    assert counted(shop) == {"east": 1}


def test_an_order_that_no_policy_has_routed_goes_by_its_channels_now(make) -> None:
    shop = shop_of(make)
    shop.ok(c.PutChannel("web"))
    assert allocations(place(shop)) == [[("north", 2)]]
    assert decisions(shop) == []
    shop.ok(c.PutChannel("web", policy="main"))
    shop.ok(f.RejectFulfillment(release(shop)[0], "full"))
    assert at(shop) == [("south", 2)]
    (found,) = decisions(shop)
    assert found.excluded == {"north": "rejected"}
    assert counted(shop) == {"south": 1}
    shop.ok(c.Cancel("web", "1"))
    assert counted(shop) == {}


def test_an_edit_asks_the_policy(make) -> None:
    shop = shop_of(make, units=2)
    place(shop)
    shop.ok(EditOrder("web", "1", "e1", (EditLine("red", 3),)))
    assert at(shop) == [("south", 2), ("west", 1)]
    assert decisions(shop)[1].because == "edited"
    assert counted(shop) == {"south": 1, "west": 1}
    france = c.Address(country="FR", postcode="69001")
    shop.no(EditOrder("web", "1", "e2", ship_to=france), Code.INSUFFICIENT_STOCK)
    shop.receive("east", red=1)
    shop.ok(EditOrder("web", "1", "e2", ship_to=france))
    assert at(shop) == [("east", 3)]
    assert decisions(shop)[2].left_out == {"no_rate": 3}
    assert counted(shop) == {"east": 1}


def test_what_is_split_off_is_routed_as_the_order_was(make) -> None:
    shop = shop_of(make, units=2)
    place(shop, units=3)
    assert at(shop) == [("south", 2), ("west", 1)]
    shop.ok(SplitOrder("web", "1", "p", "2", (SplitLine("red", 1),)))
    assert (at(shop), at(shop, "2")) == ([("south", 2)], [("west", 1)])
    assert counted(shop) == {"south": 1, "west": 1}
    (told,) = decisions(shop, "2")
    assert told.sentence.startswith("Split off from another order")
    shop.ok(f.RejectFulfillment(release(shop, "2")[0], "full"))
    assert at(shop, "2") == [("north", 1)]
    shop.ok(c.Cancel("web", "1"))
    assert counted(shop) == {"north": 1}


def test_orders_that_become_one_are_counted_once(make) -> None:
    shop = shop_of(make)
    place(shop)
    place(shop, "2")
    assert counted(shop) == {"south": 2}
    shop.ok(c.MergeOrders("web", "1", "m", "2"))
    assert counted(shop) == {"south": 1}
    shop.ok(c.Cancel("web", "1"))
    assert counted(shop) == {}


def test_units_that_are_taken_over_are_counted_with_who_has_them(make) -> None:
    shop = shop_of(make, units=0)
    shop.receive("south", red=2)
    place(shop)
    place(shop, "vip", priority=5, when_short="backorder")
    shop.ok(Reallocate("web", "vip", "r"))
    assert (at(shop), at(shop, "vip")) == ([], [("south", 2)])
    assert counted(shop) == {"south": 1}
    assert decisions(shop, "vip")[1].because == "took_over"


def test_a_line_keeps_its_location_when_its_units_are_taken_over(make) -> None:
    shop = shop_of(make, units=0)
    shop.receive("east", red=2)
    lines = (c.OrderLine("red", 2, location="east"),)
    shop.ok(c.PlaceOrder(order_id="1", channel="web", lines=lines, ship_to=HERE))
    place(shop, "vip", priority=5, when_short="backorder")
    shop.ok(Reallocate("web", "vip", "r"))
    assert (at(shop), at(shop, "vip")) == ([], [("east", 2)])
    shop.receive("south", red=2)
    assert at(shop) == []
    shop.receive("east", red=2)
    assert at(shop) == [("east", 2)]


def test_a_line_that_is_bound_to_a_location_is_had_from_nowhere_else(make) -> None:
    shop = shop_of(make)
    lines = (c.OrderLine("red", 2, location="east"),)
    shop.ok(c.PlaceOrder(order_id="1", channel="web", lines=lines, ship_to=HERE))
    (name,) = release(shop)
    shop.ok(f.PickFulfillment(name))
    shop.ok(f.PickShort(name, "s", (f.ShortLine("red", 1),)))
    assert at(shop) == [("east", 1)]
    assert shop.ledger.order("web", "1").lines[0].backordered == 1
    shop.ok(f.CancelFulfillment(name))
    assert at(shop) == [("east", 2)]  # which has others
    shop.ok(f.RejectFulfillment(release(shop, release_id="w2")[0], "full"))
    assert at(shop) == [("east", 2)]


def test_units_that_are_cut_off_free_the_location_that_had_them(make) -> None:
    shop = shop_of(make, units=2)
    place(shop, units=3)
    assert counted(shop) == {"south": 1, "west": 1}
    shop.ok(c.Cancel("web", "1", (c.CancelLine("red", 1),)))
    assert at(shop) == [("south", 2)] and counted(shop) == {"south": 1}
