"""The walker: a clean log is clean; damage and snapshots that differ are named at their seq."""

import pytest

from engine.core import limits, records
from engine.core.commands import (
    Adjust,
    AdjustLine,
    Cancel,
    OrderLine,
    PlaceOrder,
    PutSku,
    ReceiptLine,
    Receive,
    Release,
    Request,
    Reserve,
    ReserveLine,
)
from engine.core.events import (
    BucketId,
    EntryPut,
    Line,
    LocationPut,
    Movement,
    PositionOpened,
    ReservationExpired,
    SkuPut,
    Take,
)
from engine.log import snapshot
from engine.log.books import KINDS
from engine.log.verify import walk
from tests.unit.logkit import stocked
from tests.unit.logs_busy import busy
from tests.unit.test_verify_breaches import KEPT, LIVE, NOBODY, line, moved, placed, scene

SEEDS = range(8)
DAY_US = 86_400 * 1_000_000


# Clean logs.


@pytest.mark.parametrize("seed", SEEDS)
def test_a_log_of_the_ledger_is_clean(seed: int, tmp_path) -> None:
    """Both opinions agree: every bucket of every position, at the end and at a snapshot inside."""
    chain = busy(seed)
    snapshot.write(tmp_path / "snapshots", chain.ledger.dump(), chain.link)
    chain.ask(PlaceOrder(order_id="last", channel="app", lines=(OrderLine("S5", 1_000),),
                         when_short="backorder"))  # fmt: skip
    chain.archived(tmp_path, target_bytes=4_000)
    report = walk(None, tmp_path)
    assert report.ok, report.first_bad
    assert (report.last_seq, report.chain) == (chain.link.seq, chain.link.digest.hex())
    assert report.events == sum(report.kinds.values()) == chain.link.seq
    assert report.frames == len(chain.frames)
    assert [one.state for one in report.snapshots] == ["equal"]
    positions = chain.ledger._state.positions
    assert report.units_on_hand == sum(one.on_hand for one in positions)
    assert report.units_promised == sum(one.reserved + one.allocated for one in positions)
    assert report.units_oversold == 0


def test_the_logs_tried_hold_every_kind_of_event(tmp_path) -> None:
    seen = set()
    for seed in SEEDS:
        busy(seed).archived(tmp_path / str(seed))
        seen |= set(walk(None, tmp_path / str(seed)).kinds)
    assert seen == set(KINDS) - {"", "epoch_opened"}


def test_an_empty_folder_is_an_empty_log(tmp_path) -> None:
    report = walk(None, tmp_path)
    assert report.ok
    assert (report.frames, report.last_seq) == (0, 0)


@pytest.mark.parametrize("seed", range(3))
def test_a_walk_from_a_snapshot_sees_what_a_whole_walk_sees(seed: int, tmp_path) -> None:
    chain = busy(seed, rounds=20)
    path = snapshot.write(tmp_path / "snapshots", chain.ledger.dump(), chain.link)
    middle = chain.link.seq
    for n in range(20):
        chain.ask(Cancel("web", str(n)), Receive(f"again{n}", "L0", (ReceiptLine("S3", 1),)))
    chain.archived(tmp_path, target_bytes=2_000)
    whole, part = walk(None, tmp_path), walk(None, tmp_path, from_seq=middle + 1)
    assert whole.ok and part.ok, part.first_bad
    assert (part.base, part.base_seq) == (path.name, middle)
    assert part.events == whole.events - middle
    for name in ("last_seq", "chain", "units_on_hand", "units_promised", "open_orders",
                 "live_reservations", "positions"):  # fmt: skip
        assert getattr(part, name) == getattr(whole, name), name


def test_a_range_ends_after_the_frame_that_holds_its_end(tmp_path) -> None:
    chain = busy(1, rounds=20)
    chain.archived(tmp_path)
    for found in chain.frames:
        report = walk(None, tmp_path, to_seq=found.first_seq)
        assert report.ok
        assert report.last_seq == found.last_seq


def test_ids_may_come_again_after_their_retention(tmp_path) -> None:
    chain = stocked()
    order = PlaceOrder(order_id="o", channel="web", lines=(OrderLine("S0", 1),))
    reserve = Reserve("r", "web", 60, (ReserveLine("S0", 1),))
    receive = Receive("again", "L0", (ReceiptLine("S0", 1),))
    adjust = Request(Adjust("a1", "L0", (AdjustLine("S0", 1, "found"),)), "me", "key")
    other = Request(Adjust("a2", "L0", (AdjustLine("S0", 1, "found"),)), "me", "key")
    chain.done(order, reserve, receive, adjust)
    chain.done(Cancel("web", "o"), Release("r"))
    chain.done(PutSku("S9", "late"), wait_us=limits.CLOSED_ORDER_RETENTION_US + DAY_US)
    chain.done(order, reserve, receive, other)
    chain.archived(tmp_path)
    report = walk(None, tmp_path)
    assert report.ok, report.first_bad
    assert report.kinds["order_placed"] == 2


