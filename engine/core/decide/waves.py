"""Waves: many orders are released at once, the oldest first. Both twins decide by this."""

import msgspec

from engine.core import kept, limits
from engine.core.commands import Request
from engine.core.decide import Decision, Replay, cause_of, conflict, fulfillments, refusals
from engine.core.events import EntryPut, OrderChanged
from engine.core.fulfillment_commands import ReleaseOrder, ReleaseWave
from engine.core.outcomes import Refused
from engine.core.state import Order, State
from engine.core.waves import Wave

_json = msgspec.json.Encoder().encode
_STATUSES = frozenset(map(int, fulfillments.RELEASABLE))


def wave(state: State, request: Request) -> Decision:
    """Release orders until there are `limit`, or enough were looked at."""
    command: ReleaseWave = request.command
    waves, cause = state.registers.waves, cause_of(request)
    known = waves.find(command.wave_id)
    if known is not None:
        if known.put.fingerprint != cause.fingerprint:
            return conflict(state, "wave_id", command.wave_id)
        return Replay(waves.answer(known.put, known.seq), known.seq)
    place = None
    if command.location is not None:
        place = state.location_numbers.get(command.location)
        if place is None:
            return refusals.missing_location(state, "location", command.location, hint="")
    # The answer to a key is that of the last event.
    first = msgspec.structs.replace(request, key="")
    most, scan = limits.WAVE_LOOKS_MAX, limits.WAVE_SCAN_MAX
    seqs, last = state.orders_behind(command.after, _STATUSES, most, scan)
    events, names = [], []
    for at, seq in enumerate(seqs):
        event = _released(state, first, command, state.order_row(seq))
        if event is None:
            continue
        events.append(event)
        order = state.order_row(seq).event
        names.append((order.channel, order.order_id))
        if len(names) == command.limit and (last is not None or at + 1 < len(seqs)):
            last = seq
            break
    found = Wave(command.wave_id, cause.fingerprint, tuple(names), last)
    return [*events, EntryPut(cause, waves.code, waves.next_number, _json(found))]


def _released(
    state: State, request: Request, command: ReleaseWave, order: Order
) -> OrderChanged | None:
    """Return the event that releases an order, if the wave is to have it. One of which units lie at
    closed locations is left to be released by itself: it is routed anew."""
    if command.channel not in (None, order.event.channel):
        return None
    if command.required_by is not None:
        required_by = kept.read(order.event.document).required_by
        if required_by is None or required_by > command.required_by:
            return None
    one = ReleaseOrder(
        order.event.channel,
        order.event.order_id,
        command.wave_id,
        command.location,
        command.accept_minutes,
    )
    if ("release", command.wave_id) in state.lives.of(order.seq).done:
        return None
    decision = fulfillments.release(state, msgspec.structs.replace(request, command=one))
    if isinstance(decision, Refused | Replay) or len(decision) > 1 or decision[0].lines:
        return None
    return decision[0]
