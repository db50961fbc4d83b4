"""Orders that a policy routes, in both twins: who is taken, why, and what is counted (F30-F36)."""

from datetime import UTC, datetime

import msgspec
import pytest

from engine.core import commands as c
from engine.core import packed
from engine.core.ledger import Ledger as SlowLedger
from engine.core.outcomes import Code
from engine.core.routing.policy import (
    ChannelStrategy,
    Lane,
    LocationRule,
    PutScarcity,
    RateBand,
    RoutingPolicy,
    ScarcityPrice,
    Strategy,
    Zone,
)
from ext.ledger import Ledger as FastLedger
from tests.unit.shop import SECOND_US, START_US, Shop, allocations

HERE = c.Address(country="DE", postcode="10115")
DAY_US = 86_400 * SECOND_US


def lane(origin: str, cents: int, days: int) -> Lane:
    return Lane(origin, "de", (RateBand(10_000, cents),), days)


POLICY = RoutingPolicy(
    "main",
    1,
    (
        Strategy("thrift", "cheapest"),
        Strategy("quick", "fastest"),
        Strategy("whole", "cheapest", complete=True),
        Strategy("single", "cheapest", shipments_max=1),
        Strategy("floor", "cheapest", value_floor=1_000),
        Strategy("even", "balanced", pressure_cost=900, late_cost=400),
    ),
    zones=(Zone("de", "DE"),),
    lanes=(lane("n", 500, 1), lane("s", 300, 3)),
    locations=(LocationRule("north", origin="n"), LocationRule("south", origin="s")),
    channels=(ChannelStrategy("shop", "quick"),),
)


@pytest.fixture(params=(SlowLedger, FastLedger), ids=("slow", "fast"))
def shop(request) -> Shop:
    made = Shop(request.param())
    made.ok(POLICY)
    made.ok(c.PutChannel("web", policy="main"))
    made.receive("north", red=9, blue=9)
    made.receive("south", red=9, rare=9)
    return made


def order(shop: Shop, name: str, *lines, **more) -> c.PlaceOrder:
    return shop.order(name, *lines, **{"ship_to": HERE} | more)


def decision(shop: Shop, name: str, channel: str = "web"):
    (found,) = shop.ledger.decisions(channel, name).decisions
    return found


def change(shop: Shop, **fields) -> None:
    known = shop.ledger.routing_policy("main")
    fields = {name: getattr(known, name) for name in POLICY.__struct_fields__} | fields
    shop.ok(RoutingPolicy(**fields | {"version": known.version + 1}))


def test_the_channel_names_a_policy_and_an_order_may_name_another_strategy(shop: Shop) -> None:
    assert allocations(shop.ok(order(shop, "1", ("red", 2)))) == [[("south", 2)]]
    assert allocations(shop.ok(order(shop, "2", ("red", 2), strategy="quick"))) == [[("north", 2)]]
    assert decision(shop, "2").excluded == {"south": "slower"}
    shop.ok(c.PutChannel("web"))
    assert allocations(shop.ok(order(shop, "3", ("red", 2)))) == [[("north", 2)]]
    assert shop.ledger.decisions("web", "3").decisions == []
    assert allocations(shop.ok(order(shop, "4", ("red", 2), policy="main"))) == [[("south", 2)]]
    assert shop.ledger.decisions("web", "none") is None


def test_the_receipt_has_parts_of_winner_and_runner_up(shop: Shop) -> None:
    change(shop, locations=(LocationRule("north", "n", unit_cost=7), LocationRule("south", "s")))
    shop.ok(order(shop, "1", ("red", 2)))
    found = decision(shop, "1")
    assert (found.policy, found.version, found.strategy) == ("main", 2, "thrift")
    assert found.candidates == 2 and found.bound_mills == found.chosen.cost_mills == 300_000
    assert found.chosen.shipments[0].cost_mills == {"rate": 300_000}
    assert found.runner_up.shipments[0].cost_mills == {"rate": 500_000, "units": 14_000}
    days = found.chosen.shipments[0].arrives - found.chosen.shipments[0].sends
    assert days.days == 3


def test_a_receipt_is_what_deciding_again_on_that_state_gives(shop: Shop) -> None:
    """Replaying the log up to the order and asking again gives the same decision."""
    for n in range(7):
        shop.ok(order(shop, f"before {n}", ("red", 1), ("blue", 1)))
    first = shop.ledger.drain()
    shop.ledger.begin(shop.now_us + SECOND_US)
    placed = order(shop, "1", ("red", 2), ("rare", 1), strategy="even")
    shop.ok(placed)
    again = type(shop.ledger)()
    again.apply(first.stamp_us, first.first_seq, first.records)
    preview = again.preview(placed, shop.now_us + SECOND_US)
    made = decision(shop, "1")
    assert preview.decision == msgspec.structs.replace(made, seq=0)
    assert preview.lines == shop.ledger.order("web", "1").lines


