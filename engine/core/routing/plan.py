"""Which locations give how much, at the least cost: exact, or with a bound on what is lost.

An `Instance` is an order in numbers: what is wanted, what each candidate location has, and what it
costs to use it. A plan's cost is, over the locations it uses, each one's fixed cost and its
tariff's cost of the shipment's weight, plus a cost for each unit (where scarcity goes), plus
`split` for every location after the first. `plan` finds the least, by branch and bound:

- Locations that can do it alone are priced first. Where the least that any two cost is no less,
  nothing else is looked at: most orders end here.
- Each candidate gets a line below its cost over every weight that it may ship; their sums bound any
  set of locations from below.
- Sets are built by giving the rarest uncovered demand a supplier, cheapest first, each set once.
- Within a set, units go to the cheapest lines; where lines and true costs differ, the range of one
  quantity is halved until they meet.

The search is exact for up to `ROUTE_EXACT_LOCATIONS_MAX` candidates while it stays within
`ROUTE_EXACT_NODES_MAX` steps, which practice does not reach. Beyond, it stops after
`ROUTE_BOUNDED_NODES_MAX` steps; then `bound`, which no plan can be below, says how far the plan can
be from the best. All numbers are whole; `ext.scorer` takes the same steps and finds the same plan.
"""

from engine.core import limits
from engine.core.routing.instance import NONE, Instance, Plan, check, price, used
from engine.core.routing.tariff import cost, least_cost, lower_line


def plan(instance: Instance, nodes_max: int | None = None) -> Plan | None:
    """Return the cheapest plan, or None where no allowed set of locations has all that is wanted.

    `nodes_max` replaces the number of steps after which the search stops. Raises `ValueError` for
    an instance that `check` finds out of bounds.
    """
    wrong = check(instance)
    if wrong:
        raise ValueError(wrong)
    return _Search(instance, nodes_max).run()


