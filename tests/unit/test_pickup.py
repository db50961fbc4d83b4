"""An order that its customer fetched in a store has arrived."""

from engine.core import fulfillment_commands as f
from tests.unit.test_fulfillments import TWINS, picked, release, same_after_replay, shop_of


@TWINS
def test_an_order_that_was_fetched_is_delivered(make) -> None:
    shop = shop_of(make)
    north, south = release(shop, pickup=True)
    for name in (north, south):
        picked(shop, name)
        shop.ok(f.ReadyFulfillment(name))
    assert shop.ok(f.HandOver(north, "till-1")).status != "delivered"
    assert shop.ok(f.HandOver(south, "till-2")).status == "delivered"
    assert shop.ledger.order("web", "1").status == "delivered"
    same_after_replay(shop)


@TWINS
def test_an_order_of_which_a_carrier_has_a_part_is_delivered_with_that(make) -> None:
    shop = shop_of(make)
    north, south = release(shop)
    picked(shop, north)
    shop.ok(f.ShipFulfillment(north, "p1"))
    shop.ok(f.CancelFulfillment(south, "to be fetched"))
    (south,) = release(shop, "w2", pickup=True)
    picked(shop, south)
    shop.ok(f.ReadyFulfillment(south))
    assert shop.ok(f.HandOver(south, "till")).status == "shipped"
    assert shop.ok(f.DeliverFulfillment(north)).order_status == "delivered"
    same_after_replay(shop)
