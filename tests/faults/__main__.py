"""`python -m tests.faults all`, or one part: storm, bugs, writers, flips, cuts, races, views …

Every command prints a table and writes a JSON report; the exit code is 0 only if everything held.
"""

import asyncio
import logging
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import msgspec
import structlog
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

console = Console()
app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)
Report = Annotated[Path, typer.Option(help="Write the report here as JSON.")]
Seed = Annotated[int, typer.Option(help="Seed of schedules and workloads.")]
_REPORT = Path("faults-report.json")

# Counts of a verdict that are worth a row; those of the second line must be 0.
_COUNTS = (
    "acknowledged",
    "replayed",
    "refused",
    "unknown",
    "unknown_applied",
    "unknown_not_applied",
    "unavailable",
    "reads",
    "frames",
    "events",
    "effects",
    "epochs",
    "redecided",
    "refusals_redecided",
    "reads_compared",
)
_ZERO = ("lost", "invented", "double", "oversold_units")


class Part:
    """One part's figures, its table and its word."""

    def __init__(self, name: str, held: bool, rows: dict[str, Any], details: Any) -> None:
        self.name, self.held, self.rows, self.details = name, held, rows, details

    def show(self) -> None:
        """Print the table."""
        mark = "[green]✓[/]" if self.held else "[red]✗[/]"
        table = Table(title=f"{mark} {self.name}", show_header=False, title_justify="left")
        for name, value in self.rows.items():
            table.add_row(name, f"{value:,}" if type(value) is int else str(value))
        console.print(table)


