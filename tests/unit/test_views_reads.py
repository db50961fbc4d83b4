"""Questions to the views: queue, search, order page, stock, movements, exceptions, KPIs."""

import asyncio
import csv
import io
import itertools
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from engine.core import commands as c
from engine.core import limits
from engine.core.errors import ConfigError, OverloadedError, UnavailableError
from engine.views import export as exporting
from engine.views import order_page, queries, spreadsheet
from engine.views.ddl import VIEWS
from engine.views.export import to_csv, to_parquet
from engine.views.home import Home, SqliteHome
from engine.views.projector import Projector
from engine.views.queries import OrderFilter
from engine.views.reader import ViewsReader, position
from engine.views.schema import BY_NAME
from tests.unit.logkit import Chain
from tests.unit.viewskit import opened

ALL = OrderFilter()


def line(sku: str, quantity: int = 1) -> tuple[c.OrderLine, ...]:
    return (c.OrderLine(sku, quantity, unit_price=250),)


def history() -> Chain:
    """Two locations, three SKUs, six orders of which one is held, one shipped, one cancelled."""
    chain = Chain()
    chain.done(
        c.PutLocation("berlin", "Berlin", "warehouse", "DE"),
        c.PutLocation("lyon", "Lyon", "store", "FR", priority=200),
        *(c.PutSku(sku, f"{sku} 100% cotton") for sku in ("MUG", "TEA_1", "TEAX1")),
    )
    stock = tuple(c.ReceiptLine(sku, 10) for sku in ("MUG", "TEA_1", "TEAX1"))
    chain.done(c.Receive("r1", "berlin", stock))
    chain.done(c.Receive("r2", "lyon", stock[:1]))
    chain.done(
        *(
            c.PlaceOrder(
                order_id=f"ord-{n}",
                channel="web",
                customer="Zoë Ångström",
                currency="EUR",
                lines=line("MUG", 2),
            )
            for n in range(4)
        ),
        c.PlaceOrder(order_id="m-1", channel="market", lines=line("TEA_1"), customer="100% Tea"),
        c.PlaceOrder(order_id="m-2", channel="market", lines=line("MUG", 4)),
    )
    chain.done(c.Hold("web", "ord-1", "h1", "payment", "finance", keeps_stock=True))
    chain.done(c.Ship("web", "ord-2", "s-1", tracking_number="JD0146003"))
    chain.done(c.Cancel("web", "ord-3", None, "changed mind"), wait_us=3_600_000_000)
    return chain


@pytest.fixture(scope="module")
def views(home: Home) -> Iterator:
    yield from opened(home, history())


def ids(views, limit: int = 50, **wanted) -> list[str]:
    rows, _ = queries.orders(views, OrderFilter(**wanted), before=0, limit=limit)
    return [row.order_id for row in rows]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, ["m-2", "m-1", "ord-3", "ord-2", "ord-1", "ord-0"]),
        ({"status": "allocated"}, ["m-2", "m-1", "ord-0"]),
        ({"channel": "market"}, ["m-2", "m-1"]),
        ({"hold_reason": "payment"}, ["ord-1"]),
        ({"hold_reason": "review"}, []),
        ({"customer": "Zoë Ångström", "status": "shipped"}, ["ord-2"]),
        ({"sku": "TEA_1"}, ["m-1"]),
        ({"sku": "none"}, []),
        ({"location": "lyon"}, ["m-2"]),
        ({"location": "berlin", "channel": "market"}, ["m-1"]),
        ({"q": "ord-"}, ["ord-3", "ord-2", "ord-1", "ord-0"]),
        ({"q": "ORD-3"}, ["ord-3"]),
        ({"q": "ngstr"}, ["ord-3", "ord-2", "ord-1", "ord-0"]),
        ({"q": "146003"}, ["ord-2"]),
        ({"q": "JD0146004"}, []),
        ({"q": "100%"}, ["m-1"]),
        ({"q": "0_"}, []),
        ({"q": '"x" OR'}, []),
        ({"q": "m-2"}, ["m-2"]),
        ({"q": "m-", "channel": "market"}, []),
        ({"since_us": 1 << 55}, []),
        ({"until_us": 1}, []),
    ],
)
def test_the_queue_shows_what_is_asked_for(views, wanted: dict, found: list[str]) -> None:
    assert ids(views, **wanted) == found


def test_pages_of_the_queue_follow_each_other(views) -> None:
    seen, before = [], 0
    while before is not None:
        rows, before = queries.orders(views, ALL, before=before, limit=2)
        assert len(rows) <= 2
        seen += [row.order_id for row in rows]
    assert seen == ids(views)


