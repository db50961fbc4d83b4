"""Facts that channels tell of orders, before or after these come, in any order, twice or late. Both
twins decide by this.

What holds of a field is what the greatest version says (`notes.facts`), so the end does not depend
on the order of arrival. What an order that waits for a payment or an address needs may come so; its
hold then ends in the same step.
"""

import msgspec

from engine.core import facts, kept, limits, order_life, told
from engine.core.commands import Cancel, Details, Request
from engine.core.decide import Decision, Replay, cause_of, checks, conflict, refusals
from engine.core.decide.again import held_units, noted, unmoved
from engine.core.decide.allotment import Source
from engine.core.decide.edits import EDITABLE, where
from engine.core.decide.fulfillments import cancel_order
from engine.core.decide.orders import status_after
from engine.core.decide.reallotment import (
    open_units,
    reallot,
    standing,
    status_of_lines,
    wants_of,
)
from engine.core.decide.work import recalled
from engine.core.events import EntryPut, Event, OrderChanged, OrderStatus, Standing
from engine.core.fact_commands import DETAILS, TellFact
from engine.core.lives import Life, note_bytes
from engine.core.notes.facts import FactTold, Told, news
from engine.core.notes.holds import Held
from engine.core.outcomes import Code, Fault, Refused
from engine.core.state import Order, State
from engine.core.validation_commands import ValidationRule

_json = msgspec.json.Encoder().encode


def tell(state: State, request: Request) -> Decision:
    """Take up a fact; the same event again is a replay."""
    command: TellFact = request.command
    if not news({}, command):
        return _nothing_told(state)
    order = state.order(command.channel, command.order_id)
    if order is None:
        return _early(state, request)
    life, cause = state.lives.of(order.seq), cause_of(request)
    known = life.done.get(("fact", command.event_id))
    if known is not None:
        if known != cause.fingerprint:
            return conflict(state, "event_id", command.event_id)
        return Replay(told.order_now(state, order), order.changed_seq)
    if life.room < 5:  # two holds may begin with it, and end once
        return refusals.full(state, "notes on this order")
    fresh = news(life.told, command)
    if order.closed_us:
        note = note_bytes(FactTold(command, tuple(fresh)))
        return [OrderChanged(cause, order.seq, order.status, note=note)]
    if "cancelled" in fresh:
        return _cancelled(state, request, order, fresh)
    change = _Change(state, order, life, fresh)
    note = FactTold(command, change.stood, change.ended, change.held)
    packed = noted(state, order, note, change.held_at, change.source, change.opened)
    changed = OrderChanged(cause, order.seq, change.status, change.lines, change.document, packed)
    # As with any hold, locations that have not begun to pick are told to leave it.
    silent = msgspec.structs.replace(cause, key="")
    recall = recalled(silent, order, life, "the order is on hold") if change.held else []
    return [*recall, *change.opened, changed]


def _early(state: State, request: Request) -> Decision:
    """Keep what was told of an order that is not there."""
    command: TellFact = request.command
    register, cause = state.registers.early_facts, cause_of(request)
    slot, early = register.of(command.channel, command.order_id, state.now_us)
    for known in early.facts if early else ():
        if known.fact.event_id == command.event_id:
            if known.fingerprint != cause.fingerprint:
                return conflict(state, "event_id", command.event_id)
            seq = register.rows[slot].seq
            return Replay(register.answer(early, seq), seq)
    if early is None:
        slot = slot if slot >= 0 else register.room(state.now_us)
        early = facts.Early(str(slot), state.now_us + limits.EARLY_FACTS_KEPT_US)
    if slot < 0 or len(early.facts) >= limits.EARLY_FACTS_OF_ORDER_MAX:
        return refusals.full(state, "facts before their orders")
    told = facts.EarlyFact(command, cause.actor, cause.fingerprint)
    made = msgspec.structs.replace(early, facts=(*early.facts, told))
    return [EntryPut(cause, register.code, slot, _json(made))]


def _cancelled(state: State, request: Request, order: Order, fresh: dict[str, Told]) -> Decision:
    """Cancel what has not left."""
    command, cause = request.command, cause_of(request)
    wish = Cancel(command.channel, command.order_id, None, command.reason)
    decision = cancel_order(state, Request(wish, request.actor))
    if not isinstance(decision, list):
        return decision
    note = note_bytes(FactTold(command, tuple(fresh)))
    silent = msgspec.structs.replace(cause, key="")
    *first, last = decision
    cancelled = msgspec.structs.replace(last, cause=cause)
    return [OrderChanged(silent, order.seq, order.status, note=note), *first, cancelled]


