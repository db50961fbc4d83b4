"""Seeded clients over HTTP: contested stock, short reservations, repeats, and an honest history.

Each client is one connection and one thing at a time, as a shop's worker would be. After an
unknown outcome it repeats the same request with the same id; after "not looked at" it may. Now and
then it repeats what was answered, or sends the same id with another body.
"""

import asyncio
import random
import time
from collections import deque
from datetime import UTC, datetime
from typing import Any

import msgspec

from engine.core import commands
from engine.core.commands import (
    Cancel,
    CancelLine,
    Commit,
    Component,
    Count,
    CountLine,
    Extend,
    OrderLine,
    PlaceOrder,
    PutChannel,
    PutFence,
    PutLocation,
    PutSku,
    ReceiptLine,
    Receive,
    Release,
    Reserve,
    ReserveLine,
    Ship,
)
from tests.faults import lives, papers
from tests.faults.history import History, Op
from tests.faults.wire import Lost, Unsent, Wire, call_of

LOCATIONS = ("east", "west", "store")
PLAIN = tuple(f"sku-{n}" for n in range(12))
BACKORDERABLE = ("late-0", "late-1")
BUNDLES = {"kit-0": (("sku-0", 1), ("sku-1", 2)), "kit-1": (("sku-0", 2), ("sku-2", 1))}
SKUS = (*PLAIN, *BUNDLES, *BACKORDERABLE)
FENCED = PLAIN[:5:2]
_ZIPF = [1 / (rank + 1) ** 1.1 for rank in range(len(SKUS))]
CHANNELS = ("web", "market")
OTHERS = (lives.COOLED, papers.ROUTED, papers.ROUTED)
_KINDS = {
    "order": 34,
    "reserve": 20,
    "commit": 10,
    "batch": 5,
    "extend": 3,
    "release": 4,
    "cancel": 5,
    "cut": 3,
    "ship": 3,
    "receive": 4,
    "count": 2,
    "fence": 2,
    "again": 5,
    "other body": 2,
    "stock": 8,
    "order read": 5,
}


def catalogue() -> list[commands.Command]:
    """Locations, SKUs, bundles and a little stock."""
    made: list[commands.Command] = [
        PutLocation(name, name.title(), "warehouse", "DE", priority=100 + n)
        for n, name in enumerate(LOCATIONS)
    ]
    made += [PutSku(name, name) for name in PLAIN]
    made += [PutSku(name, name, backorderable=True) for name in BACKORDERABLE]
    for name, parts in BUNDLES.items():
        made.append(PutSku(name, name, components=tuple(Component(*part) for part in parts)))
    made += [PutChannel(name) for name in CHANNELS]
    made += [PutFence("market", sku, 15) for sku in FENCED]
    for n, name in enumerate(LOCATIONS):
        lines = tuple(ReceiptLine(sku, 20) for sku in PLAIN)
        made.append(Receive(f"opening-{n}", name, lines))
    return [*made, *lives.catalogue(LOCATIONS)]


