"""Many instances in flat arrays, for the compiled planner, and plans out of its results."""

from itertools import chain

import numpy

from engine.core.routing.instance import NONE, Instance, Plan

UNMET, PLANNED, BOUNDLESS = 0, 1, 2
# Columns of `orders`: where the order's demands, candidates and cells begin, and how many.
ORDER_COLUMNS = ("demand", "demands", "place", "places", "cell", "split", "shipments_max")
RESULT_COLUMNS = ("verdict", "cost", "bound", "runner_up", "nodes")


class Batch:
    """Instances one behind the other, all 64-bit: `quantities` and `grams` by demand, `fixed` and
    `tariffs` by candidate, `stock` and `unit` by cell, demand after demand. A tariff is a number:
    its bands are `bands[starts[t]:starts[t + 1]]`, rows of (up_to_g, base, per_g). The planner
    writes `results`, `picks` by cell and `others`, 1 for a candidate of the runner-up."""

    def __init__(self, instances: list[Instance]) -> None:
        """Raises `ValueError` for a number that does not fit into 64 bits."""
        numbers = {t: n for n, t in enumerate(dict.fromkeys(_tariffs(instances)))}
        try:
            self.quantities = _flat(one.quantities for one in instances)
            self.grams = _flat(one.grams for one in instances)
            self.fixed = _flat(one.fixed for one in instances)
            self.tariffs = _flat([numbers[t] for t in one.tariffs] for one in instances)
            self.stock = _flat(chain.from_iterable(one.stock) for one in instances)
            self.unit = _flat(chain.from_iterable(one.unit) for one in instances)
            self.bands = _flat(chain.from_iterable(t) for t in numbers).reshape(-1, 3)
            rows = [(len(i.quantities), len(i.fixed), i.split, i.shipments_max) for i in instances]
            shape = numpy.array(rows, numpy.int64).reshape(-1, 4)
        except OverflowError as error:
            raise ValueError("a number does not fit into 64 bits") from error
        demands, places = shape[:, 0], shape[:, 1]
        columns = [_begin(demands), demands, _begin(places), places, _begin(demands * places)]
        self.orders = numpy.ascontiguousarray(numpy.column_stack([*columns, shape[:, 2:]]))
        self.starts = numpy.cumsum([0, *(len(t) for t in numbers)], dtype=numpy.int64)
        self.results = numpy.zeros((len(instances), len(RESULT_COLUMNS)), numpy.int64)
        self.picks = numpy.zeros_like(self.stock)
        self.others = numpy.zeros(len(self.fixed), numpy.int8)

    def check(self) -> None:
        """Raise `ValueError` where the arrays do not fit each other."""
        demands, places = self.orders[:, 1], self.orders[:, 3]
        cells = int((demands * places).sum())
        sizes = {
            "quantities": int(demands.sum()),
            "grams": int(demands.sum()),
            "fixed": int(places.sum()),
            "tariffs": int(places.sum()),
            "others": int(places.sum()),
            "stock": cells,
            "unit": cells,
            "picks": cells,
            "results": len(self.orders),
        }
        wrong = [name for name, size in sizes.items() if len(getattr(self, name)) != size]
        if wrong:
            raise ValueError(f"{wrong[0]} has another length than the orders say")

    def clear(self) -> None:
        """Forget results, so that the batch can be planned again."""
        self.results[:], self.picks[:], self.others[:] = 0, 0, 0

    def plan(self, number: int) -> Plan | None:
        """Return the plan that was found for an order; raises `ValueError` for an instance out of
        bounds."""
        verdict, cost, bound, runner_up, nodes = (int(v) for v in self.results[number])
        if verdict == BOUNDLESS:
            raise ValueError("a number of the instance is out of bounds")
        if verdict == UNMET:
            return None
        _, demands, place, places, cell, _, _ = (int(v) for v in self.orders[number])
        picks = self.picks[cell : cell + demands * places].reshape(demands, places).tolist()
        others = numpy.flatnonzero(self.others[place : place + places]).tolist()
        return Plan(picks, cost, bound, runner_up, others if runner_up != NONE else [], nodes)


def _tariffs(instances: list[Instance]):
    return chain.from_iterable(one.tariffs for one in instances)


def _flat(rows) -> numpy.ndarray:
    return numpy.array(list(chain.from_iterable(rows)), numpy.int64)


def _begin(counts: numpy.ndarray) -> numpy.ndarray:
    return numpy.cumsum(counts) - counts
