"""The walker's negative controls: what it must find, planted.

A walker that cannot find a planted fault proves nothing, so every promise has planted breaches:
records packed by hand, which the ledger would never write, in frames whose checksums are right.
"""

import pytest

from engine.core import records
from engine.core.commands import (
    Component,
    OrderLine,
    PlaceOrder,
    PutSku,
    Request,
    Reserve,
    ReserveLine,
)
from engine.core.events import (
    NO_LOCATION,
    BucketId,
    Cause,
    Cut,
    Document,
    EpochOpened,
    Freed,
    Left,
    Line,
    LocationPut,
    Movement,
    OrderCancelled,
    OrderChanged,
    OrderPlaced,
    OrderShipped,
    OrderStatus,
    PositionOpened,
    ReservationExpired,
    ReservationExtended,
    ReservationReleased,
    Reserved,
    SkuPut,
    Standing,
    StockMoved,
    Take,
)
from engine.core.lives import note_bytes
from engine.core.notes.fills import Filled
from engine.log.verify import walk
from tests.unit.logkit import START_US, Chain, stocked

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
NOBODY = Cause()
KEPT, LIVE = 9, 10


def line(quantity: int, *, sku: int = 0, position: int | None = None) -> Line:
    """A line of one SKU, taken where it is."""
    return Line(sku, quantity, (Take(sku if position is None else position, quantity),))


def placed(name: str, *lines: Line, status=OrderStatus.ALLOCATED, reservation: int = 0):
    return OrderPlaced(NOBODY, "web", name, status, reservation, 1, lines, b"{}")


def moved(*movements: Movement, document=Document.ADJUSTMENT, name: str = "d", places=(0,)):
    to = places[1] if len(places) > 1 else NO_LOCATION
    return StockMoved(NOBODY, document, name, places[0], to, movements)


def reserved(name: str, *lines: Line, expires_us: int = START_US + HOUR_US) -> Reserved:
    return Reserved(NOBODY, name, "web", expires_us, lines)


def shipped(status: OrderStatus, left: tuple, freed: tuple) -> OrderShipped:
    return OrderShipped(NOBODY, KEPT, status, "parcel", "", "", left, freed)


def changed(*rows: Standing, status: OrderStatus = OrderStatus.PICKING) -> OrderChanged:
    return OrderChanged(NOBODY, KEPT, status, rows)


def filled(*rows: Standing, status: OrderStatus = OrderStatus.ALLOCATED) -> OrderChanged:
    note = note_bytes(Filled("stock_moved", 1, ((0, 1),)))
    return OrderChanged(NOBODY, KEPT, status, rows or None, note=note)


# Planted breaches. Positions 0, 1, 2 hold 10 units of S0, S1, S2; 4 of S0 are allocated to order
# `kept`, 3 of S1 reserved by `live` for an hour.

