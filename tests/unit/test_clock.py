"""Stamps strictly rise, whatever the wall clock does (F10)."""

import itertools
import time

import pytest

from engine.service.clock import Clock


def test_stamps_strictly_rise() -> None:
    clock = Clock()
    stamps = [clock.stamp_us() for _ in range(10_000)]
    assert all(a < b for a, b in itertools.pairwise(stamps))


def test_a_wall_clock_that_jumps_while_we_run_moves_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock()
    before = clock.stamp_us()
    monkeypatch.setattr(time, "time_ns", lambda: 0)
    assert 0 < clock.stamp_us() - before < 60_000_000
    monkeypatch.setattr(time, "time_ns", lambda: 1 << 62)
    assert 0 < clock.stamp_us() - before < 60_000_000


def test_after_a_restart_time_goes_on_behind_the_last_stamp(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    last = time.time_ns() // 1_000 + 3_600_000_000
    clock = Clock(after_us=last)
    first = clock.stamp_us()
    assert last < first < last + 60_000_000


def test_time_moves_on_at_the_pace_of_the_monotonic_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [5_000_000_000]
    monkeypatch.setattr(time, "monotonic_ns", lambda: now[0])
    clock = Clock(after_us=1 << 60)
    first = clock.stamp_us()
    now[0] += 2_000_000_000
    assert clock.stamp_us() - first == 2_000_000
    assert clock.now_us() == clock.stamp_us() - 1
