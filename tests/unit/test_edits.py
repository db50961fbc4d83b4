"""Orders that are edited, merged and split, in both twins (P1, P2, P4, P7)."""

import pytest

from engine.core import commands as c
from engine.core import limits
from engine.core.ledger import Ledger as SlowLedger
from engine.core.order_commands import EditLine, EditOrder, MergeOrders, SplitLine, SplitOrder
from engine.core.outcomes import Code
from ext.ledger import Ledger as FastLedger
from tests.unit.shop import Shop, allocations

TWINS = pytest.mark.parametrize("make", (SlowLedger, FastLedger))


def shop_of(make) -> Shop:
    """Order 1 holds 3 red from north and 2 from south; 1 red is left in south, 4 blue in north."""
    shop = Shop(make())
    shop.receive("north", red=3, blue=4)
    shop.receive("south", red=3)
    shop.ok(shop.order("1", ("red", 5)))
    return shop


def edit(name: str, *lines: EditLine, order: str = "1", **more) -> EditOrder:
    return EditOrder("web", order, name, lines, **more)


def figures(answer) -> list[tuple]:
    return [
        (one.sku, one.quantity, one.cancelled, one.backordered, one.shipped) for one in answer.lines
    ]


@TWINS
def test_wanting_less_gives_up_the_last_takes_and_nothing_else(make) -> None:
    shop = shop_of(make)
    answer = shop.ok(edit("e", EditLine("red", 2)))
    assert (figures(answer), answer.status) == ([("red", 5, 3, 0, 0)], "allocated")
    assert allocations(answer) == [[("north", 2)]]
    assert shop.available("red") == 4


@TWINS
def test_wanting_more_takes_what_is_there_and_keeps_what_is_held(make) -> None:
    shop = shop_of(make)
    answer = shop.ok(edit("e", EditLine("red", 6), EditLine("blue", 4, unit_price=300)))
    assert allocations(answer) == [[("north", 3), ("south", 3)], [("north", 4)]]
    assert answer.lines[1].unit_price == 300
    assert (shop.available("red"), shop.available("blue")) == (0, 0)


@TWINS
def test_an_edit_is_whole_or_nothing(make) -> None:
    shop = shop_of(make)
    refused = shop.no(edit("e", EditLine("red", 1), EditLine("blue", 5)), Code.INSUFFICIENT_STOCK)
    fault = refused.faults[0]
    assert (fault.path, fault.requested, fault.available) == ("lines[1]", 5, 4)
    assert shop.ok(edit("e", EditLine("red", 1), EditLine("blue", 4))).status == "allocated"


@TWINS
def test_what_an_edit_gives_up_another_of_its_lines_may_have(make) -> None:
    shop = Shop(make())
    shop.receive("north", red=3)
    shop.ok(shop.order("1", ("red", 2, "a"), ("red", 1, "b")))
    answer = shop.ok(edit("e", EditLine("red", 1, "a"), EditLine("red", 2, "b")))
    assert allocations(answer) == [[("north", 1)], [("north", 2)]]


@TWINS
def test_more_than_there_is_waits_if_it_may(make) -> None:
    shop = shop_of(make)
    shop.no(edit("e", EditLine("red", 9)), Code.INSUFFICIENT_STOCK)
    answer = shop.ok(edit("f", EditLine("red", 9), when_short="backorder"))
    assert (figures(answer), answer.status) == ([("red", 9, 0, 3, 0)], "partially_allocated")
    less = shop.ok(edit("g", EditLine("red", 6)))
    assert (figures(less), less.status) == ([("red", 9, 3, 0, 0)], "allocated")
    shop.no(edit("h", EditLine("red", 7), when_short="split"), Code.INSUFFICIENT_STOCK)


@TWINS
def test_a_price_only_edit_touches_no_stock(make) -> None:
    shop = shop_of(make)
    shop.ledger.watch()
    shop.ok(c.Hold("web", "1", "h", "review", keeps_stock=True))
    answer = shop.ok(edit("e", EditLine("red", unit_price=5), note="gift", customer="Zoë"))
    assert (answer.lines[0].unit_price, answer.note, answer.customer) == (5, "gift", "Zoë")
    assert (answer.status, shop.ledger.touched()) == ("on_hold", [])


