"""A shop of a million listings: how long until all of them are right, and is what matters quick?

A Magento shop is connected whose listings show nothing yet; dibs has units of every SKU. So all of
it is to be published, through the shop's queue and by single calls, within its quota. Meanwhile
SKUs that are shown by then sell out elsewhere: their listings must not wait for the others. Then a
thousand shoppers check out at once, half of them at the shop, for too few units. In the end each
unit has one buyer, and of all listings none shows anything but what dibs has: the list of
inconsistencies is empty.

    python -m benchmarks.bench_channels_million [--short] [--listings 1000000] [--pace 4]
"""

import argparse
import asyncio
import random
import tempfile
import time
from collections import Counter
from pathlib import Path

import msgspec
import numpy
import uvloop

from benchmarks.channels.site import Plan, Shop, Site, opened, progress, until
from benchmarks.http.books import fill
from benchmarks.show import CONSOLE, Samples, finish
from engine.core import limits

NAME, ELSEWHERE = "magento", "web"
UNITS = 20  # of each SKU
SHORT_OF = 0.6  # units of what shoppers check out, of those they want
SWEEP_S = 10.0
SAMPLE = 1_000  # listings that are looked at to say how far it is
PROBE_S, STEP_S = 1.0, 0.005
WAIT_S = 7_200.0
_PAGE = limits.STATES_READ_SKUS_MAX


class Outcome(msgspec.Struct):
    """Seconds until every listing was right, of each sell-out meanwhile until the shop showed it,
    and from the checkouts until all was at rest; what checkouts were answered elsewhere and became
    of at the shop; inconsistencies: units with more or less than one buyer, and listings that show
    something else than there is."""

    loaded_s: float
    sold_out_s: list[float]
    checked_out_s: float
    elsewhere: Counter[int]
    here: Counter[str]
    unlike: list[str]
    over: int
    calls: int


async def million(folder: Path, listings: int, checkouts: int, pace: float) -> Outcome:
    """Run all of it."""
    names = [f"S{n}" for n in range(listings)]
    CONSOLE.print(f"{listings:,} SKUs are put into the log")
    await asyncio.to_thread(fill, folder, names, UNITS)
    units = dict.fromkeys(names, UNITS)
    plan = Plan(
        accounts=[(NAME, NAME)], units=units, filled=True, pace=pace, sweep_s=SWEEP_S, seed=1
    )
    async with opened(folder, plan) as site:
        (shop,) = site.shops
        await site.ask("PUT", f"/v1/channels/{ELSEWHERE}", {"priority": 1})
        began_s = time.monotonic()
        await asyncio.to_thread(site.start_office)
        sold_out = await _load(site, shop)
        loaded_s = time.monotonic() - began_s
        CONSOLE.print(f"all is shown after {loaded_s:,.0f} s; now {checkouts:,} checkouts")
        wanted = [f"S{n}" for n in range(listings) if shop.twin.shown(f"S{n}") == UNITS]
        wanted = wanted[: max(round(checkouts * SHORT_OF / UNITS), 1)]
        began_s = time.monotonic()
        told, bought = await _check_out(site, shop, wanted, checkouts)
        await asyncio.sleep(1.1)  # the shop's clock ticks in seconds
        await site.last_sweep()
        here, unlike = await _judged(site, shop, wanted, told, bought)
        checked_out_s = time.monotonic() - began_s
        over, calls = shop.twin.meter.over.total(), shop.twin.meter.calls.total()
        return Outcome(loaded_s, sold_out, checked_out_s, told, here, unlike, over, calls)


