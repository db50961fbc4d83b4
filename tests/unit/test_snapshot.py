"""Snapshots and marks: whole or not at all; a wrong byte is never loaded; a shorter log is seen."""

import os

import pytest

from engine.core.commands import OrderLine, PlaceOrder
from engine.core.errors import CorruptLogError
from engine.core.ledger import Ledger
from engine.log import marks, snapshot
from engine.log.frame import Link
from tests.unit.logkit import stocked


@pytest.fixture(scope="module")
def chain():
    made = stocked()
    made.done(PlaceOrder(order_id="o1", channel="web", lines=(OrderLine("S0", 1),)))
    return made


def test_a_ledger_comes_back_as_it_was(chain, tmp_path) -> None:
    path = snapshot.write(tmp_path, chain.ledger.dump(), chain.link)
    dump, link = snapshot.load(path)
    assert link == chain.link == snapshot.stated_link(path)
    assert Ledger.load(dump).digest() == chain.ledger.digest()
    assert snapshot.seq_of(path) == chain.link.seq


def test_every_flipped_byte_and_truncation_is_detected(chain, tmp_path) -> None:
    path = snapshot.write(tmp_path, chain.ledger.dump(), chain.link)
    data = path.read_bytes()
    for at in range(len(data)):
        bad = bytearray(data)
        bad[at] ^= 0x04
        path.write_bytes(bad)
        with pytest.raises(CorruptLogError):
            snapshot.load(path)
        path.write_bytes(data[:at])
        with pytest.raises(CorruptLogError):
            snapshot.load(path)
    path.write_bytes(data + b"\0")
    with pytest.raises(CorruptLogError):
        snapshot.load(path)


def test_newest_first_and_damage_falls_back(chain, tmp_path) -> None:
    for seq in (9, 10, 100_000_000_000):
        snapshot.write(tmp_path, b"state %d" % seq, Link(2, seq, seq, b"d" * 16))
    assert [snapshot.seq_of(path) for path in snapshot.latest(tmp_path)] == [10**11, 10, 9]
    snapshot.latest(tmp_path)[0].write_bytes(b"rotten")
    assert [link.seq for _, _, link in snapshot.loadable(tmp_path)] == [10, 9]


def test_prune_keeps_the_newest(tmp_path) -> None:
    for seq in range(1, 8):
        snapshot.write(tmp_path, b"s", Link(1, seq, seq, b"d" * 16))
    assert snapshot.prune(tmp_path, keep=3) == 4
    assert [snapshot.seq_of(path) for path in snapshot.latest(tmp_path)] == [7, 6, 5]
    assert snapshot.prune(tmp_path, keep=3) == 0


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_failed_write_leaves_the_old_one(tmp_path, monkeypatch, step) -> None:
    old = snapshot.write(tmp_path, b"old", Link(1, 5, 5, b"d" * 16))

    def fail(*_):
        raise OSError("disk")

    with monkeypatch.context() as patch:
        patch.setattr(os, step, fail)
        with pytest.raises(OSError, match="disk"):
            snapshot.write(tmp_path, b"new", Link(1, 6, 6, b"d" * 16))
    assert snapshot.latest(tmp_path) == [old]
    assert [path.name for path in tmp_path.iterdir()] == [old.name]


def test_what_a_killed_writer_left_is_swept_and_never_read(tmp_path) -> None:
    gone = tmp_path / "00000000000000000009-1.snapshot.4194303.tmp"
    living = tmp_path / f"00000000000000000009-1.snapshot.{os.getppid()}.tmp"
    gone.write_bytes(b"half")
    living.write_bytes(b"half")
    assert snapshot.latest(tmp_path) == []
    snapshot.write(tmp_path, b"s", Link(1, 1, 1, b"d" * 16))
    assert not gone.exists()
    assert living.exists(), "another process may be writing it"


# Marks.


def test_a_mark_comes_back(tmp_path) -> None:
    assert marks.read_mark(tmp_path) is None
    link = Link(3, 77, 1_000, b"m" * 16)
    marks.write_mark(tmp_path, link)
    assert marks.read_mark(tmp_path) == link


def test_every_flipped_byte_of_a_mark_is_detected(tmp_path) -> None:
    marks.write_mark(tmp_path, Link(3, 77, 1_000, b"m" * 16))
    path = tmp_path / marks.NAME
    data = path.read_bytes()
    for at in range(len(data)):
        bad = bytearray(data)
        bad[at] ^= 0x10
        path.write_bytes(bad)
        with pytest.raises(CorruptLogError):
            marks.check_marks(tmp_path, {}, Link(9, 999, 9_999, b"z" * 16))


def test_a_log_that_reaches_every_mark_may_start(chain, tmp_path) -> None:
    marks.write_mark(tmp_path, chain.link)
    snapshot.write(tmp_path / "snapshots", chain.ledger.dump(), chain.link)
    chain.archived(tmp_path)
    marks.check_marks(tmp_path, {"a": b"%d" % chain.link.seq, "b": b"3-1"}, chain.link)


def test_a_shorter_log_is_refused_and_the_witness_named(chain, tmp_path) -> None:
    """P3: one event fewer than anything has seen, and the start is refused."""
    last = chain.frames[-2]
    short = Link(last.epoch, last.last_seq, last.stamp_us, last.digest)
    seq = b"%d" % chain.link.seq
    with pytest.raises(CorruptLogError, match=f"consumer a has seen seq {chain.link.seq}"):
        marks.check_marks(tmp_path, {"a": seq}, short)
    marks.check_marks(tmp_path, {"a": b"%d" % short.seq}, short)
    marks.write_mark(tmp_path / "1", chain.link)
    with pytest.raises(CorruptLogError, match="mark of the last writer"):
        marks.check_marks(tmp_path / "1", {}, short)
    snapshot.write(tmp_path / "2" / "snapshots", b"s", chain.link)
    with pytest.raises(CorruptLogError, match="snapshot 0"):
        marks.check_marks(tmp_path / "2", {}, short)
    chain.archived(tmp_path / "3")
    with pytest.raises(CorruptLogError, match="the archive has seen"):
        marks.check_marks(tmp_path / "3", {}, short)


def test_another_log_of_the_same_length_is_refused(chain, tmp_path) -> None:
    marks.write_mark(tmp_path, chain.link)
    other = Link(chain.link.epoch, chain.link.seq, chain.link.stamp_us, b"o" * 16)
    with pytest.raises(CorruptLogError, match="another log"):
        marks.check_marks(tmp_path, {}, other)


def test_a_cursor_that_is_no_position_is_refused(tmp_path) -> None:
    with pytest.raises(CorruptLogError, match="cursor"):
        marks.check_marks(tmp_path, {"a": b"soon"}, Link())
