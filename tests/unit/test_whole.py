"""Orders that ship complete take what is there, wait for the rest, and leave when nothing of them
waits any more."""

from datetime import UTC, datetime

from engine.core import commands as c
from engine.core.commands import PurchaseLine, PutPurchaseOrder
from engine.core.fulfillment_commands import (
    AcceptFulfillment,
    PackFulfillment,
    PickFulfillment,
    PickShort,
    ReleaseOrder,
    ReleaseWave,
    ShipFulfillment,
    ShortLine,
)
from engine.core.order_commands import EditLine, EditOrder, MergeOrders, SplitLine, SplitOrder
from engine.core.outcomes import Code
from engine.core.routing.policy import RoutingPolicy
from tests.unit.shop import Shop, allocations


def placed(shop: Shop, name: str = "1", *lines, when_short: str = "complete"):
    return shop.ok(shop.order(name, *(lines or (("red", 2), ("blue", 2))), when_short=when_short))


def test_it_takes_what_is_there_and_does_not_leave(shop) -> None:
    shop.receive("north", red=2, blue=1)
    answer = placed(shop)
    assert answer.status == "partially_allocated" and answer.ships_complete
    assert allocations(answer) == [[("north", 2)], [("north", 1)]]
    refused = shop.no(ReleaseOrder("web", "1", "r"), Code.ORDER_INCOMPLETE)
    assert "1 of its units wait" in refused.detail
    shop.no(c.Ship("web", "1", "s"), Code.ORDER_INCOMPLETE)
    # Nobody else gets what it has.
    shop.no(shop.order("2", ("red", 1)), Code.INSUFFICIENT_STOCK)


def test_it_is_accepted_without_any_stock(shop) -> None:
    assert placed(shop).status == "backordered"


def test_with_the_last_unit_it_may_leave(shop) -> None:
    shop.receive("north", red=2, blue=1)
    placed(shop)
    shop.receive("south", blue=1)
    assert shop.ledger.order("web", "1").status == "allocated"
    assert shop.ok(ReleaseOrder("web", "1", "r")).status == "released"


def test_others_leave_in_parts_as_before(shop) -> None:
    shop.receive("north", red=2)
    placed(shop, when_short="backorder")
    assert shop.ok(c.Ship("web", "1", "s")).status == "partially_shipped"


def test_a_wave_passes_it_over_until_it_is_whole(shop) -> None:
    shop.receive("north", red=4, blue=1)
    placed(shop)
    placed(shop, "2", ("red", 1), when_short="refuse")
    wave = shop.ok(ReleaseWave("w1"))
    assert [one.order_id for one in wave.orders] == ["2"]
    shop.receive("north", blue=1)
    wave = shop.ok(ReleaseWave("w2"))
    assert [one.order_id for one in wave.orders] == ["1"]


def test_cancelling_what_waits_lets_the_rest_go(shop) -> None:
    shop.receive("north", red=2, blue=1)
    placed(shop)
    answer = shop.ok(c.Cancel("web", "1", (c.CancelLine("blue", 1),)))
    assert answer.status == "allocated"
    shop.ok(c.Ship("web", "1", "s"))


def test_an_edit_may_make_it_incomplete_again_or_ask_for_it(shop) -> None:
    shop.receive("north", red=3)
    placed(shop, "1", ("red", 2))
    shop.ok(EditOrder("web", "1", "e1", (EditLine("red", 4),), when_short="backorder"))
    shop.no(c.Ship("web", "1", "s"), Code.ORDER_INCOMPLETE)
    shop.ok(EditOrder("web", "1", "e2", (EditLine("red", 3),)))
    shop.ok(c.Ship("web", "1", "s"))
    shop.receive("south", red=1)
    placed(shop, "2", ("red", 1), when_short="refuse")
    answer = shop.ok(EditOrder("web", "2", "e", (EditLine("red", 2),), when_short="complete"))
    assert answer.ships_complete
    shop.no(ReleaseOrder("web", "2", "r"), Code.ORDER_INCOMPLETE)


def test_what_is_split_off_waits_by_itself(shop) -> None:
    shop.receive("north", red=2, blue=1)
    placed(shop)
    rest = shop.ok(SplitOrder("web", "1", "sp", "1-b"))
    assert rest.status == "backordered" and rest.ships_complete
    shop.ok(c.Ship("web", "1", "s"))
    shop.receive("north", blue=1)
    shop.ok(c.Ship("web", "1-b", "s"))


