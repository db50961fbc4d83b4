"""How accounts are doing, as the office notes it and the HTTP API tells it; accounts that come and
go; what the audit takes for drift, and what not."""

import asyncio
import contextlib
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import msgspec
import pytest
from starlette.applications import Starlette

from engine.config import Settings
from engine.connectors.base import Account, Delivery
from engine.connectors.registry import twin_class
from engine.connectors.twins import Faults, serving
from engine.core import limits
from engine.service.wiring import Wiring
from engine.sync import metrics
from engine.sync.accounts import Accounts, Watch
from engine.sync.feed import Feed
from engine.sync.lags import Lags, percentile
from engine.sync.listings import Listing, Listings
from engine.sync.office import Office
from engine.sync.status import AccountStatus, health_of
from engine.sync.store import SyncStore
from engine.views.home import SqliteHome
from engine.views.reader import ViewsReader
from tests.sync.office import until

CONNECTOR = "woocommerce"


class Site:
    """An office that follows the accounts of the folder of dibs, and a shop to connect."""

    def __init__(self, desk, store: SyncStore, office: Office, twin, url: str) -> None:
        self.desk, self.store, self.office, self.twin = desk, store, office, twin
        self.name = uuid.uuid4().hex[:8]
        self.account = msgspec.structs.replace(
            twin.account(url), name=self.name, channel=f"c-{self.name}"
        )
        self.accounts = Accounts(Path(desk.dibs.folder))

    async def connect(self, units: dict[str, int], **options: str) -> None:
        """Connect the shop, and only then map its listings, as a person would."""
        await self.desk.stocked(self.account.channel, units)
        self.accounts.put(msgspec.structs.replace(self.account, options=options))
        items = self.twin.items()
        rows = [Listing(name, sku, items[name]) for name, sku in self.twin.listings().items()]
        await until(lambda: self.name in self.office.workers, "the account works")
        await Listings(self.store, self.name).put(rows)
        for name, sku in self.twin.listings().items():
            await until(lambda n=name, s=sku: self.twin.shown(n) == units[s], f"{name} is shown")

    async def get(self, path: str = "", **query) -> dict:
        """Ask the API of connections."""
        answer = await self.desk.http.get(f"/v1/connections{path}", params=query)
        assert answer.is_success, answer.text
        return answer.json()

    async def told(self) -> dict:
        """Return the account as the API tells it."""
        rows = (await self.get())["connections"]
        return next((row for row in rows if row["account"] == self.name), {})

    @property
    def publisher(self):
        """The account's publisher."""
        return self.office.workers[self.name].publisher


@contextlib.asynccontextmanager
async def site(desk, units: dict[str, int], faults: Faults | None = None):
    """Run an office beside dibs, with a shop that nobody has connected yet."""
    twin = twin_class(CONNECTOR)(dict.fromkeys(units, 0), faults, seed=7)
    wiring = Wiring(Settings(Path(desk.dibs.folder)))
    store = SyncStore(wiring.url("sync"))
    watch = Watch(Accounts(Path(desk.dibs.folder)))
    views = ViewsReader(SqliteHome(Path(desk.dibs.folder) / "views"))
    where = {"url": desk.dibs.url, "key": desk.dibs.key}
    office = Office((), store, Feed(wiring.stock_reader), views, watch=watch.look, **where)
    async with serving(twin.app) as url:
        found, stop = Site(desk, store, office, twin, url), asyncio.Event()
        async with serving(office.hooks.app) as hooks:
            word = found.account.secrets["hook_path"]
            twin.hook(f"{hooks}/hooks/{found.name}/{word}")
            task = asyncio.create_task(office.run(stop))
            try:
                yield found
            finally:
                with contextlib.suppress(FileNotFoundError):
                    (found.accounts.folder / f"{found.name}.json").unlink()
                await twin.pushes.close()
                stop.set()
                async with asyncio.timeout(30):
                    await task
                await store.close()
    wiring.close()


@pytest.fixture(autouse=True)
def quick(monkeypatch) -> None:
    """Look more often than in earnest."""
    monkeypatch.setattr(limits, "ACCOUNTS_LOOK_S", 0.1)
    monkeypatch.setattr(limits, "STATUS_S", 0.1)


def named(*skus: str) -> dict[str, str]:
    """SKUs of one test only."""
    test = uuid.uuid4().hex[:6]
    return {sku: f"{sku}-{test}" for sku in skus}


