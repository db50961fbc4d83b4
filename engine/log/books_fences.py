"""The second opinion on ring-fenced stock: what is set aside for one channel goes to no other.

Reads the JSON of fences by itself, and works out by itself what is out of each and what stock
covers. For every event that promises units of a SKU with open fences (P1): no fence of another
channel has less after it than before, and a channel that takes only what is set aside for it takes
no more.
Units that one order hands to another count as if they had never been free in between.
"""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

FENCES = 6  # the register's number
_read = msgspec.json.Decoder(dict).decode
_tag = msgspec.json.Decoder(dict).decode
# Notes of changes by which an order may give units to another, or to itself elsewhere.
_HANDS_OVER = ("merged_into", "split_off", "gave_up", "fulfillment_step", "rerouted")
Moves = dict[int, int]  # units promised by position, below 0: given back


class Row(msgspec.Struct):
    """A fence, and what is out of it, by the seq of the reservation or order that has it."""

    channel: str
    sku: int
    place: int | None
    quantity: int
    falls: bool
    status: str
    used: int = 0
    marks: dict[int, int] = {}

    @property
    def left(self) -> int:
        """Units that nobody has taken."""
        return max(self.quantity - self.used, 0)


def moves_of(lines: Iterable[tuple], sign: int = 1) -> Moves:
    """Return the units by position that lines, as `read_lines` gives them, take."""
    moves: Moves = {}
    for _, _, _, takes in lines:
        for position, units in takes:
            moves[position] = moves.get(position, 0) + sign * units
    return moves


def what_of(note: bytes) -> str:
    """Return the tag of a change's note, empty without one."""
    return str(_tag(note).get("what", "")) if note else ""


