"""One order's routing as a mixed integer program, solved by HiGHS through scipy.

It shares the meaning of a tariff with the planner and nothing else: whole units from each location,
one weight band for each location that is used, one fixed cost each.
"""

import numpy
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array

from engine.core.routing.instance import Instance, price
from engine.core.routing.tariff import Tariff, cost, edges


def pieces(tariff: Tariff, most: int) -> list[tuple[int, int, int, int]]:
    """Return (low, high, cost at low, cost of a gram) of each stretch of weight up to `most`."""
    marks = edges(tariff, 0, most)
    if marks is None:
        raise ValueError("the tariff has too many pieces for this order")
    found = []
    for low, high in zip(marks[::2], marks[1::2], strict=True):
        start, end = cost(tariff, low), cost(tariff, high)
        found.append((low, high, start, (end - start) // (high - low) if high > low else 0))
    return found


class _Model:
    """Variables, bounds and rows as they are added."""

    def __init__(self) -> None:
        self.costs, self.tops = [], []
        self.cells, self.low, self.high = [], [], []

    def add(self, cost: float, top: float) -> int:
        self.costs.append(cost)
        self.tops.append(top)
        return len(self.costs) - 1

    def row(self, terms, low: float, high: float) -> None:
        self.cells += [(len(self.low), column, value) for column, value in terms]
        self.low.append(low)
        self.high.append(high)


def solve(instance: Instance, *, gap: float = 0.0, limit_s: float = 60.0):
    """Return (cost in mills of the best plan found, its picks, the solver's seconds-free status).

    None for cost and picks where no plan exists. The cost is that of the picks by the planner's
    own arithmetic, so rounding within the solver does not show.
    """
    demands, places = len(instance.quantities), len(instance.fixed)
    model = _Model()
    units = [
        [
            model.add(instance.unit[i][j], min(instance.stock[i][j], instance.quantities[i]))
            for j in range(places)
        ]
        for i in range(demands)
    ]
    for i in range(demands):
        quantity = instance.quantities[i]
        model.row([(units[i][j], 1) for j in range(places)], quantity, quantity)
    opened = []
    for j in range(places):
        opened += _place(instance, model, units, j)
    if instance.shipments_max < places:
        model.row([(column, 1) for column in opened], 0, instance.shipments_max)
    row, column, value = zip(*model.cells, strict=True)
    matrix = coo_array((value, (row, column)), shape=(len(model.low), len(model.costs)))
    found = milp(
        numpy.array(model.costs) / 1_000,
        integrality=numpy.ones(len(model.costs)),
        bounds=Bounds(0, numpy.array(model.tops, float)),
        constraints=LinearConstraint(matrix.tocsr(), model.low, model.high),
        options={"mip_rel_gap": gap, "time_limit": limit_s},
    )
    if found.x is None:
        return None, None, found.status
    picks = [[round(found.x[column]) for column in row] for row in units]
    return price(instance, picks), picks, found.status


def _place(instance: Instance, model: _Model, units, j: int) -> list[int]:
    """Add place `j`: a switch and a weight for each stretch of its tariff; return the switches."""
    tops = [model.tops[row[j]] for row in units]
    most = sum(top * g for top, g in zip(tops, instance.grams, strict=True))
    opened, weights = [], []
    for low, high, start, slope in pieces(instance.tariffs[j], most):
        switch = model.add(instance.fixed[j] + instance.split + start - slope * low, 1)
        weight = model.add(slope, high)
        model.row([(weight, 1), (switch, -low)], 0, numpy.inf)
        model.row([(weight, 1), (switch, -high)], -numpy.inf, 0)
        opened.append(switch)
        weights.append(weight)
    model.row([(switch, 1) for switch in opened], 0, 1)
    shipped = [(row[j], g) for row, g in zip(units, instance.grams, strict=True)]
    model.row([*shipped, *((weight, -1) for weight in weights)], 0, 0)
    for row, top in zip(units, tops, strict=True):
        model.row([(row[j], 1), *((switch, -top) for switch in opened)], -numpy.inf, 0)
    return opened
