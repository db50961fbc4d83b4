"""How many calls do 100,000 stock changes take, how much of a quota is used, is any call too many?

Three questions, each to twins of all channels:

1. Every listing changes many times while the office is away. When it comes, calls made are held
   against the least possible, listings ÷ rows of a call, rounded up; the last quantity must show.
2. The same changes while it runs: calls made, and the last quantity must show. Calls over a quota
   and sayings that a channel forbids to repeat are counted in both.
3. Workers that share one account's quota, each with connections of its own, call as often as they
   may: the share of the steady quota that they use, beginning without a burst, and calls over it.
   The quota is its channel's, times what makes it `--rate` calls a second.

    python -m benchmarks.bench_channels_changes [--short] [--changes 100000] [--listings 2000]
"""

import argparse
import asyncio
import contextlib
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import uvloop
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from benchmarks.channels.site import STEP_S, Plan, Site, accounts_of, opened, progress
from benchmarks.show import CONSOLE, Samples, finish
from engine.connectors import registry
from engine.connectors.calls import CallError, Calls
from engine.connectors.quotas import Quotas, quotas_of
from engine.connectors.twins import Meter, serving
from engine.sync.feed import Feed
from engine.sync.gate import AccountGate
from engine.sync.office import Office
from engine.sync.store import SyncStore
from engine.views.home import SqliteHome
from engine.views.reader import ViewsReader

LINES = 500  # of a receipt, each one change
WORKERS = (1, 4, 16)
WARM_S = 1.0  # in which connections are made
PACE = 20.0
OPENING = 100


class Repeated:
    """Listens to what an account publishes; `count` is what was said twice too soon."""

    def __init__(self, worker: Any) -> None:
        connector, self.count, self._said = worker.connector, 0, {}
        quotas = quotas_of(worker.account.connector)
        self._quiet_s = quotas.unrepeatable_s(connector.publish_operation)
        publish = connector.publish

        async def listened(rows: Sequence[Any]) -> list:
            """Note what is said, and say it."""
            said = frozenset((row.listing, row.quantity) for row in rows)
            now_s = time.monotonic()
            self.count += now_s - self._said.get(said, -self._quiet_s) < self._quiet_s
            self._said[said] = now_s
            return await publish(rows)

        connector.publish = listened


@contextlib.asynccontextmanager
async def office_of(site: Site) -> AsyncIterator[tuple[Office, list[Repeated]]]:
    """Run the office of a site in this loop, listened to, while the block runs."""
    views = ViewsReader(SqliteHome(site.folder / "views"))
    accounts = [shop.account for shop in site.shops]
    feed = Feed(site.wiring.stock_reader)
    office = Office(accounts, site.store, feed, views, url=site.url, key=site.key)
    heard = [Repeated(worker) for worker in office.workers.values()]
    stop = asyncio.Event()
    running = asyncio.create_task(office.run(stop))
    try:
        yield office, heard
    finally:
        stop.set()
        await running


async def change(site: Site, name: str, skus: Sequence[str], changes: int) -> int:
    """Make so many changes, rounded down to whole turns of all SKUs; return the turns."""
    turns = changes // len(skus)
    with progress() as bar:
        task = bar.add_task(f"changes, {name}", total=turns * len(skus))
        for turn in range(turns):
            for at in range(0, len(skus), LINES):
                some = skus[at : at + LINES]
                body = {"receipt_id": f"{name}{turn}-{at}", "location": "main"}
                body["lines"] = [{"sku": sku, "quantity": 1} for sku in some]
                await site.ask("POST", "/v1/stock/receipts", body)
                bar.advance(task, len(some))
    return turns


async def shown(site: Site, quantity: int, wait_s: float) -> None:
    """Wait until every listing of every shop shows so many; `SystemExit` names those that do
    not."""
    deadline = time.monotonic() + wait_s
    while any(_behind(site, quantity)):
        if time.monotonic() > deadline:
            behind = Counter(_behind(site, quantity))
            raise SystemExit(f"do not show {quantity} after {wait_s:.0f} s: {dict(behind)}")
        await asyncio.sleep(STEP_S)


def _behind(site: Site, quantity: int) -> Iterator[str]:
    """Give the shop of each listing that shows something else."""
    return (shop.name for shop in site.shops for x in shop.skus if shop.twin.shown(x) != quantity)


async def changes(
    folder: Path, names: Sequence[str], count: int, listings: int, samples: Samples, wait_s: float
) -> None:
    """Answer the first two questions; add samples."""
    units = {f"S{n}": OPENING for n in range(listings)}
    plan = Plan(accounts=accounts_of(names), units=units, pace=PACE)
    async with opened(folder, plan) as site:
        turns = await change(site, "away", list(units), count)
        began_s = time.monotonic()
        async with office_of(site) as (office, heard):
            await shown(site, OPENING + turns, wait_s)
            seconds = time.monotonic() - began_s
            before = _note("the office was away", office, site, heard, seconds, samples)
            began_s = time.monotonic()
            more = await change(site, "running", list(units), count)
            await shown(site, OPENING + turns + more, wait_s)
            seconds = time.monotonic() - began_s
            _note("the office runs", office, site, heard, seconds, samples, before)


