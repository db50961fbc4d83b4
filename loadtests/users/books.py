"""The books that all users of one Locust process keep together, for `verify` to judge by.

Locust runs users as greenlets of one thread, so plain counters are enough.
"""

import random
import time

from loadtests.expectation import Expectation
from loadtests.openloop.mix import TTL_S

SAMPLED_MAX = 1_000
_STAMP_SLACK_S = 5.0


class Books:
    """An expectation in the making. `hot` limits what shoppers and channels ask for to the first
    so many SKUs; 0 means all."""

    def __init__(self, expected: Expectation, hot: int = 0) -> None:
        self.expected, self.hot = expected, hot
        self.skus = len(expected.received)
        self._number = {expected.sku(number): number for number in range(self.skus)}
        self._whole: dict[str, None] = {}

    def draw(self, lines: int) -> list[dict]:
        """Return order lines: different SKUs, one unit each."""
        among = self.hot or self.skus
        numbers = random.sample(range(among), min(lines, among))
        return [{"sku": self.expected.sku(number), "quantity": 1} for number in numbers]

    def ordered(self, answer: dict, reserved: list[dict] = ()) -> None:
        """Note an accepted order; `reserved` are the lines of the reservation it comes from."""
        self._add(self.expected.allocated, allocations(answer), 1)
        self._add(self.expected.reserved, {line["sku"]: line["quantity"] for line in reserved}, -1)
        if all(not line.get("backordered") for line in answer["lines"]):
            self._whole[answer["order_id"]] = None

    def cancelled(self, order_id: str, had: dict[str, int]) -> None:
        """Note an order that was cancelled whole; `had` are the units it held by SKU."""
        self._add(self.expected.allocated, had, -1)
        self._whole.pop(order_id, None)

    def reserved(self, lines: list[dict], sign: int = 1) -> None:
        """Note a reservation of `lines`, or with sign -1 its release."""
        self._add(self.expected.reserved, {line["sku"]: line["quantity"] for line in lines}, sign)
        self._ends()

    def moved(self, sku: str, delta: int) -> None:
        """Note a change of on_hand."""
        self.expected.received[self._number[sku]] += delta

    def doubt(self, lines: list[dict]) -> None:
        """Note lines of a request that never got an answer, though it was repeated."""
        self._add(self.expected.doubt, {line["sku"]: line["quantity"] for line in lines}, 1)
        self._ends()

    def close(self) -> Expectation:
        """Return the expectation with a sample of whole orders."""
        whole = list(self._whole)
        self.expected.orders = random.sample(whole, min(len(whole), SAMPLED_MAX))
        return self.expected

    def _ends(self) -> None:
        ends = time.time() + TTL_S
        self.expected.lives(ends - _STAMP_SLACK_S, ends + _STAMP_SLACK_S)

    def _add(self, table: list[int], units: dict[str, int], sign: int) -> None:
        for sku, quantity in units.items():
            table[self._number[sku]] += sign * quantity


def allocations(order: dict) -> dict[str, int]:
    """Return the units that an order holds now, by SKU."""
    held: dict[str, int] = {}
    for line in order["lines"]:
        units = sum(part["quantity"] for part in line["allocations"])
        held[line["sku"]] = held.get(line["sku"], 0) + units
    return held
