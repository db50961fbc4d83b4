"""Ring-fenced stock in both twins: who may take what, and what comes back (P1, P7)."""

import msgspec

from engine.core import commands as c
from engine.core.outcomes import Code
from engine.core.return_commands import (
    ApproveReturn,
    InspectedLine,
    InspectReturn,
    OpenReturn,
    ReceiveReturn,
    ReturnedLine,
    ReturnLine,
)
from tests.unit.fenced import TWINS, Fenced
from tests.unit.shop import allocations


@TWINS
def test_nobody_else_takes_what_is_set_aside(make) -> None:
    shop = Fenced(make, red=10)
    shop.fence("market", 6)
    assert shop.short("web", "1", 5) == (
        4,
        "not enough available; 6 units are set aside for other channels",
    )
    shop.no(shop.reserve("r", ("red", 5)), Code.INSUFFICIENT_STOCK)
    shop.sells("web", "1", 4)
    assert shop.short("store", "1", 1)[0] == 0
    shop.sells("market", "1", 6)
    assert shop.available("red") == 0
    shop.close()


@TWINS
def test_its_channel_uses_the_fence_first_and_then_what_is_for_all(make) -> None:
    shop = Fenced(make, red=10)
    shop.fence("market", 4)
    shop.sells("market", "1", 3)
    assert shop.rows() == [("market", 3, 1, 1)]
    shop.sells("market", "2", 3)
    assert shop.rows() == [("market", 4, 0, 0)]
    assert shop.shown("web") == (4, {}, 0)
    shop.sells("web", "1", 4)
    shop.close()


@TWINS
def test_what_is_given_back_goes_back_into_the_fence_first(make) -> None:
    shop = Fenced(make, red=10)
    shop.fence("market", 4)
    shop.sells("market", "1", 6)
    shop.sells("market", "2", 2)
    assert shop.rows() == [("market", 4, 0, 0)]
    shop.ok(c.Cancel("market", "2"))
    assert shop.rows() == [("market", 4, 0, 0)]
    assert shop.shown("web")[0] == 4
    shop.ok(c.Cancel("market", "1", (c.CancelLine("red", 3),)))
    assert shop.rows() == [("market", 1, 3, 3)]
    assert shop.shown("web") == (4, {"fenced": 3}, 0)
    shop.close()


@TWINS
def test_a_channel_that_may_not_fall_back_gets_its_fence_only(make) -> None:
    shop = Fenced(make, red=10)
    shop.fence("market", 4, fall_back=False)
    assert shop.shown("market") == (4, {"fence_only": 6}, 4)
    assert shop.short("market", "1", 5) == (
        4,
        "not enough available; the channel takes only what is set aside for it",
    )
    shop.sells("market", "1", 4)
    assert shop.short("market", "2", 1)[0] == 0
    shop.fence("market", 0, fall_back=False)
    shop.sells("market", "2", 1)
    shop.close()


@TWINS
def test_more_may_be_set_aside_later_and_none_frees_it(make) -> None:
    shop = Fenced(make, red=10)
    assert shop.fence("market", 6).quantity == 6
    shop.sells("market", "1", 8)
    first = shop.fence("market", 7)
    assert shop.rows() == [("market", 6, 1, 1)]
    assert shop.fence("market", 7) == msgspec.structs.replace(first, replayed=True)
    assert shop.short("web", "1", 2)[0] == 1
    shop.sells("web", "late", 2, when_short="backorder")
    assert shop.held("late") == 1
    assert shop.fence("market", 0).status == "ended"
    assert shop.held("late") == 2
    assert shop.rows() == [("market", 6, 0, 0)]
    shop.fence("market", 3)
    assert shop.rows() == [("market", 0, 3, 0)]
    shop.close()


@TWINS
def test_fences_fill_in_their_order_when_stock_comes(make) -> None:
    shop = Fenced(make, red=2)
    shop.fence("market", 5)
    shop.fence("store", 5)
    assert [row[3] for row in shop.rows()] == [2, 0]
    assert [shop.shown(name)[0] for name in ("market", "store", "web")] == [2, 0, 0]
    shop.receive("south", red=6)
    assert [row[3] for row in shop.rows()] == [5, 3]
    assert [shop.shown(name)[0] for name in ("market", "store", "web")] == [5, 3, 0]
    shop.receive("south", red=3)
    assert [shop.shown(name)[0] for name in ("market", "store", "web")] == [6, 6, 1]
    shop.close()


@TWINS
def test_a_receipt_goes_to_those_whose_fence_it_fills(make) -> None:
    shop = Fenced(make)
    shop.fence("market", 3)
    shop.sells("web", "1", 2, when_short="backorder")
    shop.sells("market", "1", 4, when_short="backorder")
    shop.receive("north", red=3)
    assert (shop.held("1"), shop.held("1", "market")) == (0, 3)
    shop.receive("north", red=2)
    assert (shop.held("1"), shop.held("1", "market")) == (2, 3)
    shop.close()


@TWINS
def test_a_fence_at_one_location_binds_there_only(make) -> None:
    shop = Fenced(make, red=5)
    shop.receive("south", red=5)
    shop.fence("market", 4, location="south")
    bound = c.PlaceOrder(
        order_id="b", channel="web", lines=(c.OrderLine("red", 2, location="south"),)
    )
    shop.no(bound, Code.INSUFFICIENT_STOCK)
    assert shop.shown("web") == (6, {"fenced": 4}, 0)
    assert allocations(shop.sells("web", "1", 6)) == [[("north", 5), ("south", 1)]]
    assert allocations(shop.sells("market", "1", 4)) == [[("south", 4)]]
    shop.close()