def test_an_order_s_page_tells_everything(views) -> None:
    shipped = order_page.order(views, "web", "ord-2")
    assert shipped.order.status == "shipped" and shipped.order.value_minor == 500
    assert [s["tracking_number"] for s in shipped.shipments] == ["JD0146003"]
    assert [t["kind"] for t in shipped.timeline] == ["order_placed", "order_shipped"]
    assert shipped.lines[0]["allocations"] == []
    held = order_page.order(views, "web", "ord-1")
    assert held.holds[0]["owner"] == "finance" and held.holds[0]["ended_us"] is None
    assert held.timeline[-1]["document"]["hold_id"] == "h1"
    assert held.lines[0]["allocations"][0]["location"] == "berlin"
    assert held.details["customer"] == "Zoë Ångström"
    assert order_page.order(views, "market", "ord-1") is None
    assert msgspec.json.encode(held)


def test_stock_is_paged_by_sku_and_found_by_its_words(views) -> None:
    rows, place = queries.stock(views, q="", location="", after=-1, limit=1)
    assert [(r.sku, r.location, r.available) for r in rows] == [
        ("MUG", "berlin", 4), ("MUG", "lyon", 6),
    ]  # fmt: skip
    rows, place = queries.stock(views, q="", location="", after=place, limit=5)
    assert [r.sku for r in rows] == ["TEA_1", "TEAX1"] and place is None
    assert [r.sku for r in queries.stock(views, q="a_1", location="", after=-1, limit=5)[0]] == [
        "TEA_1"
    ]
    assert len(queries.stock(views, q="100% C", location="", after=-1, limit=5)[0]) == 4
    rows, _ = queries.stock(views, q="", location="lyon", after=-1, limit=5)
    assert [(r.sku, r.location) for r in rows] == [("MUG", "lyon")]
    assert queries.stock(views, q="", location="none", after=-1, limit=5) == ([], None)


def test_movements_lead_from_a_number_to_what_made_it(views) -> None:
    seen, before = [], (0, 0)
    while before is not None:
        rows, before = queries.movements(views, "MUG", "berlin", before=before, limit=2)
        seen += rows
    sums: dict[str, int] = {}
    for row in seen:
        sums[row.bucket] = sums.get(row.bucket, 0) + row.delta
    assert sums == {"on_hand": 8, "allocated": 4}
    assert (seen[0].kind, seen[0].order_id, seen[0].delta) == ("order_cancelled", "ord-3", -2)
    assert (seen[-1].what, seen[-1].ref, seen[-1].quantity) == ("receipt", "r1", 10)
    # Each number is what its movements add up to, at every step.
    for bucket in queries.BUCKETS:
        rows, _ = queries.movements(views, "MUG", "berlin", before=(0, 0), limit=99, bucket=bucket)
        assert rows == [row for row in seen if row.bucket in queries.BUCKETS[bucket]]
        for newer, older in itertools.pairwise(rows):
            assert newer.quantity - newer.delta == older.quantity
    for newer, older in itertools.pairwise(seen):
        sign = 1 if newer.bucket == "on_hand" else -1
        assert newer.available - sign * newer.delta == older.available
    assert seen[0].available == 4
    assert len({(row.seq, row.n) for row in seen}) == len(seen)
    assert queries.movements(views, "TEA_1", "lyon", before=(0, 0), limit=2) is None


def test_exceptions_and_kpis_count(views) -> None:
    (waits,) = queries.exceptions(views)
    assert (waits.status, waits.reason, waits.orders, waits.units) == ("on_hold", "payment", 1, 2)
    hours = queries.kpis(views, 0, limits.STAMP_US_MAX)
    web = [row for row in hours if row.channel == "web"]
    assert [(r.orders, r.units, r.revenue_minor) for r in web] == [(4, 8, 2_000), (0, 0, 0)]
    assert [(r.units_cancelled, r.units_shipped) for r in web] == [(0, 2), (2, 0)]


def test_tables_are_exported_as_csv_by_the_day(views) -> None:
    def exported(name: str, day: date | None = None) -> list[dict]:
        out = io.StringIO()
        count = to_csv(views, name, day, out)
        out.seek(0)
        rows = list(csv.DictReader(out))
        assert len(rows) == count
        return rows

    orders = exported("orders")
    assert [row["order_id"] for row in orders if row["status"] == "shipped"] == ["ord-2"]
    assert list(orders[0]) == list(BY_NAME["orders"].names)
    then = datetime.fromtimestamp(int(orders[0]["placed_us"]) / 1e6, UTC).date()
    assert len(exported("order_items", then)) == 6
    assert exported("order_items", then - timedelta(days=1)) == []
    assert len(exported("stock")) == 4 and len(exported("cursor")[0]["digest"]) == 32
    with pytest.raises(ConfigError, match="no table"):
        exported("users")
    with pytest.raises(ConfigError, match="no days"):
        exported("positions", then)


