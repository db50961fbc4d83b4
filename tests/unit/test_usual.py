"""Quantities judged by what the orders of a SKU usually take."""

from random import Random

from engine.core import commands as c
from engine.core.order_commands import EditLine, EditOrder
from engine.core.outcomes import Code
from engine.core.usual import SCALE_BITS, learned
from engine.core.validation_commands import PutValidation, ValidationRule


def usual(shop, **more) -> None:
    rule = ValidationRule("quantity", times=10, **more)
    shop.ok(PutValidation("web", (rule,)))


def bought(shop, count: int, units: int, sku: str = "rope", first: int = 0) -> None:
    for number in range(first, first + count):
        shop.ok(shop.order(f"{sku}-{number}", (sku, units)))


def test_a_quantity_is_judged_by_what_the_sku_s_orders_take(shop) -> None:
    usual(shop)
    bought(shop, 20, 2)
    shop.ok(c.PutSku("rod", "by the crate", backorderable=True))
    bought(shop, 20, 300, "rod")
    assert not shop.ok(shop.order("a", ("rope", 20))).holds
    (hold,) = shop.ok(shop.order("b", ("rope", 60))).holds
    assert hold.reason == "quantity"
    assert not shop.ok(shop.order("c", ("rod", 400))).holds


def test_nothing_is_unusual_before_enough_orders_came(shop) -> None:
    usual(shop)
    bought(shop, 19, 1)
    assert not shop.ok(shop.order("a", ("rope", 10_000))).holds


def test_one_large_order_does_not_make_large_orders_usual(shop) -> None:
    usual(shop)
    bought(shop, 30, 1)
    assert shop.ok(shop.order("a", ("rope", 1_000_000))).holds
    assert shop.ok(shop.order("b", ("rope", 100))).holds


def test_what_is_usual_follows_what_is_bought(shop) -> None:
    usual(shop)
    bought(shop, 30, 1)
    bought(shop, 60, 9, first=30)
    assert not shop.ok(shop.order("a", ("rope", 80))).holds


def test_an_edit_to_a_usual_quantity_ends_the_hold(shop) -> None:
    usual(shop)
    bought(shop, 30, 1)
    assert shop.ok(shop.order("a", ("rope", 100))).status == "on_hold"
    assert shop.ok(EditOrder("web", "a", "e", (EditLine("rope", 5),))).status == "allocated"


def test_a_rule_for_quantities_says_how_many_or_how_many_times(shop) -> None:
    refused = shop.no(PutValidation("web", (ValidationRule("quantity"),)), Code.INCOMPLETE_RULE)
    assert refused.faults[0].path == "rules[0].units"


def test_the_estimate_is_near_the_mean_and_its_deviation() -> None:
    rng, state = Random(1), (0, 0, 0)
    for _ in range(2_000):
        state = learned(*state, rng.choice((4, 5, 6, 7, 8)))
    mean, spread, orders = state
    assert 4 << SCALE_BITS < mean < 8 << SCALE_BITS and orders == 2_000
    assert (1 << SCALE_BITS) // 2 < spread < 2 << SCALE_BITS


def test_it_stays_within_its_bounds() -> None:
    state, most = (0, 0, 0), 1_000_000_000
    for quantity in (1, most, 1, most, most, 1, 1) * 50:
        state = learned(*state, quantity)
        assert 0 <= state[0] <= most << SCALE_BITS and 0 <= state[1] <= most << SCALE_BITS


def test_what_is_usual_is_kept_over_a_restart(make, shop) -> None:
    usual(shop)
    bought(shop, 30, 1)
    shop.wait(1)
    again = type(shop)(make())
    again.ledger = make.load(shop.ledger.dump())
    again.now_us = shop.now_us + 1
    again.ledger.begin(again.now_us)
    assert again.ok(again.order("a", ("rope", 100))).status == "on_hold"
