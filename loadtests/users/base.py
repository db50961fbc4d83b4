"""What all users have in common: a key, a channel, and patience."""

import time
import uuid

from locust import FastHttpUser

from engine.core.paths import order_path
from loadtests.users.books import Books

ATTEMPTS_MAX = 5
_PAUSE_S = 0.2


class DibsUser(FastHttpUser):
    """Calls dibs. `environment.books` are the run's books, `environment.key` is its API key."""

    abstract = True

    def on_start(self) -> None:
        """Take books and key from the run."""
        self.books: Books = self.environment.books
        self.headers = {"Authorization": f"Bearer {self.environment.key}"}

    @property
    def channel(self) -> str:
        """The channel of all orders of the run."""
        return self.books.expected.channel

    def new_id(self, kind: str) -> str:
        """Return an id that nobody has used."""
        return f"{kind}-{uuid.uuid4().hex}"

    def call(self, method: str, path: str, name: str, body: dict | None = None, allowed=(409,)):
        """Make a call and return (status, answer). Silence and 5xx are followed by the same request
        with the same ids, as the API asks for; after `ATTEMPTS_MAX` the status is the last one, or
        0. Refusals in `allowed` are no failures: being sold out is an answer."""
        for attempt in range(ATTEMPTS_MAX):
            with self.client.request(
                method, path, name=name, json=body, headers=self.headers, catch_response=True
            ) as response:
                status = response.status_code or 0
                if status in allowed:
                    response.success()
                if 0 < status < 500:
                    return status, response.json() if response.text else {}
            time.sleep(_PAUSE_S * 2**attempt)
        return status, {}

    def order_path(self, order_id: str) -> str:
        """Return the path of an order of the run's channel."""
        return order_path(self.channel, order_id)

    def place(self, lines: list[dict], **more) -> tuple[int, dict]:
        """Place an order and note it."""
        body = {"order_id": self.new_id("order"), "channel": self.channel, "lines": lines, **more}
        status, answer = self.call("POST", "/v1/orders", "place order", body)
        if status == 201:
            self.books.ordered(answer)
        elif not 0 < status < 500:
            self.books.doubt(lines)
        return status, answer
