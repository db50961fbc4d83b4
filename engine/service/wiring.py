"""What is built from what: the one place that constructs stores, keys, engine and replica."""

import os
import socket
import uuid
from pathlib import Path

from engine.config import Settings, ledger_class
from engine.log.embedded import EmbeddedServer
from engine.log.store import Appender, AsyncStock, Store
from engine.service.changes import Changes
from engine.service.engine import Engine
from engine.service.keys import KeyBook, load_secret
from engine.service.people.book import People
from engine.service.replica import Replica


class Wiring:
    """Parts for one data folder. With the bundled server, connecting starts it where it is down.

    `close` stops the bundled server only if this process started it.
    """

    def __init__(self, settings: Settings) -> None:
        settings.prepare()
        self.settings = settings
        memory_bytes = settings.log_memory_mib << 20
        self.server = (
            None
            if settings.redis
            else EmbeddedServer(settings.data / "server", memory_bytes=memory_bytes)
        )
        self._started = False

    def url(self, role: str) -> str:
        """Return the log server's address for a role: writer, worker or reader."""
        if self.server is None:
            return self.settings.redis
        # The first start also takes over a server that a killed process left behind.
        if not self._started or not self.server.alive():
            self.server.start()
            self._started = True
        return self.server.url(role)

    def store(self, role: str = "writer") -> Store:
        """Return a connected store."""
        return Store(self.url(role))

    async def appender(self) -> Appender:
        """Return a connected appender."""
        return await Appender.connect(self.url("writer"))

    async def stock_reader(self) -> AsyncStock:
        """Return a connected reader of the stock stream."""
        return await AsyncStock.connect(self.url("reader"))

    def key_book(self) -> KeyBook:
        """Return the API keys, not yet read."""
        return KeyBook(self.store("worker"), load_secret(self.settings.data / "secret"))

    def people(self) -> People:
        """Return users and their sessions, not yet read."""
        return People(self.store("worker"), load_secret(self.settings.data / "secret"))

    def engine(self) -> Engine:
        """Return the engine, not yet leading."""
        name = f"{socket.gethostname()}/{os.getpid()}/{uuid.uuid4().hex[:8]}"
        return Engine(
            self.settings.data,
            ledger_class(self.settings.ledger),
            self.store,
            self.appender,
            Changes(self.stock_reader),
            name=name,
            awake=self.settings.stays_awake,
        )

    def replica(self, **pace: float) -> Replica:
        """Return the worker's replica."""
        return Replica(
            self.settings.data,
            ledger_class(self.settings.ledger),
            lambda: self.store("worker"),
            **pace,
        )

    def close(self) -> None:
        """Stop the bundled server if it was started here."""
        if self.server:
            self.server.stop()


def front_paths(settings: Settings) -> tuple[Path, Path]:
    """Return the sockets on which the writer's process hears its fronts: packed requests, HTTP."""
    return settings.data / "fronts.sock", settings.data / "http.sock"


def logs_folder(settings: Settings) -> Path:
    """Return where `dibs up` lets its processes write their logs."""
    folder = settings.data / "logs"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder
