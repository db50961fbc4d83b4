"""How many durable two-line takes a second, beside what else can hold stock on this machine?

Boundary B1: batches go to a store over a Unix socket and are answered when they are durable, all on
the same disk. An order takes a unit of two SKUs once, all or nothing; over 1,000 SKUs, or all on
one hot pair. Contestants take turns in every round, each with fresh books: Redis with a Lua script
that writes its own log entry, PostgreSQL in four ways, SQLite with one commit for each batch, and
dibs, durable and not. After each run the books must hold what was answered, sending orders again
must take nothing, and all must be there still after the store was killed; else the round counts as
zero. Beside them: the log writer alone on ready batches, L5 with entries of the same size, and L2.

    python -m benchmarks.bench_stores [--short] [--rounds 7] [--seconds 3] [--only dibs,SQLite]
"""

import argparse
import contextlib
import logging
import random
import statistics
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import structlog
from rich.progress import Progress

from benchmarks.limits.disk import append_and_sync, disk_of
from benchmarks.limits.log import DEPTH, LogServer
from benchmarks.show import CONSOLE, Samples, finish
from benchmarks.stats import ratio_row
from benchmarks.stores import writer
from benchmarks.stores.contest import BATCH, CASES, HOT, SPREAD, Broken, Store, judge
from benchmarks.stores.dibs import Dibs, NotDurable
from benchmarks.stores.postgres import VARIANTS, PostgresVariant
from benchmarks.stores.redis_script import RedisScript
from benchmarks.stores.servers import Postgres, postgres_programs
from benchmarks.stores.sqlite_writer import SqliteWriter
from engine.core.errors import DibsError

STREAMS = (1, 4)
UNIT = "orders/s"
LOG, FRAME_ORDERS = "log writer alone", (500, 4_096)
Maker = Callable[[Path], Store]


def makers(server: Postgres | None) -> dict[str, Maker]:
    """Return how each contestant is made, by the name of its group and variant."""
    found: dict[str, Maker] = {}
    for kind, group in ((Dibs, "dibs"), (NotDurable, "not durable"), (RedisScript, "Redis")):
        for streams in STREAMS:
            found[f"{group} {streams}"] = partial(kind, streams=streams)
    found["SQLite"] = SqliteWriter
    for how in VARIANTS if server else ():
        found[f"PostgreSQL {how}"] = partial(PostgresVariant, server=server, how=how)
    return found


@contextlib.contextmanager
def postgres(wanted: bool, folder: Path | None) -> Iterator[Postgres | None]:
    """Run a PostgreSQL server, or none where there is none or it is not wanted."""
    programs = postgres_programs() if wanted else None
    if not programs:
        if wanted:
            CONSOLE.print("PostgreSQL is left out: its programs are not on this machine")
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="dibs-bench-", dir=folder) as place:
        Path(place).chmod(0o711)  # the server's user must get through
        server = Postgres(Path(place, "server"), programs)
        try:
            yield server
        finally:
            server.stop()


def contest(make: Maker, case: str, seed: int, seconds: float, folder: Path | None):
    """Let one contestant run; return (its name, orders a second or 0 if its books are wrong)."""
    with tempfile.TemporaryDirectory(prefix="dibs-bench-", dir=folder) as place:
        store = make(Path(place, "store"))
        try:
            per_s = store.run(CASES[case], seed, seconds)
            judge(store, CASES[case], seed)
        except (Broken, DibsError, OSError, RuntimeError) as error:
            CONSOLE.print(f"{store.name}, {case}: [red]counts as zero[/], {error}")
            per_s = 0.0
        finally:
            store.close()
    return store.name, per_s


def log_round(samples: Samples, batches: dict[int, list], seconds: float, folder: Path) -> None:
    """Measure the writer alone, L5 with entries of the same size, and L2."""
    for each, ready in batches.items():
        size = sum(len(batch.records) for batch in ready[1:]) // (len(ready) - 1)
        case = f"frames of {each:,} orders"
        with tempfile.TemporaryDirectory(prefix="dibs-bench-", dir=folder) as place:
            for unit, value in writer.write(Path(place, "ours"), ready).items():
                samples.add(case, LOG, unit, value)
            server = LogServer(Path(place, "server"))
            try:
                for depth in (DEPTH, 1):
                    found = server.append(size, depth, seconds)
                    samples.add(case, f"L5, {depth} deep", "bytes/s", found["bytes/s"])
            finally:
                server.close()
    for unit, value in append_and_sync(folder, seconds).items():
        samples.add("L2 append of 4 KiB and fdatasync", "disk", unit, value)