class Client:
    """One connection to a front. `front` has `port` and `token`; its clock goes `rate` times as
    fast as ours."""

    def __init__(self, number: int, front: Any, history: History, seed: int, rate: int = 1) -> None:
        self.number, self.front, self.history, self.rate = number, front, history, rate
        self.rng = random.Random(f"{seed}/{number}")
        self.index = 0
        self.wire: Wire | None = None
        self.reservations: deque[tuple[str, int]] = deque(maxlen=8)
        self.orders: deque[tuple[str, str]] = deque(maxlen=8)
        self.recent: deque[tuple[commands.Command, str]] = deque(maxlen=32)
        self.unknown: dict[str, tuple[commands.Command, str]] = {}
        self.lives = lives.Lives(self.rng, PLAIN, LOCATIONS, datetime.now(UTC).date())
        self.tired = False

    # One exchange.

    async def _exchange(self, op: Op, method: str, path: str, body: Any) -> None:
        if self.wire is None or self.wire.port != self.front.port:
            self.wire = Wire(self.front.port, self.front.token)
        op.front = self.wire.port
        op.sent_us, op.sent_ns = time.time_ns() // 1_000, time.monotonic_ns()
        try:
            op.status, op.answer = await self.wire.ask(method, path, body, op.key)
        except Unsent as error:
            op.outcome, op.error = "unavailable", str(error)
        except Lost as error:
            op.outcome, op.error = "unknown", str(error)
        else:
            op.answered_ns = time.monotonic_ns()
            op.outcome = outcome_of(op)

    def _op(self, name: str, body: dict, key: str = "", final: bool = False) -> Op:
        self.index += 1
        return Op(self.number, self.index, name, body, 0, key=key, final=final)

    async def send(self, command: commands.Command, key: str = "") -> Op:
        """Send one command once."""
        op = self._op(type(command).__name__, msgspec.to_builtins(command), key)
        await self._exchange(op, *call_of(command))
        self._note(op, command)
        return op

    async def send_batch(self, orders: list[PlaceOrder]) -> list[Op]:
        """Send several orders in one call; each is an op of its own."""
        carrier = self._op("batch", {})
        body = {"orders": [msgspec.to_builtins(order) for order in orders]}
        await self._exchange(carrier, "POST", "/v1/orders/batch", body)
        results = carrier.answer.get("results", []) if isinstance(carrier.answer, dict) else []
        ops = []
        for place, order in enumerate(orders):
            op = self._op("PlaceOrder", body["orders"][place])
            op.sent_ns, op.sent_us = carrier.sent_ns, carrier.sent_us
            op.answered_ns, op.error = carrier.answered_ns, carrier.error
            op.front = carrier.front
            op.status, op.answer, op.outcome = carrier.status, carrier.answer, carrier.outcome
            if carrier.status == 200:
                op.answer = results[place]
                op.status = op.answer["status"] if "code" in op.answer else 201
                op.outcome = outcome_of(op)
            self._note(op, order)
            ops.append(op)
        return ops

    async def look(self, sku: str, final: bool = False) -> Op:
        """Read the stock of one SKU."""
        op = self._op("stock", {"sku": sku}, final=final)
        await self._exchange(op, "GET", f"/v1/stock/{sku}", None)
        self.history.add(op)
        return op

    async def look_at_order(self, channel: str, order_id: str, final: bool = False) -> Op:
        """Read one order."""
        op = self._op("order", {"channel": channel, "order_id": order_id}, final=final)
        await self._exchange(op, "GET", f"/v1/orders/{channel}/{order_id}", None)
        self.history.add(op)
        return op

    def _note(self, op: Op, command: commands.Command) -> None:
        self.history.add(op)
        name = f"{op.name}/{op.key}/{op.body}"
        if op.outcome == "unknown":
            self.unknown[name] = (command, op.key)
            return
        if op.outcome == "unavailable":
            return
        self.unknown.pop(name, None)
        self.recent.append((command, op.key))
        if op.outcome == "ok" and isinstance(command, Reserve) and not op.replayed:
            due = op.answered_ns + command.ttl_s * 1_000_000_000 // self.rate
            self.reservations.append((command.reservation_id, due))
        if op.outcome == "ok":
            self.lives.learn(command, op)
        if op.outcome == "ok" and isinstance(command, PlaceOrder):
            self.orders.append((command.channel, command.order_id))

    async def insist(self, command: commands.Command, key: str = "", tries: int = 40) -> Op:
        """Send until the answer is definite, or the tries are used up."""
        for attempt in range(tries):
            op = await self.send(command, key)
            if op.outcome not in ("unknown", "unavailable") or self.tired:
                return op
            if op.outcome == "unavailable" and not self.unknown and self.rng.random() < 0.2:
                return op
            await asyncio.sleep(min(0.02 * 2**attempt, 0.25) * (0.5 + self.rng.random()))
        return op

    # What to do next.

    async def run(self, stop: asyncio.Event, think_s: float) -> None:
        """Work until told to stop."""
        drawn = _KINDS | lives.KINDS
        kinds, weights = list(drawn), list(drawn.values())
        while not stop.is_set():
            due = self._near_deadline()
            if due:
                await self._commit_at(*due)
            else:
                await self._step(self.rng.choices(kinds, weights)[0])
            await asyncio.sleep(self.rng.random() * 2 * think_s)

    async def watch(self, stop: asyncio.Event, think_s: float) -> None:
        """Only look, at what others change."""
        while not stop.is_set():
            op = await self.look(self._sku())
            gone = op.outcome == "unavailable"
            await asyncio.sleep(0.05 if gone else self.rng.random() * 2 * think_s)

    def _near_deadline(self) -> tuple[str, int] | None:
        now = time.monotonic_ns()
        for found in self.reservations:
            if 0 < found[1] - now < 60_000_000:
                self.reservations.remove(found)
                return found
        return None

    async def _commit_at(self, name: str, due_ns: int) -> None:
        """Commit at the deadline, a few milliseconds before or after it."""
        wait_s = (due_ns - time.monotonic_ns()) / 1e9 + self.rng.uniform(-0.008, 0.004)
        await asyncio.sleep(max(wait_s, 0))
        await self.insist(Commit(reservation_id=name))

    async def _step(self, kind: str) -> None:
        match kind:
            case "stock":
                await self.look(self._sku())
            case "order read" if self.orders:
                await self.look_at_order(*self.rng.choice(self.orders))
            case "batch":
                await self.send_batch([self._order() for _ in range(self.rng.randint(2, 8))])
                for command, key in list(self.unknown.values()):
                    await self.insist(command, key)
            case "again" if self.recent:
                await self.insist(*self.rng.choice(self.recent))
            case "other body" if self.recent:
                command, key = self.rng.choice(self.recent)
                await self.insist(self._twist(command), key)
            case _:
                await self.insist(*self._command(kind))

    def _twist(self, command: commands.Command) -> commands.Command:
        if not isinstance(command, (PlaceOrder, Reserve)):
            return command
        first, *rest = command.lines
        more = msgspec.structs.replace(first, quantity=first.quantity + 1)
        return msgspec.structs.replace(command, lines=(more, *rest))

    def _command(self, kind: str) -> tuple[commands.Command, str]:
        rng, name = self.rng, f"{self.number}-{self.index}"
        reservation = rng.choice(self.reservations)[0] if self.reservations else "none"
        order = rng.choice(self.orders) if self.orders else ("web", "none")
        match kind:
            case "reserve":
                lines = tuple(ReserveLine(self._sku(), self._few()) for _ in range(self._lines()))
                return Reserve(f"v{name}", rng.choice(CHANNELS), self._ttl_s(), lines), ""
            case "commit":
                return Commit(reservation_id=reservation, payment="paid"), ""
            case "extend":
                return Extend(reservation, self._ttl_s()), f"x{name}"
            case "release":
                return Release(reservation), ""
            case "cancel":
                return Cancel(*order), ""
            case "cut":
                return Cancel(*order, (CancelLine(self._sku(), 1),)), f"c{name}"
            case "ship":
                return Ship(*order, f"s{name}"), ""
            case "receive":
                lines = (ReceiptLine(rng.choice(PLAIN), rng.randint(1, 12)),)
                return Receive(f"r{name}", rng.choice(LOCATIONS), lines), ""
            case "count":
                lines = (CountLine(rng.choice(PLAIN[6:]), rng.randint(0, 30)),)
                return Count(f"n{name}", rng.choice(LOCATIONS), lines), ""
            case "fence":
                place = rng.choice((None, rng.choice(LOCATIONS)))
                sku, units = rng.choice(FENCED), rng.choice((0, 3, 15, 60))
                wish = PutFence(rng.choice(CHANNELS), sku, units, place)
                return msgspec.structs.replace(wish, fall_back=rng.random() < 0.8), ""
        drawn = self.lives.draw(kind, name, self.orders) or self._order()
        return drawn, f"k{name}" if rng.random() < 0.2 else ""

    def _order(self) -> PlaceOrder:
        rng = self.rng
        lines = tuple(OrderLine(self._sku(), self._few()) for _ in range(self._lines()))
        self.index += 1
        made = PlaceOrder(
            order_id=f"o{self.number}-{self.index}",
            channel=rng.choice((*CHANNELS, *CHANNELS, *CHANNELS, *OTHERS)),
            lines=lines,
            required_by=lives.due(rng),
            when_short=rng.choices(["refuse", "backorder", "split", "complete"], [6, 1, 2, 1])[0],
        )
        return self.lives.dressed(made)

    def _ttl_s(self) -> int:
        return self.rng.randint(1, 2) * self.rate

    def _sku(self) -> str:
        return self.rng.choices(SKUS, _ZIPF)[0]

    def _few(self) -> int:
        return self.rng.choices([1, 2, 5], [8, 3, 1])[0]

    def _lines(self) -> int:
        return self.rng.choices([1, 2, 3], [5, 3, 1])[0]


