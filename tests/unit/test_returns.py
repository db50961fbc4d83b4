"""Goods that come back, in both twins (P1, P2, P4, P7)."""

import pytest

from engine.core import commands as c
from engine.core import limits
from engine.core import return_commands as rc
from engine.core.ledger import Ledger as SlowLedger
from engine.core.outcomes import Code
from ext.ledger import Ledger as FastLedger
from tests.unit.shop import Shop

TWINS = pytest.mark.parametrize("make", (SlowLedger, FastLedger))


def shop_of(make) -> Shop:
    """Order 1: three red from north have left, two blue have not."""
    shop = Shop(make())
    shop.receive("north", red=5, blue=5)
    shop.ok(shop.order("1", ("red", 3, "a"), ("blue", 2, "b")))
    shop.ok(c.Ship("web", "1", "s1", lines=(c.ShipLine("red", 3),)))
    return shop


def opened(name="r", *lines, order="1", approved=True, reason="too small") -> rc.OpenReturn:
    named = tuple(rc.ReturnLine(*line) for line in lines) or None
    return rc.OpenReturn("web", order, name, reason, named, approved)


def receive(name="r", step="in", place="north", order="1", **units) -> rc.ReceiveReturn:
    lines = tuple(rc.ReturnedLine(sku, n) for sku, n in units.items())
    return rc.ReceiveReturn("web", order, name, step, place, lines)


def inspect(*lines, name="r", step="look", place="north", order="1") -> rc.InspectReturn:
    named = tuple(rc.InspectedLine(*line) for line in lines)
    return rc.InspectReturn("web", order, name, step, place, named)


def stock(shop: Shop, sku: str, place: str = "north") -> tuple[int, int, int]:
    rows = {row.location: row for row in shop.ledger.stock(sku).locations}
    return rows[place].on_hand, rows[place].unavailable, rows[place].available


@TWINS
def test_units_are_sold_again_only_after_somebody_looked_at_them(make) -> None:
    shop = shop_of(make)
    answer = shop.ok(opened("r", ("red", 2)))
    assert (answer.status, answer.units[0].expected) == ("approved", 2)
    assert stock(shop, "red") == (2, 0, 2)
    answer = shop.ok(receive(red=2, place="south"))
    assert (answer.status, answer.inspecting[0].quantity) == ("received", 2)
    assert (stock(shop, "red"), stock(shop, "red", "south")) == ((2, 0, 2), (2, 2, 0))
    answer = shop.ok(inspect(("red", 1, "restock"), place="south"))
    assert (answer.status, stock(shop, "red", "south")) == ("received", (2, 1, 1))
    answer = shop.ok(inspect(("red", 1, "scrap", "torn"), step="l2", place="south"))
    assert (answer.status, stock(shop, "red", "south")) == ("closed", (1, 0, 1))
    assert [(i.quantity, i.disposition) for i in answer.inspected] == [(1, "restock"), (1, "scrap")]
    assert shop.ledger.order("web", "1").status == "partially_shipped"


@TWINS
@pytest.mark.parametrize(
    ("word", "after"),
    [
        ("restock", (5, 0, 5)),
        ("damaged", (5, 3, 2)),
        ("quality_control", (5, 3, 2)),
        ("scrap", (2, 0, 2)),
    ],
)
def test_each_disposition_puts_units_where_it_says(make, word: str, after: tuple) -> None:
    shop = shop_of(make)
    shop.ok(opened())
    shop.ok(receive(red=3))
    answer = shop.ok(inspect(("red", 3, word)))
    assert (stock(shop, "red"), answer.status) == (after, "closed")
    buckets = {"damaged": "damaged", "quality_control": "quality_control"}
    if word in buckets:
        line = c.AdjustLine("red", -3, "mended", buckets[word])
        shop.ok(c.Adjust("a", "north", (line,)))
        assert stock(shop, "red") == (5, 0, 5)


