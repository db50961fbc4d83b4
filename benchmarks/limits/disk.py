"""L2: how many appends of 4 KiB the log's disk makes durable in a second, one after the other."""

import os
import tempfile
import time
from pathlib import Path

import numpy

BLOCK_BYTES = 4_096


def append_and_sync(folder: Path, seconds: float) -> dict[str, float]:
    """Append and fdatasync for `seconds`; return figures by unit, the times of
    one append each. The rate is 0 if the file then is not as long as it should be."""
    block, taken = os.urandom(BLOCK_BYTES), []
    with tempfile.NamedTemporaryFile(dir=folder) as file:
        number = file.fileno()
        end = time.perf_counter() + seconds
        before = time.perf_counter()
        while before < end:
            os.write(number, block)
            os.fdatasync(number)
            after = time.perf_counter()
            taken.append(after - before)
            before = after
        whole = os.fstat(number).st_size == len(taken) * BLOCK_BYTES
    p50, p99 = numpy.quantile(taken, (0.5, 0.99)) * 1e6
    per_s = len(taken) / sum(taken) if whole else 0.0
    return {"appends/s": per_s, "µs p50": float(p50), "µs p99": float(p99)}


def disk_of(folder: Path) -> str:
    """Return device and kind of the file system that holds `folder`, `` where it is not known."""
    try:
        mounts = Path("/proc/self/mounts").read_text().splitlines()
    except OSError:
        return ""
    best = ("", "")
    for line in mounts:
        device, place, kind = line.split()[:3]
        if folder.resolve().is_relative_to(place) and len(place) > len(best[0]):
            best = (place, f"{device} {kind}")
    return best[1]
