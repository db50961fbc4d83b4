"""When something is due by itself with an order: a hold that is over, a fulfillment that nobody has
accepted in time.

Derived from the orders' lives, the same objects in both ledgers. `decide.timers` says what happens;
the writer asks it with `Ledger.expire`, so what time brings about is in the log like all else.
"""

from heapq import heappop, heappush


class Timers:
    """The next due time of each order that has one, in UTC microseconds.

    The heap holds an entry for every time that was set; those that are no longer an order's time
    are passed over.
    """

    def __init__(self) -> None:
        self._due: dict[int, int] = {}
        self._heap: list[tuple[int, int]] = []

    def set(self, order: int, due_us: int) -> None:
        """Let the order placed at `order` be due at `due_us`, or not at all (0)."""
        if not due_us:
            self._due.pop(order, None)
        elif self._due.get(order) != due_us:
            self._due[order] = due_us
            heappush(self._heap, (due_us, order))

    def first(self) -> tuple[int, int]:
        """Return (time, order) of what is due first, among equals the oldest order; (0, 0) if
        nothing is."""
        while self._heap:
            due_us, order = self._heap[0]
            if self._due.get(order) == due_us:
                return due_us, order
            heappop(self._heap)
        return 0, 0
