"""How many units may be waited for: the `backorder_limit` of each stocked SKU."""

from collections.abc import Iterable

from engine.core import bundles
from engine.core.decide import refusals
from engine.core.outcomes import Refused
from engine.core.state import State


def over_limit(state: State, waiting: Iterable[tuple[int, int]], order: int = 0) -> Refused | None:
    """Refuse that (SKU number, units) wait, of a new order or instead of what the one placed at
    `order` waits for, if that makes more wait than may."""
    units: dict[int, int] = {}
    for sku, late in waiting:
        if late:
            bundles.leaves(state.skus, sku, late, units)
    entry = state.waiting.entries.get(order)
    mine = dict(entry.units) if entry else {}
    for sku, wanted in units.items():
        most = state.skus[sku].put.backorder_limit
        if most is None or wanted <= mine.get(sku, 0):
            continue
        queue = state.waiting.queues.get(sku)
        left = most - (queue.units if queue else 0) + mine.get(sku, 0)
        if wanted > left:
            return refusals.backorder_limit(state, state.sku_name(sku), wanted, max(left, 0))
    return None
