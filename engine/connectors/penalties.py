"""What a channel holds against a seller, as a twin of it sees it: by its own book, from what it is
told, with a reading of tracking numbers of its own."""

import re
import time

# What carriers know: numbers all of digits, parcels of UPS, letters of the post, and the like.
_KNOWN = re.compile(r"[0-9]{8,30}|1Z[0-9A-Z]{16}|[A-Z]{2}[0-9]{9}[A-Z]{2}|[A-Z]{1,4}[0-9]{8,20}")


class Penalties:
    """Orders by the channel's name: `placed`, `cancelled` by the seller, `shipped` (something of
    them has left), `late` (the channel heard of a parcel after the order was due). Where the
    carrier's scan counts instead, `awaited` are orders that it has not got yet, by when it should.
    `parcels` counts those told, `untracked` those of them that nobody can follow."""

    def __init__(self) -> None:
        self.placed: set[str] = set()
        self.cancelled: set[str] = set()
        self.shipped: set[str] = set()
        self.late: set[str] = set()
        self.awaited: dict[str, float] = {}
        self.parcels = self.untracked = 0

    def order(self, order: str) -> None:
        """An order is the seller's to ship."""
        self.placed.add(order)

    def cancel(self, order: str) -> None:
        """The seller cancels an order."""
        self.cancelled.add(order)

    def awaits(self, order: str, due_s: float) -> None:
        """The carrier is to scan an order until `due_s`, seconds since 1970."""
        self.awaited[order] = due_s

    def scanned(self, order: str) -> None:
        """The carrier scans an order now."""
        due_s = self.awaited.pop(order)
        self.shipped.add(order)
        if time.time() > due_s:
            self.late.add(order)

    def parcel(self, order: str, due_s: float | None, number: str, carrier: bool = True) -> None:
        """A parcel of an order is told now. The order was due at `due_s`, seconds since 1970, None
        where the channel says of none; `carrier`: the channel follows its carrier."""
        if order not in self.awaited:
            self.shipped.add(order)
            if due_s is not None and time.time() > due_s:
                self.late.add(order)
        self.parcels += 1
        self.untracked += not (carrier and _KNOWN.fullmatch(number.replace(" ", "")))

    def shares(self) -> dict[str, float]:
        """Return the share of each kind, as `standards.json` names it."""
        overdue = sum(time.time() > due_s for due_s in self.awaited.values())
        return {
            "cancelled": len(self.cancelled) / max(len(self.placed), 1),
            "late": (len(self.late) + overdue) / max(len(self.shipped) + overdue, 1),
            "untracked": self.untracked / max(self.parcels, 1),
        }
