"""1,500 units on three channels, and a surge on one: how long do the others show what is gone?

Four in five shoppers come to one channel, the others to two more; twice as many want the item as
there are. As they begin, a delivery changes every other listing of a catalogue, too. After each
sale the seconds count until no other listing shows more than is left, with the channels' own quotas
(`--pace` times the least) and calls over loopback. Units sold that are not there are oversold.

Four offices: ours; ours with the buffer that the first run recommends, the smallest that covers
what 99 % of such delays sell; ours but first in, first out; ours but in batches. Batches are every
15 minutes of a time that runs 60 times faster, in which ours is then as much slower.

    python -m benchmarks.bench_channels_story [--short] [--units 1500] [--seconds 90]
"""

import argparse
import asyncio
import math
import random
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy
import uvloop

from benchmarks.channels.site import OFFICE, Plan, Shop, Site, accounts_of, opened, progress
from benchmarks.show import CONSOLE, Samples, figure, finish
from engine.connectors import registry

WANTED = ("amazon", "shopify", "ebay")
SHARES = (0.8, 0.1, 0.1)
DEMAND = 2.0  # shoppers for each unit
BATCH_S, FASTER = 900.0, 60.0
WATCH_S = 0.002
HOT = "HOT"
_CONTROL = "benchmarks.channels.control"
OFFICES = {
    "dibs": OFFICE,
    "dibs with its buffer": OFFICE,
    "first in, first out": (_CONTROL, "first-in"),
    "batches of 15 minutes": (_CONTROL, "batches", "--every", str(BATCH_S / FASTER)),
}


class Story(msgspec.Struct):
    """How one went: seconds from each sale until no other listing showed more than was left;
    units `sold`, `oversold` of them, and `unsold` that could have been."""

    lags_s: list[float]
    lags_of_s: dict[str, list[float]]  # by channel whose listing showed too much
    sold: int
    oversold: int
    unsold: int
    per_s: float

    def lag_s(self, percent: float) -> float:
        """Return a percentile of the delays in seconds."""
        return percentile(self.lags_s, percent)


def percentile(lags_s: list[float], percent: float) -> float:
    """Return a percentile; 0 of nothing."""
    return float(numpy.percentile(lags_s, percent)) if lags_s else 0.0


def buffer_for(per_s: float, lag_s: float, risk: float = 0.01) -> int:
    """Return the least units to hold back so that what sells during a delay, a Poisson number, is
    more only with this risk."""
    mean, units = per_s * lag_s, 0
    term = total = math.exp(-mean)
    while 1 - total > risk:
        units += 1
        term *= mean / units
        total += term
    return units


class _Watch:
    """Sees when listings of `HOT` stop to show more than is left."""

    def __init__(self, shops: Sequence[Shop], units: int) -> None:
        self._shops, self._left = shops, units
        self._open: list[tuple[float, int, set[str]]] = []
        self.lags_s: list[float] = []
        self.lags_of_s: dict[str, list[float]] = {shop.name: [] for shop in shops}

    def sold(self, by: Shop) -> None:
        """Note a sale of one unit."""
        self._left -= 1
        others = {shop.name for shop in self._shops if shop is not by}
        self._open.append((time.monotonic(), max(self._left, 0), others))

    def look(self) -> None:
        """See what is right by now."""
        now_s = time.monotonic()
        shown = {shop.name: shop.twin.shown(shop.listing_of[HOT]) for shop in self._shops}
        still = []
        for began_s, left, behind in self._open:
            right = {name for name in behind if shown[name] <= left}
            for name in right:
                self.lags_of_s[name].append(now_s - began_s)
            behind -= right
            if behind:
                still.append((began_s, left, behind))
            else:
                self.lags_s.append(now_s - began_s)
        self._open = still

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            self.look()
            await asyncio.sleep(WATCH_S)


def three(names: Sequence[str]) -> list[tuple[str, str]]:
    """Return the story's accounts; the surge is on the first."""
    found = [name for name in WANTED if name in names]
    rest = [name for name in names if name not in found]
    rest.sort(key=lambda name: not registry.twin_class(name).pushes_orders)
    return accounts_of((found + rest)[:3], 3)


