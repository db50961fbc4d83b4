"""Fulfillments, their units and their boxes: read model, folded as `core.notes.fulfillments`
does."""

from typing import Any

import msgspec

from engine.core.fulfillment_life import OPEN
from engine.views.schema import BY_NAME
from engine.views.work import OrderRows, Work, plain

NEEDS = ("fulfillments", "fulfillment_lines")
_Note = dict[str, Any]
_HEAD = BY_NAME["fulfillments"].names
_STATUS, _REASON, _OPEN, _SHIPPED, _ACCEPTED, _LEFT, _CLOSED, _CHANGED = map(
    _HEAD.index,
    ("status", "reason", "open", "shipped", "accepted_us", "left_us", "closed_us", "changed_us"),
)
_REACHED = {
    "accepted": _ACCEPTED,
    "picking": _HEAD.index("picking_us"),
    "packed": _HEAD.index("packed_us"),
    "shipped": _LEFT,
    "picked_up": _LEFT,
}
# Ends, whatever came before them. What is shipped may still be delivered.
_ENDS = ("picked_up", "delivered", "rejected", "expired", "cancelled")
_LINE = BY_NAME["fulfillment_lines"].names
_LINE_OPEN, _LINE_SHIPPED = _LINE.index("open"), _LINE.index("shipped")
_json = msgspec.json.Encoder().encode


def _requested(work: Work, seq: int, stamp_us: int, order: OrderRows, note: _Note) -> None:
    """Locations were asked for units of the order."""
    heads, lines = work.part(order, "fulfillments"), work.part(order, "fulfillment_lines")
    placed = order.head[0]
    for part in note["parts"]:
        number, units = part["number"], sum(row[2] for row in part["rows"])
        heads[(number,)] = [
            placed,
            number,
            f"{placed}-{number}",
            part["location"],
            "requested",
            int(note.get("pickup", False)),
            None,
            units,
            units,
            0,
            stamp_us,
            note["accept_by_us"] or None,
            *(None,) * 5,
            stamp_us,
            seq,
        ]
        for line, position, count in part["rows"]:
            key = (number, line, position)
            lines[key] = [placed, *key, count, count, 0]


def _step(work: Work, seq: int, stamp_us: int, order: OrderRows, note: _Note) -> None:
    """A fulfillment has come to a status; units are its concern no more."""
    number, status, shipment = note["number"], note["status"], note.get("shipment_id")
    head, lines = work.part(order, "fulfillments")[(number,)], work.part(order, "fulfillment_lines")
    for line, position, units in note.get("rows", ()):
        row = lines[number, line, position]
        row[_LINE_OPEN] -= units
        head[_OPEN] -= units
        if shipment:
            row[_LINE_SHIPPED] += units
            head[_SHIPPED] += units
    if status not in OPEN and head[_OPEN]:
        head[_OPEN] = 0
        for key, row in lines.items():
            if key[0] == number:
                row[_LINE_OPEN] = 0
    reached = _REACHED.get(status)
    if status == "picking" and head[_ACCEPTED] is None:
        head[_ACCEPTED] = stamp_us
    if reached is not None and head[_STATUS] != status:
        head[reached] = stamp_us
    if status in _ENDS:
        head[_CLOSED] = stamp_us
    head[_STATUS], head[_CHANGED] = status, stamp_us
    head[_REASON] = plain(note.get("reason")) or head[_REASON]
    if shipment:
        order.leaving[shipment] = number
    if boxes := note.get("packages"):
        _packed(work, seq, order, number, shipment, boxes)


def _packed(
    work: Work, seq: int, order: OrderRows, number: int, shipment: str | None, boxes: list[_Note]
) -> None:
    """Boxes were told of."""
    for n, box in enumerate(boxes):
        name, tracking = box["package_id"], plain(box.get("tracking_number"))
        row = (
            order.head[0],
            number,
            seq,
            n,
            name,
            shipment,
            box.get("weight_g"),
            plain(box.get("carrier")),
            tracking,
            _json(box.get("lines", ())).decode(),
        )
        work.new["packages"].append(row)
        work.term(seq, order.head[0], name, tracking)


FOLD = {"released": _requested, "rerouted": _requested, "fulfillment_step": _step}
