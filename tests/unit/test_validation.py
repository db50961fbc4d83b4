"""Validation: which orders are held when they are placed, with their stock or not (F04-F07)."""

import pytest

from engine.core import commands as c
from engine.core import limits
from engine.core.decide.checks import bad_address
from engine.core.order_commands import EditLine, EditOrder, ReleaseHold
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


UNKNOWN = ValidationRule("unknown_sku", "catalogue")


def test_an_unknown_sku_waits_until_it_is_put(stocked: Shop) -> None:
    """The order is kept, gets nothing meanwhile, and goes on in the step that puts the SKU."""
    stocked.no(stocked.order("0", ("new", 1)), Code.UNKNOWN_SKU)
    rules(stocked, UNKNOWN)
    first = stocked.ask(stocked.order("1", ("red", 2), ("new", 3), ("newer", 1)), key="k")
    assert first.created and (first.answer.status, holds(first.answer)) == (
        "on_hold",
        ["unknown_sku"],
    )
    assert (first.answer.holds[0].keeps_stock, stocked.available("red")) == (False, 10)
    assert stocked.ledger.sku("new").provisional
    second = stocked.ok(stocked.order("2", ("new", 1)))
    assert holds(second) == ["unknown_sku"]
    again = stocked.ask(stocked.order("1", ("red", 2), ("new", 3), ("newer", 1)))
    again.answer.replayed = False
    assert (again.seq, again.answer) == (first.seq, first.answer)
    stocked.wait(1_000_000)
    assert not stocked.ok(c.PutSku("new", "New")).provisional
    assert stocked.ledger.order("web", "2").status == "backordered"
    assert stocked.ledger.order("web", "1").status == "on_hold", "another SKU is unknown still"
    stocked.ok(c.PutSku("newer", "a bundle", components=(c.Component("blue", 2),)))
    done = stocked.ledger.order("web", "1")
    assert (done.status, allocations(done)) == (
        "partially_allocated",
        [[("north", 2)], [], [("north", 2)]],
    )
    stocked.receive("north", new=4)
    assert stocked.ledger.order("web", "1").status == "allocated"
    assert stocked.ledger.order("web", "2").status == "allocated"


def test_other_holds_stay_when_a_sku_is_put(stocked: Shop) -> None:
    rules(stocked, UNKNOWN, ValidationRule("payment"))
    stocked.ok(stocked.order("1", ("red", 2), ("new", 3)))
    stocked.ok(stocked.order("2", ("new", 3)))
    stocked.ok(c.Cancel("web", "2"))
    stocked.ok(c.PutSku("new", "New"))
    shown = stocked.ledger.order("web", "1")
    assert (shown.status, holds(shown)) == ("on_hold", ["payment"])
    assert stocked.available("red") == 8, "the hold that is left keeps stock"
    assert stocked.ledger.order("web", "2").status == "cancelled"


def test_an_unknown_sku_outlives_a_restart(make) -> None:
    shop = Shop(make())
    rules(shop, UNKNOWN)
    shop.ok(shop.order("1", ("new", 3)))
    shop.ledger.drain()
    loaded = make.load(shop.ledger.dump())
    for ledger in (shop.ledger, loaded):
        ledger.begin(shop.now_us + 1)
        ledger.decide(c.Request(c.PutSku("new", "New")))
        assert ledger.order("web", "1").status == "backordered"
    assert loaded.drain() == shop.ledger.drain()


def test_only_so_many_orders_wait_for_one_unknown_sku(stocked: Shop, monkeypatch) -> None:
    monkeypatch.setattr(limits, "UNKNOWN_SKU_ORDERS_MAX", 2)
    rules(stocked, UNKNOWN)
    for name in ("1", "2"):
        stocked.ok(stocked.order(name, ("new", 1)))
    stocked.no(stocked.order("3", ("new", 1)), Code.TABLE_FULL)
    here = c.OrderLine("newer", 1, location="nowhere")
    bound = c.PlaceOrder(order_id="4", channel="web", lines=(here,))
    stocked.no(bound, Code.UNKNOWN_LOCATION)


def test_an_order_that_may_be_the_same_as_another(stocked: Shop) -> None:
    """Same channel, customer and lines in any order, within the time; one that was cancelled is
    none."""
    rules(stocked, ValidationRule("duplicate", "care", within_minutes=10))
    ada = {"customer": "ada@example.com", "when_short": "backorder"}
    first = stocked.ask(stocked.order("1", ("red", 1), ("blue", 2), **ada))
    assert first.answer.status == "allocated"
    again = stocked.ask(stocked.order("1", ("red", 1), ("blue", 2), **ada))
    again.answer.replayed = False
    assert (again.seq, again.answer) == (first.seq, first.answer), "the same order is a replay"
    assert holds(stocked.ok(stocked.order("2", ("blue", 2), ("red", 1), **ada))) == ["duplicate"]
    for name, lines, more in (
        ("3", [("red", 1), ("blue", 3)], ada),
        ("4", [("red", 1), ("blue", 2)], {**ada, "customer": "bob@example.com"}),
        ("5", [("red", 1), ("blue", 2)], {"when_short": "backorder"}),
        ("6", [("red", 1), ("blue", 2)], {"when_short": "backorder"}),
    ):
        assert holds(stocked.ok(stocked.order(name, *lines, **more))) == [], name
    stocked.ok(c.Cancel("web", "1"))
    assert holds(stocked.ok(stocked.order("7", ("red", 1), ("blue", 2), **ada))) == ["duplicate"]
    stocked.ok(c.Cancel("web", "2"))
    stocked.ok(c.Cancel("web", "7"))
    assert holds(stocked.ok(stocked.order("8", ("red", 1), ("blue", 2), **ada))) == []
    stocked.wait(10 * 60_000_000 + 1)
    assert holds(stocked.ok(stocked.order("9", ("red", 1), ("blue", 2), **ada))) == []
    home = c.Address(name="Ada", line1="Street 1", postcode="10115", country="DE")
    for name, expected in (("10", []), ("11", ["duplicate"])):
        made = stocked.ok(stocked.order(name, ("red", 1), ship_to=home, when_short="backorder"))
        assert holds(made) == expected


def test_an_edit_that_takes_the_cause_away_ends_the_hold(stocked: Shop) -> None:
    rules(
        stocked,
        ValidationRule("quantity", keeps_stock=False, units=4),
        ValidationRule("bad_address"),
        ValidationRule("payment"),
    )
    made = stocked.ok(stocked.order("1", ("red", 400)))
    assert holds(made) == ["quantity", "bad_address", "payment"]
    edit = EditOrder("web", "1", "e1", (EditLine("red", 5),), ship_to=HOME)
    fewer = stocked.ok(edit, key="k")
    assert (fewer.status, holds(fewer)) == ("on_hold", ["quantity", "payment"])
    assert stocked.available("red") == 10, "five are more than four"
    fewer = stocked.ok(EditOrder("web", "1", "e2", (EditLine("red", 4),)))
    assert holds(fewer) == ["payment"]
    assert stocked.available("red") == 6, "what keeps no stock has ended: it is looked for"
    assert stocked.ask(edit, key="k").answer["holds"][0]["hold_id"] == "quantity"
    assert stocked.ok(ReleaseHold("web", "1", "payment")).status == "allocated"
    rules(stocked, ValidationRule("bad_address"))
    stocked.ok(stocked.order("2", ("red", 2)))
    freed = stocked.ok(EditOrder("web", "2", "e1", ship_to=HOME))
    assert (freed.status, holds(freed)) == ("allocated", [])
