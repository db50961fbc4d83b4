"""eBay asks what is there, 50 SKUs at 10 locations a call: how soon is it told, and how often?

Boundary B2: `dibs serve`, `dibs work` and `dibs channels run` as processes; callers here speak HTTP
over loopback to the hooks' port, as eBay would, and read whole answers. One caller, four callers,
and one caller beside orders that go on meanwhile. Before and after each round an order takes a unit
of every SKU, and the next answer must show it: a round in which one does not counts as zero.

    python -m benchmarks.bench_inventory_check [--rounds 5] [--seconds 5]
"""

import argparse
import asyncio
import base64
import http.client
import itertools
import json
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy
from rich.progress import track

from benchmarks.channels.site import Plan, Site, opened
from benchmarks.show import Samples, finish
from benchmarks.stats import ratio_row
from engine.connectors.base import Account

SKUS, PLACES = 50, 10
PROMISED_MS = 10.0
UNITS = 100_000  # of each SKU at each location, so that no round sells them out
CASES = {"one caller": 1, "four callers": 4, "one caller, beside orders": 1}
P50, P99, WORST, PER_S = "ms, p50", "ms, p99", "ms, worst", "calls/s"
_names = [f"SKU-{n}" for n in range(SKUS)]
_places = ["main", *(f"shop-{n}" for n in range(1, PLACES))]


class Caller:
    """One keep-alive connection that asks for everything at once."""

    def __init__(self, port: int, account: Account) -> None:
        secrets = account.secrets
        pair = f"{secrets['check_user']}:{secrets['check_password']}"
        proof = "Basic " + base64.b64encode(pair.encode()).decode()
        self._headers = {"authorization": proof, "content-type": "application/json"}
        self._path = f"/hooks/{account.name}/{secrets['hook_path']}/stock"
        self._wire = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        how = {"fulfillmentType": "PICKUP_IN_STORE", "requestedQuantity": 1}
        rows = [{"SKU": s, "merchantLocationKey": p} | how for s in _names for p in _places]
        self._body = json.dumps(rows).encode()

    def ask(self) -> bytes:
        """Ask, and return the whole answer; empty where it is none."""
        self._wire.request("POST", self._path, self._body, self._headers)
        answer = self._wire.getresponse()
        told = answer.read()
        return told if answer.status == 200 else b""

    def units(self) -> int:
        """Return the units of all SKUs at all locations, -1 where they are not told."""
        rows = json.loads(self.ask() or b"[]")
        whole = len(rows) == SKUS * PLACES
        return sum(row["totalAvailableQuantity"] for row in rows) if whole else -1

    def run(self, until_s: float, spent_s: list[float]) -> None:
        """Ask until a time; add the seconds of each answer, infinite for one that is none."""
        while (began_s := time.perf_counter()) < until_s:
            told = self.ask()
            spent_s.append(time.perf_counter() - began_s if told else float("inf"))


class Seller:
    """Orders of `web`, one at a time over one connection."""

    def __init__(self, site: Site) -> None:
        host, _, port = site.url.rpartition("//")[2].partition(":")
        self._wire = http.client.HTTPConnection(host, int(port), timeout=10)
        self._headers = {"authorization": f"Bearer {site.key}", "content-type": "application/json"}
        self._numbers = itertools.count()

    def sell(self, skus: list[str]) -> bool:
        """Order one unit of each; say whether it was taken."""
        lines = [{"sku": sku, "quantity": 1} for sku in skus]
        body = {"order_id": f"o-{next(self._numbers)}", "channel": "web", "lines": lines}
        self._wire.request("POST", "/v1/orders", json.dumps(body), self._headers)
        answer = self._wire.getresponse()
        answer.read()
        return answer.status < 300

    def run(self, until_s: float) -> None:
        """Order two SKUs at a time until a time."""
        for n in itertools.count():
            if time.perf_counter() >= until_s:
                return
            self.sell([_names[n % SKUS], _names[(n + 7) % SKUS]])


async def furnish(site: Site) -> None:
    """Have the other locations, their units, and a channel for orders."""
    await site.ask("PUT", "/v1/channels/web", {"priority": 1})
    for place in _places[1:]:
        body = {"name": place, "kind": "store", "country": "DE"}
        await site.ask("PUT", f"/v1/locations/{place}", body)
        lines = [{"sku": sku, "quantity": UNITS} for sku in _names]
        body = {"receipt_id": f"open-{place}", "location": place, "lines": lines}
        await site.ask("POST", "/v1/stock/receipts", body)


def seen(caller: Caller, seller: Seller) -> bool:
    """Say whether an order of one unit of each SKU is seen in the very next answer."""
    before = caller.units()
    return before > 0 and seller.sell(_names) and caller.units() == before - SKUS


def measure(samples: Samples, callers: list[Caller], seller: Seller, case: str, s: float) -> None:
    """Measure one round of a case and add its samples."""
    fresh = seen(callers[0], seller)
    spent: list[list[float]] = [[] for _ in callers[: CASES[case]]]
    began_s = time.perf_counter()
    until_s = began_s + s
    jobs: list[tuple[Callable, tuple]] = [
        (caller.run, (until_s, mine)) for caller, mine in zip(callers, spent, strict=False)
    ]
    if case.endswith("orders"):
        jobs.append((seller.run, (until_s,)))
    threads = [threading.Thread(target=job, args=given) for job, given in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took_s = time.perf_counter() - began_s
    fresh = fresh and seen(callers[0], seller)
    all_ms = numpy.concatenate([numpy.asarray(mine) for mine in spent]) * 1e3
    right = fresh and bool(numpy.isfinite(all_ms).all())
    for unit, value in ((P50, numpy.percentile(all_ms, 50)), (P99, numpy.percentile(all_ms, 99))):
        samples.add(f"{SKUS} SKUs × {PLACES} locations", case, unit, value if right else 0.0)
    samples.add(f"{SKUS} SKUs × {PLACES} locations", case, WORST, all_ms.max() if right else 0.0)
    samples.add(f"{SKUS} SKUs × {PLACES} locations", case, PER_S, len(all_ms) / took_s * right)


async def measured(folder: Path, rounds: int, seconds: float) -> Samples:
    """Return the samples of all cases, round by round."""
    samples = Samples()
    plan = Plan(accounts=[("ebay", "ebay")], units=dict.fromkeys(_names, UNITS), pace=1_000.0)
    async with opened(folder, plan) as site:
        await furnish(site)
        await asyncio.to_thread(site.start_office)
        await site.open_for_sale()
        (shop,) = site.shops
        callers = [Caller(site.port, shop.account) for _ in range(max(CASES.values()))]
        seller = Seller(site)
        for caller in callers:  # warm up
            await asyncio.to_thread(caller.units)
        for _ in track(range(rounds), description="rounds of three cases"):
            for case in CASES:
                await asyncio.to_thread(measure, samples, callers, seller, case, seconds)
    return samples


def main() -> None:
    """Measure, print and write `results/inventory_check.jsonl`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        samples = asyncio.run(measured(Path(folder), options.rounds, options.seconds))
    ratios = []
    for case in CASES:
        p99_ms = samples.of(f"{SKUS} SKUs × {PLACES} locations", case, P99)
        name = f"{PROMISED_MS:.0f} ms ÷ p99, {case}"
        ratios.append(ratio_row(name, [PROMISED_MS * (ms > 0) for ms in p99_ms], p99_ms, target=1))
    finish("inventory_check", {**vars(options), "rows": samples.rows(), "ratios": ratios})


if __name__ == "__main__":
    main()
