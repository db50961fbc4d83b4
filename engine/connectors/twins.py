"""What the twins of all channels are made of: faults, pushes, and a meter that counts every call.

A twin is a local server that speaks a channel's contract and has its bad days: pushes that are
dropped, doubled, late and out of order; answers of 429 and 500; a quota that is kept to the letter.
It remembers everything that was done to it, which is what a test then looks at.
"""

import asyncio
import contextlib
import random
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from typing import Any

import httpx
import msgspec
import uvicorn
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send

from engine.connectors.base import Account
from engine.connectors.penalties import Penalties
from engine.connectors.quotas import Limit, Quotas, quotas_of


class Faults(msgspec.Struct):
    """Shares, from 0 to 1, of pushes that are dropped, doubled or forged; the longest delay of a
    push in seconds; shares of calls answered 429 and 500 for no reason, and 500 although the call
    had its effect."""

    dropped: float = 0.0
    doubled: float = 0.0
    forged: float = 0.0
    late_s: float = 0.0
    refused: float = 0.0
    broken: float = 0.0
    broken_after: float = 0.0


class Meter:
    """Keeps a quota as the channel does, and counts: `calls` by operation, `over` those that came
    although the quota was used up."""

    def __init__(self, quotas: Quotas, now_s: Callable[[], float] = time.monotonic) -> None:
        self._quotas, self._now_s = quotas, now_s
        self._levels: dict[str, tuple[float, float]] = {}
        self._past: dict[str, deque[float]] = {}
        self.calls: Counter[str] = Counter()
        self.over: Counter[str] = Counter()

    def take(self, operation: str, units: int = 1) -> bool:
        """Count a call of so many units; return whether the quota allows it."""
        self.calls[operation] += 1
        now_s, found = self._now_s(), self._quotas.of(operation)
        allowed = True
        for name, limit in found:
            allowed &= self._look(name, limit, now_s, units)
        if allowed:
            for name, limit in found:
                self._note(name, limit, now_s, units)
        else:
            self.over[operation] += 1
        return allowed

    def give_back(self, operation: str, units: int) -> None:
        """Have units of a call that was allowed count as not used."""
        for name, limit in self._quotas.of(operation):
            self._note(name, limit, self._now_s(), -units)

    def left(self, operation: str) -> float:
        """Return how many units the buckets of an operation hold."""
        now_s, found = self._now_s(), self._quotas.of(operation)
        for name, limit in found:
            self._look(name, limit, now_s, 0)
        return min(self._levels[name][0] for name, _ in found if name in self._levels)

    def _look(self, name: str, limit: Limit, now_s: float, units: int) -> bool:
        if limit.calls:
            past = self._past.setdefault(name, deque())
            while past and past[0] <= now_s - limit.window_s:
                past.popleft()
            return len(past) + units <= limit.calls
        most = max(limit.burst, 1)
        level, at_s = self._levels.get(name, (float(most), now_s))
        level = min(level + (now_s - at_s) * limit.per_s, most)
        self._levels[name] = (level, now_s)
        return level >= units

    def _note(self, name: str, limit: Limit, now_s: float, units: int) -> None:
        if limit.calls:
            self._past[name].extend([now_s] * units)
        else:
            level, at_s = self._levels[name]
            self._levels[name] = (level - units, at_s)


