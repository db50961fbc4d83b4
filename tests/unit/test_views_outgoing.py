"""What the views say of orders that have to leave, and of parcels that have left."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from engine.core import commands as c
from engine.views import outgoing
from engine.views.home import Home
from tests.unit.logkit import Chain
from tests.unit.viewskit import opened

DUE = datetime(2026, 12, 1, 12, tzinfo=UTC)
DUE_US = round(DUE.timestamp() * 1e6)


def history() -> Chain:
    """Six orders. All but one are due at the same time; one is another channel's, one is cancelled,
    of one a half has left, of another the whole in two parcels."""
    chain = Chain()
    chain.done(c.PutLocation("berlin", "Berlin", "warehouse", "DE"), c.PutSku("MUG", "Mug"))
    chain.done(c.Receive("r1", "berlin", (c.ReceiptLine("MUG", 20),)))
    lines = (c.OrderLine("MUG", 2),)
    for name in ("open", "gone", "half", "off"):
        chain.done(c.PlaceOrder(order_id=name, channel="web", lines=lines, required_by=DUE))
    chain.done(c.PlaceOrder(order_id="never", channel="web", lines=lines))
    chain.done(c.PlaceOrder(order_id="other", channel="market", lines=lines, required_by=DUE))
    one = (c.ShipLine("MUG", 1),)
    chain.done(c.Ship("web", "gone", "s-1", lines=one), c.Ship("web", "half", "s-1", lines=one))
    chain.done(c.Ship("web", "gone", "s-2", lines=one), c.Cancel("web", "off", None, "no"))
    return chain


@pytest.fixture(scope="module")
def views(home: Home) -> Iterator:
    yield from opened(home, history())


def test_orders_are_due_that_have_not_left_whole(views) -> None:
    assert outgoing.due(views, "web", DUE_US + 1, 100) == 2
    assert outgoing.due(views, "market", DUE_US + 1, 100) == 1
    assert outgoing.due(views, "web", DUE_US, 100) == 0


def test_of_each_status_only_the_oldest_are_looked_at(views) -> None:
    assert outgoing.due(views, "market", DUE_US + 1, 2) == 0
    assert outgoing.due(views, "web", DUE_US + 1, 1) == 2


def test_of_an_order_s_parcels_one_is_the_first(views) -> None:
    rows = outgoing.left(views, 0, 10)
    found = [(row.order_id, row.shipment_id, row.first) for row in rows]
    assert found == [("gone", "s-1", True), ("half", "s-1", True), ("gone", "s-2", False)]
    assert {row.required_us for row in rows} == {DUE_US}
