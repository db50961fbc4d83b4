"""Two writers on one log (F9): the newer one leads, the older one finds out and stops.

A round: clients work on A, A is stopped in mid-flight, B starts and leads, A wakes up under load.
Whatever A does then, nothing of it may get into the log, nobody may be told "ok" by A, and A must
end by itself. Every few rounds two start at once.
"""

import asyncio
import contextlib
import random
import signal
import time
from collections.abc import Callable

import msgspec

from tests.faults.history import History
from tests.faults.judge import judge
from tests.faults.storm import fast_twin, keep
from tests.faults.supervisor import Front, Ground, read_log
from tests.faults.verdict import Verdict
from tests.faults.workload import Workload

ZOMBIE_ENDS_S = 20.0
BOTH_AT_ONCE_EVERY = 5


class Target:
    """The front that clients talk to now."""

    def __init__(self, front: Front) -> None:
        self.front = front

    @property
    def port(self) -> int:
        """Port of the front of now."""
        return self.front.port

    @property
    def token(self) -> str:
        """Key for the front of now."""
        return self.front.token


class Takeovers(msgspec.Struct):
    """What the rounds found. `stale` are entries of an older epoch behind a newer fence."""

    rounds: int
    at_once: int
    zombies_stopped: int
    zombie_answers: dict[str, int]
    stale: int
    takeover_s: list[float]
    verdict: Verdict
    unsettled: int
    failure: str = ""
    artefacts: str = ""

    @property
    def clean(self) -> bool:
        """Whether nothing stale was accepted, every zombie stopped, every unknown is known."""
        held = self.verdict.clean and not self.stale and not self.unsettled and not self.failure
        return held and self.zombies_stopped == self.rounds


class Duel:
    """A ground with one log server and as many fronts as rounds need."""

    def __init__(self, ground: Ground, seed: int, bug: str = "") -> None:
        self.ground, self.seed, self.rng = ground, seed, random.Random(seed)
        self.history = History(ground.folder / "history.jsonl")
        self.launch = ("--bug", bug) if bug else ()
        self.target = Target(ground.front)
        self.workload = Workload(self.target, self.history, seed, clients=6)
        self.others = [ground.second(), ground.second()]
        self.takeover_s: list[float] = []
        self.stopped = self.at_once = 0
        self.zombie_answers: dict[str, int] = {}

    async def run(self, rounds: int, told: Callable[[str], None]) -> Takeovers:
        """Let writers take over from each other."""
        self.target.front.start(*self.launch)
        await self.target.front.ready()
        await self.workload.prepare()
        self.workload.start()
        failure, unsettled = "", 0
        try:
            for number in range(rounds):
                both = number % BOTH_AT_ONCE_EVERY == BOTH_AT_ONCE_EVERY - 1
                await self._round(number, both)
                told("two at once" if both else "takeover")
            await self.workload.stop()
            unsettled = await self.workload.settle()
            await self.workload.look_at_everything()
        except RuntimeError as error:
            failure = str(error)
            await self.workload.abandon()
        finally:
            self.workload.close()
            self.history.close()
        log = await asyncio.to_thread(read_log, self.ground.server.url)
        verdict = await asyncio.to_thread(judge, self.history, log.entries, fast=fast_twin())
        verdict.reach("fenced write", self.stopped)
        if (not verdict.clean or failure) and not self.launch:
            keep(self.ground, log, verdict, self.seed, failure)
        return Takeovers(
            rounds,
            self.at_once,
            self.stopped,
            self.zombie_answers,
            stale_entries(log.entries),
            self.takeover_s,
            verdict,
            unsettled,
            failure,
            str(self.ground.folder) if self.ground.keep else "",
        )

    async def _round(self, number: int, both: bool) -> None:
        old, (new, spare) = self.target.front, self.others
        await asyncio.sleep(self.rng.uniform(0.1, 0.4))
        old.signal(signal.SIGSTOP)
        began = time.monotonic()
        new.start(*self.launch)
        if both:
            spare.start(*self.launch)
            self.at_once += 1
            new = await self._winner(new, spare)
        else:
            await new.ready()
        self.takeover_s.append(time.monotonic() - began)
        self.target.front = new
        zombie = Workload(old, self.history, number, clients=3)
        for client in zombie.clients:
            client.number += 1_000 + 10 * number
        zombie.start(think_s=0.005)
        old.signal(signal.SIGCONT)
        self.stopped += await old.ended(ZOMBIE_ENDS_S)
        old.kill()
        await self._bury(zombie)
        self.others = [front for front in self.ground.fronts if front is not new]
        for front in self.others:
            front.kill()

    async def _winner(self, *fronts: Front) -> Front:
        """Of two that started at once, return the one that leads in the end; the other one has
        found out that it does not."""
        for front in fronts:
            with contextlib.suppress(RuntimeError):
                await front.ready()
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            leading = [front for front in fronts if front.running and await self._writes(front)]
            if len(leading) == 1 and await self._writes(leading[0]):
                return leading[0]
        raise RuntimeError("of two that started at once not exactly one leads")

    async def _writes(self, front: Front) -> bool:
        """Say whether a front takes an order now."""
        probe = Workload(front, self.history, 0, clients=1)
        probe.clients[0].number = 900_000 + len(self.history.rows)
        op = await probe.clients[0].send(probe.clients[0]._order())
        probe.close()
        return op.outcome in ("ok", "refused")

    async def _bury(self, zombie: Workload) -> None:
        """Count what the zombie told its clients."""
        for client in zombie.clients:
            for _ in range(2):
                await client.send(client._order())
        await zombie.abandon()
        zombie.close()
        numbers = {client.number for client in zombie.clients}
        for op in self.history.ops:
            if op.client in numbers:
                word = f"{op.status or 'no answer'} {op.code}".strip()
                self.zombie_answers[word] = self.zombie_answers.get(word, 0) + 1


def stale_entries(entries: list[tuple[str, bytes]]) -> int:
    """Count entries of an older epoch than that of a fence before them."""
    highest = stale = 0
    for entry_id, _ in entries:
        epoch, seq = map(int, entry_id.split("-"))
        stale += epoch < highest
        highest = max(highest, epoch if seq == 0 else 0)
    return stale


async def writers(
    rounds: int, seed: int, told: Callable[[str], None] = lambda text: None, bug: str = ""
) -> Takeovers:
    """Run all rounds on one log."""
    with Ground(shared=True) as ground:
        return await Duel(ground, seed, bug).run(rounds, told)
