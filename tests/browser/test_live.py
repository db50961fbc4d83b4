"""The live channel in the browser: nothing is asked again and again, what is old is called old, and
the demo comes and goes without a trace on what was there."""

import os
import signal

import pytest

from tests.browser.site import Site, becomes

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
expect = playwright.expect
QUIET_MS = 4_000
LONG_MS = 60_000


@pytest.mark.parametrize("place", ["orders?open=web/quiet-1", "stock?open=SKU-40", "now"])
def test_a_tab_asks_nothing_while_nothing_happens(page, site: Site, place: str) -> None:
    site.order("quiet-1", ("SKU-40", 1))
    page.goto(f"{site.url}/#/{place}")
    page.locator(".panel .lines, .panel .numbers, .tile").first.wait_for()
    page.wait_for_timeout(5 * QUIET_MS)  # lists are read a few times after the last change
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(QUIET_MS)
    assert asked == []


def test_an_open_order_shows_what_others_do_to_it(page, site: Site) -> None:
    site.order("other-1", ("SKU-41", 1))
    page.goto(f"{site.url}/#/orders?open=web/other-1")
    expect(page.locator(".panel header .status")).to_have_text("allocated")
    site.api("POST", "orders/web/other-1/holds", {"hold_id": "h", "reason": "review"})
    expect(page.locator(".panel header .status")).to_have_text("on hold")
    expect(page.locator(".panel .holds li")).to_contain_text("review")
    row = page.locator(".ag-row", has_text="other-1")
    expect(row).to_contain_text("on hold")


def test_an_order_leaves_the_queue_of_a_status_when_it_has_another(page, site: Site) -> None:
    site.order("leaves-1", ("SKU-42", 1))
    site.api("POST", "orders/web/leaves-1/holds", {"hold_id": "h", "reason": "review"})
    page.goto(f"{site.url}/#/orders?status=on_hold&q=leaves")
    expect(page.get_by_role("gridcell", name="leaves-1")).to_be_visible()
    site.api("POST", "orders/web/leaves-1/holds/h/release", {})
    expect(page.get_by_role("gridcell", name="leaves-1")).to_have_count(0)


def test_what_is_old_is_called_old_until_the_server_is_back(page, site: Site) -> None:
    site.order("stale-1", ("SKU-43", 1))
    page.goto(f"{site.url}/#/orders?q=stale-")
    expect(page.get_by_role("gridcell", name="stale-1")).to_be_visible()
    site.dibs.stop()
    expect(page.locator(".stale")).to_contain_text("as of")
    expect(page.get_by_role("gridcell", name="stale-1")).to_be_visible()
    site.dibs.start()
    expect(page.locator(".stale")).to_have_count(0, timeout=LONG_MS)
    site.order("stale-2", ("SKU-43", 1))
    expect(page.get_by_role("gridcell", name="stale-2")).to_be_visible(timeout=LONG_MS)


def signal_all(processes: list[int], what: signal.Signals) -> None:
    for pid in processes:
        os.kill(pid, what)


def test_what_is_looked_for_comes_however_late_the_views_are(page, site: Site) -> None:
    page.goto(f"{site.url}/#/orders?q=late-")
    expect(page.get_by_text("No order is like that")).to_be_visible()
    views = site.dibs.followers()
    assert views
    signal_all(views, signal.SIGSTOP)
    try:
        site.order("late-1", ("SKU-43", 1))
        page.wait_for_timeout(3 * QUIET_MS)  # longer than a list is read after the last change
    finally:
        signal_all(views, signal.SIGCONT)
    expect(page.get_by_role("gridcell", name="late-1")).to_be_visible(timeout=LONG_MS)


def test_half_an_answer_is_asked_for_again(page, site: Site) -> None:
    site.order("half-1", ("SKU-43", 1))
    assert becomes(lambda: site.views_find("half-"), 1)
    page.route(
        "**/v1/views/orders*", lambda route: route.fulfill(status=200, body='{"orders": ['), times=1
    )
    page.goto(f"{site.url}/#/orders?q=half-")
    expect(page.get_by_role("gridcell", name="half-1")).to_be_visible(timeout=LONG_MS)


def test_picked_short_is_had_from_elsewhere(page, site: Site) -> None:
    """The picker says that one of two is not there; the other location is asked for it."""
    site.order("short-1", ("SKU-44", 2))
    page.goto(f"{site.url}/#/orders?open=web/short-1")
    panel = page.locator(".panel")
    panel.get_by_role("button", name="Fulfil").click()
    for word in ("asked for", "accepted", "picking"):
        expect(panel.locator(".work .status").first).to_have_text(word)
        if word != "picking":
            page.keyboard.press("n")
    page.keyboard.press("m")
    panel.get_by_role("button", name="1 unit is not there").click()
    expect(panel.locator(".work")).to_have_count(2)
    expect(panel.locator(".work").last).to_contain_text("lyon")
    assert site.api("GET", "orders/web/short-1")["fulfillments"][1]["location"] == "lyon"


def test_work_is_taken_back_by_undo(page, site: Site) -> None:
    site.order("undone-1", ("SKU-45", 1))
    page.goto(f"{site.url}/#/orders?open=web/undone-1")
    page.locator(".panel .acts").first.wait_for()
    page.keyboard.press("f")
    expect(page.locator(".panel header .status")).to_have_text("released")
    page.locator(".toast").last.get_by_role("button", name="Undo").wait_for()
    page.keyboard.press("u")
    expect(page.locator(".panel header .status")).to_have_text("allocated")


def test_nobody_can_buy_before_a_sale_begins_and_it_can_be_called_off(page, site: Site) -> None:
    site.api("PUT", "skus/SOON", {"title": "Soon"})
    site.receive("SOON", 4)
    page.goto(f"{site.url}/#/flash?skus=SOON")
    page.get_by_role("button", name="in 10 minutes").click()
    page.get_by_role("button", name="Schedule 1 SKU").click()
    expect(page.locator(".why")).to_contain_text("4 units are kept back")
    assert site.api("GET", "stock/SOON")["available"] == 0
    page.reload()
    expect(page.locator(".why")).to_contain_text("4 units are kept back")
    page.get_by_role("button", name="Call it off").click()
    expect(page.locator(".toast").last).to_contain_text("called off")
    assert becomes(lambda: site.api("GET", "stock/SOON")["available"], 4)


def test_the_demo_is_loaded_and_removed_by_one_click_each(page, site: Site) -> None:
    before = site.api("GET", "stock/SKU-50")
    page.keyboard.press("Control+k")
    page.get_by_role("combobox").last.fill("load demo")
    page.get_by_role("option", name="Load demo data").click()
    expect(page.locator(".toast").last).to_contain_text("40 orders", timeout=LONG_MS)
    expect(page.get_by_role("gridcell", name="demo-1-039")).to_be_visible()
    page.keyboard.press("Control+k")
    page.get_by_role("combobox").last.fill("remove demo")
    page.get_by_role("option", name="Remove demo data").click()
    expect(page.locator(".toast").last).to_contain_text("is gone", timeout=LONG_MS)
    stock = site.api("GET", "stock/DEMO-MUG-RED")
    assert (stock["on_hand"], stock["allocated"]) == (0, 0)
    assert site.api("GET", "stock/SKU-50") | {"seq": 0} == before | {"seq": 0}
    assert not site.api("GET", "orders?channel=demo&status=allocated")["orders"]
