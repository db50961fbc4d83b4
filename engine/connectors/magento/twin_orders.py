"""The twin's orders: how units of a line are shipped and paid back."""

from datetime import UTC, datetime
from typing import Any


class Refused(Exception):
    """What the shop does not take."""


def now() -> str:
    """Return the shop's time, which ticks in seconds."""
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")


def fresh(number: int, sku: str, quantity: int, paid: bool) -> dict[str, Any]:
    """Return an order of one line, at 10 euros a unit: a configurable product and the simple one
    that it is made of, which is how a shop writes it."""
    address = {"firstname": "Ada", "lastname": "Lovelace", "street": ["Torstr. 1", "Hof 2"]}
    address |= {"city": "Berlin", "postcode": "10119", "country_id": "DE", "telephone": "030 123"}
    line = {
        "item_id": number * 10,
        "sku": sku,
        "product_type": "configurable",
        "qty_ordered": quantity,
        "qty_canceled": 0,
        "qty_refunded": 0,
        "qty_shipped": 0,
        "row_total": 10.0 * quantity,
        "discount_amount": 0,
    }
    part = line | {"item_id": number * 10 + 1, "product_type": "simple", "row_total": 0}
    part |= {"parent_item_id": number * 10, "qty_ordered": 0}
    total = 10.0 * quantity
    shipping = {"address": address | {"address_type": "shipping"}}
    return {
        "entity_id": number,
        "increment_id": f"{number:09}",
        "state": "processing" if paid else "pending_payment",
        "created_at": now(),
        "updated_at": now(),
        "order_currency_code": "EUR",
        "customer_email": "ada@example.org",
        "grand_total": total,
        "base_grand_total": total,
        "total_paid": total if paid else 0,
        "billing_address": address | {"address_type": "billing"},
        "extension_attributes": {
            "shipping_assignments": [{"shipping": shipping, "items": [line, part]}]
        },
        "items": [line, part],
    }


def to_ship(row: dict[str, Any]) -> int:
    """Return the units of a line that are still to leave."""
    gone = row["qty_canceled"] + row["qty_refunded"] + row["qty_shipped"]
    return max(row["qty_ordered"] - gone, 0)


def settle(change: dict[str, Any], order: dict[str, Any]) -> None:
    """Change an order, and see what state its lines bring it to."""
    order |= change
    order["updated_at"] = now()
    if order["state"] == "processing" and not any(to_ship(row) for row in order["items"]):
        left = any(row["qty_shipped"] for row in order["items"])
        order["state"] = "complete" if left else "closed"


def shipped(order: dict[str, Any], body: dict[str, Any], number: int) -> dict[str, Any]:
    """Ship units of lines; return the shipment."""
    rows = {row["item_id"]: row for row in order["items"]}
    items = []
    for item in body.get("items") or ():
        row = rows.get(item["order_item_id"])
        if row is None or not 0 < item["qty"] <= to_ship(row):
            raise Refused("Shipment Document Validation Error(s): no such units to ship")
        items.append(item | {"sku": row["sku"]})
    if not items or order["state"] not in ("new", "processing"):
        raise Refused("Shipment Document Validation Error(s): nothing to ship")
    for item in items:
        rows[item["order_item_id"]]["qty_shipped"] += item["qty"]
    settle({}, order)
    of = {"parent_id": number, "order_id": order["entity_id"]}
    blank = {"weight": 0, "qty": 0, "description": ""}
    return {
        "entity_id": number,
        "order_id": order["entity_id"],
        "items": items,
        "tracks": [of | blank | row for row in body.get("tracks", [])],
        "comments": _comments(body, number),
    }


def _comments(body: dict[str, Any], number: int) -> list[dict[str, Any]]:
    """Return what was said with a call, as the shop shows it later."""
    said = body.get("comment")
    return [{"parent_id": number, "is_customer_notified": 0} | said] if said else []


def credited(
    order: dict[str, Any], body: dict[str, Any], number: int
) -> tuple[dict[str, Any], dict[int, int]]:
    """Pay back lines and amounts; return the credit memo, and units that will not leave now. A
    body without lines pays back all of them."""
    if not order["total_paid"]:
        raise Refused("Creditmemo Document Validation Error(s): the order was not paid")
    rows = {row["item_id"]: row for row in order["items"]}
    items = body.get("items") or [
        {"order_item_id": name, "qty": row["qty_ordered"] - row["qty_refunded"]}
        for name, row in rows.items()
    ]
    total, freed = body.get("arguments", {}).get("adjustment_positive", 0.0), {}
    for item in items:
        row = rows[item["order_item_id"]]
        units, unsent = item["qty"], to_ship(row)
        if units > row["qty_ordered"] - row["qty_refunded"] - row["qty_canceled"]:
            raise Refused("Creditmemo Document Validation Error(s): no such units to refund")
        total += units * row["row_total"] / max(row["qty_ordered"], 1)
        row["qty_refunded"] += units
        freed[item["order_item_id"]] = min(units, unsent)
    if total <= 0:
        raise Refused("Creditmemo Document Validation Error(s): the total must be positive")
    settle({}, order)
    price = {n: row["row_total"] / max(row["qty_ordered"], 1) for n, row in rows.items()}
    lines = [
        {"entity_id": n, "base_cost": 0, "base_price": price[item["order_item_id"]]} | item
        for n, item in enumerate(items, 1)
    ]
    memo = {"entity_id": number, "order_id": order["entity_id"], "items": lines}
    return memo | {"comments": _comments(body, number), "grand_total": total}, freed
