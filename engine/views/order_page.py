"""The page of one order: everything that the views have of it."""

import json
from typing import Any

import msgspec

from engine.core import limits
from engine.views.queries import ORDER_COLUMNS, OrderRow
from engine.views.work import Database


def _dicts(views: Database, sql: str, names: str, values: list[Any]) -> list[dict[str, Any]]:
    fields = names.split()
    return [dict(zip(fields, row, strict=True)) for row in views.select(sql, values)]


class OrderView(msgspec.Struct):
    """All that is known of an order: its row and details, lines with allocations, holds,
    fulfillments, packages, shipments, returns, refunds and timeline. Fields as the columns of the
    tables of that name."""

    order: OrderRow
    details: dict[str, Any]
    lines: list[dict[str, Any]]
    holds: list[dict[str, Any]]
    fulfillments: list[dict[str, Any]]
    packages: list[dict[str, Any]]
    shipments: list[dict[str, Any]]
    returns: list[dict[str, Any]]
    refunds: list[dict[str, Any]]
    timeline: list[dict[str, Any]]


_HOLD = "hold_id reason owner then_what keeps_stock placed_us until_us escalated_us ended_us "
_HOLD += "ended_how seq"
_SHIPMENT = "seq shipment_id carrier tracking_number shipped_us units fulfillment"
_WORK = (
    "number fulfillment_id status pickup reason units open shipped requested_us accept_by_us "
    "accepted_us picking_us packed_us left_us closed_us seq"
)
_BOX = "number package_id shipment_id weight_g carrier tracking_number contents seq"
_RETURN = (
    "return_id status reason by_cancel exchange_order_id carrier tracking_number label_url why "
    "expected received inspected opened_us changed_us closed_us seq"
)
_REFUND = "return_id refund_id amount_minor currency reason refunded_us seq"
_TOLD = "seq stamp_us kind what ref actor document"


def order(views: Database, channel: str, order_id: str) -> OrderView | None:
    """Return an order; of several that bore this id, the newest. None if there is none."""
    sql = (
        f"SELECT {ORDER_COLUMNS}, o.document FROM orders o WHERE o.order_id = ? AND o.channel = ? "
        "ORDER BY o.seq DESC LIMIT 1"
    )
    rows = views.select(sql, [order_id, channel])
    if not rows:
        return None
    *row, document = rows[0]
    seq = [row[0]]
    timeline = _of_order(views, "activity", _TOLD, "seq", seq)
    for told in timeline:
        told["document"] = json.loads(told["document"]) if told["document"] else None
    boxes = _of_order(views, "packages", _BOX, "number, seq, n", seq)
    for box in boxes:
        box["contents"] = json.loads(box["contents"])
    return OrderView(
        OrderRow(*row),
        json.loads(document),
        _lines(views, seq),
        _of_order(views, "holds", _HOLD, "seq, n", seq),
        _work(views, seq),
        boxes,
        _of_order(views, "shipments", _SHIPMENT, "seq", seq),
        _of_order(views, "returns", _RETURN, "seq", seq),
        _of_order(views, "refunds", _REFUND, "seq", seq),
        timeline,
    )


def _work(views: Database, seq: list[int]) -> list[dict[str, Any]]:
    columns = ", ".join(f"f.{name}" for name in _WORK.split())
    sql = (
        f"SELECT {columns}, l.location FROM fulfillments f "
        "JOIN locations l ON l.number = f.location_number WHERE f.order_seq = ? ORDER BY f.number"
    )
    return _dicts(views, sql, f"{_WORK} location", seq)


def _of_order(
    views: Database, table: str, names: str, by: str, seq: list[int]
) -> list[dict[str, Any]]:
    columns = ", ".join(names.split())
    sql = f"SELECT {columns} FROM {table} WHERE order_seq = ? ORDER BY {by} LIMIT ?"
    return _dicts(views, sql, names, [*seq, limits.VIEW_TIMELINE_MAX])


def _lines(views: Database, seq: list[int]) -> list[dict[str, Any]]:
    names = "line line_id sku title quantity unit_price backordered cancelled shipped"
    sql = (
        "SELECT i.line, i.line_id, s.sku, s.title, i.quantity, i.unit_price, i.backordered, "
        "i.cancelled, i.shipped FROM order_lines i JOIN skus s ON s.number = i.sku_number "
        "WHERE i.order_seq = ? ORDER BY i.line"
    )
    lines = _dicts(views, sql, names, seq)
    by_line = {line["line"]: line.setdefault("allocations", []) for line in lines}
    sql = (
        "SELECT a.line, p.position, s.sku, l.location, a.quantity FROM allocations a "
        "JOIN positions p ON p.position = a.position JOIN skus s ON s.number = p.sku_number "
        "JOIN locations l ON l.number = p.location_number "
        "WHERE a.order_seq = ? AND a.quantity > 0 ORDER BY a.line, a.take"
    )
    for line, position, sku, location, quantity in views.select(sql, seq):
        by_line[line].append(
            {"position": position, "sku": sku, "location": location, "quantity": quantity}
        )
    return lines