def _watched(name: str, total: int, run: Callable[[Callable[[str], None]], Any]) -> Any:
    """Run with a progress bar; `run` gets what to call after each step."""
    columns = (
        TextColumn("[bold]{task.fields[name]:10}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[step]}"),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(name, name=name, total=total or None, step="")
        return run(lambda step: progress.update(task, advance=1, step=step))


def run_storm(kills: int, seed: int) -> Part:
    """Kill, converge, judge."""
    from tests.faults import storm

    rounds = _watched("storm", kills, lambda told: asyncio.run(storm.storm(kills, seed, told)))
    by_kind: dict[str, int] = {}
    sometimes: dict[str, int] = {}
    accepted: dict[str, int] = {}
    sums = dict.fromkeys((*_COUNTS, *_ZERO), 0)
    for found in rounds:
        for kind, count in found.kills.items():
            by_kind[kind] = by_kind.get(kind, 0) + count
        for into, counted in (
            (sometimes, found.verdict.sometimes),
            (accepted, found.verdict.accepted),
        ):
            for name, count in counted.items():
                into[name] = into.get(name, 0) + count
        counts = msgspec.to_builtins(found.verdict.counts)
        for name in sums:
            sums[name] += counts[name]
    made = sum(by_kind.values())
    waits = sorted(wait for found in rounds for wait in found.recovery_s)
    rows: dict[str, Any] = {"kills": made, "by place": _join(by_kind), **sums}
    rows["unsettled"] = sum(found.unsettled for found in rounds)
    rows["a loss per kill, at 95 %"] = f"below {3 / made:.4f}" if made else "-"
    if waits:
        middle = waits[len(waits) // 2]
        rows["restart to ready"] = f"p50 {middle:.2f} s, max {waits[-1]:.2f} s"
    rows["accepted"] = _join(accepted)
    rows["sometimes"] = _join(sometimes)
    never = [state for state, count in sometimes.items() if not count]
    rows["never reached"] = ", ".join(never) or "-"
    for found in rounds:
        if not found.clean:
            rows[f"seed {found.seed}"] = f"{found.verdict.explain()}\n{found.failure}"
            rows[f"kept, seed {found.seed}"] = found.artefacts
    held = all(found.clean for found in rounds) and (kills < 100 or not never)
    return Part(f"storm of {made} kills", held, rows, rounds)


def run_bugs(names: list[str]) -> Part:
    """Plant the bugs named, all where none is; see each found."""
    from tests.faults import hunts

    names = names or list(hunts.SCENARIOS)
    caught = _watched("bugs", len(names), lambda told: asyncio.run(hunts.hunt(names, told)))
    rows = {
        found.bug: f"{'caught' if found.caught else 'MISSED'} in {found.scenario}: "
        f"{', '.join(found.promises) or '-'} · {found.first}"
        + (f" · without the bug: {found.control}" if found.control else "")
        for found in caught
    }
    k = sum(found.caught for found in caught)
    return Part(f"planted bugs caught {k}/{len(names)}", k == len(names), rows, caught)


def run_writers(rounds: int, seed: int) -> Part:
    """Let writers take over from each other."""
    from tests.faults import writers

    found = _watched(
        "writers", rounds, lambda told: asyncio.run(writers.writers(rounds, seed, told))
    )
    waits = sorted(found.takeover_s)
    rows = {
        "rounds": found.rounds,
        "two started at once": found.at_once,
        "stale appends accepted": found.stale,
        "old writers that stopped": found.zombies_stopped,
        "what old writers answered": _join(found.zombie_answers),
        "takeover": f"p50 {waits[len(waits) // 2]:.2f} s, max {waits[-1]:.2f} s" if waits else "-",
        "unsettled": found.unsettled,
        "judge": found.verdict.explain(),
        "failure": found.failure or "-",
        "kept": found.artefacts or "-",
    }
    return Part(f"two writers × {rounds}", found.clean, rows, found)


def run_flips(frames: int, files: int, seed: int) -> Part:
    """Flip every byte."""
    from tests.faults import flips

    masks = (0x01, 0x80)
    found = _watched(
        "flips",
        1 + frames + files,
        lambda told: asyncio.run(flips.flips(frames, masks, files, seed, told)),
    )
    rows = msgspec.to_builtins(found)
    return Part(f"rot: {found.flips + found.file_flips} flips", found.clean, rows, found)


def run_cuts(step: int) -> Part:
    """Cut the writer's connection at every byte."""
    from tests.faults import cuts

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    found = _watched("cuts", 0, lambda told: asyncio.run(cuts.cuts(step, told)))
    rows = {
        "bytes of an append and of its answer": f"{found.request_bytes} and {found.answer_bytes}",
        "cuts swept": found.swept,
        "told unknown": found.unknown,
        "stuck": found.stuck,
        "judge": found.verdict.explain(),
    }
    return Part(f"cuts × {found.swept}", found.clean, rows, found)


def run_races(rounds: int) -> Part:
    """Races for the last unit, with controls that must oversell."""
    from tests.faults import contest

    def run(told: Callable[[str], None]) -> dict[str, Any]:
        results: dict[str, Any] = {}
        for seed in range(rounds):
            for name in contest.RACES:
                results[f"{name} {seed}"] = asyncio.run(contest.contest(name, seed))
                told(name)
        for bug, name in (("split check/take", "last_unit"), ("per-line check", "same_sku")):
            results[f"control: {bug}"] = asyncio.run(contest.contest(name, bug=bug))
            told(bug)
        return results

    results = _watched("races", rounds * len(contest.RACES) + 2, run)
    rows, held = {}, True
    for name, found in results.items():
        control = name.startswith("control")
        good = found.oversold > 0 and not found.verdict.clean if control else found.verdict.clean
        held = held and good and (control or not found.oversold)
        rows[name] = f"{found.sold} sold of {found.units}, oversold {found.oversold}" + (
            "" if control or found.verdict.clean else f" · {found.verdict.explain()}"
        )
    return Part("races", held, rows, results)


def run_simulations(count: int, seed: int) -> Part:
    """Simulated worlds, thousands a minute."""
    from tests.faults.simulation import Simulation, explain

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    fired: dict[str, int] = {}
    wrong: list[str] = []

    def run(told: Callable[[str], None]) -> None:
        for number in range(seed, seed + count):
            world = Simulation(number)
            try:
                verdict = world.run()
                if not verdict.clean:
                    wrong.append(explain(world, verdict))
            except Exception as error:
                wrong.append(f"seed {number}: {error!r}")
            for site, times in world.world.fired.items():
                fired[site] = fired.get(site, 0) + times
            told("")

    began = time.monotonic()
    _watched("simulate", count, run)
    pace = int(60 * count / (time.monotonic() - began))
    rows = {"worlds": count, "worlds a minute": pace, "faults": _join(fired), "wrong": len(wrong)}
    rows |= {f"wrong {n}": text for n, text in enumerate(wrong[:3])}
    return Part(f"{count} simulated worlds", not wrong, rows, wrong)


def run_views(kills: int, seed: int, *, server: bool = False) -> Part:
    """Kill the views under load, then compare them with a rebuild."""
    from tests.faults.views import storm_in_a_folder

    found = _watched(
        "views", kills, lambda told: storm_in_a_folder(kills, seed, told, server=server)
    )
    rows = {
        "kills": found.kills,
        "while views were behind": found.killed_behind,
        "events": found.events,
        "differing rows": _join(found.differing) or 0,
        "failure": found.failure or "-",
    }
    where = "PostgreSQL" if server else "SQLite"
    return Part(f"views in {where}, killed under load, equal a rebuild", found.clean, rows, found)


def _join(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items()))


def _finish(parts: list[Part], report: Path) -> None:
    for part in parts:
        part.show()
    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True).stdout
    body = {
        "machine": platform.platform(),
        "python": platform.python_version(),
        "commit": commit.strip(),
        "parts": [
            {
                "name": part.name,
                "held": part.held,
                "rows": part.rows,
                "details": msgspec.to_builtins(part.details),
            }
            for part in parts
        ],
    }
    report.write_bytes(msgspec.json.format(msgspec.json.encode(body), indent=1))
    console.print(f"report: {report}")
    raise typer.Exit(0 if all(part.held for part in parts) else 1)


