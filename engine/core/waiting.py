"""Which orders wait for which SKUs, in the order in which they are to be filled, and for which SKUs
stock has come that they were not looked at for yet.

It is derived from the orders: not in dumps, made anew on load, the same class in both twins.

    set     an order waits otherwise than before
    rise    units of a SKU became available: the SKU is due
    pick    the next order to look at, over all SKUs that are due; none: nothing is due any more
    end     nothing is left of a SKU that is due

What is due is looked at in bounded steps, between which others may be decided. They get nothing of
a SKU that is due but what is left over when all that wait for it have theirs (`owed`).
"""

import math
from collections.abc import Iterator
from heapq import heappop, heappush

import msgspec

from engine.core import limits

# Highest priority first, then what is required first (microseconds), then what was placed first;
# last the order, as the seq of the event that made it.
Rank = tuple[int, int, int, int]
PLACED = "order_placed"  # the kind of an event


class Entry(msgspec.Struct, frozen=True, gc=False):
    """An order that waits: its rank, the units of each stocked SKU that it waits for, and whether
    one of its lines may come from one location only."""

    rank: Rank
    units: tuple[tuple[int, int], ...]
    bound: bool = False

    def waits_for(self, sku: int) -> bool:
        """Say whether SKU `sku` is among those waited for."""
        return any(number == sku for number, _ in self.units)

    @property
    def is_split_off(self) -> bool:
        """Whether it has the place of the order that it was part of."""
        return self.rank[2] != self.rank[3]


class Queue(msgspec.Struct):
    """Who waits for a SKU. `heap` has the ranks of orders that were not looked at since the SKU is
    due, `passed` those of the others; both may hold ranks of orders that wait no more."""

    heap: list[Rank] = []
    passed: list[Rank] = []
    orders: int = 0
    units: int = 0
    bound: int = 0


class Due(msgspec.Struct, frozen=True):
    """The last event that brought units of a SKU: its seq, and the name of its kind."""

    seq: int
    kind: str


class Pick(msgspec.Struct, frozen=True):
    """Look at `order` now, because of what came of SKU `sku`."""

    order: int
    sku: int
    due: Due


class Waiting:
    """The index. Numbers of SKUs that are waited for, or due, otherwise than before gather in
    `changed`, for a twin that keeps marks of its own."""

    def __init__(self) -> None:
        self.entries: dict[int, Entry] = {}
        self.queues: dict[int, Queue] = {}
        self.due: dict[int, Due] = {}
        self.changed: set[int] = set()
        self.fresh = True  # nobody knows what came before: everything is due
        self._tops: list[tuple[Rank, int]] = []
        self._looked = 0  # the hour in which everything that waits was looked at last

    def renew(self, order: int, entry: Entry | None, seq: int, kind: str) -> None:
        """As `set`, by event `seq` of this kind. What the order waits for more than before is due:
        nobody has looked whether it is there, but for an order that is new."""
        old = self.entries.get(order)
        if entry or old:
            self.set(order, entry)
        if entry and (kind != PLACED or entry.is_split_off):
            before = dict(old.units) if old else {}
            for sku, units in entry.units:
                if units > before.get(sku, 0):
                    self.rise(sku, seq, kind)

    def set(self, order: int, entry: Entry | None) -> None:
        """Note how the order placed at `order` waits now; None: it does not."""
        old = self.entries.pop(order, None)
        if entry:
            self.entries[order] = entry
            for sku, units in entry.units:
                self._join(sku, units, entry, old)
        for sku, units in old.units if old else ():
            queue = self.queues[sku]
            queue.orders -= 1
            queue.units -= units
            queue.bound -= old.bound
            if not queue.orders:
                del self.queues[sku]
                self.due.pop(sku, None)
                self.changed.add(sku)

    def _join(self, sku: int, units: int, entry: Entry, old: Entry | None) -> None:
        queue = self.queues.get(sku)
        if queue is None:
            queue = self.queues[sku] = Queue()
            self.changed.add(sku)
        queue.orders += 1
        queue.units += units
        queue.bound += entry.bound
        if old is None or old.rank != entry.rank or not old.waits_for(sku):
            heappush(queue.heap, entry.rank)
            if sku in self.due:
                heappush(self._tops, (entry.rank, sku))
        if len(queue.heap) + len(queue.passed) > 2 * queue.orders + 64:
            queue.heap = sorted({rank for rank in queue.heap if self._waits(rank, sku)})
            queue.passed = [rank for rank in queue.passed if self._waits(rank, sku)]

    def _waits(self, rank: Rank, sku: int) -> bool:
        entry = self.entries.get(rank[3])
        return entry is not None and entry.rank == rank and entry.waits_for(sku)

    def rise(self, sku: int, seq: int, kind: str) -> None:
        """Note that event `seq` brought units of a SKU. All that wait for it are looked at anew."""
        queue = self.queues.get(sku)
        if queue is None:
            return
        if sku not in self.due or queue.passed:
            self._again(queue)
            heappush(self._tops, (queue.heap[0], sku))
        if sku not in self.due:
            self.changed.add(sku)
        self.due[sku] = Due(seq, kind)

    def rise_all(self, seq: int, kind: str) -> None:
        """Look at everything that waits anew."""
        self.fresh = False
        for sku in sorted(self.queues):
            self.rise(sku, seq, kind)

    def hour_began(self, now_us: int) -> bool:
        """Say whether another hour has begun since this was asked: what a routing policy allows
        changes with it, and with what a day's capacity was freed of."""
        hour = now_us // limits.LOOK_AGAIN_US
        began, self._looked = hour != self._looked, hour
        return began

    def look_us(self, now_us: int) -> int:
        """Return when an hour begins in which something that waits is looked at; 0 if nothing
        does."""
        return (now_us // limits.LOOK_AGAIN_US + 1) * limits.LOOK_AGAIN_US if self.queues else 0

    def _again(self, queue: Queue) -> None:
        for rank in queue.passed:
            heappush(queue.heap, rank)
        queue.passed.clear()

    def end(self, sku: int) -> None:
        """Note that a SKU is due no more."""
        if self.due.pop(sku, None):
            self._again(self.queues[sku])
            self.changed.add(sku)

    def pick(self) -> Pick | None:
        """Return the first in rank of all that wait for a SKU that is due and were not looked at;
        None when nothing is due any more."""
        while self._tops:
            rank, sku = heappop(self._tops)
            if sku not in self.due:
                continue
            queue = self.queues[sku]
            while queue.heap and not self._waits(queue.heap[0], sku):
                heappop(queue.heap)
            if not queue.heap:
                self.end(sku)
                continue
            heappush(self._tops, (queue.heap[0], sku))
            if queue.heap[0] != rank:
                continue
            queue.passed.append(heappop(queue.heap))
            return Pick(rank[3], sku, self.due[sku])
        return None

    def demand(self, sku: int) -> Iterator[tuple[Rank, int]]:
        """Yield (rank, units) of all that wait for a SKU, in no order."""
        queue = self.queues[sku]
        for rank in {*queue.heap, *queue.passed}:
            if self._waits(rank, sku):
                units = self.entries[rank[3]].units
                yield rank, next(n for number, n in units if number == sku)

    def owed(self, sku: int) -> float:
        """Return how many of the available units of a SKU are not for newcomers now."""
        if sku not in self.due:
            return 0
        queue = self.queues[sku]
        return math.inf if queue.bound else queue.units
