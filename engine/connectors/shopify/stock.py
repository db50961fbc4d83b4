"""Publishing quantities: by compare-and-set, so that nobody's change is overwritten unseen.

    what we last set is still there    ─▶ set
    what we want is there already      ─▶ nothing to do: a sale of the shop lowered it
    somebody changed it, to more       ─▶ set at once: showing too many may be sold
    somebody changed it, to fewer      ─▶ not set this time: an order may be on its way to us that
                                          tells of it. The next time starts from what was seen

A call is all or nothing at the shop: the rows that it names are taken out or mended, and the rest
is sent again.
"""

import uuid
from collections import defaultdict
from collections.abc import Sequence

import msgspec

from engine.connectors.base import Account, Published, Quantity
from engine.connectors.calls import Reserved
from engine.connectors.shopify import wire
from engine.connectors.shopify.client import Client, UserError
from engine.connectors.shopify.documents import ITEMS, PLACE, SET_STOCK, STOCK
from engine.connectors.shopify.orders import gid, number

_ROUNDS = 4  # of a call whose rows the shop did not take
_STALE = frozenset(("CHANGE_FROM_QUANTITY_STALE", "COMPARE_QUANTITY_STALE"))
_LATER = frozenset(("IDEMPOTENCY_CONCURRENT_REQUEST", "IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED"))


class _Nodes(msgspec.Struct, frozen=True):
    nodes: list[wire.Item | None] = []


class _Place(msgspec.Struct, frozen=True):
    location: wire.Named | None = None


class _Set(msgspec.Struct, frozen=True, rename="camel"):
    inventory_set_quantities: wire.Done = wire.Done()


class Row(msgspec.Struct, frozen=True):
    """A listing's number, and the shop's inventory item and location that it is of."""

    listing: str
    quantity: int
    item: str
    location: str


class Stock:
    """The stock of an account's shop. What is kept here may be lost at any time."""

    def __init__(self, account: Account, client: Client) -> None:
        self._place = account.options.get("location", "")
        self._client = client
        self._items: dict[str, str] = {}  # inventory item of each variant
        self._seen: dict[str, int] = {}  # what somebody made of a listing, seen last time

    async def publish(self, rows: Sequence[Quantity]) -> list[Published]:
        """Set quantities; return what became of each."""
        found = await self._located(rows)
        results = {
            row.listing: Published(row.listing, "the shop has no such variant")
            for row in rows
            if row.listing not in found
        }
        base = {row.listing: self._seen.pop(row.listing, row.shown) for row in rows}
        rest, reserved = list(found.values()), None
        try:
            for left in reversed(range(_ROUNDS)):
                if not rest:
                    break
                errors = await self._set(rest, base, reserved)
                if errors and left:
                    # Before it is read what is there: else that is old when it may be set.
                    reserved = await self._client.reserve(SET_STOCK)
                rest = await self._judged(rest, errors, base, results)
        finally:
            if reserved is not None:
                await self._client.release(reserved)
        for row in rest:
            problem = "it changes faster than we set it"
            results[row.listing] = Published(row.listing, problem, again=True, crossed=True)
        return [results[row.listing] for row in rows]

    async def _set(
        self, rows: list[Row], base: dict[str, int | None], reserved: Reserved | None
    ) -> list[UserError]:
        key = str(uuid.uuid4())
        quantities = [
            {
                "inventoryItemId": row.item,
                "locationId": row.location,
                "quantity": row.quantity,
                "changeFromQuantity": base[row.listing],
            }
            for row in rows
        ]
        about = {"name": "available", "reason": "correction"}
        about["referenceDocumentUri"] = f"gid://dibs/Quantities/{key}"
        variables = {"input": about | {"quantities": quantities}, "key": key}
        done = await self._client.ask(SET_STOCK, variables, _Set, reserved=reserved)
        return done.inventory_set_quantities.user_errors

    async def _judged(
        self,
        rows: list[Row],
        errors: list[UserError],
        base: dict[str, int | None],
        results: dict[str, Published],
    ) -> list[Row]:
        """Note what became of rows; return those that are to be sent again."""
        by_row: dict[int, UserError] = {}
        for error in errors:
            at = _row_of(error)
            if at is None or at >= len(rows):  # it is about the call, not about a row
                again = error.code in _LATER
                results |= {r.listing: Published(r.listing, str(error), again) for r in rows}
                return []
            by_row[at] = error
        if not by_row:
            results |= {row.listing: Published(row.listing) for row in rows}
            return []
        stale = [rows[at] for at, error in by_row.items() if error.code in _STALE]
        there = await self._levels(stale)
        rest = []
        for at, row in enumerate(rows):
            error = by_row.get(at)
            if error is None:
                rest.append(row)
            elif error.code not in _STALE:
                results[row.listing] = Published(row.listing, str(error))
            elif self._mended(row, there.get(row.listing), base, results):
                rest.append(row)
        return rest

    def _mended(
        self,
        row: Row,
        there: int | None,
        base: dict[str, int | None],
        results: dict[str, Published],
    ) -> bool:
        """Decide on a row that somebody changed, to `there`; say whether to send it again now."""
        if there is None:
            results[row.listing] = Published(row.listing, "not stocked at the location")
        elif there == row.quantity:
            results[row.listing] = Published(row.listing)
        elif there > row.quantity:
            base[row.listing] = there
            return True
        else:
            self._seen[row.listing] = there
            problem = f"somebody made it {there} meanwhile"
            results[row.listing] = Published(row.listing, problem, again=True, crossed=True)
        return False

    async def shown(self, items: Sequence[Quantity]) -> dict[str, int]:
        """Return what the shop has available of each listing that it knows."""
        return await self._levels(list((await self._located(items)).values()))

    async def _levels(self, rows: list[Row]) -> dict[str, int]:
        groups: dict[str, dict[str, str]] = defaultdict(dict)
        for row in rows:
            groups[row.location][row.item] = row.listing
        found: dict[str, int] = {}
        for location, names in groups.items():
            variables = {"ids": list(names), "location": location}
            for node in (await self._client.ask(STOCK, variables, _Nodes)).nodes:
                if node and node.id in names and node.inventory_level:
                    (units,) = node.inventory_level.quantities
                    found[names[node.id]] = units.quantity
        return found

    async def _located(self, rows: Sequence[Quantity]) -> dict[str, Row]:
        """Return where the stock of each listing is, for those that the shop knows."""
        unknown = [
            gid("ProductVariant", row.listing)
            for row in rows
            if "inventory_item" not in row.item and row.listing not in self._items
        ]
        if unknown:
            for node in (await self._client.ask(ITEMS, {"ids": unknown}, _Nodes)).nodes:
                if node and node.inventory_item:
                    self._items[number(node.id)] = node.inventory_item.id
        if not self._place and any("location" not in row.item for row in rows):
            found = (await self._client.ask(PLACE, {}, _Place)).location
            self._place = found.id if found else ""
        located = {}
        for row in rows:
            item = row.item.get("inventory_item") or self._items.get(row.listing)
            place = row.item.get("location") or self._place
            if item and place:
                located[row.listing] = Row(
                    row.listing, row.quantity, gid("InventoryItem", item), gid("Location", place)
                )
        return located


def _row_of(error: UserError) -> int | None:
    """Return which row an error is about: its field is input, quantities, NUMBER, …"""
    for part in error.field or ():
        if part.isdigit():
            return int(part)
    return None