@TWINS
def test_no_more_comes_back_than_has_left(make) -> None:
    shop = shop_of(make)
    shop.no(opened("r", ("blue", 1)), Code.NOT_RETURNABLE)
    fault = shop.no(opened("r", ("red", 4)), Code.NOT_RETURNABLE).faults[0]
    assert (fault.path, fault.requested, fault.available) == ("lines[0].quantity", 4, 3)
    shop.ok(opened("r", ("red", 2)))
    shop.no(opened("q", ("red", 2)), Code.NOT_RETURNABLE)
    shop.ok(opened("q", ("red", 1)))
    shop.no(opened("p"), Code.NOT_RETURNABLE)
    shop.no(receive("r", red=3), Code.NOT_RETURNABLE)  # one of them is announced in q
    shop.ok(rc.RejectReturn("web", "1", "q", "worn"))
    shop.ok(receive("r", red=3))
    shop.no(opened("p", ("red", 1)), Code.NOT_RETURNABLE)
    shop.no(inspect(("red", 4, "restock")), Code.QUANTITY_NOT_HELD)
    shop.ok(inspect(("red", 3, "restock")))
    shop.no(receive("r", step="more", red=1), Code.RETURN_STATUS)
    assert shop.ledger.stock("red").on_hand == 5


@TWINS
def test_what_was_announced_and_never_came_may_be_announced_again(make) -> None:
    shop = shop_of(make)
    shop.ok(opened("r"))
    shop.ok(receive("r", red=1))
    shop.no(rc.CloseReturn("web", "1", "r"), Code.RETURN_STATUS)
    shop.ok(inspect(("red", 1, "restock")))
    answer = shop.ok(rc.CloseReturn("web", "1", "r", "lost by the carrier"))
    assert (answer.status, answer.why) == ("closed", "lost by the carrier")
    assert shop.ok(rc.CloseReturn("web", "1", "r")).replayed
    assert shop.ok(opened("q")).units[0].expected == 2


@TWINS
def test_the_steps_of_a_return_have_an_order(make) -> None:
    shop = shop_of(make)
    shop.no(rc.ApproveReturn("web", "1", "r"), Code.UNKNOWN_RETURN)
    assert shop.ok(opened("r", approved=False)).status == "requested"
    shop.no(receive(red=1), Code.RETURN_STATUS)
    answer = shop.ok(rc.ApproveReturn("web", "1", "r", "dhl", "T1", "https://labels/1"))
    assert (answer.status, answer.carrier, answer.tracking_number) == ("approved", "dhl", "T1")
    assert shop.ok(rc.ApproveReturn("web", "1", "r", "dhl", "T1", "https://labels/1")).replayed
    assert shop.ok(rc.ApproveReturn("web", "1", "r", "ups", "T2")).carrier == "ups"
    shop.ok(receive(red=1))
    shop.no(rc.RejectReturn("web", "1", "r", "late"), Code.RETURN_STATUS)
    shop.no(rc.ApproveReturn("web", "1", "r"), Code.RETURN_STATUS)
    shop.no(receive("r", step="x", place="nowhere", red=1), Code.UNKNOWN_LOCATION)
    shop.no(receive("r", step="x", none=1), Code.UNKNOWN_SKU)
    shop.no(opened("r", order="9"), Code.UNKNOWN_ORDER)


@TWINS
def test_every_step_is_done_once(make) -> None:
    shop = shop_of(make)
    for command, other in (
        (opened("r", ("red", 2)), opened("r", ("red", 1))),
        (receive(red=2), receive(red=1)),
        (inspect(("red", 1, "damaged")), inspect(("red", 1, "scrap"))),
        (rc.RefundReturn("web", "1", "r", "m", 5), rc.RefundReturn("web", "1", "r", "m", 6)),
    ):
        first = shop.ok(command, key=f"key of {type(command).__name__}")
        before = shop.ledger.dump()
        again = shop.ok(command)
        assert again.replayed and again.status == first.status
        assert shop.ok(command, key=f"key of {type(command).__name__}")["replayed"]
        assert shop.ledger.dump() == before
        shop.no(other, Code.IDEMPOTENCY_CONFLICT)
    assert stock(shop, "red") == (4, 2, 2)


@TWINS
def test_a_refund_waits_for_nothing_and_moves_nothing(make) -> None:
    shop = shop_of(make)
    shop.ok(opened("r", approved=False))
    shop.ledger.watch()
    answer = shop.ok(rc.RefundReturn("web", "1", "r", "m1", 1_490, "EUR", "goodwill"))
    assert (answer.status, answer.refunds[0].amount, shop.ledger.touched()) == (
        "requested",
        1_490,
        [],
    )
    shop.ok(rc.ApproveReturn("web", "1", "r"))
    shop.ok(receive(red=3))
    shop.ok(inspect(("red", 3, "restock")))
    answer = shop.ok(rc.RefundReturn("web", "1", "r", "m2", 10))
    assert [(one.refund_id, one.amount) for one in answer.refunds] == [("m1", 1_490), ("m2", 10)]


