"""Random routing policies, over the locations that they are given."""

from datetime import date, timedelta
from random import Random

from engine.core.routing.policy import (
    WEEKDAYS,
    ChannelStrategy,
    DistanceRate,
    Lane,
    LocationRule,
    PutCapacity,
    PutScarcity,
    RateBand,
    RoutingPolicy,
    ScarcityPrice,
    Strategy,
    Zone,
)

NAMES = ("main", "other ☕")
STRATEGIES = ("s0", "s1", "s2", "s3", "s4")
_KINDS = ("cheapest", "fewest", "nearest", "fastest", "balanced")


def _bands(rng: Random) -> tuple[RateBand, ...]:
    ends = sorted(rng.sample((4, 20, 300, 5_000, 31_500), rng.randint(1, 3)))
    return tuple(RateBand(end, rng.randint(0, 900), rng.choice((0, 40))) for end in ends)


def _rule(rng: Random, name: str) -> LocationRule:
    return LocationRule(
        name,
        origin=rng.choice((None, "north", "south")),
        channels=rng.choice((None, None, None, ("web",), ("shop", "web"))),
        zones=rng.choice((None, None, None, ("de",), ("de", "berlin"))),
        handling=rng.choice(((), ("cold", "loud"))),
        capacity=rng.choice((None, None, 0, 2, 9)),
        cut_off=rng.choice((None, 0, 720, 1_439)),
        utc_offset_minutes=rng.choice((0, 60, -330)),
        working_days=rng.choice((WEEKDAYS, WEEKDAYS[:5], ("sun",), ())),
        handling_cost=rng.choice((0, 55)),
        unit_cost=rng.choice((0, 7)),
    )


def _strategy(rng: Random, number: int) -> Strategy:
    return Strategy(
        STRATEGIES[number],
        _KINDS[number],
        split_cost=rng.choice((0, 300)),
        late_cost=rng.choice((0, 90)),
        pressure_cost=rng.choice((0, 500)),
        distance_cost=rng.choice((0, 1)),
        handling_weight=rng.choice((100, 50)),
        scarcity_weight=rng.choice((100, 100, 30, 0)),
        value_floor=rng.choice((0, 0, 5_000)),
        shipments_max=rng.choice((1, 2, 10_000, 10_000)),
        same_day=rng.random() < 0.2,
        complete=rng.random() < 0.3,
    )


def put(rng: Random, locations: tuple[str, ...], version: int = 0) -> RoutingPolicy:
    """Draw a policy that some channel or order may name; `main`, if its version is given."""
    zones = (Zone("berlin", "DE", ("10", "12")), Zone("de", "DE"))
    lanes = tuple(
        Lane(origin, zone.zone, _bands(rng), rng.randint(0, 3))
        for origin in ("north", "south")
        for zone in zones
        if rng.random() < 0.7
    )
    distance = DistanceRate(_bands(rng), rng.randint(0, 3), rng.choice((300, 900)))
    numbers = rng.sample(range(5), 5)
    return RoutingPolicy(
        NAMES[0] if version else rng.choice(NAMES),
        version or rng.randint(1, 40),
        tuple(_strategy(rng, number) for number in numbers),
        zones=zones,
        lanes=lanes,
        distance=rng.choice((None, distance, distance)),
        locations=tuple(_rule(rng, name) for name in locations if rng.random() < 0.8),
        channels=(ChannelStrategy("web", rng.choice(STRATEGIES)),),
    )


def capacity(rng: Random, state) -> PutCapacity:
    """Draw what a location can send on a day, mostly on one on which it has something to send."""
    loads = [(state.location_name(n), day) for n, (day, _) in state.loads.items()]
    names = [row.put.location for row in state.locations]
    name, day = rng.choice(loads or [(rng.choice(names or ["none"]), 20_000)])
    return PutCapacity(
        name if rng.random() < 0.95 else "none",
        date(1970, 1, 1) + timedelta(day - (rng.random() < 0.1)),
        rng.choice((0, 1, 1, 2, 5)),
    )


def scarcity(rng: Random, skus: tuple[str, ...], locations: tuple[str, ...]) -> PutScarcity:
    """Draw scarcity prices of a SKU."""
    places = rng.sample(locations, rng.randint(0, len(locations)))
    mills = (1, 90_000, 700_000)
    prices = tuple(ScarcityPrice(place, rng.choice(mills)) for place in places)
    return PutScarcity(rng.choice(skus), prices)
