"""A location says what it can send on a day: what is above goes elsewhere in the same step, in both
twins (P1, P2, P7)."""

from datetime import UTC, date, datetime, timedelta

import pytest

from engine.core import commands as c
from engine.core import fulfillment_commands as f
from engine.core import limits
from engine.core.ledger import Ledger as SlowLedger
from engine.core.outcomes import Code
from engine.core.routing.policy import PutCapacity
from ext.ledger import Ledger as FastLedger
from tests.unit.shop import START_US, Shop, allocations
from tests.unit.test_rerouting import at, counted, decisions, place, policy, release, rule, shop_of

TODAY = datetime.fromtimestamp(START_US / 1e6, UTC).date()


@pytest.fixture(params=(SlowLedger, FastLedger), ids=("slow", "fast"))
def make(request):
    return request.param


def limit(shop: Shop, orders: int, place: str = "south", day: date = TODAY):
    answer = shop.ok(PutCapacity(place, day, orders))
    return [one.order_id for one in answer.moved], answer.above


def due(days: int) -> datetime:
    return datetime.fromtimestamp(START_US / 1e6, UTC) + timedelta(days)


def test_the_least_urgent_go_first_and_what_is_picked_stays(make) -> None:
    shop = shop_of(make, units=20)
    place(shop, "picked")
    place(shop, "high", priority=5)
    place(shop, "soon", required_by=due(2))
    place(shop, "later", required_by=due(9))
    place(shop, "old")
    place(shop, "asked")
    shop.ok(f.PickFulfillment(release(shop, "picked")[0]))
    (asked,) = release(shop, "asked")
    assert counted(shop) == {"south": 6}
    assert limit(shop, 4) == (["asked", "old"], 0)
    assert (at(shop, "asked"), at(shop, "old")) == ([("west", 2)], [("west", 2)])
    assert shop.ledger.fulfillment(asked).status == "cancelled"
    assert shop.ledger.fulfillment(asked).reason == "over capacity"
    rows, _ = shop.ledger.fulfillments(location="west", limit=9)
    assert [(row.order_id, row.status) for row in rows] == [("asked", "requested")]
    assert decisions(shop, "old")[1].because == "moved"
    assert decisions(shop, "asked")[1].excluded == {"south": "capacity"}
    assert counted(shop) == {"south": 4, "west": 2}
    assert limit(shop, 1) == (["later", "soon", "high"], 0)
    assert at(shop, "picked") == [("south", 2)]
    assert limit(shop, 0) == ([], 1)
    assert shop.available("red") == 80 - 12


def test_the_day_is_full_for_new_orders_and_free_again_on_the_next(make) -> None:
    shop = shop_of(make)
    assert limit(shop, 0) == ([], 0)
    assert allocations(place(shop)) == [[("west", 2)]]
    assert decisions(shop)[0].excluded == {"south": "capacity"}
    data = shop.ledger.drain() and shop.ledger.dump()
    for other in (SlowLedger, FastLedger):
        again = other.load(data)
        again.begin(shop.now_us + 1)
        shown = again.preview(shop.order("p", ("red", 1), ship_to=place_of()), shop.now_us + 1)
        assert shown.decision.excluded == {"south": "capacity"}
        tomorrow = again.preview(
            shop.order("p", ("red", 1), ship_to=place_of()), shop.now_us + 86_400_000_000
        )
        assert tomorrow.decision.excluded == {}
        assert again.day("south").orders == 0 and again.day("west").used == 1
    shop.ledger.begin(shop.now_us + 1)
    assert limit(shop, 9) == ([], 0)
    assert allocations(place(shop, "2")) == [[("south", 2)]]


def place_of() -> c.Address:
    return c.Address(country="DE", postcode="10115")


def test_a_day_may_take_more_than_the_policy_says(make) -> None:
    shop = shop_of(make, south=rule("south", capacity=1))
    place(shop)
    assert allocations(place(shop, "2")) == [[("west", 2)]]
    assert limit(shop, 2) == ([], 0)
    assert allocations(place(shop, "3")) == [[("south", 2)]]


def test_those_that_go_at_once_do_not_take_the_same_unit_or_the_last_place_of_a_day(make) -> None:
    shop = shop_of(make, units=0, north=rule("north", capacity=1))
    shop.receive("south", red=9)
    for name in "1234":
        place(shop, name, 1)
    shop.receive("west", red=1)
    shop.receive("north", red=5)
    assert limit(shop, 0) == (["4", "3"], 2)
    assert [at(shop, name) for name in "1234"] == [
        [("south", 1)],
        [("south", 1)],
        [("north", 1)],
        [("west", 1)],
    ]
    assert counted(shop) == {"south": 2, "north": 1, "west": 1}
    shop.receive("east", red=1)
    assert limit(shop, 0) == (["2"], 1)
    assert shop.ask(PutCapacity("south", TODAY, 0)).replayed
    assert counted(shop) == {"south": 1, "north": 1, "west": 1, "east": 1}


def test_an_order_goes_with_all_that_the_location_has_of_it_or_stays(make) -> None:
    shop = shop_of(make, units=0)
    shop.receive("south", red=9)
    place(shop, units=3)
    shop.receive("west", red=2)
    assert limit(shop, 0) == ([], 1)
    assert at(shop) == [("south", 3)]
    shop.receive("north", red=1)
    assert limit(shop, 0) == (["1"], 0)
    assert sorted(at(shop)) == [("north", 1), ("west", 2)]


def test_one_that_is_on_hold_stays(make) -> None:
    shop = shop_of(make)
    place(shop)
    shop.ok(c.Hold("web", "1", "h", "review"))
    assert limit(shop, 0) == ([], 1)


def test_another_day_moves_nothing_and_a_location_that_is_not_there_is_refused(make) -> None:
    shop = shop_of(make)
    place(shop)
    assert limit(shop, 0, day=TODAY + timedelta(1)) == ([], 0)
    assert at(shop) == [("south", 2)]
    shop.no(PutCapacity("none", TODAY, 1), Code.UNKNOWN_LOCATION)
    assert shop.ledger.day("none") is None
    assert shop.ledger.day("west").used == 0


def _kept_waiting(make) -> Shop:
    """A shop in which an order waits because the day of the only location with stock is full."""
    shop = shop_of(make, units=0, east=rule("east", capacity=1))
    shop.receive("east", red=9)
    place(shop)
    assert place(shop, "2", when_short="backorder").status == "backordered"
    shop.wait(1)
    assert at(shop, "2") == []
    return shop


def test_what_a_full_day_kept_waiting_goes_when_another_begins(make) -> None:
    shop = _kept_waiting(make)
    assert shop.ledger.next_expiry_us() % limits.LOOK_AGAIN_US == 0
    shop.wait(24 * limits.LOOK_AGAIN_US)
    shop.ledger.expire()
    assert at(shop, "2") == [("east", 2)]
    assert decisions(shop, "2")[-1].because == "filled"
    assert shop.ledger.next_expiry_us() == 0


@pytest.mark.parametrize("means", ["policy", "capacity"])
def test_what_waits_is_looked_at_when_more_is_allowed(make, means: str) -> None:
    shop = _kept_waiting(make)
    if means == "policy":
        shop.ok(policy(2, east=rule("east", capacity=2)))
    else:
        shop.ok(PutCapacity("east", shop.ledger.day("east").day, 2))
    assert at(shop, "2") == [("east", 2)]
