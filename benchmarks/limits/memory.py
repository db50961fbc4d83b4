"""L0 and L1: how long a random read-modify-write of two rows takes, alone and with a neighbour.

The work is `rmw.c`, compiled with `cc` when it is first needed and called through ctypes.
"""

import contextlib
import ctypes
import functools
import multiprocessing
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy

from benchmarks.workload import ZIPF, pairs

SOURCE = Path(__file__).with_name("rmw.c")
UNITS = 1 << 50
WAYS = {"uniform": 0.0, "Zipf 1.1": ZIPF}


@functools.cache
def compiled() -> ctypes.CDLL:
    """Compile `rmw.c` as the ledger is compiled (-O3, no tuning to this CPU) and load it."""
    with tempfile.TemporaryDirectory(prefix="dibs-bench-") as folder:
        path = Path(folder, "rmw.so")
        flags = ["-O3", "-std=c11", "-shared", "-fPIC"]
        subprocess.run(["cc", *flags, "-o", str(path), str(SOURCE)], check=True)
        library = ctypes.CDLL(str(path))
    number, rows = ctypes.c_int64, ctypes.c_void_p
    for name, takes, gives in (
        ("rows_new", (number, number), rows),
        ("rows_free", (rows,), None),
        ("rows_take", (rows, ctypes.c_void_p, number), number),
        ("rows_reserved", (rows, number), number),
    ):
        getattr(library, name).argtypes, getattr(library, name).restype = takes, gives
    return library


class Rows:
    """`count` rows of 64 bytes. `close` frees them."""

    def __init__(self, count: int) -> None:
        self.count, self.taken = count, 0
        self._rows = compiled().rows_new(count, UNITS)
        if not self._rows:
            raise MemoryError(f"no memory for {count:,} rows")

    def take(self, wanted: numpy.ndarray) -> float:
        """Take every pair of `wanted` (uint32, shape (n, 2)); return the seconds it took."""
        if wanted.dtype != numpy.uint32 or not wanted.flags.c_contiguous or not wanted.size:
            raise ValueError("pairs are to be uint32, in C order, and some")
        if wanted.max() >= self.count:
            raise ValueError("a pair names a row that is not there")
        started = time.perf_counter()
        taken = compiled().rows_take(self._rows, wanted.ctypes.data, len(wanted))
        seconds = time.perf_counter() - started
        self.taken += taken
        return seconds

    def whole(self) -> bool:
        """Say whether the rows hold what was taken, no more and no less."""
        return compiled().rows_reserved(self._rows, self.count) == 2 * self.taken

    def close(self) -> None:
        """Free the rows."""
        compiled().rows_free(self._rows)
        self._rows = None


def rmw_ns(rows: Rows, wanted: numpy.ndarray) -> float:
    """Return nanoseconds a pair; 0 if the rows then do not add up."""
    seconds = rows.take(wanted)
    return seconds / len(wanted) * 1e9 if rows.whole() else 0.0


def _bother(core: int, rows: int, ready, stop) -> None:
    os.sched_setaffinity(0, {core})
    mine = Rows(rows)
    wanted = pairs(200_000, rows, numpy.random.default_rng(2))
    ready.set()
    while not stop.is_set():
        mine.take(wanted)


@contextlib.contextmanager
def neighbour(core: int, rows: int) -> Iterator[None]:
    """Keep another core busy with the same work over `rows` rows of its own."""
    context = multiprocessing.get_context("spawn")
    ready, stop = context.Event(), context.Event()
    process = context.Process(target=_bother, args=(core, rows, ready, stop), daemon=True)
    process.start()
    try:
        if not ready.wait(60):
            raise SystemExit("the neighbour did not start")
        yield
    finally:
        stop.set()
        process.join(30)


@contextlib.contextmanager
def pinned(core: int) -> Iterator[None]:
    """Keep this process on one core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
