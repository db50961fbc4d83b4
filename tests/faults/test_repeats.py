"""F16, P4, P10: the cases in which a request meets its like, on a real server, judged in the end.

After 5xx or silence the same id is used again, after 4xx it may be; whatever happened before, the
effect is there at most once and a repeat is told what the first was told.
"""

import asyncio
import json
import subprocess
import sys
import time

import pytest

from engine.core.commands import Commit, Count, CountLine, ReceiptLine, Receive, Reserve
from engine.core.commands import ReserveLine as Hold
from tests.faults.contest import order, stocked
from tests.faults.history import History, Mark
from tests.faults.judge import judge
from tests.faults.supervisor import ROOT, Ground, read_log, tail_seq
from tests.faults.wire import call_of
from tests.faults.workload import Client


class Shop:
    """A server with ten units of `hot`, and clients."""

    def __init__(self, ground: Ground) -> None:
        self.ground, self.history = ground, History()
        self.made: list[Client] = []

    async def open(self, *launch: str) -> "Shop":
        """Start the server and stock it."""
        self.ground.front.start(*launch)
        await self.ground.front.ready()
        (client,) = self.clients(1)
        for command in stocked(hot=10):
            assert (await client.insist(command)).outcome == "ok"
        return self

    def clients(self, count: int) -> list[Client]:
        """Return new clients."""
        first = len(self.made)
        fresh = [Client(first + n, self.ground.front, self.history, 1) for n in range(count)]
        self.made += fresh
        return fresh

    async def restart(self, *launch: str) -> None:
        """kill -9, note where the log ends, start again."""
        self.ground.front.kill()
        await asyncio.to_thread(self.ground.server.start)
        seq = await asyncio.to_thread(tail_seq, self.ground.server.url)
        self.history.add(Mark("tail", time.monotonic_ns(), seq))
        self.ground.front.start(*launch)
        await self.ground.front.ready()


@pytest.fixture
async def shop():
    with Ground() as ground:
        found = Shop(ground)
        yield found
        for client in found.made:
            if client.wire:
                client.wire.close()
        await asyncio.to_thread(ground.server.start)
        verdict = judge(found.history, read_log(ground.server.url).entries)
        ground.keep = not verdict.clean
        assert verdict.clean, verdict.explain()


def same(first, again) -> bool:
    """Say whether a repeat was told what the first was told."""
    return again.outcome == "ok" and again.answer == first.answer | {"replayed": True}


async def test_repeat_after_an_answer_and_with_another_body(shop):
    await shop.open()
    one, two = shop.clients(2)
    wishes = [
        order("o1", ("hot", 1)),
        Reserve("v1", "web", 60, (Hold("hot", 1),)),
        Receive("r1", "east", (ReceiptLine("hot", 1),)),
        Count("n1", "east", (CountLine("hot", 12),)),
    ]
    for wish in wishes:
        first = await one.send(wish)
        assert first.outcome == "ok" and first.status == 201
        assert same(first, await one.send(wish)) and same(first, await two.send(wish))
    others = [
        order("o1", ("hot", 2)),
        Reserve("v1", "web", 61, (Hold("hot", 1),)),
        Receive("r1", "east", (ReceiptLine("hot", 2),)),
        Count("n1", "east", (CountLine("hot", 13),)),
    ]
    for wish in others:
        op = await two.send(wish)
        assert (op.status, op.code) == (409, "idempotency_conflict")


async def test_twins_at_the_same_moment(shop):
    await shop.open()
    clients = shop.clients(20)
    ops = await asyncio.gather(*(client.send(order("o1", ("hot", 1))) for client in clients))
    assert {op.outcome for op in ops} == {"ok"}
    assert sum(not op.replayed for op in ops) == 1 and len({op.seq for op in ops}) == 1
    rivals = [order("o2", ("hot", 1 + n % 2)) for n in range(20)]
    ops = await asyncio.gather(
        *(client.send(wish) for client, wish in zip(clients, rivals, strict=True))
    )
    held = {json.dumps(op.body) for op in ops if op.outcome == "ok"}
    assert len(held) == 1 and sum(op.code == "idempotency_conflict" for op in ops) == 10


