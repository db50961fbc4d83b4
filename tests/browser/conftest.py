"""One server and one browser for all of these tests; each has a page of its own.

Both end with this package: Playwright's loop must not run when asynchronous tests do.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.site import OPTIONS, Site, chromium_path
from tests.processes import Dibs

WAIT_MS = 8_000


@pytest.fixture(scope="package")
def browser() -> Iterator:
    path = chromium_path()
    if path is None:
        pytest.skip("there is no Chromium on this machine")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=path, args=list(OPTIONS))
        yield found
        found.close()


@pytest.fixture(scope="package")
def site(tmp_path_factory) -> Iterator[Site]:
    folder: Path = tmp_path_factory.mktemp("console")
    with Dibs(folder, views=True) as dibs:
        found = Site(dibs)
        found.furnish()
        yield found


@pytest.fixture
def page(browser, site: Site) -> Iterator:
    """A page that is in. A fault in its scripts fails the test."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-GB")
    found = context.new_page()
    found.set_default_timeout(WAIT_MS)
    faults: list[str] = []
    found.on("pageerror", lambda error: faults.append(str(error)))
    found.on("console", lambda said: "Content Security" in said.text and faults.append(said.text))
    found.goto(f"{site.url}/#key={site.key}")
    found.locator(".state.good").wait_for()
    yield found
    context.close()
    assert not faults
