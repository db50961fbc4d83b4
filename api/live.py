"""The live channel: one stream for each tab, with all that the tab shows, a few times a second.

    what tabs want ─▶ read once for all, durable ─▶ what changed ─▶ the same bytes to all who
         ▲                                                          want and know the same
         └──────────────── told, written, waiting for the next round ──────┘

A round comes every `limits.LIVE_EVERY_S`. It asks the writer, not the log: a durable read is the
newest state, so nothing can be missed and nothing piles up. Where the log has not grown nothing is
read. A tab has the number of the round up to which it knows all, and what it looks at
(`topics.Wants`). Tabs that are equal in both get the very same bytes, made once. A tab that has not
read what it was told last is left out, and later told what is newest by then: nothing is kept for
it. A tab that connects again begins with the present state.

The writer shares this event loop. It is never held up for more than one read of
`limits.STATES_READ_SKUS_MAX` SKUs, one page of orders, or for telling `limits.STATES_TOLD_MAX`
tabs, at a time.
"""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, TypeVar

import msgspec
import structlog

from api import gauges
from api.cycle import Cycle
from api.streams import HEARTBEAT, Exchange
from api.topics import Key, Queue, Shelved, Wants, Whole, shelf_news
from api.wire import encode
from engine.core import limits
from engine.core.errors import OverloadedError, ServiceError
from engine.service.client import Pulse
from engine.views.reader import position

log = structlog.get_logger("api")
_Name, _Thing = TypeVar("_Name"), TypeVar("_Thing")
_HEADERS = (
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
)


class Beat(msgspec.Struct):
    """What every tab is told: how the engine is, where its log stands, orders by status. `views`:
    the log position up to which the views tell; None where there are none."""

    state: str
    epoch: int
    seq: int
    standing: dict[str, int] = {}
    views: int | None = None


class _Tab:
    """One open stream. `told`: the last round of which it knows all."""

    __slots__ = ("cycle", "free_s", "said_s", "told", "wants")

    def __init__(self, cycle: Cycle, wants: Wants, now_s: float) -> None:
        self.cycle, self.wants = cycle, wants
        self.told, self.said_s, self.free_s = -1, now_s, 0.0

    def can_hear(self, now_s: float) -> bool:
        """Say whether it has read all it was told; one that reads nothing for too long goes."""
        transport = self.cycle.transport
        if self.cycle.disconnected or transport.is_closing():
            return False
        if transport.get_write_buffer_size():
            if now_s - self.said_s > limits.WRITE_TIMEOUT_S:
                transport.abort()
            return False
        return now_s >= self.free_s

    def say(self, chunk: bytes, now_s: float) -> None:
        """Write a chunk of the answer as it stands."""
        self.cycle.transport.write(chunk)
        self.said_s, self.free_s = now_s, now_s + len(chunk) / limits.LIVE_BYTES_PER_S


class _Turns(Generic[_Name, _Thing]):
    """Things that are looked at, by name, and whose turn it is to be read."""

    def __init__(self, make: Callable[[], _Thing]) -> None:
        self._make = make
        self.known: dict[_Name, _Thing] = {}
        self._next = 0

    def want(self, names: Iterable[_Name]) -> None:
        """Know these from now on, and no others."""
        known = self.known
        self.known = {name: known.get(name) or self._make() for name in dict.fromkeys(names)}

    def due(self, seq: int, most: int) -> list[_Name]:
        """Return whose turn it is: at most so many of those not read since log position `seq`."""
        names = [name for name, one in self.known.items() if one.read_seq < seq]
        if len(names) <= most:
            return names
        start, self._next = self._next % len(names), self._next + most
        return (names[start:] + names[:start])[:most]


