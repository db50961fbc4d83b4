"""Ring-fenced stock: units of a SKU that are set aside for the orders of one channel.

    put ──▶ pending ──▶ open ──▶ ended ──▶ open …      by `decide.fences`, each an `EntryPut`

A fence has `quantity` units in all. What an order or reservation of its channel takes comes out of
the fence first; what it gives back goes back into it first. `marks` says how many units each of
them has out of it. That follows from the events that take and give (`effects`), so it is not
logged, but it is in dumps. Both twins keep the same objects.

What is set aside is covered by what is available: fences bound to a location first, then the
others, among each the one that was put first. So no unit is kept for two, and stock that comes
fills them in this order. `share` says what a channel may take: never what another's fence covers.
"""

import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Literal

import msgspec

from engine.core import limits
from engine.core.answers.base import Answer
from engine.core.errors import LedgerError
from engine.core.fence_commands import PutFence
from engine.core.register import Code, Register
from engine.core.timers import Timers

Status = Literal["pending", "open", "ended"]
Moves = dict[int, int]  # units taken (or, below 0, given back) by position
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_US = timedelta(microseconds=1)
_COUNT = struct.Struct("<Q")
_ROW = struct.Struct("<QQ")
_MARK = struct.Struct("<QQ")


class Fence(msgspec.Struct, frozen=True, omit_defaults=True):
    """A fence as it stands: as put, with the numbers of its SKU and location."""

    put: PutFence
    status: Status
    sku: int
    place: int | None = None

    @property
    def fence(self) -> tuple[str, str, str]:
        """What it is found by."""
        return self.put.channel, self.put.sku, self.put.location or ""

    @property
    def due_us(self) -> int:
        """When its next step is due by itself, 0 if never."""
        due = {"pending": self.put.starts_at, "open": self.put.ends_at}.get(self.status)
        return (due - _EPOCH) // _US if due else 0


class FenceAnswer(Answer):
    """A fence as it stands. In a list, of `quantity` units set aside, `used` are with the channel's
    orders and reservations; `left` are not, of which `covered` are there now."""

    channel: str
    sku: str
    quantity: int
    status: Status
    location: str | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    fall_back: bool = True
    used: int | None = None
    left: int | None = None
    covered: int | None = None


def answer(fence: Fence, seq: int, replayed: bool = False) -> FenceAnswer:
    """Answer for a fence last changed at `seq`. What is used of it is not said: the answer to a
    repetition is that to the first request."""
    wish = fence.put
    return FenceAnswer(
        seq=seq,
        replayed=replayed,
        channel=wish.channel,
        sku=wish.sku,
        quantity=wish.quantity,
        status=fence.status,
        location=wish.location,
        starts_at=wish.starts_at,
        ends_at=wish.ends_at,
        fall_back=wish.fall_back,
    )


class Share(msgspec.Struct):
    """What one channel may take of a SKU: at most `most` at each position that can give, `total` in
    sum. `own` of that is in fences of its own, by number of the fence; `kept` is the sum of what
    others keep from it, and `common` what is set aside for nobody."""

    most: dict[int, int]
    total: int
    own: dict[int, int]
    kept: int
    common: int


