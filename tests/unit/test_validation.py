"""Validation: which orders are held when they are placed, with their stock or not (F04-F07)."""

import pytest

from engine.core import commands as c
from engine.core.decide.checks import bad_address
from engine.core.order_commands import ReleaseHold
from engine.core.outcomes import Accepted, Code
from engine.core.validation_commands import PutValidation, ValidationRule
from tests.unit.shop import Shop, allocations

HOME = c.Address(country="DE", postcode="10115")


@pytest.fixture
def stocked(shop: Shop) -> Shop:
    shop.receive("north", red=10, blue=10)
    return shop


def rules(shop: Shop, *made: ValidationRule, channel: str = "web") -> None:
    shop.ok(PutValidation(channel, made))


def holds(answer) -> list[str]:
    return [hold.hold_id for hold in answer.holds]


def test_an_order_is_placed_and_held_in_one_step(stocked: Shop) -> None:
    """Several holds at once, each with its own owner, end and what is due then."""
    rules(
        stocked,
        ValidationRule("payment", "accounts", 2_880, "cancel"),
        ValidationRule("quantity", "sales", units=4),
        ValidationRule("bad_address", "care"),
    )
    seq = stocked.ledger.seq
    made = stocked.ok(stocked.order("1", ("red", 5), payment="pending", ship_to=HOME))
    assert (made.status, made.seq) == ("on_hold", seq + 2)
    assert holds(made) == ["payment", "quantity"]
    payment, quantity = made.holds
    assert (payment.owner, payment.then, payment.reason) == ("accounts", "cancel", "payment")
    assert payment.until is not None and quantity.until is None
    assert allocations(made) == [[("north", 5)]] and stocked.available("red") == 5


def test_an_order_that_passes_is_placed_as_ever(stocked: Shop) -> None:
    rules(stocked, ValidationRule("payment"), ValidationRule("bad_address"))
    made = stocked.ok(stocked.order("1", ("red", 5), payment="paid", ship_to=HOME))
    assert (made.status, made.holds) == ("allocated", [])
    assert stocked.ok(PutValidation("web", ())).rules == ()
    assert stocked.ok(stocked.order("2", ("red", 5))).status == "allocated"


def test_without_stock_until_somebody_has_looked(stocked: Shop) -> None:
    """One hold that does not keep stock is enough; with the last hold it is allotted."""
    rules(stocked, ValidationRule("operator", keeps_stock=False), ValidationRule("payment"))
    made = stocked.ok(stocked.order("1", ("red", 4), ("blue", 2)))
    assert [line.backordered for line in made.lines] == [4, 2]
    assert stocked.available("red") == 10
    stocked.ok(ReleaseHold("web", "1", "payment"))
    freed = stocked.ok(ReleaseHold("web", "1", "operator"))
    assert freed.status == "allocated" and stocked.available("red") == 6


def test_more_than_there_is_waits_for_the_decision_too(stocked: Shop) -> None:
    """74,215 units of one SKU: nothing is taken from anybody, and nothing is refused."""
    rules(stocked, ValidationRule("quantity", keeps_stock=False, units=1_000))
    made = stocked.ok(stocked.order("1", ("red", 74_215)))
    assert (made.status, holds(made)) == ("on_hold", ["quantity"])
    assert stocked.available("red") == 10
    stocked.no(stocked.order("2", ("red", 11)), Code.INSUFFICIENT_STOCK)


def test_a_reservation_is_looked_at_when_it_becomes_an_order(stocked: Shop) -> None:
    rules(stocked, ValidationRule("payment", keeps_stock=False))
    for name in ("cart", "paid"):
        stocked.ok(stocked.reserve(name, ("red", 3)))
    made = stocked.ok(c.Commit(reservation_id="cart"))
    assert (made.status, made.lines[0].backordered) == ("on_hold", 3)
    assert stocked.available("red") == 7
    again = stocked.ask(c.Commit(reservation_id="cart"))
    assert again.replayed and again.answer.holds == made.holds
    assert stocked.ok(c.Commit(reservation_id="paid", payment="paid")).status == "allocated"


