"""Reservations, repeated requests, retention and batches, over both twins."""

import pytest

from engine.core import commands as c
from engine.core import limits
from engine.core.errors import LedgerError
from engine.core.outcomes import Code
from tests.unit.shop import SECOND_US, START_US, Shop

# Reservations.


def test_a_reservation_holds_and_gives_back(shop) -> None:
    shop.receive("north", red=5)
    shop.ok(shop.reserve("r", ("red", 3)))
    assert shop.available("red") == 2
    shop.no(shop.order("1", ("red", 3)), Code.INSUFFICIENT_STOCK)
    assert shop.ok(c.Release("r")).status == "released"
    assert shop.available("red") == 5
    assert shop.ask(c.Release("r")).replayed
    shop.no(c.Commit(reservation_id="r"), Code.RESERVATION_CLOSED)


@pytest.mark.parametrize("early_us, alive", [(1, True), (0, False), (-1, False)])
def test_the_stamp_alone_decides_the_deadline(shop, early_us, alive) -> None:
    shop.receive("north", red=5)
    shop.ok(shop.reserve("r", ("red", 3), ttl_s=2))
    shop.wait(2 * SECOND_US - early_us)
    if alive:
        assert shop.ok(c.Commit(reservation_id="r")).order_id == "r"
    else:
        shop.no(c.Commit(reservation_id="r"), Code.RESERVATION_EXPIRED)
        shop.no(c.Extend("r", 5), Code.RESERVATION_EXPIRED)


def test_expiry_comes_when_the_slot_is_over(shop) -> None:
    shop.receive("north", red=5)
    shop.ok(shop.reserve("r", ("red", 3), ttl_s=2))
    due_us = shop.ledger.next_expiry_us()
    assert due_us == START_US + 2 * SECOND_US + limits.WHEEL_TICK_US
    shop.wait(due_us - shop.now_us - 1)
    assert shop.ledger.expire() == 0
    shop.wait(1)
    assert shop.ledger.expire() == 1
    assert shop.available("red") == 5
    assert shop.ledger.next_expiry_us() == 0
    assert shop.ledger.reservation("r").status == "expired"


def test_expiry_is_bounded_and_in_order(shop) -> None:
    shop.receive("north", red=9)
    for name, ttl_s in (("late", 5), ("b", 2), ("a", 2), ("early", 1)):
        shop.ok(shop.reserve(name, ("red", 1), ttl_s=ttl_s))
    shop.ok(c.Extend("b", 2))  # armed again: behind "a"
    shop.wait(60 * SECOND_US)
    ended = []
    while shop.ledger.expire(1):
        gone = {n for n in ("late", "b", "a", "early") if _expired(shop, n)} - set(ended)
        ended += sorted(gone)
    assert ended == ["early", "a", "b", "late"]


def _expired(shop, name: str) -> bool:
    return shop.ledger.reservation(name).status == "expired"


def test_extend_counts_from_now(shop) -> None:
    shop.receive("north", red=5)
    shop.ok(shop.reserve("r", ("red", 3), ttl_s=2))
    shop.wait(SECOND_US)
    assert shop.ok(c.Extend("r", 2)).expires_at.timestamp() == (START_US / SECOND_US) + 3
    shop.wait(2 * SECOND_US - 1)
    shop.ok(c.Commit(reservation_id="r", order_id="7", note="gift"))
    assert shop.ledger.order("web", "7").note == "gift"
    assert shop.ledger.stock("red").allocated == 3 and shop.ledger.stock("red").reserved == 0


def test_a_commit_cannot_take_an_orders_name(shop) -> None:
    shop.receive("north", red=5)
    shop.ok(shop.order("7", ("red", 1)))
    shop.ok(shop.reserve("r", ("red", 1)))
    shop.no(c.Commit(reservation_id="r", order_id="7"), Code.ORDER_EXISTS)


# The same request again.


def test_the_same_order_again_is_answered_again(shop) -> None:
    shop.receive("north", red=5)
    first = shop.ask(shop.order("1", ("red", 2)))
    again = shop.ask(shop.order("1", ("red", 2)))
    assert again.replayed and again.seq == first.seq and not again.created
    assert again.answer.lines == first.answer.lines
    shop.no(shop.order("1", ("red", 3)), Code.IDEMPOTENCY_CONFLICT)
    assert shop.available("red") == 3


def test_a_cancelled_order_replays_its_first_answer(shop) -> None:
    shop.receive("north", red=5)
    shop.ok(shop.order("1", ("red", 2)))
    shop.ok(c.Cancel("web", "1"))
    assert shop.ask(shop.order("1", ("red", 2))).answer.status == "allocated"


