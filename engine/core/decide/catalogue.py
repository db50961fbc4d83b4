"""Locations, SKUs and channels: what exists, what a bundle is made of, what a channel shows."""

import msgspec

from engine.core import answers, bundles, limits
from engine.core.commands import PutChannel, PutLocation, PutSku, Request
from engine.core.decide import Decision, Replay, cause_of, fences, refusals, refuse, validation
from engine.core.events import EntryPut, LocationPut, SkuPut
from engine.core.outcomes import Code, Fault, Refused
from engine.core.state import State

_json = msgspec.json.Encoder().encode


def _same_or_full(state: State, rows, number: int, put, answer, most: int, noun: str):
    """Return the replay of a put that is there already, or the refusal of one row too many."""
    if number < len(rows):
        known = rows[number]
        return Replay(answer(put, known.seq), known.seq) if known.put == put else None
    if number >= most:
        return refuse(state, Code.TABLE_FULL, f"there are {number} {noun}, the most allowed")
    return None


def put_location(state: State, request: Request) -> Decision:
    """Create or change a location; putting the same again is a replay."""
    put: PutLocation = request.command
    number = state.location_numbers.get(put.location, len(state.locations))
    done = _same_or_full(
        state, state.locations, number, put, answers.location, limits.LOCATIONS_MAX, "locations"
    )
    if done:
        return done
    return [LocationPut(cause_of(request), number, _json(put))]


def put_sku(state: State, request: Request) -> Decision:
    """Create or change a SKU; putting the same again is a replay."""
    put: PutSku = request.command
    number = state.sku_numbers.get(put.sku, len(state.skus))
    done = _same_or_full(state, state.skus, number, put, answers.sku, limits.SKUS_MAX, "SKUs")
    if done:
        return done
    known = state.skus[number] if number < len(state.skus) else None
    components = []
    for index, component in enumerate(put.components):
        child = state.sku_numbers.get(component.sku)
        path = f"components[{index}].sku"
        if child is None and component.sku != put.sku:
            return refusals.missing_sku(state, path, component.sku)
        components.append((number if child is None else child, component.quantity))
    wrong = _bundle_fault(state, number, components) if components else None
    wrong = wrong or (_oversubscribed(state, known, put) if known else None)
    if put.backorderable or components:
        path = "backorderable" if put.backorderable else "components"
        wrong = wrong or fences.fenced(state, put.sku, path)
    if wrong:
        return wrong
    cause, parts = cause_of(request), tuple(components)
    known_now = [] if put.provisional else validation.known(state, put.sku)
    return [*known_now, SkuPut(cause, number, put.backorderable, parts, _json(put))]


def put_channel(state: State, request: Request) -> Decision:
    """Create or change a channel; putting the same again is a replay."""
    put: PutChannel = request.command
    channels = state.registers.channels
    number = channels.numbers.get(put.channel, len(channels.rows))
    done = _same_or_full(
        state, channels.rows, number, put, channels.answer, channels.most, "channels"
    )
    if done:
        return done
    for path, name, numbers, refusal in _named(state, put):
        if numbers.get(name) is None:
            return refusal(state, path, name)
    if put.policy is not None and state.registers.policies.find(put.policy) is None:
        return refusals.unknown_policy(state, "policy", put.policy)
    return [EntryPut(cause_of(request), channels.code, number, _json(put))]


def _named(state: State, put: PutChannel):
    """Yield what a channel names: path, name, table of numbers, refusal if it is not there."""
    places = state.location_numbers, refusals.missing_location
    skus = state.sku_numbers, refusals.missing_sku
    for index, name in enumerate(put.locations or ()):
        yield f"locations[{index}]", name, *places
    for at, buffer in enumerate(put.buffers):
        for index, name in enumerate(buffer.skus):
            yield f"buffers[{at}].skus[{index}]", name, *skus
        for index, name in enumerate(buffer.locations):
            yield f"buffers[{at}].locations[{index}]", name, *places


_BUNDLE_FAULTS = {
    Code.DUPLICATE_LINE: (
        "a component stands in one line only; add its quantities up",
        Fault("components", "duplicate SKU"),
    ),
    Code.BUNDLE_CYCLE: (
        "a bundle cannot contain itself",
        Fault("components", "contains this SKU"),
    ),
    Code.BUNDLE_HAS_STOCK: (
        "this SKU has positions of its own; give the bundle a new SKU",
        Fault("components", "SKU has stock of its own"),
    ),
    Code.BUNDLE_TOO_DEEP: (
        f"bundles nest {limits.BUNDLE_DEPTH_MAX} deep at most",
        Fault("components", "too deep"),
    ),
}


def _bundle_fault(state: State, number: int, components) -> Refused | None:
    code = bundles.fault(state.skus, number, [child for child, _ in components])
    if code is None:
        return None
    detail, fault = _BUNDLE_FAULTS[code]
    return refuse(state, code, detail, fault)


def _oversubscribed(state: State, known, put: PutSku) -> Refused | None:
    if put.backorderable or not known.put.backorderable:
        return None
    for number in known.positions:
        position = state.positions[number]
        if position.available < 0:
            return refuse(
                state,
                Code.PROMISED_STOCK,
                "more is promised than is there; receive or cancel before ending backorders",
                Fault(
                    "backorderable",
                    "promised beyond on_hand",
                    sku=put.sku,
                    location=state.location_name(position.location),
                    available=position.available,
                ),
            )
    return None
