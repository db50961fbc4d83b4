"""What the rules on fulfillments share: finding one, a step of it, and the order's status after.

Every step is one `OrderChanged` with a note. What takes units from an order whose fulfillments have
them says so by a note first, so that no location works for units that are not the order's.
"""

import msgspec

from engine.core import answers, fulfillment_life, limits, worklists
from engine.core.decide import refuse
from engine.core.decide.again import with_receipt
from engine.core.decide.allotment import Source
from engine.core.decide.orders import status_after
from engine.core.decide.reallotment import open_units
from engine.core.events import Cause, OrderChanged, OrderStatus
from engine.core.lives import Life, note_bytes
from engine.core.notes.fulfillments import Fulfillment, FulfillmentStep, Row
from engine.core.outcomes import Code, Fault, Refused
from engine.core.state import Order, State

NAMED = Fault("fulfillment_id", "see detail")


class Work(msgspec.Struct, frozen=True):
    """A fulfillment with its order and the order's life."""

    order: Order
    life: Life
    one: Fulfillment


def find(state: State, name: str) -> Work | Refused:
    """Return the fulfillment of this id, or the refusal that there is none."""
    order, one = worklists.find(state, name)
    if order is None or one is None:
        return refuse(
            state,
            Code.UNKNOWN_FULFILLMENT,
            f"fulfillment {name!r} does not exist",
            Fault("fulfillment_id", "unknown fulfillment"),
        )
    return Work(order, state.lives.of(order.seq), one)


def now(state: State, work: Work) -> answers.FulfillmentAnswer:
    """Answer for a fulfillment as it stands."""
    return answers.fulfillment(work.order, work.one, state)


def wrong_status(state: State, one: Fulfillment, verb: str) -> Refused:
    """Refuse what cannot be done with a fulfillment of this status."""
    return refuse(
        state,
        Code.FULFILLMENT_STATUS,
        f"a fulfillment that is {one.status!r} cannot be {verb}",
        Fault("fulfillment_id", f"is {one.status}"),
    )


def no_room(life: Life, one: Fulfillment, status: str) -> bool:
    """Say whether the order has too many notes for this step; one that ends it is always taken."""
    ends = status not in fulfillment_life.OPEN
    return not ends and one.steps + 1 >= limits.FULFILLMENT_STEPS_KEPT and life.room < 1


def status_by_units(order: Order) -> OrderStatus:
    """Return the status of an order of which nobody works on anything."""
    shipped = sum(order.shipped)
    return status_after(sum(open_units(order)), sum(order.backordered), shipped)


def status_with(life: Life, changed: dict[int, str]) -> OrderStatus | None:
    """Return the status of the order by its fulfillments, where those in `changed` have come to
    another status; None if none is open then."""
    found = [changed.get(number, one.status) for number, one in life.work.items()]
    return fulfillment_life.order_status(found)


def stepped(
    cause: Cause,
    work: Work,
    status: str,
    rows: tuple[Row, ...] = (),
    *,
    source: Source | None = None,
    **more,
) -> OrderChanged:
    """Return the event that brings a fulfillment to `status`, its order with it. `more` are fields
    of the note, `source` says what was decided with it."""
    order = work.order
    after = order.status
    if not order.closed_us and order.status is not OrderStatus.ON_HOLD:
        after = status_with(work.life, {work.one.number: status}) or status_by_units(order)
    note = FulfillmentStep(work.one.number, status, rows, **more)
    return OrderChanged(cause, order.seq, after, note=note_bytes(with_receipt(note, source)))


def fetched(life: Life, changed: dict[int, str]) -> bool:
    """Say whether customers have fetched something of an order and no carrier has any of it, when
    its fulfillments have come to the statuses in `changed`. With nothing left to do, it has then
    arrived."""
    statuses = {changed.get(number, one.status) for number, one in life.work.items()}
    return "picked_up" in statuses and "shipped" not in statuses


def held_rows(state: State, order: Order) -> dict[tuple[int, int], int]:
    """Return the units that an order holds, by line and position."""
    held: dict[tuple[int, int], int] = {}
    for index, (line, left) in enumerate(zip(order.event.lines, order.takes, strict=True)):
        for take, units in zip(line.takes, left, strict=True):
            if units:
                key = index, take.position
                held[key] = held.get(key, 0) + units
    return held


def recalled(cause: Cause, order: Order, life: Life, reason: str) -> list[OrderChanged]:
    """Return the events that end all open fulfillments of an order, which keeps its status: one
    that says how it goes on follows."""
    return [
        OrderChanged(
            cause,
            order.seq,
            order.status,
            note=note_bytes(FulfillmentStep(one.number, "cancelled", reason=reason)),
        )
        for one in life.open
    ]
