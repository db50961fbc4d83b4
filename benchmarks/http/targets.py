"""The contestants: each starts its server for one workload, counts its books, and stops.

A target is made, then opened, and closed even if opening failed. It is free to run on all cores
until `pin` puts its front on one; what it stores on (`stores`: process ids) stays free. `books` are
read while it runs, `audit` after it has stopped; both are None where there is nothing to read.
"""

import contextlib
import http.client
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

import msgspec

from benchmarks.http import processes
from benchmarks.http.books import Books, audit, fill, total
from benchmarks.http.servers import Postgres, Valkey
from benchmarks.http.workloads import Workload, sku_name
from benchmarks.peers import http_postgres, http_tigerfans
from benchmarks.stores.servers import postgres_programs
from engine.core.answers import StockAnswer

UNITS = 1_000_000_000
_stock = msgspec.json.Decoder(StockAnswer).decode


class Target:
    """One server process under load, in a folder of its own."""

    key = ""

    def __init__(self, name: str, folder: Path, workload: Workload) -> None:
        self.name, self.folder, self.workload = name, folder, workload
        self.skus = [sku_name(n) for n in range(workload.skus)]
        self.port = processes.free_port()
        self.stores: list[int] = []
        self.environment: dict[str, str] = {}
        self.running = contextlib.ExitStack()

    def open(self) -> None:
        """Start all its servers, each with its end put on `running`."""
        raise NotImplementedError

    def start(self, module: str, *words: str) -> None:
        """Start `python -m module … --port N` and wait until it answers."""
        command = [sys.executable, "-m", module, *words, "--port", str(self.port)]
        output = self.folder / "output.log"
        self.process = processes.start(command, output, env={**os.environ, **self.environment})
        self.running.callback(processes.stop, self.process)
        processes.wait_until(lambda: processes.answers(self.port), self.process, output)

    def front(self) -> list:
        """Return the processes that are this target's own: all that its figures answer for."""
        return processes.tree(self.process.pid, self.stores)

    def writer(self) -> list:
        """Return those of its own processes that decide; in most targets they all do."""
        return self.front()

    def behind(self) -> list:
        """Return the processes of what it stores on."""
        return [process for pid in self.stores for process in processes.tree(pid)]

    def pin(self, core: int) -> None:
        """Put the front on one core and check that what it stores on may run everywhere."""
        processes.pin(self.front(), {core})
        processes.check_free(self.behind())

    def books(self) -> Books | None:
        """Return what is taken now."""
        return None

    def audit(self) -> Books | None:
        """Return what is taken after a restart; only after `close`."""
        return None

    def close(self) -> None:
        """Stop its servers, the last one first."""
        self.running.close()


class Dibs(Target):
    """A server on a dibs data folder. With many SKUs the books are read from a sample of them and
    the count of orders; `audit` then reads them all."""

    SAMPLE = 200

    def __init__(
        self,
        name: str,
        folder: Path,
        workload: Workload,
        module: str = "engine.cli",
        words: tuple[str, ...] = ("serve",),
        *,
        durable: bool = True,
        environment: dict[str, str] | None = None,
    ) -> None:
        super().__init__(name, folder, workload)
        self.environment = environment or {}
        self._module, self._words = module, words
        self._data, self._durable = folder / "data", durable
        self._units = 1 if workload.sold_out else UNITS

    def open(self) -> None:
        """Fill a data folder and start the server on it."""
        fill(self._data, self.skus, self._units, sold_out=self.workload.sold_out)
        self.start(self._module, *self._words, "--data", str(self._data))
        self.key = (self._data / "admin.key").read_text().strip()
        self.stores = [int((self._data / "server" / "server.pid").read_text())]

    def books(self) -> Books:
        """Read stock, and orders where there are too many SKUs, as any caller could."""
        few = len(self.skus) <= self.SAMPLE
        names = self.skus if few else random.sample(self.skus, self.SAMPLE)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            found = total((_stock(self._get(connection, name)) for name in names), self._units)
            if few:
                return found
            metrics = self._get(connection, "/metrics").decode()
        finally:
            connection.close()
        row = 'dibs_ledger_rows{table="orders"} '
        orders = next(line for line in metrics.splitlines() if line.startswith(row))
        return Books(round(float(orders.removeprefix(row))) * self.workload.lines, found.sound)

    def _get(self, connection: http.client.HTTPConnection, name: str) -> bytes:
        path = name if name.startswith("/") else f"/v1/stock/{name}"
        connection.request("GET", path, headers={"Authorization": f"Bearer {self.key}"})
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise SystemExit(f"{self.name}: GET {path} answers {answer.status}")
        return body

    def audit(self) -> Books | None:
        """Read the log back."""
        return audit(self._data, self.skus, self._units) if self._durable else None


class Fronted(Dibs):
    """The writer behind front processes, all of which count as the front."""

    def open(self) -> None:
        """Start it, and wait until every front takes connections: the first answers for all."""
        super().open()
        output = self.folder / "output.log"
        processes.wait_until(lambda: "fronts listen" in output.read_text(), self.process, output)

    def writer(self) -> list:
        """Return the process behind the fronts."""
        return self.front()[:1]


