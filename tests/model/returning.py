"""Random steps of returns that follow up what a state holds."""

from random import Random

from engine.core import return_commands as rc
from engine.core.notes.returns import LIVE
from tests.model.changes import known_order

_WORDS = ("restock", "damaged", "quality_control", "scrap")


def _shipped(rng: Random, state) -> tuple[str, str]:
    """Draw the name of an order, mostly of one of which something has left."""
    able = [order.event for order in state.orders.values() if any(order.shipped)]
    if able and rng.random() < 0.9:
        one = rng.choice(able)
        return one.channel, one.order_id
    return known_order(rng, state)


def _live(rng: Random, state, statuses: tuple[str, ...] = LIVE) -> tuple[str, str, str, object]:
    """Draw the names of a return, mostly of one in these statuses, and what it is."""
    found = [
        (order.event.channel, order.event.order_id, name, one)
        for order in state.orders.values()
        for name, one in state.lives.of(order.seq).returns.items()
        if one.status in statuses or rng.random() < 0.1
    ]
    if found and rng.random() < 0.95:
        return rng.choice(found)
    return *known_order(rng, state), f"rma{rng.randint(0, 3)}", None


def _place(rng: Random, state) -> str:
    if not state.locations or rng.random() < 0.03:
        return "nowhere"
    return state.location_name(rng.randrange(len(state.locations)))


def opened(rng: Random, state) -> rc.OpenReturn:
    """Draw a return: of everything, or of some units of lines, bundles or their parts."""
    name = _shipped(rng, state)
    order = state.orders.get(state.order_seqs.get(name, 0))
    lines = None
    if order and rng.random() < 0.6:
        asked = [(state.sku_name(line.sku), line.line_id or None) for line in order.event.lines]
        asked += [(state.sku_name(n), None) for n in range(len(state.skus)) if rng.random() < 0.1]
        lines = tuple(
            rc.ReturnLine(
                sku,
                rng.choice((1, 1, 1, 2, 4)),
                name_ if rng.random() < 0.5 else None,
                rng.choice((None, "worn ☕")),
            )
            for sku, name_ in rng.sample(asked, rng.randint(1, min(3, len(asked))))
        )
    instead = None
    if rng.random() < 0.3 and state.skus:
        sku = state.sku_name(rng.randrange(len(state.skus)))
        other = rc.ExchangeLine(sku, rng.randint(1, 2), rng.choice((None, 5)))
        leaves = rng.choice(("now", "received"))
        instead = rc.Exchange(f"o{rng.randint(70, 99)}", (other,), leaves)
    return rc.OpenReturn(
        *name, f"rma{rng.randint(0, 3)}", "too small", lines, rng.random() < 0.3, instead
    )


def received(rng: Random, state) -> rc.ReceiveReturn:
    """Draw what arrives: mostly what is expected, sometimes something else."""
    channel, order_id, name, one = _live(rng, state, ("approved", "received"))
    lines = []
    for (_, sku), units in one.expected.items() if one else ():
        lines.append(
            rc.ReturnedLine(state.sku_name(sku), max(1, units + rng.choice((-1, 0, 0, 1))))
        )
    if not lines or rng.random() < 0.1:
        sku = state.sku_name(rng.randrange(len(state.skus))) if state.skus else "red"
        lines.append(rc.ReturnedLine(sku, 1))
    step = f"in{rng.randint(0, 9)}"
    return rc.ReceiveReturn(channel, order_id, name, step, _place(rng, state), tuple(lines[:3]))


def inspected(rng: Random, state) -> rc.InspectReturn:
    """Draw what becomes of units that wait to be inspected, or of others."""
    waiting = [
        (order.event.channel, order.event.order_id, name, place, sku, units)
        for order in state.orders.values()
        for name, one in state.lives.of(order.seq).returns.items()
        for (place, sku), units in one.waiting.items()
    ]
    step = f"look{rng.randint(0, 9)}"
    if not waiting or rng.random() < 0.05:
        channel, order_id, name, _ = _live(rng, state)
        line = rc.InspectedLine("red", 1, "restock")
        return rc.InspectReturn(channel, order_id, name, step, _place(rng, state), (line,))
    channel, order_id, name, place, sku, units = rng.choice(waiting)
    lines, left = [], units
    while left > 0 and len(lines) < 3:
        count = rng.randint(1, left)
        reason = rng.choice((None, "torn"))
        lines.append(rc.InspectedLine(state.sku_name(sku), count, rng.choice(_WORDS), reason))
        left -= count
    where = state.location_name(place)
    return rc.InspectReturn(channel, order_id, name, step, where, tuple(lines))


def decided(rng: Random, state) -> rc.ReturnCommand:
    """Draw an approval, a rejection, a refund or a closing."""
    verb = rng.random()
    *name, _ = _live(rng, state, ("requested",) if verb < 0.6 else LIVE)
    if verb < 0.6:
        return rc.ApproveReturn(*name, rng.choice((None, "dhl")), rng.choice((None, "T-1")))
    if verb < 0.7:
        return rc.RejectReturn(*name, "worn")
    if verb < 0.85:
        money = rng.choice((None, "EUR"))
        return rc.RefundReturn(*name, f"m{rng.randint(0, 5)}", rng.randint(0, 999), money)
    return rc.CloseReturn(*name, rng.choice((None, "lost")))


_DRAWERS = (opened, opened, received, received, inspected, inspected, decided, decided)


def step(rng: Random, state) -> rc.ReturnCommand:
    """Draw one step of a return."""
    return rng.choice(_DRAWERS)(rng, state)
