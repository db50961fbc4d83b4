"""Bundles whose parts lie at two locations leave in two parcels, in both twins (P2, P7)."""

import pytest

from engine.core import commands as c
from engine.core import fulfillment_commands as f
from engine.core.ledger import Ledger as SlowLedger
from engine.core.order_commands import EditLine
from engine.core.outcomes import Code
from ext.ledger import Ledger as FastLedger
from tests.unit.shop import Shop, allocations
from tests.unit.test_fulfillments import picked, release, same_after_replay

TWINS = pytest.mark.parametrize("make", (SlowLedger, FastLedger))


@TWINS
def test_a_bundle_leaves_from_two_locations(make) -> None:
    shop = Shop(make())
    shop.ok(c.PutSku("set", "set", components=(c.Component("red", 2), c.Component("blue", 1))))
    shop.receive("north", red=4, blue=1)
    shop.receive("south", blue=1)
    shop.ok(shop.order("1", ("set", 2)))
    north, south = release(shop)
    lines = [(one.sku, one.quantity, one.bundle) for one in shop.ledger.fulfillment(north).lines]
    assert lines == [("red", 4, "set"), ("blue", 1, "set")]
    picked(shop, north)
    picked(shop, south)
    sent = shop.ok(f.ShipFulfillment(north, "p1"))
    assert [(one.sku, one.quantity) for one in sent.lines] == [("red", 4), ("blue", 1)]
    assert (sent.status, shop.ledger.order("web", "1").lines[0].shipped) == ("packed", 1)
    assert shop.ledger.stock("red").on_hand == 0
    same_after_replay(shop)
    sent = shop.ok(f.ShipFulfillment(south, "p2"))
    assert [(one.sku, one.quantity, one.location) for one in sent.lines] == [("blue", 1, "south")]
    assert (sent.status, shop.ledger.order("web", "1").lines[0].shipped) == ("shipped", 2)
    assert shop.ledger.stock("blue").on_hand == 0
    assert shop.ledger.order("web", "1").status == "shipped"
    same_after_replay(shop)


def parted(make, units: int = 2) -> tuple[Shop, str]:
    """Of the first of two sets, red has left the north, and blue is packed in the south."""
    shop = Shop(make())
    shop.ok(c.PutSku("set", "set", components=(c.Component("red", 2), c.Component("blue", 1))))
    shop.receive("north", red=2 * units)
    shop.receive("south", blue=units)
    shop.ok(shop.order("1", ("set", units)))
    north, south = release(shop)
    picked(shop, north)
    picked(shop, south)
    shop.ok(f.CancelFulfillment(north))
    cut = shop.ok(c.Cancel("web", "1", (c.CancelLine("set", units - 1),))) if units > 1 else None
    assert cut is None or cut.lines[0].cancelled == units - 1
    (north,) = release(shop, "w2")
    picked(shop, north)
    assert shop.ok(f.ShipFulfillment(north, "p1")).lines[0].quantity == 2
    return shop, south


@TWINS
def test_the_rest_of_a_bundle_can_only_follow(make) -> None:
    shop, south = parted(make)
    shop.no(c.Cancel("web", "1", (c.CancelLine("set", 1),)), Code.QUANTITY_NOT_HELD)
    shop.no(f.PickShort(south, "x", (f.ShortLine("blue", 1),)), Code.BUNDLE_PARTED)
    shop.receive("north", blue=5)
    shop.ok(f.CancelFulfillment(south))
    assert shop.ledger.order("web", "1").status == "allocated"
    shop.no(c.EditOrder("web", "1", "e", (EditLine("set", 0),)), Code.BUNDLE_PARTED)
    shop.no(c.Hold("web", "1", "h", "review", keeps_stock=False), Code.BUNDLE_PARTED)
    shop.no(c.SplitOrder("web", "1", "p", "2"), Code.BUNDLE_PARTED)
    shop.no(c.Ship("web", "1", "s"), Code.QUANTITY_NOT_HELD)
    shop.ok(c.EditOrder("web", "1", "e", note="ring twice"))
    (south,) = release(shop, "w3")
    shop.ok(f.RejectFulfillment(south, "no"))
    assert allocations(shop.ledger.order("web", "1")) == [[("south", 1)]]
    (south,) = release(shop, "w4")
    picked(shop, south)
    assert shop.ok(f.ShipFulfillment(south, "p2")).status == "shipped"
    shop.no(c.Cancel("web", "1"), Code.ORDER_CLOSED)
    same_after_replay(shop)


@TWINS
def test_cancelling_leaves_a_bundle_of_which_a_part_has_left(make) -> None:
    shop, south = parted(make, units=1)
    assert shop.ok(c.Cancel("web", "1")).status == "packed"
    assert shop.ok(f.ShipFulfillment(south, "p2")).status == "shipped"
    same_after_replay(shop)
