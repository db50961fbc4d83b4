"""How evenly are orders answered at 70 % of what the server can take, and what disturbs that?

Two-line orders arrive as a Poisson process at 70 % of the server's own saturation (measured first,
closed loop, same connections). The open-loop generator of `loadtests` counts each latency from when
the request was due. Server on core 0, generator on core 1, log server free on both.

- steady: p50, p99, p99.9 and p99.9 ÷ p50, in windows of one run (ten minutes, or 15 s).
- expiry: reservations made beforehand all end in one second; p99.9 in the window from that second
  on ÷ p99.9 in as long a window just before it, in the same run.
- dashboard: 20 readers that poll stock, orders, metrics and overview once a second each, and 50
  stream subscribers; p99.9 with them ÷ without, in alternating rounds. The worker runs in both,
  because streams come from it.
- tabs: 200 tabs of the console on the live channel, p99 with them ÷ without, in alternating rounds.

After each case the books are checked over HTTP; a case that fails counts as zero. Where the
generator itself was late (`generator_bound`), the latencies are in part its own.

    python -m benchmarks.bench_latency [--short] [--case steady] [--reservations 1000000]
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from benchmarks.show import CONSOLE, finish
from benchmarks.stats import ratio_row, sample_row
from loadtests.expectation import Expectation
from loadtests.openloop.histogram import Histogram
from loadtests.openloop.mix import Share
from loadtests.openloop.outcome import Outcome
from loadtests.run import Site, check, load, pin, saturation
from loadtests.scenarios import reservations_ending
from loadtests.target import Target
from loadtests.world import prepare

SERVER_CORE, GENERATOR_CORE = 0, 1
LOAD = 0.7
SKUS, CONNECTIONS = 1_000, 64
LOG_MEMORY_MIB = 8_192  # ten minutes of orders without a worker that trims
ORDERS = [Share("orders")]
LEAD_S = 3.0
_PERCENTILES = {"p50": 50.0, "p99": 99.0, "p99.9": 99.9}


class Size(msgspec.Struct, frozen=True):
    """Seconds of saturation, of the steady run and of one of its windows; reservations, rounds and
    window of the expiry storm; rounds and seconds of a round with or without a dashboard."""

    saturate_s: float
    steady_s: int
    steady_window_s: int
    reservations: int
    expiry_rounds: int
    expiry_window_s: int
    dashboard_rounds: int
    dashboard_s: int
    tabs: int = 200


FULL = Size(10.0, 600, 60, 1_000_000, 3, 20, 7, 20)
SHORT = Size(3.0, 15, 3, 50_000, 2, 4, 2, 5)


class Stage(msgspec.Struct):
    """A server with a world, loaded at `rate` orders a second: 70 % of its saturation."""

    target: Target
    site: Site
    world: Expectation
    saturation: float
    load: float = LOAD

    @property
    def rate(self) -> float:
        """Orders a second."""
        return self.saturation * self.load

    def steady(self, name: str, seconds: float) -> tuple[Outcome, float]:
        """Load it evenly; return what came of it and the server's CPU in µs per order."""
        before = self.target.cpu_s()
        phases = [(seconds, self.rate, self.rate)]
        found = load(self.site, self.world, name, ORDERS, CONSOLE, phases=phases)
        used = self.target.cpu_s() - before
        return found, used / max(found.counts["answered"], 1) * 1e6

    def facts(self) -> dict:
        """Return what stands beside every sample."""
        return {"saturation_per_s": self.saturation, "rate_per_s": self.rate}


_Watch = Callable[[float], subprocess.Popen]


class Case(msgspec.Struct):
    """What one case adds to the result."""

    rows: list[dict]
    ratios: list[dict]


