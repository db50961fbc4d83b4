"""The adapters, on small files with every quirk."""

from collections import Counter

import msgspec
import pytest

from engine.core.commands import AdjustLine, CancelLine, OrderLine, PlaceOrder, ReceiptLine
from engine.replay import files
from engine.replay.documents import Adjustment, Cancellation, GoodsReturn, Order, ReplayError
from engine.replay.fields import moment_us
from tests.unit import replay_files as given


def _by_kind(loaded, kind):
    return [document for document in loaded.documents if isinstance(document, kind)]


def test_online_retail_orders(tmp_path):
    loaded = files.load([given.retail(tmp_path)])
    orders = {order.command.order_id: order for order in _by_kind(loaded, Order)}
    assert list(orders) == ["1001", "1002", "1003", "1013"]
    first = orders["1001"].command
    assert first.lines == (
        OrderLine("A", 6, unit_price=255),
        OrderLine("A", 2, unit_price=255),
        OrderLine("L", 1, unit_price=339),
    ), "repeated SKUs stay two lines, postage is no line"
    assert (first.currency, first.customer, first.ship_to.country) == ("GBP", "C1", "GB")
    assert orders["1001"].at_us == moment_us("2010-12-01 08:26:00")
    assert orders["1002"].command.lines[1] == OrderLine("C", 3, unit_price=0), "a free line"
    assert orders["1003"].command.lines == (OrderLine("D1", 74_215, unit_price=104),)
    assert orders["1003"].command.ship_to is None and orders["1013"].command.customer is None
    assert orders["1002"].command.ship_to.country == "IE"


def test_online_retail_cancellations_and_returns(tmp_path):
    loaded = files.load([given.retail(tmp_path)])
    found = [(c.command.order_id, c.command.lines, c.rule) for c in _by_kind(loaded, Cancellation)]
    assert found == [
        ("1003", None, "exact"),
        ("1002", (CancelLine("A", 4),), "exact"),
        ("1001", (CancelLine("A", 1),), "enough"),
    ]
    returned = [(r.return_id, r.lines) for r in _by_kind(loaded, GoodsReturn)]
    assert returned == [
        ("C1009", (ReceiptLine("A", 9),)),  # more than the customer still holds
        ("C1010", (ReceiptLine("L", 1),)),  # nobody to match
    ]


def test_online_retail_adjustments_and_skips(tmp_path):
    loaded = files.load([given.retail(tmp_path)])
    assert [(a.adjustment_id, a.lines) for a in _by_kind(loaded, Adjustment)] == [
        ("1005", (AdjustLine("L", -3, "damaged"),)),
        ("1006", (AdjustLine("L", 5, "unexplained"),)),
    ]
    assert loaded.findings.skipped == {
        "non-stock code, not goods": 4,
        "bad debt, money only": 1,
    }
    assert loaded.findings.fault_count == 0
    skus = loaded.extracts["online_retail"].skus
    assert set(skus) == {"A", "L", "C", "D1"} and skus["L"].title == "LANTERN"


def test_documents_are_in_time_order_and_pass_the_contract(tmp_path):
    for folder, write in (("r", given.retail), ("o", given.olist)):
        (tmp_path / folder).mkdir()
        write(tmp_path / folder)
    loaded = files.load([tmp_path / "o", tmp_path / "r"])
    times = [document.at_us for document in loaded.documents]
    assert times == sorted(times) and set(loaded.extracts) == {"online_retail", "olist"}
    for document in loaded.documents:
        if isinstance(document, (Order, Cancellation)):
            body = msgspec.json.encode(document.command)
            assert msgspec.json.decode(body, type=type(document.command)) == document.command


@pytest.mark.parametrize(
    ("bad", "column", "said"),
    [
        ("1001,L,x,2010-12-01 08:26:00,1.0,C1,France,\n", "qty", "'x' is not a whole number"),
        ("1001,L,0,2010-12-01 08:26:00,1.0,C1,France,\n", "qty", "0 is not between"),
        ("1001,L,1,yesterday,1.0,C1,France,\n", "ts", "'yesterday' is not a date and time"),
        ("1001,L,1,2010-12-01 08:26:00,-1,C1,France,\n", "unit_price", "-1 is negative"),
        ("1001,L,1,2010-12-01 08:26:00,0.005,C1,France,\n", "unit_price", "0.005 is finer"),
        ("1001,,1,2010-12-01 08:26:00,1.0,C1,France,\n", "sku", "is empty"),
        ("1001,L,1,2010-12-01 08:26:00\n", "unit_price", "the row has 4 cells, the header 8"),
        ('1001,"L,1,2010-12-01 08:26:00,1.0,C1,France,\n', "", "bad quotes"),
    ],
)
def test_a_dirty_row_leaves_its_document_out_whole(tmp_path, bad, column, said):
    folder = given.retail(tmp_path, given.LINES + bad)
    loaded = files.load([folder])
    (fault,) = loaded.findings.faults
    assert fault.line == given.LINES.count("\n") + 1 and fault.column == column
    assert fault.detail.startswith(said)
    assert "1001" not in {o.command.order_id for o in _by_kind(loaded, Order)}
    assert loaded.findings.skipped["document with a dirty row"] == 1
    with pytest.raises(ReplayError, match=r"lines\.csv:21.*"):
        files.load([folder], strict=True)


