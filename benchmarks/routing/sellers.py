"""Olist's orders as orders that could come from many sellers.

Each of its products has one seller, so nothing could be chosen. Here a product is one of its
category: whoever sold any of that category in the eight weeks before the order has as many units
of it, at the seller's real place. What is assumed is that sellers of a category could stand in for
each other; where they are, who sells what together, weights and destinations are the file's. A
shipment costs what carriers charged: a base, a part for the kilometres and one for the weight,
fitted to the freight of all items. Orders for which nobody had enough are left out.
"""

from collections import Counter, defaultdict, deque
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import numpy

from benchmarks.routing.olist import kilometres, points, rows
from engine.core.routing.instance import Instance
from engine.core.routing.tariff import Band

WEEKS_BEFORE = timedelta(weeks=8)
PACKAGE_G = 30_000


class Item(NamedTuple):
    """One unit of an order: its category, seller, and weight."""

    kind: str
    seller: str
    grams: int


class Case(NamedTuple):
    """An order as an instance, and the kilometres to each of its sellers."""

    instance: Instance
    km: list[int]


class Rates(NamedTuple):
    """What a shipment costs in mills: to begin with, a kilometre and a gram."""

    base: int
    per_km: int
    per_g: int


def cases(folder: Path) -> list[Case]:
    """Return the orders that could come from somewhere, in order of time."""
    geo = points(folder)
    homes = {r["customer_id"]: r["customer_zip_code_prefix"] for r in rows(folder, "customers")}
    places = {
        r["seller_id"]: geo[r["seller_zip_code_prefix"]]
        for r in rows(folder, "sellers")
        if r["seller_zip_code_prefix"] in geo
    }
    products = {r["product_id"]: r for r in rows(folder, "products")}
    items, paid = defaultdict(list), []
    orders = {r["order_id"]: r for r in rows(folder, "orders")}
    for row in rows(folder, "order_items"):
        product, order = products[row["product_id"]], orders[row["order_id"]]
        kind, grams = product["product_category_name"], product["product_weight_g"]
        home = homes[order["customer_id"]]
        if kind and grams and row["seller_id"] in places and home in geo:
            items[row["order_id"]].append(Item(kind, row["seller_id"], int(float(grams))))
            way = (*places[row["seller_id"]], *geo[home])
            paid.append((*way, int(float(grams)), float(row["freight_value"])))
    rates = _rates(numpy.array(paid))
    found, sold, recent = [], defaultdict(Counter), deque()
    for when, name in sorted((orders[o]["order_purchase_timestamp"], o) for o in items):
        now, wanted = datetime.fromisoformat(when), items[name]
        while recent and recent[0][0] < now - WEEKS_BEFORE:
            _, item = recent.popleft()
            sold[item.kind][item.seller] -= 1
        case = _case(wanted, sold, geo[homes[orders[name]["customer_id"]]], places, rates)
        found += [case] if case else []
        for item in wanted:
            sold[item.kind][item.seller] += 1
            recent.append((now, item))
    return found


def _rates(paid: numpy.ndarray) -> Rates:
    """Fit what was paid: rows of (latitude, longitude) of both ends, grams, freight."""
    km = kilometres(paid[:, 0:2], paid[:, 2:4])
    terms = numpy.column_stack([numpy.ones(len(km)), km, paid[:, 4]])
    # In centavos, times a thousand.
    base, per_km, per_g = numpy.linalg.lstsq(terms, paid[:, 5] * 100_000, rcond=None)[0]
    return Rates(round(base), round(per_km), round(per_g))


def _case(wanted: list[Item], sold, home, places: dict, rates: Rates) -> Case | None:
    kinds = sorted({item.kind for item in wanted})
    sellers = sorted({s for kind in kinds for s, units in sold[kind].items() if units > 0})
    counts = Counter(item.kind for item in wanted)
    if any(sum(max(n, 0) for n in sold[kind].values()) < counts[kind] for kind in kinds):
        return None
    ends = numpy.array([places[seller] for seller in sellers])
    km = kilometres(ends, numpy.array(home)).astype(int)
    grams = {kind: max(i.grams for i in wanted if i.kind == kind) for kind in kinds}
    instance = Instance(
        quantities=[counts[kind] for kind in kinds],
        grams=[min(grams[kind], PACKAGE_G) for kind in kinds],
        fixed=[rates.base + rates.per_km * int(far) for far in km],
        tariffs=[(Band(PACKAGE_G, 0, rates.per_g),)] * len(sellers),
        stock=[[max(sold[kind][seller], 0) for seller in sellers] for kind in kinds],
        unit=[[0] * len(sellers) for _ in kinds],
    )
    return Case(instance, km.tolist())
