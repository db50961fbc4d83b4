"""Orders that ship complete: nothing of them leaves while something waits. Both twins decide by
this.

An order does so because it says so (`when_short: complete`), or because the strategy that routed it
sends complete orders only. The two differ before that: the first takes what is there, so that
nobody else gets it; the second takes nothing until all of it is there.
"""

from engine.core import kept
from engine.core.decide import refuse, routing
from engine.core.outcomes import Code, Fault, Refused
from engine.core.state import Order, State


def ships_complete(state: State, order: Order) -> bool:
    """Say whether an order leaves as a whole only."""
    if kept.read(order.event.document).ships_complete:
        return True
    source = routing.source_again(state, order.event)
    return isinstance(source, routing.Routed) and source.strategy.complete


def incomplete(state: State, order: Order, verb: str) -> Refused | None:
    """Refuse that an order which ships complete is `verb` while units of it wait."""
    waits = sum(order.backordered)
    if not waits or not ships_complete(state, order):
        return None
    return refuse(
        state,
        Code.ORDER_INCOMPLETE,
        f"the order ships complete, and {waits} of its units wait: it cannot be {verb} yet; cancel "
        "or split off what waits to let the rest go",
        Fault("order_id", "is not complete"),
    )
