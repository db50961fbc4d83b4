"""Whole replays against the real ledger behind a tiny server, honest and lying (P1, P3, P4)."""

import io

import msgspec
import pytest
from rich.console import Console

from engine.demo import DATA
from engine.replay import files
from engine.replay.documents import ReplayError
from engine.replay.report import BROKEN, OK, Report, show, write
from engine.replay.run import Options, drive
from tests.unit import replay_files as given
from tests.unit.replay_server import LedgerServer


def _console() -> Console:
    return Console(file=io.StringIO(), width=120)


def _retail(tmp_path, **options) -> Options:
    return Options(files=(str(given.retail(tmp_path, given.many())),), connections=8, **options)


async def _drive(server: LedgerServer, options: Options) -> Report:
    options = msgspec.structs.replace(options, url=server.url)
    return await drive(options, files.load(options.files), _console())


async def test_an_honest_server_is_found_honest(tmp_path):
    async with LedgerServer() as server:
        report = await _drive(server, _retail(tmp_path))
    orders, units = report.orders, report.units
    assert orders.sent == 200 and 0 < orders.refused["insufficient_stock"] < 100
    assert orders.allocated + orders.refused.total() == 200
    assert units.allocated + units.refused == units.ordered and units.backordered == 0
    cancelled = report.cancellations
    assert cancelled.accepted == cancelled.sent > 0 and cancelled.withheld > 0
    assert cancelled.sent + cancelled.withheld == report.documents["Cancellation"]
    assert report.adjustments.sent == report.documents["Adjustment"] == 8
    assert report.verdict.positions == 21 and report.verdict.orders_read == orders.allocated
    assert report.exit_code == OK and not report.verdict.examples
    assert report.timing.orders_per_s > 0
    waits = report.timing.order_latency_ms
    assert 0 < waits.p50 <= waits.p90 <= waits.p99 <= waits.p99_9 <= waits.max


@pytest.mark.parametrize("when_short", ["backorder", "split"])
async def test_short_orders_may_wait(tmp_path, when_short):
    async with LedgerServer() as server:
        report = await _drive(server, _retail(tmp_path, when_short=when_short, fill=0.5))
    orders, units = report.orders, report.units
    assert orders.partially_allocated > 0 and units.backordered > 0
    assert (orders.backordered > 0) == (when_short == "backorder")
    assert units.allocated + units.backordered + units.refused == units.ordered
    assert report.exit_code == OK, report.verdict.examples


@pytest.mark.parametrize("fault", [None, "drop_every", "unknown_every"])
async def test_orders_leave_and_what_is_cancelled_later_comes_back(tmp_path, fault):
    """P2: every document comes to something, and every unit is where the account says."""
    lines = given.many().splitlines(keepends=True)
    late = "C9,S6,-1,2011-01-09T00:00:00,1.05,K9,Germany,\n"
    lines = [late if line.startswith("C9,") else line for line in lines]
    late = "C19,S1,-1,2011-01-09T00:00:00,1.05,K19,Germany,\n"
    lines = [late if line.startswith("C19,") else line for line in lines]
    folder = given.retail(tmp_path, "".join(lines))
    async with LedgerServer(**({fault: 7} if fault else {})) as server:
        options = Options(files=(str(folder),), connections=8, ship_after_h=24.0, fill=1.1)
        report = await _drive(server, options)
        again = await _drive(server, options)
    assert report.exit_code == again.exit_code == OK, report.verdict.examples
    assert report.documents["GivenBack"] == 2
    assert report.documents["Cancellation"] + 2 == 20
    assert report.outcomes["GivenBack"] == {"came back and is on sale again": 2}
    assert report.given_back.accepted == 6
    assert report.outcomes["Leaving"]["left"] == report.shipments.accepted > 150
    for kind, total in report.documents.items():
        assert sum(report.outcomes[kind].values()) == total, kind


@pytest.mark.slow
async def test_every_document_of_a_real_cut_comes_to_something():
    """P2: invoices of two weeks, with their cancellations; what has left by then comes back."""
    async with LedgerServer() as server:
        options = Options(files=(str(DATA),), connections=8, ship_after_h=24.0)
        report = await _drive(server, options)
    assert report.exit_code == OK, report.verdict.examples
    for kind, total in report.documents.items():
        assert sum(report.outcomes[kind].values()) == total, kind
    assert report.outcomes["GivenBack"]["came back and is on sale again"] > 30
    assert report.outcomes["Cancellation"]["cancelled before it left"] > 0
    assert report.outcomes["Leaving"]["left"] == report.shipments.accepted > 300


async def test_sellers_as_locations(tmp_path):
    async with LedgerServer() as server:
        report = await _drive(server, Options(files=(str(given.olist(tmp_path)),), fill=1.1))
        bound = server.ledger.order("olist", "o1").lines
    assert [part.location for line in bound for part in line.allocations] == ["s1", "s2"]
    assert (report.orders.allocated, report.cancellations.accepted) == (3, 2)
    assert report.exit_code == OK


async def test_oversold_units_are_counted_whatever_the_server_says(tmp_path):
    async with LedgerServer(oversell=True) as server:
        report = await _drive(server, _retail(tmp_path))
    assert report.orders.refused.total() == 0
    found = report.verdict
    assert found.oversold_units > 0 and found.oversold_positions > 0
    assert found.lost > 0, "and the orders it invented are not there"
    assert report.exit_code == BROKEN
    assert any("sold that were not there" in example for example in found.examples)


