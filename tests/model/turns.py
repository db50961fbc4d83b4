"""What holds of the orders of a state that wait for stock, at any moment."""

from collections import Counter

from engine.core.decide import fills
from engine.core.decide.again import policy_of
from engine.core.ranks import entry_of
from engine.core.state import State
from engine.core.waiting import Due, Pick


def check(state: State) -> int:
    """The index says what the orders say, and nothing is there that an order waits for, unless it
    is due. Return how many orders wait."""
    waiting = state.waiting
    found = {seq: entry_of(state, order) for seq, order in state.orders.items()}
    assert waiting.entries == {seq: entry for seq, entry in found.items() if entry}
    orders, units = Counter(), Counter()
    for entry in waiting.entries.values():
        for sku, late in entry.units:
            orders[sku] += 1
            units[sku] += late
    assert {sku: (q.orders, q.units) for sku, q in waiting.queues.items()} == {
        sku: (orders[sku], units[sku]) for sku in orders
    }
    assert waiting.due.keys() <= waiting.queues.keys()
    if not waiting.due and not waiting.fresh:
        for seq, entry in waiting.entries.items():
            if _may_be_left(state, state.orders[seq]):
                continue
            pick = Pick(seq, entry.units[0][0], Due(0, ""))
            assert fills.fill(state, pick) == [], f"order {seq} could be filled and is not"
    return len(waiting.entries)


def _may_be_left(state: State, order) -> bool:
    """What may be there and is not taken. A bundle that is made otherwise than when units of the
    same line were taken gets no more of it; once those have left, it is looked at when stock comes
    the next time."""
    rows = zip(order.event.lines, order.backordered, order.cancelled, order.shipped, strict=True)
    # What a policy allows changes with the hour and the day's load.
    if policy_of(state, order.event) is not None:
        return True
    return any(
        late and (cut or gone) and state.skus[line.sku].components for line, late, cut, gone in rows
    )
