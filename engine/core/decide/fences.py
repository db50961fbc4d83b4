"""Fences: units of a SKU are set aside for one channel (`core.fences`). Both twins decide by
this."""

from datetime import UTC, datetime

import msgspec

from engine.core import actors, limits
from engine.core.commands import Request
from engine.core.decide import Decision, Replay, cause_of, refusals, refuse
from engine.core.events import Cause, EntryPut, Event
from engine.core.fence_commands import PutFence
from engine.core.fences import Fence, Status
from engine.core.outcomes import Code, Fault, Refused
from engine.core.state import State

_json = msgspec.json.Encoder().encode
_TIMER = Cause(actor=actors.TIMER)


def put_fence(state: State, request: Request) -> Decision:
    """Set units aside, more or fewer than before, or none; putting the same again is a replay."""
    put: PutFence = request.command
    fences = state.registers.fences
    known = fences.find((put.channel, put.sku, put.location or ""))
    if known and known.put.put == put:
        return Replay(fences.answer(known.put, known.seq), known.seq)
    wrong = _unknown(state, put) or _unfit(state, put)
    if wrong:
        return wrong
    number = len(fences.rows) if known is None else fences.numbers[known.put.fence]
    if number >= fences.most:
        return refusals.full(state, "fences")
    sku = state.sku_numbers.get(put.sku)
    place = None if put.location is None else state.location_numbers.get(put.location)
    status = _status(put, state.now_us)
    if status != "ended":
        others = fences.of_sku.get(sku, set()) - {number}
        wrong = _crowded(state, put, others)
        if wrong:
            return wrong
    entry = Fence(put, status, sku, place)
    return [EntryPut(cause_of(request), fences.code, number, _json(entry))]


def _status(put: PutFence, now_us: int) -> Status:
    now = datetime.fromtimestamp(now_us // 1_000_000, UTC).replace(microsecond=now_us % 1_000_000)
    if not put.quantity or (put.ends_at is not None and put.ends_at <= now):
        return "ended"
    return "open" if put.starts_at is None or put.starts_at <= now else "pending"


def _unknown(state: State, put: PutFence) -> Refused | None:
    if state.registers.channels.find(put.channel) is None:
        return refuse(
            state,
            Code.UNKNOWN_CHANNEL,
            f"channel {put.channel!r} does not exist; put it first",
            Fault("channel", "unknown channel"),
        )
    if state.sku_numbers.get(put.sku) is None:
        return refusals.missing_sku(state, "sku", put.sku)
    if put.location is not None and state.location_numbers.get(put.location) is None:
        return refusals.missing_location(state, "location", put.location)
    return None


def _unfit(state: State, put: PutFence) -> Refused | None:
    """A bundle has no units of its own, and what is sold without end is kept from nobody."""
    sku = state.skus[state.sku_numbers.get(put.sku)]
    if not sku.components and not sku.put.backorderable:
        return None
    what = "a bundle has no units of its own; set its parts aside"
    if not sku.components:
        what = "a backorderable SKU is sold beyond what is there; nothing of it can be set aside"
    return refuse(state, Code.FENCED_SKU, what, Fault("sku", "cannot be set aside", sku=put.sku))


def _crowded(state: State, put: PutFence, others: set[int]) -> Refused | None:
    rows = [state.registers.fences.rows[number].put for number in others]
    if len(rows) >= limits.FENCES_PER_SKU_MAX:
        return refusals.full(state, f"fences of SKU {put.sku!r}")
    mine = [one for one in rows if one.put.channel == put.channel]
    if any((one.place is None) != (put.location is None) for one in mine):
        return refuse(
            state,
            Code.FENCES_MIXED,
            "a channel has one fence over all locations of a SKU, or some bound to a location; "
            "end the others first",
            Fault("location", "fences of both kinds", sku=put.sku),
        )
    return None


def fenced(state: State, sku: str, path: str) -> Refused | None:
    """Refuse to make something else of a SKU of which units are set aside, or will be."""
    number = state.sku_numbers.get(sku)
    if number is None or number not in state.registers.fences.of_sku:
        return None
    return refuse(
        state,
        Code.FENCED_SKU,
        "units of this SKU are set aside for a channel; end its fences first",
        Fault(path, "units are set aside", sku=sku),
    )


def due(state: State) -> list[Event]:
    """Return the event by which the fence opens or ends whose time has come first, none if none
    has."""
    fences = state.registers.fences
    due_us, number = fences.timers.first()
    if not due_us or due_us > state.now_us:
        return []
    entry = fences.rows[number].put
    after = msgspec.structs.replace(entry, status=_status(entry.put, state.now_us))
    return [EntryPut(_TIMER, fences.code, number, _json(after))]