def test_an_idempotency_key_belongs_to_its_caller(shop) -> None:
    shop.receive("north", red=5)
    first = shop.ask(c.Adjust("a1", "north", (c.AdjustLine("red", 1, "found"),)), key="k")
    again = shop.ask(c.Adjust("a1", "north", (c.AdjustLine("red", 1, "found"),)), key="k")
    assert again.replayed and again.seq == first.seq
    other = c.Adjust("a2", "north", (c.AdjustLine("red", 1, "found"),))
    shop.no(other, Code.IDEMPOTENCY_CONFLICT, key="k")
    assert not shop.ask(other, key="k", actor="b").replayed


def test_a_refusal_is_not_remembered(shop) -> None:
    shop.no(shop.order("1", ("red", 2)), Code.INSUFFICIENT_STOCK, key="k")
    shop.receive("north", red=5)
    assert not shop.ask(shop.order("1", ("red", 2)), key="k").replayed


def test_retention_ends_what_is_remembered(shop) -> None:
    shop.receive("north", red=5)
    shop.ok(shop.reserve("r", ("red", 1)), key="k")
    shop.ok(c.Release("r"))
    shop.wait(limits.IDEMPOTENCY_RETENTION_US - 1)
    assert shop.ask(shop.reserve("r", ("red", 1))).replayed
    shop.no(shop.reserve("r", ("red", 2)), Code.IDEMPOTENCY_CONFLICT)
    shop.wait(1)
    assert not shop.ask(shop.reserve("r", ("red", 2)), key="k").replayed


def test_closed_orders_are_forgotten_and_open_ones_kept(shop) -> None:
    shop.receive("north", red=5)
    shop.ok(shop.order("open", ("red", 1)))
    shop.ok(shop.order("closed", ("red", 1)))
    shop.ok(c.Cancel("web", "closed"))
    shop.wait(limits.CLOSED_ORDER_RETENTION_US)
    shop.ok(c.PutSku("new", "new"))
    shop.wait(1)
    assert shop.ledger.order("web", "closed") is None
    assert shop.ledger.order("web", "open").status == "allocated"
    assert not shop.ask(shop.order("closed", ("red", 2))).replayed


# Batches.


def test_stamps_rise_and_batches_are_drained(shop) -> None:
    with pytest.raises(LedgerError):
        shop.ledger.begin(shop.now_us + 1)
    shop.ledger.drain()
    for stamp_us in (shop.now_us, 0, -1, limits.STAMP_US_MAX + 1, 1 << 70):
        with pytest.raises(LedgerError):
            shop.ledger.begin(stamp_us)
    shop.ledger.begin(shop.now_us + 1)
    batch = shop.ledger.drain()
    assert (batch.count, batch.records) == (0, b"")
    assert shop.ledger.stamp_us == shop.now_us


def test_a_frame_must_follow(make, shop) -> None:
    batch, copy = shop.ledger.drain(), make()
    for stamp_us, first_seq in ((batch.stamp_us, 2), (0, 1), (limits.STAMP_US_MAX + 1, 1)):
        with pytest.raises(LedgerError):
            copy.apply(stamp_us, first_seq, batch.records)
    copy.apply(batch.stamp_us, 1, batch.records)
    assert copy.digest() == shop.ledger.digest()
    with pytest.raises(LedgerError):
        copy.apply(batch.stamp_us + 1, 1, batch.records)


def test_orders_come_newest_first_in_pages(shop) -> None:
    shop.receive("north", red=9)
    for n in range(5):
        shop.ok(shop.order(f"o-{n}", ("red", 1)))
    shop.ok(c.Cancel("web", "o-3"))
    page, cursor = shop.ledger.orders(limit=2)
    assert [row.order_id for row in page] == ["o-4", "o-3"]
    page, cursor = shop.ledger.orders(limit=2, before=cursor)
    assert [row.order_id for row in page] == ["o-2", "o-1"]
    page, cursor = shop.ledger.orders(limit=2, before=cursor)
    assert ([row.order_id for row in page], cursor) == (["o-0"], None)
    page, _ = shop.ledger.orders(status="cancelled", q="-3", channel="web")
    assert [row.order_id for row in page] == ["o-3"]


def test_touched_names_each_changed_position_once(make) -> None:
    ledger = make()
    ledger.watch()
    shop = Shop(ledger)
    shop.receive("north", red=9, blue=9)
    shop.ok(shop.order("1", ("red", 1)))
    kinds = [(number, kind) for number, _, kind in ledger.touched()]
    assert kinds == [(1, "stock_moved"), (0, "order_placed")]
    assert ledger.touched() == []
