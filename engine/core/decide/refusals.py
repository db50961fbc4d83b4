"""The wording of refusals that several rules share. Both twins refuse with these.

`state` is anything that has a `seq`; `line` is the index of a command's line.
"""

from engine.core import limits
from engine.core.decide import refuse
from engine.core.events import OrderStatus
from engine.core.outcomes import Code, Fault, Refused


def unknown_location(state, line: int, name: str) -> Refused:
    """A line is bound to a location that does not exist."""
    return missing_location(state, f"lines[{line}].location", name, hint="")


def missing_location(state, path: str, name: str, hint: str = "; put it first") -> Refused:
    """The field at `path` names a location that does not exist."""
    return refuse(
        state,
        Code.UNKNOWN_LOCATION,
        f"location {name!r} does not exist{hint}",
        Fault(path, "unknown location", location=name),
    )


def inactive_location(state, line: int, name: str) -> Refused:
    """A line is bound to a location that is not active."""
    return refuse(
        state,
        Code.LOCATION_INACTIVE,
        f"location {name!r} is not active",
        Fault(f"lines[{line}].location", "inactive location", location=name),
    )


def unknown_sku(state, line: int, name: str) -> Refused:
    """A line names a SKU that does not exist."""
    return missing_sku(state, f"lines[{line}].sku", name)


def missing_sku(state, path: str, name: str) -> Refused:
    """The field at `path` names a SKU that does not exist."""
    return refuse(
        state,
        Code.UNKNOWN_SKU,
        f"SKU {name!r} does not exist; put it first",
        Fault(path, "unknown SKU", sku=name),
    )


def many_parts(state, line: int, sku: str) -> Refused:
    """Bundles expand too far."""
    return refuse(
        state,
        Code.BUNDLE_TOO_WIDE,
        f"bundles expand to more than {limits.EXPANDED_LINES_MAX} parts",
        Fault(f"lines[{line}].sku", "too many parts", sku=sku),
    )


def many_units(state, line: int, sku: str) -> Refused:
    """A line wants too many units of a component."""
    return refuse(
        state,
        Code.QUANTITY_OVERFLOW,
        f"a line takes at most {limits.QUANTITY_MAX} units of a component",
        Fault(f"lines[{line}].quantity", "too many units", sku=sku),
    )


def many_offers(state) -> Refused:
    """There are more positions to choose from than routing looks at."""
    return refuse(state, Code.BUNDLE_TOO_WIDE, "the lines lie at too many positions")


def many_takes(state, line: int) -> Refused:
    """One line would take from too many positions."""
    return refuse(
        state,
        Code.BUNDLE_TOO_WIDE,
        "one line takes from too many positions",
        Fault(f"lines[{line}]", "too many positions"),
    )


def many_units_to_route(state) -> Refused:
    """An order is too large, or its costs are, to be planned."""
    return refuse(
        state,
        Code.QUANTITY_OVERFLOW,
        f"an order routed by policy has at most {limits.ROUTE_UNITS_MAX} units and "
        f"{limits.ROUTE_GRAMS_MAX} grams",
        Fault("lines", "too many units in total"),
    )


def many_promised(state) -> Refused:
    """A position would promise more than a bucket holds."""
    return refuse(
        state,
        Code.QUANTITY_OVERFLOW,
        f"a position promises at most {limits.BUCKET_UNITS_MAX} units",
        Fault("lines", "too many units in total"),
    )


def no_location(state) -> Refused:
    """Units of a backorderable SKU find no location to be promised at."""
    return refuse(state, Code.LOCATION_INACTIVE, "no location is active; activate one first")


def unknown_policy(state, path: str, name: str) -> Refused:
    """The field at `path` names a routing policy that does not exist."""
    return refuse(
        state,
        Code.UNKNOWN_POLICY,
        f"routing policy {name!r} does not exist; put it first",
        Fault(path, "unknown routing policy"),
    )


def unknown_strategy(state, name: str, policy: str | None) -> Refused:
    """An order names a strategy that its routing policy does not have."""
    where = f"routing policy {policy!r} has" if policy else "without a routing policy there is"
    return refuse(
        state,
        Code.UNKNOWN_STRATEGY,
        f"{where} no strategy {name!r}",
        Fault("strategy", "unknown strategy"),
    )


