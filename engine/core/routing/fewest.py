"""Where an order's units come from: the routing interface and its first policy.

A policy answers one question: given demands and what each position still has, which positions
give how much? It decides nothing about whether stock suffices; the ledger has done that. Policy
`fewest`: the fewest locations; among equals those with the lowest priority number, then the
nearest to the destination (where coordinates are known), then the oldest. Exact for up to
`ROUTE_EXACT_LOCATIONS_MAX` candidates; beyond that one location if one can do it, else greedy.
"""

from itertools import combinations
from math import cos, radians, sin
from typing import TYPE_CHECKING

from engine.core import limits
from engine.core.terms import Address

if TYPE_CHECKING:
    from engine.core.commands import PutLocation

# What an order's record says about who chose its locations: this rule, or a policy with a receipt.
POLICY_FEWEST = 1
POLICY_COSTS = 2
FAR = 1 << 62


def direction(latitude: float, longitude: float) -> tuple[float, float, float]:
    """Return the unit vector from the earth's centre to a point."""
    phi, lam = radians(latitude), radians(longitude)
    return cos(phi) * cos(lam), cos(phi) * sin(lam), sin(phi)


def remoteness(place: "PutLocation", destination: Address | None) -> int:
    """Return a whole number that grows with distance (squared chord of the unit sphere, 1e-12),
    `FAR` where either side's coordinates are unknown."""
    if destination is None or destination.latitude is None or destination.longitude is None:
        return FAR
    if place.latitude is None or place.longitude is None:
        return FAR
    a = direction(place.latitude, place.longitude)
    b = direction(destination.latitude, destination.longitude)
    x, y, z = a[0] - b[0], a[1] - b[1], a[2] - b[2]
    return int((x * x + y * y + z * z) * 1e12)


def choose(
    demands: list[int], offers: list[dict[int, int]], rank: dict[int, tuple]
) -> list[list[tuple[int, int]]]:
    """Choose locations for `demands`.

    `demands[i]` units are wanted of demand i; `offers[i]` maps location number to the units it
    can give, in sum at least the demand; `rank` orders locations, best first. Returns for each
    demand the (location, units) that give it, in sum exactly the demand.
    """
    wanted = [i for i, quantity in enumerate(demands) if quantity]
    candidates = sorted({place for i in wanted for place in offers[i]}, key=rank.__getitem__)
    chosen = _exact(demands, offers, wanted, candidates)
    if chosen is None:
        chosen = _greedy(demands, offers, wanted, candidates)
    return [_fill(quantity, offer, chosen) for quantity, offer in zip(demands, offers, strict=True)]


def _exact(demands, offers, wanted, candidates) -> list[int] | None:
    count = len(candidates)
    small = (
        count <= limits.ROUTE_EXACT_LOCATIONS_MAX
        and (1 << count) * len(wanted) <= limits.ROUTE_EXACT_WORK_MAX
    )
    for size in range(count + 1 if small else 2):
        for places in combinations(candidates, size):
            if all(sum(offers[i].get(place, 0) for place in places) >= demands[i] for i in wanted):
                return list(places)
    return None


def _greedy(demands, offers, wanted, candidates) -> list[int]:
    left = list(demands)
    rest, chosen = list(candidates), []
    while any(left[i] for i in wanted):
        gains = [sum(min(left[i], offers[i].get(place, 0)) for i in wanted) for place in rest]
        best = gains.index(max(gains))
        place = rest.pop(best)
        chosen.append(place)
        for i in wanted:
            left[i] -= min(left[i], offers[i].get(place, 0))
    return chosen


def _fill(quantity: int, offer: dict[int, int], chosen: list[int]) -> list[tuple[int, int]]:
    parts = []
    for place in chosen:
        units = min(quantity, offer.get(place, 0))
        if units:
            parts.append((place, units))
            quantity -= units
    return parts