async def _load(site: Site, shop: Shop) -> list[float]:
    """Wait until every listing shows what it may; have some sell out elsewhere meanwhile, and
    return the seconds until the shop showed that."""
    draw, names, seconds = random.Random(1), list(shop.skus), []
    sold: set[str] = set()
    sample = draw.sample(names, min(SAMPLE, len(names)))
    end_s = time.monotonic() + WAIT_S
    with progress() as bar:
        task = bar.add_task("listings", total=len(names))
        while True:
            done = sum(shop.twin.shown(x) == UNITS or x in sold for x in sample)
            bar.update(task, completed=done * len(names) // len(sample))
            if done == len(sample) and all(_right(shop, x, sold) for x in names):
                return seconds
            if time.monotonic() > end_s:
                raise SystemExit(f"not all is shown after {WAIT_S:,.0f} s")
            shown = [x for x in draw.sample(names, 100) if shop.twin.shown(x) == UNITS]
            if shown and done < len(sample):
                sold.add(shown[0])
                seconds.append(await _sell_out(site, shop, shown[0]))
            await asyncio.sleep(PROBE_S)


def _right(shop: Shop, listing: str, sold: set[str]) -> bool:
    return shop.twin.shown(listing) == (0 if listing in sold else UNITS)


async def _sell_out(site: Site, shop: Shop, listing: str) -> float:
    """Sell all units of a listing elsewhere; return the seconds until the shop shows none."""
    began_s = time.monotonic()
    await _order(site, f"out-{listing}", shop.skus[listing], UNITS)
    while shop.twin.shown(listing) > 0:
        if time.monotonic() - began_s > WAIT_S:
            raise SystemExit(f"never shown as sold out: {listing}")
        await asyncio.sleep(STEP_S)
    return time.monotonic() - began_s


async def _order(site: Site, name: str, sku: str, units: int) -> int:
    lines = [{"sku": sku, "quantity": units}]
    body = {"order_id": name, "channel": ELSEWHERE, "lines": lines}
    return (await site.http.post("/v1/orders", json=body)).status_code


async def _check_out(
    site: Site, shop: Shop, wanted: list[str], count: int
) -> tuple[Counter[int], list[str]]:
    """Have so many shoppers check out at once, one unit each; return what those elsewhere were
    answered, and the orders of those at the shop."""
    elsewhere = [
        asyncio.create_task(_order(site, f"c{n}", shop.skus[wanted[n % len(wanted)]], 1))
        for n in range(count // 2)
    ]
    bought = []
    for n in range(count - count // 2):
        if order := shop.twin.buy(wanted[n % len(wanted)]):
            bought.append(order)
        if n % 20 == 19:  # others come in between
            await asyncio.sleep(0)
    return Counter(await asyncio.gather(*elsewhere)), bought


async def _judged(
    site: Site, shop: Shop, wanted: list[str], told: Counter[int], bought: list[str]
) -> tuple[Counter[str], list[str]]:
    """Return what orders of the shop became, and everything that is not as it must be."""

    async def all_there() -> bool:
        return set(bought) <= (await site.orders(NAME)).keys()

    await until(all_there, "every order of the shop is there", 300.0)
    there = await site.orders(NAME)
    here, unlike = Counter(there[order]["status"] for order in bought), []
    held = told[201] + here["allocated"]
    if held != UNITS * len(wanted) or not set(told) <= {201, 409}:
        unlike.append(f"{held} buyers of {UNITS * len(wanted)} units; answers {dict(told)}")
    if unknown := set(here) - {"allocated", "backordered"}:
        unlike.append(f"orders are {unknown}")

    async def shown() -> bool:
        return all(shop.twin.shown(x) == 0 for x in wanted)

    await until(shown, "what was checked out is shown as gone", 300.0)
    return here, unlike + await _inconsistent(site, shop)


async def _inconsistent(site: Site, shop: Shop) -> list[str]:
    """Compare every listing with the stock that dibs has."""
    found, cursor, seen = [], "", 0
    with progress() as bar:
        task = bar.add_task("compared", total=len(shop.skus))
        while True:
            more = f"&cursor={cursor}" if cursor else ""
            page = await site.ask("GET", f"/v1/stock?limit={_PAGE}{more}")
            for row in page["stock"]:
                listing = shop.listing_of[row["sku"]]
                if (shown := shop.twin.shown(listing)) != max(row["available"], 0):
                    found.append(f"{listing} shows {shown}, {row['available']} are available")
            seen += len(page["stock"])
            bar.update(task, completed=seen)
            if not (cursor := page["next_cursor"]):
                break
    return found + ([] if seen == len(shop.skus) else [f"{seen} of {len(shop.skus)} SKUs"])


def main() -> None:
    """Run, print and record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true", help="5,000 listings, 200 checkouts")
    parser.add_argument("--listings", type=int, default=1_000_000)
    parser.add_argument("--checkouts", type=int, default=1_000)
    parser.add_argument("--pace", type=float, default=4.0, help="times the least quota, 40 calls/s")
    options = parser.parse_args()
    if options.short:
        options.listings, options.checkouts = 5_000, 200
    with tempfile.TemporaryDirectory(prefix="dibs-million-") as folder:
        shape = (options.listings, options.checkouts, options.pace)
        found = uvloop.run(million(Path(folder, "data"), *shape))
    samples, case = Samples(), f"{options.listings:,} listings of {NAME}"
    samples.add(case, "dibs", "s until all are shown", found.loaded_s)
    samples.add(case, "dibs", "listings/s", options.listings / found.loaded_s)
    samples.add(case, "dibs", "calls", found.calls)
    samples.add(case, "dibs", "calls over the quota", found.over)
    samples.add(case, "dibs", "sell-outs meanwhile", len(found.sold_out_s))
    for percent in (50, 99) if found.sold_out_s else ():
        shown_s = float(numpy.percentile(found.sold_out_s, percent))
        samples.add(case, "dibs", f"s until a sell-out is shown, p{percent}", shown_s)
    case = f"{options.checkouts:,} checkouts at once"
    for status, count in sorted(found.elsewhere.items()):
        samples.add(case, "dibs", f"elsewhere, answered {status}", count)
    for word, count in sorted(found.here.items()):
        samples.add(case, "dibs", f"at the shop, {word}", count)
    samples.add(case, "dibs", "s until all is judged", found.checked_out_s)
    samples.add(case, "dibs", "inconsistencies", len(found.unlike))
    for line in found.unlike[:20]:
        CONSOLE.print(f"  {line}", style="red", markup=False)
    finish("channels_million", {"rows": samples.rows(), "ratios": [], "pace": options.pace})
    raise SystemExit(1 if found.unlike or found.over else 0)


if __name__ == "__main__":
    main()
