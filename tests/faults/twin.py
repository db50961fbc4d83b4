"""The slow twin as the judge uses it: a state that follows the log's facts, and a second opinion.

`peek` decides a request against the present state at a given stamp and changes nothing, so every
decision of the log, accepted or refused, is taken again from the same state. `follow` then applies
what the log says happened, whatever the second opinion was: one wrong decision does not make the
rest of the log unreadable.
"""

from typing import Any

import msgspec

from engine.core import commands, effects, reading, records, told
from engine.core.decide import Replay, conflict
from engine.core.events import Event, ReservationExpired
from engine.core.ledger import _DECIDE, Ledger
from engine.core.outcomes import Refused
from engine.core.state import LIVE

_json = msgspec.json.Encoder().encode


class Twin:
    """A slow ledger, one event at a time."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.state = self.ledger._state

    def peek(self, request: commands.Request, stamp_us: int) -> Refused | Replay | list[Event]:
        """Decide `request` as of now at `stamp_us`; nothing changes."""
        state = self.state
        before, state.now_us = state.now_us, stamp_us
        try:
            if request.key:
                known = state.answered(f"key:{request.actor}:{request.key}")
                if known and known.fingerprint == commands.fingerprint(request.command):
                    return Replay(known.answer, known.seq)
                if known:
                    return conflict(state, "Idempotency-Key", request.key)
            return _DECIDE[type(request.command)](state, request)
        finally:
            state.now_us = before

    def follow(self, event: Event, stamp_us: int) -> None:
        """Apply one fact of a frame stamped `stamp_us`."""
        self.state.now_us = stamp_us
        effects.apply(self.state, event)

    def close_frame(self, stamp_us: int) -> None:
        """Do what the ledger does at the end of each frame."""
        self.state.now_us = self.state.stamp_us = stamp_us
        self.state.evict()

    def answer(self, event: Event) -> dict:
        """Return the first answer to the request behind the event just followed."""
        return _plain(self.ledger._answer(event))

    def stock(self, sku: str) -> dict | None:
        """Return the stock answer as of now."""
        found = reading.stock(self.state, sku)
        return found and _plain(found)

    def order(self, seq: int) -> dict:
        """Return the order placed at `seq` as it stands."""
        return _plain(told.order_now(self.state, self.state.orders[seq]))

    def expiry_fault(self, event: ReservationExpired, stamp_us: int) -> str:
        """Say what is wrong with an expiry, "" if nothing: only the live end, and at or past
        their deadline."""
        entry = self.state.reservations.get(event.reservation)
        if entry is None or entry.status != LIVE:
            return "it is not live"
        if entry.expires_us > stamp_us:
            return f"it lives until {entry.expires_us}, the stamp is {stamp_us}"
        return ""


def pack(events: list[Event]) -> list[bytes]:
    """Return the records of events."""
    return [records.encode(event) for event in events]


def _plain(answer: Any) -> Any:
    return msgspec.json.decode(_json(answer))
