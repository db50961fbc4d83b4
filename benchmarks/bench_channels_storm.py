"""Does any order get lost or doubled when every channel has its worst day at once?

Twins of all channels sell shared stock to shoppers who pay late, cancel and want less, while pushes
are dropped, doubled, late and forged, and calls are answered 429 and 500, some of those after they
had their effect. dibs, its worker and its office are processes of their own; twins and shoppers are
a third. Shoppers come as fast as what they cause is taken: at most `--window` deliveries are on
their way. In the end a sweep looks through every account; then the books are judged, unit by unit.
A round with wrong books counts as zero.

    python -m benchmarks.bench_channels_storm [--short] [--orders 100000] [--window 500]
"""

import argparse
import asyncio
import tempfile
import time
from pathlib import Path

import msgspec
import uvloop

from benchmarks.channels.books import Verdict, judge
from benchmarks.channels.shoppers import Crowd, weights
from benchmarks.channels.site import Plan, Site, accounts_of, opened, progress
from benchmarks.show import CONSOLE, Samples, figure, finish
from engine.connectors import registry
from engine.connectors.twins import Faults

FAULTS = Faults(
    dropped=0.01,
    doubled=0.10,
    forged=0.05,
    late_s=0.3,
    refused=0.005,
    broken=0.005,
    broken_after=0.005,
)
PACE = 1_000.0  # quotas are not what this is about
LOOK_S = 0.05  # between two looks at how much is under way
_PER_S = (
    1.0  # windows that begin in a second, at most: channels without pushes are asked that often
)
UNITS_EACH = 1.25  # an order, on average
SCARCE, PLENTY = 0.4, 1.5  # of what is asked for there is of each fifth SKU, and of the others
FEW = 5_000  # orders; with as few, nobody wants to wait a minute for a sweep
CASE = "all channels, all faults"


class Outcome(msgspec.Struct):
    """How a storm went: `seconds` of it, orders made, and what the judge found; pushes and calls by
    what became of them."""

    seconds: float
    made: int
    found_none: int
    verdict: Verdict
    pushes: dict[str, int]
    calls: int
    over: int


def stock(orders: int, skus: int) -> dict[str, int]:
    """Return the units of each SKU, so that a fifth of them sell out."""
    asked = [orders * UNITS_EACH * share for share in weights(skus)]
    return {f"S{n}": round(x * (PLENTY if n % 5 else SCARCE)) + 1 for n, x in enumerate(asked)}


async def storm(
    folder: Path, connectors: tuple[str, ...], orders: int, window: int, skus: int, seed: int = 1
) -> Outcome:
    """Run one storm and judge it."""
    units = stock(orders, skus)
    plan = Plan(
        accounts=accounts_of(connectors),
        units=units,
        faults=FAULTS,
        pace=PACE,
        sweep_s=0.0 if orders > FEW else 3.0,
        seed=seed,
    )
    async with opened(folder, plan) as site:
        await asyncio.to_thread(site.start_office)
        await site.open_for_sale()
        crowd = Crowd(site.shops, list(units), seed)
        began_s = time.monotonic()
        await _sell(site, crowd, orders, window)
        await crowd.gone()
        for shop in site.shops:
            await shop.twin.pushes.drain()
        await _empty(site)
        seconds = time.monotonic() - began_s
        await asyncio.sleep(1.1)  # channels' clocks tick in seconds, and windows end on them
        await site.last_sweep()
        verdict = await judge(site, crowd, units)
        return _outcome(site, crowd, seconds, verdict)


async def _sell(site: Site, crowd: Crowd, orders: int, window: int) -> None:
    """Have shoppers come until `orders` were made, with at most `window` deliveries under way."""
    made = tries = 0
    with progress() as bar:
        task = bar.add_task("orders", total=orders)
        while made < orders:
            # Of channels that do not push nobody knows what is under way: a little at a time.
            spare = min(window - await site.under_way(), window // 20, orders - made)
            for _ in range(max(spare, 0)):
                made += crowd.one()
                tries += 1
                if tries % 10 == 0:
                    await asyncio.sleep(0)
            if tries > orders * 5:
                raise SystemExit(f"shops show too little: {made} orders of {tries} shoppers")
            bar.update(task, completed=made)
            await asyncio.sleep(LOOK_S)


async def _empty(site: Site) -> None:
    while await site.waiting():
        await asyncio.sleep(LOOK_S)


def _outcome(site: Site, crowd: Crowd, seconds: float, verdict: Verdict) -> Outcome:
    twins = [shop.twin for shop in site.shops]
    kinds = {kind for twin in twins for kind in twin.pushes.counts}
    return Outcome(
        seconds,
        len(crowd.wishes),
        crowd.found_none,
        verdict,
        {kind: sum(twin.pushes.counts[kind] for twin in twins) for kind in sorted(kinds)},
        sum(twin.meter.calls.total() for twin in twins),
        sum(twin.meter.over.total() for twin in twins),
    )


def show(outcome: Outcome, samples: Samples) -> None:
    """Print what is not a sample, and add the samples."""
    verdict = outcome.verdict
    for line in verdict.examples:
        CONSOLE.print(f"  {line}", style="red", markup=False)
    pushes = ", ".join(f"{name} {n:,}" for name, n in outcome.pushes.items())
    CONSOLE.print(f"pushes: {pushes}; {outcome.calls:,} calls", highlight=False)
    rate = 0.0 if verdict.wrong else outcome.made / outcome.seconds
    CONSOLE.print(f"{outcome.made:,} orders in {outcome.seconds:.0f} s: {figure(rate)} a second")
    samples.add(CASE, "dibs", "orders/s", rate)
    for name in ("lost", "doubled", "invented", "otherwise", "forged_taken", "dead", "astray"):
        samples.add(CASE, "dibs", name, getattr(verdict, name))
    samples.add(CASE, "dibs", "units oversold", verdict.oversold)
    samples.add(CASE, "dibs", "calls over a quota", outcome.over)


def main() -> None:
    """Run rounds, print and record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true", help="2,000 orders")
    parser.add_argument("--orders", type=int, default=100_000)
    parser.add_argument("--window", type=int, default=500, help="deliveries on their way")
    parser.add_argument("--skus", type=int, default=200)
    parser.add_argument("--only", default="", help="connectors, with commas")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if options.short:
        options.orders, options.skus = 2_000, 50
    names = tuple(options.only.split(",")) if options.only else registry.names()
    samples = Samples()
    with tempfile.TemporaryDirectory(prefix="dibs-storm-") as folder:
        outcome = uvloop.run(
            storm(
                Path(folder, "data"),
                names,
                options.orders,
                options.window,
                options.skus,
                options.seed,
            )
        )
    show(outcome, samples)
    result = {"rows": samples.rows(), "ratios": [], "orders": outcome.made, "channels": names}
    finish("channels_storm", result | {"pushes": outcome.pushes})
    raise SystemExit(1 if outcome.verdict.wrong else 0)


if __name__ == "__main__":
    main()
