"""What changes of orders do to ring-fenced stock, in both twins (P1, P7)."""

import pytest

from engine.core import commands as c
from engine.core.order_commands import (
    EditLine,
    EditOrder,
    MergeOrders,
    Reallocate,
    SplitLine,
    SplitOrder,
)
from engine.core.outcomes import Code
from tests.unit.fenced import TWINS, Fenced


@TWINS
def test_reallocation_leaves_what_is_out_of_another_fence(make) -> None:
    shop = Fenced(make, red=5)
    shop.fence("market", 3)
    shop.sells("market", "m", 3)
    shop.sells("web", "w", 2)
    shop.sells("web", "vip", 4, when_short="backorder", priority=5)
    shop.ok(Reallocate("web", "vip", "r1"))
    assert (shop.held("vip"), shop.held("w"), shop.held("m", "market")) == (2, 0, 3)
    shop.close()


@TWINS
def test_reallocation_takes_from_orders_and_not_from_a_fence(make) -> None:
    shop = Fenced(make, red=8)
    shop.sells("store", "s", 3)
    shop.fence("market", 5)
    shop.sells("web", "vip", 4, when_short="backorder", priority=5)
    shop.sells("store", "vip", 4, when_short="backorder", priority=9)
    shop.ok(Reallocate("store", "vip", "r1"))
    assert (shop.held("vip", "store"), shop.held("s", "store")) == (3, 0)
    assert shop.rows() == [("market", 0, 5, 5)]
    shop.close()


@TWINS
def test_edits_splits_and_merges_keep_to_the_fence(make) -> None:
    shop = Fenced(make, red=6)
    shop.fence("market", 4)
    shop.sells("web", "1", 2)
    edit = EditOrder("web", "1", "e1", (EditLine("red", 3),))
    shop.no(edit, Code.INSUFFICIENT_STOCK)
    shop.sells("market", "1", 2)
    shop.ok(EditOrder("market", "1", "e1", (EditLine("red", 4),)))
    assert shop.rows() == [("market", 4, 0, 0)]
    shop.ok(SplitOrder("market", "1", "s1", "2", (SplitLine("red", 1),)))
    shop.ok(MergeOrders("market", "1", "m1", "2"))
    assert shop.rows() == [("market", 4, 0, 0)]
    shop.ok(c.Cancel("market", "1"))
    assert shop.rows() == [("market", 0, 4, 4)]
    shop.close()


@TWINS
@pytest.mark.parametrize("bound_to", ["market", "web"])
def test_units_that_a_bound_fence_takes_back_are_not_made_up_for_elsewhere(make, bound_to) -> None:
    shop = Fenced(make, red=5)
    if bound_to == "web":
        shop.fence("web", 5, location="north")
    shop.sells("web", "1", 5)
    if bound_to == "market":
        shop.fence("market", 5, location="north")
    shop.receive("south", red=5)
    shop.fence("store", 5)
    before = shop.rows()
    shop.ok(c.PutLocation("south", "south", "warehouse", "DE", priority=0))
    shop.ok(EditOrder("web", "1", "e1", ship_to=c.Address(country="DE", postcode="80331")))
    assert shop.rows() == before
    edit = EditOrder("web", "1", "e2", (EditLine("red", 3),), c.Address(country="FR"))
    shop.ok(edit)
    assert shop.rows()[-1] == ("store", 0, 5, 5)
    shop.close()


@TWINS
def test_bundles_take_their_parts_out_of_fences(make) -> None:
    shop = Fenced(make, red=5, blue=5)
    shop.ok(c.PutSku("set", "set", components=(c.Component("red", 2), c.Component("blue", 1))))
    shop.fence("market", 4)
    assert shop.shown("web", "set") == (0, {"fenced": 2}, 0)
    assert shop.sell("web", "1", 1, "set").code is Code.INSUFFICIENT_STOCK
    shop.sells("market", "1", 2, "set")
    assert shop.rows() == [("market", 4, 0, 0)]
    shop.close()
