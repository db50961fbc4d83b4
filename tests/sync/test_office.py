"""The office as a whole: how it ends, and when it rests."""

import asyncio
import uuid
from collections.abc import AsyncIterator

import httpx
import msgspec

from engine.connectors.registry import twin_class
from engine.connectors.twins import serving
from engine.core import limits
from engine.sync.listings import Listing, Listings
from engine.sync.office import Office
from engine.sync.queue import Due


async def test_an_office_ends_though_dibs_does_not_answer(store, monkeypatch) -> None:
    monkeypatch.setattr(limits, "OFFICE_STOP_S", 0.2)
    twin = twin_class("woocommerce")({"TEA": 5})
    async with serving(twin.app) as url:
        account = msgspec.structs.replace(twin.account(url), name=uuid.uuid4().hex[:8])
        (listing,) = twin.listings()
        await Listings(store, account.name).put([Listing(listing, "TEA")])
        office = Office([account], store, Away(), None, url="http://127.0.0.1:9", key="k")
        stop = asyncio.Event()
        twin.buy(listing)
        running = asyncio.create_task(office.run(stop))
        while not await store.inbox_length(account.name):
            await asyncio.sleep(0.02)
        stop.set()
        async with asyncio.timeout(10):
            await running
        await twin.pushes.close()


class Away:
    """A feed that says nothing."""

    async def run(self, stop: asyncio.Event, *_) -> None:
        """Wait."""
        await stop.wait()


async def test_an_office_rests_while_nobody_waits_for_it(store) -> None:
    twin = twin_class("woocommerce")({"TEA": 5})
    async with serving(twin.app) as url:
        account = msgspec.structs.replace(twin.account(url), name=uuid.uuid4().hex[:8])
        office = Office([account], store, Away(), None, url="http://127.0.0.1:9", key="k")
        publisher = office.workers[account.name].publisher
        assert office.resting and office.listed == 0
        publisher.queue.want(Due("1", "TEA", 9, 5, 0.0))
        assert office.resting, "one that rises can wait"
        publisher.queue.want(Due("1", "TEA", 0, 5, 0.0))
        assert not office.resting
        publisher.queue.drop("1")
        transport = httpx.ASGITransport(office.hooks.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://dibs.example") as client:
            seen = []

            async def body() -> AsyncIterator[bytes]:
                seen.append(office.resting)
                yield b"{}"

            path = f"/hooks/{account.name}/{account.secrets['hook_path']}"
            assert (await client.post(path, content=body())).status_code == 401
        assert seen == [False] and office.resting
