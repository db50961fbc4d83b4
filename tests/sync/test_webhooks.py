"""Webhooks, from what happens to what a service takes: each message once by its id, signed so that
the public library believes it, over days and restarts, and never to an address inside."""

import asyncio
import json
import re
import sys
from collections import Counter
from pathlib import Path

import httpx
import pytest
from standardwebhooks import Webhook, WebhookVerificationError
from starlette.requests import Request
from starlette.responses import Response

from engine.config import Settings
from engine.connectors.twins import serving
from engine.core import limits
from engine.service.wiring import Wiring
from engine.sync import desk as asking
from engine.sync.store import SyncStore
from engine.sync.webhooks import places
from engine.sync.webhooks.book import TYPES, Book
from engine.sync.webhooks.job import Webhooks
from engine.sync.webhooks.sender import Sender
from engine.sync.webhooks.shelf import StoreShelf, Waiting
from engine.views.home import SqliteHome
from engine.views.reader import ViewsReader
from tests.processes import free_port
from tests.sync.office import until

GUIDE = Path(__file__).parents[2] / "docs" / "webhooks.md"
BODY = json.dumps({"type": "order.placed", "data": {"name": "Zoë"}})
KEY = b"k" * 32


class Clock:
    """A time that a test moves."""

    def __init__(self) -> None:
        self.s = 1_795_000_000.0

    def __call__(self) -> float:
        """Return it, in seconds."""
        return self.s


class Service:
    """Somebody's service: answers as it is told to, and keeps what it is sent."""

    def __init__(self) -> None:
        self.status, self.headers, self.rest_s = 204, {}, 0.0
        self.took: list[tuple[dict[str, str], bytes]] = []

    async def __call__(self, scope, receive, send) -> None:
        """Take a message."""
        request = Request(scope, receive)
        self.took.append((dict(request.headers), await request.body()))
        await asyncio.sleep(self.rest_s)
        await Response(status_code=self.status, headers=self.headers)(scope, receive, send)

    @property
    def counts(self) -> Counter[str]:
        """How often each message came."""
        return Counter(headers["webhook-id"] for headers, _ in self.took)


@pytest.fixture
async def shelf(dibs):
    wiring = Wiring(Settings(Path(dibs.folder)))
    store = SyncStore(wiring.url("sync"))
    found = StoreShelf(store)
    yield found
    for name in await found.webhooks():
        await found.drop(name)
    await store.redis.delete(store.key("webhook", "out"))
    await store.drop(["webhooks:orders", "webhooks:stock"], "cursors")
    await store.close()
    wiring.close()


async def ready(shelf: StoreShelf, url: str, clock=None, name: str = "crm", **more) -> Book:
    """Make a webhook with one message that waits."""
    book = Book(shelf, KEY, loopback=True, **({"now_s": clock} if clock else {}))
    await book.put(name, url, TYPES, None, True)
    now_ms = int((clock() if clock else 0) * 1000)
    await shelf.queue({name: {"order-1": Waiting(BODY, "order.placed")}}, {"t": "1"}, now_ms)
    return book


def believed(secret: str, message: tuple[dict[str, str], bytes]) -> bool:
    """Whether the public library takes a message for ours, as of now."""
    headers, body = message
    try:
        return Webhook(secret).verify(body, headers) == json.loads(BODY)
    except WebhookVerificationError:
        return False


async def test_both_secrets_sign_while_they_change(shelf) -> None:
    service = Service()
    async with serving(service) as url:
        book = await ready(shelf, f"{url}/hook")
        sender = Sender(book, shelf)
        (old,) = book.secrets(await book.find("crm"))
        row = await book.rotate("crm", "r1", 0.3)
        new = book.secrets(row)[0]
        assert await sender.step() == 1 and await sender.step() == 0
        assert believed(old, service.took[0]) and believed(new, service.took[0])
        await asyncio.sleep(0.3)
        await shelf.queue({"crm": {"order-2": Waiting(BODY, "order.placed")}}, {"t": "2"}, 0)
        await sender.step()
        assert believed(new, service.took[1]) and not believed(old, service.took[1])
        await sender.close()


