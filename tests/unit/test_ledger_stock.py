"""Papers that move stock, and the bounds of the tables, over both twins."""

import pytest

from engine.core import commands as c
from engine.core import limits
from engine.core.outcomes import Accepted, Code
from tests.unit.shop import Shop

# Stock papers.


def test_counts_compare_and_set(shop) -> None:
    shop.receive("north", red=5)
    refused = shop.no(c.Count("c1", "north", (c.CountLine("red", 7, 4),)), Code.STALE_COUNT)
    assert (refused.faults[0].expected, refused.faults[0].actual) == (4, 5)
    answer = shop.ok(c.Count("c1", "north", (c.CountLine("red", 7, 5),)))
    assert answer.lines[0].on_hand == 7 and answer.lines[0].delta == 2
    twice = (c.CountLine("red", 1), c.CountLine("red", 2))
    shop.no(c.Count("c2", "north", twice), Code.DUPLICATE_LINE)


def test_a_count_cannot_take_what_is_promised(shop) -> None:
    shop.receive("north", red=5)
    shop.ok(shop.order("1", ("red", 4)))
    shop.no(c.Count("c1", "north", (c.CountLine("red", 3),)), Code.PROMISED_STOCK)
    shop.ok(c.Count("c1", "north", (c.CountLine("red", 4),)))


def test_adjustments_move_units_out_of_sale(shop) -> None:
    shop.receive("north", red=5)
    shop.ok(c.Adjust("a1", "north", (c.AdjustLine("red", 2, "dropped", "damaged"),)))
    assert (shop.available("red"), shop.ledger.stock("red").unavailable) == (3, 2)
    line = c.AdjustLine("red", 4, "check", "quality_control")
    shop.no(c.Adjust("a2", "north", (line,)), Code.PROMISED_STOCK)
    shop.ok(c.Adjust("a2", "north", (c.AdjustLine("red", -2, "mended", "damaged"),)))
    shop.ok(c.Adjust("a3", "north", (c.AdjustLine("red", -5, "lost"),)))
    assert shop.ledger.stock("red").on_hand == 0


def test_a_bucket_stays_exact(shop) -> None:
    most, left = limits.BUCKET_UNITS_MAX, limits.BUCKET_UNITS_MAX
    lines = []
    while left:
        lines.append(c.ReceiptLine("red", min(left, limits.QUANTITY_MAX)))
        left -= lines[-1].quantity
        if len(lines) == limits.DOCUMENT_LINES_MAX or not left:
            break
    for n in range(3):
        shop.ok(c.Receive(f"big-{n}", "north", tuple(lines)))
    assert shop.ledger.stock("red").on_hand == 3 * sum(x.quantity for x in lines) < most


def test_transfers_move_available_units_in_one_step(shop) -> None:
    shop.receive("north", red=5)
    shop.ok(shop.order("1", ("red", 2)))
    line = c.TransferLine("red", 4)
    shop.no(c.Transfer("t1", "north", "south", (line,)), Code.INSUFFICIENT_STOCK)
    answer = shop.ok(c.Transfer("t1", "north", "south", (c.TransferLine("red", 3),)))
    assert (answer.lines[0].quantity, answer.lines[0].on_hand) == (3, 3)
    rows = {r.location: r.on_hand for r in shop.ledger.stock("red").locations}
    assert rows == {"north": 2, "south": 3}
    shop.no(c.Transfer("t2", "north", "north", (line,)), Code.SAME_LOCATION)


# Bounds.


@pytest.mark.parametrize(
    "table, bound, command",
    [
        ("orders", "ORDERS_MAX", lambda s, n: s.order(str(n), ("red", 1))),
        ("reservations", "RESERVATIONS_MAX", lambda s, n: s.reserve(str(n), ("red", 1))),
        ("skus", "SKUS_MAX", lambda s, n: c.PutSku(f"new-{n}", "")),
        ("locations", "LOCATIONS_MAX", lambda s, n: c.PutLocation(f"l{n}", "", "store", "DE")),
        (
            "papers",
            "DOCUMENTS_MAX",
            lambda s, n: c.Receive(f"x{n}", "north", (c.ReceiptLine("red", 1),)),
        ),
    ],
)
def test_a_full_table_refuses(make, monkeypatch, table, bound, command) -> None:
    monkeypatch.setattr(limits, bound, 6)
    shop = Shop(make())
    shop.receive("north", red=50)
    outcomes = [shop.ask(command(shop, n)) for n in range(8)]
    assert isinstance(outcomes[0], Accepted)
    assert outcomes[-1].code is Code.TABLE_FULL
    kept = {"papers": "documents"}.get(table, table)
    assert shop.ledger.sizes()[kept] == 6


def test_positions_are_bounded_for_orders_too(make, monkeypatch) -> None:
    monkeypatch.setattr(limits, "POSITIONS_MAX", 1)
    shop = Shop(make())
    shop.receive("north", red=1)
    shop.no(shop.order("1", ("rope", 1)), Code.TABLE_FULL)


def test_a_component_can_ask_for_too_much(shop) -> None:
    shop.ok(c.PutSku("pallet", "", components=(c.Component("red", 1_000),)))
    shop.no(shop.order("1", ("pallet", 1_000_001)), Code.QUANTITY_OVERFLOW)
    shop.no(shop.order("1", ("pallet", 1_000_000)), Code.INSUFFICIENT_STOCK)