def outcome_of(op: Op) -> str:
    """Classify an answer."""
    if op.is_read:
        return "ok" if op.status in (200, 404) else "unavailable" if op.status < 600 else "unknown"
    if op.status < 300:
        return "ok"
    if op.code == "outcome_unknown" or op.status == 500:
        return "unknown"
    if op.status in (429, 503):
        return "unavailable"
    return "refused" if "seq" in op.answer else "invalid"


class Workload:
    """Many clients on one front."""

    def __init__(
        self,
        front: Any,
        history: History,
        seed: int,
        clients: int = 12,
        watchers: int = 0,
        rate: int = 1,
    ) -> None:
        self.history = history
        made = [Client(n, front, history, seed, rate) for n in range(clients + watchers)]
        self.clients, self.watchers = made[:clients], made[clients:]
        self._stop = asyncio.Event()
        self._tasks: list[asyncio.Task] = []

    async def prepare(self) -> None:
        """Make the catalogue and the opening stock."""
        for command in catalogue():
            op = await self.clients[0].insist(command)
            if op.outcome != "ok":
                raise RuntimeError(f"setting up fails: {op}")

    def start(self, think_s: float = 0.01) -> None:
        """Let the clients work."""
        self._stop.clear()
        self._tasks = [
            asyncio.create_task(client.run(self._stop, think_s)) for client in self.clients
        ] + [asyncio.create_task(client.watch(self._stop, think_s)) for client in self.watchers]

    async def stop(self) -> None:
        """Let each client finish what it is doing; raise what went wrong in one."""
        self._stop.set()
        for result in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(result, BaseException):
                raise result
        self._tasks = []

    async def abandon(self) -> None:
        """Let each client finish its present call and repeat nothing; the front may be gone."""
        for client in self.clients:
            client.tired = True
        await self.stop()

    async def settle(self) -> int:
        """Repeat every request whose outcome is unknown until it is known; return how many are
        left without an answer."""
        for client in self.clients:
            for command, key in list(client.unknown.values()):
                await client.insist(command, key)
        return sum(len(client.unknown) for client in self.clients)

    async def look_at_everything(self) -> None:
        """Read all stock and a sample of the orders, marked as final."""
        client = self.clients[0]
        for sku in SKUS:
            await client.look(sku, final=True)
        for other in self.clients:
            for channel, order_id in other.orders:
                await client.look_at_order(channel, order_id, final=True)

    def close(self) -> None:
        """Drop all connections."""
        for client in (*self.clients, *self.watchers):
            if client.wire:
                client.wire.close()
