"""The order queue: seen at once, acted on, undone; with the mouse and without."""

import re

import pytest

from tests.browser.site import Site

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
expect = playwright.expect


def opened(page, site: Site, order_id: str):
    """Open an order; return its panel."""
    page.goto(f"{site.url}/#/orders?open=web/{order_id}")
    panel = page.locator(".panel")
    expect(panel.locator(".acts")).to_be_visible()
    return panel


def stands(site: Site, order_id: str) -> dict:
    return site.api("GET", f"orders/web/{order_id}")


def test_the_key_is_asked_for_and_is_in_no_address(browser, site: Site) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(site.url)
    page.get_by_role("button", name="Use an API key instead").click()
    page.get_by_label("API key").fill("dibs_no_such")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label("API key").fill(site.key)
    page.keyboard.press("Enter")
    expect(page.locator(".state.good")).to_be_visible()
    assert site.key not in page.url
    page.goto(f"{site.url}/#key={site.key}")
    page.reload()
    expect(page.locator(".state.good")).to_be_visible()
    assert site.key not in page.url, "from the address into the tab, and out of the address"
    context.close()


def test_an_order_placed_by_the_api_appears_by_itself(page, site: Site) -> None:
    page.goto(f"{site.url}/#/orders")
    expect(page.locator(".grid, .empty").first).to_be_visible()
    site.order("fresh-1", ("SKU-00", 2))
    expect(page.get_by_role("gridcell", name="fresh-1")).to_be_visible()


def test_hold_and_release_with_undo(page, site: Site) -> None:
    site.order("held-1", ("SKU-01", 1))
    panel = opened(page, site, "held-1")
    panel.get_by_role("button", name="Hold").click()
    panel.get_by_label("Reason").select_option("payment")
    panel.locator(".doing .primary").click()
    expect(panel.locator(".holds li")).to_contain_text("payment")
    assert stands(site, "held-1")["status"] == "on_hold"
    panel.get_by_role("button", name="Release").click()
    expect(panel.locator(".holds li")).to_have_count(0)
    page.locator(".toast").last.get_by_role("button", name="Undo").click()
    expect(panel.locator(".holds li")).to_contain_text("payment")
    assert stands(site, "held-1")["holds"][0]["reason"] == "payment"


def test_one_unit_of_one_line_is_cancelled_and_comes_back(page, site: Site) -> None:
    site.order("less-1", ("SKU-02", 3), ("SKU-03", 1))
    panel = opened(page, site, "less-1")
    panel.get_by_role("button", name="Cancel one unit: SKU-02").click()
    expect(panel.locator(".lines tbody tr").first.locator("b")).to_have_text("2")
    assert stands(site, "less-1")["lines"][0]["cancelled"] == 1
    page.locator(".toast").last.get_by_role("button", name="Undo").wait_for()
    page.keyboard.press("u")
    expect(panel.locator(".lines tbody tr").first.locator("b")).to_have_text("3")
    line = stands(site, "less-1")["lines"][0]
    assert sum(part["quantity"] for part in line["allocations"]) == 3


def test_an_edit_says_what_is_wanted_and_ships(page, site: Site) -> None:
    site.order("edit-1", ("SKU-04", 1))
    panel = opened(page, site, "edit-1")
    panel.get_by_role("button", name="Edit").click()
    panel.get_by_label("Wanted: SKU-04").fill("4")
    panel.get_by_label("Note").fill("ring twice")
    panel.get_by_role("button", name="Save").click()
    expect(panel.locator(".doing")).to_have_count(0)
    expect(panel).to_contain_text("ring twice")
    panel.get_by_role("button", name="Ship").click()
    panel.get_by_label("Tracking number").fill("T-1")
    panel.locator(".doing .primary").click()
    expect(panel.locator("header .status")).to_have_text("shipped")
    assert stands(site, "edit-1")["lines"][0]["shipped"] == 4


