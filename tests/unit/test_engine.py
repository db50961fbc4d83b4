"""The engine on the real bundled server: lead, survive the server's death, resolve doubt, yield.

Proves P3, P8, P10 and P12 in one process; `tests/faults` does so with real ones.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import weakref
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.config import Settings
from engine.core.commands import Request, Reserve, ReserveLine
from engine.core.errors import (
    CorruptLogError,
    FencedError,
    OutcomeUnknownError,
    OverloadedError,
    UnavailableError,
)
from engine.core.outcomes import Accepted, Code
from engine.service.wiring import Wiring
from tests.unit.engines import leading, order, until


@pytest.fixture
async def wiring(tmp_path: Path) -> AsyncIterator[Wiring]:
    parts = Wiring(Settings(tmp_path / "data", ledger="auto"))
    yield parts
    parts.close()


async def test_orders_survive_a_restart(wiring: Wiring) -> None:
    async with leading(wiring) as engine:
        outcomes = await engine.submit_many([order(n) for n in range(150)])
        accepted = [o for o in outcomes if isinstance(o, Accepted)]
        assert len(accepted) == 100
        assert {o.code for o in outcomes if not isinstance(o, Accepted)} == {
            Code.INSUFFICIENT_STOCK
        }
        seq = engine.status().seq
    async with leading(wiring) as engine:
        stock = await engine.stock("MUG")
        assert (stock.on_hand, stock.allocated, stock.available) == (100, 100, 0)
        again = await engine.submit(order(7))
        assert again.replayed and again.seq == accepted[7].seq
        assert engine.status().epoch == 2 and engine.status().seq > seq


async def test_many_orders_of_one_turn_share_a_frame(wiring: Wiring) -> None:
    async with leading(wiring) as engine:
        before = engine.counters()["batches"]
        await engine.submit_many([order(n) for n in range(50)])
        assert engine.counters()["batches"] == before + 1


async def test_the_server_dies_and_comes_back(wiring: Wiring) -> None:
    async with leading(wiring) as engine:
        await engine.submit(order(1))
        os.kill(wiring.server.pid, signal.SIGKILL)
        done, unavailable = 0, 0
        async with asyncio.timeout(20):
            for number in range(2, 40):
                while True:
                    try:
                        outcome = await engine.submit(order(number))
                    except UnavailableError:
                        unavailable += 1
                        await asyncio.sleep(0.02)
                        continue
                    assert isinstance(outcome, Accepted)
                    done += 1
                    break
        assert done == 38 and unavailable
        stock = await engine.stock("MUG")
        assert (
            stock.allocated
            == 39
            == sum([(await engine.order("web", str(n))) is not None for n in range(1, 40)])
        )
        assert engine.status().epoch > 1


async def test_a_log_that_lost_what_was_told_stops_the_engine(wiring: Wiring) -> None:
    """P3: its server comes back empty; going on would sell everything a second time."""
    wiring.store().close()
    engine = wiring.engine()
    task = asyncio.create_task(engine.lead())
    await until(lambda: engine.status().state == "leading")
    await engine.submit(order(1))
    os.kill(wiring.server.pid, signal.SIGKILL)
    shutil.rmtree(wiring.server.folder / "appendonlydir")
    with contextlib.suppress(UnavailableError):
        await engine.submit(order(2))
    with pytest.raises(CorruptLogError, match="was durable"):
        async with asyncio.timeout(20):
            await task
    assert engine.status().state == "stopped"


async def test_ledgers_thrown_away_are_let_go(wiring: Wiring) -> None:
    """A server that comes and goes all day must not fill the memory with old ledgers."""
    async with leading(wiring) as engine:
        old = [weakref.ref(engine._loop)]
        for number in range(6):
            os.kill(wiring.server.pid, signal.SIGKILL)
            with contextlib.suppress(UnavailableError, OutcomeUnknownError):
                await engine.submit(order(number))
            await until(
                lambda: engine._loop is not old[-1]() and engine.status().state == "leading"
            )
            old.append(weakref.ref(engine._loop))
        # The one at work, the one that was there when it was frozen, and one not collected yet.
        assert sum(ref() is not None for ref in old) <= 3


async def test_a_newer_writer_stops_the_older_one(wiring: Wiring) -> None:
    async with leading(wiring) as first:
        newer = wiring.engine()
        task = asyncio.create_task(newer.lead())
        await until(lambda: newer.status().state == "leading")
        await newer.submit(order(2))
        with pytest.raises((UnavailableError, FencedError)):
            await first.stock("MUG")  # it would be old
        with pytest.raises((UnavailableError, FencedError)):
            await first.submit(order(1))
        await until(lambda: first.status().state == "stopped")
        outcome = await newer.submit(order(1))
        assert isinstance(outcome, Accepted)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_reservations_end_by_themselves(wiring: Wiring) -> None:
    async with leading(wiring) as engine:
        lines = (ReserveLine("MUG", 60),)
        await engine.submit(Request(Reserve("cart", "web", 1, lines)))
        assert (await engine.stock("MUG")).reserved == 60

        async def free() -> bool:
            return (await engine.stock("MUG")).reserved == 0

        async with asyncio.timeout(5):
            while not await free():
                await asyncio.sleep(0.05)
        assert (await engine.reservation("cart")).status == "expired"


async def test_reads_that_wait_are_bounded(wiring: Wiring, monkeypatch: pytest.MonkeyPatch) -> None:
    """P9: reads wait for a round of the loop, and only so many of them."""
    async with leading(wiring) as engine:
        monkeypatch.setattr("engine.core.limits.QUEUE_READS_MAX", 3)
        found = await asyncio.gather(
            *(engine.stock("MUG") for _ in range(5)), return_exceptions=True
        )
        assert [isinstance(answer, OverloadedError) for answer in found] == [False] * 3 + [True] * 2
        assert (await engine.stock("MUG")).on_hand == 100


async def test_reads_wait_for_the_frame_that_they_have_seen(wiring: Wiring) -> None:
    async with leading(wiring) as engine:
        sold = engine.submit(order(1, 5))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        stock = await engine.stock("MUG")
        assert stock.allocated == 0 or sold.done()
        assert (await sold).seq >= stock.seq
