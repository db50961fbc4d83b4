"""What hurts users of other order systems, as situations that cannot happen here, in both twins.

Each test is named after one pain and sets up the situation in which it is felt elsewhere. The
others lie with their subjects; two buyers of the last unit over HTTP are in `tests/race`.
"""

from itertools import permutations
from random import Random

import pytest

from engine.core import commands as c
from engine.core import limits, records
from engine.core import return_commands as rc
from engine.core.events import StockMoved
from engine.core.ledger import _DECIDE
from engine.core.ledger import Ledger as SlowLedger
from engine.core.order_commands import EditLine, EditOrder, SplitOrder
from engine.core.outcomes import Accepted, Code
from engine.core.routing.policy import (
    DistanceRate,
    LocationRule,
    RateBand,
    RoutingPolicy,
    Strategy,
)
from ext.ledger import Ledger as FastLedger
from tests.model import drawing
from tests.unit.shop import Shop, allocations

TWINS = pytest.mark.parametrize("make", (SlowLedger, FastLedger))


@TWINS
def test_pain_1_check_and_reserve_are_two_steps_and_the_last_unit_is_sold_twice(make) -> None:
    """P1: two hundred carts look at ten units, then all of them pay."""
    shop = Shop(make())
    shop.receive("north", red=10)
    assert all(shop.available("red") == 10 for _ in range(200))
    outcomes = [shop.ask(shop.order(str(n), ("red", 1))) for n in range(200)]
    assert sum(isinstance(outcome, Accepted) for outcome in outcomes) == 10
    assert shop.available("red") == 0


def test_pain_2_locks_exist_but_a_caller_forgets_them() -> None:
    """P1: rules that look at stock cannot change it, whoever calls them; only the one writer that
    applies their events can, so there is no lock to forget."""
    rng, ledger, accepted = Random(2), SlowLedger(), 0
    ledger.begin(1_800_000_000_000_000)
    for command in drawing.OPENING:
        ledger.decide(c.Request(command))
    for _ in range(600):
        request = drawing.request(rng, ledger._state)
        before = ledger.dump()
        found = _DECIDE[type(request.command)](ledger._state, request)
        assert ledger.dump() == before, request
        accepted += isinstance(found, list)
        ledger.decide(request)
    assert accepted > 200


@TWINS
def test_pain_3_two_lines_that_need_the_same_stock_are_each_checked_alone(make) -> None:
    """P1: a bundle and a single line, or two lines, share three units: four are refused whole."""
    shop = Shop(make())
    shop.ok(c.PutSku("set", "set", components=(c.Component("red", 2), c.Component("blue", 1))))
    shop.receive("north", red=3, blue=9)
    for number, lines in enumerate(
        ((("red", 2), ("red", 2)), (("set", 1), ("red", 2)), (("red", 2), ("set", 1)))
    ):
        shop.no(shop.order(str(number), *lines), Code.INSUFFICIENT_STOCK)
    assert shop.available("red") == 3
    shop.ok(shop.order("fits", ("set", 1), ("red", 1)))
    assert shop.available("red") == 0


@TWINS
def test_pain_4_deadlocks_and_serialisation_failures_under_load(make) -> None:
    """P5: orders whose lines name the same SKUs in every order are all answered, none to be sent
    again, and the last unit of each is sold."""
    shop = Shop(make())
    shop.receive("north", red=600, blue=600, rare=600)
    orders = list(permutations(("red", "blue", "rare"))) * 100
    for number, skus in enumerate(orders):
        shop.ok(shop.order(str(number), *((sku, 1) for sku in skus)))
    assert [shop.available(sku) for sku in ("red", "blue", "rare")] == [0, 0, 0]
    shop.no(shop.order("late", ("rare", 1)), Code.INSUFFICIENT_STOCK)


@TWINS
def test_pain_5_reserved_is_more_than_on_hand(make) -> None:
    """P1, P2: counts, adjustments and transfers below what is promised are refused; each SKU has
    one position at a location, whatever was tried."""
    shop = Shop(make())
    shop.receive("north", red=5)
    shop.ok(shop.reserve("cart", ("red", 2)))
    shop.ok(shop.order("1", ("red", 2)))
    shop.no(c.Count("c1", "north", (c.CountLine("red", 3),)), Code.PROMISED_STOCK)
    shop.no(c.Adjust("a1", "north", (c.AdjustLine("red", -2, "lost"),)), Code.PROMISED_STOCK)
    two = (c.TransferLine("red", 2),)
    shop.no(c.Transfer("t1", "north", "south", two), Code.INSUFFICIENT_STOCK)
    stock = shop.ledger.stock("red")
    assert [place.location for place in stock.locations] == ["north"]
    assert (stock.on_hand, stock.reserved, stock.allocated, stock.available) == (5, 2, 2, 1)