async def test_a_forgotten_and_a_changed_order_are_lost(tmp_path):
    async with LedgerServer(forget=("3", "5"), mangle=("7",)) as server:
        report = await _drive(server, _retail(tmp_path))
    found = report.verdict
    assert found.lost == 3 and set(found.lost_orders) == {f"online_retail/{name}" for name in "357"}
    assert (found.oversold_units, found.stock_mismatches) == (0, 0)
    assert report.exit_code == BROKEN


async def test_stock_that_differs_from_the_account_is_found(tmp_path):
    async with LedgerServer(miscount=True) as server:
        report = await _drive(server, _retail(tmp_path))
    assert report.verdict.stock_mismatches == 7, "one position of each SKU"
    assert report.verdict.oversold_units == 0 and report.exit_code == BROKEN


@pytest.mark.parametrize("fault", ["drop_every", "unknown_every", "busy_every", "close_every"])
async def test_a_troubled_but_honest_server_is_found_honest(tmp_path, fault):
    async with LedgerServer(**{fault: 7}) as server:
        report = await _drive(server, _retail(tmp_path))
    assert report.exit_code == OK, report.verdict.examples
    assert report.retries > 0 or fault == "close_every"
    assert report.orders.replayed > 0 or fault in ("busy_every", "close_every")
    assert report.orders.allocated > 100


async def test_answers_that_never_came_are_resolved_by_reading(tmp_path, monkeypatch):
    monkeypatch.setattr("engine.core.limits.REPLAY_ATTEMPTS_MAX", 1)
    async with LedgerServer() as server:
        options = _retail(tmp_path)
        loaded = files.load(options.files)
        server.faults["unknown_every"] = 3
        options = msgspec.structs.replace(options, url=server.url, channel="x")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("engine.replay.run._demand", lambda *_: None)
            report = await drive(options, loaded, _console())
    refused = report.orders.refused
    assert refused["outcome_unknown"] > 0
    assert report.verdict.positions_in_doubt > 0, "the third receipt cannot be read back"
    assert report.exit_code == OK, report.verdict.examples


async def test_a_second_replay_is_answered_as_the_first_and_still_adds_up(tmp_path):
    async with LedgerServer() as server:
        first = await _drive(server, _retail(tmp_path))
        stock = server.ledger.stock("S1")
        again = await _drive(server, _retail(tmp_path))
        assert server.ledger.stock("S1").on_hand == stock.on_hand
        assert again.orders.replayed == first.orders.allocated
        assert again.exit_code == OK, again.verdict.examples
        other = await _drive(server, _retail(tmp_path, seed=2, locations=2))
        assert other.orders.replayed >= first.orders.allocated
        assert other.exit_code == OK, other.verdict.examples
        fresh = await _drive(server, _retail(tmp_path, channel="fresh"))
        assert fresh.orders.replayed == 0 and fresh.exit_code == OK, fresh.verdict.examples


async def test_a_bounded_number_of_orders_is_read_back(tmp_path):
    async with LedgerServer() as server:
        report = await _drive(server, _retail(tmp_path, orders_checked_max=10))
    assert report.verdict.orders_read == 10


async def test_a_server_that_refuses_the_catalogue_gets_no_order(tmp_path, monkeypatch):
    async with LedgerServer() as server:
        real = server.answer

        def refuse(method, path, body, key):
            if path.endswith("/S3") and method == "PUT":
                return 403, {"code": "forbidden"}
            return real(method, path, body, key)

        monkeypatch.setattr(server, "answer", refuse)
        with pytest.raises(ReplayError, match="Loading SKUs: the server answered 403 forbidden"):
            await _drive(server, _retail(tmp_path))
        assert not any(path == "/v1/orders" for _, path, _ in server.bodies)


async def test_paced_replay_measures_from_when_orders_were_due(tmp_path):
    lines = given.LINES_HEADER + "".join(
        f"{n},A,1,2011-01-01 10:00:{n * 10:02},1.00,K,Germany,\n" for n in range(4)
    )
    folder = given.retail(tmp_path, lines)
    async with LedgerServer() as server:
        report = await _drive(server, Options(files=(str(folder),), speed=100.0, fill=1.1))
    assert report.timing.wall_s >= 0.3 and report.orders.allocated == 4


async def test_the_report_is_json_without_the_key_and_prints(tmp_path):
    async with LedgerServer() as server:
        report = await _drive(server, _retail(tmp_path, key="top-secret"))
    write(report, tmp_path / "report.json")
    text = (tmp_path / "report.json").read_text()
    read = msgspec.json.decode(text)
    assert "top-secret" not in text and read["parameters"]["seed"] == 1
    assert read["orders"]["sent"] == 200 and read["verdict"]["oversold_units"] == 0
    assert read["orders"]["refused"] == dict(report.orders.refused)
    assert msgspec.json.decode(text, type=Report).orders == report.orders
    console = _console()
    show(report, console)
    printed = console.file.getvalue()
    assert "orders sent    200" in printed and "oversold units" in printed
