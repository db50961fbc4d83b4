"""Where an order's units come from.

`fewest` is the rule without a policy: the fewest locations, then priority, then nearness. With a
policy, `costs` turns an order into an instance, `plan` finds its cheapest plan, and `receipt` says
why; `scarcity` puts a price on stock that others will want.
"""

from engine.core.routing.fewest import FAR, POLICY_FEWEST, choose, direction, remoteness

__all__ = ["FAR", "POLICY_FEWEST", "choose", "direction", "remoteness"]