@TWINS
def test_pain_6_allocation_grows_with_the_quantity(make) -> None:
    """An order of five million units is written and held as one of five, and a thousand lines of it
    are one event."""
    shop = Shop(make())
    shop.receive("north", red=6_000_000)
    sizes = []
    for number, units in enumerate((5, 5_000_000)):
        before = shop.ledger.pending_bytes
        answer = shop.ok(shop.order(str(number), ("red", units)))
        sizes.append(shop.ledger.pending_bytes - before)
        assert allocations(answer) == [[("north", units)]]
    assert sizes[0] == sizes[1]
    seq = shop.ledger.seq
    shop.ok(shop.order("wide", *(("red", 1),) * 1_000))
    assert shop.ledger.seq == seq + 1


@TWINS
def test_pain_7_the_total_is_checked_and_one_location_is_reserved(make) -> None:
    """P1: three in the north and three in the south are six, and are taken where they lie; a policy
    says in which, and the receipt why. What no allowed location has is refused, not promised."""
    shop = Shop(make())
    shop.receive("north", red=3)
    shop.receive("south", red=3, blue=9)
    assert allocations(shop.ok(shop.order("1", ("red", 4)))) == [[("north", 3), ("south", 1)]]
    shop.no(shop.order("2", ("red", 3)), Code.INSUFFICIENT_STOCK)
    shop.ok(c.Cancel("web", "1"))
    policy = RoutingPolicy(
        "main",
        1,
        (Strategy("thrift", "cheapest"),),
        distance=DistanceRate((RateBand(1_000, 500),)),
        locations=(LocationRule("north", channels=("shop",)),),
    )
    for name in ("north", "south"):
        shop.ok(c.PutLocation(name, name, "warehouse", "DE", latitude=52.0, longitude=13.0))
    shop.ok(policy)
    shop.ok(c.PutChannel("web", policy="main"))
    here = c.Address(country="DE", latitude=52.1, longitude=13.1)
    answer = shop.ok(shop.order("3", ("red", 2), ("blue", 1), ship_to=here))
    assert allocations(answer) == [[("south", 2)], [("south", 1)]]
    (decision,) = shop.ledger.decisions("web", "3").decisions
    assert decision.excluded == {"north": "channel"}
    refused = shop.no(shop.order("4", ("red", 2), ship_to=here), Code.INSUFFICIENT_STOCK)
    assert (refused.faults[0].requested, refused.faults[0].available) == (2, 1)


@TWINS
def test_pain_8_a_cancelled_or_edited_order_leaves_ghost_reservations(make) -> None:
    """P2: whatever is done with orders and carts, when all of them have ended nothing is promised
    and every unit that has not left is available again."""
    rng, shop = Random(8), Shop(make())
    shop.receive("north", red=40, blue=40)
    shop.receive("south", red=40, blue=40)
    for number in range(60):
        name = str(number % 20)
        units = rng.randint(0, 4)
        for command in (
            shop.order(name, ("red", 1 + units), ("blue", 2), when_short="backorder"),
            EditOrder("web", name, f"e{number}", (EditLine("red", units),), when_short="backorder"),
            c.Hold("web", name, f"h{number}", "review", keeps_stock=bool(units % 2)),
            c.Cancel("web", name, (c.CancelLine("blue", 1),)),
            c.ReleaseHold("web", name, f"h{number}"),
            c.Ship("web", name, f"s{number}", lines=(c.ShipLine("red", 1),)),
            shop.reserve(f"cart-{number}", ("red", 1), ttl_s=5),
        ):
            shop.ask(command)
    for number in range(20):
        shop.ask(c.Cancel("web", str(number)))
    shop.wait(10_000_000)
    shop.ledger.expire(limits.EXPIRIES_PER_TICK_MAX)
    for sku in ("red", "blue"):
        stock = shop.ledger.stock(sku)
        assert (stock.reserved, stock.allocated) == (0, 0)
        assert stock.available == stock.on_hand > 0


@TWINS
def test_pain_9_the_number_drifts_and_nobody_can_say_why(make) -> None:
    """P7: what is on hand is the sum of its movements in the log, and replaying the log gives the
    same state to the byte."""
    shop = Shop(make())
    shop.receive("north", red=7)
    shop.ok(c.Adjust("a1", "north", (c.AdjustLine("red", -2, "broken"),)))
    shop.ok(c.Count("c1", "north", (c.CountLine("red", 6),)))
    shop.ok(shop.order("1", ("red", 4)))
    batch = shop.ledger.drain()
    causes = [
        (movement.reason, movement.delta)
        for event in map(records.decode, records.split(batch.records))
        if isinstance(event, StockMoved)
        for movement in event.movements
    ]
    assert sum(delta for _, delta in causes) == shop.ledger.stock("red").on_hand == 6
    assert ("broken", -2) in causes
    again = make()
    again.apply(batch.stamp_us, batch.first_seq, batch.records)
    assert again.dump() == shop.ledger.dump()


