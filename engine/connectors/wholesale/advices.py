"""What a partner is told: messages that go as JSON to a service, or as CSV into a folder, where
they are named after the EDI documents that say the same (ANSI X12).

    855 acknowledgement   846 inventory advice   856 despatch advice
    812 credit note       865 cancellation
"""

import csv
import io
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from engine.connectors import money
from engine.connectors.base import Acceptance, Parcel, Quantity


class Advice(msgspec.Struct, frozen=True, kw_only=True):
    """A message: `name` is the same each time it is told, `number` is the EDI document's, `data`
    what goes with all of its `rows`."""

    kind: str
    number: str
    name: str
    data: dict[str, Any]
    rows: list[dict[str, Any]]

    def message(self) -> bytes:
        """Return it as JSON."""
        data = self.data | ({"lines": self.rows} if self.rows else {})
        return msgspec.json.encode({"type": self.kind, "data": data})

    @property
    def file(self) -> str:
        """The name of the file that says it."""
        return f"{self.number}-{quote(self.name, safe='')}.csv"

    def csv(self) -> bytes:
        """Return it as CSV: one row for each line, each with what goes with all of them."""
        rows = [self.data | row for row in self.rows] or [self.data]
        text = io.StringIO()
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\r\n")
        writer.writeheader()
        writer.writerows(rows)
        return text.getvalue().encode()


def acknowledgement(acceptance: Acceptance) -> Advice:
    """An order was taken."""
    rows = [
        {
            "line_id": line.line,
            "sku": line.sku,
            "quantity": line.quantity,
            "promised": min(line.allocated, line.quantity),
            "backordered": max(line.quantity - line.allocated, 0),
        }
        for line in acceptance.lines
    ]
    data = {"order_id": acceptance.order_id}
    name = f"acknowledgement-{acceptance.order_id}"
    return Advice(kind="acknowledgement", number="855", name=name, data=data, rows=rows)


def inventory(quantities: Sequence[Quantity]) -> Advice:
    """So much may be ordered now. The newest of two advices is right: `number` rises."""
    number = time.time_ns() // 1_000
    rows = [{"sku": row.listing, "quantity": row.quantity} for row in quantities]
    data = {"number": number}
    name = f"inventory-{number}"
    return Advice(kind="inventory", number="846", name=name, data=data, rows=rows)


def despatch(parcel: Parcel) -> Advice:
    """Units have left."""
    rows = [{"line_id": line, "quantity": quantity} for line, quantity in parcel.lines]
    data = {
        "order_id": parcel.order_id,
        "shipment_id": parcel.shipment_id,
        "shipped_at": parcel.shipped_at.isoformat(),
        "carrier": parcel.carrier or "",
        "tracking": parcel.tracking or "",
        "last": parcel.last,
    }
    name = f"despatch-{parcel.order_id}-{parcel.shipment_id}"
    return Advice(kind="despatch", number="856", name=name, data=data, rows=rows)


def credit(order_id: str, refund_id: str, amount: int, currency: str) -> Advice:
    """Money goes back."""
    data = {
        "order_id": order_id,
        "refund_id": refund_id,
        "amount": money.decimal(amount, currency),
        "currency": currency,
    }
    name = f"credit-{order_id}-{refund_id}"
    return Advice(kind="credit", number="812", name=name, data=data, rows=[])


def cancellation(order_id: str, reason: str) -> Advice:
    """An order will not be delivered."""
    data = {"order_id": order_id, "reason": reason}
    name = f"cancellation-{order_id}"
    return Advice(kind="cancellation", number="865", name=name, data=data, rows=[])
