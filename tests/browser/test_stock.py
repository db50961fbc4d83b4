"""Stock: live under load, papers with undo, imports with bad rows, a restart of the server."""

import pytest

from tests.browser.site import Shoppers, Site, becomes

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
expect = playwright.expect
CHANGES_A_SECOND = 2_000
SECONDS = 5

# Counts frames until asked, and the longest time between two.
FRAMES = """() => {
  window.frames_seen = 0; window.frame_longest = 0; window.frames_begun = performance.now();
  let last = performance.now();
  const next = (now) => {
    window.frames_seen++;
    window.frame_longest = Math.max(window.frame_longest, now - last);
    last = now;
    requestAnimationFrame(next);
  };
  requestAnimationFrame(next);
}"""
COUNTED = """() => [1000 * window.frames_seen / (performance.now() - window.frames_begun),
  window.frame_longest]"""


def available(page, sku: str) -> int:
    """The number in the grid's cell."""
    cell = page.locator(f'.ag-row[row-id="{sku}"] [col-id="available"]')
    return int(cell.inner_text().replace(",", ""))


def test_the_grid_follows_two_thousand_changes_a_second(page, site: Site, record_property) -> None:
    page.goto(f"{site.url}/#/stock")
    expect(page.locator(".count")).to_contain_text("live")
    before = available(page, "SKU-00")
    shoppers = Shoppers(site, CHANGES_A_SECOND)
    shoppers.start()
    page.evaluate(FRAMES)
    page.wait_for_timeout(SECONDS * 1_000)
    rate, longest = page.evaluate(COUNTED)
    changes = shoppers.stop()
    print(f"\n{changes:.0f} changes/s: {rate:.0f} frames/s, longest frame {longest:.0f} ms")
    record_property("frames_a_second", round(rate, 1))
    record_property("longest_frame_ms", round(longest, 1))
    truth = site.api("GET", "stock/SKU-00")["available"]
    cell = page.locator('.ag-row[row-id="SKU-00"] [col-id="available"]')
    expect(cell).to_have_text(f"{truth:,}")
    assert truth < before, "somebody bought"


def test_papers_move_stock_and_are_taken_back(page, site: Site) -> None:
    site.receive("COUNTED", 10)
    page.goto(f"{site.url}/#/stock?open=COUNTED")
    panel = page.locator(".panel")
    expect(panel.get_by_role("cell", name="berlin")).to_be_visible()
    for key, number, after in (("r", "5", 15), ("a", "-3", 7), ("c", "8", 8), ("t", "4", 6)):
        page.keyboard.press(key)
        panel.locator(".doing input").first.fill(number)
        expect(panel.locator(".preview")).to_contain_text(f"→ {after}")
        panel.locator(".doing .primary").click()
        expect(panel.locator(".doing")).to_have_count(0)
        assert site.on_hand("COUNTED") == after
        page.locator(".toast").last.get_by_role("button", name="Undo").click()
        assert becomes(lambda: site.on_hand("COUNTED"), 10)


def test_what_each_channel_is_shown_and_why(page, site: Site) -> None:
    page.goto(f"{site.url}/#/stock?open=SKU-30")
    row = page.locator(".panel tr", has_text="web")
    expect(row.locator("b")).to_have_text("50")
    expect(row).to_contain_text("above its cap")


def test_an_import_has_a_dry_run_and_gives_bad_rows_back(page, site: Site, tmp_path) -> None:
    site.receive("COUNTED", 1, "lyon")
    was = site.on_hand("COUNTED", "lyon")
    rows = [
        "location;sku;on_hand",
        f"lyon;COUNTED;{was + 6}",
        "lyon;NO-SUCH;3",
        "lyon;SKU-00;many",
        "nowhere;SKU-00;1",
        f"lyon;COUNTED;{was}",
    ]
    file = tmp_path / "counts.csv"
    file.write_text("\ufeff" + "\r\n".join(rows) + "\r\n")
    page.goto(f"{site.url}/#/stock?panel=import")
    expect(page.locator(".ag-row").first).to_be_visible()
    panel = page.locator(".panel")
    panel.get_by_label("CSV file").set_input_files(file)
    expect(panel.get_by_role("status")).to_contain_text("1 row would change something")
    expect(panel).to_contain_text("4 bad rows")
    assert site.on_hand("COUNTED", "lyon") == was, "a dry run changes nothing"
    panel.locator(".doing .primary").click()
    expect(page.locator(".toast").last).to_contain_text("1 row imported")
    assert site.on_hand("COUNTED", "lyon") == was + 6
    with page.expect_download() as saved:
        panel.get_by_role("button", name="Download them").click()
    text = (saved.value.path()).read_text(encoding="utf-8-sig")
    assert text.splitlines()[0] == "location,sku,on_hand,error"
    assert [line.split(",")[1] for line in text.splitlines()[1:]] == [
        "NO-SUCH",
        "SKU-00",
        "SKU-00",
        "COUNTED",
    ]


def test_half_a_purchase_order_is_received(page, site: Site) -> None:
    lines = [{"sku": "BOUGHT", "quantity": 40}]
    order = {"location": "berlin", "expected_at": "2030-01-01T08:00:00Z", "lines": lines}
    site.api("PUT", "purchase-orders/PO-1", order)
    page.goto(f"{site.url}/#/purchases?open=PO-1")
    panel = page.locator(".panel")
    expect(panel).to_contain_text("40 units are still to come")
    page.keyboard.press("r")
    panel.get_by_role("button", name="Half").click()
    panel.get_by_role("button", name="Receive 20 units").click()
    expect(panel).to_contain_text("20 units are still to come")
    assert site.on_hand("BOUGHT") == 20


def test_a_sale_is_watched_until_it_is_sold_out(page, site: Site) -> None:
    site.api("PUT", "skus/HOT", {"title": "Hot"})
    site.receive("HOT", 5)
    page.goto(f"{site.url}/#/flash?skus=HOT")
    page.get_by_role("button", name="Watch 1 SKU").click()
    expect(page.locator(".now [role=status]")).to_have_text("It runs")
    row = page.locator("tbody tr")
    expect(row).to_contain_text("on sale")
    page.wait_for_timeout(700)  # the sale's first point; what was there before it is the start
    site.order("hot-1", ("HOT", 5))
    expect(page.locator(".now [role=status]")).to_contain_text("sold out")
    expect(row.locator("td").nth(2)).to_have_text("5")


def test_it_goes_on_after_the_server_was_restarted(page, site: Site) -> None:
    """The screen says that nobody answers, keeps what it shows, and goes on by itself."""
    page.goto(f"{site.url}/#/stock?open=SKU-10")
    expect(page.locator(".count")).to_contain_text("live")
    site.dibs.stop()
    expect(page.locator(".state.bad")).to_contain_text("No answer")
    assert page.locator(".ag-row").count() > 10
    site.dibs.start()
    expect(page.locator(".state.good")).to_be_visible()
    site.order("after-1", ("SKU-10", 7))
    truth = site.api("GET", "stock/SKU-10")["available"]
    expect(page.locator('.ag-row[row-id="SKU-10"] [col-id="available"]')).to_have_text(f"{truth:,}")
