"""Conflated stock streams over the simulated log: nothing told is ever untrue or not durable, and
in the end everybody knows what the ledger knows (P8, P11)."""

import asyncio
import contextlib
import itertools
import json
from typing import Any

import pytest

from api.states import States
from engine.core.commands import ReceiptLine, Receive, Request
from engine.core.errors import ServiceError
from engine.core.ledger import Ledger
from engine.log import frame
from tests.contract.inprocess import InProcessClient
from tests.faults.simulation import Process, Simulation, opening
from tests.faults.virtual import VirtualLoop
from tests.faults.world import position
from tests.model.test_simulation import quiet  # noqa: F401

SKUS = ("a", "b", "c", "d")
_PICKS = (frozenset(SKUS), frozenset("a"), frozenset("bd"))
_EVERY_S = (0.05, 0.07, 0.25)
_QUANTITIES = ("on_hand", "reserved", "allocated", "unavailable", "available")


def told(data: bytes) -> list[tuple[int | None, dict]]:
    """The events in what a follower is to write: id and state."""
    found = []
    for event in data.decode().split("\n\n")[:-1]:
        lines = dict(line.split(": ", 1) for line in event.split("\n") if line[0] != ":")
        if lines:
            found.append((int(lines["id"]) if "id" in lines else None, json.loads(lines["data"])))
    return found


class Screen:
    """A follower that begins again whenever its stream ends; `shown` is what it shows now."""

    def __init__(self, skus: frozenset[str], every_s: float) -> None:
        self.skus, self.every_s = skus, every_s
        self.shown: dict[tuple[str, str], dict] = {}
        self.begun = 0

    async def watch(self, hub: States, hear: Any) -> None:
        """Follow until cancelled; `hear(id, states)` gets what is told at once."""
        while True:
            stream = hub.follow(self.skus, frozenset(), self.every_s)
            try:
                async for data in stream:
                    self._take(data, hear)
            except ServiceError:
                await asyncio.sleep(0.05)
            finally:
                await stream.aclose()

    def _take(self, data: bytes, hear: Any) -> None:
        events = told(data)
        if not events:
            return
        self.begun += 1
        assert all(id_ is None for id_, _ in events[:-1])
        hear(events[-1][0], [state for _, state in events])
        for _, state in events:
            self.shown[state["sku"], state["location"]] = state


class Watched(Simulation):
    """A simulation in which screens follow every process."""

    def __init__(self, seed: int, make_ledger: Any = Ledger) -> None:
        super().__init__(seed, make_ledger)
        self.heard: list[tuple[int, list[dict]]] = []
        self.screens: list[Screen] = []
        self.compared = self.early = 0

    def start(self) -> Process:
        process = super().start()
        hub = States(process.engine)
        self.screens = [Screen(skus, every_s) for skus in _PICKS for every_s in _EVERY_S]

        def hear(seq: int, states: list[dict]) -> None:
            if not process.killed.is_set():
                self.heard.append((seq, states))
                self.early += seq > self._stored()

        for screen in self.screens:
            process.watching = getattr(process, "watching", [])
            process.watching.append(asyncio.create_task(screen.watch(hub, hear)))
        return process

    def _stored(self) -> int:
        return max((position(entry)[1] for entry, _ in self.world.entries), default=0)

    async def _converge(self) -> None:
        await super()._converge()
        rows = (await self.process.engine.stocked(SKUS))[1]
        for screen in self.screens:
            wanted = {
                (sku, row.location): [getattr(row, name) for name in _QUANTITIES]
                for sku, found in zip(SKUS, rows, strict=True)
                for row in found
                if sku in screen.skus
            }
            shown = {key: [s[name] for name in _QUANTITIES] for key, s in screen.shown.items()}
            assert shown == wanted, (screen.skus, screen.every_s)
            assert screen.begun
            self.compared += len(wanted)

    def history(self) -> dict[int, dict[tuple[str, str], list[int]]]:
        """What every position was after each frame of the log, by its last log position."""
        ledger, found = Ledger(), {}
        for name, data in self.world.entries:
            if name.endswith("-0"):
                continue
            one = frame.unpack(data, name)
            ledger.apply(one.stamp_us, one.first_seq, one.body)
            seq, rows = ledger.stocked(SKUS)
            found[seq] = {
                (sku, row.location): [getattr(row, q) for q in _QUANTITIES]
                for sku, row_list in zip(SKUS, rows, strict=True)
                for row in row_list
            }
        return found


