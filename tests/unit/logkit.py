"""Small logs for the tests of engine/log: made by the real ledger, or of records packed by hand."""

import contextlib
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from engine.core import records
from engine.core.commands import (
    Command,
    PutLocation,
    PutSku,
    ReceiptLine,
    Receive,
    Request,
)
from engine.core.errors import LogError
from engine.core.events import Event
from engine.core.ledger import Ledger
from engine.core.outcomes import Accepted
from engine.core.records import Batch
from engine.log import frame
from engine.log.archive import Archive
from engine.log.embedded import EmbeddedServer, binary
from engine.log.frame import Frame, Link
from engine.log.reader import open_epoch, read_frames
from engine.log.store import Appender, Store
from engine.log.writer import Writer

START_US = 1_700_000_000_000_000
STEP_US = 1_000


class Chain:
    """A growing chain of frames. `entries` are (entry id, bytes) as they would stand in the log."""

    def __init__(self, epoch: int = 1) -> None:
        self.ledger, self.link, self.epoch = Ledger(), Link(), epoch
        self.stamp_us = START_US
        self.entries: list[tuple[str, bytes]] = [(f"{epoch}-0", frame.pack_fence(epoch, "test"))]

    def ask(self, *commands: Command | Request, wait_us: int = STEP_US) -> list:
        """Decide commands in one batch and append its frame; return the outcomes."""
        self.stamp_us += wait_us
        self.ledger.begin(self.stamp_us)
        self.ledger.expire()
        requests = [c if isinstance(c, Request) else Request(c) for c in commands]
        outcomes = [self.ledger.decide(request) for request in requests]
        batch = self.ledger.drain()
        if batch.count:
            self.add(batch)
        return outcomes

    def done(self, *commands: Command | Request, wait_us: int = STEP_US) -> None:
        """As `ask`; every command has to be accepted."""
        for outcome in self.ask(*commands, wait_us=wait_us):
            assert isinstance(outcome, Accepted), outcome

    def plant(self, *events: Event, wait_us: int = STEP_US) -> int:
        """Append a frame of events that no ledger has checked; return the first one's seq."""
        self.stamp_us += wait_us
        packed = [records.encode(event) for event in events]
        return self.raw(*packed)

    def raw(self, *packed: bytes) -> int:
        """Append a frame of packed records; return the first one's seq."""
        first = self.link.seq + 1
        self.stamp_us += 1
        self.add(Batch(self.stamp_us, first, len(packed), b"".join(packed)))
        return first

    def add(self, batch: Batch) -> None:
        """Append a batch as the next frame."""
        data, digest = frame.pack(self.epoch, self.link.digest, batch)
        last = batch.first_seq + batch.count - 1
        self.link = Link(self.epoch, last, batch.stamp_us, digest)
        self.entries.append((f"{self.epoch}-{last}", data))

    def reopen(self) -> None:
        """Open the next epoch."""
        self.epoch += 1
        self.entries.append((f"{self.epoch}-0", frame.pack_fence(self.epoch, "test")))

    @property
    def frames(self) -> list[Frame]:
        """The frames so far."""
        return [frame.unpack(data, name) for name, data in self.entries if name[-2:] != "-0"]

    def archived(self, folder: Path, *, target_bytes: int = 1 << 20) -> Archive:
        """Put the whole chain into an archive under the data folder `folder`."""
        archive = Archive(folder / "archive", target_bytes=target_bytes)
        archive.append(self.frames)
        archive.flush()
        return archive


def stocked(on_hand: int = 10, skus: int = 3) -> Chain:
    """A chain with one location, SKUs `S0`, `S1`, … and `on_hand` of each; positions by number."""
    chain = Chain()
    chain.done(PutLocation("L0", "one", "warehouse", "DE"))
    chain.done(*(PutSku(f"S{n}", "thing") for n in range(skus)))
    lines = tuple(ReceiptLine(f"S{n}", on_hand) for n in range(skus))
    chain.done(Receive("opening", "L0", lines))
    return chain


SAFE = {"appendonly": "yes", "appendfsync": "always", "maxmemory": "100mb", "save": ""}


@contextlib.contextmanager
def plain_server(folder, password: str = "", **settings):
    """A server as somebody else might run it."""
    folder.mkdir()
    path = folder / "s.sock"
    words = [f"--{name.replace('_', '-')}={value}" for name, value in settings.items()]
    words = [part for word in words for part in word.split("=", 1)]
    command = [str(binary()), "--port", "0", "--unixsocket", str(path), "--dir", str(folder)]
    process = subprocess.Popen([*command, *words], stdout=subprocess.DEVNULL)
    try:
        store = Store(f"unix://:{password}@{path}")
        while True:
            with contextlib.suppress(LogError):
                store.process_id()
                break
            time.sleep(0.01)
        yield store
        store.close()
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def running(folder: Path, **options) -> Iterator[EmbeddedServer]:
    """The real bundled server on a folder of its own."""
    server = EmbeddedServer(folder, **options)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def batch(link: Link, size: int = 20) -> Batch:
    """The batch that may follow on `link`: one record, which the store does not look into."""
    return Batch(link.stamp_us + 1, link.seq + 1, 1, b"r" * size)


async def grown(url: str, store: Store, count: int) -> Writer:
    """A writer that has opened an epoch and appended `count` frames behind what is there."""
    epoch = open_epoch(store, "test")
    link = Link()
    for found in read_frames(store, link):
        link = frame.follow(link, found)
    writer = Writer(await Appender.connect(url), link, epoch)
    for _ in range(count):
        await writer.append(batch(writer.link))
    return writer
