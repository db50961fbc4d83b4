"""The compiled planner finds what the plain one finds: plans, bounds, runners-up, steps (P7)."""

from random import Random

import msgspec
import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.routing.draw import drawn, retail
from engine.core import limits
from engine.core.routing.batch import Batch
from engine.core.routing.instance import Instance
from engine.core.routing.plan import plan
from engine.core.routing.tariff import Band
from ext.scorer import solve

FLAT = (Band(1_000, 5_000, 0),)


def _alike(instances: list[Instance], nodes_max: int | None = None) -> int:
    """Plan with both, compare everything; return how many had a plan."""
    batch = Batch(instances)
    solve(batch, nodes_max=nodes_max)
    plans = [plan(instance, nodes_max) for instance in instances]
    assert [batch.plan(n) for n in range(len(instances))] == plans
    return sum(found is not None for found in plans)


@pytest.mark.parametrize("seed", range(40))
def test_awkward_orders(seed: int) -> None:
    """Eighty at a time, so that what one order leaves behind could show in the next."""
    rng = Random(seed)
    instances = [
        drawn(rng, rng.randint(0, 5), rng.randint(0, 9), rng.choice((1, 3, 9, 400)), 0.6)
        for _ in range(40)
    ]
    assert _alike(instances) > 0


@pytest.mark.parametrize(("places", "density"), [(8, 0.5), (20, 0.3), (60, 0.2), (150, 0.05)])
def test_orders_as_shops_see_them(places: int, density: float) -> None:
    rng = Random(places)
    orders = [retail(rng, rng.randint(1, 6), places, density) for _ in range(400 // places)]
    assert _alike(orders) == len(orders)


@pytest.mark.parametrize("nodes_max", [0, 1, 7, 40])
def test_searches_that_stop_early_stop_alike(nodes_max: int) -> None:
    rng = Random(nodes_max)
    assert _alike([drawn(rng, 4, 14, 6, 0.4) for _ in range(60)], nodes_max) > 0


_NUMBER = st.integers(0, 60)
_TARIFF = st.lists(
    st.tuples(st.integers(1, 90), st.integers(0, 400), st.integers(0, 9)), min_size=1, max_size=4
).map(
    lambda rows: tuple(
        Band(sum(r[0] for r in rows[: n + 1]), *rows[n][1:]) for n in range(len(rows))
    )
)


@st.composite
def _instances(draw) -> Instance:
    demands, places = draw(st.integers(0, 3)), draw(st.integers(0, 5))

    def rows(count: int, number=_NUMBER):
        return draw(st.lists(number, min_size=count, max_size=count))

    return Instance(
        quantities=rows(demands, st.integers(0, 12)),
        grams=rows(demands),
        fixed=rows(places),
        tariffs=[draw(_TARIFF) for _ in range(places)],
        stock=[rows(places, st.integers(0, 12)) for _ in range(demands)],
        unit=[rows(places) for _ in range(demands)],
        split=draw(_NUMBER),
        shipments_max=draw(st.sampled_from((1, 2, limits.LOCATIONS_MAX))),
    )


@settings(max_examples=500, deadline=None, database=None)
@given(_instances())
def test_any_order(instance: Instance) -> None:
    _alike([instance])


def test_numbers_out_of_bounds_spoil_their_own_order_only() -> None:
    good = Instance([2], [100], [3], [FLAT], [[5]], [[0]])
    bad = [
        msgspec.structs.replace(good, **change)
        for change in (
            {"quantities": [limits.ROUTE_UNITS_MAX + 1]},
            {"grams": [limits.ROUTE_GRAMS_MAX]},
            {"fixed": [limits.ROUTE_COST_MILLS_MAX]},
            {"unit": [[limits.ROUTE_COST_MILLS_MAX]]},
            {"tariffs": [(Band(1, limits.ROUTE_COST_MILLS_MAX, 5),)]},
            {"split": -1},
            {"stock": [[-1]]},
        )
    ]
    batch = Batch([good, *bad, good])
    solve(batch)
    assert batch.plan(0) == batch.plan(len(bad) + 1) == plan(good)
    for number, instance in enumerate(bad, 1):
        with pytest.raises(ValueError, match="out of bounds"):
            batch.plan(number)
        with pytest.raises(ValueError):
            plan(instance)
    with pytest.raises(ValueError, match="64 bits"):
        Batch([msgspec.structs.replace(good, grams=[1 << 63])])


def test_arrays_that_do_not_fit_are_refused() -> None:
    batch = Batch([Instance([2], [100], [3], [FLAT], [[5]], [[0]])])
    batch.unit = numpy.zeros(0, numpy.int64)
    with pytest.raises(ValueError, match="unit has another length"):
        solve(batch)
    batch = Batch([Instance([2], [100], [3], [(Band(5, 1, 0), Band(5, 1, 0))], [[5]], [[0]])])
    with pytest.raises(ValueError, match="do not rise"):
        solve(batch)