def test_part_of_what_is_split_off_waits_for_its_rest(shop) -> None:
    shop.receive("north", red=2)
    placed(shop)
    lines = (SplitLine("red", 1), SplitLine("blue", 1))
    shop.ok(SplitOrder("web", "1", "sp", "1-b", lines))
    for name in ("1", "1-b"):
        shop.no(ReleaseOrder("web", name, "r"), Code.ORDER_INCOMPLETE)


def test_merged_orders_ship_complete_if_one_of_them_did(shop) -> None:
    shop.receive("north", red=1)
    placed(shop, "1", ("red", 1), when_short="refuse")
    placed(shop, "2", ("blue", 1))
    assert shop.ok(MergeOrders("web", "1", "m", "2")).ships_complete
    shop.no(c.Ship("web", "1", "s"), Code.ORDER_INCOMPLETE)


def test_a_short_pick_stops_what_others_have_packed(shop) -> None:
    """Two locations work on it; one has not got the goods, and nobody else has."""
    shop.receive("north", red=2)
    shop.receive("south", blue=2)
    placed(shop)
    north, south = (
        one.fulfillment_id for one in shop.ok(ReleaseOrder("web", "1", "r")).fulfillments
    )
    for name in (north, south):
        shop.ok(AcceptFulfillment(name))
        shop.ok(PickFulfillment(name))
    shop.ok(PickShort(south, "p", (ShortLine("blue", 1),)))
    shop.ok(PackFulfillment(north))
    shop.no(ShipFulfillment(north, "s"), Code.ORDER_INCOMPLETE)
    shop.receive("north", blue=1)
    shop.ok(ShipFulfillment(north, "s"))


def test_a_hold_that_lets_stock_go_makes_it_wait_again(shop) -> None:
    shop.receive("north", red=2, blue=2)
    placed(shop)
    shop.ok(c.Hold("web", "1", "h", "payment", keeps_stock=False))
    shop.ok(shop.order("2", ("red", 1)))
    shop.ok(c.ReleaseHold("web", "1", "h"))
    shop.no(ReleaseOrder("web", "1", "r"), Code.ORDER_INCOMPLETE)
    shop.receive("north", red=1)
    shop.ok(ReleaseOrder("web", "1", "r"))


def test_all_of_it_is_promised_by_the_date_of_the_last(shop) -> None:
    shop.receive("north", red=2)
    soon, late = (datetime(2027, 2, day, tzinfo=UTC) for day in (1, 9))
    for name, sku, at in (("po-1", "blue", soon), ("po-2", "rare", late)):
        shop.ok(PutPurchaseOrder(name, "north", at, (PurchaseLine(sku, 5),)))
    placed(shop, "1", ("red", 2), ("blue", 1), ("rare", 1))
    placed(shop, "2", ("rare", 1), ("blue", 1), when_short="backorder")
    dates = [line.promised_at for line in shop.ledger.order("web", "1").lines]
    assert dates == [late, late, late]
    assert [line.promised_at for line in shop.ledger.order("web", "2").lines] == [late, soon]


def test_a_strategy_that_sends_complete_orders_is_the_same_rule(shop) -> None:
    """It takes nothing before all is there; what falls short later waits for the rest as well."""
    shop.receive("north", red=2)
    policy = {
        "policy": "p",
        "version": 1,
        "zones": [{"zone": "de", "country": "DE"}],
        "lanes": [{"origin": "n", "zone": "de", "bands": [{"up_to_g": 9000, "base": 1}]}],
        "locations": [{"location": "north", "origin": "n"}],
        "strategies": [{"strategy": "whole", "kind": "cheapest", "complete": True}],
    }
    import msgspec

    shop.ok(msgspec.convert(policy, RoutingPolicy))
    home = c.Address(country="DE", postcode="10115")
    order = shop.order("1", ("red", 2), policy="p", ship_to=home)
    assert shop.ok(order).status == "allocated"
    name = shop.ok(ReleaseOrder("web", "1", "r")).fulfillments[0].fulfillment_id
    shop.ok(PickFulfillment(name))
    shop.ok(PickShort(name, "s", (ShortLine("red", 1),)))
    shop.ok(PackFulfillment(name))
    shop.no(ShipFulfillment(name, "s"), Code.ORDER_INCOMPLETE)
