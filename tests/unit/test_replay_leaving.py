"""When orders leave, and what cancellations then are."""

from engine.core.commands import Cancel, CancelLine, OrderLine, PlaceOrder
from engine.replay.documents import Cancellation, GivenBack, Leaving, Order
from engine.replay.leaving import leave

HOUR_US = 3_600_000_000


def order(name: str, hour: int) -> Order:
    lines = (OrderLine("A", 3), OrderLine("A", 1), OrderLine("B", 2))
    return Order(hour * HOUR_US, PlaceOrder(order_id=name, channel="web", lines=lines))


def cancelled(name: str, hour: int, *lines: tuple[str, int]) -> Cancellation:
    named = tuple(CancelLine(*line) for line in lines) or None
    return Cancellation(hour * HOUR_US, f"C{hour}", Cancel("web", name, named, "credit"), "exact")


def test_what_is_cancelled_before_it_leaves_is_cancelled_and_later_it_comes_back() -> None:
    found = leave([order("1", 0), cancelled("1", 1, ("A", 1)), cancelled("1", 5)], 2 * 3600)
    assert [type(one) for one in found] == [Order, Cancellation, Leaving, GivenBack]
    assert [one.at_us // HOUR_US for one in found] == [0, 1, 2, 5]
    back = found[-1].command
    assert [(line.sku, line.quantity) for line in back.lines] == [("A", 3), ("B", 2)]
    assert (back.return_id, back.reason, back.approved) == ("C5", "credit", True)


def test_an_order_that_is_cancelled_whole_does_not_leave() -> None:
    whole = [order("1", 0), cancelled("1", 1, ("A", 4), ("B", 2))]
    assert [type(one) for one in leave(whole, 2 * 3600)] == [Order, Cancellation]


def test_at_one_time_orders_leave_before_they_are_cancelled() -> None:
    found = leave([order("1", 0), cancelled("1", 0, ("B", 1))], 0)
    assert [type(one) for one in found] == [Order, Leaving, GivenBack]
