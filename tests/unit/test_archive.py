"""The archive: whole or not at all, readable from any point, damage named, overlap harmless."""

import os

import pytest

from engine.core.commands import OrderLine, PlaceOrder
from engine.core.errors import CorruptLogError
from engine.log import archive as archive_module
from engine.log.archive import Archive, read_segment
from engine.log.frame import Link
from engine.log.history import read_history
from tests.unit.logkit import stocked

FRAMES = 30


@pytest.fixture(scope="module")
def chain():
    made = stocked(on_hand=100)
    for n in range(FRAMES - 3):
        made.done(PlaceOrder(order_id=f"o{n}", channel="web", lines=(OrderLine("S0", 1),)))
    return made


@pytest.fixture
def archive(chain, tmp_path):
    return chain.archived(tmp_path, target_bytes=1_000)


def seqs(frames) -> list[int]:
    return [found.last_seq for found in frames]


def test_frames_come_back_byte_for_byte(chain, archive) -> None:
    assert len(archive.segments()) > 3
    found = list(archive.frames(Link()))
    assert [one.data for one in found] == [one.data for one in chain.frames]
    assert archive.link == chain.link


def test_reading_begins_after_any_frame(chain, archive) -> None:
    link = Link()
    for number, found in enumerate(chain.frames):
        assert seqs(archive.frames(link)) == seqs(chain.frames[number:])
        link = Link(found.epoch, found.last_seq, found.stamp_us, found.digest)
    assert seqs(archive.frames(link)) == []


def test_names_carry_first_and_last_seq(archive) -> None:
    after = 0
    for segment in archive.segments():
        assert segment.first_seq == after + 1
        before, link, _ = read_segment(segment.path)
        assert (before.seq, link.seq) == (after, segment.last_seq)
        after = segment.last_seq


def test_every_flipped_byte_of_a_segment_is_detected(archive) -> None:
    path = archive.segments()[1].path
    data = path.read_bytes()
    for at in range(len(data)):
        bad = bytearray(data)
        bad[at] ^= 0x40
        path.write_bytes(bad)
        with pytest.raises(CorruptLogError):
            read_segment(path)


def test_every_truncation_of_a_segment_is_detected(archive) -> None:
    path = archive.segments()[1].path
    data = path.read_bytes()
    for size in range(len(data)):
        path.write_bytes(data[:size])
        with pytest.raises(CorruptLogError):
            read_segment(path)


def test_damage_ends_reading_there_with_the_seq(chain, archive) -> None:
    segment = archive.segments()[2]
    segment.path.write_bytes(segment.path.read_bytes()[:-1])
    found = []
    with pytest.raises(CorruptLogError) as error:
        for one in archive.frames(Link()):
            found.append(one.last_seq)
    assert found[-1] == segment.first_seq - 1
    assert error.value.seq == segment.first_seq


def test_a_missing_segment_is_a_gap(chain, archive, tmp_path) -> None:
    gone = archive.segments()[2]
    gone.path.unlink()
    reached = seqs(archive.frames(Link()))
    assert reached[-1] == gone.first_seq - 1
    archive.segments()[0].path.unlink()
    with pytest.raises(CorruptLogError, match="begins at seq"):
        list(archive.frames(Link()))
    with pytest.raises(CorruptLogError):
        list(read_history(archive, None, Link()))


def test_a_segment_under_another_name_is_refused(archive) -> None:
    first, second = archive.segments()[:2]
    second.path.rename(second.path.with_name(second.path.name.replace("-", "1-", 1)))
    assert seqs(archive.frames(Link()))[-1] == first.last_seq
    wrong = archive.segments()[0].path
    name = f"{first.first_seq:020d}-{second.last_seq:020d}.segment"
    wrong.rename(wrong.with_name(name))
    with pytest.raises(CorruptLogError, match="holds seq"):
        list(archive.frames(Link()))


def test_taking_frames_again_changes_nothing(chain, archive, tmp_path) -> None:
    before = {path.name: path.read_bytes() for path in (tmp_path / "archive").iterdir()}
    again = Archive(tmp_path / "archive", target_bytes=700)
    again.append(chain.frames)
    assert again.flush() is None
    assert {p.name: p.read_bytes() for p in (tmp_path / "archive").iterdir()} == before


def test_overlapping_segments_of_two_writers_are_harmless(chain, tmp_path) -> None:
    for target in (900, 1_000, 1 << 20):
        part = chain.archived(tmp_path / str(target), target_bytes=target)
        for segment in part.segments():
            to = tmp_path / "archive" / segment.path.name
            to.parent.mkdir(exist_ok=True)
            to.write_bytes(segment.path.read_bytes())
    both = Archive(tmp_path / "archive")
    assert len(both.segments()) > len(chain.frames) / 5
    assert seqs(both.frames(Link())) == seqs(chain.frames)
    whole = max(both.segments(), key=lambda s: s.last_seq - s.first_seq)
    whole.path.write_bytes(b"rotten")
    assert seqs(both.frames(Link())) == seqs(chain.frames), "another segment covers the damage"


@pytest.mark.parametrize("step", ["fsync", "replace", "sync_folder"])
def test_a_crash_at_any_step_loses_nothing(chain, tmp_path, monkeypatch, step) -> None:
    """Steps fail by an error that leaves things as a crash would; the next run goes on."""
    archive = Archive(tmp_path / "archive", target_bytes=1_000)
    module = archive_module.write_whole.__globals__
    target = (module["os"], step) if step != "sync_folder" else (None, step)
    calls = []

    def fail(*_):
        calls.append(1)
        raise OSError("crash")

    with monkeypatch.context() as patch:
        if target[0]:
            patch.setattr(target[0], step, fail)
        else:
            patch.setitem(module, step, fail)
        with pytest.raises(OSError, match="crash"):
            archive.append(chain.frames)
    assert calls
    left_by_kill = tmp_path / "archive" / f"00000000000000000001-9.segment.{os.getpid()}.tmp"
    left_by_kill.write_bytes(b"half")
    again = Archive(tmp_path / "archive", target_bytes=1_000)
    again.append(chain.frames)
    again.flush()
    assert seqs(Archive(tmp_path / "archive").frames(Link())) == seqs(chain.frames)
    assert not list((tmp_path / "archive").glob("*.tmp"))


def test_frames_that_do_not_follow_are_not_taken(chain, tmp_path) -> None:
    archive = Archive(tmp_path / "archive")
    with pytest.raises(CorruptLogError, match="cannot go on"):
        archive.append(chain.frames[1:])
    assert archive.segments() == []
