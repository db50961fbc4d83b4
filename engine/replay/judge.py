"""The account that the driver keeps for itself, and what comes of comparing it with the server.

From what was asked and what the answers said, never from the ledger's own sums:

    on_hand   = before + receipts + adjustments that were accepted
    allocated = before + what answers to orders allocated − what answers to cancellations gave back

per SKU and location. Answers carry their log position, so the account is walked in the order of
the log and must not go below zero at any step: that is what *oversold* counts, in units. Answers
whose position is not after that of the first reading speak of earlier runs and count as nothing.
Then every SKU's stock is read and compared, and acknowledged orders are read back: one that is
gone or has other lines is *lost*.
"""

from collections import Counter, defaultdict
from operator import attrgetter

import msgspec

from engine.replay.documents import Cancellation, GivenBack, Leaving, Order
from engine.replay.plan import Back, Booking, order_name
from engine.replay.sender import NO_ANSWER, Exchange

Cell = tuple[str, str]


class Allocation(msgspec.Struct):
    """Units of an order line at a location; `sku` where it is not the line's own."""

    location: str
    quantity: int
    sku: str | None = None


class AnswerLine(msgspec.Struct):
    """One line of an order as answered."""

    sku: str
    quantity: int
    allocations: list[Allocation] = []
    unit_price: int | None = None
    backordered: int = 0
    cancelled: int = 0


class OrderAnswer(msgspec.Struct):
    """An order as answered. Other fields are not the judge's business."""

    order_id: str
    status: str
    seq: int
    lines: list[AnswerLine]
    replayed: bool = False

    def held(self) -> Counter[Cell]:
        """Units allocated by (SKU, location)."""
        units: Counter[Cell] = Counter()
        for line in self.lines:
            for part in line.allocations:
                units[part.sku or line.sku, part.location] += part.quantity
        return units


class Effect(msgspec.Struct):
    """Units that one event at log position `seq` brought in, promised and put aside."""

    seq: int
    received: int = 0
    promised: int = 0
    aside: int = 0


class ShippedLine(msgspec.Struct):
    """Units that left a location."""

    sku: str
    quantity: int
    location: str


class Shipped(msgspec.Struct):
    """A shipment as answered."""

    seq: int
    lines: list[ShippedLine]
    replayed: bool = False

    def left(self) -> Counter[Cell]:
        """Units that left, by (SKU, location)."""
        units: Counter[Cell] = Counter()
        for line in self.lines:
            units[line.sku, line.location] += line.quantity
        return units


class Receipted(msgspec.Struct):
    """A receipt, an adjustment or a step of a return as answered."""

    seq: int
    replayed: bool = False


class Quantities(msgspec.Struct):
    """The buckets of one position."""

    location: str
    on_hand: int
    reserved: int
    allocated: int
    unavailable: int
    available: int


class StockAnswer(msgspec.Struct):
    """The stock of one SKU."""

    sku: str
    seq: int
    locations: list[Quantities]


_order = msgspec.json.Decoder(OrderAnswer).decode
_receipted = msgspec.json.Decoder(Receipted).decode
_shipped = msgspec.json.Decoder(Shipped).decode
_stock = msgspec.json.Decoder(StockAnswer).decode
_SEQ = attrgetter("seq")
_DECODE = {Order: _order, Cancellation: _order, Leaving: _shipped}


class Verdict(msgspec.Struct, kw_only=True):
    """What the judge found; everything but `positions` and `orders_read` should be 0 or empty.

    `oversold_units` is the sum over positions of how far each went below zero at worst.
    """

    oversold_units: int = 0
    oversold_positions: int = 0
    lost: int = 0
    lost_orders: list[str] = []
    orders_read: int = 0
    wrong_answers: int = 0
    stock_mismatches: int = 0
    positions: int = 0
    positions_in_doubt: int = 0
    examples: list[str] = []


EXAMPLES_MAX = 5  # of each kind
LOST_NAMED_MAX = 100


