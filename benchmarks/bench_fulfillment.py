"""How long does it take from "it is not there" to a new plan, and what does a released order cost?

Boundary B0: in process, no log written. A SKU lies at 10, 100 or 1,000 locations; orders of one
unit are routed to the preferred one, released, picked and found short there, one call each: the
order gives the unit up, the stock loses it, another location is chosen and requested. The same for
a rejection, and for a location that closes (steps by itself until all its orders are moved). Each
place an order is routed anew is checked. Memory is what a released order takes beside a placed one
(traced Python objects).

    python -m benchmarks.bench_fulfillment [--short] [--rounds 5]
"""

import argparse
import gc
import time
import tracemalloc

from rich.progress import track

from benchmarks.show import Samples, finish
from engine.core import commands as c
from engine.core import fulfillment_commands as f
from engine.core.commands import Request
from engine.core.outcomes import Accepted
from ext.ledger import Ledger

SIZES = (10, 100, 1_000)
ORDERS = 200  # of each size in a round
START_US = 1_800_000_000_000_000
US, BYTES = "µs/order", "bytes/order"


class Shop:
    """A ledger with `places` locations that all have the SKU."""

    def __init__(self, places: int, orders: int) -> None:
        self.ledger, self.now_us, self.orders = Ledger(), START_US, orders
        self.tick()
        self.ask(c.PutSku("MUG", "mug"))
        for n in range(places):
            self.ask(self.place(n))
            lines = (c.ReceiptLine("MUG", 2 * orders),)
            self.ask(c.Receive(f"r{n}", f"place-{n}", lines))

    def place(self, n: int, active: bool = True) -> c.PutLocation:
        """Return the command that puts location `n`."""
        where = {"latitude": 50 + n % 90 / 90, "longitude": 8 + n / 1_000}
        name = f"place-{n}"
        return c.PutLocation(name, name, "warehouse", "DE", priority=n, active=active, **where)

    def tick(self) -> None:
        """Begin the next batch."""
        self.now_us += 1
        self.ledger.begin(self.now_us)

    def ask(self, command):
        """Decide a command that must be accepted; return its answer."""
        found = self.ledger.decide(Request(command))
        if not isinstance(found, Accepted):
            raise SystemExit(f"{command}: {found}")
        self.ledger.drain()
        self.tick()
        return found.answer

    def released(self, prefix: str) -> list[str]:
        """Place and release orders; return the ids of their fulfillments, all at location 0."""
        found = []
        for n in range(self.orders):
            lines = (c.OrderLine("MUG", 1),)
            self.ask(c.PlaceOrder(order_id=f"{prefix}{n}", channel="web", lines=lines))
            made = self.ask(f.ReleaseOrder("web", f"{prefix}{n}", "w")).fulfillments
            found.append(made[0].fulfillment_id)
        return found

    def timed(self, commands: list) -> float:
        """Decide commands; return the seconds each took."""
        began = time.perf_counter()
        for command in commands:
            self.ask(command)
        return (time.perf_counter() - began) / len(commands)

    def moved(self, prefix: str) -> None:
        """Every order has its unit at another location than the first."""
        for n in range(self.orders):
            (one,) = self.ledger.order("web", f"{prefix}{n}").lines[0].allocations
            if one.location == "place-0":
                raise SystemExit(f"order {prefix}{n} was not moved")


def measure(samples: Samples, places: int, orders: int) -> None:
    """Run one round with so many locations."""
    shop, case = Shop(places, orders), f"{places:,} locations"
    names = shop.released("s")
    for name in names:
        shop.ask(f.PickFulfillment(name))
    lost = (f.ShortLine("MUG", 1),)
    took_s = shop.timed([f.PickShort(name, "x", lost) for name in names])
    samples.add("picked short to new plan", case, US, took_s * 1e6)
    shop.moved("s")
    names = shop.released("r")
    took_s = shop.timed([f.RejectFulfillment(name, "no time") for name in names])
    samples.add("rejected to new plan", case, US, took_s * 1e6)
    shop.moved("r")
    shop.released("c")
    shop.ask(shop.place(0, active=False))
    longest_s, total_s, done = 0.0, 0.0, 1
    while done:
        began = time.perf_counter()
        done = shop.ledger.expire()
        took_s = time.perf_counter() - began
        longest_s, total_s = max(longest_s, took_s), total_s + took_s
        shop.ledger.drain()
        shop.tick()
    shop.moved("c")
    samples.add("closed location", case, US, total_s / orders * 1e6)
    samples.add("closed location, longest step", case, "ms", longest_s * 1e3)


def memory(samples: Samples, orders: int) -> None:
    """Measure what a released, picked, packed and shipped order keeps in Python objects."""
    shop = Shop(10, orders)
    gc.collect()
    tracemalloc.start()
    for name in shop.released("m"):
        for step in (f.AcceptFulfillment, f.PickFulfillment, f.PackFulfillment):
            shop.ask(step(name))
        shop.ask(f.ShipFulfillment(name, "p", carrier="dhl", tracking_number="00340434161094"))
    gc.collect()
    samples.add("shipped order", "its life", BYTES, tracemalloc.get_traced_memory()[0] / orders)
    tracemalloc.stop()


def main() -> None:
    """Measure, print and write `results/fulfillment.jsonl`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true", help="2 rounds of a fifth")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    orders = ORDERS
    if options.short:
        options.rounds, orders = 2, ORDERS // 5
    samples = Samples()
    for _ in track(range(options.rounds), description=f"rounds of {len(SIZES)} sizes"):
        for places in SIZES:
            gc.collect()
            gc.disable()
            try:
                measure(samples, places, orders)
            finally:
                gc.enable()
        memory(samples, orders)
    finish("fulfillment", {**vars(options), "rows": samples.rows(), "ratios": []})


if __name__ == "__main__":
    main()
