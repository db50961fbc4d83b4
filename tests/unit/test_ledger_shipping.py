"""Shipments: allocated units leave, whole or in parts, and never twice. Both twins."""

import pytest

from engine.core import commands as c
from engine.core.outcomes import Code
from tests.unit.shop import Shop


@pytest.fixture
def shop(shop: Shop) -> Shop:
    shop.receive("north", red=5, blue=5)
    shop.receive("south", red=5)
    return shop


def ship(order_id: str, shipment_id: str = "s1", *lines, location: str | None = None, **more):
    named = tuple(c.ShipLine(*line) for line in lines) or None
    return c.Ship("web", order_id, shipment_id, location, named, **more)


def buckets(shop: Shop, sku: str) -> tuple[int, int, int]:
    """On hand, allocated, available."""
    stock = shop.ledger.stock(sku)
    return stock.on_hand, stock.allocated, stock.available


def test_a_whole_order_leaves_and_is_closed(shop: Shop) -> None:
    shop.ok(shop.order("1", ("red", 3), ("blue", 2)))
    answer = shop.ok(ship("1", carrier="dhl", tracking_number="T1"))
    assert (answer.status, answer.carrier, answer.tracking_number) == ("shipped", "dhl", "T1")
    assert [(r.sku, r.quantity, r.location) for r in answer.lines] == [
        ("red", 3, "north"),
        ("blue", 2, "north"),
    ]
    assert buckets(shop, "red") == (7, 0, 7)
    order = shop.ledger.order("web", "1")
    assert order.status == "shipped" and [line.shipped for line in order.lines] == [3, 2]
    assert not any(line.allocations for line in order.lines)
    shop.no(ship("1", "s2"), Code.ORDER_CLOSED)
    shop.no(c.Cancel("web", "1"), Code.ORDER_CLOSED)


def test_parts_leave_by_line_and_by_location(shop: Shop) -> None:
    shop.ok(shop.order("1", ("red", 8), ("blue", 2)))
    first = shop.ok(ship("1", "s1", ("red", 1)))
    assert first.status == "partially_shipped"
    second = shop.ok(ship("1", "s2", location="south"))
    assert [(r.sku, r.quantity, r.location) for r in second.lines] == [("red", 3, "south")]
    shop.no(ship("1", "s3", location="south"), Code.QUANTITY_NOT_HELD)
    shop.no(ship("1", "s3", ("red", 5)), Code.QUANTITY_NOT_HELD)
    assert buckets(shop, "red") == (6, 4, 2)
    last = shop.ok(ship("1", "s3"))
    assert last.status == "shipped" and sum(r.quantity for r in last.lines) == 6


def test_the_same_shipment_leaves_once(shop: Shop) -> None:
    shop.ok(shop.order("1", ("red", 2)))
    first = shop.ask(ship("1", "s1", ("red", 1)))
    again = shop.ask(ship("1", "s1", ("red", 1)))
    assert first.created and again.replayed and again.seq == first.seq
    assert buckets(shop, "red") == (9, 1, 8)
    shop.no(ship("1", "s1", ("red", 2)), Code.IDEMPOTENCY_CONFLICT)
    shop.ok(shop.order("2", ("red", 1)))
    assert shop.ok(ship("2", "s1")).order_id == "2", "ids of shipments are each order's own"


def test_what_has_left_cannot_be_cancelled(shop: Shop) -> None:
    shop.ok(shop.order("1", ("red", 4)))
    shop.ok(ship("1", "s1", ("red", 3)))
    shop.no(c.Cancel("web", "1", (c.CancelLine("red", 2),)), Code.QUANTITY_NOT_HELD)
    answer = shop.ok(c.Cancel("web", "1"))
    assert answer.status == "shipped", "nothing is left to ship, and something was shipped"
    assert (answer.lines[0].shipped, answer.lines[0].cancelled) == (3, 1)
    assert buckets(shop, "red") == (7, 0, 7)


def test_a_bundle_leaves_whole(shop: Shop) -> None:
    parts = (c.Component("red", 2), c.Component("blue", 1))
    shop.ok(c.PutSku("set", "Set", components=parts))
    shop.ok(shop.order("1", ("set", 3)))
    answer = shop.ok(ship("1", "s1", ("set", 1)))
    assert {(r.sku, r.quantity, r.bundle) for r in answer.lines} == {
        ("red", 2, "set"),
        ("blue", 1, "set"),
    }
    order = shop.ok(c.Cancel("web", "1", (c.CancelLine("set", 1),)))
    assert (order.lines[0].shipped, order.lines[0].cancelled) == (1, 1)
    assert buckets(shop, "red") == (8, 2, 6) and buckets(shop, "blue") == (4, 1, 3)
    assert shop.ok(ship("1", "s2")).status == "shipped"


def test_what_waits_does_not_leave(shop: Shop) -> None:
    shop.ok(shop.order("1", ("red", 12), when_short="backorder"))
    answer = shop.ok(ship("1"))
    assert answer.status == "partially_shipped"
    order = shop.ledger.order("web", "1")
    assert (order.lines[0].shipped, order.lines[0].backordered) == (10, 2)
    shop.no(ship("1", "s2"), Code.QUANTITY_NOT_HELD)
    assert shop.ok(c.Cancel("web", "1")).status == "shipped"


def test_promised_before_it_came_leaves_only_when_it_is_there(shop: Shop) -> None:
    shop.ok(shop.order("1", ("rope", 2)))
    refused = shop.no(ship("1"), Code.INSUFFICIENT_STOCK)
    assert refused.faults[0].available == 0
    shop.receive("north", rope=2)
    assert shop.ok(ship("1")).status == "shipped"


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (ship("none"), Code.UNKNOWN_ORDER),
        (ship("1", location="nowhere"), Code.UNKNOWN_LOCATION),
        (ship("1", "s1", ("blue", 1)), Code.QUANTITY_NOT_HELD),
        (ship("1", "s1", ("none", 1)), Code.QUANTITY_NOT_HELD),
        (c.Ship("web", "1", "s1", None, ()), Code.QUANTITY_NOT_HELD),
        (ship("1", location="south"), Code.QUANTITY_NOT_HELD),
    ],
)
def test_refusals_change_nothing(shop: Shop, command, code) -> None:
    shop.ok(shop.order("1", ("red", 1)))
    shop.no(command, code)


def test_shipped_orders_survive_dump_and_replay(shop: Shop) -> None:
    shop.ok(shop.order("1", ("red", 8), ("blue", 2)))
    shop.ok(ship("1", "s1", ("red", 2)))
    shop.ok(shop.order("2", ("red", 1)))
    shop.ok(ship("2"))
    batch = shop.ledger.drain()
    kind = type(shop.ledger)
    again = kind.load(shop.ledger.dump())
    assert again.dump() == shop.ledger.dump()
    replayed = kind()
    replayed.apply(batch.stamp_us, batch.first_seq, batch.records)
    assert replayed.dump() == shop.ledger.dump()