# Damage.


@pytest.mark.parametrize(
    ("packed", "words"),
    [
        (records.HEADER.pack(8, 0, 1, 0), "kind 0"),
        (records.HEADER.pack(8, 15, 1, 0), "kind 15"),
        (records.HEADER.pack(8, 8, 2, 0), "version 2"),
        (records.encode(ReservationExpired(LIVE))[:-1], "off its size|what is not there"),
        (records.HEADER.pack(17, 9, 1, 0) + bytes(9), "off its size|not live"),
        (records.encode(PositionOpened(7, 0, 0)), "is not new"),
        (records.encode(placed("x", Line(0, 1, (Take(99, 1),)))), "what is not there"),
        (records.encode(moved(Movement(99, BucketId.ON_HAND, 1, 1))), "what is not there"),
        (records.encode(SkuPut(NOBODY, 9, False, (), b"{}")), "leaves a gap"),
        (records.encode(LocationPut(NOBODY, 9, b"{}")), "leaves a gap"),
        (records.encode(EntryPut(NOBODY, 1, 9, b"{}")), "leaves a gap"),
    ],
)
def test_a_record_that_cannot_be_read_ends_the_walk(packed, words, tmp_path) -> None:
    chain = scene()
    seq = chain.raw(packed)
    chain.plant(SkuPut(NOBODY, 4, False, (), b"{}"))
    chain.archived(tmp_path)
    report = walk(None, tmp_path)
    assert report.problems[-1].seq == seq
    assert any(word in report.problems[-1].why for word in words.split("|")), report.problems
    assert report.last_seq == seq - 1


def test_a_count_that_disagrees_with_the_records_is_found(tmp_path) -> None:
    chain = scene()
    packed = records.encode(SkuPut(NOBODY, 4, False, (), b"{}"))
    first = chain.link.seq + 1
    chain.add(records.Batch(chain.stamp_us + 5, first, 3, packed))
    chain.archived(tmp_path)
    report = walk(None, tmp_path)
    assert "states 3 events and holds 1" in report.first_bad


def test_damage_in_the_archive_is_named_with_its_file(tmp_path) -> None:
    chain = busy(2, rounds=20)
    archive = chain.archived(tmp_path, target_bytes=2_000)
    segment = archive.segments()[1]
    data = bytearray(segment.path.read_bytes())
    data[len(data) // 2] ^= 1
    segment.path.write_bytes(data)
    report = walk(None, tmp_path)
    assert report.problems[0].seq == segment.first_seq
    assert segment.path.name in report.first_bad
    assert report.last_seq == segment.first_seq - 1
    segment.path.unlink()
    report = walk(None, tmp_path)
    assert (report.problems[0].promise, report.problems[0].seq) == ("P6", segment.first_seq)


def test_a_snapshot_that_differs_is_found(tmp_path) -> None:
    chain = scene()
    other = scene()
    other.ledger._state.positions[1].reserved += 1
    snapshot.write(tmp_path / "snapshots", other.ledger.dump(), chain.link)
    chain.archived(tmp_path)
    report = walk(None, tmp_path)
    assert report.snapshots[0].state == "different"
    assert (report.problems[0].promise, report.problems[0].seq) == ("P7", chain.link.seq)
    assert "reserved of position 1 is 4, the walk has 3" in report.first_bad


@pytest.mark.parametrize("what", ["reservations", "orders", "skus"])
def test_a_snapshot_that_forgets_something_is_found(what: str, tmp_path) -> None:
    chain, other = scene(), scene()
    state = other.ledger._state
    if what == "reservations":
        state.reservations[LIVE].expires_us += 1
    elif what == "orders":
        state.orders[KEPT].takes[0][0] -= 1
    else:
        state.skus[3].components = ((0, 3),)
    snapshot.write(tmp_path / "snapshots", other.ledger.dump(), chain.link)
    chain.archived(tmp_path)
    report = walk(None, tmp_path)
    assert report.snapshots[0].state == "different"
    assert {"skus": "SKUs"}.get(what, what) in report.first_bad


def test_a_damaged_or_unreached_snapshot_is_found(tmp_path) -> None:
    chain = scene()
    path = snapshot.write(tmp_path / "snapshots", chain.ledger.dump(), chain.link)
    chain.archived(tmp_path)
    path.write_bytes(path.read_bytes()[:-1])
    assert "P7" in walk(None, tmp_path).first_bad
    chain.done(PutSku("S9", "more"))
    path.unlink()
    snapshot.write(tmp_path / "snapshots", chain.ledger.dump(), chain.link)
    report = walk(None, tmp_path)
    assert (report.problems[0].promise, report.snapshots[0].state) == ("P3", "not reached")


def test_problems_are_all_counted_and_only_some_kept(tmp_path) -> None:
    chain = stocked()
    chain.plant(*(placed(str(n), line(10)) for n in range(301)))
    chain.archived(tmp_path)
    report = walk(None, tmp_path)
    assert report.problem_count == 300
    assert len(report.problems) == 100
