"""How much of the cost of deciding without knowing the future do scarcity prices save?

Olist's orders, single units of its best sold categories, at their real times and places, from eight
warehouses that are filled up every two weeks from a forecast of the past only. The compiled ledger
decides each order by a policy: by the cheapest way now, or by the cheapest way and the scarcity
prices of `dibs scarcity`, made anew every morning or before each order from what is left and what
is expected until the next delivery. The optimum of each cycle is that of somebody who knew all of
its orders. All serve the same orders: the first ones, until nothing is left.

How prices are made was chosen on the cycles that begin before day 350. Those after it judge. Beside
them stands the same with demand that is drawn from the forecast itself: what prices save when the
forecast is right, and only chance is not known.

    python -m benchmarks.bench_scarcity --data FOLDER [--skus 2] [--cycle 14] [--fill 1.0]
"""

import argparse
import time
from collections import defaultdict
from pathlib import Path

import numpy
from rich.progress import track

from benchmarks.routing.olist import WAREHOUSES, Network, network
from benchmarks.routing.shadow import transport
from benchmarks.show import Samples, finish
from engine.core import commands as c
from engine.core.commands import Request
from engine.core.outcomes import Accepted
from engine.core.routing.policy import (
    ChannelStrategy,
    Lane,
    LocationRule,
    PutScarcity,
    RateBand,
    RoutingPolicy,
    ScarcityPrice,
    Strategy,
    Zone,
)
from engine.insight.forecast import LOST, Problem, Times
from engine.insight.scarcity import prices
from ext.ledger import Ledger
from ext.transport import marginals

START_US = 1_800_000_000_000_000
DAY_US = 86_400_000_000
TIMES = Times()
BACK_DAYS, WHERE_DAYS = int(TIMES.back_days), int(TIMES.where_days)
HISTORY_DAYS = 56
JUDGED_FROM_DAY = 350
RESAMPLES = 5_000
UNITS_MIN = 8  # expected in a cycle; with fewer there is nothing to choose
CHEAPEST, MORNING, EACH, OPTIMUM = "cheapest", "priced daily", "priced each order", "optimum"
CHANNELS = (CHEAPEST, MORNING, EACH)


class Shop:
    """A ledger that serves one channel's orders."""

    def __init__(self, net: Network, channel: str, sku: str) -> None:
        self.net, self.channel, self.sku = net, channel, sku
        self.ledger, self.number = Ledger(), 0
        self.ledger.begin(START_US)
        zones = tuple(Zone(zone, "BR", (zone,)) for zone in net.zones)
        lanes = tuple(
            Lane(place, zone, (RateBand(1_000, int(net.cost[z, w])),))
            for z, zone in enumerate(net.zones)
            for w, place in enumerate(WAREHOUSES)
        )
        strategies = Strategy("cheapest", "cheapest"), Strategy("scarcity", "balanced")
        rules = tuple(LocationRule(place, place) for place in WAREHOUSES)
        named = tuple(
            ChannelStrategy(name, "cheapest" if name == CHEAPEST else "scarcity")
            for name in CHANNELS
        )
        self.do(*(c.PutLocation(place, place, "warehouse", "BR") for place in WAREHOUSES))
        self.do(c.PutSku(sku, sku, 500))
        self.do(RoutingPolicy("main", 1, strategies, "", zones, lanes, None, rules, named))
        self.do(*(c.PutChannel(name, policy="main") for name in CHANNELS))

    def do(self, *commands) -> None:
        """Decide commands that must be accepted."""
        for command in commands:
            outcome = self.ledger.decide(Request(command))
            if not isinstance(outcome, Accepted):
                raise SystemExit(f"{command} is refused: {outcome.detail}")

    def next_day(self, day: int) -> None:
        """Begin the batch of a day."""
        self.ledger.drain()
        self.ledger.begin(START_US + (day + 1) * DAY_US)

    def stock(self) -> numpy.ndarray:
        """Return what is available at each warehouse."""
        found = {row.location: row.available for row in self.ledger.stock(self.sku).locations}
        return numpy.array([found.get(place, 0) for place in WAREHOUSES])

    def fill(self, target: numpy.ndarray, day: int) -> None:
        """Bring each warehouse to its target."""
        for place, units in zip(WAREHOUSES, target - self.stock(), strict=True):
            if units > 0:
                lines = (c.ReceiptLine(self.sku, int(units)),)
                self.do(c.Receive(f"{place}-{day}", place, lines))
            elif units < 0:
                lines = (c.AdjustLine(self.sku, int(units), "moved on"),)
                self.do(c.Adjust(f"{place}-{day}", place, lines))

    def price(self, rate: numpy.ndarray, days: float) -> None:
        """Put the prices of `dibs scarcity`, where the SKU ever was."""
        costs = (self.net.cost * 1_000).tolist()
        lost = int(LOST * self.net.cost.max() * 1_000) + 1
        stock = self.stock().tolist()
        places, rates = list(WAREHOUSES), rate.tolist()
        problem = Problem(self.sku, places, stock, rates, 1, costs, lost, days)
        known = {row.location for row in self.ledger.stock(self.sku).locations}
        rows = zip(WAREHOUSES, prices(problem), strict=True)
        self.do(
            PutScarcity(self.sku, tuple(ScarcityPrice(*row) for row in rows if row[0] in known))
        )

    def serve(self, zone: str) -> int | None:
        """Place an order of one unit; return what sending it costs, None if nothing is left."""
        self.number += 1
        home = c.Address(postcode=f"{zone}000", country="BR")
        order = c.PlaceOrder(
            order_id=str(self.number),
            channel=self.channel,
            lines=(c.OrderLine(self.sku, 1),),
            ship_to=home,
        )
        outcome = self.ledger.decide(Request(order))
        if not isinstance(outcome, Accepted):
            return None
        place = outcome.answer.lines[0].allocations[0].location
        return int(self.net.cost[self.net.zones.index(zone), WAREHOUSES.index(place)])


