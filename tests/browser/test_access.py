"""For everybody: no serious finding of axe, on every page, light and dark; and both languages."""

import json
from pathlib import Path

import pytest

from tests.browser.site import Site

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
expect = playwright.expect
axe = pytest.importorskip("axe_playwright_python", reason="axe-playwright-python is not installed")
AXE = (Path(axe.__file__).parent / "axe.min.js").read_text()
SERIOUS = {"serious", "critical"}
PLACES = (
    ("now", ".tile"),
    ("orders?open=web/access-1", ".panel .acts"),
    ("stock?open=SKU-00", ".panel .numbers"),
    ("stock?panel=import", ".panel .doing"),
    ("returns", ".grid, .empty"),
    ("exceptions", ".grid, .empty"),
    ("purchases?panel=new", ".panel .doing"),
    ("locations?open=berlin", ".panel .doing"),
    ("channels?open=web", ".panel .doing"),
    ("connections", ".empty"),
    ("flash", ".doing"),
    ("settings", ".card"),
)


def findings(page) -> list[str]:
    """Return what axe finds serious."""
    found = page.evaluate("async () => JSON.stringify((await axe.run()).violations)")
    return [
        f"{each['id']}: {node['html'][:120]}"
        for each in json.loads(found)
        if each["impact"] in SERIOUS
        for node in each["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_serious_finding_on_any_page(page, site: Site, scheme: str) -> None:
    order = {"order_id": "access-1", "channel": "web", "lines": [{"sku": "SKU-00", "quantity": 1}]}
    site.api("POST", "orders", order)
    hold = {"hold_id": "h", "reason": "review"}
    site.api("POST", "orders/web/access-1/holds", hold)
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.evaluate(AXE)
    wrong = {}
    for place, shown in PLACES:
        page.goto(f"{site.url}/#/{place}")
        expect(page.locator(shown).first).to_be_visible()
        if found := findings(page):
            wrong[place] = found
    page.keyboard.press("?")
    expect(page.locator("dialog")).to_be_visible()
    assert not wrong and not findings(page), json.dumps(wrong, indent=1)


def test_the_other_language(page, site: Site) -> None:
    page.goto(f"{site.url}/#/settings")
    page.get_by_label("Language").select_option("tr")
    expect(page.locator("h1")).to_have_text("Ayarlar")
    assert page.locator("html").get_attribute("lang") == "tr"
    page.reload()
    expect(page.locator("h1")).to_have_text("Ayarlar")
