"""P11: the stock stream misses nothing, though the server goes away at any step of the worker."""

import random
import time

import pytest

from engine.core.errors import DoubtError
from engine.core.ledger import Ledger
from engine.log.store import Keys, Store
from engine.service.replica import CURSOR_STREAM, Replica
from tests.faults.digests import compare_stream
from tests.faults.evidence import Evidence
from tests.faults.judge import Judge
from tests.faults.supervisor import Ground, PlainServer, read_log
from tests.faults.synthetic import random_story
from tests.faults.verdict import Counts, Verdict

FRAMES = 30


@pytest.fixture
def server():
    with Ground() as ground:  # a short path, for the socket
        server = PlainServer(ground.folder / "log")
        server.start()
        yield server
        server.kill()


class Flaky(Store):
    """Loses the server now and then, before or after it has stored."""

    rng = random.Random(0)
    failures = 0
    stores = False

    def _maybe(self, does) -> object:
        fails = Flaky.rng.random() < 0.15
        Flaky.failures += fails
        if fails and not Flaky.stores:
            raise DoubtError("the connection was lost")
        done = does()
        if fails:
            raise DoubtError("no answer")
        return done

    def stock_append(self, entries: list) -> int:
        return self._maybe(lambda: super(Flaky, self).stock_append(entries))

    def hash_put(self, name: str, field: str, value: bytes | str) -> None:
        self._maybe(lambda: super(Flaky, self).hash_put(name, field, value))


@pytest.mark.parametrize("stores", [False, True])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_change_is_missed(server, tmp_path, seed, stores):
    story = random_story(3, FRAMES)
    store = Store(server.url)
    for entry_id, data in story.entries:
        store.append(entry_id, data)
    Flaky.rng, Flaky.failures, Flaky.stores = random.Random(seed), 0, stores
    replica = Replica(tmp_path, Ledger, lambda: Flaky(server.url), snapshot_events=40)
    deadline = time.monotonic() + 30

    def done() -> bool:
        cursor = store.hash_all(Keys().cursors).get(CURSOR_STREAM, b"0")
        return int(cursor) >= story.ledger.seq or time.monotonic() > deadline

    replica.run(done)
    verdict = Verdict(Counts(), [], {})
    walk = Judge(verdict, Evidence(story.history))
    walk.walk(story.entries, 0)
    compare_stream(verdict, read_log(server.url).stock, walk.twin)
    store.close()
    assert Flaky.failures > 2 and verdict.clean, verdict.explain()
