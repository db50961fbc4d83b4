"""Days in the life of a shop: prepare a world, load it, judge it.

    python -m loadtests.scenarios flash_sale [--url URL] [--rate 5000] [--seconds 30]
    python -m loadtests.scenarios expiry_storm --reservations 1000000

| scenario | what happens |
|---|---|
| calm | a third of what the server takes: browsing, orders, checkouts kept and left |
| ramp | from almost nothing to nine tenths of it |
| flash_sale | quiet, then all want the same five SKUs, which sell out on the way |
| sold_out_storm | the crowd that comes too late: nearly every order is refused |
| expiry_storm | reservations made beforehand all end in one second, under steady orders |
"""

import argparse
import math
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
from rich.console import Console

from loadtests.expectation import Expectation
from loadtests.openloop.mix import Share
from loadtests.openloop.outcome import Outcome
from loadtests.run import Site, check, load, saturation
from loadtests.verify import Wrong
from loadtests.world import WorldError, prepare

RESERVATIONS = 1_000_000
HOT_SKUS = 5
SOLD_OUT_UNITS = 20
CALIBRATE_S = 2.0
STORM_WINDOW_S = 3
_BUILD_SLACK, _BUILD_SPARE_S = 1.5, 4.0

BROWSING = [
    Share("stock", 4.0),
    Share("orders", 2.0),
    Share("reserve_commit", 1.0),
    Share("reserve_release", 1.0),
]
RUSH = [Share("orders", 2.0, 1), Share("reserve_commit", 1.0, 1), Share("reserve_release", 1.0, 1)]


class Scale(msgspec.Struct, frozen=True):
    """How large: seconds of a scenario, what the server takes (arrivals a second), SKUs of a world,
    reservations of the expiry storm."""

    seconds: float = 30.0
    rate: float = 5_000.0
    skus: int = 1_000
    reservations: int = RESERVATIONS


class Round(msgspec.Struct):
    """A scenario that has run: what came of it, what was wrong, and what else there is to say."""

    scenario: str
    outcome: Outcome
    wrong: list[Wrong]
    notes: list[str] = []
    marks: dict[str, float] = {}

    @property
    def title(self) -> str:
        """The scenario's name for people."""
        return self.scenario.replace("_", " ").capitalize()


def calm(site: Site, scale: Scale, console: Console | None = None) -> Round:
    """A quiet day."""
    world = prepare(site.url, site.key, skus=scale.skus, console=console)
    phases = [(scale.seconds, scale.rate * 0.3, scale.rate * 0.3)]
    return _round(site, world, "calm", BROWSING, console, phases=phases)


def ramp(site: Site, scale: Scale, console: Console | None = None) -> Round:
    """From almost nothing to nine tenths of what the server takes."""
    world = prepare(site.url, site.key, skus=scale.skus, console=console)
    phases = [(scale.seconds, scale.rate * 0.05, scale.rate * 0.9)]
    return _round(site, world, "ramp", BROWSING, console, phases=phases)


def flash_sale(site: Site, scale: Scale, console: Console | None = None) -> Round:
    """All want the same five SKUs; there is enough for about half of the rush."""
    quiet, rush = scale.seconds * 0.2, scale.seconds * 0.8
    units = max(int(scale.rate * 0.7 * rush * 0.4 / HOT_SKUS), 1)
    world = prepare(site.url, site.key, skus=HOT_SKUS, units=units, console=console)
    phases = [(quiet, scale.rate * 0.05, scale.rate * 0.05), (rush, *[scale.rate * 0.7] * 2)]
    found = _round(site, world, "flash_sale", RUSH, console, phases=phases)
    found.marks["the sale opens"] = quiet
    sold = int(found.outcome.units[0].sum())
    found.notes.append(f"{sold:,} of {units * HOT_SKUS:,} units sold of {HOT_SKUS} SKUs")
    return found


def sold_out_storm(site: Site, scale: Scale, console: Console | None = None) -> Round:
    """Nearly every order is refused, as fast as they come."""
    world = prepare(site.url, site.key, skus=HOT_SKUS, units=SOLD_OUT_UNITS, console=console)
    shares = [Share("orders", 3.0, 1), Share("stock", 1.0)]
    phases = [(scale.seconds, scale.rate * 0.8, scale.rate * 0.8)]
    found = _round(site, world, "sold_out_storm", shares, console, phases=phases)
    refused = int(found.outcome.by_second[:, 3].sum())
    found.notes.append(f"{refused:,} orders refused, {found.outcome.acknowledged:,} got a unit")
    return found