@TWINS
def test_one_fence_anywhere_and_one_bound_leave_each_other_whole(make) -> None:
    shop = Fenced(make, red=5)
    shop.receive("south", red=5)
    shop.fence("market", 5, location="north")
    shop.fence("store", 5)
    assert shop.short("web", "1", 1)[0] == 0
    bound = c.OrderLine("red", 1, location="south")
    wish = c.PlaceOrder(order_id="1", channel="market", lines=(bound,))
    shop.no(wish, Code.INSUFFICIENT_STOCK)
    assert allocations(shop.sells("store", "1", 5)) == [[("south", 5)]]
    assert allocations(shop.sells("market", "1", 5)) == [[("north", 5)]]
    shop.close()


@TWINS
def test_reservations_take_give_back_and_pass_on(make) -> None:
    shop = Fenced(make, red=10)
    early = c.Reserve("early", "market", 60, (c.ReserveLine("red", 2),))
    shop.ok(early)
    shop.fence("market", 5)
    for name, ttl_s in (("r1", 1), ("r2", 60), ("r3", 60)):
        shop.ok(c.Reserve(name, "market", ttl_s, (c.ReserveLine("red", 1),)))
    assert shop.rows() == [("market", 3, 2, 2)]
    shop.ok(c.Release("r3"))
    shop.ok(c.Commit(reservation_id="r2"))
    shop.ok(c.Commit(reservation_id="early"))
    assert shop.rows() == [("market", 2, 3, 3)]
    shop.wait(2_000_000)
    shop.ledger.expire()
    assert shop.rows() == [("market", 1, 4, 4)]
    shop.ok(c.Cancel("market", "early"))
    assert shop.rows() == [("market", 1, 4, 4)]
    shop.ok(c.Cancel("market", "r2"))
    assert shop.rows() == [("market", 0, 5, 5)]
    shop.close()


@TWINS
def test_a_fence_opens_and_ends_by_itself(make) -> None:
    shop = Fenced(make, red=5)
    answer = shop.fence("market", 5, starts_at=shop.soon(hours=1), ends_at=shop.soon(hours=2))
    assert answer.status == "pending"
    shop.sells("market", "0", 1)
    shop.wait(3_599_000_000)
    shop.ledger.expire()
    shop.sells("web", "1", 1)
    assert shop.ledger.next_expiry_us() == shop.now_us + 1_000_000
    shop.wait(1_000_000)
    shop.ledger.expire()
    assert shop.rows() == [("market", 0, 5, 3)]
    assert shop.short("web", "2", 1)[0] == 0
    shop.sells("web", "late", 2, when_short="backorder")
    shop.wait(3_600_000_000)
    shop.ledger.expire()
    assert shop.held("late") == 2
    assert shop.ledger.next_expiry_us() == 0
    shop.close()


@TWINS
def test_goods_that_come_back_for_sale_go_back_into_the_fence(make) -> None:
    shop = Fenced(make, red=4)
    shop.fence("market", 4)
    shop.sells("market", "1", 3)
    shop.ok(c.Ship("market", "1", "s1"))
    assert shop.rows() == [("market", 3, 1, 1)]
    shop.ok(OpenReturn("market", "1", "rma", "no", (ReturnLine("red", 2),)))
    shop.ok(ApproveReturn("market", "1", "rma"))
    shop.ok(ReceiveReturn("market", "1", "rma", "in", "north", (ReturnedLine("red", 2),)))
    assert shop.rows() == [("market", 3, 1, 1)]
    rows = (InspectedLine("red", 1, "restock"), InspectedLine("red", 1, "damaged"))
    shop.ok(InspectReturn("market", "1", "rma", "look", "north", rows))
    assert shop.rows() == [("market", 2, 2, 2)]
    assert shop.short("web", "1", 1)[0] == 0
    shop.close()


@TWINS
def test_what_cannot_be_set_aside_is_refused(make) -> None:
    shop = Fenced(make, red=5)
    shop.ok(c.PutSku("set", "set", components=(c.Component("red", 2),)))
    shop.no(c.PutFence("market", "set", 1), Code.FENCED_SKU)
    shop.no(c.PutFence("market", "rope", 1), Code.FENCED_SKU)
    shop.no(c.PutFence("market", "none", 1), Code.UNKNOWN_SKU)
    shop.no(c.PutFence("nobody", "red", 1), Code.UNKNOWN_CHANNEL)
    shop.no(c.PutFence("market", "red", 1, "moon"), Code.UNKNOWN_LOCATION)
    shop.fence("market", 1)
    shop.no(c.PutFence("market", "red", 1, "north"), Code.FENCES_MIXED)
    shop.no(c.PutSku("red", "red", backorderable=True), Code.FENCED_SKU)
    shop.fence("market", 0)
    shop.fence("market", 1, location="north")
    shop.ok(c.PutSku("red", "new title"))
    shop.close()


@TWINS
def test_a_forgotten_order_leaves_its_units_used(make) -> None:
    shop = Fenced(make, red=5)
    shop.fence("market", 4)
    shop.sells("market", "1", 3)
    shop.ok(c.Ship("market", "1", "s1"))
    shop.wait(91 * 86_400 * 1_000_000)
    shop.receive("north", blue=1)
    shop.wait(1)
    assert shop.ledger.order("market", "1") is None
    assert shop.rows() == [("market", 3, 1, 1)]
    shop.close()


@TWINS
def test_the_second_reader_sees_a_fenced_unit_taken(make, monkeypatch) -> None:
    """A control: a ledger that does not look at fences is found out."""
    monkeypatch.setattr("engine.core.decide.allotment.share", lambda state, sku, channel: None)
    shop = Fenced(make, red=5)
    shop.fence("market", 4)
    shop.sells("web", "1", 2)
    shop.wait(1)
    assert [promise for promise, _ in shop.problems] == ["P1"]
    assert "took what is set aside" in shop.problems[0][1]
