"""Server-sent events: how a stream is sent, and how stock changes are written into one. And the
kind of answer that is given while its request still comes in (`api.order_stream`).

A stream ends when its source ends, the caller goes away, or the front closes. What it may hold
back is bounded by its source (`limits.STREAM_BUFFER_CHANGES_MAX`): sending waits for the caller to
read, and a caller who does not read is cut off by `api.guard`.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, Callable
from typing import Any

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
    """An answer in chunks, sent as they come. `kind` is what it counts as in the metrics. With
    `file`, the name to save it by, it is worth nothing without its end: one that ends early is
    broken off, so that its caller sees that."""

    chunks: AsyncGenerator[bytes]
    kind: str
    media: str = "text/event-stream"
    file: str = ""


async def send_stream(
    stream: Stream, status: int, receive: Callable, send: Callable, front: Any
) -> None:
    """Send the chunks until the source ends, the caller goes away or the `api.endpoint.Front`
    closes; the source is closed whatever ends the stream."""
    headers = (
        (b"content-type", stream.media.encode()),
        (b"cache-control", b"no-store"),
        (b"x-accel-buffering", b"no"),
    )
    if stream.file:
        named = f'attachment; filename="{stream.file}"'
        headers += ((b"content-disposition", named.encode()),)

    async def pump() -> None:
        async for chunk in stream.chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})

    async def gone() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    tasks: list[asyncio.Task] = []
    front.streams[stream.kind] += 1
    try:
        await send({"type": "http.response.start", "status": status, "headers": headers})
        tasks += map(asyncio.create_task, (pump(), gone(), front.closing.wait()))
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        await stream.chunks.aclose()
        front.streams[stream.kind] -= 1
    if isinstance(ends[0], Exception):
        raise ends[0]
    if stream.file and ends[0] is not None:
        return
    await send({"type": "http.response.body", "body": b""})


def event_of(change: Change) -> bytes:
    """Return one change as an event; its id is where to resume after it."""
    return b"event: stock\nid: " + change.id.encode() + b"\ndata: " + encode(change) + b"\n\n"


def event_of_end(error: ServiceError) -> bytes:
    """Return the last event of a stream that cannot go on: `gap` or `end`, with the problem."""
    name = b"gap" if isinstance(error, GapError) else b"end"
    return b"event: " + name + b"\ndata: " + encode(problems.of_service(error)) + b"\n\n"


async def told(changes: AsyncGenerator[Change | None]) -> AsyncGenerator[bytes]:
    """Yield changes as events, and a comment where there is none."""
    try:
        async for change in changes:
            yield HEARTBEAT if change is None else event_of(change)
    finally:
        await changes.aclose()


async def begin(source: AsyncGenerator[bytes], kind: str, patience_s: float) -> Stream:
    """Return the stream of a source. What is wrong at once (a gap, too many followers) is raised,
    so this waits a moment for the first event or the first error."""
    first = asyncio.ensure_future(anext(source))
    try:
        await asyncio.wait({first}, timeout=patience_s)
    except asyncio.CancelledError:
        first.cancel()
        raise
    if first.done() and first.exception():
        await source.aclose()
        raise first.exception()
    return Stream(_events(first, source), kind)


async def _events(
    first: "asyncio.Task[bytes]", source: AsyncGenerator[bytes]
) -> AsyncGenerator[bytes]:
    """Yield the events of `source`, whose first one is being waited for in `first`, and, where it
    fails, the event that says why."""
    try:
        yield HEARTBEAT
        try:
            yield await first
            async for event in source:
                yield event
        except StopAsyncIteration:
            return
        except ServiceError as error:
            yield event_of_end(error)
    finally:
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        await source.aclose()