class _Change:
    """What a fact makes of an open order: its status, its lines and details anew where they change,
    holds that end and begin, and what of the fact stood."""

    def __init__(self, state: State, order: Order, life: Life, fresh: dict[str, Told]) -> None:
        self.state, self.order, self.life = state, order, life
        old = kept.read(order.event.document)
        new = msgspec.structs.replace(
            old, **{name: fresh[name].value for name in DETAILS if name in fresh}
        )
        wanted = sum(open_units(order))
        elsewhere = where(old.ship_to) != where(new.ship_to) and wanted > 0
        stood = tuple(fresh)
        if elsewhere and (order.status not in EDITABLE or life.ahead):
            # Somebody packs it already: what was told is kept, and the order goes where it went.
            new = msgspec.structs.replace(new, ship_to=old.ship_to)
            elsewhere, stood = False, tuple(name for name in stood if name != "ship_to")
        self.stood = stood
        self.document = kept.document_of(new, old.bound, old.since) if new != old else b""
        rules = state.registers.validations.rules(order.event.channel)
        self.ended, self.held = self._holds(rules, new, fresh)
        self.opened: list[Event] = []
        self.lines: tuple[Standing, ...] | None = None
        self.source: Source | None = None
        self.held_at: set[int] | None = None  # positions, where the lines change
        left = [hold for name, hold in life.holds.items() if name not in self.ended]
        left += self.held
        # With the last hold, or the last that keeps no stock, what waits is looked for.
        frozen = any(not hold.keeps_stock for hold in life.holds.values())
        freed = bool(self.ended) and (frozen or not left) and sum(order.backordered) > 0
        if not all(hold.keeps_stock for hold in left):
            if held_units(order):
                self.lines, self.held_at = standing(order, {}), set()
        elif elsewhere or freed:
            self._reallot()
        self.status = self._status(bool(left))

    def _holds(
        self, rules: tuple[ValidationRule, ...], new: Details, fresh: dict[str, Told]
    ) -> tuple[tuple[str, ...], tuple[Held, ...]]:
        live = self.life.holds
        payment = fresh["payment"].value if "payment" in fresh else ""
        ended = checks.cleared(rules, live, new, payment)
        due = [checks.unpaid(rules, payment)]
        if "ship_to" in fresh:
            due.append(checks.unreachable(rules, new.ship_to))
        reasons = {hold.reason for hold in live.values()}
        fits = order_life.check(self.order.status, OrderStatus.ON_HOLD)
        fits = fits and not self.life.ahead
        held = [
            # The id of an earlier hold cannot be used again.
            checks.hold(self.state, rule, f"{rule.check}-{self.state.seq + 1}")
            for rule in due
            if rule is not None and fits and rule.check not in reasons
        ]
        return ended, tuple(held[: limits.HOLDS_MAX - len(live)])

    def _reallot(self) -> None:
        """Find the units that are wanted still, where they go now."""
        lines, wants = wants_of(self.state, self.order)
        plan, source = reallot(self.state, self.order, wants, document=self.document)
        self.source = unmoved(source)
        if not isinstance(plan, Refused):
            pairs = zip(plan.granted, plan.takes, strict=True)
            self.opened = [*plan.opened]
            self.held_at = {take.position for takes in plan.takes for take in takes}
            self.source = source
            self.lines = standing(self.order, dict(zip(lines, pairs, strict=True)))

    def _status(self, on_hold: bool) -> OrderStatus:
        order = self.order
        if on_hold:
            return OrderStatus.ON_HOLD
        if order.status is not OrderStatus.ON_HOLD and order.status not in order_life.BY_UNITS:
            return order.status
        if self.lines is not None:
            return status_of_lines(self.lines)
        shipped = sum(order.shipped)
        return status_after(sum(open_units(order)), sum(order.backordered), shipped)


def _nothing_told(state) -> Refused:
    """A fact says nothing."""
    return refusals.refuse(
        state,
        Code.NOTHING_TOLD,
        "the fact says nothing; give `payment`, `cancelled`, `ship_to` or another field",
        Fault("", "nothing told"),
    )
