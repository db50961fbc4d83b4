"""Orders of channels that have rules, and orders that something was told of before: they are
placed, held and brought up to date in one step. Both twins decide by this; all other orders never
come here in the compiled one.
"""

import msgspec

from engine.core import limits
from engine.core.commands import Commit, Details, PlaceOrder, PutSku, Request
from engine.core.decide import (
    Decision,
    Replay,
    cause_of,
    checks,
    let_go,
    orders,
    refusals,
    routing,
)
from engine.core.events import (
    NO_PRICE,
    Cause,
    Cut,
    EntryPut,
    Event,
    Freed,
    Line,
    OrderCancelled,
    OrderChanged,
    OrderPlaced,
    OrderStatus,
    SkuPut,
    Standing,
)
from engine.core.fact_commands import DETAILS
from engine.core.facts import Early, EarlyFact
from engine.core.kept import document_of
from engine.core.lives import note_bytes
from engine.core.notes.facts import Told, news
from engine.core.notes.validation import Checked
from engine.core.outcomes import Code, Fault, Refused
from engine.core.routing import POLICY_COSTS, POLICY_FEWEST, slip
from engine.core.state import State
from engine.core.validation_commands import PutValidation

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
            return _rule_twice(state, at, rule.check)
        seen.add(rule.check)
        if rule.check == "cool_off" and rule.minutes is None:
            return _rule_lacks(state, at, rule.check, "minutes")
        if rule.check == "quantity" and rule.units is None and rule.times is None:
            return _rule_lacks(state, at, rule.check, "units")
    return None


def place(state: State, request: Request) -> Decision:
    """Allocate an order; what its channel's rules find wrong with it becomes its holds, and what
    was told of it before holds at once."""
    command: PlaceOrder = request.command
    look = _Look(state, command.channel, command.order_id, command)
    if look.idle or state.order(command.channel, command.order_id):
        return orders.place(state, request)
    look.check(tuple((line.sku, line.quantity) for line in command.lines))
    if None in look.unknown.values():
        decision = _unheard(state, look.details, cause_of(request), look.unknown)
    else:
        decision = orders.place(state, request, takes=look.keeps_stock, command=look.details)
    return look.noted(cause_of(request), decision)


def _unheard(
    state: State, command: PlaceOrder, cause: Cause, unknown: dict[str, int | None]
) -> Decision:
    """Place an order with lines of SKUs that do not exist: these are made provisionally, and all
    of it waits."""
    if len(state.orders) >= limits.ORDERS_MAX:
        return refusals.full(state, "orders")
    for at, line in enumerate(command.lines):
        if line.location is not None and state.location_numbers.get(line.location) is None:
            return refusals.unknown_location(state, at, line.location)
    events: list[Event] = []
    silent, numbers = msgspec.structs.replace(cause, key=""), dict(unknown)
    for name, number in unknown.items():
        if number is None:
            numbers[name] = len(state.skus) + len(events)
            put = _json(PutSku(name, "", provisional=True))
            events.append(SkuPut(silent, numbers[name], False, (), put))
    if len(state.skus) + len(events) > limits.SKUS_MAX:
        return refusals.full(state, "SKUs")
    lines = tuple(
        Line(
            numbers[line.sku] if line.sku in numbers else state.sku_numbers.get(line.sku),
            line.quantity,
            (),
            line.quantity,
            NO_PRICE if line.unit_price is None else line.unit_price,
            line.line_id or "",
        )
        for line in command.lines
    )
    document = document_of(command, orders.bound_of(command))
    names = command.channel, command.order_id
    source = routing.source_of(state, command, state.now_us)
    if isinstance(source, Refused):
        return source
    if isinstance(source, routing.Routed):
        source.wait(slip.HELD)
    receipt, waits = routing.receipt_of(source), OrderStatus.BACKORDERED
    policy = POLICY_COSTS if receipt else POLICY_FEWEST
    return [*events, OrderPlaced(cause, *names, waits, 0, policy, lines, document, receipt)]


def known(state: State, name: str) -> list[Event]:
    """Return the events by which orders go on that were held for this SKU only, now that it is
    put. What they get of it and of their other lines is then looked for as of all that wait."""
    events: list[Event] = []
    for seq in sorted(state.lives.unknown.get(name, ())):
        order, life = state.order_placed(seq), state.lives.of(seq)
        others = [(other, 1) for other in life.unknown if other != name]
        if order is None or order.closed_us or checks.unknown(state, others):
            continue
        held = next(hold for hold in life.holds.values() if hold.reason == "unknown_sku")
        events.append(let_go.lifted(order, life, held))
    return events


def commit(state: State, request: Request) -> Decision:
    """Turn a reservation into an order, looked at as in `place`."""
    command: Commit = request.command
    decision = orders.commit(state, request)
    if not isinstance(decision, list):
        return decision
    placed: OrderPlaced = decision[-1]
    look = _Look(state, placed.channel, placed.order_id, command)
    if look.idle:
        return decision
    look.check(tuple((state.sku_name(line.sku), line.quantity) for line in placed.lines))
    document = document_of(look.details)
    return look.noted(cause_of(request), [msgspec.structs.replace(placed, document=document)])


