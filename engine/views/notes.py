"""What is rare with an order, from the notes of its changes: read models of holds, and of what
comes after them. A note that is not known here is in `activity` as it is.

To give a noun tables of its own: tables in `schema`, and a function here by the note's tag.
"""

from typing import Any

from engine.views.orders import HOLD, HOLD_ENDED, HOLD_HOW, HOLD_REASON
from engine.views.work import OrderRows, Work

_Note = dict[str, Any]


def _hold(work: Work, seq: int, stamp_us: int, order: OrderRows, note: _Note, n: int = 0) -> None:
    work.holds(order)[note["hold_id"]] = [
        order.head[0],
        note["hold_id"],
        note["reason"],
        note["owner"],
        note["then"],
        int(note["keeps_stock"]),
        stamp_us,
        note["until_us"] or None,
        None,
        None,
        seq,
        n,
    ]
    order.head[HOLD] = note["reason"]


def _hold_ended(work: Work, seq: int, stamp_us: int, order: OrderRows, note: _Note) -> None:
    _end(work, stamp_us, order, note["hold_id"], note["how"])


def _end(work: Work, stamp_us: int, order: OrderRows, hold_id: str, how: str) -> None:
    holds = work.holds(order)
    holds[hold_id][HOLD_ENDED], holds[hold_id][HOLD_HOW] = stamp_us, how
    live = [hold for hold in holds.values() if hold[HOLD_ENDED] is None]
    order.head[HOLD] = live[-1][HOLD_REASON] if live else None


def _checked(work: Work, seq: int, stamp_us: int, order: OrderRows, note: _Note) -> None:
    for n, hold in enumerate(note["holds"]):
        _hold(work, seq, stamp_us, order, hold, n)


def _fact(work: Work, seq: int, stamp_us: int, order: OrderRows, note: _Note) -> None:
    for hold_id in note.get("ended", ()):
        _end(work, stamp_us, order, hold_id, "fact")
    for n, hold in enumerate(note.get("held", ())):
        _hold(work, seq, stamp_us, order, hold, n)


_FOLD = {"held": _hold, "hold_ended": _hold_ended, "checked": _checked, "fact": _fact}


def fold(work: Work, seq: int, stamp_us: int, order: OrderRows, note: _Note) -> None:
    """Write what the note, as JSON says it, means for tables of its own."""
    known = _FOLD.get(note["what"])
    if known:
        known(work, seq, stamp_us, order, note)