@TWINS
def test_another_address_is_routed_anew_with_its_own_units_free(make) -> None:
    shop = Shop(make())
    for name, where in (("east", 20.0), ("west", 1.0)):
        shop.ok(
            c.PutLocation(name, name, "warehouse", "DE", latitude=50.0, longitude=where, priority=1)
        )
        shop.receive(name, red=2)
    near_east = c.Address(country="DE", latitude=50.0, longitude=19.0)
    first = shop.ok(shop.order("1", ("red", 2), ship_to=near_east))
    assert allocations(first) == [[("east", 2)]]
    shop.ok(shop.order("2", ("red", 1), ship_to=near_east))
    near_west = c.Address(country="DE", latitude=50.0, longitude=2.0)
    shop.no(edit("x", EditLine("red", 4), ship_to=near_west), Code.INSUFFICIENT_STOCK)
    answer = shop.ok(edit("e", ship_to=near_west))
    assert sum(units for _, units in allocations(answer)[0]) == 2
    assert (answer.ship_to["longitude"], shop.available("red")) == (2.0, 1)
    phone = c.Address(country="DE", latitude=50.0, longitude=2.0, phone="1")
    shop.ledger.watch()
    assert shop.ok(edit("p", ship_to=phone)).ship_to["phone"] == "1"
    assert shop.ledger.touched() == []


@TWINS
def test_an_edit_is_done_once(make) -> None:
    shop = shop_of(make)
    shop.ok(edit("e", EditLine("red", 6)))
    shop.ok(edit("f", EditLine("red", 5)))
    again = shop.ok(edit("e", EditLine("red", 6)))
    assert (again.replayed, figures(again)) == (True, [("red", 6, 1, 0, 0)])
    shop.no(edit("e", EditLine("red", 4)), Code.IDEMPOTENCY_CONFLICT)


@TWINS
def test_an_edit_of_what_has_changed_since_is_refused(make) -> None:
    shop = shop_of(make)
    seen = shop.ledger.order("web", "1").seq
    shop.ok(edit("e", note="x"))
    refused = shop.no(edit("f", note="y", expected_seq=seen), Code.STALE_ORDER)
    assert refused.faults[0].actual == shop.ledger.order("web", "1").seq


@TWINS
def test_lines_are_named_clearly_or_refused(make) -> None:
    shop = Shop(make())
    shop.receive("north", red=9, blue=9)
    shop.ok(shop.order("1", ("red", 1, "a"), ("red", 1, "b"), ("blue", 1)))
    shop.no(edit("e", EditLine("red", 2)), Code.UNKNOWN_LINE)
    shop.no(edit("e", EditLine("blue", 2, "a")), Code.UNKNOWN_LINE)
    shop.no(edit("e", EditLine("rare")), Code.UNKNOWN_LINE)
    shop.no(edit("e", EditLine("none", 1)), Code.UNKNOWN_SKU)
    shop.no(edit("e", EditLine("blue", 2), EditLine("blue", 3)), Code.DUPLICATE_LINE)
    shop.no(edit("e", EditLine("blue", limits.QUANTITY_MAX)), Code.INSUFFICIENT_STOCK)
    answer = shop.ok(edit("e", EditLine("red", 3, "b"), EditLine("blue", 0)))
    assert figures(answer) == [("red", 1, 0, 0, 0), ("red", 3, 0, 0, 0), ("blue", 1, 1, 0, 0)]