class Live:
    """The tabs of one front. Their task runs while there are any."""

    def __init__(self, front: Any) -> None:
        self._front = front
        self._tabs: dict[_Tab, None] = {}
        self._wants: Counter[Wants] = Counter()
        self._number = 0
        self._wake = asyncio.Event()
        self._task: asyncio.Task | None = None
        self._beat, self._now = Whole(b"beat"), Whole(b"now")
        self._shelves: _Turns[str, Shelved] = _Turns(Shelved)
        self._queues: _Turns[tuple[str, str, str], Queue] = _Turns(Queue)
        self._orders: _Turns[Key, Whole] = _Turns(lambda: Whole(b"order"))
        self._gauges = gauges.Meter()
        self._looked_s = 0.0
        self._views_seq: int | None = None
        self._views_read_s = 0.0

    def __len__(self) -> int:
        """How many tabs are open."""
        return len(self._tabs)

    def join(self, cycle: Cycle, wants: Wants) -> _Tab:
        """Tell a tab what it wants, from now on."""
        tab = _Tab(cycle, wants, asyncio.get_running_loop().time())
        self._tabs[tab] = None
        self._wants[wants] += 1
        self._wake.set()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
        return tab

    def leave(self, tab: _Tab) -> None:
        """Tell it nothing more."""
        self._tabs.pop(tab, None)
        self._wants[tab.wants] -= 1
        if not self._wants[tab.wants]:
            del self._wants[tab.wants]

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._tabs:
                began_s = loop.time()
                self._wake.clear()
                await self._round()
                await asyncio.sleep(max(began_s + limits.LIVE_AT_ONCE_S - loop.time(), 0.0))
                left_s = began_s + limits.LIVE_EVERY_S - loop.time()
                if left_s > 0:
                    timer = loop.call_later(left_s, self._wake.set)
                    await self._wake.wait()
                    timer.cancel()
        except Exception:
            log.exception("tabs cannot be told")
            for tab in list(self._tabs):
                tab.cycle.transport.abort()

    async def _round(self) -> None:
        """Read what is looked at, and tell each tab what changed for it."""
        number = self._number + 1
        self._shelves.want(sku for wants in self._wants for sku in wants.skus)
        self._queues.want(wants.orders for wants in self._wants if wants.orders)
        self._orders.want(wants.order for wants in self._wants if wants.order)
        try:
            await self._read(number)
        except ServiceError:
            status = self._front.client.status()
            beat = Beat(status.state, status.epoch, status.seq, {}, self._views_seq)
            self._beat.take(number, encode(beat))
        self._number = number
        await self._tell(number)

    async def _read(self, number: int) -> None:
        """Read in the order in which it matters to somebody who has just done something."""
        client = self._front.client
        pulse, status = await client.pulse(), client.status()
        seq = pulse.seq
        beat = Beat(status.state, status.epoch, seq, pulse.standing, self._views_seq)
        self._beat.take(number, encode(beat))
        for keys in _parts(
            self._orders.due(seq, limits.LIVE_ORDERS_READ_MAX), limits.LIVE_ORDERS_TOGETHER
        ):
            found = await asyncio.gather(*(client.order(*key) for key in keys))
            for key, answer in zip(keys, found, strict=True):
                order = self._orders.known[key]
                order.take(number, encode(answer))
                order.read_seq = seq
        for key in self._queues.due(seq, limits.LIVE_QUEUES_READ_MAX):
            await self._read_queue(number, key, self._queues.known[key], pulse)
        due = self._shelves.due(seq, limits.LIVE_SKUS_READ_MAX)
        for names in _parts(due, limits.STATES_READ_SKUS_MAX):
            for name, stock in zip(names, await client.stocks(names), strict=True):
                shelved = self._shelves.known[name]
                shelved.take(number, stock)
                shelved.read_seq = seq
        now_s = time.monotonic()
        if now_s - self._looked_s >= limits.OVERVIEW_EVERY_S and any(w.now for w in self._wants):
            self._looked_s = now_s
            self._now.take(number, encode(await gauges.look(self._front, self._gauges, pulse)))
        await self._look_at_views(seq)

    async def _look_at_views(self, seq: int) -> None:
        """See how far the views are, for the next round to tell, until they have all of the log."""
        views, now_s, before = self._front.views, time.monotonic(), self._views_seq
        recent = now_s - self._views_read_s < limits.OVERVIEW_EVERY_S
        if views is None or recent or (before is not None and before >= seq):
            return
        self._views_read_s, self._views_seq = now_s, None
        with contextlib.suppress(ServiceError):
            self._views_seq = (await views.ask(position))[0]

    async def _read_queue(
        self, number: int, key: tuple[str, str, str], queue: Queue, pulse: Pulse
    ) -> None:
        """Read a filter's newest orders. Where few match, many are looked at: what took long is
        read again after so much longer."""
        began_s = asyncio.get_running_loop().time()
        if began_s < queue.free_s:
            return
        status, channel, part = key
        page: list = []
        before = None
        if not status or status in pulse.standing:
            page, before = await self._front.client.orders(
                status=status, channel=channel, q=part, limit=limits.LIVE_ROWS
            )
        took_s = asyncio.get_running_loop().time() - began_s
        queue.free_s = began_s + took_s / limits.LIVE_READ_SHARE_MAX
        queue.take(number, page, before)
        queue.read_seq = pulse.seq

    async def _tell(self, number: int) -> None:
        loop, said = asyncio.get_running_loop(), 0
        chunks: dict[tuple[Wants, int], bytes] = {}
        for tab in list(self._tabs):
            now_s = loop.time()
            if tab not in self._tabs or not tab.can_hear(now_s):
                continue
            same = (tab.wants, tab.told)
            if same not in chunks:
                news = self._news(tab.wants, tab.told)
                chunks[same] = _chunk(news) if news else b""
            chunk, tab.told = chunks[same], number
            if not chunk and now_s - tab.said_s >= limits.LIVE_HEARTBEAT_S:
                chunk = _chunk(HEARTBEAT)
            if chunk:
                tab.say(chunk, now_s)
                said += 1
                if said % limits.STATES_TOLD_MAX == 0:
                    await asyncio.sleep(limits.STATES_PAUSE_S)

    def _news(self, wants: Wants, since: int) -> bytes:
        """Return what changed after round `since` of what is wanted."""
        parts = [self._beat.news(since)]
        if wants.order in self._orders.known:
            parts.append(self._orders.known[wants.order].news(since))
        if wants.orders in self._queues.known:
            parts.append(self._queues.known[wants.orders].news(since))
        if wants.skus:
            known = self._shelves.known
            parts.append(shelf_news([known[sku] for sku in wants.skus if sku in known], since))
        if wants.now:
            parts.append(self._now.news(since))
        return b"".join(parts)