async def test_what_is_not_taken_is_sent_again_over_days_and_restarts(shelf) -> None:
    service, clock = Service(), Clock()
    service.status = 500
    async with serving(service) as url:
        book = await ready(shelf, url, clock)
        rests = []
        for _ in range(len(limits.WEBHOOK_RETRIES_S) + 1):
            sender = Sender(book, shelf, now_s=clock)  # each try by another process
            assert await sender.step() == 1
            await sender.close()
            ((_, told),) = await shelf.tries("crm", "", 1)
            rests.append(told.next_ms / 1000 - clock.s)
            clock.s += max(rests[-1] - 1, 0)
            if told.next_ms:
                assert await Sender(book, shelf, now_s=clock).step() == 0, "too early"
            clock.s += 2
        assert service.counts == {"order-1": 10} and await shelf.waiting("crm") == 0
        for rest_s, meant_s in zip(rests, limits.WEBHOOK_RETRIES_S, strict=False):
            assert 0.89 * meant_s <= rest_s <= 1.11 * meant_s
        assert clock.s - 1_795_000_000 > 2.5 * 86_400
        tries = [told for _, told in await shelf.tries("crm", "", 100)]
        assert [told.attempt for told in tries] == list(range(10, 0, -1))
        assert tries[0].next_ms == 0 and all(told.status == 500 for told in tries)


async def test_what_waits_or_was_given_up_is_sent_when_somebody_asks(shelf, monkeypatch) -> None:
    monkeypatch.setattr(limits, "WEBHOOK_RETRIES_S", (300,))
    service = Service()
    service.status = 500
    async with serving(service) as url:
        book = await ready(shelf, url)
        sender = Sender(book, shelf)
        assert await sender.step() == 1 and await sender.step() == 0
        for status in (500, 204):  # while it waits; and from the log, with all of its tries anew
            service.status = status
            assert await book.replay("crm", "order-1") and await sender.step() == 1
        assert await shelf.waiting("crm") == 0
        tries = [told for _, told in await shelf.tries("crm", "", 9)]
        assert [(t.attempt, t.status) for t in tries] == [(1, 204), (2, 500), (1, 500)]
        assert {body for _, body in service.took} == {BODY.encode()}
        assert not await book.replay("crm", "order-1"), "what was taken is not sent again"
        assert await book.test("crm", "1") == "test-1" and await sender.step() == 1
        headers, body = service.took[-1]
        (secret,) = book.secrets(await book.find("crm"))
        assert Webhook(secret).verify(body, headers)["type"] == "webhook.test"
        await sender.close()


async def test_a_service_that_asks_for_time_gets_it(shelf) -> None:
    service, clock = Service(), Clock()
    service.status, service.headers = 429, {"retry-after": "120"}
    async with serving(service) as url:
        book = await ready(shelf, url, clock)
        sender = Sender(book, shelf, now_s=clock)
        await sender.step()
        clock.s += 119
        assert await sender.step() == 0
        clock.s += 2
        service.status = 200
        assert await sender.step() == 1 and await shelf.waiting("crm") == 0
        await sender.close()


async def test_gone_stops_the_webhook_until_it_is_put_again(shelf) -> None:
    service = Service()
    service.status = 410
    async with serving(service) as url:
        book = await ready(shelf, url)
        sender = Sender(book, shelf)
        await sender.step()
        assert "410" in (await book.stopped())["crm"] and await shelf.waiting("crm") == 0
        await shelf.queue({"crm": {"order-2": Waiting(BODY, "order.placed")}}, {"t": "2"}, 0)
        assert await sender.step() == 0
        service.status = 200
        await book.put("crm", url, TYPES, None, True)
        assert await sender.step() == 1
        await sender.close()


@pytest.mark.parametrize("status", [301, 307, 404])
async def test_a_redirect_is_not_followed_and_no_success(shelf, status) -> None:
    service, other = Service(), Service()
    async with serving(service) as url, serving(other) as elsewhere:
        service.status, service.headers = status, {"location": elsewhere}
        sender = Sender(await ready(shelf, url), shelf)
        await sender.step()
        assert not other.took and await shelf.waiting("crm") == 1
        await sender.close()