PLANTED = {
    "one unit oversold": ("P1", "oversold by 1", placed("x", line(7))),
    "oversold over two lines of one SKU": ("P1", "oversold by 1", placed("x", line(3), line(4))),
    "oversold by a reservation": ("P1", "oversold by 2", reserved("x", line(9, sku=1))),
    "stock taken from under a promise": (
        "P1",
        "loses promised",
        moved(Movement(0, BucketId.ON_HAND, -7, 3)),
    ),
    "set aside from under a promise": (
        "P1",
        "loses promised",
        moved(Movement(0, BucketId.DAMAGED, 7, 7)),
    ),
    "on_hand below zero": ("P2", "out of bounds", moved(Movement(2, BucketId.ON_HAND, -11, -1))),
    "a bucket below zero": (
        "P2",
        "out of bounds",
        moved(Movement(2, BucketId.QUALITY_CONTROL, -1, -1)),
    ),
    "more set aside than there is": (
        "P2",
        "out of bounds",
        moved(Movement(2, BucketId.DAMAGED, 6, 6), Movement(2, BucketId.SAFETY_STOCK, 5, 5)),
    ),
    "a stated result that is another": (
        "P2",
        "not the 16 stated",
        moved(Movement(2, BucketId.ON_HAND, 5, 16)),
    ),
    "a receipt that takes": (
        "P2",
        "a receipt takes",
        moved(Movement(2, BucketId.ON_HAND, -1, 9), document=Document.RECEIPT),
    ),
    "a transfer that makes units": (
        "P2",
        "makes +1",
        moved(
            Movement(2, BucketId.ON_HAND, -1, 9),
            Movement(1, BucketId.ON_HAND, 2, 12),
            document=Document.TRANSFER,
            places=(0, 0),
        ),
    ),
    "a line that takes more than it got": (
        "P2",
        "took something else",
        placed("x", Line(0, 2, (Take(0, 3),))),
    ),
    "a line that takes less than it got": (
        "P2",
        "took something else",
        placed("x", Line(0, 2, (Take(0, 1),))),
    ),
    "a line that takes another SKU": (
        "P2",
        "took something else",
        placed("x", Line(0, 2, (Take(2, 2),))),
    ),
    "a line that waits for more than it asks": (
        "P2",
        "waits for 3",
        placed("x", Line(0, 2, (), backordered=3), status=OrderStatus.BACKORDERED),
    ),
    "a status that is another": ("P2", "has status 3", placed("x", line(1), status=3)),
    "a reservation that is over at once": (
        "P2",
        "over when it is made",
        reserved("x", line(1), expires_us=START_US),
    ),
    "an expiry before its time": ("P2", "µs early", ReservationExpired(LIVE)),
    "a release of nothing": ("P2", "was not live", ReservationReleased(NOBODY, 3)),
    "a commit of nothing": ("P2", "was not live", placed("x", line(1), reservation=3)),
    "a commit of something else": (
        "P2",
        "as something else",
        placed("x", line(2, sku=1), reservation=LIVE),
    ),
    "an extension into the past": (
        "P2",
        "when it is over",
        ReservationExtended(NOBODY, LIVE, START_US),
    ),
    "a cancellation of nothing": (
        "P2",
        "was not open",
        OrderCancelled(NOBODY, 3, OrderStatus.CANCELLED, "", (), ()),
    ),
    "a cancellation that frees too much": (
        "P2",
        "does not free the 1 units",
        OrderCancelled(
            NOBODY, KEPT, OrderStatus.ALLOCATED, "", (Cut(0, 1, 0),), (Freed(0, 0, 2),)
        ),
    ),
    "a cancellation that frees nothing": (
        "P2",
        "does not free the 4 units",
        OrderCancelled(NOBODY, KEPT, OrderStatus.CANCELLED, "", (Cut(0, 4, 0),), ()),
    ),
    "a cancellation that cuts nothing": (
        "P2",
        "not named",
        OrderCancelled(NOBODY, KEPT, OrderStatus.ALLOCATED, "", (), (Freed(0, 0, 1),)),
    ),
    "a cancellation beyond the order": (
        "P2",
        "cuts more",
        OrderCancelled(
            NOBODY, KEPT, OrderStatus.CANCELLED, "", (Cut(0, 5, 0),), (Freed(0, 0, 5),)
        ),
    ),
    "a shipment of what is not held": (
        "P2",
        "ships more of line 0 than it holds",
        shipped(OrderStatus.SHIPPED, (Left(0, 5),), (Freed(0, 0, 5),)),
    ),
    "a shipment that takes too much": (
        "P2",
        "does not free the 1 units",
        shipped(OrderStatus.PARTIALLY_SHIPPED, (Left(0, 1),), (Freed(0, 0, 2),)),
    ),
    "a shipment of part that closes the order": (
        "P2",
        "wants 3 units still and has status 5",
        shipped(OrderStatus.SHIPPED, (Left(0, 1),), (Freed(0, 0, 1),)),
    ),
    "a shipment of an order that is not there": (
        "P2",
        "is shipped and was not open",
        OrderShipped(NOBODY, 3, OrderStatus.SHIPPED, "s", "", "", (), ()),
    ),
    "a change that takes more than there is": (
        "P1",
        "position 0 is oversold by 1",
        changed(Standing(line(11))),
    ),
    "a change after which a line serves other units than it holds": (
        "P2",
        "line 0 serves 3 units and holds {0: 4}",
        changed(Standing(Line(0, 5, (Take(0, 4),)), 1, 1)),
    ),
    "a change with a status that its units do not have": (
        "P2",
        "wants 4 units still and has status 3",
        changed(Standing(line(4)), status=OrderStatus.BACKORDERED),
    ),
    "a change that closes an order which holds units": (
        "P2",
        "is closed and holds units",
        changed(Standing(line(4)), status=OrderStatus.DELIVERED),
    ),
    "a fill that changes nothing": ("P2", "gets no units", filled()),
    "a fill of an order that waits for nothing": (
        "P2",
        "does not wait for less",
        filled(Standing(line(4))),
    ),
    "a fill that adds to what was asked for": (
        "P2",
        "wants something else",
        filled(Standing(line(5))),
    ),
    "a fill that takes units away": (
        "P2",
        "loses units that it held",
        filled(
            Standing(Line(0, 4, (Take(0, 3),), backordered=1)),
            status=OrderStatus.PARTIALLY_ALLOCATED,
        ),
    ),
    "a change of an order that is not there": (
        "P2",
        "is changed and was not open",
        OrderChanged(NOBODY, 3, OrderStatus.ALLOCATED),
    ),
    "an order id used twice": ("P4", "has an order 'kept'", placed("kept", line(1))),
    "a reservation id used twice": ("P4", "'live' is used twice", reserved("live", line(1))),
    "a document used twice": (
        "P4",
        "'receipt:opening' was answered",
        moved(Movement(2, BucketId.ON_HAND, 1, 11), document=Document.RECEIPT, name="opening"),
    ),
    "a key used twice": (
        "P4",
        "'key:me:once' was answered",
        LocationPut(Cause(1, "me", "once"), 0, b"{}"),
    ),
    "an epoch that is not the frame's": ("P6", "opens epoch 2", EpochOpened(2, "w", "1")),
    "a position of a bundle": ("P2", "holds no stock", PositionOpened(3, 3, 0)),
    "a bundle out of stocked SKU": (
        "P2",
        "becomes a bundle",
        SkuPut(NOBODY, 0, False, ((1, 1),), b"{}"),
    ),
}  # fmt: skip


