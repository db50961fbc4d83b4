"""An account's inbox, as the one who works through it sees it.

Documents are handed out while there is room, whatever others are still worked on, so a slow one
holds up nobody but its own order. What is put back is handed out again later, on a round of its
own beside the new ones; neither kind waits for the other.

    stream ─▶ next() ─▶ in hand ─▶ done, buried ─▶ gone
                 ▲          └────▶ put back ──┐
                 └──────── a round later ─────┘
"""

import asyncio
from collections.abc import Iterable

from engine.core import limits
from engine.sync.store import Kept, SyncStore

_BLOCK_MS = 200  # until a reader of an empty inbox looks whether it is to stop
_FEW = limits.SYNC_READ // 8  # room for fewer is not worth a call


class Inbox:
    """The deliveries of one account: at most `limits.SYNC_READ` of them in hand at once."""

    def __init__(self, account: str, store: SyncStore) -> None:
        self._account, self._store = account, store
        self.open_anew()

    def open_anew(self) -> None:
        """Begin at the oldest delivery, with none in hand."""
        self._in_hand: set[str] = set()
        self._fresh = "0"
        self._round: str | None = None  # where a round over what was put back is
        self._round_at: float | None = None  # when the next one begins, in the loop's time
        self._room = asyncio.Event()

    async def next(self) -> list[Kept]:
        """Return deliveries, which are in hand then; none if none came for a moment."""
        while (room := limits.SYNC_READ - len(self._in_hand)) < _FEW:
            self._room.clear()
            await self._room.wait()
        self._begin_round()
        rows = []
        if self._round is not None:
            room -= room // 2
            rows = await self._old(room)
        block_ms = 0 if rows or self._round_at is not None else _BLOCK_MS
        fresh = await self._store.waiting(self._account, self._fresh, room, block_ms)
        if fresh:
            self._fresh = fresh[-1].place
        elif self._round_at is not None and not rows:
            await asyncio.sleep(limits.OUTBOX_IDLE_S / 4)
        found = [kept for kept in rows + fresh if kept.place not in self._in_hand]
        self._in_hand.update(kept.place for kept in found)
        return found

    def _begin_round(self) -> None:
        due = self._round_at is not None and asyncio.get_running_loop().time() >= self._round_at
        if self._round is None and due:
            self._round, self._round_at = "0", None

    async def _old(self, room: int) -> list[Kept]:
        """Return the next of a round, which ends where the new ones begin."""
        rows = await self._store.waiting(self._account, self._round, room, 0)
        old = [kept for kept in rows if _order(kept.place) <= _order(self._fresh)]
        self._round = old[-1].place if old and len(old) == len(rows) else None
        return old

    def put_back(self, rows: Iterable[Kept]) -> None:
        """Have deliveries handed out again, after `limits.OUTBOX_IDLE_S` at the earliest."""
        self._let_go(rows)
        if self._round_at is None:
            self._round_at = asyncio.get_running_loop().time() + limits.OUTBOX_IDLE_S

    async def done(self, rows: Iterable[Kept]) -> None:
        """Drop deliveries that are dealt with, durably."""
        rows = list(rows)
        await self._store.done(self._account, [kept.place for kept in rows])
        self._let_go(rows)

    async def bury(self, rows: Iterable[Kept], problem: str) -> None:
        """Make dead letters of deliveries."""
        for kept in rows:
            await self._store.bury(self._account, kept, problem)
            self._let_go([kept])

    def _let_go(self, rows: Iterable[Kept]) -> None:
        self._in_hand.difference_update(kept.place for kept in rows)
        self._room.set()


def _order(place: str) -> tuple[int, ...]:
    return tuple(int(part) for part in place.split("-"))
