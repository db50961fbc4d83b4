"""How quick are the two ledgers, and how many bytes does a row cost?

Decisions per second from Python, one call each: two-line orders, and reservations that are
committed; over many SKUs and all on one. Events per second in replay. Bytes per SKU, position,
live reservation and order as growth of the resident set, in a process of its own. Both ledgers
take the same commands; their digests must be equal, or the run counts for nothing.

    python -m benchmarks.bench_ledger [--short] [--rounds 5] [--seed 1]
"""

import argparse
import gc
import json
import random
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy
from rich.console import Console
from rich.table import Table

from benchmarks.record import record
from engine.core import commands as c
from engine.core.commands import Request
from engine.core.events import Cause, Kind, SkuPut
from engine.core.ledger import Ledger as SlowLedger
from engine.core.records import HEADER, Batch, encode
from ext.ledger import Ledger as FastLedger

START_US = 1_800_000_000_000_000
TWINS = {"fast": FastLedger, "slow": SlowLedger}
SKUS, LOCATIONS, BATCH = 1_000, 4, 500
STOCK = 1_000_000_000
RECORD = numpy.dtype(
    [("size", "<u4"), ("kind", "u1"), ("version", "u1"), ("zero", "<u2")]
    + [(name, "<u4") for name in ("number", "sku", "location")]
)


def opened(make):
    """Return a ledger with stock of every SKU at every location, and its first batch."""
    ledger = make()
    ledger.begin(START_US)
    for n in range(LOCATIONS):
        ledger.decide(Request(c.PutLocation(f"place-{n}", "", "warehouse", "DE")))
    for n in range(SKUS):
        ledger.decide(Request(c.PutSku(f"SKU-{n}", f"SKU {n}")))
    lines = tuple(c.ReceiptLine(f"SKU-{n}", STOCK) for n in range(SKUS))
    for n in range(LOCATIONS):
        ledger.decide(Request(c.Receive(f"r{n}", f"place-{n}", lines)))
    return ledger, ledger.drain()


def order(number: int, first: str, second: str) -> Request:
    """Return a two-line order."""
    lines = (c.OrderLine(first, 1), c.OrderLine(second, 2))
    return Request(c.PlaceOrder(order_id=f"order-{number}", channel="web", lines=lines))


def orders(count: int, pick: random.Random, skus: int) -> list[Request]:
    """Return two-line orders over the first `skus` SKUs."""
    return [
        order(n, f"SKU-{pick.randrange(skus)}", f"SKU-{pick.randrange(skus)}") for n in range(count)
    ]