def test_a_preview_takes_nothing(shop: Shop) -> None:
    before = shop.ledger.dump()
    shown = shop.ledger.preview(order(shop, "p", ("red", 2)), START_US)
    assert shown.lines[0].allocations[0].location == "south"
    assert shown.decision.sentence.startswith("All from south: the best of 2 candidates")
    far = shop.ledger.preview(order(shop, "p", ("red", 2), ship_to=None), START_US)
    assert far.code is Code.INSUFFICIENT_STOCK
    waits = shop.ledger.preview(order(shop, "p", ("rope", 2), policy="main"), START_US)
    assert (waits.status, waits.lines[0].allocations[0].quantity) == ("allocated", 2)
    assert shop.ledger.dump() == before


def test_splits_where_nobody_has_it_all(shop: Shop) -> None:
    lines = (("blue", 1), ("rare", 1))
    assert allocations(shop.ok(order(shop, "1", *lines))) == [[("north", 1)], [("south", 1)]]
    assert decision(shop, "1").sentence.startswith("Split over 2 locations, 1 units from north")
    shop.no(order(shop, "2", *lines, strategy="single"), Code.NOT_ROUTABLE)
    shop.no(order(shop, "2", *lines, strategy="floor"), Code.NOT_ROUTABLE)
    waits = shop.ok(order(shop, "3", *lines, strategy="single", when_short="backorder"))
    assert (waits.status, [line.backordered for line in waits.lines]) == ("backordered", [1, 1])
    assert "not to be split" in decision(shop, "3").sentence
    dear = tuple(c.OrderLine(sku, 1, unit_price=500) for sku, _ in lines)
    dear = msgspec.structs.replace(order(shop, "4", strategy="floor"), lines=dear)
    assert allocations(shop.ok(dear)) == [[("north", 1)], [("south", 1)]]


def test_as_available_or_complete(shop: Shop) -> None:
    some = shop.ok(order(shop, "1", ("blue", 12), when_short="backorder"))
    assert (some.status, some.lines[0].backordered) == ("partially_allocated", 3)
    shop.ok(c.Cancel("web", "1"))
    none = shop.ok(order(shop, "2", ("blue", 12), when_short="backorder", strategy="whole"))
    assert (none.status, none.lines[0].backordered) == ("backordered", 12)
    assert "to leave complete" in decision(shop, "2").sentence
    shop.no(
        order(shop, "3", ("blue", 12), when_short="split", strategy="whole"),
        Code.INSUFFICIENT_STOCK,
    )
    assert shop.available("blue") == 9


def test_capacity_is_taken_with_the_order_and_comes_back_when_it_is_cancelled(shop: Shop) -> None:
    change(shop, locations=(LocationRule("north", "n"), LocationRule("south", "s", capacity=2)))
    taken = [shop.ok(order(shop, str(n), ("red", 1))).lines[0].allocations[0] for n in range(3)]
    assert [take.location for take in taken] == ["south", "south", "north"]
    assert decision(shop, "2").excluded == {"south": "capacity"}
    shop.ok(c.Cancel("web", "0", (c.CancelLine("red", 1),)))
    assert allocations(shop.ok(order(shop, "3", ("red", 1)))) == [[("south", 1)]]
    shop.ledger.drain()
    again = type(shop.ledger).load(shop.ledger.dump())
    assert again.dump() == shop.ledger.dump()
    again.begin(shop.now_us + SECOND_US)
    full = again.preview(order(shop, "4", ("red", 1)), shop.now_us + SECOND_US)
    assert full.decision.excluded == {"south": "capacity"}
    tomorrow = again.preview(order(shop, "4", ("red", 1)), shop.now_us + DAY_US)
    assert tomorrow.decision.excluded == {}


def test_classes_of_goods_and_bundles(shop: Shop) -> None:
    shop.ok(c.PutSku("red", "red", handling="cold", weight_g=700))
    change(
        shop,
        locations=(LocationRule("north", "n", handling=("cold",)), LocationRule("south", "s")),
    )
    assert allocations(shop.ok(order(shop, "1", ("red", 2)))) == [[("north", 2)]]
    assert decision(shop, "1").excluded == {"south": "handling"}
    parts = (c.Component("red", 2), c.Component("rare", 1))
    shop.ok(c.PutSku("set", "set", components=parts))
    shop.ok(order(shop, "2", ("set", 3)))
    found = decision(shop, "2")
    assert [s.units for s in found.chosen.shipments] == [{"red": 6}, {"rare": 3}]
    assert [s.grams for s in found.chosen.shipments] == [4_200, 0]


