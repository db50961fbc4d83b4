"""What can this machine do at most? The limits that the ratios of other benchmarks stand on.

L0  neighbour tax: L1 beside a second core that does the same ÷ L1 alone
L1  random read-modify-write of two 64-byte rows, 1 M and 10 M of them, in C
L2  4 KiB appends, each with its fdatasync, on the disk that holds the log
L5  XADD on the bundled server, `appendfsync always`: records and frames of 500, 100 deep or singly
L6  a message to another process and back over a Unix socket

(L3 and L4, the bare HTTP servers, are in `bench_http`.) All limits take turns in every round.

    python -m benchmarks.bench_limits [--short] [--rounds 7] [--seconds 2] [--folder DIR]
"""

import argparse
import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy
from rich.progress import track

from benchmarks.limits import memory
from benchmarks.limits.disk import append_and_sync, disk_of
from benchmarks.limits.log import DEPTH, LogServer
from benchmarks.limits.sockets import ping_pong
from benchmarks.show import Samples, finish
from benchmarks.stats import rates, ratio_row
from benchmarks.workload import pairs

SIZES = {"1 M rows": 1_000_000, "10 M rows": 10_000_000}
# A two-line order's record, and a frame with 500 of them.
ENTRIES = {"record of 100 B": 100, "frame of 50 kB": 50_000}


class Memory:
    """The rows and pairs of L0 and L1."""

    def __init__(self, less: int, seed: int) -> None:
        self.rows = {name: memory.Rows(size // less) for name, size in SIZES.items()}
        pick, count = numpy.random.default_rng(seed), 4_000_000 // less
        self.wanted = {
            (name, way): pairs(count, rows.count, pick, zipf=zipf)
            for name, rows in self.rows.items()
            for way, zipf in memory.WAYS.items()
        }

    def round(self, samples: Samples) -> None:
        """Measure L1 on this process's core, then again beside a busy one."""
        cores = sorted(os.sched_getaffinity(0))
        with memory.pinned(cores[0]):
            self._measure(samples, "alone")
            if len(cores) > 1:
                with memory.neighbour(cores[1], self.rows["1 M rows"].count):
                    self._measure(samples, "beside a busy core")

    def _measure(self, samples: Samples, how: str) -> None:
        for (name, way), wanted in self.wanted.items():
            value = memory.rmw_ns(self.rows[name], wanted)
            samples.add(f"L1 read-modify-write, {name}, {way}", how, "ns/pair", value)

    def close(self) -> None:
        """Free the rows."""
        for rows in self.rows.values():
            rows.close()


@contextlib.contextmanager
def log_server(folder: Path | None) -> Iterator[LogServer]:
    """Run a log server in a temporary folder below `folder`."""
    with tempfile.TemporaryDirectory(prefix="dibs-bench-", dir=folder) as place:
        server = LogServer(Path(place, "server"))
        try:
            yield server
        finally:
            server.close()


def disk_round(samples: Samples, folder: Path, server: LogServer, seconds: float) -> None:
    """Measure L2 and L5."""
    for unit, value in append_and_sync(folder, seconds).items():
        samples.add("L2 append of 4 KiB and fdatasync", "disk", unit, value)
    for name, size in ENTRIES.items():
        for depth in (DEPTH, 1):
            found = server.append(size, depth, seconds)
            for unit, value in found.items():
                samples.add(f"L5 XADD, {name}", f"{depth} deep", unit, value)


def socket_round(samples: Samples, count: int) -> None:
    """Measure L6, on one core each where there are two."""
    cores = sorted(os.sched_getaffinity(0))
    with memory.pinned(cores[0]):
        for unit, value in ping_pong(count, cores[-1]).items():
            samples.add("L6 Unix socket there and back, 64 B", "two processes", unit, value)


def ratios(samples: Samples) -> list[dict]:
    """Return the neighbour tax of each kind of L1."""
    found = []
    for row in samples.rows():
        if row["contestant"] == "beside a busy core":
            alone = rates(samples.of(row["case"], "alone", row["unit"]))
            name = row["case"].replace("L1 read-modify-write", "L0 neighbour tax")
            found.append(ratio_row(name, alone, rates(row["samples"]), less_is_better=True))
    return found


def main() -> None:
    """Measure, print and write `results/limits.jsonl`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true", help="3 short rounds, a tenth of the rows")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=2, help="of each limit of disk and log")
    parser.add_argument("--folder", type=Path, help="on the disk to measure; default: temporary")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if options.short:
        options.rounds, options.seconds = 3, 0.5
    folder, samples = options.folder or Path(tempfile.gettempdir()), Samples()
    rows = Memory(10 if options.short else 1, options.seed)
    with log_server(options.folder) as server:
        for _ in track(range(options.rounds), description="limits"):
            rows.round(samples)
            disk_round(samples, folder, server, options.seconds)
            socket_round(samples, 2_000 if options.short else 20_000)
    rows.close()
    settings = {
        "seed": options.seed,
        "seconds": options.seconds,
        "short": options.short,
        "disk": disk_of(folder),
    }
    finish("limits", {**settings, "rows": samples.rows(), "ratios": ratios(samples)})


if __name__ == "__main__":
    main()
