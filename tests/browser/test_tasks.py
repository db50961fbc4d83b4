"""What somebody does every day (a sale is in `test_stock`): how many clicks and keys each takes,
and how long until the screen shows what came of it. Both are printed; a task that grows beyond
its clicks fails.
"""

import time
from collections.abc import Callable

import pytest

from tests.browser.site import Site

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
expect = playwright.expect
ACTS_MAX = 8


class Hand:
    """Clicks, presses and fills, and counts them. `shows` waits for what must be seen."""

    def __init__(self, page) -> None:
        self.page, self.clicks, self.keys, self.fields = page, 0, 0, 0
        self._acted = self.seconds = 0.0

    def click(self, where) -> None:
        """Click once."""
        where.wait_for()
        self._acted, self.clicks = time.perf_counter(), self.clicks + 1
        where.click()

    def press(self, key: str) -> None:
        """Press one key, or one with Ctrl."""
        self._acted, self.keys = time.perf_counter(), self.keys + 1
        self.page.keyboard.press(key)

    def fill(self, where, text: str) -> None:
        """Fill one field that is shown."""
        where.wait_for()
        self._acted, self.fields = time.perf_counter(), self.fields + 1
        where.fill(text)

    def shows(self, where, text: str) -> None:
        """Wait until it is seen; the time since the last act counts."""
        expect(where.filter(has_text=text).first).to_be_visible()
        self.seconds = time.perf_counter() - self._acted


def button(page, name: str):
    return page.get_by_role("button", name=name).last


def find_an_order(hand: Hand, page) -> None:
    hand.press("Control+k")
    hand.fill(page.get_by_role("combobox").last, "find-me")
    page.get_by_role("option", name="find-me").wait_for()
    hand.press("Enter")
    hand.shows(page.locator(".panel h2"), "find-me")


def say_why_it_ships_from_there(hand: Hand, page) -> None:
    hand.click(page.get_by_role("gridcell", name="find-me"))
    hand.shows(page.locator(".why"), "leaves from berlin")


def release_all_that_are_paid(hand: Hand, page) -> None:
    hand.shows(page.locator(".count"), "3 orders")
    hand.click(page.get_by_label("Column with Header Selection").last)
    page.locator(".bulk").wait_for()
    hand.press("R")
    hand.click(button(page, "Release 3 orders"))
    hand.shows(page.locator(".toast"), "3 orders are released")


def cancel_one_unit(hand: Hand, page) -> None:
    hand.click(page.get_by_role("gridcell", name="find-me"))
    hand.click(page.get_by_role("button", name="Cancel one unit: SKU-20"))
    hand.shows(page.locator(".toast"), "One SKU-20 is cancelled")


def adjust_with_a_reason(hand: Hand, page) -> None:
    hand.click(page.get_by_role("gridcell", name="SKU-00"))
    page.locator(".numbers").wait_for()
    hand.press("a")
    hand.fill(page.get_by_role("spinbutton"), "-2")
    hand.fill(page.locator(".doing input[list]"), "theft")
    hand.press("Enter")
    hand.shows(page.locator(".toast"), "corrected by -2")


def see_what_channels_show_and_why(hand: Hand, page) -> None:
    hand.click(page.get_by_role("gridcell", name="SKU-00"))
    hand.shows(page.locator(".panel tr"), "above its cap")


def receive_half_a_purchase_order(hand: Hand, page) -> None:
    hand.click(page.get_by_role("gridcell", name="PO-HALF"))
    page.locator(".panel .acts").wait_for()
    hand.press("r")
    hand.click(button(page, "Half"))
    hand.click(button(page, "Receive 5 units"))
    hand.shows(page.locator(".panel .why"), "5 units are still to come")


def take_a_return_back_to_the_shelf(hand: Hand, page) -> None:
    hand.click(page.get_by_role("gridcell", name="sent-1"))
    hand.click(page.locator(".acts").get_by_role("button", name="Return"))
    hand.click(page.locator(".doing .primary"))
    hand.click(page.locator(".panel a[href*=returns]"))
    act = page.locator(".panel .acts button")
    expect(act.filter(has_text="Receive")).to_be_enabled()
    hand.press("r")
    hand.click(button(page, "Receive 1 unit"))
    expect(act.filter(has_text="Inspect")).to_be_enabled()
    hand.press("i")
    hand.click(page.locator(".doing .primary"))
    hand.shows(page.locator(".panel header .status"), "closed")


def export_orders(hand: Hand, page) -> None:
    with page.expect_download() as saved:
        hand.click(button(page, "Export"))
    assert saved.value.path().read_text("utf-8-sig").startswith("order_id,channel,status")
    hand.shows(page.locator(".count"), "order")


TASKS: dict[str, tuple[str, Callable[[Hand, object], None]]] = {
    "find an order by a part of its id": ("now", find_an_order),
    "say why it ships from where it ships": ("orders?q=find-me", say_why_it_ships_from_there),
    "release all held for payment": ("orders?q=paid-&status=on_hold", release_all_that_are_paid),
    "cancel one unit of one line": ("orders?q=find-me", cancel_one_unit),
    "adjust a position, with a reason": ("stock?q=SKU-00", adjust_with_a_reason),
    "see what channels show, and why": ("stock?q=SKU-00", see_what_channels_show_and_why),
    "receive half a purchase order": ("purchases?q=half", receive_half_a_purchase_order),
    "a return: book, receive, restock": ("orders?q=sent-1", take_a_return_back_to_the_shelf),
    "export orders": ("orders", export_orders),
}


def test_daily_tasks_take_few_clicks(page, site: Site) -> None:
    site.order("find-me", ("SKU-20", 3))
    for n in range(3):
        site.order(f"paid-{n}", ("SKU-21", 1))
        hold = {"hold_id": "h", "reason": "payment"}
        site.api("POST", f"orders/web/paid-{n}/holds", hold)
    site.order("sent-1", ("SKU-22", 1))
    site.api("POST", "orders/web/sent-1/shipments", {"shipment_id": "p"})
    lines = [{"sku": "BOUGHT", "quantity": 10}]
    half = {"location": "berlin", "expected_at": "2030-01-01T08:00:00Z", "lines": lines}
    site.api("PUT", "purchase-orders/PO-HALF", half)
    for name, (place, task) in TASKS.items():
        page.goto("about:blank")
        page.goto(f"{site.url}/#/{place}")
        page.locator(".grid, .tile").first.wait_for()
        hand = Hand(page)
        task(hand, page)
        acts = f"{hand.clicks} clicks, {hand.keys} keys, {hand.fields} fields"
        print(f"\n{name}: {acts}; shown after {1_000 * hand.seconds:.0f} ms", end="")
        assert hand.clicks + hand.keys <= ACTS_MAX, name
