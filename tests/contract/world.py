"""The front over a real slow ledger, with a small catalogue and a key for every scope."""

import atexit
import contextlib
import functools
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx

from api.app import App, create_app
from api.endpoint import Endpoint, Settings
from api.table import ENDPOINTS
from engine.service.keys import SCOPES, KeyBook
from engine.service.people.book import People
from engine.service.people.first import FirstAdmin
from engine.service.people.passwords import Hasher
from engine.sync.accounts import Accounts, Watch
from engine.sync.connections import Connections
from engine.sync.store import SyncStore
from engine.sync.webhooks.book import Book
from engine.sync.webhooks.shelf import Try, Waiting
from engine.views.home import SqliteHome
from engine.views.reader import ViewsReader
from tests.contract.inprocess import InProcessClient


@functools.cache
def empty_views() -> ViewsReader:
    """Views of nothing, shared by all worlds: what they say of something has tests of its own."""
    folder = tempfile.mkdtemp(prefix="dibs-views-")
    atexit.register(shutil.rmtree, folder)
    home = SqliteHome(Path(folder))
    home.swap(home.new())
    return ViewsReader(home)


def nowhere() -> Connections:
    """No account is connected; what is told of those that are has tests with a real server."""
    return Connections(Watch(Accounts(Path("/nowhere"))), SyncStore("unix:///nowhere"))


@functools.cache
def cheap_hasher() -> Hasher:
    """Real hashes, of the least cost: worlds are many."""
    return Hasher(memory_kib=8, passes=1)


PASSWORD = "nine green bottles on a wall"
BY_NAME = {endpoint.name: endpoint for endpoint in ENDPOINTS}
PROBLEM = "application/problem+json"


class DictStore:
    """A `KeyStore` in memory."""

    def __init__(self) -> None:
        self.hashes: dict[str, dict[str, bytes]] = {}
        self.records: list[tuple[str, bytes]] = []

    def hash_all(self, name: str) -> dict[str, bytes]:
        """Return all fields of a hash."""
        return dict(self.hashes.get(name, {}))

    def hash_put(self, name: str, field: str, value: bytes) -> None:
        """Set one field."""
        self.hashes.setdefault(name, {})[field] = value

    def hash_delete(self, name: str, field: str) -> None:
        """Remove one field."""
        self.hashes.get(name, {}).pop(field, None)

    def change(self, name: str, field: str, value: bytes | None, done: bytes) -> None:
        """Set or remove one field, and record what was done."""
        if value is None:
            self.hash_delete(name, field)
        else:
            self.hash_put(name, field, value)
        self.records.append((f"{len(self.records) + 1}-0", done))

    def done(self, before: str, count: int) -> list[tuple[str, bytes]]:
        """Return what was recorded before a position, newest first."""
        end = int(before.split("-")[0]) - 1 if before else len(self.records)
        return self.records[max(0, end - count) : end][::-1]


class DictShelf:
    """Webhooks in a dictionary, each with one try to look at: of a message that waits."""

    def __init__(self) -> None:
        self.rows: dict[str, bytes] = {}
        self.queued: dict[str, Waiting] = {}

    async def webhooks(self) -> dict[str, bytes]:
        """Return all webhooks by name."""
        return dict(self.rows)

    async def webhook(self, name: str) -> bytes | None:
        """Return one."""
        return self.rows.get(name)

    async def put(self, name: str, document: bytes) -> None:
        """Keep a webhook."""
        self.rows[name] = document

    async def drop(self, name: str) -> None:
        """Forget a webhook."""
        self.rows.pop(name, None)

    async def stopped(self) -> dict[str, str]:
        """None was."""
        return {}

    async def tries(self, name: str, before: str, count: int) -> list[tuple[str, Try]]:
        """Return one try of each webhook."""
        told = Try(
            message="order-41",
            kind="order.placed",
            at_ms=1_795_000_000_000,
            attempt=1,
            status=503,
            took_ms=120,
            problem="answered 503",
            next_ms=1_795_000_005_000,
        )
        return [] if before else [("1795000000000-0", told)]

    async def waiting(self, name: str) -> int:
        """Nothing waits."""
        return 0

    async def add(self, name: str, message: str, row: Waiting, now_ms: int) -> None:
        """Queue one message."""
        self.queued[message] = row

    async def hurry(self, name: str, message: str, now_ms: int) -> bool:
        """Say whether it is the message that waits."""
        return message == "order-41"


