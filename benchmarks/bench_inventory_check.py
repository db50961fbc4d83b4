"""eBay asks what is there, 50 SKUs at 10 locations a call: how soon is it told, and how often?

Boundary B2: `dibs serve`, `dibs work` and `dibs channels run` as processes; callers here speak HTTP
over loopback to the hooks' port, as eBay would, and read whole answers. One caller, four callers,
and one caller beside orders, each asking as soon as it is answered; then shoppers who come at a
rate, however slow answers are: the time to theirs counts from when they should have asked. Before
and after each round an order takes a unit of every SKU, and the next answer must show it: a round
in which one does not counts as zero.

    python -m benchmarks.bench_inventory_check [--rounds 5] [--seconds 4] [--rates 250,500,1000]
"""

import argparse
import asyncio
import base64
import json
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy
import uvloop

from benchmarks.channels.site import Plan, Shop, Site, opened, progress
from benchmarks.show import Samples, finish
from benchmarks.stats import ratio_row
from engine.service.cycles import settle

SKUS, PLACES = 50, 10
PROMISED_MS = 10.0
UNITS = 100_000  # of each SKU at each location, so that no round sells them out
CONNECTIONS = 64  # over which shoppers at a rate are asked for
WAIT_S = 20.0
CASE = f"{SKUS} SKUs × {PLACES} locations"
P50, P99, WORST, PER_S = "ms, p50", "ms, p99", "ms, worst", "calls/s"
_names = [f"SKU-{n}" for n in range(SKUS)]
_places = ["main", *(f"shop-{n}" for n in range(1, PLACES))]
Ask = Callable[[], Awaitable[bytes]]


class Caller(asyncio.Protocol):
    """One keep-alive connection that asks for everything at once, one question after the other."""

    def __init__(self, request: bytes) -> None:
        self._request, self._parts, self._left = request, [], 0
        self._answer: asyncio.Future[bytes] | None = None

    def connection_made(self, transport) -> None:
        """Keep what is written to."""
        self._transport = transport

    def connection_lost(self, _: Exception | None) -> None:
        """An answer that is waited for will not come."""
        self._end(b"")

    def _end(self, told: bytes) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(told)

    def data_received(self, data: bytes) -> None:
        """Read on; the answer's head comes in one piece."""
        if not self._left:
            head, _, rest = data.partition(b"\r\n\r\n")
            lines = head.lower().split(b"\r\n")
            sizes = [int(x[15:]) for x in lines if x.startswith(b"content-length:")]
            if b" 200 " not in lines[0] or not sizes:
                return self._end(b"")
            self._left, self._parts, data = sizes[0], [], rest
        self._parts.append(data)
        self._left -= len(data)
        if self._left == 0:
            self._end(b"".join(self._parts))
        return None

    async def ask(self) -> bytes:
        """Ask, and return the whole answer; empty where it is none."""
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(self._request)
        return await self._answer

    def close(self) -> None:
        """Let go of the connection."""
        self._transport.close()


async def caller_of(site: Site, shop: Shop) -> Caller:
    """Connect as eBay to the office of a site."""
    secrets = shop.account.secrets
    pair = f"{secrets['check_user']}:{secrets['check_password']}"
    how = {"fulfillmentType": "PICKUP_IN_STORE", "requestedQuantity": 1}
    rows = [{"SKU": s, "merchantLocationKey": p} | how for s in _names for p in _places]
    body = json.dumps(rows).encode()
    head = [
        f"POST /hooks/{shop.name}/{secrets['hook_path']}/stock HTTP/1.1",
        "host: dibs.example",
        "authorization: Basic " + base64.b64encode(pair.encode()).decode(),
        "content-type: application/json",
        f"content-length: {len(body)}",
    ]
    request = "\r\n".join(head).encode() + b"\r\n\r\n" + body
    loop = asyncio.get_running_loop()
    _, found = await loop.create_connection(lambda: Caller(request), "127.0.0.1", site.port)
    return found


async def units(caller: Caller) -> int:
    """Return the units of all SKUs at all locations, -1 where they are not told."""
    rows = json.loads(await caller.ask() or b"[]")
    whole = len(rows) == SKUS * PLACES
    return sum(row["totalAvailableQuantity"] for row in rows) if whole else -1


class Seller:
    """Orders of `web`, one at a time."""

    def __init__(self, site: Site) -> None:
        self._site, self._count = site, 0

    async def sell(self, skus: list[str]) -> bool:
        """Order one unit of each; say whether it was taken."""
        self._count += 1
        lines = [{"sku": sku, "quantity": 1} for sku in skus]
        body = {"order_id": f"o-{self._count}", "channel": "web", "lines": lines}
        return (await self._site.http.post("/v1/orders", json=body)).status_code < 300

    async def run(self, until_s: float) -> None:
        """Order two SKUs at a time until a time."""
        while time.perf_counter() < until_s:
            await self.sell([_names[self._count % SKUS], _names[(self._count + 7) % SKUS]])


async def on_and_on(caller: Caller, until_s: float) -> list[float]:
    """Ask until a time; return the seconds of each answer, infinite for one that is none."""
    spent_s = []
    while (began_s := time.perf_counter()) < until_s:
        told = await caller.ask()
        spent_s.append(time.perf_counter() - began_s if told else float("inf"))
    return spent_s


