"""What happens by itself with orders and fences when its time has come. Both twins decide by
this: the writer asks at each batch, by its stamp (`Ledger.expire`), and what is decided is logged.
"""

from engine.core import actors, limits
from engine.core.decide import fences, holds
from engine.core.decide.rerouting import ended
from engine.core.decide.work import Work
from engine.core.events import Cause, Event
from engine.core.fences import Fences
from engine.core.lives import Life, Lives
from engine.core.registers import Registers
from engine.core.state import Order, State
from engine.core.waiting import Waiting

_TIMER, _SYSTEM = Cause(actor=actors.TIMER), Cause(actor=actors.SYSTEM)


def due_us(lives: Lives, fences: Fences) -> int:
    """Return when the first thing is due by itself: 1 if it is at once, 0 if never."""
    return first_due(lives.due_us(), fences.timers.first()[0])


def wake_us(lives: Lives, registers: Registers, waiting: Waiting, now_us: int) -> int:
    """Return when the first thing is due by itself, or what waits is to be looked at again."""
    look_us = waiting.look_us(now_us) if registers.policies.rows else 0
    return first_due(due_us(lives, registers.fences), look_us)


def first_due(one_us: int, other_us: int) -> int:
    """Return the earlier of two times, of which 0 is never."""
    return min(one_us, other_us) if one_us and other_us else one_us or other_us


def due(state: State) -> list[Event]:
    """Return the events of what is due first, by now; none if nothing is. They must leave the
    order's next time later than it was, so that this comes to an end."""
    events = fences.due(state)
    if events:
        return events
    timers = state.lives.timers
    seq, number = state.lives.worklist.recalled()
    if seq:
        return _recalled(state, seq, number)
    while True:
        due_us, seq = timers.first()
        if not due_us or due_us > state.now_us:
            return []
        order = state.order_placed(seq)
        life = state.lives.of(seq)
        events = _events(state, order, life, due_us) if order and not order.closed_us else []
        if events:
            return events
        timers.set(seq, 0)


def most_at_once(state: State) -> int:
    """Return for how many orders something may be done in one step: fewer the more locations each
    may be routed to, so that no step is long."""
    share = limits.TIMERS_PLACES_PER_TICK // max(len(state.locations), 1)
    if state.registers.policies.rows:
        share //= limits.TIMERS_POLICY_WEIGHT
    return max(min(share, limits.TIMERS_PER_TICK_MAX), 1)


def _recalled(state: State, seq: int, number: int) -> list[Event]:
    """A location is closed: what nobody has begun to pick there goes to others."""
    order, life = state.order_row(seq), state.lives.of(seq)
    work = Work(order, life, life.work[number])
    return ended(state, _SYSTEM, work, "cancelled", "the location is closed")


def _events(state: State, order: Order, life: Life, due_us: int) -> list[Event]:
    for one in life.open:
        if one.due_us == due_us:
            reason = "not accepted in time"
            return ended(state, _TIMER, Work(order, life, one), "expired", reason)
    for hold in life.timed_holds:
        if hold.until_us == due_us:
            return holds.over(state, order, hold)
    return []
