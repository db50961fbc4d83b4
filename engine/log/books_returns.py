"""The second opinion on goods that come back: never more than has left, and every unit that moves
for it is said by a note, as every unit that a note tells of moves.

Reads the JSON of notes by itself. Counts are of units of stocked SKUs by line of the order.
"""

from collections import Counter
from typing import Any

import msgspec

_read = msgspec.json.Decoder().decode
_ON_HAND, _DAMAGED, _CHECKED = range(3)
_MARK = b'{"what":"return_'
Moves = Counter[tuple[int, int, int]]  # units by (SKU, location, bucket)


class Returned(msgspec.Struct):
    """What has come back of one order: units by (line, SKU), and those to be inspected by (return,
    location, SKU). `each` is how many of a SKU make one unit of a line, `done` the steps' ids."""

    names: set[str] = msgspec.field(default_factory=set)
    done: set[tuple[str, str, str]] = msgspec.field(default_factory=set)
    each: dict[tuple[int, int], int] = {}
    came: Counter[tuple[int, int]] = msgspec.field(default_factory=Counter)
    waiting: Counter[tuple[str, int, int]] = msgspec.field(default_factory=Counter)


class ReturnBooks:
    """Returns by order. `bad` and `seq` are the walk's."""

    bad: Any
    seq: int

    def __init__(self) -> None:
        self.returned: dict[int, Returned] = {}
        self.left_with: dict[int, tuple[int, ...]] = {}  # of closed orders: units gone, by line
        self.unsaid: tuple[int, Moves] | None = None  # a return's movements that no note told yet

    def return_moved(self, moves: Moves) -> None:
        """A return moved stock; the next event has to say why."""
        self.check_said()
        self.unsaid = (self.seq, moves)

    def check_said(self) -> None:
        """No movement of a return is without a note (P2)."""
        if self.unsaid:
            self.bad("P2", f"the return's movements of event {self.unsaid[0]} have no note")
        self.unsaid = None

    def return_note(self, order: int, shipped: tuple[int, ...], data: bytes) -> None:
        """Read a change's note, if it is of a return. `shipped` are units gone by line."""
        if data.startswith(_MARK):
            note = _read(data)
            moves = self.fold_return(order, shipped, note)
            self._check_moves(+moves, -moves)

    def _check_moves(self, more: Moves, less: Moves) -> None:
        if not more and not less:
            return
        said = self.unsaid
        if not said or said[0] != self.seq - 1 or (+said[1], -said[1]) != (more, less):
            self.bad("P2", "a return's note tells of other units than have moved")
        self.unsaid = None

    def fold_return(self, order: int, shipped: tuple[int, ...], note: dict) -> Moves:
        """Take a note up; return the movements that it stands for."""
        books, name = self.returned.setdefault(order, Returned()), note["return_id"]
        what, moves = note["what"], Counter()
        if (what == "return_opened") == (name in books.names):
            self.bad("P4", f"return {name!r} of order {order} is opened twice, or never")
        books.names.add(name)
        for step in ("receipt_id", "inspection_id"):
            if step in note:
                if (name, step, note[step]) in books.done:
                    self.bad("P4", f"{step} {note[step]!r} of return {name!r} is used twice")
                books.done.add((name, step, note[step]))
        if what == "return_received":
            for line, sku, each, units in note["parts"]:
                self._came(order, books, (line, sku), each, units, shipped)
                books.waiting[name, note["location"], sku] += units
                moves[sku, note["location"], _ON_HAND] += units
                moves[sku, note["location"], _CHECKED] += units
        elif what == "return_inspected":
            for sku, units, word, _ in note["rows"]:
                place = note["location"]
                books.waiting[name, place, sku] -= units
                if books.waiting[name, place, sku] < 0 or units < 1:
                    self.bad("P2", f"return {name!r} of order {order}: more inspected than came")
                if word != "quality_control":
                    moves[sku, place, _CHECKED] -= units
                    moves[sku, place, _DAMAGED] += units if word == "damaged" else 0
                    moves[sku, place, _ON_HAND] -= units if word == "scrap" else 0
        return moves

    def _came(self, order, books: Returned, key, each: int, units: int, shipped) -> None:
        line, sku = key
        books.came[key] += units
        gone = shipped[line] * each if line < len(shipped) else 0
        if units < 1 or books.each.setdefault(key, each) != each or books.came[key] > gone:
            self.bad(
                "P2",
                f"order {order} line {line}: {books.came[key]} units of SKU {sku} came back, "
                f"{gone} have left",
            )
