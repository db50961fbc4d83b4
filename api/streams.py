"""Server-sent events: how a stream is sent, and how stock changes are written into one. And the
kind of answer that is given while its request still comes in (`api.order_stream`).

A stream ends when its source ends, the caller goes away, or the front closes. What it may hold
back is bounded by its source (`limits.STREAM_BUFFER_CHANGES_MAX`): sending waits for the caller to
read, and a caller who does not read is cut off by `api.guard`.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, Callable

import msgspec

from api import problems
from api.wire import encode
from engine.core.errors import GapError, ServiceError
from engine.service.client import Change

HEARTBEAT = b": still here\n\n"
CHANGE_ID = re.compile(r"^\d{1,18}(-\d{1,18})?\Z")


class Exchange:
    """An answer that is given while its request is still coming in."""

    async def run(self, receive: Callable, send: Callable) -> None:
        """Read the request's body and send the whole answer, status and headers first."""
        raise NotImplementedError


class Stream(msgspec.Struct, frozen=True):
    """An answer in chunks, sent as they come."""

    chunks: AsyncGenerator[bytes]
    media: str = "text/event-stream"


async def send_stream(
    stream: Stream, status: int, receive: Callable, send: Callable, closing: asyncio.Event
) -> None:
    """Send the chunks; the source is closed whatever ends the stream."""
    headers = (
        (b"content-type", stream.media.encode()),
        (b"cache-control", b"no-store"),
        (b"x-accel-buffering", b"no"),
    )
    end = asyncio.ensure_future(_ending(receive, closing))
    try:
        await send({"type": "http.response.start", "status": status, "headers": headers})
        while True:
            step = asyncio.ensure_future(anext(stream.chunks, None))
            await asyncio.wait({step, end}, return_when=asyncio.FIRST_COMPLETED)
            if end.done():
                step.cancel()
                await asyncio.gather(step, return_exceptions=True)
                break
            chunk = step.result()
            if chunk is None:
                break
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    finally:
        end.cancel()
        await asyncio.gather(end, return_exceptions=True)
        await stream.chunks.aclose()


async def _ending(receive: Callable, closing: asyncio.Event) -> None:
    """Return when the caller goes away or the front closes."""

    async def gone() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    tasks = {asyncio.ensure_future(gone()), asyncio.ensure_future(closing.wait())}
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def event_of(change: Change) -> bytes:
    """Return one change as an event; its id is where to resume after it."""
    return b"event: stock\nid: " + change.id.encode() + b"\ndata: " + encode(change) + b"\n\n"


def event_of_end(error: ServiceError) -> bytes:
    """Return the last event of a stream that cannot go on: `gap` or `end`, with the problem."""
    name = b"gap" if isinstance(error, GapError) else b"end"
    return b"event: " + name + b"\ndata: " + encode(problems.of_service(error)) + b"\n\n"


async def events(
    first: "asyncio.Task[Change | None]", changes: AsyncGenerator[Change | None]
) -> AsyncGenerator[bytes]:
    """Yield the events of `changes`, whose first item is being waited for in `first`."""
    try:
        yield HEARTBEAT
        try:
            change = await first
            while True:
                yield HEARTBEAT if change is None else event_of(change)
                change = await anext(changes)
        except StopAsyncIteration:
            return
        except ServiceError as error:
            yield event_of_end(error)
    finally:
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        await changes.aclose()
