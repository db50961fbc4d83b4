"""The judge's own books find what is wrong where the twin has the same bug, so it would agree."""

import pytest

from tests.faults.bugs import BOOK_BUGS, dig_out, plant
from tests.faults.judge import judge
from tests.faults.synthetic import lively_story

SEEDS = range(8)
OWN_CHECK = 4


@pytest.mark.parametrize("bug", sorted(BOOK_BUGS))
def test_books_do_not_believe_the_twin(bug):
    """P2, P5: ledger and twin are wrong alike; what was asked and what happened still differ."""
    undo = plant(bug)
    try:
        for seed in SEEDS:
            story = lively_story(seed)
            verdict = judge(story.history, story.entries)
            if any(found.check == OWN_CHECK for found in verdict.violations):
                return
    finally:
        dig_out(undo)
    pytest.fail(f"nothing is found wrong in {len(SEEDS)} stories")