@app.command()
def storm(kills: int = 20, seed: Seed = 1, report: Report = _REPORT) -> None:
    """Kill processes at named points and random times under load, then judge."""
    _finish([run_storm(kills, seed)], report)


@app.command()
def bugs(
    names: Annotated[list[str] | None, typer.Argument()] = None, report: Report = _REPORT
) -> None:
    """Plant bugs, one after the other; each must be found, and nothing without it."""
    _finish([run_bugs(names)], report)


@app.command()
def writers(rounds: int = 50, seed: Seed = 1, report: Report = _REPORT) -> None:
    """Two writers on one log."""
    _finish([run_writers(rounds, seed)], report)


@app.command()
def flips(frames: int = 3, files: int = 6, seed: Seed = 1, report: Report = _REPORT) -> None:
    """Flip every byte of stored entries, and bytes of the server's file."""
    _finish([run_flips(frames, files, seed)], report)


@app.command()
def cuts(step: int = 1, report: Report = _REPORT) -> None:
    """Cut the writer's connection after every byte, both ways."""
    _finish([run_cuts(step)], report)


@app.command()
def races(rounds: int = 3, report: Report = _REPORT) -> None:
    """Races for stock, and controls that must oversell."""
    _finish([run_races(rounds)], report)


@app.command()
def simulate(count: int = 2_000, seed: Seed = 1, report: Report = _REPORT) -> None:
    """Simulated worlds with seeded faults."""
    _finish([run_simulations(count, seed)], report)


@app.command()
def views(
    kills: int = 50,
    seed: Seed = 1,
    postgres: Annotated[bool, typer.Option(help="Views in a PostgreSQL of its own.")] = False,
    report: Report = _REPORT,
) -> None:
    """Kill the views at random times under load, then compare them with a rebuild from zero."""
    _finish([run_views(kills, seed, server=postgres)], report)


@app.command("all")
def everything(
    kills: int = 300, rounds: int = 50, count: int = 3_000, seed: Seed = 1, report: Report = _REPORT
) -> None:
    """All of it: about half an hour on two cores."""
    parts = {
        "simulation": lambda: run_simulations(count, seed),
        "races": lambda: run_races(3),
        "cuts": lambda: run_cuts(1),
        "flips": lambda: run_flips(3, 6, seed),
        "bugs": lambda: run_bugs([]),
        "writers": lambda: run_writers(rounds, seed),
        "views": lambda: run_views(50, seed),
        "views in PostgreSQL": lambda: run_views(50, seed, server=True),
        "storm": lambda: run_storm(kills, seed),
    }
    _finish([_or_failure(name, run) for name, run in parts.items()], report)


def _or_failure(name: str, run: Callable[[], Part]) -> Part:
    """Run a part; if it breaks down, the others are run and told of all the same."""
    try:
        part = run()
    except Exception as error:
        console.print_exception()
        part = Part(f"{name} broke down", False, {"error": repr(error)}, None)
    console.print(f"{'✓' if part.held else '✗'} {part.name}")
    return part


@app.command()
def rejudge(folder: Path) -> None:
    """Judge the artefacts of a failed run again."""
    from tests.faults.storm import rejudge as again

    verdict = again(folder)
    console.print(verdict.explain())
    raise typer.Exit(0 if verdict.clean else 1)


if __name__ == "__main__":
    sys.exit(app())
