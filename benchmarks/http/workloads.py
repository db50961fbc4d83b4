"""What is sent: each workload's requests as lines for `wrk.lua`, or its orders as lines for
`streamer`, and what they must do to stock.

wrk does not tell its script which connection asks, so `reserve_commit` is not a sequence per
connection: commits follow their reservations at a distance of many times the connections.
"""

import random
from collections.abc import Iterator
from pathlib import Path

import msgspec

FEW, MANY = 200, 1_000_000
POOL = 65_536  # prepared lines; a smaller pool where lines are long
BATCH_ORDERS = 500
LAG_PER_CONNECTION = 16


class Workload(msgspec.Struct, frozen=True):
    """`skus` SKUs are stocked, `wanted` of them (all: 0) sold, `lines` one-unit lines an order,
    `orders` orders a request. `expect` is accepted, refused (409, all of them) or read. `noun` is
    what is counted, `count` how many of them a request holds. With `streams`, so many order streams
    carry the orders, and a request is a block of them."""

    name: str
    lines: int = 2
    skus: int = FEW
    wanted: int = 0
    orders: int = 1
    expect: str = "accepted"
    noun: str = "orders"
    paired: bool = False
    streams: int = 0
    pool: int = POOL

    @property
    def sold_out(self) -> bool:
        """Whether nothing is left to sell from the beginning."""
        return self.expect == "refused"

    @property
    def unit(self) -> str:
        """The unit of its rate."""
        return f"{self.noun}/s"

    def units(self, requests: int, lag: int) -> int:
        """Return the units that the first `requests` requests of a round take."""
        if self.expect != "accepted":
            return 0
        if self.paired and requests > lag:
            requests = lag + (requests - lag) // 2
        return requests * self.orders * self.lines

    def lines_of(self, seed: int) -> Iterator[str]:
        """Yield the prepared lines."""
        pick = random.Random(seed)
        skus = self._skus(pick)
        for _ in range(self.pool):
            if self.expect == "read":
                yield f"GET /v1/stock/{sku_name(next(skus))}"
            elif self.paired:
                lines = self._lines(skus)
                yield (
                    'POST /v1/reservations {"reservation_id":"@","channel":"web","ttl_s":3600,'
                    f'"lines":[{lines}]}}'
                )
            elif self.streams:
                yield from (self._order(skus, f"@-{n}") for n in range(self.orders))
            elif self.orders == 1:
                yield f"POST /v1/orders {self._order(skus, '@')}"
            else:
                orders = ",".join(self._order(skus, f"@-{n}") for n in range(self.orders))
                yield f'POST /v1/orders/batch {{"orders":[{orders}]}}'

    def _order(self, skus: Iterator[int], order_id: str) -> str:
        return f'{{"order_id":"{order_id}","channel":"web","lines":[{self._lines(skus)}]}}'

    def _lines(self, skus: Iterator[int]) -> str:
        return ",".join(
            f'{{"sku":"{sku_name(next(skus))}","quantity":1}}' for _ in range(self.lines)
        )

    def _skus(self, pick: random.Random) -> Iterator[int]:
        """Yield SKUs for ever, all of them once before any comes again, in a new order each time:
        few lines of an order are the same, and all of a million get their turn."""
        order = list(range(self.wanted or self.skus))
        while True:
            pick.shuffle(order)
            yield from order


def sku_name(number: int) -> str:
    """Return a SKU's name; all are equally long."""
    return f"SKU-{number:07d}"


WORKLOADS = {
    work.name: work
    for work in (
        Workload("two_lines"),
        Workload("one_sku", skus=MANY, wanted=1),
        Workload("million_skus", skus=MANY, pool=MANY // 2),
        Workload("thirteen_lines", lines=13, pool=8_192),
        Workload("seventy_lines", lines=70, pool=2_048),
        Workload("sold_out", expect="refused", noun="refusals"),
        Workload("batch", orders=BATCH_ORDERS, pool=64),
        Workload("one_stream", orders=BATCH_ORDERS, pool=64, streams=1),
        Workload("four_streams", orders=BATCH_ORDERS, pool=64, streams=4),
        Workload("reserve_commit", noun="requests", paired=True),
        Workload("read_stock", lines=0, expect="read", noun="reads"),
    )
}


class Script(msgspec.Struct, frozen=True):
    """A workload written down, in the files of one folder."""

    workload: Workload
    first: Path
    second: Path | None = None

    @classmethod
    def write(cls, workload: Workload, folder: Path, seed: int) -> "Script":
        """Write the files of a workload, if they are not there."""
        first = folder / f"{workload.name}.txt"
        if not first.exists():
            first.write_text("".join(f"{line}\n" for line in workload.lines_of(seed)))
        if not workload.paired:
            return cls(workload, first)
        second = folder / f"{workload.name}-second.txt"
        second.write_text("POST /v1/reservations/@/commit {}\n")
        return cls(workload, first, second)

    def arguments(self, prefix: str, lag: int) -> list[str]:
        """Return the words for `wrk.lua`."""
        more = [str(self.second), str(lag)] if self.second else []
        return [prefix, str(self.first), *more]
