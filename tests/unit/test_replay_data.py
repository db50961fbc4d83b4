"""The full public files, where they are present: parsed, and counted as known."""

from collections import Counter

from engine.replay import files
from engine.replay.documents import (
    Adjustment,
    Cancellation,
    GivenBack,
    GoodsReturn,
    Leaving,
    Order,
)
from engine.replay.leaving import leave
from tests.unit.replay_files import real_data


def _kinds(loaded) -> Counter:
    return Counter(type(document) for document in loaded.documents)


def test_online_retail():
    loaded = files.load([real_data("online_retail")], strict=True)
    assert _kinds(loaded) == {
        Order: 12_385,
        Cancellation: 2_326,
        GoodsReturn: 458,
        Adjustment: 1_409,
    }
    assert loaded.findings.skipped == {
        "non-stock code, not goods": 1_948,
        "bad debt, money only": 3,
    }
    orders = [d.command for d in loaded.documents if isinstance(d, Order)]
    lines = sum(len(order.lines) for order in orders)
    cut = sum(len(d.lines) for d in loaded.documents if isinstance(d, Adjustment))
    assert (lines, cut) == (311_553, 1_747)
    assert max(len(order.lines) for order in orders) >= 700
    assert max(line.quantity for order in orders for line in order.lines) == 74_215
    giant = next(
        d
        for d in loaded.documents
        if isinstance(d, Cancellation) and d.command.order_id == "541431"
    )
    assert giant.command.lines is None and giant.rule == "exact"


def test_online_retail_that_leaves_after_a_day():
    loaded = files.load([real_data("online_retail")], strict=True)
    kinds = Counter(type(document) for document in leave(loaded.documents, 86_400))
    assert kinds == {
        Order: 12_385,
        Leaving: 12_348,
        Cancellation: 193,
        GivenBack: 2_326 - 193,
        GoodsReturn: 458,
        Adjustment: 1_409,
    }


def test_olist():
    loaded = files.load([real_data("olist")], strict=True)
    assert _kinds(loaded) == {Order: 19_947, Cancellation: 334 + 5}
    orders = [d.command for d in loaded.documents if isinstance(d, Order)]
    assert sum(line.quantity for order in orders for line in order.lines) == 22_840
    assert sum(loaded.findings.skipped.values()) == 20_513 - 19_947
    extract = loaded.extracts["olist"]
    assert (len(extract.skus), len(extract.places)) == (11_476, 2_157)
    placed = [order.ship_to.latitude for order in orders]
    assert sum(latitude is None for latitude in placed) / len(placed) < 0.01
