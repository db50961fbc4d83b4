"""Cyclic garbage goes within its bounds, in a rest where there is one (P11)."""

import asyncio
import contextlib
import gc
import weakref
from collections.abc import Iterator

import pytest

from engine.core import limits
from engine.service.cycles import Collector, settle


class Knot:
    """Garbage that only the collector finds."""

    def __init__(self) -> None:
        self.own = self


class Clock:
    """Goes on by hand."""

    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture(autouse=True)
def settled() -> Iterator[None]:
    before = gc.get_threshold()
    settle()
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


def knots(count: int) -> weakref.ref:
    """Leave so many knots behind; return a reference to the first."""
    first = weakref.ref(Knot())
    for _ in range(count - 1):
        Knot()
    return first


def alive(kind: type = Knot) -> int:
    return sum(type(one) is kind for one in gc.get_objects())


def test_a_young_pass_waits_for_a_rest_but_not_for_ever() -> None:
    clock, rests = Clock(), []
    collector = Collector(lambda: bool(rests), clock)
    for rested in (True, False):
        rests[:] = [True] * rested
        few = knots(10)
        assert not collector.look() and few()
        many = knots(limits.GC_YOUNG_OBJECTS)
        assert collector.look() is not rested
        assert bool(many()) is not rested
    clock.now_s += limits.GC_PATIENCE_S
    assert not collector.look() and not many() and not few()


def test_a_burst_between_two_looks_stays_within_its_bound() -> None:
    most = 0
    for _ in range(30):
        knots(limits.GC_YOUNG_OBJECTS_MAX // 10)
        most = max(most, alive())
    # A knot is up to two containers: itself and its attributes.
    assert limits.GC_YOUNG_OBJECTS_MAX // 4 < most <= limits.GC_YOUNG_OBJECTS_MAX


def test_what_has_grown_old_goes_too_and_the_rarer_the_longer_that_takes() -> None:
    clock, took_s = Clock(), 0.1

    def resting() -> bool:
        clock.now_s += took_s  # as if the pass took so long
        return True

    collector = Collector(resting, clock)
    kept = Knot()
    gc.collect(1)  # now it is old
    old = weakref.ref(kept)
    del kept
    gc.collect(1)
    assert old() and not collector.look() and old()
    clock.now_s = limits.GC_FULL_EVERY_S
    assert not collector.look() and not old()
    kept = weakref.ref(knot := Knot())
    gc.collect(1)
    del knot
    clock.now_s = limits.GC_FULL_EVERY_S + took_s / limits.GC_FULL_SHARE_MAX
    assert not collector.look() and kept()
    clock.now_s += 2 * took_s
    assert not collector.look() and not kept()


async def test_passes_are_made_and_counted_while_it_runs(monkeypatch) -> None:
    monkeypatch.setattr(limits, "GC_LOOK_S", 0.001)
    collector = Collector(lambda: True)
    running = asyncio.create_task(collector.run())
    first = knots(limits.GC_YOUNG_OBJECTS)
    async with asyncio.timeout(5):
        while first():
            await asyncio.sleep(0.001)
    counted = collector.counters()
    assert counted["gc_passes"] >= 1
    assert 0 < counted["gc_longest_seconds"] <= counted["gc_seconds"]
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    gc.collect()
    assert collector.counters() == counted  # nothing is left behind


def test_what_was_loaded_before_is_let_go() -> None:
    knot = Knot()
    settle()
    old = weakref.ref(knot)
    del knot
    gc.collect()
    assert old()  # frozen
    settle()
    assert not old()
