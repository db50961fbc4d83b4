"""A policy's filters, costs and strategies, and the receipt and the sentence that say why."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from engine.core.commands import Address, PutLocation
from engine.core.routing import plan as planner
from engine.core.routing import slip
from engine.core.routing.costs import DAY_US, Ask, Demand, Site, case_of, kilometres, send_day
from engine.core.routing.policy import LocationRule, Policy, RoutingPolicy
from engine.core.routing.receipt import receipt_of

BERLIN = Address(country="DE", postcode="10115", latitude=52.53, longitude=13.38)
PARIS = Address(country="FR", postcode="75001", latitude=48.86, longitude=2.34)
NOON_US = int(datetime(2026, 11, 25, 12, tzinfo=UTC).timestamp()) * 1_000_000  # a Wednesday

POLICY = {
    "policy": "main",
    "version": 7,
    "zones": [
        {"zone": "berlin", "country": "DE", "postcodes": ["10", "12"]},
        {"zone": "germany", "country": "DE"},
    ],
    "lanes": [
        {
            "origin": "north",
            "zone": "berlin",
            "bands": [{"up_to_g": 1000, "base": 400}, {"up_to_g": 5000, "base": 600}],
            "transit_days": 1,
        },
        {
            "origin": "south",
            "zone": "berlin",
            "bands": [{"up_to_g": 5000, "base": 450, "per_kg": 20}],
            "transit_days": 2,
        },
        {"origin": "south", "zone": "germany", "bands": [{"up_to_g": 5000, "base": 900}]},
    ],
    "locations": [
        {"location": "hamburg", "origin": "north", "handling_cost": 50},
        {"location": "munich", "origin": "south", "unit_cost": 5},
    ],
    "strategies": [
        {"strategy": "thrift", "kind": "cheapest"},
        {"strategy": "one", "kind": "fewest"},
        {"strategy": "near", "kind": "nearest"},
        {"strategy": "quick", "kind": "fastest"},
        {"strategy": "all", "kind": "balanced", "split_cost": 100, "late_cost": 300},
    ],
    "channels": [{"channel": "shop", "strategy": "one"}],
}


def _policy(**changes) -> Policy:
    return Policy(msgspec.convert(POLICY | changes, RoutingPolicy))


class Names:
    """Names for the numbers of sites and demands."""

    def __init__(self, policy: Policy, ask: Ask, sites: list[Site]) -> None:
        self.policy, self.ask, self.sites = policy, ask, sites

    def policy_name(self, number: int) -> str:
        assert number == 0
        return self.policy.put.policy

    def location_name(self, number: int) -> str:
        return self.sites[number].put.location

    def sku_name(self, number: int) -> str:
        return self.ask.demands[number].sku


def decide(policy: Policy, ask: Ask, sites: list[Site]):
    """Return the plan of an ask and its receipt, which has been through its bytes."""
    case = case_of(policy, ask, sites)
    found = planner.plan(case.instance)
    made = slip.slip_of(policy, 0, case, found, [*range(len(ask.demands))], [*range(len(sites))])
    data = slip.pack(made)
    assert slip.unpack(data) == made and slip.fits(made, 1, len(sites), len(ask.demands))
    return found, receipt_of(slip.unpack(data), Names(policy, ask, sites))


def _site(name: str, *stock: int, used_today: int = 0, **put) -> Site:
    known = {"hamburg": (53.55, 9.99), "munich": (48.14, 11.58)}.get(name)
    point = dict(zip(("latitude", "longitude"), known, strict=True)) if known else {}
    return Site(
        PutLocation(name, name, "warehouse", "DE", **point, **put),
        list(stock),
        used_today=used_today,
    )


def _ask(*quantities: int, **changes) -> Ask:
    demands = [Demand(f"S{n}", q, 600) for n, q in enumerate(quantities)]
    return Ask("web", demands, BERLIN, NOON_US)._replace(**changes)


BOTH = [_site("hamburg", 9, 0), _site("munich", 9, 9)]


def test_the_cheapest_plan_and_its_parts() -> None:
    _, receipt = decide(_policy(), _ask(1, 0), BOTH)
    assert [s.location for s in receipt.chosen.shipments] == ["hamburg"]
    assert receipt.chosen.shipments[0].cost_mills == {"rate": 400_000, "handling": 50_000}
    assert receipt.chosen.cost_mills == 450_000 and receipt.exact
    assert receipt.runner_up.shipments[0].cost_mills == {"rate": 450_000 + 600 * 20, "units": 5_000}
    assert receipt.sentence == (
        "All from hamburg: the best of 2 candidates by strategy 'thrift' (policy 'main', version 7)"
        ", at 4.50; next best was munich, 0.17 more."
    )


def test_the_longest_prefix_names_the_zone_and_distance_stands_in_for_a_lane() -> None:
    policy = _policy()
    zones = [policy.zone_of(Address(country="DE", postcode=code)) for code in ("12999", "80331")]
    assert zones == ["berlin", "germany"] and policy.zone_of(PARIS) is None
    far = _ask(1, 0, destination=PARIS)
    plan, receipt = decide(policy, far, BOTH)
    assert plan is None and receipt.excluded == {"hamburg": "no_rate", "munich": "no_rate"}
    rate = {"bands": [{"up_to_g": 5000, "base": 100}], "per_km": 2, "km_per_day": 300}
    _, receipt = decide(_policy(distance=rate), far, BOTH)
    km = kilometres(BOTH[1].put, PARIS)
    assert 675 <= km <= 695
    assert receipt.chosen.shipments[0].location == "munich"
    assert receipt.chosen.shipments[0].cost_mills["distance_rate"] == 2_000 * km
    assert receipt.chosen.shipments[0].arrives - receipt.chosen.shipments[0].sends == timedelta(3)


@pytest.mark.parametrize(
    ("rule", "put", "reason"),
    [
        ({"channels": ["shop"]}, {}, "channel"),
        ({"zones": ["germany"]}, {}, "region"),
        ({"capacity": 3}, {}, "capacity"),
        ({"working_days": []}, {}, "cut_off"),
        ({}, {"active": False}, "inactive"),
    ],
)
def test_each_filter_names_itself(rule: dict, put: dict, reason: str) -> None:
    rules = [{"location": "hamburg", "origin": "north"} | rule, POLICY["locations"][1]]
    sites = [_site("hamburg", 9, 9, used_today=3, **put), BOTH[1]]
    _, receipt = decide(_policy(locations=rules), _ask(1, 1), sites)
    assert receipt.excluded == {"hamburg": reason}
    assert [s.location for s in receipt.chosen.shipments] == ["munich"]
    assert "Left out: 1 " in receipt.sentence


def test_a_class_of_goods_counts_only_where_it_is_handled() -> None:
    demands = [Demand("S0", 1, 100), Demand("ICE", 1, 100, handling="frozen")]
    rules = [POLICY["locations"][0], POLICY["locations"][1] | {"handling": ["frozen"]}]
    sites = [_site("hamburg", 1, 9), _site("munich", 0, 1)]
    _, receipt = decide(_policy(locations=rules), _ask(demands=demands), sites)
    assert [s.units for s in receipt.chosen.shipments] == [{"S0": 1}, {"ICE": 1}]
    only = _ask(demands=demands[1:])
    plan, receipt = decide(_policy(), only, [_site("hamburg", 1)])
    assert plan is None and receipt.excluded == {"hamburg": "handling"}


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        ("thrift", ["munich"]),
        ("one", ["munich"]),
        ("near", ["hamburg", "munich"]),
        ("quick", ["hamburg"]),
        ("all", ["munich"]),
    ],
)
def test_strategies_differ(strategy: str, expected: list[str]) -> None:
    quantities = (1, 0) if strategy == "quick" else (3, 1)
    sites = [_site("hamburg", 9, 0), _site("munich", 2 if strategy == "near" else 9, 9)]
    _, receipt = decide(_policy(), _ask(*quantities, strategy=strategy), sites)
    assert [s.location for s in receipt.chosen.shipments] == expected


def test_channels_have_their_strategy_and_a_name_in_the_ask_wins() -> None:
    policy = _policy()
    assert policy.strategy_of("shop").kind == "fewest"
    assert policy.strategy_of("shop", "near").kind == "nearest"
    assert policy.strategy_of("other").kind == "cheapest"


def test_an_order_below_the_floor_is_not_split() -> None:
    strategies = [{"strategy": "s", "kind": "cheapest", "value_floor": 4_001}]
    sites = [_site("hamburg", 1, 0), _site("munich", 0, 1)]
    policy = _policy(strategies=strategies, channels=[])
    plan, receipt = decide(policy, _ask(1, 1, value=4_000), sites)
    assert plan is None and "it is not to be split" in receipt.sentence
    plan, _ = decide(policy, _ask(1, 1, value=4_001), sites)
    assert plan.places() == [0, 1]


def test_what_nobody_has_is_not_routed() -> None:
    plan, receipt = decide(_policy(), _ask(3, 0), [_site("hamburg", 2, 0)])
    assert plan is None and receipt.chosen is None
    assert receipt.sentence == "Not routed: no locations that may serve it have enough."


@pytest.mark.parametrize("spoil", [lambda d: d[:-1], lambda d: d + b"\0", lambda d: b"\xff" * 40])
def test_a_damaged_slip_is_refused(spoil) -> None:
    policy, ask = _policy(), _ask(1, 1)
    case = case_of(policy, ask, BOTH)
    made = slip.slip_of(policy, 0, case, planner.plan(case.instance), [0, 1], [0, 1])
    with pytest.raises(ValueError, match="slip"):
        slip.unpack(spoil(slip.pack(made)))
    for counts in ((0, 2, 2), (1, 1, 2), (1, 2, 1)):
        assert not slip.fits(made, *counts)


def test_lateness_pressure_and_scarcity_are_weighed() -> None:
    due = NOON_US + DAY_US
    ask = _ask(1, 0, strategy="all", required_by_us=due)
    _, receipt = decide(_policy(), ask, BOTH)
    assert receipt.runner_up.shipments[0].cost_mills["lateness"] == 300_000
    rules = [POLICY["locations"][0] | {"capacity": 10}, POLICY["locations"][1]]
    strategies = [{"strategy": "all", "kind": "balanced", "pressure_cost": 1_000}]
    policy = _policy(locations=rules, strategies=strategies, channels=[])
    sites = [_site("hamburg", 9, 0, used_today=9), BOTH[1]]
    _, receipt = decide(policy, ask, sites)
    assert receipt.runner_up.shipments[0].cost_mills["pressure"] == 900_000
    scarce = [sites[0]._replace(used_today=0), BOTH[1]._replace(scarcity=[40_000, 0])]
    _, receipt = decide(policy, ask, scarce)
    assert receipt.runner_up.shipments[0].cost_mills["units"] == 5_000
    assert receipt.runner_up.shipments[0].cost_mills["scarcity"] == 40_000


def test_orders_after_the_cut_off_leave_on_the_next_working_day() -> None:
    today = NOON_US // DAY_US
    rule = LocationRule("x", cut_off=12 * 60, working_days=("mon", "wed", "fri"))
    assert send_day(rule, NOON_US - 1) == today
    assert send_day(rule, NOON_US) == today + 2
    east = msgspec.structs.replace(rule, utc_offset_minutes=-60)
    assert send_day(east, NOON_US) == today


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"channels": [{"channel": "a", "strategy": "none"}]}, r"channels\[0\].strategy"),
        ({"strategies": POLICY["strategies"][:1] * 2}, "strategies: a strategy"),
        ({"lanes": POLICY["lanes"][:1] * 2}, "lanes: an origin and zone"),
        ({"zones": [*POLICY["zones"], {"zone": "x", "country": "DE"}]}, r"zones\[2\].postcodes"),
    ],
)
def test_a_policy_that_contradicts_itself_is_refused(changes: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        _policy(**changes)
    falling = [POLICY["lanes"][0] | {"bands": [{"up_to_g": 5, "base": 1}] * 2}]
    with pytest.raises(ValueError, match=r"lanes\[0\].bands: up_to_g must rise"):
        _policy(lanes=falling)


def test_policies_read_back_as_they_were_written() -> None:
    put = _policy().put
    assert msgspec.json.decode(msgspec.json.encode(put), type=RoutingPolicy) == put