def checkouts(count: int, pick: random.Random, skus: int) -> list[Request]:
    """Return reservations of two lines, each followed by its commit."""
    found = []
    for n in range(count // 2):
        lines = tuple(c.ReserveLine(f"SKU-{pick.randrange(skus)}", units) for units in (1, 2))
        found.append(Request(c.Reserve(f"hold-{n}", "web", 600, lines)))
        found.append(Request(c.Commit(reservation_id=f"hold-{n}")))
    return found


def decide(make, requests: list[Request]):
    """Decide `requests` in batches; return (per second, ledger, batches)."""
    ledger, first = opened(make)
    batches, now_us = [first], START_US
    gc.collect()
    gc.disable()
    began = time.perf_counter()
    for at in range(0, len(requests), BATCH):
        now_us += 1_000
        ledger.begin(now_us)
        for request in requests[at : at + BATCH]:
            ledger.decide(request)
        batches.append(ledger.drain())
    seconds = time.perf_counter() - began
    gc.enable()
    return len(requests) / seconds, ledger, batches


def replay(make, batches: list[Batch]):
    """Apply the batches behind the first; return (events per second, ledger)."""
    ledger = make()
    ledger.apply(batches[0].stamp_us, batches[0].first_seq, batches[0].records)
    began = time.perf_counter()
    for batch in batches[1:]:
        ledger.apply(batch.stamp_us, batch.first_seq, batch.records)
    seconds = time.perf_counter() - began
    return sum(batch.count for batch in batches[1:]) / seconds, ledger


def speeds(counts: dict[str, int], rounds: int, seed: int) -> dict[str, list[float]]:
    """Return samples by question, the ledgers taking turns in every round."""
    samples: dict[str, list[float]] = {}
    works = {
        "orders, all SKUs": (orders, SKUS),
        "orders, one SKU": (orders, 1),
        "reserve and commit": (checkouts, SKUS),
    }
    for number in range(rounds):
        for work, (build, skus) in works.items():
            for twin, make in TWINS.items():
                requests = build(counts[twin], random.Random(seed + number), skus)
                rate, ledger, batches = decide(make, requests)
                samples.setdefault(f"{work}: decided/s, {twin}", []).append(rate)
                rate, copy = replay(make, batches)
                samples.setdefault(f"{work}: replayed events/s, {twin}", []).append(rate)
                if copy.digest() != ledger.digest():
                    raise SystemExit(f"{work}, {twin}: replay gives another state")
    return samples


def agree(seed: int) -> str:
    """Return the digest that both ledgers reach; stop where they differ."""
    requests = orders(2_000, random.Random(seed), SKUS) + checkouts(2_000, random.Random(1), SKUS)
    digests = {decide(make, requests)[1].digest() for make in TWINS.values()}
    if len(digests) > 1:
        raise SystemExit("the ledgers differ; nothing measured here counts")
    return digests.pop()


def resident() -> int:
    """Return the bytes of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


class Growth:
    """Rows of one kind after the other in one fast ledger, and what each kind adds."""

    def __init__(self, skus: int, places: int) -> None:
        self.skus, self.places = skus, places
        self.ledger, self.now_us, self.bytes = FastLedger(), START_US, {}
        self.ledger.begin(self.now_us)
        for n in range(places):
            self.ledger.decide(Request(c.PutLocation(f"place-{n}", "", "store", "DE")))
        self.ledger.drain()

    def measure(self, name: str, count: int, fill) -> None:
        """Note the bytes a row of `count` that `fill` adds."""
        gc.collect()
        before = resident()
        fill(count)
        gc.collect()
        self.bytes[name] = (resident() - before) / count

    def apply(self, body: bytes) -> None:
        """Apply one frame's worth of records."""
        self.now_us += 1_000
        self.ledger.apply(self.now_us, self.ledger.seq + 1, body)

    def add_skus(self, count: int) -> None:
        """Put `count` SKUs."""
        for at in range(0, count, 10_000):
            records = []
            for n in range(at, min(at + 10_000, count)):
                json_text = b'{"sku":"SKU-%d","title":"Article number %d"}' % (n, n)
                records.append(encode(SkuPut(Cause(n, "key"), n, False, (), json_text)))
            self.apply(b"".join(records))

    def add_positions(self, count: int) -> None:
        """Open `count` positions, scattered over the SKUs."""
        rows = numpy.zeros(50_000, RECORD)
        rows["size"], rows["kind"], rows["version"] = RECORD.itemsize, Kind.POSITION_OPENED, 1
        for at in range(0, count, 50_000):
            numbers = numpy.arange(at, at + 50_000)
            rows["number"] = numbers
            rows["sku"] = numbers * 7 % self.skus
            rows["location"] = (numbers // self.skus * 13 + numbers * 7 % self.skus) % self.places
            self.apply(rows.tobytes())

    def add_stock(self) -> None:
        """Receive stock of a thousand SKUs where each lies first."""
        self.now_us += 1_000
        self.ledger.begin(self.now_us)
        for n in range(1_000):
            place = self.ledger.stock(f"SKU-{n}").locations[0].location
            line = (c.ReceiptLine(f"SKU-{n}", STOCK),)
            self.ledger.decide(Request(c.Receive(f"stock-{n}", place, line)))
        self.ledger.drain()

    def _decide(self, count: int, build) -> None:
        for at in range(0, count, BATCH):
            self.now_us += 1
            self.ledger.begin(self.now_us)
            for n in range(at, min(at + BATCH, count)):
                if not self.ledger.decide(build(n)).seq:
                    raise SystemExit("a command was refused")
            self.ledger.drain()

    def add_reservations(self, count: int) -> None:
        """Reserve two lines, `count` times, all live."""

        def build(n: int) -> Request:
            lines = (c.ReserveLine(f"SKU-{n % 997}", 1), c.ReserveLine(f"SKU-{n % 991}", 2))
            return Request(c.Reserve(f"reservation-{n:09d}", "web", 86_400, lines))

        self._decide(count, build)

    def add_orders(self, count: int) -> None:
        """Place `count` two-line orders."""
        self._decide(count, lambda n: order(n, f"SKU-{n % 997}", f"SKU-{n % 991}"))


def memory(skus: int, positions: int, rows: int) -> dict[str, float]:
    """Return bytes a row of each kind, of a fast ledger that holds them all."""
    growth = Growth(skus, 1_000)
    growth.measure("SKU", skus, growth.add_skus)
    growth.measure("position", positions, growth.add_positions)
    growth.add_stock()
    growth.measure("live reservation, two lines", rows, growth.add_reservations)
    growth.measure("order, two lines", rows, growth.add_orders)
    sizes = growth.ledger.sizes()
    if (sizes["positions"], sizes["reservations_live"], sizes["orders"]) != (positions, rows, rows):
        raise SystemExit(f"not all rows were made: {sizes}")
    return growth.bytes


def show(title: str, rows: list[tuple[str, list[float]]]) -> None:
    """Print medians and ranges."""
    table = Table("what", "median", "least", "most", title=title)
    for name, samples in rows:
        ranked = sorted(samples)
        middle = ranked[len(ranked) // 2]
        table.add_row(name, f"{middle:,.0f}", f"{ranked[0]:,.0f}", f"{ranked[-1]:,.0f}")
    Console().print(table)


def main() -> None:
    """Measure and write `results/ledger.jsonl`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true", help="a twentieth of the sizes")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--memory", nargs=3, type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.memory:
        print(json.dumps(memory(*options.memory)))
        return
    less = 20 if options.short else 1
    counts = {"fast": 200_000 // less, "slow": 10_000 // less}
    sizes = [1_000_000 // less, 10_000_000 // less, 1_000_000 // less]
    digest = agree(options.seed)
    samples = speeds(counts, options.rounds, options.seed)
    show("per second", list(samples.items()))
    child = [sys.executable, "-m", "benchmarks.bench_ledger", "--memory", *map(str, sizes)]
    per_row = json.loads(subprocess.check_output(child))
    show("bytes a row", [(name, [value]) for name, value in per_row.items()])
    result = {"seed": options.seed, "digest": digest, "counts": counts, "rows": sizes}
    record("ledger", {**result, "per_second": samples, "bytes_per_row": per_row})


assert HEADER.size + 12 == RECORD.itemsize

if __name__ == "__main__":
    main()
