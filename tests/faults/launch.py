"""Starts dibs as a test wants it: a kill point armed, a bug planted, a clock or a limit changed.

python -m tests.faults.launch [--site NAME --hit N --victim ledger|redis|both] [--bug NAME] … -- \
    serve --data DIR …
"""

import argparse
import sys
from pathlib import Path

from tests.faults.bugs import BUGS, plant
from tests.faults.sites import SITES, VICTIMS, Strike, arm


def _options(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.faults.launch")
    parser.add_argument("--site", choices=SITES)
    parser.add_argument("--hit", type=int, default=1)
    parser.add_argument("--victim", choices=VICTIMS, default="ledger")
    parser.add_argument("--hold-ms", type=float, default=10.0)
    parser.add_argument("--server-pid", type=int, default=0)
    parser.add_argument("--bug", choices=tuple(BUGS))
    parser.add_argument("--clock-offset-s", type=float, default=0.0)
    parser.add_argument("--limit", action="append", default=[], metavar="NAME=VALUE")
    return parser.parse_args(words)


def _server_pid(fixed: int, words: list[str]):
    folder = Path(words[words.index("--data") + 1])

    def find() -> int:
        return fixed or int((folder / "server" / "server.pid").read_text())

    return find


def _shift_clock(offset_s: float) -> None:
    from engine.service.clock import Clock

    made = Clock.__init__

    def shifted(self, after_us: int = 0) -> None:
        made(self, after_us)
        self._offset_us += int(offset_s * 1e6)

    Clock.__init__ = shifted


def main() -> None:
    """Change this process as asked, then be `dibs`."""
    cut = sys.argv.index("--")
    options, words = _options(sys.argv[1:cut]), sys.argv[cut + 1 :]
    from engine.core import limits

    for pair in options.limit:
        name, value = pair.split("=")
        setattr(limits, name, type(getattr(limits, name))(value))
    if options.clock_offset_s:
        _shift_clock(options.clock_offset_s)
    if options.bug:
        plant(options.bug)
    if options.site:
        find = _server_pid(options.server_pid, words)
        strike = Strike(options.hit, options.victim, find, options.hold_ms / 1000)
        arm(options.site, strike)
    from engine.cli import main as dibs

    sys.argv = ["dibs", *words]
    dibs()


if __name__ == "__main__":
    main()
