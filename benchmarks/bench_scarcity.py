"""How much of the cost of deciding without knowing the future do scarcity prices save?

Olist's orders, single units of its best sold categories, at their real times and places, from eight
warehouses that are filled up every two weeks from a forecast of the past only. The compiled ledger
decides each order by a policy: by the cheapest way now, or by the cheapest way and scarcity prices
that are computed anew every morning from what is left and what is expected until the next delivery.
The optimum of each cycle is that of somebody who knew all of its orders. All serve the same orders:
the first ones, until nothing is left.

    python -m benchmarks.bench_scarcity --data FOLDER [--skus 3] [--cycle 14] [--fill 1.0]
"""

import argparse
from collections import defaultdict
from pathlib import Path

import numpy

from benchmarks.routing.olist import WAREHOUSES, Network, network
from benchmarks.routing.shadow import prices, transport
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
from ext.ledger import Ledger

START_US = 1_800_000_000_000_000
DAY_US = 86_400_000_000
HISTORY_DAYS = 56
CHANNELS = ("cheapest", "scarcity")


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
        named = (ChannelStrategy("scarcity", "scarcity"), ChannelStrategy("cheapest", "cheapest"))
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

    def price(self, mills: numpy.ndarray) -> None:
        """Put scarcity prices, where the SKU ever was."""
        known = {row.location for row in self.ledger.stock(self.sku).locations}
        rows = zip(WAREHOUSES, mills, strict=True)
        self.do(
            PutScarcity(
                self.sku, tuple(ScarcityPrice(p, max(0, int(m))) for p, m in rows if p in known)
            )
        )

    def serve(self, zone: str) -> int | None:
        """Place an order of one unit; return what sending it costs, None if nothing is left."""
        self.number += 1
        home = c.Address(postcode=f"{zone}000", country="BR")
        line = (c.OrderLine(self.sku, 1),)
        outcome = self.ledger.decide(
            Request(
                c.PlaceOrder(
                    order_id=str(self.number),
                    channel=self.channel,
                    lines=line,
                    ship_to=home,
                )
            )
        )
        if not isinstance(outcome, Accepted):
            return None
        place = outcome.answer.lines[0].allocations[0].location
        return int(self.net.cost[self.net.zones.index(zone), WAREHOUSES.index(place)])


def cycles(net: Network, sku: str, length: int):
    """Yield (first day, orders by day, expected units a day by zone) of each cycle that has a
    history."""
    by_day: dict[int, list[int]] = defaultdict(list)
    for wanted in net.wanted:
        if wanted.sku == sku:
            by_day[wanted.day].append(net.zones.index(wanted.zone))
    where = numpy.zeros(len(net.zones))
    for wanted in net.wanted:
        if wanted.day < HISTORY_DAYS:
            where[net.zones.index(wanted.zone)] += 1
    last = max(by_day)
    seen = 0
    for first in range(HISTORY_DAYS, last - length, length):
        for day in range(seen, first):
            for zone in by_day.get(day, ()):
                where[zone] += 1
        seen = first
        recent = sum(len(by_day.get(day, ())) for day in range(first - HISTORY_DAYS, first))
        rate = recent / HISTORY_DAYS * where / max(where.sum(), 1)
        yield first, [by_day.get(first + n, []) for n in range(length)], rate


def main() -> None:
    """Measure, show, record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with Olist's files")
    parser.add_argument("--skus", type=int, default=3)
    parser.add_argument("--cycle", type=int, default=14)
    parser.add_argument("--fill", type=float, default=1.0, help="stock as a share of the forecast")
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    net = network(options.data, options.skus)
    totals, served = dict.fromkeys((*CHANNELS, "optimum"), 0), 0
    for sku in sorted({wanted.sku for wanted in net.wanted}):
        shops = [Shop(net, channel, sku) for channel in CHANNELS]
        for first, days, rate in cycles(net, sku, options.cycle):
            expected = rate * options.cycle * options.fill
            if expected.sum() < 8:
                continue
            served += run(net, shops, (first, days, rate), expected, options, totals)
    samples, case = Samples(), f"{served:,} single units, {options.skus} SKUs"
    for name, cost in totals.items():
        samples.add(case, name, "a shipment, minor units", cost / served)
    gap, closed = totals["cheapest"] - totals["optimum"], totals["cheapest"] - totals["scarcity"]
    samples.add(case, "cheapest", "% above the optimum", 100 * gap / totals["optimum"])
    samples.add(case, "scarcity", "% of that gap closed", 100 * closed / gap)
    options.data = options.data.name
    finish("scarcity", {**vars(options), "rows": samples.rows(), "ratios": []})


def run(net: Network, shops: list[Shop], cycle, expected, options, totals: dict) -> int:
    """Run one cycle of one SKU in every shop and add its costs up; return orders served."""
    first, days, rate = cycle
    plenty = numpy.full(len(WAREHOUSES), 10 * expected.sum() + 10)
    target = numpy.rint(transport(expected, plenty, net.cost)[2].sum(axis=0)).astype(int)
    for shop in shops:
        shop.next_day(first)
        shop.fill(target, first)
    done: list[int] = []
    for n, zones in enumerate(days):
        for shop in shops:
            if n:
                shop.next_day(first + n)
            if shop.channel == "scarcity":
                left = rate * (options.cycle - n)
                found = prices(left, shop.stock(), net.cost, options.seed, options.draws)
                shop.price(found * 1_000)
            costs = [shop.serve(net.zones[zone]) for zone in zones]
            totals[shop.channel] += sum(cost for cost in costs if cost is not None)
            kept = [zone for zone, cost in zip(zones, costs, strict=True) if cost is not None]
        done += kept
    demand = numpy.bincount(done, minlength=len(net.zones))
    if len(done):
        totals["optimum"] += round(transport(demand, target, net.cost)[0])
    return len(done)


if __name__ == "__main__":
    main()