class Fences(Register):
    """The register of fences, and what is out of each."""

    def __init__(self) -> None:
        super().__init__(Code.RING_FENCES, "fence", Fence, limits.FENCES_MAX, answer)
        self.used: list[int] = []
        self.marks: list[dict[int, int]] = []  # of each fence: seq of order or reservation → units
        self.holders: dict[int, set[int]] = {}  # that seq → fences, some perhaps of the past
        self.open: dict[int, list[int]] = {}  # SKU → its open fences
        self.of_sku: dict[int, set[int]] = {}  # SKU → its fences that have not ended
        self.timers = Timers()  # of fences, by number

    def put(self, number: int, document: bytes, seq: int) -> None:
        """Set a fence; see `Register.put`. One that opens anew has all of its units left."""
        before = self.rows[number].put if number < len(self.rows) else None
        super().put(number, document, seq)
        now: Fence = self.rows[number].put
        if before is None:
            self.used.append(0)
            self.marks.append({})
        elif before.status != now.status:
            self.marks[number] = {}
            self.used[number] = self.used[number] if now.status == "ended" else 0
        for table, there in ((self.open, now.status == "open"), (self.of_sku, _lives(now))):
            known = set(table.pop(now.sku, ())) - {number} | ({number} if there else set())
            if known:
                table[now.sku] = sorted(known) if table is self.open else known
        self.timers.set(number, now.due_us)

    def left(self, number: int) -> int:
        """Return the units of a fence that nobody has taken."""
        return max(self.rows[number].put.put.quantity - self.used[number], 0)

    def moved(self, holder: int, channel: str, moves: Moves, positions) -> None:
        """Note that one event has made an order or reservation of `channel`, made at seq `holder`,
        hold more or fewer units by position. What moves between positions in one event stays as
        it is in fences of no location."""
        if not self.open:
            return
        by_sku: dict[int, Moves] = {}
        for number, units in moves.items():
            position = positions[number]
            if position.sku in self.open and units:
                here = by_sku.setdefault(position.sku, {})
                here[position.location] = here.get(position.location, 0) + units
        for sku, here in by_sku.items():
            for number in self.open[sku]:
                fence = self.rows[number].put
                units = sum(here.values()) if fence.place is None else here.get(fence.place, 0)
                if units < 0:
                    self._give(number, holder, -units)
                elif units and fence.put.channel == channel:
                    self._take(number, holder, units)

    def _take(self, number: int, holder: int, units: int) -> None:
        units = min(units, self.left(number))
        if units:
            self.used[number] += units
            marks = self.marks[number]
            marks[holder] = marks.get(holder, 0) + units
            self.holders.setdefault(holder, set()).add(number)

    def _give(self, number: int, holder: int, units: int) -> None:
        marks = self.marks[number]
        units = min(marks.get(holder, 0), units)
        if units:
            self.used[number] -= units
            marks[holder] -= units
            if not marks[holder]:
                del marks[holder]
                self._release(holder, number)

    def _release(self, holder: int, number: int) -> None:
        numbers = self.holders[holder]
        numbers.discard(number)
        if not numbers:
            del self.holders[holder]

    def passed(self, reservation: int, order: int) -> None:
        """Note that what a reservation has is now with its order; both are named by their seqs."""
        for number in self.holders.pop(reservation, ()):
            units = self.marks[number].pop(reservation, 0)
            if units:
                self.marks[number][order] = units
                self.holders.setdefault(order, set()).add(number)

    def returned(self, order: int, sku: int, place: int, units: int) -> None:
        """Note that units that an order had are for sale again at a location."""
        for number in sorted(self.holders.get(order, ())):
            fence = self.rows[number].put
            if fence.sku == sku and fence.place in (None, place):
                self._give(number, order, units)

    def has_of(self, holder: int, sku: int, channel: str) -> bool:
        """Say whether a holder has units of a SKU out of a fence of another channel than this."""
        held = [n for n in self.holders.get(holder, ()) if holder in self.marks[n]]
        fences = [self.rows[number].put for number in held]
        return any(one.sku == sku and one.put.channel != channel for one in fences)

    def drop(self, holder: int) -> None:
        """Forget an order that is forgotten: what it has taken stays used."""
        for number in self.holders.pop(holder, ()):
            self.marks[number].pop(holder, None)

    # Snapshots.

    def dump_marks(self) -> bytes:
        """Return what is out of the fences, as a snapshot has it; nothing without fences."""
        if not self.rows:
            return b""
        parts = []
        for used, marks in zip(self.used, self.marks, strict=True):
            parts.append(_ROW.pack(used, len(marks)))
            parts += [_MARK.pack(holder, marks[holder]) for holder in sorted(marks)]
        return b"".join(parts)

    def load_marks(self, data: bytes, seq: int) -> int:
        """Take up what `dump_marks` gave, at the start of `data`, of a state at `seq`; return its
        size. `LedgerError` if it is damaged."""
        at = 0
        try:
            for number in range(len(self.rows)):
                self.used[number], count = _ROW.unpack_from(data, at)
                at += _ROW.size
                for _ in range(count):
                    holder, units = _MARK.unpack_from(data, at)
                    at += _MARK.size
                    if not 0 < holder <= seq or not units or holder in self.marks[number]:
                        raise LedgerError("snapshot is damaged: who has units of a fence")
                    self.marks[number][holder] = units
                    self.holders.setdefault(holder, set()).add(number)
                if sum(self.marks[number].values()) > self.used[number]:
                    raise LedgerError("snapshot is damaged: what is out of a fence")
        except struct.error as error:
            raise LedgerError(f"snapshot is damaged ({error}); use an older one") from error
        return at


