"""The timeline of an order: every change of it, in order, with who did it, and the same however the
ledger came by it (P7)."""

import pytest

from engine.core import commands as c
from engine.core import limits
from engine.core.fulfillment_commands import PickFulfillment, ReleaseOrder
from engine.core.ledger import Ledger as SlowLedger
from engine.core.order_commands import EditLine
from engine.core.outcomes import Accepted
from ext.ledger import Ledger as FastLedger
from tests.unit.shop import Shop

MINUTE_US = 60_000_000


def told(shop: Shop, name: str, **page) -> list[tuple[str, str]]:
    """What happened to an order, and by whom."""
    answer, _ = shop.ledger.timeline("web", name, **page)
    return [(change.what, change.actor) for change in answer.changes]


def by(shop: Shop, actor: str, command):
    outcome = shop.ask(command, actor=actor)
    assert isinstance(outcome, Accepted), outcome
    return outcome.answer


def busy(shop: Shop) -> Shop:
    """An order that has been through a lot."""
    shop.receive("north", red=5)
    by(shop, "shop", shop.order("1", ("red", 4), ("blue", 2), when_short="backorder"))
    by(shop, "ada", c.Hold("web", "1", "h1", "operator", owner="care", minutes=10, then="release"))
    shop.wait(11 * MINUTE_US)
    shop.ledger.expire()
    by(shop, "bob", c.Cancel("web", "1", (c.CancelLine("red", 1),), "customer asked"))
    by(shop, "eve", c.Ship("web", "1", "s1", None, (c.ShipLine("red", 2),), "DHL", "JD1"))
    shop.receive("south", blue=2)
    shop.wait(1)
    return shop


def test_every_change_is_told_with_who_did_it(shop) -> None:
    busy(shop)
    assert told(shop, "1") == [
        ("placed", "shop"),
        ("held", "ada"),
        ("hold_ended", "timer"),
        ("cancelled", "bob"),
        ("shipped", "eve"),
        ("filled", "system"),
    ]
    answer, place = shop.ledger.timeline("web", "1")
    placed, held, ended, cancelled, shipped, filled = answer.changes
    assert place is None and answer.complete
    assert [(row.sku, row.quantity, row.location, row.waits) for row in placed.lines] == [
        ("red", 4, "north", False),
        ("blue", 2, None, True),
    ]
    assert (held.reason, held.details["owner"], held.details["keeps_stock"]) == (
        "operator",
        "care",
        True,
    )
    assert ended.at > held.at == placed.at
    assert (cancelled.reason, cancelled.lines[0].location) == ("customer asked", "north")
    assert shipped.details["tracking_number"] == "JD1" and shipped.lines[0].quantity == 2
    assert filled.because.kind == "stock_moved" and filled.because.seq < filled.seq
    seqs = [change.seq for change in answer.changes]
    assert seqs == sorted(set(seqs))


@pytest.mark.parametrize("make", (SlowLedger, FastLedger))
def test_it_is_the_same_from_a_snapshot_its_tail_and_a_replay(make) -> None:
    ledger, frames = make(), []
    shop = Shop(ledger)
    drain = ledger.drain

    class Kept:
        """The ledger, with its frames kept."""

        def __getattr__(self, name):
            return getattr(ledger, name)

        def drain(self):
            frames.append(drain())
            return frames[-1]

    shop.ledger = Kept()
    busy(shop)
    want = ledger.timeline("web", "1")
    assert len(want[0].changes) == 6
    for other in (SlowLedger, FastLedger):
        assert other.load(ledger.dump()).timeline("web", "1") == want
        replayed = other()
        for frame in frames:
            if frame.count:
                replayed.apply(frame.stamp_us, frame.first_seq, frame.records)
        assert replayed.timeline("web", "1") == want
        assert replayed.dump() == ledger.dump()


def test_it_is_read_in_pages(shop) -> None:
    busy(shop)
    first, place = shop.ledger.timeline("web", "1", 0, 4)
    rest, end = shop.ledger.timeline("web", "1", place, 4)
    assert (len(first.changes), len(rest.changes), end) == (4, 2, None)
    whole, _ = shop.ledger.timeline("web", "1")
    assert first.changes + rest.changes == whole.changes


def test_where_units_were_is_told_though_the_order_was_changed_since(shop) -> None:
    """A cancellation names takes by number, and an edit replaces them."""
    shop.receive("north", red=2)
    shop.receive("south", red=5)
    shop.ok(shop.order("1", ("red", 4), when_short="backorder"))
    shop.ok(c.Cancel("web", "1", (c.CancelLine("red", 2),)))
    before, _ = shop.ledger.timeline("web", "1")
    shop.ok(c.EditOrder("web", "1", "e1", (EditLine("red", 1),)))
    after, _ = shop.ledger.timeline("web", "1")
    assert after.changes[:2] == before.changes
    assert [change.what for change in after.changes] == ["placed", "cancelled", "edited"]


def test_work_at_a_location_is_told_with_its_units(shop) -> None:
    shop.receive("north", red=2)
    shop.ok(shop.order("1", ("red", 2)))
    name = shop.ok(ReleaseOrder("web", "1", "r1")).fulfillments[0].fulfillment_id
    by(shop, "user:ada", PickFulfillment(name))
    answer, _ = shop.ledger.timeline("web", "1")
    _, released, picking = answer.changes
    assert (released.what, released.lines[0].location) == ("released", "north")
    assert (picking.what, picking.actor) == ("fulfillment_picking", "user:ada")
    assert picking.details["fulfillment_id"] == name


def test_what_is_not_kept_for_want_of_room_is_owned_up_to(shop, monkeypatch) -> None:
    monkeypatch.setattr(limits, "ORDER_TRAIL_BYTES_MAX", 100)
    made = Shop(type(shop.ledger)())
    made.receive("north", red=9)
    made.ok(made.order("1", ("red", 9)))
    for _ in range(3):
        made.ok(c.Cancel("web", "1", (c.CancelLine("red", 1),)))
    answer, _ = made.ledger.timeline("web", "1")
    assert [change.what for change in answer.changes] == ["placed", "cancelled"]
    assert not answer.complete


def test_there_is_none_of_an_unknown_order(shop) -> None:
    assert shop.ledger.timeline("web", "?") is None
