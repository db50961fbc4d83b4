"""What happened to an order, oldest first: who did what when, why, and to how many units where.

It is read from what the ledger keeps of the order: the event that made it, its trail of
cancellations and shipments, and the notes of its life. So it needs no views, and is the same after
a restart.
"""

from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import Any

import msgspec

from engine.core import actors, limits, trail
from engine.core.answers import fulfillment_id, moment
from engine.core.events import Cause, Line, OrderCancelled
from engine.core.lives import Happened
from engine.core.notes import (
    edits,
    exchanges,
    facts,
    fills,
    fulfillments,
    holds,
    moves,
    returns,
    steals,
)
from engine.core.notes.validation import Checked
from engine.core.state import Order, State


class ChangedLine(msgspec.Struct, omit_defaults=True):
    """`quantity` units of `sku`, of the order's line number `line`; `location` says where they
    are, come from or go to. `before` is how many were wanted before an edit; `disposition` what
    becomes of units that came back; `waits`: they have no stock."""

    quantity: int
    sku: str
    line: int | None = None
    location: str | None = None
    before: int | None = None
    disposition: str | None = None
    waits: bool = False


class Because(msgspec.Struct, omit_defaults=True):
    """The event at log position `seq` brought it about; `kind` is its kind."""

    seq: int
    kind: str | None = None


class OrderChange(msgspec.Struct, omit_defaults=True):
    """What happened at log position `seq`. `actor` is the id of an API key, `user:NAME`, `timer` or
    `system`; `actor_name` the key's label or the user's name."""

    seq: int
    at: datetime
    what: str
    actor: str
    actor_name: str | None = None
    reason: str | None = None
    lines: list[ChangedLine] = []
    because: Because | None = None
    details: dict[str, Any] = {}


class TimelineAnswer(msgspec.Struct):
    """A page of an order's changes. `complete` is false if the ledger had no room for all of them;
    the rest is in the views' activity."""

    channel: str
    order_id: str
    seq: int
    complete: bool
    changes: list[OrderChange]
    next_cursor: str | None = None


def of_order(
    state: State, channel: str, order_id: str, after: int = 0, limit: int = limits.PAGE_ROWS_DEFAULT
) -> tuple[TimelineAnswer, int | None] | None:
    """Return a page of the order's changes behind log position `after`, and where the next page
    goes on; None if there is no such order."""
    order = state.order(channel, order_id)
    if order is None:
        return None
    told = _Teller(state, order)
    found = list(islice((one for one in told.changes() if one.seq > after), limit + 1))
    page = found[:limit]
    answer = TimelineAnswer(channel, order_id, order.changed_seq, not order.trail_over, page)
    return answer, page[-1].seq if len(found) > limit else None


