"""How soon is a webhook answered, and is every order there in the end, whatever went wrong?

A Shopify shop sells and tells of it by signed webhooks: one in a hundred is never sent, one in
twenty comes twice, three orders in a hundred are told as paid before they are told as made. One
sale in a hundred somebody changes what a listing shows in the shop's own screens. dibs, its worker
and its office are processes of their own; shop and shoppers are a third, and see how long each
answer takes. Then one sweep looks through the shop, the books are judged, and every listing must
show what is left.

    python -m benchmarks.bench_channels_webhooks [--short] [--webhooks 10000] [--rates 25,50,100]
"""

import argparse
import asyncio
import random
import tempfile
import time
from pathlib import Path

import msgspec
import numpy
import uvloop

from benchmarks.channels.books import Verdict, judge
from benchmarks.channels.shoppers import Crowd, Wish
from benchmarks.channels.site import Plan, Shop, Site, opened, progress, until
from benchmarks.show import CONSOLE, Samples, finish
from engine.connectors.twins import Faults

NAME = "shopify"
FAULTS = Faults(dropped=0.01, doubled=0.05)
EARLY, EARLY_S = 0.03, 0.5  # of orders; by how much their creation may be late
BEHIND = 100  # sales for each change behind our back
PACE = 10.0  # times the points of the least plan
SKUS = 200
SOON_S = 0.05
AUDIT_S = 60.0
FEW = 1_000  # webhooks; with as few, nobody wants to wait a minute for a sweep


class Outcome(msgspec.Struct):
    """How one rate went: what pushes became of, seconds of each answer, seconds that selling took,
    seconds from the last sale until the inbox was empty and until every listing was right, and what
    the judge found."""

    pushes: dict[str, int]
    answer_s: list[float]
    behind: int
    sold_s: float
    empty_s: float
    right_s: float
    verdict: Verdict

    def answer_ms(self, percent: float) -> float:
        """Return a percentile of the time to an answer in milliseconds."""
        return 1e3 * float(numpy.percentile(self.answer_s, percent))

    @property
    def per_s(self) -> float:
        """Return webhooks a second that the shop meant to send."""
        return self.pushes["meant"] / self.sold_s

    @property
    def held(self) -> bool:
        """Whether every push was taken, 99 of 100 within `SOON_S`, and no book is wrong."""
        taken = self.pushes.keys() <= {"meant", "dropped", "doubled", "answered 200"}
        return taken and self.answer_ms(99) < 1e3 * SOON_S and not self.verdict.wrong


