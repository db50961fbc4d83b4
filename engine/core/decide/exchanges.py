"""Exchanges: a return that orders something else in the same step. Both twins decide by this.

The new order is allocated at once, so that nobody else can buy what the customer is promised. It
leaves at once, or waits on a hold of its own until all that was announced has come.
"""

import msgspec

from engine.core import kept
from engine.core.commands import Cancel, OrderLine, PlaceOrder, Request
from engine.core.decide import Replay, cause_of, orders, refusals
from engine.core.decide.orders import status_after
from engine.core.decide.reallotment import open_units
from engine.core.events import Cause, Event, OrderChanged, OrderPlaced, OrderStatus
from engine.core.lives import note_bytes
from engine.core.notes.exchanges import HOLD, ExchangeFor
from engine.core.notes.holds import HoldEnded
from engine.core.notes.returns import Part, Return
from engine.core.outcomes import Fault, Refused
from engine.core.return_commands import Exchange, OpenReturn
from engine.core.state import Order, State


def ordered(state: State, order: Order, request: Request, cause: Cause) -> list[Event] | Refused:
    """Return the events that place what a return orders instead, linked to it, by the `cause` of
    the return: nobody has asked for the new order by itself."""
    command: OpenReturn = request.command
    asked: Exchange = command.exchange
    if state.order(command.channel, asked.order_id):
        found = refusals.order_exists(state, command.channel, asked.order_id)
        fault = Fault("exchange.order_id", "exists already")
        return msgspec.structs.replace(found, faults=(fault,))
    old = kept.read(order.event.document)
    place = PlaceOrder(
        order_id=asked.order_id,
        channel=command.channel,
        lines=tuple(
            OrderLine(line.sku, line.quantity, unit_price=line.unit_price) for line in asked.lines
        ),
        ship_to=old.ship_to,
        currency=old.currency,
        customer=old.customer,
    )
    placed = orders.place(state, msgspec.structs.replace(request, command=place))
    if isinstance(placed, Refused):
        return _at(placed)
    assert not isinstance(placed, Replay)
    made: OrderPlaced = placed[-1]
    waits = asked.leaves == "received"
    note = ExchangeFor(command.return_id, command.order_id, order.seq, waits)
    status = OrderStatus.ON_HOLD if waits else made.status
    # The answer to a key is that of the last event, which is the return's.
    linked = OrderChanged(cause, state.seq + len(placed), status, note=note_bytes(note))
    return [*placed[:-1], msgspec.structs.replace(made, cause=cause), linked]


def _at(refused: Refused) -> Refused:
    """Let the faults of a new order name the fields of the exchange."""
    faults = tuple(
        msgspec.structs.replace(fault, path=f"exchange.{fault.path}") for fault in refused.faults
    )
    return msgspec.structs.replace(refused, faults=faults)


def _keyless(cause: Cause) -> Cause:
    return msgspec.structs.replace(cause, key="")


def freed(
    state: State, order: Order, one: Return, parts: tuple[Part, ...], cause: Cause
) -> list[Event]:
    """Return the events that let the new order leave, if with `parts` all of a return has come."""
    if not one.opened.exchange:
        return []
    came = dict(one.came)
    for part in parts:
        came[part.line, part.sku] = came.get((part.line, part.sku), 0) + part.units
    if any(came.get(key, 0) < units for key, units in one.expected.items()):
        return []
    new = _waiting(state, order, one)
    if new is None:
        return []
    life = state.lives.of(new.seq)
    status = OrderStatus.ON_HOLD
    if len(life.holds) == 1:
        waiting = sum(new.backordered)
        status = status_after(sum(open_units(new)), waiting, sum(new.shipped))
    note = note_bytes(HoldEnded(HOLD, "release"))
    return [OrderChanged(_keyless(cause), new.seq, status, note=note)]


def given_up(state: State, order: Order, one: Return, request: Request) -> list[Event]:
    """Return the events that cancel the new order of a return that is rejected, if it waits."""
    new = _waiting(state, order, one)
    if new is None:
        return []
    command = Cancel(new.event.channel, new.event.order_id, None, "return rejected")
    cancelled = orders.cancel(state, msgspec.structs.replace(request, command=command))
    assert isinstance(cancelled, list)
    cause = _keyless(cause_of(request))
    return [msgspec.structs.replace(event, cause=cause) for event in cancelled]


def _waiting(state: State, order: Order, one: Return) -> Order | None:
    """Return the order given for a return, if it is on hold until the goods have come."""
    if not one.opened.exchange:
        return None
    new = state.order(order.event.channel, one.opened.exchange)
    if new is None or new.closed_us or new.status is not OrderStatus.ON_HOLD:
        return None
    life = state.lives.of(new.seq)
    link = life.exchange_for
    if link is None or (link.seq, link.return_id) != (order.seq, one.opened.return_id):
        return None
    return new if HOLD in life.holds else None
