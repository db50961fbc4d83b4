"""A routing policy: rates, rules of locations, and strategies. Plain data with a version.

Money is in minor units, weights in grams, times in UTC. A destination's zone is that of the longest
postcode prefix that fits; a lane's rate goes from a location's origin to a zone. Where no lane is
given and both coordinates are known, the distance rate is taken.
"""

from datetime import date
from typing import Annotated, Literal

from msgspec import Meta

from engine.core import limits
from engine.core.terms import Address, Body, Country, Id, Names, Price, Text

Grams = Annotated[int, Meta(ge=1, le=limits.ROUTE_GRAMS_MAX)]
Days = Annotated[int, Meta(ge=0, le=limits.TRANSIT_DAYS_MAX)]
Minute = Annotated[int, Meta(ge=0, le=24 * 60 - 1)]
Offset = Annotated[int, Meta(ge=-14 * 60, le=14 * 60)]
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Weekday = Literal[WEEKDAYS]
Charge = Annotated[int, Meta(ge=0, le=limits.ROUTE_CHARGE_MINOR_MAX)]
Mills = Annotated[int, Meta(ge=0, le=limits.SCARCITY_MILLS_MAX)]
Times = Annotated[int, Meta(ge=0, le=10_000)]
Kind = Literal["fewest", "cheapest", "nearest", "fastest", "balanced"]


class RateBand(Body):
    """Up to `up_to_g` grams a package costs `base`, and `per_kg` a kilogram."""

    up_to_g: Grams
    base: Charge
    per_kg: Charge = 0


Bands = Annotated[tuple[RateBand, ...], Meta(min_length=1, max_length=limits.RATE_BANDS_MAX)]


class Lane(Body):
    """The rate from `origin` to `zone`, by weight bands in rising order, and how long it takes. A
    shipment beyond the last band leaves in several packages."""

    origin: Id
    zone: Id
    bands: Bands
    transit_days: Days = 0


class Zone(Body):
    """Destinations: a country, or what of it has a postcode that begins with one of `postcodes`."""

    zone: Id
    country: Country
    postcodes: Names = ()


class DistanceRate(Body):
    """What a shipment costs where only the distance is known: by bands, and `per_km`. It travels
    `km_per_day`."""

    bands: Bands
    per_km: Charge = 0
    km_per_day: Annotated[int, Meta(ge=1, le=40_000)] = 500


class LocationRule(Body):
    """How a location takes part. Without `channels` or `zones` it serves all; it handles `handling`
    classes beside goods without one. It sends `capacity` orders a day, those that come before
    minute `cut_off` of its day on the same day if that is one of its `working_days`.
    A shipment costs `handling_cost` there, and each unit `unit_cost`."""

    location: Id
    origin: Id | None = None
    channels: Names | None = None
    zones: Names | None = None
    handling: Names = ()
    capacity: Annotated[int, Meta(ge=0, le=limits.QUANTITY_MAX)] | None = None
    cut_off: Minute | None = None
    utc_offset_minutes: Offset = 0
    working_days: Annotated[tuple[Weekday, ...], Meta(max_length=7)] = WEEKDAYS
    handling_cost: Charge = 0
    unit_cost: Charge = 0


class Strategy(Body):
    """How plans are compared.

    `fewest` shipments, then cost · `cheapest` by rates and handling · `nearest`, the least sum of
    distances, then cost · `fastest`, the earliest day on which all can have arrived, then cost ·
    `balanced`, the sum of all: rates, handling, `split_cost` for each shipment after the first,
    `late_cost` a day after required_by, `pressure_cost` times the share of capacity that is used,
    `distance_cost` a kilometre, and the price of scarce units, each times its weight in percent.

    An order worth less than `value_floor` is not split, and none over more than `shipments_max`.
    With `same_day` only locations that can still send today take part. With `complete` an order of
    which something is missing waits whole; otherwise what is there is taken.
    """

    strategy: Id
    kind: Kind
    split_cost: Charge = 0
    late_cost: Charge = 0
    pressure_cost: Charge = 0
    distance_cost: Charge = 0
    handling_weight: Times = 100
    scarcity_weight: Times = 100
    value_floor: Price = 0
    shipments_max: Annotated[int, Meta(ge=1, le=limits.LOCATIONS_MAX)] = limits.LOCATIONS_MAX
    same_day: bool = False
    complete: bool = False


