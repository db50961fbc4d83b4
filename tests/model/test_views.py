"""The read models say what the ledger says, after every batch of a random history; however the
history is cut into transactions, the rows are the same (P7).
"""

from pathlib import Path

import pytest

from engine.views.compare import differences
from engine.views.projector import Projector
from engine.views.schema import BY_NAME
from engine.views.sqlite import SqliteViews
from tests.model.histories import History, adds_up, same_as_the_ledger

BATCHES = 300


@pytest.mark.parametrize("seed", range(3))
def test_views_say_what_the_ledger_says(seed: int, tmp_path: Path) -> None:
    history, views = History(seed), SqliteViews(tmp_path / "live.db")
    projector, every = Projector(views), []
    history.open()
    for _ in range(BATCHES):
        history.go_on()
        frames = history.taken()
        every += frames
        projector.apply(frames)
        same_as_the_ledger(views, history.ledger._state)
    adds_up(views)
    kinds = {kind for (kind,) in views.select("SELECT DISTINCT kind FROM activity")}
    assert len(kinds) >= 9, kinds
    empty = {name for name in BY_NAME if not views.select(f"SELECT 1 FROM {name} LIMIT 1")}
    assert not empty, empty

    # All at once, built from zero, and cut at random: the same rows.
    for name, most in (("whole.db", len(every)), ("built.db", 50), ("cut.db", 9)):
        other = SqliteViews(tmp_path / name)
        again, at = Projector(other, building=name == "built.db"), 0
        while at < len(every):
            size = history.rng.randint(1, most) if most < len(every) else most
            again.apply(every[at : at + size])
            at += size
        if name == "built.db":
            again.finish()
        assert again.link == projector.link
        assert differences(views, other) == {}
    again.apply([])
    other._db.execute("UPDATE positions SET allocated = allocated + 1 WHERE position = 3")
    other._db.execute("DELETE FROM activity WHERE seq = 5")
    assert differences(views, other) == {"positions": 1, "activity": 1}
