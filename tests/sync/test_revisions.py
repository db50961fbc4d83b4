"""Listings that may be changed so many times a day."""

import time
import uuid
from pathlib import Path

import pytest

from engine.config import Settings
from engine.connectors.quotas import Each
from engine.service.wiring import Wiring
from engine.sync.queue import FALLING, RISING, SOLD_OUT
from engine.sync.revisions import Revisions
from engine.sync.store import SyncStore


@pytest.fixture
async def made(dibs):
    """Make the revisions of an account of its own."""
    wiring = Wiring(Settings(Path(dibs.folder)))
    store, name = SyncStore(wiring.url("sync")), uuid.uuid4().hex[:8]
    yield lambda each: Revisions(store, name, each)
    await store.close()
    wiring.close()


def each(calls: int, window_s: int) -> Each:
    """Return a limit."""
    return Each(("stock",), calls, window_s, "a test", "2026-11-29")


async def taken(revisions: Revisions, rank: int, tries: int) -> int:
    """Return how many of so many tries were let through."""
    return sum([await revisions.claim([("L", rank)]) == [0.0] for _ in range(tries)])


async def test_what_is_urgent_may_use_what_is_kept_for_it(made) -> None:
    revisions = made(each(250, 86_400))
    assert await taken(revisions, RISING, 100) == 63
    assert await taken(revisions, FALLING, 100) == 37
    assert await taken(revisions, SOLD_OUT, 100) == 25
    (wait_s,) = await revisions.claim([("L", SOLD_OUT)])
    assert 600 < wait_s <= 86_400 / 125
    assert await revisions.claim([("other", RISING), ("L", SOLD_OUT)]) == [
        0.0,
        pytest.approx(691, 5),
    ]


async def test_a_restart_forgets_nothing(made) -> None:
    assert await taken(made(each(250, 86_400)), SOLD_OUT, 150) == 125
    assert await taken(made(each(250, 86_400)), SOLD_OUT, 10) == 0


async def test_no_window_sees_more_than_is_allowed(made) -> None:
    revisions, ends, times = made(each(20, 1)), time.monotonic() + 2.5, []
    while (now_s := time.monotonic()) < ends:
        if await revisions.claim([("L", SOLD_OUT)]) == [0.0]:
            times.append(now_s)
    assert 25 <= len(times) <= 37
    assert all(sum(at <= t < at + 0.95 for t in times) <= 20 for at in times)


async def test_a_channel_that_does_not_count_is_not_asked(made) -> None:
    assert await taken(made(None), RISING, 1_000) == 1_000
