"""The rules of orders and bundles, one example each, over both twins."""

from engine.core import commands as c
from engine.core import limits
from engine.core.outcomes import Code
from tests.unit.shop import allocations

# Orders.


def test_lines_of_one_sku_are_added_up(shop) -> None:
    shop.receive("north", red=10)
    refused = shop.no(shop.order("1", ("red", 6), ("red", 6)), Code.INSUFFICIENT_STOCK)
    fault = refused.faults[0]
    assert (fault.path, fault.requested, fault.available) == ("lines[1]", 6, 4)
    answer = shop.ok(shop.order("1", ("red", 6), ("red", 4)))
    assert allocations(answer) == [[("north", 6)], [("north", 4)]]
    assert shop.available("red") == 0


def test_an_order_is_all_or_nothing(shop) -> None:
    shop.receive("north", red=10)
    refused = shop.no(
        shop.order("1", ("red", 1), ("blue", 2), ("rare", 1)), Code.INSUFFICIENT_STOCK
    )
    assert [f.path for f in refused.faults] == ["lines[1]", "lines[2]"]
    assert shop.available("red") == 10


def test_backorder_takes_what_is_there_and_waits_for_the_rest(shop) -> None:
    shop.receive("north", red=3)
    answer = shop.ok(shop.order("1", ("red", 5), when_short="backorder"))
    assert (answer.status, answer.lines[0].backordered) == ("partially_allocated", 2)
    answer = shop.ok(shop.order("2", ("red", 5), when_short="backorder"))
    assert (answer.status, answer.lines[0].backordered) == ("backordered", 5)
    assert shop.available("red") == 0


def test_split_refuses_only_when_nothing_is_there(shop) -> None:
    shop.receive("north", red=3)
    answer = shop.ok(shop.order("1", ("red", 5), ("blue", 1), when_short="split"))
    assert [line.backordered for line in answer.lines] == [2, 1]
    shop.no(shop.order("2", ("red", 5), when_short="split"), Code.INSUFFICIENT_STOCK)


def test_a_backorderable_sku_is_promised_beyond_stock(shop) -> None:
    shop.receive("south", rope=3)
    answer = shop.ok(shop.order("1", ("rope", 5)))
    assert (answer.status, allocations(answer)) == ("allocated", [[("south", 5)]])
    assert shop.available("rope") == -2
    refused = shop.no(c.PutSku("rope", "by the metre"), Code.PROMISED_STOCK)
    assert refused.faults[0].available == -2


def test_one_location_before_two_then_priority(shop) -> None:
    shop.receive("north", red=2, blue=9)
    shop.receive("south", red=9, blue=9)
    assert allocations(shop.ok(shop.order("1", ("red", 2)))) == [[("north", 2)]]
    shop.ok(shop.order("2", ("blue", 8)))
    answer = shop.ok(shop.order("3", ("red", 2), ("blue", 2)))
    assert allocations(answer) == [[("south", 2)], [("south", 2)]]
    answer = shop.ok(shop.order("4", ("red", 7), ("blue", 8)))
    assert allocations(answer) == [[("south", 7)], [("north", 1), ("south", 7)]]


def test_the_nearest_of_equals(shop) -> None:
    for name, latitude in (("far", 0.0), ("near", 52.0)):
        shop.ok(
            c.PutLocation(name, name, "store", "DE", latitude=latitude, longitude=13.0, priority=0)
        )
        shop.receive(name, rare=5)
    to = c.Address(latitude=52.5, longitude=13.4)
    assert allocations(shop.ok(shop.order("1", ("rare", 1), ship_to=to))) == [[("near", 1)]]
    assert allocations(shop.ok(shop.order("2", ("rare", 1)))) == [[("far", 1)]]


def test_inactive_locations_give_nothing(shop) -> None:
    shop.receive("north", red=5)
    shop.ok(c.PutLocation("north", "north", "warehouse", "DE", priority=1, active=False))
    shop.no(shop.order("1", ("red", 1)), Code.INSUFFICIENT_STOCK)
    shop.no(shop.order("1", ("red", 1, None, None, "north")), Code.LOCATION_INACTIVE)
    shop.ok(c.PutLocation("south", "south", "warehouse", "DE", priority=2, active=False))
    shop.no(shop.order("1", ("rope", 1)), Code.LOCATION_INACTIVE)


def test_a_line_bound_to_a_location_takes_there(shop) -> None:
    shop.receive("north", red=5)
    shop.receive("south", red=5)
    answer = shop.ok(shop.order("1", ("red", 5), ("red", 4, None, None, "south")))
    assert allocations(answer) == [[("north", 5)], [("south", 4)]]
    refused = shop.no(shop.order("2", ("red", 2, None, None, "south")), Code.INSUFFICIENT_STOCK)
    assert refused.faults[0].available == 1
    shop.no(shop.order("2", ("red", 1, None, None, "west")), Code.UNKNOWN_LOCATION)