@TWINS
def test_pain_14_returns_go_to_the_wrong_place_uninspected_whole_or_with_a_forced_refund(
    make,
) -> None:
    """P2: one of two lines comes back to another warehouse than it left. Nothing of it can be sold
    before somebody has looked, then only where it lies; the other line and the money stay as they
    are, and a refund can be given with or without the goods."""
    shop = Shop(make())
    shop.receive("north", red=3, blue=3)
    shop.ok(shop.order("1", ("red", 2), ("blue", 1)))
    shop.ok(c.Ship("web", "1", "s"))
    name = ("web", "1", "r")
    shop.ok(rc.OpenReturn(*name, "too small", (rc.ReturnLine("red", 1),), approved=True))
    goods = rc.ReceiveReturn(*name, "in", "south", (rc.ReturnedLine("red", 1),))
    answer = shop.ok(goods)
    assert (shop.available("red"), answer.refunds) == (1, [])
    shop.no(shop.order("2", ("red", 1, None, None, "south")), Code.INSUFFICIENT_STOCK)
    look = (rc.InspectedLine("red", 1, "restock"),)
    shop.no(rc.InspectReturn(*name, "look", "north", look), Code.QUANTITY_NOT_HELD)
    answer = shop.ok(rc.InspectReturn(*name, "look", "south", look))
    places = {row.location: row.available for row in shop.ledger.stock("red").locations}
    assert (places, answer.refunds) == ({"north": 1, "south": 1}, [])
    assert shop.available("blue") == 2
    assert [unit.sku for unit in answer.units] == ["red"]
    lost = ("web", "1", "never sent")
    shop.ok(rc.OpenReturn(*lost, "lost", (rc.ReturnLine("blue", 1),)))
    assert shop.ok(rc.RefundReturn(*lost, "m", 990)).units[0].received == 0
    shop.ok(rc.CloseReturn(*lost))
    assert shop.available("blue") == 2


def test_pain_10_a_hold_blocks_its_own_shopper_or_lasts_as_long_as_it_likes(make) -> None:
    """P1: a cart holds what it holds for as many seconds as it asked for; whoever names it sees its
    units as available, nobody else does, and so it is with every other cart of theirs."""
    shop = Shop(make())
    shop.ok(c.PutChannel("web"))
    shop.receive("north", red=3)
    shop.ok(shop.reserve("mine", ("red", 2), ttl_s=7))

    def shown(*cart: str) -> int:
        asked = shop.ledger.availability("web", ["red"], shop.now_us, None, *cart)
        return asked.skus[0].sellable

    assert (shown(), shown("mine"), shown("none")) == (1, 3, 1)
    shop.wait(6_999_999)
    assert (shown(), shown("mine")) == (1, 3)
    shop.wait(1)
    shop.no(c.Commit(reservation_id="mine"), Code.RESERVATION_EXPIRED)
    assert shown("mine") == 1
    shop.wait(200_000)
    shop.ledger.expire()
    assert (shown(), shown("mine")) == (3, 3)


@TWINS
def test_pain_15_new_stock_does_not_reach_waiting_orders_or_in_the_wrong_order(make) -> None:
    """P2: what comes goes to those that wait, by priority, date and age, in the step that brings
    it, before anybody who comes later; splitting an order leaves waiting units waiting."""
    shop = Shop(make())
    shop.receive("north", red=1)
    for name, units, priority in (("old", 3, 0), ("new", 1, 0), ("vip", 1, 5)):
        shop.ok(shop.order(name, ("red", units), when_short="backorder", priority=priority))
    shop.ok(SplitOrder("web", "old", "s", "old-rest"))
    stock = shop.ledger.stock("red")
    assert (stock.on_hand, stock.allocated, stock.available) == (1, 1, 0)
    assert shop.ledger.order("web", "old-rest").lines[0].backordered == 2
    turns = ("vip", "old-rest", "old-rest", "new")
    for number, name in enumerate(turns):
        shop.receive("south", red=1)
        shop.no(shop.order("late", ("red", 1)), Code.INSUFFICIENT_STOCK)
        waiting = sum(
            shop.ledger.order("web", one).lines[0].backordered for one in ("vip", "old-rest", "new")
        )
        assert waiting == len(turns) - 1 - number
        assert allocations(shop.ledger.order("web", name))[0][-1][0] == "south"
    shop.receive("south", red=1)
    shop.ok(shop.order("late", ("red", 1)))
