"""The documents of wholesale, which are dibs' own: docs/connect/wholesale.md is their contract.
Unknown fields are passed over; prices are decimals, as text or as numbers."""

from datetime import datetime
from typing import Literal

import msgspec


class Address(msgspec.Struct, frozen=True):
    """Where an order goes. `country` is two letters."""

    name: str | None = None
    company: str | None = None
    line1: str | None = None
    line2: str | None = None
    city: str | None = None
    region: str | None = None
    postcode: str | None = None
    country: str | None = None
    phone: str | None = None
    email: str | None = None


class Line(msgspec.Struct, frozen=True):
    """`quantity` units of our `sku`, as they are wanted now. `line_id` names the line for ever."""

    line_id: str
    sku: str
    quantity: int
    unit_price: str | int | float | None = None


class Order(msgspec.Struct, frozen=True):
    """A purchase order, whole, as it was at `changed_at`. A draft takes no stock."""

    order_id: str
    changed_at: datetime
    lines: list[Line] = []
    status: Literal["draft", "open", "cancelled"] = "open"
    payment: Literal["paid", "pending", "authorized"] = "authorized"
    currency: str | None = None
    ship_to: Address | None = None
    customer: str | None = None
    note: str | None = None
    ordered_at: datetime | None = None
    required_by: datetime | None = None


class Push(msgspec.Struct, frozen=True):
    """What a partner pushes: `data` is a purchase order where `type` is "order"."""

    type: str
    data: msgspec.Raw = msgspec.Raw(b"null")


class Orders(msgspec.Struct, frozen=True):
    """A page of purchase orders; `next` is the address of the next one."""

    orders: list[msgspec.Raw] = []
    next: str | None = None


class Shown(msgspec.Struct, frozen=True):
    """What the partner's shoppers see of SKUs."""

    quantities: dict[str, int] = {}


class Refused(msgspec.Struct, frozen=True):
    """A SKU that the partner does not take, and why."""

    sku: str
    problem: str = "refused"


class Advised(msgspec.Struct, frozen=True):
    """The partner's answer to an inventory advice."""

    refused: list[Refused] = []