async def test_an_account_is_followed_from_its_connection_to_its_end(desk) -> None:
    sku = named("MUG")["MUG"]
    async with site(desk, {sku: 4}) as shop:
        assert await shop.told() == {}
        await shop.connect({sku: 4})

        async def good() -> bool:
            found = await shop.told()
            status = found.get("status") or {}
            return found.get("health") == "good" and status["p99_ms"] and status["swept_until"]

        await until(good, "the API tells that all is well")
        told = await shop.told()
        assert not {"secret", "cs_twin", "hook-secret"} & set(str(told).split("'"))
        assert (told["status"]["listings"], told["status"]["published"]) == (1, 1)
        # Another option: the worker is another one, and works.
        before = shop.office.workers[shop.name]
        account = msgspec.structs.replace(shop.account, options={"sweep_s": "30"})
        shop.accounts.put(account)
        await until(
            lambda: shop.office.workers.get(shop.name) not in (None, before), "it is replaced"
        )
        (listing,) = shop.twin.listings()
        await desk.receive(f"{shop.name}-more", {sku: 3})
        await until(lambda: shop.twin.shown(listing) == 7, "the new one publishes")
        assert before.publisher.ended
        # A file that is none harms nobody.
        bad = shop.accounts.folder / f"x{shop.name}.json"
        bad.write_text("{")
        # Disconnected: nothing is published, nothing is noted, nothing is told.
        shop.accounts.remove(shop.name)
        await until(lambda: not shop.office.workers, "nobody works any more")

        async def forgotten() -> bool:
            return await shop.store.field(shop.name, "status") is None

        await until(forgotten, "its status is forgotten")
        assert await shop.told() == {}
        bad.unlink()


async def test_what_is_stale_is_told_with_its_reason_and_by_pages(desk) -> None:
    names = named("MUG", "CUP", "POT")
    units = dict.fromkeys(names.values(), 2)
    async with site(desk, units) as shop:
        await shop.connect(units)
        path = f"/{shop.name}/listings"

        async def noted() -> bool:
            rows = (await shop.get(path))["listings"]
            return all((row["wanted"], row["shown"]) == (2, 2) for row in rows)

        await until(noted, "what the channel took is noted")
        first = await shop.get(path, limit=2)
        rest = await shop.get(path, limit=2, cursor=first["next_cursor"])
        rows = first["listings"] + rest["listings"]
        assert rest["next_cursor"] is None and len(first["listings"]) == 2
        assert [row["listing"] for row in rows] == sorted(shop.twin.listings())

        async def fresh() -> bool:
            return not (await shop.get(path, only="stale"))["listings"]

        await until(fresh, "none is stale")
        # One that its channel does not know.
        await Listings(shop.store, shop.name).put([Listing("999", names["MUG"])])

        async def told() -> bool:
            stale = (await shop.get(path, only="stale"))["listings"]
            return [row["listing"] for row in stale if row["problem"]] == ["999"]

        await until(told, "the listing is told to be stale, and why")
        (row,) = (await shop.get(path, only="stale"))["listings"]
        assert (row["wanted"], row["shown"], row["sku"]) == (2, None, names["MUG"])
        assert row["failures"] and datetime.fromisoformat(row["stale_since"]) < datetime.now(UTC)
        assert row in (await shop.get(path))["listings"]
        status = (await shop.told())["status"]
        assert status["waiting"]["falling"] == 1 and status["stale_s"] > 0


async def test_a_dead_letter_is_told_and_tried_again(desk) -> None:
    sku = named("MUG")["MUG"]
    async with site(desk, {sku: 4}) as shop:
        await shop.connect({sku: 4})
        path = f"/{shop.name}/dead-letters"
        for n in range(3):
            await shop.store.keep(shop.name, Delivery(f"d{n}", "order.updated", b"{" * 9), "push")

        async def dead(count: int) -> bool:
            return len((await shop.get(path))["letters"]) == count

        await until(lambda: dead(3), "three documents are dead")
        first = await shop.get(path, limit=2)
        rest = await shop.get(path, limit=2, cursor=first["next_cursor"])
        letters = first["letters"] + rest["letters"]
        assert sorted(row["id"] for row in letters) == ["d0", "d1", "d2"]
        assert all(row["document"] == "{" * 9 and row["whole"] for row in letters)
        assert all(row["by"] == "push" and row["problem"] for row in letters)
        await until(lambda: health_is(shop, "letters"), "somebody is asked to look")
        # The cause is mended: an order is in the place of what nobody could read.
        (listing,) = shop.twin.listings()
        shop.twin.buy(listing)
        seen = shop.office.workers[shop.name].ingest.counts["dead"]
        answer = await desk.post(f"/v1/connections{path}/{letters[0]['letter']}/replay", None)
        assert answer == {"account": shop.name, "letters": 1}
        await until(
            lambda: shop.office.workers[shop.name].ingest.counts["dead"] == seen + 1,
            "it was tried again, and is dead again",
        )
        gone = await desk.http.post(f"/v1/connections{path}/{letters[0]['letter']}/replay")
        assert (gone.status_code, gone.json()["code"]) == (404, "unknown_letter")
        answer = await desk.post(f"/v1/connections{path}/replay", None)
        assert answer["letters"] == 3
        nobody = await desk.http.get("/v1/connections/nobody/listings")
        assert (nobody.status_code, nobody.json()["code"]) == (404, "unknown_account")


async def health_is(shop: Site, word: str) -> bool:
    """Say whether the API tells this word of the account."""
    return (await shop.told())["health"] == word


