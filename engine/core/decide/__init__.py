"""One file per noun: check a command against the state, return events, a replay, or a refusal.

Nothing here changes the state. A decision's events are applied at once by the ledger, before the
next command is looked at, so check and take are one step.
"""

from typing import Any

import msgspec

from engine.core.commands import Request, fingerprint
from engine.core.events import (
    Cause,
    EntryPut,
    Event,
    LocationPut,
    OrderPlaced,
    OrderShipped,
    Reserved,
    SkuPut,
    StockMoved,
)
from engine.core.outcomes import Code, Fault, Refused
from engine.core.state import State


class Replay(msgspec.Struct, frozen=True):
    """The effect happened at `seq`; `answer` was or is its answer."""

    answer: Any
    seq: int


Decision = list[Event] | Replay | Refused


def refuse(state: State, code: Code, detail: str, *faults: Fault) -> Refused:
    """Return a refusal as of the present state."""
    return Refused(code, detail, state.seq, faults)


def cause_of(request: Request) -> Cause:
    """Return what an event says about the request that made it."""
    return Cause(fingerprint(request.command), request.actor, request.key)


def conflict(state: State, path: str, value: str) -> Refused:
    """Refuse an id that was used with another body."""
    return refuse(
        state,
        Code.IDEMPOTENCY_CONFLICT,
        f"{path} {value!r} was used before with another body; use a new id for a new request",
        Fault(path, "used before with another body"),
    )


def creates(state: State, events: list[Event]) -> bool:
    """Say whether `events`, decided and not applied yet, make what was asked for and was not
    there."""
    return any(_creates(state, event) for event in events)


def _creates(state: State, event: Event) -> bool:
    if isinstance(event, LocationPut):
        return event.number == len(state.locations)
    if isinstance(event, SkuPut):
        return event.number == len(state.skus)
    if isinstance(event, EntryPut):
        return event.number == len(state.registers.of(event.register).rows)
    return isinstance(event, (OrderPlaced, OrderShipped, Reserved, StockMoved))
