"""What does an order of ten thousand lines cost beside one of ten: time, log and memory?

Boundary B0: in process, no log written. Each order's lines name different SKUs of one location,
one unit each. It is placed, edited (one line wants another unit), cancelled and replayed, one call
each. Costs are told per line, so the ratio of large to small says whether they grow with the lines
alone; an edit writes all lines of its order anew (decision 27). Memory is what the C library has
given out. The books are checked after each round.

    python -m benchmarks.bench_large [--short] [--rounds 5]
"""

import argparse
import ctypes
import gc
import time

from rich.progress import track

from benchmarks.checkouts import Opening
from benchmarks.show import Samples, finish
from benchmarks.stats import rates, ratio_row
from engine.core import commands as c
from engine.core.commands import Request
from engine.core.limits import ORDER_LINES_MAX
from engine.core.order_commands import EditLine, EditOrder
from engine.core.outcomes import Accepted

SIZES = (10, 100, 1_000, ORDER_LINES_MAX)
LINES = 200_000  # of each size in a round, so that small orders are many
_NAMES = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost"
NS_LINE, MS, BYTES_LINE = "ns/line", "ms/order", "bytes/line"


class _Mallinfo(ctypes.Structure):
    """What `mallinfo2` says, in bytes; see its man page."""

    _fields_ = [(name, ctypes.c_size_t) for name in _NAMES.split()]


def given_out() -> int:
    """Return the bytes that the C library has given out and not got back."""
    ask = ctypes.CDLL(None).mallinfo2
    ask.restype = _Mallinfo
    found = ask()
    return found.uordblks + found.hblkhd


class Round:
    """A ledger that holds orders of `size` lines."""

    def __init__(self, opening: Opening, size: int, lines: int) -> None:
        self.opening, self.size, self.many = opening, size, max(lines // size, 1)
        self.ledger, self.now_us, self.took_s = opening.ledger(), opening.now_us, {}
        self.records: list[tuple[int, int, bytes]] = []

    def do(self, step: str, commands: list) -> None:
        """Decide commands, each a batch of its own, and note the seconds that deciding took."""
        requests, took = [Request(command) for command in commands], 0.0
        for request in requests:
            self.now_us += 1
            self.ledger.begin(self.now_us)
            began = time.perf_counter()
            found = self.ledger.decide(request)
            took += time.perf_counter() - began
            if not isinstance(found, Accepted):
                raise SystemExit(f"{step}: {found}")
            batch = self.ledger.drain()
            self.records.append((batch.stamp_us, batch.first_seq, batch.records))
        self.took_s[step] = took

    def run(self) -> None:
        """Place, edit and cancel all orders, then replay what was decided."""
        names = [str(n) for n in range(self.many)]
        lines = tuple(c.OrderLine(f"SKU-{n}", 1) for n in range(self.size))
        held = given_out()
        self.do(
            "place", [c.PlaceOrder(order_id=name, channel="web", lines=lines) for name in names]
        )
        self.bytes = given_out() - held
        edit = (EditLine("SKU-0", 2),)
        self.do("edit", [EditOrder("web", name, "e1", edit) for name in names])
        self.do("cancel", [c.Cancel("web", name) for name in names])
        again = self.opening.ledger()
        began = time.perf_counter()
        for stamp_us, first_seq, body in self.records:
            again.apply(stamp_us, first_seq, body)
        self.took_s["replay"] = time.perf_counter() - began
        if again.dump() != self.ledger.dump():
            raise SystemExit("the replayed ledger differs")
        if any(self.ledger.stock(f"SKU-{n}").allocated for n in range(self.size)):
            raise SystemExit("cancelled orders hold units")


def measure(samples: Samples, opening: Opening, lines: int) -> None:
    """Run one round of each size."""
    for size in SIZES:
        one = Round(opening, size, lines)
        gc.collect()
        gc.disable()
        try:
            one.run()
        finally:
            gc.enable()
        for step, seconds in one.took_s.items():
            samples.add(step, f"{size:,} lines", NS_LINE, seconds / one.many / size * 1e9)
            samples.add(step, f"{size:,} lines", MS, seconds / one.many * 1e3)
        samples.add("order in memory", f"{size:,} lines", BYTES_LINE, one.bytes / one.many / size)


def main() -> None:
    """Measure, print and write `results/large.jsonl`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true", help="2 rounds of a tenth")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    lines = LINES
    if options.short:
        options.rounds, lines = 2, LINES // 10
    opening, samples = Opening(ORDER_LINES_MAX), Samples()
    for _ in track(range(options.rounds), description=f"rounds of {len(SIZES)} sizes"):
        measure(samples, opening, lines)
    ratios = []
    for step in ("place", "edit", "cancel", "replay"):
        small, large = (
            rates(samples.of(step, f"{size:,} lines", NS_LINE)) for size in (SIZES[0], SIZES[-1])
        )
        name = f"{step}: time a line, {SIZES[-1]:,} lines ÷ {SIZES[0]}"
        ratios.append(ratio_row(name, small, large))
    finish("large", {**vars(options), "rows": samples.rows(), "ratios": ratios})


if __name__ == "__main__":
    main()