class Cycle:
    """Two weeks of one SKU: orders by day, and for each day the forecast that was made that
    morning: units a day by zone."""

    def __init__(self, first: int, days: list[list[int]], rates: list[numpy.ndarray]) -> None:
        self.first, self.days, self.rates = first, days, rates


def cycles(net: Network, sku: str, length: int, chance: numpy.random.Generator | None):
    """Yield the cycles that have a history. With `chance` the orders are drawn from the forecast of
    the first morning, which holds for all days."""
    by_day: dict[int, list[int]] = defaultdict(list)
    for wanted in net.wanted:
        if wanted.sku == sku:
            by_day[wanted.day].append(net.zones.index(wanted.zone))
    many = numpy.array([len(by_day.get(day, ())) for day in range(max(by_day) + 1)])

    def rate(day: int) -> numpy.ndarray:
        where = net.sold[max(day - WHERE_DAYS, 0) : day].sum(axis=0)
        return many[max(day - BACK_DAYS, 0) : day].sum() / BACK_DAYS * where / max(where.sum(), 1)

    for first in range(HISTORY_DAYS, len(many) - 1 - length, length):
        rates = [rate(first + n) for n in range(length)]
        days = [by_day.get(first + n, []) for n in range(length)]
        if chance is not None:
            rates = [rates[0]] * length
            drawn = [numpy.repeat(numpy.arange(len(r)), chance.poisson(r)) for r in rates]
            days = [chance.permutation(zones).tolist() for zones in drawn]
        if rates[0].sum() * length >= UNITS_MIN:
            yield Cycle(first, days, rates)


def run(net: Network, shops: list[Shop], cycle: Cycle, fill: float) -> tuple[dict[str, int], int]:
    """Run one cycle in every shop; return what each paid, and how many orders were served."""
    length = len(cycle.days)
    expected = cycle.rates[0] * length * fill
    plenty = numpy.full(len(WAREHOUSES), 10 * expected.sum() + 10)
    target = numpy.rint(transport(expected, plenty, net.cost)[2].sum(axis=0)).astype(int)
    for shop in shops:
        shop.next_day(cycle.first)
        shop.fill(target, cycle.first)
    paid, done = dict.fromkeys((*CHANNELS, OPTIMUM), 0), []
    for n, zones in enumerate(cycle.days):
        for shop in shops:
            if n:
                shop.next_day(cycle.first + n)
            if shop.channel == MORNING:
                shop.price(cycle.rates[n], length - n)
            costs = []
            for zone in zones:
                if shop.channel == EACH:
                    shop.price(cycle.rates[n], length - n - 0.5)
                costs.append(shop.serve(net.zones[zone]))
            paid[shop.channel] += sum(cost for cost in costs if cost is not None)
            kept = [zone for zone, cost in zip(zones, costs, strict=True) if cost is not None]
        done += kept
    if done:
        demand = numpy.bincount(done, minlength=len(net.zones))
        paid[OPTIMUM] = round(transport(demand, target, net.cost)[0])
    return paid, len(done)


