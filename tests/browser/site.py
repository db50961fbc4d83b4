"""A real `dibs serve` with two warehouses and some SKUs, and a hand on its API."""

import json
import shutil
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

from tests.processes import Dibs

OPTIONS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")
SKUS = 60
UNITS = 100_000
WAIT_S = 20.0


def chromium_path() -> str | None:
    """Return where the machine's Chromium is, or None."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


class Site:
    """What the tests ask of the server beside the browser."""

    def __init__(self, dibs: Dibs) -> None:
        self.dibs, self.url, self.key = dibs, dibs.url, dibs.key

    def api(self, method: str, path: str, body: Any = None) -> dict:
        """Ask the API; the answer must be a success."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.key}"}
        request = urllib.request.Request(
            f"{self.url}/v1/{path}", method=method, data=data, headers=headers
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def furnish(self) -> None:
        """Two locations, a channel with a cap, and SKUs with stock at both."""
        for place, country in (("berlin", "DE"), ("lyon", "FR")):
            put = {"name": place.title(), "kind": "warehouse", "country": country}
            self.api("PUT", f"locations/{place}", put)
        self.api("PUT", "channels/web", {"cap": 50})
        for n in range(SKUS):
            self.api("PUT", f"skus/SKU-{n:02}", {"title": f"Thing {n}"})
        for place in ("berlin", "lyon"):
            lines = [{"sku": f"SKU-{n:02}", "quantity": UNITS} for n in range(SKUS)]
            receipt = {"receipt_id": f"all-{place}", "location": place, "lines": lines}
            self.api("POST", "stock/receipts", receipt)
        for sku in ("RARE", "COUNTED", "BOUGHT", "BACK"):
            self.api("PUT", f"skus/{sku}", {"title": sku.title()})

    def receive(self, sku: str, quantity: int, place: str = "berlin") -> None:
        """Let some units arrive."""
        line = {"sku": sku, "quantity": quantity}
        receipt = {"receipt_id": f"r-{sku}-{time.monotonic_ns()}", "location": place}
        self.api("POST", "stock/receipts", {**receipt, "lines": [line]})

    def order(self, order_id: str, *lines: tuple[str, int], **more: Any) -> dict:
        """Place an order of the channel `web`."""
        asked = [{"sku": sku, "quantity": n, "unit_price": 1_000} for sku, n in lines]
        body = {"order_id": order_id, "channel": "web", "lines": asked, "currency": "EUR"}
        return self.api("POST", "orders", {**body, **more})

    def views_find(self, q: str) -> int:
        """Orders that the views find; 0 until there are views."""
        try:
            return len(self.api("GET", f"views/orders?q={q}")["orders"])
        except urllib.error.HTTPError as error:
            if error.code != 503:
                raise
            return 0

    def on_hand(self, sku: str, place: str = "berlin") -> int:
        """Units on hand at one location."""
        found = self.api("GET", f"stock/{sku}")["locations"]
        return next(row["on_hand"] for row in found if row["location"] == place)


def becomes(read: Callable[[], Any], value: Any) -> bool:
    """Say whether what is read becomes `value` within some seconds."""
    deadline = time.monotonic() + WAIT_S
    while (found := read()) != value and time.monotonic() < deadline:
        time.sleep(0.02)
    return found == value


class Shoppers(threading.Thread):
    """Places orders in batches so that about `rate` positions change a second, until stopped."""

    def __init__(self, site: Site, rate: int) -> None:
        super().__init__(daemon=True)
        self._site, self._rate = site, rate
        self._stopping = threading.Event()
        self.changes, self.seconds = 0, 0.0

    def run(self) -> None:
        """Send a batch twenty times a second."""
        a_batch, began, batch = self._rate // 20, time.monotonic(), 0
        while not self._stopping.is_set():
            orders = [
                {
                    "order_id": f"crowd-{began}-{batch}-{n}",
                    "channel": "web",
                    "lines": [{"sku": f"SKU-{(batch * a_batch + n) % SKUS:02}", "quantity": 1}],
                }
                for n in range(a_batch)
            ]
            self._site.api("POST", "orders/batch", orders)
            batch += 1
            self.changes += a_batch
            self._stopping.wait(max(0.0, began + batch / 20 - time.monotonic()))
        self.seconds = time.monotonic() - began

    def stop(self) -> float:
        """End; return the changes a second that there were."""
        self._stopping.set()
        self.join()
        return self.changes / self.seconds
