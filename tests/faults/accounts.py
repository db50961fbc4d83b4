"""Bookkeeping of the judge's own: P1 and P2 at every prefix, from nothing but the events.

It shares no code with the ledger. Each promise (a reservation's or an order's takes) is an entry
of its own, so a unit that is given back twice, or never, shows as a difference between the entry
and the sum.
"""

from collections import defaultdict

import msgspec

from engine.core.events import (
    BucketId,
    Event,
    OrderCancelled,
    OrderChanged,
    OrderPlaced,
    OrderShipped,
    PositionOpened,
    ReservationExpired,
    ReservationReleased,
    Reserved,
    SkuPut,
    StockMoved,
)


class Cell:
    """One position: units by bucket, and who is promised how many."""

    __slots__ = ("allocated", "buckets", "promises", "reserved", "sku")

    def __init__(self, sku: int) -> None:
        self.sku = sku
        self.buckets = [0, 0, 0, 0]
        self.reserved = 0
        self.allocated = 0
        self.promises: dict[tuple[str, int], int] = defaultdict(int)


class Accounts:
    """All positions. `apply` returns what is wrong after an event, as sentences."""

    def __init__(self) -> None:
        self.cells: list[Cell] = []
        self.backorderable: dict[int, bool] = {}
        self.bundles: set[int] = set()
        self.reservations: dict[int, tuple] = {}
        self.orders: dict[int, OrderPlaced] = {}
        self.oversold: dict[int, int] = {}  # position → most units ever beyond on_hand

    def apply(self, seq: int, event: Event) -> list[str]:
        """Book one event; return the broken promises, each as `P… : sentence`."""
        touched: set[int] = set()
        wrong: list[str] = []
        match event:
            case SkuPut():
                self.backorderable[event.number] = event.backorderable
                (self.bundles.add if event.components else self.bundles.discard)(event.number)
            case PositionOpened():
                if event.number != len(self.cells):
                    wrong.append(f"P2: position {event.number} is not the next one")
                self.cells.append(Cell(event.sku))
            case StockMoved():
                wrong += self._moved(event, touched)
            case Reserved():
                wrong += self._lines(event.lines)
                self.reservations[seq] = event.lines
                self._promise("reserved", seq, event.lines, touched)
            case ReservationReleased() | ReservationExpired():
                wrong += self._close(event.reservation, touched)
            case OrderPlaced():
                wrong += self._lines(event.lines)
                if event.reservation:
                    if self.reservations.get(event.reservation) != event.lines:
                        wrong.append(f"P2: order {seq} takes what its reservation did not hold")
                    wrong += self._close(event.reservation, touched)
                self.orders[seq] = event
                self._promise("allocated", seq, event.lines, touched)
            case OrderCancelled() | OrderShipped():
                wrong += self._free(event, touched)
            case OrderChanged():
                wrong += self._restate(event, touched)
        return wrong + [text for number in sorted(touched) for text in self.faults(number)]

    def faults(self, number: int) -> list[str]:
        """Return what is wrong with one position."""
        cell = self.cells[number]
        on_hand, *aside = cell.buckets
        wrong = []
        if min(on_hand, cell.reserved, cell.allocated, *aside) < 0 or sum(aside) > on_hand:
            wrong.append(f"P2: position {number}: negative or impossible bucket {cell.buckets}")
        over = cell.reserved + cell.allocated + sum(aside) - on_hand
        if over > 0 and not self.backorderable.get(cell.sku):
            self.oversold[number] = max(over, self.oversold.get(number, 0))
            wrong.append(
                f"P1: position {number} is oversold by {over}: {cell.reserved} reserved, "
                f"{cell.allocated} allocated, {sum(aside)} unavailable of {on_hand} on hand"
            )
        return wrong

    def all_faults(self) -> list[str]:
        """Return what is wrong with any position, each promise added up anew."""
        wrong = []
        for number, cell in enumerate(self.cells):
            held = {"reserved": 0, "allocated": 0}
            for (bucket, _), units in cell.promises.items():
                held[bucket] += units
            if held["reserved"] != cell.reserved or held["allocated"] != cell.allocated:
                wrong.append(f"P2: position {number}: buckets differ from the sum of promises")
            wrong += self.faults(number)
        return wrong

    def _moved(self, event: StockMoved, touched: set[int]) -> list[str]:
        wrong, net = [], 0
        for move in event.movements:
            buckets = self.cells[move.position].buckets
            buckets[move.bucket] += move.delta
            net += move.delta if move.bucket == BucketId.ON_HAND else 0
            touched.add(move.position)
            if buckets[move.bucket] != move.quantity:
                wrong.append(f"P2: position {move.position} would hold {buckets[move.bucket]}")
        if event.document.name == "TRANSFER" and net:
            wrong.append(f"P2: transfer {event.document_id!r} makes or loses {net} units")
        if event.document.name == "RECEIPT" and any(move.delta <= 0 for move in event.movements):
            wrong.append(f"P2: receipt {event.document_id!r} takes units away")
        return wrong

    def _lines(self, lines) -> list[str]:
        wrong = []
        for index, line in enumerate(lines):
            taken, allotted = sum(t.quantity for t in line.takes), line.quantity - line.backordered
            if line.sku in self.bundles:
                fits = taken % allotted == 0 if allotted else not taken
            else:
                fits = taken == allotted
            if not fits or not 0 <= line.backordered <= line.quantity:
                wrong.append(f"P2: line {index} of {line.quantity} units takes {taken}")
        return wrong

    def _promise(self, bucket: str, seq: int, lines, touched: set[int]) -> None:
        for line in lines:
            for take in line.takes:
                cell = self.cells[take.position]
                cell.promises[bucket, seq] += take.quantity
                setattr(cell, bucket, getattr(cell, bucket) + take.quantity)
                touched.add(take.position)

    def _close(self, seq: int, touched: set[int]) -> list[str]:
        lines = self.reservations.pop(seq, None)
        if lines is None:
            return [f"P2: reservation {seq} ends a second time, or never was"]
        for take in (take for line in lines for take in line.takes):
            cell = self.cells[take.position]
            cell.reserved -= take.quantity
            cell.promises.pop(("reserved", seq), None)
            touched.add(take.position)
        return []

    def _restate(self, event: OrderChanged, touched: set[int]) -> list[str]:
        """What the order held is given back, and what its new lines take is promised."""
        order = self.orders.get(event.order)
        if order is None:
            return [f"P2: order {event.order} is changed but never was"]
        if event.lines is None:
            return []
        wrong, lines = [], []
        for row in event.lines:
            lines.append(row.line)
            asked = row.line.quantity - row.cancelled - row.shipped
            wrong += self._lines([msgspec.structs.replace(row.line, quantity=asked)])
        for number in {take.position for line in order.lines for take in line.takes}:
            cell = self.cells[number]
            cell.allocated -= cell.promises.pop(("allocated", event.order), 0)
            touched.add(number)
        self.orders[event.order] = msgspec.structs.replace(order, lines=tuple(lines))
        self._promise("allocated", event.order, lines, touched)
        return wrong

    def _free(self, event: OrderCancelled | OrderShipped, touched: set[int]) -> list[str]:
        """Units are given back; shipped ones are not on hand any more."""
        order = self.orders.get(event.order)
        if order is None:
            return [f"P2: order {event.order} gives units back but never was"]
        wrong = []
        for freed in event.freed:
            number = order.lines[freed.line].takes[freed.take].position
            cell = self.cells[number]
            cell.allocated -= freed.quantity
            if isinstance(event, OrderShipped):
                cell.buckets[BucketId.ON_HAND] -= freed.quantity
            cell.promises["allocated", event.order] -= freed.quantity
            if cell.promises["allocated", event.order] < 0:
                wrong.append(f"P2: order {event.order} gives back more than it took")
            touched.add(number)
        return wrong
