"""The wording of refusals on goods that come back. Both twins refuse with these."""

from engine.core.decide import refuse
from engine.core.outcomes import Code, Fault, Refused


def unknown_return(state, return_id: str) -> Refused:
    """The order has no such return."""
    return refuse(
        state,
        Code.UNKNOWN_RETURN,
        f"the order has no return {return_id!r}; open it first",
        Fault("return_id", "unknown return"),
    )


def wrong_status(state, status: str, verb: str, fix: str) -> Refused:
    """A return of this status cannot be `verb`."""
    return refuse(
        state,
        Code.RETURN_STATUS,
        f"a return that is {status!r} cannot be {verb}; {fix}",
        Fault("return_id", f"is {status}"),
    )


def still_here(state, sku: str, units: int) -> Refused:
    """A return is closed while something of it waits to be inspected."""
    return refuse(
        state,
        Code.RETURN_STATUS,
        f"{units} units of {sku!r} wait to be inspected; say first what becomes of them",
        Fault("return_id", "not inspected yet", sku=sku, requested=0, available=units),
    )


def not_returnable(state, line: int, sku: str, requested: int, left: int) -> Refused:
    """More is to come back than has left and is not returned already."""
    return refuse(
        state,
        Code.NOT_RETURNABLE,
        f"of this order, {left} units of {sku!r} have left and are in no other return",
        Fault(
            f"lines[{line}].quantity",
            "more than has left",
            sku=sku,
            requested=requested,
            available=left,
        ),
    )


def nothing_returnable(state) -> Refused:
    """A return of everything, where nothing has left."""
    return refuse(
        state,
        Code.NOT_RETURNABLE,
        "nothing of this order has left that is in no other return; cancel what has not left",
        Fault("order_id", "nothing to return"),
    )


def not_waiting(state, line: int, sku: str, place: str, requested: int, there: int) -> Refused:
    """More is inspected than this location has received and not inspected."""
    return refuse(
        state,
        Code.QUANTITY_NOT_HELD,
        f"of this return, {there} units of {sku!r} wait at {place!r} to be inspected; inspect "
        "what was received, where it was received",
        Fault(
            f"lines[{line}].quantity",
            "more than waits there",
            sku=sku,
            location=place,
            requested=requested,
            available=there,
        ),
    )


def moved_away(state, line: int, sku: str, place: str, requested: int, there: int) -> Refused:
    """Somebody took units of a return out of quality control by an adjustment."""
    return refuse(
        state,
        Code.INSUFFICIENT_STOCK,
        f"{place!r} has {there} units of {sku!r} in quality control; adjust that first",
        Fault(
            f"lines[{line}].quantity",
            "not in quality control",
            sku=sku,
            location=place,
            requested=requested,
            available=there,
        ),
    )
