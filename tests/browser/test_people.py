"""People in the console: the first visit, who may only look, signing out, a session that ended."""

import contextlib
import json
import time
import urllib.error
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.conftest import WAIT_MS
from tests.browser.site import Site
from tests.browser.test_access import AXE, findings
from tests.processes import Dibs

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
expect = playwright.expect
VIEWS_S = 30.0
ADA, BOB = "nine green bottles", "and if one green bottle"


@pytest.fixture(scope="module")
def empty(tmp_path_factory) -> Iterator[Site]:
    """A site with an order and no user."""
    with Dibs(tmp_path_factory.mktemp("people"), views=True) as dibs:
        found = Site(dibs)
        found.furnish()
        found.order("o-1", ("SKU-00", 2))
        wait_for_views(found)
        yield found


def wait_for_views(site: Site) -> None:
    """Wait until the audit, which is read from the views, has what was just done."""
    deadline = time.monotonic() + VIEWS_S
    while time.monotonic() < deadline:
        with contextlib.suppress(urllib.error.HTTPError):  # there are no views yet
            if site.api("GET", "audit")["done"]:
                return
        time.sleep(0.1)
    raise AssertionError("the views have nothing")


@pytest.fixture
def tab(browser, empty: Site) -> Iterator:
    """A browser of its own, with nobody in."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB")
    page = context.new_page()
    page.set_default_timeout(WAIT_MS)
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    yield page
    context.close()
    assert not faults


def button(page, name: str):
    return page.get_by_role("button", name=name, exact=True)


def sign_in(page, site: Site, user: str, password: str, place: str = "") -> None:
    page.goto(f"{site.url}/{place}")
    page.get_by_label("User name").fill(user)
    page.get_by_label("Password").fill(password)
    button(page, "Sign in").click()


def clean(page) -> None:
    """No serious finding of axe on what is shown."""
    page.evaluate(AXE)
    assert not findings(page), json.dumps(findings(page), indent=1)


def test_the_first_visit_makes_the_first_admin_who_makes_users(tab, empty: Site) -> None:
    code = Path(empty.dibs.folder / "first-admin.code").read_text().strip()
    tab.goto(f"{empty.url}/#first={code}")
    expect(tab.get_by_label("One-time code")).to_have_value(code)
    assert code not in tab.url
    clean(tab)
    tab.get_by_label("User name").fill("ada")
    tab.get_by_label("Password").fill("short")
    button(tab, "Make me admin").click()
    expect(tab.get_by_role("alert")).to_contain_text("15 characters")
    tab.get_by_label("Password").fill(ADA)
    button(tab, "Make me admin").click()
    tab.locator(".state.good").wait_for()
    tab.goto(f"{empty.url}/#/settings?tab=users")
    button(tab, "New user").click()
    tab.locator(".doing input").fill("bob")
    button(tab, "Add").click()
    given = tab.locator(".once code").inner_text()
    expect(tab.get_by_role("row").filter(has_text="bob")).to_contain_text("temporary")
    clean(tab)
    for name in ("Account", "API keys", "Audit"):
        button(tab, name).click()
        expect(tab.locator("table").first).to_be_visible()
        clean(tab)
    expect(tab.get_by_role("row").filter(has_text="first admin key").first).to_be_visible()
    button(tab, "Users and keys").click()
    expect(tab.get_by_role("row").filter(has_text="user added").first).to_contain_text("bob")
    tab.get_by_role("button", name="Who is in").click()
    button(tab, "Sign out").click()
    expect(button(tab, "Sign in")).to_be_visible()
    assert tab.context.cookies() == []
    sign_in(tab, empty, "bob", given)
    clean(tab)
    tab.get_by_label("New password").fill(BOB)
    button(tab, "Set the password").click()
    tab.locator(".state.good").wait_for()


def test_a_viewer_sees_and_cannot_act_and_the_server_refuses(tab, empty: Site) -> None:
    sign_in(tab, empty, "bob", BOB, "#/orders?open=web/o-1")
    hold = tab.locator(".panel .acts button").first
    expect(hold).to_be_disabled()
    assert "role operator" in hold.get_attribute("title")
    expect(tab.locator(".bar .lack")).to_contain_text("look only")
    clean(tab)
    tab.keyboard.press("h")
    expect(tab.locator(".doing .lack")).to_contain_text("role operator")
    expect(tab.locator(".doing .primary")).to_be_disabled()
    status = tab.evaluate(
        """async () => (await fetch("v1/orders/web/o-1/holds", {method: "POST",
        body: JSON.stringify({hold_id: "h", reason: "review"})})).status"""
    )
    assert status == 403
    assert not empty.api("GET", "orders/web/o-1").get("holds")
    empty.api("PUT", "users/bob", {"role": "operator"})
    tab.reload()
    expect(hold).to_be_enabled()
    tab.goto(f"{empty.url}/#/settings?tab=users")
    for name in ("Users and roles", "API keys", "Webhooks", "Audit"):
        expect(button(tab, name)).to_be_disabled()
    expect(tab.locator("h2").first).to_have_text("How it looks")
    tab.goto(f"{empty.url}/#/orders?open=web/o-1")
    hold.click()
    tab.locator(".doing .primary").click()
    expect(tab.locator(".holds")).to_be_visible()
    told = empty.api("GET", "orders/web/o-1/timeline")
    assert any(change.get("actor") == "user:bob" for change in told["changes"]), told


def test_what_a_viewer_may_not_do_is_closed_and_says_why(browser, empty: Site) -> None:
    key = empty.api("POST", "keys", {"label": "viewer", "scopes": ["read"]})["token"]
    context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB")
    page = context.new_page()
    page.set_default_timeout(WAIT_MS)
    page.goto(f"{empty.url}/#key={key}")
    page.locator(".state.good").wait_for()
    asked: list[str] = []
    page.on("request", lambda it: it.method != "GET" and asked.append(f"{it.method} {it.url}"))

    page.goto(f"{empty.url}/#/flash")
    page.get_by_label("SKUs").fill("SKU-00")
    button(page, "in an hour").click()
    refused(page, page.locator(".doing button[type=submit]"), "sell")
    page.goto(f"{empty.url}/#/stock?panel=import")
    page.locator(".ag-row").first.wait_for()
    counts = {"name": "c.csv", "mimeType": "text/csv"}
    counts["buffer"] = b"location,sku,on_hand\nberlin,SKU-00,5\n"
    page.locator(".doing input[type=file]").set_input_files(counts)
    expect(page.get_by_role("status").filter(has_text="1 row")).to_be_visible()
    refused(page, page.locator(".doing button[type=submit]"), "stock")
    page.locator(".doing select").select_option("catalogue")
    refused(page, page.locator(".doing button[type=submit]"), "plan")
    page.goto(f"{empty.url}/#/settings")
    for name in ("Users and roles", "API keys", "Webhooks", "Audit"):
        refused(page, button(page, name), "admin")
    page.keyboard.press("Control+k")
    page.locator(".palette input").fill("demo data")
    options = page.locator(".palette [role=option]")
    expect(options).to_have_count(2)
    for option in options.all():
        expect(option).to_be_disabled()
        expect(option).to_contain_text("scope admin")
        option.click(force=True)
    expect(page.locator(".palette")).to_be_visible()
    clean(page)
    assert not asked
    context.close()


def refused(page, found, scope: str) -> None:
    """A button is closed, says which scope would open it, to who points at it and to who comes to
    it by keys, and does nothing."""
    expect(found).to_be_disabled()
    assert f"scope {scope}" in found.get_attribute("title")
    found.focus()
    expect(found).to_be_focused()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    shown = "it => getComputedStyle(it, '::after').content"
    assert f"scope {scope}" in found.evaluate(shown)
    page.keyboard.press("Enter")


def test_a_session_that_has_ended_asks_again_and_comes_back(tab, empty: Site) -> None:
    sign_in(tab, empty, "bob", BOB)
    tab.locator(".state.good").wait_for()
    place = f"{empty.url}/#/stock?open=SKU-00"
    tab.goto(place)
    expect(tab.locator(".panel .numbers")).to_be_visible()
    for row in empty.api("GET", "sessions")["sessions"]:
        if row["user"] == "bob":
            empty.api("DELETE", f"sessions/{row['session']}")
    tab.reload()
    expect(button(tab, "Sign in")).to_be_visible()
    assert tab.url == place
    tab.get_by_label("User name").fill("bob")
    tab.get_by_label("Password").fill(BOB)
    button(tab, "Sign in").click()
    expect(tab.locator(".panel .numbers")).to_be_visible()
    assert tab.url == place


def test_a_session_that_ends_while_one_works_says_so(tab, empty: Site) -> None:
    sign_in(tab, empty, "bob", BOB, "#/settings?tab=me")
    expect(tab.get_by_role("cell", name="this one")).to_be_visible()
    for row in empty.api("GET", "sessions")["sessions"]:
        if row["user"] == "bob":
            empty.api("DELETE", f"sessions/{row['session']}")
    tab.goto(f"{empty.url}/#/orders?open=web/o-1")
    expect(tab.get_by_role("alert")).to_contain_text("sign in again")
    assert tab.url.endswith("open=web/o-1")
