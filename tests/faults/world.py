"""A world in memory: a log that fails on purpose, as seeded dice say.

Fault sites are armed once for a run, each with probability ¼, and an armed one fires now and then:

    refuse    the server refuses an append and stores nothing
    drop      the connection ends before the server has stored it
    silence   the server has stored it, and the answer is lost
    late      the connection ends, and the server stores it a little later
    slow      an append takes long
    away      reads fail for a while
    kill      the process ends without a word
    takeover  another process starts on the same log while the first one lives
    clock     the wall clock jumps before a start
"""

import asyncio
import contextlib
import random
from collections import deque

from engine.core.errors import AppendError, DoubtError, FencedError, LogError
from engine.log.frame import pack_fence
from tests.faults.history import History

SITES = ("refuse", "drop", "silence", "late", "slow", "away", "kill", "takeover", "clock")
ARMED, FIRES = 0.3, 0.08


class World:
    """What outlives every process: the log, the clients' history, the dice."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.armed = {site for site in SITES if self.rng.random() < ARMED}
        self.busy = self.rng.random() < 0.5
        self.fired: dict[str, int] = {}
        self.entries: list[tuple[str, bytes]] = []
        self.history = History()
        self.quiet = False
        self.away_until = 0.0
        self.ticks = 0
        self.hashes: dict[str, dict[str, bytes]] = {}

    def fires(self, site: str) -> bool:
        """Roll the dice for a site."""
        if self.quiet or site not in self.armed or self.rng.random() >= FIRES:
            return False
        self.fired[site] = self.fired.get(site, 0) + 1
        return True

    def now_ns(self) -> int:
        """Virtual time that never stands still, for the history."""
        self.ticks += 1
        return int(asyncio.get_running_loop().time() * 1e9) + self.ticks

    @property
    def last(self) -> tuple[int, int]:
        """The highest entry id."""
        return position(self.entries[-1][0]) if self.entries else (0, 0)

    def store(self, entry_id: str, data: bytes, after: str = "") -> None:
        """Do what the server does with an entry, which may belong behind `after` only."""
        if position(entry_id) <= self.last or (after and position(after) < self.last):
            raise FencedError(f"{entry_id} is equal or smaller than the target stream top item")
        if after and position(after) != self.last:
            raise AppendError(f"the entry before, {after}, is not there")
        self.entries.append((entry_id, data))


def position(entry_id: str) -> tuple[int, int]:
    """Return (epoch, seq) of an entry's id."""
    epoch, seq = entry_id.split("-")
    return int(epoch), int(seq)


class FakeStore:
    """The face of `log.store.Store` that recovery needs, over a world."""

    def __init__(self, world: World) -> None:
        self._world = world

    def _ask(self) -> World:
        now_s = asyncio.get_event_loop().time()
        if self._world.fires("away"):
            self._world.away_until = now_s + self._world.rng.random()
        if now_s < self._world.away_until and not self._world.quiet:
            raise LogError("the server is away")
        return self._world

    def check_settings(self) -> list[str]:
        return []

    def check_scripts(self) -> None:
        pass

    def close(self) -> None:
        pass

    def last_id(self) -> str:
        return "{}-{}".format(*self._ask().last)

    def fence(self, epoch: int, writer: str) -> None:
        self._ask().store(f"{epoch}-0", pack_fence(epoch, writer))

    def read(self, after_id: str, count: int, block_ms: int = 0) -> list:
        after = position(after_id)
        return [e for e in self._ask().entries if position(e[0]) > after][:count]

    def read_back(self, before_id: str | None, count: int) -> list:
        rows = self._ask().entries
        if before_id:
            rows = [e for e in rows if position(e[0]) < position(before_id)]
        return rows[::-1][:count]

    def tail(self):
        return next(iter(self.read_back(None, 1)), None)

    def entry(self, entry_id: str) -> bytes | None:
        return dict(self._ask().entries).get(entry_id)

    def hash_all(self, name: str) -> dict[str, bytes]:
        return dict(self._ask().hashes.get(name, {}))


class FakeAppender:
    """The writer's connection: what is sent is served in order, one thing after the other. It ends
    with its first fault that leaves doubt, as the real one does."""

    def __init__(self, world: World) -> None:
        self._world, self._open = world, True
        self._sent: deque = deque()
        self._serving: asyncio.Task | None = None

    def append(self, after: str, entry_id: str, data: bytes, told, timeout_s: float = 10.0) -> None:
        self._send((after, entry_id, data), told)

    def confirm(self, entry_id: str, told, timeout_s: float = 10.0) -> None:
        self._send((entry_id,), told)

    def _send(self, what: tuple, told) -> None:
        if not self._open:
            told(AppendError("not connected; nothing was sent"))
            return
        self._sent.append((what, told))
        if not self._serving:
            self._serving = asyncio.create_task(self._serve())

    async def _serve(self) -> None:
        """Serve what was sent. The server may read several commands at once: then there is no
        time between them."""
        together = 0
        while self._sent:
            what, told = self._sent[0]
            try:
                if not together:
                    await self._wait()
                    together = self._world.rng.randint(1, len(self._sent))
                together -= 1
                (self._confirm if len(what) == 1 else self._append)(*what)
                error = None
            except LogError as found:
                error = found
            if not self._open:
                self._end()
                return
            self._sent.popleft()
            told(error)
        self._serving = None

    async def _wait(self) -> None:
        world = self._world
        await asyncio.sleep(world.rng.random() * (2.0 if world.fires("slow") else 0.002))

    def _append(self, after: str, entry_id: str, data: bytes) -> None:
        world, rng = self._world, self._world.rng
        if world.fires("refuse"):
            raise AppendError("OOM command not allowed; nothing was stored")
        if world.fires("drop"):
            self._open = False
        elif world.fires("late"):
            self._open = False
            self._arrive_later(rng.random() * 0.2)
        else:
            world.store(entry_id, data, after)
            self._open = not world.fires("silence")

    def _confirm(self, entry_id: str) -> None:
        world = self._world
        if world.fires("refuse"):
            raise AppendError("no answer; nothing was to be stored")
        if world.last > position(entry_id):
            raise FencedError("a newer writer leads")

    def _arrive_later(self, delay_s: float) -> None:
        """What is on its way reaches the server, or the first part of it does."""
        reach = self._world.rng.randint(1, len(self._sent))
        for what, _ in list(self._sent)[:reach]:
            if len(what) > 1:
                asyncio.get_running_loop().call_later(delay_s, self._arrive, *what)

    def _arrive(self, after: str, entry_id: str, data: bytes) -> None:
        with contextlib.suppress(FencedError, AppendError):
            self._world.store(entry_id, data, after)

    def _end(self) -> None:
        sent, self._sent = self._sent, deque()
        for what, told in sent:
            kind = AppendError if len(what) == 1 else DoubtError
            told(kind("the connection was lost"))

    async def close(self) -> None:
        """The process lets go, or has died: what it has sent may be on its way."""
        if self._serving:
            self._serving.cancel()
        if self._open and self._sent and self._world.rng.random() < 0.5:
            self._arrive_later(0.0)
        self._open = False
        self._end()
