"""What is due of holds happens by itself, once, and is the same in replay (F05, F47)."""

import pytest

from engine.core import commands as c
from engine.core.order_commands import Hold, ReleaseHold
from engine.core.validation_commands import PutValidation, ValidationRule
from tests.unit.shop import Shop, allocations

MINUTE_US = 60_000_000


@pytest.fixture
def placed(shop: Shop) -> Shop:
    shop.receive("north", red=5)
    shop.ok(shop.order("1", ("red", 3)))
    return shop


def hold(name: str, minutes: int | None, then: str, *, keeps: bool = True) -> Hold:
    return Hold("web", "1", name, "payment", "risk", minutes, then, keeps)


def wait(shop: Shop, microseconds: int) -> int:
    """Let time pass; return how many things the writer then finds to do."""
    shop.wait(microseconds)
    return shop.ledger.expire()


def order(shop: Shop):
    return shop.ledger.order("web", "1")


def test_a_hold_is_released_when_its_time_is_over_and_not_before(placed: Shop) -> None:
    placed.ok(hold("h", 2, "release", keeps=False))
    assert placed.available("red") == 5
    assert placed.ledger.next_expiry_us() == placed.now_us + 2 * MINUTE_US
    assert wait(placed, 2 * MINUTE_US - 1) == 0 and order(placed).status == "on_hold"
    assert wait(placed, 1) == 1
    assert order(placed).status == "allocated" and allocations(order(placed)) == [[("north", 3)]]
    assert (wait(placed, MINUTE_US), placed.ledger.next_expiry_us()) == (0, 0)


def test_an_order_is_cancelled_when_nobody_paid(placed: Shop) -> None:
    placed.ok(hold("later", 9, "release"))
    placed.ok(hold("h", 1, "cancel"))
    assert wait(placed, MINUTE_US) == 1
    assert (order(placed).status, order(placed).holds) == ("cancelled", [])
    assert placed.available("red") == 5
    assert wait(placed, 10 * MINUTE_US) == 0, "a closed order has nothing due"


def test_what_has_left_stays_when_the_rest_is_cancelled(placed: Shop) -> None:
    placed.ok(c.Ship("web", "1", "s", lines=(c.ShipLine("red", 1),)))
    placed.ok(hold("h", 1, "cancel"))
    wait(placed, MINUTE_US)
    (line,) = order(placed).lines
    assert (order(placed).status, line.shipped, line.cancelled) == ("shipped", 1, 2)


def test_a_hold_that_escalates_stays_on_until_somebody_decides(placed: Shop) -> None:
    placed.ok(hold("h", 1, "escalate"))
    assert wait(placed, MINUTE_US) == 1
    (shown,) = order(placed).holds
    assert (order(placed).status, shown.escalated, shown.owner) == ("on_hold", True, "risk")
    assert wait(placed, 1_000 * MINUTE_US) == 0
    assert placed.ok(ReleaseHold("web", "1", "h")).status == "allocated"


def test_holds_end_in_the_order_of_their_times(placed: Shop) -> None:
    """The last that keeps no stock lets the order be allotted, the last of all lets it go."""
    placed.ok(hold("b", 3, "release"))
    placed.ok(hold("a", 2, "release", keeps=False))
    placed.ok(hold("c", None, "escalate"))
    assert wait(placed, 2 * MINUTE_US) == 1
    assert [h.hold_id for h in order(placed).holds] == ["b", "c"]
    assert placed.available("red") == 2
    assert wait(placed, MINUTE_US) == 1
    assert [h.hold_id for h in order(placed).holds] == ["c"]
    placed.ok(hold("d", 1, "release"))
    placed.ok(ReleaseHold("web", "1", "d"))
    assert wait(placed, 5 * MINUTE_US) == 0, "one that was released is not due"


def test_a_cool_off_lets_the_order_go_by_itself(shop: Shop) -> None:
    shop.receive("north", red=5)
    shop.ok(PutValidation("web", (ValidationRule("cool_off", minutes=60, then="release"),)))
    assert shop.ok(shop.order("1", ("red", 3))).status == "on_hold"
    assert wait(shop, 60 * MINUTE_US) == 1 and order(shop).status == "allocated"


def test_timers_outlive_a_restart_and_are_not_done_again_in_replay(make) -> None:
    """P7: a ledger from a snapshot, and one from the log, do and hold the same."""
    shop, frames = Shop(make()), []
    shop.receive("north", red=9)
    for name in ("1", "2"):
        shop.ok(shop.order(name, ("red", 2)))
        shop.ok(Hold("web", name, "h", "payment", minutes=int(name), then="cancel"))
    frames.append(shop.ledger.drain())
    loaded = make.load(shop.ledger.dump())
    for ledger in (shop.ledger, loaded):
        ledger.begin(shop.now_us + MINUTE_US)
        assert ledger.expire() == 1
    frames.append(shop.ledger.drain())
    assert loaded.drain() == frames[1] and loaded.dump() == shop.ledger.dump()
    replayed = make()
    for frame in frames:
        replayed.apply(frame.stamp_us, frame.first_seq, frame.records)
    assert replayed.dump() == shop.ledger.dump()
    for ledger in (shop.ledger, replayed):
        ledger.begin(shop.now_us + 3 * MINUTE_US)
        assert ledger.expire() == 1
    assert replayed.drain() == shop.ledger.drain()
    assert shop.ledger.stock("red").allocated == 0


def test_a_hold_that_escalates_goes_to_whom_it_names(placed: Shop) -> None:
    command = Hold(
        "web", "1", "h", "review", "care", minutes=1, then="escalate", escalate_to="risk lead"
    )
    (shown,) = placed.ok(command).holds
    assert (shown.owner, shown.escalated, shown.escalate_to) == ("care", False, "risk lead")
    assert wait(placed, MINUTE_US) == 1
    (shown,) = order(placed).holds
    assert (shown.owner, shown.escalated) == ("risk lead", True)
    change = placed.ledger.timeline("web", "1")[0].changes[-1]
    assert (change.what, change.actor, change.details["owner"]) == (
        "hold_escalated",
        "timer",
        "risk lead",
    )
