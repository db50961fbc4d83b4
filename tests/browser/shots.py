"""Pictures of the console's pages for docs/console: light and dark, desktop and phone, as WebP.

    python -m tests.browser.shots URL KEY_FILE docs/console

Asks a running dibs, so it shows what that has; the example is `dibs up --demo` with a webhook `crm`
and the console's own demo.
"""

import base64
import sys
from pathlib import Path

from tests.browser.site import OPTIONS, chromium_path

SIZES = {"desktop": (1280, 800), "phone": (390, 780)}
SCHEMES = ("light", "dark")
SETTLE_MS = 1_200
CURVES_MS = 12_000  # until the curves of the page Now have something to show
QUALITY = 0.7
_SQUEEZE = """async ([picture, quality]) => {
  const image = new Image();
  image.src = "data:image/png;base64," + picture;
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = image.width; canvas.height = image.height;
  canvas.getContext("2d").drawImage(image, 0, 0);
  return canvas.toDataURL("image/webp", quality).split(",")[1];
}"""


def first(page, url: str, name: str) -> str:
    """Return the address of a page with its first row open, or of the page if it has none."""
    page.goto(f"{url}/#/{name}")
    page.wait_for_timeout(SETTLE_MS)
    row = page.locator(".ag-row").first
    if row.count():
        row.click()
        page.wait_for_timeout(SETTLE_MS)
    return page.url


def shoot(page, squeezer, path: Path) -> None:
    """Write what is seen as WebP; the browser itself squeezes it."""
    picture = base64.b64encode(page.screenshot()).decode()
    path.write_bytes(base64.b64decode(squeezer.evaluate(_SQUEEZE, [picture, QUALITY])))


def main(url: str, key: str, folder: Path) -> None:
    """Take all pictures."""
    from playwright.sync_api import sync_playwright

    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium_path(), args=list(OPTIONS))
        squeezer = browser.new_page()
        for device, (width, height) in SIZES.items():
            for scheme in SCHEMES:
                context = browser.new_context(
                    viewport={"width": width, "height": height}, color_scheme=scheme, locale="en-GB"
                )
                page = context.new_page()
                page.goto(url)
                page.wait_for_timeout(SETTLE_MS)
                shoot(page, squeezer, folder / f"door-{device}-{scheme}.webp")
                page.goto(f"{url}/#key={key}")
                page.reload()
                take(page, squeezer, url, folder, f"{device}-{scheme}")
                context.close()
        browser.close()


def take(page, squeezer, url: str, folder: Path, kind: str) -> None:
    """Take the pictures of one size and scheme."""
    page.wait_for_timeout(CURVES_MS)
    shoot(page, squeezer, folder / f"now-{kind}.webp")
    lists = ("orders", "stock", "returns", "exceptions", "purchases", "channels", "connections")
    for name in lists:
        first(page, url, name)
        shoot(page, squeezer, folder / f"{name}-{kind}.webp")
    for name, place in (
        ("import", "stock?panel=import"),
        ("locations", "locations"),
        ("flash", "flash"),
        ("settings", "settings"),
        ("users", "settings?tab=users"),
        ("keys", "settings?tab=keys"),
        ("webhooks", "settings?tab=webhooks&open=crm"),
        ("audit", "settings?tab=audit"),
    ):
        page.goto(f"{url}/#/{place}")
        page.wait_for_timeout(SETTLE_MS)
        shoot(page, squeezer, folder / f"{name}-{kind}.webp")


if __name__ == "__main__":
    main(sys.argv[1].rstrip("/"), Path(sys.argv[2]).read_text().strip(), Path(sys.argv[3]))
