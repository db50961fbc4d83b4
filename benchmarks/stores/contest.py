"""The face that every store shows, the work they all do, and how one round is judged.

An order takes one unit each of two SKUs, all or nothing, once per order id. What a store is sent
is prepared before the clock starts; the clock stops when the last answer is there, so what was
answered and what was taken must be equal, also after a crash of the store.
"""

import time
from collections.abc import Iterator
from pathlib import Path

import numpy

SKUS, UNITS, BATCH, BURST = 1_000, 1 << 30, 500, 32
SPREAD, HOT = "spread over 1,000 SKUs", "one hot pair"
CASES = {SPREAD: SKUS, HOT: 2}  # how many of the SKUs are wanted
Order = tuple[int, int, int]  # id, and two different SKUs by number


def orders(skus: int, seed: int) -> Iterator[list[Order]]:
    """Yield batches of 500 orders over the first `skus` SKUs, with rising ids from 1, for ever."""
    pick, first = numpy.random.default_rng(seed), 1
    while True:
        one = pick.integers(0, skus, BATCH)
        other = (one + pick.integers(1, skus, BATCH)) % skus
        yield list(zip(range(first, first + BATCH), one.tolist(), other.tolist(), strict=True))
        first += BATCH


class Store:
    """A store with fresh books in a folder of its own. `sent` counts orders that were answered."""

    name = ""
    survives = True  # whether what it has answered outlives a crash

    def __init__(self, folder: Path) -> None:
        self.folder, self.sent = folder, 0

    def prepare(self, batch: list[Order]) -> object:
        """Return a batch as the store wants it sent."""
        raise NotImplementedError

    def send(self, payloads: list) -> int:
        """Send prepared batches; return, when all is durable, how many orders were taken now."""
        raise NotImplementedError

    def run(self, skus: int, seed: int, seconds: float) -> float:
        """Take orders for `seconds` of sending; return orders a second."""
        batches, took, taken = orders(skus, seed), 0.0, 0
        while took < seconds:
            payloads = [self.prepare(next(batches)) for _ in range(BURST)]
            started = time.perf_counter()
            taken += self.send(payloads)
            took += time.perf_counter() - started
            self.sent += BURST * BATCH
        if taken != self.sent:
            raise Broken(f"of {self.sent} orders {taken} were taken")
        return taken / took

    def taken(self) -> int:
        """Return the units that the books say are taken; `Broken` on a negative stock."""
        raise NotImplementedError

    def again(self, skus: int, seed: int) -> int:
        """Send the run's first batch once more; return how many orders were taken now."""
        return self.send([self.prepare(next(orders(skus, seed)))])

    def crash(self) -> None:
        """Kill the store and start it on what is left."""
        raise NotImplementedError

    def close(self) -> None:
        """Stop whatever runs."""


class Broken(Exception):
    """A store's books are wrong: its round counts as zero."""


def judge(store: Store, skus: int, seed: int) -> None:
    """Check a store's books after a run: `Broken` if a unit is missing or taken too often."""
    if store.again(skus, seed):
        raise Broken("an order was taken twice")
    for when in ("now", "after a crash"):
        taken = store.taken()
        if taken != 2 * store.sent:
            raise Broken(f"{store.sent} orders were answered, {taken} units are taken {when}")
        if not store.survives:
            return
        if when == "now":
            store.crash()
