"""What does an order of ten thousand lines cost beside one of ten: time, log and memory?

Boundary B0: in process, no log written. Each order's lines name different SKUs of one location,
one unit each. It is placed, edited (one line wants another unit), cancelled and replayed, one call
each. Costs are told per line, so the ratio of large to small says whether they grow with the lines
alone; an edit writes all lines of its order anew (decision 27). Memory is what the C library has
given out. A few more orders are put on hold and released, lose a line and are picked short: how
long one such step of an order holds the writer. The books are checked after each round.

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
from engine.core.fulfillment_commands import (
    AcceptFulfillment,
    PickFulfillment,
    PickShort,
    ReleaseOrder,
    ShortLine,
)
from engine.core.limits import ORDER_LINES_MAX
from engine.core.order_commands import EditLine, EditOrder, Hold, ReleaseHold
from engine.core.outcomes import Accepted

SIZES = (10, 100, 1_000, ORDER_LINES_MAX)
LINES = 200_000  # of each size in a round, so that small orders are many
FEW = 5  # orders of each size that go through all steps
_NAMES = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost"
NS_LINE, MS, BYTES_LINE, MS_CPU = "ns/line", "ms/order", "bytes/line", "ms of CPU"


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
        self.cpu_s: dict[str, list[float]] = {}
        self.records: list[tuple[int, int, bytes]] = []

    def do(self, step: str, commands: list) -> None:
        """Decide commands, each a batch of its own, and note the seconds that deciding took."""
        requests, took = [Request(command) for command in commands], 0.0
        self.cpu_s[step] = []
        for request in requests:
            self.now_us += 1
            self.ledger.begin(self.now_us)
            cpu, began = time.process_time(), time.perf_counter()
            found = self.ledger.decide(request)
            took += time.perf_counter() - began
            self.cpu_s[step].append(time.process_time() - cpu)
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
        self.check(again)
        if any(self.ledger.stock(f"SKU-{n}").allocated for n in range(self.size)):
            raise SystemExit("cancelled orders hold units")

    def check(self, again) -> None:
        """Stop unless the ledger that was replayed stands as the first one."""
        if again.dump() != self.ledger.dump():
            raise SystemExit("the replayed ledger differs")

    def run_steps(self) -> None:
        """Let orders go through the steps that change little of them, some a second time."""
        names = [str(n) for n in range(self.many)]
        lines = tuple(c.OrderLine(f"SKU-{n}", 1) for n in range(self.size))
        self.do("", [c.PlaceOrder(order_id=name, channel="web", lines=lines) for name in names])
        for turn in ("edit", "edit again"):
            edit = (EditLine("SKU-0", 2 if turn == "edit" else 3),)
            self.do(turn, [EditOrder("web", name, turn, edit) for name in names])
        for kept, words in ((True, "hold"), (False, "hold that gives its units back")):
            holds = [Hold("web", name, words, "review", keeps_stock=kept) for name in names]
            self.do(words, holds)
            self.do(f"end of a {words}", [ReleaseHold("web", name, words) for name in names])
        cut = (c.CancelLine("SKU-1", 1),)
        self.do("cancel a line", [c.Cancel("web", name, cut) for name in names])
        self.do("release", [ReleaseOrder("web", name, "r") for name in names])
        works = [self.ledger.order("web", name).fulfillments[0].fulfillment_id for name in names]
        self.do("accept", [AcceptFulfillment(work) for work in works])
        self.do("pick", [PickFulfillment(work) for work in works])
        short = (ShortLine("SKU-2", 1),)
        self.do("pick short", [PickShort(work, "s", short) for work in works])
        again = self.opening.ledger()
        for stamp_us, first_seq, body in self.records:
            again.apply(stamp_us, first_seq, body)
        self.check(again)
        del self.cpu_s[""]


def measure(samples: Samples, opening: Opening, lines: int) -> None:
    """Run one round of each size."""
    for size in SIZES:
        one, few = Round(opening, size, lines), Round(opening, size, FEW * size)
        gc.collect()
        gc.disable()
        try:
            one.run()
            few.run_steps()
        finally:
            gc.enable()
        for step, seconds in one.took_s.items():
            samples.add(step, f"{size:,} lines", NS_LINE, seconds / one.many / size * 1e9)
            samples.add(step, f"{size:,} lines", MS, seconds / one.many * 1e3)
        for step, seconds in few.cpu_s.items():
            for spent in seconds:
                samples.add(f"a step: {step}", f"{size:,} lines", MS_CPU, spent * 1e3)
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