def test_a_return_goes_into_quality_control_and_is_restocked(page, site: Site) -> None:
    site.receive("BACK", 5)
    site.order("back-1", ("BACK", 2))
    site.api("POST", "orders/web/back-1/shipments", {"shipment_id": "p-1"})
    panel = opened(page, site, "back-1")
    panel.get_by_role("button", name="Return").click()
    panel.locator(".doing .primary").click()
    panel.locator("a[href*=returns]").click()
    expect(panel.locator("header .status")).to_have_text("on its way")
    panel.get_by_role("button", name="Receive").click()
    panel.get_by_role("button", name="Receive 2 units").click()
    expect(panel).to_contain_text("waits to be inspected")
    found = site.api("GET", "stock/BACK")
    assert (found["on_hand"], found["available"], found["unavailable"]) == (5, 3, 2)
    panel.get_by_role("button", name="Inspect").click()
    panel.locator(".doing .primary").click()
    expect(panel.locator("header .status")).to_have_text("closed")
    assert site.api("GET", "stock/BACK")["available"] == 5


def test_a_refusal_says_what_to_do_and_changes_nothing(page, site: Site) -> None:
    site.receive("RARE", 1)
    before = site.order("refused-1", ("RARE", 1))
    panel = opened(page, site, "refused-1")
    panel.get_by_role("button", name="Edit").click()
    panel.get_by_label("Wanted: RARE").fill("9")
    panel.get_by_role("button", name="Save").click()
    expect(panel.get_by_role("alert")).to_contain_text("RARE")
    assert stands(site, "refused-1")["seq"] == before["seq"]


def test_many_are_held_released_and_undone_by_keys_alone(page, site: Site) -> None:
    """P9: no mouse. The queue is found, filtered, walked, selected, acted on."""
    for n in range(3):
        site.order(f"keys-{n}", ("SKU-05", 1))
    keys = page.keyboard
    keys.press("g")
    keys.press("o")
    expect(page.locator(".ag-row").first).to_be_visible()
    keys.press("/")
    keys.type("keys-")
    expect(page.locator(".count")).to_contain_text("3 orders")
    expect(page.locator(".ag-row")).to_have_count(3)
    keys.press("Escape")
    for _ in range(3):
        keys.press("j")
        keys.press("x")
    expect(page.locator(".bulk")).to_contain_text("3 selected")
    keys.press("H")
    expect(page.locator(".doing")).to_contain_text("Hold 3 orders")
    page.locator(".doing .primary").focus()
    keys.press("Enter")
    expect(page.locator(".toast").last).to_contain_text("3 orders are on hold")
    assert {stands(site, f"keys-{n}")["status"] for n in range(3)} == {"on_hold"}
    keys.press("u")
    expect(page.locator(".toast").last).to_contain_text("Undone")
    assert {stands(site, f"keys-{n}")["status"] for n in range(3)} == {"allocated"}
    keys.press("j")
    keys.press("Enter")
    expect(page.locator(".panel h2")).to_contain_text("keys-")
    keys.press("Escape")
    expect(page.locator(".panel")).to_have_count(0)
    assert "q=keys-" in page.url, "what was searched for is still searched for"
    keys.press("Control+k")
    keys.type("keys-1")
    expect(page.get_by_role("option", name="keys-1")).to_be_visible()
    keys.press("Enter")
    expect(page.locator(".panel h2")).to_have_text("keys-1")


def test_a_key_that_may_only_read_cannot_act(browser, site: Site) -> None:
    site.order("look-1", ("SKU-06", 1))
    context = browser.new_context(locale="en-GB")
    page = context.new_page()
    page.goto(f"{site.url}/#key={(site.dibs.folder / 'page.key').read_text().strip()}")
    panel = opened(page, site, "look-1")
    cancel = panel.get_by_role("button", name="Cancel one unit: SKU-06")
    expect(cancel).to_be_disabled()
    expect(cancel).to_have_attribute("title", re.compile("scope"))
    assert "cancelled" not in stands(site, "look-1")["lines"][0]
    context.close()
