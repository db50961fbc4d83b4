"""Is anything told twice, or never, when the office is killed between "told" and "noted"?

Shoppers buy at twins of all channels; orders leave, some of them are refunded, others are cancelled
by the seller. Meanwhile a twin kills the office with SIGKILL in the middle of answering it: before
a call has its effect, when it has had it and the answer is not heard, or after the answer. The
office starts anew, and so on, `--kills` times. In the end every parcel, refund and cancellation
must have been told once, and the books must agree. A round that is wrong counts as zero.

    python -m benchmarks.bench_channels_kills [--short] [--kills 100]
"""

import argparse
import asyncio
import random
import tempfile
import time
from collections import Counter
from pathlib import Path

import msgspec
import uvloop
from rich.progress import Progress

from benchmarks.channels.assassin import POINTS, Assassin
from benchmarks.channels.books import Verdict, judge
from benchmarks.channels.shoppers import Crowd, Wish
from benchmarks.channels.site import Plan, Shop, Site, accounts_of, opened, progress
from benchmarks.show import CONSOLE, Samples, finish
from engine.connectors import registry

PACE = 1_000.0
ORDERS, REFUND = 3, 500  # orders of each shop between two kills; minor units that go back
DEEDS = ("ship", "ship", "refund", "cancel")
SKUS, UNITS = 10, 100_000
COUNTDOWN_MAX = 2  # calls let pass, at most, before the one to kill at
PATIENCE_S = 4.0  # for the call to come
CASE = "kill -9 of the office while it tells"


class Outcome(msgspec.Struct):
    """What was done and how often it was told. `twice` counts parcels, refunds and orders too
    many, `untold` those that a channel never heard of; `no_call` names shops whose channel has no
    call for refunds."""

    kills: dict[str, int]
    deeds: dict[str, int]
    twice: int
    untold: int
    no_call: list[str]
    verdict: Verdict
    examples: list[str]


class Seller:
    """Ships, refunds and cancels, and remembers what it did."""

    def __init__(self, site: Site, crowd: Crowd, seed: int) -> None:
        self._site, self._crowd, self._random = site, crowd, random.Random(seed)
        self._todo: list[tuple[Shop, str, Wish]] = []
        self.shipped: dict[tuple[str, str], str] = {}
        self.refunded: set[tuple[str, str]] = set()
        self.cancelled: set[tuple[str, str]] = set()
        self.deeds: Counter[str] = Counter()

    def bought(self) -> None:
        """Have shoppers buy at every shop, paying at once and changing no minds."""
        for shop in self._site.shops:
            for _ in range(ORDERS):
                sku = f"S{self._random.randrange(SKUS)}"
                order = shop.twin.buy(shop.listing_of[sku], 1)
                if order is not None:
                    wish = self._crowd.wishes[shop.name, order] = Wish(sku, 1)
                    self._todo.append((shop, order, wish))

    async def work(self, most: int) -> int:
        """Do something with up to `most` orders that dibs has; return with how many."""
        done, later = 0, []
        for shop, order, wish in self._todo:
            path = f"/v1/orders/{shop.account.channel}/{order}"
            if done == most or (await self._site.http.get(path)).status_code != 200:
                later.append((shop, order, wish))
                continue
            await self._do(self._random.choice(DEEDS), shop, order, wish, path)
            done += 1
        self._todo = later
        return done

    async def _do(self, deed: str, shop: Shop, order: str, wish: Wish, path: str) -> None:
        name = (shop.name, order)
        shop.around.words |= {order.encode(), f"JD{len(self.shipped):06}".encode()}
        self.deeds[deed] += 1
        if deed == "cancel" and shop.twin.can_cancel:
            await self._site.ask("POST", f"{path}/cancel", {"reason": "lost"})
            wish.cancelled = True
            self.cancelled.add(name)
            return
        tracking = self.shipped[name] = f"JD{len(self.shipped):06}"
        body = {"shipment_id": f"s-{order}", "carrier": "dhl", "tracking_number": tracking}
        await self._site.ask("POST", f"{path}/shipments", body)
        wish.shipped = True
        if deed == "refund":
            body = {"return_id": "r", "reason": "broken", "approved": True}
            body["lines"] = [{"sku": wish.sku, "quantity": 1}]
            await self._site.ask("POST", f"{path}/returns", body)
            money = {"refund_id": "m", "amount": REFUND, "currency": "GBP"}
            await self._site.ask("POST", f"{path}/returns/r/refunds", money)
            self.refunded.add(name)