@TWINS
def test_a_bundle_comes_back_in_parts_and_may_be_incomplete(make) -> None:
    shop = Shop(make())
    parts = (c.Component("red", 2), c.Component("blue", 1))
    shop.ok(c.PutSku("set", "set", components=parts))
    shop.receive("north", red=10, blue=10)
    shop.ok(shop.order("1", ("set", 2), ("red", 1)))
    shop.ok(c.Ship("web", "1", "s"))
    shop.ok(c.PutSku("set", "set", components=(c.Component("rare", 1),)))
    shop.no(opened("r", ("set", 3)), Code.NOT_RETURNABLE)
    answer = shop.ok(opened("r", ("set", 1)))
    assert [(u.sku, u.expected, u.bundle) for u in answer.units] == [
        ("red", 2, "set"),
        ("blue", 1, "set"),
    ]
    shop.no(receive(set=1), Code.BUNDLE_NOT_STOCKED)
    shop.ok(receive(red=1, blue=1))
    shop.ok(inspect(("red", 1, "restock"), ("blue", 1, "damaged")))
    answer = shop.ok(rc.CloseReturn("web", "1", "r", "one red is missing"))
    assert (stock(shop, "red"), stock(shop, "blue")) == ((6, 0, 6), (9, 1, 8))
    shop.no(opened("q", ("set", 2)), Code.NOT_RETURNABLE)
    answer = shop.ok(opened("q"))
    assert [(line.sku, line.quantity) for line in answer.lines] == [
        ("set", 1),
        ("red", 1),
        ("red", 1),
    ]
    assert sum(unit.expected for unit in answer.units) == 2 * 3 + 1 - 2
    shop.ok(rc.RejectReturn("web", "1", "q", "again by part"))
    answer = shop.ok(opened("p", ("red", 4)))  # the single one first, then parts of sets
    assert [(line.quantity, line.sku) for line in answer.lines] == [(1, "red"), (3, "red")]


@TWINS
def test_more_or_other_units_may_come_than_were_announced(make) -> None:
    shop = Shop(make())
    shop.receive("north", red=9, blue=9)
    shop.ok(shop.order("1", ("red", 2, "a"), ("red", 1, "b"), ("blue", 1, "c")))
    shop.ok(c.Ship("web", "1", "s"))
    shop.ok(opened("r", ("red", 1, "b")))
    answer = shop.ok(receive(red=2, blue=1))
    assert [(u.line_id, u.expected, u.received) for u in answer.units] == [
        ("b", 1, 1),
        ("a", 0, 1),
        ("c", 0, 1),
    ]
    shop.no(receive(red=2, step="more"), Code.NOT_RETURNABLE)
    assert shop.ok(receive(red=1, step="more")).units[1].received == 2


@TWINS
def test_goods_are_inspected_where_they_are(make) -> None:
    shop = shop_of(make)
    shop.ok(opened())
    shop.ok(receive(red=3, place="south"))
    shop.no(inspect(("red", 1, "restock"), place="north"), Code.QUANTITY_NOT_HELD)
    away = c.AdjustLine("red", -3, "moved", "quality_control")
    shop.ok(c.Adjust("a", "south", (away,)))
    shop.no(inspect(("red", 1, "restock"), place="south"), Code.INSUFFICIENT_STOCK)
    back = c.AdjustLine("red", 3, "moved back", "quality_control")
    shop.ok(c.Adjust("b", "south", (back,)))
    shop.no(c.Count("c", "south", (c.CountLine("red", 2),)), Code.PROMISED_STOCK)
    shop.ok(inspect(("red", 3, "restock"), place="south"))


