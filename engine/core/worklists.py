"""Questions about fulfillments: one by its id, and pages of those that are open."""

import re

from engine.core import answers, limits
from engine.core.notes.fulfillments import Fulfillment

_ID = re.compile(r"([1-9][0-9]{0,15})-([1-9][0-9]{0,3})")


def find(state, name: str):
    """Return (order, fulfillment) of a public id; (None, None) if there is no such fulfillment, or
    its order was closed longer ago than retention. `state` is a `State`."""
    match = _ID.fullmatch(name)
    order = state.order_placed(int(match[1])) if match else None
    one: Fulfillment | None = None
    if order is not None:
        one = state.lives.of(order.seq).work.get(int(match[2]))
    return (order, one) if one is not None else (None, None)


def fulfillment(state, name: str) -> answers.FulfillmentAnswer | None:
    """Return the answer of one fulfillment, or None."""
    order, one = find(state, name)
    return answers.fulfillment(order, one, state) if one is not None else None


def fulfillments(state, location: str, status: str, after: int, limit: int, scan: int):
    """Return (answers, cursor) of open fulfillments that match, the oldest release first, behind
    `after`; see `worklist.place_of`. At most `scan` are looked at; `cursor` is where to go on, or
    None at the end. A location that does not exist has none."""
    place = None
    if location:
        place = state.location_numbers.get(location)
        if place is None:
            return [], None
    rows, last = [], after
    found = state.lives.worklist.page(place, after, scan + 1)
    for at, (here, seq, number) in enumerate(found):
        if len(rows) == limit or at == scan:
            return rows, last
        last = here
        one = state.lives.of(seq).work[number]
        if not status or one.status == status:
            rows.append(answers.fulfillment(state.order_row(seq), one, state))
    return rows, None


assert limits.SEQ_MAX < 10**16 and limits.FULFILLMENTS_MAX < 10**4
