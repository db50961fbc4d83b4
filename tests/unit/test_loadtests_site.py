"""The load tests against a real `dibs serve`: scenarios run, books come out right (P1, P2), and a
book that somebody changed behind their back is caught."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from loadtests import dashboard, report
from loadtests.openloop.mix import Share
from loadtests.run import Site, check, load
from loadtests.scenarios import SCENARIOS, Scale
from loadtests.verify import judge
from loadtests.world import prepare
from tests.processes import Dibs

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def dibs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dibs]:
    with Dibs(tmp_path_factory.mktemp("load"), work=True) as running:
        yield running


@pytest.fixture
def site(dibs: Dibs) -> Site:
    return Site(dibs.url, dibs.key, connections=8)


def test_a_changed_book_is_caught(site: Site, dibs: Dibs, tmp_path: Path) -> None:
    expected = prepare(site.url, site.key, skus=30, units=1_000)
    mix = [Share("orders"), Share("reserve_commit"), Share("reserve_release"), Share("reserve")]
    found = load(site, expected, "small", mix, phases=[(1.0, 300, 300)])
    assert found.counts["answered"] == found.counts["sent"] > 300
    assert sum(expected.allocated) > 0 < sum(expected.reserved)
    assert check(site, expected) == []
    expected.allocated[0] += 1
    expected.orders.append("never-placed")
    rules = {wrong.rule for wrong in check(site, expected)}
    assert rules == {"allocated is what was acknowledged", "an acknowledged order exists"}
    expected.save(tmp_path / "expect.json")
    command = [sys.executable, "-m", "loadtests.verify", "--url", dibs.url, "--expect"]
    command += [tmp_path / "expect.json", "--key-file", dibs.folder / "admin.key"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1 and "never-placed" in done.stdout


@pytest.mark.parametrize(
    "name",
    ["flash_sale", "sold_out_storm", pytest.param("expiry_storm", marks=pytest.mark.slow)],
)
def test_scenarios_leave_right_books(site: Site, name: str) -> None:
    scale = Scale(seconds=2.0, rate=400.0, skus=20, reservations=500)
    found = SCENARIOS[name](site, scale, None)
    assert found.wrong == []
    assert found.outcome.counts["answered"] == found.outcome.counts["sent"] > 0
    if name == "sold_out_storm":
        assert found.outcome.acknowledged == 100
        assert found.outcome.statuses["order"][409] > 100
    page = report.page([found], rate=400.0, connections=8, command="test")
    assert page.count("<svg") == 2 and "http://www.w3.org" in page
    assert "<script" not in page and "Books right" in page


@pytest.mark.parametrize(("every_ms", "changes"), [(0, 100), (100, 3 * 5 + 10)])
def test_watchers_see_changes(site: Site, every_ms: int, changes: int) -> None:
    expected = prepare(site.url, site.key, skus=5, units=1_000)

    async def both() -> dict[str, int]:
        watch = dashboard.watch(site.url, site.key, expected, 2, 3, 2.0, every_ms)
        watching = asyncio.create_task(watch)
        await asyncio.sleep(0.7)
        phases = [(0.5, 100, 100)]
        await asyncio.to_thread(load, site, expected, "x", [Share("orders")], phases=phases)
        return await watching

    seen = asyncio.run(both())
    assert seen["reads"] == 2 * 2 * 4 and seen["reads_refused"] == 0
    assert seen["changes"] >= changes and seen["streams_ended"] == 0
    assert asyncio.run(judge(site.url, site.key, expected)) == []


def test_locust_users_keep_right_books(dibs: Dibs) -> None:
    command = [sys.executable, "-m", "locust", "-f", "loadtests/locustfile.py", "--headless"]
    command += ["--only-summary", "--host", dibs.url, "--key-file", str(dibs.folder / "admin.key")]
    command += ["--shape", "flash_sale", "--peak", "30", "--stretch", "0.05"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-3000:]
    said = done.stdout[done.stdout.index("{") : done.stdout.index("}") + 1]
    assert json.loads(said) == {"books": "right", "failures": 0}
