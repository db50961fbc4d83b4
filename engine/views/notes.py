"""What is rare with an order, from the notes of its changes: read model of holds, and the door to
those of fulfillments and returns. A note that is not known here is in `activity` as it is.

To give a noun tables of its own: tables in `schema`, and a function by the note's tag. Beyond
columns, a function says what is to be found by a search (`Work.term`).
"""

from typing import Any

from engine.views import fulfillments, returns
from engine.views.orders import (
    HOLD,
    HOLD_ENDED,
    HOLD_ESCALATED,
    HOLD_HOW,
    HOLD_N,
    HOLD_OWNER,
    HOLD_REASON,
)
from engine.views.orders import HOLD_SEQ as _SEQ
from engine.views.work import OrderRows, Work, plain

_Note = dict[str, Any]
# The hold of an order that waits for the goods that it is given for, as `core.notes.exchanges`
# puts it on.
_EXCHANGE = {"hold_id": "exchange", "reason": "return", "owner": "", "until_us": 0}
_EXCHANGE |= {"then": "escalate", "keeps_stock": True}


def _hold(work: Work, seq: int, stamp_us: int, order: OrderRows, note: _Note, n: int = 0) -> None:
    work.part(order, "holds")[(note["hold_id"],)] = [
        order.head[0],
        note["hold_id"],
        note["reason"],
        plain(note["owner"]) or "",
        note["then"],
        int(note["keeps_stock"]),
        stamp_us,
        note["until_us"] or None,
        None,
        None,
        None,
        seq,
        n,
    ]
    order.head[HOLD] = note["reason"]


def _hold_ended(work: Work, seq: int, stamp_us: int, order: OrderRows, note: _Note) -> None:
    _end(work, stamp_us, order, note["hold_id"], note["how"])


def _escalated(work: Work, seq: int, stamp_us: int, order: OrderRows, note: _Note) -> None:
    hold = work.part(order, "holds")[(note["hold_id"],)]
    hold[HOLD_ESCALATED] = stamp_us
    hold[HOLD_OWNER] = plain(note.get("owner")) or hold[HOLD_OWNER]


def _end(work: Work, stamp_us: int, order: OrderRows, hold_id: str, how: str) -> None:
    holds = work.part(order, "holds")
    ended = holds[(hold_id,)]
    ended[HOLD_ENDED], ended[HOLD_HOW] = stamp_us, how
    live = [hold for hold in holds.values() if hold[HOLD_ENDED] is None]
    newest = max(live, key=lambda hold: (hold[_SEQ], hold[HOLD_N]), default=None)
    order.head[HOLD] = newest[HOLD_REASON] if newest else None


def _checked(work: Work, seq: int, stamp_us: int, order: OrderRows, note: _Note) -> None:
    for n, hold in enumerate(note["holds"]):
        _hold(work, seq, stamp_us, order, hold, n)


def _fact(work: Work, seq: int, stamp_us: int, order: OrderRows, note: _Note) -> None:
    for hold_id in note.get("ended", ()):
        _end(work, stamp_us, order, hold_id, "fact")
    for n, hold in enumerate(note.get("held", ())):
        _hold(work, seq, stamp_us, order, hold, n)


def _exchange(work: Work, seq: int, stamp_us: int, order: OrderRows, note: _Note) -> None:
    if note["waits"]:
        _hold(work, seq, stamp_us, order, _EXCHANGE)


_FOLD = {
    "held": _hold,
    "hold_ended": _hold_ended,
    "hold_escalated": _escalated,
    "checked": _checked,
    "fact": _fact,
    "exchange_for": _exchange,
    **fulfillments.FOLD,
    **returns.FOLD,
}
# What is loaded together for all notes of a transaction, by the note's tag.
_NEEDS = dict.fromkeys(("held", "hold_ended", "hold_escalated", "fact"), ("holds",))
_NEEDS |= dict.fromkeys(fulfillments.FOLD, fulfillments.NEEDS)
_NEEDS |= dict.fromkeys(returns.FOLD, returns.NEEDS)
_TAG = len(b'{"what":"')


def needs(note: bytes) -> tuple[str, ...]:
    """Return the tables of which `fold` will ask for the order's rows."""
    return _NEEDS.get(note[_TAG : note.index(b'"', _TAG)].decode(), ()) if note else ()


def fold(work: Work, seq: int, stamp_us: int, order: OrderRows, note: _Note) -> None:
    """Write what the note, as JSON says it, means for tables of its own."""
    known = _FOLD.get(note["what"])
    if known:
        known(work, seq, stamp_us, order, note)
