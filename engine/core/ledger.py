"""The ledger, in plain Python: specification, test oracle and fallback of `ext.ledger`.

One thread talks to it, in batches:

    ledger.begin(stamp_us)              time is an input; the ledger has no clock
    outcome = ledger.decide(request)    check and take are one step
    ledger.expire(limit)                due reservations end, as logged events
    batch = ledger.drain()              the packed records since begin, for one frame

and in replay: `ledger.apply(stamp_us, first_seq, records)`. Both ways go through `effects.apply`.
What is asked (`commands`), answered (`outcomes`, `answers`), logged (`events`, `records`) and
remembered (`state`) each has its file; `decide/` holds the rules, one file per noun.
"""

from itertools import islice
from typing import Any

import msgspec

from engine.core import (
    answers,
    commands,
    dump,
    effects,
    limits,
    packed,
    records,
    told,
)
from engine.core.decide import (
    Replay,
    capacity,
    catalogue,
    creates,
    edits,
    facts,
    fences,
    fills,
    fulfillments,
    holds,
    joins,
    purchases,
    refusals,
    reservations,
    returns,
    routing,
    shipments,
    steals,
    stock,
    timers,
    undo,
    validation,
    waves,
)
from engine.core.decide import conflict as _conflict
from engine.core.errors import LedgerError
from engine.core.events import (
    EntryPut,
    EpochOpened,
    Event,
    LocationPut,
    OrderCancelled,
    OrderChanged,
    OrderPlaced,
    OrderShipped,
    ReservationExpired,
    ReservationExtended,
    ReservationReleased,
    Reserved,
    SkuPut,
    StockMoved,
)
from engine.core.outcomes import Accepted, Outcome, Refused
from engine.core.reads import Reads
from engine.core.records import Batch
from engine.core.state import State

_DECIDE = {
    commands.PutLocation: catalogue.put_location,
    commands.PutSku: catalogue.put_sku,
    commands.PutChannel: catalogue.put_channel,
    commands.PutPurchaseOrder: purchases.put_purchase_order,
    commands.PutValidation: validation.put_validation,
    commands.RoutingPolicy: routing.put_policy,
    commands.PutScarcity: routing.put_scarcity,
    commands.PutFence: fences.put_fence,
    commands.PutCapacity: capacity.put_capacity,
    commands.Receive: purchases.receive,
    commands.Count: stock.count,
    commands.Adjust: stock.adjust,
    commands.Transfer: stock.transfer,
    commands.Reserve: reservations.reserve,
    commands.Extend: reservations.extend,
    commands.Release: reservations.release,
    commands.Commit: validation.commit,
    commands.PlaceOrder: validation.place,
    commands.Cancel: undo.cancel,
    commands.Ship: shipments.ship,
    commands.Hold: holds.hold,
    commands.ReleaseHold: holds.release_hold,
    commands.TellFact: facts.tell,
    commands.EditOrder: edits.edit,
    commands.MergeOrders: joins.merge,
    commands.SplitOrder: joins.split,
    commands.Reallocate: steals.reallocate,
    **returns.RULES,
    **fulfillments.RULES,
    commands.ReleaseWave: waves.wave,
}


