"""An order is routed again: whatever changes its locations after it was placed. Both twins decide
by this.

It goes by the policy and strategy that routed the order last, as the policy is now; an order that
none has routed goes by its channel's, as an order of today would. So each later decision passes the
same filters and counts the same costs as the first, and leaves a receipt, in the change's note. A
note also says which locations count the order from then on (`core.sends`).
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

import msgspec
from msgspec import UNSET

from engine.core import kept
from engine.core.decide.allotment import Allotment, Source
from engine.core.decide.routing import Routed
from engine.core.events import OrderPlaced
from engine.core.lives import Life, Note, note_bytes
from engine.core.order_life import CLOSED
from engine.core.routing import slip
from engine.core.routing.costs import Ask
from engine.core.sends import sends_of
from engine.core.state import Order, State

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_US = timedelta(microseconds=1)


def source_again(
    state: State,
    order: Order,
    own: dict[int, int] | None = None,
    shut: Mapping[int, str] | None = None,
    *,
    first: bool = False,
    document: bytes = b"",
) -> Source:
    """Return what an order is allotted from anew. `own` are units by position that it gives up for
    that, `shut` locations that are not asked, each with one of `slip.REASONS`; with `first`
    nothing of it is owed to others. `document` is the order's, if that changes."""
    event = order.event
    found = policy_of(state, event)
    if found is None:
        return Source(state, own, shut, channel=event.channel, first=first, holder=order.seq)
    number, strategy = found
    known = kept.read(document or event.document)
    due, rows = known.required_by, zip(event.lines, order.cancelled, strict=True)
    ask = Ask(
        event.channel,
        [],
        known.ship_to,
        state.now_us,
        None if due is None else (due - _EPOCH) // _US,
        strategy,
        sum((line.quantity - cut) * max(line.unit_price, 0) for line, cut in rows),
        len(places_of(state, left(order, own))),
    )
    policy = state.registers.policies.tables[number]
    return Routed(
        state,
        policy,
        number,
        ask,
        own,
        shut,
        first=first,
        holder=order.seq,
        sends=sends_of(event),
    )


def policy_of(state: State, event: OrderPlaced) -> tuple[int, str | None] | None:
    """Return (number, strategy) of the policy that an order is routed by now; None: by none."""
    policies = state.registers.policies
    if event.receipt:
        told = slip.unpack(event.receipt)
        known = told.strategy in policies.tables[told.policy].strategies
        return told.policy, told.strategy if known else None
    channel = state.registers.channels.find(event.channel)
    number = policies.numbers.get(channel.put.policy) if channel else None
    return None if number is None else (number, None)


def held_units(order: Order) -> dict[int, int]:
    """Return the units that an order holds, by position."""
    if not isinstance(order, Order):
        return order.held_units()
    held: dict[int, int] = {}
    for line, takes in zip(order.event.lines, order.takes, strict=True):
        for take, units in zip(line.takes, takes, strict=True):
            if units:
                held[take.position] = held.get(take.position, 0) + units
    return held


def routed(order: Order, source: Source | None) -> bool:
    """Say whether a policy has routed an order, or does now."""
    return bool(order.event.receipt) or _receipt(source) is not UNSET


def left(order: Order, own: dict[int, int] | None) -> set[int]:
    """Return the positions of which an order holds units still, without those in `own`."""
    held = held_units(order)
    return {number for number, units in held.items() if units > (own or {}).get(number, 0)}


def places_of(state: State, positions: Iterable[int], opened=()) -> set[int]:
    """Return the numbers of the locations of these positions, of which some are to be opened."""
    fresh = {event.number: event.location for event in opened}
    return {
        fresh[number] if number in fresh else state.positions[number].location
        for number in positions
    }


def complete(source: Source, plan: Allotment) -> bool:
    """Say whether a plan may be taken. If not, because its strategy wants all or nothing, let the
    receipt say so."""
    if not isinstance(source, Routed) or not source.strategy.complete or not plan.short:
        return True
    source.wait()
    return False


def unmoved(source: Source | None) -> Source | None:
    """Return a source that has found nothing, None if what it found is not taken."""
    return source if isinstance(source, Routed) and not source.slip.chosen else None


def noted(
    state: State,
    order: Order,
    note: Note,
    held: Iterable[int] | None,
    source: Source | None = None,
    opened=(),
    status: int = 0,
) -> bytes:
    """Return a note's bytes, with the receipt of what `source` chose, if it did, and with what the
    order counts as where that changes. `held` are the positions of which it holds units then (None:
    as before), `opened` the events of those that are new; `status` is the one it comes to."""
    receipt = _receipt(source)
    note = with_receipt(note, source)
    if held is not None and status not in CLOSED and routed(order, source):
        sends = sends_left(state, order, held, opened)
        if receipt is not UNSET:
            sends = tuple((dict(sends) | dict(slip.sends_of(receipt))).items())
        if sends != sends_of(order.event):
            note = msgspec.structs.replace(note, sends=sends)
    return note_bytes(note)


def with_receipt(note: Note, source: Source | None) -> Note:
    """Return a note with the receipt of what `source` chose, if it did."""
    receipt = _receipt(source)
    if receipt is UNSET:
        return note
    return msgspec.structs.replace(note, receipt=slip.pack(receipt))


def _receipt(source: Source | None):
    if isinstance(source, Routed) and source.slip.demands:
        return source.slip
    return UNSET


def sends_left(
    state: State, order: Order, held: Iterable[int], opened=()
) -> tuple[tuple[int, int], ...]:
    """Return what an order counts as of which units at these positions are left: at a location that
    has lost all of them it counts no more, unless something of it has left from there."""
    before, after = places_of(state, left(order, None)), places_of(state, held, opened)
    life = state.lives.of(order.seq)
    return tuple(
        (place, day)
        for place, day in sends_of(order.event)
        if place in after or place not in before or _has_left(life, place)
    )


def _has_left(life: Life, place: int) -> bool:
    return any(one.location == place and one.shipments for one in life.work.values())


def positions_of(takes: Iterable[Mapping[int, int]]) -> set[int]:
    """Return the positions of lines' takes, given as units by position."""
    return {number for row in takes for number, units in row.items() if units}
