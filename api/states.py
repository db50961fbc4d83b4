"""Conflated stock streams: the newest state of what a screen follows, told once each interval.

    followers that are due ─▶ their SKUs ─▶ one durable read ─▶ what changed ─▶ one write each
             ▲                                                                      │
             └───────────────── told, written, waiting again ◀──────────────────────┘

The source is the ledger through the writer's durable read, so nothing is told that a crash could
take back, nothing can be missed, and a stream that begins again begins with the present state.

One task serves all followers. An interval ends at its multiples, so followers with the same one
share reads. A position has the log position of the read that first found it as it is; a follower
has that of what it was told last, and is told the positions above it. So nothing is kept for a
follower that does not read: it is left out until its last write is gone, and then told what is
newest. What is told at once is of one moment, and only the last event of it has that moment's log
position as its id: with less than all of it, a caller does not know all up to there.

The writer is never held up for more than `limits.STATES_READ_SKUS_MAX` SKUs, or for telling
`limits.STATES_TOLD_MAX` followers, at a time.
"""

import asyncio
import heapq
import itertools
from collections.abc import AsyncGenerator, Iterator

import msgspec
import structlog

from api.streams import HEARTBEAT
from api.wire import encode
from engine.core import limits
from engine.core.answers import QuantitiesAnswer
from engine.core.errors import OverloadedError, ServiceError, UnavailableError
from engine.service.client import Client

log = structlog.get_logger("api")
REASON = "state"


class State(msgspec.Struct):
    """One position as it was at log position `seq`, whatever made it so."""

    seq: int
    sku: str
    location: str
    reason: str
    on_hand: int
    reserved: int
    allocated: int
    unavailable: int
    available: int


class _Position:
    """A position as last read. `seq`: the log position of the first read that found it so."""

    __slots__ = ("event", "quantities", "seq", "sku")

    def __init__(self, sku: str, seq: int, quantities: QuantitiesAnswer) -> None:
        self.sku, self.seq, self.quantities = sku, seq, quantities
        self.event = b""  # its event without an id, once somebody wants it

    def told(self) -> bytes:
        """Return the event, which all followers share."""
        if not self.event:
            q = self.quantities
            state = State(
                self.seq,
                self.sku,
                q.location,
                REASON,
                q.on_hand,
                q.reserved,
                q.allocated,
                q.unavailable,
                q.available,
            )
            self.event = b"event: stock\ndata: " + encode(state) + b"\n\n"
        return self.event


class _Sku:
    """The positions of one SKU as last read, and how many follow it."""

    __slots__ = ("followers", "name", "positions", "rows", "seq")

    def __init__(self, name: str) -> None:
        self.name, self.followers = name, 0
        self.rows: list[QuantitiesAnswer] = []
        self.positions: list[_Position] = []
        self.seq = -1  # the newest of its positions

    def take(self, seq: int, rows: list[QuantitiesAnswer]) -> None:
        """Take what a read at log position `seq` found. A position, once opened, stays."""
        if rows == self.rows:
            return
        for at, row in enumerate(rows):
            if at >= len(self.rows):
                self.positions.append(_Position(self.name, seq, row))
            elif row != self.rows[at]:
                self.positions[at] = _Position(self.name, seq, row)
        self.rows, self.seq = rows, seq


class _Follower:
    """One open stream. `said` gives what it is to write next; None while it writes."""

    __slots__ = ("every_s", "interval", "locations", "said", "said_s", "skus", "told_seq")

    def __init__(self, skus: list[_Sku], locations: frozenset[str], every_s: float) -> None:
        self.skus, self.locations, self.every_s = skus, locations, every_s
        self.told_seq = -1
        self.interval = 0.0  # the number of the one at whose end it is due
        self.said: asyncio.Future[bytes] | None = None
        self.said_s = 0.0

    def news(self, seq: int) -> bytes:
        """Return the events of what changed since it was told last, up to log position `seq`."""
        events = [
            position.told()
            for sku in self.skus
            if sku.seq > self.told_seq
            for position in sku.positions
            if position.seq > self.told_seq
            and (not self.locations or position.quantities.location in self.locations)
        ]
        self.told_seq = seq
        if events:
            events[-1] = b"id: %d\n" % seq + events[-1]
        return b"".join(events)


