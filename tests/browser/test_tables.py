"""What the console asks of the views: orders by customer and tracking number, by day, as a file;
what made a number of the stock."""

import csv
import io

import pytest

from tests.browser.site import Site

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
expect = playwright.expect


@pytest.mark.parametrize("words", ["ngström", "00417", "RCEL-9"])
def test_orders_are_found_by_customer_tracking_and_parcel(page, site: Site, words: str) -> None:
    name = f"seek-{words}"
    site.order(name, ("SKU-07", 1), customer=f"Zoë Ångström {words}")
    shipped = {"shipment_id": f"PARCEL-9-{words}", "tracking_number": f"JD{words}004170"}
    site.api("POST", f"orders/web/{name.replace('ö', '%C3%B6')}/shipments", shipped)
    page.goto(f"{site.url}/#/orders")
    page.keyboard.press("/")
    page.keyboard.type(words)
    row = page.locator(".ag-row", has=page.get_by_role("gridcell", name=name, exact=True))
    expect(row).to_be_visible()
    expect(row).to_contain_text("shipped")
    page.keyboard.press("Escape")
    page.keyboard.press("Control+k")
    page.keyboard.type(words)
    expect(page.get_by_role("option", name=name)).to_be_visible()


def test_the_orders_of_a_day_are_a_file_by_a_click(page, site: Site) -> None:
    site.order("today-1", ("SKU-08", 2))
    page.goto(f"{site.url}/#/orders?q=today-1")
    expect(page.locator(".ag-row")).to_have_count(1)
    page.get_by_label("Placed").select_option("today")
    expect(page.locator(".ag-row")).to_have_count(1)
    with page.expect_download() as saved:
        page.get_by_role("button", name="Export").click()
    rows = list(csv.DictReader(io.StringIO(saved.value.path().read_text("utf-8-sig"))))
    assert [(row["order_id"], row["units"]) for row in rows] == [("today-1", "2")]
    page.get_by_role("button", name="Yesterday").click()
    expect(page.get_by_text("No order is like that")).to_be_visible()


def test_a_number_leads_to_the_movements_that_made_it(page, site: Site) -> None:
    site.api("PUT", "skus/TRACED", {"title": "Traced"})
    site.receive("TRACED", 9)
    site.order("traced-1", ("TRACED", 2))
    page.goto(f"{site.url}/#/stock?open=TRACED")
    row = page.locator(".panel tr", has_text="berlin").first
    row.get_by_role("button", name="7").click()
    made = page.get_by_role("region", name="What made this number")
    lines = made.locator("tbody tr")
    expect(lines).to_have_count(2)
    expect(lines.first).to_contain_text("traced-1")
    expect(lines.first.locator("td").last).to_have_text("7")
    expect(lines.last).to_contain_text("Receipt")
    expect(lines.last.locator("td").last).to_have_text("9")
    row.get_by_role("button", name="2").click()  # allocated
    expect(lines).to_have_count(1)
    lines.first.get_by_role("link", name="traced-1").click()
    expect(page.locator(".panel h2")).to_have_text("traced-1")


def test_no_column_of_a_sku_is_cut(page, site: Site) -> None:
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto(f"{site.url}/#/stock?open=SKU-30")
    table = page.locator(".panel .scroll").first
    expect(table).to_contain_text("lyon")
    for language in ("en", "tr"):
        page.evaluate(f"localStorage.setItem('dibs language', '{language}')")
        page.reload()
        expect(table).to_contain_text("lyon")
        wide, room = table.evaluate("it => [it.scrollWidth, it.clientWidth]")
        assert wide <= room, language
