"""What a routing decision was, as numbers: packed, it is part of the order's record in the log.

Every number is a varint: seven bits a byte, the lowest first, the highest bit set on all bytes but
the last; at most nine bytes. In this order:

    policy (its number in the register), version, flags, length of the strategy's id and its UTF-8
    demands: count, then SKU and units of each
    candidates, how many took part
    left out: count of reasons, then reason and locations of each
    excluded: count, then location and reason of each, the first `ROUTE_EXCLUDED_MAX` at most
    cost, bound, split (each shipment after the first), all in mills
    chosen: legs;  cost of the runner-up;  runner-up: legs
    legs: count, then of each: location, kilometres + 1 (0: unknown), day of sending, days under
    way, units of each demand, grams, packages, and its cost by part (`PARTS`) in mills

What an order has to send changes with later decisions. Its record then has a slip without demands
(`standing`), whose legs say which locations count it on which days.
"""

import msgspec

from engine.core import limits
from engine.core.routing import costs, plan, tariff
from engine.core.routing.costs import Case
from engine.core.routing.instance import Instance, Plan, used
from engine.core.routing.policy import Policy

PARTS = (
    "rate",
    "distance_rate",
    "handling",
    "lateness",
    "pressure",
    "distance",
    "units",
    "scarcity",
)
REASONS = (
    "inactive",
    "channel",
    "region",
    "cut_off",
    "capacity",
    "no_rate",
    "no_distance",
    "stock",
    "handling",
    "slower",
    "fenced",
    "picked_short",
    "rejected",
    "expired",
)
# Flags: may not be split; waits, for not all of it is there; its units stay where they are; waits
# on a hold without stock.
ONE_SHIPMENT, COMPLETE, STAYS, HELD = 1, 2, 4, 8
_VARINT_BYTES_MAX = 9


class Leg(msgspec.Struct, frozen=True):
    """What one location sends. Days since 1970; `km` is -1 where unknown; mills by part."""

    place: int
    km: int
    send_day: int
    transit_days: int
    units: tuple[int, ...]
    grams: int
    packages: int
    parts: tuple[int, ...]


class Slip(msgspec.Struct, frozen=True):
    """One decision; see above. Without a leg in `chosen`, nothing was routed."""

    policy: int
    version: int
    flags: int
    strategy: str
    demands: tuple[tuple[int, int], ...]
    candidates: int = 0
    left_out: tuple[tuple[int, int], ...] = ()
    excluded: tuple[tuple[int, int], ...] = ()
    cost: int = 0
    bound: int = 0
    split: int = 0
    chosen: tuple[Leg, ...] = ()
    other_cost: int = 0
    other: tuple[Leg, ...] = ()


def sends_of(slip: Slip) -> tuple[tuple[int, int], ...]:
    """Return (location, day since 1970) of each shipment that a slip chose."""
    return tuple((leg.place, leg.send_day) for leg in slip.chosen)


def standing(slip: Slip, sends: tuple[tuple[int, int], ...], flags: int = 0) -> Slip:
    """Return the slip of an order that `slip` routed, or routed last, and that has these shipments
    now."""
    parts = (0,) * len(PARTS)
    legs = tuple(Leg(place, -1, day, 0, (), 0, 0, parts) for place, day in sends)
    return Slip(slip.policy, slip.version, flags, slip.strategy, (), chosen=legs)


def slip_of(
    policy: Policy, number: int, case: Case, found: Plan | None, skus: list[int], places: list[int]
) -> Slip:
    """Return the slip of a case and its plan; `skus` are the numbers of its demands, `places` those
    of its sites, `number` that of the policy."""
    counts = dict.fromkeys(REASONS, 0)
    for _, reason in case.excluded:
        counts[reason] += 1
    excluded = case.excluded[: limits.ROUTE_EXCLUDED_MAX]
    one = case.instance
    slip = Slip(
        policy=number,
        version=policy.put.version,
        flags=ONE_SHIPMENT if one.shipments_max == 1 else 0,
        strategy=case.strategy.strategy,
        demands=tuple(zip(skus, one.quantities, strict=True)),
        candidates=len(case.candidates),
        left_out=tuple((n, counts[r]) for n, r in enumerate(REASONS) if counts[r]),
        excluded=tuple((places[site], REASONS.index(reason)) for site, reason in excluded),
    )
    if found is None:
        return slip
    other: tuple[Leg, ...] = ()
    if found.runner_up_places:
        again = plan.plan(_only(one, found.runner_up_places))
        other = _legs(case, again.picks, places)
    return msgspec.structs.replace(
        slip,
        cost=found.cost,
        bound=found.bound,
        split=one.split,
        chosen=_legs(case, found.picks, places),
        other_cost=found.runner_up if other else 0,
        other=other,
    )


def _only(instance: Instance, places: list[int]) -> Instance:
    """Return the instance with the stock of `places` alone."""
    kept = set(places)
    stock = [[n if j in kept else 0 for j, n in enumerate(row)] for row in instance.stock]
    return msgspec.structs.replace(instance, stock=stock)


