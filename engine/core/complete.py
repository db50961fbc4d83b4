"""Which orders leave as a whole only: because they say so (`when_short: complete`), or because the
strategy that routed them sends complete orders only."""

from engine.core import kept
from engine.core.events import OrderPlaced
from engine.core.routing import slip


def ships_complete(state, event: OrderPlaced) -> bool:
    """Say whether the order of `event`, as it stands, leaves as a whole only."""
    if kept.read(event.document).ships_complete:
        return True
    if not event.receipt:
        return False
    told = slip.unpack(event.receipt)
    policy = state.registers.policies.tables[told.policy]
    name = told.strategy if told.strategy in policy.strategies else None
    return policy.strategy_of(event.channel, name).complete