def test_a_cancellation_must_be_negative(tmp_path):
    lines = given.LINES + "C1020,A,1,2010-12-02 08:00:00,2.55,C1,EIRE,\n"
    (fault,) = files.load([given.retail(tmp_path, lines)]).findings.faults
    assert fault.detail == "1 is positive on a cancellation"


def test_olist(tmp_path):
    loaded = files.load([given.olist(tmp_path)])
    orders = {order.command.order_id: order for order in _by_kind(loaded, Order)}
    assert list(orders) == ["o1", "o2", "o4"]
    first: PlaceOrder = orders["o1"].command
    assert first.lines == (
        OrderLine("p1", 2, unit_price=1299, location="s1"),
        OrderLine("p2", 1, unit_price=4890, location="s2"),
    ), "one row a unit, added up a product"
    assert (first.ship_to.postcode, first.ship_to.latitude) == ("01037", -23.54562)
    assert (first.currency, first.customer, first.payment) == ("BRL", "person1", "paid")
    assert orders["o4"].command.payment == "pending"
    cancelled = {c.command.order_id: c for c in _by_kind(loaded, Cancellation)}
    assert {name: c.command.lines for name, c in cancelled.items()} == {"o2": None, "o4": None}
    assert cancelled["o2"].at_us == moment_us("2017-11-25 10:00:00"), "an hour after approval"
    assert cancelled["o4"].at_us == moment_us("2017-11-24 14:00:00"), "an hour after purchase"
    assert loaded.findings.skipped == Counter(
        {
            "order without items, status unavailable": 1,
            "items of an order that is not in the files": 1,
        }
    )
    extract = loaded.extracts["olist"]
    assert set(extract.places) == {"s1", "s2"}, "sellers who sold; s2 has no row of its own"
    assert extract.places["s1"].latitude == -23.54562 and extract.places["s2"].latitude is None
    assert extract.skus["p1"].weight_g == 225 and extract.skus["p2"].weight_g is None


def test_a_dirty_item_leaves_its_order_out(tmp_path):
    folder = given.olist(tmp_path)
    with (folder / "1.csv").open("a") as file:
        file.write("o1,4,p1,s1,2017-11-30 10:00:00,cheap,8.1\n")
    loaded = files.load([folder])
    (fault,) = loaded.findings.faults
    assert (fault.line, fault.column) == (8, "price")
    assert "o1" not in {o.command.order_id for o in _by_kind(loaded, Order)}


@pytest.mark.parametrize("gone", ["1.csv", "3.csv"])
def test_olist_needs_orders_and_items(tmp_path, gone):
    (given.olist(tmp_path) / gone).unlink()
    with pytest.raises(ReplayError, match=r"not among the files"):
        files.load([tmp_path])


def test_unknown_missing_and_empty_files(tmp_path):
    (tmp_path / "x.csv").write_text("when,what\n1,2\n")
    with pytest.raises(ReplayError, match="no orders"):
        files.load([tmp_path / "x.csv"])
    with pytest.raises(ReplayError, match="no such file"):
        files.load([tmp_path / "y.csv"])
    (tmp_path / "none").mkdir()
    with pytest.raises(ReplayError, match="holds no"):
        files.load([tmp_path / "none"])
    (tmp_path / "z.csv").write_text("")
    given.retail(tmp_path)
    loaded = files.load([tmp_path])
    assert sorted(fault.detail for fault in loaded.findings.faults) == [
        "no known format has the columns when, what, …",
        "the file is empty",
    ]
    with pytest.raises(ReplayError, match="2 dirty rows"):
        files.load([tmp_path], strict=True)


def test_an_order_with_more_lines_than_the_contract_allows_is_a_fault(tmp_path):
    row = "9,A{n},1,2010-12-01 08:26:00,1.0,C1,France,\n"
    lines = given.LINES + "".join(row.format(n=n) for n in range(10_001))
    loaded = files.load([given.retail(tmp_path, lines)])
    assert "9" not in {o.command.order_id for o in _by_kind(loaded, Order)}
    assert loaded.findings.faults[0].detail == "9 has 10001 lines, at most 10000"
