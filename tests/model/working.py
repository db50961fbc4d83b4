"""Random steps of fulfillments that follow up what a state holds."""

from random import Random

from engine.core import fulfillment_commands as f
from engine.core.answers import fulfillment_id
from engine.core.fulfillment_life import OPEN
from engine.core.sends import sends_of
from tests.model.changes import known_order

_NEXT = {
    "requested": (f.AcceptFulfillment, f.AcceptFulfillment, f.RejectFulfillment, f.PickFulfillment),
    "accepted": (f.PickFulfillment, f.PickFulfillment, f.RejectFulfillment, f.PickShort),
    "picking": (f.PackFulfillment, f.PackFulfillment, f.PickShort),
    "packed": (f.ShipFulfillment, f.ShipFulfillment, f.ReadyFulfillment, f.PickShort),
    "ready_for_pickup": (f.HandOver,),
    "shipped": (f.DeliverFulfillment,),
}
_ALL = (*(kind for kinds in _NEXT.values() for kind in kinds), f.CancelFulfillment)


def release(rng: Random, state) -> f.ReleaseOrder:
    """Draw a release of an order, of all or one location of it."""
    location = None
    if rng.random() < 0.2 and state.locations:
        location = state.location_name(rng.randrange(len(state.locations)))
    able = [order.event for order in state.orders.values() if order.status in (1, 2, 6)]
    name = known_order(rng, state)
    if able and rng.random() < 0.9:
        one = rng.choice(able)
        name = one.channel, one.order_id
    return f.ReleaseOrder(
        *name,
        f"w{rng.randint(0, 30)}",
        location,
        rng.choice((None, 1, 10)),
        rng.random() < 0.15,
    )


def wave(rng: Random, state) -> f.ReleaseWave:
    """Draw a wave of a few orders, or of those of one channel or location."""
    location = None
    if rng.random() < 0.3 and state.locations:
        location = state.location_name(rng.randrange(len(state.locations)))
    return f.ReleaseWave(
        f"w{rng.randint(0, 60)}",
        rng.choice((None, None, "web", "shop")),
        location,
        limit=rng.choice((1, 3)),
        after=rng.choice((0, 0, state.seq // 2)),
    )


def _one(rng: Random, state):
    """Draw the id of a fulfillment and what it is, mostly an open one."""
    found = [
        (fulfillment_id(order.seq, number), one)
        for order in state.orders.values()
        for number, one in state.lives.of(order.seq).work.items()
        if one.status in (*OPEN, "shipped") or rng.random() < 0.1
    ]
    if found and rng.random() < 0.97:
        return rng.choice(found)
    return rng.choice(("1-1", "none", "7-2")), None


def _skus(rng: Random, state, one) -> list[tuple[str, int]]:
    """Draw some SKUs of a fulfillment, and units of each."""
    if one is None or not one.units:
        return [("red", 1)]
    keys = rng.sample(sorted(one.units), rng.randint(1, min(2, len(one.units))))
    found = {}
    for key in keys:
        sku = state.position_sku_name(key[1])
        found[sku] = rng.choice((1, 1, one.units[key], one.units[key] + (rng.random() < 0.1)))
    return list(found.items())


def step(rng: Random, state):
    """Draw a release, or a step of a fulfillment."""
    if rng.random() < 0.35:
        return release(rng, state) if rng.random() < 0.8 else wave(rng, state)
    name, one = _one(rng, state)
    kinds = _NEXT.get(one.status, _ALL) if one is not None else _ALL
    kind = rng.choice(kinds if rng.random() < 0.9 else _ALL)
    named = _skus(rng, state, one)
    packages = ()
    if rng.random() < 0.2:
        lines = tuple(f.PackageLine(sku, units) for sku, units in named)
        packages = (f.Package(rng.choice("ab"), rng.choice((None, 90)), lines=lines),)
    lines = tuple(f.FulfillmentLine(sku, units) for sku, units in named)
    lines = lines if rng.random() < 0.3 else None
    shipment = f"s{rng.randint(0, 40)}"
    match kind:
        case f.RejectFulfillment | f.CancelFulfillment:
            return kind(name, "no time")
        case f.PackFulfillment:
            return kind(name, packages)
        case f.PickShort:
            lost = tuple(f.ShortLine(sku, units) for sku, units in named)
            return kind(name, f"x{rng.randint(0, 40)}", lost, rng.choice((None, "broken")))
        case f.ShipFulfillment:
            return kind(name, shipment, lines, rng.choice((None, "dhl")), packages=packages)
        case f.HandOver:
            return kind(name, shipment, lines)
    return kind(name)


def miscounts(state) -> list[str]:
    """Say which locations do not count the open orders that they are to send on their day."""
    found: dict[int, int] = {}
    for order in state.orders.values():
        for place, day in sends_of(order.event) if not order.closed_us else ():
            found[place] = found.get(place, 0) + (day == state.loads.get(place, (0, 0))[0])
    return [
        f"{state.location_name(place)} counts {state.loads[place]}, and {units} orders are open"
        for place, units in found.items()
        if units > state.loads.get(place, (0, 0))[1]
    ]


def faults(state, foreign: set[int]) -> list[str]:
    """Say which open fulfillments have units that their order does not hold, and which are on no
    work list. `foreign` orders were changed by a writer that knows no fulfillments."""
    found, listed = [], set()
    for _, seq, number in state.lives.worklist.page(None, -1, 1 << 20):
        listed.add((seq, number))
    for order in state.orders.values():
        held: dict[tuple[int, int], int] = {}
        for index, (line, left) in enumerate(zip(order.event.lines, order.takes, strict=True)):
            for take, units in zip(line.takes, left, strict=True):
                held[index, take.position] = held.get((index, take.position), 0) + units
        for one in state.lives.of(order.seq).open:
            if (order.seq, one.number) not in listed:
                found.append(f"{order.seq}-{one.number} is on no list")
            listed.discard((order.seq, one.number))
            for key, units in one.units.items():
                held[key] = held.get(key, 0) - units
        if order.seq not in foreign and min(held.values(), default=0) < 0:
            found.append(f"order {order.seq} does not hold what is worked on")
    return found + [f"{row} is listed and not open" for row in listed]
