"""From the views to one problem a SKU: what is to come from where, what there is, what it costs.

The demand to come is that of the last days: as many lines a day, until the next delivery.
Destinations are the zones of the channel's routing policy. One SKU's orders are few, so what share
of them goes where is that of everything that the channel sold, over more days.
"""

from collections import Counter, defaultdict
from typing import NamedTuple

from engine.core import limits
from engine.core.commands import PutLocation, PutSku
from engine.core.routing.costs import Ask, Candidate, Demand, Site, consider, handles
from engine.core.routing.policy import Policy, PutScarcity
from engine.core.routing.tariff import cost
from engine.core.terms import Address
from engine.views import demand
from engine.views.projector import cursor_of
from engine.views.work import Database

DAY_US = 86_400_000_000
LOST = 1.5  # what a unit that nobody can send costs, as a multiple of the dearest way


class Times(NamedTuple):
    """How many days are looked back on for how much is wanted, and for where; and how many ahead
    where no delivery is expected."""

    back_days: float = 28.0
    where_days: float = 180.0
    ahead_days: float = 14.0


class Place(NamedTuple):
    """Where a line goes: a channel, and a zone of its policy."""

    channel: str
    zone: str


class Problem(NamedTuple):
    """One SKU. `rates` are lines a day by destination, of `units` units each; `stock` is by
    location, `cost` of a unit in mills by destination and location, `lost` what one costs that
    cannot be sent. `days` are left until the next delivery."""

    sku: str
    locations: list[str]
    stock: list[int]
    rates: list[float]
    units: int
    cost: list[list[int]]
    lost: int
    days: float


class Scene(NamedTuple):
    """What the views knew at log position `seq`: a problem for each SKU that may need prices, most
    wanted first, and the prices that hold."""

    seq: int
    problems: list[Problem]
    prices: dict[str, PutScarcity]


def look(views: Database, now_us: int, times: Times) -> Scene:
    """Read the views and return what there is to solve."""
    problems = _Forecast(views, now_us, times).problems()
    return Scene(cursor_of(views).seq, problems, demand.scarcity(views))


class _Forecast:
    """All tables, read once."""

    def __init__(self, views: Database, now_us: int, times: Times) -> None:
        window = demand.window(views, now_us, times.back_days)
        self.now_us, self.times, self.days = now_us, times, window.days
        self.policies, self.by_channel = demand.policies(views), demand.channels(views)
        self.skus, self.locations = demand.skus(views), demand.locations(views)
        self.available, self.deliveries = demand.available(views), demand.deliveries(views)
        self.lines: dict[int, Counter[str]] = defaultdict(Counter)  # by SKU, by channel
        self.units: Counter[int] = Counter()
        self.zones: dict[str, Counter[str]] = defaultdict(Counter)  # orders by channel
        self.costs: dict[tuple, Candidate | None] = {}
        for row in demand.wanted(views, window.seq):
            if self._policy(row.channel):
                self.lines[row.sku_number][row.channel] += row.lines
                self.units[row.sku_number] += row.units
        longer = demand.window(views, now_us, times.where_days)
        for channel, country, postcode, orders in demand.destinations(views, longer.seq):
            policy = self._policy(channel)
            zone = policy and policy.zone_of(Address(country=country, postcode=postcode))
            if zone is not None:
                self.zones[channel][zone] += orders

    def _policy(self, channel: str) -> Policy | None:
        return self.policies.get(self.by_channel.get(channel, ""))

    def problems(self) -> list[Problem]:
        """Return the problems of the SKUs that are wanted most, where prices can matter: more than
        one location has units, and orders look at prices."""
        found = []
        for number, _ in self.units.most_common(limits.SCARCITY_SKUS_MAX):
            stock = self.available.get(number, {})
            if sum(units > 0 for units in stock.values()) < 2:
                continue
            if any(self._looks_at_prices(channel) for channel in self.lines[number]):
                problem = self._problem(number, self.skus[number], stock)
                if problem:
                    found.append(problem)
        return found

    def _looks_at_prices(self, channel: str) -> bool:
        strategy = self._policy(channel).strategy_of(channel)
        return strategy.kind == "balanced" and strategy.scarcity_weight > 0

    def _problem(self, number: int, put: PutSku, stock: dict[str, int]) -> Problem | None:
        lines = self.lines[number]
        units = max(1, round(self.units[number] / lines.total()))
        places = sorted(stock, key=stock.get, reverse=True)[: limits.SCARCITY_PLACES_MAX]
        rates: Counter[Place] = Counter()
        for channel, count in lines.items():
            everywhere = self.zones[channel].total()
            for zone, share in self.zones[channel].items():
                rates[Place(channel, zone)] = count / self.days * share / everywhere
        rows, used = [], []
        for place, rate in rates.most_common(limits.SCARCITY_ZONES_MAX):
            row = [self._cost(place, self.locations[name], put, units) for name in places]
            if any(value is not None for value in row):
                rows.append(row)
                used.append(rate)
        if not rows:
            return None
        lost = int(LOST * max(value for row in rows for value in row if value is not None)) + 1
        return Problem(
            put.sku,
            places,
            [stock[name] for name in places],
            used,
            units,
            [[lost if value is None else value for value in row] for row in rows],
            lost,
            self._days_left(put.sku),
        )

    def _days_left(self, sku: str) -> float:
        """Return the days until the next delivery; one that is late already says nothing."""
        ahead = self.times.ahead_days
        for expected_us in self.deliveries.get(sku, ()):
            if expected_us > self.now_us:
                return min(ahead, (expected_us - self.now_us) / DAY_US)
        return ahead

    def _cost(self, place: Place, location: PutLocation, sku: PutSku, units: int) -> int | None:
        """Return what a unit of a line costs from a location in mills, None if it may not go."""
        policy = self._policy(place.channel)
        if not handles(policy, location.location, sku.handling):
            return None
        key = (place, location.location)
        if key not in self.costs:
            ask = Ask(place.channel, [Demand("", 1)], None, self.now_us)
            strategy = policy.strategy_of(place.channel)
            found = consider(policy, strategy, ask, place.zone, Site(location, [1]))
            self.costs[key] = found if isinstance(found, Candidate) else None
        found = self.costs[key]
        if found is None:
            return None
        sent = sum(found.parts.values()) + cost(found.tariff, (sku.weight_g or 0) * units)
        return sent // units + found.unit
