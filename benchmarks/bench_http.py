"""What does one front do over HTTP, with each answer durable, beside what one writes first?

Boundary B2: single requests of 64 keep-alive connections, sent by `wrk` on core 1 to a server on
core 0; order streams, one and four, are sent by `benchmarks.http.streamer`. What the server stores
on (bundled Valkey, Valkey, PostgreSQL) may run on both. In each section of `benchmarks.http.plan`
the contestants take turns, round by round, after one round to warm up. After each round the books
are checked: units taken equal units sold, nothing negative; for dibs they are also read back from
the log at the end. A round that fails counts as zero.

    python -m benchmarks.bench_http [--short] [--rounds N] [--seconds S] [--cases two_lines,batch]
"""

import argparse
import contextlib
import logging
import os
import shutil
import tempfile
from pathlib import Path

import structlog
from rich.table import Column, Table

from benchmarks.http.drive import BUSY, drive, line
from benchmarks.http.plan import MAIN, SECTIONS, Entry, Section, ratios
from benchmarks.http.targets import CONTESTANTS, Target, make, missing
from benchmarks.http.workloads import WORKLOADS, Script
from benchmarks.show import CONSOLE, finish
from benchmarks.stats import median_range, sample_row
from engine.core.errors import DibsError

GENERATOR_CORE = 1
MAIN_ROUNDS, MAIN_SECONDS = 5, 5.0
OTHER_ROUNDS, OTHER_SECONDS = 3, 4.0
SHORT_ROUNDS, SHORT_SECONDS, WARM_UP_S = 2, 2.0, 1.0
FIELDS = (
    *(
        "per_cpu_s",
        "cpu_us",
        "writer_cpu_us",
        "fronts_cpu_us",
        "log_cpu_us",
        "server_cpu",
        "generator_cpu",
        "steal",
        "load",
    ),
    *("p50_us", "p99_us", "p999_us", "max_us", "wrong"),
)
Results = dict[Entry, list[dict]]


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true", help="the main contestants, two minutes")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--cases", help="sections or workloads, with commas between")
    parser.add_argument("--contestants", help="only these, with commas between")
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def chosen(asked: argparse.Namespace) -> list[Section]:
    """Return the sections that are asked for, with what can run here; say what cannot."""
    cases = set(asked.cases.split(",")) if asked.cases else set()
    names = set(asked.contestants.split(",") if asked.contestants else CONTESTANTS)
    known = set().union(*(section.cases for section in SECTIONS))
    for name in (cases - known) | (names - set(CONTESTANTS)):
        raise SystemExit(f"there is no {name}; there are {', '.join([*known, *CONTESTANTS])}")
    lacking, found = missing(names), []
    for section in SECTIONS:
        if cases and not cases & section.cases:
            continue
        wanted = section.short if asked.short else section.entries
        wanted = [entry for entry in wanted if entry.contestant in names]
        for entry in wanted:
            if why := lacking.get(entry.contestant):
                CONSOLE.print(f"{section.name}: {entry.contestant} is skipped: {why}", markup=False)
        runs = tuple(entry for entry in wanted if entry.contestant not in lacking)
        if runs and (not section.about or section.about in {e.contestant for e in runs}):
            found.append(Section(section.name, runs))
    return found


def run(section: Section, asked: argparse.Namespace, folder: Path) -> Results:
    """Run one section's rounds and return them by entry; servers live in `folder`."""
    rounds, seconds = length(section, asked)
    targets: dict[Entry, Target] = {}
    results: Results = {entry: [] for entry in section.entries}
    with contextlib.ExitStack() as running:
        for entry in section.entries:
            place = folder / f"{section.name}-{entry.workload}-{entry.contestant}"
            CONSOLE.print(f"{section.name}: starting {entry.contestant} for {entry.workload}")
            targets[entry] = make(entry.contestant, place, WORKLOADS[entry.workload])
            running.callback(targets[entry].close)
            targets[entry].open()
        for number in range(rounds + 1):
            for entry, target in targets.items():
                row = drive(
                    target,
                    Script.write(target.workload, folder, asked.seed),
                    number,
                    connections=asked.connections,
                    seconds=seconds if number else min(WARM_UP_S, seconds),
                    core=GENERATOR_CORE,
                )
                results[entry].append(row)
                label = f"{number or 'warm-up'} {entry.workload} {entry.contestant}"
                said = line(label, row, target.workload.unit)
                CONSOLE.print(said, markup=False, soft_wrap=True)
    for entry, target in targets.items():
        check_log(target, results[entry])
    return {entry: rows[1:] for entry, rows in results.items()}


