"""Races for stock (F13, F14): many clients, few units, one server, one judge.

last_unit      200 clients, one unit
same_sku       orders that name one SKU on several lines
bundles        bundles that share a component
zipf           a hot SKU and a long tail
deadline       commits around the end of reservations
fenced         the last unit is set aside for one channel; one client in a hundred is of it
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from engine.core.commands import (
    Commit,
    Component,
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
)
from tests.faults.history import History, Op
from tests.faults.judge import judge
from tests.faults.storm import fast_twin, keep
from tests.faults.supervisor import Ground, read_log
from tests.faults.verdict import Verdict
from tests.faults.workload import Client

CLIENTS = 200
NOISE = 400


class Result(msgspec.Struct):
    """What a race gave: units of the contested stock sold, and the judge's word."""

    units: int
    sold: int
    contenders: int
    verdict: Verdict
    artefacts: str = ""

    @property
    def oversold(self) -> int:
        """Units sold that were not there."""
        return max(self.sold - self.units, 0)


class Arena:
    """Clients on one front."""

    def __init__(self, ground: Ground, seed: int, clients: int) -> None:
        self.ground, self.rng = ground, random.Random(seed)
        self.history = History(ground.folder / "history.jsonl")
        self.clients = [Client(n, ground.front, self.history, seed) for n in range(clients)]

    async def make(self, *commands: Any) -> None:
        """Make what the race is about."""
        for command in commands:
            op = await self.clients[0].insist(command)
            assert op.outcome == "ok", op

    async def all_at_once(self, wish: Callable[[Client], Awaitable[Op]]) -> list[Op]:
        """Let every client want something at the same moment.

        All connect first, and the writer is given a large batch, so that what they want piles up
        behind it and is decided together.
        """
        await asyncio.gather(*(client.look("none") for client in self.clients))
        crowd = Client(len(self.clients), self.ground.front, self.history, 0)
        noise = [order(f"noise-{n}", ("noise", 1), when_short="backorder") for n in range(NOISE)]
        stall = asyncio.create_task(crowd.send_batch(noise))
        await asyncio.sleep(0.01)
        ops = await asyncio.gather(*(wish(client) for client in self.clients))
        await stall
        crowd.wire.close()
        return ops


def order(name: str, *lines: tuple[str, int], **more: Any) -> PlaceOrder:
    """Return an order of (SKU, units) lines."""
    made = tuple(OrderLine(*line) for line in lines)
    return PlaceOrder(order_id=name, channel="web", lines=made, **more)


def stocked(**units: int) -> list[Any]:
    """Return a location, the SKUs, and their opening stock."""
    made: list[Any] = [PutLocation("east", "East", "warehouse", "DE")]
    made += [PutSku("noise", "noise", backorderable=True)]
    made += [PutSku(sku, sku) for sku in units]
    lines = tuple(ReceiptLine(sku, quantity) for sku, quantity in units.items())
    return [*made, Receive("opening", "east", lines)]


async def last_unit(arena: Arena) -> tuple[int, int]:
    """One unit, everybody wants it, by order or by reservation."""
    await arena.make(*stocked(hot=1))

    async def want(client: Client) -> Op:
        if client.number % 2:
            return await client.send(order(f"o{client.number}", ("hot", 1)))
        line = ReserveLine("hot", 1)
        return await client.send(Reserve(f"v{client.number}", "web", 60, (line,)))

    won = [op for op in await arena.all_at_once(want) if op.outcome == "ok"]
    return 1, len(won)


async def same_sku(arena: Arena) -> tuple[int, int]:
    """Each order names the SKU on three lines; there is stock for a few whole orders."""
    await arena.make(*stocked(hot=17))

    async def want(client: Client) -> Op:
        return await client.send(order(f"o{client.number}", ("hot", 2), ("hot", 2), ("hot", 1)))

    won = [op for op in await arena.all_at_once(want) if op.outcome == "ok"]
    return 17, 5 * len(won)


