"""One listing sells several units, kits share their parts, and variants are SKUs of their own: a
bundle says all of that, in both twins (P1, P2)."""

import pytest

from engine.core import commands as c
from engine.core import return_commands as rc
from engine.core.ledger import Ledger as SlowLedger
from engine.core.outcomes import Code
from ext.ledger import Ledger as FastLedger
from tests.unit.shop import Shop, allocations

TWINS = pytest.mark.parametrize("make", (SlowLedger, FastLedger))


def shop_of(make) -> Shop:
    """`red-6` is a listing of six red, `gift` one red and one blue; there are 13 red, 2 blue."""
    shop = Shop(make())
    shop.ok(c.PutSku("red-6", "six red", components=(c.Component("red", 6),)))
    parts = (c.Component("red", 1), c.Component("blue", 1))
    shop.ok(c.PutSku("gift", "a red and a blue", components=parts))
    shop.receive("north", red=13, blue=2)
    return shop


@TWINS
def test_a_listing_of_several_units_is_a_bundle_with_one_part(make) -> None:
    shop = shop_of(make)
    assert shop.available("red-6") == 2
    answer = shop.ok(shop.order("1", ("red-6", 1), ("red", 2)))
    assert allocations(answer) == [[("north", 6)], [("north", 2)]]
    assert (shop.available("red"), shop.available("red-6")) == (5, 0)
    shop.no(shop.order("2", ("red-6", 1)), Code.INSUFFICIENT_STOCK)
    left = shop.ok(c.Ship("web", "1", "s"))
    assert [(line.sku, line.quantity, line.bundle) for line in left.lines] == [
        ("red", 6, "red-6"),
        ("red", 2, None),
    ]


@TWINS
def test_a_multipack_comes_back_whole_or_by_the_unit(make) -> None:
    shop = shop_of(make)
    shop.ok(shop.order("1", ("red-6", 2)))
    shop.ok(c.Ship("web", "1", "s"))
    name = ("web", "1", "r")
    pack, unit = rc.ReturnLine("red-6", 1), rc.ReturnLine("red", 2)
    answer = shop.ok(rc.OpenReturn(*name, "too many", (pack, unit), approved=True))
    assert sum(row.expected for row in answer.units) == 8
    over = (rc.ReturnLine("red-6", 1),)
    shop.no(rc.OpenReturn("web", "1", "q", "too many", over), Code.NOT_RETURNABLE)
    shop.ok(rc.ReceiveReturn(*name, "in", "south", (rc.ReturnedLine("red", 8),)))
    look = (rc.InspectedLine("red", 8, "restock"),)
    assert shop.ok(rc.InspectReturn(*name, "look", "south", look)).status == "closed"
    assert (shop.available("red"), shop.available("red-6")) == (9, 1)
    rest = shop.ok(rc.OpenReturn("web", "1", "rest", "the others"))
    assert [(line.sku, line.quantity) for line in rest.lines] == [("red", 4)]


@TWINS
def test_kits_of_one_order_share_their_parts_and_never_a_unit(make) -> None:
    shop = shop_of(make)
    shop.no(shop.order("1", ("gift", 2), ("red-6", 2)), Code.INSUFFICIENT_STOCK)
    shop.ok(shop.order("1", ("gift", 1), ("red-6", 2)))
    assert (shop.available("red"), shop.available("gift")) == (0, 0)
    shop.ok(c.Cancel("web", "1", (c.CancelLine("red-6", 1),)))
    assert (shop.available("red"), shop.available("gift"), shop.available("red-6")) == (6, 1, 1)


@TWINS
def test_what_comes_back_is_given_to_who_waits_for_it(make) -> None:
    """A unit that is restocked goes to the order that waits, not before somebody looked at it."""
    shop = shop_of(make)
    shop.ok(shop.order("1", ("blue", 2)))
    shop.ok(c.Ship("web", "1", "s"))
    shop.ok(shop.order("2", ("blue", 1), when_short="backorder"))
    name = ("web", "1", "r")
    shop.ok(rc.OpenReturn(*name, "too many", None, approved=True))
    shop.ok(rc.ReceiveReturn(*name, "in", "north", (rc.ReturnedLine("blue", 2),)))
    assert shop.ledger.order("web", "2").status == "backordered"
    look = (rc.InspectedLine("blue", 1, "restock"), rc.InspectedLine("blue", 1, "scrap"))
    shop.ok(rc.InspectReturn(*name, "look", "north", look))
    assert shop.ledger.order("web", "2").status == "allocated"
    assert shop.available("blue") == 0
