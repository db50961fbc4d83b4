"""The second opinion: what the log's records say, kept as plain books, every promise checked.

This reads records by itself, from docs/log-format.md, and shares no code with the ledger, so a
mistake there does not hide itself here. After every event, for every position it touched:

    P1   promised + unavailable ≤ on_hand, unless the SKU is backorderable at that moment
    P2   no bucket below zero; a movement's stated result is the running one; a transfer loses
         nothing; a line's takes add up to what it got; a release or cancellation gives back
         exactly what was taken; a reservation ends once, in time
    P4   an id, a document, an Idempotency-Key makes one effect (within its stated retention)
    P6   numbers are dense, an epoch's record is of its own epoch

Cost is per touched position, so a check at every prefix is no dearer than a walk. Memory: one
packed copy of the lines of each open order, and the name of every order that ever was.
"""

import struct
from collections.abc import Callable

from engine.core import limits
from engine.log.books_changes import (
    BY_UNITS,
    DELIVERED,
    SHIPPED,
    OrderBooks,
    channel_of,
    status_of,
)
from engine.log.books_fences import moves_of
from engine.log.books_lines import MANY, NAMED, PRICE, Held, read_lines, read_rest
from engine.log.books_stock import Unreadable

__all__ = ["KINDS", "Books", "Held", "Unreadable", "read_lines"]

KINDS = (
    "", "epoch_opened", "location_put", "sku_put", "position_opened", "stock_moved", "reserved",
    "reservation_extended", "reservation_released", "reservation_expired", "order_placed",
    "order_cancelled", "entry_put", "order_shipped", "order_changed",
)  # fmt: skip
_RECORD = struct.Struct("<IBBH")
_LINE = struct.Struct("<BII").unpack_from
_PRICED = struct.Struct("<qI").unpack_from
_ORDER = struct.Struct("<BQH").unpack_from
_TWO = struct.Struct("<QQ").unpack_from
_CANCEL = struct.Struct("<QB").unpack_from
_CUT = struct.Struct("<HII").unpack_from
_FREED = struct.Struct("<HHI").unpack_from
_U16 = struct.Struct("<H").unpack_from
_U32 = struct.Struct("<I").unpack_from
_U64 = struct.Struct("<Q").unpack_from
_SHIP = struct.Struct("<HI").unpack_from
BY_POLICY = 2  # an order's receipt follows


