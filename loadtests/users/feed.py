"""A marketplace: it has sold already and only tells us, one by one or in bulk."""

import random

from locust import between, task

from loadtests.users.base import DibsUser

BATCH_ORDERS = 50


class ChannelFeed(DibsUser):
    """Orders with `when_short: backorder`, since a marketplace order cannot be refused."""

    wait_time = between(0.1, 0.5)
    weight = 3

    @task(6)
    def one(self) -> None:
        """Deliver one order."""
        self.place(self.books.draw(random.choice((1, 2, 2, 4))), when_short="backorder")

    @task(1)
    def bulk(self) -> None:
        """Deliver a batch."""
        orders = [
            {
                "order_id": self.new_id("bulk"),
                "channel": self.channel,
                "lines": self.books.draw(random.choice((1, 2))),
                "when_short": "backorder",
            }
            for _ in range(BATCH_ORDERS)
        ]
        status, answer = self.call("POST", "/v1/orders/batch", "order batch", {"orders": orders})
        if status != 200:
            for order in orders if not 0 < status < 500 else ():
                self.books.doubt(order["lines"])
            return
        for order, result in zip(orders, answer["results"], strict=True):
            if "order_id" in result:
                self.books.ordered(result)
            elif result.get("status", 0) >= 500:
                self.books.doubt(order["lines"])