def test_unknown_sku_names_the_line(shop) -> None:
    refused = shop.no(shop.order("1", ("red", 1), ("gold", 1)), Code.UNKNOWN_SKU)
    assert (refused.faults[0].path, refused.faults[0].sku) == ("lines[1].sku", "gold")


# Bundles.


def test_bundles_share_components_across_lines(shop) -> None:
    shop.ok(
        c.PutSku("set", "2 red 1 blue", components=(c.Component("red", 2), c.Component("blue", 1)))
    )
    shop.receive("north", red=7, blue=9)
    assert shop.available("set") == 3
    refused = shop.no(shop.order("1", ("set", 3), ("red", 2)), Code.INSUFFICIENT_STOCK)
    assert (refused.faults[0].path, refused.faults[0].available) == ("lines[1]", 1)
    answer = shop.ok(shop.order("1", ("set", 3), ("red", 1)))
    assert [(a.sku, a.quantity) for a in answer.lines[0].allocations] == [("red", 6), ("blue", 3)]
    assert shop.available("red") == 0 and shop.available("blue") == 6


def test_bundles_nest_to_a_stated_depth(shop) -> None:
    below = "red"
    for depth in range(limits.BUNDLE_DEPTH_MAX):
        shop.ok(c.PutSku(f"b{depth}", "", components=(c.Component(below, 2),)))
        below = f"b{depth}"
    shop.no(c.PutSku("deep", "", components=(c.Component(below, 1),)), Code.BUNDLE_TOO_DEEP)
    shop.receive("north", red=2**limits.BUNDLE_DEPTH_MAX)
    shop.ok(shop.order("1", (below, 1)))
    assert shop.available("red") == 0


def test_a_bundle_cannot_contain_itself_or_have_stock(shop) -> None:
    shop.ok(c.PutSku("set", "", components=(c.Component("red", 1),)))
    shop.ok(c.PutSku("box", "", components=(c.Component("set", 1),)))
    shop.no(c.PutSku("set", "", components=(c.Component("box", 1),)), Code.BUNDLE_CYCLE)
    shop.no(c.Receive("x", "north", (c.ReceiptLine("set", 1),)), Code.BUNDLE_NOT_STOCKED)
    shop.receive("north", blue=1)
    shop.no(c.PutSku("blue", "", components=(c.Component("red", 1),)), Code.BUNDLE_HAS_STOCK)


def test_cancelling_bundles_frees_whole_components(shop) -> None:
    shop.ok(c.PutSku("set", "", components=(c.Component("red", 2), c.Component("blue", 1))))
    shop.receive("north", red=4, blue=1)
    shop.receive("south", red=2, blue=9)
    shop.ok(shop.order("1", ("set", 3)))
    answer = shop.ok(c.Cancel("web", "1", (c.CancelLine("set", 1),)))
    held = answer.lines[0].allocations
    assert sum(a.quantity for a in held if a.sku == "red") == 4
    assert sum(a.quantity for a in held if a.sku == "blue") == 2
    assert shop.available("red") == 2


# Cancelling.


def test_cancel_by_line_gives_the_last_lines_first(shop) -> None:
    shop.receive("north", red=9)
    shop.ok(shop.order("1", ("red", 2), ("red", 3)))
    answer = shop.ok(c.Cancel("web", "1", (c.CancelLine("red", 4),)))
    assert [line.cancelled for line in answer.lines] == [1, 3]
    assert shop.available("red") == 8
    refused = shop.no(c.Cancel("web", "1", (c.CancelLine("red", 2),)), Code.QUANTITY_NOT_HELD)
    assert refused.faults[0].available == 1
    assert shop.ok(c.Cancel("web", "1", (c.CancelLine("red", 1),))).status == "cancelled"
    shop.no(c.Cancel("web", "1", (c.CancelLine("red", 1),)), Code.ORDER_CLOSED)
    assert shop.ask(c.Cancel("web", "1")).replayed


def test_cancel_takes_what_waits_before_what_is_allocated(shop) -> None:
    shop.receive("north", red=3)
    shop.ok(shop.order("1", ("red", 5), when_short="backorder"))
    answer = shop.ok(c.Cancel("web", "1", (c.CancelLine("red", 2),)))
    assert (answer.status, answer.lines[0].backordered) == ("allocated", 0)
    assert shop.available("red") == 0
    shop.ok(c.Cancel("web", "1"))
    assert shop.available("red") == 3