class Books(OrderBooks):
    """Positions, reservations and orders, as the records make them."""

    def __init__(self, bad: Callable[[str, str], None]) -> None:
        super().__init__(bad)
        # By the seq of their event. Lines stay packed until they are needed.
        self.reservations: dict[int, list] = {}  # live ones: [expires_us, packed lines, name]
        self.reservation_names: dict[bytes, int] = {}  # 0 while live, else when it was closed
        self.counts = [0] * len(KINDS)
        self._readers = (
            None, self.epoch_opened, self.location_put, self.sku_put, self.position_opened,
            self.stock_moved, self.reservation_made, self.extended, self.released, self.expired,
            self.placed, self.cancelled, self.entry_put, self.shipped, self.changed,
        )  # fmt: skip

    def take(self, data: bytes, at: int, end: int, first_seq: int, count: int) -> None:
        """Read the `count` records of one frame, numbered from `first_seq`. Raises `Unreadable`."""
        seq = first_seq - 1
        unpack, readers, counts = _RECORD.unpack_from, self._readers, self.counts
        while at < end:
            seq += 1
            self.seq = seq
            try:
                size, kind, version, zero = unpack(data, at)
                if version != 1 or zero or not 0 < kind < len(readers):
                    raise Unreadable(f"kind {kind}, version {version} is not known")
                reached = readers[kind](data, at + 8)
            except (struct.error, IndexError, KeyError) as error:
                raise Unreadable(f"record names what is not there: {error!r}") from error
            at += size
            if reached != at or at > end:
                raise Unreadable(f"{KINDS[kind]} ends {reached - at:+d} bytes off its size")
            counts[kind] += 1
        if seq + 1 != first_seq + count:
            raise Unreadable(f"the frame states {count} events and holds {seq + 1 - first_seq}")

    def _lines(self, data: bytes, at: int, bucket: list[int], *, check: bool = True) -> tuple:
        """Read lines that promise units into `bucket`; return (end, asked, waiting, taken).

        Without `check` the takes are known to be right: a reservation's, checked when it was made.
        """
        (count,) = _U16(data, at)
        at += 2
        asked_total = waiting_total = taken = 0
        position_sku, room = self.position_sku, self.room
        for _ in range(count):
            flags, sku, asked = _LINE(data, at)
            at += 9
            asked_total += asked
            if flags == PRICE:
                _, position = _PRICED(data, at)
                at += 12
            elif flags in (0, NAMED, PRICE | NAMED):
                at += 8 if flags & PRICE else 0
                at += 2 + _U16(data, at)[0] if flags & NAMED else 0
                (position,) = _U32(data, at)
                at += 4
            else:
                at, waiting, units = self._wide_line(data, at, (flags, sku, asked), bucket, check)
                waiting_total += waiting
                taken += units
                continue
            taken += asked
            left = room[position] - asked
            if left < 0 or not asked or position_sku[position] != sku:
                self._odd_line(sku, asked, position, bucket, check)
            else:
                room[position] = left
                bucket[position] += asked
        return at, asked_total, waiting_total, taken

    def _odd_line(self, sku: int, asked: int, position: int, bucket: list, check: bool) -> None:
        """A line of a bundle, or one that takes more than there is."""
        if not asked:
            self.bad("P2", f"a line of SKU {sku} asks for nothing")
        if check:
            self.check_takes(sku, asked, [(position, asked)])
        self.promise(bucket, position, asked)

    def _wide_line(self, data: bytes, at: int, line: tuple, bucket: list, check: bool) -> tuple:
        """A line that waits in part, or takes from several positions."""
        flags, sku, asked = line
        if flags > MANY * 2 - 1:
            raise Unreadable(f"line flags {flags} are not known")
        at, waiting, takes = read_rest(data, at, flags, asked)
        if waiting > asked or not asked:
            self.bad("P2", f"a line of {asked} units waits for {waiting}")
        if check:
            self.check_takes(sku, asked - waiting, takes)
        for position, units in takes:
            self.promise(bucket, position, units)
        return at, waiting, sum(units for _, units in takes)

    # Reservations.

    def reservation_made(self, data: bytes, at: int) -> int:
        """Units are promised to a checkout."""
        at = start = self.cause(data, at)
        at += 2 + _U16(data, at)[0]
        name = data[start:at]
        (size,) = _U16(data, at)
        channel = data[at + 2 : at + 2 + size]
        at += 2 + size
        (expires_us,) = _U64(data, at)
        lines_at = at + 8
        at, _, waiting, taken = self._lines(data, lines_at, self.reserved)
        known = self.reservation_names.get(name)
        if known is not None and not self.old(known, limits.IDEMPOTENCY_RETENTION_US):
            self.bad("P4", f"reservation id {name[2:].decode(errors='replace')!r} is used twice")
        if waiting or expires_us <= self.stamp_us:
            self.bad("P2", "a reservation waits for units, or is over when it is made")
        self.units["reserved"] += taken
        self.reservation_names[name] = 0
        self.reservations[self.seq] = [expires_us, data[lines_at:at], name]
        self._fence(self.seq, channel, data[lines_at:at], 1, "reserved")
        return at

    def _fence(self, holder: int, channel: bytes, lines: bytes, sign: int, what: str) -> None:
        """Let the fences know what packed lines have taken, or given back."""
        if self.fences.open:
            moves = moves_of(read_lines(lines)[1], sign)
            self.fences.moved(self, holder, channel.decode(), moves, what=what, fresh=True)

    def extended(self, data: bytes, at: int) -> int:
        """A live reservation ends later."""
        at = self.cause(data, at)
        seq, expires_us = _TWO(data, at)
        live = self.reservations.get(seq)
        if live is None or live[0] <= self.stamp_us or expires_us <= self.stamp_us:
            self.bad("P2", f"reservation {seq} is extended when it is over")
        if live:
            live[0] = expires_us
        return at + 16

    def released(self, data: bytes, at: int) -> int:
        """Its owner gave the units back."""
        at = self.cause(data, at)
        (seq,) = _U64(data, at)
        live = self._close(seq)
        if live:
            self._fence(seq, b"", live[1], -1, "released")
        return at + 8

    def expired(self, data: bytes, at: int) -> int:
        """Its time was over."""
        (seq,) = _U64(data, at)
        live = self._close(seq)
        if live and live[0] > self.stamp_us:
            self.bad("P2", f"reservation {seq} expires {live[0] - self.stamp_us} µs early")
        if live:
            self._fence(seq, b"", live[1], -1, "expired")
        return at + 8

    def _close(self, seq: int) -> list | None:
        """A live reservation ends and gives back exactly what it took."""
        live = self.reservations.pop(seq, None)
        if live is None:
            self.bad("P2", f"reservation {seq} ends and was not live")
            return None
        for _, _, _, takes in read_lines(live[1])[1]:
            for position, units in takes:
                self.give_back(self.reserved, position, units)
        self.reservation_names[live[2]] = self.stamp_us
        return live

    # Orders.

    def placed(self, data: bytes, at: int) -> int:
        """Units are allocated to an order, from a reservation or from what is available."""
        at = start = self.cause(data, at)
        at += 2 + (data[at] | data[at + 1] << 8)
        at += 2 + (data[at] | data[at + 1] << 8)
        name = data[start:at]
        status, reservation, policy = _ORDER(data, at)
        lines_at = at + 11
        live = self._close(reservation) if reservation else None
        at, asked, waiting, taken = self._lines(data, lines_at, self.allocated, check=not live)
        lines = data[lines_at:at]
        if live and (live[1] != lines or live[0] <= self.stamp_us):
            self.bad("P2", f"reservation {reservation} is committed late, or as something else")
        if name in self.order_names:
            self._reused(name)
        if status != status_of(asked, waiting):
            self.bad("P2", f"an order of {asked} units, {waiting} waiting, has status {status}")
        self.units["allocated"] += taken
        self.order_names[name] = 0
        self.order_name_of[self.seq] = name
        self.orders[self.seq] = lines
        if live:
            self.fences.committed(reservation, self.seq)
        else:
            self._fence(self.seq, channel_of(name), lines, 1, "placed")
        at += 4 + _U32(data, at)[0]
        return self.routed(data, at, _open_takes(lines)) if policy == BY_POLICY else at

    def _reused(self, name: bytes) -> None:
        if not self.old(self.order_names[name], limits.CLOSED_ORDER_RETENTION_US):
            size = _U16(name)[0]
            channel, order = name[2 : 2 + size], name[4 + size :]
            self.bad(
                "P4",
                f"channel {channel.decode(errors='replace')!r} has an order "
                f"{order.decode(errors='replace')!r} already",
            )

    def cancelled(self, data: bytes, at: int) -> int:
        """All or part of an order is cancelled; exactly what is cut becomes available."""
        at = self.cause(data, at)
        seq, status = _CANCEL(data, at)
        at += 9
        at += 2 + _U16(data, at)[0]
        at, cuts, freed = _changes(data, at, _CUT, 10)
        held = self.held(seq)
        if held is None:
            self.bad("P2", f"order {seq} is cancelled and was not open")
            return at
        self._check_cuts(seq, held, cuts, freed)
        moves: dict[int, int] = {}
        for line, take, units in freed:
            held.left[line][take] -= units
            self.units["freed"] += units
            self.give_back(self.allocated, held.places[line][take], units)
            moves[held.places[line][take]] = moves.get(held.places[line][take], 0) - units
            if held.left[line][take] < 0:
                self.bad("P2", f"order {seq} frees more of line {line} than it holds")
        if self.fences.open:
            self.fences.moved(self, seq, "", moves, what="cancelled", fresh=True)
        self.settle(seq, held, self._by_units(seq, status), self.progress.get(seq, 0))
        return at

    def _by_units(self, seq: int, status: int) -> int:
        """Return the status as far as units go: what was fetched has left, and arrived with it."""
        return SHIPPED if status == DELIVERED and self.work.fetched(seq) else status

    def shipped(self, data: bytes, at: int) -> int:
        """Units of an order leave: they are allocated and on hand no more."""
        at = self.cause(data, at)
        seq, status = _CANCEL(data, at)
        at += 9
        (size,) = _U16(data, at)
        self.once(b"shipment:%d:%b" % (seq, data[at + 2 : at + 2 + size]))
        for _ in range(3):
            at += 2 + _U16(data, at)[0]
        at, gone, freed = _changes(data, at, _SHIP, 6)
        held = self.held(seq)
        if held is None:
            self.bad("P2", f"order {seq} is shipped and was not open")
            return at
        rows, before, after = self.work.left(seq, gone)
        self._check_freed(seq, held, rows, freed, before, after)
        for line, units in gone:
            held.shipped[line] += units
            if held.served(line) < 0:
                self.bad("P2", f"order {seq} ships more of line {line} than it holds")
        for line, take, units in freed:
            held.left[line][take] -= units
            self.units["shipped"] += units
            self.leave(held.places[line][take], units)
            if held.left[line][take] < 0:
                self.bad("P2", f"order {seq} ships more of line {line} than it took")
        status = self._by_units(seq, status)
        self.settle(seq, held, status, 0 if status in BY_UNITS else status)
        return at

    def _check_cuts(self, seq: int, held: Held, cuts: list[tuple], freed: list[tuple]) -> None:
        """Waiting units are cut first; what the others had taken is freed."""
        self._check_freed(seq, held, [(n, units, units - waits) for n, units, waits in cuts], freed)
        for line, units, waiting in cuts:
            held.cancelled[line] += units
            held.waiting[line] -= waiting
            if held.served(line) < 0 or held.waiting[line] < 0:
                self.bad("P2", f"order {seq} cuts more of line {line} than it holds")

    def _check_freed(
        self, seq: int, held: Held, rows: list[tuple], freed: list[tuple], before=None, after=None
    ) -> None:
        """What is freed is what these units had taken, component by component. `rows` are
        (line, units, units of them that had taken something); `before` and `after` are parts that
        have left ahead of others, by line and SKU."""
        before = self.work.ahead.get(seq, {}) if before is None else before
        after = before if after is None else after
        back: dict[tuple[int, int], int] = {}
        for line, take, units in freed:
            key = (line, self.position_sku[held.places[line][take]])
            back[key] = back.get(key, 0) + units
        for line, _, having in rows:
            served = held.served(line)
            taken: dict[int, int] = {}
            for place, left in zip(held.places[line], held.left[line], strict=True):
                sku = self.position_sku[place]
                taken[sku] = taken.get(sku, 0) + left
            for key, units in before.items():
                if key[0] == line:
                    taken[key[1]] = taken.get(key[1], 0) + units
            for sku, total in taken.items():
                due = total // served * having if served else 0
                due += after.get((line, sku), 0) - before.get((line, sku), 0)
                if back.pop((line, sku), 0) != due:
                    self.bad("P2", f"order {seq} line {line} does not free the {due} units it had")
        if any(back.values()):
            self.bad("P2", f"order {seq} frees units of lines that were not named")

    # The end of a walk.

    def close(self) -> None:
        """Add everything up once more from the promises that are open (P2)."""
        self.check_said()
        reserved = [take for live in self.reservations.values() for take in _open_takes(live[1])]
        allocated = (take for lines in self.orders.values() for take in _open_takes(lines))
        for word, bucket, takes in (
            ("reserved", self.reserved, reserved),
            ("allocated", self.allocated, allocated),
        ):
            sums = [0] * len(bucket)
            for position, units in takes:
                sums[position] += units
            for position, units in enumerate(sums):
                if units != bucket[position]:
                    self.bad(
                        "P2",
                        f"position {position} has {bucket[position]} units {word}, its open "
                        f"promises hold {units}",
                    )


def _open_takes(lines: bytes | Held) -> list[tuple[int, int]]:
    if isinstance(lines, bytes):
        return [take for line in read_lines(lines)[1] for take in line[3]]
    rows = zip(lines.places, lines.left, strict=True)
    return [take for places, left in rows for take in zip(places, left, strict=True)]


def _changes(data: bytes, at: int, unpack: Callable, row_bytes: int) -> tuple[int, list, list]:
    """Read what an event changes of an order: (end, rows of its lines, units freed of takes)."""
    (count,) = _U16(data, at)
    rows = [unpack(data, at + 2 + row_bytes * row) for row in range(count)]
    at += 2 + row_bytes * count
    (count,) = _U32(data, at)
    freed = [_FREED(data, at + 4 + 8 * row) for row in range(count)]
    return at + 4 + 8 * count, rows, freed
