"""The words of commands: what a field may hold, with its bounds. `commands` is made of them."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from engine.core import limits

# `$` alone would let a newline at the end pass.
ID_PATTERN = r"^[^\x00-\x1f\x7f]+(?!\n)$"

Id = Annotated[str, Meta(min_length=1, max_length=limits.ID_CHARS_MAX, pattern=ID_PATTERN)]
Text = Annotated[str, Meta(max_length=limits.TEXT_CHARS_MAX)]
Reason = Annotated[str, Meta(min_length=1, max_length=limits.REASON_CHARS_MAX, pattern=ID_PATTERN)]
Country = Annotated[str, Meta(pattern=r"^[A-Z]{2}(?!\n)$")]
Currency = Annotated[str, Meta(pattern=r"^[A-Z]{3}(?!\n)$")]
Quantity = Annotated[int, Meta(ge=1, le=limits.QUANTITY_MAX)]
OnHand = Annotated[int, Meta(ge=0, le=limits.QUANTITY_MAX)]
Delta = Annotated[int, Meta(ge=-limits.QUANTITY_MAX, le=limits.QUANTITY_MAX)]
Price = Annotated[int, Meta(ge=0, le=limits.PRICE_MINOR_MAX)]
Seq = Annotated[int, Meta(ge=0, le=limits.SEQ_MAX)]
Ttl = Annotated[int, Meta(ge=limits.RESERVATION_TTL_S_MIN, le=limits.RESERVATION_TTL_S_MAX)]
Latitude = Annotated[float, Meta(ge=-90, le=90)]
Longitude = Annotated[float, Meta(ge=-180, le=180)]
Priority = Annotated[int, Meta(ge=0, le=1_000_000)]
Score = Annotated[int, Meta(ge=0, le=100)]
OrderPriority = Annotated[int, Meta(ge=0, le=limits.ORDER_PRIORITY_MAX)]
Percent = Annotated[int, Meta(ge=0, le=100)]
MonthDay = Annotated[str, Meta(pattern=r"^(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])(?!\n)$")]
Names = Annotated[tuple[Id, ...], Meta(max_length=limits.CHANNEL_NAMES_MAX)]
Moment = Annotated[datetime, Meta(tz=True)]
LocationKind = Literal["warehouse", "third_party", "store", "marketplace", "supplier"]
Bucket = Literal["damaged", "quality_control", "safety_stock"]
Payment = Literal["paid", "pending", "authorized"]
WhenShort = Literal["refuse", "backorder", "split", "complete"]
HoldMinutes = Annotated[int, Meta(ge=1, le=limits.HOLD_MINUTES_MAX)]
Hours = Annotated[int, Meta(ge=0, le=limits.LOCK_HOURS_MAX)]
HoldReason = Literal[
    "unknown_sku",
    "bad_address",
    "duplicate",
    "non_stock",
    "payment",
    "review",
    "quantity",
    "cool_off",
    "operator",
    "return",
]
HoldThen = Literal["release", "cancel", "escalate"]
Leaves = Literal["now", "received"]
Disposition = Literal["restock", "damaged", "quality_control", "scrap"]


class Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Base of everything that is read from outside."""


class Address(Body):
    """Where an order goes. With coordinates, routing can prefer the nearest location."""

    name: Text | None = None
    company: Text | None = None
    line1: Text | None = None
    line2: Text | None = None
    city: Text | None = None
    region: Text | None = None
    postcode: Text | None = None
    country: Country | None = None
    phone: Text | None = None
    email: Text | None = None
    latitude: Latitude | None = None
    longitude: Longitude | None = None
