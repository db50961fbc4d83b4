"""Holds that end by themselves because their cause is gone. Both twins decide by this.

What an order may have then is looked for as of all that wait, not in the same plan: many may be let
go in one step, and each would be planned from the same stock.
"""

from engine.core import actors, limits
from engine.core.decide.orders import status_after
from engine.core.decide.reallotment import open_units
from engine.core.events import Cause, Event, OrderChanged, OrderStatus
from engine.core.lives import Life, note_bytes
from engine.core.notes.holds import Held, HoldEnded
from engine.core.state import Order, State

_SYSTEM = Cause(actor=actors.SYSTEM)


def lifted(order: Order, life: Life, hold: Held) -> OrderChanged:
    """End a live hold of an order."""
    status = OrderStatus.ON_HOLD
    if len(life.holds) == 1:
        wanted, shipped = sum(open_units(order)), sum(order.shipped)
        status = status_after(wanted, sum(order.backordered), shipped)
    note = note_bytes(HoldEnded(hold.hold_id, "release"))
    return OrderChanged(_SYSTEM, order.seq, status, note=note)


def without(state: State, gone: Order) -> list[Event]:
    """Return what lets those orders go that are held as duplicates, and are none without `gone`,
    which is cancelled in the same step. Of orders that may be the same, the first ones are looked
    at."""
    lives = state.lives
    marked = list(lives.marks.get(lives.of(gone.seq).mark, ()))[: limits.DUPLICATES_MAX]
    found: list[Event] = []
    for seq in marked:
        order, life = state.order_placed(seq), lives.of(seq)
        hold = life.holds.get("duplicate")
        if seq == gone.seq or order is None or order.closed_us or hold is None:
            continue
        before = [other for other in marked if other < seq and other != gone.seq]
        if hold.reason == "duplicate" and not any(_stands(state, other) for other in before):
            found.append(lifted(order, life, hold))
    return found


def _stands(state: State, seq: int) -> bool:
    order = state.order_placed(seq)
    return order is not None and order.status is not OrderStatus.CANCELLED