class Judge:
    """Keeps the account. Feed it `before`, then answers, then `after` and the orders read back."""

    def __init__(self) -> None:
        self.before: dict[Cell, Quantities] = {}
        self.before_seq = 0
        self.effects: dict[Cell, list[Effect]] = defaultdict(list)
        self.shipped: dict[str, dict[int, Shipped]] = defaultdict(dict)
        self.answers: dict[str, list[OrderAnswer]] = defaultdict(list)
        self.asked: dict[str, Order] = {}
        self.unsure_orders: set[str] = set()
        self.in_doubt: set[Cell] = set()
        self.verdict = Verdict()
        self._shown: Counter[str] = Counter()

    # Before.

    def read_before(self, reads: list[Exchange]) -> None:
        """Take in the stock of each SKU before anything is sent; 404 is none."""
        for read in reads:
            if read.status == 200:
                answer = _stock(read.body)
                self.before_seq = max(self.before_seq, answer.seq)
                for row in answer.locations:
                    self.before[answer.sku, row.location] = row

    # Answers.

    def take(self, exchange: Exchange) -> OrderAnswer | Shipped | Receipted | None:
        """Book one final answer. Returns what it said, or None if it changed nothing for sure
        or cannot be understood."""
        tag = exchange.tag
        if isinstance(tag, Order):
            self.asked[order_name(tag.command)] = tag
        if not exchange.accepted:
            if exchange.status in (NO_ANSWER, 429) or exchange.status >= 500:
                self._doubt(tag)
            return None
        try:
            answer = _DECODE.get(type(tag), _receipted)(exchange.body)
        except msgspec.DecodeError as error:
            self._wrong(f"{_name(tag)}: the answer cannot be read: {error}")
            self._doubt(tag)
            return None
        if isinstance(tag, Leaving):
            self.shipped[order_name(tag)][answer.seq] = answer
            return answer
        if not isinstance(tag, Order | Cancellation):
            if answer.seq > self.before_seq and not isinstance(tag, GivenBack):
                self._book(tag, answer.seq)
            return answer
        self.answers[order_name(tag.command)].append(answer)
        if isinstance(tag, Order):
            self._sensible(tag, answer)
        return answer

    def _book(self, tag: Booking | Back, seq: int) -> None:
        """What came of a return is put aside until it is inspected."""
        for sku, units in tag.lines:
            if isinstance(tag, Booking):
                effect = Effect(seq, received=units)
            elif tag.step == "received":
                effect = Effect(seq, received=units, aside=units)
            else:
                effect = Effect(seq, aside=-units)
            self.effects[sku, tag.location].append(effect)

    def _doubt(self, tag) -> None:
        if isinstance(tag, Booking | Back):
            self.in_doubt.update((sku, tag.location) for sku, _ in tag.lines)
        elif isinstance(tag, Leaving):
            for answer in self.answers[order_name(tag)]:
                self.in_doubt.update(answer.held())
        elif not isinstance(tag, GivenBack):
            self.unsure_orders.add(order_name(tag.command))

    def _sensible(self, order: Order, answer: OrderAnswer) -> None:
        """Each line must be the one asked for, and be fully allocated or waiting."""
        if not _same_lines(order, answer):
            self._wrong(f"{_name(order)}: the answer has other lines than the order")
            return
        for line in answer.lines:
            given = sum(part.quantity for part in line.allocations)
            if given + line.backordered != line.quantity:
                self._wrong(f"{_name(order)}: {line.sku!r} got {given} of {line.quantity}")
                return

    def _wrong(self, what: str) -> None:
        self.verdict.wrong_answers += 1
        self._example("wrong", what)

    def _example(self, kind: str, what: str) -> None:
        self._shown[kind] += 1
        if self._shown[kind] <= EXAMPLES_MAX:
            self.verdict.examples.append(what)

    # After.

    def to_read(self) -> tuple[list[Order], list[Order]]:
        """Orders to read back: those whose fate is open, and those that were acknowledged."""
        unsure = [self.asked[name] for name in sorted(self.unsure_orders)]
        known = [self.asked[name] for name in self.answers if name not in self.unsure_orders]
        return unsure, known

    def read_orders(self, reads: list[Exchange]) -> None:
        """Compare orders read back with what was acknowledged."""
        for read in reads:
            name = read.tag
            self.verdict.orders_read += 1
            answer = None
            if read.status == 200:
                try:
                    answer = _order(read.body)
                except msgspec.DecodeError:
                    self._wrong(f"order {name}: cannot be read back")
            if name in self.unsure_orders:
                if answer:
                    self.answers[name].append(answer)
                elif read.status != 404:
                    self._wrong(f"order {name}: its fate is still open, status {read.status}")
                if answer or not self.answers.get(name):
                    continue
            self._compare(name, read.status, answer)

    def _compare(self, name: str, status: int, answer: OrderAnswer | None) -> None:
        last = max(self.answers[name], key=lambda found: found.seq)
        if answer is None or not _same_lines(self.asked[name], answer):
            self.verdict.lost += 1
            if self.verdict.lost <= LOST_NAMED_MAX:
                self.verdict.lost_orders.append(name)
            self._example(
                "lost",
                f"order {name} was acknowledged and "
                + ("has other lines now" if answer else f"is not there now, status {status}"),
            )
        elif answer.seq == last.seq and answer.held() != last.held():
            self._wrong(f"order {name}: allocations differ from those acknowledged")

    def _book_orders(self) -> None:
        """Turn answers about each order, in log order, into changes of allocated units; what was
        shipped is on hand no more."""
        for name, answers in self.answers.items():
            held: Counter[Cell] = Counter()
            shipped = self.shipped[name].values()
            for answer in sorted([*answers, *shipped], key=_SEQ):
                left = answer.left() if isinstance(answer, Shipped) else Counter()
                now = held - left if left else answer.held()
                if answer.seq > self.before_seq:
                    for cell in held.keys() | now.keys() | left.keys():
                        change = Effect(answer.seq, -left[cell], now[cell] - held[cell])
                        if change.received or change.promised:
                            self.effects[cell].append(change)
                held = now

    def finish(self, reads: list[Exchange]) -> Verdict:
        """Walk the account and compare it with the stock read at the end."""
        self._book_orders()
        after: dict[Cell, Quantities] = {}
        for read in reads:
            if read.status == 200:
                answer = _stock(read.body)
                after.update(((answer.sku, row.location), row) for row in answer.locations)
            else:
                self._wrong(f"stock of {read.tag!r} cannot be read, status {read.status}")
        cells = self.effects.keys() | after.keys() | self.before.keys()
        self.verdict.positions = len(cells)
        for cell in sorted(cells):
            self._walk(cell, after.get(cell))
        return self.verdict

    def _walk(self, cell: Cell, shown: Quantities | None) -> None:
        first = self.before.get(cell) or Quantities(cell[1], 0, 0, 0, 0, 0)
        on_hand, allocated = first.on_hand, first.allocated
        aside, worst = first.unavailable, 0
        for effect in sorted(self.effects.get(cell, ()), key=_SEQ):
            on_hand += effect.received
            allocated += effect.promised
            aside += effect.aside
            worst = min(worst, on_hand - allocated - aside - first.reserved)
        if cell in self.in_doubt:
            self.verdict.positions_in_doubt += 1
            return
        if worst < 0:
            self.verdict.oversold_units -= worst
            self.verdict.oversold_positions += 1
            what = f"{cell[0]!r} at {cell[1]}: {-worst} units sold that were not there"
            self._example("oversold", what)
        seen = (shown.on_hand, shown.allocated, shown.unavailable) if shown else (0, 0, 0)
        if seen != (on_hand, allocated, aside):
            self.verdict.stock_mismatches += 1
            self._example(
                "mismatch",
                f"{cell[0]!r} at {cell[1]}: the account says {on_hand} on hand, {allocated} "
                f"allocated, {aside} set aside, the server {seen[0]}, {seen[1]} and {seen[2]}",
            )


def _same_lines(order: Order, answer: OrderAnswer) -> bool:
    asked = [(line.sku, line.quantity, line.unit_price) for line in order.command.lines]
    return asked == [(line.sku, line.quantity, line.unit_price) for line in answer.lines]


def _name(tag) -> str:
    if isinstance(tag, Booking):
        return f"{tag.kind} at {tag.location}"
    if isinstance(tag, Leaving | Back):
        command = tag.document.command if isinstance(tag, Back) else tag
        return f"shipment or return of order {order_name(command)}"
    noun = "cancellation of order" if isinstance(tag, Cancellation) else "order"
    return f"{noun} {order_name(tag.command)}"
