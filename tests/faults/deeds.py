"""Bookkeeping of what happens to orders beside their units, from nothing but the events.

Like `accounts`, it shares no rule with the ledger. It knows that what is held does not leave, that
no more comes back than has left and no more is inspected than came, that papers and notes of one
decision say the same, and that what one order takes over is what others gave up.
"""

from collections import Counter, defaultdict

from engine.core import lives
from engine.core.events import (
    BucketId,
    Document,
    Event,
    OrderChanged,
    OrderPlaced,
    OrderShipped,
    PositionOpened,
    SkuPut,
    StockMoved,
)
from engine.core.notes.exchanges import HOLD, ExchangeFor
from engine.core.notes.facts import FactTold
from engine.core.notes.fulfillments import FulfillmentStep
from engine.core.notes.holds import Held, HoldEnded
from engine.core.notes.returns import ReturnInspected, ReturnReceived
from engine.core.notes.steals import GaveUp, TookOver
from engine.core.notes.validation import Checked

Units = Counter[tuple[int, int]]  # by order and SKU, or by SKU and bucket
_FROM_QUALITY_CONTROL = {
    "restock": {},
    "damaged": {BucketId.DAMAGED: 1},
    "scrap": {BucketId.ON_HAND: -1},
}


class Deeds:
    """All orders. `decided` returns what is wrong with the events of one decision, as sentences."""

    def __init__(self) -> None:
        self.skus: list[int] = []  # by position
        self.backorderable: set[int] = set()
        self.lines: dict[int, tuple] = {}
        self.holds: dict[int, set[str]] = defaultdict(set)
        self.left, self.came, self.waiting = Units(), Units(), Units()

    def decided(self, first_seq: int, events: list[Event]) -> list[str]:
        """Book the events of one decision; return the broken promises, each as `P… : sentence`."""
        wrong: list[str] = []
        moved, told, gave, lost = Counter(), Counter(), Counter(), Counter()
        for seq, event in enumerate(events, first_seq):
            match event:
                case SkuPut(backorderable=True):
                    self.backorderable.add(event.number)
                case PositionOpened():
                    self.skus.append(event.sku)
                case OrderPlaced():
                    self.lines[seq] = event.lines
                case OrderShipped():
                    wrong += self._shipped(event)
                case StockMoved(document=Document.RETURN | Document.SHORT):
                    for move in event.movements:
                        moved[self.skus[move.position], move.bucket] += move.delta
                case OrderChanged():
                    wrong += self._changed(event, told, gave, lost)
        wrong += self._short(lost, moved)
        for key in {*moved, *told} - {(sku, BucketId.ON_HAND) for sku in lost}:
            if moved[key] != told[key]:
                wrong.append(
                    f"P2: {moved[key]} units of SKU and bucket {key} moved, not {told[key]}"
                )
        return wrong

    def _shipped(self, event: OrderShipped) -> list[str]:
        for freed in event.freed:
            position = self.lines[event.order][freed.line].takes[freed.take].position
            self.left[event.order, self.skus[position]] += freed.quantity
        live = self.holds[event.order]
        return [f"P2: order {event.order} leaves with hold {sorted(live)[0]!r}"] if live else []

    def _short(self, lost: Counter, moved: Counter) -> list[str]:
        """A short pick gives up what was lost, and the other parts of its bundles; the stock loses
        what was lost, of backorderable SKUs as far as it was said to have it."""
        gone = {sku: -moved[sku, BucketId.ON_HAND] for sku in lost}
        fits = all(0 <= units <= lost[sku] for sku, units in gone.items())
        if fits and (not lost or sum(gone.values()) or self.backorderable & set(lost)):
            return []
        return [f"P2: {dict(lost)} units are picked short, {gone} leave the stock"]

    def _changed(
        self, event: OrderChanged, told: Counter, gave: Counter, lost: Counter
    ) -> list[str]:
        if event.lines is not None:
            self.lines[event.order] = tuple(row.line for row in event.lines)
        note = lives.read_note(event.note) if event.note else None
        match note:
            case Held():
                self.holds[event.order].add(note.hold_id)
            case Checked():
                self.holds[event.order] |= {hold.hold_id for hold in note.holds}
            case FactTold():
                self.holds[event.order] -= set(note.ended)
                self.holds[event.order] |= {hold.hold_id for hold in note.held}
            case ExchangeFor(waits=True):
                self.holds[event.order].add(HOLD)
            case HoldEnded():
                self.holds[event.order].discard(note.hold_id)
            case ReturnReceived():
                return self._received(event.order, note, told)
            case ReturnInspected():
                return self._inspected(event.order, note, told)
            case FulfillmentStep(short_id=name) if name:
                for _, position, units in note.rows:
                    lost[self.skus[position]] += units
            case GaveUp():
                gave[event.order] += sum(units for _, units in note.lines)
            case TookOver():
                return self._took(note, gave)
        return []

    def _received(self, order: int, note: ReturnReceived, told: Counter) -> list[str]:
        wrong = []
        for part in note.parts:
            key = order, part.sku
            self.came[key] += part.units
            self.waiting[key] += part.units
            if self.came[key] > self.left[key]:
                wrong.append(
                    f"P2: {self.came[key]} units of {key} came back, {self.left[key]} left"
                )
            for bucket in (BucketId.ON_HAND, BucketId.QUALITY_CONTROL):
                told[part.sku, bucket] += part.units
        return wrong

    def _inspected(self, order: int, note: ReturnInspected, told: Counter) -> list[str]:
        wrong = []
        for row in note.rows:
            key = order, row.sku
            self.waiting[key] -= row.units
            if self.waiting[key] < 0:
                wrong.append(f"P2: more units of {key} are inspected than came")
            if row.disposition in _FROM_QUALITY_CONTROL:
                told[row.sku, BucketId.QUALITY_CONTROL] -= row.units
                for bucket, sign in _FROM_QUALITY_CONTROL[row.disposition].items():
                    told[row.sku, bucket] += sign * row.units
        return wrong

    def _took(self, note: TookOver, gave: Counter) -> list[str]:
        given = Counter({seq: units for seq, _, _, units in note.given})
        if given == gave:
            return []
        return [f"P2: {dict(given)} units are taken over, {dict(gave)} were given"]
