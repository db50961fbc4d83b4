"""Starts dibs as a test wants it: a kill point armed, a bug planted, a clock or a limit changed.

python -m tests.faults.launch [--site NAME --hit N --victim ledger|redis|both] [--bug NAME] … -- \
    serve --data DIR …
"""

import argparse
import sys
import time
from pathlib import Path

from tests.faults.bugs import BUGS, plant, rewrite
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
    parser.add_argument("--clock-rate", type=int, default=1)
    parser.add_argument("--clock-since-ns", type=int, default=0)
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


class _QuickTime:
    """Stands in for the module `time` where the engine asks for it: `rate` times as fast since a
    moment of the monotonic clock."""

    def __init__(self, rate: int, since_ns: int) -> None:
        self._rate, self._since_ns = rate, since_ns
        self._offset_ns = time.time_ns() - time.monotonic_ns()

    def monotonic_ns(self) -> int:
        """Return nanoseconds, of which `rate` pass in each one."""
        return self._since_ns + (time.monotonic_ns() - self._since_ns) * self._rate

    def time_ns(self) -> int:
        """Return the wall clock, which goes as fast."""
        return self._offset_ns + self.monotonic_ns()


def _quicken_clock(rate: int, since_ns: int) -> None:
    from engine.service import clock
    from engine.service.loop import Loop

    clock.time = _QuickTime(rate, since_ns or time.monotonic_ns())
    rewrite([], Loop, "_arm_timer", "/ 1_000_000", f"/ {1_000_000 * rate}")


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
    if options.clock_rate != 1:
        _quicken_clock(options.clock_rate, options.clock_since_ns)
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
