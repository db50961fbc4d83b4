"""From the lines of a reservation or order to takes: expand, grant, route, deal out.

1. Expand: a bundle line becomes parts, one per component SKU, nested bundles included.
2. Grant: lines are looked at one after the other against a running figure, so two lines of one
   SKU, or two bundles that share a component, are added up. Lines bound to a location go first.
3. Route: for what was granted, added up by SKU (and bound location), the source chooses locations.
4. Deal out: each part gets its takes from what was chosen for its SKU, in line order.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping

import msgspec

from engine.core import bundles, limits, routing
from engine.core.commands import Address
from engine.core.decide import refusals
from engine.core.events import PositionOpened, Take
from engine.core.fences import Share, share, tied
from engine.core.outcomes import Fault, Refused
from engine.core.state import State

ANYWHERE = -1


class Part(msgspec.Struct):
    """`per_unit` units of stocked SKU `sku` for each unit of line `line`, from `location`."""

    line: int
    sku: int
    per_unit: int
    location: int


class Allotment(msgspec.Struct):
    """What the lines get: `granted` units and `takes` a line; `short` says why not all."""

    opened: list[PositionOpened]
    granted: list[int]
    takes: list[list[Take]]
    short: list[Fault]


class Source:
    """What lines may be allotted from: what is available, and the units by position in `own`,
    which whoever asks holds already, but nothing at the locations numbered in `shut`. Unless
    `first`, what orders wait for that stock has come for is not for whoever asks. Units come
    from the fewest locations; a `decide.routing.Routed` asks a policy. What is set aside for other
    channels than `channel` (None: for any) is not for whoever asks (`core.fences`). `holder` is the
    seq of the order that gives `own` up. With `lent`, other orders do: of a SKU with fences, only
    these units can be had."""

    def __init__(
        self,
        state: State,
        own: dict[int, int] | None = None,
        shut: Mapping[int, str] | None = None,
        *,
        channel: str | None = None,
        first: bool = False,
        holder: int = 0,
        lent: bool = False,
    ) -> None:
        self.state, self.own, self.shut, self.first = state, own or {}, shut or {}, first
        self.channel, self.holder, self.lent = channel, holder, lent
        self._shares: dict[int, Share | None] = {}

    def share(self, sku: int) -> Share | None:
        """Return what the channel may take of a SKU beside its `own`; None: all there is."""
        if sku not in self._shares:
            self._shares[sku] = share(self.state, sku, self.channel)
        return self._shares[sku]

    def gives(self, number: int) -> int:
        """Units that position `number` can give; below 0 if it promised more than it has."""
        position, own = self.state.positions[number], self.own.get(number, 0)
        share = self.share(position.sku)
        if share is None:
            return position.available + own
        return own + (0 if self.lent else share.most.get(number, 0))

    def open(self, location: int) -> bool:
        """Say whether a location may give at all."""
        return location not in self.shut and self.state.locations[location].put.active

    def offers(self, sku: int) -> dict[int, int]:
        """Return what each location can give of `sku`."""
        found = {}
        for number in self.state.skus[sku].positions:
            units, location = self.gives(number), self.state.positions[number].location
            if units > 0 and self.open(location):
                found[location] = units
        return found

    def tied(self, sku: int) -> dict[int, int]:
        """Return the units of `own` that can be had at their location only, by location: given up,
        they are set aside there."""
        if self.lent or not self.own or self.share(sku) is None:
            return {}
        found = {}
        for number in self.state.skus[sku].positions:
            own, location = self.own.get(number, 0), self.state.positions[number].location
            if own and self.open(location):
                found[location] = tied(self.state, number, own, self.holder)
        return {location: units for location, units in found.items() if units}

    def choose(
        self,
        skus: list[int],
        demands: list[int],
        stock: list[dict[int, int]],
        rank: dict[int, tuple],
    ) -> list[list[tuple[int, int]]] | Refused:
        """Return the (location, units) that give each demand; `stock` is what each location has
        left of it, in sum at least the demand."""
        return routing.choose(demands, stock, rank)

    def total(self, sku: int, offers: dict[int, int]) -> int:
        """Return the units of `sku` that may be had of those that are offered."""
        owed = 0 if self.first else self.state.waiting.owed(sku)
        share = self.share(sku)
        if not owed and share is None:
            return sum(offers.values())
        places = self.state.skus[sku].positions
        if share is not None:
            # What is given up at a location that may not give is no unit to take elsewhere, where
            # units may be set aside.
            places = [n for n in places if self.open(self.state.positions[n].location)]
        own = sum(self.own.get(number, 0) for number in places)
        free = self.state.free_units(sku) if share is None else share.total
        free = 0 if share and self.lent else free
        return min(max(free - owed, 0) + own, sum(offers.values()))


def allot(
    state: State,
    lines,
    destination: Address | None,
    *,
    partial: bool,
    source: Source | None = None,
) -> Allotment | Refused:
    """Allot stock to `lines` (each with sku, quantity, location), from `source` or what is there.

    Without `partial`, nothing is routed once a line is short. Refuses unknown or inactive names
    and sums that overflow.
    """
    source = source or Source(state)
    parts = _expand(state, lines)
    if isinstance(parts, Refused):
        return parts
    pool = _Pool(source)
    granted, short = _grant(state, lines, parts, pool)
    if short and not partial:
        return Allotment([], granted, [], short)
    chosen = _route(source, parts, granted, destination)
    if isinstance(chosen, Refused):
        return chosen
    opened = _open(state, chosen)
    if len(state.positions) + len(opened) > limits.POSITIONS_MAX:
        return refusals.full(state, "positions")
    takes = _deal(state, len(lines), parts, granted, chosen, opened)
    wide = next((i for i, t in enumerate(takes) if len(t) > limits.TAKES_PER_LINE_MAX), None)
    if wide is not None:
        return refusals.many_takes(state, wide)
    return _overflow(source, takes) or Allotment(opened, granted, takes, short)


def _overflow(source: Source, takes: list[list[Take]]) -> Refused | None:
    """Promises beyond on_hand are bounded too."""
    state = source.state
    promised: dict[int, int] = defaultdict(int)
    for take in (take for line in takes for take in line):
        promised[take.position] += take.quantity
    for number, units in promised.items():
        if number < len(state.positions):
            units += state.positions[number].reserved + state.positions[number].allocated
            units -= source.own.get(number, 0)
        if units > limits.BUCKET_UNITS_MAX:
            return refusals.many_promised(state)
    return None


def _expand(state: State, lines) -> list[list[Part]] | Refused:
    parts, total = [], 0
    for index, line in enumerate(lines):
        sku, location = state.sku_numbers.get(line.sku), ANYWHERE
        if line.location is not None:
            location = state.location_numbers.get(line.location)
            if location is None:
                return refusals.unknown_location(state, index, line.location)
            if not state.locations[location].put.active:
                return refusals.inactive_location(state, index, line.location)
        if sku is None:
            return refusals.unknown_sku(state, index, line.sku)
        per_unit: dict[int, int] = {}
        total += bundles.leaves(state.skus, sku, 1, per_unit)
        if total > limits.EXPANDED_LINES_MAX:
            return refusals.many_parts(state, index, line.sku)
        if any(n * line.quantity > limits.QUANTITY_MAX for n in per_unit.values()):
            return refusals.many_units(state, index, line.sku)
        parts.append([Part(index, leaf, n, location) for leaf, n in per_unit.items()])
    return parts


class _Pool:
    """The running figure: units that the lines so far have left."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.cells: dict[tuple[int, int], int] = {}
        self.anywhere: dict[int, int] = {}
        self.tied: dict[int, dict[int, int]] = {}

    def left(self, part: Part) -> int:
        """Units that `part` may still take."""
        if part.location == ANYWHERE:
            return self._anywhere(part.sku)
        cell = (part.sku, part.location)
        if cell not in self.cells:
            number = self.source.state.cells.get(cell)
            units = self.source.gives(number) if number is not None else 0
            self.cells[cell] = max(units, 0)
        if part.sku in self.source.state.waiting.due or self.source.share(part.sku):
            tied = self._tied(part.sku)
            elsewhere = sum(tied.values()) - tied.get(part.location, 0)
            return min(self.cells[cell], max(self._anywhere(part.sku) - elsewhere, 0))
        return self.cells[cell]

    def _anywhere(self, sku: int) -> int:
        if sku not in self.anywhere:
            self.anywhere[sku] = self.source.total(sku, self.source.offers(sku))
        return self.anywhere[sku]

    def _tied(self, sku: int) -> dict[int, int]:
        if sku not in self.tied:
            self.tied[sku] = self.source.tied(sku)
        return self.tied[sku]

    def take(self, part: Part, units: int) -> None:
        """Use `units` up."""
        if part.location != ANYWHERE:
            self.cells[part.sku, part.location] -= units
            tied = self._tied(part.sku)
            if part.location in tied:
                tied[part.location] = max(tied[part.location] - units, 0)
        self.anywhere[part.sku] = self._anywhere(part.sku) - units


