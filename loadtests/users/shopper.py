"""A person: looks around, puts something aside, then pays or walks away."""

import random

from locust import between, task

from engine.core.paths import path_of
from loadtests.openloop.mix import TTL_S
from loadtests.users.base import DibsUser

PAYS = 0.6
RELEASES = 0.3


class Shopper(DibsUser):
    """Most look; some reserve. Of those six in ten pay, three give it back, one just leaves."""

    wait_time = between(0.05, 0.4)
    weight = 12

    @task(5)
    def look(self) -> None:
        """See what is there of one SKU."""
        sku = self.books.draw(1)[0]["sku"]
        self.call("GET", path_of("stock", sku), "read stock")

    @task(3)
    def shop(self) -> None:
        """Reserve, then pay or not."""
        lines, reservation = self.books.draw(random.choice((1, 1, 2, 3))), self.new_id("cart")
        body = {
            "reservation_id": reservation,
            "channel": self.channel,
            "ttl_s": TTL_S,
            "lines": lines,
        }
        status, _ = self.call("POST", "/v1/reservations", "reserve", body)
        if status == 201:
            self.books.reserved(lines)
            self._decide(f"/v1/reservations/{reservation}", lines)
        elif not 0 < status < 500:
            self.books.doubt(lines)

    def _decide(self, path: str, lines: list[dict]) -> None:
        mood = random.random()
        if mood < PAYS:
            status, answer = self.call("POST", f"{path}/commit", "commit", {"payment": "paid"})
            if status == 201:
                self.books.ordered(answer, lines)
        elif mood < PAYS + RELEASES:
            status, _ = self.call("DELETE", path, "release")
            if status == 200:
                self.books.reserved(lines, -1)
        else:
            return
        if not 0 < status < 500:
            self.books.doubt(lines)