def length(section: Section, asked: argparse.Namespace) -> tuple[int, float]:
    """Return rounds and seconds a round of a section."""
    main = section.name == MAIN
    rounds, seconds = (MAIN_ROUNDS, MAIN_SECONDS) if main else (OTHER_ROUNDS, OTHER_SECONDS)
    if asked.short:
        rounds, seconds = SHORT_ROUNDS, SHORT_SECONDS
    return asked.rounds or rounds, asked.seconds or seconds


def check_log(target: Target, rows: list[dict]) -> None:
    """Void all rounds of a stopped target if its log does not hold what was answered."""
    least, most = (sum(row[field] for row in rows) for field in ("least_units", "most_units"))
    opened = len(target.skus) if target.workload.sold_out else 0
    try:
        books = target.audit()
        if books is None or (books.sound and least <= books.taken - opened <= most):
            return
        why = f"the log holds {books.taken - opened} units, not {least} to {most}"
    except DibsError as error:
        why = f"the log cannot be read back: {error}"
    CONSOLE.print(f"{target.name}: {why}", markup=False)
    for row in rows:
        row.update(per_s=0.0, per_cpu_s=0.0, wrong=why)


def show(section: Section, results: Results) -> None:
    """Print what a section's rates do not say: medians."""
    names = ("p50 ms", "p99", "p99.9", "CPU µs", "log's", "server", "wrk", "steal")
    table = Table(Column("contestant", no_wrap=True), *names, title=section.name)
    for entry, rows in results.items():
        typical = {
            name: median_range([row[name] for row in rows])[0] for name in FIELDS if name != "wrong"
        }
        many = entry.workload != section.name
        table.add_row(
            f"{entry.contestant}, {entry.workload}" if many else entry.contestant,
            *(f"{typical[name] / 1000:.2f}" for name in ("p50_us", "p99_us", "p999_us")),
            *(f"{typical[name]:.1f}" for name in ("cpu_us", "log_cpu_us")),
            *(f"{typical[name]:.0%}" for name in ("server_cpu", "generator_cpu", "steal")),
        )
    CONSOLE.print(table)


def rows_of(section: Section, results: Results) -> list[dict]:
    """Return a section's rows for the record. One that is there for comparison says beside what."""
    found = []
    for entry, rows in results.items():
        workload = WORKLOADS[entry.workload]
        beside = section.name != MAIN and entry.workload == MAIN
        case = f"{entry.workload} (beside {section.name})" if beside else entry.workload
        extra = {name: [row[name] for row in rows] for name in FIELDS}
        rates = [row["per_s"] for row in rows]
        if workload.lines > 1 and not workload.paired and workload.expect == "accepted":
            extra["lines_per_s"] = [rate * workload.lines for rate in rates]
        extra["generator_bound"] = all(
            row["generator_cpu"] >= BUSY > row["server_cpu"] for row in rows
        )
        found.append(sample_row(case, entry.contestant, workload.unit, rates, **extra))
    return found


def main() -> None:
    """Run the sections, print, record."""
    asked = options()
    if not shutil.which("wrk") or os.cpu_count() < 2:
        raise SystemExit("this benchmark needs two cores, and wrk (Debian: apt-get install wrk)")
    # Engines also run in this process, to fill and to audit; only their trouble is of interest.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    rows, divided = [], []
    for section in chosen(asked):
        with tempfile.TemporaryDirectory(prefix="dibs-bench-") as folder:
            Path(folder).chmod(0o711)  # PostgreSQL's user must get through
            results = run(section, asked, Path(folder))
        show(section, results)
        rows += rows_of(section, results)

        def samples(workload: str, contestant: str, field: str, results=results) -> list | None:
            return [row[field] for row in results.get(Entry(workload, contestant), [])]

        divided += ratios(section.name, samples)
    finish(
        "http",
        {
            "connections": asked.connections,
            "seed": asked.seed,
            "short": asked.short,
            "rows": rows,
            "ratios": divided,
        },
    )


if __name__ == "__main__":
    main()
