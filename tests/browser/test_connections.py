"""Connections in the console: what is well, what is stale, and dead letters tried again."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.config import Settings
from engine.connectors.base import Delivery
from engine.connectors.registry import twin_class
from engine.connectors.twins import serving
from engine.service.wiring import Wiring
from engine.sync.accounts import Accounts, Watch
from engine.sync.feed import Feed
from engine.sync.listings import Listing, Listings
from engine.sync.office import Office
from engine.sync.store import SyncStore
from engine.views.home import SqliteHome
from engine.views.reader import ViewsReader
from tests.browser.site import Site, becomes
from tests.browser.test_access import AXE, findings

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
expect = playwright.expect
CONNECTOR, NAME = "woocommerce", "tea-shop"


class Running(threading.Thread):
    """An office and a shop in a loop of their own: Playwright's is not asynchronous."""

    def __init__(self, site: Site) -> None:
        super().__init__(daemon=True)
        self._folder, self._site = Path(site.dibs.folder), site
        self._end: Callable[[], None] = lambda: None
        self.ready = threading.Event()
        self.twin = twin_class(CONNECTOR)({"SKU-01": 0, "SKU-02": 0}, None, seed=7)

    def run(self) -> None:
        """Work until `stop`."""
        asyncio.run(self._work())

    async def _work(self) -> None:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        self._end = lambda: loop.call_soon_threadsafe(stop.set)
        wiring = Wiring(Settings(self._folder))
        store, accounts = SyncStore(wiring.url("sync")), Accounts(self._folder)
        views = ViewsReader(SqliteHome(self._folder / "views"))
        office = Office(
            (),
            store,
            Feed(wiring.stock_reader),
            views,
            url=self._site.url,
            key=self._site.key,
            watch=Watch(accounts).look,
        )
        async with serving(self.twin.app) as url:
            account = self.twin.account(url)
            accounts.put(type(account)(**{**_fields(account), "name": NAME, "channel": "web"}))
            items = self.twin.items()
            rows = [Listing(n, sku, items[n]) for n, sku in self.twin.listings().items()]
            await Listings(store, NAME).put([*rows, Listing("999", "SKU-03")])
            for n in range(2):
                await store.keep(NAME, Delivery(f"bad-{n}", "order.updated", b'{"id": '), "push")
            self.ready.set()
            await office.run(stop)
            await self.twin.pushes.close()
        await store.close()
        wiring.close()

    def stop(self) -> None:
        """End, and let nobody be connected."""
        self._end()
        self.join()
        with contextlib.suppress(FileNotFoundError):
            (self._folder / "accounts" / f"{NAME}.json").unlink()


def _fields(account) -> dict:
    return {name: getattr(account, name) for name in account.__struct_fields__}


@pytest.fixture(scope="module")
def shop(site: Site) -> Iterator[Running]:
    found = Running(site)
    found.start()
    assert found.ready.wait(20)
    yield found
    found.stop()


def test_without_accounts_it_says_how_to_connect_one(page, site: Site) -> None:
    page.keyboard.press("g")
    page.keyboard.press("a")
    expect(page.get_by_text("No account is connected yet")).to_be_visible()
    expect(page.locator("pre")).to_contain_text("dibs channels connect")


def test_what_is_wrong_is_seen_and_tried_again(page, site: Site, shop: Running) -> None:
    path = f"connections/{NAME}/dead-letters"
    assert becomes(lambda: len(site.api("GET", path)["letters"]), 2)
    page.goto(f"{site.url}/#/connections")
    row = page.locator(".ag-row", has_text=NAME)
    expect(row).to_contain_text("dead letters")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    panel = page.locator(".panel")
    expect(panel.locator(".letters li")).to_have_count(2)
    panel.get_by_text("Document", exact=True).first.click()
    expect(panel.locator("pre").first).to_contain_text('{"id": ')
    page.evaluate(AXE)
    assert not findings(page)
    before = {row["letter"] for row in site.api("GET", path)["letters"]}
    panel.get_by_role("button", name="Try bad-0 again").click()
    expect(page.get_by_text("1 document is tried again")).to_be_visible()
    # Nobody has mended it, so it dies again: under another name.
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        after = {row["letter"] for row in site.api("GET", path)["letters"]}
        if len(after) == 2 and after != before:
            break
        time.sleep(0.05)
    assert len(after - before) == 1
    panel.get_by_role("button", name="Listings").click()
    stale = panel.locator("table").first
    expect(stale).to_contain_text("999")
    expect(stale).to_contain_text("failed")
    assert not findings(page)
    page.keyboard.press("Escape")
    expect(panel).to_have_count(0)


def test_who_may_only_look_reads_why_nothing_is_tried_again(browser, site: Site, shop) -> None:
    key = site.api("POST", "keys", {"label": "looker", "scopes": ["read"]})["token"]
    context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB")
    page = context.new_page()
    page.goto(f"{site.url}/#key={key}")
    page.locator(".state.good").wait_for()
    page.goto(f"{site.url}/#/connections?open={NAME}&show=letters")
    again = page.get_by_role("button", name="Try all 2 again")
    expect(again).to_be_disabled()
    assert "plan" in again.get_attribute("title")
    context.close()
