"""Orders of channels that have rules: they are placed and held in one step. Both twins decide by
this; orders of other channels never come here in the compiled one.
"""

import msgspec

from engine.core.commands import Commit, PlaceOrder, Request
from engine.core.decide import Decision, Replay, cause_of, checks, orders, refusals
from engine.core.events import (
    Cause,
    EntryPut,
    Line,
    OrderChanged,
    OrderPlaced,
    OrderStatus,
    Standing,
)
from engine.core.lives import note_bytes
from engine.core.notes.holds import Held
from engine.core.notes.validation import Checked
from engine.core.outcomes import Refused
from engine.core.state import State
from engine.core.validation_commands import PutValidation, ValidationRule

_json = msgspec.json.Encoder().encode


def put_validation(state: State, request: Request) -> Decision:
    """Say what a channel's orders are checked for; putting the same again is a replay."""
    put: PutValidation = request.command
    register = state.registers.validations
    known = register.find(put.channel)
    if known and known.put == put:
        return Replay(register.answer(put, known.seq), known.seq)
    wrong = _incomplete(state, put)
    if wrong:
        return wrong
    number = register.numbers.get(put.channel, len(register.rows))
    if number >= register.most:
        return refusals.full(state, "channels with rules")
    return [EntryPut(cause_of(request), register.code, number, _json(put))]


def _incomplete(state: State, put: PutValidation) -> Refused | None:
    """Refuse a rule that stands twice, or does not say what its check needs."""
    seen = set()
    for at, rule in enumerate(put.rules):
        if rule.check in seen:
            return refusals.rule_twice(state, at, rule.check)
        seen.add(rule.check)
        if rule.check == "cool_off" and rule.minutes is None:
            return refusals.rule_lacks(state, at, rule.check, "minutes")
        if rule.check == "quantity" and rule.units is None:
            return refusals.rule_lacks(state, at, rule.check, "units")
    return None


def place(state: State, request: Request) -> Decision:
    """Allocate an order; what its channel's rules find wrong with it becomes its holds."""
    command: PlaceOrder = request.command
    rules = state.registers.validations.rules(command.channel)
    if not rules or state.order(command.channel, command.order_id):
        return orders.place(state, request)
    lines = tuple((line.sku, line.quantity) for line in command.lines)
    found = checks.failed(rules, checks.Placed(state, command, lines))
    keeps = all(rule.keeps_stock for rule in found)
    decision = orders.place(state, request, takes=keeps)
    return _held(state, cause_of(request), decision, found)


def commit(state: State, request: Request) -> Decision:
    """Turn a reservation into an order; what its channel's rules find wrong becomes its holds."""
    command: Commit = request.command
    decision = orders.commit(state, request)
    if not isinstance(decision, list):
        return decision
    placed: OrderPlaced = decision[-1]
    rules = state.registers.validations.rules(placed.channel)
    if not rules:
        return decision
    lines = tuple((state.sku_name(line.sku), line.quantity) for line in placed.lines)
    found = checks.failed(rules, checks.Placed(state, command, lines))
    return _held(state, cause_of(request), decision, found)


def _held(state: State, cause: Cause, decision: Decision, found: list[ValidationRule]) -> Decision:
    """Let the order that a decision places be held by the rules that it fails."""
    if not found or not isinstance(decision, list):
        return decision
    placed: OrderPlaced = decision[-1]
    note = Checked(tuple(_hold(state, rule) for rule in found))
    lines = None
    if not note.keeps_stock and any(line.takes for line in placed.lines):
        lines = tuple(Standing(_waiting(line)) for line in placed.lines)
    # The answer to a key is that of the order on hold.
    first = msgspec.structs.replace(placed, cause=msgspec.structs.replace(cause, key=""))
    order = state.seq + len(decision)
    changed = OrderChanged(cause, order, OrderStatus.ON_HOLD, lines, b"", note_bytes(note))
    return [*decision[:-1], first, changed]


def _hold(state: State, rule: ValidationRule) -> Held:
    until_us = state.now_us + rule.minutes * 60_000_000 if rule.minutes else 0
    return Held(rule.check, rule.check, rule.owner, until_us, rule.then, rule.keeps_stock)


def _waiting(line: Line) -> Line:
    return msgspec.structs.replace(line, takes=(), backordered=line.quantity)