def live(seed: int, make_ledger: Any = Ledger) -> Watched:
    """Live through one world; whatever was told has to be what the log says."""
    world = Watched(seed, make_ledger)
    try:
        world.live()
        history = world.history()
        assert not world.early, "told before it was durable"
        for seq, states in world.heard:
            assert seq in history, f"{seq} is not the end of a frame"
            for state in states:
                then = history[state["seq"]][state["sku"], state["location"]]
                assert [state[name] for name in _QUANTITIES] == then, state
                assert state["seq"] <= seq
                # Nothing newer was left out: it is still so at the moment that the id names.
                assert then == history[seq][state["sku"], state["location"]], state
    except AssertionError as error:
        raise AssertionError(f"seed {seed}: {error}") from error
    return world


@pytest.mark.parametrize("block", range(2))
def test_screens_show_what_is_durable_and_in_the_end_all_of_it(block: int) -> None:
    heard = compared = 0
    for seed in range(block * 60, block * 60 + 60):
        world = live(seed)
        heard, compared = heard + len(world.heard), compared + world.compared
    assert heard > 60 * 20 and compared > 60 * 9


def test_screens_over_the_fast_twin() -> None:
    fast = pytest.importorskip("ext.ledger").Ledger
    for seed in range(10):
        assert live(seed, fast).heard == live(seed).heard


def test_a_read_that_does_not_wait_for_the_log_is_found_out() -> None:
    """The judge judges: a hub that asks the ledger past the loop tells what is not durable."""

    async def past(engine: Any, skus: Any):
        return engine._leading().ledger.stocked(skus)

    for seed in range(40):
        world = Watched(seed)
        start = world.start

        def wrong(start=start) -> Process:
            process = start()
            process.engine.stocked = lambda skus: past(process.engine, skus)
            return process

        world.start = wrong
        with contextlib.suppress(AssertionError):  # a screen may show it to the end
            world.live()
        if world.early:
            return
    pytest.fail("40 worlds did not show it")


def test_once_an_interval_and_at_once_when_new() -> None:
    """Virtual time: what is told, and when, though stock changes every few milliseconds."""
    loop = VirtualLoop()
    client = InProcessClient()
    times: dict[float, list[float]] = {every_s: [] for every_s in _EVERY_S}

    async def follow(hub: States, every_s: float) -> None:
        async for data in hub.follow(frozenset("a"), frozenset(), every_s):
            assert len(told(data)) <= 2
            times[every_s].append(loop.time())

    async def story() -> None:
        for command in opening():
            await client.submit(Request(command))
        hub = States(client)
        await asyncio.sleep(0.123)
        following = [asyncio.create_task(follow(hub, every_s)) for every_s in _EVERY_S]
        for number in range(400):
            await client.submit(Request(Receive(f"more-{number}", "east", (ReceiptLine("a", 1),))))
            await asyncio.sleep(0.004)
        for task in following:
            task.cancel()
        await asyncio.gather(*following, return_exceptions=True)
        await hub._task

    try:
        loop.run_until_complete(story())
    finally:
        loop.close()
    for every_s, told_s in times.items():
        assert told_s[0] == pytest.approx(0.123, abs=1e-6)
        for before, after in itertools.pairwise(told_s):
            assert after - before > every_s - 0.005  # a group of followers may wait for another
        assert len(told_s) >= 1.6 / every_s - 2
