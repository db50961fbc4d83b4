"""All benchmarks, one after the other: a short cut in minutes, or with `--full` all of it.

    python -m benchmarks [--full]

Ends by writing docs/benchmarks.md. One that fails does not stop the others; it fails the whole.
"""

import argparse
import importlib.util
import subprocess
import sys
from typing import NamedTuple

from benchmarks.show import CONSOLE


class Bench(NamedTuple):
    """A module, and its options for the short cut and for all of it."""

    module: str
    short: tuple[str, ...]
    full: tuple[str, ...] = ()


BENCHES = (
    Bench("bench_limits", ("--short",)),
    Bench("bench_core", ("--short",)),
    Bench("bench_expiry", ("--short",)),
    Bench("bench_waiting", ("--short",)),
    Bench("bench_ledger", ("--short",)),
    Bench("bench_large", ("--short",)),
    Bench("bench_fulfillment", ("--short",)),
    Bench("bench_validation", ("--rounds", "2", "--orders", "10000")),
    Bench("bench_fences", ("--rounds", "2", "--orders", "10000")),
    Bench("bench_route_quality", ("--short",)),
    Bench("bench_routing", ("--locations", "10", "100", "--rounds", "1")),
    Bench("bench_views", ("--short",)),
    Bench("bench_stores", ("--short",)),
    Bench("bench_recovery", ("--events", "500000", "--rounds", "1")),
    Bench("bench_packed", ("--short",)),
    Bench("bench_http", ("--short",)),
    Bench("bench_latency", ("--short",)),
    Bench("bench_inventory_check", ("--rounds", "2", "--seconds", "3")),
)


def run(module: str, options: tuple[str, ...] = ()) -> bool:
    """Run one module of this folder; return whether it ended well or is not there at all."""
    name = f"benchmarks.{module}"
    if importlib.util.find_spec(name) is None:
        CONSOLE.print(f"── {name} is left out: there is no such module")
        return True
    CONSOLE.print(f"── {name} {' '.join(options)}", markup=False)
    return subprocess.run([sys.executable, "-m", name, *options]).returncode == 0


def main() -> None:
    """Run them all, then the report; exit with 1 if any failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help="all of it: about an hour")
    full = parser.parse_args().full
    failed = [b.module for b in BENCHES if not run(b.module, b.full if full else b.short)]
    if not run("report"):
        failed.append("report")
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
