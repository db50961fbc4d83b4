"""Where results go: one JSON line a measurement, with what is needed to judge it later."""

import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

KEPT = Path(__file__).parent / "results"
# Trials go elsewhere, so that they never stand among what is kept.
RESULTS = Path(os.environ.get("DIBS_BENCH_RESULTS") or KEPT)


def machine() -> dict:
    """Return what this machine is, as far as it can be read."""
    model = ""
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        model = lines[0].split(":", 1)[1].strip() if lines else ""
    return {
        "cpu": model or platform.processor(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "load_1m": round(os.getloadavg()[0], 2),
    }


def commit() -> str:
    """Return the commit that is measured, with `+` when the tree differs from it."""
    root = Path(__file__).parents[1]
    try:
        head = subprocess.check_output(["git", "rev-parse", "--short", "HEAD"], cwd=root, text=True)
        dirty = subprocess.check_output(["git", "status", "--porcelain"], cwd=root, text=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return head.strip() + ("+" if dirty.strip() else "")


def record(name: str, result: dict) -> Path:
    """Append one result to `results/NAME.jsonl` and return the file."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.jsonl"
    row = {
        "bench": name,
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "commit": commit(),
        "machine": machine(),
        "command": " ".join([f"python -m benchmarks.{Path(sys.argv[0]).stem}", *sys.argv[1:]]),
        **result,
    }
    with path.open("a") as file:
        file.write(json.dumps(row) + "\n")
    return path
