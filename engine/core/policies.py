"""The register of routing policies: each as put, and ready to be asked."""

from engine.core import limits
from engine.core.answers.base import Answer
from engine.core.register import Code, Register
from engine.core.routing.policy import (
    ChannelStrategy,
    DistanceRate,
    Lane,
    LocationRule,
    Policy,
    RoutingPolicy,
    Strategy,
    Zone,
)


class RoutingPolicyAnswer(Answer):
    """A routing policy as it is now. Fields as in `RoutingPolicy`."""

    policy: str
    version: int
    strategies: tuple[Strategy, ...]
    note: str = ""
    zones: tuple[Zone, ...] = ()
    lanes: tuple[Lane, ...] = ()
    distance: DistanceRate | None = None
    locations: tuple[LocationRule, ...] = ()
    channels: tuple[ChannelStrategy, ...] = ()


def answer(put: RoutingPolicy, seq: int, replayed: bool = False) -> RoutingPolicyAnswer:
    """Answer for a policy put at `seq`."""
    fields = {name: getattr(put, name) for name in put.__struct_fields__}
    return RoutingPolicyAnswer(seq=seq, replayed=replayed, **fields)


class Policies(Register):
    """The policies, and by their number the tables that are made of them."""

    def __init__(self) -> None:
        most = limits.ROUTING_POLICIES_MAX
        super().__init__(Code.ROUTING_POLICIES, "policy", RoutingPolicy, most, answer)
        self.tables: list[Policy] = []

    def put(self, number: int, document: bytes, seq: int) -> None:
        """Set a policy; see `Register.put`. Raises `ValueError` for one that contradicts itself."""
        super().put(number, document, seq)
        self.tables[number : number + 1] = [Policy(self.rows[number].put)]