def _grant(state: State, lines, parts, pool: _Pool) -> tuple[list[int], list[Fault]]:
    granted, short = [0] * len(lines), {}
    bound_first = sorted(range(len(lines)), key=lambda i: lines[i].location is None)
    for index in bound_first:
        quantity, limiting = lines[index].quantity, None
        for part in parts[index]:
            if state.skus[part.sku].put.backorderable:
                continue
            units = pool.left(part) // part.per_unit
            if units < quantity:
                quantity, limiting = max(units, 0), part
        granted[index] = quantity
        if limiting:
            short[index] = refusals.short_line(
                index,
                state.sku_name(limiting.sku),
                lines[index].quantity * limiting.per_unit,
                max(pool.left(limiting), 0),
                pool.source.share(limiting.sku),
            )
        for part in parts[index]:
            if not state.skus[part.sku].put.backorderable:
                pool.take(part, quantity * part.per_unit)
    return granted, [short[index] for index in sorted(short)]


def _route(source: Source, parts, granted, destination) -> dict | Refused:
    """Choose locations for the granted units: {(sku, bound): [(location, units), …]}. Refuses
    where units of a backorderable SKU find no active location."""
    state, wanted = source.state, defaultdict(int)
    for line, quantity in zip(parts, granted, strict=True):
        for part in line:
            wanted[part.sku, part.location] += quantity * part.per_unit
    chosen: dict[tuple[int, int], list[tuple[int, int]]] = {}
    bound: dict[tuple[int, int], int] = {}
    for (sku, location), units in wanted.items():
        if location != ANYWHERE:
            chosen[sku, location] = [(location, units)] if units else []
            bound[sku, location] = units
    free = [key for key in wanted if key[1] == ANYWHERE]
    stock = []
    for sku, _ in free:
        give = dict(source.offers(sku))
        for place in give:
            give[place] -= bound.get((sku, place), 0)
        chosen[sku, ANYWHERE] = first = _tied_first(source, sku, wanted[sku, ANYWHERE], bound)
        for place, units in first:
            give[place] -= units
            wanted[sku, ANYWHERE] -= units
        stock.append({place: units for place, units in give.items() if units > 0})
    if sum(map(len, stock)) > limits.ROUTE_OFFERS_MAX:
        return refusals.many_offers(state)
    demands = [min(wanted[key], sum(give.values())) for key, give in zip(free, stock, strict=True)]
    rank = {
        number: (place.put.priority, routing.remoteness(place.put, destination), number)
        for number, place in enumerate(state.locations)
        if source.open(number)
    }
    picked = source.choose([sku for sku, _ in free], demands, stock, rank)
    if isinstance(picked, Refused):
        return picked
    for key, picks in zip(free, picked, strict=True):
        missing = wanted[key] - sum(units for _, units in picks)
        if missing and not rank:
            return refusals.no_location(state)
        if missing:
            _beyond(picks, missing, rank)
        sums = Counter(dict(chosen[key]))
        for place, units in picks:
            sums[place] += units
        chosen[key] = list(sums.items())
    return chosen