def _lives(fence: Fence) -> bool:
    return fence.status != "ended"


def open_fences(state, sku: int) -> Iterator[tuple[int, Fence]]:
    """Yield (number, fence) of a SKU's open fences in the order in which stock covers them."""
    fences = state.registers.fences
    rows = [(number, fences.rows[number].put) for number in fences.open.get(sku, ())]
    yield from sorted(rows, key=lambda row: (row[1].place is None, row[0]))


def cover(state, sku: int) -> tuple[dict[int, int], dict[int, int]]:
    """Return what is available by position at active locations beyond what fences bound to a
    location cover there, and what of each open fence of a SKU is there."""
    fences, free, covered = state.registers.fences, {}, {}
    for number in state.skus[sku].positions:
        position = state.positions[number]
        if state.locations[position.location].put.active:
            free[number] = max(position.available, 0)
    rest = None
    for number, fence in open_fences(state, sku):
        left = fences.left(number)
        if fence.place is not None:
            at = state.cells.get((sku, fence.place))
            covered[number] = min(left, free.get(at, 0))
            if at in free:
                free[at] -= covered[number]
            continue
        rest = sum(free.values()) if rest is None else rest
        covered[number] = min(left, rest)
        rest -= covered[number]
    return free, covered


def share(state, sku: int, channel: str | None) -> Share | None:
    """Return what a channel may take of a SKU; None if all that is available: it has no fences."""
    fences = state.registers.fences
    if sku not in fences.open:
        return None
    free, covered = cover(state, sku)
    rows = dict(open_fences(state, sku))
    own = {number: covered[number] for number in rows if rows[number].put.channel == channel}
    kept_anywhere = sum(
        units for number, units in covered.items()
        if number not in own and rows[number].place is None
    )  # fmt: skip
    anywhere = sum(units for number, units in own.items() if rows[number].place is None)
    common = sum(free.values()) - kept_anywhere - anywhere
    falls = all(rows[number].put.fall_back for number in own)
    bound = {
        state.cells.get((sku, rows[number].place)): units
        for number, units in own.items()
        if rows[number].place is not None and units
    }
    spare = common if falls else 0
    most = _most(free, bound, spare, alone=falls and not kept_anywhere) if bound else free
    if not falls and not bound and not anywhere:
        most = {}
    kept = sum(covered.values()) - sum(own.values())
    return Share(most, sum(own.values()) + spare, own, kept, common)


def tied(state, number: int, units: int, holder: int) -> int:
    """Of `units` that the order made at seq `holder` gives up at position `number`, return those
    that fences bound to its location take up at once: they can be had again there only."""
    fences, position = state.registers.fences, state.positions[number]
    left = back = 0
    for at, fence in open_fences(state, position.sku):
        if fence.place == position.location:
            left += fences.left(at)
            back += min(fences.marks[at].get(holder, 0), units)
    available = max(position.available, 0)
    before = max(available - left, 0)
    return units - max(available + units - left - back, 0) + before


def _most(free: Moves, bound: Moves, spare: int, *, alone: bool) -> Moves:
    """Return the most that a channel with fences bound to locations may take at each position.
    Units that others keep wherever they are must be left over whatever it takes, so what is set
    aside for nobody is shared out to the positions in order, unless the channel is `alone`."""
    most = {}
    for number, units in free.items():
        more = units if alone else min(units, spare)
        spare -= 0 if alone else more
        most[number] = bound.get(number, 0) + more
    return most
