"""P6, P12: trimming never makes a whole log look damaged, wherever a reader stands."""

import pytest

from engine.log.archive import Archive
from engine.log.frame import Link, unpack
from engine.log.history import read_history, trim_behind
from engine.log.store import Store
from tests.faults.chain import Chain
from tests.faults.supervisor import Ground, PlainServer, read_log
from tests.faults.synthetic import Story, seed_story


@pytest.fixture
def server(tmp_path_factory):
    with Ground() as ground:  # a short path, for the socket
        server = PlainServer(ground.folder / "log")
        server.start()
        yield server
        server.kill()


@pytest.mark.parametrize("takeovers", [1, 2])
def test_every_reader_finds_the_rest_after_a_trim(server, tmp_path, takeovers):
    """The archive ends with the frame that opens an epoch, and so does the trimmed stream begin."""
    story = Story()
    seed_story(story)
    for _ in range(takeovers):
        story.open_epoch()
    archived = len(story.entries)
    seed_story(story)  # replays only: no frame
    story.stock("a")
    story.open_epoch()
    store = Store(server.url)
    for entry_id, data in story.entries:
        store.append(entry_id, data)
    frames = [unpack(data) for entry_id, data in story.entries if not entry_id.endswith("-0")]
    archive = Archive(tmp_path / "archive")
    kept = [unpack(d) for e, d in story.entries[:archived] if not e.endswith("-0")]
    archive.append(kept)
    archive.flush()
    assert trim_behind(store, archive, kept[-1].last_seq, {}) > 0
    link, rest = Link(), [frame.entry_id for frame in frames]
    for frame in frames:
        found = [f.entry_id for f in read_history(archive, store, link)]
        assert found == rest, f"from {link.seq}"
        link = Link(frame.epoch, frame.last_seq, frame.stamp_us, frame.digest)
        rest = rest[1:]
    store.close()
    log = read_log(server.url, tmp_path)
    assert log.archived == len(kept) - 1
    assert len(list(Chain().walk(log.entries, log.archived))) == len(frames)
