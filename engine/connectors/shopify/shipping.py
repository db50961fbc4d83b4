"""Telling the shop what has left, what goes back, and what will not come.

A fulfillment has no idempotency key, so it is looked for before it is made: by the parcel's
tracking number, or, where it has none, by our own name of the shipment, which then stands there as
its number. A refund has a key, and carries our name of it as its note, for keys are not kept for
ever.
"""

import uuid
from collections import Counter, defaultdict
from decimal import Decimal
from typing import Any

import msgspec

from engine.connectors import money
from engine.connectors.base import ConnectorError, Parcel
from engine.connectors.shopify import wire
from engine.connectors.shopify.client import Client, insist
from engine.connectors.shopify.documents import (
    CANCEL,
    FULFILL,
    FULFILLED,
    HEADS,
    PARCELS,
    PARTS,
    PAYMENTS,
    REFUND,
    TO_FULFILL,
    Document,
)
from engine.connectors.shopify.orders import gid, number

_WORKED_ON = frozenset(("OPEN", "IN_PROGRESS"))
_WAITS = frozenset(("ON_HOLD", "SCHEDULED"))
_WAITS_S = 60.0  # between two looks at an order that the shop holds
_NAMES = uuid.UUID("8f5a0f3e-9f0c-4f57-9a61-3d2b7a0e5c11")  # our refunds' keys are made within


class _Shipping(msgspec.Struct, frozen=True):
    order: wire.Shipping | None = None


class _Part(msgspec.Struct, frozen=True, rename="camel"):
    line_items: wire.Page[wire.PartLine] = wire.Page()
    fulfillment_line_items: wire.Page[wire.PartLine] = wire.Page()


class _Parts(msgspec.Struct, frozen=True, rename="camel"):
    fulfillment_order: _Part | None = None
    fulfillment: _Part | None = None


class _Payments(msgspec.Struct, frozen=True):
    order: wire.Payments | None = None


class _Fulfilled(msgspec.Struct, frozen=True, rename="camel"):
    fulfillment_create: wire.Done = wire.Done()


class _Refunded(msgspec.Struct, frozen=True, rename="camel"):
    refund_create: wire.Done = wire.Done()


class _Cancelled(msgspec.Struct, frozen=True, rename="camel"):
    order_cancel: wire.Done = wire.Done()


async def ship(client: Client, parcel: Parcel) -> None:
    """Tell of a parcel what was not told of it yet: one fulfillment for each location that the shop
    has its lines at. Raises `ConnectorError` where the shop has fewer units to send."""
    mark = parcel.tracking or parcel.shipment_id
    order = gid("Order", parcel.order_id)
    found = await client.ask(PARCELS, {"id": order, "first": HEADS}, _Shipping)
    if found.order is None:
        raise ConnectorError(f"the shop has no order {parcel.order_id}")
    left = Counter(dict(parcel.lines)) - await _told(client, found.order, mark)
    if not left:
        return
    for parts in await _shared(client, found.order, left):
        body = {
            "lineItemsByFulfillmentOrder": parts,
            "notifyCustomer": True,
            "trackingInfo": {"number": mark}
            | ({"company": parcel.carrier} if parcel.carrier else {}),
        }
        done = await client.ask(FULFILL, {"fulfillment": body}, _Fulfilled, once=True)
        insist(done.fulfillment_create.user_errors)


async def _told(client: Client, order: wire.Shipping, mark: str) -> Counter[str]:
    """Return the units of each line that left with this number, as the shop knows."""
    told: Counter[str] = Counter()
    for one in order.fulfillments:
        if one.status != "CANCELLED" and any(row.number == mark for row in one.tracking_info):
            for line in await _lines(client, FULFILLED, one.id):
                told[number(line.line_item.id)] += line.quantity
    return told


async def _shared(client: Client, order: wire.Shipping, left: Counter[str]) -> list[list[dict]]:
    """Share units out over the shop's fulfillment orders; return them by location."""
    groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
    waits = False
    for one in order.fulfillment_orders.nodes:
        waits |= one.status in _WAITS
        if one.status not in _WORKED_ON:
            continue
        rows = []
        for line in await _lines(client, TO_FULFILL, one.id):
            name = number(line.line_item.id)
            units = min(line.remaining_quantity, left[name])
            if units > 0:
                left[name] -= units
                rows.append({"id": line.id, "quantity": units})
        if rows:
            place = one.assigned_location.location
            part = {"fulfillmentOrderId": one.id, "fulfillmentOrderLineItems": rows}
            groups[place.id if place else ""].append(part)
    lacking = {name: units for name, units in left.items() if units > 0}
    if lacking:
        what = ", ".join(f"{units} of line {name}" for name, units in lacking.items())
        raise ConnectorError(f"the shop has nothing to send: {what}", _WAITS_S if waits else None)
    return list(groups.values())


async def _lines(client: Client, doc: Document, name: str) -> list[wire.PartLine]:
    lines: list[wire.PartLine] = []
    after: str | None = None
    while True:
        found = await client.ask(doc, {"id": name, "first": PARTS, "after": after}, _Parts)
        part = found.fulfillment_order or found.fulfillment
        if part is None:
            return lines
        page = part.line_items if found.fulfillment_order else part.fulfillment_line_items
        lines += page.nodes
        after = page.page_info.end_cursor
        if not page.page_info.has_next_page:
            return lines


async def refund(client: Client, order_id: str, refund_id: str, amount: int, currency: str) -> None:
    """Pay back over the payments that the order came with, the first ones first. Raises
    `ConnectorError` where less was paid."""
    order = gid("Order", order_id)
    found = (await client.ask(PAYMENTS, {"id": order, "first": HEADS}, _Payments)).order
    if found is None:
        raise ConnectorError(f"the shop has no order {order_id}")
    note = f"dibs refund {refund_id}"
    if any(row.note == note for row in found.refunds):
        return
    transactions, rest = [], amount
    for paid in found.transactions:
        may = paid.maximum_refundable_v2
        if paid.kind not in ("SALE", "CAPTURE") or paid.status != "SUCCESS" or may is None:
            continue
        units = min(rest, money.minor(Decimal(may.amount), currency))
        if units > 0:
            rest -= units
            transactions.append(
                {
                    "orderId": order,
                    "parentId": paid.id,
                    "gateway": paid.gateway or "",
                    "kind": "REFUND",
                    "amount": money.decimal(units, currency),
                }
            )
    if rest:
        short = money.decimal(rest, currency)
        raise ConnectorError(f"{short} {currency} more than was paid cannot be paid back")
    body = {"orderId": order, "note": note, "notify": True, "transactions": transactions}
    key = str(uuid.uuid5(_NAMES, f"{order_id} {refund_id}"))
    done = await client.ask(REFUND, {"input": body, "key": key}, _Refunded)
    insist(done.refund_create.user_errors)


async def cancel(client: Client, order_id: str, reason: str) -> None:
    """Cancel an order for good: the shopper is told and paid back. Its units are not put back on
    sale, because dibs says what there is."""
    variables = {
        "orderId": gid("Order", order_id),
        "reason": "INVENTORY",
        "restock": False,
        "refundMethod": {"originalPaymentMethodsRefund": True},
        "notifyCustomer": True,
        "staffNote": reason,
    }
    done = (await client.ask(CANCEL, variables, _Cancelled, once=True)).order_cancel
    insist(done.order_cancel_user_errors)
