"""Views in a real PostgreSQL: the same rows as in SQLite, row by row, and the same life.

Proves P7 for the read models, on the other database.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.cli.views import archive_of, home_of
from engine.config import Settings
from engine.core.commands import Cancel, Request
from engine.core.errors import ConfigError, ViewsError
from engine.service.wiring import Wiring
from engine.views import demand, follow
from engine.views.compare import differences
from engine.views.follow import Follower
from engine.views.postgres import PostgresHome
from engine.views.projector import Projector, cursor_of
from engine.views.reader import ViewsReader, position
from engine.views.sqlite import SqliteViews
from tests.faults.views import storm
from tests.model.histories import History, adds_up, same_as_the_ledger
from tests.postgres import postgres
from tests.unit.engines import leading, order
from tests.unit.test_views import caught_up

BATCHES = 60


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with postgres() as address:
        yield address


def test_postgres_and_sqlite_hold_the_same_rows(url: str, tmp_path: Path) -> None:
    history, home = History(11), PostgresHome(url)
    sqlite, server = SqliteViews(tmp_path / "views.db"), home.new()
    projectors = [Projector(sqlite), Projector(server)]
    history.open()
    for batch in range(BATCHES):
        history.go_on()
        frames = history.taken()
        for projector in projectors:
            projector.apply(frames)
        if batch % 10 == 0:
            same_as_the_ledger(server, history.ledger._state)
    same_as_the_ledger(server, history.ledger._state)
    adds_up(server)
    assert differences(sqlite, server) == {}
    same_demand(sqlite, server)
    server.execute("UPDATE positions SET allocated = allocated + 1 WHERE position = 3")
    server.execute("DELETE FROM activity WHERE seq = 5")
    assert differences(sqlite, server) == {"positions": 1, "activity": 1}
    home.discard(server)
    sqlite.close()


def same_demand(one, other) -> None:
    """What forecasts are made of is the same from both."""
    at_us = cursor_of(one).stamp_us + 1
    for days in (1e-6, 30.0):
        window = demand.window(one, at_us, days)
        assert demand.window(other, at_us, days) == window
        assert demand.wanted(one, window.seq) == demand.wanted(other, window.seq)
        assert demand.destinations(one, window.seq) == demand.destinations(other, window.seq)
    assert demand.wanted(one, 0)
    kinds = (demand.available, demand.skus, demand.locations, demand.channels)
    for ask in (*kinds, demand.deliveries, demand.scarcity):
        assert ask(one) == ask(other), ask.__name__
    assert demand.policies(one).keys() == demand.policies(other).keys()


async def test_views_follow_are_rebuilt_and_swapped(url: str, tmp_path: Path) -> None:
    settings = Settings(tmp_path / "data", database=url)
    home, archive, wiring = home_of(settings), archive_of(settings), Wiring(settings)
    views = Follower(home, archive, lambda: wiring.store("worker"))
    reader = ViewsReader(home)
    try:
        async with leading(wiring) as engine:
            await engine.submit(order(1))
            await asyncio.to_thread(views.open)
            await caught_up(views, engine.status().seq)
            assert await reader.ask(position) == (views.link.seq, views.link.stamp_us)
            store = wiring.store("reader")
            link = await asyncio.to_thread(follow.rebuild, home, archive, store)
            assert link == views.link
            await engine.submit(Request(Cancel("web", "1")))
            await caught_up(views, engine.status().seq)
            sql = "SELECT status FROM orders"
            assert await reader.ask(lambda found: found.select(sql)) == [("cancelled",)]
            found = await asyncio.to_thread(follow.check, home, archive, store)
            assert found.differing == {} and found.seq == engine.status().seq
            with pytest.raises(ViewsError, match="another rebuild"):
                await asyncio.to_thread(_two_rebuilds, home)
    finally:
        await asyncio.to_thread(views.close)
        reader.close()
        wiring.close()


def _two_rebuilds(home: PostgresHome) -> None:
    with home.alone("rebuild"), home.alone("rebuild"):
        pass


def test_views_killed_at_random_equal_a_rebuild(url: str, tmp_path: Path) -> None:
    """A short cut of `python -m tests.faults views --postgres`."""
    held = PostgresHome(url).open()
    if held:  # of the log of the test before
        held.execute("DROP SCHEMA dibs_views CASCADE")
        held.close()
    found = storm(2, 3, tmp_path / "data", work=False, database=url)
    assert found.clean, found


def test_an_address_of_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="postgresql://"):
        Settings(tmp_path, database="mysql://somewhere")
    home = PostgresHome("postgresql://me:secret@127.0.0.1:1/views")
    assert "secret" not in home.shown
    with pytest.raises(ViewsError):
        home.open()
