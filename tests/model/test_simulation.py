"""Simulated worlds: the real engine, loop, writer, recovery and frames over a store that fails on
purpose, in virtual time, hundreds of worlds in seconds (P3 to P8, P10, P12).

A failure prints its seed; `python -m tests.faults simulate --seed N --count 1` runs it again.
"""

import logging

import pytest
import structlog

from engine.core import commands
from engine.core.ledger import Ledger
from tests.faults.bugs import dig_out, plant
from tests.faults.simulation import Simulation, explain, opening
from tests.faults.virtual import Stuck, VirtualLoop
from tests.faults.world import SITES

WORLDS = 300
BLOCKS = 6


@pytest.fixture(autouse=True)
def quiet():
    """The engine tells of every fault; thousands of them are noise."""
    kept = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.configure(**kept)


def live(seed: int, make_ledger: type = Ledger):
    """Run one world."""
    world = Simulation(seed, make_ledger)
    try:
        return world, world.run()
    except AssertionError as error:
        raise AssertionError(f"seed {seed}: {error}") from error


@pytest.mark.parametrize("block", range(BLOCKS))
def test_worlds_hold_every_promise(block):
    fired: dict[str, int] = {}
    unknown = epochs = 0
    for seed in range(block * WORLDS // BLOCKS, (block + 1) * WORLDS // BLOCKS):
        world, verdict = live(seed)
        assert verdict.clean, explain(world, verdict)
        unknown += verdict.counts.unknown
        epochs += verdict.counts.epochs
        for site, times in world.world.fired.items():
            fired[site] = fired.get(site, 0) + times
    assert set(fired) == set(SITES), fired
    assert unknown and epochs > 100


def test_one_seed_is_one_world():
    first, again, other = live(11)[0], live(11)[0], live(12)[0]
    assert first.world.entries == again.world.entries
    assert first.world.history.rows == again.world.history.rows
    assert first.world.entries != other.world.entries


def test_worlds_of_the_fast_twin():
    fast = pytest.importorskip("ext.ledger").Ledger
    for seed in range(40):
        world, verdict = live(seed, fast)
        assert verdict.clean, explain(world, verdict)
        slow, _ = live(seed)
        assert world.world.entries == slow.world.entries, f"seed {seed}: the twins differ"


def test_a_deposed_writer_shows_nothing_old():
    """P5: what another writer has answered is known to everyone who asks after that."""
    simulation = Simulation(1)
    simulation.world.quiet = True

    async def story(sim: Simulation) -> None:
        old = sim.start()
        for command in opening():
            await sim.insist(0, command)
        sim.start()
        await sim.insist(0, commands.Receive("late", "east", (commands.ReceiptLine("a", 1),)))
        await sim.look("a", old)
        await sim.look("a")

    simulation.tell(story)
    verdict = simulation.verdict()
    assert verdict.clean, explain(simulation, verdict)
    assert verdict.counts.reads_compared >= 1


def test_waiting_for_nothing_is_seen():
    loop = VirtualLoop()
    try:
        with pytest.raises(Stuck):
            loop.run_until_complete(loop.create_future())
    finally:
        loop.close()


@pytest.mark.parametrize(
    "bug",
    [
        "ack before append",
        "doubts told as one",
        "gap allowed",
        "skip fence",
        "split check/take",
        "per-line check",
        ">= for >",
        "expiry by wall clock",
        "forget keys on restart",
        "read before durable",
    ],
)
def test_planted_bug_is_caught(bug):
    """The same worlds, one bug: some world must show it."""
    for seed in range(400):
        world, undo = Simulation(seed), plant(bug)
        try:
            world.live()
        except Exception:
            return  # the world broke down: seen as well
        finally:
            dig_out(undo)  # the judge's own twin must be sane
        if not world.verdict().clean:
            return
    pytest.fail(f"400 worlds did not show {bug!r}")