def tell(samples: Samples, case: str, told: list[tuple[dict[str, int], int]]) -> None:
    """Add what the cycles of a case came to."""
    served = sum(count for _, count in told)
    sums = {name: sum(paid[name] for paid, _ in told) for name in (*CHANNELS, OPTIMUM)}
    gap, case = sums[CHEAPEST] - sums[OPTIMUM], f"{case}: {served:,} units, {len(told)} cycles"
    for name, cost in sums.items():
        samples.add(case, name, "a shipment, minor units", cost / served)
    samples.add(case, CHEAPEST, "% above the optimum", 100 * gap / sums[OPTIMUM])
    chance = numpy.random.default_rng(1)
    picked = chance.integers(0, len(told), (RESAMPLES, len(told)))
    every = {name: numpy.array([paid[name] for paid, _ in told]) for name in sums}
    for name in (MORNING, EACH):
        samples.add(case, name, "% of that gap closed", 100 * (sums[CHEAPEST] - sums[name]) / gap)
        saved, gaps = every[CHEAPEST] - every[name], every[CHEAPEST] - every[OPTIMUM]
        shares = 100 * saved[picked].sum(axis=1) / gaps[picked].sum(axis=1)
        for end in (2.5, 97.5):
            unit = f"% of it closed, {end} % of cycles drawn again"
            samples.add(case, name, unit, float(numpy.percentile(shares, end)))


def solvers(samples: Samples, net: Network, seed: int) -> None:
    """Measure one draw of a cycle's demand: our solver, and HiGHS through scipy."""
    chance = numpy.random.default_rng(seed)
    where = net.sold.sum(axis=0) / net.sold.sum()
    draws, stock = chance.poisson(where * 100, (50, len(where))), numpy.full(len(WAREHOUSES), 12)
    case = f"a draw of 100 units, {len(where)} zones, {len(WAREHOUSES)} warehouses"
    for name, work in {
        "ext.transport": lambda: marginals(
            draws.tolist(), stock.tolist(), net.cost.tolist(), 10**5
        ),
        "HiGHS (scipy)": lambda: [transport(draw, stock, net.cost) for draw in draws],
    }.items():
        began = time.perf_counter()
        work()
        samples.add(case, name, "ms a draw", (time.perf_counter() - began) / len(draws) * 1e3)


def main() -> None:
    """Measure, show, record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with Olist's files")
    parser.add_argument("--skus", type=int, default=2)
    parser.add_argument("--cycle", type=int, default=14)
    parser.add_argument("--fill", type=float, default=1.0, help="stock as a share of the forecast")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    net = network(options.data, options.skus)
    samples, real, drawn = Samples(), [], []
    for sku in track(sorted({wanted.sku for wanted in net.wanted}), description="SKUs"):
        chance = numpy.random.default_rng(options.seed)
        for told, source in ((real, None), (drawn, chance)):
            shops = [Shop(net, channel, sku) for channel in CHANNELS]
            for cycle in cycles(net, sku, options.cycle, source):
                told.append((cycle.first, *run(net, shops, cycle, options.fill)))
    early = [rest for first, *rest in real if first < JUDGED_FROM_DAY]
    late = [rest for first, *rest in real if first >= JUDGED_FROM_DAY]
    tell(samples, f"{options.skus} SKUs, days judged", late)
    tell(samples, f"{options.skus} SKUs, days before, on which it was chosen", early)
    tell(samples, f"{options.skus} SKUs, drawn from the forecast", [rest for _, *rest in drawn])
    solvers(samples, net, options.seed)
    options.data = options.data.name
    finish("scarcity", {**vars(options), "rows": samples.rows(), "ratios": []})


if __name__ == "__main__":
    main()
