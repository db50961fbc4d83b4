"""The register of what locations can send on one day, where that is not what a policy says."""

from datetime import date, timedelta

import msgspec

from engine.core import limits
from engine.core.answers.base import Answer
from engine.core.register import Code, Register

_FIRST_DAY = date(1970, 1, 1)


class Capacity(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """`location` sends `orders` on `day` at most. For that, the (channel, id) in `moved` went
    elsewhere when it was put; `above` orders more than that stayed."""

    location: str
    day: date
    orders: int
    moved: tuple[tuple[str, str], ...] = ()
    above: int = 0


class MovedOrderAnswer(msgspec.Struct):
    """An order that went elsewhere."""

    channel: str
    order_id: str


class CapacityAnswer(Answer):
    """How many orders a location sends on a day at most, which were `moved` for that, and how many
    `above` that it has still."""

    location: str
    day: date
    orders: int
    moved: list[MovedOrderAnswer] = []
    above: int = 0


class DayAnswer(Answer, omit_defaults=True):
    """How many `orders` a location sends on a day, if that was put, and how many that are routed by
    a policy it has to send or has sent then (`used`)."""

    location: str
    day: date
    used: int
    orders: int | None = None


def day_number(day: date) -> int:
    """Return a date as days since 1970, 0 for what came before."""
    return max((day - _FIRST_DAY).days, 0)


def answer(put: Capacity, seq: int, replayed: bool = False) -> CapacityAnswer:
    """Answer for a capacity put at `seq`."""
    moved = [MovedOrderAnswer(*name) for name in put.moved]
    return CapacityAnswer(
        seq=seq,
        replayed=replayed,
        location=put.location,
        day=put.day,
        orders=put.orders,
        moved=moved,
        above=put.above,
    )


def day_of(state, name: str) -> DayAnswer | None:
    """Return what a location has to send on the day for which its capacity was put last, else on
    the latest for which it has something; None if there is no such location."""
    place = state.location_numbers.get(name)
    if place is None:
        return None
    latest, used = state.loads.get(place, (0, 0))
    entry = state.registers.capacities.find(name)
    if entry is None:
        day = _FIRST_DAY + timedelta(latest)
        return DayAnswer(seq=state.seq, location=name, day=day, used=used)
    used = used if day_number(entry.put.day) == latest else 0
    return DayAnswer(
        seq=state.seq, location=name, day=entry.put.day, used=used, orders=entry.put.orders
    )


class Capacities(Register):
    """The capacities by location, of the day that was put last."""

    def __init__(self) -> None:
        most = limits.LOCATIONS_MAX
        super().__init__(Code.CAPACITIES, "location", Capacity, most, answer)

    def of(self, location: str, day: int | None) -> int | None:
        """Return how many orders a location sends on a day (since 1970), None if nobody said."""
        entry = self.find(location)
        if entry is None or not day or day_number(entry.put.day) != day:
            return None
        return entry.put.orders
