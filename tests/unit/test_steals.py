"""Reallocation: who takes over from whom, what each is told, and who is spared (P2, P7)."""

from datetime import UTC, datetime, timedelta

import pytest

from engine.core import commands as c
from engine.core.fulfillment_commands import ReleaseOrder
from engine.core.ledger import Ledger as SlowLedger
from engine.core.notes.steals import GaveUp, TookOver
from engine.core.order_commands import Reallocate
from engine.core.outcomes import Code
from ext.ledger import Ledger as FastLedger
from tests.unit.shop import Shop, allocations

TWINS = pytest.mark.parametrize("make", (SlowLedger, FastLedger))


def soon(shop: Shop, **delta) -> datetime:
    return datetime.fromtimestamp(shop.now_us / 1e6, UTC) + timedelta(**delta)


def notes(shop: Shop, name: str) -> list:
    shop.wait(1)  # a dump is of whole batches
    ledger = SlowLedger.load(shop.ledger.dump())
    seq = ledger._state.order_seqs["web", name]
    return [happened.note for happened in ledger._state.lives.of(seq).notes]


def waits(shop: Shop, name: str) -> int:
    return sum(line.backordered for line in shop.ledger.order("web", name).lines)


def shop_with(make, *orders: tuple[str, int, dict]) -> Shop:
    """Six red in the north; `orders` take them in turn, and wait when nothing is left."""
    shop = Shop(make())
    shop.receive("north", red=6)
    for name, units, more in orders:
        more = {key: soon(shop, **v) if key == "required_by" else v for key, v in more.items()}
        shop.ok(shop.order(name, ("red", units), when_short="backorder", **more))
    return shop


@TWINS
def test_the_lowest_priority_gives_first_then_what_is_required_last_then_the_newest(make) -> None:
    shop = shop_with(
        make,
        ("soon", 1, {"required_by": {"days": 9}}),
        ("old", 1, {}),
        ("new", 1, {}),
        ("later", 1, {"required_by": {"days": 30}}),
        ("high", 1, {"priority": 7}),
        ("middle", 1, {"priority": 3}),
        ("vip", 4, {"priority": 5}),
    )
    answer = shop.ok(Reallocate("web", "vip", "r1"))
    assert allocations(answer) == [[("north", 4)]]
    assert [waits(shop, name) for name in ("new", "old", "later", "soon")] == [1, 1, 1, 1]
    assert [waits(shop, name) for name in ("high", "middle")] == [0, 0]
    (took,) = notes(shop, "vip")
    assert isinstance(took, TookOver)
    assert [order for _, _, order, _ in took.given] == ["new", "old", "later", "soon"]
    (gave,) = notes(shop, "old")
    assert gave == GaveUp("web", "vip", gave.seq, "priority", ((0, 1),))
    assert shop.available("red") == 0


@TWINS
def test_what_was_given_waits_in_its_old_turn(make) -> None:
    shop = shop_with(make, ("old", 6, {}), ("new", 1, {}), ("vip", 2, {"priority": 1}))
    shop.ok(Reallocate("web", "vip", "r1"))
    shop.receive("north", red=2)
    assert [waits(shop, name) for name in ("old", "new")] == [0, 1]


@TWINS
def test_age_alone_is_no_reason_and_an_earlier_date_is(make) -> None:
    shop = shop_with(make, ("old", 6, {"required_by": {"days": 9}}), ("same", 2, {}))
    shop.no(Reallocate("web", "same", "r1"), Code.INSUFFICIENT_STOCK)
    shop.ok(
        shop.order("urgent", ("red", 2), when_short="backorder", required_by=soon(shop, days=8))
    )
    shop.ok(Reallocate("web", "urgent", "r2"))
    assert (waits(shop, "urgent"), waits(shop, "old")) == (0, 2)
    assert notes(shop, "old")[0].because == "required_by"


@TWINS
def test_orders_that_are_due_held_or_worked_on_keep_theirs(make) -> None:
    shop = shop_with(
        make,
        ("due", 2, {"required_by": {"hours": 20}}),
        ("held", 2, {}),
        ("released", 2, {}),
        ("vip", 6, {"priority": 9}),
    )
    shop.ok(c.Hold("web", "held", "h", "review"))
    shop.ok(ReleaseOrder("web", "released", "w"))
    shop.no(Reallocate("web", "vip", "r1"), Code.INSUFFICIENT_STOCK)
    shop.ok(Reallocate("web", "vip", "r2", lock_hours=12))
    assert [waits(shop, name) for name in ("due", "held", "released")] == [2, 0, 0]
    assert waits(shop, "vip") == 4


@TWINS
def test_bundles_keep_theirs_and_may_take(make) -> None:
    shop = Shop(make())
    shop.ok(c.PutSku("set", "set", components=(c.Component("red", 2), c.Component("blue", 1))))
    shop.receive("north", red=4, blue=2)
    shop.ok(shop.order("kit", ("set", 1)))
    shop.ok(shop.order("plain", ("red", 2)))
    shop.ok(shop.order("vip", ("set", 1), when_short="backorder", priority=1))
    shop.ok(Reallocate("web", "vip", "r1"))
    assert [waits(shop, name) for name in ("kit", "plain", "vip")] == [0, 2, 0]


@TWINS
def test_what_was_a_bundle_when_it_was_sold_keeps_its_parts(make) -> None:
    shop = Shop(make())
    shop.ok(c.PutSku("set", "set", components=(c.Component("red", 2), c.Component("blue", 1))))
    shop.receive("north", red=2, blue=1)
    shop.ok(shop.order("kit", ("set", 1)))
    shop.ok(c.PutSku("set", "set"))
    shop.ok(shop.order("vip", ("red", 2), when_short="backorder", priority=1))
    shop.no(Reallocate("web", "vip", "r1"), Code.INSUFFICIENT_STOCK)


@TWINS
def test_the_same_again_is_a_replay_and_who_does_not_wait_takes_nothing(make) -> None:
    shop = shop_with(make, ("old", 6, {}), ("vip", 2, {"priority": 1}))
    shop.no(Reallocate("web", "old", "r0"), Code.ORDER_STATUS)
    shop.ok(Reallocate("web", "vip", "r1"))
    seq = shop.ledger.seq
    assert shop.ok(Reallocate("web", "vip", "r1")).replayed and shop.ledger.seq == seq
    shop.no(Reallocate("web", "vip", "r1", lock_hours=1), Code.IDEMPOTENCY_CONFLICT)
    shop.no(Reallocate("web", "none", "r1"), Code.UNKNOWN_ORDER)
