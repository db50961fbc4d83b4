"""Short cuts of the proofs of sync; `make channels-storm` and its like run them at length."""

import pytest

from benchmarks import bench_channels_changes as changes
from benchmarks import bench_channels_kills as kills
from benchmarks import bench_channels_million as millions
from benchmarks import bench_channels_storm as storms
from benchmarks import bench_channels_story as stories
from benchmarks import bench_channels_webhooks as webhooks
from benchmarks.channels.books import Verdict, judge_order
from benchmarks.channels.shoppers import Wish
from benchmarks.channels.site import OFFICE
from benchmarks.show import Samples
from engine.connectors import registry


async def test_a_storm_over_all_channels_loses_and_doubles_nothing(tmp_path) -> None:
    names = registry.names()
    found = await storms.storm(tmp_path / "data", names, 100 + 10 * len(names), 100, 10)
    assert not found.verdict.wrong, found.verdict.examples
    assert found.verdict.orders == found.made and found.pushes["doubled"] > 0


def row(sku: str, held: int, backordered: int = 0) -> dict:
    line = {"sku": sku, "allocations": [{"quantity": held}] if held else []}
    return {"status": "any", "lines": [line | {"backordered": backordered}]}


@pytest.mark.parametrize(
    ("word", "wish", "there", "kind"),
    [
        ("open", Wish("S", 2), row("S", 2), None),
        ("open", Wish("S", 2), row("S", 1, 1), None),
        ("unpaid", Wish("S", 2, paid=False), None, None),
        ("cancelled", Wish("S", 2, cancelled=True), row("S", 0), None),
        ("open", Wish("S", 2), None, "lost"),
        ("open", Wish("S", 2), row("S", 4), "doubled"),
        ("open", Wish("S", 2), row("S", 1), "otherwise"),
        ("open", Wish("S", 2), row("T", 2), "otherwise"),
        ("cancelled", Wish("S", 2, cancelled=True), row("S", 2), "doubled"),
        ("unpaid", Wish("S", 2, paid=False), row("S", 2), "doubled"),
        ("unpaid", Wish("S", 2), row("S", 2), "otherwise"),
    ],
)
def test_a_judge_sees_what_is_wrong(word, wish, there, kind) -> None:
    verdict = Verdict()
    judge_order("shop 1", word, wish, there, verdict)
    assert verdict.wrong == (kind is not None)
    assert kind is None or getattr(verdict, kind) == 1


async def test_an_office_killed_while_it_tells_tells_once(tmp_path) -> None:
    found = await kills.kills(tmp_path / "data", registry.names()[-1:], 2)
    assert sum(found.kills.values()) == 2
    assert not found.twice and not found.untold, found.examples
    assert not found.verdict.wrong, found.verdict.examples


async def test_changes_while_the_office_is_away_take_the_least_calls(tmp_path) -> None:
    samples, name = Samples(), "woocommerce"
    await changes.changes(tmp_path / "data", (name,), 500, 250, samples, 60.0)
    away = "the office was away"
    assert samples.of(away, name, "calls ÷ least possible") == [1.0]
    for case in (away, "the office runs"):
        assert samples.of(case, name, "calls over a quota") == [0]
        assert samples.of(case, name, "forbidden repeats") == [0]


async def test_webhooks_that_come_twice_too_early_or_never_lose_no_order(tmp_path) -> None:
    found = await webhooks.webhooks(tmp_path / "data", 200, 40.0, 20)
    assert not found.verdict.wrong, found.verdict.examples
    assert found.verdict.orders >= 100 and found.pushes["doubled"] and found.behind
    assert found.pushes.keys() <= {"meant", "dropped", "doubled", "answered 200"}


async def test_a_shop_of_many_listings_shows_all_and_sells_each_unit_once(tmp_path) -> None:
    found = await millions.million(tmp_path / "data", 2_500, 60, 4.0)
    assert not found.unlike and not found.over
    assert sum(found.elsewhere.values()) + sum(found.here.values()) >= 31  # others found none


async def test_a_surge_is_over_on_all_listings(tmp_path) -> None:
    accounts = stories.three(("woocommerce",))
    found = await stories.story(
        tmp_path / "data", accounts, OFFICE, units=30, seconds=1.0, catalogue=5, buffer=2
    )
    assert found.sold == len(found.lags_s) >= 28


@pytest.mark.parametrize(("per_s", "lag_s", "units"), [(0.0, 1.0, 0), (1.0, 1.0, 4), (50, 0.2, 18)])
def test_a_buffer_covers_what_sells_during_a_delay(per_s, lag_s, units) -> None:
    assert stories.buffer_for(per_s, lag_s) == units
