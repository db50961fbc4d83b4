"""The solver behind scarcity prices is exact, and its compiled twin is its equal (P7)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from engine.insight import transport


@st.composite
def problems(draw) -> tuple[list[list[int]], list[int], list[list[int]], int]:
    """Demand of two draws, stock, costs, and what an unserved unit costs."""
    places, to = draw(st.integers(1, 5)), draw(st.integers(1, 7))
    costs = st.lists(st.integers(0, 50), min_size=places, max_size=places)
    units = st.lists(st.integers(0, 6), min_size=to, max_size=to)
    return (
        draw(st.lists(units, min_size=2, max_size=2)),
        draw(st.lists(st.integers(0, 8), min_size=places, max_size=places)),
        draw(st.lists(costs, min_size=to, max_size=to)),
        draw(st.integers(1, 80)),
    )


def least(demand: list[int], stock: list[int], cost: list[list[int]], lost: int) -> float:
    """Return what serving `demand` costs at least, by a solver that is not ours."""
    to, places = len(cost), len(stock)
    objective = [value for row in cost for value in row] + [lost] * to
    served = [[0] * len(objective) for _ in demand]
    taken = [[0] * len(objective) for _ in stock]
    for n in range(to):
        served[n][to * places + n] = 1
        for place in range(places):
            served[n][n * places + place] = taken[place][n * places + place] = 1
    return linprog(objective, A_ub=taken, b_ub=stock, A_eq=served, b_eq=demand).fun


@given(problems())
@settings(max_examples=60, deadline=None)
def test_a_price_is_what_a_unit_less_costs(problem) -> None:
    demand, stock, cost, lost = problem
    for row, prices in zip(demand, transport.marginals_slow(*problem), strict=True):
        whole = least(row, stock, cost, lost)
        for place, price in enumerate(prices):
            if stock[place]:
                fewer = [units - (n == place) for n, units in enumerate(stock)]
                assert abs(least(row, fewer, cost, lost) - whole - price) < 1e-6


@given(problems(), st.randoms())
@settings(max_examples=150, deadline=None)
def test_the_twins_are_equal(problem, rng) -> None:
    fast = pytest.importorskip("ext.transport")
    demand, stock, cost, _ = problem
    assert fast.marginals(*problem) == transport.marginals_slow(*problem)
    arrivals = [[to for to, units in enumerate(row) for _ in range(units)] for row in demand]
    for row in arrivals:
        rng.shuffle(row)
    ways = [sorted(range(len(stock)), key=row.__getitem__) for row in cost]
    assert fast.played(arrivals, stock, cost, ways) == transport.played_slow(
        arrivals, stock, cost, ways
    )


def test_who_comes_later_pays_for_the_unit_that_is_gone() -> None:
    """Two locations with a unit each; who comes is near the first, the second is 7 dearer."""
    sums = transport.played([[0], [0, 0]], [1, 1], [[3, 10]], [[0, 1]])
    assert sums[0] == [10, 3] and sums[1] == [10, 3]
    far = transport.played([[]], [1, 0], [[3, 10]], [[0, 1]])
    assert far == [[0, transport.FAR]]