@TWINS
def test_a_return_is_of_a_closed_order_too_and_keeps_it(make) -> None:
    shop = shop_of(make)
    shop.ok(c.Ship("web", "1", "s2"))
    assert shop.ledger.order("web", "1").status == "shipped"
    shop.wait(limits.CLOSED_ORDER_RETENTION_US - 1)
    shop.ok(opened())
    shop.wait(limits.CLOSED_ORDER_RETENTION_US - 1)
    shop.ok(receive(red=3, blue=2))
    assert shop.ledger.return_("web", "1", "r").status == "received"
    shop.wait(limits.CLOSED_ORDER_RETENTION_US)
    shop.no(opened("q"), Code.UNKNOWN_ORDER)
    shop.receive("north", red=1)
    shop.wait(1)
    assert shop.ledger.returns() == ([], None)


@TWINS
def test_returns_are_listed_newest_first(make) -> None:
    shop = Shop(make())
    shop.receive("north", red=90)
    for n in range(5):
        shop.ok(shop.order(str(n), ("red", 2)))
        shop.ok(c.Ship("web", str(n), "s"))
        shop.ok(opened("one", ("red", 1), order=str(n)))
        shop.ok(opened("two", order=str(n), approved=n % 2 == 0))
    shop.wait(1)
    again = make.load(shop.ledger.dump())
    for ledger in (shop.ledger, again):
        seen, before = [], 0
        while before is not None:
            rows, before = ledger.returns(before=before, limit=3, scan=4)
            seen += [(row.order_id, row.return_id) for row in rows]
        assert seen == [(str(n), name) for n in range(4, -1, -1) for name in ("two", "one")]
        rows, before = ledger.returns(status="requested")
        assert [(row.order_id, row.return_id) for row in rows] == [("3", "two"), ("1", "two")]
        rows, before = ledger.returns(channel="web", order_id="3")
        assert ([row.return_id for row in rows], before) == (["two", "one"], None)
        assert ledger.returns(channel="shop") == ([], None)
        assert ledger.return_("web", "3", "none") is None


@TWINS
def test_a_cancellation_after_shipping_becomes_a_return(make) -> None:
    shop = shop_of(make)  # three red have left, two blue have not
    answer = shop.ok(c.Cancel("web", "1", None, "changed mind", "r"), key="k")
    assert (answer.status, [line.cancelled for line in answer.lines]) == ("shipped", [0, 2])
    back = shop.ledger.return_("web", "1", "r")
    assert (back.status, back.reason, back.units[0].expected) == ("requested", "changed mind", 3)
    assert shop.available("blue") == 5
    before = shop.ledger.dump()
    assert shop.ok(c.Cancel("web", "1", None, "changed mind", "r")).replayed
    assert shop.ok(c.Cancel("web", "1", None, "changed mind", "r"), key="k")["replayed"]
    assert shop.ledger.dump() == before
    shop.no(c.Cancel("web", "1", None, "late", "r"), Code.IDEMPOTENCY_CONFLICT)
    refused = shop.no(c.Cancel("web", "1", None, None, "q"), Code.ORDER_CLOSED)
    assert "open a return" in refused.detail


@TWINS
def test_a_cancellation_by_line_takes_first_what_has_not_left(make) -> None:
    shop = Shop(make())
    shop.receive("north", red=9)
    shop.ok(shop.order("1", ("red", 5)))
    assert shop.ok(c.Cancel("web", "1", (c.CancelLine("red", 1),), None, "x")).status == "allocated"
    shop.ok(c.Ship("web", "1", "s", lines=(c.ShipLine("red", 2),)))
    two = (c.CancelLine("red", 1), c.CancelLine("red", 2))
    answer = shop.ok(c.Cancel("web", "1", two, None, "r"))
    assert (answer.lines[0].cancelled, answer.lines[0].shipped) == (3, 2)
    assert shop.ledger.return_("web", "1", "r").units[0].expected == 1
    shop.no(c.Cancel("web", "1", (c.CancelLine("red", 2),), None, "q"), Code.NOT_RETURNABLE)
    shop.ok(c.Cancel("web", "1", (c.CancelLine("red", 1),), None, "q"))
    again = shop.ledger.drain()
    other = make()
    assert again.count
    other.apply(again.stamp_us, again.first_seq, again.records)
    assert other.dump() == shop.ledger.dump()


def instead(name="1x", *lines, leaves="received") -> rc.Exchange:
    named = tuple(rc.ExchangeLine(*line) for line in lines) or (rc.ExchangeLine("rare", 1),)
    return rc.Exchange(name, named, leaves)


