"""What does it take to end a million reservations whose time is over in the same second?

Boundary B0: in process, no log. The ledger ends them from its timing wheel, a bounded number before
each batch of commands; the engine of Python dicts pops them all from a heap before its next batch,
as one would write it first. Beside the time for one reservation stands the longest pause: how long
a command that comes then waits at most. The books are checked after each round: a round that left
a unit reserved counts as zero.

    python -m benchmarks.bench_expiry [--short] [--rounds 5] [--reservations 1000000]
"""

import argparse
import gc
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count

from rich.progress import track

from benchmarks.checkouts import BATCH, TTL_S, Dicts, Opening, Packed, reservation
from benchmarks.show import Samples, finish
from benchmarks.stats import rates, ratio_row
from engine.core import limits

SKUS = 1_000
CASE = "reservations that end in one second"
EACH, PAUSE = "ns/reservation", "ms, longest pause"


def pauses(end_some: Callable[[], int]) -> tuple[int, list[float]]:
    """Call until nothing ends any more; return how many ended and the seconds of each call."""
    ended, took = 0, []
    while True:
        began = time.perf_counter()
        some = end_some()
        took.append(time.perf_counter() - began)
        ended += some
        if not some:
            return ended, took


def measure(samples: Samples, opening: Opening, many: int) -> None:
    """Fill both with reservations, let all of them end, and add the samples."""
    # Made within a second, so they end within one; the wheel turns every `WHEEL_TICK_US`.
    over_us = opening.now_us + (TTL_S + 10) * 1_000_000
    for door in (Packed(opening), Dicts(opening)):
        for number, first in enumerate(range(0, many, BATCH), 1):
            batch = [reservation(n) for n in range(first, min(first + BATCH, many))]
            door.decide(door.prepare(batch), opening.now_us + number)

        gc.collect()
        gc.disable()  # a collection in the middle would be counted as theirs
        try:
            if isinstance(door, Packed):
                ended, took = pauses(partial(_end_some, door.ledger, count(over_us)))
                free = not any(door.ledger.stock(f"SKU-{n}").reserved for n in range(SKUS))
            else:
                ended, took = pauses(partial(door.engine.begin, over_us))
                free = door.engine.balanced()
        finally:
            gc.enable()
        right = ended == many and free
        samples.add(CASE, door.name, EACH, sum(took) / many * 1e9 if right else 0.0)
        samples.add(CASE, door.name, PAUSE, max(took) * 1e3 if right else 0.0)


def _end_some(ledger, stamps: Iterator[int]) -> int:
    ledger.begin(next(stamps))
    ended = ledger.expire(limits.EXPIRIES_PER_TICK_MAX)
    ledger.drain()
    return ended


def main() -> None:
    """Measure, print and write `results/expiry.jsonl`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true", help="2 rounds of a twentieth")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--reservations", type=int, default=1_000_000)
    options = parser.parse_args()
    if options.short:
        options.rounds, options.reservations = 2, 50_000
    opening, samples = Opening(SKUS), Samples()
    for _ in track(range(options.rounds), description="rounds of two contestants"):
        measure(samples, opening, options.reservations)
    ratios = []
    for unit, name in (
        (EACH, "reservations ended per second, dibs ÷ dicts and heap"),
        (PAUSE, "longest pause, dicts and heap ÷ dibs"),
    ):
        ours, theirs = (rates(samples.of(CASE, who.name, unit)) for who in (Packed, Dicts))
        ratios.append(ratio_row(name, ours, theirs))
    finish("expiry", {**vars(options), "rows": samples.rows(), "ratios": ratios})


if __name__ == "__main__":
    main()