class _Look:
    """What is known of an order that is to be placed: its channel's rules, those that it fails, and
    what was told of it before."""

    def __init__(self, state: State, channel: str, order_id: str, details: Details) -> None:
        self.state, self.found = state, []
        self.unknown: dict[str, int | None] = {}
        self.channel, self.mark = channel, 0
        self.rules = state.registers.validations.rules(channel)
        early = state.registers.early_facts
        self.slot, known = early.of(channel, order_id, state.now_us)
        self.early = known.facts if known else ()
        self.told: dict[str, Told] = {}
        for one in self.early:
            self.told |= news(self.told, one.fact)
        fields = {name: self.told[name].value for name in DETAILS if name in self.told}
        self.details = msgspec.structs.replace(details, **fields)

    @property
    def idle(self) -> bool:
        """Whether there is nothing to look at."""
        return not self.rules and not self.early

    @property
    def cancelled(self) -> bool:
        """Whether it was cancelled before it came."""
        return "cancelled" in self.told

    @property
    def keeps_stock(self) -> bool:
        """Whether the order takes its units now."""
        return not self.cancelled and all(map(checks.keeps_stock, self.found))

    def check(self, lines: tuple[tuple[str, int], ...]) -> None:
        """Find the rules that the order fails; one that is cancelled is not looked at."""
        if any(rule.check == "unknown_sku" for rule in self.rules):
            self.unknown = checks.unknown(self.state, lines)
        if any(rule.check == "duplicate" for rule in self.rules):
            self.mark = checks.Placed(self.state, self.details, lines, self.channel).mark
        if self.cancelled:
            return
        seen = self.details
        if "payment" in self.told:
            seen = msgspec.structs.replace(seen, payment=self.told["payment"].value)
        self.found = checks.failed(self.rules, checks.Placed(self.state, seen, lines, self.channel))
        rule = checks.unpaid(self.rules, seen.payment or "")
        if rule is not None and rule not in self.found:
            self.found.append(rule)

    def noted(self, cause: Cause, decision: Decision) -> Decision:
        """Let the order that a decision places have its holds and what was told of it."""
        if not isinstance(decision, list) or not (self.found or self.early or self.mark):
            return decision
        state, placed = self.state, decision[-1]
        for name in self.unknown:
            if len(state.lives.unknown.get(name, ())) >= limits.UNKNOWN_SKU_ORDERS_MAX:
                return refusals.full(state, f"orders of the unknown SKU {name!r}")
        holds = tuple(checks.hold(state, rule, rule.check) for rule in self.found)
        facts = tuple(one.fact for one in self.early)
        fingerprints = tuple(one.fingerprint for one in self.early)
        note = note_bytes(Checked(holds, facts, fingerprints, tuple(self.unknown), self.mark))
        lines = None
        if holds and not self.keeps_stock and any(line.takes for line in placed.lines):
            lines = tuple(Standing(_waiting(line)) for line in placed.lines)
        # The answer to a key is that of the last event.
        silent = msgspec.structs.replace(cause, key="")
        events = [*decision[:-1], msgspec.structs.replace(placed, cause=silent)]
        if self.early:
            register = state.registers.early_facts
            free = _json(Early(str(self.slot)))
            events.insert(0, EntryPut(silent, register.code, self.slot, free))
        order, status = state.seq + len(events), OrderStatus.ON_HOLD if holds else placed.status
        events.append(OrderChanged(cause, order, status, lines, b"", note))
        if self.cancelled:
            events[-1] = msgspec.structs.replace(events[-1], cause=silent)
            events.append(_cancelled(cause, order, placed, self.early))
        return events


def _cancelled(
    cause: Cause, order: int, placed: OrderPlaced, early: tuple[EarlyFact, ...]
) -> OrderCancelled:
    """Cancel all of an order that is placed in the same step."""
    reasons = [one.fact.reason for one in early if one.fact.cancelled and one.fact.reason]
    cuts, freed = [], []
    for index, line in enumerate(placed.lines):
        cuts.append(Cut(index, line.quantity, line.backordered))
        freed += [Freed(index, at, take.quantity) for at, take in enumerate(line.takes)]
    reason = reasons[-1] if reasons else ""
    return OrderCancelled(cause, order, OrderStatus.CANCELLED, reason, tuple(cuts), tuple(freed))


def _waiting(line: Line) -> Line:
    return msgspec.structs.replace(line, takes=(), backordered=line.quantity)


def _rule_twice(state, at: int, check: str) -> Refused:
    """Two rules of a channel have the same check."""
    return _rule(state, f"{check!r} stands in two rules; make them one", f"rules[{at}].check")


def _rule_lacks(state, at: int, check: str, field: str) -> Refused:
    """A rule does not say what its check needs."""
    return _rule(state, f"{check!r} needs {field!r}", f"rules[{at}].{field}")


def _rule(state, detail: str, path: str) -> Refused:
    return refusals.refuse(state, Code.INCOMPLETE_RULE, detail, Fault(path, "see detail"))