def _tied_first(source: Source, sku: int, wanted: int, bound: dict) -> list[tuple[int, int]]:
    """Return (location, units) of those `wanted` that are had where they are: elsewhere, units may
    be set aside. What lines `bound` to a location take comes out of these first."""
    picks = []
    for place, units in source.tied(sku).items():
        units = min(units - bound.get((sku, place), 0), wanted)
        if units > 0:
            picks.append((place, units))
            wanted -= units
    return picks


def _beyond(picks: list[tuple[int, int]], missing: int, rank: dict) -> None:
    """Promise `missing` units of a backorderable SKU at the best location."""
    if picks:
        place, units = picks[0]
        picks[0] = (place, units + missing)
    else:
        picks.append((min(rank, key=rank.__getitem__), missing))


def _open(state: State, chosen: dict) -> list[PositionOpened]:
    opened, seen = [], set()
    for (sku, _), picks in chosen.items():
        for location, _ in picks:
            cell = sku, location
            if state.cells.get(cell) is None and cell not in seen:
                seen.add(cell)
                opened.append(PositionOpened(len(state.positions) + len(opened), sku, location))
    return opened


def _deal(state: State, count: int, parts, granted, chosen, opened) -> list[list[Take]]:
    fresh = {(event.sku, event.location): event.number for event in opened}
    left = {key: [list(pick) for pick in picks] for key, picks in chosen.items()}
    takes: list[list[Take]] = [[] for _ in range(count)]
    for line in parts:
        for part in line:
            need = granted[part.line] * part.per_unit
            queue = left[part.sku, part.location]
            while need:
                location, units = queue[0]
                number = state.cells.get((part.sku, location), fresh.get((part.sku, location)))
                used = min(need, units)
                takes[part.line].append(Take(number, used))
                need -= used
                queue[0][1] -= used
                if not queue[0][1]:
                    queue.pop(0)
    return takes
