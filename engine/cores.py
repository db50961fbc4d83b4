"""How many cores this process may use: those it may run on, less what its control group forbids."""

import os
from pathlib import Path

_QUOTA = Path("/sys/fs/cgroup/cpu.max")  # "MICROSECONDS PERIOD" or "max PERIOD", control groups v2


def usable_cores(quota: Path = _QUOTA) -> int:
    """Return the number of whole cores that this process may keep busy, at least 1."""
    try:
        allowed = len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS
        allowed = os.cpu_count() or 1
    try:
        most, period = quota.read_text().split()
        allowed = min(allowed, int(most) // int(period))
    except (OSError, ValueError):
        pass
    return max(allowed, 1)
