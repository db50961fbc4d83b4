"""How many order lines a second do views write into SQLite, and what takes the time?

A ledger decides orders over many SKUs (with customer, currency and prices, as channels send them);
their frames are then read into views as `dibs views rebuild` and `dibs views follow` do: decoded,
turned into rows of all tables with their indexes, committed in transactions. Orders of two lines
cost most for a line; those of thirteen are what a wholesaler sends. With channels that have rules,
what each may show is written as well, here for SKUs that nearly all differ. Beside them stands what
the parts take by themselves: decoding the events, and inserting the same rows into SQLite with no
work of ours in between. After each round the tables are counted, and P2 is checked over them: a
round that lost a row counts as zero.

    python -m benchmarks.bench_views [--short] [--rounds 5] [--lines 400000]
"""

import argparse
import gc
import tempfile
import time
from pathlib import Path

import numpy
from rich.progress import track

from benchmarks.bench_ledger import START_US
from benchmarks.show import Samples, finish
from benchmarks.stats import ratio_row
from engine.core import commands as c
from engine.core import limits, records
from engine.core.commands import Request
from engine.log import frame
from engine.log.frame import Frame, Link
from engine.views.follow import gathered
from engine.views.projector import Projector
from engine.views.sqlite import SqliteViews
from ext.ledger import Ledger

SKUS, BATCH, CHANNELS = 50_000, 500, 4
UNIT, CPU_UNIT, FLOOR = "order lines/s", "order lines/CPU-s", 50_000
_WRITTEN = ("orders", "order_lines", "allocations", "movements", "positions", "activity")
VIEWS, DECODING, INSERTING = "views", "only decoding the events", "only SQLite, the same rows"


class Log:
    """Frames of an opening (all SKUs in stock, and `channels` with rules) and of orders of `width`
    lines after it."""

    def __init__(self, width: int, lines: int, channels: int = 0, seed: int = 1) -> None:
        self.channels = channels
        self.link, self._frames = Link(), []
        self._ledger, self._now_us = Ledger(), START_US
        self._decide([c.PutLocation("place-0", "", "warehouse", "DE")])
        for at in range(0, SKUS, 1_000):
            names = [f"SKU-{n}" for n in range(at, at + 1_000)]
            self._decide([c.PutSku(name, f"Article {name}") for name in names])
            stock = tuple(c.ReceiptLine(name, 1_000_000) for name in names)
            self._decide([c.Receive(f"opening-{at}", "place-0", stock)])
        rules = (c.Buffer(percent=10), c.Buffer(units=2))
        for n in range(channels):
            self._decide([c.PutChannel(f"channel-{n}", buffers=rules, cap=999_000)])
        self.opening, self.opened, self._frames = self._frames, self.link.seq, []
        pick = numpy.random.default_rng(seed)
        count = lines // width
        wanted = pick.integers(0, SKUS, (count, width)).tolist()
        for at in range(0, count, BATCH):
            self._decide([self._order(n, wanted[n]) for n in range(at, min(at + BATCH, count))])
        self.orders, self.lines = self._frames, count * width

    @staticmethod
    def _order(number: int, skus: list[int]) -> c.PlaceOrder:
        return c.PlaceOrder(
            order_id=f"order-{number:08d}",
            channel="web",
            currency="EUR",
            customer=f"Customer {number % 99_991}",
            payment="paid",
            ship_to=c.Address(city="Ghent", country="BE", postcode="9000"),
            lines=tuple(c.OrderLine(f"SKU-{sku}", 1, unit_price=1_490) for sku in skus),
        )

    def _decide(self, commands: list[c.Command]) -> None:
        self._now_us += 1_000
        self._ledger.begin(self._now_us)
        for command in commands:
            self._ledger.decide(Request(command, "bench"))
        batch = self._ledger.drain()
        data, digest = frame.pack(1, self.link.digest, batch)
        last = batch.first_seq + batch.count - 1
        self.link = Link(1, last, batch.stamp_us, digest)
        self._frames.append(frame.unpack(data))