def invalid_policy(state, path: str, detail: str) -> Refused:
    """A routing policy contradicts itself, or is older than the one that is there."""
    return refuse(state, Code.INVALID_POLICY, f"{path}: {detail}", Fault(path, detail))


def no_scarcity(state, path: str, location: str, *, twice: bool) -> Refused:
    """A scarcity price is for a location that never had the SKU, or stands there twice."""
    why = "stands there twice" if twice else "never had this SKU"
    return refuse(
        state,
        Code.INVALID_POLICY,
        f"{path}: {location!r} {why}",
        Fault(path, why, location=location),
    )


def not_routable(state, detail: str) -> Refused:
    """There is stock, but no plan that the routing policy allows."""
    return refuse(state, Code.NOT_ROUTABLE, detail, Fault("lines", "no plan is allowed"))


def full(state, what: str) -> Refused:
    """A table is full."""
    return refuse(state, Code.TABLE_FULL, f"no room for more {what}")


def short_line(line: int, sku: str, requested: int, available: int, share=None) -> Fault:
    """Say what a line is short of, and which units a `fences.Share` keeps from whoever asks."""
    why = "not enough available"
    if share and share.kept:
        why += f"; {share.kept} units are set aside for other channels"
    elif share and share.total < sum(share.own.values()) + share.common:
        why += "; the channel takes only what is set aside for it"
    return Fault(
        f"lines[{line}]",
        why,
        sku=sku,
        requested=requested,
        available=available,
    )


def short(state, verb: str, faults) -> Refused:
    """Stock does not suffice; nothing is `verb`."""
    return refuse(
        state, Code.INSUFFICIENT_STOCK, f"not enough available; nothing is {verb}", *faults
    )


def backorder_limit(state, sku: str, wanted: int, left: int) -> Refused:
    """More of a SKU would be waited for than may be."""
    return refuse(
        state,
        Code.BACKORDER_LIMIT,
        f"{left} more units of {sku!r} may be waited for; order less, or raise its backorder_limit",
        Fault("lines", "too many wait", sku=sku, requested=wanted, available=left),
    )


def order_exists(state, channel: str, order_id: str) -> Refused:
    """A commit names an order that exists."""
    return refuse(
        state,
        Code.ORDER_EXISTS,
        f"channel {channel!r} has an order {order_id!r} already; name another",
        Fault("order_id", "exists already"),
    )


def unknown_order(state, channel: str, order_id: str) -> Refused:
    """There is no such order."""
    return refuse(
        state,
        Code.UNKNOWN_ORDER,
        f"channel {channel!r} has no order {order_id!r}",
        Fault("order_id", "unknown order"),
    )


def order_closed(state, status: OrderStatus) -> Refused:
    """Nothing is left of the order that could leave or be cancelled."""
    word = status.name.lower()
    hint = "" if status is OrderStatus.CANCELLED else "; open a return for what has left"
    return refuse(
        state,
        Code.ORDER_CLOSED,
        f"the order is {word} already{hint}",
        Fault("order_id", f"{word} already"),
    )


def wrong_status(state, status: OrderStatus, verb: str) -> Refused:
    """An order of this status cannot be `verb`."""
    word = status.name.lower()
    return refuse(
        state,
        Code.ORDER_STATUS,
        f"an order that is {word!r} cannot be {verb}",
        Fault("order_id", f"is {word}"),
    )


def closed_location(state, name: str) -> Refused:
    """Units lie at a location that is closed, and no other has them."""
    return refuse(
        state,
        Code.LOCATION_INACTIVE,
        f"location {name!r} is not active, and no other has the units",
        Fault("order_id", "allocated at an inactive location", location=name),
    )


def released_order(state) -> Refused:
    """Locations work on the order."""
    return refuse(
        state,
        Code.ORDER_STATUS,
        "the order is released: ship its fulfillments, or cancel them first",
        Fault("order_id", "has open fulfillments"),
    )


def unknown_hold(state, hold_id: str) -> Refused:
    """The order has no such hold."""
    return refuse(
        state,
        Code.UNKNOWN_HOLD,
        f"the order has no hold {hold_id!r}",
        Fault("hold_id", "unknown hold"),
    )