class Ratios:
    """The goal rows, from the samples of the groups that took part."""

    def __init__(self, samples: Samples, names: dict[str, list[str]]) -> None:
        self._samples, self._names, self.found = samples, names, []

    def best(self, group: str, case: str) -> list[float]:
        """Return the samples of the group's variant with the highest median; [] without any."""
        taken = [self._samples.of(case, name, UNIT) for name in self._names.get(group, ())]
        return max(taken, key=statistics.median, default=[])

    def add(self, name: str, top: list[float], bottom: list[float], **goals) -> None:
        """Add a ratio if both sides took part."""
        if top and bottom:
            self.found.append(ratio_row(name, top, bottom, **goals))

    def all(self) -> list[dict]:
        """Return goal rows 2, 3, 4, 6, 8 and 9."""
        goals = {
            ("Redis", SPREAD): (3, 10),
            ("Redis", HOT): (3, 10),
            ("PostgreSQL", HOT): (30, 100),
            ("SQLite", SPREAD): (3, 8),
            ("SQLite", HOT): (3, 8),
        }
        for case in CASES:
            ours = self.best("dibs", case)
            for peer in ("Redis", "PostgreSQL", "SQLite"):
                floor, target = goals.get((peer, case), (None, None))
                name = f"ours ÷ {peer}, best variants, {case}"
                self.add(name, ours, self.best(peer, case), floor=floor, target=target)
            rest = self.best("not durable", case)
            self.add(f"durable ÷ not durable, {case}", ours, rest, floor=0.6, target=0.85)
        for group in self._names:
            own = {"floor": 0.9, "target": 1.0} if group == "dibs" else {}
            name = f"hot pair ÷ spread, {group}"
            self.add(name, self.best(group, HOT), self.best(group, SPREAD), **own)
        for each in FRAME_ORDERS:
            case = f"frames of {each:,} orders"
            alone = self._samples.of(case, LOG, "bytes/s")
            limit = self._samples.of(case, f"L5, {DEPTH} deep", "bytes/s")
            self.add(f"log writer ÷ L5, bytes/s, {case}", alone, limit, floor=0.4, target=0.7)
        return self.found


def chosen(options: argparse.Namespace, server: Postgres | None) -> dict[str, Maker]:
    """Return the contestants that `--only` names, or all."""
    found = makers(server)
    if options.only:
        groups = options.only.split(",")
        found = {name: make for name, make in found.items() if name.startswith(tuple(groups))}
    if not found:
        raise SystemExit(f"nobody is called {options.only}; there are {', '.join(makers(server))}")
    return found


def measure(options: argparse.Namespace, server: Postgres | None, samples: Samples) -> dict:
    """Run all rounds; return the contestants' names by group."""
    contestants, folder = chosen(options, server), options.folder
    pick, names = random.Random(options.seed), {}
    batches = {n: writer.ready(options.orders // n, n, pick) for n in FRAME_ORDERS}
    disk = folder or Path(tempfile.gettempdir())
    with Progress(console=CONSOLE) as progress:
        task = progress.add_task("stores", total=options.rounds * len(CASES) * len(contestants))
        for number in range(options.rounds):
            log_round(samples, batches, options.seconds / 4, disk)
            for case in CASES:
                for key, make in contestants.items():
                    progress.update(task, description=f"{key}, {case}")
                    seed = options.seed + number
                    name, per_s = contest(make, case, seed, options.seconds, folder)
                    samples.add(case, name, UNIT, per_s)
                    group = names.setdefault(key.rsplit(" ", 1)[0], [])
                    if name not in group:
                        group.append(name)
                    progress.advance(task)
    return names


def main() -> None:
    """Measure, print and write `results/stores.jsonl`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true", help="3 rounds of a second each")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--orders", type=int, default=200_000, help="for the log writer alone")
    parser.add_argument("--only", help="contestants whose names begin so, with commas between")
    parser.add_argument("--folder", type=Path, help="on the disk to use; default: temporary")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if options.short:
        options.rounds, options.seconds, options.orders = 3, 1, 50_000
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    samples = Samples()
    wanted = not options.only or "PostgreSQL" in options.only
    with postgres(wanted, options.folder) as server:
        names = measure(options, server, samples)
    disk = disk_of(options.folder or Path(tempfile.gettempdir()))
    settings = {"seed": options.seed, "seconds": options.seconds, "short": options.short}
    ratios = Ratios(samples, names).all()
    settings |= {"batch": BATCH, "disk": disk}
    finish("stores", {**settings, "rows": samples.rows(), "ratios": ratios})


if __name__ == "__main__":
    main()