async def story(
    folder: Path,
    accounts: list[tuple[str, str]],
    office: Sequence[str],
    *,
    units: int,
    seconds: float,
    catalogue: int,
    buffer: int = 0,
    pace: float = 1.0,
    seed: int = 1,
) -> Story:
    """Tell it once, with one office."""
    stock = {HOT: units} | {f"C{n}": 50 for n in range(catalogue)}
    held = {"buffers": [{"units": buffer, "skus": [HOT]}]} if buffer else {}
    shown = stock | {HOT: units - buffer}
    settings = {name: held for name, _ in accounts}
    plan = Plan(
        accounts=accounts, units=stock, shown=shown, settings=settings, pace=pace, seed=seed
    )
    async with opened(folder, plan) as site:
        for shop in site.shops:
            rows = {listing: shown[sku] for listing, sku in shop.skus.items()}
            await site.store.put(rows, "shown", shop.name)
        await asyncio.to_thread(site.start_office, office)
        await site.quiet(2.0)
        watch = _Watch(site.shops, units)
        watching = asyncio.create_task(watch.run())
        began_s = time.monotonic()
        sold = await _surge(site, watch, round(units * DEMAND), seconds, catalogue, seed)
        per_s = sold / (time.monotonic() - began_s)
        await site.quiet(3.0, wait_s=300.0)
        watching.cancel()
        rows = [row for shop in site.shops for row in (await site.orders(shop.name)).values()]
        oversold = sum(line.get("backordered", 0) for row in rows for line in row["lines"])
        return Story(watch.lags_s, watch.lags_of_s, sold, oversold, max(units - sold, 0), per_s)


async def _surge(
    site: Site, watch: _Watch, shoppers: int, seconds: float, catalogue: int, seed: int
) -> int:
    """Have shoppers come evenly by chance, as a delivery changes all the rest; return sales."""
    draw, sold, began_s = random.Random(seed), 0, time.monotonic()
    lines = [{"sku": f"C{n}", "quantity": 1} for n in range(catalogue)]
    if lines:
        body = {"receipt_id": "delivery", "location": "main", "lines": lines}
        await site.ask("POST", "/v1/stock/receipts", body)
    due_s = 0.0
    with progress() as bar:
        task = bar.add_task("shoppers", total=shoppers)
        for _ in range(shoppers):
            due_s += draw.expovariate(shoppers / seconds)
            await asyncio.sleep(max(began_s + due_s - time.monotonic(), 0))
            (shop,) = draw.choices(site.shops, SHARES)
            if shop.twin.buy(shop.listing_of[HOT]) is not None:
                watch.sold(shop)
                sold += 1
            bar.advance(task)
    return sold


def tell(options: argparse.Namespace, names: Sequence[str], samples: Samples) -> dict:
    """Tell it with each office; add samples, and return what stands beside them."""
    accounts, buffer = three(names), 0
    for contestant, office in OFFICES.items():
        if options.only and options.only not in contestant:
            continue
        held = buffer if "buffer" in contestant else 0
        with tempfile.TemporaryDirectory(prefix="dibs-story-") as folder:
            found = uvloop.run(
                story(
                    Path(folder, "data"),
                    accounts,
                    office,
                    units=options.units,
                    seconds=options.seconds,
                    catalogue=options.catalogue,
                    buffer=held,
                    pace=options.pace,
                    seed=options.seed,
                )
            )
        if contestant == "dibs":
            buffer = buffer_for(found.per_s, found.lag_s(99))
            CONSOLE.print(f"recommended buffer: {buffer} units at {figure(found.per_s)} sold/s")
        case = f"{options.units:,} units, surge on {accounts[0][0]}"
        samples.add(case, contestant, "s to all listings, p50", found.lag_s(50))
        samples.add(case, contestant, "s to all listings, p99", found.lag_s(99))
        for name, lags_s in found.lags_of_s.items():
            for percent in (50, 99):
                what = f"s until {name} is right, p{percent}"
                samples.add(case, contestant, what, percentile(lags_s, percent))
        samples.add(case, contestant, "units sold", found.sold)
        samples.add(case, contestant, "units oversold", found.oversold)
        samples.add(case, contestant, "units held back", held)
    return {"accounts": [name for name, _ in accounts], "buffer": buffer}


def main() -> None:
    """Tell, print and record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true", help="200 units in 8 seconds")
    parser.add_argument("--units", type=int, default=1_500)
    parser.add_argument("--seconds", type=float, default=90.0, help="of the surge")
    parser.add_argument("--catalogue", type=int, default=300, help="other listings")
    parser.add_argument("--pace", type=float, default=1.0, help="times the channels' least quotas")
    parser.add_argument("--only", default="", help="offices whose name has this")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if options.short:
        options.units, options.seconds, options.catalogue = 200, 8.0, 100
    samples = Samples()
    more = tell(options, registry.names(), samples)
    shape = {"seconds": options.seconds, "catalogue": options.catalogue, "pace": options.pace}
    finish("channels_story", {"rows": samples.rows(), "ratios": []} | more | shape)


if __name__ == "__main__":
    main()
