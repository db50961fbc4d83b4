"""What an order's locations have to send, and on which day: what a day's capacity is counted by.

The placing of an order counts it at the locations of its receipt; later decisions say in their
notes where it is counted from then on. What is counted stands in the order's own record, so that
its cancellation takes off just that. Both twins follow notes by this.
"""

import msgspec
from msgspec import UNSET

from engine.core.events import OrderPlaced
from engine.core.fitting import misfit
from engine.core.notes.base import NoteBase
from engine.core.routing import POLICY_COSTS, costs, slip


def count(loads, place: int, day: int, sign: int) -> None:
    """Count one order more (1) or less (-1) at a location on a day. `loads` has the latest day of
    each location only; what was to be sent before that is over."""
    latest, used = loads.get(place, (0, 0))
    if day > latest and sign > 0:
        loads[place] = (day, 1)
    elif 0 < day == latest and used + sign >= 0:
        loads[place] = (day, used + sign)


def sends_of(event: OrderPlaced) -> tuple[tuple[int, int], ...]:
    """Return (location, day) of what an open order counts as."""
    return slip.sends_of(slip.unpack(event.receipt)) if event.receipt else ()


def follow(state, event: OrderPlaced, note: NoteBase) -> OrderPlaced | None:
    """Count an open order as a note says, and return how its record stands then; None if the note
    changes nothing of that. `LedgerError` if the note names what is not there."""
    made = None
    if note.receipt is not UNSET:
        made = slip.unpack(note.receipt)
        policies = len(state.registers.policies.rows)
        there = slip.fits(made, policies, len(state.locations), len(state.skus))
        misfit("a note's receipt names what is not there", not there)
    if note.sends is UNSET:
        return None
    base = made or (slip.unpack(event.receipt) if event.receipt else None)
    misfit("an order has something to send that no policy has routed", base is None)
    for place, day in note.sends:
        fits = 0 <= place < len(state.locations) and 0 <= day <= costs.DAYS_MAX
        misfit("a note sends from where nobody is", not fits)
    before = sends_of(event)
    for place, day in before:
        if (place, day) not in note.sends:
            count(state.loads, place, day, -1)
    for place, day in note.sends:
        if (place, day) not in before:
            count(state.loads, place, day, 1)
    receipt = slip.pack(slip.standing(base, note.sends))
    return msgspec.structs.replace(event, policy=POLICY_COSTS, receipt=receipt)
