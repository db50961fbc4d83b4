"""The second opinion on an order that stands otherwise (kind 14): its units are given back and
taken anew, and what was done with each line still adds up to what was asked for.
"""

import struct
from base64 import b64decode

import msgspec

from engine.log.books_fences import moves_of, what_of
from engine.log.books_lines import Held, read_lines
from engine.log.books_slips import read_slip
from engine.log.books_stock import StockBooks, Unreadable

_CHANGE = struct.Struct("<QBB").unpack_from
_GONE = struct.Struct("<II").unpack_from
_U32 = struct.Struct("<I").unpack_from
ALLOCATED, PARTIALLY, BACKORDERED, CANCELLED, SHIPPED, PARTIALLY_SHIPPED = range(1, 7)
DELIVERED, LAST = 13, 14
CLOSED = (CANCELLED, SHIPPED, DELIVERED)
# What follows from an order's units; the other statuses say what is done with it.
BY_UNITS = (ALLOCATED, PARTIALLY, BACKORDERED, CANCELLED, SHIPPED, PARTIALLY_SHIPPED)

FILLED = b'{"what":"filled"'
# Members of a note; in a text, their quotes would follow a backslash.
SENDS, RECEIPT = b',"sends":', b',"receipt":'
_json = msgspec.json.Decoder().decode


def _by_place(held: Held) -> list[dict[int, int]]:
    """Return the units that each line holds, by position."""
    found = []
    for places, left in zip(held.places, held.left, strict=True):
        here: dict[int, int] = {}
        for place, units in zip(places, left, strict=True):
            here[place] = here.get(place, 0) + units
        found.append(here)
    return found


def channel_of(name: bytes) -> bytes:
    """Return the channel in the packed name of an order."""
    return name[2 : 2 + int.from_bytes(name[:2], "little")]


def status_of(wanted: int, waiting: int, shipped: int = 0) -> int:
    """Return the status that follows from units that are wanted still, wait, and have left."""
    if shipped:
        return PARTIALLY_SHIPPED if wanted else SHIPPED
    if not wanted:
        return CANCELLED
    if not waiting:
        return ALLOCATED
    return BACKORDERED if waiting == wanted else PARTIALLY


