"""A site for proofs: `dibs serve`, `dibs work` and `dibs channels run` as real processes, and twins
of channels that this loop serves.

    twins ── pushes ─▶ office ─▶ dibs
      ◀─ calls ───────────┘

Nothing is looked up inside the processes: what is judged is what channels and the API show.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import msgspec
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.http.processes import free_port, wait_until
from benchmarks.show import CONSOLE
from engine.config import Settings
from engine.connectors import registry
from engine.connectors.base import Account
from engine.connectors.twins import Faults, Twin, serving
from engine.service.wiring import Wiring
from engine.sync.accounts import Accounts
from engine.sync.listings import Listing, Listings
from engine.sync.store import SyncStore
from tests.processes import Dibs

OFFICE = ("engine.cli", "channels", "run")
WAIT_S, STEP_S, STOP_S = 60.0, 0.05, 20.0
SWEEP_S = 10.0  # of an account whose channel pushes nothing
_PAGE = 500


class Shop:
    """A seller's account at a channel: its `twin`, what each listing sells, and what its twin's
    pushes were answered. `around` is what stands around the twin's application, if anything does.
    `forged_taken` counts forged pushes that were answered 2xx."""

    def __init__(self, twin: Twin, account: Account, around: Any = None) -> None:
        self.around = around
        self.twin, self.account, self.name = twin, account, account.name
        self.skus = dict(twin.listings())
        self.listing_of = {sku: listing for listing, sku in self.skus.items()}
        self.forged_taken = 0
        told = twin.pushes._answered

        def answered(key: Any, status: int) -> None:
            """Count what must not be taken; the twin hears of it, too."""
            if isinstance(key, tuple) and key and key[0] == "forged":
                self.forged_taken += 200 <= status < 300
            told(key, status)

        twin.pushes._answered = answered


def accounts_of(connectors: Sequence[str], count: int = 0) -> list[tuple[str, str]]:
    """Return (account's name, connector) of `count` accounts, or of one for each connector. With
    more accounts than connectors, some sell twice at the same channel."""
    names = list(connectors)
    found = []
    for n in range(count or len(names)):
        turn, name = n // len(names), names[n % len(names)]
        found.append((f"{name}-{turn + 1}" if turn else name, name))
    return found


class Site:
    """dibs in `folder` and the shops that feed it. Make it with `opened`."""

    def __init__(self, folder: Path, dibs: Dibs) -> None:
        self.folder, self._dibs = folder, dibs
        self.shops: list[Shop] = []
        self.url, self.key = dibs.url, dibs.key
        headers = {"authorization": f"Bearer {dibs.key}"}
        self.http = httpx.AsyncClient(base_url=dibs.url, headers=headers, timeout=60.0)
        self.wiring = Wiring(Settings(folder))
        self.store = SyncStore(self.wiring.url("sync"))
        self.port = free_port()
        self.office: subprocess.Popen | None = None
        self.starts = 0

    # dibs, asked as an operator would.

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Call the API, and insist."""
        answer = await self.http.request(method, path, json=body)
        if not answer.is_success:
            raise SystemExit(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
        return answer.json()

    async def stocked(self, units: Mapping[str, int], channels: Mapping[str, dict]) -> None:
        """Open the channels with their settings, one warehouse, and receive units."""
        body = {"name": "Main", "kind": "warehouse", "country": "DE"}
        await self.ask("PUT", "/v1/locations/main", body)
        for sku in units:
            await self.ask("PUT", f"/v1/skus/{sku}", {"title": sku})
        for name, settings in channels.items():
            await self.ask("PUT", f"/v1/channels/{name}", settings)
        rows = [{"sku": sku, "quantity": n} for sku, n in units.items() if n]
        for at in range(0, len(rows), _PAGE):
            body = {"receipt_id": f"r{at}", "location": "main", "lines": rows[at : at + _PAGE]}
            await self.ask("POST", "/v1/stock/receipts", body)

    async def orders(self, channel: str) -> dict[str, dict]:
        """Return every order of a channel by its id."""
        found, cursor = {}, ""
        while True:
            more = f"&cursor={cursor}" if cursor else ""
            page = await self.ask("GET", f"/v1/orders?channel={channel}&limit={_PAGE}{more}")
            found |= {row["order_id"]: row for row in page["orders"]}
            if not (cursor := page["next_cursor"]):
                return found

    async def count(self) -> int:
        """Return how many orders dibs has."""
        return await self._metric('dibs_ledger_rows{table="orders"}')

    async def _metric(self, row: str) -> int:
        lines = (await self.http.get("/metrics")).text.splitlines()
        return round(float(next(x for x in lines if x.startswith(row)).rpartition(" ")[2]))

    async def waiting(self) -> int:
        """Return how many deliveries wait in the inboxes."""
        return sum([await self.store.inbox_length(shop.name) for shop in self.shops])

    async def under_way(self) -> int:
        """Return how many deliveries are pushed or wait in the inboxes. What a channel that does
        not push has not been asked for yet is not among them."""
        return await self.waiting() + sum(shop.twin.pushes.under_way for shop in self.shops)

    # The office.

    def start_office(self, words: Sequence[str] = OFFICE) -> None:
        """Start `dibs channels run`, or what stands for it, and wait until it hears."""
        log = self.folder / "office.log"
        command = [sys.executable, "-m", *words, "--data", str(self.folder)]
        command += ["--url", self.url, "--port", str(self.port)]
        with log.open("ab") as out:
            self.office = subprocess.Popen(command, stdout=out, stderr=out)
        self.starts += 1
        wait_until(self._hears, self.office, log)

    def pid(self) -> int | None:
        """Return the office's process, if there is one."""
        return self.office.pid if self.office else None

    def _hears(self) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/healthz", timeout=1.0).is_success
        except httpx.TransportError:
            return False

    def stop_office(self, number: int = signal.SIGTERM) -> None:
        """End the office by a signal; one that does not end is killed."""
        if self.office is None:
            return
        self.office.send_signal(number)
        try:
            self.office.wait(STOP_S)
        except subprocess.TimeoutExpired:
            os.kill(self.office.pid, signal.SIGKILL)
            self.office.wait()
        self.office = None

    async def swept(self, since: datetime, wait_s: float = 300.0) -> None:
        """Wait until every account was looked through after a time; `SystemExit` names others."""
        deadline = time.monotonic() + wait_s
        while left := [shop.name for shop in self.shops if not await self._swept(shop, since)]:
            if time.monotonic() > deadline:
                raise SystemExit(f"never swept: {', '.join(left)}; see {self.folder}/office.log")
            await asyncio.sleep(STEP_S)

    async def _swept(self, shop: Shop, since: datetime) -> bool:
        end = await self.store.field(f"sweep:{shop.name}", "cursors")
        return end is not None and datetime.fromisoformat(end.decode()) > since

    async def restart_office(self, words: Sequence[str] = OFFICE) -> None:
        """End the office and start it anew, which sweeps every account at once. Twins answer
        meanwhile."""
        await asyncio.to_thread(self.stop_office)
        await asyncio.to_thread(self.start_office, words)

    async def told(self, wait_s: float = 300.0) -> None:
        """Wait until the views have seen everything and every outbox is empty."""

        async def so() -> bool:
            rows = [await self.store.table("outbox", shop.name) for shop in self.shops]
            return not any(rows)

        async def seen() -> bool:
            return not await self._metric("dibs_views_lag_events")

        await until(seen, "the views have seen everything", wait_s)
        await asyncio.sleep(1.0)  # the office looks at them five times a second
        await until(so, "the outboxes are empty", wait_s)

    async def last_sweep(self) -> None:
        """Wait until the office has found what no push told, and all rests."""
        since = datetime.now(UTC)
        await self.swept(since)
        await self.quiet(wait_s=300.0)

    async def quiet(self, still_s: float = 1.0, wait_s: float = WAIT_S) -> None:
        """Wait until nothing is on its way: no pushes, empty inboxes, and no order or call more
        for `still_s` seconds. `SystemExit` where that does not come in `wait_s`."""
        for shop in self.shops:
            await shop.twin.pushes.drain()
        deadline, before, since = time.monotonic() + wait_s, None, time.monotonic()
        while time.monotonic() - since < still_s:
            now = (await self.waiting(), await self.count(), self.outside())
            if now != before or now[0]:
                before, since = now, time.monotonic()
            if time.monotonic() > deadline:
                raise SystemExit(f"it does not come to rest: {now}")
            await asyncio.sleep(STEP_S)

    def outside(self) -> tuple:
        """Return what channels show, which changes while something is told to them."""
        return tuple(sum(shop.twin.shown(x) for x in shop.skus) for shop in self.shops)

    async def open_for_sale(self) -> None:
        """Wait until every listing shows something."""

        async def so() -> bool:
            return all(shop.twin.shown(x) > 0 for shop in self.shops for x in shop.skus)

        await until(so, "every listing shows something")

    async def close(self) -> None:
        """Let go of everything."""
        await asyncio.to_thread(self.stop_office)
        for shop in self.shops:
            await shop.twin.pushes.close()
        await self.http.aclose()
        await self.store.close()
        self.wiring.close()


Wrap = Callable[[Any, Callable[[], int | None]], Any]


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a site has: accounts as `accounts_of` gives them, units received by SKU, whether those
    are in the log of the site's folder already (`filled`), units that listings show at first, how
    bad the channels are, `pace` times their least quotas, seconds between sweeps and of a whole
    read-back if not as usual, and settings of channels beside the priority."""

    accounts: list[tuple[str, str]]
    units: dict[str, int]
    shown: dict[str, int] = {}
    filled: bool = False
    faults: Faults = msgspec.field(default_factory=Faults)
    pace: float = 1.0
    sweep_s: float = 0.0
    audit_s: float = 0.0
    settings: dict[str, dict] = {}
    seed: int = 1


def _twin(plan: Plan, connector: str, seed: int) -> Twin:
    kind = registry.twin_class(connector)
    fast = type(kind.__name__, (kind,), {"pace": plan.pace})
    shown = {sku: plan.shown.get(sku, 0) for sku in plan.units}
    return fast(shown, msgspec.structs.replace(plan.faults), seed)


@contextlib.asynccontextmanager
async def opened(folder: Path, plan: Plan, wrap: Wrap | None = None) -> AsyncIterator[Site]:
    """Run dibs and the twins of a plan while the block runs. The office is not started yet. `wrap`
    puts an application around each twin's, told how to find the office's process."""
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    dibs = Dibs(folder, views=True)
    async with contextlib.AsyncExitStack() as stack:
        await asyncio.to_thread(dibs.start)
        stack.callback(dibs.stop)
        site = Site(folder, dibs)
        try:
            await _furnish(site, plan, stack, wrap)
            yield site
        finally:  # the office goes before the twins that it talks to
            await site.close()


async def _furnish(
    site: Site, plan: Plan, stack: contextlib.AsyncExitStack, wrap: Wrap | None
) -> None:
    """Stock dibs, and connect a twin for each account of the plan."""
    channels = {name: {"priority": 1} | plan.settings.get(name, {}) for name, _ in plan.accounts}
    await site.stocked({} if plan.filled else plan.units, channels)
    for n, (name, connector) in enumerate(plan.accounts):
        twin = _twin(plan, connector, plan.seed * 1_000 + n)
        app = wrap(twin.app, site.pid) if wrap else twin.app
        url = await stack.enter_async_context(serving(app))
        account = _account(twin, url, name, plan)
        Accounts(site.folder).put(account)
        word = account.secrets.get("hook_path", "none")
        twin.hook(f"http://127.0.0.1:{site.port}/hooks/{name}/{word}")
        shop = Shop(twin, account, app)
        items = twin.items()
        rows = [Listing(listing, sku, items[listing]) for listing, sku in shop.skus.items()]
        await Listings(site.store, name).put(rows)
        site.shops.append(shop)


def _account(twin: Twin, url: str, name: str, plan: Plan) -> Account:
    """Return the account, which looks often where no push tells of orders."""
    account = twin.account(url)
    options = account.options | {"pace": str(plan.pace)}
    if plan.sweep_s or not twin.pushes_orders:
        options["sweep_s"] = str(plan.sweep_s or SWEEP_S)
    if plan.audit_s:
        options["audit_s"] = str(plan.audit_s)
    return msgspec.structs.replace(account, name=name, channel=name, options=options)


async def until(true: Callable[[], Awaitable[bool]], what: str, wait_s: float = WAIT_S) -> None:
    """Wait until something holds; `SystemExit` that says what does not."""
    deadline = time.monotonic() + wait_s
    while not await true():
        if time.monotonic() > deadline:
            raise SystemExit(f"never: {what}")
        await asyncio.sleep(STEP_S)


def progress() -> Progress:
    """Return a bar with counts and time."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, TimeElapsedColumn(), console=CONSOLE)