def exchanged(name="r", exchange=None, order="1") -> rc.OpenReturn:
    lines = (rc.ReturnLine("red", 2),)
    return rc.OpenReturn("web", order, name, "too small", lines, True, exchange or instead())


@TWINS
def test_an_exchange_is_allocated_at_once_and_leaves_when_the_goods_have_come(make) -> None:
    shop = shop_of(make)
    refused = shop.no(exchanged(), Code.INSUFFICIENT_STOCK)
    assert refused.faults[0].path == "exchange.lines[0]"
    shop.receive("north", rare=1)
    answer = shop.ok(exchanged(), key="k")
    assert (answer.status, answer.exchange_order_id) == ("approved", "1x")
    assert shop.available("rare") == 0
    new = shop.ledger.order("web", "1x")
    assert (new.status, [hold.reason for hold in new.holds]) == ("on_hold", ["return"])
    assert (new.exchange_for.order_id, new.exchange_for.return_id) == ("1", "r")
    assert shop.ok(exchanged(), key="k")["replayed"]
    assert shop.ok(exchanged()).replayed
    shop.no(exchanged("q"), Code.NOT_RETURNABLE)
    shop.no(c.Ship("web", "1x", "s"), Code.ORDER_STATUS)
    shop.ok(receive(red=1))
    assert shop.ledger.order("web", "1x").status == "on_hold"
    shop.ok(receive(step="in2", place="south", red=1))
    new = shop.ledger.order("web", "1x")
    assert (new.status, new.holds, new.exchange_for.return_id) == ("allocated", [], "r")
    shop.ok(c.Ship("web", "1x", "s"))
    shop.wait(1)
    again = make.load(shop.ledger.dump())
    assert again.order("web", "1x").exchange_for.order_id == "1"


@TWINS
def test_an_exchange_may_leave_at_once_or_be_let_go_by_hand(make) -> None:
    shop = shop_of(make)
    shop.receive("north", rare=3)
    shop.no(exchanged(exchange=instead("1")), Code.ORDER_EXISTS)
    shop.no(exchanged(exchange=instead("2", ("none", 1))), Code.UNKNOWN_SKU)
    answer = shop.ok(exchanged(exchange=instead("2", ("rare", 1, 990), leaves="now")))
    assert answer.exchange_order_id == "2"
    new = shop.ledger.order("web", "2")
    assert (new.status, new.lines[0].unit_price, new.holds) == ("allocated", 990, [])
    # It was made for the return: who asks for it by itself asks for something else.
    line = c.OrderLine("rare", 1, unit_price=990)
    shop.no(c.PlaceOrder(order_id="2", channel="web", lines=(line,)), Code.IDEMPOTENCY_CONFLICT)
    shop.ok(c.Ship("web", "2", "s"))
    last = rc.OpenReturn("web", "1", "q", "late", None, True, instead("3"))
    shop.ok(last)
    shop.ok(c.ReleaseHold("web", "3", "exchange"))
    assert shop.ok(receive("q", red=1)).status == "received"
    assert shop.ledger.order("web", "3").status == "allocated"


@TWINS
def test_an_exchange_waits_for_its_other_holds(make) -> None:
    shop = shop_of(make)
    shop.receive("north", rare=3)
    shop.ok(exchanged())
    shop.ok(c.Hold("web", "1x", "risk", "review"))
    shop.ok(receive(red=2))
    new = shop.ledger.order("web", "1x")
    assert (new.status, [hold.hold_id for hold in new.holds]) == ("on_hold", ["risk"])
    shop.ok(c.Cancel("web", "1x"))
    assert shop.available("rare") == 3


@TWINS
def test_what_was_to_be_given_is_cancelled_when_the_return_is_rejected(make) -> None:
    shop = shop_of(make)
    shop.receive("north", rare=2)
    shop.ok(exchanged())
    answer = shop.ok(rc.RejectReturn("web", "1", "r", "worn"), key="k")
    assert (answer.status, shop.ledger.order("web", "1x").status) == ("rejected", "cancelled")
    assert shop.available("rare") == 2
    assert shop.ok(rc.RejectReturn("web", "1", "r", "worn"), key="k")["replayed"]
    shop.ok(exchanged("q", instead("2x", leaves="now")))
    shop.ok(rc.RejectReturn("web", "1", "q", "worn"))
    assert shop.ledger.order("web", "2x").status == "allocated"
