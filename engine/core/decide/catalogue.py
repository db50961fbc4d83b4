"""Locations, SKUs and channels: what exists, what a bundle is made of, what a channel shows."""

import msgspec

from engine.core import answers, bundles, limits
from engine.core.commands import PutChannel, PutLocation, PutSku, Request
from engine.core.decide import Decision, Replay, cause_of, refuse
from engine.core.events import ChannelPut, LocationPut, SkuPut
from engine.core.outcomes import Code, Fault, Refused
from engine.core.state import State

_json = msgspec.json.Encoder().encode


def put_location(state: State, request: Request) -> Decision:
    """Create or change a location; putting the same again is a replay."""
    put: PutLocation = request.command
    number = state.location_numbers.get(put.location, len(state.locations))
    if number < len(state.locations):
        known = state.locations[number]
        if known.put == put:
            return Replay(answers.location(put, known.seq), known.seq)
    elif number >= limits.LOCATIONS_MAX:
        return refuse(state, Code.TABLE_FULL, f"there are {number} locations, the most allowed")
    return [LocationPut(cause_of(request), number, _json(put))]


def put_sku(state: State, request: Request) -> Decision:
    """Create or change a SKU; putting the same again is a replay."""
    put: PutSku = request.command
    number = state.sku_numbers.get(put.sku, len(state.skus))
    known = state.skus[number] if number < len(state.skus) else None
    if known and known.put == put:
        return Replay(answers.sku(put, known.seq), known.seq)
    if not known and number >= limits.SKUS_MAX:
        return refuse(state, Code.TABLE_FULL, f"there are {number} SKUs, the most allowed")
    components = []
    for index, component in enumerate(put.components):
        child = state.sku_numbers.get(component.sku)
        path = f"components[{index}].sku"
        if child is None and component.sku != put.sku:
            return refuse(
                state,
                Code.UNKNOWN_SKU,
                f"SKU {component.sku!r} does not exist; put it first",
                Fault(path, "unknown SKU", sku=component.sku),
            )
        components.append((number if child is None else child, component.quantity))
    wrong = _bundle_fault(state, number, components) if components else None
    wrong = wrong or (_oversubscribed(state, known, put) if known else None)
    if wrong:
        return wrong
    return [SkuPut(cause_of(request), number, put.backorderable, tuple(components), _json(put))]


def put_channel(state: State, request: Request) -> Decision:
    """Create or change a channel; putting the same again is a replay."""
    put: PutChannel = request.command
    number = state.channel_numbers.get(put.channel, len(state.channels))
    if number < len(state.channels):
        known = state.channels[number]
        if known.put == put:
            return Replay(answers.channel(put, known.seq), known.seq)
    elif number >= limits.CHANNELS_MAX:
        return refuse(state, Code.TABLE_FULL, f"there are {number} channels, the most allowed")
    for path, name, numbers, code in _named(state, put):
        if numbers.get(name) is None:
            noun = "SKU" if code is Code.UNKNOWN_SKU else "location"
            fault = {"sku" if code is Code.UNKNOWN_SKU else "location": name}
            detail = f"{noun} {name!r} does not exist; put it first"
            return refuse(state, code, detail, Fault(path, f"unknown {noun}", **fault))
    return [ChannelPut(cause_of(request), number, _json(put))]


def _named(state: State, put: PutChannel):
    """Yield what a channel names: path, name, table of numbers, code if it is not there."""
    places, skus = state.location_numbers, state.sku_numbers
    for index, name in enumerate(put.locations or ()):
        yield f"locations[{index}]", name, places, Code.UNKNOWN_LOCATION
    for at, buffer in enumerate(put.buffers):
        for index, name in enumerate(buffer.skus):
            yield f"buffers[{at}].skus[{index}]", name, skus, Code.UNKNOWN_SKU
        for index, name in enumerate(buffer.locations):
            yield f"buffers[{at}].locations[{index}]", name, places, Code.UNKNOWN_LOCATION


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
