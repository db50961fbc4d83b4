"""Which fulfillments are open, in all and at each location, in the order of their release; and
which of them a closed location still has, though nobody has begun to pick.

Derived from the orders' lives, the same objects in both ledgers.
"""

from bisect import bisect_left, bisect_right, insort

from engine.core import limits
from engine.core.fulfillment_life import UNPICKED
from engine.core.notes.fulfillments import Fulfillment


class WorkList:
    """Open fulfillments by place in the list: a number that grows with their release."""

    def __init__(self) -> None:
        self._orders: dict[int, int] = {}  # place → seq of the order
        self._of: dict[int, dict[int, int]] = {}  # order → place → location
        self._all: list[int] = []
        self._at: dict[int, list[int]] = {}
        self._unpicked: dict[int, dict[int, int]] = {}  # location → place → order
        self._closed: set[int] = set()
        self._recalled: set[int] = set()  # closed locations of which something is unpicked

    def __len__(self) -> int:
        return len(self._all)

    def follow(self, order: int, work: dict[int, Fulfillment]) -> None:
        """Take up how the fulfillments of the order placed at `order` stand now."""
        before = self._of.get(order, {})
        now = {place_of(one): one.location for one in work.values() if one.open}
        for place in before.keys() - now.keys():
            del self._orders[place]
            for places in (self._all, self._at[before[place]]):
                del places[bisect_left(places, place)]
            self._unpicked[before[place]].pop(place, None)
            self._look(before[place])
        for place in sorted(now.keys() - before.keys()):
            self._orders[place] = order
            for places in (self._all, self._at.setdefault(now[place], [])):
                insort(places, place)
        for one in work.values():
            if one.open:
                self._pick(order, one)
        if now:
            self._of[order] = now
        else:
            self._of.pop(order, None)

    def _pick(self, order: int, one: Fulfillment) -> None:
        places, place = self._unpicked.setdefault(one.location, {}), place_of(one)
        if one.status in UNPICKED:
            places[place] = order
        else:
            places.pop(place, None)
        self._look(one.location)

    def _look(self, location: int) -> None:
        if location in self._closed and self._unpicked.get(location):
            self._recalled.add(location)
        else:
            self._recalled.discard(location)

    def close(self, location: int, closed: bool) -> None:
        """Note that a location is closed, or open (again)."""
        if closed:
            self._closed.add(location)
        else:
            self._closed.discard(location)
        self._look(location)

    def recalled(self) -> tuple[int, int]:
        """Return (order, number) of a fulfillment that a closed location is to lose, the oldest of
        the location with the lowest number; (0, 0) if there is none."""
        if not self._recalled:
            return 0, 0
        place, order = next(iter(self._unpicked[min(self._recalled)].items()))
        return order, place & limits.FULFILLMENTS_MAX

    def page(self, location: int | None, after: int, most: int) -> list[tuple[int, int, int]]:
        """Return (place, order, number) of at most `most` that stand behind place `after`, at a
        location or anywhere (None)."""
        places = self._all if location is None else self._at.get(location, [])
        start = bisect_right(places, after)
        rows = places[start : start + most]
        return [(place, self._orders[place], place & limits.FULFILLMENTS_MAX) for place in rows]


def place_of(one: Fulfillment) -> int:
    """Return a fulfillment's place: by the log position of its release, then by its number."""
    return one.made_seq * (limits.FULFILLMENTS_MAX + 1) + one.number


assert limits.FULFILLMENTS_MAX & (limits.FULFILLMENTS_MAX + 1) == 0, "numbers fill whole bits"