def test_lateness_and_pressure_are_weighed(shop: Shop) -> None:
    due = datetime.fromtimestamp(START_US // SECOND_US + 86_400, UTC)
    more = {"strategy": "even", "required_by": due}
    assert allocations(shop.ok(order(shop, "1", ("red", 1), **more))) == [[("north", 1)]]
    assert decision(shop, "1").runner_up.shipments[0].cost_mills["lateness"] == 800_000
    change(shop, locations=(LocationRule("north", "n"), LocationRule("south", "s", capacity=3)))
    taken = [
        shop.ok(order(shop, f"p{n}", ("red", 1), strategy="even")).lines[0].allocations[0].location
        for n in range(3)
    ]
    assert taken == ["south", "north", "north"]


def test_scarce_units_are_left_to_those_who_need_them(shop: Shop) -> None:
    price = ScarcityPrice("south", 250_000)
    shop.ok(PutScarcity("red", (price,)))
    lines = (("red", 1), ("rare", 1))
    assert allocations(shop.ok(order(shop, "1", ("red", 1)))) == [[("south", 1)]]
    assert allocations(shop.ok(order(shop, "2", ("red", 1), strategy="even"))) == [[("north", 1)]]
    parts = decision(shop, "2").runner_up.shipments[0].cost_mills
    assert parts == {"rate": 300_000, "scarcity": 250_000}
    assert allocations(shop.ok(order(shop, "3", *lines, strategy="even"))) == [
        [("south", 1)],
        [("south", 1)],
    ]
    assert decision(shop, "3").chosen.shipments[0].cost_mills["scarcity"] == 250_000
    shop.ledger.drain()
    again = type(shop.ledger).load(shop.ledger.dump())
    shown = again.preview(order(shop, "4", ("red", 1), strategy="even"), START_US)
    assert shown.lines[0].allocations[0].location == "north"
    assert again.scarcity("red").prices == (price,) and again.scarcity("blue") is None
    shop.ledger.begin(shop.now_us + 1)
    assert shop.ask(PutScarcity("red", (price,))).replayed
    shop.no(PutScarcity("none"), Code.UNKNOWN_SKU)
    shop.no(PutScarcity("red", (ScarcityPrice("none", 1),)), Code.UNKNOWN_LOCATION)
    shop.no(PutScarcity("blue", (price,)), Code.INVALID_POLICY)
    shop.no(PutScarcity("red", (price, price)), Code.INVALID_POLICY)


def test_policies_that_cannot_be_are_refused(shop: Shop) -> None:
    replace = msgspec.structs.replace
    assert shop.ask(POLICY).replayed
    shop.no(replace(POLICY, note="other"), Code.INVALID_POLICY)
    twice = replace(POLICY, version=2, strategies=POLICY.strategies[:1] * 2)
    refused = shop.no(twice, Code.INVALID_POLICY)
    assert refused.faults[0].path == "strategies"
    nowhere = replace(POLICY, version=2, locations=(LocationRule("nowhere"),))
    assert shop.no(nowhere, Code.UNKNOWN_LOCATION).faults[0].path == "locations[0].location"
    shop.no(c.PutChannel("new", policy="none"), Code.UNKNOWN_POLICY)
    shop.no(order(shop, "1", ("red", 1), policy="none"), Code.UNKNOWN_POLICY)
    shop.no(order(shop, "1", ("red", 1), strategy="none"), Code.UNKNOWN_STRATEGY)
    shop.ok(c.PutChannel("web"))
    shop.no(order(shop, "1", ("red", 1), strategy="thrift"), Code.UNKNOWN_STRATEGY)


def test_packed_orders_and_keys_are_routed_alike(shop: Shop) -> None:
    requests = [
        c.Request(order(shop, "1", ("red", 1)), "a", "key"),
        c.Request(order(shop, "2", ("red", 1), policy="main", strategy="quick"), "a"),
        c.Request(order(shop, "1", ("red", 1)), "a", "key"),
    ]
    data = b"".join(packed.pack(request, n) for n, request in enumerate(requests))
    assert [packed.unpack(one).request for one in packed.split(data)] == requests
    answers, _ = shop.ledger.decide_packed(data)
    found = [packed.unpack_answer(one) for one in packed.split(answers)]
    assert [answer.code for answer in found] == [0, 0, 0] and found[2].replayed
    assert [decision(shop, name).strategy for name in ("1", "2")] == ["thrift", "quick"]
    assert shop.available("red") == 16


def test_a_location_that_has_units_for_others_only_is_named(shop: Shop) -> None:
    shop.ok(c.PutChannel("shop"))
    shop.ok(c.PutFence("shop", "red", 9, "south"))
    assert allocations(shop.ok(order(shop, "1", ("red", 2)))) == [[("north", 2)]]
    assert decision(shop, "1").excluded == {"south": "fenced"}