def test_parquet_has_the_same_rows_with_types(views, monkeypatch) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr(exporting, "_GROUP", 4)  # several groups of rows

    def exported(name: str, day: date | None = None):
        out = io.BytesIO()
        count = to_parquet(views, name, day, out)
        out.seek(0)
        found = parquet.read_table(out)
        assert found.num_rows == count
        return found

    for name in (*BY_NAME, *VIEWS):
        rows, columns = views.select(f"SELECT * FROM {name}"), views.columns(name)
        found = exported(name)
        assert found.column_names == columns and found.num_rows == len(rows)
        kept = [c for c in columns if not c.endswith("_us")]
        told = sorted(map(str, found.select(kept).to_pylist()))
        assert told == sorted(
            str({c: v for c, v in zip(columns, row, strict=True) if c in kept}) for row in rows
        )
    orders = exported("orders")
    placed = orders["placed_us"][0].as_py()
    assert placed.utcoffset() == timedelta(0)
    assert len(exported("orders", placed.date())) == 6
    assert len(exported("orders", placed.date() - timedelta(days=1))) == 0


def test_times_bound_the_queue_to_the_microsecond(views) -> None:
    placed = {
        row.order_id: row.placed_us for row in queries.orders(views, ALL, before=0, limit=9)[0]
    }
    last = max(placed.values())
    for since, until in ((last, 0), (last + 1, 0), (0, last), (0, last + 1), (last, last + 1)):
        bound = until or 1 << 60
        wanted = [name for name, at in placed.items() if since <= at < bound]
        assert ids(views, since_us=since, until_us=until) == wanted


def test_the_queue_as_a_spreadsheet(views, monkeypatch) -> None:
    monkeypatch.setattr(limits, "VIEW_EXPORT_PAGE_ROWS", 2)
    wanted = OrderFilter(channel="web")
    newest, fits = spreadsheet.begin(views, wanted)
    assert fits
    text, place = spreadsheet.head(), newest + 1
    while place is not None:
        lines, place = spreadsheet.page(views, wanted, place)
        text += lines
    rows = list(csv.DictReader(io.StringIO(text.decode(), newline="")))
    assert [row["order_id"] for row in rows] == ids(views, channel="web")
    assert rows[0]["customer"] == "Zoë Ångström" and rows[-1]["value_minor"] == "500"
    assert datetime.fromisoformat(rows[0]["placed_at"]).tzinfo
    monkeypatch.setattr(limits, "VIEW_EXPORT_ROWS_MAX", 3)
    assert not spreadsheet.begin(views, wanted)[1]
    assert spreadsheet.begin(views, OrderFilter(channel="market"))[1]


def test_a_cell_is_never_a_formula() -> None:
    for text in ("=1+1", "+1", "-1", "@sum", "\t=1", "\r=1"):
        assert spreadsheet._shown(text) == f"'{text}"
    assert [spreadsheet._shown(value) for value in ("a=1", "", None, -5)] == ["a=1", "", None, -5]


async def test_a_reader_follows_a_swap_and_bounds_questions(tmp_path: Path, monkeypatch) -> None:
    home = SqliteHome(tmp_path)
    reader = ViewsReader(home)
    with pytest.raises(UnavailableError, match="no views yet"):
        await reader.ask(position)
    home.swap(home.new())
    assert await reader.ask(position) == (0, 0)
    fresh, chain = home.new(), history()
    Projector(fresh).apply(chain.frames)
    home.swap(fresh)
    assert await reader.ask(position) == (chain.link.seq, chain.link.stamp_us)

    monkeypatch.setattr(limits, "VIEW_READ_S_MAX", 0.05)
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT SUM(x) FROM n"
    with pytest.raises(UnavailableError, match="narrow the question"):
        await reader.ask(lambda database: database.select(endless))
    assert await reader.ask(position) == (chain.link.seq, chain.link.stamp_us)
    with pytest.raises(UnavailableError, match="readonly"):
        await reader.ask(lambda database: database.select("DELETE FROM orders"))
    monkeypatch.setattr(limits, "VIEW_READS_MAX", 1)
    asked = [asyncio.create_task(reader.ask(position)) for _ in range(2)]
    done = await asyncio.gather(*asked, return_exceptions=True)
    assert isinstance(done[1], OverloadedError) and done[0] == (chain.link.seq, chain.link.stamp_us)
    reader.close()