@TWINS
def test_what_has_left_stays_and_what_is_closed_is_closed(make) -> None:
    shop = shop_of(make)
    shop.ok(c.Ship("web", "1", "s", lines=(c.ShipLine("red", 2),)))
    shop.no(edit("e", EditLine("red", 1)), Code.QUANTITY_NOT_HELD)
    answer = shop.ok(edit("f", EditLine("red", 2)))
    assert (answer.status, figures(answer)) == ("shipped", [("red", 5, 3, 0, 2)])
    shop.no(edit("g", EditLine("red", 3)), Code.ORDER_CLOSED)
    shop.ok(shop.order("2", ("blue", 1)))
    assert shop.ok(edit("e", EditLine("blue", 0), order="2")).status == "cancelled"
    assert shop.available("blue") == 4


@TWINS
def test_an_order_whose_hold_gave_its_stock_back_waits_with_more(make) -> None:
    shop = shop_of(make)
    shop.ok(c.Hold("web", "1", "h", "payment", keeps_stock=False))
    answer = shop.ok(edit("e", EditLine("red", 6)))
    assert (answer.status, figures(answer)) == ("on_hold", [("red", 6, 0, 6, 0)])
    assert shop.available("red") == 6
    free = shop.ok(c.ReleaseHold("web", "1", "h"))
    assert (free.status, shop.available("red")) == ("allocated", 0)


@TWINS
def test_bundles_are_edited_whole(make) -> None:
    shop = Shop(make())
    shop.ok(c.PutSku("set", "set", components=(c.Component("red", 2), c.Component("blue", 1))))
    shop.receive("north", red=4, blue=1)
    shop.receive("south", red=4, blue=3)
    shop.ok(shop.order("1", ("set", 3)))
    less = shop.ok(edit("e", EditLine("set", 1)))
    assert (shop.available("red"), shop.available("blue")) == (6, 3)
    assert sum(units for _, units in allocations(less)[0]) == 3
    shop.ok(edit("f", EditLine("set", 4)))
    assert (shop.available("red"), shop.available("blue")) == (0, 0)


@TWINS
def test_two_orders_become_one_and_no_unit_is_free_in_between(make) -> None:
    shop = shop_of(make)
    shop.ok(shop.order("2", ("red", 2), ("blue", 1), when_short="backorder"))
    answer = shop.ok(MergeOrders("web", "1", "m", "2"))
    assert figures(answer) == [("red", 5, 0, 0, 0), ("red", 2, 0, 1, 0), ("blue", 1, 0, 0, 0)]
    assert (answer.status, shop.available("red")) == ("partially_allocated", 0)
    gone = shop.ledger.order("web", "2")
    assert (gone.status, figures(gone)[0]) == ("cancelled", ("red", 2, 2, 0, 0))
    assert shop.ok(MergeOrders("web", "1", "m", "2")).replayed
    shop.no(MergeOrders("web", "1", "m", "3"), Code.IDEMPOTENCY_CONFLICT)
    shop.ok(c.Cancel("web", "1"))
    assert (shop.available("red"), shop.available("blue")) == (6, 4)


@TWINS
def test_orders_that_differ_are_not_merged(make) -> None:
    shop = shop_of(make)
    shop.ok(shop.order("2", ("blue", 1), ship_to=c.Address(city="Ghent")))
    shop.ok(shop.order("3", ("blue", 1), currency="EUR"))
    shop.ok(shop.order("4", ("blue", 1)))
    shop.no(MergeOrders("web", "1", "m", "2"), Code.ORDERS_DIFFER)
    shop.no(MergeOrders("web", "1", "m", "3"), Code.ORDERS_DIFFER)
    shop.no(MergeOrders("web", "1", "m", "1"), Code.ORDERS_DIFFER)
    refused = shop.no(MergeOrders("web", "1", "m", "none"), Code.UNKNOWN_ORDER)
    assert refused.faults[0].path == "from_order_id"
    shop.ok(c.Ship("web", "4", "s"))
    shop.no(MergeOrders("web", "1", "m", "4"), Code.ORDER_STATUS)


