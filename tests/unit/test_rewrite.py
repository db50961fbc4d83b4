"""The append-only file is written anew when that frees most of it, in a quiet moment (P11)."""

import time
from collections.abc import Iterator
from itertools import count

import pytest

from engine.core import limits
from engine.log.rewrite import Rewriting, worth_it
from engine.log.store import Store
from tests.unit.logkit import SAFE, plain_server

MIB = 1 << 20
QUIET, BUSY = 0.0, 10.0 * limits.REWRITE_QUIET_BYTES_PER_S


@pytest.mark.parametrize(
    ("file_mib", "content_mib", "pace", "due"),
    [
        (255, 1, QUIET, False),
        (256, 1, QUIET, True),
        (256, 86, QUIET, False),  # a third of it is content: little to gain
        (4_095, 1, BUSY, False),  # not at peak
        (4_096, 1, BUSY, True),  # unless it has become very large
        (4_096, 1_400, BUSY, False),
        (16_384, 8_000, QUIET, False),  # a log that nobody has trimmed
    ],
)
def test_what_is_worth_a_rewrite(file_mib: int, content_mib: int, pace: float, due: bool) -> None:
    assert worth_it(file_mib * MIB, content_mib * MIB, pace) is due


def fill(store: Store, mib: int) -> None:
    """Write so much to the stock stream, of which the most is trimmed."""
    for step in range(1, mib + 1):
        store.stock_append([(f"{step}-{n}", {"x": "y" * 1_000}) for n in range(1, 1_001)])


def ticks() -> Iterator[float]:
    """A clock that has moved on at each look."""
    return count(1.0, limits.REWRITE_CHECK_S)


def test_a_trimmed_file_shrinks_and_nothing_is_lost(server, store, monkeypatch) -> None:
    monkeypatch.setattr(limits, "STOCK_STREAM_ENTRIES_MAX", 100)
    monkeypatch.setattr(limits, "REWRITE_BYTES_QUIET", 2 * MIB)
    clock = iter((1.0, 2.0, 1.0 + limits.REWRITE_CHECK_S, 2.0 + 2 * limits.REWRITE_CHECK_S))
    worker, rewriting = Store(server.url("worker")), Rewriting(lambda: next(clock))
    store.fence(1, "test")
    fill(worker, 4)
    size = worker.info()["aof_current_size"]
    assert not rewriting.look(worker)  # how fast it grows is not known yet
    assert not rewriting.look(worker)  # too early
    assert rewriting.look(worker)
    while worker.info()["aof_current_size"] > size / 2:
        time.sleep(0.02)
    assert store.last_id() == "1-0"
    kept = limits.STOCK_STREAM_ENTRIES_MAX * 1_000
    assert worker.info()["aof_base_size"] > kept  # no core was busy with making it small
    assert not rewriting.look(worker)  # small again
    worker.close()


def test_who_leaves_has_it_written_at_once_and_waits(server, store, monkeypatch) -> None:
    monkeypatch.setattr(limits, "STOCK_STREAM_ENTRIES_MAX", 100)
    monkeypatch.setattr(limits, "REWRITE_BYTES_QUIET", 2 * MIB)
    worker, rewriting = Store(server.url("worker")), Rewriting()
    assert not rewriting.at_once(worker)  # nothing to gain
    fill(worker, 4)
    size = worker.info()["aof_current_size"]
    assert rewriting.at_once(worker)
    assert worker.info()["aof_current_size"] < size / 2
    worker.close()


def test_a_server_with_a_rule_of_its_own_is_left_alone(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(limits, "STOCK_STREAM_ENTRIES_MAX", 100)
    monkeypatch.setattr(limits, "REWRITE_BYTES_QUIET", MIB)
    own = SAFE | {"auto_aof_rewrite_percentage": "100", "auto_aof_rewrite_min_size": "1gb"}
    clock = ticks()
    with plain_server(tmp_path / "s", **own) as store:
        rewriting = Rewriting(lambda: next(clock))
        fill(store, 3)
        assert not any(rewriting.look(store) for _ in range(3))
        assert store.info()["aof_current_size"] > 3 * MIB


def test_a_user_who_may_not_is_told_once(server, store, monkeypatch) -> None:
    monkeypatch.setattr(limits, "STOCK_STREAM_ENTRIES_MAX", 100)
    monkeypatch.setattr(limits, "REWRITE_BYTES_QUIET", MIB)
    clock = ticks()
    worker, rewriting = Store(server.url("worker")), Rewriting(lambda: next(clock))
    fill(worker, 3)
    assert not any(rewriting.look(store) for _ in range(3))  # the writer may not
    assert store.info()["aof_rewrites"] == 0
    worker.close()
