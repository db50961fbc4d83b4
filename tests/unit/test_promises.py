"""Promises: supply by date against demand in its turn, the same in both twins (P7)."""

from datetime import UTC, datetime

from engine.core import commands as c
from engine.core.order_commands import EditOrder
from engine.core.promises import SupplyAnswer

FIRST, SECOND, THIRD = (datetime(2027, 1, day, tzinfo=UTC) for day in (10, 20, 30))


def _supply(shop, name: str, at: datetime, units: int, sku: str = "red", place: str = "north"):
    shop.ok(c.PutPurchaseOrder(name, place, at, (c.PurchaseLine(sku, units),)))


def _wait(shop, name: str, units: int, sku: str = "red", **more):
    return shop.ok(shop.order(name, (sku, units), when_short="backorder", **more))


def _dates(shop, *names: str) -> list:
    return [shop.ledger.promises("web", name).promised_at for name in names]


def test_a_ladder_of_dates_is_dealt_out_by_turn(shop) -> None:
    """Ten on hand, ten on the tenth, ten on the twentieth: the fourth ten cannot be promised."""
    shop.receive("north", red=10)
    _supply(shop, "late", SECOND, 10)
    _supply(shop, "early", FIRST, 10)
    _wait(shop, "0", 15)
    _wait(shop, "1", 10)
    _wait(shop, "2", 10)
    assert shop.ledger.order("web", "0").lines[0].backordered == 5
    assert _dates(shop, "0", "1", "2") == [FIRST, SECOND, None]
    shares = shop.ledger.promises("web", "1").lines[0].supply
    assert shares == [
        SupplyAnswer("red", 5, "early", FIRST),
        SupplyAnswer("red", 5, "late", SECOND),
    ]
    assert shop.ledger.order("web", "1").lines[0].promised_at == SECOND
    found = shop.ledger.turns("red")
    assert [turn.order_id for turn in found.turns] == ["0", "1", "2"]
    assert (found.oldest.order_id, found.backorder.units) == ("0", 25)
    assert (found.backorder.incoming, found.backorder.covered_at) == (20, None)


def test_another_turn_or_date_makes_another_promise(shop) -> None:
    _supply(shop, "early", FIRST, 1)
    _supply(shop, "late", SECOND, 1)
    _wait(shop, "1", 1)
    _wait(shop, "2", 1)
    assert _dates(shop, "1", "2") == [FIRST, SECOND]
    shop.ok(EditOrder("web", "2", "e", priority=1))
    assert _dates(shop, "1", "2") == [SECOND, FIRST]
    _supply(shop, "early", THIRD, 1)
    assert _dates(shop, "1", "2") == [THIRD, SECOND]
    shop.receive("north", red=1)
    assert shop.ledger.order("web", "2").status == "allocated"
    assert shop.ledger.promises("web", "2").lines == []
    assert shop.ledger.promises("web", "none") is None


def test_a_bundle_has_the_date_of_its_last_part(shop) -> None:
    shop.ok(c.PutSku("set", "set", components=(c.Component("red", 2), c.Component("blue", 1))))
    shop.receive("north", red=2)
    _supply(shop, "r", SECOND, 2)
    _supply(shop, "b", FIRST, 5, "blue")
    _wait(shop, "1", 1, "set")
    _wait(shop, "2", 1, "set")
    assert _dates(shop, "1", "2") == [FIRST, SECOND]
    rows, _ = shop.ledger.backorders()
    assert [(row.sku, row.orders, row.units) for row in rows] == [("red", 2, 4), ("blue", 2, 2)]


def test_what_can_be_had_by_a_date(shop) -> None:
    """What is to come goes to those that wait first."""
    shop.ok(c.PutChannel("web", locations=("north",)))
    _wait(shop, "1", 4)
    _supply(shop, "early", FIRST, 10)
    _supply(shop, "elsewhere", FIRST, 100, place="south")
    _supply(shop, "late", SECOND, 5)
    asked = {}
    for by in (None, FIRST, THIRD):
        (row,) = shop.ledger.availability("web", ["red"], shop.now_us, by).skus
        asked[by] = row.promisable
        assert (row.sellable, row.waiting) == (0, 4)
    assert asked == {None: None, FIRST: 6, THIRD: 11}
