"""One seed, one world: the real engine, loop, writer, reader, recovery and frames over a store
that lies in memory and fails on purpose; clients; faults; then quiet, convergence and the judge.

The faults are those of `world`.
"""

import asyncio
import contextlib
import shutil
import tempfile
from pathlib import Path
from typing import Any

import msgspec

from engine.core import commands
from engine.core.errors import (
    DibsError,
    OutcomeUnknownError,
    ServiceError,
)
from engine.core.ledger import Ledger
from engine.service import clock as clock_module
from engine.service import cycles as cycles_module
from engine.service import engine as engine_module
from engine.service.engine import Engine
from tests.faults import bugs, synthetic
from tests.faults.history import Mark, Op
from tests.faults.judge import judge
from tests.faults.verdict import Verdict
from tests.faults.virtual import VirtualLoop, VirtualTime
from tests.faults.world import FakeAppender, FakeStore, World, position

CLIENTS, STEPS, BUSY_STEPS = 4, 12, 30


class _NoChanges:
    async def run(self) -> None:
        await asyncio.Event().wait()


class Process:
    """One engine with a life of its own. After `kill` it says nothing more to anybody."""

    def __init__(self, world: World, folder: Path, make_ledger: Any, name: str) -> None:
        self.world = world
        self.killed = asyncio.Event()
        self.engine = Engine(
            folder, make_ledger, lambda: FakeStore(world), self._connect, _NoChanges(), name=name
        )
        self.task = asyncio.create_task(self._lead())
        self.end: BaseException | None = None

    async def _connect(self) -> FakeAppender:
        return FakeAppender(self.world)

    async def _lead(self) -> None:
        try:
            await self.engine.lead()
        except DibsError as error:
            self.end = error

    async def kill(self) -> None:
        """End it at once; nobody hears from it again."""
        self.killed.set()
        self.task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.task

    async def call(self, awaitable: Any) -> Any:
        """Wait for an answer, or for the connection to end with the process."""
        answer = asyncio.ensure_future(awaitable)
        dead = asyncio.ensure_future(self.killed.wait())
        await asyncio.wait({answer, dead}, return_when=asyncio.FIRST_COMPLETED)
        lost = self.killed.is_set()
        dead.cancel()
        if lost:
            answer.add_done_callback(lambda done: done.cancelled() or done.exception())
            answer.cancel()
            raise ConnectionError("the connection was lost")
        return answer.result()


