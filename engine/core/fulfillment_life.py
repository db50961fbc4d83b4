"""Which status of a fulfillment may follow which: the one table that decisions and notes ask.

A fulfillment is the work of one location for one order. `docs/fulfillment.md` shows the table as
`diagram` draws it.
"""

from collections.abc import Iterable
from typing import Literal, get_args

from engine.core.events import OrderStatus

FulfillmentStatus = Literal[
    "requested",
    "accepted",
    "picking",
    "packed",
    "ready_for_pickup",
    "shipped",
    "picked_up",
    "delivered",
    "rejected",
    "expired",
    "cancelled",
]
FIRST = "requested"
# Somebody still has to do something with its units; the others hold none.
OPEN = ("requested", "accepted", "picking", "packed", "ready_for_pickup")
UNPICKED = ("requested", "accepted")
NEXT: dict[str, frozenset[str]] = {
    "requested": frozenset({"accepted", "picking", "rejected", "expired", "cancelled"}),
    "accepted": frozenset({"picking", "rejected", "cancelled"}),
    "picking": frozenset({"packed", "cancelled"}),
    "packed": frozenset({"ready_for_pickup", "shipped", "cancelled"}),
    "ready_for_pickup": frozenset({"picked_up", "cancelled"}),
    "shipped": frozenset({"delivered"}),
    "picked_up": frozenset(),
    "delivered": frozenset(),
    "rejected": frozenset(),
    "expired": frozenset(),
    "cancelled": frozenset(),
}


def check(old: str, new: str) -> bool:
    """Say whether a fulfillment of status `old` may be given status `new`; it may keep its own
    while it is open."""
    return new in NEXT[old] or (old == new and old in OPEN)


def order_status(statuses: Iterable[str]) -> OrderStatus | None:
    """Return the status of an order by its fulfillments; None if none of them is open, so that it
    follows from the order's units."""
    work = [status for status in statuses if status in OPEN]
    if not work:
        return None
    begun = [status not in UNPICKED for status in work]
    if not any(begun):
        return OrderStatus.RELEASED
    done = all(begun) and "picking" not in work
    return OrderStatus.PACKED if done else OrderStatus.PICKING


def diagram() -> str:
    """Return the table as a Mermaid state diagram (https://mermaid.js.org)."""
    rows = ["stateDiagram-v2", f"    [*] --> {FIRST}"]
    rows += [f"    {old} --> {new}" for old in NEXT for new in sorted(NEXT[old])]
    rows += [f"    {status} --> [*]" for status in NEXT if not NEXT[status]]
    return "\n".join(rows)


assert set(NEXT) == set(get_args(FulfillmentStatus))
assert set().union(*NEXT.values()) | {FIRST} == set(NEXT), "every status can be reached"
