"""Goods of an order that come back, from the announcement to what becomes of each unit.

A return lies beside its order, whose status it leaves alone:

    requested ──▶ approved ──▶ received ──▶ closed
        └──▶ rejected ◀──┘

Everything is counted in units of stocked SKUs by line of the order (`Part`), so a bundle may come
back in parts. SKUs and locations are named by their numbers.
"""

from typing import TYPE_CHECKING

import msgspec

from engine.core.fitting import misfit
from engine.core.notes.base import NoteBase
from engine.core.terms import Disposition

if TYPE_CHECKING:
    from engine.core.lives import Happened, Life

REQUESTED, APPROVED, REJECTED, RECEIVED, CLOSED = STATUSES = (
    "requested",
    "approved",
    "rejected",
    "received",
    "closed",
)
LIVE = (REQUESTED, APPROVED, RECEIVED)


class Row(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A line of the announcement, as asked: `quantity` units of SKU `sku` of line `line`."""

    line: int
    sku: int
    quantity: int
    reason: str


class Part(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """`units` of stocked SKU `sku`, of which `each` make one unit of line `line`."""

    line: int
    sku: int
    each: int
    units: int


class Sorted(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """What became of `units` of SKU `sku`, and why."""

    sku: int
    units: int
    disposition: Disposition
    reason: str


class Refund(msgspec.Struct, frozen=True):
    """`amount` minor units went back."""

    refund_id: str
    amount: int
    currency: str
    reason: str


class Return(msgspec.Struct):
    """A return as it stands. `expected` and `came` are units by (line, SKU), `waiting` those to be
    inspected by (location, SKU), `sorted` those inspected by (location, SKU, disposition)."""

    opened: "ReturnOpened"
    opened_seq: int
    status: str
    seq: int
    expected: dict[tuple[int, int], int]
    came: dict[tuple[int, int], int] = {}
    waiting: dict[tuple[int, int], int] = {}
    sorted: dict[tuple[int, int, str], int] = {}
    label: tuple[str, str, str] = ("", "", "")
    refunds: list[Refund] = []
    why: str = ""

    @property
    def live(self) -> bool:
        """Whether something may come still."""
        return self.status in LIVE

    def claims(self, line: int, sku: int) -> int:
        """Units of a line that no other return may have."""
        came = self.came.get((line, sku), 0)
        return max(came, self.expected.get((line, sku), 0)) if self.live else came

    @property
    def complete(self) -> bool:
        """Whether all that was announced has come and all that came was inspected."""
        return not self.waiting and all(
            self.came.get(key, 0) >= units for key, units in self.expected.items()
        )


class ReturnNote(NoteBase, frozen=True):
    """Base of what happens to a return that is there."""

    return_id: str

    def fold(self, life: "Life", happened: "Happened") -> None:
        """Change the return."""
        found = life.returns.get(self.return_id)
        misfit("a return's note is of no return", found is None)
        self.turn(found, life, happened)
        found.seq = happened.seq

    def turn(self, found: Return, life: "Life", happened: "Happened") -> None:
        """Change `found`; `LedgerError` if that does not fit."""
        raise NotImplementedError


class ReturnOpened(NoteBase, frozen=True, tag="return_opened"):
    """These units are to come back; with `approved`, they may be sent. `by_cancel`: the order was
    cancelled when they had left. `exchange` is the id of the order that is given for them."""

    return_id: str
    reason: str
    approved: bool
    rows: tuple[Row, ...]
    parts: tuple[Part, ...]
    by_cancel: bool = False
    exchange: str = ""

    def fold(self, life: "Life", happened: "Happened") -> None:
        """The return is there."""
        life.once("return", self.return_id, happened)
        _fix(life, self.parts)
        life.returns[self.return_id] = Return(
            self,
            happened.seq,
            APPROVED if self.approved else REQUESTED,
            happened.seq,
            _added({}, self.parts),
        )


class ReturnApproved(ReturnNote, frozen=True, tag="return_approved"):
    """Its goods may be sent, with this label."""

    carrier: str = ""
    tracking_number: str = ""
    label_url: str = ""

    def turn(self, found: Return, life: "Life", happened: "Happened") -> None:
        """It is approved."""
        misfit("a return is approved late", found.status not in (REQUESTED, APPROVED))
        found.status = APPROVED
        found.label = (self.carrier, self.tracking_number, self.label_url)


class ReturnRejected(ReturnNote, frozen=True, tag="return_rejected"):
    """Its goods are not taken back."""

    reason: str

    def turn(self, found: Return, life: "Life", happened: "Happened") -> None:
        """Nothing of it may come."""
        misfit("a return is rejected late", found.status not in (REQUESTED, APPROVED))
        found.status, found.why = REJECTED, self.reason


class ReturnReceived(ReturnNote, frozen=True, tag="return_received"):
    """Units arrived at location number `location`."""

    receipt_id: str
    location: int
    parts: tuple[Part, ...]

    def turn(self, found: Return, life: "Life", happened: "Happened") -> None:
        """They wait to be inspected there."""
        life.once(f"receipt of {self.return_id}", self.receipt_id, happened)
        misfit("a return is received that may not be", found.status not in (APPROVED, RECEIVED))
        _fix(life, self.parts)
        found.status = RECEIVED
        _added(found.came, self.parts)
        for part in self.parts:
            place = (self.location, part.sku)
            found.waiting[place] = found.waiting.get(place, 0) + part.units


class ReturnInspected(ReturnNote, frozen=True, tag="return_inspected"):
    """It is decided what becomes of units at location number `location`."""

    inspection_id: str
    location: int
    rows: tuple[Sorted, ...]

    def turn(self, found: Return, life: "Life", happened: "Happened") -> None:
        """They wait no more; with the last ones of those announced, the return is closed."""
        life.once(f"inspection of {self.return_id}", self.inspection_id, happened)
        for row in self.rows:
            place = (self.location, row.sku)
            left = found.waiting.get(place, 0) - row.units
            misfit("more of a return is inspected than came", left < 0 or row.units < 1)
            found.waiting[place] = left
            if not left:
                del found.waiting[place]
            key = (*place, row.disposition)
            found.sorted[key] = found.sorted.get(key, 0) + row.units
        if found.complete and found.status == RECEIVED:
            found.status = CLOSED


class ReturnRefunded(ReturnNote, frozen=True, tag="return_refunded"):
    """Money went back, or is to."""

    refund: Refund

    def turn(self, found: Return, life: "Life", happened: "Happened") -> None:
        """It is noted."""
        life.once(f"refund of {self.return_id}", self.refund.refund_id, happened)
        found.refunds.append(self.refund)


class ReturnClosed(ReturnNote, frozen=True, tag="return_closed"):
    """Nothing more of it is to come."""

    reason: str = ""

    def turn(self, found: Return, life: "Life", happened: "Happened") -> None:
        """It is closed."""
        misfit("a return is closed early or twice", not found.live or bool(found.waiting))
        found.status, found.why = CLOSED, self.reason


def _added(into: dict[tuple[int, int], int], parts: tuple[Part, ...]) -> dict:
    for part in parts:
        misfit("a return is of nothing", part.units < 1 or part.each < 1)
        key = (part.line, part.sku)
        into[key] = into.get(key, 0) + part.units
    return into


def _fix(life: "Life", parts: tuple[Part, ...]) -> None:
    """What a line is made of is said by the first return of it, and the same by all."""
    for part in parts:
        known = life.parts.setdefault((part.line, part.sku), part.each)
        misfit("a line of an order is made of something else", known != part.each)
