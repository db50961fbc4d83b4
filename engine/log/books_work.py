"""The second opinion on fulfillments: each goes its way and has units until it ends, and what a
location did not have is what the stock lost.

Reads the JSON of notes by itself. Units are counted by line of the order and position.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any

import msgspec

_read = msgspec.json.Decoder().decode
_MARKS = (b'{"what":"released"', b'{"what":"rerouted"', b'{"what":"fulfillment_step"')
_WAYS = {
    "requested": ("accepted", "picking", "rejected", "expired", "cancelled"),
    "accepted": ("picking", "rejected", "cancelled"),
    "picking": ("packed", "cancelled"),
    "packed": ("ready_for_pickup", "shipped", "cancelled"),
    "ready_for_pickup": ("picked_up", "cancelled"),
    "shipped": ("delivered",),
}
_OPEN = tuple(_WAYS)[:5]


class Work(msgspec.Struct):
    """A fulfillment: its status, and what it still has to see to."""

    status: str
    units: Counter[tuple[int, int]]


class WorkBooks:
    """Fulfillments by order and number."""

    def __init__(self, bad: Callable[[str, str], None]) -> None:
        self._bad = bad
        self.of: dict[int, dict[int, Work]] = {}
        # Parts that have left before others of their bundle, by order, and (line, SKU); and as that
        # was before the note of the shipment that comes next.
        self.ahead: dict[int, dict[tuple[int, int], int]] = {}
        self.leaving: dict[int, dict[tuple[int, int], int]] = {}
        self.said: dict[bytes, Counter[int]] = {}  # short picks that the stock may lose, by id

    def note(self, order: int, data: bytes) -> None:
        """Read a change's note, if it is of a fulfillment."""
        if data.startswith(_MARKS):
            self.fold(order, _read(data))

    def fold(self, order: int, note: dict[str, Any]) -> None:
        """Take a note up."""
        if note["what"] == "fulfillment_step":
            self._step(order, note)
        elif note["what"] in ("released", "rerouted"):
            work = self.of.setdefault(order, {})
            for part in note["parts"]:
                units = Counter({(line, place): units for line, place, units in part["rows"]})
                if part["number"] != len(work) + 1 or not units or min(units.values()) < 1:
                    self._bad("P2", f"fulfillment {order}-{part['number']} is made of nothing")
                work[part["number"]] = Work("requested", units)

    def _step(self, order: int, note: dict[str, Any]) -> None:
        name, one = f"{order}-{note['number']}", self.of.get(order, {}).get(note["number"])
        if one is None:
            self._bad("P2", f"fulfillment {name} does not exist")
            return
        status, lost = note["status"], Counter()
        stays = one.status == status and status in _OPEN
        if not stays and status not in _WAYS.get(one.status, ()):
            self._bad("P2", f"fulfillment {name} goes from {one.status} to {status}")
        for line, place, units in note.get("rows", ()):
            one.units[line, place] -= units
            lost[place] += units
            if units < 1 or one.units[line, place] < 0:
                self._bad("P2", f"fulfillment {name} gives up more than it has")
        if note.get("ahead"):
            before = self.leaving[order] = self.ahead.get(order, {})
            now = before | {(line, sku): units for line, sku, units in note["ahead"]}
            self.ahead[order] = {key: units for key, units in now.items() if units}
        one.status, one.units = status, +one.units if status in _OPEN else Counter()
        if status in _OPEN and not one.units:
            self._bad("P2", f"fulfillment {name} is open and has nothing to do")
        if note.get("short_id"):
            self.said[f"{name}:{note['short_id']}".encode()] = lost

    def fetched(self, order: int) -> bool:
        """Say whether its customer has fetched something, and no carrier has any of it."""
        found = {one.status for one in self.of.get(order, {}).values()}
        return "picked_up" in found and "shipped" not in found

    def short(self, name: bytes, gone: Counter[int]) -> None:
        """Stock is lost by a short pick: no more than its note says."""
        said = self.said.pop(name, Counter())
        if any(units > said[place] for place, units in gone.items()):
            word = name.decode(errors="replace")
            self._bad("P2", f"short pick {word!r} takes more than was not there")

    def left(self, order: int, gone: list[tuple[int, int]]) -> tuple[list[tuple], dict, dict]:
        """Return what of each line leaves, whole bundles if it is one, as (line, units, units of
        them that had taken something), and by (line, SKU) the parts that were ahead of others of
        their bundle before, and are after."""
        after = self.ahead.get(order, {})
        before = self.leaving.pop(order, after)
        rows = {line: (line, units, units) for line, units in gone}
        rows |= {line: (line, 0, 0) for line, _ in before | after if line not in rows}
        return list(rows.values()), before, after

    def parted(self, orders) -> dict[int, dict[tuple[int, int], int]]:
        """Return the parts of these orders that have left ahead of others of their bundle."""
        return {order: rows for order, rows in self.ahead.items() if rows and order in orders}

    def open(self, orders) -> dict[int, dict[int, Work]]:
        """Return the fulfillments of these orders, where they have any."""
        return {order: self.of[order] for order in orders if order in self.of}
