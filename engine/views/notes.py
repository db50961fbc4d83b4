"""What is rare with an order, from the notes of its changes: read models of holds, and of what
comes after them. A note that is not known here is in `activity` as it is.

To give a noun tables of its own: tables in `schema`, and a function here by the note's tag.
"""

from typing import Any

from engine.views.orders import HOLD
from engine.views.work import OrderRows, Work


def _held(work: Work, seq: int, stamp_us: int, order: OrderRows, note: dict[str, Any]) -> None:
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
    ]
    order.head[HOLD] = note["reason"]


def _hold_ended(
    work: Work, seq: int, stamp_us: int, order: OrderRows, note: dict[str, Any]
) -> None:
    holds = work.holds(order)
    holds[note["hold_id"]][-3:-1] = stamp_us, note["how"]
    live = [hold for hold in holds.values() if hold[-3] is None]
    order.head[HOLD] = live[-1][2] if live else None


_FOLD = {"held": _held, "hold_ended": _hold_ended}


def fold(work: Work, seq: int, stamp_us: int, order: OrderRows, note: dict[str, Any]) -> None:
    """Write what the note, as JSON says it, means for tables of its own."""
    known = _FOLD.get(note["what"])
    if known:
        known(work, seq, stamp_us, order, note)