def not_held(state, line: int, sku: str, requested: int, held: int) -> Refused:
    """More is to be cancelled, or to leave, than the order holds."""
    return refuse(
        state,
        Code.QUANTITY_NOT_HELD,
        f"the order holds {held} units of {sku!r} for that",
        Fault(
            f"lines[{line}].quantity",
            "more than the order holds",
            sku=sku,
            requested=requested,
            available=held,
        ),
    )


_NO_RESERVATION = Fault("reservation_id", "see detail")


def unknown_reservation(state, reservation_id: str) -> Refused:
    """There is no such reservation."""
    return refuse(
        state,
        Code.UNKNOWN_RESERVATION,
        f"reservation {reservation_id!r} does not exist",
        _NO_RESERVATION,
    )


def reservation_expired(state, reservation_id: str) -> Refused:
    """Its time is over."""
    return refuse(
        state,
        Code.RESERVATION_EXPIRED,
        f"reservation {reservation_id!r} has expired; reserve again",
        _NO_RESERVATION,
    )


def reservation_closed(state, reservation_id: str, word: str) -> Refused:
    """It is committed or released, as `word` says."""
    return refuse(
        state,
        Code.RESERVATION_CLOSED,
        f"reservation {reservation_id!r} is {word} already",
        _NO_RESERVATION,
    )


def stale_order(state, expected: int, actual: int) -> Refused:
    """The order has changed since the log position that the caller has seen."""
    return refuse(
        state,
        Code.STALE_ORDER,
        f"the order has changed since {expected}; read it again",
        Fault("expected_seq", "changed since", expected=expected, actual=actual),
    )


def no_line(state, line: int, sku: str) -> Refused:
    """A line that the order does not have is named without units to add."""
    return _line(state, line, f"the order has no line of {sku!r}; give `quantity` to add one", sku)


def many_lines(state, line: int, sku: str) -> Refused:
    """Several lines of the order have this name."""
    return _line(
        state, line, f"several lines of the order have {sku!r}; name one by `line_id`", sku
    )


def other_sku(state, line: int, sku: str, line_id: str) -> Refused:
    """The line of this id has another SKU."""
    return _line(state, line, f"line {line_id!r} is not of {sku!r}; set it to 0 and add one", sku)


def _line(state, line: int, detail: str, sku: str) -> Refused:
    return refuse(
        state, Code.UNKNOWN_LINE, detail, Fault(f"lines[{line}]", "not a line of it", sku=sku)
    )


def twice(state, line: int, sku: str) -> Refused:
    """Two lines of a command name the same line of an order."""
    return refuse(
        state,
        Code.DUPLICATE_LINE,
        "each line of an order may be named once",
        Fault(f"lines[{line}]", "named before", sku=sku),
    )


def has_left(state, line: int, sku: str, requested: int, shipped: int) -> Refused:
    """Fewer units are wanted than have left."""
    return refuse(
        state,
        Code.QUANTITY_NOT_HELD,
        f"{shipped} units of {sku!r} have left already",
        Fault(
            f"lines[{line}].quantity",
            "fewer than have left",
            sku=sku,
            requested=requested,
            available=shipped,
        ),
    )


def orders_differ(state, path: str, what: str) -> Refused:
    """Two orders cannot be one."""
    return refuse(
        state, Code.ORDERS_DIFFER, f"the orders differ: {what}", Fault(path, f"another {what}")
    )


def no_such_line(state, line: int, sku: str) -> Refused:
    """The order has no line of this name."""
    return _line(state, line, f"the order has no line of {sku!r}", sku)


def bundle_remade(state, line: int, sku: str) -> Refused:
    """A line holds parts of a bundle as it was made before; more of it would have others."""
    return refuse(
        state,
        Code.BUNDLE_REMADE,
        f"{sku!r} is made of other parts than this line holds; add a line of its own",
        Fault(f"lines[{line}].quantity", "made of other parts now", sku=sku),
    )


def bundle_parted(state, verb: str, path: str = "order_id") -> Refused:
    """A part of a bundle has left: the rest of it can only follow."""
    detail = f"part of a bundle has left, so the rest of it cannot be {verb}; ship the rest first"
    return refuse(state, Code.BUNDLE_PARTED, detail, Fault(path, "has left in part"))