async def test_a_slow_service_holds_up_no_other(shelf) -> None:
    slow, quick = Service(), Service()
    slow.rest_s = 5.0
    async with serving(slow) as one, serving(quick) as two:
        book = await ready(shelf, one, name="slow")
        await ready(shelf, two, name="quick")
        more = {f"order-{n}": Waiting(BODY, "order.placed") for n in range(2, 30)}
        await shelf.queue({"slow": more, "quick": more}, {"t": "3"}, 0)
        sender, stop = Sender(book, shelf), asyncio.Event()
        task = asyncio.create_task(sender.run(stop))
        await until(lambda: len(quick.took) == 29, "all is told to the quick one")
        assert len(slow.took) <= limits.WEBHOOK_PARALLEL
        await killed(task, stop)
        await sender.close()


INSIDE = (
    "127.0.0.1 10.0.0.1 172.16.0.1 192.168.1.1 169.254.169.254 100.64.0.1 0.0.0.0 224.0.0.1 "
    "255.255.255.255 192.0.2.1 ::1 :: fe80::1 fe80::1%eth0 fc00::1 ff02::1 ::ffff:127.0.0.1 "
    "::ffff:10.0.0.1 64:ff9b::a00:1 2002:a00:1:: 2001:db8::1"
)


@pytest.mark.parametrize("address", INSIDE.split())
async def test_no_name_leads_to_an_address_inside(shelf, address) -> None:
    async def lookup(host: str, port: int) -> list[str]:
        return ["93.184.215.14", address]

    with pytest.raises(places.Refused, match="public internet"):
        await places.pinned("https://crm.example.com/x", lookup=lookup)
    book = Book(shelf, KEY)
    await book.put("crm", "https://crm.example.com/x", TYPES, None, True)
    await shelf.queue({"crm": {"order-1": Waiting(BODY, "order.placed")}}, {"t": "1"}, 0)
    sender = Sender(book, shelf, lookup=lookup)
    await sender.step()
    ((_, told),) = await shelf.tries("crm", "", 1)
    assert told.status == 0 and "public internet" in told.problem
    await sender.close()


async def test_the_call_goes_to_the_address_that_was_judged() -> None:
    answers = iter((["2606:4700::1111"], ["10.0.0.1"]))

    async def lookup(host: str, port: int) -> list[str]:
        assert (host, port) == ("crm.example.com", 8443)
        return next(answers)

    url = "https://crm.example.com:8443/x?y=1"
    address, headers, more = await places.pinned(url, lookup=lookup)
    assert str(address) == "https://[2606:4700::1111]:8443/x?y=1"
    assert headers == {"host": "crm.example.com:8443"}
    assert more == {"sni_hostname": "crm.example.com"}


def test_loopback_is_by_an_explicit_setting_and_nothing_else_with_it(monkeypatch) -> None:
    places.check("http://127.0.0.1:9/x", loopback=True)
    places.judge("::1", loopback=True)
    for url in ("http://127.0.0.1/", "https://127.0.0.1/", "http://93.184.215.14/"):
        with pytest.raises(places.Refused):
            places.check(url)
    for address in ("10.0.0.1", "169.254.169.254", "::ffff:192.168.0.1"):
        with pytest.raises(places.Refused):
            places.judge(address, loopback=True)
    assert not Settings(Path()).webhook_loopback
    monkeypatch.setenv("DIBS_WEBHOOK_LOOPBACK", "1")
    assert Settings(Path()).webhook_loopback


@pytest.fixture
async def job(dibs, shelf):
    """All of webhooks, beside dibs."""
    wiring = Wiring(Settings(Path(dibs.folder)))
    book = Book(shelf, KEY, loopback=True)
    client = httpx.AsyncClient(timeout=30.0)
    views = ViewsReader(SqliteHome(Path(dibs.folder) / "views"))
    here = asking.Desk(client, dibs.url, dibs.key)
    made = Webhooks(book, shelf, here, views, wiring.stock_reader)
    yield made, book
    await made.sender.close()
    await client.aclose()
    views.close()
    wiring.close()


async def begun(job: Webhooks, shelf: StoreShelf) -> tuple[asyncio.Task, asyncio.Event]:
    """Run the job; return when it knows where it begins."""
    stop = asyncio.Event()
    task = asyncio.create_task(job.run(stop))

    async def known() -> bool:
        return None not in [await shelf.cursor(f"webhooks:{n}") for n in ("orders", "stock")]

    await until(known, "webhooks have begun")
    return task, stop


