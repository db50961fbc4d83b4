"""Which events of the log are one decision, and by whose request.

A decision may be several events: an order and its holds, a short pick and what it moves. Only one
of them bears the request's key, so the log alone does not say where one ends. The twin does: the
request behind the first event is decided again, and what that comes to is how far it reaches.
"""

from typing import NamedTuple

from engine.core import commands
from engine.core.decide import Replay
from engine.core.events import Cause, Event, PositionOpened
from engine.core.outcomes import Refused
from tests.faults.chain import Sealed
from tests.faults.evidence import Evidence
from tests.faults.twin import Twin, cause_of, pack


class Decided(NamedTuple):
    """The events of one decision, the last one's place in its frame, the request's cause (None: the
    writer did it by itself), and what the twin says to the request (None: nobody made it)."""

    events: list[Event]
    packed: list[bytes]
    last: int
    cause: Cause | None = None
    again: Refused | Replay | list[Event] | None = None


def alone(frame: Sealed, at: int) -> Decided:
    """Return the next event with the positions opened for it, whatever decided it."""
    last = at
    while isinstance(frame.events[last], PositionOpened) and last + 1 < len(frame.events):
        last += 1
    upto = slice(at, last + 1)
    return Decided(frame.events[upto], frame.packed[upto], last, cause_of(frame.events[last]))


def next_decision(twin: Twin, evidence: Evidence, frame: Sealed, at: int) -> Decided:
    """Return the decision that begins with event `at` of a frame, from the twin's present state."""
    one = alone(frame, at)
    first = one.cause
    if first is None:
        by_itself = slice(at, at + len(twin.filling))
        if twin.filling and frame.packed[by_itself] == pack(twin.filling):
            last = by_itself.stop - 1
            return Decided(frame.events[by_itself], frame.packed[by_itself], last)
        return one
    for key in evidence.keys_of(first.fingerprint):
        if first.key not in ("", key):
            continue
        cause = Cause(first.fingerprint, first.actor, key)
        command = evidence.commands[cause.fingerprint, key]
        again = twin.peek(commands.Request(command, cause.actor, key), frame.stamp_us)
        if isinstance(again, list):
            upto = slice(at, at + len(again))
            if frame.packed[upto] == pack(again):
                return Decided(frame.events[upto], frame.packed[upto], upto.stop - 1, cause, again)
        if one.again is None or first.key == key:
            one = one._replace(cause=cause, again=again)
    return one
