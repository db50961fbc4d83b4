"""How long do questions to the views take, over many orders and SKUs?

Orders of two lines over 50,000 SKUs, every second one shipped with a tracking number, are written
into SQLite by the projector itself; then one reader asks what screens ask: the first page of the
queue, filters, searches by parts of ids, customers and tracking numbers, order pages, pages of the
stock grid, movements. Every answer has to hold what was asked for.

    python -m benchmarks.bench_views_reads [--short] [--orders 1000000] [--asks 200] [--folder F]

With `--folder` the tables stay there, and are asked again by the next run.
"""

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from itertools import chain
from pathlib import Path

from benchmarks.bench_views import BATCH, SKUS, Log
from benchmarks.show import Samples, finish
from engine.core import commands as c
from engine.views import order_page, queries
from engine.views.follow import gathered
from engine.views.home import SqliteHome
from engine.views.projector import Projector
from engine.views.queries import OrderFilter

CASE, MOST = "questions to views", 95


def percentile(took: list[float], share: int) -> float:
    """Return the time in ms within which `share` % of the questions were answered."""
    return statistics.quantiles(took, n=100)[share - 1] * 1e3


def questions(views, orders: int, pick: random.Random) -> dict[str, Callable[[], bool]]:
    """Return what is asked, by name; each says whether its answer was right."""

    ((first, last),) = views.select("SELECT MIN(placed_us), MAX(placed_us) FROM orders")

    def page(**wanted) -> list:
        return queries.orders(views, OrderFilter(**wanted), before=0, limit=50)[0]

    def tracking() -> bool:
        number = 2 * pick.randrange(orders // 2)
        found = page(q=tracking_of(number)[4:])  # a part that may be another order's id too
        return f"order-{number:08d}" in [row.order_id for row in found]

    def day() -> bool:
        found = page(since_us=pick.randrange(first, last))
        return len(found) > 0

    def order() -> bool:
        name = f"order-{pick.randrange(orders):08d}"
        return order_page.order(views, "web", name).order.order_id == name

    def part() -> bool:
        number = f"{pick.randrange(orders):08d}"
        return page(q=f"er-{number}")[0].order_id == f"order-{number}"

    def sku() -> bool:
        return len(page(sku=f"SKU-{pick.randrange(SKUS)}")) > 0

    def stock() -> bool:
        after = pick.randrange(SKUS - 51)
        return len(queries.stock(views, q="", location="", after=after, limit=50)[0]) == 50

    def moves() -> bool:
        name = f"SKU-{pick.randrange(SKUS)}"
        return bool(queries.movements(views, name, "place-0", before=(0, 0), limit=50)[0])

    return {
        "first page of the queue": lambda: len(page()) == 50,
        "first page, by status": lambda: len(page(status="allocated")) == 50,
        "first page, by channel and location": lambda: (
            len(page(channel="web", location="place-0")) == 50
        ),
        "first page, by SKU": sku,
        "search by a part of an order's id": part,
        "search by a part of a customer": lambda: (
            len(page(q=f"mer {pick.randrange(1_000, 99_991)}")) > 0
        ),
        "search for what all have": lambda: len(page(q="order-")) == 50,
        "search by a part of a tracking number": tracking,
        "first page, by time": day,
        "order page": order,
        "page of the stock grid": stock,
        "stock by a part of its title": lambda: bool(
            queries.stock(views, q=f"-{pick.randrange(SKUS)}", location="", after=-1, limit=50)[0]
        ),
        "movements of a position": moves,
        "exceptions": lambda: queries.exceptions(views) == [],
    }


def tracking_of(number: int) -> str:
    """Return the tracking number of an order: digits in no order, as carriers give them."""
    return f"JD{number * 7_919_993 % 10**10:010d}"


class Shipped(Log):
    """Orders of two lines, of which every second one has left."""

    def __init__(self, orders: int) -> None:
        super().__init__(2, 2 * orders)
        for at in range(0, orders, 2 * BATCH):
            numbers = range(at, min(at + 2 * BATCH, orders), 2)
            self._decide([self._shipment(number) for number in numbers])

    @staticmethod
    def _shipment(number: int) -> c.Ship:
        order = f"order-{number:08d}"
        return c.Ship("web", order, "s", carrier="dhl", tracking_number=tracking_of(number))


def fill(home: SqliteHome, orders: int) -> None:
    """Write the orders, a part of the log at a time."""
    database = home.new()
    projector = Projector(database, building=True)
    log = Shipped(orders)
    for frames in gathered(chain(log.opening, log.orders)):
        projector.apply(frames)
    projector.finish()
    home.swap(database)


def main() -> None:
    """Measure, print and write `results/views_reads.jsonl`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true", help="a twentieth of the orders")
    parser.add_argument("--orders", type=int, default=1_000_000)
    parser.add_argument("--asks", type=int, default=200)
    parser.add_argument("--folder", type=Path, help="where the tables stay for the next run")
    options = parser.parse_args()
    if options.short:
        options.orders = 50_000
    samples, pick = Samples(), random.Random(1)
    with tempfile.TemporaryDirectory(prefix="dibs-views-") as folder:
        home = SqliteHome(options.folder or Path(folder))
        if home.open(read_only=True) is None:
            fill(home, options.orders)
        views = home.open(read_only=True)
        for name, ask in questions(views, options.orders, pick).items():
            took, right = [], True
            for _ in range(options.asks):
                began = time.perf_counter()
                right = ask() and right
                took.append(time.perf_counter() - began)
            samples.add(CASE, name, f"ms, p{MOST}", percentile(took, MOST) if right else 0.0)
        views.close()
    asked = {name: value for name, value in vars(options).items() if name != "folder"}
    finish("views_reads", {**asked, "rows": samples.rows(), "ratios": []})


if __name__ == "__main__":
    main()
