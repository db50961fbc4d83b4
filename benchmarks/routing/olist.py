"""Olist's orders as a network that has to decide: warehouses where sellers are, single units wanted
at real places and times, and rates as its carriers charged them.

A SKU is a category of products. A shipment's cost is a line over the distance, fitted to what was
paid for all orders. Zones are the first two digits of the postcode.
"""

import csv
import gzip
from collections import Counter, defaultdict
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import numpy

WAREHOUSES = ("SP", "MG", "PR", "RJ", "SC", "RS", "BA", "DF")
_EARTH_KM = 6_371.0


class Wanted(NamedTuple):
    """One unit of a SKU, wanted in a zone on a day since the first."""

    day: int
    sku: str
    zone: str


class Network(NamedTuple):
    """What is wanted, in order of time, units of all SKUs by day and zone, and what sending a unit
    from each warehouse to each zone costs, in minor units."""

    wanted: list[Wanted]
    zones: list[str]
    sold: numpy.ndarray
    cost: numpy.ndarray


def rows(folder: Path, name: str) -> list[dict]:
    """Return a file's rows."""
    with gzip.open(folder / f"{name}.csv.gz", "rt", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def kilometres(a: numpy.ndarray, b: numpy.ndarray) -> numpy.ndarray:
    """Return the way over ground between points (latitude, longitude) in degrees."""
    a, b = numpy.radians(a), numpy.radians(b)
    half = numpy.sin((a - b) / 2) ** 2
    part = half[..., 0] + numpy.cos(a[..., 0]) * numpy.cos(b[..., 0]) * half[..., 1]
    return 2 * _EARTH_KM * numpy.arcsin(numpy.sqrt(part))


def points(folder: Path) -> dict[str, tuple[float, float]]:
    """Return the middle of each postcode's area, (latitude, longitude)."""
    return {
        row["zip_prefix"]: (float(row["lat"]), float(row["lon"]))
        for row in rows(folder, "zip_prefix_geo")
    }


def network(folder: Path, skus: int) -> Network:
    """Read the files of `folder`; keep the `skus` categories that sell most."""
    geo = points(folder)
    homes = {
        row["customer_id"]: row["customer_zip_code_prefix"] for row in rows(folder, "customers")
    }
    sellers = {row["seller_id"]: row for row in rows(folder, "sellers")}
    kinds = {row["product_id"]: row["product_category_name"] for row in rows(folder, "products")}
    orders = {row["order_id"]: row for row in rows(folder, "orders")}
    found, ways, freight = [], [], []
    for item in rows(folder, "order_items"):
        order, seller = orders[item["order_id"]], sellers[item["seller_id"]]
        home, kind = homes[order["customer_id"]], kinds[item["product_id"]]
        if home not in geo or not kind:
            continue
        found.append((datetime.fromisoformat(order["order_purchase_timestamp"]), kind, home))
        if seller["seller_zip_code_prefix"] in geo:
            ways.append((geo[seller["seller_zip_code_prefix"]], geo[home]))
            freight.append(float(item["freight_value"]) * 100)
    found.sort()
    sold = Counter(kind for _, kind, _ in found).most_common(skus)
    first, top = found[0][0].date(), {kind for kind, _ in sold}
    wanted = [
        Wanted((when.date() - first).days, kind, home[:2])
        for when, kind, home in found
        if kind in top
    ]
    spots = defaultdict(list)
    for _, _, home in found:
        spots[home[:2]].append(geo[home])
    zones = sorted(spots)
    ends = numpy.array(ways)
    per_km, base = numpy.polyfit(kilometres(ends[:, 0], ends[:, 1]), numpy.array(freight), 1)
    centres = numpy.array([numpy.mean(spots[zone], axis=0) for zone in zones])
    far = kilometres(centres[:, None, :], _places(sellers.values(), geo)[None, :, :])
    sold = numpy.zeros(((found[-1][0].date() - first).days + 1, len(zones)))
    for when, _, home in found:
        sold[(when.date() - first).days, zones.index(home[:2])] += 1
    return Network(wanted, zones, sold, numpy.rint(base + per_km * far).astype(int))


def _places(sellers, geo: dict) -> numpy.ndarray:
    """Return the middle of each warehouse's sellers, which is where it stands."""
    found = defaultdict(list)
    for seller in sellers:
        if seller["seller_zip_code_prefix"] in geo:
            found[seller["seller_state"]].append(geo[seller["seller_zip_code_prefix"]])
    return numpy.array([numpy.median(found[state], axis=0) for state in WAREHOUSES])
