"""Where an order's units come from.

`fewest` is the rule without a policy: the fewest locations, then priority, then nearness. With a
policy, `costs` turns an order into an instance, `plan` finds its cheapest plan, `slip` packs what
was decided for the log, and `receipt` says it with names.
"""

from engine.core.routing.fewest import (
    FAR,
    POLICY_COSTS,
    POLICY_FEWEST,
    choose,
    direction,
    remoteness,
)

__all__ = ["FAR", "POLICY_COSTS", "POLICY_FEWEST", "choose", "direction", "remoteness"]