class _Search:
    """The state of one search. Candidates are taken in the order of their lines' intercepts."""

    def __init__(self, instance: Instance, nodes_max: int | None) -> None:
        self.instance = instance
        self.demands = [i for i, quantity in enumerate(instance.quantities) if quantity]
        self.caps = [
            [min(units, quantity) for units in row]
            for row, quantity in zip(instance.stock, instance.quantities, strict=True)
        ]
        count = len(instance.fixed)
        self.places = [j for j in range(count) if any(self.caps[i][j] for i in self.demands)]
        exact = len(self.places) <= limits.ROUTE_EXACT_LOCATIONS_MAX
        self.nodes_max = nodes_max
        if nodes_max is None:
            self.nodes_max = (
                limits.ROUTE_EXACT_NODES_MAX if exact else limits.ROUTE_BOUNDED_NODES_MAX
            )
        self.nodes, self.floor = 0, NONE
        self.best, self.best_picks, self.best_places = NONE, [], []
        self.runner_up, self.runner_up_places = NONE, []
        self.chosen: list[int] = []
        self.free = [True] * count
        self.cover = [0] * len(self.caps)
        self.potential = [sum(row) for row in self.caps]
        self.low = [[0] * count for _ in self.caps]
        self.high = [list(row) for row in self.caps]

    def run(self) -> Plan | None:
        quantities = self.instance.quantities
        if any(self.potential[i] < quantities[i] for i in self.demands):
            return None
        if not self.demands:
            return Plan([[0] * len(self.free) for _ in self.caps], 0, 0, NONE, [], 0)
        self._try_singles()
        if not self._settled():
            self._draw_lines()
            split = self.instance.split
            two = self.base[self.order[0]] + self.base[self.order[1]] + split + self.rest
            if self.best == NONE or two < self.best:
                if self.best == NONE:
                    self._try_greedy()
                self._extend(-split)
        if self.best == NONE:
            return None
        bound = self.best if self.floor == NONE else min(self.best, self.floor)
        return Plan(
            self.best_picks,
            self.best,
            bound,
            self.runner_up,
            self.runner_up_places,
            self.nodes,
        )

    def _settled(self) -> bool:
        """Say whether no plan over several locations can be below the best over one. Any two cost
        their fixed costs, the least by their tariffs, and each unit what it costs anywhere."""
        one = self.instance
        if len(self.places) < 2 or one.shipments_max == 1:
            return True
        if self.best == NONE:
            return False
        first, second, *_ = sorted(one.fixed[j] + least_cost(one.tariffs[j]) for j in self.places)
        units = sum(one.quantities[i] * min(one.unit[i]) for i in self.demands)
        return first + second + one.split + units >= self.best

    def _draw_lines(self) -> None:
        """Find each candidate's line over all it may ship, the order, what a unit of each demand
        costs at least, and the sum of that."""
        one, count = self.instance, len(self.free)
        self.base, self.slope, self.least = [0] * count, [0] * count, [0] * count
        for j in self.places:
            offered = [i for i in self.demands if self.caps[i][j]]
            self.least[j] = min(one.grams[i] for i in offered)
            most = sum(self.caps[i][j] * one.grams[i] for i in offered)
            line = lower_line(one.tariffs[j], self.least[j], most)
            self.base[j], self.slope[j] = one.fixed[j] + line[0], line[1]
        self.order = sorted(self.places, key=lambda j: (self.base[j], j))
        self.suppliers, self.dearth = [0] * len(self.caps), [0] * len(self.caps)
        for i in self.demands:
            mine = [j for j in self.places if self.caps[i][j]]
            self.suppliers[i] = len(mine)
            self.dearth[i] = min(self._unit(i, j, self.slope[j]) for j in mine)
        self.rest = sum(one.quantities[i] * self.dearth[i] for i in self.demands)

    def _unit(self, i: int, j: int, slope: int) -> int:
        return self.instance.unit[i][j] + slope * self.instance.grams[i]

    def _try_singles(self) -> None:
        """Price every location that can do it alone."""
        one = self.instance
        grams = sum(q * g for q, g in zip(one.quantities, one.grams, strict=True))
        for j in self.places:
            if all(self.caps[i][j] == one.quantities[i] for i in self.demands):
                total = one.fixed[j] + cost(one.tariffs[j], grams)
                total += sum(one.quantities[i] * one.unit[i][j] for i in self.demands)
                self._consider(total, [j], None)

    def _consider(self, total: int, places: list[int], picks: list[list[int]] | None) -> None:
        """Remember a plan if it is the best, or the best over another set than the best's. Without
        `picks` the one place gives everything."""
        if self.best == NONE or total < self.best:
            if self.best_places != places and self.best != NONE:
                self.runner_up, self.runner_up_places = self.best, self.best_places
            self.best, self.best_places = total, list(places)
            if picks is None:
                picks = [[0] * len(self.free) for _ in self.caps]
                for i in self.demands:
                    picks[i][places[0]] = self.instance.quantities[i]
            self.best_picks = picks
        elif places != self.best_places and (self.runner_up == NONE or total < self.runner_up):
            self.runner_up, self.runner_up_places = total, list(places)

    def _try_greedy(self) -> None:
        """Take the location that costs least for each unit it adds until all is covered, let go
        what is not needed, and price what is left."""
        one = self.instance
        while True:
            left = self._left()
            if not any(left):
                break
            chosen, least = NONE, NONE
            for j in self.order:
                if not self.free[j]:
                    continue
                gain, total = 0, self.base[j] + one.split
                for i in self.demands:
                    units = min(self.caps[i][j], left[i])
                    gain += units
                    total += units * self._unit(i, j, self.slope[j])
                if gain and (chosen == NONE or total // gain < least):
                    chosen, least = j, total // gain
            self._choose(chosen)
        for j in list(reversed(self.chosen)):
            if all(self.cover[i] - self.caps[i][j] >= one.quantities[i] for i in self.demands):
                self._drop(j)
        if len(self.chosen) <= one.shipments_max:
            self._settle()
        for j in list(reversed(self.chosen)):
            self._drop(j)

    def _choose(self, j: int) -> None:
        self.chosen.append(j)
        self.free[j] = False
        for i in self.demands:
            self.cover[i] += self.caps[i][j]

    def _drop(self, j: int) -> None:
        self.chosen.remove(j)
        self.free[j] = True
        for i in self.demands:
            self.cover[i] -= self.caps[i][j]

    def _abandon(self, lower: int) -> None:
        """Leave plans unseen, none of them below `lower`."""
        self.floor = lower if self.floor == NONE else min(self.floor, lower)

    def _extend(self, base: int) -> None:
        """Try all sets that hold what is chosen and nothing of what is excluded. `base` is what the
        chosen cost at least, without the units."""
        self.nodes += 1
        left = self._left()
        short = NONE
        for i in self.demands:
            if left[i] and (short == NONE or self.suppliers[i] < self.suppliers[short]):
                short = i
        if short == NONE and len(self.chosen) > 1:
            self._settle()
        if len(self.chosen) >= self.instance.shipments_max:
            return
        excluded: list[int] = []
        lower, terms = (self.rest, None) if short == NONE else self._terms(short, left)
        while True:
            j, term = self._next(short, left, terms)
            if j == NONE or (self.best != NONE and base + term + lower >= self.best):
                break
            if self.nodes >= self.nodes_max:
                self._abandon(base + term + lower)
                break
            self._choose(j)
            self._extend(base + self.base[j] + self.instance.split)
            self._drop(j)
            self.free[j] = False
            excluded.append(j)
            for i in self.demands:
                self.potential[i] -= self.caps[i][j]
            if any(self.potential[i] < self.instance.quantities[i] for i in self.demands):
                break
        for j in excluded:
            self.free[j] = True
            for i in self.demands:
                self.potential[i] += self.caps[i][j]

    def _left(self) -> list[int]:
        """Return the units of each demand that the chosen cannot give."""
        quantities = self.instance.quantities
        return [max(q - has, 0) for q, has in zip(quantities, self.cover, strict=True)]

    def _terms(self, short: int, left: list[int]) -> tuple[int, list[int]]:
        """Bound what is still to come. A location that is added shares its cost among the demands
        it helps, so every uncovered demand costs at least the least, over its suppliers, of that
        share and its units. Return the sum of these over all demands but `short`, and what `short`
        costs at least with each supplier."""
        shares = [0] * len(self.free)
        for j in self.order:
            helps = sum(1 for i in self.demands if left[i] and self.caps[i][j])
            if self.free[j] and helps:
                shares[j] = (self.base[j] + self.instance.split) // helps
        lower, terms = 0, []
        for i in self.demands:
            covered = (self.instance.quantities[i] - left[i]) * self.dearth[i]
            if left[i]:
                mine = [
                    shares[j] + left[i] * self._unit(i, j, self.slope[j])
                    if self.free[j] and self.caps[i][j]
                    else NONE
                    for j in self.order
                ]
                if i == short:
                    terms = [NONE if term == NONE else term + covered for term in mine]
                else:
                    lower += min((term for term in mine if term != NONE), default=0)
            if i != short:
                lower += covered
        return lower, terms

    def _next(self, short: int, left: list[int], terms) -> tuple[int, int]:
        """Return the free location to try next and its term: the supplier of `short` with the least
        term; without one, the location with the least base. (-1, 0) where none is left."""
        found, least = NONE, 0
        last = len(self.chosen) + 1 == self.instance.shipments_max
        for n, j in enumerate(self.order):
            if not self.free[j]:
                continue
            if short == NONE:
                return j, self.base[j] + self.instance.split
            if not self.caps[short][j] or (found != NONE and terms[n] >= least):
                continue
            if last and any(left[i] > self.caps[i][j] for i in self.demands):
                continue
            found, least = j, terms[n]
        return found, least

    def _settle(self) -> None:
        """Find the best plan in which all the chosen take part."""
        one = self.instance
        lower = sum(self.base[j] for j in self.chosen) + one.split * (len(self.chosen) - 1)
        for i in self.demands:
            lower += one.quantities[i] * min(
                self._unit(i, j, self.slope[j]) for j in self.chosen if self.caps[i][j]
            )
        if self.best == NONE or lower < self.best:
            self._halve(sorted(self.chosen), 0)

    def _halve(self, places: list[int], depth: int) -> None:
        """Fill along the lines; where they lie below the true cost, halve the range of the
        quantity that leaves most room, and go on in both halves."""
        one = self.instance
        self.nodes += 1
        ranges = self._ranges(places)
        if ranges is None:
            return
        low, high = ranges
        lines, lower = {}, one.split * (len(places) - 1)
        for j in places:
            least = max(self.least[j], sum(low[i][j] * one.grams[i] for i in self.demands))
            most = sum(high[i][j] * one.grams[i] for i in self.demands)
            if most < least:
                return
            lines[j] = lower_line(one.tariffs[j], least, most)
            lower += one.fixed[j] + lines[j][0]
        picks, units = self._fill(places, low, high, lines)
        lower += units
        self._consider(price(one, picks), used(picks), picks)
        if lower >= self.best:
            return
        if self.nodes >= self.nodes_max or depth >= limits.ROUTE_DEPTH_MAX:
            self._abandon(lower)
            return
        i, j = self._widest(places, picks, low, high, lines)
        if i == NONE:
            self._abandon(lower)
            return
        middle = (low[i][j] + high[i][j]) // 2
        kept = self.low[i][j], self.high[i][j]
        self.low[i][j], self.high[i][j] = low[i][j], middle
        self._halve(places, depth + 1)
        self.low[i][j], self.high[i][j] = middle + 1, high[i][j]
        self._halve(places, depth + 1)
        self.low[i][j], self.high[i][j] = kept

    def _ranges(self, places: list[int]):
        """Return each quantity's range as far as the others of its demand allow, or None."""
        low, high = [{} for _ in self.caps], [{} for _ in self.caps]
        for i in self.demands:
            quantity = self.instance.quantities[i]
            lows = sum(self.low[i][j] for j in places)
            highs = sum(self.high[i][j] for j in places)
            if lows > quantity or highs < quantity:
                return None
            for j in places:
                low[i][j] = max(self.low[i][j], quantity - (highs - self.high[i][j]))
                high[i][j] = min(self.high[i][j], quantity - (lows - self.low[i][j]))
        return low, high

    def _fill(self, places, low, high, lines) -> tuple[list[list[int]], int]:
        """Return picks that cost least along the lines, and what their units cost."""
        picks, total = [[0] * len(self.free) for _ in self.caps], 0
        for i in self.demands:
            left = self.instance.quantities[i] - sum(low[i][j] for j in places)
            costs = {j: self._unit(i, j, lines[j][1]) for j in places}
            for j in sorted(places, key=lambda j: (costs[j], j)):
                units = min(left, high[i][j] - low[i][j])
                left -= units
                picks[i][j] = low[i][j] + units
                total += picks[i][j] * costs[j]
        return picks, total

    def _widest(self, places, picks, low, high, lines) -> tuple[int, int]:
        """Return the (demand, place) to halve: where the line lies furthest below the cost, the
        demand whose range weighs most; (-1, -1) where every weight is settled."""
        one, found, furthest = self.instance, (NONE, NONE), NONE
        for j in places:
            grams = sum(picks[i][j] * one.grams[i] for i in self.demands)
            gap = cost(one.tariffs[j], grams) - lines[j][0] - lines[j][1] * grams
            room, widest = 0, NONE
            for i in self.demands:
                weight = (high[i][j] - low[i][j]) * one.grams[i]
                if weight > room:
                    room, widest = weight, i
            if widest != NONE and gap > furthest:
                found, furthest = (widest, j), gap
        return found
