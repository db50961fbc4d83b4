"""What is told of an order: which units left, which are paid back, which will not come. Each is a
list of lines of the order, empty if Walmart has been told."""

from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from typing import Any

from engine.connectors import money, registry
from engine.connectors.base import ConnectorError, Parcel
from engine.connectors.walmart import wire
from engine.connectors.walmart.orders import LEFT, product

_REFUND_REASON = "CustomerChangedMind"
_CANCEL_REASON = "SELLER_CANCEL_OUT_OF_STOCK"


def shipped(order: wire.Order, parcel: Parcel, options: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the lines of a parcel that Walmart has not under its tracking number."""
    number = parcel.tracking or parcel.shipment_id
    there = {line.line_number: line for line in order.order_lines.order_line}
    rows = []
    for name, quantity in parcel.lines:
        line = there.get(name)
        if line is None:
            raise ConnectorError(f"order {parcel.order_id} has no line {name} at Walmart")
        if any(
            row.tracking_info and row.tracking_info.tracking_number == number
            for row in line.order_line_statuses.order_line_status
        ):
            continue
        status = {
            "status": "Shipped",
            "statusQuantity": _units(quantity),
            "trackingInfo": {
                "shipDateTime": int(parcel.shipped_at.timestamp() * 1000),
                "methodCode": order.shipping_info.method_code,
                "trackingNumber": number,
                **_carrier(parcel.carrier, number, options),
            },
        }
        row = {"lineNumber": name, "sellerOrderId": parcel.order_id}
        row["intentToCancelOverride"] = True  # it has left, whatever the customer asked for
        rows.append(row | {"orderLineStatuses": {"orderLineStatus": [status]}})
    return rows


@cache
def _carriers() -> dict[str, str]:
    """Return the carriers that Walmart knows, as it writes them, by their name in lower case."""
    known = registry.data("walmart", "carriers.json", dict[str, Any])["carriers"]
    return {name.lower(): name for name in known}


def _carrier(name: str | None, number: str, options: Mapping[str, str]) -> dict[str, Any]:
    """Return the carrier as Walmart knows it, or with the address that it wants of all others."""
    if known := _carriers().get((name or "").lower()):
        return {"carrierName": {"carrier": known}}
    address = options.get("tracking_url")
    if not address:
        raise ConnectorError(
            f"Walmart does not know the carrier {name!r}: name one of its own, or set the option"
            " tracking_url to the address where parcels are followed, with {tracking} in it"
        )
    url = address.replace("{tracking}", number)
    return {"carrierName": {"otherCarrier": name or "Other"}, "trackingURL": url}


def refunded(order: wire.Order, refund_id: str, amount: int, currency: str) -> list[dict[str, Any]]:
    """Return the lines over which a refund is spread: each as far as it was charged and is not
    paid back yet, the first lines first."""
    mark, rows, left = f"[{refund_id}]", [], amount
    lines = order.order_lines.order_line
    if any(mark in _comment(line) for line in lines):
        return []
    for line in (line for line in lines if line.units(*LEFT)):
        part = min(left, _refundable(line, currency))
        if part <= 0:
            continue
        left -= part
        charge = {
            "chargeType": "PRODUCT",
            "chargeName": "Item Price",
            "chargeAmount": {
                "currency": currency,
                "amount": -float(money.decimal(part, currency)),
            },
        }
        refund = {
            "refundComments": f"{_comment(line)} {mark}".strip(),
            "refundCharges": {"refundCharge": [{"refundReason": _REFUND_REASON, "charge": charge}]},
        }
        rows.append({"lineNumber": line.line_number, "refunds": {"refund": [refund]}})
    if left:
        raise ConnectorError(
            f"refund {refund_id} of order {order.purchase_order_id}: {left} minor units are more"
            " than was charged for what has left and is not paid back"
        )
    return rows


def _comment(line: wire.Line) -> str:
    return (line.refund.refund_comments if line.refund else None) or ""


def _refundable(line: wire.Line, currency: str) -> int:
    charge = product(line)
    charged = charge.charge_amount.decimal if charge else Decimal(0)
    if charge and charge.tax:
        charged += charge.tax.tax_amount.decimal
    rows = line.refund.refund_charges.refund_charge if line.refund else []
    back = sum((abs(row.charge.charge_amount.decimal) for row in rows), Decimal(0))
    return money.minor(charged - back, currency)


def cancelled(order: wire.Order) -> list[dict[str, Any]]:
    """Return of each line the units that have not left."""
    rows = []
    for line in order.order_lines.order_line:
        if units := line.units("Created", "Acknowledged"):
            status = {
                "status": "Cancelled",
                "cancellationReason": _CANCEL_REASON,
                "statusQuantity": _units(units),
            }
            statuses = {"orderLineStatus": [status]}
            rows.append({"lineNumber": line.line_number, "orderLineStatuses": statuses})
    return rows


def _units(quantity: int) -> dict[str, str]:
    return {"unitOfMeasurement": "EACH", "amount": str(quantity)}
