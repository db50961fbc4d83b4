"""Whether two databases hold the same rows."""

from collections.abc import Iterator
from typing import Any, Protocol

from engine.views.schema import TABLES, Table


class Readable(Protocol):
    """A database that can give a table row by row."""

    def each(self, sql: str) -> Iterator[tuple]:
        """Yield the rows of a query."""


def differences(one: Readable, other: Readable) -> dict[str, int]:
    """Return how many keys of each table have different rows, or a row in one of the two only;
    tables without any are left out."""
    found = {table.name: _differing(table, one, other) for table in TABLES}
    return {name: count for name, count in found.items() if count}


def _differing(table: Table, one: Readable, other: Readable) -> int:
    sql = f"SELECT {', '.join(table.names)} FROM {table.name} ORDER BY {', '.join(table.key)}"
    width = [table.names.index(name) for name in table.key]
    left, right, count = one.each(sql), other.each(sql), 0
    mine, theirs = next(left, None), next(right, None)
    while mine is not None or theirs is not None:
        order = _compare(mine, theirs, width)
        count += order != 0 or mine != theirs
        if order <= 0:
            mine = next(left, None)
        if order >= 0:
            theirs = next(right, None)
    return count


def _compare(mine: tuple | None, theirs: tuple | None, width: list[int]) -> int:
    """Return which key comes first: -1 mine, 1 theirs, 0 if they are the same."""
    if mine is None or theirs is None:
        return 1 if mine is None else -1
    left, right = (tuple(_bytes(row[n]) for n in width) for row in (mine, theirs))
    return (left > right) - (left < right)


def _bytes(value: Any) -> Any:
    return value.encode() if isinstance(value, str) else value
