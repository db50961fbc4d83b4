"""When something fails that a part of sync needs, the part goes on, and so does everybody else."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from urllib.parse import urlsplit

import httpx
import msgspec
import pytest

from engine.connectors.base import Account, Delivery, Parcel
from engine.connectors.calls import CallError
from engine.connectors.registry import twin_class
from engine.connectors.twins import serving
from engine.core import limits
from engine.core.errors import LogError
from engine.sync import outbox
from engine.sync.bulk import BulkSender
from engine.sync.feed import Feed
from engine.sync.hooks import Hooks
from engine.sync.office import Office, Worker
from engine.sync.queue import Due, Pace, Queue
from engine.sync.standing import Standing
from engine.sync.sweep import Sweep
from engine.views import outgoing
from tests.sync.alone import publishing

SHIPPED = outgoing.Left(7, "web", "1", "s", None, None, 0, True, None, True, ())


def account_of(name: str, **more) -> Account:
    secrets = {"key": "k", "secret": "s", "hook_secret": "h", "hook_path": "s3cret"}
    return Account(
        name=name, connector="woocommerce", channel=name, url="http://x", secrets=secrets, **more
    )


class Outboxes:
    """What a reader needs of the store; it is away for the first `away` questions."""

    def __init__(self, away: int = 0) -> None:
        self.away = away
        self.rows: dict[str, dict[str, bytes]] = {}
        self.cursors: dict[str, bytes] = {}

    async def field(self, name: str, *parts: str) -> bytes | None:
        """Return a cursor."""
        self.away -= 1
        if self.away >= 0:
            raise LogError("away")
        return self.cursors.get(name)

    async def outbox_put(self, rows: dict, cursor: str, seq: int) -> None:
        """Keep what is to be told."""
        self.rows |= rows
        self.cursors[cursor] = b"%d" % seq


class Views:
    """One shipment, for who asks for those."""

    async def ask(self, what, after: int, count: int) -> list:
        """Return it."""
        return [SHIPPED] if what is outgoing.left and after < SHIPPED.seq else []


async def test_the_outbox_is_filled_when_the_server_is_back(monkeypatch) -> None:
    monkeypatch.setattr(limits, "RECONNECT_DELAY_S_MAX", 0.01)
    store, stop = Outboxes(away=3), asyncio.Event()
    reader = outbox.Reader(store, Views(), lambda: [account_of("web")])
    running = asyncio.create_task(reader.run(stop))
    async with asyncio.timeout(10):
        while not store.rows and not running.done():
            await asyncio.sleep(0.01)
        stop.set()
        await running
    assert list(store.rows["web"]) == ["ship:1:s"]


async def test_the_stock_stream_is_followed_when_the_server_is_back(monkeypatch) -> None:
    monkeypatch.setattr(limits, "OUTBOX_IDLE_S", 0.01)
    opened, stop = [], asyncio.Event()

    class Stock:
        async def ends(self):
            return None, None

        async def read(self, *_, **__):
            if len(opened) < 3:
                raise LogError("away")
            stop.set()
            return []

        async def close(self):
            opened.append("closed")

    class Desk:
        async def ask(self, *_):
            await asyncio.Event().wait()

    async def connect():
        opened.append("opened")
        return Stock()

    async with asyncio.timeout(10):
        await Feed(connect).run(stop, Desk(), lambda: ())
    assert opened == ["opened", "closed"] * 2


async def test_what_is_to_be_told_waits_while_an_account_is_replaced(monkeypatch) -> None:
    """Its worker ends what it has begun, which takes a while; what leaves then must be told."""
    monkeypatch.setattr(limits, "ACCOUNTS_LOOK_S", 0.01)
    found, ends, goes_on = {"web": account_of("web")}, asyncio.Event(), asyncio.Event()

    async def work(self, stop: asyncio.Event) -> None:
        await stop.wait()
        ends.set()
        await goes_on.wait()

    monkeypatch.setattr(Worker, "run", work)
    store = Outboxes()
    more = {"url": "http://x", "key": "", "watch": lambda: found}
    office, stop = Office(found.values(), _Scripts(), Feed(None), Views(), **more), asyncio.Event()
    office._reader = outbox.Reader(store, Views(), office._reader._accounts)
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        office._start(tasks, office.workers["web"])
        following = tasks.create_task(office._follow(tasks, stop))
        found = {"web": account_of("web", options={"sweep_s": "5"})}
        await ends.wait()
        assert not office.workers
        await office._reader.step()
        assert list(store.rows["web"]) == ["ship:1:s"]
        goes_on.set()
        while "web" not in office.workers:
            await asyncio.sleep(0.01)
        found = {}
        while office.workers:
            await asyncio.sleep(0.01)
        store.rows.clear()
        store.cursors.clear()
        await office._reader.step()
        assert not store.rows  # it is gone for good
        following.cancel()
    await office._desk_client.aclose()


class _Redis:
    def register_script(self, text: str):
        return None


class _Scripts:
    redis = _Redis()

    async def drop(self, *_) -> None:
        """Forget."""

    async def replace(self, *_) -> None:
        """Forget."""


class Broken:
    """A channel whose connector has a bug about parcels."""

    def __init__(self) -> None:
        self.told: list[str] = []

    async def ship(self, parcel: Parcel) -> None:
        raise KeyError("a field that is always there")

    async def refund(self, order_id: str, refund_id: str, amount: int, currency: str) -> None:
        self.told.append(order_id)


async def test_an_entry_that_cannot_be_told_stands_in_nobodys_way(store) -> None:
    name, channel = uuid.uuid4().hex[:8], Broken()
    teller = outbox.Teller(account_of(name), channel, store, Standing(account_of(name), store))
    parcel = Parcel(order_id="7", shipment_id="s", lines=(), shipped_at=datetime.now(UTC))
    tasks = {"ship:7:s": outbox.Shipment(parcel), "refund:8:r": outbox.Refund("8", "r", 5, "GBP")}
    for entry, task in tasks.items():
        await store.put({entry: msgspec.json.encode(task)}, "outbox", name)
    assert await teller.step() == 1 and channel.told == ["8"]
    teller._rest["ship:7:s"] = (0.0, 5_000)  # for weeks
    assert await teller.step() == 0
    assert list(await store.table("outbox", name)) == ["ship:7:s"]


class Swept:
    """Notes which windows were asked for."""

    def __init__(self) -> None:
        self.windows: list[tuple[datetime, datetime]] = []

    async def heal(self) -> list[str]:
        """Nothing is to be mended."""
        return []

    async def pull(self, since: datetime, until: datetime) -> AsyncIterator[Delivery]:
        """Nothing changed."""
        self.windows.append((since, until))
        for nothing in ():
            yield nothing


@pytest.mark.parametrize(
    ("ahead", "back_s"),
    [
        (timedelta(days=-1), 86_400 + limits.SWEEP_OVERLAP_S),
        (timedelta(days=3_650), limits.SWEEP_FIRST_S),  # the clock was wrong then
    ],
)
async def test_a_window_begins_before_its_end_whatever_the_clock_did(store, ahead, back_s) -> None:
    name, channel = uuid.uuid4().hex[:8], Swept()
    noted = (datetime.now(UTC) + ahead).isoformat()
    await store.put({f"sweep:{name}": noted}, "cursors")
    await Sweep(account_of(name), channel, store).once()
    ((since, until),) = channel.windows
    assert abs((until - since).total_seconds() - back_s) < 60
    assert await store.field(f"sweep:{name}", "cursors") == until.isoformat().encode()


@pytest.mark.parametrize("word", ["%C3%A9", "%FF", "x", "s3cret%C3%A9"])
async def test_a_wrong_address_is_not_found_whatever_it_says(word: str) -> None:
    account = account_of("shop")
    app = Hooks(lambda name: (account, None, None) if name == "shop" else None, None).app
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as http:
        assert (await http.post(f"/hooks/shop/{word}", content=b"{}")).status_code == 404
        assert (await http.get("/hooks/shop/s3cret")).status_code == 200


async def test_a_publisher_ends_whole_when_a_part_of_it_fails(store, monkeypatch) -> None:
    """A client of the server may swallow a cancellation; who waits for its end would for ever."""
    twin = twin_class("woocommerce")({"TEA": 1})
    async with publishing(twin, store, uuid.uuid4().hex[:8], ["1"]) as site:
        publisher, ended = site.publisher, []

        async def broken() -> None:
            await asyncio.sleep(0.01)
            raise LogError("away")

        async def deaf() -> None:
            while not publisher.ended:
                try:
                    await asyncio.sleep(3_600)
                except asyncio.CancelledError:
                    continue
            ended.append(True)

        monkeypatch.setattr(publisher, "_look", broken)
        monkeypatch.setattr(publisher, "_again", deaf)
        with pytest.raises(ExceptionGroup, match="unhandled") as raised:
            async with asyncio.timeout(10):
                await publisher.run(asyncio.Event())
        assert ended and raised.group_contains(LogError)


async def test_a_call_that_another_sender_has_made_is_given_back(store) -> None:
    twin = twin_class("woocommerce")({"TEA": 1})
    async with publishing(twin, store, uuid.uuid4().hex[:8], ["1"]) as site:
        calls, operation = site.publisher.calls, site.publisher._connector.publish_operation
        await calls.prepay(operation)
        assert await site.publisher.send_some() == 0
        assert not calls._prepaid[operation]


@pytest.mark.parametrize("how", ["killed", "not heard"])
async def test_a_delivery_whose_ticket_nobody_got_is_shown_anew(store, monkeypatch, how) -> None:
    """It may be worked off after newer single calls, and then shows what was right once."""
    monkeypatch.setattr(limits, "BULK_LOST_S", 0.2)
    twin = twin_class("woocommerce")({"TEA": 5})
    async with publishing(twin, store, uuid.uuid4().hex[:8], ["1"]) as site:
        publisher, sent = site.publisher, []

        async def send(rows) -> str:
            sent.append(rows)
            await asyncio.sleep(0)
            if how == "killed":
                raise asyncio.CancelledError
            raise CallError("no answer")

        bulk = SimpleNamespace(operation="stock", rows=10, beyond=0, poll_s=0.1, send=send)
        (listing,) = twin.listings()
        publisher.queue.want(Due(listing, "TEA", 4, 5, 0.0))
        publisher._shown[listing] = 4  # by a single call, meanwhile
        sender = BulkSender(publisher, bulk)
        work = asyncio.create_task(sender.run())
        while not sent:
            await asyncio.sleep(0.01)
        if how == "killed":
            with contextlib.suppress(asyncio.CancelledError):
                await work
            work = asyncio.create_task(BulkSender(publisher, bulk).run())
        publisher.queue.drop(listing)
        async with asyncio.timeout(5):
            while publisher.shows(listing) is not None:
                await asyncio.sleep(0.02)
            while await store.table("bulk", publisher.account):
                await asyncio.sleep(0.02)
        work.cancel()


async def test_a_listing_that_sells_out_rests_no_more() -> None:
    queue = Queue(Pace())
    queue.want(Due("1", "TEA", 3, 9, 0.0))
    (due,) = queue.best(1, 1.0)
    queue.rest(due, 300.0)
    queue.want(Due("1", "TEA", 2, 9, 0.0))
    assert queue.best(1, 1.0) == []
    queue.want(Due("1", "TEA", 0, 9, 0.0))
    assert queue.best(1, 1.0) == [due]
    queue.rest(due, 300.0)  # refused once more
    queue.want(Due("1", "TEA", 0, 9, 0.0))
    assert queue.best(1, 1.0) == []


async def test_a_listing_that_is_shown_again_has_no_failures_and_waits_since_it_changed() -> None:
    """Who counted on would let a busy listing rest for longer with each failure of a whole day."""
    queue = Queue(Pace())
    queue.want(Due("1", "TEA", 8, 9, 1.0))
    (due,) = queue.best(1, 1.0)
    due.failures, due.problem = 7, "500"
    queue.rest(due, 2.0)
    queue.fly("1")
    queue.want(Due("1", "TEA", 7, 9, 3.0))
    queue.want(Due("1", "TEA", 6, 9, 4.0))
    queue.land("1")
    queue.shown("1", 8, 5.0)
    (due,) = queue.best(1, 5.0)
    assert (due.wanted, due.shown, due.since_s) == (6, 8, 3.0)
    assert (due.failures, due.problem, due.not_before_s) == (0, "", 0.0)
    queue.shown("1", 6, 6.0)
    assert not queue.rows


async def test_a_twin_says_nothing_of_a_caller_that_goes_in_the_middle(capfd) -> None:
    twin = twin_class("magento")({"TEA": 5})
    async with serving(twin.app) as url:
        place = urlsplit(url)
        _, writer = await asyncio.open_connection(place.hostname, place.port)
        head = "POST /rest/default/V1/inventory/source-items HTTP/1.1\r\nHost: t\r\n"
        head += f"Authorization: Bearer {twin.token}\r\nContent-Length: 99\r\n\r\n"
        writer.write(head.encode() + b'{"sourceItems": [')
        await writer.drain()
        while not twin.meter.calls:
            await asyncio.sleep(0.01)
        writer.close()
        async with httpx.AsyncClient() as client:
            answer = await client.get(f"{url}/rest/default/V1/bulk/none/detailed-status")
        assert answer.status_code == 401
        await asyncio.sleep(0.1)
    assert "Exception in ASGI" not in capfd.readouterr().err
