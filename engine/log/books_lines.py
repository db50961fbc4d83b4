"""The second opinion on what a line of a reservation or order says, and what is left of it.

Reads packed lines by itself, from docs/log-format.md.
"""

import struct

_LINE = struct.Struct("<BII").unpack_from
_TAKE = struct.Struct("<II").unpack_from
_U16 = struct.Struct("<H").unpack_from
_U32 = struct.Struct("<I").unpack_from
# Flags of a line: which optional fields follow, in this order.
WAITS, PRICE, NAMED, MANY = 1, 2, 4, 8


class Held:
    """What is left of an order that was changed: per line, and per take."""

    __slots__ = ("asked", "cancelled", "left", "places", "shipped", "waiting")

    def __init__(self, lines: list[tuple]) -> None:
        self.asked = [line[1] for line in lines]
        self.waiting = [line[2] for line in lines]
        self.cancelled = [0] * len(lines)
        self.shipped = [0] * len(lines)
        self.places = [[place for place, _ in line[3]] for line in lines]
        self.left = [[units for _, units in line[3]] for line in lines]

    @property
    def state(self) -> tuple:
        """What two copies of one order have to agree on."""
        done = self.waiting, self.cancelled, self.shipped
        return self.asked, self.places, self.left, *done

    def served(self, line: int) -> int:
        """Units of a line that are allocated and have not left."""
        gone = self.cancelled[line] + self.waiting[line] + self.shipped[line]
        return self.asked[line] - gone


def read_lines(data: bytes, at: int = 0) -> tuple[int, list[tuple]]:
    """Return (end, [(sku, asked, waiting, [(position, units), …]), …]) of a list of lines."""
    (count,) = _U16(data, at)
    at += 2
    lines = []
    for _ in range(count):
        flags, sku, asked = _LINE(data, at)
        at, waiting, takes = read_rest(data, at + 9, flags, asked)
        lines.append((sku, asked, waiting, takes))
    return at, lines


def read_rest(data: bytes, at: int, flags: int, asked: int) -> tuple[int, int, list]:
    """Read what follows a line's quantity; return (end, waiting, takes)."""
    waiting = 0
    if flags & WAITS:
        (waiting,) = _U32(data, at)
        at += 4
    at += 8 if flags & PRICE else 0
    at += 2 + _U16(data, at)[0] if flags & NAMED else 0
    if not flags & MANY:
        return at + 4, waiting, [(_U32(data, at)[0], asked)]
    (rows,) = _U16(data, at)
    takes = [_TAKE(data, at + 2 + 8 * row) for row in range(rows)]
    return at + 2 + 8 * rows, waiting, takes