class ChannelStrategy(Body):
    """Orders of `channel` are routed by `strategy`."""

    channel: Id
    strategy: Id


class RoutingPolicy(Body):
    """How orders find their locations, replaced as a whole: `version` rises with every change. The
    first strategy is that of channels that are not named."""

    policy: Id
    version: Annotated[int, Meta(ge=1, le=2**31)]
    strategies: Annotated[tuple[Strategy, ...], Meta(min_length=1, max_length=100)]
    note: Text = ""
    zones: Annotated[tuple[Zone, ...], Meta(max_length=limits.ZONES_MAX)] = ()
    lanes: Annotated[tuple[Lane, ...], Meta(max_length=limits.LANES_MAX)] = ()
    distance: DistanceRate | None = None
    locations: Annotated[tuple[LocationRule, ...], Meta(max_length=limits.LOCATIONS_MAX)] = ()
    channels: Annotated[tuple[ChannelStrategy, ...], Meta(max_length=limits.CHANNELS_MAX)] = ()


class ScarcityPrice(Body):
    """A unit at `location` costs `mills` more, a thousandth of the minor unit each."""

    location: Id
    mills: Mills


class PutScarcity(Body):
    """What taking a unit of `sku` costs beside what it costs to send: replaced as a whole. Where no
    price is given it is 0."""

    sku: Id
    prices: Annotated[tuple[ScarcityPrice, ...], Meta(max_length=limits.LOCATIONS_MAX)] = ()


class PutCapacity(Body):
    """On `day`, `location` sends `orders` that policies give it at most, those that have left among
    them, whatever its capacity is on other days. What is above that, and not picked yet, goes
    elsewhere in the same step."""

    location: Id
    day: date
    orders: Annotated[int, Meta(ge=0, le=limits.QUANTITY_MAX)]


class Policy:
    """A policy with its look-up tables. Raises `ValueError` naming the field that is wrong."""

    def __init__(self, put: RoutingPolicy) -> None:
        self.put = put
        self.strategies = _table("strategies", put.strategies, "strategy")
        self.rules = _table("locations", put.locations, "location")
        self.by_channel = {
            name: row.strategy for name, row in _table("channels", put.channels, "channel").items()
        }
        self.lanes = {(lane.origin, lane.zone): lane for lane in put.lanes}
        self.prefixes: dict[tuple[str, str], str] = {}
        for index, zone in enumerate(put.zones):
            for prefix in zone.postcodes or ("",):
                if self.prefixes.setdefault((zone.country, prefix), zone.zone) != zone.zone:
                    raise ValueError(f"zones[{index}].postcodes: {prefix!r} is in two zones")
        self._check()

    def _check(self) -> None:
        for index, row in enumerate(self.put.channels):
            if row.strategy not in self.strategies:
                raise ValueError(f"channels[{index}].strategy: there is no {row.strategy!r}")
        if len(self.lanes) < len(self.put.lanes):
            raise ValueError("lanes: an origin and zone stand in two lanes")
        rated = [(f"lanes[{i}].bands", lane.bands) for i, lane in enumerate(self.put.lanes)]
        if self.put.distance is not None:
            rated.append(("distance.bands", self.put.distance.bands))
        for field, bands in rated:
            ends = [band.up_to_g for band in bands]
            if ends != sorted(set(ends)):
                raise ValueError(f"{field}: up_to_g must rise from band to band")

    def strategy_of(self, channel: str, name: str | None = None) -> Strategy:
        """Return the strategy named, else the channel's, else the first. `KeyError` if there is
        none of this name."""
        if name is None:
            name = self.by_channel.get(channel, self.put.strategies[0].strategy)
        return self.strategies[name]

    def zone_of(self, destination: Address | None) -> str | None:
        """Return the zone of the longest postcode prefix that fits, None where there is none."""
        if destination is None or destination.country is None:
            return None
        postcode = destination.postcode or ""
        for length in range(len(postcode), -1, -1):
            zone = self.prefixes.get((destination.country, postcode[:length]))
            if zone is not None:
                return zone
        return None


def _table(field: str, rows, key: str) -> dict:
    found = {getattr(row, key): row for row in rows}
    if len(found) < len(rows):
        raise ValueError(f"{field}: a {key} stands there twice")
    return found
