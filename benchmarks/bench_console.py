"""How soon can somebody work with the page Orders, with a million orders behind it?

A real `dibs serve` and `dibs work` take the orders over HTTP; when the views have the last of them,
Chromium opens the page again and again. Told by the page itself, from the start of its navigation:
when the first row of the queue was painted, and when a press of `j`, made as soon as there was a
row, had moved the focus into the queue and was painted, too. Cold: an empty cache and a new browser
profile each time. Warm: the same profile, whose cache has the files. Everything runs on one
machine.

    python -m benchmarks.bench_console [--short] [--orders 1000000] [--loads 20]
"""

import argparse
import asyncio
import statistics
import tempfile
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.show import CONSOLE, finish
from benchmarks.stats import sample_row
from engine.replay.sender import Sender
from loadtests.expectation import Expectation
from loadtests.world import prepare, send
from tests.browser.site import OPTIONS, Site, chromium_path
from tests.processes import Dibs

SKUS, BATCH, AT_ONCE, CONNECTIONS = 1_000, 1_000, 20, 4
VIEWS_WAIT_S = 900.0
KEY_WAIT_MS = 30_000
TAKEN = "orders"
# A frame after the change is painted, the next one begins.
_WATCH = """(key => {
  sessionStorage.setItem("dibs key", key);
  const painted = (name) => requestAnimationFrame(() => requestAnimationFrame(() => {
    document.documentElement.dataset[name] ??= performance.now();
  }));
  const look = new MutationObserver(() => {
    const cell = document.querySelector(".ag-row .ag-cell[col-id=order_id]");
    if (!cell?.textContent) return;
    look.disconnect();
    painted("shown");
  });
  look.observe(document, { childList: true, subtree: true, characterData: true });
  addEventListener("focusin", (event) => event.target.closest(".ag-row") && painted("answered"));
})"""


def place(site: Site, world: Expectation, orders: int) -> str:
    """Place the orders, in batches; return the id of the last one."""

    def batch(first: int) -> tuple[str, str, list[dict]]:
        numbers = range(first, min(first + BATCH, orders))
        return ("POST", "/v1/orders/batch", [order(number) for number in numbers])

    def order(number: int) -> dict:
        line = {"sku": world.sku(number % SKUS), "quantity": 1, "unit_price": 1_000}
        name = {"order_id": f"order-{number:08d}", "channel": "web", "currency": "EUR"}
        return {**name, "customer": f"customer {number % 99_991}", "lines": [line]}

    async def go() -> None:
        sender = Sender(site.url, site.key, CONNECTIONS)
        await sender.open()
        try:
            for first in range(0, orders, BATCH * AT_ONCE):
                end = min(first + BATCH * AT_ONCE, orders)
                await send(sender, [batch(at) for at in range(first, end, BATCH)])
        finally:
            sender.close()

    asyncio.run(go())
    return f"order-{orders - 1:08d}"


def wait_for_views(site: Site, order: str) -> None:
    """Wait until the views have an order. Raises `TimeoutError`."""
    deadline = time.monotonic() + VIEWS_WAIT_S
    while not site.views_find(urllib.parse.quote(order)):
        if time.monotonic() > deadline:
            raise TimeoutError(f"the views do not have {order}")
        time.sleep(0.5)


def loaded(context: Any, site: Site) -> dict[str, float]:
    """Open the page once; return what it told, in ms since its navigation began."""
    page = context.new_page()
    page.add_init_script(f"{_WATCH}({site.key!r})")
    page.goto(f"{site.url}/#/orders", wait_until="commit")
    page.locator("html[data-shown]").wait_for(timeout=KEY_WAIT_MS)
    page.keyboard.press("j")
    page.locator("html[data-answered]").wait_for(timeout=KEY_WAIT_MS)
    told = page.evaluate("({...document.documentElement.dataset})")
    page.close()
    return {name: float(told[name]) for name in ("shown", "answered")}


@contextmanager
def chromium() -> Iterator[Any]:
    """The machine's own, without a window."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=chromium_path(), args=list(OPTIONS))
        yield found
        found.close()


def measure(site: Site, loads: int) -> list[dict]:
    """Open the page `loads` times with an empty cache, and as often with a full one."""
    look = {"viewport": {"width": 1440, "height": 900}, "locale": "en-GB"}
    told: dict[str, list[dict[str, float]]] = {"cold": [], "warm": []}
    with chromium() as browser:
        kept = browser.new_context(**look)
        loaded(kept, site)  # fills the cache
        for _ in range(loads):
            fresh = browser.new_context(**look)
            told["cold"].append(loaded(fresh, site))
            fresh.close()
            told["warm"].append(loaded(kept, site))
    rows = []
    for case, many in told.items():
        for what, name in (("shown", "first row painted"), ("answered", "`j` answered")):
            taken = [one[what] for one in many]
            last = statistics.quantiles(taken, n=20, method="inclusive")[18]
            rows.append(sample_row(f"{name}, {case} cache", TAKEN, "ms", taken))
            rows.append(sample_row(f"{name}, {case} cache", TAKEN, "ms, p95", [last]))
    return rows


def main() -> None:
    """Measure, print and write `results/console.jsonl`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true", help="20,000 orders")
    parser.add_argument("--orders", type=int, default=1_000_000)
    parser.add_argument("--loads", type=int, default=20)
    options = parser.parse_args()
    if options.short:
        options.orders = 20_000
    with (
        tempfile.TemporaryDirectory(prefix="dibs-console-") as folder,
        Dibs(Path(folder), views=True) as dibs,
    ):
        site = Site(dibs)
        world = prepare(dibs.url, dibs.key, skus=SKUS, console=CONSOLE)
        began = time.monotonic()
        last = place(site, world, options.orders)
        CONSOLE.print(f"placed in {time.monotonic() - began:.0f} s")
        wait_for_views(site, last)
        CONSOLE.print(f"in the views after {time.monotonic() - began:.0f} s")
        rows = measure(site, options.loads)
    finish("console", {**vars(options), "rows": rows, "ratios": []})


if __name__ == "__main__":
    main()
