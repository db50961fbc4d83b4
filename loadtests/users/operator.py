"""Somebody in the warehouse or the office: counts, corrects, receives, cancels, looks at lists."""

import random
from urllib.parse import quote

from locust import between, task

from engine.core.paths import path_of
from loadtests.users.base import DibsUser
from loadtests.users.books import allocations

PAGE_ROWS = 20


class Operator(DibsUser):
    """Works at a person's pace."""

    wait_time = between(0.5, 2.0)
    weight = 2

    def _position(self) -> dict:
        """Return a random SKU with a location it lies at, and what is on hand there."""
        sku = self.books.expected.sku(random.randrange(self.books.skus))
        status, stock = self.call("GET", path_of("stock", sku), "read stock")
        places = stock.get("locations") if status == 200 else None
        return {"sku": sku, **random.choice(places)} if places else {}

    @task(2)
    def receive(self) -> None:
        """Book a delivery."""
        if at := self._position():
            quantity = random.randint(1, 20)
            lines = [{"sku": at["sku"], "quantity": quantity}]
            body = {
                "receipt_id": self.new_id("receipt"),
                "location": at["location"],
                "lines": lines,
            }
            status, _ = self.call("POST", "/v1/stock/receipts", "receipt", body)
            if status == 201:
                self.books.moved(at["sku"], quantity)

    @task(2)
    def adjust(self) -> None:
        """Write off one unit, or find one."""
        if at := self._position():
            delta = random.choice((-1, 1))
            lines = [
                {"sku": at["sku"], "delta": delta, "reason": "found" if delta > 0 else "broken"}
            ]
            adjustment = self.new_id("adjustment")
            body = {"adjustment_id": adjustment, "location": at["location"], "lines": lines}
            status, _ = self.call("POST", "/v1/stock/adjustments", "adjustment", body)
            if status == 201:
                self.books.moved(at["sku"], delta)

    @task(2)
    def count(self) -> None:
        """Count one position; right only if nothing came or went since it was looked at."""
        if at := self._position():
            there = at["on_hand"] + random.choice((0, 0, 1))
            line = {"sku": at["sku"], "on_hand": there, "expected_on_hand": at["on_hand"]}
            body = {"count_id": self.new_id("count"), "location": at["location"], "lines": [line]}
            status, _ = self.call("POST", "/v1/stock/counts", "count", body)
            if status == 201:
                self.books.moved(at["sku"], there - at["on_hand"])

    @task(3)
    def cancel(self) -> None:
        """Look at the latest orders and cancel one whole."""
        path = f"/v1/orders?channel={quote(self.channel, safe='')}&limit={PAGE_ROWS}"
        status, page = self.call("GET", path, "list orders")
        orders = page.get("orders", []) if status == 200 else []
        open_ones = [order for order in orders if order["status"] != "cancelled"]
        if not open_ones:
            return
        order = random.choice(open_ones)
        name, held = order["order_id"], allocations(order)
        status, answer = self.call("POST", f"{self.order_path(name)}/cancel", "cancel", {})
        if status == 200 and not answer.get("replayed"):
            self.books.cancelled(name, held)

    @task(1)
    def lists(self) -> None:
        """Look at the overview and the catalogue."""
        self.call("GET", "/v1/overview", "overview")
        self.call("GET", f"/v1/skus?limit={PAGE_ROWS}", "list SKUs")
