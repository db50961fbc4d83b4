"""How long does one receipt take to fill a hundred thousand orders that wait?

Boundary B0: in process, no log. The orders wait for one SKU, a line of one unit each. A receipt
brings as many units; its step fills the first of them, and each batch that follows a bounded number
more, as the writer's loop does. Beside the time for all stand the longest step, which is how long a
command that comes then waits at most, and what the orders that wait take of memory. The books are
checked after each round: one that left an order waiting counts as zero.

    python -m benchmarks.bench_waiting [--short] [--rounds 5] [--orders 100000]
"""

import argparse
import gc
import resource
import time

from rich.progress import track

from benchmarks.show import Samples, finish
from engine.core import commands as c
from engine.core import packed
from engine.core.commands import Request
from ext.ledger import Ledger

START_US = 1_800_000_000_000_000
BATCH = 4_096
CASE = "orders of one line that wait for one SKU"


def asked(number: int) -> bytes:
    """Return a packed order that may wait."""
    order = c.PlaceOrder(
        order_id=f"order-{number}",
        channel="web",
        lines=(c.OrderLine("MUG", 1),),
        when_short="backorder",
    )
    return packed.pack(Request(order, "bench"), number, brief=True)


def opened() -> Ledger:
    """Return a ledger with a place and a SKU, and no stock."""
    ledger = Ledger()
    ledger.begin(START_US)
    ledger.decide(Request(c.PutLocation("berlin", "Berlin", "warehouse", "DE")))
    ledger.decide(Request(c.PutSku("MUG", "Mug")))
    ledger.drain()
    return ledger


def resident_bytes() -> int:
    """Return what the process has in memory."""
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()


def measure(samples: Samples, orders: list[bytes], *, first_round: bool) -> None:
    """Let all orders wait, fill them, and add the samples."""
    ledger, now_us, many = opened(), START_US, len(orders)
    gc.collect()
    before, began = resident_bytes(), time.perf_counter()
    for first in range(0, many, BATCH):
        now_us += 1
        ledger.begin(now_us)
        ledger.decide_packed(b"".join(orders[first : first + BATCH]))
        ledger.drain()
    waited_s = time.perf_counter() - began
    waiting = resident_bytes() - before
    gc.collect()
    gc.disable()  # a collection in the middle would be counted as ours
    try:
        steps = list(filled(ledger, now_us, many))
    finally:
        gc.enable()
    stock = ledger.stock("MUG")
    right = stock.allocated == many and stock.available == 0 and not ledger.filling
    for unit, value in (
        ("µs/order, to wait", waited_s / many * 1e6),
        ("bytes/order, while it waits", waiting / many),
        ("s, all filled", sum(steps)),
        ("ms, longest step", max(steps) * 1e3),
        ("steps", len(steps)),
    ):
        # Later rounds find room that the one before has left.
        if unit.startswith("bytes") and not first_round:
            continue
        samples.add(CASE, "dibs", unit, value if right else 0.0)


def filled(ledger: Ledger, now_us: int, many: int):
    """Receive what all wait for; yield the seconds of each step until all have it."""
    receipt = c.Receive("delivery", "berlin", (c.ReceiptLine("MUG", many),))
    began = time.perf_counter()
    ledger.begin(now_us + 1)
    ledger.decide(Request(receipt))
    ledger.drain()
    yield time.perf_counter() - began
    while ledger.filling:
        now_us += 1
        began = time.perf_counter()
        ledger.begin(now_us + 1)
        ledger.expire()
        ledger.drain()
        yield time.perf_counter() - began


def main() -> None:
    """Measure, print and write `results/waiting.jsonl`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true", help="2 rounds of a tenth")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--orders", type=int, default=100_000)
    options = parser.parse_args()
    if options.short:
        options.rounds, options.orders = 2, 10_000
    orders, samples = [asked(number) for number in range(options.orders)], Samples()
    for number in track(range(options.rounds), description="rounds"):
        measure(samples, orders, first_round=number == 0)
    finish("waiting", {**vars(options), "rows": samples.rows(), "ratios": []})


if __name__ == "__main__":
    main()
