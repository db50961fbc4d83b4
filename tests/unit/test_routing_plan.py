"""The planner finds the cheapest plan: beside trying everything, and beside another solver."""

from itertools import product
from random import Random

import pytest

from benchmarks.routing.draw import drawn
from benchmarks.routing.milp import solve
from engine.core import limits
from engine.core.routing.instance import Instance, price
from engine.core.routing.plan import plan
from engine.core.routing.tariff import Band, cost, edges, least_cost, lower_line, packages

FLAT = (Band(1_000, 5_000, 0), Band(5_000, 9_000, 1))


def _ways(quantity: int, caps: list[int]):
    """Yield every way to get `quantity` from places that have `caps`."""
    for units in product(*(range(min(cap, quantity) + 1) for cap in caps)):
        if sum(units) == quantity:
            yield list(units)


def _least(instance: Instance) -> int | None:
    """Return the least cost by trying everything, None where nothing does."""
    ways = [list(_ways(q, s)) for q, s in zip(instance.quantities, instance.stock, strict=True)]
    totals = (
        price(instance, list(picks))
        for picks in product(*ways)
        if sum(map(any, zip(*picks, strict=True))) <= instance.shipments_max
    )
    return min(totals, default=None)


def test_a_tariff_steps_from_band_to_band_and_packs_what_is_heavier() -> None:
    assert [cost(FLAT, grams) for grams in (0, 1_000, 1_001, 5_000)] == [
        5_000,
        5_000,
        10_001,
        14_000,
    ]
    assert packages(FLAT, 5_000) == 1 and packages(FLAT, 10_001) == 3
    assert cost(FLAT, 10_001) == 14_000 + 14_000 + 5_000
    assert edges(FLAT, 900, 6_100) == [900, 1_000, 1_001, 5_000, 5_001, 6_000, 6_001, 6_100]


def test_the_lower_line_is_nowhere_above_the_cost() -> None:
    rng = Random(1)
    for _ in range(300):
        tariff = drawn(rng, 1, 1, 1, 1).tariffs[0]
        low = rng.randint(0, 3_000)
        high = low + rng.randint(0, 9_000)
        intercept, slope = lower_line(tariff, low, high)
        assert intercept >= 0 and slope >= 0
        for grams in {low, high, *(rng.randint(low, high) for _ in range(30))}:
            assert intercept + slope * grams <= cost(tariff, grams)


def test_no_shipment_costs_less_than_the_least() -> None:
    rng = Random(2)
    for _ in range(50):
        tariff = drawn(rng, 1, 1, 1, 1).tariffs[0]
        heaviest = tariff[-1].up_to_g
        assert least_cost(tariff) == min(cost(tariff, grams) for grams in range(heaviest + 1))
        assert all(least_cost(tariff) <= cost(tariff, heaviest * n + 1) for n in range(1, 4))


def test_two_that_cost_as_much_as_one_are_not_looked_for() -> None:
    def planned(alone: int):
        rate = (Band(600, 50, 0), Band(1_200, alone, 0))
        return plan(Instance([2], [600], [0, 0], [rate] * 2, [[2, 1]], [[0, 0]]))

    assert planned(100).nodes == 0 and planned(100).places() == [0]
    assert planned(101).nodes > 0 and planned(101).places() == [0, 1]


@pytest.mark.parametrize("seed", range(150))
def test_plans_are_the_cheapest_of_all(seed: int) -> None:
    rng = Random(seed)
    instance = drawn(rng, rng.randint(1, 3), rng.randint(1, 4), 3, 0.7)
    found, least = plan(instance), _least(instance)
    if least is None:
        assert found is None
        return
    assert found.exact and found.cost == least == price(instance, found.picks)
    assert [sum(row) for row in found.picks] == instance.quantities
    for row, stock in zip(found.picks, instance.stock, strict=True):
        assert all(0 <= units <= most for units, most in zip(row, stock, strict=True))
    assert len(found.places()) <= instance.shipments_max
    if found.runner_up_places:
        assert found.runner_up >= found.cost and found.runner_up_places != found.places()


@pytest.mark.parametrize("seed", range(60))
def test_plans_cost_what_the_solver_finds(seed: int) -> None:
    rng = Random(1_000 + seed)
    instance = drawn(rng, rng.randint(1, 6), rng.randint(5, 12), 8, 0.5)
    found, (least, _, _) = plan(instance), solve(instance)
    if least is None:
        assert found is None
    else:
        assert found.exact and found.cost <= least <= found.cost * 1.000_01 + 5


@pytest.mark.parametrize("seed", range(20))
def test_beyond_the_exact_size_the_bound_holds(seed: int) -> None:
    rng = Random(2_000 + seed)
    instance = drawn(rng, 5, 24, 4, 0.3)
    found, (least, _, _) = plan(instance, 60), solve(instance)
    if least is None:
        assert found is None
    else:
        assert found.bound <= least and found.cost == price(instance, found.picks)
        assert found.cost >= least - 5


def test_nobody_gives_what_is_not_there() -> None:
    short = Instance([3], [100], [0, 0], [FLAT, FLAT], [[1, 1]], [[0, 0]])
    assert plan(short) is None
    alone = Instance([2], [100], [0, 0], [FLAT, FLAT], [[1, 1]], [[0, 0]], shipments_max=1)
    assert plan(alone) is None
    nothing = plan(Instance([0], [100], [7], [FLAT], [[1]], [[0]]))
    assert nothing.cost == 0 and nothing.picks == [[0]]


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("quantities", [limits.ROUTE_UNITS_MAX + 1], "order is too large"),
        ("grams", [limits.ROUTE_GRAMS_MAX], "order is too large"),
        ("fixed", [limits.ROUTE_COST_MILLS_MAX], "costs are too large"),
        ("unit", [[limits.ROUTE_COST_MILLS_MAX]], "costs are too large"),
        ("split", -1, "negative"),
        ("stock", [[-1]], "negative"),
    ],
)
def test_numbers_out_of_bounds_are_refused(field: str, value, words: str) -> None:
    instance = Instance([2], [100], [0], [FLAT], [[5]], [[0]])
    setattr(instance, field, value)
    with pytest.raises(ValueError, match=words):
        plan(instance)
