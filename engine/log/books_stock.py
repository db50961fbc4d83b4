"""The second opinion, first half: positions, and the records that move stock or name things.

See `books` for what it is for. `bad(promise, why)` is told of every broken promise, and the books
go on; a record that cannot be read raises `Unreadable`.
"""

import struct
from collections import Counter
from collections.abc import Callable

import msgspec

from engine.core import limits
from engine.log.books_fences import FENCES, FenceBooks
from engine.log.books_returns import ReturnBooks
from engine.log.books_work import WorkBooks

_CAUSE = struct.Struct("<QH").unpack_from
_PAIR = struct.Struct("<II").unpack_from
_PAPER = struct.Struct("<BII").unpack_from
_MOVE = struct.Struct("<IBqqH").unpack_from
_CELL = struct.Struct("<III").unpack_from
_SKU = struct.Struct("<IBH").unpack_from
_U16 = struct.Struct("<H").unpack_from
_U32 = struct.Struct("<I").unpack_from
_U64 = struct.Struct("<Q").unpack_from
_PAPERS = ("", "receipt", "count", "adjustment", "transfer", "return", "short")
_RECEIPT, _TRANSFER, _RETURN, _SHORT = 1, 4, 5, 6
# What units are.
_COUNTED = {1: "received", 2: "counted", 3: "adjusted", 5: "returned", 6: "adjusted"}


class Unreadable(Exception):
    """A record does not have the form its kind asks for."""


