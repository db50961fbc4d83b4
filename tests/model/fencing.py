"""Fences for the twins: drawn, and what must hold of them, worked out here once more."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from random import Random
from typing import NamedTuple

from engine.core import commands as c
from engine.core.state import LIVE

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# What takes stock for a channel, or moves it between orders; then fills take what is free.
TAKES = (
    c.PlaceOrder,
    c.Reserve,
    c.Commit,
    c.Release,
    c.Cancel,
    c.EditOrder,
    c.MergeOrders,
    c.SplitOrder,
    c.Reallocate,
    c.TellFact,
    c.ReleaseHold,
)


def put(rng: Random, state, skus, places) -> c.PutFence:
    """Draw a fence: mostly of few units of one SKU, now and then to begin or end soon."""
    now = _EPOCH + timedelta(microseconds=state.now_us)
    soon = (None, None, None, now - timedelta(hours=1), now + timedelta(seconds=2))
    return c.PutFence(
        rng.choice(("web", "web", "shop", "shop", "market", "ünder ☕")),
        rng.choice((*skus[:3], skus[0], rng.choice(skus), "set")),
        rng.choice((0, 1, 2, 5, 9, 30, 200)),
        rng.choice((None, rng.choice(places))),
        rng.choice(soon),
        rng.choice((*soon, now + timedelta(hours=50))),
        rng.random() < 0.7,
    )


def covered(state) -> dict[int, int]:
    """Return what of each open fence is there: those bound to a location first, then the others."""
    fences, found = state.registers.fences, {}
    rows = [(n, row.put) for n, row in enumerate(fences.rows) if row.put.status == "open"]
    free = Counter()
    for position in state.positions:
        if state.locations[position.location].put.active:
            free[position.sku, position.location] = max(position.available, 0)
    for number, fence in sorted(rows, key=lambda row: (row[1].place is None, row[0])):
        cells = [cell for cell in free if cell[0] == fence.sku and fence.place in (None, cell[1])]
        found[number] = left = max(fence.put.quantity - fences.used[number], 0)
        for cell in sorted(cells):
            units = min(free[cell], left)
            free[cell] -= units
            left -= units
        found[number] -= left
    return found


class Before(NamedTuple):
    """The state's seq, what of each open fence is there, and of each SKU what is out of its fences
    and what is free, before a command."""

    seq: int
    covered: dict[int, int]
    out: Counter
    free: Counter


def watched(state, command) -> Before | None:
    """Return what the fences have before a command that may only take what is free for it."""
    if isinstance(command, TAKES) and state.registers.fences.open:
        return Before(state.seq, covered(state), *_figures(state))
    return None


def _figures(state) -> tuple[Counter, Counter]:
    fences, out, free = state.registers.fences, Counter(), Counter()
    for number, row in enumerate(fences.rows):
        out[row.put.sku] += fences.used[number] if row.put.status == "open" else 0
    for sku in out:
        free[sku] = state.free_units(sku)
    return out, free


def check(state, command, before: Before | None) -> bool:
    """No other channel's fence has less than before, but for units that went back into a fence and
    are where nothing can be had, at a closed location: what is elsewhere is set aside for them.
    Say whether there was one. Of channels whose own orders got something in the same step, nothing
    is said: that may be out of their fences."""
    if before is None or state.seq == before.seq:
        return False
    after, rows = covered(state), state.registers.fences.rows
    out, free = _figures(state)
    served = {o.event.channel for o in state.orders.values() if o.changed_seq > before.seq}
    for number, units in before.covered.items():
        channel, sku = rows[number].put.put.channel, rows[number].put.sku
        mine = getattr(command, "channel", channel)
        back = max(before.out[sku] - out[sku] - max(free[sku] - before.free[sku], 0), 0)
        kept = after[number] >= units - back or channel in served
        assert mine == channel or kept, (command, rows[number], units, after)
    return True


def check_marks(state) -> None:
    """What is out of a fence is with orders and reservations of its channel, which have as much."""
    fences, held = state.registers.fences, {}
    for number, row in enumerate(fences.rows):
        assert sum(fences.marks[number].values()) <= fences.used[number]
        assert not fences.marks[number] or row.put.status == "open"
        for holder, units in fences.marks[number].items():
            if holder not in held:
                held[holder] = _held(state, holder)
            channel, has = held[holder]
            place, sku = row.put.place, row.put.sku
            there = sum(n for cell, n in has.items() if cell[0] == sku and place in (None, cell[1]))
            assert channel == row.put.put.channel
            assert units <= there, (row, holder, units, has)


def _held(state, holder: int) -> tuple[str, Counter]:
    """Return the channel of an order or reservation, and what it holds, by SKU and location; one
    that has sent something away holds no end of units."""
    has: Counter = Counter()
    if holder in state.orders:
        order = state.orders[holder]
        for line, takes in zip(order.event.lines, order.takes, strict=True):
            for take, left in zip(line.takes, takes, strict=True):
                position = state.positions[take.position]
                has[position.sku, position.location] += left
        if any(order.shipped):
            has = Counter({(s, p): 1 << 60 for s in range(99) for p in range(99)})
        return order.event.channel, has
    entry = state.reservations[holder]
    assert entry.status == LIVE
    for take in (take for line in entry.event.lines for take in line.takes):
        position = state.positions[take.position]
        has[position.sku, position.location] += take.quantity
    return entry.event.channel, has
