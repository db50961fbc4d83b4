"""Views beside a real log: following, starting again, rebuilding under readers, schema and guide.

Proves P7 for the read models, and that a crash leaves what a rebuild gives.
"""

import asyncio
import time
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.cli.views import archive_of, home_of
from engine.config import Settings
from engine.core.commands import Cancel, Request
from engine.core.errors import ViewsError
from engine.log.frame import Link
from engine.service.wiring import Wiring
from engine.views import ddl, follow, schema
from engine.views.follow import Follower
from engine.views.lag import Lag, lag
from engine.views.projector import Projector, cursor_of
from tests.faults.views import storm
from tests.processes import Dibs
from tests.unit.engines import leading, order

GUIDE = Path(__file__).parents[2] / "docs" / "views.md"


@pytest.fixture
async def wiring(tmp_path: Path) -> AsyncIterator[Wiring]:
    parts = Wiring(Settings(tmp_path / "data", ledger="auto"))
    yield parts
    parts.close()


def follower(wiring: Wiring) -> Follower:
    settings = wiring.settings
    return Follower(home_of(settings), archive_of(settings), lambda: wiring.store("worker"))


def _caught_up(views: Follower, seq: int) -> None:
    while views.link.seq < seq:
        views.step(block_ms=50)


async def caught_up(views: Follower, seq: int) -> None:
    await asyncio.to_thread(_caught_up, views, seq)


def differing(wiring: Wiring) -> dict[str, int]:
    settings, store = wiring.settings, wiring.store("reader")
    return follow.check(home_of(settings), archive_of(settings), store).differing


async def test_views_follow_are_rebuilt_under_readers_and_go_on(wiring: Wiring) -> None:
    home = home_of(wiring.settings)
    views = follower(wiring)
    async with leading(wiring) as engine:
        for number in range(5):
            await engine.submit(order(number))
        views.open()
        await caught_up(views, engine.status().seq)
        reader = home.open(read_only=True)
        assert reader.select("SELECT sku, available FROM stock") == [("MUG", 95)]
        assert differing(wiring) == {}

        store = wiring.store("reader")
        seen = []
        link = follow.rebuild(
            home, archive_of(wiring.settings), store, lambda done, total: seen.append((done, total))
        )
        assert link == views.link and seen[-1] == (link.seq, link.seq)
        # Who had the old file open still reads it; who asks again gets the new one.
        assert reader.select("SELECT COUNT(*) FROM orders") == [(5,)]
        assert not home.holds(reader)
        await engine.submit(Request(Cancel("web", "3")))
        await caught_up(views, engine.status().seq)
        fresh = home.open(read_only=True)
        assert fresh.select("SELECT available FROM stock") == [(96,)]
        assert fresh.select("SELECT status FROM orders WHERE order_id = '3'") == [("cancelled",)]
        assert reader.select("SELECT available FROM stock") == [(95,)]
        assert differing(wiring) == {}
        assert [path.name for path in home.folder.glob("*.db")] == ["views-2.db"]
        for database in (reader, fresh):
            database.close()
    views.close()


async def test_views_that_were_away_find_what_was_trimmed_in_the_archive(wiring: Wiring) -> None:
    views, replica = follower(wiring), wiring.replica()
    async with leading(wiring) as engine:
        await engine.submit(order(0))
        views.open()
        await caught_up(views, engine.status().seq)
        for number in range(1, 30):
            await engine.submit(order(number))
        replica._open()
        await asyncio.to_thread(replica.snapshot_now)  # trims the log up to its end
        for number in range(30, 34):
            await engine.submit(order(number))
        await caught_up(views, engine.status().seq)
        assert differing(wiring) == {}
        replica.close()
    views.close()


