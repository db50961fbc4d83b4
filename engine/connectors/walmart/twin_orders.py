"""The twin's purchase orders: how units of a line go from one status to another."""

import time
from typing import Any

_FROM = ("Created", "Acknowledged")


class Refused(Exception):
    """What Walmart does not take."""


def fresh(number: str, sku: str, quantity: int, ship_by_s: float) -> dict[str, Any]:
    """Return a purchase order of one line, at 10 dollars a unit, to be shipped within so long."""
    now_ms = int(time.time() * 1000)
    postal = {"name": "Ada Lovelace", "address1": "1830 Mason St", "city": "San Francisco"}
    postal |= {"state": "CA", "postalCode": "94133", "country": "USA", "addressType": "RESIDENTIAL"}
    info = {"phone": "4155550123", "methodCode": "Value", "postalAddress": postal}
    info |= {
        "estimatedShipDate": now_ms + round(ship_by_s * 1000),
        "estimatedDeliveryDate": now_ms + 432_000_000,
    }
    charge = {"chargeType": "PRODUCT", "chargeName": "ItemPrice"}
    charge["chargeAmount"] = {"currency": "USD", "amount": 10.0 * quantity}
    line = {
        "lineNumber": "1",
        "item": {"productName": sku, "sku": sku},
        "charges": {"charge": [charge]},
        "orderLineQuantity": _units(quantity),
        "statusDate": now_ms,
        "orderLineStatuses": {
            "orderLineStatus": [{"status": "Created", "statusQuantity": _units(quantity)}]
        },
    }
    return {
        "purchaseOrderId": number,
        "customerOrderId": f"5{number}",
        "customerEmailId": "ada@relay.example",
        "orderDate": now_ms,
        "shippingInfo": info,
        "orderLines": {"orderLine": [line]},
    }


def units(line: dict[str, Any], *words: str) -> int:
    """Return how many units of a line have one of these statuses."""
    rows = line["orderLineStatuses"]["orderLineStatus"]
    return sum(int(row["statusQuantity"]["amount"]) for row in rows if row["status"] in words)


def move(
    line: dict[str, Any],
    status: str,
    quantity: int,
    of: tuple[str, ...] = _FROM,
    tracking: dict[str, Any] | None = None,
) -> None:
    """Give units of a line another status."""
    left, rows = quantity, []
    for row in line["orderLineStatuses"]["orderLineStatus"]:
        count = int(row["statusQuantity"]["amount"])
        taken = min(count, left) if row["status"] in of else 0
        left -= taken
        if count > taken:
            rows.append(row | {"statusQuantity": _units(count - taken)})
    if quantity > left:
        fresh_row = {"status": status, "statusQuantity": _units(quantity - left)}
        rows.append(fresh_row | ({"trackingInfo": tracking} if tracking else {}))
        line["statusDate"] = max(int(time.time() * 1000), line["statusDate"] + 1)
    line["orderLineStatuses"] = {"orderLineStatus": rows}


def pay_back(lines: dict[str, Any], body: dict[str, Any]) -> None:
    """Refund parts of lines that have left. Only the last refund of a line is shown."""
    rows = [(lines[row["lineNumber"]], row) for row in body["orderLines"]["orderLine"]]
    for line, _ in rows:
        if not units(line, "Shipped", "Delivered", "Refund"):
            raise Refused(f"line {line['lineNumber']} has not been shipped")
    for line, row in rows:
        for refund in row["refunds"]["refund"]:
            charges = refund["refundCharges"]["refundCharge"]
            amount = sum(part["charge"]["chargeAmount"]["amount"] for part in charges)
            if amount >= 0:
                raise Refused("a refund is negative")
            line.setdefault("_paid_back", []).append(round(-amount * 100))
            line["refund"] = refund
            line["statusDate"] = max(int(time.time() * 1000), line["statusDate"] + 1)


def _units(quantity: int) -> dict[str, str]:
    return {"unitOfMeasurement": "EACH", "amount": str(quantity)}
