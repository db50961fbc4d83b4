"""dibs and its office for a test: `dibs serve` and `dibs work` as processes, sync in this loop."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import msgspec

from engine.config import Settings
from engine.connectors.registry import twin_class
from engine.connectors.twins import Faults, Twin, serving
from engine.service.wiring import Wiring
from engine.sync.feed import Feed
from engine.sync.listings import Listing
from engine.sync.office import Office
from engine.sync.store import SyncStore
from engine.views.home import SqliteHome
from engine.views.reader import ViewsReader
from tests.processes import Dibs
from tests.sync.contracts.recorder import Recorder

WAIT_S = 30.0


class Desk:
    """dibs under test, asked as an operator would."""

    def __init__(self, dibs: Dibs) -> None:
        self.dibs = dibs
        headers = {"authorization": f"Bearer {dibs.key}"}
        self.http = httpx.AsyncClient(base_url=dibs.url, headers=headers, timeout=30.0)

    async def put(self, path: str, body: Any) -> None:
        """PUT, and insist."""
        answer = await self.http.put(path, json=body)
        assert answer.is_success, answer.text

    async def post(self, path: str, body: Any) -> dict:
        """POST, and insist."""
        answer = await self.http.post(path, json=body)
        assert answer.is_success, answer.text
        return answer.json()

    async def stocked(self, channel: str, units: dict[str, int]) -> None:
        """Open a channel, one warehouse, and receive units."""
        await self.put("/v1/locations/main", {"name": "Main", "kind": "warehouse", "country": "DE"})
        await self.put(f"/v1/channels/{channel}", {"priority": 1})
        for sku in units:
            await self.put(f"/v1/skus/{sku}", {"title": sku})
        await self.receive(f"{channel}-opening", units)

    async def receive(self, receipt: str, units: dict[str, int]) -> None:
        """Units arrive at the warehouse."""
        lines = [{"sku": sku, "quantity": n} for sku, n in units.items() if n]
        if lines:
            body = {"receipt_id": receipt, "location": "main", "lines": lines}
            await self.post("/v1/stock/receipts", body)

    async def orders(self, channel: str) -> dict[str, dict]:
        """Return every order of a channel by its id."""
        found, cursor = {}, None
        while True:
            params = {"channel": channel, "limit": 500} | ({"cursor": cursor} if cursor else {})
            page = (await self.http.get("/v1/orders", params=params)).json()
            found |= {row["order_id"]: row for row in page["orders"]}
            if (cursor := page["next_cursor"]) is None:
                return found

    async def available(self, sku: str) -> int:
        """Return the units of a SKU that may still be had."""
        return (await self.http.get(f"/v1/stock/{sku}")).json()["available"]


async def until(true: Callable[[], Any], what: str, wait_s: float = WAIT_S) -> None:
    """Wait until something holds; fail, saying what did not."""
    try:
        async with asyncio.timeout(wait_s):
            while True:
                found = true()
                if asyncio.iscoroutine(found):
                    found = await found
                if found:
                    return
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"never: {what}") from None


class Running:
    """A channel's twin, its account's worker, where it is pushed to, and what it called."""

    def __init__(
        self, twin: Twin, office: Office, hook: str, desk: Desk, recorder: Recorder
    ) -> None:
        self.twin, self.office, self.hook, self.desk = twin, office, hook, desk
        self.recorder = recorder
        (self.worker,) = office.workers.values()
        self.channel, self.name = self.worker.account.channel, self.worker.account.name

    def now(self) -> datetime:
        """Return the time."""
        return datetime.now(UTC)

    async def there(self, order: str) -> dict | None:
        """Return an order as dibs has it."""
        return (await self.desk.orders(self.channel)).get(order)

    async def shows(self, listing: str, quantity: int) -> None:
        """Wait until the channel shows so many."""
        what = f"{listing} shows {quantity}"
        await until(lambda: self.twin.shown(listing) == quantity, what)

    async def swept(self) -> None:
        """Wait until the first look through the account is over: what is sold from then on is told
        by pushes alone."""

        async def so() -> bool:
            return bool((await self.office.store.backlog(self.name)).swept)

        await until(so, "the account is swept")

    async def comes(self, order: str, status: str = "allocated") -> dict:
        """Wait until dibs has an order with this status; return it."""

        async def so() -> bool:
            found = await self.there(order)
            return found is not None and found["status"] == status

        await until(so, f"order {order} is {status}")
        return await self.there(order)


@contextlib.asynccontextmanager
async def running(
    desk: Desk, connector: str, units: dict[str, int], faults: Faults | None = None
) -> AsyncIterator[Running]:
    """Run a channel's twin and the office beside dibs; SKUs and the channel are of this test only.

    Every listing is mapped, and shows what there is.
    """
    test = uuid.uuid4().hex[:8]
    stock = {f"{sku}-{test}": n for sku, n in units.items()}
    twin: Twin = twin_class(connector)(dict.fromkeys(stock, 0), faults, seed=7)
    wiring = Wiring(Settings(Path(desk.dibs.folder)))
    store = SyncStore(wiring.url("sync"))
    async with serving(twin.app) as url:
        account = msgspec.structs.replace(twin.account(url), name=test, channel=f"c-{test}")
        await desk.stocked(account.channel, stock)
        feed = Feed(wiring.stock_reader)
        views = ViewsReader(SqliteHome(Path(desk.dibs.folder) / "views"))
        recorder = Recorder(connector)
        office = Office(
            [account],
            store,
            feed,
            views,
            url=desk.dibs.url,
            key=desk.dibs.key,
            client=recorder.client,
        )
        async with serving(office.hooks.app) as hooks:
            hook = f"{hooks}/hooks/{test}/{account.secrets.get('hook_path')}"
            found = Running(twin, office, hook, desk, recorder)
            twin.hook(found.hook)
            items = twin.items()
            rows = [Listing(name, sku, items[name]) for name, sku in twin.listings().items()]
            await found.worker.listings.put(rows)
            stop = asyncio.Event()
            task = asyncio.create_task(office.run(stop))
            try:
                for name, sku in twin.listings().items():
                    await found.shows(name, stock[sku])
                yield found
                assert not found.worker.failures, "a job failed and began anew; see the log"
            finally:
                await twin.pushes.close()
                stop.set()
                async with asyncio.timeout(WAIT_S):
                    await task
                await store.close()
    wiring.close()
