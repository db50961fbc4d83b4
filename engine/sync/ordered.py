"""Rows of a queue in the order of some numbers, the least first, however many there are.

A binary heap of entries that name rows. A row that changes gets a new entry, and the old one is
passed over when it comes up: nothing has to be found in the middle of the heap. When more than half
of the entries are old, all of those are dropped at once; so an entry costs O(log rows) in all.
"""

import heapq
from collections.abc import Callable, Mapping
from typing import Generic, Protocol, TypeVar

_SPARE = 64  # old entries that nobody minds


class Row(Protocol):
    """What is queued under the name of its `listing`. `turn` says which entry of it holds."""

    listing: str
    turn: int


R = TypeVar("R", bound=Row)
Key = tuple[float, ...]


class Ordered(Generic[R]):
    """Some of `rows`, by the keys that they were added with. `current(row, key, turn)` says whether
    an entry that was added at a turn of its row still holds."""

    def __init__(self, rows: Mapping[str, R], current: Callable[[R, Key, int], bool]) -> None:
        self._rows, self._current = rows, current
        self._heap: list[tuple[Key, int, str]] = []

    def __bool__(self) -> bool:
        """Whether there is a row."""
        return self._next() is not None

    def add(self, key: Key, row: R) -> None:
        """Add a row."""
        heapq.heappush(self._heap, (key, row.turn, row.listing))
        if len(self._heap) > 2 * len(self._rows) + _SPARE:
            self._heap = [entry for entry in self._heap if self._holds(entry)]
            heapq.heapify(self._heap)

    def _holds(self, entry: tuple[Key, int, str]) -> R | None:
        key, turn, name = entry
        row = self._rows.get(name)
        return row if row is not None and self._current(row, key, turn) else None

    def _next(self) -> R | None:
        """Return the first row, having dropped the old entries before it."""
        while self._heap:
            if (row := self._holds(self._heap[0])) is not None:
                return row
            heapq.heappop(self._heap)
        return None

    def take(self, most: Key) -> R | None:
        """Remove and return the first row, if its key is not above `most`."""
        row = self._next()
        if row is None or self._heap[0][0] > most:
            return None
        heapq.heappop(self._heap)
        return row

    def first(self, count: int, fits: Callable[[R], bool] = lambda _: True) -> list[R]:
        """Return the first `count` rows that fit; they stay."""
        found: dict[str, R] = {}
        passed = []
        while len(found) < count and (row := self._next()) is not None:
            passed.append(heapq.heappop(self._heap))
            if fits(row):
                found[row.listing] = row
        for entry in passed:
            heapq.heappush(self._heap, entry)
        return list(found.values())
