"""What does validation cost: orders of channels without rules, and of channels with some?

Boundary B0: in process, no log. Two-line orders are decided in batches of packed bytes: with no
rules at all, beside another channel's rules and a thousand facts that wait for their orders, and
under rules, where they pass or get a hold. A round whose orders do not all come out so counts as
zero.

    python -m benchmarks.bench_validation [--rounds 5] [--orders 50000]
"""

import argparse

from rich.progress import track

from benchmarks.checkouts import Opening, seconds_of
from benchmarks.show import Samples, finish
from benchmarks.stats import ratio_row
from engine.core import commands as c
from engine.core.commands import Request
from engine.core.validation_commands import ValidationRule
from ext.ledger import Ledger

SKUS = 1_000
EACH = "µs/order"
NONE, BESIDE = "no rules", "rules and facts of other channels"
PASSED, HELD = "three rules, all pass", "three rules, one hold"
SLOW_SHARE = 10  # of the orders, where each is decided by the plain rule


def rules(channel: str, check: str) -> c.PutValidation:
    """Three rules, of which `check` may be one that fails."""
    made = (
        ValidationRule("quantity", units=1_000),
        ValidationRule("non_stock"),
        ValidationRule(check, units=1_000, minutes=60) if check != "quantity" else None,
    )
    return c.PutValidation(channel, tuple(filter(None, made)))


def prepared(opening: Opening, case: str) -> Ledger:
    """Return a ledger in which orders of `web` are as the case says."""
    ledger = opening.ledger()
    ledger.begin(opening.now_us + 1)
    if case == BESIDE:
        ledger.decide(Request(rules("market", "payment")))
        for n in range(1_000):
            ledger.decide(Request(c.TellFact("web", f"later-{n}", "paid", 1, payment="paid")))
    elif case == PASSED:
        ledger.decide(Request(rules("web", "review")))
    elif case == HELD:
        ledger.decide(Request(rules("web", "payment")))
    ledger.drain()
    return ledger


def measure(samples: Samples, opening: Opening, case: str, orders: int) -> None:
    """Decide the orders and add a sample."""
    ledger = prepared(opening, case)
    steps = [
        ("place", (f"order-{n}", "web", ((f"SKU-{n % 997}", 1), (f"SKU-{n % 991}", 2))))
        for n in range(orders)
    ]
    spent = seconds_of(ledger, steps, opening.now_us + 2)
    due = "on_hold" if case == HELD else "allocated"
    right = ledger.order("web", f"order-{orders - 1}").status == due
    right = right and ledger.sizes()["orders"] == orders
    samples.add("two-line orders, packed", case, EACH, spent / orders * 1e6 if right else 0.0)


def main() -> None:
    """Measure, print and write `results/validation.jsonl`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--orders", type=int, default=50_000)
    options = parser.parse_args()
    opening, samples = Opening(SKUS), Samples()
    for _ in track(range(options.rounds), description="rounds of four cases"):
        for case in (NONE, BESIDE, PASSED, HELD):
            slow = case in (PASSED, HELD)
            measure(samples, opening, case, options.orders // (SLOW_SHARE if slow else 1))
    none, beside = (samples.of("two-line orders, packed", case, EACH) for case in (NONE, BESIDE))
    ratios = [ratio_row("no rules ÷ rules and facts of other channels", none, beside)]
    finish("validation", {**vars(options), "rows": samples.rows(), "ratios": ratios})


if __name__ == "__main__":
    main()
