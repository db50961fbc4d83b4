"""A service that follows stock: it measures how long its own order takes to show in the stream."""

import random
import time

import gevent
from gevent.event import Event
from locust import between, task

from loadtests.users.base import DibsUser
from loadtests.users.sse import StockStream, StreamError

SEEN_TIMEOUT_S = 10.0
DROPS = 0.1


class Subscriber(DibsUser):
    """Follows one SKU. Each order it places has to show up in the stream, also when the connection
    was away meanwhile: then it resumes after the last change that it saw."""

    wait_time = between(0.5, 1.5)
    weight = 1

    def on_start(self) -> None:
        """Begin to follow."""
        super().on_start()
        self._sku = self.books.draw(1)[0]["sku"]
        self._last_id, self._last_seq, self._moved = "", 0, Event()
        self._stream: StockStream | None = None
        self._reader: gevent.Greenlet | None = None
        self._follow()

    def on_stop(self) -> None:
        """Stop following."""
        self._leave()

    def _follow(self) -> None:
        try:
            self._stream = StockStream(
                self.environment.host, self.environment.key, [self._sku], self._last_id
            )
        except (StreamError, OSError) as error:
            self._report("stream", 0.0, error)
            return
        self._reader = gevent.spawn(self._read, self._stream)

    def _leave(self) -> None:
        if self._reader:
            self._reader.kill()
        if self._stream:
            self._stream.close()
        self._reader = self._stream = None

    def _read(self, stream: StockStream) -> None:
        try:
            for change in stream.changes():
                if not change:
                    continue
                if change["seq"] < self._last_seq:
                    self._report("stream", 0.0, StreamError(f"{change['id']} came again"))
                self._last_id, self._last_seq = stream.last_id, change["seq"]
                self._moved.set()
        except (StreamError, OSError) as error:
            self._report("stream", 0.0, error)

    @task
    def order_and_watch(self) -> None:
        """Place an order and wait until the stream shows it."""
        away = bool(self._last_id) and random.random() < DROPS
        if away:
            self._leave()
        status, answer = self.place([{"sku": self._sku, "quantity": 1}])
        began = time.perf_counter()
        if away or self._reader is None or self._reader.dead:
            self._leave()
            self._follow()
        if status != 201:
            return
        while self._last_seq < answer["seq"]:
            left = began + SEEN_TIMEOUT_S - time.perf_counter()
            self._moved.clear()
            if left <= 0 or not self._moved.wait(left):
                self._report("change seen", SEEN_TIMEOUT_S, StreamError("the change did not come"))
                return
        name = "change seen after resuming" if away else "change seen"
        self._report(name, time.perf_counter() - began)

    def _report(self, name: str, seconds: float, error: Exception | None = None) -> None:
        self.environment.events.request.fire(
            request_type="SSE",
            name=name,
            response_time=seconds * 1000,
            response_length=0,
            exception=error,
            context={},
        )
