"""What the ledger remembers: plain tables, keyed by dense numbers and sequence numbers.

Only `effects.apply` changes them, so live decisions and replay cannot differ. The tables and
their invariants:

1. A position's units: `0 ≤ reserved + allocated + unavailable ≤ on_hand`, unless its SKU is
   backorderable (P1).
2. `reserved` is the sum over live reservations' takes, `allocated` that over orders' takes (P2).
3. Every id maps to the newest entry that bears it.
"""

from collections import deque
from itertools import islice

import msgspec

from engine.core import limits, trail
from engine.core.commands import PutLocation, PutSku
from engine.core.events import (
    Kind,
    OrderCancelled,
    OrderPlaced,
    OrderShipped,
    OrderStatus,
    Reserved,
)
from engine.core.lives import Lives
from engine.core.order_life import CLOSED
from engine.core.ranks import entry_of
from engine.core.registers import Registers
from engine.core.routing import slip
from engine.core.sends import count, sends_of
from engine.core.waiting import Waiting

LIVE, COMMITTED, RELEASED, EXPIRED = range(4)
RESERVATION_STATUS = ("reserved", "committed", "released", "expired")


class Location(msgspec.Struct):
    """A place, as last put at log position `seq`."""

    put: PutLocation
    seq: int


class Sku(msgspec.Struct):
    """A SKU, as last put at `seq`; `positions` in order of opening, `parents` are bundles; `usual`
    is what its orders take (`core.usual`)."""

    put: PutSku
    seq: int
    components: tuple[tuple[int, int], ...] = ()
    positions: list[int] = []
    parents: set[int] = set()
    usual: tuple[int, int, int] = (0, 0, 0)


class Position(msgspec.Struct):
    """Units of one SKU at one location, by bucket."""

    sku: int
    location: int
    on_hand: int = 0
    reserved: int = 0
    allocated: int = 0
    damaged: int = 0
    quality_control: int = 0
    safety_stock: int = 0

    @property
    def unavailable(self) -> int:
        """Units on hand that are not sellable."""
        return self.damaged + self.quality_control + self.safety_stock

    @property
    def available(self) -> int:
        """Units that may be promised."""
        return self.on_hand - self.reserved - self.allocated - self.unavailable


class Reservation(msgspec.Struct):
    """`event` made it at `seq`; `armed_seq` is the event that set its present end, or closed it."""

    seq: int
    event: Reserved
    expires_us: int
    armed_seq: int
    status: int = LIVE
    closed_us: int = 0
    order: int = 0


class Order(msgspec.Struct):
    """`event` made it at `seq`; the lists hold what is left of its lines and their takes.

    If it was restated, `event` is as if it had been placed so, and `placed` what made it. `trail`
    is what was cancelled and has left (`core.trail`), up to where it was full (`trail_over`)."""

    seq: int
    event: OrderPlaced
    changed_seq: int
    status: OrderStatus
    takes: list[list[int]]
    backordered: list[int]
    cancelled: list[int]
    shipped: list[int]
    closed_us: int = 0
    placed: OrderPlaced | None = None
    placed_us: int = 0
    trail: bytes = b""
    trail_over: bool = False


class Remembered(msgspec.Struct):
    """The first answer to a document's id or an Idempotency-Key, as JSON."""

    key: str
    seq: int
    stamp_us: int
    fingerprint: int
    answer: bytes


