"""What `dibs replay` and the demo of `dibs up` do as a whole: exit codes, words, bad input."""

import asyncio
import io
import threading
from pathlib import Path

import pytest
from rich.console import Console

from engine import demo
from engine.replay.report import BAD_INPUT, BROKEN, OK
from engine.replay.run import Options, replay
from tests.unit import replay_files as given
from tests.unit.replay_server import LedgerServer

ROOT = Path(__file__).parents[2]


@pytest.fixture
def start():
    """Run servers in a thread of their own, as `replay` runs a loop of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    servers = []

    def begin(**faults) -> LedgerServer:
        server = LedgerServer(**faults)
        asyncio.run_coroutine_threadsafe(server.__aenter__(), loop).result(10)
        servers.append(server)
        return server

    yield begin
    for server in servers:
        asyncio.run_coroutine_threadsafe(server.__aexit__(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def _replay(**options) -> tuple[int, str]:
    console = Console(file=io.StringIO(), width=200)
    code = replay(Options(connections=4, **options), console)
    return code, console.file.getvalue()


def test_exit_codes(start, tmp_path):
    folder = (str(given.retail(tmp_path, given.many(60))),)
    honest, liar = start(), start(oversell=True)
    code, said = _replay(files=folder, url=honest.url, report=tmp_path / "r.json")
    assert code == OK and (tmp_path / "r.json").exists() and "oversold units" in said
    code, said = _replay(files=folder, url=liar.url, fill=0.4)
    assert code == BROKEN and "sold that were not there" in said


def test_a_dirty_file_goes_on_or_stops_before_anything_is_sent(start, tmp_path):
    folder = given.retail(tmp_path, given.many(20) + "5,S1,x,2011-01-01 10:00:00,1,K,Germany,\n")
    server = start()
    code, said = _replay(files=(str(folder),), url=server.url, strict=True)
    assert code == BAD_INPUT and server.requests == 0
    assert "lines.csv:" in said and "column qty: 'x' is not a whole number" in said
    code, said = _replay(files=(str(folder),), url=server.url)
    assert code == OK and "column qty: 'x' is not a whole number" in said
    sent = [body for _, path, body in server.bodies if path == "/v1/orders"]
    assert len(sent) == 19 and not any(b'"order_id":"5"' in body for body in sent)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"files": ("/nowhere.csv",)}, "no such file"),
        ({"locations": 0}, "--locations 0 is not between 1 and 1000"),
        ({"connections": 10**6}, "--connections"),
        ({"seed": -1}, "--seed"),
        ({"speed": -2.0}, "--speed"),
        ({"when_short": "maybe"}, "--when-short"),
        ({"report": Path("/nowhere/r.json")}, "no folder"),
        ({"url": "http://127.0.0.1:9"}, "dibs up"),
    ],
)
def test_bad_input(tmp_path, options, said):
    console = Console(file=io.StringIO(), width=200)
    options = {"files": (str(given.retail(tmp_path)),), **options}
    assert replay(Options(**options), console) == BAD_INPUT
    assert said in console.file.getvalue()


@pytest.mark.parametrize("terminal", [False, True])
async def test_demo_sells_the_star_out_and_shows_the_refusal(terminal):
    console = Console(file=io.StringIO(), width=140, force_terminal=terminal)
    async with LedgerServer() as server:
        first = await demo.run_demo(server.url, "k", console, key_file="/d/admin.key", pace=20)
        said = console.file.getvalue()
        again = await demo.run_demo(server.url, "k", console, pace=20)
    assert first.orders.sent == demo.ORDERS and first.exit_code == OK
    assert 10 < first.orders.refused["insufficient_stock"] < 100
    assert first.cancellations.accepted > 20 and first.adjustments.accepted > 20
    assert "refused, insufficient_stock" in said and "nothing was taken" in said
    assert "cat /d/admin.key" in said and f"{server.url}/v1/orders" in said
    assert again.orders.replayed == 0 and again.orders.allocated > 400, "it runs again as new"
    assert again.parameters["channel"] == "demo-2" and again.exit_code == OK


async def test_demo_without_a_server_says_so_and_returns():
    console = Console(file=io.StringIO(), width=140)
    assert await demo.run_demo("http://127.0.0.1:9", "k", console) is None
    assert "dibs up" in console.file.getvalue()


def test_demo_data_are_small_attributed_and_packed():
    assert sum(file.stat().st_size for file in demo.DATA.iterdir()) <= 300_000
    readme = (demo.DATA / "README.md").read_text()
    assert "CC BY 4.0" in readme and "10.24432/C5BW33" in readme and "Chen" in readme
    assert '"demo_data/*"' in (ROOT / "pyproject.toml").read_text()
