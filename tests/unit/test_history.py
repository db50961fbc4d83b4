"""One history out of archive and stream, what may be trimmed behind it, and the walker on both."""

import pytest

from engine.core.commands import PutSku
from engine.core.errors import CorruptLogError
from engine.log import marks, snapshot
from engine.log.archive import Archive
from engine.log.frame import Link
from engine.log.history import read_history, trim_behind
from engine.log.reader import read_frames
from engine.log.store import Keys, Store
from engine.log.verify import walk
from tests.unit.logkit import running
from tests.unit.logs_busy import busy


@pytest.fixture(scope="module")
def chain():
    made = busy(3)
    made.reopen()
    for n in range(30):
        made.done(PutSku(f"T{n}", "later"))
    return made


@pytest.fixture
def server(tmp_path):
    with running(tmp_path / "server") as started:
        yield started


@pytest.fixture
def store(server, chain):
    """The log's stream, as the writer left it."""
    opened = Store(server.url("writer"))
    for entry_id, data in chain.entries:
        opened.append(entry_id, data)
    yield opened
    opened.close()


@pytest.fixture
def worker(server):
    opened = Store(server.url("worker"))
    yield opened
    opened.close()


def archived(chain, folder, upto: int) -> Archive:
    """An archive of the frames up to seq `upto`, in segments of 2 kB."""
    archive = Archive(folder / "archive", target_bytes=2_000)
    archive.append(found for found in chain.frames if found.last_seq <= upto)
    archive.flush()
    return archive


def datas(frames) -> list[bytes]:
    return [found.data for found in frames]


def test_trimming_goes_no_further_than_the_slowest(chain, store, worker, tmp_path) -> None:
    end = chain.link.seq
    archive = archived(chain, tmp_path, end)
    ends = [segment.last_seq for segment in archive.segments()]
    assert len(ends) > 5
    for snapshot_seq, cursors in (
        (0, {}),
        (end, {"a": b"0"}),
        (end, {"a": b"%d" % end, "b": b"0-7"}),
        (ends[0] - 1, {}),
    ):
        assert trim_behind(worker, archive, snapshot_seq, cursors) == 0
    assert store.length() == len(chain.entries)
    removed = trim_behind(worker, archive, end, {"a": b"%d" % ends[2], "b": b"%d-3" % end})
    assert removed > 0
    first = next(iter(read_frames(store, before(chain, ends[2]))))
    assert first.last_seq == ends[2], "the last frame of the segment stays"
    assert store.length() == len(chain.entries) - removed


def before(chain, seq: int) -> Link:
    """The link before the frame that ends at `seq`."""
    link = Link()
    for found in chain.frames:
        if found.last_seq >= seq:
            return link
        link = Link(found.epoch, found.last_seq, found.stamp_us, found.digest)
    raise AssertionError(seq)


def test_trimming_everything_keeps_the_newest_frame(chain, store, worker, tmp_path) -> None:
    archive = archived(chain, tmp_path, chain.link.seq)
    assert trim_behind(worker, archive, chain.link.seq, {}) == len(chain.entries) - 1
    assert store.tail() == chain.entries[-1]
    assert trim_behind(worker, archive, chain.link.seq, {}) == 0


def test_what_the_archive_lacks_or_has_damaged_is_not_trimmed(
    chain, store, worker, tmp_path
) -> None:
    archive = archived(chain, tmp_path, chain.link.seq)
    first, second, third, *_ = archive.segments()
    whole = second.path.read_bytes()
    second.path.unlink()
    trim_behind(worker, archive, chain.link.seq, {})
    assert len(list(read_history(archive, store, Link()))) == len(chain.frames)
    second.path.write_bytes(whole[:-1])
    with pytest.raises(CorruptLogError):
        trim_behind(worker, archive, chain.link.seq, {})
    second.path.write_bytes(whole)
    assert len(list(read_history(archive, store, Link()))) == len(chain.frames)
    assert first.last_seq < third.first_seq


def test_an_archive_of_another_log_trims_nothing(chain, store, worker, tmp_path) -> None:
    other = archived(busy(4), tmp_path, 1 << 40)
    with pytest.raises(CorruptLogError, match="not in the stream"):
        trim_behind(worker, other, chain.link.seq, {})
    assert store.length() == len(chain.entries)


@pytest.mark.parametrize("cut", [0, 1, 3, 100])
def test_history_is_whole_wherever_the_cut_is(cut: int, chain, store, worker, tmp_path) -> None:
    archive = archived(chain, tmp_path, chain.link.seq - 20)
    ends = [segment.last_seq for segment in archive.segments()]
    trim_behind(worker, archive, ends[min(cut, len(ends)) - 1] if cut else 0, {})
    want = datas(chain.frames)
    assert datas(read_history(archive, store, Link())) == want
    link = Link()
    for number, found in enumerate(chain.frames):
        if number % 9 == 0:
            assert datas(read_history(archive, store, link)) == want[number:]
        link = Link(found.epoch, found.last_seq, found.stamp_us, found.digest)
    until = chain.frames[7].last_seq
    assert datas(read_history(archive, store, Link(), until)) == want[:8]


