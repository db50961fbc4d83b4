"""What somebody does every day, as hands do it: clicks and keys are counted, and the time from the
last of them until the screen shows what came of it.

    python -m tests.browser.tasks docs/console.md

starts a server of its own with views, does all of them a few times, and writes the table into the
page, between its marks. `test_tasks` does each once.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import expect, sync_playwright

from tests.browser.site import OPTIONS, Site, becomes, chromium_path
from tests.processes import Dibs

TIMES = 5
MARKS = ("<!-- tasks: begin -->\n", "<!-- tasks: end -->")
_SALE_S = 3


class Hand:
    """Clicks, presses and fills, and counts them. `shows` waits for what must be seen."""

    def __init__(self, page: Any) -> None:
        self.page, self.clicks, self.keys, self.fields = page, 0, 0, 0
        self._acted = self.seconds = 0.0

    def click(self, where: Any) -> None:
        """Click once."""
        where.wait_for()
        self._acted, self.clicks = time.perf_counter(), self.clicks + 1
        where.click()

    def press(self, key: str) -> None:
        """Press one key, or one with Ctrl."""
        self._acted, self.keys = time.perf_counter(), self.keys + 1
        self.page.keyboard.press(key)

    def fill(self, where: Any, text: str) -> None:
        """Fill one field that is shown."""
        where.wait_for()
        self._acted, self.fields = time.perf_counter(), self.fields + 1
        where.fill(text)

    def happens(self) -> None:
        """Something happens outside that the screen is to show."""
        self._acted = time.perf_counter()

    def shows(self, where: Any, text: str) -> None:
        """Wait until it is seen; the time since the last act counts."""
        expect(where.filter(has_text=text).first).to_be_visible()
        self.seconds = time.perf_counter() - self._acted


def button(page: Any, name: str) -> Any:
    """The last button of this name."""
    return page.get_by_role("button", name=name).last


def cell(page: Any, name: str) -> Any:
    """A cell of the grid."""
    return page.get_by_role("gridcell", name=name, exact=True)


def find_by_tracking(hand: Hand, page: Any, site: Site, n: str) -> None:
    """Ctrl K, a part of the tracking number, Enter."""
    hand.press("Control+k")
    hand.fill(page.get_by_role("combobox").last, f"0940{n}")
    page.get_by_role("option", name=f"sent-{n}").wait_for()
    hand.press("Enter")
    hand.shows(page.locator(".panel h2"), f"sent-{n}")


def find_by_customer(hand: Hand, page: Any, site: Site, n: str) -> None:
    """Ctrl K, a part of the name, Enter."""
    hand.press("Control+k")
    hand.fill(page.get_by_role("combobox").last, f"lovelace{n}")
    page.get_by_role("option", name=f"find-{n}").wait_for()
    hand.press("Enter")
    hand.shows(page.locator(".panel h2"), f"find-{n}")


def say_why_it_ships_from_there(hand: Hand, page: Any, site: Site, n: str) -> None:
    """Open it."""
    hand.click(cell(page, f"find-{n}"))
    hand.shows(page.locator(".why"), "leaves from berlin")


def release_all_that_are_paid(hand: Hand, page: Any, site: Site, n: str) -> None:
    """One button, one look at what will happen, one more."""
    hand.click(button(page, "Release 3 that are paid"))
    hand.click(button(page, "Release 3 orders"))
    hand.shows(page.locator(".toast"), "3 orders are released")


def cancel_one_unit(hand: Hand, page: Any, site: Site, n: str) -> None:
    """Open it, and take one off the line."""
    hand.click(cell(page, f"find-{n}"))
    hand.click(page.get_by_role("button", name="Cancel one unit: SKU-20"))
    hand.shows(page.locator(".toast"), "One SKU-20 is cancelled")


def adjust_with_a_reason(hand: Hand, page: Any, site: Site, n: str) -> None:
    """Open it, `a`, how many, why, Enter."""
    hand.click(cell(page, "SKU-00"))
    page.locator(".numbers").wait_for()
    hand.press("a")
    hand.fill(page.get_by_role("spinbutton"), "-2")
    hand.fill(page.locator(".doing input[list]"), "theft")
    hand.press("Enter")
    hand.shows(page.locator(".toast"), "corrected by -2")


def see_what_channels_show_and_why(hand: Hand, page: Any, site: Site, n: str) -> None:
    """Open it."""
    hand.click(cell(page, "SKU-00"))
    hand.shows(page.locator(".panel tr"), "above its cap")


def receive_half_a_purchase_order(hand: Hand, page: Any, site: Site, n: str) -> None:
    """Open it, `r`, half, receive."""
    hand.click(cell(page, f"PO-HALF-{n}"))
    page.locator(".panel .acts").wait_for()
    hand.press("r")
    hand.click(button(page, "Half"))
    hand.click(button(page, "Receive 5 units"))
    hand.shows(page.locator(".panel .why"), "5 units are still to come")


def book_a_return(hand: Hand, page: Any, site: Site, n: str) -> None:
    """Book what has left, and receive it: it waits in quality control."""
    hand.click(cell(page, f"sent-{n}"))
    page.locator(".acts").get_by_role("button", name="Return").wait_for()
    hand.press("b")
    hand.click(page.locator(".doing .primary"))
    hand.click(page.locator(".panel a[href*=returns]"))
    expect(page.locator(".panel .acts button").filter(has_text="Receive")).to_be_enabled()
    hand.press("r")
    hand.click(button(page, "Receive 1 unit"))
    hand.shows(page.locator(".panel .acts button:enabled"), "Inspect")


def restock_it(hand: Hand, page: Any, site: Site, n: str) -> None:
    """Inspect what has come: back to the shelf."""
    hand.click(cell(page, f"sent-{n}"))
    expect(page.locator(".panel .acts button").filter(has_text="Inspect")).to_be_enabled()
    hand.press("i")
    hand.click(page.locator(".doing .primary"))
    hand.shows(page.locator(".panel header .status"), "closed")


def plan_a_flash_sale(hand: Hand, page: Any, site: Site, n: str) -> None:
    """SKU, time, schedule; it opens by itself, and is seen to sell out."""
    when = page.evaluate(
        "s => { const at = new Date(Date.now() + 1000 * s);"
        " return new Date(at - 60000 * at.getTimezoneOffset()).toISOString().slice(0, 19) }",
        _SALE_S,
    )
    hand.fill(page.locator("textarea"), f"HOT-{n}")
    hand.fill(page.locator("input[type=datetime-local]"), when)
    hand.click(button(page, "Schedule 1 SKU"))
    hand.shows(page.locator(".now [role=status]"), "Begins")
    shown_s = hand.seconds
    expect(page.locator(".now [role=status]")).to_have_text("It runs", timeout=20_000)
    row = page.locator("tbody tr")
    expect(row).to_contain_text("on sale")
    site.order(f"hot-{n}", (f"HOT-{n}", 5))
    hand.happens()
    hand.shows(page.locator(".now [role=status]"), "sold out")
    expect(row.locator("td").nth(2)).to_have_text("5")
    hand.seconds = max(hand.seconds, shown_s)


def export_orders(hand: Hand, page: Any, site: Site, n: str) -> None:
    """One button."""
    with page.expect_download() as saved:
        hand.click(button(page, "Export"))
    hand.shows(page.locator(".count"), "order")
    assert saved.value.path().read_text("utf-8-sig").startswith("channel,order_id,status")


def ship_an_order(hand: Hand, page: Any, site: Site, n: str) -> None:
    """Fulfil, accept, pick, pack, ship with a tracking number: keys only."""
    hand.click(cell(page, f"ship-{n}"))
    page.locator(".panel .acts").wait_for()
    hand.press("f")
    for word in ("asked for", "accepted", "picking"):
        expect(page.locator(".work .status")).to_contain_text(word)
        hand.press("n")
    expect(page.locator(".work .status")).to_contain_text("packed")
    hand.press("n")
    hand.fill(page.locator(".doing").get_by_label("Tracking number"), f"TRACK-{n}")
    hand.press("Enter")
    hand.shows(page.locator(".panel header .status"), "shipped")


Task = tuple[str, Callable[[Hand, Any, Site, str], None]]
TASKS: dict[str, Task] = {
    "find an order by a part of its tracking number": ("now", find_by_tracking),
    "find an order by a part of its customer": ("now", find_by_customer),
    "say why it ships from where it ships": ("orders?q=find-", say_why_it_ships_from_there),
    "release all held for payment that are paid (3)": (
        "exceptions?reason=payment",
        release_all_that_are_paid,
    ),
    "cancel one unit of one line": ("orders?q=find-", cancel_one_unit),
    "adjust a position, with a reason": ("stock?q=SKU-00", adjust_with_a_reason),
    "see what each channel shows of a SKU, and why": (
        "stock?q=SKU-00",
        see_what_channels_show_and_why,
    ),
    "receive half a purchase order": ("purchases?q=half", receive_half_a_purchase_order),
    "book a return and receive it into quality control": ("orders?q=sent-", book_a_return),
    "restock it after inspection": ("returns", restock_it),
    "plan a flash sale and watch it sell out": ("flash", plan_a_flash_sale),
    "export the orders that are shown": ("orders", export_orders),
    "fulfil an order: accept, pick, pack, ship with tracking": ("orders?q=ship-", ship_an_order),
}


def prepare(site: Site, n: str) -> None:
    """What the tasks of round `n` are done with."""
    site.order(f"find-{n}", ("SKU-20", 3), customer=f"Ada Lovelace{n}")
    site.order(f"ship-{n}", ("SKU-23", 1))
    for at in range(4):
        name = f"paid-{n}-{at}"
        site.order(name, ("SKU-21", 1), payment="paid" if at else "pending")
        site.api("POST", f"orders/web/{name}/holds", {"hold_id": "h", "reason": "payment"})
    site.order(f"sent-{n}", ("SKU-22", 1))
    parcel = {"shipment_id": "p", "carrier": "dhl", "tracking_number": f"00340940{n}55"}
    site.api("POST", f"orders/web/sent-{n}/shipments", parcel)
    lines = [{"sku": "BOUGHT", "quantity": 10}]
    half = {"location": "berlin", "expected_at": "2030-01-01T08:00:00Z", "lines": lines}
    site.api("PUT", f"purchase-orders/PO-HALF-{n}", half)
    site.api("PUT", f"skus/HOT-{n}", {"title": "Hot"})
    site.receive(f"HOT-{n}", 5)
    assert becomes(lambda: site.views_find(f"0940{n}55"), 1)


def do(page: Any, site: Site, name: str, n: str) -> Hand:
    """Do one task; return the hand that did it."""
    place, task = TASKS[name]
    page.goto("about:blank")
    page.goto(f"{site.url}/#/{place}")
    page.locator(".grid, .tile, .doing").first.wait_for()
    hand = Hand(page)
    task(hand, page, site, n)
    return hand


def main(path: Path) -> None:
    """Do all tasks `TIMES` times, and write what they took into a page."""
    hands: dict[str, list[Hand]] = {name: [] for name in TASKS}
    with (
        tempfile.TemporaryDirectory(prefix="dibs-tasks-") as folder,
        sync_playwright() as driver,
        Dibs(Path(folder), views=True) as dibs,
    ):
        site = Site(dibs)
        site.furnish()
        browser = driver.chromium.launch(executable_path=chromium_path(), args=list(OPTIONS))
        page = browser.new_page(viewport={"width": 1440, "height": 900}, locale="en-GB")
        page.goto(f"{site.url}/#key={site.key}")
        for turn in range(TIMES):
            prepare(site, f"7{turn}")
            for name in TASKS:
                hands[name].append(do(page, site, name, f"7{turn}"))
        browser.close()
    rows = ["| task | clicks | keys | fields | shown after, median | longest |", "|---" * 6 + "|"]
    for name, done in hands.items():
        ms = [1_000 * hand.seconds for hand in done]
        took = f"{statistics.median(ms):.0f} ms | {max(ms):.0f} ms"
        rows.append(f"| {name} | {done[0].clicks} | {done[0].keys} | {done[0].fields} | {took} |")
    before, _, rest = path.read_text().partition(MARKS[0])
    after = rest.partition(MARKS[1])[2]
    path.write_text(f"{before}{MARKS[0]}" + "\n".join(rows) + f"\n{MARKS[1]}{after}")
    print("\n".join(rows))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