def _parts(names: list, size: int) -> Iterator[list]:
    return (names[at : at + size] for at in range(0, len(names), size))


def _chunk(data: bytes) -> bytes:
    """Return data as a chunk of an HTTP answer."""
    return b"%x\r\n%b\r\n" % (len(data), data)


class LiveStream(Exchange):
    """The stream of one tab, until it goes away or the front closes."""

    def __init__(self, front: Any, wants: Wants) -> None:
        if len(front.live) >= limits.LIVE_TABS_MAX:
            raise OverloadedError(f"{limits.LIVE_TABS_MAX} tabs are open already")
        self._front, self._wants = front, wants

    async def run(self, receive: Callable, send: Callable) -> None:
        """Send the head, and leave the rest to the rounds."""
        front, cycle = self._front, Cycle.of(receive)
        if cycle is None:
            raise RuntimeError("the live channel needs the server of `api.server`")
        front.streams["live"] += 1
        tab, closing = None, asyncio.create_task(front.closing.wait())
        gone = asyncio.create_task(_gone(receive))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
            await send({"type": "http.response.body", "body": HEARTBEAT, "more_body": True})
            tab = front.live.join(cycle, self._wants)
            await asyncio.wait((closing, gone), return_when=asyncio.FIRST_COMPLETED)
        finally:
            front.streams["live"] -= 1
            if tab:
                front.live.leave(tab)
            closing.cancel()
            gone.cancel()
            await asyncio.gather(closing, gone, return_exceptions=True)
        await send({"type": "http.response.body", "body": b""})


async def _gone(receive: Callable) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
