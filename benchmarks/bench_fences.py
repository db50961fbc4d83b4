"""What do fences cost: orders beside fences of other SKUs, and orders of fenced SKUs?

Boundary B0: in process, no log. Two-line orders are decided in batches of packed bytes: with no
fence at all, beside fences of other SKUs, of SKUs that are fenced for somebody else, and out of a
fence of their own. A round whose orders do not all come out so counts as zero.

    python -m benchmarks.bench_fences [--rounds 5] [--orders 50000]
"""

import argparse

from rich.progress import track

from benchmarks.checkouts import Opening, seconds_of
from benchmarks.show import Samples, finish
from benchmarks.stats import ratio_row
from engine.core import commands as c
from engine.core.commands import Request
from ext.ledger import Ledger

SKUS = 1_000
ORDERED = 991  # SKUs that orders ask for; the others are fenced beside them
EACH = "µs/order"
NONE, BESIDE = "no fences", "fences of other SKUs"
OTHERS, OWN = "fenced for another channel", "out of a fence of its own"
SLOW_SHARE = 10  # of the orders, where each is decided by the plain rule
UNITS = 1_000  # of each fence


def prepared(opening: Opening, case: str) -> Ledger:
    """Return a ledger in which orders of `web` meet fences as the case says."""
    ledger = opening.ledger()
    ledger.begin(opening.now_us + 1)
    for channel in ("web", "market"):
        ledger.decide(Request(c.PutChannel(channel)))
    numbers = {NONE: range(0), BESIDE: range(ORDERED, SKUS)}.get(case, range(ORDERED))
    for n in numbers:
        channel = "web" if case == OWN else "market"
        ledger.decide(Request(c.PutFence(channel, f"SKU-{n}", UNITS)))
    ledger.drain()
    return ledger


def measure(samples: Samples, opening: Opening, case: str, orders: int) -> None:
    """Decide the orders and add a sample."""
    ledger = prepared(opening, case)
    steps = [
        ("place", (f"order-{n}", "web", ((f"SKU-{n % ORDERED}", 1), (f"SKU-{n * 7 % 983}", 2))))
        for n in range(orders)
    ]
    spent = seconds_of(ledger, steps, opening.now_us + 2)
    rows, _ = ledger.fences(limit=SKUS, scan=SKUS)
    used = sum(row.used for row in rows)
    right = ledger.order("web", f"order-{orders - 1}").status == "allocated"
    right = right and ledger.sizes()["orders"] == orders
    right = right and used == (3 * orders if case == OWN else 0)
    samples.add("two-line orders, packed", case, EACH, spent / orders * 1e6 if right else 0.0)


def main() -> None:
    """Measure, print and write `results/fences.jsonl`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--orders", type=int, default=50_000)
    options = parser.parse_args()
    opening, samples = Opening(SKUS), Samples()
    for _ in track(range(options.rounds), description="rounds of four cases"):
        for case in (NONE, BESIDE, OTHERS, OWN):
            slow = case in (OTHERS, OWN)
            measure(samples, opening, case, options.orders // (SLOW_SHARE if slow else 1))
    none, beside = (samples.of("two-line orders, packed", case, EACH) for case in (NONE, BESIDE))
    ratios = [ratio_row("no fences ÷ fences of other SKUs", none, beside)]
    finish("fences", {**vars(options), "rows": samples.rows(), "ratios": ratios})


if __name__ == "__main__":
    main()
