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

    def store(self, entry_id: str, data: bytes) -> None:
        """Do what the server does with an XADD."""
        if position(entry_id) <= self.last:
            raise FencedError(f"{entry_id} is equal or smaller than the target stream top item")
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
    """The writer's connection. It ends with its first fault, as the real one does."""

    def __init__(self, world: World) -> None:
        self._world, self._open = world, True

    async def append(self, entry_id: str, data: bytes, timeout_s: float = 10.0) -> None:
        world, rng = self._world, self._world.rng
        if not self._open:
            raise AppendError("not connected; nothing was sent")
        try:
            await asyncio.sleep(rng.random() * (2.0 if world.fires("slow") else 0.002))
        except asyncio.CancelledError:
            if rng.random() < 0.5:  # the process died; the bytes may have been on their way
                with contextlib.suppress(FencedError):
                    world.store(entry_id, data)
            raise
        if world.fires("refuse"):
            raise AppendError("OOM command not allowed; nothing was stored")
        if world.fires("drop"):
            self._open = False
            raise DoubtError("the connection was lost")
        if world.fires("late"):
            self._open = False
            delay_s = rng.random() * 0.2
            asyncio.get_running_loop().call_later(delay_s, self._arrive, entry_id, data)
            raise DoubtError("the connection was lost")
        world.store(entry_id, data)
        if world.fires("silence"):
            self._open = False
            raise DoubtError("no answer")

    async def confirm(self, entry_id: str, timeout_s: float = 10.0) -> None:
        world = self._world
        if not self._open:
            raise AppendError("not connected; nothing was sent")
        await asyncio.sleep(world.rng.random() * 0.001)
        if world.fires("refuse"):
            raise AppendError("no answer; nothing was to be stored")
        if world.last > position(entry_id):
            raise FencedError("a newer writer leads")
        await asyncio.sleep(world.rng.random() * 0.001)

    def _arrive(self, entry_id: str, data: bytes) -> None:
        with contextlib.suppress(FencedError):
            self._world.store(entry_id, data)

    async def close(self) -> None:
        self._open = False
