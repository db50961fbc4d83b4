"""Judges the books after a load, over the public HTTP alone.

    python -m loadtests.verify --expect FILE [--url URL] [--key-file FILE]

For every SKU and every place: nothing negative, `reserved + allocated + unavailable ≤ on_hand`, the
places add up. For every SKU: on_hand is what was received; allocated is what was acknowledged, plus
at most what is in doubt; reserved likewise while no reservation has ended, and 0 once all have.
Sampled orders that were acknowledged are there, wholly allocated. Exit code 1 with a table of what
is wrong.
"""

import argparse
import asyncio
import sys
import time
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from engine.core.paths import order_path, path_of
from engine.replay.sender import Exchange, Sender
from loadtests.expectation import Expectation

CONNECTIONS = 32
SHOWN_MAX = 20
# The server ends a reservation by the stamp of a batch, and a sweep may lag behind in a storm.
EXPIRY_PATIENCE_S = 60.0
_POLL_S = 0.5


class Buckets(msgspec.Struct):
    """Units of one SKU, at one place or in all."""

    on_hand: int
    reserved: int
    allocated: int
    unavailable: int
    available: int
    location: str = ""


class Stock(Buckets):
    """Stock of one SKU as the server tells it."""

    sku: str = ""
    locations: list[Buckets] = []


class _Allocation(msgspec.Struct):
    quantity: int


class _Line(msgspec.Struct):
    sku: str
    quantity: int
    allocations: list[_Allocation] = []


class Order(msgspec.Struct):
    """An order as the server tells it."""

    order_id: str
    channel: str
    lines: list[_Line]


class Wrong(msgspec.Struct, frozen=True):
    """One thing that the books get wrong."""

    where: str
    rule: str
    expected: str
    found: str


def judge_stock(stock: Stock, expected: Expectation, number: int, now: float) -> list[Wrong]:
    """Return what is wrong with one SKU's stock, read at `now` (seconds since 1970)."""
    found = [wrong for place in [stock, *stock.locations] for wrong in _inside(stock.sku, place)]

    def hold(rule: str, least: int, most: int, value: int) -> None:
        if not least <= value <= most:
            text = f"{least:,}" if least == most else f"{least:,} to {most:,}"
            found.append(Wrong(stock.sku, rule, text, f"{value:,}"))

    doubt = expected.doubt[number]
    for bucket in ("on_hand", "reserved", "allocated", "unavailable", "available"):
        parts = sum(getattr(place, bucket) for place in stock.locations)
        hold(f"{bucket} of all places", parts, parts, getattr(stock, bucket))
    received, allocated = expected.received[number], expected.allocated[number]
    hold("on_hand is what was received", received, received, stock.on_hand)
    hold("allocated is what was acknowledged", allocated, allocated + doubt, stock.allocated)
    reserved = expected.reserved[number]
    if now >= expected.reserved_until:
        hold("nothing is reserved after the end", 0, 0, stock.reserved)
    else:
        whole = now < expected.reserved_whole_until
        least = max(reserved - doubt, 0) if whole else 0
        hold("reserved is what was acknowledged", least, reserved + doubt, stock.reserved)
    return found


def _inside(sku: str, place: Buckets) -> list[Wrong]:
    """Return what is wrong within one row of buckets."""
    where = f"{sku} at {place.location}" if place.location else sku
    found = [
        Wrong(where, f"{bucket} is not negative", "0 or more", f"{getattr(place, bucket):,}")
        for bucket in ("on_hand", "reserved", "allocated", "unavailable", "available")
        if getattr(place, bucket) < 0
    ]
    promised = place.reserved + place.allocated + place.unavailable
    if promised > place.on_hand:
        found.append(Wrong(where, "oversold", f"at most {place.on_hand:,}", f"{promised:,}"))
    if place.available != place.on_hand - promised:
        text = f"{place.on_hand - promised:,}"
        found.append(Wrong(where, "available is what is left", text, f"{place.available:,}"))
    return found


def judge_order(expected: Expectation, order_id: str, status: int, body: bytes) -> list[Wrong]:
    """Return what is wrong with an acknowledged order, as read back."""
    where = f"order {order_id}"
    if status != 200:
        return [Wrong(where, "an acknowledged order exists", "200", f"{status}")]
    order = msgspec.json.decode(body, type=Order)
    if (order.order_id, order.channel) != (order_id, expected.channel):
        return [Wrong(where, "is itself", order_id, order.order_id)]
    return [
        Wrong(where, f"{line.sku} is allocated", f"{line.quantity}", f"{got}")
        for line in order.lines
        if (got := sum(a.quantity for a in line.allocations)) != line.quantity
    ]


async def judge(url: str, key: str, expected: Expectation) -> list[Wrong]:
    """Read all stock and the sampled orders and return what is wrong, worst first.

    When the last reservation has ended, waits up to `EXPIRY_PATIENCE_S` until it shows.
    """
    sender = Sender(url, key, CONNECTIONS)
    await sender.open()
    try:
        deadline = expected.reserved_until + EXPIRY_PATIENCE_S
        while True:
            wrong = await _stock(sender, expected)
            late = [w for w in wrong if w.rule.startswith("nothing is reserved")]
            if not late or len(late) < len(wrong) or time.time() > deadline:
                break
            await asyncio.sleep(_POLL_S)
        return wrong + await _orders(sender, expected)
    finally:
        sender.close()


async def _stock(sender: Sender, expected: Expectation) -> list[Wrong]:
    names = [expected.sku(number) for number in range(len(expected.received))]
    now = time.time()
    reads = [Exchange(sender.encode("GET", path_of("stock", name))) for name in names]
    await sender.run(reads)
    wrong: list[Wrong] = []
    for number, read in enumerate(reads):
        if read.status != 200:
            wrong.append(Wrong(names[number], "stock can be read", "200", f"{read.status}"))
        else:
            stock = msgspec.json.decode(read.body, type=Stock)
            wrong += judge_stock(stock, expected, number, now)
    return sorted(wrong, key=lambda one: one.rule != "oversold")


async def _orders(sender: Sender, expected: Expectation) -> list[Wrong]:
    ids = expected.orders
    reads = [Exchange(sender.encode("GET", order_path(expected.channel, name))) for name in ids]
    await sender.run(reads)
    found = zip(ids, reads, strict=True)
    return [w for name, read in found for w in judge_order(expected, name, read.status, read.body)]


def show(console: Console, expected: Expectation, wrong: list[Wrong]) -> None:
    """Print the verdict."""
    seen = f"{len(expected.received):,} SKUs, {len(expected.orders):,} sampled orders"
    if not wrong:
        units, doubt = sum(expected.allocated), sum(expected.doubt)
        console.print(
            f"[green]books are right[/]: {seen}, {units:,} units sold, {doubt:,} in doubt, "
            "0 oversold",
            highlight=False,
        )
        return
    table = Table("where", "rule", "expected", "found", title=f"{len(wrong):,} wrong in {seen}")
    for one in wrong[:SHOWN_MAX]:
        table.add_row(one.where, one.rule, one.expected, one.found)
    console.print(table)


def main() -> int:
    """Judge one expectation; 0 if the books are right, else 1."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", default="http://127.0.0.1:8787")
    parser.add_argument("--key-file", type=Path, default=Path("data/admin.key"))
    parser.add_argument("--expect", type=Path, required=True, help="written by the load")
    options = parser.parse_args()
    expected = Expectation.load(options.expect)
    key = options.key_file.read_text().strip()
    wrong = asyncio.run(judge(options.url, key, expected))
    show(Console(), expected, wrong)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
