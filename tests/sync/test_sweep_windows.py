"""Where the windows of sweeps begin: minutes or seconds before the last one ended."""

import uuid
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

from engine.connectors.base import Sign
from engine.core import limits
from engine.sync.sweep import Sweep
from tests.sync.test_faults import Swept, account_of
from tests.sync.test_scan import Clock


class Scanned(Swept):
    """Notes which windows were scanned."""

    fetch_rows = 10

    async def scan(self, since: datetime, until: datetime) -> AsyncIterator[Sign]:
        """Nothing changed."""
        self.windows.append((since, until))
        for nothing in ():
            yield nothing


async def test_most_windows_are_shallow_and_what_is_shown_late_is_found(store) -> None:
    name, channel, clock = uuid.uuid4().hex[:8], Scanned(), Clock()
    sweep, began = Sweep(account_of(name), channel, store, clock), clock.now
    for _ in range(40):
        await sweep.once()
        clock.passes(limits.SWEEP_S)
    lengths = [(until - since).total_seconds() for since, until in channel.windows]
    shallow = limits.SWEEP_S + limits.SWEEP_SHALLOW_S
    deep = 2 * limits.SWEEP_OVERLAP_S
    assert lengths == [limits.SWEEP_FIRST_S, *(4 * [shallow] + [deep]) * 7, *4 * [shallow]]
    for second in range(0, 1_200, 7):  # what changed then, shown as late as is allowed for
        at = began + timedelta(seconds=second)
        shown = at + timedelta(seconds=limits.SWEEP_OVERLAP_S)
        found = min(end for start, end in channel.windows if start <= at < shown <= end)
        assert (found - at).total_seconds() <= 2 * limits.SWEEP_OVERLAP_S + limits.SWEEP_S


async def test_a_start_is_deep_and_so_is_a_clock_that_was_set(store) -> None:
    name, channel, clock = uuid.uuid4().hex[:8], Scanned(), Clock()
    overlap = timedelta(seconds=limits.SWEEP_OVERLAP_S)

    async def window(sweep: Sweep, passed: float) -> datetime:
        clock.passes(passed)
        await sweep.once()
        return channel.windows[-1][0]

    sweep, began = Sweep(account_of(name), channel, store, clock), clock.now
    await sweep.once()
    shallow = timedelta(seconds=limits.SWEEP_SHALLOW_S)
    assert await window(sweep, 60) == began - shallow
    assert await window(sweep, 60) == began + timedelta(seconds=60) - shallow
    anew = Sweep(account_of(name), channel, store, clock)
    assert await window(anew, 60) == began - overlap
    assert await window(anew, 60) == began + timedelta(seconds=180) - shallow
    assert await window(anew, -90) == began + timedelta(seconds=180) - overlap


async def test_who_does_not_scan_overlaps_by_the_whole_each_time(store) -> None:
    name, channel, clock = uuid.uuid4().hex[:8], Swept(), Clock()
    sweep = Sweep(account_of(name), channel, store, clock)
    for _ in range(3):
        await sweep.once()
        clock.passes(limits.SWEEP_S)
    lengths = [(until - since).total_seconds() for since, until in channel.windows]
    assert lengths == [limits.SWEEP_FIRST_S, *2 * [limits.SWEEP_S + limits.SWEEP_OVERLAP_S]]
