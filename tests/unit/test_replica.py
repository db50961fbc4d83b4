"""The worker's replica beside a real engine: stream, archive, snapshots, trimming, resuming.

Proves P7 (snapshot and tail equal replay), P8 and P11 (the stream shows what is durable, in order,
each id once).
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.config import Settings, ledger_class
from engine.core import limits
from engine.core.commands import (
    Cancel,
    ReceiptLine,
    Receive,
    Request,
    Reserve,
    ReserveLine,
)
from engine.core.errors import GapError, LogError, UnavailableError
from engine.log.archive import Archive
from engine.log.frame import Link
from engine.log.history import read_history
from engine.service.changes import Changes
from engine.service.replica import Replica
from engine.service.wiring import Wiring
from tests.unit.engines import leading, order, until


@pytest.fixture
async def wiring(tmp_path: Path) -> AsyncIterator[Wiring]:
    parts = Wiring(Settings(tmp_path / "data", ledger="auto"))
    yield parts
    parts.close()


def caught_up(replica: Replica, seq: int) -> None:
    """Let the replica follow to `seq`."""
    if replica._store is None:
        replica._open()
    while replica.link.seq < seq:
        replica.step(block_ms=50)


async def follow(wiring: Wiring, replica: Replica, seq: int) -> None:
    await asyncio.to_thread(caught_up, replica, seq)


async def test_the_stream_shows_each_changed_position_as_it_is(wiring: Wiring) -> None:
    replica = wiring.replica()
    async with leading(wiring) as engine:
        await engine.submit(order(1, 2))
        await engine.submit(Request(Reserve("cart", "web", 60, (ReserveLine("MUG", 3),))))
        await engine.submit(Request(Cancel("web", "1")))
        await follow(wiring, replica, engine.status().seq)
        rows = wiring.store("reader").stock_read("0-0", 100)
        seen = [
            (f["reason"], f["on_hand"], f["reserved"], f["allocated"], f["available"])
            for _, f in rows
        ]
        assert seen == [
            ("stock", "100", "0", "0", "100"),
            ("order", "100", "0", "2", "98"),
            ("reservation", "100", "3", "2", "95"),
            ("cancellation", "100", "3", "0", "97"),
        ]
        assert [int(i.split("-")[0]) for i, _ in rows] == sorted(
            int(i.split("-")[0]) for i, _ in rows
        )
        assert int(rows[-1][0].split("-")[0]) == engine.status().seq


async def test_several_changes_of_one_batch_are_one_entry(wiring: Wiring) -> None:
    replica = wiring.replica()
    async with leading(wiring) as engine:
        await engine.submit_many([order(n) for n in range(20)])
        await follow(wiring, replica, engine.status().seq)
        rows = wiring.store("reader").stock_read("0-0", 100)
        assert [f["available"] for _, f in rows] == ["100", "80"]


async def test_a_worker_that_starts_again_repeats_nothing(wiring: Wiring) -> None:
    async with leading(wiring) as engine:
        for number in range(5):
            await engine.submit(order(number))
        first = wiring.replica()
        await follow(wiring, first, engine.status().seq)
        before = wiring.store("reader").stock_read("0-0", 100)
        again = wiring.replica()  # no snapshot: from the start, as after kill -9
        await engine.submit(order(9))
        await follow(wiring, again, engine.status().seq)
        after = wiring.store("reader").stock_read("0-0", 100)
        assert after[: len(before)] == before and len(after) == len(before) + 1


async def test_snapshot_trim_and_recovery_keep_the_whole_history(wiring: Wiring) -> None:
    replica = wiring.replica()
    async with leading(wiring) as engine:
        for number in range(30):
            await engine.submit(order(number))
        await follow(wiring, replica, engine.status().seq)
        store = wiring.store("reader")
        entries = store.length()
        await asyncio.to_thread(replica.snapshot_now)
        assert store.length() < entries
        await engine.submit(order(100))
        await follow(wiring, replica, engine.status().seq)
        digest = engine._loop.ledger.digest()
        assert replica._ledger.digest() == digest
    archive = Archive(wiring.settings.data / "archive")
    whole = ledger_class("auto")()
    for frame in read_history(archive, wiring.store("reader"), Link()):
        whole.apply(frame.stamp_us, frame.first_seq, frame.body)
    assert whole.digest() == digest
    async with leading(wiring) as engine:
        counters = engine.counters()
        assert counters["recovery_snapshot_seq"] > 30
        assert counters["recovery_replayed_events"] == 1
        assert (await engine.order("web", "100")).status == "allocated"
        assert (await engine.submit(order(5))).replayed


async def test_followers_resume_without_gap_or_repeat(wiring: Wiring) -> None:
    replica = wiring.replica()
    nothing = frozenset()
    async with leading(wiring) as engine:
        task = asyncio.create_task(asyncio.to_thread(replica.run, lambda: done))
        done = False
        try:
            for number in range(10):
                await engine.submit(order(number))
            first = [c async for c in take(engine.changes("0", nothing, nothing), 5)]
            rest = engine.changes(first[-1].id, nothing, nothing)
            for number in range(10, 15):
                await engine.submit(order(number))
            second = [c async for c in take(rest, 11)]
            ids = [c.id for c in first + second]
            assert len(set(ids)) == len(ids) == 16
            assert [c.available for c in first + second] == list(range(100, 84, -1))
            other = engine.changes("0", frozenset({"HAT"}), nothing)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.3):
                    await anext(other)
        finally:
            done = True
            await task


async def test_a_position_that_is_gone_is_a_gap_said_aloud(
    wiring: Wiring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.core.limits.STOCK_STREAM_ENTRIES_MAX", 50)
    replica = wiring.replica()
    async with leading(wiring) as engine:
        for number in range(99):
            await engine.submit(order(number))
            if number % 10 == 0:
                await follow(wiring, replica, engine.status().seq)
        for number in range(400):
            await engine.submit(Request(Reserve(f"c{number}", "web", 60, (ReserveLine("MUG", 1),))))
            await engine.submit(Request(Cancel("web", str(number % 99))))
        await follow(wiring, replica, engine.status().seq)
        with pytest.raises(GapError) as caught:
            await anext(engine.changes("1", frozenset(), frozenset()))
        assert int(caught.value.oldest.split("-")[0]) > 1


async def test_the_stream_is_read_only_while_somebody_follows(wiring: Wiring) -> None:
    replica, nothing = wiring.replica(), frozenset()
    async with leading(wiring) as engine:
        for number in range(3):
            await engine.submit(order(number))
            await follow(wiring, replica, engine.status().seq)
            assert engine._changes._stream is None
            changes = engine.changes("0", nothing, nothing)
            seen = [c.available async for c in take(changes, number + 2)]
            assert seen == list(range(100, 98 - number, -1))
            assert engine._changes._stream is not None and len(engine._changes) == 1
            await changes.aclose()
            await until(lambda: engine._changes._stream is None)
            assert not len(engine._changes)


async def test_whoever_comes_after_a_quiet_time_begins_with_now(wiring: Wiring) -> None:
    replica, nothing = wiring.replica(), frozenset()
    async with leading(wiring) as engine:
        await engine.submit(order(1))
        await follow(wiring, replica, engine.status().seq)
        changes = engine.changes(None, nothing, nothing)
        first = asyncio.create_task(anext(changes))
        await until(lambda: engine._changes._reading.is_set())
        await engine.submit(order(2))
        await follow(wiring, replica, engine.status().seq)
        assert (await first).available == 98
        await changes.aclose()


async def test_a_stream_that_is_away_is_said_at_once() -> None:
    async def away():
        raise LogError("refused")

    changes = Changes(away)
    running = asyncio.create_task(changes.run())
    for _ in range(2):  # while it is tried, and until it is tried again
        with pytest.raises(UnavailableError):
            async with asyncio.timeout(limits.RECONNECT_DELAY_S_MAX / 8):
                await anext(changes.follow("0", frozenset(), frozenset()))
    assert not len(changes)
    running.cancel()


async def take(source, count: int):
    """Yield the first `count` changes of a stream."""
    async with asyncio.timeout(10):
        async for change in source:
            if change is not None:
                yield change
                count -= 1
                if not count:
                    return


async def test_the_servers_file_stays_bounded_while_a_worker_trims(
    wiring: Wiring, monkeypatch
) -> None:
    """P11: a long log takes no more of the disk than a short one, once it is archived."""
    least = 1 << 20
    monkeypatch.setattr(limits, "REWRITE_CHECK_S", 0.05)
    monkeypatch.setattr(limits, "REWRITE_BYTES_BUSY", least)
    monkeypatch.setattr(limits, "REWRITE_BYTES_QUIET", least)
    monkeypatch.setattr(limits, "STOCK_STREAM_ENTRIES_MAX", 100)
    replica, ended = wiring.replica(snapshot_events=500), []
    async with leading(wiring) as engine:
        working = asyncio.create_task(asyncio.to_thread(replica.run, lambda: bool(ended)))
        store = wiring.store("reader")
        written, most, before = 0, 0, store.info()["aof_current_size"]
        for first in range(0, 30_000, 200):
            await engine.submit_many([receipt(n) for n in range(first, first + 200)])
            await until(lambda: replica.link.seq >= engine.status().seq - 1_000)
            size = store.info()["aof_current_size"]
            written += max(size - before, 0)
            most, before = max(most, size), size
        ended.append(True)
        await working
        assert store.info()["aof_rewrites"] > 0
        assert written > 4 * least and most < 3 * least
        store.close()


def receipt(number: int) -> Request:
    return Request(Receive(f"{number:0100}", "berlin", (ReceiptLine("MUG", 1),)))
