"""Stock changes for followers in this process: one reader of the stock stream, fanned out.

The reader reads while there are followers: every change costs time in the writer's process.

The stream is written by the worker from the log (`replica`), so nothing here can show what is not
durable. Each follower has a bounded buffer; one that is too slow is cut off and may resume from
its last id, without gap or repeat.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import structlog

from engine.core import limits
from engine.core.errors import GapError, LogError, OverloadedError, UnavailableError
from engine.service.client import Change

log = structlog.get_logger("changes")
_AWAY = "the stock stream is away; resume from the last id"
_QUANTITIES = ("on_hand", "reserved", "allocated", "unavailable", "available")


def position_of(change_id: str) -> tuple[int, int]:
    """Return an id's place in the stream; a bare `seq` means: all of that event is known."""
    seq, _, index = change_id.partition("-")
    return int(seq), int(index) if index else (1 << 63) - 1


def change_of(change_id: str, fields: dict[str, str]) -> Change:
    """Return the change in one entry of the stock stream."""
    return Change(
        change_id,
        int(change_id.split("-")[0]),
        fields["sku"],
        fields["location"],
        fields["reason"],
        *(int(fields[name]) for name in _QUANTITIES),
    )


class Changes:
    """Followers of the stock stream. `connect` gives a connected asynchronous stock reader."""

    def __init__(self, connect: Callable[[], Awaitable[Any]]) -> None:
        self._connect = connect
        # Each follower's buffer, by the SKUs that it wants; None: it wants all.
        self._followers: dict[str | None, set[asyncio.Queue]] = {}
        self._stream: Any = None
        self._last = "0-0"
        self._away = False  # the stream was lost a moment ago
        self._followed, self._reading = asyncio.Event(), asyncio.Event()

    def __len__(self) -> int:
        """How many follow."""
        return len(self._all())

    async def run(self) -> None:
        """Read the stream while there are followers, reconnecting as needed, until cancelled."""
        while True:
            await self._followed.wait()
            try:
                self._stream = await self._connect()
                self._last = (await self._stream.ends())[1] or "0-0"
                self._reading.set()
                while self._followers:
                    await self._read()
            except LogError as error:
                log.info("stock stream is away", error=str(error))
                self._away = True
                self._cut(_AWAY)
                await asyncio.sleep(limits.RECONNECT_DELAY_S_MAX / 4)
                self._away = False
            finally:
                self._reading.clear()
                if not self._followers:
                    self._followed.clear()
                if self._stream:
                    stream, self._stream = self._stream, None
                    await stream.close()

    async def _read(self) -> None:
        entries = await self._stream.read(self._last, 1_000, 1_000)
        for entry_id, fields in entries:
            wanted = (self._followers.get(None), self._followers.get(fields["sku"]))
            if any(wanted):
                change = change_of(entry_id, fields)
                for queue in [queue for queues in wanted if queues for queue in queues]:
                    self._hand(queue, change)
            self._last = entry_id

    def _hand(self, queue: asyncio.Queue, change: Change) -> None:
        if queue.full():
            self._leave(queue)
            queue.get_nowait()
            queue.put_nowait(OverloadedError("this follower is too slow; resume"))
        else:
            queue.put_nowait(change)

    def _all(self) -> set[asyncio.Queue]:
        return set().union(*self._followers.values())

    def _leave(self, queue: asyncio.Queue) -> None:
        for sku, queues in list(self._followers.items()):
            queues.discard(queue)
            if not queues:
                del self._followers[sku]

    def _cut(self, why: str) -> None:
        for queue in self._all():
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(UnavailableError(why))
        self._followers.clear()
        self._reading.set()  # who waits for the reader has its answer now

    async def follow(
        self, after: str | None, skus: frozenset[str], locations: frozenset[str]
    ) -> AsyncIterator[Change | None]:
        """Yield changes after `after`; see `Client.changes`."""
        if self._away:
            raise UnavailableError(_AWAY)
        if len(self) >= limits.STREAM_SUBSCRIBERS_MAX:
            raise OverloadedError(f"{limits.STREAM_SUBSCRIBERS_MAX} followers already")
        queue: asyncio.Queue = asyncio.Queue(limits.STREAM_BUFFER_CHANGES_MAX)
        for sku in skus or (None,):
            self._followers.setdefault(sku, set()).add(queue)
        self._followed.set()
        try:
            # Until the reader has begun, nothing comes into the queue.
            await self._reading.wait()
            if self._away:
                raise UnavailableError(_AWAY)
            known = position_of(after or self._last)
            async for change in self._merged(known, queue):
                if change is None or (
                    (not skus or change.sku in skus)
                    and (not locations or change.location in locations)
                ):
                    yield change
        except LogError as error:
            raise UnavailableError(_AWAY) from error
        finally:
            self._leave(queue)

    async def _merged(
        self, known: tuple[int, int], queue: asyncio.Queue
    ) -> AsyncIterator[Change | None]:
        """First what the stream holds beyond `known`, then what arrives; each change once."""
        async for change in self._backlog(known):
            known = position_of(change.id)
            yield change
        while True:
            try:
                async with asyncio.timeout(limits.STREAM_HEARTBEAT_S):
                    change = await queue.get()
            except TimeoutError:
                yield None
                continue
            if isinstance(change, Exception):
                raise change
            if position_of(change.id) > known:
                yield change

    async def _backlog(self, known: tuple[int, int]) -> AsyncIterator[Change]:
        stream = await self._connect()
        try:
            oldest = await stream.resumable_from()
            if known < position_of(oldest):
                raise GapError(
                    f"changes up to {oldest} are no longer kept; read the stock and go on",
                    oldest=oldest,
                )
            after = f"{known[0]}-{known[1]}"
            while position_of(self._last) > known:
                entries = await stream.read(after, 1_000)
                if not entries:
                    break
                for entry_id, fields in entries:
                    known = position_of(entry_id)
                    yield change_of(entry_id, fields)
                after = entries[-1][0]
        finally:
            await stream.close()