class OrderBooks(StockBooks):
    """Orders: those that are open, by the seq of their event, and the names of all."""

    def __init__(self, bad) -> None:
        super().__init__(bad)
        # Lines stay packed until they are needed.
        self.orders: dict[int, bytes | Held] = {}  # open ones
        self.order_names: dict[bytes, int] = {}  # 0 while open, else when it was closed
        self.order_name_of: dict[int, bytes] = {}
        self.progress: dict[int, int] = {}  # statuses of open orders that are not in BY_UNITS
        # Of open orders that a policy routed: (location, day of sending) of each shipment. Of each
        # location, the latest such day, and how many orders it has been given to send then.
        self.routes: dict[int, list[tuple[int, int]]] = {}
        self.loads: dict[int, tuple[int, int]] = {}

    def routed(self, data: bytes, at: int, takes: list[tuple[int, int]]) -> int:
        """A receipt says where a placed order's units come from, and the takes say the same, but
        for those that the order bound to a location or that were promised beyond what is there."""
        (size,) = _U32(data, at)
        end = at + 4 + size
        try:
            skus, legs = read_slip(data, at + 4, end)
        except ValueError as error:
            raise Unreadable(str(error)) from error
        taken: dict[tuple[int, int], int] = {}
        for position, units in takes:
            key = self.position_location[position], self.position_sku[position]
            taken[key] = taken.get(key, 0) + units
        self.routes[self.seq] = [(place, day) for place, day, _ in legs]
        for place, day, units in legs:
            self._count(place, day, 1)
            for sku, count in zip(skus, units, strict=True):
                if count > taken.get((place, sku), 0):
                    self.bad("P2", f"an order's receipt has {count} units that it did not take")
        return end

    def changed(self, data: bytes, at: int) -> int:
        """An order stands otherwise."""
        at = self.cause(data, at)
        seq, status, flags = _CHANGE(data, at)
        at += 10
        if flags > 1 or not 0 < status <= LAST:
            raise Unreadable(f"a change has flags {flags} and status {status}")
        lines, gone = None, []
        if flags:
            at, lines = read_lines(data, at)
            gone = [_GONE(data, at + 8 * row) for row in range(len(lines))]
            at += 8 * len(gone)
        (document,) = _U32(data, at)
        before = self.held(seq)
        was = _by_place(before) if before and self.fences.open else []
        self._change(seq, status, lines, gone, bool(document))
        at += 4 + document
        (size,) = _U32(data, at)
        held = self.orders.get(seq)
        shipped = tuple(held.shipped) if isinstance(held, Held) else self.left_with.get(seq, ())
        note = bytes(data[at + 4 : at + 4 + size])
        self.return_note(seq, shipped, note)
        self.work.note(seq, note)
        if seq in self.orders and (SENDS in note or RECEIPT in note):
            self._recount(seq, note)
        if self.fences.open:
            self._fence_change(seq, was, lines, note)
        if note.startswith(FILLED):
            self._check_fill(seq, before, lines is not None)
        return at + 4 + size

    def _fence_change(self, seq: int, was: list, lines: list | None, note: bytes) -> None:
        """Let the fences know what an order holds more or fewer of, or what came back of it."""
        moves = moves_of(lines) if lines is not None else {}
        for position, units in (row for line in was for row in line.items()):
            if lines is not None:
                moves[position] = moves.get(position, 0) - units
        channel, what = channel_of(self.order_name_of[seq]).decode(), what_of(note)
        self.fences.moved(self, seq, channel, moves, what=what, fresh=what == "filled")
        if what == "return_inspected":
            said = msgspec.json.decode(note)
            for sku, units, word, _ in said["rows"]:
                if word == "restock":
                    self.fences.returned(seq, sku, said["location"], units)

    def _recount(self, seq: int, note: bytes) -> None:
        """A change of an order's locations is counted as its note says, and what a policy chose is
        what the order holds."""
        told, before = _json(note), self.routes.get(seq, [])
        now = [(place, day) for place, day in told.get("sends", before)]
        for place, day in before:
            if (place, day) not in now:
                self._count(place, day, -1)
        for place, day in now:
            if (place, day) not in before:
                self._count(place, day, 1)
        if now != before:
            self.routes[seq] = now
        if "receipt" not in told:
            return
        data, holds = b64decode(told["receipt"]), self._holds(seq)
        try:
            skus, legs = read_slip(data, 0, len(data))
        except ValueError as error:
            raise Unreadable(str(error)) from error
        for place, day, units in legs:
            if (place, day) not in now:
                self.bad("P2", f"order {seq} sends from location {place} and is not counted there")
            for sku, count in zip(skus, units, strict=True):
                if count > holds.get((place, sku), 0):
                    self.bad("P2", f"order {seq} has a receipt of {count} units it does not hold")

    def _holds(self, seq: int) -> dict[tuple[int, int], int]:
        """Return what an open order holds, by location and SKU."""
        held, found = self.held(seq), {}
        for places, left in zip(held.places, held.left, strict=True):
            for position, units in zip(places, left, strict=True):
                key = self.position_location[position], self.position_sku[position]
                found[key] = found.get(key, 0) + units
        return found

    def _count(self, place: int, day: int, sign: int) -> None:
        """Count an order at a location on a day, of which only the latest is kept."""
        latest, used = self.loads.get(place, (0, 0))
        if day > latest and sign > 0:
            self.loads[place] = (day, 1)
        elif 0 < day == latest and used + sign >= 0:
            self.loads[place] = (day, used + sign)

    def _check_fill(self, seq: int, before: Held | None, restated: bool) -> None:
        """Stock that came is given to what waited, and nothing else is changed."""
        now = self.held(seq)
        if not restated or before is None or now is None:
            self.bad("P2", f"order {seq} is filled and gets no units")
            return
        if (before.asked, before.cancelled, before.shipped) != (
            now.asked,
            now.cancelled,
            now.shipped,
        ):
            self.bad("P2", f"order {seq} is filled and wants something else")
        more = [old - new for old, new in zip(before.waiting, now.waiting, strict=False)]
        if min(more, default=0) < 0 or not any(more):
            self.bad("P2", f"order {seq} is filled and does not wait for less")
        for old, new in zip(_by_place(before), _by_place(now), strict=False):
            if any(units > new.get(place, 0) for place, units in old.items()):
                self.bad("P2", f"order {seq} is filled and loses units that it held")

    def _change(self, seq: int, status: int, lines: list | None, gone: list, document: bool):
        held = self.held(seq)
        if held is None:
            self._change_closed(seq, status, lines is not None or document)
            return
        if lines is not None:
            held = self._restate(seq, held, lines, gone)
        self.settle(seq, held, status, 0 if status in BY_UNITS else status)

    def _change_closed(self, seq: int, status: int, restated: bool) -> None:
        name = self.order_name_of.get(seq)
        if name is None or status not in CLOSED or restated:
            self.bad("P2", f"order {seq} is changed and was not open")
        if name is not None:
            self.order_names[name] = self.stamp_us

    def _restate(self, seq: int, before: Held, lines: list, gone: list) -> Held:
        for places, left in zip(before.places, before.left, strict=True):
            for position, units in zip(places, left, strict=True):
                self.units["freed"] += units
                self.give_back(self.allocated, position, units)
        now = self.orders[seq] = Held(lines)
        for line, (cancelled, shipped) in enumerate(gone):
            now.cancelled[line], now.shipped[line] = cancelled, shipped
            self._check_line(seq, now, line, lines[line][0])
        for _, _, _, takes in lines:
            for position, units in takes:
                self.units["allocated"] += units
                self.promise(self.allocated, position, units)
        if not lines:
            self.bad("P2", f"order {seq} is left without lines")
        return now

    def _check_line(self, seq: int, held: Held, line: int, sku: int) -> None:
        """A line holds its SKU, or parts of a bundle in one proportion. What the bundle is made
        of may have changed since they were taken."""
        served, taken = held.served(line), {}
        for position, units in zip(held.places[line], held.left[line], strict=True):
            part = self.position_sku[position]
            taken[part] = taken.get(part, 0) + units
        for (number, part), units in self.work.ahead.get(seq, {}).items():
            if number == line:
                taken[part] = taken.get(part, 0) + units
        if sku in self.bundles:
            fits = served > 0 and all(units % served == 0 for units in taken.values())
        else:
            fits = taken == {sku: served}
        if not (fits if taken else served == 0):
            self.bad("P2", f"order {seq} line {line} serves {served} units and holds {taken}")

    def held(self, seq: int) -> Held | None:
        """Return what is left of an open order, None if there is none."""
        held = self.orders.get(seq)
        if isinstance(held, bytes):
            held = self.orders[seq] = Held(read_lines(held)[1])
        return held

    def settle(self, seq: int, held: Held, status: int, progress: int) -> None:
        """The status follows from what is left, or is `progress` (0: none) as long as something is;
        a closed order holds nothing, and its id is free after a while."""
        shipped = sum(held.shipped)
        wanted = sum(held.asked) - sum(held.cancelled) - shipped
        due = status_of(wanted, sum(held.waiting), shipped)
        if progress and due not in CLOSED:
            due = self.progress[seq] = progress
        else:
            self.progress.pop(seq, None)
        if status != due:
            self.bad("P2", f"order {seq} wants {wanted} units still and has status {status}")
        if status in CLOSED:
            if any(map(any, held.left)):
                self.bad("P2", f"order {seq} is closed and holds units")
            if shipped:
                self.left_with[seq] = tuple(held.shipped)
            del self.orders[seq]
            sends = self.routes.pop(seq, ())
            for place, day in sends if status == CANCELLED else ():
                self._count(place, day, -1)
            self.order_names[self.order_name_of[seq]] = self.stamp_us