class States:
    """The followers of one front. Their task runs while there are any."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._skus: dict[str, _Sku] = {}
        self._followers: set[_Follower] = set()
        # Followers that wait, by when they are due; the number keeps the order among equals.
        self._waiting: list[tuple[float, int, _Follower]] = []
        self._numbers = itertools.count()
        self._wake = asyncio.Event()
        self._task: asyncio.Task | None = None

    def __len__(self) -> int:
        """How many follow."""
        return len(self._followers)

    async def follow(
        self, skus: frozenset[str], locations: frozenset[str], every_s: float
    ) -> AsyncGenerator[bytes]:
        """Yield what to write: first the present state, then at most once each `every_s` what
        changed, or a comment when nothing did for `limits.STREAM_HEARTBEAT_S`.

        Raises `OverloadedError` when there are too many followers, `UnavailableError` when no
        writer leads.
        """
        if len(self._followers) >= limits.STREAM_SUBSCRIBERS_MAX:
            raise OverloadedError(f"{limits.STREAM_SUBSCRIBERS_MAX} followers already")
        follower = _Follower([self._sku(name) for name in skus], locations, every_s)
        self._followers.add(follower)
        try:
            while True:
                follower.said = asyncio.get_running_loop().create_future()
                self._queue(follower)
                yield await follower.said
        finally:
            self._leave(follower)

    def _sku(self, name: str) -> _Sku:
        sku = self._skus.setdefault(name, _Sku(name))
        sku.followers += 1
        return sku

    def _leave(self, follower: _Follower) -> None:
        self._followers.discard(follower)
        follower.said = None
        for sku in follower.skus:
            sku.followers -= 1
            if not sku.followers:
                del self._skus[sku.name]
        self._wake.set()

    def _queue(self, follower: _Follower) -> None:
        """Let it wait for the end of its interval, or, where it is new, for nothing."""
        now = asyncio.get_running_loop().time() // follower.every_s
        if follower.told_seq < 0:
            due_s, follower.interval = 0.0, now + 1
        else:
            # Counted, not read from the clock alone: rounding must not end one twice.
            follower.interval = max(follower.interval, now) + 1
            due_s = follower.interval * follower.every_s
        heapq.heappush(self._waiting, (due_s, next(self._numbers), follower))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
        elif self._waiting[0][2] is follower:
            self._wake.set()

    async def _run(self) -> None:
        """Tell followers when they are due, until there are none."""
        try:
            while self._followers:
                due = self._due()
                if not due:
                    await self._sleep()
                for group in self._groups(due):
                    await self._tell(group)
        except Exception as error:
            log.exception("followers of stock states cannot be told")
            self._fail(self._followers, UnavailableError(f"a bug in dibs: {error!r}"))

    def _due(self) -> list[_Follower]:
        now_s, due = asyncio.get_running_loop().time(), []
        while self._waiting and self._waiting[0][0] <= now_s:
            follower = heapq.heappop(self._waiting)[2]
            if follower.said is not None:
                due.append(follower)
        return due

    async def _sleep(self) -> None:
        """Sleep until a follower is due, comes, or goes."""
        self._wake.clear()
        timer = None
        if self._waiting:
            due_s = self._waiting[0][0]
            timer = asyncio.get_running_loop().call_at(due_s, self._wake.set)
        await self._wake.wait()
        if timer:
            timer.cancel()

    def _groups(self, due: list[_Follower]) -> Iterator[list[_Follower]]:
        """Yield followers whose SKUs fit into one read."""
        group: list[_Follower] = []
        names: set[str] = set()
        for follower in due:
            more = names.union(sku.name for sku in follower.skus)
            if len(more) > limits.STATES_READ_SKUS_MAX:
                yield group
                group, more = [], {sku.name for sku in follower.skus}
            group.append(follower)
            names = more
        if group:
            yield group

    async def _tell(self, group: list[_Follower]) -> None:
        """Read what the followers follow, and tell each what changed."""
        skus = list({sku.name: sku for follower in group for sku in follower.skus}.values())
        try:
            seq, found = await self._client.stocked([sku.name for sku in skus])
        except ServiceError as error:
            self._fail(group, error)
            return
        for sku, rows in zip(skus, found, strict=True):
            sku.take(seq, rows)
        for at in range(0, len(group), limits.STATES_TOLD_MAX):
            for follower in group[at : at + limits.STATES_TOLD_MAX]:
                if follower.said is not None:
                    self._say(follower, seq)
            await asyncio.sleep(limits.STATES_PAUSE_S)

    def _say(self, follower: _Follower, seq: int) -> None:
        now_s, first = asyncio.get_running_loop().time(), follower.told_seq < 0
        news = follower.news(seq)
        if not news and (first or now_s - follower.said_s >= limits.STREAM_HEARTBEAT_S):
            news = HEARTBEAT
        if not news:
            self._queue(follower)
            return
        said, follower.said, follower.said_s = follower.said, None, now_s
        if not said.done():
            said.set_result(news)

    def _fail(self, followers: "list[_Follower] | set[_Follower]", error: ServiceError) -> None:
        for follower in followers:
            said, follower.said = follower.said, None
            if said is not None and not said.done():
                said.set_exception(error)
