"""Scarcity prices of all SKUs that need some, made from what the views know and put over HTTP.

A price is what later orders would pay more if a unit were gone. They are drawn from the forecast
and played through in the order in which they come; each is served as it would be with half of the
dual price of the units (see `transport`). Which of several ways to estimate it is best was measured
on an earlier part of the data than that on which it was judged: `benchmarks.bench_scarcity`.

The same views at the same time give the same prices: draws are seeded by the SKU. So a change of
the prices is a change of what is known, not of the dice.
"""

import zlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy

from engine.core import limits
from engine.core.routing.policy import PutScarcity, ScarcityPrice
from engine.insight import transport
from engine.insight.forecast import Problem, Scene

Put = Callable[[PutScarcity], bool]


class Pass(NamedTuple):
    """What one pass did: the log position that it knew, SKUs that were solved, whose prices were
    put, left as they were because they hardly changed, or not taken by the server."""

    seq: int
    solved: int
    put: int
    kept: int
    refused: int


def prices(problem: Problem) -> list[int]:
    """Return the price of a unit at each location in mills, 0 where units are worth least."""
    stock = numpy.array(problem.stock)
    expected = numpy.array(problem.rates) * problem.days
    units = expected.sum() * problem.units
    if not stock.any() or not units:
        return [0] * len(stock)
    expected *= min(1.0, limits.SCARCITY_UNITS_MAX / units)
    rng = numpy.random.default_rng(zlib.crc32(problem.sku.encode()))
    drawn = rng.poisson(expected, (limits.SCARCITY_DRAWS, len(expected))) * problem.units
    found = numpy.mean(
        transport.marginals(drawn.tolist(), problem.stock, problem.cost, problem.lost), axis=0
    )
    if units <= limits.SCARCITY_PLAYED_UNITS_MAX:
        found = _played(problem, expected, found / 2, rng)
    found = numpy.where(stock > 0, found - found[stock > 0].min(), 0)
    return [min(int(price), limits.SCARCITY_MILLS_MAX) for price in found]


def _played(
    problem: Problem, expected: numpy.ndarray, base: numpy.ndarray, rng: numpy.random.Generator
) -> numpy.ndarray:
    """Return what later orders pay in sum with a unit less at each location, on the average."""
    ways = numpy.argsort(numpy.array(problem.cost) + base, axis=1, kind="stable")
    share = expected / expected.sum()
    arrivals = [
        numpy.repeat(rng.choice(len(share), lines, p=share), problem.units).tolist()
        for lines in rng.poisson(expected.sum(), limits.SCARCITY_PLAYED)
    ]
    sums = transport.played(arrivals, problem.stock, problem.cost, ways.tolist())
    return numpy.mean(numpy.array(sums, dtype=float), axis=0)


def changes(scene: Scene, told: Callable[[int, int], None]) -> Iterator[PutScarcity | None]:
    """Yield, for each SKU that is solved or has prices, the prices to put; None where those that
    hold are near enough. `told` hears how many of how many are done."""
    solved = {problem.sku for problem in scene.problems}
    stale = [sku for sku, put in scene.prices.items() if put.prices and sku not in solved]
    total = len(scene.problems) + len(stale)
    for done, problem in enumerate(scene.problems, 1):
        rows = zip(problem.locations, prices(problem), strict=True)
        put = PutScarcity(problem.sku, tuple(ScarcityPrice(*row) for row in rows if row[1]))
        near = numpy.mean(problem.cost) * limits.SCARCITY_CHANGE_PERCENT / 100
        yield None if _alike(put, scene.prices.get(put.sku), near) else put
        told(done, total)
    for done, sku in enumerate(stale, len(scene.problems) + 1):
        # Nobody has wanted it for long, or it lies in one place only: no unit is scarce.
        yield PutScarcity(sku)
        told(done, total)


def _alike(new: PutScarcity, old: PutScarcity | None, near: float) -> bool:
    before = {row.location: row.mills for row in old.prices} if old else {}
    after = {row.location: row.mills for row in new.prices}
    return all(abs(after.get(n, 0) - before.get(n, 0)) <= near for n in before | after)


def refresh(scene: Scene, put: Put, told: Callable[[int, int], None] = lambda *_: None) -> Pass:
    """Solve a scene and put what has changed; `put` says whether the server took it."""
    done = kept = refused = 0
    for change in changes(scene, told):
        if change is None:
            kept += 1
        elif put(change):
            done += 1
        else:
            refused += 1
    return Pass(scene.seq, len(scene.problems), done, kept, refused)
