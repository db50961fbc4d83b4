"""Rot (F8): every byte of stored entries flipped, and bytes of the server's own file.

The sweep copies a log into keys of its own on a real server, one copy for each flip, and reads it
back with the engine's reader and with the walker of `dibs verify`. The file test flips bytes of the
append-only file while the server is down: the server loads them without a word, so `dibs serve`
and `dibs verify` must be the ones to refuse.
"""

import asyncio
import contextlib
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec

from engine.core.errors import CorruptLogError, LedgerError, LogError
from engine.core.ledger import Ledger
from engine.log.frame import Link
from engine.log.reader import read_frames
from engine.log.store import Keys, Store
from engine.log.verify import verify
from tests.faults.chain import Break, Chain
from tests.faults.history import History
from tests.faults.supervisor import ROOT, Ground, PlainServer, read_log
from tests.faults.workload import Client, catalogue

EXIT_CORRUPT = 4


class Flips(msgspec.Struct):
    """How many flips were made, and how many each reader found."""

    flips: int = 0
    by_reader: int = 0
    by_verify: int = 0
    by_judge: int = 0
    file_flips: int = 0
    file_by_verify: int = 0
    file_by_serve: int = 0
    false_alarms: int = 0

    @property
    def clean(self) -> bool:
        """Whether everything was found by everyone."""
        found = {self.by_reader, self.by_verify, self.by_judge, self.flips}
        in_file = {self.file_by_verify, self.file_by_serve, self.file_flips}
        return len(found) == len(in_file) == 1 and bool(self.flips) and not self.false_alarms


def flipped(data: bytes, place: int, mask: int) -> bytes:
    """Return `data` with one byte changed."""
    return data[:place] + bytes([data[place] ^ mask]) + data[place + 1 :]


async def small_log(ground: Ground, orders: int = 4) -> list[tuple[str, bytes]]:
    """Make a small real log and leave everything stopped but the log server."""
    ground.front.start()
    await ground.front.ready()
    history = History()
    client = Client(0, ground.front, history, 1)
    for command in catalogue():
        await client.insist(command)
    for _ in range(orders):
        await client.send(client._order())
    client.wire.close()
    ground.front.kill()
    return read_log(ground.server.url).entries


class Copies:
    """Damaged copies of a log, each under keys of its own."""

    def __init__(self, url: str, empty: Path) -> None:
        self.url, self.empty, self.count = url, empty, 0

    def put(self, entries: list[tuple[str, bytes]]) -> Store:
        """Store a copy; return the store that reads it."""
        self.count += 1
        store = Store(self.url, Keys(self.count))
        for entry_id, data in entries:
            store.append(entry_id, data)
        return store

    def found(self, entries: list[tuple[str, bytes]]) -> tuple[bool, bool, bool]:
        """Say whether reader, walker and judge see that the copy is damaged."""
        store = self.put(entries)
        try:
            by_reader = not _reads(store)
            by_verify = not verify(store, self.empty).ok
        finally:
            store.close()
        return by_reader, by_verify, not _holds(entries)


def _reads(store: Store) -> bool:
    ledger = Ledger()
    try:
        for frame in read_frames(store, Link()):
            ledger.apply(frame.stamp_us, frame.first_seq, frame.body)
    except (CorruptLogError, LedgerError, LogError):
        return False
    return True


def _holds(entries: list[tuple[str, bytes]]) -> bool:
    try:
        list(Chain().walk(entries))
    except Break:
        return False
    return True


def sweep(
    entries: list[tuple[str, bytes]],
    found: Flips,
    *,
    frames: int = 2,
    masks: tuple[int, ...] = (0x01,),
    told: Callable[[str], None] = lambda text: None,
) -> None:
    """Flip every byte of the fence and of `frames` frames, one at a time."""
    whole = entries[: 2 + frames]
    with tempfile.TemporaryDirectory(prefix="dibs-flips-") as folder:
        server = PlainServer(Path(folder) / "log")
        server.start()
        try:
            copies = Copies(server.url, Path(folder))
            found.false_alarms += any(copies.found(whole))
            for at in [0, *range(2, len(whole))]:
                entry_id, data = whole[at]
                for place in range(len(data)):
                    for mask in masks:
                        bad = [*whole[:at], (entry_id, flipped(data, place, mask))]
                        seen = copies.found([*bad, *whole[at + 1 :]])
                        found.flips += 1
                        found.by_reader += seen[0]
                        found.by_verify += seen[1]
                        found.by_judge += seen[2]
                told(f"entry {entry_id}: {len(data)} bytes")
        finally:
            server.kill()


def _dibs(*words: str, launch: tuple[str, ...] = ()) -> int:
    module = ["tests.faults.launch", *launch, "--"] if launch else ["engine.cli"]
    try:
        return subprocess.run(
            [sys.executable, "-m", *module, *words], cwd=ROOT, capture_output=True, timeout=60
        ).returncode
    except subprocess.TimeoutExpired:
        return -1


async def file_flips(
    found: Flips, count: int, seed: int, told: Callable[[str], None] = lambda text: None
) -> None:
    """Flip single bytes of frames inside the server's append-only file."""
    rng = random.Random(seed)
    with Ground() as ground:
        entries = await small_log(ground)
        ground.server.kill()
        (path,) = (ground.front.folder / "server" / "appendonlydir").glob("*.incr.aof")
        whole = path.read_bytes()
        for _ in range(count):
            entry_id, data = rng.choice(entries)
            start = whole.index(data)
            path.write_bytes(
                flipped(whole, start + rng.randrange(len(data)), 1 << rng.randrange(8))
            )
            code = await asyncio.to_thread(_dibs, "verify", "--data", str(ground.front.folder))
            found.file_flips += 1
            found.file_by_verify += code == EXIT_CORRUPT
            ground.server.kill()
            found.file_by_serve += await serve_refuses(ground)
            told(f"file, in entry {entry_id}")
        path.write_bytes(whole)
        code = await asyncio.to_thread(_dibs, "verify", "--data", str(ground.front.folder))
        found.false_alarms += code != 0


async def serve_refuses(ground: Ground, *launch: str) -> bool:
    """Say whether `dibs serve` ends with "corrupt" instead of leading."""
    ground.front.start(*launch)
    with contextlib.suppress(RuntimeError):
        await ground.front.ready()
    refused = ground.front.process.poll() == EXIT_CORRUPT
    ground.front.kill()
    ground.server.kill()
    return refused


async def flips(
    frames: int, masks: tuple[int, ...], files: int, seed: int, told=lambda text: None
) -> Flips:
    """Run both."""
    found = Flips()
    with Ground() as ground:
        entries = await small_log(ground)
    await asyncio.to_thread(sweep, entries, found, frames=frames, masks=masks, told=told)
    await file_flips(found, files, seed, told)
    return found