class Pushes:
    """Sends pushes, well or badly. `answered` is told (key, status) of each; 0: no answer.
    `answer_s` are the seconds that each answer took."""

    def __init__(
        self, faults: Faults, seed: int, answered: Callable[[Any, int], None] = lambda *_: None
    ) -> None:
        self.faults, self._random, self._answered = faults, random.Random(seed), answered
        # A push that waits here for a connection is not sent yet, however many there are.
        self._client = httpx.AsyncClient(timeout=httpx.Timeout(10.0, pool=None))
        self._tasks: set[asyncio.Task] = set()
        self.counts: Counter[str] = Counter()
        self.answer_s: list[float] = []

    @property
    def under_way(self) -> int:
        """How many are not answered yet."""
        return len(self._tasks)

    def send(
        self,
        key: Any,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        forge: Callable[[], tuple[Mapping[str, str], bytes]] | None = None,
    ) -> None:
        """Push, perhaps: never, twice, later; and perhaps a forged one beside it."""
        chance, faults = self._random.random, self.faults
        self.counts["meant"] += 1
        if chance() < faults.dropped:
            self.counts["dropped"] += 1
        else:
            self._later(key, url, headers, body)
            if chance() < faults.doubled:
                self.counts["doubled"] += 1
                self._later(key, url, headers, body)
        if forge and chance() < faults.forged:
            self.counts["forged"] += 1
            self._later(("forged", key), url, *forge())

    def _later(self, key: Any, url: str, headers: Mapping[str, str], body: bytes) -> None:
        delay_s = self._random.random() * self.faults.late_s
        task = asyncio.ensure_future(self._push(key, url, headers, body, delay_s))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _push(self, key: Any, url: str, headers: Any, body: bytes, delay_s: float) -> None:
        await asyncio.sleep(delay_s)
        since_s = time.monotonic()
        try:
            answer = await self._client.post(url, headers=headers, content=body)
            status = answer.status_code
            self.answer_s.append(time.monotonic() - since_s)
        except httpx.TransportError:
            status = 0
        self.counts[f"answered {status}"] += 1
        self._answered(key, status)

    async def drain(self) -> None:
        """Wait until all that is on its way has arrived."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def close(self) -> None:
        """Stop sending."""
        for task in list(self._tasks):
            task.cancel()
        await self._client.aclose()


class Twin:
    """What a test, or a person who tries things out, does with a twin of any channel. Orders and
    listings go by the names that the channel gives them, which are those in `ForeignOrder`.

    A channel's twin fills in what is not implemented here, keeps its documents as the channel shows
    them, calls `self.pushes.send` when an order changes, and sets `self.app`.
    """

    connector: str
    """Name of the connector."""
    signs = True
    """Whether pushes prove who sent them: by a signature, or by a secret that they carry."""
    pushes_orders = True
    """Whether orders are pushed at all."""
    can_cancel = True
    """Whether the channel lets a seller cancel an order by its API."""

    reduces = True
    """Whether fewer units of a line may become wanted, before it has left."""
    refunds_before_parcel = True
    """Whether the channel pays back what has not left yet."""

    ship_by_s = 172_800.0
    """Seconds after its payment at which an order is due, where the channel says so."""

    pace = 1.0
    """How much more than the least the account may do, as its option `pace` says."""

    app: ASGIApp

    def __init__(self, faults: Faults | None = None, seed: int = 1) -> None:
        self.faults, self.seed = faults or Faults(), seed
        self.meter = Meter(quotas_of(self.connector).times(self.pace))
        self.pushes = Pushes(self.faults, seed, self.answered)
        self.penalties = Penalties()

    def answered(self, key: Any, status: int) -> None:
        """Note what became of a push."""

    def account(self, url: str) -> Account:
        """Return the account with which the twin at `url` may be called."""
        raise NotImplementedError

    def hook(self, url: str) -> None:
        """Have changes pushed to this address."""
        raise NotImplementedError

    # Listings.

    def listings(self) -> dict[str, str]:
        """Return the SKU, as the seller named it, of each listing."""
        raise NotImplementedError

    def items(self) -> dict[str, dict[str, str]]:
        """Return what it takes to find each listing, where its name is not enough."""
        return {name: {} for name in self.listings()}

    def shown(self, listing: str) -> int:
        """Return the quantity that shoppers see."""
        raise NotImplementedError

    def meddle(self, listing: str, quantity: int) -> None:
        """Change what is shown behind our back."""
        raise NotImplementedError

    # Orders.

    def buy(self, listing: str, quantity: int = 1, *, paid: bool = True) -> str | None:
        """Have a shopper buy what is shown; return the order, or None if too little is shown."""
        raise NotImplementedError

    def pay(self, order: str) -> None:
        """The payment of an unpaid order arrives."""
        raise NotImplementedError

    def cancel(self, order: str) -> None:
        """The shopper cancels an order."""
        raise NotImplementedError

    def reduce(self, order: str, quantity: int = 1) -> None:
        """Units of the order's first line are no longer wanted, before it has left."""
        raise NotImplementedError

    def orders(self) -> dict[str, str]:
        """Return each order's standing: unpaid, open, cancelled or fulfilled."""
        raise NotImplementedError

    def parcels(self, order: str) -> list[str]:
        """Return the tracking number of each parcel that was told of an order."""
        raise NotImplementedError

    def refunds(self, order: str) -> list[int]:
        """Return the minor units of each refund that we asked for."""
        raise NotImplementedError

    def collect(self) -> None:
        """Carriers come for what is to leave. Few channels hear of it."""


class Mischief:
    """ASGI middleware: meters each call, and answers some as on a bad day. `operation` names what a
    call is, None for what is not metered."""

    def __init__(
        self,
        app: ASGIApp,
        meter: Meter,
        faults: Faults,
        seed: int,
        operation: Callable[[Scope], str | None],
    ) -> None:
        self._app, self.meter, self.faults = app, meter, faults
        self._random, self._operation = random.Random(seed), operation

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a call, or refuse it."""
        name = self._operation(scope) if scope["type"] == "http" else None
        if name is None:
            return await self._app(scope, receive, send)
        chance = self._random.random()
        if not self.meter.take(name) or chance < self.faults.refused:
            return await _plain(send, 429, [(b"retry-after", b"1")])
        chance -= self.faults.refused
        if chance < self.faults.broken:
            return await _plain(send, 500)
        if chance - self.faults.broken < self.faults.broken_after:

            async def swallow(message: Any) -> None:
                """Drop the answer."""

            await self._app(scope, receive, swallow)
            return await _plain(send, 500)
        return await self._app(scope, receive, send)


async def _plain(send: Send, status: int, headers: list[tuple[bytes, bytes]] | None = None) -> None:
    start = {"type": "http.response.start", "status": status, "headers": headers or []}
    await send(start)
    await send({"type": "http.response.body", "body": b'{"message": "not now"}'})


@contextlib.asynccontextmanager
async def serving(app: ASGIApp, port: int = 0):
    """Serve an application on loopback while the block runs; gives its address. Of a caller that
    goes in the middle of its call, nothing is said."""

    async def served(scope: Scope, receive: Receive, send: Send) -> None:
        with contextlib.suppress(ClientDisconnect):
            await app(scope, receive, send)

    config = uvicorn.Config(served, "127.0.0.1", port, log_level="warning", lifespan="off")
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None
    task = asyncio.create_task(server.serve())
    while not server.started:
        if task.done():
            task.result()
        await asyncio.sleep(0.01)
    try:
        host, port = server.servers[0].sockets[0].getsockname()[:2]
        yield f"http://{host}:{port}"
    finally:
        server.should_exit = True
        await task
