"""What the tables say of fulfillments, boxes, returns, refunds and purchase orders, in both
databases, and how an order is found by what was told of these (P7)."""

from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec
import pytest

from engine.core import commands as c
from engine.core import fulfillment_commands as f
from engine.core import return_commands as r
from engine.views import order_page, queries
from engine.views.compare import differences
from engine.views.home import Home
from engine.views.projector import Projector
from engine.views.sqlite import SqliteViews
from tests.unit.logkit import Chain


def history() -> Chain:
    """An order of five mugs that is packed, sent in two parts and delivered; one mug
    comes back broken and is refunded, one is exchanged for a cup that waits for it; what else came
    of a purchase order."""
    chain = Chain()
    chain.done(
        c.PutLocation("berlin", "Berlin", "warehouse", "DE"),
        c.PutSku("MUG", "Mug"),
        c.PutSku("CUP", "Cup"),
    )
    lines = (c.PurchaseLine("MUG", 8), c.PurchaseLine("CUP", 2))
    due = datetime(2026, 12, 1, tzinfo=UTC)
    chain.done(c.PutPurchaseOrder("PO-1", "berlin", due, lines, supplier="Pots\0Ltd"))
    came = (c.ReceiptLine("MUG", 9), c.ReceiptLine("CUP", 1))
    chain.done(c.Receive("r1", "berlin", came, "PO-1"))
    chain.done(
        c.PlaceOrder(order_id="7", channel="web", currency="EUR", lines=(c.OrderLine("MUG", 5),))
    )
    placed = chain.link.seq
    chain.done(f.ReleaseOrder("web", "7", "w1", accept_minutes=30))
    work = f"{placed}-1"
    chain.done(f.PickFulfillment(work))
    boxes = tuple(
        f.Package(f"box-{n}", 900, "d\0hl", f"TRACK{n}9917", (f.PackageLine("MUG", n),))
        for n in (2, 3)
    )
    chain.done(f.PackFulfillment(work, boxes))
    part = (f.FulfillmentLine("MUG", 2),)
    chain.done(f.ShipFulfillment(work, "parcel-1", part, "d\0hl", "JD\x00146003"))
    chain.done(f.ShipFulfillment(work, "parcel-2", None, "ups"), wait_us=2_000_000)
    chain.done(f.DeliverFulfillment(work))
    one = (r.ReturnLine("MUG", 1, None, "worn"),)
    chain.done(r.OpenReturn("web", "7", "rma-1", "broken", one))
    chain.done(r.ApproveReturn("web", "7", "rma-1", "dhl", "BACK550012"))
    chain.done(r.ReceiveReturn("web", "7", "rma-1", "in-1", "berlin", (r.ReturnedLine("MUG", 1),)))
    look = (r.InspectedLine("MUG", 1, "scrap", "in pieces"),)
    chain.done(r.InspectReturn("web", "7", "rma-1", "look-1", "berlin", look))
    chain.done(r.RefundReturn("web", "7", "rma-1", "m-1", 1_490))
    instead = r.Exchange("7-b", (r.ExchangeLine("CUP", 1),))
    chain.done(r.OpenReturn("web", "7", "rma-2", "wants a cup", one, True, instead))
    return chain


@pytest.fixture(scope="module")
def views(home: Home) -> Iterator:
    fresh = home.new()
    projector = Projector(fresh)
    for frame in history().frames:  # one by one: nothing is known from the transaction before
        projector.apply([frame])
    home.swap(fresh)
    database = home.open(read_only=True)
    yield database
    database.close()


def test_an_order_s_page_tells_of_its_work_and_returns(views) -> None:
    page = order_page.order(views, "web", "7")
    (work,) = page.fulfillments
    told = {name: work[name] for name in ("location", "status", "units", "open", "shipped")}
    assert told == {
        "location": "berlin", "status": "delivered", "units": 5, "open": 0, "shipped": 5,
    }  # fmt: skip
    times = [work[n] for n in ("requested_us", "accepted_us", "packed_us", "left_us", "closed_us")]
    assert times == sorted(times) and work["accept_by_us"] > work["closed_us"]
    assert [(box["package_id"], box["contents"][0]["quantity"]) for box in page.packages] == [
        ("box-2", 2), ("box-3", 3),
    ]  # fmt: skip
    assert [(s["shipment_id"], s["units"], s["fulfillment"]) for s in page.shipments] == [
        ("parcel-1", 2, 1), ("parcel-2", 3, 1),
    ]  # fmt: skip
    assert (page.shipments[0]["carrier"], page.packages[0]["carrier"]) == ("d\ufffdhl",) * 2
    assert [(one["status"], one["received"]) for one in page.returns] == [
        ("closed", 1), ("approved", 0),
    ]  # fmt: skip
    assert [(one["refund_id"], one["amount_minor"]) for one in page.refunds] == [("m-1", 1_490)]
    assert msgspec.json.encode(page)


def test_an_exchange_waits_on_a_hold_of_its_own(views) -> None:
    page = order_page.order(views, "web", "7-b")
    assert (page.order.status, page.order.hold_reason) == ("on_hold", "return")
    assert [(hold["hold_id"], hold["ended_us"]) for hold in page.holds] == [("exchange", None)]


@pytest.mark.parametrize("words", ["RACK29917", "box-3", "rma-1", "50012", "D\ufffd146"])
def test_orders_are_found_by_what_was_told_of_boxes_and_returns(views, words: str) -> None:
    wanted = queries.OrderFilter(q=words)
    rows, _ = queries.orders(views, wanted, before=0, limit=9)
    assert [row.order_id for row in rows] == ["7"]


def test_dispositions_refunds_and_purchases_have_rows(views) -> None:
    assert views.select("SELECT units, disposition, reason FROM dispositions") == [
        (1, "scrap", "in pieces")
    ]
    assert views.select("SELECT receipt_id, units FROM return_receipts") == [("in-1", 1)]
    columns = "purchase_order, status, supplier, units, received"
    assert views.select(f"SELECT {columns} FROM purchase_orders") == [
        ("PO-1", "open", "Pots\ufffdLtd", 10, 10)
    ]
    assert views.select("SELECT sku, quantity, received FROM purchase_lines ORDER BY line") == [
        ("MUG", 8, 9), ("CUP", 2, 1),
    ]  # fmt: skip
    sql = "SELECT SUM(units_returned), SUM(refunded_minor) FROM kpis"
    assert views.select(sql) == [(1, 1_490)]


def test_both_databases_hold_the_same_rows(views, tmp_path) -> None:
    other = SqliteViews(tmp_path / "views.db")
    Projector(other).apply(history().frames)
    assert differences(views, other) == {}
