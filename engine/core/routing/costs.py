"""From an order and a policy to an instance: who may serve it, and what each would cost.

Every filter that shuts a location out has a name, and every part of a cost stands by itself, so
that a receipt can say why. Nothing here uses floats: distances are whole kilometres, days are
counted from the stamp.
"""

from math import isqrt
from typing import NamedTuple

import msgspec

from engine.core.commands import Address, PutLocation
from engine.core.routing.fewest import FAR, remoteness
from engine.core.routing.instance import Instance
from engine.core.routing.policy import WEEKDAYS, LocationRule, Policy, Strategy
from engine.core.routing.tariff import Band, Tariff

MILLS = 1_000  # in a minor unit
DAY_US = 86_400_000_000
MINUTE_US = 60_000_000
EARTH_KM = 6_371
DAYS_MAX = 2_900_000  # since 1970: dates stay printable
TRANSIT_DAYS_MAX = 32_000  # at a kilometre a day
# One shipment more, or one kilometre more, outweighs every cost of the other parts.
FEWEST_MILLS = 10**13
NEAREST_KM_MILLS = 10**9


class Demand(NamedTuple):
    """`quantity` units of `sku`: grams a piece, and the class of goods."""

    sku: str
    quantity: int
    weight_g: int = 0
    handling: str | None = None


class Site(NamedTuple):
    """A location as routing sees it: what it has of each demand, the scarcity price in mills of
    each, and how many orders it sends already on the day on which it would send this one. `fenced`
    says that it has units that are set aside for others; `capacity` how many orders it may send on
    that day, if that is not what the policy says, and `shut` why it is not asked at all."""

    put: PutLocation
    stock: list[int]
    scarcity: list[int] | None = None
    used_today: int = 0
    fenced: bool = False
    capacity: int | None = None
    shut: str | None = None


class Ask(NamedTuple):
    """What is to be routed: for whom, to where, when asked and by when required, in µs, what the
    order is worth in minor units, and how many other locations send something of it already."""

    channel: str
    demands: list[Demand]
    destination: Address | None
    now_us: int
    required_by_us: int | None = None
    strategy: str | None = None
    value: int = 0
    elsewhere: int = 0


class Candidate(msgspec.Struct):
    """A location that takes part: its place among the sites, distance (None where unknown), when
    it sends and when that arrives as days since 1970, the parts of its fixed cost in mills, what
    a unit costs there but for scarcity, and the rate by which it ships."""

    site: int
    name: str
    km: int | None
    send_day: int
    arrival_day: int
    parts: dict[str, int]
    unit: int
    tariff: Tariff


class Case(msgspec.Struct):
    """An ask as an instance, its candidates in the instance's order, and who was shut out why."""

    strategy: Strategy
    instance: Instance
    candidates: list[Candidate]
    excluded: list[tuple[int, str]]


def kilometres(place: PutLocation, destination: Address | None) -> int | None:
    """Return the whole kilometres of the chord between the two; up to 3,000 km that is less than
    one percent short of the way over ground. None where coordinates are unknown."""
    chord = remoteness(place, destination)
    return None if chord == FAR else isqrt(chord) * EARTH_KM // 1_000_000


def rule_of(policy: Policy, name: str) -> LocationRule:
    """Return a policy's rule for a location, one that allows everything where there is none."""
    return policy.rules.get(name) or LocationRule(name)


def send_day(rule: LocationRule, now_us: int) -> int | None:
    """Return the first working day, from now on and after the cut-off, as days since 1970; None
    for a location that never works."""
    local_us = now_us + rule.utc_offset_minutes * MINUTE_US
    day, minute = local_us // DAY_US, local_us % DAY_US // MINUTE_US
    if rule.cut_off is not None and minute >= rule.cut_off:
        day += 1
    # 1970-01-01 was a Thursday.
    work = rule.working_days
    return next((d for d in range(day, day + 7) if WEEKDAYS[(d + 3) % 7] in work), None)


def case_of(policy: Policy, ask: Ask, sites: list[Site]) -> Case:
    """Return `ask` as an instance."""
    strategy = policy.strategy_of(ask.channel, ask.strategy)
    zone = policy.zone_of(ask.destination)
    candidates, excluded = [], []
    for number, site in enumerate(sites):
        found = consider(policy, strategy, ask, zone, site)
        if isinstance(found, Candidate) and not any(_offer(policy, ask, site)):
            found = "handling" if any(site.stock) else "fenced" if site.fenced else "stock"
        if isinstance(found, str):
            excluded.append((number, found))
        else:
            found.site = number
            candidates.append(found)
    if strategy.kind == "fastest":
        candidates = _fastest(policy, ask, sites, candidates, excluded)
    offers = [_offer(policy, ask, sites[c.site]) for c in candidates]
    instance = Instance(
        quantities=[demand.quantity for demand in ask.demands],
        grams=[demand.weight_g for demand in ask.demands],
        fixed=[sum(c.parts.values()) for c in candidates],
        tariffs=[c.tariff for c in candidates],
        stock=[[offer[i] for offer in offers] for i in range(len(ask.demands))],
        unit=_units(strategy, ask, sites, candidates, offers),
        split=split_mills(strategy),
        shipments_max=shipments_max(strategy, ask),
    )
    return Case(strategy, instance, candidates, excluded)


