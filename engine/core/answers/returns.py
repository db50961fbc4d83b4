"""Answers on goods that come back."""

import msgspec

from engine.core.answers.base import Answer
from engine.core.events import OrderPlaced
from engine.core.notes.returns import REJECTED, Return


class ReturnLineAnswer(msgspec.Struct, omit_defaults=True):
    """`quantity` units of `sku` were announced, of the line with `line_id`."""

    sku: str
    quantity: int
    reason: str
    line_id: str | None = None


class ReturnUnitsAnswer(msgspec.Struct, omit_defaults=True):
    """Of a stocked SKU, units that were `expected`, and that have `come`. `bundle` names the
    bundle that they are parts of."""

    sku: str
    expected: int
    received: int
    bundle: str | None = None
    line_id: str | None = None


class InspectingAnswer(msgspec.Struct):
    """`quantity` units wait at `location` to be inspected."""

    sku: str
    location: str
    quantity: int


class InspectedAnswer(msgspec.Struct):
    """What became of `quantity` units at `location`."""

    sku: str
    location: str
    quantity: int
    disposition: str


class RefundAnswer(msgspec.Struct, omit_defaults=True):
    """`amount` minor units went back."""

    refund_id: str
    amount: int
    currency: str | None = None
    reason: str | None = None


class ReturnAnswer(Answer):
    """A return as it stands: `requested`, `approved`, `rejected`, `received` or `closed`. `units`
    are counted in stocked SKUs. `reason` is the customer's; `why` it was rejected or closed. In
    exchange, the customer gets the order `exchange_order_id`."""

    return_id: str
    channel: str
    order_id: str
    status: str
    reason: str
    lines: list[ReturnLineAnswer]
    units: list[ReturnUnitsAnswer]
    inspecting: list[InspectingAnswer] = []
    inspected: list[InspectedAnswer] = []
    refunds: list[RefundAnswer] = []
    carrier: str | None = None
    tracking_number: str | None = None
    label_url: str | None = None
    why: str | None = None
    exchange_order_id: str | None = None


def returned(found: Return, order: OrderPlaced, names) -> ReturnAnswer:
    """Answer for a return of `order`. `names` gives texts for numbers, see `State`."""
    carrier, tracking_number, label_url = found.label
    return ReturnAnswer(
        seq=found.seq,
        return_id=found.opened.return_id,
        channel=order.channel,
        order_id=order.order_id,
        status=found.status,
        reason=found.opened.reason,
        lines=[
            ReturnLineAnswer(
                names.sku_name(row.sku),
                row.quantity,
                row.reason,
                order.lines[row.line].line_id or None,
            )
            for row in found.opened.rows
        ],
        units=_units(found, order, names),
        inspecting=[
            InspectingAnswer(names.sku_name(sku), names.location_name(place), units)
            for (place, sku), units in found.waiting.items()
        ],
        inspected=[
            InspectedAnswer(names.sku_name(sku), names.location_name(place), units, word)
            for (place, sku, word), units in found.sorted.items()
        ],
        refunds=[
            RefundAnswer(one.refund_id, one.amount, one.currency or None, one.reason or None)
            for one in found.refunds
        ],
        carrier=carrier or None,
        tracking_number=tracking_number or None,
        label_url=label_url or None,
        why=found.why or None,
        exchange_order_id=found.opened.exchange or None,
    )


def _units(found: Return, order: OrderPlaced, names) -> list[ReturnUnitsAnswer]:
    rows = []
    for line, sku in dict.fromkeys((*found.expected, *found.came)):
        asked = order.lines[line]
        rows.append(
            ReturnUnitsAnswer(
                names.sku_name(sku),
                found.expected.get((line, sku), 0) if found.status != REJECTED else 0,
                found.came.get((line, sku), 0),
                names.sku_name(asked.sku) if asked.sku != sku else None,
                asked.line_id or None,
            )
        )
    return rows