@TWINS
def test_what_waits_is_split_off(make) -> None:
    shop = shop_of(make)
    shop.ok(edit("e", EditLine("red", 9), EditLine("blue", 1), when_short="backorder"))
    made = shop.ok(SplitOrder("web", "1", "s", "1-b"))
    assert (made.order_id, made.status, figures(made)) == (
        "1-b", "backordered", [("red", 3, 0, 3, 0)],
    )  # fmt: skip
    rest = shop.ledger.order("web", "1")
    assert (rest.status, figures(rest)[0]) == ("allocated", ("red", 9, 3, 0, 0))
    assert shop.ok(SplitOrder("web", "1", "s", "1-b")).replayed
    shop.no(SplitOrder("web", "1", "t", "1-b"), Code.ORDER_EXISTS)
    shop.no(SplitOrder("web", "1", "s", "1-c"), Code.IDEMPOTENCY_CONFLICT)
    shop.no(SplitOrder("web", "1", "t", "1-c"), Code.QUANTITY_NOT_HELD)


@TWINS
def test_named_units_are_split_off_with_what_they_hold(make) -> None:
    shop = shop_of(make)
    shop.no(SplitOrder("web", "1", "s", "2", (SplitLine("red", 6),)), Code.QUANTITY_NOT_HELD)
    shop.no(SplitOrder("web", "1", "s", "2", (SplitLine("red", 5),)), Code.QUANTITY_NOT_HELD)
    shop.no(SplitOrder("web", "1", "s", "2", (SplitLine("blue", 1),)), Code.UNKNOWN_LINE)
    two = (SplitLine("red", 1), SplitLine("red", 1))
    shop.no(SplitOrder("web", "1", "s", "2", two), Code.DUPLICATE_LINE)
    made = shop.ok(SplitOrder("web", "1", "s", "2", (SplitLine("red", 3),)))
    assert allocations(made) == [[("north", 1), ("south", 2)]]
    assert allocations(shop.ledger.order("web", "1")) == [[("north", 2)]]
    assert shop.available("red") == 1
    shop.ok(c.Ship("web", "2", "p"))
    shop.ok(c.Ship("web", "1", "p"))
    assert shop.ledger.stock("red").on_hand == 1


@TWINS
def test_nothing_is_changed_of_an_order_that_is_not_there(make) -> None:
    shop = shop_of(make)
    for command in (
        edit("e", order="none"),
        MergeOrders("web", "none", "m", "1"),
        SplitOrder("web", "none", "s", "2"),
    ):
        assert shop.no(command, Code.UNKNOWN_ORDER).faults[0].path == "order_id"


def test_both_twins_agree_on_every_byte() -> None:
    dumps = []
    for make in (SlowLedger, FastLedger):
        shop = shop_of(make)
        shop.ok(edit("e", EditLine("red", 9), EditLine("blue", 2), when_short="backorder"))
        shop.ok(SplitOrder("web", "1", "s", "1-b"))
        shop.ok(shop.order("2", ("blue", 1)))
        shop.ok(MergeOrders("web", "1", "m", "2"))
        shop.wait(1)
        dumps.append(shop.ledger.dump())
        assert make.load(dumps[-1]).dump() == dumps[-1]
    assert dumps[0] == dumps[1]


def test_more_of_a_bundle_that_is_made_of_other_parts_now_is_a_line_of_its_own(shop: Shop) -> None:
    """P2: what a line holds is in one proportion, so it leaves and comes back as whole bundles."""
    shop.receive("north", red=9, blue=9)
    shop.ok(c.PutSku("set", "set", components=(c.Component("red", 2),)))
    shop.ok(shop.order("1", ("set", 1)))
    shop.ok(c.PutSku("set", "set", components=(c.Component("red", 1), c.Component("blue", 1))))
    shop.no(
        EditOrder("web", "1", "e1", (EditLine("set", 2),), when_short="backorder"),
        Code.BUNDLE_REMADE,
    )
    shop.ok(EditOrder("web", "1", "e2", (EditLine("set", 1, "more"),)))
    assert shop.ok(c.Ship("web", "1", "all")).status == "shipped"
    assert shop.ledger.stock("red").on_hand == 6 and shop.ledger.stock("blue").on_hand == 8