class Pydantic(Dibs):
    """The idiomatic front on our engine. It has no call for stock: the audit must do."""

    def books(self) -> None:
        """There is nothing to ask."""
        return None


class Echo(Target):
    """A server that sends the body back."""

    def __init__(self, name: str, folder: Path, workload: Workload, kind: str) -> None:
        super().__init__(name, folder, workload)
        self._kind = kind

    def open(self) -> None:
        """Start it."""
        self.start("benchmarks.peers.http_echo", "--kind", self._kind)


class RedisLua(Target):
    """FastAPI, redis-py and a Lua script on a Valkey of its own."""

    def open(self) -> None:
        """Start Valkey and the HTTP server."""
        self._units = 0 if self.workload.sold_out else UNITS
        self._valkey = Valkey(self.folder / "valkey")
        self.running.callback(self._valkey.stop)
        self._valkey.stock(self.skus, self._units)
        self.stores.append(self._valkey.pid)
        self.start("benchmarks.peers.redis_lua", "--redis", self._valkey.url)

    def books(self) -> Books:
        """Read the hash of stock."""
        left = self._valkey.left()
        return Books(self._units * len(left) - sum(left), min(left) >= 0)


class OnPostgres(Target):
    """FastAPI and asyncpg on a PostgreSQL of its own."""

    schema = http_postgres.SCHEMA

    def open(self) -> None:
        """Start PostgreSQL and the HTTP server."""
        self._units = 0 if self.workload.sold_out else UNITS
        self._postgres = Postgres(self.folder / "postgres")
        self.running.callback(self._postgres.stop)
        self._postgres.sql(self.schema)
        self._postgres.stock(self.skus, self._units)
        self.stores.append(self._postgres.pid)
        self.start_front("--dsn", self._postgres.dsn)

    def start_front(self, *words: str) -> None:
        """Start the HTTP server."""
        self.start("benchmarks.peers.http_postgres", *words)

    def books(self) -> Books:
        """Read the table of stock."""
        left, least = self._postgres.left()
        return Books(self._units * len(self.skus) - left, least >= 0)


class TigerFans(OnPostgres):
    """FastAPI with orders committed in batches to PostgreSQL and sessions in Redis."""

    schema = http_postgres.SCHEMA + http_tigerfans.SCHEMA

    def start_front(self, *words: str) -> None:
        """Start the sessions' server and the HTTP server."""
        sessions = Valkey(self.folder / "sessions", durable=False)
        self.running.callback(sessions.stop)
        self.stores.append(sessions.pid)
        self.start("benchmarks.peers.http_tigerfans", *words, "--redis", sessions.url)


@cache
def _serve_help() -> str:
    words = [sys.executable, "-m", "engine.cli", "serve", "--help"]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def _needs_option(option: str) -> Callable[[], str]:
    return lambda: "" if option in _serve_help() else f"`dibs serve` has no {option} here"


def _needs_postgres() -> str:
    return "" if postgres_programs() else "PostgreSQL is not installed here"


class Contestant(msgspec.Struct, frozen=True):
    """How a contestant is made. `lacks` says what is missing here to run it, or nothing."""

    make: Callable[..., Target]
    options: dict = {}
    lacks: Callable[[], str] = str


CONTESTANTS = {
    "dibs": Contestant(Dibs),
    "dibs_not_durable": Contestant(
        Dibs, {"module": "benchmarks.peers.http_not_durable", "durable": False}
    ),
    "dibs_slow_lane": Contestant(
        Dibs, {"words": ("serve", "--lane", "slow")}, _needs_option("--lane")
    ),
    # What its CPU is spent on, without waiting for the log in wakefulness.
    "dibs_sleeping": Contestant(Dibs, {"environment": {"DIBS_AWAKE": "off"}}),
    "dibs_two_fronts": Contestant(
        Fronted, {"words": ("serve", "--fronts", "2")}, _needs_option("--fronts")
    ),
    "pydantic_front": Contestant(
        Pydantic, {"module": "benchmarks.peers.http_pydantic", "words": ()}
    ),
    "redis_lua": Contestant(RedisLua),
    "postgres": Contestant(OnPostgres, {}, _needs_postgres),
    "tigerfans": Contestant(TigerFans, {}, _needs_postgres),
    "raw_asgi": Contestant(Echo, {"kind": "raw"}),
    "bare_echo": Contestant(Echo, {"kind": "bare"}),
    "asyncio_echo": Contestant(Echo, {"kind": "asyncio"}),
}


def missing(names: Iterable[str]) -> dict[str, str]:
    """Return what keeps contestants from running here, by name."""
    return {name: why for name in names if (why := CONTESTANTS[name].lacks())}


def make(name: str, folder: Path, workload: Workload) -> Target:
    """Return a contestant for a workload, not yet opened, in `folder`, which is made."""
    folder.mkdir()
    found = CONTESTANTS[name]
    return found.make(name, folder, workload, **found.options)