@pytest.mark.parametrize("keeps", (True, False))
def test_the_first_answer_is_given_again_whatever_came_after(stocked: Shop, keeps) -> None:
    """P4, also when the rules are others by then, and by its key."""
    rules(stocked, ValidationRule("payment", keeps_stock=keeps))
    order = stocked.order("1", ("red", 4))
    first = stocked.ask(order, key="k")
    assert first.created and not first.replayed
    stocked.ok(ReleaseHold("web", "1", "payment"))
    rules(stocked)
    stocked.wait(1_000_000)
    again = stocked.ask(order)
    assert isinstance(again, Accepted) and again.replayed
    assert (again.seq, again.answer.status) == (first.seq, "on_hold")
    again.answer.replayed = False
    assert again.answer == first.answer
    assert stocked.ask(order, key="k").answer["holds"][0]["hold_id"] == "payment"
    stocked.no(stocked.order("1", ("red", 5)), Code.IDEMPOTENCY_CONFLICT)


def test_what_no_location_ever_had_is_not_stocked(stocked: Shop) -> None:
    rules(stocked, ValidationRule("non_stock"))
    stocked.ok(c.PutSku("set", "set", components=(c.Component("red", 1), c.Component("rare", 1))))
    for name, sku, expected in (
        ("1", "rare", ["non_stock"]),
        ("2", "set", ["non_stock"]),
        ("3", "red", []),
    ):
        made = stocked.ok(stocked.order(name, (sku, 1), when_short="backorder"))
        assert holds(made) == expected, sku


def test_a_score_from_outside_and_the_window_in_which_buyers_change_their_mind(
    stocked: Shop,
) -> None:
    rules(stocked, ValidationRule("review", score=60))
    for score, expected in ((None, []), (59, []), (60, ["review"])):
        order = stocked.order(f"s{score}", ("red", 1), review_score=score)
        assert holds(stocked.ok(order)) == expected
    rules(stocked, ValidationRule("cool_off", minutes=60, then="release"))
    before = stocked.available("red")
    held = stocked.ok(stocked.order("1", ("red", 1)))
    assert (held.status, stocked.available("red")) == ("on_hold", before - 1)
    assert stocked.ok(c.Cancel("web", "1")).status == "cancelled"
    assert stocked.available("red") == before


@pytest.mark.parametrize(
    ("address", "wrong"),
    (
        (None, True),
        (c.Address(country="DE"), True),
        (c.Address(country="DE", postcode="  "), True),
        (c.Address(postcode="10115"), True),
        (HOME, False),
        (c.Address(country="DE", postcode="1011"), True),
        (c.Address(country="NL", postcode="1012 ab"), False),
        (c.Address(country="NL", postcode="0"), True),
        (c.Address(country="US", postcode="10001-1234"), False),
        (c.Address(country="GB", postcode="SW1A 1AA"), False),
        (c.Address(country="GB", postcode="12345"), True),
        (c.Address(country="IE", postcode="D02 AF30"), False),
        (c.Address(country="AO", postcode="any"), False),
    ),
)
def test_addresses(address, wrong) -> None:
    assert bad_address(ValidationRule("bad_address"), address) is wrong


def test_rules_that_say_too_little_are_refused(stocked: Shop) -> None:
    for made, path in (
        ([ValidationRule("cool_off")], "rules[0].minutes"),
        ([ValidationRule("payment"), ValidationRule("quantity")], "rules[1].units"),
        ([ValidationRule("payment"), ValidationRule("payment")], "rules[1].check"),
    ):
        refused = stocked.no(PutValidation("web", tuple(made)), Code.INCOMPLETE_RULE)
        assert refused.faults[0].path == path
    rules(stocked, ValidationRule("payment"))
    assert stocked.ask(PutValidation("web", (ValidationRule("payment"),))).replayed
    assert stocked.ledger.validation("shop") is None
