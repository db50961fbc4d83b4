"""Orders as a file for spreadsheets, over HTTP: whole or visibly broken off, bounded (P9)."""

import asyncio
import csv
import io

import pytest

from engine.core import limits
from engine.views import spreadsheet
from engine.views.home import SqliteHome
from engine.views.projector import Projector
from engine.views.reader import ViewsReader
from tests.contract.site import LOOSE, Site, site
from tests.contract.world import World, problem_of
from tests.unit.test_views_reads import history

PATH = "/v1/views/orders.csv"


@pytest.fixture
def views(tmp_path) -> ViewsReader:
    home = SqliteHome(tmp_path / "views")
    fresh = home.new()
    Projector(fresh).apply(history().frames)
    home.swap(fresh)
    return ViewsReader(home)


@pytest.fixture
def world(views) -> World:
    found = World()
    found.app.front.views = views
    return found


async def test_all_orders_of_the_filter_come_as_a_file(world: World, monkeypatch) -> None:
    monkeypatch.setattr(limits, "VIEW_EXPORT_PAGE_ROWS", 2)
    response = await world.call("GET", PATH, scope="read")
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    assert response.headers["content-disposition"] == 'attachment; filename="orders.csv"'
    rows = list(csv.DictReader(io.StringIO(response.text, newline="")))
    found = await world.good("GET", "/v1/views/orders")
    assert [row["order_id"] for row in rows] == [row["order_id"] for row in found["orders"]]
    response = await world.call("GET", f"{PATH}?channel=market&q=m-1")
    assert [row[1] for row in csv.reader(io.StringIO(response.text))] == ["order_id", "m-1"]
    assert world.app.front.streams["csv"] == 0


async def test_too_many_orders_or_exports_are_refused(world: World, monkeypatch) -> None:
    monkeypatch.setattr(limits, "VIEW_EXPORT_ROWS_MAX", 5)
    document = problem_of(await world.call("GET", PATH))
    assert (document["code"], document["errors"][0]["path"]) == ("out_of_range", "since_us")
    assert "5 orders" in document["errors"][0]["detail"]
    monkeypatch.setattr(limits, "VIEW_EXPORTS_MAX", 0)
    assert problem_of(await world.call("GET", PATH))["status"] == 429


async def _begun(here: Site, line) -> bytes:
    await line.send(here.get(PATH))
    return await line.reader.readuntil(b"hold_reason\r\n")


@pytest.mark.parametrize("trouble", ["closing", "failing"])
async def test_a_file_without_its_end_is_broken_off(views, monkeypatch, trouble: str) -> None:
    asked, may = asyncio.Event(), asyncio.Event()

    async def ask(question, *values, **named):
        if question is spreadsheet.page:
            asked.set()
            await may.wait()
            raise RuntimeError("the disk is gone")
        return await ViewsReader.ask(views, question, *values, **named)

    monkeypatch.setattr(views, "ask", ask)
    async with site(LOOSE) as here, here.line() as line:
        here.world.app.front.views = views
        await _begun(here, line)
        await asked.wait()
        (here.stop if trouble == "closing" else may).set()
        assert not (await line.end()).endswith(b"0\r\n\r\n")
        assert here.world.app.front.streams["csv"] == 0