class StockBooks(ReturnBooks):
    """Positions and what is answered to requests. `seq` and `stamp_us` say where the walk is."""

    def __init__(self, bad: Callable[[str, str], None]) -> None:
        super().__init__()
        self.bad = bad
        self.work = WorkBooks(bad)
        self.fences = FenceBooks(bad)
        self.seq = self.stamp_us = self.epoch = 0
        self.locations = 0
        self.closed_locations: set[int] = set()
        self.entries: dict[int, int] = {}  # register → entries
        # Per SKU.
        self.backorderable: list[bool] = []
        self.components: list[list[tuple[int, int]]] = []
        self.sku_positions: list[list[int]] = []
        self.bundles: set[int] = set()  # those that are or were: orders keep what they have taken
        # Per position. `buckets` in order of their number; `room` is what may still be promised.
        self.position_sku: list[int] = []
        self.position_location: list[int] = []
        self.cells: set[tuple[int, int]] = set()
        self.buckets: tuple[list[int], ...] = ([], [], [], [])
        self.reserved: list[int] = []
        self.allocated: list[int] = []
        self.room: list[int] = []
        # Requests answered: key to stamp. Two generations, so that old ones go.
        self.answered: dict[bytes, int] = {}
        self.answered_before: dict[bytes, int] = {}
        self.answered_since = 0
        self.units = dict.fromkeys(
            (
                "received",
                "counted",
                "adjusted",
                "returned",
                "reserved",
                "allocated",
                "freed",
                "shipped",
                "oversold",
            ),
            0,
        )

    def shown(self, position: int) -> str:
        """Say what a position holds."""
        on_hand, *unavailable = (bucket[position] for bucket in self.buckets)
        return (
            f"on_hand {on_hand}, reserved {self.reserved[position]}, "
            f"allocated {self.allocated[position]}, unavailable {sum(unavailable)}"
        )

    # Requests.

    def cause(self, data: bytes, at: int) -> int:
        """Read who asked; an Idempotency-Key may be used once. Return where the cause ends."""
        _, size = _CAUSE(data, at)
        at += 10 + size
        (length,) = _U16(data, at)
        if length:
            actor = data[at - size : at]
            self.once(b"key:%b:%b" % (actor, data[at + 2 : at + 2 + length]))
        return at + 2 + length

    def once(self, key: bytes) -> None:
        """Note that a request was answered; twice within its retention breaks P4."""
        now = self.stamp_us
        if now - self.answered_since >= limits.IDEMPOTENCY_RETENTION_US:
            self.answered_before, self.answered, self.answered_since = self.answered, {}, now
        before = self.answered.get(key) or self.answered_before.get(key)
        if before and not self.old(before, limits.IDEMPOTENCY_RETENTION_US):
            self.bad("P4", f"{key.decode(errors='replace')!r} was answered before")
        self.answered[key] = now

    def old(self, since_us: int, retention_us: int) -> bool:
        """Say whether something that ended at `since_us` (0: it has not) may be forgotten."""
        return bool(since_us) and self.stamp_us - since_us >= retention_us

    # Promises.

    def promise(self, bucket: list[int], position: int, units: int) -> None:
        """Units of a position are promised: P1 at this very event."""
        bucket[position] += units
        left = self.room[position] - units
        self.room[position] = left
        if left < 0 and not self.backorderable[self.position_sku[position]]:
            self.units["oversold"] += min(units, -left)
            self.bad("P1", f"position {position} is oversold by {-left}: {self.shown(position)}")

    def give_back(self, bucket: list[int], position: int, units: int) -> None:
        """Units of a position are promised no longer."""
        bucket[position] -= units
        self.room[position] += units
        if bucket[position] < 0:
            self.bad("P2", f"position {position} gives back too much: {self.shown(position)}")

    def leave(self, position: int, units: int) -> None:
        """Allocated units of a position leave the house."""
        self.allocated[position] -= units
        self.buckets[0][position] -= units
        if self.allocated[position] < 0 or self.buckets[0][position] < 0:
            self.bad("P2", f"position {position} ships too much: {self.shown(position)}")

    def check_takes(self, sku: int, units: int, takes: list[tuple[int, int]]) -> None:
        """A line's takes are what its units need: of the SKU itself, or of a bundle's parts."""
        need: dict[int, int] = {}
        self._leaves(sku, units, need, limits.BUNDLE_DEPTH_MAX)
        for position, taken in takes:
            part = self.position_sku[position]
            need[part] = need.get(part, 0) - taken
        if any(need.values()):
            self.bad("P2", f"a line of SKU {sku} got {units} units and took something else")

    def _leaves(self, sku: int, units: int, need: dict[int, int], depth: int) -> None:
        parts = self.components[sku]
        if not parts:
            need[sku] = need.get(sku, 0) + units
        elif depth < 0:
            raise Unreadable(f"bundle {sku} nests deeper than {limits.BUNDLE_DEPTH_MAX}")
        for part, quantity in parts:
            self._leaves(part, units * quantity, need, depth - 1)

    # One reader for each kind of record; each returns where it ends.

    def epoch_opened(self, data: bytes, at: int) -> int:
        """A writer took over."""
        (epoch,) = _U64(data, at)
        if epoch != self.epoch:
            self.bad("P6", f"record opens epoch {epoch} in a frame of epoch {self.epoch}")
        at += 8
        for _ in range(2):
            at += 2 + _U16(data, at)[0]
        return at

    def location_put(self, data: bytes, at: int) -> int:
        """A location is there, or has changed."""
        at = self.cause(data, at)
        number, size = _PAIR(data, at)
        at, self.locations = self._named(data, at, "location", self.locations)
        self.know_location(number, data[at - size : at])
        return at

    def know_location(self, number: int, document: bytes) -> None:
        """Note whether a location is active, by the JSON that put it."""
        active = msgspec.json.decode(document, type=dict).get("active", True)
        (self.closed_locations.discard if active else self.closed_locations.add)(number)

    def entry_put(self, data: bytes, at: int) -> int:
        """An entry of a register is there, or has changed. Only fences bear on stock."""
        at = self.cause(data, at)
        (register,) = _U16(data, at)
        known = self.entries.get(register, 0)
        number, size = _PAIR(data, at + 2)
        at, self.entries[register] = self._named(data, at + 2, f"register {register}'s", known)
        if register == FENCES:
            self.fences.put(number, data[at - size : at], self.backorderable, self.components)
        return at

    def _named(self, data: bytes, at: int, noun: str, count: int) -> tuple[int, int]:
        """Read number and document of a row; return where they end and how many rows there are."""
        (number,) = _U32(data, at)
        if number > count:
            raise Unreadable(f"{noun} number {number} leaves a gap")
        return at + 8 + _U32(data, at + 4)[0], max(count, number + 1)

    def sku_put(self, data: bytes, at: int) -> int:
        """A SKU is there, or has changed: it may stop to be backorderable only when P1 holds."""
        at = self.cause(data, at)
        number, backorderable, rows = _SKU(data, at)
        at += 7
        components = [_PAIR(data, at + 8 * row) for row in range(rows)]
        at += 8 * rows
        if number > len(self.backorderable):
            raise Unreadable(f"SKU number {number} leaves a gap")
        if number == len(self.backorderable):
            self.add_sku(False, [])
        if any(part >= len(self.components) for part, _ in components):
            raise Unreadable(f"SKU {number} has a part that does not exist")
        self.backorderable[number], self.components[number] = bool(backorderable), components
        if components:
            self.bundles.add(number)
        if components and self.sku_positions[number]:
            self.bad("P2", f"SKU {number} becomes a bundle while it has stock of its own")
        for position in self.sku_positions[number]:
            if not backorderable and self.room[position] < 0:
                self.bad("P1", f"position {position} ends backorders: {self.shown(position)}")
        return at + 4 + _U32(data, at)[0]

    def add_sku(self, backorderable: bool, components: list[tuple[int, int]]) -> None:
        """Open the next SKU number."""
        self.backorderable.append(backorderable)
        self.components.append(components)
        if components:
            self.bundles.add(len(self.components) - 1)
        self.sku_positions.append([])

    def position_opened(self, data: bytes, at: int) -> int:
        """SKU and location got a cell."""
        number, sku, location = _CELL(data, at)
        if number != len(self.room) or (sku, location) in self.cells:
            raise Unreadable(f"position {number} is not new")
        if location >= self.locations or self.components[sku]:
            self.bad("P2", f"position {number} is of a place or SKU that holds no stock")
        self.add_position(sku, location)
        self.fences.passed_by(self.seq)
        return at + 12

    def add_position(self, sku: int, location: int) -> None:
        """Open the next position number, empty."""
        self.cells.add((sku, location))
        self.sku_positions[sku].append(len(self.room))
        self.position_sku.append(sku)
        self.position_location.append(location)
        for column in (*self.buckets, self.reserved, self.allocated, self.room):
            column.append(0)

    def stock_moved(self, data: bytes, at: int) -> int:
        """A receipt, count, adjustment, transfer or a step of a return."""
        at = self.cause(data, at)
        paper, *places = _PAPER(data, at)
        at += 9
        (size,) = _U16(data, at)
        if not paper:
            raise Unreadable("document of kind 0")
        name = data[at + 2 : at + 2 + size]
        self.once(b"%b:%b" % (_PAPERS[paper].encode(), name))
        at += 2 + size
        (rows,) = _U16(data, at)
        at += 2
        touched, came, moves, gone = set(), 0, Counter(), Counter()
        for _ in range(rows):
            position, bucket, delta, stated, size = _MOVE(data, at)
            at += 23 + size
            column = self.buckets[bucket]
            column[position] += delta
            self.room[position] += -delta if bucket else delta
            came += 0 if bucket else delta
            touched.add(position)
            gone[position] -= delta
            place = self.position_location[position]
            moves[self.position_sku[position], place, bucket] += delta
            found = column[position]
            if found != stated:
                self.bad("P2", f"position {position} has {found} units, not the {stated} stated")
            if place not in places:
                self.bad("P2", f"position {position} is not where the document is")
            if paper == _RECEIPT and (bucket or delta < 0):
                self.bad("P2", f"a receipt takes {delta} from position {position}")
        if paper == _SHORT:
            self.work.short(bytes(name), gone)
            if came >= 0:
                self.bad("P2", f"a short pick finds {came} units")
        if paper == _TRANSFER and came:
            self.bad("P2", f"a transfer makes {came:+d} units")
        if paper in _COUNTED:
            self.units[_COUNTED[paper]] += came
        if paper == _RETURN:
            self.return_moved(moves)
        for position in touched:
            self._check(position)
        if paper == _SHORT:
            self.fences.passed_by(self.seq)
        return at

    def _check(self, position: int) -> None:
        on_hand, *unavailable = (bucket[position] for bucket in self.buckets)
        if min(on_hand - sum(unavailable), *unavailable) < 0 or on_hand > limits.BUCKET_UNITS_MAX:
            self.bad("P2", f"position {position} is out of bounds: {self.shown(position)}")
        elif self.room[position] < 0 and not self.backorderable[self.position_sku[position]]:
            self.bad("P1", f"position {position} loses promised units: {self.shown(position)}")