def test_history_goes_on_while_the_stream_is_trimmed_under_it(
    chain, store, worker, tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr("engine.log.reader._FIRST_COUNT", 4)
    monkeypatch.setattr("engine.core.limits.READ_ENTRIES_MAX", 4)
    archive = archived(chain, tmp_path, chain.link.seq)
    found = []
    for one in read_history(archive, store, Link()):
        found.append(one.data)
        if len(found) == 2:
            trim_behind(worker, archive, chain.link.seq, {})
    assert found == datas(chain.frames)


def test_a_hole_between_archive_and_stream_is_loud(chain, store, worker, tmp_path) -> None:
    archive = archived(chain, tmp_path, chain.link.seq)
    trim_behind(worker, archive, chain.link.seq, {})
    gone = archive.segments()[3]
    gone.path.unlink()
    found = []
    with pytest.raises(CorruptLogError) as error:
        found.extend(read_history(archive, store, Link()))
    assert error.value.seq == gone.first_seq
    report = walk(store, tmp_path)
    assert (report.problems[0].promise, report.problems[0].seq) == ("P6", gone.first_seq)


# The walker, with a server.


def test_the_walker_reads_archive_and_stream_as_one(chain, store, worker, tmp_path) -> None:
    archive = archived(chain, tmp_path, chain.link.seq - 10)
    trim_behind(worker, archive, archive.segments()[2].last_seq, {})
    snapshot.write(tmp_path / "snapshots", chain.ledger.dump(), chain.link)
    marks.write_mark(tmp_path, chain.link)
    calls = []
    report = walk(store, tmp_path, progress=lambda done, total: calls.append((done, total)))
    assert report.ok, report.first_bad
    assert (report.last_seq, report.epochs) == (chain.link.seq, 2)
    assert report.last_entry == chain.entries[-1][0]
    assert report.fences == 1, "the first was trimmed"
    assert [one.state for one in report.snapshots] == ["equal"]
    assert calls[-1] == (chain.link.seq, chain.link.seq)


def test_every_kind_of_loss_is_found_by_what_has_seen_it(chain, store, worker, tmp_path) -> None:
    beyond = Link(2, chain.link.seq + 1, chain.link.stamp_us + 1, b"x" * 16)
    assert walk(store, tmp_path).ok
    marks.write_mark(tmp_path, beyond)
    assert "mark of the last writer has seen" in walk(store, tmp_path).first_bad
    (tmp_path / marks.NAME).unlink()
    worker.hash_put(Keys().cursors, "hook", str(beyond.seq))
    report = walk(store, tmp_path)
    assert "consumer hook has seen" in report.first_bad
    assert report.problems[0].promise == "P3"


def test_a_stream_shorter_than_the_archive_is_found(chain, server, tmp_path) -> None:
    store = Store(server.url("writer"))
    archived(chain, tmp_path, chain.link.seq)
    for entry_id, data in chain.entries[:-3]:
        store.append(entry_id, data)
    report = walk(store, tmp_path)
    assert [p.promise for p in report.problems] == ["P3"]
    assert "the archive has seen" in report.first_bad


@pytest.mark.parametrize("at", [0, 3, 30, 60, -1])
def test_a_flipped_byte_in_the_stream_is_named_with_its_entry(
    at: int, chain, server, tmp_path
) -> None:
    store, victim = Store(server.url("writer")), 20
    for number, (entry_id, data) in enumerate(chain.entries):
        bad = bytearray(data)
        if number == victim:
            bad[at] ^= 1
        store.append(entry_id, bytes(bad))
    report = walk(store, tmp_path)
    entry_id = chain.entries[victim][0]
    assert report.problems[0].where == f"entry {entry_id}"
    assert report.problems[0].seq == chain.frames[victim - 1].first_seq
    with pytest.raises(CorruptLogError) as error:
        list(read_frames(store, Link()))
    assert error.value.entry_id == entry_id


@pytest.mark.parametrize("what", ["missing", "fence", "forked", "no fence"])
def test_a_wrong_entry_in_the_stream_is_named(what: str, chain, server, tmp_path) -> None:
    store = Store(server.url("writer"))
    fork = busy(5).entries
    for number, (entry_id, data) in enumerate(chain.entries):
        if number == 20 and what == "missing":
            continue
        if number == 20 and what == "forked":
            data = next((d for name, d in fork if name == entry_id), fork[20][1])
        if entry_id == "2-0" and what == "fence":
            data = data[:-1] + b"!"
        if entry_id == "2-0" and what == "no fence":
            continue
        store.append(entry_id, data)
    report = walk(store, tmp_path)
    assert not report.ok
    assert report.problems[0].promise == "P6"
    with pytest.raises(CorruptLogError) as error:
        list(read_frames(store, Link()))
    assert report.problems[0].where == f"entry {error.value.entry_id}"


def test_archive_and_stream_that_differ_are_found(chain, store, tmp_path) -> None:
    other = busy(6)
    archive = Archive(tmp_path / "archive")
    archive.append(other.frames[:-20])
    archive.flush()
    report = walk(store, tmp_path)
    assert not report.ok
    assert report.problems[0].promise in ("P6", "P7")


def test_a_walk_beside_trimming_sees_no_gap(chain, store, worker, tmp_path, monkeypatch) -> None:
    """The worker archives and trims while the walker is between the two."""
    monkeypatch.setattr("engine.log.verify._CHUNK_ENTRIES", 4)
    archive = archived(chain, tmp_path, chain.link.seq - 30)
    read, calls = store.read, []

    def read_and_trim(after: str, count: int, block_ms: int = 0):
        rows = read(after, count, block_ms)
        calls.append(after)
        if len(calls) == 2:
            archive.append(chain.frames)
            archive.flush()
            trim_behind(worker, archive, chain.link.seq, {})
        return rows

    monkeypatch.setattr(store, "read", read_and_trim)
    report = walk(store, tmp_path)
    assert report.ok, report.first_bad
    assert report.last_seq == chain.link.seq
    assert report.events == chain.link.seq
