"""What the console weighs, and how long until somebody can work with it.

    python -m tests.browser.weight docs/console.md

Sizes are as the server sends them, squeezed. A page can be worked with when its first row or tile
is shown and a key is answered; each is opened with an empty cache, on the machine as it is and with
a processor slowed down four times. Writes the table into the page, between its marks.
"""

import gzip
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from tests.browser.site import OPTIONS, Site, chromium_path
from tests.processes import Dibs

TIMES, SLOWED = 3, 4
MARKS = ("<!-- weight: begin -->\n", "<!-- weight: end -->")
PLACES = {"Now": ("now", ".tile"), "Orders": ("orders", ".ag-row"), "Stock": ("stock", ".ag-row")}


def sizes() -> tuple[int, int]:
    """Squeezed bytes of what the first look loads, and of everything."""
    built = Path("api/console/dist")
    page = (built / "index.html").read_text()
    every = {path: len(gzip.compress(path.read_bytes())) for path in (built / "console").iterdir()}
    return sum(n for path, n in every.items() if path.name in page), sum(every.values())


def opened_ms(browser: Any, site: Site, place: str, shown: str, slowed: int) -> float:
    """Milliseconds from asking for a page until it is shown and answers a key."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-GB")
    page = context.new_page()
    page.add_init_script(f"sessionStorage.setItem('dibs key', {site.key!r})")
    context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": slowed})
    began = time.perf_counter()
    page.goto(f"{site.url}/#/{place}", wait_until="commit")
    page.locator(shown).first.wait_for()
    page.keyboard.press("?")
    page.locator("dialog").wait_for()
    took = 1_000 * (time.perf_counter() - began)
    context.close()
    return took


def main(path: Path) -> None:
    """Measure, and write what came of it into a page."""
    first, every = sizes()
    rows = [
        "| page | shown and answers a key | with a processor four times slower |",
        "|---|---|---|",
    ]
    with (
        tempfile.TemporaryDirectory(prefix="dibs-weight-") as folder,
        sync_playwright() as driver,
        Dibs(Path(folder)) as dibs,
    ):
        site = Site(dibs)
        site.furnish()
        for n in range(200):
            site.order(f"weight-{n}", ("SKU-00", 1))
        browser = driver.chromium.launch(executable_path=chromium_path(), args=list(OPTIONS))
        for name, (place, shown) in PLACES.items():
            took = [
                statistics.median(opened_ms(browser, site, place, shown, by) for _ in range(TIMES))
                for by in (1, SLOWED)
            ]
            rows.append(f"| {name} | {took[0]:.0f} ms | {took[1]:.0f} ms |")
        browser.close()
    said = f"The first look loads {first / 1_000:.0f} KB (squeezed), all of it is "
    said += f"{every / 1_000:.0f} KB."
    before, _, rest = path.read_text().partition(MARKS[0])
    after = rest.partition(MARKS[1])[2]
    text = f"{said} The grid comes with the first page that needs it.\n\n" + "\n".join(rows)
    path.write_text(f"{before}{MARKS[0]}{text}\n{MARKS[1]}{after}")
    print(text)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
