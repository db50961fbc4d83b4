"""The slow twin as the judge uses it: a state that follows the log's facts, and a second opinion.

`peek` decides a request against the present state at a given stamp and changes nothing, so every
decision of the log, accepted or refused, is taken again from the same state. `follow` then applies
what the log says happened, whatever the second opinion was: one wrong decision does not make the
rest of the log unreadable.
"""

from typing import Any

import msgspec

from engine.core import commands, effects, limits, reading, records, told
from engine.core.decide import Replay, conflict, fills, timers
from engine.core.events import Cause, EpochOpened, Event, OrderChanged, ReservationExpired
from engine.core.ledger import _DECIDE, Ledger
from engine.core.outcomes import Refused
from engine.core.state import LIVE
from engine.core.waiting import Pick

_json = msgspec.json.Encoder().encode


class Twin:
    """A slow ledger, one event at a time."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.state = self.ledger._state
        self.looks = self.times = 0
        self.opened, self.after_epoch = False, False  # an epoch, in this frame, and the one before
        self.risen = 0  # when the present epoch began
        self.unsure = False  # whether what waits was looked at since the last frame
        self.pick: Pick | None = None
        self.filling: list[Event] = []

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

    def open_frame(self, events: list[Event], packed: list[bytes], stamp_us: int) -> None:
        """Do what the ledger does before it decides a batch that comes to `events`."""
        self.after_epoch, self.opened = self.opened, isinstance(events[0], EpochOpened)
        self.looks = limits.FILLS_PER_BATCH_MAX
        self.times = 0 if self.opened else timers.most_at_once(self.state)
        began = self.state.waiting.hour_began(stamp_us)
        if self.opened:
            self.risen = self.state.seq
        if self.opened or self.after_epoch:
            # Who was refused in a batch between the two came after all that wait; what is due by
            # time in the first batch of an epoch comes before.
            self.pick, self.filling = None, []
            self.state.waiting.rise_all(self.risen, "recovered")
        if self.opened:
            return
        if began and self.state.registers.policies.rows:
            self.state.look_again("hour_began")
            self.after_epoch = True  # as there, a batch in between may have looked already
        self.unsure = self.after_epoch
        self.settle(events[0], packed, stamp_us)

    def follow(self, event: Event, stamp_us: int) -> None:
        """Apply one fact of a frame stamped `stamp_us`."""
        self.state.now_us = stamp_us
        effects.apply(self.state, event)
        if self.pick and cause_of(event) is None and isinstance(event, OrderChanged):
            self._looked_at()

    def settle(self, then: Event | None, rest: list[bytes], stamp_us: int) -> None:
        """Find what must happen next by itself, before `then`, with which the `rest` of the frame
        begins: `filling` has the events of what is due by time, or that fill the order whose turn
        it is, none when nothing of that is left in this batch. All expiries of a batch come before;
        what comes of a new epoch is in the frame after the one that opens it."""
        if isinstance(then, ReservationExpired):
            return
        self.state.now_us, self.filling = stamp_us, []
        if self.times:
            self.filling = timers.due(self.state)
            if self.unsure and pack(self.filling) != rest[: len(self.filling)]:
                self.unsure = False
                self._look_through()
                self.filling = timers.due(self.state)
            self.times = self.times - 1 if self.filling else 0
        if self.filling:
            return
        while True:
            if not self.pick and self.looks:
                self.looks, self.pick = self.looks - 1, self.state.waiting.pick()
            if not self.pick:
                return
            self.filling = fills.fill(self.state, self.pick)
            if self.filling:
                return
            self._looked_at()

    def is_due(self, packed: list[bytes]) -> bool:
        """Say whether these records, which nobody asked for, are what happens next.

        In the frame after the one that opens an epoch, why somebody is filled is not compared. A
        batch in between that left no frame has looked at all that waits, or there was none: the
        log does not say, and what was looked at already is then filled for a newer reason.
        """
        if pack(self.filling) == packed:
            return True
        told = [records.decode(record) for record in packed]
        return self.after_epoch and _without_why(self.filling) == _without_why(told)

    def _look_through(self) -> None:
        """A batch in between that left no frame has looked at all that waits: nobody could be
        filled, and what is due by time is not kept from what is free."""
        while pick := self.state.waiting.pick():
            self.pick = pick
            if fills.fill(self.state, pick):
                return
            self._looked_at()

    def _looked_at(self) -> None:
        sku, self.pick = self.pick.sku, None
        if sku in self.state.waiting.due and fills.spent(self.state, sku):
            self.state.waiting.end(sku)

    def close_frame(self, stamp_us: int) -> None:
        """Do what the ledger does at the end of each frame."""
        self.state.now_us = self.state.stamp_us = stamp_us
        self.state.evict()

    def answer(self, event: Event) -> dict:
        """Return the first answer to the request behind the event just followed."""
        return plain(self.ledger._answer(event))

    def stock(self, sku: str) -> dict | None:
        """Return the stock answer as of now."""
        found = reading.stock(self.state, sku)
        return found and plain(found)

    def order(self, seq: int) -> dict:
        """Return the order placed at `seq` as it stands."""
        return plain(told.order_now(self.state, self.state.orders[seq]))

    def expiry_fault(self, event: ReservationExpired, stamp_us: int) -> str:
        """Say what is wrong with an expiry, "" if nothing: only the live end, and at or past
        their deadline."""
        entry = self.state.reservations.get(event.reservation)
        if entry is None or entry.status != LIVE:
            return "it is not live"
        if entry.expires_us > stamp_us:
            return f"it lives until {entry.expires_us}, the stamp is {stamp_us}"
        return ""


def cause_of(event: Event) -> Cause | None:
    """Return who asked for an event; None if nobody did, and the writer does it by itself."""
    cause: Cause | None = getattr(event, "cause", None)
    return cause if cause and cause.fingerprint else None


def _without_why(events: list[Event]) -> list[Event]:
    return [
        msgspec.structs.replace(event, note=b"") if isinstance(event, OrderChanged) else event
        for event in events
    ]


def pack(events: list[Event]) -> list[bytes]:
    """Return the records of events."""
    return [records.encode(event) for event in events]


def plain(answer: Any) -> Any:
    """Return an answer as a client has it after decoding."""
    return msgspec.json.decode(answer if isinstance(answer, bytes) else _json(answer))