class FenceBooks:
    """Fences by number. Methods that take `books` look at the walk's positions."""

    def __init__(self, bad: Callable[[str, str], None]) -> None:
        self.bad = bad
        self.rows: list[Row] = []
        self.open: dict[int, list[int]] = {}  # SKU → its open fences, as stock covers them
        self.handed: Moves = {}  # units on their way from one order to another
        self.handed_seq, self.handed_by = 0, ""

    def put(self, number: int, document: bytes, backorderable: list, components: list) -> None:
        """A fence stands otherwise. One that begins anew has all of its units left."""
        now = _row(_read(document))
        if number == len(self.rows):
            self.rows.append(now)
        before = self.rows[number]
        if before.status == now.status:
            now.used, now.marks = before.used, before.marks
        elif now.status == "ended":
            now.used = before.used
        if (before.channel, before.sku, before.place) != (now.channel, now.sku, now.place):
            self.bad("P2", f"fence {number} is another channel's, or of something else")
        self.rows[number] = now
        if now.status == "open" and (backorderable[now.sku] or components[now.sku]):
            self.bad("P2", f"fence {number} is of a SKU of which nothing can be set aside")
        self._index(now.sku)

    def _index(self, sku: int) -> None:
        rows = [n for n, row in enumerate(self.rows) if row.sku == sku and row.status == "open"]
        self.open.pop(sku, None)
        if rows:
            self.open[sku] = sorted(rows, key=lambda n: (self.rows[n].place is None, n))

    def load(self, documents: list[bytes], marks: list[tuple[int, dict[int, int]]]) -> None:
        """Take up the fences of a snapshot."""
        for document, (used, held) in zip(documents, marks, strict=True):
            row = _row(_read(document))
            row.used, row.marks = used, held
            self.rows.append(row)
            self._index(row.sku)

    def moved(
        self, books: Any, holder: int, channel: str, moves: Moves, *, what: str, fresh: bool
    ) -> None:
        """An event has promised units, or given some back, which the books show already. `fresh`
        says that its units come from what is available, not from other orders."""
        split = self.handed_by == "split_off" and what == "placed"
        chained = books.seq == self.handed_seq + 1 and (split or not fresh)
        handed = self.handed if chained else {}
        positions = {n for n in (*moves, *handed) if books.position_sku[n] in self.open}
        skus = {books.position_sku[number] for number in positions}
        away = {n: moves.get(n, 0) - handed.get(n, 0) for n in positions}
        before = {sku: self._covered(books, sku, away) for sku in skus}
        used = [row.used for row in self.rows] if fresh and not chained else []
        for sku in skus:
            self._note(books, sku, holder, channel, moves)
        taken = {sku: self._sum(books, sku, moves) for sku in skus}
        for sku in skus:
            if taken[sku] > 0 or handed or any(moves.get(n, 0) > 0 for n in positions):
                self._compare(books, sku, channel, before[sku])
                self._check_own(sku, channel, taken[sku], used)
        self.handed, self.handed_seq, self.handed_by = {}, 0, what
        if what in _HANDS_OVER:
            self.handed = {n: max(-units, 0) for n, units in away.items()}
            self.handed_seq = books.seq

    def passed_by(self, seq: int) -> None:
        """An event that promises nothing stands between two that hand units over."""
        if seq == self.handed_seq + 1:
            self.handed_seq = seq

    def _compare(self, books: Any, sku: int, channel: str, before: dict[int, int]) -> None:
        after = self._covered(books, sku, {})
        for number, units in before.items():
            if self.rows[number].channel != channel and after[number] < units:
                self.bad(
                    "P1",
                    f"fence {number} of channel {self.rows[number].channel!r} had {units} units "
                    f"and has {after[number]}: channel {channel!r} took what is set aside",
                )

    def _check_own(self, sku: int, channel: str, taken: int, used: list[int]) -> None:
        own = [n for n in self.open[sku] if n < len(used) and self.rows[n].channel == channel]
        more = sum(self.rows[n].used - used[n] for n in own)
        if taken > more and not all(self.rows[n].falls for n in own):
            self.bad("P1", f"channel {channel!r} took {taken} units of SKU {sku}, {more} are its")

    def _sum(self, books: Any, sku: int, moves: Moves) -> int:
        return sum(units for n, units in moves.items() if books.position_sku[n] == sku)

    def _covered(self, books: Any, sku: int, away: Moves) -> dict[int, int]:
        """Return what of each open fence is there, had `away` not been promised."""
        free = {
            books.position_location[n]: max(books.room[n] + away.get(n, 0), 0)
            for n in books.sku_positions[sku]
            if books.position_location[n] not in books.closed_locations
        }
        found = {}
        for number in self.open[sku]:
            row = self.rows[number]
            left = row.left
            for place in free if row.place is None else [row.place]:
                units = min(free.get(place, 0), left)
                left -= units
                if units:
                    free[place] -= units
            found[number] = row.left - left
        return found

    def _note(self, books: Any, sku: int, holder: int, channel: str, moves: Moves) -> None:
        here: dict[int | None, int] = {None: self._sum(books, sku, moves)}
        for position, units in moves.items():
            if books.position_sku[position] == sku:
                place = books.position_location[position]
                here[place] = here.get(place, 0) + units
        for number in self.open[sku]:
            row = self.rows[number]
            units = here.get(row.place, 0)
            if units < 0:
                self._give(row, holder, -units)
            elif row.channel == channel and min(units, row.left):
                row.marks[holder] = row.marks.get(holder, 0) + min(units, row.left)
                row.used += min(units, row.left)

    def _give(self, row: Row, holder: int, units: int) -> None:
        back = min(row.marks.get(holder, 0), units)
        if back:
            row.used -= back
            row.marks[holder] -= back
            if not row.marks[holder]:
                del row.marks[holder]

    def committed(self, reservation: int, order: int) -> None:
        """A reservation's units are an order's now."""
        for row in self.rows if self.open else ():
            if reservation in row.marks:
                row.marks[order] = row.marks.pop(reservation)

    def returned(self, order: int, sku: int, place: int, units: int) -> None:
        """Units that came back are for sale again."""
        for row in self.rows if self.open else ():
            if row.status == "open" and row.sku == sku and row.place in (None, place):
                self._give(row, order, units)

    def stated(self, orders: Iterable[int]) -> list[tuple]:
        """Return what can be compared: marks of orders that a snapshot still has."""
        known = set(orders)
        return [
            (row.channel, row.sku, row.place, row.quantity, row.status, row.used,
             {n: units for n, units in row.marks.items() if n in known})
            for row in self.rows
        ]  # fmt: skip


def _row(entry: dict) -> Row:
    put = entry["put"]
    falls = put.get("fall_back", True)
    return Row(
        put["channel"], entry["sku"], entry.get("place"), put["quantity"], falls, entry["status"]
    )
