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
    expect(tab.get_by_text("Users and roles")).to_have_count(0)
    hold.click()
    tab.locator(".doing .primary").click()
    expect(tab.locator(".holds")).to_be_visible()
    told = empty.api("GET", "orders/web/o-1/timeline")
    assert any(change.get("actor") == "user:bob" for change in told["changes"]), told


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