def scene() -> Chain:
    chain = stocked()
    chain.done(
        Request(
            PlaceOrder(order_id="kept", channel="web", lines=(OrderLine("S0", 4),)), "me", "once"
        ),
        Reserve("live", "web", 3_600, (ReserveLine("S1", 3),)),
        PutSku("SET", "a set", components=(Component("S0", 2),)),
    )
    return chain


def test_the_scene_itself_is_clean(tmp_path) -> None:
    """The control: without a plant nothing is found."""
    chain = scene()
    chain.archived(tmp_path)
    report = walk(None, tmp_path)
    assert report.ok, report.first_bad
    assert chain.ledger._state.order_seqs["web", "kept"] == KEPT
    assert chain.ledger._state.reservation_seqs["live"] == LIVE


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_breach_is_named_at_its_seq(name: str, tmp_path) -> None:
    promise, words, event = PLANTED[name]
    chain = scene()
    chain.plant(SkuPut(NOBODY, 4, False, (), b"{}"))
    seq = chain.plant(event)
    chain.plant(SkuPut(NOBODY, 5, False, (), b"{}"))
    chain.archived(tmp_path)
    report = walk(None, tmp_path)
    assert not report.ok
    found = [(p.seq, p.promise) for p in report.problems]
    assert (seq, promise) in found, report.problems
    said = [p.why for p in report.problems if (p.seq, p.promise) == (seq, promise)]
    assert any(words in why for why in said), said
    assert report.problems[0].seq == seq, "nothing before it is blamed"
    assert report.first_bad.startswith(f"seq {seq} (")
    assert report.last_seq == chain.link.seq, "the walk goes on"


def test_oversold_units_are_counted(tmp_path) -> None:
    chain = scene()
    chain.plant(placed("x", line(7)))
    chain.plant(placed("y", line(5)))
    chain.archived(tmp_path)
    assert walk(None, tmp_path).units_oversold == 1 + 5


def test_promises_beyond_stock_are_right_only_while_backorderable(tmp_path) -> None:
    """P1's exception is the SKU's flag at that log position, no earlier and no later."""
    chain = stocked()
    before = chain.plant(placed("early", line(11)))
    chain.plant(SkuPut(NOBODY, 0, True, (), b"{}"))
    chain.plant(placed("now", line(20)))
    after = chain.plant(SkuPut(NOBODY, 0, False, (), b"{}"))
    chain.archived(tmp_path)
    report = walk(None, tmp_path)
    assert [(p.seq, p.promise) for p in report.problems] == [(before, "P1"), (after, "P1")]


def test_a_late_commit_is_found(tmp_path) -> None:
    """F14: at its deadline a reservation is over, whether or not a sweep has run."""
    for late, clean in ((0, False), (-1, True)):
        chain = scene()
        live = chain.ledger._state.reservations[LIVE]
        chain.stamp_us = live.expires_us + late - 1
        chain.raw(records.encode(placed("x", line(3, sku=1), reservation=LIVE)))
        chain.archived(tmp_path / str(late))
        assert walk(None, tmp_path / str(late)).ok is clean


def test_bundles_are_counted_by_their_parts(tmp_path) -> None:
    chain = scene()
    chain.plant(placed("right", Line(3, 3, (Take(0, 6),))))
    seq = chain.plant(placed("wrong", Line(3, 1, (Take(2, 2),))))
    chain.archived(tmp_path)
    assert [(p.seq, p.promise) for p in walk(None, tmp_path).problems] == [(seq, "P2")]