class _Teller:
    """Tells the changes of one order."""

    def __init__(self, state: State, order: Order) -> None:
        self.state, self.order = state, order

    def changes(self) -> Iterator[OrderChange]:
        """Yield all of them, oldest first."""
        yield self._placed()
        steps = [(step.seq, step) for step in trail.steps(self.order.trail)]
        notes = [(note.seq, note) for note in self.state.lives.of(self.order.seq).notes]
        for _, one in sorted(steps + notes, key=lambda row: row[0]):
            yield self._step(one) if isinstance(one, trail.Step) else self._note(one)

    def _change(self, seq: int, stamp_us: int, what: str, actor: str, **more: Any) -> OrderChange:
        more = {name: value for name, value in more.items() if value}
        return OrderChange(seq, moment(stamp_us), what, actors.word_of(actor), **more)

    def _line(self, line: int, quantity: int, position: int | None = None, **more) -> ChangedLine:
        sku = self.state.sku_name(self.order.event.lines[line].sku)
        place = None
        if position is not None:
            sku = self.state.position_sku_name(position)
            place = self.state.position_location_name(position)
        return ChangedLine(quantity, sku, line, place, **more)

    def _placed(self) -> OrderChange:
        order = self.order
        event = order.placed or order.event
        lines = [row for n, line in enumerate(event.lines) for row in self._asked(n, line)]
        because = Because(event.reservation, "reserved") if event.reservation else None
        details = {"status": event.status.name.lower()}
        if event.receipt:
            details["decision"] = "see /decisions"
        return self._change(
            order.seq,
            order.placed_us,
            "placed",
            event.cause.actor,
            lines=lines,
            because=because,
            details=details,
        )

    def _asked(self, number: int, line: Line) -> Iterator[ChangedLine]:
        for take in line.takes:
            yield self._line(number, take.quantity, take.position)
        if line.backordered:
            yield self._line(number, line.backordered, waits=True)

    def _step(self, step: trail.Step) -> OrderChange:
        event, cause = step.event, step.event.cause
        rows = zip(event.freed, step.positions, strict=True)
        lines = [self._line(one.line, one.quantity, position) for one, position in rows]
        details: dict[str, Any] = {"status": event.status.name.lower()}
        if isinstance(event, OrderCancelled):
            lines += [
                self._line(cut.line, cut.backordered, waits=True)
                for cut in event.cuts
                if cut.backordered
            ]
            return self._told(step, "cancelled", cause, event.reason, lines, details)
        for name in ("shipment_id", "carrier", "tracking_number"):
            if value := getattr(event, name):
                details[name] = value
        return self._told(step, "shipped", cause, "", lines, details)

    def _told(
        self, step: trail.Step, what: str, cause: Cause, reason: str, lines: list, details: dict
    ) -> OrderChange:
        return self._change(
            step.seq, step.stamp_us, what, cause.actor, reason=reason, lines=lines, details=details
        )

    def _note(self, happened: Happened) -> OrderChange:
        note = happened.note
        more = _TELL.get(type(note), _Teller._plain)(self, note)
        fields = msgspec.to_builtins(note)
        what, reason = more.pop("what", fields["what"]), fields.get("reason", "")
        told = {name: value for name, value in fields.items() if name not in _SPOKEN and value}
        if "keeps_stock" in fields:
            told["keeps_stock"] = fields["keeps_stock"]
        if "receipt" in fields:
            told["decision"] = "see /decisions"
        more["details"] = told | more.get("details", {})
        more.setdefault("reason", reason)
        return self._change(happened.seq, happened.stamp_us, what, happened.actor, **more)

    # What a kind of note says beside its plain fields, as fields of `OrderChange`.

    def _plain(self, note: Any) -> dict[str, Any]:
        return {}

    def _moved(self, note: moves.Moved) -> dict[str, Any]:
        return {"details": {"location": self.state.location_name(note.location)}}

    def _held(self, note: holds.Held) -> dict[str, Any]:
        return {"details": {"until": moment(note.until_us)} if note.until_us else {}}

    def _edited(self, note: edits.Edited) -> dict[str, Any]:
        rows = [self._line(one.line, one.after, before=one.before) for one in note.lines]
        return {"lines": rows}

    def _of_lines(self, note: Any) -> dict[str, Any]:
        return {"lines": [self._line(line, units) for line, units in note.lines]}

    def _filled(self, note: fills.Filled) -> dict[str, Any]:
        return {**self._of_lines(note), "because": Because(note.seq, note.cause)}

    def _gave_up(self, note: steals.GaveUp) -> dict[str, Any]:
        because = Because(note.seq, "order_placed")
        return {**self._of_lines(note), "reason": note.because, "because": because}

    def _took_over(self, note: steals.TookOver) -> dict[str, Any]:
        given = [
            {"channel": channel, "order_id": name, "units": units}
            for _, channel, name, units in note.given
        ]
        return {**self._of_lines(note), "details": {"given": given}}

    def _merged(self, note: edits.Merged) -> dict[str, Any]:
        return {"because": Because(note.from_seq, "order_placed")}

    def _linked(self, note: edits.MergedInto | exchanges.ExchangeFor) -> dict[str, Any]:
        return {"because": Because(note.seq, "order_placed")}

    def _checked(self, note: Checked) -> dict[str, Any]:
        return {"reason": ", ".join(hold.reason for hold in note.holds)}

    def _fact(self, note: facts.FactTold) -> dict[str, Any]:
        fact = {k: v for k, v in msgspec.to_builtins(note.fact).items() if v is not None}
        fact.pop("channel", None)
        fact.pop("order_id", None)
        return {"details": {"fact": fact}}

    def _parts(self, note: fulfillments.Released | fulfillments.Rerouted) -> dict[str, Any]:
        rows = [self._line(*_row(row)) for part in note.parts for row in part.rows]
        names = [fulfillment_id(self.order.seq, part.number) for part in note.parts]
        until = getattr(note, "accept_by_us", 0)
        told: dict[str, Any] = {"fulfillments": names}
        if until:
            told["accept_by"] = moment(until)
        if isinstance(note, fulfillments.Rerouted):
            told["fulfillment_id"] = fulfillment_id(self.order.seq, note.number)
        return {"lines": rows, "details": told}

    def _fulfillment(self, note: fulfillments.FulfillmentStep) -> dict[str, Any]:
        what = "short_picked" if note.short_id else f"fulfillment_{note.status}"
        name = fulfillment_id(self.order.seq, note.number)
        rows = [self._line(*_row(row)) for row in note.rows]
        place = self.state.lives.of(self.order.seq).work[note.number].location
        told = {"fulfillment_id": name, "location": self.state.location_name(place)}
        return {"what": what, "lines": rows, "details": told}

    def _returned(self, note: Any) -> dict[str, Any]:
        place = getattr(note, "location", None)
        name = None if place is None else self.state.location_name(place)
        sku = self.state.sku_name
        if isinstance(note, returns.ReturnInspected):
            rows = [
                ChangedLine(row.units, sku(row.sku), location=name, disposition=row.disposition)
                for row in note.rows
            ]
        else:
            parts = getattr(note, "parts", ())
            rows = [ChangedLine(part.units, sku(part.sku), part.line, name) for part in parts]
        return {"lines": rows}


# Fields of notes that are told otherwise than as they are.
_SPOKEN = frozenset(
    [
        "what",
        "reason",
        "lines",
        "parts",
        "rows",
        "location",
        "number",
        "seq",
        "from_seq",
        "cause",
        "because",
        "mark",
        "fingerprints",
        "until_us",
        "accept_by_us",
        "fact",
        "receipt",
        "sends",
    ]
)


def _row(row: tuple[int, int, int]) -> tuple[int, int, int]:
    line, position, units = row
    return line, units, position


_TELL = {
    holds.Held: _Teller._held,
    edits.Edited: _Teller._edited,
    edits.SplitOff: _Teller._of_lines,
    edits.Merged: _Teller._merged,
    edits.MergedInto: _Teller._linked,
    exchanges.ExchangeFor: _Teller._linked,
    fills.Filled: _Teller._filled,
    steals.TookOver: _Teller._took_over,
    steals.GaveUp: _Teller._gave_up,
    Checked: _Teller._checked,
    facts.FactTold: _Teller._fact,
    moves.Moved: _Teller._moved,
    fulfillments.Released: _Teller._parts,
    fulfillments.Rerouted: _Teller._parts,
    fulfillments.FulfillmentStep: _Teller._fulfillment,
    returns.ReturnOpened: _Teller._returned,
    returns.ReturnReceived: _Teller._returned,
    returns.ReturnInspected: _Teller._returned,
}
