"""`make load`: a short round of all scenarios against a server of our own, and a report.

    python -m loadtests [--out data/load/report.html] [--seconds 12] [--reservations 50000]

Starts dibs in a temporary folder on a free port, with its worker, measures what it takes, runs the
scenarios, judges the books after each, and writes one HTML page. Exit code 1 when books are wrong.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from loadtests import report
from loadtests.scenarios import SCENARIOS, Scale, capacity
from loadtests.target import Target


def main() -> int:
    """Run the round; 0 if all books are right."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("data/load/report.html"))
    parser.add_argument("--seconds", type=float, default=12.0, help="of each scenario")
    parser.add_argument("--reservations", type=int, default=50_000)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", action="append", choices=SCENARIOS, help="may be repeated")
    options, console = parser.parse_args(), Console()
    with (
        tempfile.TemporaryDirectory(prefix="dibs-load-") as folder,
        Target(Path(folder, "data"), work=True) as target,
    ):
        site = target.site(options.connections, options.seed)
        rate = capacity(site)
        console.print(f"the server takes {rate:,.0f} arrivals a second", highlight=False)
        scale = Scale(options.seconds, rate, reservations=options.reservations)
        rounds = []
        for name in options.only or SCENARIOS:
            rounds.append(SCENARIOS[name](site, scale, console))
            console.print(rounds[-1].outcome.table(), *rounds[-1].notes, sep="\n")
    options.out.parent.mkdir(parents=True, exist_ok=True)
    command = f"python -m loadtests {' '.join(sys.argv[1:])}".strip()
    text = report.page(rounds, rate=rate, connections=options.connections, command=command)
    options.out.write_text(text)
    console.print(f"report: {options.out}", soft_wrap=True, highlight=False)
    return 1 if any(found.wrong for found in rounds) else 0


if __name__ == "__main__":
    sys.exit(main())
