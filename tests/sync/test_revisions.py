"""Listings that may be changed so many times a day."""

import time
import uuid
from pathlib import Path

import msgspec
import pytest

from engine.config import Settings
from engine.connectors.quotas import Each
from engine.core import limits
from engine.service.wiring import Wiring
from engine.sync.queue import FALLING, RISING, SOLD_OUT
from engine.sync.revisions import Revisions, Wish
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
    return sum([await revisions.claim([Wish("L", rank)]) == [0.0] for _ in range(tries)])


async def test_what_is_urgent_may_use_what_is_kept_for_it(made) -> None:
    revisions = made(each(250, 86_400))
    assert await taken(revisions, RISING, 100) == 63
    assert await taken(revisions, FALLING, 100) == 50
    assert await taken(revisions, SOLD_OUT, 100) == 12
    (wait_s,) = await revisions.claim([Wish("L", SOLD_OUT)])
    assert 600 < wait_s <= 86_400 / 125
    assert await revisions.claim([Wish("other", RISING), Wish("L", SOLD_OUT)]) == [
        0.0,
        pytest.approx(691, 5),
    ]


async def test_what_sells_fast_is_revised_evenly_until_all_is_sold(made) -> None:
    """113 revisions for what falls, and 1,500 units: one for 14 units, to the last."""
    revisions, shown, left, told = made(each(250, 86_400)), 1_500, 1_500, []
    while left:
        left -= 1
        rank = FALLING if left else SOLD_OUT
        wish = Wish("L", rank, left, fallen=shown - left, waited_s=0.1, per_s=16.0)
        if await revisions.claim([wish]) == [0.0]:
            told.append(shown - left)
            shown = left
    assert shown == 0 and 100 <= len(told) <= 114
    assert max(told) <= 15


async def test_what_sells_slowly_is_revised_at_once(made) -> None:
    revisions = made(each(250, 86_400))
    slow = Wish("L", FALLING, left=1_500, fallen=1, per_s=0.01)
    assert await revisions.claim([slow]) == [0.0]


async def test_what_falls_no_more_is_revised_when_its_share_of_an_hour_has_gone_by(made) -> None:
    revisions = made(each(250, 86_400))
    wish = Wish("L", FALLING, left=1_500, fallen=1, per_s=16.0, waited_s=25.0)
    assert await revisions.claim([wish]) == [limits.REVISIONS_PAUSE_S]
    wish = msgspec.structs.replace(wish, waited_s=3_600 / 112)
    assert await revisions.claim([wish]) == [0.0]


async def test_a_restart_forgets_nothing(made) -> None:
    assert await taken(made(each(250, 86_400)), SOLD_OUT, 150) == 125
    assert await taken(made(each(250, 86_400)), SOLD_OUT, 10) == 0


async def test_no_window_sees_more_than_is_allowed(made) -> None:
    revisions, ends, times = made(each(20, 1)), time.monotonic() + 2.5, []
    while (now_s := time.monotonic()) < ends:
        if await revisions.claim([Wish("L", SOLD_OUT)]) == [0.0]:
            times.append(now_s)
    assert 25 <= len(times) <= 37
    assert all(sum(at <= t < at + 0.95 for t in times) <= 20 for at in times)


async def test_a_channel_that_does_not_count_is_not_asked(made) -> None:
    assert await taken(made(None), RISING, 1_000) == 1_000