async def at_rate(callers: list[Caller], per_s: float, seconds: float) -> list[float]:
    """Have shoppers come evenly; return the seconds from when each was to ask to its answer."""
    free: asyncio.Queue[Caller] = asyncio.Queue()
    for caller in callers:
        free.put_nowait(caller)
    spent_s: list[float] = []

    async def one(due_s: float) -> None:
        caller = await free.get()
        told = await caller.ask()
        spent_s.append(time.perf_counter() - due_s if told else float("inf"))
        free.put_nowait(caller)

    began_s = time.perf_counter()
    async with asyncio.timeout(seconds + WAIT_S), asyncio.TaskGroup() as tasks:
        for number in range(round(per_s * seconds)):
            due_s = began_s + number / per_s
            if (early_s := due_s - time.perf_counter()) > 0:
                await asyncio.sleep(early_s)
            tasks.create_task(one(due_s))
    return spent_s


async def furnish(site: Site) -> None:
    """Have the other locations, their units, and a channel for orders."""
    await site.ask("PUT", "/v1/channels/web", {"priority": 1})
    for place in _places[1:]:
        body = {"name": place, "kind": "store", "country": "DE"}
        await site.ask("PUT", f"/v1/locations/{place}", body)
        lines = [{"sku": sku, "quantity": UNITS} for sku in _names]
        body = {"receipt_id": f"open-{place}", "location": place, "lines": lines}
        await site.ask("POST", "/v1/stock/receipts", body)


async def seen(caller: Caller, seller: Seller) -> bool:
    """Say whether an order of one unit of each SKU is seen in the very next answer."""
    before = await units(caller)
    return before > 0 and await seller.sell(_names) and await units(caller) == before - SKUS


async def measure(
    samples: Samples, site: Site, case: str, callers: int, per_s: float, seconds: float
) -> None:
    """Measure one round of a case and add its samples: `per_s` 0 asks as fast as is answered."""
    (shop,), seller = site.shops, Seller(site)
    seller._count = time.time_ns()  # names of orders that no other round has
    wires = [await caller_of(site, shop) for _ in range(callers)]
    fresh = await seen(wires[0], seller)
    began_s = time.perf_counter()
    until_s = began_s + seconds
    if per_s:
        spent = [await at_rate(wires, per_s, seconds)]
    else:
        orders = [seller.run(until_s)] if case.endswith("orders") else []
        both = await asyncio.gather(*(on_and_on(wire, until_s) for wire in wires), *orders)
        spent = both[: len(wires)]
    took_s = time.perf_counter() - began_s
    fresh = fresh and await seen(wires[0], seller)
    for wire in wires:
        wire.close()
    all_ms = numpy.concatenate([numpy.asarray(mine) for mine in spent]) * 1e3
    right = fresh and bool(numpy.isfinite(all_ms).all())
    for unit, percent in ((P50, 50), (P99, 99), (WORST, 100)):
        value = float(numpy.percentile(all_ms, percent))
        samples.add(CASE, case, unit, value if right else 0.0)
    samples.add(CASE, case, PER_S, len(all_ms) / took_s * right)


async def measured(
    folder: Path, rounds: int, seconds: float, cases: dict[str, tuple[int, float]]
) -> Samples:
    """Return the samples of all cases, round by round."""
    samples = Samples()
    plan = Plan(accounts=[("ebay", "ebay")], units=dict.fromkeys(_names, UNITS), pace=1_000.0)
    async with opened(folder, plan) as site:
        await furnish(site)
        await asyncio.to_thread(site.start_office)
        await site.open_for_sale()
        settle()  # what the callers' own garbage takes is no time of dibs
        with progress() as bar:
            task = bar.add_task("rounds of all cases", total=rounds * len(cases))
            for turn in range(-1, rounds):  # the first one warms up
                for case, shape in cases.items():
                    kept = samples if turn >= 0 else Samples()
                    await measure(kept, site, case, *shape, seconds if turn >= 0 else 1.0)
                    bar.advance(task, int(turn >= 0))
    return samples


def main() -> None:
    """Measure, print and write `results/inventory_check.jsonl`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--rates", default="250,500,1000", help="calls a second, with commas")
    options = parser.parse_args()
    cases = {
        "one caller": (1, 0.0),
        "four callers": (4, 0.0),
        "one caller, beside orders": (1, 0.0),
    }
    for rate in map(float, options.rates.split(",")):
        cases[f"{rate:,.0f} calls/s"] = (CONNECTIONS, rate)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder, "data")
        samples = uvloop.run(measured(place, options.rounds, options.seconds, cases))
    ratios = []
    for case in cases:
        p99_ms = samples.of(CASE, case, P99)
        name = f"{PROMISED_MS:.0f} ms ÷ p99, {case}"
        ratios.append(ratio_row(name, [PROMISED_MS * (ms > 0) for ms in p99_ms], p99_ms, target=1))
    finish("inventory_check", {**vars(options), "rows": samples.rows(), "ratios": ratios})


if __name__ == "__main__":
    main()
