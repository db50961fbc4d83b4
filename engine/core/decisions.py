"""Questions about routing: how an order's units were routed, and how an order's would be."""

import msgspec
from msgspec import UNSET

from engine.core import answers
from engine.core.answers.base import Answer
from engine.core.answers.orders import OrderLineAnswer
from engine.core.commands import PlaceOrder
from engine.core.decide import orders
from engine.core.decide.routing import Routed
from engine.core.events import PositionOpened
from engine.core.lives import Note
from engine.core.outcomes import Refused
from engine.core.routing import slip
from engine.core.routing.receipt import Receipt, receipt_of
from engine.core.state import State


class DecisionsAnswer(msgspec.Struct):
    """Why the units of an order come from where they come, a decision for each time that they were
    routed by a policy."""

    channel: str
    order_id: str
    decisions: list[Receipt]


class PreviewAnswer(Answer):
    """What an order would get as of log position `seq`, and why. Nothing is taken."""

    status: str
    lines: list[OrderLineAnswer]
    decision: Receipt | None = None


def of_order(state: State, channel: str, order_id: str) -> DecisionsAnswer | None:
    """Return the decisions behind an order, None if there is no such order."""
    order = state.order(channel, order_id)
    if order is None:
        return None
    found, placed = [], order.placed or order.event
    if placed.receipt:
        found.append(receipt_of(slip.unpack(placed.receipt), state, order.seq))
    for happened in state.lives.of(order.seq).notes:
        note = happened.note
        if note.receipt is not UNSET:
            found.append(receipt_of(slip.unpack(note.receipt), state, happened.seq, _why(note)))
    return DecisionsAnswer(channel, order_id, found)


def _why(note: Note) -> tuple[str, str]:
    """Return what led to a decision, and the reason that was given."""
    return msgspec.inspect.type_info(type(note)).tag, getattr(note, "reason", "") or ""


def preview(state: State, command: PlaceOrder, now_us: int) -> PreviewAnswer | Refused:
    """Return what an order would get at a time, or why it would be refused."""
    found = orders.plan_order(state, command, max(now_us, state.now_us))
    if isinstance(found, Refused):
        return found
    plan, source = found
    asked, names = sum(line.quantity for line in command.lines), _Names(state, plan.opened)
    lines = orders.lines_of(state, command, plan)
    return PreviewAnswer(
        seq=state.seq,
        status=orders.status_of(asked, asked - sum(plan.granted)).name.lower(),
        lines=[answers.order_line(line, names) for line in lines],
        decision=receipt_of(source.slip, state) if isinstance(source, Routed) else None,
    )


class _Names:
    """Names by number, those of positions that a plan would open among them."""

    def __init__(self, state: State, opened: list[PositionOpened]) -> None:
        self.state, self.opened = state, {event.number: event for event in opened}

    def sku_name(self, number: int) -> str:
        return self.state.sku_name(number)

    def position_sku_name(self, number: int) -> str:
        new = self.opened.get(number)
        return self.sku_name(new.sku) if new else self.state.position_sku_name(number)

    def position_location_name(self, number: int) -> str:
        new = self.opened.get(number)
        if new:
            return self.state.location_name(new.location)
        return self.state.position_location_name(number)