def shipments_max(strategy: Strategy, ask: Ask) -> int:
    """Return in how many shipments at most an ask may leave: one if it is not worth a split, and
    fewer if other locations send something of the order."""
    most = 1 if ask.value < strategy.value_floor else strategy.shipments_max
    return max(most - ask.elsewhere, 1)


def split_mills(strategy: Strategy) -> int:
    """Return what each shipment after the first costs beside its own cost."""
    if strategy.kind == "fewest":
        return FEWEST_MILLS
    return strategy.split_cost * MILLS if strategy.kind == "balanced" else 0


def consider(policy: Policy, strategy: Strategy, ask: Ask, zone, site: Site) -> Candidate | str:
    """Return a location as a candidate, whatever it has in stock, or the first filter that shuts
    it out."""
    put, rule = site.put, rule_of(policy, site.put.location)
    if site.shut is not None:
        return site.shut
    if not put.active:
        return "inactive"
    if rule.channels is not None and ask.channel not in rule.channels:
        return "channel"
    if rule.zones is not None and zone not in rule.zones:
        return "region"
    day = send_day(rule, ask.now_us)
    today = (ask.now_us + rule.utc_offset_minutes * MINUTE_US) // DAY_US
    if day is None or (strategy.same_day and day > today):
        return "cut_off"
    capacity = rule.capacity if site.capacity is None else site.capacity
    if capacity is not None and site.used_today >= capacity:
        return "capacity"
    km = kilometres(put, ask.destination)
    rated = _rate(policy, rule, zone, km)
    if rated is None:
        return "no_rate"
    if strategy.kind == "nearest" and km is None:
        return "no_distance"
    tariff, distance_mills, transit_days = rated
    arrival = day + transit_days
    parts = {"distance_rate": distance_mills} if distance_mills else {}
    parts |= _fixed(strategy, ask, site, rule, capacity, km, arrival)
    weight = strategy.handling_weight if strategy.kind == "balanced" else 100
    unit = rule.unit_cost * MILLS * weight // 100
    return Candidate(0, put.location, km, day, arrival, parts, unit, tariff)


def _offer(policy: Policy, ask: Ask, site: Site) -> list[int]:
    """Return what a location has of each demand, none where it does not handle such goods."""
    return [
        units if handles(policy, site.put.location, demand.handling) else 0
        for demand, units in zip(ask.demands, site.stock, strict=True)
    ]


def handles(policy: Policy, location: str, handling: str | None) -> bool:
    """Say whether a location is equipped for goods of this class."""
    return handling is None or handling in rule_of(policy, location).handling


def _rate(policy: Policy, rule: LocationRule, zone, km) -> tuple[Tariff, int, int] | None:
    """Return (tariff, mills for the distance, days under way), from a lane or from the distance."""
    lane = policy.lanes.get((rule.origin, zone))
    if lane is not None:
        return tariff_of(lane.bands), 0, lane.transit_days
    rate = policy.put.distance
    if rate is None or km is None:
        return None
    return tariff_of(rate.bands), rate.per_km * km * MILLS, -(-km // rate.km_per_day)


def tariff_of(bands) -> Tariff:
    """Return a rate's bands in mills."""
    return tuple(Band(band.up_to_g, band.base * MILLS, band.per_kg) for band in bands)


def _fixed(
    strategy, ask: Ask, site: Site, rule: LocationRule, capacity: int | None, km, arrival: int
) -> dict[str, int]:
    """Return what using a location costs beside its rate, by part, in mills; zeros left out."""
    handling = rule.handling_cost * MILLS
    if strategy.kind == "nearest":
        parts = {"handling": handling, "distance": km * NEAREST_KM_MILLS}
    elif strategy.kind != "balanced":
        parts = {"handling": handling}
    else:
        late = 0
        if ask.required_by_us is not None:
            late = max(0, arrival - ask.required_by_us // DAY_US)
        pressure = 0
        if capacity:
            pressure = strategy.pressure_cost * MILLS * site.used_today // capacity
        parts = {
            "handling": handling * strategy.handling_weight // 100,
            "lateness": late * strategy.late_cost * MILLS,
            "pressure": pressure,
            "distance": (km or 0) * strategy.distance_cost * MILLS,
        }
    return {name: mills for name, mills in parts.items() if mills}


def _units(strategy, ask: Ask, sites, candidates, offers) -> list[list[int]]:
    """Return what each unit of each demand costs from each candidate, in mills."""
    rows = []
    for i in range(len(ask.demands)):
        row = []
        for c, offer in zip(candidates, offers, strict=True):
            mills, scarcity = c.unit, sites[c.site].scarcity
            if strategy.kind == "balanced" and scarcity is not None and offer[i]:
                mills += scarcity[i] * strategy.scarcity_weight // 100
            row.append(mills)
        rows.append(row)
    return rows


def _fastest(policy: Policy, ask: Ask, sites, candidates, excluded) -> list[Candidate]:
    """Keep who arrives by the earliest day by which those who do have everything, or all."""
    offers = [_offer(policy, ask, sites[c.site]) for c in candidates]
    for day in sorted({c.arrival_day for c in candidates}):
        quick = [n for n, c in enumerate(candidates) if c.arrival_day <= day]
        if all(
            sum(offers[n][i] for n in quick) >= demand.quantity
            for i, demand in enumerate(ask.demands)
        ):
            excluded += [(c.site, "slower") for c in candidates if c.arrival_day > day]
            return [candidates[n] for n in quick]
    return candidates