async def webhooks(folder: Path, count: int, per_s: float, skus: int, seed: int = 1) -> Outcome:
    """Have shoppers come, `per_s` a second, until the shop meant to send `count` webhooks."""
    units = {f"S{n}": 2 * count // skus + 50 for n in range(skus)}
    plan = Plan(
        accounts=[(NAME, NAME)],
        units=units,
        shown=units,
        faults=FAULTS,
        pace=PACE,
        sweep_s=3.0 if count <= FEW else 0.0,
        audit_s=5.0 if count <= FEW else AUDIT_S,
        seed=seed,
    )
    async with opened(folder, plan) as site:
        (shop,) = site.shops
        await site.store.put({x: units[sku] for x, sku in shop.skus.items()}, "shown", shop.name)
        await asyncio.to_thread(site.start_office)
        await site.quiet(2.0)
        crowd = Crowd(site.shops, list(units), seed)
        opened_s = time.monotonic()
        behind = await _sell(shop, crowd, count, per_s, seed)
        began_s = time.monotonic()
        await shop.twin.pushes.drain()
        while await site.waiting():
            await asyncio.sleep(0.02)
        empty_s = time.monotonic() - began_s
        await asyncio.sleep(1.1)  # the shop's clock ticks in seconds
        await site.last_sweep()
        await _right(site, shop, crowd, units)
        right_s = time.monotonic() - began_s
        pushes, verdict = shop.twin.pushes, await judge(site, crowd, units)
        times = (began_s - opened_s, empty_s, right_s)
        return Outcome(dict(pushes.counts), pushes.answer_s, behind, *times, verdict)


async def _sell(shop: Shop, crowd: Crowd, count: int, per_s: float, seed: int) -> int:
    """Sell one unit at a time; return how often somebody meddled."""
    draw, began_s, sales, behind = random.Random(seed), time.monotonic(), 0, 0
    twin, names = shop.twin, list(shop.skus)
    with progress() as bar:
        task = bar.add_task("webhooks", total=count)
        while twin.pushes.counts["meant"] < count:
            await asyncio.sleep(max(began_s + sales / per_s - time.monotonic(), 0.0))
            listing, sales = draw.choice(names), sales + 1
            if sales > 2 * count:
                raise SystemExit("the shop tells nothing any more")
            order = _early(twin, listing) if draw.random() < EARLY else twin.buy(listing)
            if order is not None:
                crowd.wishes[shop.name, order] = Wish(shop.skus[listing], 1)
            if sales % BEHIND == 0:
                other, behind = draw.choice(names), behind + 1
                twin.meddle(other, max(twin.shown(other) - 3, 0))
            bar.update(task, completed=twin.pushes.counts["meant"])
    return behind


def _early(twin, listing: str) -> str | None:
    """Sell, and tell of the payment before the order."""
    twin.pushes.faults.late_s = EARLY_S
    order = twin.buy(listing, paid=False)
    twin.pushes.faults.late_s = 0.0
    if order is not None:
        twin.pay(order)
    return order


async def _right(site: Site, shop: Shop, crowd: Crowd, units: dict[str, int]) -> None:
    """Wait until every listing shows what shoppers have left."""
    left = dict(units)
    for wish in crowd.wishes.values():
        left[wish.sku] -= wish.wanted

    async def so() -> bool:
        return all(shop.twin.shown(x) == left[sku] for x, sku in shop.skus.items())

    await until(so, "every listing shows what is left", 1_200.0)


def main() -> None:
    """Run, print and record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true", help="500 webhooks at 50 a second")
    parser.add_argument("--webhooks", type=int, default=10_000)
    parser.add_argument("--rates", default="50,100,200", help="sales a second, with commas")
    parser.add_argument("--skus", type=int, default=SKUS)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if options.short:
        options.webhooks, options.rates = 500, "50"
    samples, wrong, held = Samples(), 0, 0.0
    for rate in map(float, options.rates.split(",")):
        with tempfile.TemporaryDirectory(prefix="dibs-webhooks-") as folder:
            place = Path(folder, "data")
            shape = (options.webhooks, rate, options.skus, options.seed)
            found = uvloop.run(webhooks(place, *shape))
        wrong += found.verdict.wrong
        held = max(held, found.per_s) if found.held else held
        _add(samples, f"{options.webhooks:,} webhooks, {rate:.0f} sales/s", found)
    samples.add("greatest rate held, p99 under 50 ms", "dibs", "webhooks/s", held)
    finish(
        "channels_webhooks",
        {"rows": samples.rows(), "ratios": [], "faults": msgspec.to_builtins(FAULTS)},
    )
    raise SystemExit(1 if wrong else 0)


def _add(samples: Samples, case: str, found: Outcome) -> None:
    for line in found.verdict.examples:
        CONSOLE.print(f"  {line}", style="red", markup=False)
    told = ", ".join(f"{kind} {n:,}" for kind, n in sorted(found.pushes.items()))
    CONSOLE.print(f"{case}: {told}; changed behind our back {found.behind}")
    for percent in (50, 99):
        samples.add(case, "dibs", f"ms to the answer, p{percent}", found.answer_ms(percent))
    soon = sum(one < SOON_S for one in found.answer_s) / len(found.answer_s)
    samples.add(case, "dibs", "share answered in 50 ms", soon)
    samples.add(case, "dibs", "webhooks/s", found.per_s)
    samples.add(case, "dibs", "s until the inbox is empty", found.empty_s)
    samples.add(case, "dibs", "s until all listings are right", found.right_s)
    verdict = found.verdict
    for kind in ("lost", "doubled", "invented", "otherwise", "dead", "astray"):
        samples.add(case, "dibs", kind, getattr(verdict, kind))
    samples.add(case, "dibs", "units oversold", verdict.oversold)


if __name__ == "__main__":
    main()
