"""What a shipment of some weight costs, exactly: a tariff is a list of weight bands.

Costs are whole mills, a thousandth of the minor unit: so `per_kg` minor units for a kilogram are
as many mills a gram, and no cost is ever rounded. Within a band a cost is a line over the weight;
from band to band it may step, up or down. A shipment heavier than the last band leaves in several
packages: full ones at the last band's upper end, and one with the rest.
"""

from typing import NamedTuple

from engine.core.limits import ROUTE_PIECES_MAX, ROUTE_SLOPE_MILLS_MAX


class Band(NamedTuple):
    """Up to `up_to_g` grams a package costs `base` mills and `per_g` mills a gram."""

    up_to_g: int
    base: int
    per_g: int


# Bands in rising order of weight, at least one.
Tariff = tuple[Band, ...]


def package_cost(tariff: Tariff, grams: int) -> int:
    """Return what one package of `grams` costs; `grams` is at most the last band's end."""
    for up_to_g, base, per_g in tariff:
        if grams <= up_to_g:
            return base + per_g * grams
    raise ValueError("the package is heavier than the tariff's last band")


def packages(tariff: Tariff, grams: int) -> int:
    """Return in how many packages `grams` leave."""
    return max(1, -(-grams // tariff[-1].up_to_g))


def cost(tariff: Tariff, grams: int) -> int:
    """Return what a shipment of `grams` costs, in as many packages as it needs."""
    most = tariff[-1].up_to_g
    full = packages(tariff, grams) - 1
    rest = package_cost(tariff, grams - full * most)
    return full * package_cost(tariff, most) + rest if full else rest


def most_cost(tariff: Tariff, grams: int) -> int:
    """Return what no shipment up to `grams` costs more than."""
    dearest = max(band.base + band.per_g * band.up_to_g for band in tariff)
    return packages(tariff, grams) * dearest


def least_cost(tariff: Tariff) -> int:
    """Return what no shipment costs less than, whatever it weighs."""
    starts = [0, *(band.up_to_g + 1 for band in tariff)]
    return min(band.base + band.per_g * low for band, low in zip(tariff, starts, strict=False))


def edges(tariff: Tariff, low: int, high: int) -> list[int] | None:
    """Return weights from `low` to `high` between which the cost is a line: both ends, and the end
    of each band and the gram after it. None where that takes over `ROUTE_PIECES_MAX` bands."""
    most, found = tariff[-1].up_to_g, [low]
    first, last = low // most, high // most
    if low == 0 and high == most:
        last = 0
    if (last - first + 1) * len(tariff) > ROUTE_PIECES_MAX:
        return None
    for full in range(first, last + 1):
        for band in tariff:
            end = full * most + band.up_to_g
            if low <= end < high:
                found += [end, end + 1]
    found.append(high)
    return found


def lower_line(tariff: Tariff, low: int, high: int) -> tuple[int, int]:
    """Return (intercept, slope), neither below 0, of a line that is nowhere above the cost between
    `low` and `high` grams: parallel to the chord and as high as it can be, or, where that is out
    of bounds or there are many packages, as steep as the cheapest gram."""
    if low == high:
        return cost(tariff, low), 0
    points = edges(tariff, low, high)
    if points is None:
        # A full package's cost a gram is no less than the cheapest gram's, so one package will do.
        points = edges(tariff, 0, tariff[-1].up_to_g)
    else:
        costs = [cost(tariff, point) for point in points]
        slope = min(max(0, (costs[-1] - costs[0]) // (high - low)), ROUTE_SLOPE_MILLS_MAX)
        intercept = min(c - slope * p for c, p in zip(costs, points, strict=True))
        if intercept >= 0:
            return intercept, slope
    costs = [cost(tariff, point) for point in points]
    slope = min(c // p for c, p in zip(costs, points, strict=True) if p)
    slope = min(slope, ROUTE_SLOPE_MILLS_MAX)
    return min(c - slope * p for c, p in zip(costs, points, strict=True)), slope