async def test_what_somebody_changed_is_mended_by_itself(desk) -> None:
    sku = named("MUG")["MUG"]
    async with site(desk, {sku: 5}) as shop:
        await shop.connect({sku: 5}, audit_s="1", sweep_s="0.3")
        (listing,) = shop.twin.listings()
        shop.twin.meddle(listing, 77)
        await until(lambda: shop.twin.shown(listing) == 5, "it is mended")
        assert shop.publisher.counts["drifted"] == 1 and not shop.twin.meter.over


async def test_a_sale_that_nobody_has_told_of_yet_is_no_drift(desk) -> None:
    sku = named("MUG")["MUG"]
    async with site(desk, {sku: 5}, Faults(dropped=1.0)) as shop:
        await shop.connect({sku: 5}, audit_s="1", sweep_s="4")
        (listing,) = shop.twin.listings()
        read = shop.publisher.counts["audited"]
        order = shop.twin.buy(listing)
        await until(lambda: shop.publisher.counts["audited"] > read, "the audit has looked")

        async def there() -> bool:
            assert shop.twin.shown(listing) == 4, "the unit that was sold is shown again"
            return order in await desk.orders(shop.account.channel)

        await until(there, "the order comes with a sweep")
        await asyncio.sleep(1.0)
        assert shop.publisher.counts["drifted"] == 0 and shop.twin.shown(listing) == 4


# The parts.


def status(**more) -> AccountStatus:
    now = datetime(2026, 11, 29, tzinfo=UTC)
    return AccountStatus(account="a", connector="c", channel="web", written_at=now, **more)


@pytest.mark.parametrize(
    ("found", "after_s", "word"),
    [
        (None, 0, "stopped"),
        (status(), 0, "good"),
        (status(dead=9, stale_s=900.0), 11, "stopped"),
        (status(dead=9, stale_s=900.0), 1, "behind"),
        (status(inbox_s=61.0), 1, "behind"),
        (status(dead=1, stale_s=59.0), 1, "letters"),
        (status(open_until=datetime(2026, 11, 29, 0, 1, tzinfo=UTC), dead=1), 1, "failing"),
        (status(open_until=datetime(2026, 11, 29, 0, 1, tzinfo=UTC)), 9, "failing"),
    ],
)
def test_the_worst_is_said_first(found, after_s, word) -> None:
    now = datetime(2026, 11, 29, tzinfo=UTC) + timedelta(seconds=after_s)
    assert health_of(found, now) == word


def test_lags_are_of_the_last_minutes() -> None:
    now = [0.0]
    lags = Lags(lambda: now[0])
    assert lags.percentiles(0.5, 0.99) == [None, None]
    for n in range(1, 101):
        lags.add(n / 100)
    assert lags.percentiles(0.5, 0.99) == [0.5, 0.99]
    now[0] = 61.0
    lags.add(9.0)
    assert lags.by_minute(0.99)[-2:] == [0.99, 9.0]
    assert len(lags.by_minute(0.5)) == limits.LAG_MINUTES
    now[0] = 60.0 * 5 + 1
    assert lags.percentiles(0.99) == [9.0]
    now[0] = 60.0 * 6 + 1
    assert lags.percentiles(0.99) == [None] and 9.0 in lags.by_minute(0.99)
    now[0] = 1e6
    assert set(lags.by_minute(0.99)) == {None}
    assert percentile([3.0], 0.0) == 3.0 and percentile([], 0.5) is None


async def test_metrics_are_for_who_may_read() -> None:
    found = status(pushes={"kept": 3}, p99_ms=250.0, dead=2)
    app = Starlette(routes=[metrics.route(lambda: [found], lambda token: token == "good")])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as http:
        for header in ({}, {"authorization": "Bearer bad"}, {"authorization": "Basic good"}):
            assert (await http.get("/metrics", headers=header)).status_code == 401
        text = (await http.get("/metrics", headers={"authorization": "Bearer good"})).text
    rows = dict(line.rsplit(" ", 1) for line in text.splitlines() if line[0] != "#")
    assert rows['dibs_connection_dead_letters{account="a"}'] == "2.0"
    assert rows['dibs_connection_pushes_total{account="a",outcome="kept"}'] == "3.0"
    assert rows['dibs_connection_publish_lag_seconds{account="a",quantile="0.99"}'] == "0.25"
    assert not [name for name in rows if 'quantile="0.5"' in name]


def test_accounts_are_read_again_when_they_were_replaced(tmp_path) -> None:
    accounts = Accounts(tmp_path)
    watch = Watch(accounts)
    assert watch.look() == {}
    account = Account(name="shop", connector=CONNECTOR, channel="web", url="http://x")
    accounts.put(account)
    first = watch.look()["shop"]
    assert first == account and watch.look()["shop"] is first
    accounts.put(msgspec.structs.replace(account, channel="other"))
    assert watch.look()["shop"].channel == "other"
    (accounts.folder / "none.json").write_text("{")
    assert list(watch.look()) == ["shop"]
    accounts.remove("shop")
    assert watch.look() == {}
