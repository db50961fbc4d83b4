"""Purchase orders: what is expected, what has come, and when (features F27)."""

from datetime import UTC, datetime

import pytest

from engine.core import commands as c
from engine.core.outcomes import Accepted, Code, Refused
from tests.unit.shop import Shop

EARLY, LATE = datetime(2026, 12, 1, tzinfo=UTC), datetime(2027, 1, 5, tzinfo=UTC)


@pytest.fixture
def stocked(shop: Shop) -> Shop:
    for place in ("berlin", "lyon"):
        shop.ok(c.PutLocation(place, place, "warehouse", "DE"))
    for sku in ("MUG", "TEA"):
        shop.ok(c.PutSku(sku, sku))
    shop.ok(c.PutChannel("web"))
    shop.ok(c.PutChannel("lyon-only", locations=("lyon",)))
    return shop


def order(name: str, *lines: tuple[str, int], at: datetime = EARLY, place: str = "berlin", **more):
    wanted = tuple(c.PurchaseLine(*line) for line in lines)
    return c.PutPurchaseOrder(name, place, at, wanted, **more)


def receipt(name: str, of: str | None, *lines: tuple[str, int]) -> c.Receive:
    return c.Receive(name, "berlin", tuple(c.ReceiptLine(*line) for line in lines), of)


def incoming(shop: Shop, channel: str = "web") -> list[tuple[str, int]]:
    found = shop.ledger.availability(channel, ["MUG"], 0)
    return [(row.purchase_order, row.units) for row in found.skus[0].incoming]


def received(shop: Shop, name: str) -> list[int]:
    return [line.received for line in shop.ledger.purchase_order(name).lines]


def test_what_is_on_its_way_is_shown_by_date_and_by_channel(stocked: Shop) -> None:
    stocked.ok(order("late", ("MUG", 5), at=LATE))
    stocked.ok(order("early", ("TEA", 9), ("MUG", 3), ("MUG", 4), place="lyon"))
    assert incoming(stocked) == [("early", 7), ("late", 5)]
    assert incoming(stocked, "lyon-only") == [("early", 7)]
    stocked.ok(order("late", ("MUG", 5), at=LATE, cancelled=True))
    assert incoming(stocked) == [("early", 7)]
    assert stocked.ledger.purchase_order("late").status == "cancelled"


def test_a_receipt_counts_once_and_in_the_same_step(stocked: Shop) -> None:
    stocked.ok(order("po", ("MUG", 5), ("TEA", 2), ("MUG", 5)))
    first = stocked.ok(receipt("r1", "po", ("MUG", 7)))
    again = stocked.ask(receipt("r1", "po", ("MUG", 7)))
    assert isinstance(again, Accepted)
    assert again.replayed
    assert first.receipt_id == "r1"
    assert received(stocked, "po") == [5, 0, 2]
    assert incoming(stocked) == [("po", 3)]
    assert stocked.ledger.stock("MUG").on_hand == 7
    stocked.ok(receipt("r2", None, ("MUG", 3)))  # of no purchase order
    assert incoming(stocked) == [("po", 3)]


def test_more_than_was_ordered_is_counted_and_nothing_below_zero_expected(stocked: Shop) -> None:
    stocked.ok(order("po", ("MUG", 5)))
    stocked.ok(receipt("r1", "po", ("MUG", 8), ("TEA", 1)))
    assert received(stocked, "po") == [8]
    assert incoming(stocked) == []
    assert stocked.ledger.purchase_order("po").status == "received"
    assert stocked.ledger.stock("TEA").on_hand == 1


def test_a_changed_order_keeps_what_has_come(stocked: Shop) -> None:
    stocked.ok(order("po", ("MUG", 5), ("TEA", 5)))
    stocked.ok(receipt("r1", "po", ("MUG", 4), ("TEA", 1)))
    changed = stocked.ask(order("po", ("TEA", 2), ("MUG", 9), at=LATE))
    assert not changed.created
    assert received(stocked, "po") == [1, 4]
    assert incoming(stocked) == [("po", 5)]
    assert stocked.ask(order("po", ("TEA", 2), ("MUG", 9), at=LATE)).replayed


def test_a_bad_receipt_changes_neither_stock_nor_order(stocked: Shop) -> None:
    stocked.ok(order("po", ("MUG", 5)))
    before = stocked.ledger.digest()
    for command, code in (
        (receipt("r", "none", ("MUG", 1)), Code.UNKNOWN_PURCHASE_ORDER),
        (receipt("r", "po", ("MUG", 1), ("none", 1)), Code.UNKNOWN_SKU),
        (order("new", ("none", 1)), Code.UNKNOWN_SKU),
        (order("new", ("MUG", 1), place="none"), Code.UNKNOWN_LOCATION),
    ):
        found = stocked.ask(command)
        assert isinstance(found, Refused)
        assert found.code is code
    assert stocked.ledger.digest() == before


def test_a_keyed_receipt_answers_as_the_receipt(stocked: Shop) -> None:
    stocked.ok(order("po", ("MUG", 5)))
    asked = c.Request(receipt("r1", "po", ("MUG", 2)), "me", "key-1")
    first, again = stocked.ledger.decide(asked), stocked.ledger.decide(asked)
    assert first.answer.receipt_id == "r1"
    assert again.answer["receipt_id"] == "r1"
    assert again.replayed
    assert received(stocked, "po") == [2]
