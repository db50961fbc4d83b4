"""What each channel may show, as rows: they are what the ledger answers, whatever has changed."""

from pathlib import Path

import pytest

from engine.core import commands as c
from engine.core.fence_commands import PutFence
from engine.views import availability as keeping
from engine.views.projector import Projector
from engine.views.sqlite import SqliteViews
from tests.model import viewed
from tests.unit.logkit import Chain

DAY_US = 86_400_000_000
SQL = "SELECT channel, sku, available, sellable FROM sellable ORDER BY 1, 2"


class Shown:
    """A log, and views that follow it: after each step they say what the ledger does."""

    def __init__(self, folder: Path) -> None:
        self.chain, self.views = Chain(), SqliteViews(folder / "views.db")
        self.projector, self.read = Projector(self.views), 0
        self.done(
            c.PutLocation("berlin", "Berlin", "warehouse", "DE"),
            c.PutLocation("lyon", "Lyon", "warehouse", "FR"),
            c.PutSku("MUG", "Mug", baseline=30),
            c.PutSku("TEA", "Tea"),
            c.PutSku("SET", "Set", components=(c.Component("MUG", 2), c.Component("TEA", 1))),
            c.PutSku("BOX", "Box", components=(c.Component("SET", 1),)),
        )
        for place, units in (("berlin", 20), ("lyon", 10)):
            lines = tuple(c.ReceiptLine(sku, units) for sku in ("MUG", "TEA"))
            self.done(c.Receive(f"r-{place}", place, lines))

    def done(self, *commands: c.Command, wait_us: int = 1_000) -> dict[tuple[str, str], int]:
        """Decide, let the views follow, compare; return what may be shown by channel and SKU."""
        self.chain.done(*commands, wait_us=wait_us)
        frames = self.chain.frames
        self.projector.apply(frames[self.read :])
        self.read = len(frames)
        found = self.views.select(SQL)
        assert found == viewed.availability(self.chain.ledger._state, self.chain.stamp_us)
        return {row[:2]: row[3] for row in found}


@pytest.fixture
def shown(tmp_path: Path) -> Shown:
    return Shown(tmp_path)


def test_without_channels_there_is_nothing(shown: Shown) -> None:
    assert shown.views.select("SELECT * FROM availability") == []


def test_whatever_changes_is_shown(shown: Shown, monkeypatch) -> None:
    monkeypatch.setattr(keeping, "_CHUNK", 2)
    found = shown.done(c.PutChannel("web", priority=2))
    assert (found["web", "MUG"], found["web", "SET"], found["web", "BOX"]) == (30, 15, 15)
    found = shown.done(c.PutChannel("shop", priority=1, protect=5, cap=12))
    assert (found["web", "MUG"], found["shop", "MUG"]) == (25, 12)
    line = (c.OrderLine("MUG", 4),)
    found = shown.done(c.PlaceOrder(order_id="1", channel="web", lines=line))
    assert (found["web", "MUG"], found["web", "BOX"]) == (21, 8)
    found = shown.done(c.PutLocation("lyon", "Lyon", "warehouse", "FR", active=False))
    assert found["web", "MUG"] == 16
    found = shown.done(c.PutSku("NEW", "New"))
    assert found["shop", "NEW"] == 0
    parts = (c.Component("TEA", 4),)
    found = shown.done(c.PutSku("SET", "Set", components=parts))
    assert found["web", "SET"] == found["web", "BOX"]
    found = shown.done(c.PutChannel("shop", priority=3))
    assert found["web", "MUG"] == 16 and found["shop", "MUG"] == 16


def test_a_season_begins_and_ends_by_itself(shown: Shown) -> None:
    today = shown.projector.link.stamp_us
    assert 1_699_920_000_000_000 <= today < 1_700_006_400_000_000  # 14 November 2023
    season = c.Season("11-16", "11-17")
    buffer = c.Buffer(percent=10, below_baseline=True, season=season)
    found = shown.done(c.PutChannel("web", buffers=(buffer,)))
    assert found["web", "MUG"] == 30
    found = shown.done(c.PutSku("OTHER", "Other"), wait_us=2 * DAY_US)
    assert found["web", "MUG"] == 27, "nothing of it has changed but the day"
    found = shown.done(c.PutSku("OTHER", "Another"), wait_us=2 * DAY_US)
    assert found["web", "MUG"] == 30


def test_after_a_failure_it_goes_on_from_what_is_there(shown: Shown) -> None:
    shown.done(c.PutChannel("web"))
    shown.chain.done(c.PutChannel("shop", cap=3))
    frames = shown.chain.frames[shown.read :]
    shown.views._db.execute("ALTER TABLE cursor RENAME TO away")
    with pytest.raises(Exception, match="cursor"):
        shown.projector.apply(frames)
    shown.views._db.execute("ALTER TABLE away RENAME TO cursor")
    assert shown.done(c.PutSku("LAST", "Last"))["shop", "MUG"] == 3


def test_what_is_set_aside_leaves_no_rows(shown: Shown) -> None:
    found = shown.done(c.PutChannel("web"), c.PutChannel("shop"))
    assert len(found) == 8
    found = shown.done(PutFence("web", "MUG", quantity=4))
    assert {sku for _, sku in found} == {"TEA"}, "nor of bundles that have it"
    found = shown.done(c.PutChannel("late"))
    assert found.keys() == {("late", "TEA"), ("shop", "TEA"), ("web", "TEA")}
    found = shown.done(PutFence("web", "MUG", quantity=0))
    assert len(found) == 12 and found["late", "BOX"] == 15
