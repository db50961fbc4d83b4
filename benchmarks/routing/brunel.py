"""A day of a microchip maker's outbound network: plants, who may serve whom, orders a day, and
freight by lane, weight and carrier. An order is one product and leaves whole, from one plant.

Costs are those of the files (dollars): storing each unit, and the cheapest carrier that takes the
weight from one of the plant's ports.
"""

import csv
import gzip
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array

DOLLARS, ORDERS = "$ in all", "orders"


def _rows(folder: Path, name: str) -> list[dict]:
    with gzip.open(folder / f"{name}.csv.gz", "rt", encoding="utf-8-sig") as file:
        rows = csv.DictReader(file)
        return [{key.strip(): value.strip() for key, value in row.items()} for row in rows]


class Network:
    """The tables, by the names of plants."""

    def __init__(self, folder: Path) -> None:
        self.orders = _rows(folder, "order_list")
        self.most = {
            r["Plant ID"]: int(r["Daily Capacity"]) for r in _rows(folder, "wh_capacities")
        }
        self.storing = {r["WH"]: float(r["Cost/unit"]) for r in _rows(folder, "wh_costs")}
        self.plants, self.ports = defaultdict(set), defaultdict(set)
        for row in _rows(folder, "products_per_plant"):
            self.plants[row["Product ID"]].add(row["Plant Code"])
        for row in _rows(folder, "plant_ports"):
            self.ports[row["Plant Code"]].add(row["Port"])
        self.only = defaultdict(set)  # plants that serve these customers and nobody else
        for row in _rows(folder, "vmi_customers"):
            self.only[row["Plant Code"]].add(row["Customers"])
        self.rates = defaultdict(list)
        for row in _rows(folder, "freight_rates"):
            numbers = ("minm_wgh_qty", "max_wgh_qty", "minimum cost", "rate")
            lane = (row["orig_port_cd"], row["dest_port_cd"])
            self.rates[lane].append(tuple(float(row[name].replace(",", "")) for name in numbers))

    def costs(self, order: dict) -> dict[str, float]:
        """Return what the order costs from each plant that may send it, capacity aside."""
        weight, units, found = float(order["Weight"]), int(order["Unit quantity"]), {}
        for plant in sorted(self.plants[order["Product ID"]]):
            served = self.only.get(plant)
            if served is not None and order["Customer"] not in served:
                continue
            ways = [
                max(least, rate * weight)
                for port in self.ports[plant]
                for low, high, least, rate in self.rates[port, order["Destination Port"]]
                if low <= weight <= high
            ]
            if ways:
                found[plant] = min(ways) + self.storing[plant] * units
        return found


def _in_turn(costs: list[dict[str, float]], most: dict[str, int], *, cheapest: bool):
    """Serve orders one after the other; return (sum, how many were served)."""
    used, total, served = Counter(), 0.0, 0
    for ways in costs:
        open_ = {p: way for p, way in ways.items() if used[p] < most[p]}
        if open_:
            plant = min(open_, key=open_.__getitem__) if cheapest else next(iter(open_))
            used[plant] += 1
            total, served = total + open_[plant], served + 1
    return total, served


def _at_once(costs: list[dict[str, float]], most: dict[str, int]) -> tuple[float, int]:
    """Serve as many orders as can be, at the least sum, knowing all of them."""
    cells = [(n, plant, way) for n, ways in enumerate(costs) for plant, way in ways.items()]
    plants = {plant: len(costs) + n for n, plant in enumerate(most)}
    none = 10 * max(way for _, _, way in cells)  # leaving an order costs more than any way
    at = numpy.arange(len(cells))
    rows = numpy.concatenate([[n for n, _, _ in cells], [plants[p] for _, p, _ in cells]])
    matrix = coo_array((numpy.ones(2 * len(cells)), (rows, numpy.concatenate([at, at]))))
    tops = numpy.array([1] * len(costs) + list(most.values()))[: matrix.shape[0]]
    objective = numpy.array([way - none for _, _, way in cells])
    found = milp(objective, constraints=LinearConstraint(matrix, ub=tops), bounds=Bounds(0, 1))
    taken = found.x > 0.5
    return float(sum(way for (_, _, way), yes in zip(cells, taken, strict=True) if yes)), int(
        taken.sum()
    )


def compare(folder: Path) -> Iterator[tuple[str, str, float]]:
    """Yield (contestant, unit, figure) of three ways to serve the day's orders."""
    network = Network(folder)
    costs = [network.costs(order) for order in network.orders]
    yield "days of the file", "days", len({order["Order Date"] for order in network.orders})
    yield "orders that some plant may send", ORDERS, sum(map(bool, costs))
    for name, (total, served) in (
        ("cheapest, in turn", _in_turn(costs, network.most, cheapest=True)),
        ("first that may, in turn", _in_turn(costs, network.most, cheapest=False)),
        ("all at once (HiGHS)", _at_once(costs, network.most)),
    ):
        yield name, DOLLARS, total
        yield name, ORDERS, served