def steady(stage: Stage, size: Size) -> Case:
    """One long run, in windows."""
    found, cpu_us = stage.steady("steady", size.steady_s)
    starts = range(0, size.steady_s - size.steady_window_s + 1, size.steady_window_s)
    windows = [found.window(at, at + size.steady_window_s) for at in starts]
    right = not check(stage.site, stage.world, CONSOLE)
    taken = {name: _samples(windows, share, right) for name, share in _PERCENTILES.items()}
    extra = {
        **stage.facts(),
        **_generator(found),
        "books_right": right,
        "cpu_us_per_order": cpu_us,
        "answered_per_s": found.per_s,
        "whole_run_us": found.latency.summary(),
        "percentiles_us": found.latency.curve(),
    }
    rows = [sample_row(f"steady {name}", "dibs", "µs", taken[name], **extra) for name in taken]
    name = "p99.9 ÷ p50 at 70 % of saturation, open loop"
    ratio = ratio_row(name, taken["p99.9"], taken["p50"], floor=20, target=8, less_is_better=True)
    return Case(rows, [ratio])


def expiry(stage: Stage, size: Size) -> Case:
    """Reservations that all end in one second, and the same time before it."""
    before, after, facts = [], [], []
    window = size.expiry_window_s
    for _ in range(size.expiry_rounds):
        # Time to start the generator, a warm-up, and the window before.
        lead = window + 2 * LEAD_S
        ends_s, _ = reservations_ending(stage.site, stage.world, size.reservations, lead, CONSOLE)
        time.sleep(max(ends_s - lead - time.time(), 0.0))
        began = time.time()
        found, cpu_us = stage.steady("expiry", ends_s - began + window + LEAD_S)
        at = int(ends_s - began)
        time.sleep(max(stage.world.reserved_until - time.time(), 0.0))
        right = not check(stage.site, stage.world, CONSOLE)
        before += _samples([found.window(at - window, at)], 99.9, right)
        after += _samples([found.window(at, at + window)], 99.9, right)
        facts.append({**_generator(found), "books_right": right, "cpu_us_per_order": cpu_us})
    extra = {**stage.facts(), "reservations": size.reservations, "rounds": facts}
    rows = [
        sample_row("expiry p99.9", "dibs, before", "µs", before, **extra),
        sample_row("expiry p99.9", "dibs, storm", "µs", after, **extra),
    ]
    name = f"p99.9 with {size.reservations:,} reservations ending in one second ÷ without"
    return Case(rows, [ratio_row(name, after, before, floor=3, target=1.5, less_is_better=True)])


def _alternating(stage: Stage, size: Size, name: str, share: float, watch: _Watch) -> tuple:
    """Rounds with and without those who watch; returns the rows without and with."""
    taken: dict[bool, list[float]] = {False: [], True: []}
    facts: dict[bool, list[dict]] = {False: [], True: []}
    for number in range(2 * size.dashboard_rounds):
        watched = number % 2 == 1
        watchers = watch(size.dashboard_s + 2 * LEAD_S) if watched else None
        time.sleep(LEAD_S / 2)
        found, cpu_us = stage.steady("watched" if watched else "unwatched", size.dashboard_s)
        seen = json.loads(watchers.communicate()[0]) if watchers else {}
        right = not check(stage.site, stage.world, CONSOLE)
        if not all(seen.get(wanted, 1) for wanted in ("reads", "changes", "events")):
            right = False
        taken[watched] += _samples([found.latency], share, right)
        about = {**_generator(found), "books_right": right, "cpu_us_per_order": cpu_us}
        about |= {"latency_us": found.latency.summary(), "answered_per_s": found.per_s}
        facts[watched].append({**about, **seen})
    names = {False: "dibs, unwatched", True: "dibs, watched"}
    rows = [
        sample_row(name, names[watched], "µs", taken[watched], **stage.facts(), rounds=found)
        for watched, found in facts.items()
    ]
    return rows, taken[True], taken[False]


def dashboard(stage: Stage, size: Size) -> Case:
    """Alternating rounds with and without people who watch."""
    rows, watched, alone = _alternating(
        stage, size, "dashboard p99.9", 99.9, lambda s: _beside(stage, s, "loadtests.dashboard")
    )
    name = "p99.9 with 20 readers and 50 stream subscribers ÷ without"
    return Case(rows, [ratio_row(name, watched, alone, target=1.5, less_is_better=True)])