async def test_all_that_happens_is_told_once_through_kills(desk, shelf, job) -> None:
    made, book = job
    service = Service()
    async with serving(service) as url:
        await book.put("all", url, TYPES, None, True)
        await book.put("web", url + "/web", ("order.placed",), "hooks-other", True)
        task, stop = await begun(made, shelf)
        sku = "HOOK-1"
        await desk.stocked("hooks-web", {sku: 4})
        await killed(task, stop)  # what happens meanwhile is told later
        line = [{"sku": sku, "quantity": 3}]
        order = {"order_id": "h1", "channel": "hooks-web", "lines": line}
        await desk.post("/v1/orders", order)
        again, stop = await begun(made, shelf)
        single = [{"sku": sku, "quantity": 1}]
        other = {"order_id": "h2", "channel": "hooks-web", "lines": single}
        await desk.post("/v1/orders", other)
        await until(lambda: kinds(service)["stock.sold_out"], "the SKU is sold out")
        await desk.post("/v1/orders/hooks-web/h2/cancel", {})
        await desk.post("/v1/orders/hooks-web/h1/shipments", {"shipment_id": "s1"})
        wanted = {"order.placed": 2, "order.cancelled": 1, "order.shipped": 1}
        wanted |= {"stock.sold_out": 1, "stock.back": 1}
        await until(lambda: kinds(service) == wanted, f"all is told: {wanted}")
        assert set(service.counts.values()) == {1}
        for headers, body in service.took:
            (secret,) = book.secrets(await book.find("all"))
            told = Webhook(secret).verify(body, headers)
            assert told["data"]["seq"] > 0
            if told["type"].startswith("order."):
                assert told["data"]["order"]["order_id"] == told["data"]["order_id"]
        stop.set()
        await again


async def killed(task: asyncio.Task, stop: asyncio.Event) -> None:
    """Stop a task wherever it is. A client of the log's server may swallow the one cancellation
    that each of its jobs gets: such a job is told to end."""
    task.cancel()
    await asyncio.wait([task], timeout=1.0)
    stop.set()
    await asyncio.wait([task])


def kinds(service: Service) -> Counter[str]:
    """How many messages of each type came, changes of orders aside."""
    found = Counter(json.loads(body)["type"] for _, body in service.took)
    found.pop("order.changed", None)
    return found


async def test_one_that_too_much_waits_for_is_stopped(shelf, job, monkeypatch) -> None:
    made, book = job
    monkeypatch.setattr(limits, "WEBHOOK_QUEUE_MAX", 3)
    await book.put("crm", "https://crm.example.com/", TYPES, None, True)
    some = {f"order-{n}": Waiting(BODY, "order.placed") for n in range(3)}
    await shelf.queue({"crm": some}, {"t": "1"}, 0)
    await made.watcher.orders()
    assert "3 messages" in (await book.stopped())["crm"] and await shelf.waiting("crm") == 0


async def test_the_receiver_of_the_guide_takes_messages_and_refuses_forged_ones(
    shelf, tmp_path
) -> None:
    (text,) = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.S)
    port, taken = free_port(), tmp_path / "taken"
    book = await ready(shelf, f"http://127.0.0.1:{port}/")
    (secret,) = book.secrets(await book.find("crm"))
    head = f"port, secret = {port}, {secret!r}\n"
    head += f"def work(message): open({str(taken)!r}, 'a').write(message['type'] + '\\n')\n"
    script = tmp_path / "receiver.py"
    script.write_text(head + text)
    process = await asyncio.create_subprocess_exec(
        sys.executable, script, stderr=asyncio.subprocess.DEVNULL
    )
    same = {"crm": {"order-1": Waiting(BODY, "order.placed")}}
    sender = Sender(book, shelf)
    try:
        async with httpx.AsyncClient() as client:
            await until(lambda: _answers(client, port), "it listens")
        await sender.step()
        await shelf.queue(same, {"t": "2"}, 0)
        await sender.step()
        assert taken.read_text() == "order.placed\n" and await shelf.waiting("crm") == 0
    finally:
        process.kill()
        await process.wait()
        await sender.close()


async def _answers(client: httpx.AsyncClient, port: int) -> bool:
    try:
        forged = {"webhook-id": "x", "webhook-timestamp": "1", "webhook-signature": "v1,x"}
        answer = await client.post(f"http://127.0.0.1:{port}/", headers=forged, content=b"{}")
    except httpx.TransportError:
        return False
    assert answer.status_code == 401
    return True
