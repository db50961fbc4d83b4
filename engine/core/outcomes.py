"""What a command gets back: `Accepted` or `Refused`. Refusals are values of one ordered enum.

The order of `Code` is the precedence: when a command is wrong in several ways, the smallest
member is the one reported. A refusal changes nothing and is not logged, so the same id may be
tried again.
"""

from enum import IntEnum
from typing import Any

import msgspec


class Code(IntEnum):
    """Why the ledger refused. The lower-case name is the stable `code` of the problem document."""

    IDEMPOTENCY_CONFLICT = 1
    UNKNOWN_RESERVATION = 2
    UNKNOWN_ORDER = 3
    UNKNOWN_LOCATION = 4
    UNKNOWN_SKU = 5
    LOCATION_INACTIVE = 6
    RESERVATION_EXPIRED = 7
    RESERVATION_CLOSED = 8
    ORDER_CLOSED = 9
    ORDER_EXISTS = 10
    BUNDLE_CYCLE = 11
    BUNDLE_TOO_DEEP = 12
    BUNDLE_TOO_WIDE = 13
    BUNDLE_HAS_STOCK = 14
    BUNDLE_NOT_STOCKED = 15
    DUPLICATE_LINE = 16
    SAME_LOCATION = 17
    QUANTITY_OVERFLOW = 18
    STALE_COUNT = 19
    PROMISED_STOCK = 20
    QUANTITY_NOT_HELD = 21
    INSUFFICIENT_STOCK = 22
    TABLE_FULL = 23
    UNKNOWN_PURCHASE_ORDER = 24
    UNKNOWN_HOLD = 25
    ORDER_STATUS = 26
    INCOMPLETE_RULE = 50
    UNKNOWN_RETURN = 70
    RETURN_STATUS = 71
    NOT_RETURNABLE = 72
    UNKNOWN_POLICY = 30
    UNKNOWN_STRATEGY = 31
    NOT_ROUTABLE = 32
    INVALID_POLICY = 33
    BACKORDER_LIMIT = 40
    FENCED_SKU = 41
    FENCES_MIXED = 42
    UNKNOWN_CHANNEL = 43
    NOTHING_TOLD = 51
    BUNDLE_REMADE = 52
    UNKNOWN_FULFILLMENT = 60
    FULFILLMENT_STATUS = 61
    BUNDLE_PARTED = 64
    UNKNOWN_LINE = 80
    STALE_ORDER = 81
    ORDERS_DIFFER = 82
    ORDER_INCOMPLETE = 90

    @property
    def slug(self) -> str:
        """The stable text of this code, as sent to clients."""
        return self.name.lower()


class Fault(msgspec.Struct, frozen=True, omit_defaults=True):
    """One reason inside a refusal.

    `path` names the field (`lines[2].sku`). `requested` and `available` are units and are set
    where a quantity fell short; `expected` and `actual` where a compare-and-set failed.
    """

    path: str
    detail: str
    sku: str | None = None
    location: str | None = None
    requested: int | None = None
    available: int | None = None
    expected: int | None = None
    actual: int | None = None


class Refused(msgspec.Struct, frozen=True):
    """The command changed nothing. `seq` is the log position whose state refused it."""

    code: Code
    detail: str
    seq: int
    faults: tuple[Fault, ...] = ()


class Accepted(msgspec.Struct, frozen=True):
    """The command holds. `answer` is a struct of `answers`; `seq` is its event's log position.

    `replayed` means that the effect happened earlier, at `seq`, and this is the first answer
    again. `created` says that the thing named by the command did not exist before.
    """

    answer: Any
    seq: int
    replayed: bool = False
    created: bool = True


Outcome = Accepted | Refused