def _legs(case: Case, picks: list[list[int]], places: list[int]) -> tuple[Leg, ...]:
    return tuple(_leg(case, picks, j, places) for j in used(picks))


def _leg(case: Case, picks: list[list[int]], j: int, places: list[int]) -> Leg:
    one, candidate = case.instance, case.candidates[j]
    grams = sum(row[j] * g for row, g in zip(picks, one.grams, strict=True))
    mills = sum(row[j] * unit[j] for row, unit in zip(picks, one.unit, strict=True))
    plain = candidate.unit * sum(row[j] for row in picks)
    parts = {"rate": tariff.cost(one.tariffs[j], grams), "units": plain, "scarcity": mills - plain}
    parts |= candidate.parts
    return Leg(
        place=places[candidate.site],
        km=-1 if candidate.km is None else candidate.km,
        send_day=candidate.send_day,
        transit_days=candidate.arrival_day - candidate.send_day,
        units=tuple(row[j] for row in picks),
        grams=grams,
        packages=tariff.packages(one.tariffs[j], grams),
        parts=tuple(parts.get(name, 0) for name in PARTS),
    )


def pack(slip: Slip) -> bytes:
    """Return a slip's bytes."""
    out, name = bytearray(), slip.strategy.encode()
    _put(out, slip.policy, slip.version, slip.flags, len(name))
    out += name
    _put(out, len(slip.demands), *(n for pair in slip.demands for n in pair), slip.candidates)
    for pairs in (slip.left_out, slip.excluded):
        _put(out, len(pairs), *(n for pair in pairs for n in pair))
    _put(out, slip.cost, slip.bound, slip.split)
    _put_legs(out, slip.chosen)
    _put(out, slip.other_cost)
    _put_legs(out, slip.other)
    return bytes(out)


def _put(out: bytearray, *numbers: int) -> None:
    for number in numbers:
        while number > 0x7F:
            out.append(number & 0x7F | 0x80)
            number >>= 7
        out.append(number)


def _put_legs(out: bytearray, legs: tuple[Leg, ...]) -> None:
    _put(out, len(legs))
    for leg in legs:
        _put(out, leg.place, leg.km + 1, leg.send_day, leg.transit_days, *leg.units)
        _put(out, leg.grams, leg.packages, *leg.parts)


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def one(self) -> int:
        number = shift = 0
        for _ in range(_VARINT_BYTES_MAX):
            if self.at >= len(self.data):
                break
            byte = self.data[self.at]
            self.at += 1
            number |= (byte & 0x7F) << shift
            if byte < 0x80:
                return number
            shift += 7
        raise ValueError("a routing slip is cut or damaged")

    def some(self, count: int) -> tuple[int, ...]:
        # No number takes less than a byte.
        if count > len(self.data) - self.at:
            raise ValueError("a routing slip is cut or damaged")
        return tuple(self.one() for _ in range(count))

    def pairs(self) -> tuple[tuple[int, int], ...]:
        flat = self.some(2 * self.one())
        return tuple(zip(flat[::2], flat[1::2], strict=True))

    def text(self) -> str:
        size = self.one()
        if size > len(self.data) - self.at:
            raise ValueError("a routing slip is cut or damaged")
        self.at += size
        return self.data[self.at - size : self.at].decode()

    def legs(self, demands: int) -> tuple[Leg, ...]:
        found, width = [], 6 + demands + len(PARTS)
        for _ in range(self.one()):
            row = self.some(width)
            units, rest = row[4 : 4 + demands], row[4 + demands :]
            found.append(Leg(row[0], row[1] - 1, row[2], row[3], units, *rest[:2], rest[2:]))
        return tuple(found)


def unpack(data: bytes) -> Slip:
    """Return the slip in `data`; `ValueError` unless it is exactly one."""
    read = _Reader(data)
    policy, version, flags = read.some(3)
    strategy, demands = read.text(), read.pairs()
    slip = Slip(
        policy,
        version,
        flags,
        strategy,
        demands,
        read.one(),
        read.pairs(),
        read.pairs(),
        *read.some(3),
        read.legs(len(demands)),
        read.one(),
        read.legs(len(demands)),
    )
    if read.at != len(data):
        raise ValueError("a routing slip has bytes that belong to nothing")
    return slip


def fits(slip: Slip, policies: int, places: int, skus: int) -> bool:
    """Say whether all that a slip names is there: so many policies, locations and SKUs."""
    legs = (*slip.chosen, *slip.other)
    return (
        slip.policy < policies
        and all(sku < skus for sku, _ in slip.demands)
        and all(reason < len(REASONS) for reason, _ in slip.left_out)
        and all(place < places and reason < len(REASONS) for place, reason in slip.excluded)
        and all(leg.place < places and leg.send_day <= costs.DAYS_MAX for leg in legs)
        and all(leg.transit_days <= costs.TRANSIT_DAYS_MAX for leg in legs)
    )
