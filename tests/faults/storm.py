"""Storms: real processes under load, killed at named points and at random times, then judged.

One round is one folder, one history and a few dozen kills. A quarter of the time nothing is
broken. After the last kill come quiet, convergence (every unknown outcome is made known by
repeating the request) and the verdict.
"""

import asyncio
import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from engine.core import limits
from tests.faults.history import History, Mark, read
from tests.faults.judge import judge
from tests.faults.sites import SITES, VICTIMS
from tests.faults.supervisor import Ground, Log, read_log, tail_seq
from tests.faults.verdict import Verdict
from tests.faults.workload import Workload

RANDOM = "random time"
KILLS_PER_ROUND = 20
STRIKE_WAIT_S = 5.0
LONG_PAUSE_S = limits.APPEND_TIMEOUT_S + 1.5  # the writer gives up, and so do its clients
SMALL_QUEUE = ("--limit", "QUEUE_COMMANDS_MAX=8")  # so that clients fill it
CLOCK_RATE = 20  # so that what is due in minutes is due in seconds
QUIET_S = 2.3  # longer than the longest reservation of the workload


class Plan(msgspec.Struct, frozen=True):
    """The next kill: where, whom, and what comes before it."""

    site: str
    victim: str
    hit: int
    after_s: float
    pause_s: float


class Round(msgspec.Struct):
    """What one round did and found."""

    seed: int
    kills: dict[str, int]
    missed: int
    pauses: int
    recovery_s: list[float]
    verdict: Verdict
    unsettled: int
    seconds: float
    failure: str = ""
    artefacts: str = ""

    @property
    def clean(self) -> bool:
        """Whether every promise held and every unknown became known."""
        return self.verdict.clean and not self.unsettled and not self.failure


def plan(rng: random.Random, *, may_aim: bool) -> Plan:
    """Roll the next kill. A named site needs a process that was started with it."""
    site = rng.choice(SITES) if may_aim and rng.random() < 0.7 else RANDOM
    victim = rng.choices(VICTIMS, [5, 2, 3])[0]
    calm = rng.random() < 0.25
    after_s = rng.uniform(1.0, 1.8) if calm else rng.uniform(0.1, 0.8)
    pause_s = rng.uniform(0.2, 1.2) if rng.random() < 0.15 else 0.0
    if rng.random() < 0.01:
        pause_s = LONG_PAUSE_S
    return Plan(site, victim, rng.randint(3, 60), after_s, pause_s)


