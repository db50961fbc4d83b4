"""The order stream: one order a line comes in, one result a line goes out, for as long as it lasts.

Two tasks share a stream. One reads the body and gathers the lines that came together into a parcel,
which is queued with the writer at once; the other waits for the parcels' answers in their order and
sends them. A parcel gives its room back once its results are sent, and without room nothing is
read: an engine or a caller that is slow makes the socket fill up, not the memory.

    body ─▶ lines ─▶ parcel ─▶ writer ─▶ answers ─▶ results
             ▲   room for limits.ORDER_STREAM_PARCELS_MAX   │
             └──────────────────────────────────────────────┘

The stream ends when the caller ends its body. Where the front ends it, the last line is a problem
that belongs to no order sent; orders without a result before it were not looked at.
"""

import asyncio
from collections.abc import Callable

import structlog

from api import problems
from api.bulk import Gathered
from api.cycle import Cycle
from api.endpoint import Ask, Reply
from api.lines import NDJSON, Lines
from api.problems import Problem, fail, field
from api.streams import Exchange
from api.wire import encode
from engine.core import limits, packed
from engine.core.errors import OverloadedError, ServiceError, UnavailableError
from engine.service.client import Bulk

log = structlog.get_logger("api")

_IDLE = "nothing came for too long: send a blank line now and then, or open a new stream"
_CLOSING = "the server shuts down: send orders that have no result again, elsewhere or later"


async def place(ask: Ask) -> Reply:
    """Begin a stream. What is wrong at once is answered before any of the body is read."""
    front, found = ask.front, dict(ask.headers)
    if b"idempotency-key" in found:
        raise field("invalid_value", "Idempotency-Key", "leave it out: each order has its own id")
    media = found.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if media != NDJSON.encode():
        raise fail("unsupported_media_type", f"send one order a line, as Content-Type: {NDJSON}")
    if front.closing.is_set():
        raise UnavailableError("the server shuts down")
    most = front.settings.order_streams_max
    if front.streams["orders"] >= most:
        raise OverloadedError(f"{most} order streams are open already; end one, or send batches")
    return 200, OrderStream(ask)


class _Parcel:
    """Orders under way, and what becomes of them."""

    def __init__(self, orders: Gathered) -> None:
        self.orders = orders
        self.bulk = Bulk(orders.data, orders.count)

    def refuse(self, error: ServiceError) -> None:
        """Give every order the problem of an engine that did not look at it."""
        trouble = packed.Trouble.UNAVAILABLE
        self.bulk.deliver(packed.fail_all(self.orders.data, trouble, str(error)))

    async def results(self) -> bytes:
        """Return the results as lines, once all of them are durable."""
        answers = await self.bulk.answers if self.orders.count else b""
        return self.orders.lines(answers)


class OrderStream(Exchange):
    """One stream of one caller."""

    def __init__(self, ask: Ask) -> None:
        self._front, self._actor = ask.front, ask.actor
        self._line_bytes_max = ask.front.settings.body_bytes_max
        self._too_long = problems.problem(
            "body_too_large", f"a line has at most {self._line_bytes_max} bytes"
        )
        self._room = asyncio.Semaphore(limits.ORDER_STREAM_PARCELS_MAX)
        self._parcels = 0  # that have no results sent yet
        self._under_way: asyncio.Queue[_Parcel | None] = asyncio.Queue()  # None: no more come

    async def run(self, receive: Callable, send: Callable) -> None:
        """Read and answer until the caller ends its body or goes away, or the front ends it."""
        front = self._front
        front.streams["orders"] += 1
        cycle = Cycle.of(receive)
        if cycle is not None:
            cycle.open_endless()
        reading = asyncio.create_task(self._read(receive, cycle))
        closing = asyncio.create_task(front.closing.wait())
        closing.add_done_callback(lambda _: reading.cancel())
        reading.add_done_callback(lambda _: self._under_way.put_nowait(None))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
            await send({"type": "http.response.body", "body": b"", "more_body": True})
            while (parcel := await self._under_way.get()) is not None:
                lines = await parcel.results()
                await send({"type": "http.response.body", "body": lines, "more_body": True})
                self._parcels -= 1
                self._room.release()
            await send({"type": "http.response.body", "body": _last_line(reading)})
        finally:
            front.streams["orders"] -= 1
            reading.cancel()
            closing.cancel()
            await asyncio.gather(reading, closing, return_exceptions=True)

    async def _read(self, receive: Callable, cycle: Cycle | None) -> Problem | None:
        """Read the body; return the problem to end with, if it is not the caller who ends."""
        lines = Lines(self._line_bytes_max)
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return None
            data, last = message.get("body", b""), not message.get("more_body")
            if cycle is not None and cycle.idle:
                cycle.idle = False
                if not data and not last and not self._parcels:
                    return problems.problem("request_timeout", _IDLE)
            found = lines.feed(data, last=last)
            for at in range(0, len(found), limits.BATCH_ORDERS_MAX):
                await self._submit(found[at : at + limits.BATCH_ORDERS_MAX])
            if last:
                return None

    async def _submit(self, lines: list[bytes | None]) -> None:
        """Queue a parcel with the writer, when there is room for it here and there."""
        await self._room.acquire()
        self._parcels += 1
        orders = [self._too_long if line is None else line for line in lines]
        parcel = _Parcel(Gathered(orders, self._actor))
        while parcel.orders.count:
            try:
                self._front.client.submit_packed(parcel.bulk)
                break
            except OverloadedError:
                await asyncio.sleep(limits.ORDER_STREAM_RETRY_S)
            except ServiceError as error:
                parcel.refuse(error)
                break
        self._under_way.put_nowait(parcel)


_HEADERS = (
    (b"content-type", NDJSON.encode()),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
)


def _last_line(reading: asyncio.Task) -> bytes:
    """Return what is to be said after the last result: nothing where the caller has ended."""
    if reading.cancelled():
        problem = problems.of_service(UnavailableError(_CLOSING))
    elif error := reading.exception():
        log.error("an order stream failed", exc_info=error)
        problem = problems.problem("internal", "a bug in dibs; its log has the details")
    else:
        problem = reading.result()
    return encode(problem) + b"\n" if problem is not None else b""
