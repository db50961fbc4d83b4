"""Random edits, merges and splits that follow up what a state holds."""

from datetime import UTC, datetime
from random import Random

from engine.core import commands as c
from engine.core import order_commands as oc
from engine.core.fact_commands import TellFact
from engine.core.order_life import BY_UNITS
from engine.core.ranks import turn_of

_OPEN = BY_UNITS[:3]  # of which nothing has left


def known_order(rng: Random, state) -> tuple[str, str]:
    """Draw the name of an order, of one that is there if any is."""
    return rng.choice(sorted(state.order_seqs) or [("web", "o1")])


def _lines(rng: Random, state, name: tuple[str, str]) -> list[tuple[str, str | None]]:
    """Draw some lines of an order, by SKU and id as a caller would name them."""
    order = state.orders.get(state.order_seqs.get(name, 0))
    lines = order.event.lines if order else ()
    named = [
        (state.sku_name(line.sku), line.line_id or None if rng.random() < 0.7 else None)
        for line in lines
    ]
    return rng.sample(named, rng.randint(0, min(3, len(named))))


def edit(rng: Random, state) -> oc.EditOrder:
    """Draw an edit: lines with fewer or more units, new ones, prices, another address."""
    name = known_order(rng, state)
    lines = [
        oc.EditLine(
            sku, rng.choice((None, 0, 1, 2, 3, 5, 8)), line_id, rng.choice((None, None, 0, 1_250))
        )
        for sku, line_id in _lines(rng, state, name)
    ]
    if rng.random() < 0.3 and state.skus:
        sku = state.sku_name(rng.randrange(len(state.skus)))
        location = None
        if state.locations and rng.random() < 0.3:
            location = state.location_name(rng.randrange(len(state.locations)))
        lines.append(oc.EditLine(sku, rng.randint(1, 4), rng.choice((None, "n1")), 99, location))
    address = None
    if rng.random() < 0.3:
        where = {"latitude": rng.choice((50.0, 41.0)), "longitude": rng.choice((3.7, 29.0))}
        address = c.Address(city=rng.choice(("Ghent", "İzmir")), **where)
    order = state.orders.get(state.order_seqs.get(name, 0))
    return oc.EditOrder(
        *name,
        f"e{rng.randint(0, 9)}",
        tuple(lines),
        ship_to=address,
        note=rng.choice((None, None, "ring twice")),
        priority=rng.choice((None, None, None, 0, 5)),
        when_short=rng.choice(("refuse", "backorder", "backorder", "split", "complete")),
        expected_seq=order.changed_seq if order and rng.random() < 0.2 else None,
        reason=rng.choice((None, "customer called")),
    )


def fact(rng: Random, state) -> TellFact:
    """Draw a fact, of an order that is there or may come."""
    name = known_order(rng, state)
    if rng.random() < 0.5:
        name = (rng.choice(("web", "shop", "market")), f"o{rng.randint(0, 60)}")
    where = {"latitude": rng.choice((50.0, 41.0)), "longitude": rng.choice((3.7, 29.0))}
    country = rng.choice(("BE", "TR", None))
    said = rng.choice(
        (
            {"payment": rng.choice(("paid", "pending", "authorized", "refunded"))},
            {"payment": "paid", "note": "gift"},
            {"ship_to": c.Address(city="Ghent", postcode="9000", country=country, **where)},
            {"customer": "Ada", "required_by": datetime(2026, 12, rng.randint(1, 9), tzinfo=UTC)},
            {"cancelled": True, "reason": rng.choice((None, "changed mind"))},
            {},
        )
    )
    return TellFact(*name, f"f{rng.randint(0, 9)}", rng.randint(0, 3), **said)


def merge(rng: Random, state) -> oc.MergeOrders:
    """Draw a merge of two orders of a channel, mostly of such as may become one."""
    able = [order.event for order in state.orders.values() if order.status in _OPEN]
    pairs = [
        (one, other)
        for one in able
        for other in able
        if one is not other and (one.channel, one.document) == (other.channel, other.document)
    ]
    name = f"m{rng.randint(0, 9)}"
    if pairs and rng.random() < 0.7:
        one, other = rng.choice(pairs)
        return oc.MergeOrders(one.channel, one.order_id, name, other.order_id)
    channel, order_id = known_order(rng, state)
    others = [known for place, known in sorted(state.order_seqs) if place == channel]
    return oc.MergeOrders(channel, order_id, name, rng.choice(others or ["o2"]))


def reallocate(rng: Random, state) -> oc.Reallocate | c.PlaceOrder:
    """Draw a reallocation, mostly to an order that waits, and of these to one that comes first; or
    the order that one could be for."""
    orders = [state.orders[seq] for seq in sorted(state.waiting.entries)]
    events = [order.event for order in orders if order.status in BY_UNITS[1:3]]
    if rng.random() < (0.2 if events else 0.6) and (urgent := _urgent(rng, state)):
        return urgent
    name = known_order(rng, state)
    if events and rng.random() < 0.9:
        first = min(events, key=lambda event: turn_of(event.document))
        event = rng.choice((first, first, rng.choice(events)))
        name = (event.channel, event.order_id)
    return oc.Reallocate(*name, f"r{rng.randint(0, 9)}", rng.choice((0, 0, 24, 300)))


def _urgent(rng: Random, state) -> c.PlaceOrder | None:
    """Draw an order that comes before others and wants a little more than they have left."""
    held = {
        line.sku
        for order in state.orders.values()
        if order.status in BY_UNITS[:2]
        for line in order.event.lines
        if state.free_units(line.sku) < 10_000
    }
    if not held:
        return None
    sku = rng.choice(sorted(held))
    units = state.free_units(sku) + rng.randint(1, 3)
    return c.PlaceOrder(
        order_id=f"u{rng.randint(0, 30)}",
        channel=rng.choice(("web", "shop")),
        lines=(c.OrderLine(state.sku_name(sku), units),),
        when_short="backorder",
        priority=9,
    )


def split(rng: Random, state) -> oc.SplitOrder:
    """Draw a split: of what waits, or of some units of some lines."""
    name = known_order(rng, state)
    lines = None
    if rng.random() < 0.7:
        lines = tuple(
            oc.SplitLine(sku, rng.randint(1, 3), line_id)
            for sku, line_id in _lines(rng, state, name)
        )
    return oc.SplitOrder(*name, f"p{rng.randint(0, 9)}", f"o{rng.randint(40, 70)}", lines)
