"""What somebody does every day (`tasks`): each is done, in few clicks and keys. What it took is
printed; a task that grows beyond its clicks fails.
"""

import pytest

from tests.browser.site import Site

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from tests.browser import tasks

ACTS_MAX = 8
ROUND = "42"


@pytest.fixture(scope="module")
def ready(site: Site) -> Site:
    tasks.prepare(site, ROUND)
    return site


@pytest.mark.parametrize("name", tasks.TASKS)
def test_daily_tasks_take_few_clicks(page, ready: Site, name: str) -> None:
    hand = tasks.do(page, ready, name, ROUND)
    acts = f"{hand.clicks} clicks, {hand.keys} keys, {hand.fields} fields"
    print(f"\n{name}: {acts}; shown after {1_000 * hand.seconds:.0f} ms", end="")
    assert hand.clicks + hand.keys <= ACTS_MAX