class State:
    """All tables, and the texts for their numbers."""

    def __init__(self) -> None:
        self.seq = 0
        self.now_us = 0  # stamp of the open batch; expiry and retention are judged by it
        self.stamp_us = 0  # stamp of the last batch that held an event
        self.locations: list[Location] = []
        self.location_numbers: dict[str, int] = {}
        self.skus: list[Sku] = []
        self.sku_numbers: dict[str, int] = {}
        self.registers = Registers()
        self.positions: list[Position] = []
        self.cells: dict[tuple[int, int], int] = {}
        self.reservations: dict[int, Reservation] = {}
        self.reservation_seqs: dict[str, int] = {}
        self.orders: dict[int, Order] = {}
        self.placed_orders = self.placed_units = 0  # since this state was made
        self.order_seqs: dict[tuple[str, str], int] = {}
        self.remembered: dict[str, Remembered] = {}
        self.wheel: dict[int, dict[int, None]] = {}  # tick → live reservations, as armed
        self.closed_reservations: deque[int] = deque()
        self.closed_orders: deque[int] = deque()
        self.lives = Lives()
        # Location → (day, orders that a policy gave it to send on that day), the latest day only.
        self.loads: dict[int, tuple[int, int]] = {}
        self.waiting = Waiting()
        self.touched: dict[int, tuple[int, Kind]] | None = None

    # Texts for numbers.

    def location_name(self, number: int) -> str:
        """Return the id of location `number`."""
        return self.locations[number].put.location

    def sku_name(self, number: int) -> str:
        """Return the id of SKU `number`."""
        return self.skus[number].put.sku

    def policy_name(self, number: int) -> str:
        """Return the id of routing policy `number`."""
        return self.registers.policies.rows[number].put.policy

    def position_sku_name(self, number: int) -> str:
        """Return the id of the SKU at position `number`."""
        return self.sku_name(self.positions[number].sku)

    def position_location_name(self, number: int) -> str:
        """Return the id of the location at position `number`."""
        return self.location_name(self.positions[number].location)

    def position_on_hand(self, number: int) -> int:
        """Return the units on hand at position `number`."""
        return self.positions[number].on_hand

    def order_row(self, seq: int) -> Order:
        """Return the order placed at `seq`."""
        return self.orders[seq]

    def free_units(self, sku: int) -> int:
        """Return the units of a SKU that may be promised, at all active locations."""
        rows = [self.positions[number] for number in self.skus[sku].positions]
        return sum(max(row.available, 0) for row in rows if self.locations[row.location].put.active)

    # Lookups by id, which treat what retention has outlived as gone.

    def reservation(self, reservation_id: str) -> Reservation | None:
        """Return the reservation that bears this id, unless closed longer than retention."""
        found = self.reservations.get(self.reservation_seqs.get(reservation_id, 0))
        if (
            found
            and found.status != LIVE
            and _old(found.closed_us, self.now_us, limits.IDEMPOTENCY_RETENTION_US)
        ):
            return None
        return found

    def order(self, channel: str, order_id: str) -> Order | None:
        """Return the order that bears this id, unless closed longer than retention."""
        return self.order_placed(self.order_seqs.get((channel, order_id), 0))

    def order_placed(self, seq: int) -> Order | None:
        """Return the order placed at `seq`, unless closed longer than retention."""
        found = self.orders.get(seq)
        if (
            found
            and found.closed_us
            and _old(found.closed_us, self.now_us, limits.CLOSED_ORDER_RETENTION_US)
        ):
            return None
        return found

    def orders_behind(
        self, after: int, statuses: frozenset[int], most: int, scan: int
    ) -> tuple[list[int], int | None]:
        """Return the seqs of at most `most` orders of these statuses placed after `after`, the
        oldest first, and where to go on (None: at the end). From the oldest open order on, at most
        `scan` are looked at."""
        found, looked, last, begun = [], 0, after, False
        for seq, order in self.orders.items():
            begun = begun or not order.closed_us
            if not begun or seq <= after:
                continue
            if looked == scan or len(found) == most:
                return found, last
            looked, last = looked + 1, seq
            if order.status in statuses:
                found.append(seq)
        return found, None

    def holders(
        self, skus: frozenset[int], statuses: frozenset[int], most: int, scan: int
    ) -> list[int]:
        """Return the seqs of at most `most` orders of these statuses that hold units of one of
        these SKUs, the newest first, of the `scan` that were placed last."""
        found = []
        for seq in islice(reversed(self.orders), scan):
            order = self.orders[seq]
            if order.status in statuses and any(
                left and self.positions[take.position].sku in skus
                for line, takes in zip(order.event.lines, order.takes, strict=True)
                for take, left in zip(line.takes, takes, strict=True)
            ):
                found.append(seq)
                if len(found) == most:
                    break
        return found

    def senders(self, place: int, day: int, most: int, scan: int) -> list[int]:
        """Return the seqs of at most `most` open orders that a location counts on a day, the newest
        first, of the `scan` that were placed last."""
        found = []
        for seq in islice(reversed(self.orders), scan):
            order = self.orders[seq]
            if not order.closed_us and (place, day) in sends_of(order.event):
                found.append(seq)
                if len(found) == most:
                    break
        return found

    def answered(self, key: str) -> Remembered | None:
        """Return what was answered to this key, unless longer ago than retention."""
        found = self.remembered.get(key)
        if found and _old(found.stamp_us, self.now_us, limits.IDEMPOTENCY_RETENTION_US):
            return None
        return found

    # Changes that are not effects of one event.

    def touch(self, position: int, kind: Kind) -> None:
        """Note that the present event changed a position, if anybody watches."""
        if self.touched is not None:
            self.touched.pop(position, None)
            self.touched[position] = (self.seq, kind)

    def arm(self, reservation: Reservation) -> None:
        """Put a live reservation into the wheel slot of its end, behind those already there."""
        tick = reservation.expires_us // limits.WHEEL_TICK_US
        self.wheel.setdefault(tick, {})[reservation.seq] = None

    def disarm(self, reservation: Reservation) -> None:
        """Take a live reservation out of the wheel."""
        tick = reservation.expires_us // limits.WHEEL_TICK_US
        del self.wheel[tick][reservation.seq]
        if not self.wheel[tick]:
            del self.wheel[tick]

    def settle(self, order: Order, status: OrderStatus) -> None:
        """Note what the present event has made of an order; one that is closed by it, or changed
        after that, is kept for the retention from now on."""
        order.status, order.changed_seq = status, self.seq
        if order.closed_us:
            self.closed_orders.remove(order.seq)
        elif status is OrderStatus.CANCELLED and order.event.receipt:
            self.load(order.event.receipt, -1)
        if status in CLOSED:
            order.closed_us = self.now_us
            self.closed_orders.append(order.seq)

    def note_step(self, order: Order, event: OrderCancelled | OrderShipped) -> None:
        """Keep the present event in the order's trail, as long as there is room."""
        more = trail.row(self.seq, self.now_us, event, order.event.lines)
        grown = None if order.trail_over else trail.grown(order.trail, more)
        order.trail_over = grown is None
        order.trail = order.trail if grown is None else grown

    def load(self, receipt: bytes, sign: int) -> None:
        """Count an order (1), or count it no more (-1), at the locations that its packed receipt
        chose, on the day on which they send it."""
        for place, day in slip.sends_of(slip.unpack(receipt)):
            count(self.loads, place, day, sign)

    def await_stock(self, order: Order, kind: Kind | None = None) -> None:
        """Note how an order waits now, by the present event if it is of this `kind`."""
        entry = entry_of(self, order)
        if kind:
            self.waiting.renew(order.seq, entry, self.seq, kind.name.lower())
        elif entry or order.seq in self.waiting.entries:
            self.waiting.set(order.seq, entry)

    def rise(self, position: int, kind: Kind) -> None:
        """Note that the present event brought available units of a position."""
        self.waiting.rise(self.positions[position].sku, self.seq, kind.name.lower())

    def look_again(self, kind: str) -> None:
        """Note that the present event, or what is of this kind, may let a policy give units that
        are there."""
        for sku in sorted(self.waiting.queues):
            if self.skus[sku].put.backorderable or self.free_units(sku):
                self.waiting.rise(sku, self.seq, kind)

    def drop_reservation(self, seq: int) -> None:
        """Forget a closed reservation."""
        gone = self.reservations.pop(seq)
        self.closed_reservations.remove(seq)
        if self.reservation_seqs.get(gone.event.reservation_id) == seq:
            del self.reservation_seqs[gone.event.reservation_id]

    def drop_order(self, seq: int) -> None:
        """Forget a closed order."""
        gone = self.orders.pop(seq)
        self.lives.drop(seq)
        self.registers.fences.drop(seq)
        self.closed_orders.remove(seq)
        name = (gone.event.channel, gone.event.order_id)
        if self.order_seqs.get(name) == seq:
            del self.order_seqs[name]

    def evict(self) -> None:
        """Forget what retention has outlived by this frame's stamp, a bounded number of each.

        Runs once a frame, live and in replay, so that equal logs leave equal tables.
        """
        for _ in range(limits.EVICTIONS_PER_FRAME_MAX):
            key, first = next(iter(self.remembered.items()), ("", None))
            if not first or not _old(first.stamp_us, self.now_us, limits.IDEMPOTENCY_RETENTION_US):
                break
            del self.remembered[key]
        for queue, table, drop, retention_us in (
            (
                self.closed_reservations,
                self.reservations,
                self.drop_reservation,
                limits.IDEMPOTENCY_RETENTION_US,
            ),
            (self.closed_orders, self.orders, self.drop_order, limits.CLOSED_ORDER_RETENTION_US),
        ):
            for _ in range(limits.EVICTIONS_PER_FRAME_MAX):
                if not queue or not _old(table[queue[0]].closed_us, self.now_us, retention_us):
                    break
                drop(queue[0])


def _old(since_us: int, now_us: int, retention_us: int) -> bool:
    return now_us - since_us >= retention_us
