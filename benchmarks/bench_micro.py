"""What does each step of one two-line order cost, by itself?

    python -m pytest benchmarks/bench_micro.py --benchmark-only

Steps in the order of the way through: the body is decoded, the command gets its fingerprint, the
ledger decides, the batch becomes a frame, the answer is encoded. The last word of a test's name
says how many orders one call stands for. pytest-benchmark prints the table and can compare runs
(`--benchmark-save`, `--benchmark-compare`); nothing here asserts a speed.
"""

import msgspec
import pytest

from api.wire import Reader, encode
from engine.config import ledger_class
from engine.core.commands import (
    OrderLine,
    PlaceOrder,
    PutLocation,
    PutSku,
    ReceiptLine,
    Receive,
    Request,
    fingerprint,
)
from engine.core.outcomes import Accepted
from engine.core.records import Batch
from engine.log import frame

SKUS, ORDERS, ROUNDS = 200, 500, 40
BODY = (
    b'{"order_id":"web-000000001","channel":"web","lines":['
    b'{"sku":"SKU-0000017","quantity":1},{"sku":"SKU-0000101","quantity":2}]}'
)


class Books:
    """A stocked ledger of one twin, and orders that it has not seen."""

    def __init__(self, twin: str) -> None:
        self.ledger, self._now_us, self._number = ledger_class(twin)(b"0" * 16), 0, 0
        names = [f"SKU-{n:07d}" for n in range(SKUS)]
        lines = tuple(ReceiptLine(name, 1_000_000_000) for name in names)
        opening = [PutLocation("main", "Main", "warehouse", "DE")]
        opening += [PutSku(name, name) for name in names]
        opening += [Receive("opening", "main", lines)]
        self.names = names
        self.decide([Request(command) for command in opening])
        self.ledger.drain()

    def orders(self) -> list[Request]:
        """Return the next 500 orders."""
        numbers = range(self._number, self._number + ORDERS)
        self._number += ORDERS
        return [Request(self._order(n), "bench") for n in numbers]

    def _order(self, number: int) -> PlaceOrder:
        wanted = self.names[number % SKUS], self.names[(number * 7 + 1) % SKUS]
        lines = tuple(OrderLine(name, 1) for name in wanted)
        return PlaceOrder(order_id=f"web-{number:09d}", channel="web", lines=lines)

    def decide(self, requests: list[Request]) -> list[Accepted]:
        """Decide one batch; it stays open until `drain`."""
        self._now_us += 1_000
        self.ledger.begin(self._now_us)
        return [self.ledger.decide(request) for request in requests]

    def drained(self) -> Batch:
        """Decide the next 500 orders and return them as a batch."""
        self.decide(self.orders())
        return self.ledger.drain()


def test_decode_body_1(benchmark) -> None:
    """HTTP body to command, strictly."""
    order = benchmark(Reader(PlaceOrder).read, BODY, {})
    assert order.order_id == "web-000000001" and order.lines[1].quantity == 2


def test_fingerprint_1(benchmark) -> None:
    """Command to the 64 bits that tell repetition from conflict."""
    order = msgspec.json.decode(BODY, type=PlaceOrder)
    assert benchmark(fingerprint, order) == fingerprint(order)


@pytest.mark.parametrize("twin", ["fast", "slow"])
def test_decide_500(benchmark, twin: str) -> None:
    """Commands to outcomes and records, in the compiled and in the plain ledger."""
    books = Books(twin)

    def setup():
        if books.ledger.pending_bytes:
            books.ledger.drain()
        return (books.orders(),), {}

    outcomes = benchmark.pedantic(books.decide, setup=setup, rounds=ROUNDS)
    assert all(type(outcome) is Accepted for outcome in outcomes)


def test_frame_pack_500(benchmark) -> None:
    """Records to a frame with its digests."""
    batch = Books("auto").drained()
    data, _ = benchmark(frame.pack, 1, b"\0" * 32, batch)
    assert frame.unpack(data).last_seq == batch.first_seq + batch.count - 1


def test_encode_answer_1(benchmark) -> None:
    """Answer to JSON."""
    books = Books("auto")
    answer = books.decide(books.orders())[0].answer
    assert b"SKU-0000000" in benchmark(encode, answer)