async def test_tables_of_another_version_are_built_anew(wiring: Wiring) -> None:
    views = follower(wiring)
    async with leading(wiring) as engine:
        await engine.submit(order(1))
        views.open()
        await caught_up(views, engine.status().seq)
        views._database._db.execute("PRAGMA user_version = 999")
        views.close()
        with pytest.raises(ViewsError, match="version 999"):
            differing(wiring)
        views.open()
        assert views.link.seq == engine.status().seq
        assert home_of(wiring.settings).open().version == schema.VERSION
        assert differing(wiring) == {}
    views.close()


async def test_a_transaction_that_fails_leaves_nothing(wiring: Wiring) -> None:
    views = follower(wiring)
    async with leading(wiring) as engine:
        await engine.submit(order(1))
        views.open()
        await caught_up(views, engine.status().seq)
        database, before = views._database, views.link
        database._db.execute("ALTER TABLE kpis RENAME TO away")
        await engine.submit(order(2))
        with pytest.raises(ViewsError, match="kpis"):
            await caught_up(views, engine.status().seq)
        assert views.link == before == cursor_of(database)
        assert database.select("SELECT COUNT(*) FROM orders") == [(1,)]
        database._db.execute("ALTER TABLE away RENAME TO kpis")
        await caught_up(views, engine.status().seq)
        assert differing(wiring) == {}
    views.close()


def test_one_follower_and_one_rebuild_at_a_time(tmp_path: Path) -> None:
    home = home_of(Settings(tmp_path))
    with home.alone("follower"), home.alone("rebuild"):
        for what in ("follower", "rebuild"):
            with pytest.raises(ViewsError, match=f"another {what}"), home.alone(what):
                pass
    with home.alone("follower"):
        pass


def test_a_rebuild_that_fails_leaves_no_file(tmp_path: Path, monkeypatch) -> None:
    settings = Settings(tmp_path)
    home = home_of(settings)
    home.swap(home.new())

    def broken(*_: object) -> None:
        raise RuntimeError("power cut")

    monkeypatch.setattr(follow, "read_history", broken)
    with pytest.raises(RuntimeError, match="power cut"):
        follow.rebuild(home, archive_of(settings), None)
    assert [path.name for path in home.folder.glob("*.db")] == ["views-1.db"]
    assert Projector(home.open()).link == Link()


def test_lag_is_events_and_seconds() -> None:
    assert lag(40, 1_000_000, 40, 9_000_000) == Lag(0, 0.0)
    assert lag(40, 1_000_000, 45, 3_500_000) == Lag(5, 2.5)
    assert lag(40, 1_000_000, 39, 3_500_000) == Lag(0, 0.0)
    assert lag(0, 0, 7, 3_500_000) == Lag(7, 0.0)


def test_views_killed_at_random_equal_a_rebuild(tmp_path: Path) -> None:
    """A short cut of `python -m tests.faults views`."""
    found = storm(3, 1, tmp_path / "data", work=False)
    assert found.clean, found
    assert found.events > 100


def ask(dibs: Dibs, path: str) -> bytes:
    headers = {"Authorization": f"Bearer {dibs.key}"}
    return urllib.request.urlopen(urllib.request.Request(dibs.url + path, headers=headers)).read()


def test_the_worker_keeps_views_beside_it(tmp_path: Path) -> None:
    with Dibs(tmp_path, views=True) as dibs:
        home = home_of(Settings(tmp_path))
        for _ in range(400):
            database = home.open(read_only=True)
            if database and database.select("SELECT 1 FROM activity"):
                break
            time.sleep(0.05)
        assert database, dibs.log("work")
        assert database.select("SELECT kind FROM activity WHERE seq = 1") == [("epoch_opened",)]
        database.close()
        told = ask(dibs, "/metrics").decode()
        assert "dibs_views_seq 1.0" in told and "dibs_views_lag_events 0.0" in told
        assert ask(dibs, "/v1/views/orders") == b'{"orders":[],"next_cursor":null}'
    with home.alone("follower"):
        pass  # it has ended with the worker


def test_the_guide_shows_the_tables() -> None:
    assert ddl.described() in GUIDE.read_text()
    for name in ddl.VIEWS:
        assert f"`{name}`" in GUIDE.read_text()
