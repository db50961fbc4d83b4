"""What taking a unit from each location costs later orders: by an exact solver, and by playing
them through.

`marginals` solves the transportation problem of one draw of the demand: units wanted by
destination, stock by location, a cost for each pair. It adds one destination after the other along
shortest augmenting paths over locations (Ahuja, Magnanti & Orlin 1993, ch. 9.7), so the solution is
optimal after each, and the length of the shortest path from a location to free stock is exactly
what one unit less there would cost: the dual price in whole numbers (Acimovic & Graves 2015). What
nobody can serve costs `lost`.

`played` lets the same draw come in an order, each unit served where cost and a price are least,
with a unit less at one location after the other. That is dearer than the optimum, because nobody
knows what comes next; so is the price.

`ext/transport.pyx` is the same, compiled. Costs are whole numbers in any unit.
"""

from collections.abc import Sequence

FAR = 1 << 60
Rows = Sequence[Sequence[int]]
_FREE, _LOST = -1, -2


def marginals_slow(demand: Rows, stock: Sequence[int], cost: Rows, lost: int) -> list[list[int]]:
    """Return, for each row of `demand` (units by destination), what a unit less at each location
    would cost, at most `lost`."""
    return [_Flow(row, stock, cost, lost).prices() for row in demand]


def played_slow(arrivals: Rows, stock: Sequence[int], cost: Rows, ways: Rows) -> list[list[int]]:
    """Return, for each row of `arrivals` (destinations in the order in which they come), what it
    costs in sum with a unit less at each location. `ways` has the locations of each destination,
    the first choice first. One that has no unit counts as `FAR`."""
    found, total = [], sum(stock)
    for row in arrivals:
        sums = []
        for location, units in enumerate(stock):
            if not units:
                sums.append(FAR)
                continue
            left, paid = list(stock), 0
            left[location] -= 1
            for to in row[: total - 1]:
                here = next((place for place in ways[to] if left[place]), None)
                if here is not None:
                    left[here] -= 1
                    paid += cost[to][here]
            sums.append(paid)
        found.append(sums)
    return found


class _Flow:
    """One draw: units by destination and location, and the shortest ways between locations."""

    def __init__(self, demand: Sequence[int], stock: Sequence[int], cost: Rows, lost: int) -> None:
        self.cost, self.lost, self.left = cost, lost, list(stock)
        self.places = range(len(self.left))
        self.units = [[0] * len(self.left) for _ in cost]
        # What moving a unit from one location to another costs, and which destination moves.
        self.moves = [[(FAR, 0)] * len(self.left) for _ in self.left]
        self.gives_up = [(FAR, 0)] * len(self.left)
        self._reach()
        for to, units in enumerate(demand):
            while units:
                taken = self._add(to, units)
                if not taken:
                    break
                units -= taken

    def prices(self) -> list[int]:
        return [min(far, self.lost) for far in self.far]

    def _add(self, to: int, units: int) -> int:
        """Serve up to `units` of a destination the same way; return how many, 0 if none can."""
        here = min(self.places, key=lambda place: self.cost[to][place] + self.far[place])
        if self.cost[to][here] + self.far[here] >= self.lost:
            return 0
        steps, place = [], here
        while self.then[place] >= 0:
            mover = self.moves[place][self.then[place]][1]
            units = min(units, self.units[mover][place])
            steps.append((mover, place, self.then[place]))
            place = self.then[place]
        if self.then[place] == _FREE:
            units = min(units, self.left[place])
            self.left[place] -= units
        else:
            loser = self.gives_up[place][1]
            units = min(units, self.units[loser][place])
            self.units[loser][place] -= units
        self.units[to][here] += units
        for mover, old, new in steps:
            self.units[mover][old] -= units
            self.units[mover][new] += units
        for old in {here, place, *(step[1] for step in steps)}:
            self._ways_from(old)
        self._reach()
        return units

    def _ways_from(self, place: int) -> None:
        held = [(to, row[place]) for to, row in enumerate(self.units) if row[place]]
        for other in self.places:
            ways = [(self.cost[to][other] - self.cost[to][place], to) for to, _ in held]
            self.moves[place][other] = min(ways, default=(FAR, 0))
        ways = [(self.lost - self.cost[to][place], to) for to, _ in held]
        self.gives_up[place] = min(ways, default=(FAR, 0))

    def _reach(self) -> None:
        """Find how far each location is from free stock, or from giving a destination up."""
        self.far = [
            0 if left else up for left, (up, _) in zip(self.left, self.gives_up, strict=True)
        ]
        self.then = [_FREE if left else _LOST for left in self.left]
        changed = True
        while changed:
            changed = False
            for place in self.places:
                if self.left[place]:
                    continue
                for other in self.places:
                    way = self.moves[place][other][0] + self.far[other]
                    if other != place and way < self.far[place]:
                        self.far[place], self.then[place], changed = way, other, True


try:
    from ext.transport import marginals, played
except ImportError:  # not built: the same, slower
    marginals, played = marginals_slow, played_slow