def into_views(log: Log, folder: Path, *, building: bool) -> tuple[float, float, SqliteViews]:
    """Return seconds and CPU-seconds for the orders, and the tables with all of them."""
    views = SqliteViews(folder / f"views-{building}.db", building=building)
    projector = Projector(views, building=building)
    for frames in gathered(log.opening):
        projector.apply(frames)
    gc.collect()
    began, worked = time.perf_counter(), time.process_time()
    for frames in gathered(log.orders):
        projector.apply(frames)
    if building:
        projector.finish()
    return time.perf_counter() - began, time.process_time() - worked, views


def right(views: SqliteViews, log: Log) -> bool:
    """Whether every line has its row, and positions are what their orders hold (P2)."""
    (lines,) = views.select("SELECT COUNT(*) FROM order_lines")[0]
    sums = views.select(
        "SELECT (SELECT SUM(allocated) FROM positions), (SELECT SUM(quantity) FROM allocations), "
        "(SELECT SUM(delta) FROM movements WHERE bucket = 'allocated')"
    )
    (shown,) = views.select("SELECT COUNT(*) FROM availability WHERE sellable < available")[0]
    whole = shown == log.channels * SKUS
    return whole and lines == log.lines and sums == [(log.lines,) * 3]


def decode(frames: list[Frame]) -> float:
    """Return seconds to decode all events."""
    gc.collect()
    began = time.perf_counter()
    for one in frames:
        for record in records.split(one.body):
            records.decode(record, again=False)
    return time.perf_counter() - began


def insert(views: SqliteViews, opening: int, folder: Path) -> float:
    """Return seconds to insert the rows of `views` that came after seq `opening` into empty tables,
    in transactions of the same size."""
    rows = {}
    for name in _WRITTEN:
        column = "order_seq" if name in ("order_lines", "allocations") else "seq"
        rows[name] = views.select(f"SELECT * FROM {name} WHERE {column} > ?", [opening])
    other = SqliteViews(folder / "plain.db")
    parts = max(1, len(rows["activity"]) // limits.VIEW_EVENTS_MAX)
    gc.collect()
    began = time.perf_counter()
    for part in range(parts):
        other.begin()
        for name, found in rows.items():
            size = -(-len(found) // parts)
            other.insert(name, found[part * size : (part + 1) * size])
        other.commit()
    seconds = time.perf_counter() - began
    other.close()
    return seconds


def measure(samples: Samples, log: Log, case: str) -> None:
    """Add one round's samples."""
    with tempfile.TemporaryDirectory(prefix="dibs-views-") as name:
        folder = Path(name)
        for building in (False, True):
            seconds, cpu_s, views = into_views(log, folder, building=building)
            lines = log.lines if right(views, log) else 0
            name = f"{VIEWS}, {'rebuilt' if building else 'followed'}"
            samples.add(case, name, UNIT, lines / seconds)
            samples.add(case, name, CPU_UNIT, lines / cpu_s)
            if not building:
                samples.add(case, INSERTING, UNIT, log.lines / insert(views, log.opened, folder))
            views.close()
    samples.add(case, DECODING, UNIT, log.lines / decode(log.orders))


def main() -> None:
    """Measure, print and write `results/views.jsonl`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true", help="2 rounds of a quarter")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--lines", type=int, default=400_000)
    options = parser.parse_args()
    if options.short:
        options.rounds, options.lines = 2, 100_000
    samples, ratios = Samples(), []
    cases = {f"orders of {width} lines": Log(width, options.lines) for width in (2, 13)}
    some = f"orders of 2 lines, {CHANNELS} channels with rules"
    cases[some] = Log(2, options.lines // 4, CHANNELS)
    for _ in track(range(options.rounds), description="rounds of the contestants"):
        for case, log in cases.items():
            measure(samples, log, case)
    for case in [name for name in cases if name != some]:
        for unit in (UNIT, CPU_UNIT):
            ours = samples.of(case, f"{VIEWS}, followed", unit)
            name = f"{case}: {unit} ÷ {FLOOR:,}"
            ratios.append(ratio_row(name, ours, [float(FLOOR)] * len(ours), floor=1.0))
    finish("views", {**vars(options), "rows": samples.rows(), "ratios": ratios})


if __name__ == "__main__":
    main()
