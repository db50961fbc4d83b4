"""F14: the stamp decides. At or past the deadline a reservation is over, swept or not; before it,
it holds. Its units come back once."""

import itertools

import pytest

from engine.core import commands
from engine.core.commands import Commit, Extend, OrderLine, PlaceOrder, Release, Reserve
from engine.core.ledger import Ledger
from tests.faults.digests import replay
from tests.faults.history import Op
from tests.faults.judge import judge
from tests.faults.storm import fast_twin
from tests.faults.synthetic import Story, seed_story

TTL_US = 1_000_000
TWINS = [make for make in (Ledger, fast_twin()) if make]
RIVAL = PlaceOrder(order_id="rival", channel="web", lines=(OrderLine("c", 1),))


def held_story(make: type) -> tuple[Story, int]:
    """A story in which one reservation holds all units of `c`; return it and the deadline."""
    story = Story(make())
    seed_story(story)
    line = commands.ReserveLine("c", 3)
    (op,) = story.batch(Reserve("v1", "web", 1, (line,)))
    assert op.outcome == "ok"
    return story, story.stamp_us + TTL_US


def at(story: Story, stamp_us: int, *wishes: commands.Command, sweep: bool) -> list[Op]:
    """Decide `wishes` in one batch at exactly `stamp_us`."""
    return story.batch(*wishes, step_us=stamp_us - story.stamp_us, sweep=sweep)


@pytest.mark.parametrize("make", TWINS)
@pytest.mark.parametrize("sweep", [True, False])
@pytest.mark.parametrize("rival_first", [True, False])
@pytest.mark.parametrize("offset_us", [-1, 0, 1, 150_000])
@pytest.mark.parametrize("reload", [True, False])
def test_stamp_decides(make, sweep, rival_first, offset_us, reload):
    story, end_us = held_story(make)
    if reload:  # a restart between: the state is what the log gives
        story.ledger = replay(story.entries, make)
    wishes = [Commit(reservation_id="v1"), RIVAL]
    ops = at(story, end_us + offset_us, *wishes[:: -1 if rival_first else 1], sweep=sweep)
    commit, rival = ops[::-1] if rival_first else ops
    swept = sweep and offset_us == 150_000  # the sweep goes by whole wheel slots
    if offset_us < 0:
        assert commit.outcome == "ok" and rival.code == "insufficient_stock"
    else:
        assert commit.code == "reservation_expired"
        assert rival.outcome == ("ok" if swept else "refused")
    verdict = judge(story.history, story.entries, fast=fast_twin())
    assert verdict.clean, verdict.explain()
    # In the end every unit is somewhere once: allocated, or available again.
    story.batch(PlaceOrder(order_id="late", channel="web", lines=(OrderLine("c", 3),)),
                step_us=2 * TTL_US)  # fmt: skip
    stock = story.ledger.stock("c")
    assert stock.reserved == 0 and stock.available + stock.allocated == stock.on_hand == 3
    assert judge(story.history, story.entries).clean


@pytest.mark.parametrize("make", TWINS)
@pytest.mark.parametrize(
    "wishes",
    list(itertools.permutations([Commit(reservation_id="v1"), Extend("v1", 1), Release("v1")])),
)
@pytest.mark.parametrize("offset_us", [-1, 0, 1])
def test_units_come_back_once(make, wishes, offset_us):
    """Whatever meets at the deadline, in whatever order: one end, one return of units."""
    story, end_us = held_story(make)
    at(story, end_us + offset_us, *wishes, sweep=True)
    story.batch(Release("v1"), Commit(reservation_id="v1"), step_us=3 * TTL_US)
    stock = story.ledger.stock("c")
    assert (stock.on_hand, stock.reserved) == (3, 0) and stock.allocated in (0, 3)
    verdict = judge(story.history, story.entries, fast=fast_twin())
    assert verdict.clean, verdict.explain()
