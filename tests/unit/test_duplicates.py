"""Orders that are held as duplicates go on by themselves when the other one is cancelled."""

from engine.core import commands as c
from engine.core.fact_commands import TellFact
from engine.core.validation_commands import PutValidation, ValidationRule

ADA = {"customer": "ada@example.com"}


def doubled(shop, names: str = "12", **rule) -> None:
    """Orders of the same customer and lines; all but the first are held."""
    shop.receive("north", red=20)
    shop.ok(PutValidation("web", (ValidationRule("duplicate", **rule),)))
    for name in names:
        shop.ok(shop.order(name, ("red", 2), **ADA))


def statuses(shop, names: str) -> list[str]:
    return [shop.ledger.order("web", name).status for name in names]


def test_a_duplicate_goes_on_when_the_other_order_is_cancelled(shop) -> None:
    doubled(shop)
    assert statuses(shop, "12") == ["allocated", "on_hold"]
    shop.ok(c.Cancel("web", "1"))
    assert statuses(shop, "12") == ["cancelled", "allocated"]
    answer, _ = shop.ledger.timeline("web", "2")
    assert [(one.what, one.actor) for one in answer.changes][-1] == ("hold_ended", "system")


def test_cutting_part_of_the_other_order_lets_nothing_go(shop) -> None:
    doubled(shop)
    shop.ok(c.Cancel("web", "1", (c.CancelLine("red", 1),)))
    assert statuses(shop, "12") == ["allocated", "on_hold"]


def test_of_three_the_last_waits_for_both_others(shop) -> None:
    doubled(shop, "123")
    shop.ok(c.Cancel("web", "1"))
    assert statuses(shop, "123") == ["cancelled", "allocated", "on_hold"]
    shop.ok(c.Cancel("web", "2"))
    assert statuses(shop, "123") == ["cancelled", "cancelled", "allocated"]


def test_a_duplicate_without_stock_gets_what_the_other_gives_back(shop) -> None:
    doubled(shop, "12", keeps_stock=False)
    shop.ok(shop.order("rest", ("red", 18), customer="bob"))
    shop.ok(c.Cancel("web", "1"))
    assert statuses(shop, "2") == ["allocated"]


def test_other_holds_stay_when_a_duplicate_is_none_any_more(shop) -> None:
    doubled(shop)
    shop.ok(c.Hold("web", "2", "h", "operator"))
    shop.ok(c.Cancel("web", "1"))
    assert [hold.hold_id for hold in shop.ledger.order("web", "2").holds] == ["h"]


def test_what_a_channel_cancels_counts_as_well(shop) -> None:
    doubled(shop)
    shop.ok(TellFact("web", "1", "f1", 1, cancelled=True))
    assert statuses(shop, "12") == ["cancelled", "allocated"]