class Ledger(Reads):
    """All stock, reservations and orders of one partition. Not thread-safe: it has one owner.

    `seed` is for the fast twin, whose tables hash with it; it changes no outcome.
    """

    def __init__(self, seed: bytes = b"") -> None:
        self._state = State()
        self._records: list[bytes] = []
        self._first_seq = 1
        self._looks = 0  # at waiting orders, that this batch may still take

    # Writing.

    @property
    def seq(self) -> int:
        """Sequence number of the last event, decided or applied."""
        return self._state.seq

    @property
    def stamp_us(self) -> int:
        """Stamp of the last batch that held an event."""
        return self._state.stamp_us

    @property
    def filling(self) -> bool:
        """Whether stock has come for which waiting orders were not all looked at yet; each
        `expire` and each accepted command goes on with it."""
        return bool(self._state.waiting.due)

    @property
    def pending_bytes(self) -> int:
        """Bytes of the records decided since `begin`."""
        return sum(map(len, self._records))

    def begin(self, stamp_us: int) -> None:
        """Open a batch at `stamp_us` (UTC, microseconds), later than any before."""
        if self._records:
            raise LedgerError("begin: the batch before was not drained")
        if not self._state.now_us < stamp_us <= limits.STAMP_US_MAX:
            raise LedgerError(f"begin: stamp {stamp_us} is not after {self._state.now_us}")
        self._state.now_us = stamp_us
        self._first_seq = self._state.seq + 1
        self._looks = limits.FILLS_PER_BATCH_MAX
        began = self._state.waiting.hour_began(stamp_us)
        if self._state.waiting.fresh:
            self._state.waiting.rise_all(self._state.seq, "recovered")
        elif began and self._state.registers.policies.rows:
            self._state.look_again("hour_began")

    def decide(self, request: commands.Request) -> Outcome:
        """Decide one command; accepted effects hold at once, refusals change nothing."""
        state = self._state
        if request.key:
            known = state.answered(f"key:{request.actor}:{request.key}")
            if known:
                if known.fingerprint != commands.fingerprint(request.command):
                    return _conflict(state, "Idempotency-Key", request.key)
                return _replayed(known.answer, known.seq)
            if len(state.remembered) >= limits.DOCUMENTS_MAX:
                return refusals.full(state, "Idempotency-Keys")
        decision = _DECIDE[type(request.command)](state, request)
        if isinstance(decision, Refused):
            return decision
        if isinstance(decision, Replay):
            return _replayed(decision.answer, decision.seq)
        created = creates(state, decision)
        for event in decision:
            self._record(event)
        accepted = Accepted(self._answer(decision[-1]), state.seq, created=created)
        self._fill()
        return accepted

    def decide_packed(self, data: bytes, start: int = 0) -> tuple[bytes, int]:
        """Decide packed requests from byte `start` on; see `packed.decide_packed`."""
        return packed.decide_packed(self, data, start)

    def expire(self, limit: int = limits.EXPIRIES_PER_TICK_MAX) -> int:
        """End at most `limit` reservations whose time is over, in the order of their wheel slots
        and, within a slot, of arming; then do what is due with orders (`decide.timers`), for
        `timers.most_at_once` of them. Returns how many things were done. What is free then goes to
        orders that wait."""
        state, done = self._state, 0
        now_tick = state.now_us // limits.WHEEL_TICK_US
        for tick in sorted(tick for tick in state.wheel if tick < now_tick):
            for seq in list(islice(state.wheel[tick], max(limit - done, 0))):
                self._record(ReservationExpired(seq))
                done += 1
        for _ in range(min(limit - done, timers.most_at_once(state))):
            events = timers.due(state)
            if not events:
                break
            for event in events:
                self._record(event)
            done += 1
        self._fill()
        return done

    def _fill(self) -> None:
        """Give what has come to those that wait for it, as many as this batch may look at."""
        waiting = self._state.waiting
        while self._looks and (pick := waiting.pick()):
            self._looks -= 1
            for event in fills.fill(self._state, pick):
                self._record(event)
            if pick.sku in waiting.due and fills.spent(self._state, pick.sku):
                waiting.end(pick.sku)

    def open_epoch(self, epoch: int, writer: str, software: str) -> None:
        """Record that a writer takes over; the first event of each epoch."""
        self._record(EpochOpened(epoch, writer, software))

    def drain(self) -> Batch:
        """Close the batch and return its records, empty when nothing changed."""
        state = self._state
        batch = Batch(state.now_us, self._first_seq, len(self._records), b"".join(self._records))
        if self._records:
            self._records = []
            state.stamp_us = state.now_us
            state.evict()
        self._first_seq = state.seq + 1
        return batch

    def _record(self, event: Event) -> None:
        effects.apply(self._state, event)
        self._records.append(records.encode(event))

    def _answer(self, event: Event) -> Any:
        state = self._state
        match event:
            case OrderPlaced():
                return told.order_first(state, state.orders[state.seq])
            case Reserved():
                return told.reservation_first(state, state.reservations[state.seq])
            case ReservationExtended() | ReservationReleased():
                entry = state.reservations[event.reservation]
                return told.reservation_now(state, entry, state.seq)
            case OrderChanged():
                return told.order_changed(state, state.orders[event.order])
            case OrderCancelled():
                return told.order_now(state, state.orders[event.order])
            case OrderShipped():
                return answers.shipment(event, state.seq, state)
            case StockMoved():
                return answers.document(event, state.seq, state)
            case LocationPut():
                return answers.location(state.locations[event.number].put, state.seq)
            case SkuPut():
                return answers.sku(state.skus[event.number].put, state.seq)
            case EntryPut():
                return state.registers.answer(event)
        raise LedgerError(f"no answer for {type(event).__name__}")

    # Replay.

    def apply(self, stamp_us: int, first_seq: int, body: bytes) -> None:
        """Apply one frame's records. `LedgerError` if they do not follow on this state, which is
        then of no more use."""
        state = self._state
        if (
            first_seq != state.seq + 1
            or not state.stamp_us < stamp_us <= limits.STAMP_US_MAX
            or self._records
        ):
            raise LedgerError(f"frame at seq {first_seq} does not follow seq {state.seq}")
        state.now_us = state.stamp_us = stamp_us
        self._first_seq = first_seq
        for record in records.split(body):
            try:
                effects.apply(state, records.decode(record))
            except (LookupError, ValueError, msgspec.MsgspecError) as error:
                raise LedgerError(f"event {state.seq} does not fit: {error!r}") from error
            self._first_seq = state.seq + 1
        state.waiting.fresh = True
        state.evict()

    def watch(self) -> None:
        """Note from now on which positions change, for `touched`."""
        self._state.touched = {}

    def touched(self) -> list[tuple[int, int, str]]:
        """Return (position, seq, kind of event) for each position changed since the last call,
        in the order of their last change, and forget them. Empty unless `watch` was called."""
        found = self._state.touched or {}
        if found:
            self._state.touched = {}
        return [(number, seq, kind.name.lower()) for number, (seq, kind) in found.items()]

    def next_expiry_us(self) -> int:
        """When the next wheel slot that holds something is over, or something is due with an
        order; 0 when nothing is to come."""
        state, wheel = self._state, self._state.wheel
        end_us = (min(wheel) + 1) * limits.WHEEL_TICK_US if wheel else 0
        return timers.first_due(
            end_us, timers.wake_us(state.lives, state.registers, state.waiting, state.now_us)
        )

    # The whole state.

    def dump(self) -> bytes:
        """Return the canonical bytes of the state (docs/snapshot-format.md). Equal states give
        equal bytes, whichever twin holds them and however they came about."""
        return dump.dump(self._state)

    @classmethod
    def load(cls, data: bytes, seed: bytes = b"") -> "Ledger":
        """Return a ledger with the dumped state; `LedgerError` if the bytes are damaged."""
        ledger = cls(seed)
        ledger._state = dump.load(data)
        ledger._first_seq = ledger._state.seq + 1
        return ledger

    def digest(self) -> str:
        """Return the digest of the canonical state, 32 hex digits."""
        return dump.digest(self.dump())


def _replayed(answer: Any, seq: int) -> Accepted:
    if isinstance(answer, bytes):
        answer = msgspec.json.decode(answer)
        answer["replayed"] = True
    else:
        answer.replayed = True
    return Accepted(answer, seq, replayed=True, created=False)