async def test_twins_in_one_batch(shop):
    await shop.open()
    (client,) = shop.clients(1)
    wish = order("o1", ("hot", 1))
    first, again, other = await client.send_batch([wish, wish, order("o1", ("hot", 2))])
    assert not first.replayed and same(first, again) and other.code == "idempotency_conflict"


async def test_client_that_hangs_up(shop):
    """The request went out and the client did not wait for the answer."""
    await shop.open()
    one, two = shop.clients(2)
    wish = order("o1", ("hot", 1))
    sending = asyncio.create_task(one.send(wish))
    while one.wire is None or one.wire._streams is None:
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    one.wire.close()
    lost = await sending
    assert lost.outcome == "unknown"
    op = await two.insist(wish)
    assert (op.outcome == "ok" and same(op, await one.insist(wish))) or op.replayed


async def test_refused_id_may_be_tried_again(shop):
    await shop.open()
    (client,) = shop.clients(1)
    wish = order("o1", ("hot", 11))
    for key in ("", "k1"):
        assert (await client.send(wish, key)).code == "insufficient_stock"
    await client.send(Receive("r1", "east", (ReceiptLine("hot", 1),)))
    first = await client.send(wish, "k1")
    assert first.outcome == "ok" and not first.replayed
    assert same(first, await client.send(wish, "k1")) and same(first, await client.send(wish))


async def test_repeat_after_a_restart(shop):
    await shop.open()
    (client,) = shop.clients(1)
    made = [
        (order("o1", ("hot", 1)), "k1"),
        (Reserve("v1", "web", 60, (Hold("hot", 1),)), ""),
        (Commit(reservation_id="v1", payment="paid"), "k2"),
        (Receive("r1", "east", (ReceiptLine("hot", 1),)), "k3"),
    ]
    firsts = [await client.send(*wish) for wish in made]
    await shop.restart()
    for wish, first in zip(made, firsts, strict=True):
        assert same(first, await client.insist(*wish)), wish
    assert (await client.send(order("o1", ("hot", 2)))).code == "idempotency_conflict"


@pytest.mark.parametrize("site", ["half_sent", "sent_no_reply", "durable_unreleased"])
async def test_repeat_after_silence(shop, site):
    """The writer dies over the request; the repeat makes the effect, or finds it made."""
    await shop.open()
    await shop.restart("--site", site, "--hit", "2" if "sent" in site else "1")
    (client,) = shop.clients(1)
    wish = order("o1", ("hot", 1))
    lost = await client.send(wish)
    assert lost.outcome == "unknown"
    assert await shop.ground.front.ended(10)
    await shop.restart()
    op = await client.insist(wish)
    # An entry cut in half is not there; one that was sent whole is, or a moment later will be.
    assert op.outcome == "ok" and op.replayed == (site != "half_sent")


async def test_keys_of_two_callers_never_meet(shop):
    """One Idempotency-Key, two API keys: two requests."""
    await shop.open()
    one, two = shop.clients(2)
    words = ["keys", "create", "other", "--scope", "sell", "--data", str(shop.ground.front.folder)]
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "engine.cli", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    token = next(word for word in done.stdout.split() if word.startswith("dibs_"))
    first = await one.send(order("o1", ("hot", 1)), "k1")
    conflict = await one.send(order("o2", ("hot", 1)), "k1")
    assert first.outcome == "ok" and conflict.code == "idempotency_conflict"
    await two.look("hot")
    await asyncio.sleep(1.2)  # a key made by another process counts within about a second
    two.wire.close()
    two.wire.token = token
    op = two._op("PlaceOrder", call_of(order("o2", ("hot", 1)))[2], "k1")
    await two._exchange(op, "POST", "/v1/orders", op.body)
    shop.history.add(op)
    assert op.outcome == "ok" and not op.replayed
