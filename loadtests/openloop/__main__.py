"""The open-loop generator from the command line.

    python -m loadtests.openloop --rate 20000 --seconds 30 --mix orders=1
    python -m loadtests.openloop --rate 5000 --mix orders:4=0.5 --mix reserve_commit=0.3

Makes a world of its own first, sends, judges the books, and prints what came of it. Exit code 1
when the books are wrong, 2 when the generator itself was too slow for its numbers to mean anything.
"""

import argparse
import sys
from pathlib import Path

import msgspec
from rich.console import Console

from loadtests.openloop.mix import NAMES, share_of
from loadtests.openloop.schedule import ARRIVALS
from loadtests.run import Site, check, load
from loadtests.world import UNITS, prepare


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", default="http://127.0.0.1:8787")
    parser.add_argument("--key-file", type=Path, default=Path("data/admin.key"))
    parser.add_argument(
        "--rate", type=float, default=1000.0, help="arrivals a second; 0: no pauses"
    )
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--connections", type=int, default=64, help="never more than these")
    parser.add_argument(
        "--mix",
        action="append",
        type=share_of,
        metavar="NAME[:LINES]=WEIGHT",
        help=f"what is sent; may be repeated; names: {', '.join(NAMES)} (default orders=1)",
    )
    parser.add_argument("--arrivals", choices=ARRIVALS, default="poisson")
    parser.add_argument("--skus", type=int, default=1000)
    parser.add_argument("--units", type=int, default=UNITS, help="of each SKU at the start")
    parser.add_argument("--hot", type=int, default=1, help="the first so many SKUs are hot")
    parser.add_argument("--hot-share", type=float, default=0.0, help="share of lines on hot SKUs")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, help="write the result as JSON")
    parser.add_argument("--expect", type=Path, help="write what the books have to say, for verify")
    parser.add_argument("--no-verify", action="store_true")
    return parser.parse_args()


def main() -> int:
    """Make a world, load it, judge it."""
    options, console = _options(), Console()
    shares = options.mix or [share_of("orders=1")]
    key = options.key_file.read_text().strip()
    site = Site(options.url, key, options.connections, options.seed, options.arrivals)
    expected = prepare(site.url, key, skus=options.skus, units=options.units, console=console)
    phases = [(options.seconds, options.rate, options.rate)] if options.rate else None
    outcome = load(
        site,
        expected,
        "openloop",
        shares,
        console,
        phases=phases,
        seconds=options.seconds,
        hot=options.hot,
        hot_share=options.hot_share,
    )
    console.print(outcome.table())
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_bytes(msgspec.json.format(msgspec.json.encode(outcome.plain())))
    if options.expect:
        expected.save(options.expect)
    if not options.no_verify and check(site, expected, console):
        return 1
    return 2 if outcome.generator_bound else 0


if __name__ == "__main__":
    sys.exit(main())
