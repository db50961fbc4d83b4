"""Which status of an order may follow which: the one table that decisions ask.

An order may pass several statuses within one step, of which the log keeps the last: one that is
placed goes from received to allocated at once. `docs/orders.md` shows the table as `diagram` draws
it.
"""

from engine.core.events import OrderStatus as S

CLOSED = (S.CANCELLED, S.SHIPPED, S.DELIVERED)
# What follows from its units alone, while nothing else happens to the order.
BY_UNITS = (S.ALLOCATED, S.PARTIALLY_ALLOCATED, S.BACKORDERED, S.PARTIALLY_SHIPPED)
FIRST = S.RECEIVED
FINAL = frozenset({S.CANCELLED, S.DELIVERED})

_BY_STOCK = frozenset({S.ALLOCATED, S.PARTIALLY_ALLOCATED, S.BACKORDERED})
_LEAVING = frozenset({S.PARTIALLY_SHIPPED, S.SHIPPED})
_ASIDE = frozenset({S.CANCELLED, S.EXCEPTION})

# An order may keep its status with any change; that stands here for none.
NEXT: dict[S, frozenset[S]] = {
    S.RECEIVED: _BY_STOCK | _ASIDE | {S.VALIDATED, S.ON_HOLD},
    S.VALIDATED: _BY_STOCK | _ASIDE | {S.ON_HOLD},
    S.ON_HOLD: _BY_STOCK | _LEAVING | _ASIDE,
    S.ALLOCATED: _BY_STOCK - {S.ALLOCATED} | _LEAVING | _ASIDE | {S.ON_HOLD, S.RELEASED},
    S.PARTIALLY_ALLOCATED: _BY_STOCK - {S.PARTIALLY_ALLOCATED}
    | _LEAVING
    | _ASIDE
    | {S.ON_HOLD, S.RELEASED},
    S.BACKORDERED: _BY_STOCK - {S.BACKORDERED} | _ASIDE | {S.ON_HOLD},
    S.RELEASED: _BY_STOCK | _LEAVING | _ASIDE | {S.ON_HOLD, S.PICKING},
    S.PICKING: _BY_STOCK | _LEAVING | _ASIDE | {S.RELEASED, S.PACKED},
    S.PACKED: _LEAVING | _ASIDE | {S.PICKING},
    S.PARTIALLY_SHIPPED: frozenset({S.SHIPPED, S.ON_HOLD, S.RELEASED, S.PICKING, S.EXCEPTION}),
    S.SHIPPED: frozenset({S.DELIVERED}),
    S.EXCEPTION: _BY_STOCK | _LEAVING | {S.ON_HOLD, S.RELEASED, S.PICKING, S.CANCELLED},
    S.CANCELLED: frozenset(),
    S.DELIVERED: frozenset(),
}


def check(old: S, new: S) -> bool:
    """Say whether an order of status `old` may be given status `new`."""
    return old == new or new in NEXT[old]


def diagram() -> str:
    """Return the table as a Mermaid state diagram (https://mermaid.js.org)."""
    rows = ["stateDiagram-v2", f"    [*] --> {_word(FIRST)}"]
    rows += [f"    {_word(old)} --> {_word(new)}" for old in NEXT for new in sorted(NEXT[old])]
    rows += [f"    {_word(status)} --> [*]" for status in sorted(FINAL)]
    return "\n".join(rows)


def reached(start: S) -> set[S]:
    """Return every status that an order of status `start` can come to, itself among them."""
    found, ahead = {start}, [start]
    while ahead:
        fresh = NEXT[ahead.pop()] - found
        found |= fresh
        ahead += fresh
    return found


def _word(status: S) -> str:
    return status.name.lower()


assert set(NEXT) == set(S) == reached(FIRST), "every status can be reached"
assert all(reached(status) & FINAL for status in S), "every order can come to an end"
assert all(not NEXT[status] for status in FINAL)
assert all(NEXT[status] <= set(CLOSED) for status in CLOSED), "what is closed stays closed"
