"""An order's routing as numbers: what is wanted, what each candidate has and costs, and a plan."""

import msgspec

from engine.core import limits
from engine.core.routing.tariff import Tariff, cost, most_cost

NONE = -1


class Instance(msgspec.Struct):
    """One order in numbers. Costs in mills, weights in grams, none of them negative.

    `quantities[i]` units of demand i are wanted, `grams[i]` each. Candidate j costs `fixed[j]` to
    use and ships by `tariffs[j]`, has `stock[i][j]` units of demand i, at `unit[i][j]` each. At
    most `shipments_max` locations are used.
    """

    quantities: list[int]
    grams: list[int]
    fixed: list[int]
    tariffs: list[Tariff]
    stock: list[list[int]]
    unit: list[list[int]]
    split: int = 0
    shipments_max: int = limits.LOCATIONS_MAX


class Plan(msgspec.Struct):
    """`picks[i][j]` units of demand i come from candidate j, for `cost` mills in sum.

    No plan costs less than `bound`; the plan is exact where the two are equal. `runner_up` is the
    cheapest plan over another set of locations that the search met, `runner_up_places` its set; -1
    and none where it met no other. `nodes` counts the search's steps.
    """

    picks: list[list[int]]
    cost: int
    bound: int
    runner_up: int
    runner_up_places: list[int]
    nodes: int

    @property
    def exact(self) -> bool:
        """Whether no plan is cheaper."""
        return self.cost == self.bound

    def places(self) -> list[int]:
        """Return the candidates that give anything, in their order."""
        return used(self.picks)


def used(picks: list[list[int]]) -> list[int]:
    """Return the candidates that give anything, in their order."""
    count = len(picks[0]) if picks else 0
    return [j for j in range(count) if any(row[j] for row in picks)]


def price(instance: Instance, picks: list[list[int]]) -> int:
    """Return the cost of `picks`, in mills."""
    total, places = 0, used(picks)
    for j in places:
        grams = sum(row[j] * g for row, g in zip(picks, instance.grams, strict=True))
        total += instance.fixed[j] + cost(instance.tariffs[j], grams)
        total += sum(row[j] * unit[j] for row, unit in zip(picks, instance.unit, strict=True))
    return total + instance.split * max(len(places) - 1, 0)


def check(instance: Instance) -> str | None:
    """Return why an instance is out of bounds, or None: within them no sum overflows 63 bits."""
    one = instance
    numbers = [*one.quantities, *one.grams, *one.fixed, one.split]
    if min(numbers, default=0) < 0 or any(min(row, default=0) < 0 for row in one.stock + one.unit):
        return "a number is negative"
    grams = sum(q * g for q, g in zip(one.quantities, one.grams, strict=True))
    if sum(one.quantities) > limits.ROUTE_UNITS_MAX or grams > limits.ROUTE_GRAMS_MAX:
        return "the order is too large"
    worst = sum(one.fixed) + one.split * len(one.fixed)
    worst += sum(most_cost(tariff, grams) for tariff in one.tariffs)
    worst += sum(q * max(row, default=0) for q, row in zip(one.quantities, one.unit, strict=True))
    if worst > limits.ROUTE_COST_MILLS_MAX:
        return "the costs are too large"
    return None