def expiry_storm(site: Site, scale: Scale, console: Console | None = None) -> Round:
    """Reservations made beforehand all end in one second, under steady orders."""
    world = prepare(site.url, site.key, skus=scale.skus, console=console)
    lead = max(scale.seconds / 2, STORM_WINDOW_S + 2)
    ends_s, built = reservations_ending(site, world, scale.reservations, lead, console)
    time.sleep(max(ends_s - lead - time.time(), 0.0))
    lead, rate = ends_s - time.time(), scale.rate * 0.5
    phases = [(lead + scale.seconds / 2, rate, rate)]
    outcome = load(site, world, "expiry_storm", [Share("orders")], console, phases=phases)
    at = math.floor(lead)
    time.sleep(max(world.reserved_until - time.time(), 0.0))
    wrong = check(site, world, console)
    before = outcome.window(at - STORM_WINDOW_S, at).percentile(99.9) / 1000
    during = outcome.window(at, at + STORM_WINDOW_S).percentile(99.9) / 1000
    notes = [
        f"{scale.reservations:,} reservations, made at {built.per_s:,.0f}/s, end in one second",
        f"p99.9 over {STORM_WINDOW_S} s: {before:.1f} ms before, {during:.1f} ms from then on",
    ]
    return Round("expiry_storm", outcome, wrong, notes, {"reservations end": lead})


def reservations_ending(
    site: Site, world: Expectation, count: int, lead_s: float, console: Console | None = None
) -> tuple[float, Outcome]:
    """Make `count` one-line reservations that all end in the same second, at least `lead_s` after
    the last is made. Return that second's start (seconds since 1970) and how making them went.

    Raises `WorldError` if not all could be made in time.
    """
    # A checkout that is left at once costs two requests, and leaves nothing behind.
    rate = 2 * saturation(site, world, [Share("reserve_release", 1.0, 1)], CALIBRATE_S)
    patience = count / max(rate, 1.0) * _BUILD_SLACK + _BUILD_SPARE_S
    ends_s = float(math.ceil(time.time() + patience + lead_s))
    built = load(
        site,
        world,
        "reserving",
        [Share("reserve", 1.0, 1)],
        console,
        count=count,
        seconds=patience,
        ttl_end_s=ends_s,
    )
    made = built.accepted("reserve")
    if made < count:
        raise WorldError(
            f"only {made:,} of {count:,} reservations could be made in {patience:.0f} s "
            f"({built.statuses}); ask for fewer with --reservations"
        )
    return ends_s, built


def _round(
    site: Site,
    world: Expectation,
    name: str,
    shares: list[Share],
    console: Console | None,
    **more,
) -> Round:
    outcome = load(site, world, name, shares, console, **more)
    return Round(name, outcome, check(site, world, console))


Scenario = Callable[[Site, Scale, Console | None], Round]
SCENARIOS: dict[str, Scenario] = {
    one.__name__: one for one in (calm, ramp, flash_sale, sold_out_storm, expiry_storm)
}


def capacity(site: Site, skus: int = 1_000, seconds: float = CALIBRATE_S) -> float:
    """Return arrivals per second that the server takes of the calm mix, on a world of its own."""
    world = prepare(site.url, site.key, skus=skus)
    return saturation(site, world, BROWSING, seconds)


def main() -> int:
    """Run scenarios against a server that runs; 1 if the books are wrong, else 0."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scenario", nargs="+", choices=SCENARIOS)
    parser.add_argument("--url", default="http://127.0.0.1:8787")
    parser.add_argument("--key-file", type=Path, default=Path("data/admin.key"))
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--rate", type=float, help="what the server takes; measured if not given")
    parser.add_argument("--skus", type=int, default=1_000)
    parser.add_argument("--reservations", type=int, default=RESERVATIONS)
    parser.add_argument("--seed", type=int, default=1)
    options, console = parser.parse_args(), Console()
    key = options.key_file.read_text().strip()
    site = Site(options.url, key, options.connections, options.seed)
    rate = options.rate or capacity(site)
    scale = Scale(options.seconds, rate, options.skus, options.reservations)
    wrong = 0
    for name in options.scenario:
        found = SCENARIOS[name](site, scale, console)
        console.print(found.outcome.table(), *found.notes, sep="\n")
        wrong += len(found.wrong)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
