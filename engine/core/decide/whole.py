"""Orders that ship complete: nothing of them leaves while something waits. Both twins decide by
this.

Those that ask for it and those whose strategy does (`core.complete`) differ before that: the first
take what is there, so that nobody else gets it; the second take nothing until all of it is there.
"""

from engine.core.complete import ships_complete
from engine.core.decide import refuse
from engine.core.outcomes import Code, Fault, Refused
from engine.core.state import Order, State


def incomplete(state: State, order: Order, verb: str) -> Refused | None:
    """Refuse that an order which ships complete is `verb` while units of it wait."""
    waits = sum(order.backordered)
    if not waits or not ships_complete(state, order.event):
        return None
    return refuse(
        state,
        Code.ORDER_INCOMPLETE,
        f"the order ships complete, and {waits} of its units wait: it cannot be {verb} yet; cancel "
        "or split off what waits to let the rest go",
        Fault("order_id", "is not complete"),
    )