class Simulation:
    """A world, its processes, its clients."""

    def __init__(self, seed: int, make_ledger: Any = Ledger) -> None:
        self.seed, self.make_ledger = seed, make_ledger
        self.world = World(seed)
        self.folder = Path(tempfile.mkdtemp(prefix="dibs-sim-", dir=_memory()))
        self.processes: list[Process] = []
        self.told: list[commands.Command] = []
        self.indexes = 0

    def run(self) -> Verdict:
        """Live through it, and judge."""
        self.live()
        return self.verdict()

    def verdict(self) -> Verdict:
        """Judge what was lived through."""
        return judge(self.world.history, self.world.entries)

    def live(self) -> None:
        """Live through it."""
        self._in_virtual_time(self._live)

    def _in_virtual_time(self, story: Any) -> None:
        loop = VirtualLoop()
        asyncio.set_event_loop(loop)
        time = VirtualTime(loop)
        kept = clock_module.time, engine_module.time, cycles_module.gc, engine_module.random
        clock_module.time = engine_module.time = bugs.time = time
        cycles_module.gc, engine_module.random = _NoCollector(), self.world.rng
        try:
            loop.run_until_complete(story(time))
        finally:
            clock_module.time, engine_module.time, cycles_module.gc, engine_module.random = kept
            bugs.time = kept[0]
            _end_tasks(loop)
            loop.close()
            asyncio.set_event_loop(None)
            shutil.rmtree(self.folder, ignore_errors=True)

    def tell(self, story: Any) -> None:
        """Live through a story of the caller's own: `story(simulation)` is awaited."""
        self._in_virtual_time(lambda time: story(self))

    # The story.

    async def _live(self, time: VirtualTime) -> None:
        self.start()
        for command in opening():
            op = await self.insist(0, command, tries=4_000)
            assert op.outcome == "ok", f"never made: {op}"
        nemesis = asyncio.create_task(self._nemesis(time))
        await asyncio.gather(*(self._client(number) for number in range(CLIENTS)))
        self.world.quiet = True
        await nemesis
        await self._converge()
        for process in self.processes:
            await process.kill()

    def start(self) -> Process:
        """Start another process on the log; clients talk to it from now on."""
        number = len(self.processes)
        folder = self.folder if self.world.rng.random() < 0.5 else self.folder / str(number)
        folder.mkdir(exist_ok=True)
        process = Process(self.world, folder, self.make_ledger, f"p{number}")
        self.processes.append(process)
        return process

    @property
    def process(self) -> Process:
        """The process that clients talk to."""
        return self.processes[-1]

    async def _nemesis(self, time: VirtualTime) -> None:
        world = self.world
        while not world.quiet:
            await asyncio.sleep(world.rng.random() * 0.3)
            if world.fires("clock"):
                time.jump_s = world.rng.choice([-3600.0, -5.0, 0.0, 7.0, 3600.0])
            if world.fires("kill") or self.process.end:
                await self.process.kill()
                seq = next((position(e)[1] for e, _ in world.entries[::-1] if e[-2:] != "-0"), 0)
                world.history.add(Mark("tail", world.now_ns(), seq))
                self.start()
            elif world.fires("takeover"):
                self.start()

    async def _converge(self) -> None:
        """Faults are over: the engine must lead, and every unknown outcome must become known."""
        for rival in self.processes[:-1]:
            await rival.kill()
        # A rival may have fenced the newest before it ended; only an append finds that out.
        line = commands.ReceiptLine("a", 1)
        probe = await self.insist(0, commands.Receive("probe", "east", (line,)))
        assert probe.outcome == "ok", f"never writable: {probe}"
        wishes = {}
        for op in self.world.history.ops:
            if op.outcome == "unknown" and not op.is_read:
                wishes[repr((op.name, op.body, op.key))] = (op.command(), op.key)
        for command, key in wishes.values():
            op = await self.insist(0, command, key)
            assert op.outcome in ("ok", "refused"), f"never settled: {op}"
        await asyncio.sleep(5)
        for sku in ("a", "b", "c", "d", "ab", "aa"):
            op = await self.look(sku)
            assert op.outcome == "ok", f"never readable: {op}"

    # Clients.

    async def _client(self, number: int) -> None:
        rng = self.world.rng
        names = ["a", "a", "a", "b", "c", "d", "ab", "aa"]
        # In a busy world the next frame leaves while the last one is on its way.
        steps, pace = (BUSY_STEPS, 0.01) if self.world.busy else (STEPS, 1.0)
        for step in range(steps):
            if rng.random() < 0.15:
                await self.look(rng.choice(names))
                continue
            command = synthetic.wish(rng, f"{number}.{step}", names, self.told)
            self.told.append(command)
            key = f"k{number}.{step}" if rng.random() < 0.3 else ""
            await self.insist(number, command, key, tries=4)
            await asyncio.sleep(rng.random() * rng.choice([0.01, 0.1, 0.5]) * pace)

    async def insist(self, number: int, command: Any, key: str = "", tries: int = 400) -> Op:
        """Send until the answer is definite, or the tries are used up."""
        for _ in range(tries):
            op = await self._send(number, command, key)
            if op.outcome not in ("unknown", "unavailable"):
                break
            if self.process.end and self.world.quiet:
                self.start()
            await asyncio.sleep(self.world.rng.random() * 0.1)
        return op

    async def _send(self, number: int, command: Any, key: str) -> Op:
        world, process = self.world, self.process
        self.indexes += 1
        body = synthetic.json_of(command)
        op = Op(number, self.indexes, type(command).__name__, body, world.now_ns(), key=key)
        try:
            outcome = await process.call(self._submit(process, command, key))
            synthetic.tell(op, outcome, world.now_ns())
        except OutcomeUnknownError:
            op.outcome, op.status, op.answered_ns = "unknown", 503, world.now_ns()
        except ServiceError:
            op.outcome, op.status, op.answered_ns = "unavailable", 503, world.now_ns()
        except ConnectionError:
            op.outcome = "unknown"
        world.history.add(op)
        return op

    async def _submit(self, process: Process, command: Any, key: str) -> Any:
        # Bytes take time to travel, so requests of several clients meet in one batch.
        await asyncio.sleep(0)
        return await process.engine.submit(commands.Request(command, "k1", key))

    async def look(self, sku: str, process: Process | None = None) -> Op:
        """Read stock of the present process, or of another one."""
        world, process = self.world, process or self.process
        self.indexes += 1
        op = Op(9, self.indexes, "stock", {"sku": sku}, world.now_ns())
        try:
            answer = await process.call(process.engine.stock(sku))
            op.answered_ns, op.answer = world.now_ns(), synthetic.json_of(answer)
            op.outcome, op.status = "ok", 200 if answer else 404
        except (ServiceError, ConnectionError):
            op.outcome = "unavailable"
        world.history.add(op)
        return op


class _NoCollector:
    """A full collection at each start would be most of a run's time, and what is garbage is not the
    same in two runs of one seed."""

    def __init__(self) -> None:
        self.callbacks: list[Any] = []

    def get_count(self) -> tuple[int, int, int]:
        """Return that nothing is new."""
        return 0, 0, 0

    def __getattr__(self, name: str) -> Any:
        return lambda *words: None


def opening() -> list[commands.Command]:
    """What every world begins with."""
    story = synthetic.Story()
    synthetic.seed_story(story)
    line = commands.CountLine
    few = commands.Count("few", "east", (line("a", 2), line("b", 3), line("c", 1)))
    return [*(op.command() for op in story.history.ops), few]


def _memory() -> str | None:
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


def _end_tasks(loop: VirtualLoop) -> None:
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    with contextlib.suppress(Exception):
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))


def explain(simulation: Simulation, verdict: Verdict) -> str:
    """Return what a person needs to see this run again."""
    world = simulation.world
    return (
        f"seed {simulation.seed}: armed {sorted(world.armed)}, fired {world.fired}\n"
        f"{verdict.explain()}\n{msgspec.json.encode(verdict.sometimes).decode()}"
    )