def tabs(stage: Stage, size: Size) -> Case:
    """Alternating rounds with and without tabs of the console."""
    count = ("--tabs", str(size.tabs))
    rows, watched, alone = _alternating(
        stage, size, "tabs p99", 99.0, lambda s: _beside(stage, s, "loadtests.tabs", *count)
    )
    name = f"p99 with {size.tabs} open tabs of the console ÷ without"
    return Case(rows, [ratio_row(name, watched, alone, target=1.5, less_is_better=True)])


CASES: dict[str, Callable[[Stage, Size], Case]] = {
    one.__name__: one for one in (steady, expiry, dashboard, tabs)
}


def _samples(windows: list[Histogram], share: float, right: bool) -> list[float]:
    return [float(window.percentile(share)) if right else 0.0 for window in windows]


def _generator(found: Outcome) -> dict:
    return {
        "generator_bound": found.generator_bound,
        "generator_cpu": found.cpu_share,
        "generator_lateness_us": found.lateness.summary(),
        "late_sends": found.counts["late"],
        "unsent": found.counts["unsent"],
        "failed": sum(found.counts[name] for name in ("lost", "timed_out", "unanswered")),
    }


def _beside(stage: Stage, seconds: float, module: str, *more: str) -> subprocess.Popen:
    """Start people who watch in a process of their own, beside the generator."""
    path = stage.target.folder / "expect.json"
    stage.world.save(path)
    command = [sys.executable, "-m", module, "--url", stage.site.url, *more]
    command += ["--key-file", str(stage.target.folder / "admin.key"), "--expect", str(path)]
    return subprocess.Popen([*command, "--seconds", f"{seconds:g}"], stdout=subprocess.PIPE)


def run(name: str, size: Size, seed: int, share: float) -> Case:
    """Run one case on a server of its own."""
    with (
        tempfile.TemporaryDirectory(prefix="dibs-bench-") as folder,
        Target(Path(folder, "data"), core=SERVER_CORE, work=name == "dashboard") as target,
    ):
        site = target.site(CONNECTIONS, seed)
        world = prepare(site.url, site.key, skus=SKUS)
        # The first orders fill caches and grow tables.
        saturation(site, world, ORDERS, size.saturate_s / 3)
        most = saturation(site, world, ORDERS, size.saturate_s)
        CONSOLE.print(f"{name}: saturation {most:,.0f} orders/s", highlight=False)
        return CASES[name](Stage(target, site, world, most, share), size)


def main() -> None:
    """Run the cases, print, record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true", help="two minutes instead of half an hour")
    parser.add_argument("--case", action="append", choices=CASES, help="may be repeated")
    parser.add_argument("--reservations", type=int, help="of the expiry storm")
    parser.add_argument("--tabs", type=int, default=FULL.tabs, help="open at once")
    parser.add_argument("--rounds", type=int, help="with tabs or a dashboard, and as many without")
    parser.add_argument("--seconds", type=int, help="of one such round")
    parser.add_argument("--load", type=float, default=LOAD, help="share of saturation")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    if (os.cpu_count() or 1) < 2:
        raise SystemExit("this benchmark needs two cores")
    size = SHORT if asked.short else FULL
    size = msgspec.structs.replace(
        size,
        reservations=asked.reservations or size.reservations,
        tabs=asked.tabs,
        dashboard_rounds=asked.rounds or size.dashboard_rounds,
        dashboard_s=asked.seconds or size.dashboard_s,
    )
    pin(GENERATOR_CORE)
    os.environ["DIBS_LOG_MEMORY_MIB"] = str(LOG_MEMORY_MIB)
    found = [run(name, size, asked.seed, asked.load) for name in asked.case or CASES]
    finish(
        "latency",
        {
            "seed": asked.seed,
            "short": asked.short,
            "load": asked.load,
            "connections": CONNECTIONS,
            "size": msgspec.structs.asdict(size),
            "rows": [row for case in found for row in case.rows],
            "ratios": [ratio for case in found for ratio in case.ratios],
        },
    )


if __name__ == "__main__":
    main()
