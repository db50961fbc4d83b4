"""The ledger's books, read and filled in process: the opening stock, and the audit of what is left.

`fill` writes through the engine's own client into a data folder that `dibs serve` then opens.
`audit` reads the log back after the server has stopped: what was answered must be there.
"""

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import msgspec

from engine.config import Settings, ledger_class
from engine.core.commands import (
    OrderLine,
    PlaceOrder,
    PutLocation,
    PutSku,
    ReceiptLine,
    Receive,
    Request,
)
from engine.core.outcomes import Accepted
from engine.service.recover import recover
from engine.service.wiring import Wiring

LINES, CHUNK = 1_000, 4_096


class Books(msgspec.Struct, frozen=True):
    """`taken` units are reserved or allocated; `sound` says that no position is overdrawn."""

    taken: int
    sound: bool


def fill(data: Path, names: Sequence[str], units: int, *, sold_out: bool = False) -> None:
    """Make a log in which the SKUs `names` have `units` each at one location, all of them taken
    by an order if `sold_out`. `SystemExit` if any of it is refused."""
    asyncio.run(_fill(Settings(data), _opening(names, units, sold_out)))


def _opening(names: Sequence[str], units: int, sold_out: bool) -> Iterator[Request]:
    yield Request(PutLocation("main", "Main", "warehouse", "DE"), "bench")
    for name in names:
        yield Request(PutSku(name, name), "bench")
    for at in range(0, len(names), LINES):
        lines = tuple(ReceiptLine(name, units) for name in names[at : at + LINES])
        yield Request(Receive(f"opening-{at}", "main", lines), "bench")
        if sold_out:
            wanted = tuple(OrderLine(name, units) for name in names[at : at + LINES])
            order = PlaceOrder(order_id=f"before-{at}", channel="web", lines=wanted)
            yield Request(order, "bench")


async def _fill(settings: Settings, requests: Iterator[Request]) -> None:
    wiring = Wiring(settings)
    engine = wiring.engine()
    leading = asyncio.create_task(engine.lead())
    try:
        while engine.status().state != "leading":
            if leading.done():
                leading.result()
            await asyncio.sleep(0.01)
        while chunk := list(islice(requests, CHUNK)):
            for outcome in await engine.submit_many(chunk):
                if not isinstance(outcome, Accepted):
                    raise SystemExit(f"the opening stock was refused: {outcome}")
    finally:
        leading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await leading
        wiring.close()


def audit(data: Path, names: Sequence[str], units: int) -> Books:
    """Recover the log of a stopped server and add up all its SKUs."""
    wiring = Wiring(Settings(data))
    store = wiring.store()
    try:
        ledger = recover(store, data, ledger_class("auto"), "audit").ledger
        return total((ledger.stock(name) for name in names), units)
    finally:
        store.close()
        wiring.close()


def total(stocks: Iterator, units: int) -> Books:
    """Add up stock answers; each SKU opened with `units`."""
    taken, sound = 0, True
    for stock in stocks:
        taken += stock.reserved + stock.allocated
        sound = sound and stock.on_hand == units and stock.available >= 0
    return Books(taken, sound)
