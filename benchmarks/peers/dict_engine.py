"""The peer: the ledger's rules for checkouts in plain dicts, as one would write them in Python.

Reserve, commit, release, orders, expiry and idempotency by id, with the outcomes of dibs, which
makes it an oracle too: the same commands must end alike in both. It has one location, keeps no log
and forgets nothing; all three are in its favour.
"""

import heapq
from collections.abc import Sequence

from engine.core import limits
from engine.core.outcomes import Code

Lines = Sequence[tuple[str, int]]  # SKU, units
Outcome = tuple[int, int, bool]  # 0 or a `Code`, seq, replayed

_TICK_US = limits.WHEEL_TICK_US
_LIVE, _COMMITTED, _RELEASED, _EXPIRED = range(4)


class _Hold:
    __slots__ = ("asked", "cells", "channel", "expires_us", "order", "seq", "status")

    def __init__(self, asked, seq: int, channel: str, expires_us: int, cells: list) -> None:
        self.asked, self.seq, self.channel, self.cells = asked, seq, channel, cells
        self.expires_us, self.status, self.order = expires_us, _LIVE, None


class DictEngine:
    """All stock, reservations and orders. `now_us` is set by `begin`, as in the ledger.

    A cell is a list [available, reserved, allocated] of one SKU's units.
    """

    def __init__(self, stock: dict[str, int], seq: int = 0) -> None:
        self.cells = {sku: [units, 0, 0] for sku, units in stock.items()}
        self.seq, self.now_us = seq, 0
        self._holds: dict[str, _Hold] = {}
        self._orders: dict[tuple[str, str], tuple] = {}
        self._ends: list[tuple[int, str]] = []

    def begin(self, now_us: int) -> int:
        """Open a batch at `now_us`; return how many reservations ended before it."""
        self.now_us, done, ends = now_us, 0, self._ends
        while ends and ends[0][0] // _TICK_US < now_us // _TICK_US:
            hold = self._holds[heapq.heappop(ends)[1]]
            if hold.status == _LIVE:
                self.seq += 1
                self._give_back(hold, _EXPIRED)
                done += 1
        return done

    def reserve(self, reservation_id: str, channel: str, ttl_s: int, lines: Lines) -> Outcome:
        """Promise all lines or none."""
        known, asked = self._holds.get(reservation_id), (channel, ttl_s, lines)
        if known:
            return self._again(known.asked == asked, known.seq)
        cells, code = self._take(lines, 1)
        if code:
            return code, self.seq, False
        self.seq += 1
        expires_us = self.now_us + ttl_s * 1_000_000
        self._holds[reservation_id] = _Hold(asked, self.seq, channel, expires_us, cells)
        heapq.heappush(self._ends, (expires_us, reservation_id))
        return 0, self.seq, False

    def commit(self, reservation_id: str) -> Outcome:
        """Turn a live reservation into an order of its name."""
        hold = self._holds.get(reservation_id)
        if hold and hold.status == _COMMITTED:
            return 0, hold.order, True
        code = self._why_not_live(hold)
        if code:
            return code, self.seq, False
        name = (hold.channel, reservation_id)
        if name in self._orders:
            return Code.ORDER_EXISTS, self.seq, False
        self.seq += 1
        for cell, units in hold.cells:
            cell[1] -= units
            cell[2] += units
        hold.status, hold.order = _COMMITTED, self.seq
        self._orders[name] = (self.seq, None)
        return 0, self.seq, False

    def release(self, reservation_id: str) -> Outcome:
        """Give a reservation's units back."""
        hold = self._holds.get(reservation_id)
        if hold and hold.status in (_RELEASED, _EXPIRED):
            return 0, hold.seq, True
        if not hold or hold.status == _COMMITTED:
            return self._why_not_live(hold), self.seq, False
        self.seq += 1
        self._give_back(hold, _RELEASED)
        return 0, self.seq, False

    def place(self, order_id: str, channel: str, lines: Lines) -> Outcome:
        """Allocate an order, all lines or none."""
        name = (channel, order_id)
        known = self._orders.get(name)
        if known:
            return self._again(known[1] == lines, known[0])
        _, code = self._take(lines, 2)
        if code:
            return code, self.seq, False
        self.seq += 1
        self._orders[name] = (self.seq, lines)
        return 0, self.seq, False

    def balanced(self) -> bool:
        """Say whether no cell is negative and the cells hold what live rows say."""
        reserved = sum(
            units for h in self._holds.values() if h.status == _LIVE for _, units in h.cells
        )
        held = sum(cell[1] for cell in self.cells.values())
        return reserved == held and all(min(cell) >= 0 for cell in self.cells.values())

    def _take(self, lines: Lines, into: int) -> tuple[list, int]:
        try:
            cells = [(self.cells[sku], units) for sku, units in lines]
        except KeyError:
            return [], Code.UNKNOWN_SKU
        for at, (cell, units) in enumerate(cells):
            if cell[0] < units:
                for taken, back in cells[:at]:
                    taken[0] += back
                    taken[into] -= back
                return [], Code.INSUFFICIENT_STOCK
            cell[0] -= units
            cell[into] += units
        return cells, 0

    def _give_back(self, hold: _Hold, status: int) -> None:
        for cell, units in hold.cells:
            cell[1] -= units
            cell[0] += units
        hold.status = status

    def _again(self, same: bool, seq: int) -> Outcome:
        return (0, seq, True) if same else (Code.IDEMPOTENCY_CONFLICT, self.seq, False)

    def _why_not_live(self, hold: _Hold | None) -> int:
        if hold is None:
            return Code.UNKNOWN_RESERVATION
        if hold.status == _LIVE and hold.expires_us > self.now_us:
            return 0
        if hold.status in (_LIVE, _EXPIRED):
            return Code.RESERVATION_EXPIRED
        return Code.RESERVATION_CLOSED