async def bundles(arena: Arena) -> tuple[int, int]:
    """Two bundles and a plain line draw on one component."""
    await arena.make(
        *stocked(part=50, other=500),
        PutSku("kit", "kit", components=(Component("part", 2), Component("other", 1))),
        PutSku("big", "big", components=(Component("kit", 1), Component("part", 1))),
    )
    needs = {"part": 1, "kit": 2, "big": 3}

    async def want(client: Client) -> Op:
        skus = [arena.rng.choice(list(needs)) for _ in range(2)]
        return await client.send(order(f"o{client.number}", *((sku, 1) for sku in skus)))

    won = [op for op in await arena.all_at_once(want) if op.outcome == "ok"]
    return 50, sum(needs[line["sku"]] for op in won for line in op.body["lines"])


async def zipf(arena: Arena) -> tuple[int, int]:
    """A hot SKU, a long tail, several orders a client."""
    names = [f"sku-{n}" for n in range(20)]
    weights = [1 / (n + 1) ** 1.2 for n in range(20)]
    await arena.make(*stocked(**dict.fromkeys(names, 12)))
    sold = 0

    async def want(client: Client) -> Op:
        nonlocal sold
        for n in range(3):
            lines = [(arena.rng.choices(names, weights)[0], 1) for _ in range(2)]
            op = await client.send(order(f"o{client.number}-{n}", *lines))
            sold += 2 * (op.outcome == "ok")
        return op

    await arena.all_at_once(want)
    return 12 * len(names), sold


async def deadline(arena: Arena) -> tuple[int, int]:
    """Commit, release and a rival order meet at the end of each reservation."""
    await arena.make(*stocked(hot=40))
    sold = 0

    async def want(client: Client) -> Op:
        nonlocal sold
        name = f"v{client.number}"
        op = await client.send(Reserve(name, "web", 1, (ReserveLine("hot", 1),)))
        if op.outcome == "ok":
            end_s = op.answered_ns / 1e9 + 1 + arena.rng.uniform(-0.01, 0.003)
            await asyncio.sleep(end_s - time.monotonic())
            if arena.rng.random() < 0.15:
                return await client.send(Release(name))
            op = await client.send(Commit(reservation_id=name))
        else:
            await asyncio.sleep(1.0 + arena.rng.random() * 0.2)
            op = await client.send(order(f"o{client.number}", ("hot", 1)))
        sold += op.outcome == "ok"
        return op

    await arena.all_at_once(want)
    return 40, sold


async def fenced(arena: Arena) -> tuple[int, int]:
    """Ten units, of which the last is set aside for the market. A unit that others get of it counts
    as one too many."""
    await arena.make(*stocked(hot=10), PutChannel("market"), PutFence("market", "hot", 1))
    taken = {"web": 0, "market": 0}

    async def want(client: Client) -> Op:
        channel = "web" if client.number % 100 < 99 else "market"
        if client.number % 3:
            wish = order(f"o{client.number}", ("hot", 1))
            op = await client.send(msgspec.structs.replace(wish, channel=channel))
        else:
            op = await client.send(Reserve(f"v{client.number}", channel, 60, (_HOT,)))
        taken[channel] += op.outcome == "ok"
        return op

    await arena.all_at_once(want)
    return 10, sum(taken.values()) + max(taken["web"] - 9, 0)


_HOT = ReserveLine("hot", 1)
RACES = {race.__name__: race for race in (last_unit, same_sku, bundles, zipf, deadline, fenced)}


async def contest(
    name: str, seed: int = 1, *, clients: int = CLIENTS, bug: str = "", ledger: str = "auto"
) -> Result:
    """Run one race on a server of its own and judge it."""
    with Ground() as ground:
        words = ("--bug", bug) if bug else ()
        ground.front.start(*words, ledger="slow" if bug else ledger)
        await ground.front.ready()
        arena = Arena(ground, seed, clients)
        units, sold = await RACES[name](arena)
        for client in arena.clients:
            if client.wire:
                client.wire.close()
        log = await asyncio.to_thread(read_log, ground.server.url)
        arena.history.close()
        verdict = judge(arena.history, log.entries, fast=fast_twin())
        found = Result(units, sold, clients, verdict)
        if not verdict.clean and not bug:
            keep(ground, log, verdict, seed)
            found.artefacts = str(ground.folder)
        return found