class Storm:
    """One round."""

    def __init__(
        self,
        ground: Ground,
        seed: int,
        *,
        bug: str = "",
        ledger: str = "auto",
        plans: Callable[..., Plan] = plan,
        hold_ms: float = 10.0,
        launch: tuple[str, ...] = (),
        work: bool = False,
    ) -> None:
        self.ground, self.front, self.rng = ground, ground.front, random.Random(seed)
        self.seed, self.ledger, self.plans = seed, ledger, plans
        self.history = History(ground.folder / "history.jsonl")
        self.history.add(Mark("clock rate", time.monotonic_ns(), CLOCK_RATE))
        self.workload = Workload(self.front, self.history, seed, watchers=3, rate=CLOCK_RATE)
        self.kills: dict[str, int] = {}
        self.missed = self.pauses = 0
        self.recovery_s: list[float] = []
        self.bug, self.work = bug, work
        self._options = [*launch, *(["--bug", bug] if bug else [])]
        self._options += ["--hold-ms", str(hold_ms), "--clock-rate", str(CLOCK_RATE)]
        self._options += ["--clock-since-ns", str(time.monotonic_ns())]

    async def run(self, kills: int, told: Callable[[str], None] = lambda text: None) -> Round:
        """Kill `kills` times, converge, judge."""
        started, failure, unsettled = time.monotonic(), "", 0
        try:
            self._start(None)
            await self.front.ready()
            await self.workload.prepare()
            self.workload.start()
            if self.work:
                self.ground.worker.start()
            await self._kill_all(kills, told)
            unsettled = await self._converge()
        except RuntimeError as error:
            failure = str(error)
            await self.workload.abandon()
        finally:
            self.workload.close()
            self.history.close()
        return await self._judge(started, unsettled, failure)

    async def _kill_all(self, kills: int, told: Callable[[str], None]) -> None:
        aimed: Plan | None = None
        for number in range(kills):
            goal = aimed or self.plans(self.rng, may_aim=False)
            down = await self._kill(goal)
            aimed = self.plans(self.rng, may_aim=True) if number + 1 < kills else None
            aimed = await self._restart(aimed, down)
            told(f"{goal.site} × {goal.victim}")

    def _start(self, aimed: Plan | None) -> None:
        words = list(self._options)
        if aimed and aimed.site != RANDOM:
            words += ["--site", aimed.site, "--victim", aimed.victim, "--hit", str(aimed.hit)]
        self.front.start(*words, ledger=self.ledger)

    # One kill.

    async def _kill(self, goal: Plan) -> bool:
        """Bring the victim down; say whether the front went with it."""
        if goal.pause_s:
            await self._pause(goal.pause_s)
        pid = self.ground.server.pid
        if goal.site == RANDOM:
            await asyncio.sleep(goal.after_s)
            self._strike(goal.victim)
        elif not await self._struck(goal.victim, pid):
            self.missed += 1
            self._strike(goal.victim)
        name = f"{goal.site} × {goal.victim}"
        self.kills[name] = self.kills.get(name, 0) + 1
        self.history.add(Mark("kill", time.monotonic_ns(), detail=name))
        if self.work and (self.rng.random() < 0.4 or not self.ground.worker.running):
            self.ground.worker.kill()
            self.ground.worker.start()
        return goal.victim != "redis"

    def _strike(self, victim: str) -> None:
        if victim in ("redis", "both"):
            self.ground.server.kill()
        if victim in ("ledger", "both"):
            self.front.kill()

    async def _struck(self, victim: str, pid: int) -> bool:
        """Wait for the armed site to strike."""
        deadline = time.monotonic() + STRIKE_WAIT_S
        while time.monotonic() < deadline:
            if victim == "redis":
                if self.ground.server.pid != pid:
                    return True
            elif not self.front.running:
                return True
            await asyncio.sleep(0.01)
        return False

    async def _pause(self, seconds: float) -> None:
        """The log server hangs for a while."""
        pid = self.ground.server.pid
        if pid:
            os.kill(pid, signal.SIGSTOP)
            await asyncio.sleep(seconds)
            os.kill(pid, signal.SIGCONT)
            self.pauses += 1

    async def _restart(self, aimed: Plan | None, down: bool) -> Plan | None:
        """Bring everything up again; return the next plan if it could be armed."""
        began = time.monotonic()
        if down:
            # The worker may be starting it too; this waits until it answers.
            await asyncio.to_thread(self.ground.server.start)
            seq = await asyncio.to_thread(tail_seq, self.ground.server.url)
            self.history.add(Mark("tail", time.monotonic_ns(), seq))
            self._start(aimed)
        else:
            aimed = None
        try:
            await self.front.ready()
            self.recovery_s.append(time.monotonic() - began)
        except RuntimeError:
            # Under load an armed site may strike before anybody has seen that it was ready.
            if not aimed or self.front.process.returncode != -signal.SIGKILL:
                raise
        return aimed

    # The end.

    async def _converge(self) -> int:
        await self.front.ready()
        await self.workload.stop()
        unsettled = await self.workload.settle()
        await asyncio.sleep(QUIET_S)
        await self.workload.look_at_everything()
        return unsettled

    async def _judge(self, started: float, unsettled: int, failure: str) -> Round:
        ground = self.ground
        await asyncio.to_thread(ground.server.start)
        if self.work and not failure:
            seq = await asyncio.to_thread(tail_seq, ground.server.url)
            if not await ground.worker.caught_up(ground.server.url, seq):
                failure = f"the worker does not catch up:\n{ground.worker.log_end()}"
        log = await asyncio.to_thread(read_log, ground.server.url, ground.front.folder)
        verdict = await asyncio.to_thread(
            judge,
            self.history,
            log.entries,
            archived=log.archived,
            fast=fast_twin(),
            stock=log.stock if self.work and not failure else None,
        )
        if self.work:
            snapshots = len(list((ground.front.folder / "snapshots").glob("*")))
            verdict.reach("replay longer than one snapshot", snapshots > 1)
            verdict.reach("log trimmed behind the archive", log.archived > 0)
        found = Round(
            self.seed,
            self.kills,
            self.missed,
            self.pauses,
            self.recovery_s,
            verdict,
            unsettled,
            time.monotonic() - started,
            failure,
        )
        if not found.clean and not self.bug:
            keep(ground, log, verdict, self.seed, failure)
            found.artefacts = str(ground.folder)
        return found


def fast_twin() -> type | None:
    """Return the compiled ledger's class, if it is built."""
    try:
        from ext.ledger import Ledger
    except ImportError:
        return None
    return Ledger


def keep(ground: Ground, log: Log, verdict: Verdict, seed: int, failure: str = "") -> None:
    """Keep history, log and verdict of a failed round, with its seed and what else went wrong."""
    ground.keep = True
    (ground.folder / "log.msgpack").write_bytes(msgspec.msgpack.encode(log))
    (ground.folder / "seed").write_text(f"{seed}\n{failure}\n")
    verdict.save(ground.folder / "verdict.json")


def rejudge(folder: Path) -> Verdict:
    """Judge the artefacts of a failed round again."""
    log = msgspec.msgpack.decode((folder / "log.msgpack").read_bytes(), type=Log)
    return judge(
        read(folder / "history.jsonl"), log.entries, archived=log.archived, fast=fast_twin()
    )


async def storm(
    kills: int, seed: int, told: Callable[[str], None] = lambda text: None
) -> list[Round]:
    """Run as many rounds as it takes for `kills` kills."""
    rounds: list[Round] = []
    while kills > 0:
        share = min(kills, KILLS_PER_ROUND)
        with Ground() as ground:
            found = Storm(ground, seed, work=seed % 2 == 0, launch=SMALL_QUEUE)
            rounds.append(await found.run(share, told))
        kills, seed = kills - share, seed + 1
    return rounds