def _note(
    case: str,
    office: Office,
    site: Site,
    heard: list[Repeated],
    seconds: float,
    samples: Samples,
    before: Counter[str] | None = None,
) -> Counter[str]:
    """Add the samples of one phase; return the calls made until now, by account."""
    made: Counter[str] = Counter()
    for shop, repeated in zip(site.shops, heard, strict=True):
        publisher = office.workers[shop.name].publisher
        made[shop.name] = publisher.counts["calls"] + publisher.counts["bulk"]
        calls = made[shop.name] - (before[shop.name] if before else 0)
        least = -(-len(shop.skus) // office.workers[shop.name].connector.publish_rows)
        samples.add(case, shop.name, "calls", calls)
        samples.add(case, shop.name, "calls ÷ least possible", calls / least)
        samples.add(case, shop.name, "calls over a quota", shop.twin.meter.over.total())
        samples.add(case, shop.name, "forbidden repeats", repeated.count)
    samples.add(case, "all", "s until all is shown", seconds)
    return made


# Quotas.


def steady_per_s(quotas: Quotas, operation: str) -> float:
    """Return the calls a second that an operation may make for ever; 0 where nothing limits it."""
    found = [limit for _, limit in quotas.of(operation)]
    paces = [x.per_s or x.calls / x.window_s for x in found]
    return min(paces, default=0.0)


def counted_in_s(quotas: Quotas, operation: str) -> bool:
    """Say whether seconds show how much of the quota is used: not where a day is what counts, of
    which a burst takes much at once."""
    return not any(limit.long for _, limit in quotas.of(operation))


async def used(url: str, name: str, quotas: Quotas, operation: str, workers: int, seconds: float):
    """Have workers call as often as the quota of account `name` lets them; return (share used of
    the steady quota, calls over it)."""
    meter, marks, stop = Meter(quotas), [], asyncio.Event()

    async def answer(_: Any) -> PlainTextResponse:
        """Count a call as the channel does."""
        return PlainTextResponse("", 200 if meter.take(operation) else 429)

    app = Starlette(routes=[Route("/", answer, methods=["POST"])])
    async with serving(app) as place:
        tasks = [
            asyncio.create_task(_call(url, place, name, quotas, operation, stop))
            for _ in range(workers)
        ]
        await asyncio.sleep(WARM_S)
        store = SyncStore(url)
        await AccountGate(store, name, quotas).refused(operation, 0.0, 0)  # what is left of a burst
        await store.close()
        for rest_s in (0.0, seconds):
            await asyncio.sleep(rest_s)
            marks.append((time.monotonic(), meter.calls[operation]))
        stop.set()
        await asyncio.gather(*tasks)
    (since_s, before), (until_s, after) = marks
    allowed = steady_per_s(quotas, operation) * (until_s - since_s)
    return (after - before) / allowed, meter.over.total()


async def _call(
    url: str, place: str, name: str, quotas: Quotas, operation: str, stop: asyncio.Event
) -> None:
    """Call until `stop`, with a connection to the quota that is nobody else's."""
    store = SyncStore(url)
    try:
        async with httpx.AsyncClient() as client:
            calls = Calls(client, AccountGate(store, name, quotas), name)
            while not stop.is_set():
                with contextlib.suppress(CallError):
                    await calls.ask(operation, "POST", f"{place}/", attempts=1)
    finally:
        await store.close()


async def quotas_used(
    folder: Path, names: Sequence[str], rate: float, seconds: float, samples: Samples
) -> None:
    """Answer the third question; add samples."""
    plan = Plan(accounts=[], units={"S": 1})
    async with opened(folder, plan) as site:
        url = site.wiring.url("sync")
        for name in names:
            operation = registry.connector_class(name).publish_operation
            steady = steady_per_s(quotas_of(name), operation)
            if not steady:
                CONSOLE.print(f"{name}: nothing limits {operation}")
                continue
            quotas = quotas_of(name).times(rate / steady)
            runs = (
                used(url, f"{name}-{workers}", quotas, operation, workers, seconds)
                for workers in WORKERS
            )
            for workers, (share, over) in zip(WORKERS, await asyncio.gather(*runs), strict=True):
                case = f"quota of {operation}, {workers} workers"
                if counted_in_s(quotas, operation):
                    samples.add(case, name, "share used", share)
                samples.add(case, name, "calls over it", over)


def main() -> None:
    """Run, print and record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true", help="2,000 changes of 100 listings")
    parser.add_argument("--changes", type=int, default=100_000)
    parser.add_argument("--listings", type=int, default=2_000)
    parser.add_argument("--rate", type=float, default=40.0, help="calls/s that quotas are made")
    parser.add_argument("--seconds", type=float, default=8.0, help="of each quota")
    parser.add_argument("--wait", type=float, default=900.0, help="seconds for all to show")
    parser.add_argument("--only", default="", help="connectors, with commas")
    options = parser.parse_args()
    if options.short:
        options.changes, options.listings, options.seconds = 2_000, 100, 4.0
    names = tuple(options.only.split(",")) if options.only else registry.names()
    samples = Samples()
    with tempfile.TemporaryDirectory(prefix="dibs-changes-") as folder:
        place = Path(folder)
        count = (options.changes, options.listings)
        uvloop.run(changes(place / "changes", names, *count, samples, options.wait))
        uvloop.run(quotas_used(place / "quotas", names, options.rate, options.seconds, samples))
    result = {"rows": samples.rows(), "ratios": [], "changes": options.changes}
    finish("channels_changes", result | {"listings": options.listings, "channels": names})


if __name__ == "__main__":
    main()
