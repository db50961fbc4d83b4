"""Bytes cut (F3): a proxy between the writer and a real server ends the connection after N bytes,
in either direction, N swept over a whole append and its answer.

After each cut the same request is repeated until it is answered. Whatever N was, the effect is
there once, and nobody is stuck.
"""

import asyncio
import contextlib
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from engine.core import commands
from engine.core.errors import OutcomeUnknownError, ServiceError
from engine.core.ledger import Ledger
from engine.log.appender import Appender
from engine.log.store import Store
from engine.service.engine import Engine
from tests.faults import synthetic
from tests.faults.contest import order, stocked
from tests.faults.history import History, Op
from tests.faults.judge import judge
from tests.faults.supervisor import PlainServer, read_log
from tests.faults.verdict import Verdict

UP, DOWN = "up", "down"
ANSWER_S = 20.0


class Proxy:
    """Forwards one unix socket to another. `arm` sets the next cut."""

    def __init__(self, path: Path, target: Path) -> None:
        self.path, self._target = path, target
        self._server: asyncio.Server | None = None
        self._cut: dict[str, int] = {}
        self.seen = {UP: 0, DOWN: 0}
        self.cuts = 0

    async def __aenter__(self) -> "Proxy":
        self._server = await asyncio.start_unix_server(self._serve, self.path)
        return self

    async def __aexit__(self, *words) -> None:
        self._server.close()

    def arm(self, direction: str, after_bytes: int) -> None:
        """Cut after so many more bytes in one direction."""
        self._cut = {direction: after_bytes}

    def reset(self) -> None:
        """Count bytes anew, and cut nothing."""
        self._cut, self.seen = {}, {UP: 0, DOWN: 0}

    async def _serve(self, reader, writer) -> None:
        try:
            back_reader, back_writer = await asyncio.open_unix_connection(self._target)
        except OSError:
            writer.transport.abort()
            return
        ways = (
            self._pump(UP, reader, back_writer),
            self._pump(DOWN, back_reader, writer),
        )
        tasks = [asyncio.create_task(way) for way in ways]
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            # What was let through has reached the other side before the connection ends.
            for end in (writer, back_writer):
                end.close()
                with contextlib.suppress(OSError):
                    await end.wait_closed()
        for task in tasks:
            task.cancel()

    async def _pump(self, way: str, reader, writer) -> None:
        with contextlib.suppress(OSError):
            while True:
                left = self._cut.get(way)
                data = await reader.read(65_536 if left is None else max(left, 1))
                left = self._cut.get(way)
                if not data:
                    return
                self.seen[way] += len(data)
                if left is not None and len(data) >= left:
                    writer.write(data[:left])
                    await writer.drain()
                    self._cut, self.cuts = {}, self.cuts + 1
                    return
                if left is not None:
                    self._cut[way] = left - len(data)
                writer.write(data)
                await writer.drain()


class Cuts(msgspec.Struct):
    """What the sweep did and found."""

    request_bytes: int
    answer_bytes: int
    swept: int
    unknown: int
    stuck: int
    seconds: float
    verdict: Verdict

    @property
    def clean(self) -> bool:
        """Whether each cut left one effect and nobody waiting."""
        return self.verdict.clean and not self.stuck


class _NoFollowers:
    async def run(self) -> None:
        await asyncio.Event().wait()


class Sweep:
    """One engine, one server, one proxy, one client."""

    def __init__(self, engine: Engine, proxy: Proxy) -> None:
        self.engine, self.proxy = engine, proxy
        self.history = History()
        self.index = self.unknown = self.stuck = 0

    async def send(self, command: commands.Command) -> Op:
        """Send one command once, and note what came of it."""
        self.index += 1
        name, body = type(command).__name__, synthetic.json_of(command)
        op = Op(0, self.index, name, body, time.monotonic_ns())
        try:
            async with asyncio.timeout(ANSWER_S):
                outcome = await self.engine.submit(commands.Request(command, "k1"))
            synthetic.tell(op, outcome, time.monotonic_ns())
        except OutcomeUnknownError:
            op.outcome, op.status, op.answered_ns = "unknown", 503, time.monotonic_ns()
            self.unknown += 1
        except ServiceError:
            op.outcome, op.status, op.answered_ns = "unavailable", 503, time.monotonic_ns()
        except TimeoutError:
            self.stuck += 1
        self.history.add(op)
        return op

    async def insist(self, command: commands.Command) -> Op:
        """Send until the answer is definite."""
        deadline = time.monotonic() + ANSWER_S
        while time.monotonic() < deadline:
            op = await self.send(command)
            if op.outcome in ("ok", "refused"):
                return op
            await asyncio.sleep(0.005)
        self.stuck += 1
        return op

    async def sizes(self) -> tuple[int, int]:
        """Return the bytes of one order's append and of its answer."""
        self.proxy.reset()
        await self.insist(order("size-00000", ("hot", 1)))
        return self.proxy.seen[UP], self.proxy.seen[DOWN]


async def cuts(step: int, told: Callable[[str], None] = lambda text: None) -> Cuts:
    """Cut at every `step`-th byte, in both directions."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="dibs-cuts-") as name:
        folder = Path(name)
        server = PlainServer(folder / "log")
        server.start()
        try:
            async with Proxy(folder / "p.sock", server.path) as proxy:
                sweep, sizes, swept = await _sweep(folder, server, proxy, step, told)
            entries = read_log(server.url).entries
        finally:
            server.kill()
    verdict = judge(sweep.history, entries)
    return Cuts(*sizes, swept, sweep.unknown, sweep.stuck, time.monotonic() - began, verdict)


async def _sweep(folder: Path, server: PlainServer, proxy: Proxy, step: int, told):
    engine = Engine(
        folder,
        Ledger,
        lambda: Store(server.url),
        lambda: Appender.connect(f"unix://{proxy.path}"),
        _NoFollowers(),
        name="sweep",
    )
    leading = asyncio.create_task(engine.lead())
    sweep, swept = Sweep(engine, proxy), 0
    try:
        for command in stocked(hot=100_000):
            await sweep.insist(command)
        sizes = await sweep.sizes()
        for way, size in zip((UP, DOWN), sizes, strict=True):
            for place in range(0, size + 1, step):
                await sweep.insist(order(f"calm-{swept:05}", ("hot", 1)))
                proxy.arm(way, max(place, 1))
                await sweep.insist(order(f"{way}-{place:06}", ("hot", 1)))
                proxy.reset()
                swept += 1
                told(f"{way} {place}")
    finally:
        leading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await leading
    return sweep, sizes, swept