async def kills(folder: Path, connectors: tuple[str, ...], wanted: int, seed: int = 1) -> Outcome:
    """Kill `wanted` times, then let everything end well, and judge."""
    units = {f"S{n}": UNITS for n in range(SKUS)}
    plan = Plan(accounts=accounts_of(connectors), units=units, shown=units, pace=PACE, seed=seed)
    async with opened(folder, plan, wrap=Assassin) as site:
        await asyncio.to_thread(site.start_office)
        await site.quiet()
        crowd = Crowd(site.shops, list(units), seed)
        seller, draw = Seller(site, crowd, seed), random.Random(seed)
        killed: Counter[str] = Counter()
        with progress() as bar:
            await _rounds(site, seller, draw, wanted, killed, bar)
        for shop in site.shops:
            shop.around.disarm()
        await site.restart_office()
        await site.last_sweep()
        while await seller.work(1_000):
            await site.quiet()
        await site.told()
        await site.restart_office()
        await site.last_sweep()  # of what the channels now say of it
        return _judged(site, seller, killed, await judge(site, crowd, units))


async def _rounds(
    site: Site,
    seller: Seller,
    draw: random.Random,
    wanted: int,
    killed: Counter[str],
    bar: Progress,
) -> None:
    task = bar.add_task("kills", total=wanted)
    while killed.total() < wanted:
        seller.bought()
        point, calls = draw.choice(POINTS), draw.randint(1, COUNTDOWN_MAX)
        for shop in site.shops:
            shop.around.arm(point, calls)
        deadline = time.monotonic() + PATIENCE_S
        while site.office.poll() is None and time.monotonic() < deadline:
            await seller.work(ORDERS)
            await asyncio.sleep(0.05)
        for shop in site.shops:
            shop.around.disarm()
        if site.office.poll() is not None:
            killed[point] += 1
            bar.advance(task)
            await site.restart_office()


def _judged(site: Site, seller: Seller, killed: Counter[str], verdict: Verdict) -> Outcome:
    found = Outcome(dict(killed), dict(seller.deeds), verdict.doubled, 0, [], verdict, [])

    def see(kind: str, count: int, what: str) -> None:
        setattr(found, kind, getattr(found, kind) + count)
        if count and len(found.examples) < 20:
            found.examples.append(f"{kind}: {what}")

    for shop in site.shops:
        paid = {n: shop.twin.refunds(n[1]) for n in seller.refunded if n[0] == shop.name}
        if paid and not any(paid.values()):
            found.no_call.append(shop.name)
        for name, rows in paid.items():
            see("twice", max(len(rows) - 1, 0), f"refunds {name}: {rows}")
            missing = not rows and shop.name not in found.no_call
            see("untold", missing, f"refund {name}")
        words = shop.twin.orders()
        for name, tracking in seller.shipped.items():
            if name[0] == shop.name:
                rows = [row for row in shop.twin.parcels(name[1]) if tracking in row]
                see("twice", max(len(rows) - 1, 0), f"parcels {name}: {rows}")
                see("untold", not rows, f"parcel {name}")
        for name in seller.cancelled:
            if name[0] == shop.name:
                see("untold", words[name[1]] != "cancelled", f"cancellation {name}")
    return found


def main() -> None:
    """Run, print and record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true", help="10 kills")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--only", default="", help="connectors, with commas")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    wanted = 10 if options.short else options.kills
    names = tuple(options.only.split(",")) if options.only else registry.names()
    with tempfile.TemporaryDirectory(prefix="dibs-kills-") as folder:
        found = uvloop.run(kills(Path(folder, "data"), names, wanted, options.seed))
    for line in found.examples + found.verdict.examples:
        CONSOLE.print(f"  {line}", style="red", markup=False)
    CONSOLE.print(f"kills {found.kills}; deeds {found.deeds}; no refunds at {found.no_call}")
    samples = Samples()
    samples.add(CASE, "dibs", "kills", sum(found.kills.values()))
    samples.add(CASE, "dibs", "deeds", sum(found.deeds.values()))
    samples.add(CASE, "dibs", "told twice", found.twice)
    samples.add(CASE, "dibs", "never told", found.untold)
    samples.add(CASE, "dibs", "wrong in the books", found.verdict.wrong)
    result = {"rows": samples.rows(), "ratios": [], "channels": names, "kills": found.kills}
    finish("channels_kills", result | {"no_refunds": found.no_call})
    raise SystemExit(1 if found.twice or found.untold or found.verdict.wrong else 0)


if __name__ == "__main__":
    main()