class World:
    """`call` asks the application as a caller with one scope would, `admin` unless said."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.client, self.store = InProcessClient(), DictStore()
        self.book = KeyBook(self.store, b"s" * 32)
        self.people = People(self.store, b"s" * 32, hasher=cheap_hasher())
        self.first = FirstAdmin(self.people, BY_NAME["make_first_admin"].example["code"])
        self.tokens = {scope: self.book.create(scope, [scope])[1] for scope in SCOPES}
        self.webhooks = Book(DictShelf(), b"s" * 32)
        self.app: App = create_app(
            self.client,
            self.book,
            settings,
            empty_views(),
            self.people,
            self.first,
            self.webhooks,
            nowhere(),
        )
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        self.http = httpx.AsyncClient(transport=transport, base_url="http://dibs")

    async def call(
        self, method: str, path: str, *, scope: str = "admin", headers: dict | None = None, **more
    ) -> httpx.Response:
        """Send one request."""
        headers = {"authorization": f"Bearer {self.tokens[scope]}"} | (headers or {})
        return await self.http.request(method, path, headers=headers, **more)

    async def good(self, method: str, path: str, body: Any = None) -> dict:
        """Send one request that must succeed; return the answer."""
        response = await self.call(method, path, json=body)
        assert response.status_code < 300, response.text
        return response.json()

    def digest(self) -> str:
        """The digest of the ledger, and who was changed how often: equal means that nothing
        changed."""
        kept = sorted(self.webhooks.shelf.rows.items())
        return f"{self.client.ledger.digest()} {len(self.store.records)} {kept}"

    def sign_in(self, user: str, role: str) -> dict[str, str]:
        """Make a user with a password of its own and sign in; return the header that says so."""
        _, first = self.people.put(user, role, "test")
        signed, _ = self.people.sign_in(user, first, "", "")
        signed, token = self.people.change_password(signed, first, PASSWORD)
        return {"cookie": f"__Host-dibs={token}"}

    async def stocked(self, sku: str) -> dict:
        """Stock of one SKU, totals only."""
        stock = await self.good("GET", f"/v1/stock/{sku}")
        return {k: v for k, v in stock.items() if k not in ("sku", "seq", "locations")}


async def furnish(world: World) -> None:
    """Two locations, two stocked SKUs, a bundle, one order and one reservation.

    The ids are those of the examples in the OpenAPI document.
    """
    for place, country in (("berlin", "DE"), ("hamburg", "DE")):
        put = {"name": place.title(), "kind": "warehouse", "country": country}
        await world.good("PUT", f"/v1/locations/{place}", put)
    for sku in ("TEA-1", "MUG-1"):
        await world.good("PUT", f"/v1/skus/{sku}", {"title": sku})
    parts = [{"sku": "TEA-1", "quantity": 2}, {"sku": "MUG-1", "quantity": 1}]
    await world.good("PUT", "/v1/channels/web", {"cap": 1_000})
    await world.good("PUT", "/v1/skus/SET-1", {"title": "Set", "components": parts})
    lines = [{"sku": "TEA-1", "quantity": 40}, {"sku": "MUG-1", "quantity": 10}]
    receipt = {"receipt_id": "opening", "location": "berlin", "lines": lines}
    await world.good("POST", "/v1/stock/receipts", receipt)


async def promise(world: World) -> None:
    """The order and the reservation that the examples' paths name."""
    line = [{"sku": "TEA-1", "quantity": 3}]
    await world.good("PUT", "/v1/channels/market/validation", {"rules": []})
    await world.good("PUT", "/v1/webhooks/crm", BY_NAME["put_webhook"].example)
    coming = {"location": "berlin", "expected_at": "2026-12-01T08:00:00Z", "lines": line}
    await world.good("PUT", "/v1/purchase-orders/PO-17", coming)
    await world.good("POST", "/v1/orders", {"order_id": "1001", "channel": "web", "lines": line})
    await world.good("PUT", "/v1/routing/policies/main", BY_NAME["put_routing_policy"].example)
    cart = {"reservation_id": "cart-1", "channel": "web", "ttl_s": 600, "lines": line}
    await world.good("POST", "/v1/reservations", cart)


RETURN = "/v1/orders/web/1001/returns"
TWO_TEA = [{"sku": "TEA-1", "quantity": 2}]


async def bring_back(world: World, received: bool = False) -> None:
    """The return that the examples' paths name: two of the three units of the order, which has
    left, and perhaps they have arrived."""
    await world.good("POST", "/v1/orders/web/1001/shipments", {"shipment_id": "parcel-1"})
    body = {"return_id": "rma-1", "reason": "too small", "lines": TWO_TEA, "approved": True}
    await world.good("POST", RETURN, body)
    if received:
        body = {"receipt_id": "parcel-8", "location": "berlin", "lines": TWO_TEA}
        await world.good("POST", f"{RETURN}/rma-1/receipts", body)


@contextlib.asynccontextmanager
async def furnished(settings: Settings | None = None) -> AsyncIterator[World]:
    """A furnished world."""
    world = World(settings)
    async with world.http:
        await furnish(world)
        yield world


def url_of(endpoint: Endpoint, **named: str) -> str:
    """The endpoint's path with its parameters' examples, or `named` ones, already encoded."""
    path = endpoint.path
    for param in endpoint.params:
        path = path.replace("{" + param.name + "}", named.get(param.name, param.example))
    return path


def problem_of(response: httpx.Response) -> dict:
    """The problem document of a refusal; checks that it is one."""
    assert response.headers["content-type"] == PROBLEM, response.text
    document = response.json()
    assert {"type", "title", "status", "code", "detail"} <= set(document)
    assert document["status"] == response.status_code < 500, response.text
    assert document["type"].endswith(document["code"]) and document["detail"]
    return document


# Bodies.


def quantities(on_hand=40, reserved=0, allocated=0, unavailable=0) -> dict:
    """The buckets of a position; by default TEA-1 as furnished."""
    available = on_hand - reserved - allocated - unavailable
    return {
        "on_hand": on_hand,
        "reserved": reserved,
        "allocated": allocated,
        "unavailable": unavailable,
        "available": available,
    }


def order(order_id="7", quantity=4, **more) -> dict:
    """An order of some TEA-1."""
    return {
        "order_id": order_id,
        "channel": "web",
        "lines": [{"sku": "TEA-1", "quantity": quantity}],
        **more,
    }


def cart(name="cart-7", quantity=4) -> dict:
    """A reservation of some TEA-1."""
    lines = [{"sku": "TEA-1", "quantity": quantity}]
    return {"reservation_id": name, "channel": "web", "ttl_s": 60, "lines": lines}
