"""Orders that a channel shows as packages: several for one order, replaced when they are split.

A package's number is no name for anything that lasts: splitting, or cancelling a part, replaces a
package by others. Line numbers may be replaced as well. So an order is all of its packages, and a
line is what is sold at a price: that stays the same however it is packed.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import msgspec

from engine.connectors.base import ConnectorError, ForeignLine, ForeignOrder
from engine.core import limits

Standing = Literal["unpaid", "open", "left", "gone", "replaced"]


class Row(msgspec.Struct, frozen=True):
    """What is packed: `quantity` units of a listing at `unit_price` minor units. `number` is the
    channel's, and may change."""

    number: str
    listing: str
    quantity: int
    sku: str | None = None
    unit_price: int | None = None


class Pack(msgspec.Struct, frozen=True):
    """A package as its channel shows it, changed last at `changed_ms` since 1970. `told` is what it
    says of how it travels. One that is `gone` was cancelled."""

    number: str
    standing: Standing
    changed_ms: int
    rows: tuple[Row, ...] = ()
    told: str = ""


def lines_of(packs: Iterable[Pack]) -> dict[tuple[str, int | None], str]:
    """Return what each (listing, unit price) is called as a line: the listing, and the price with
    it where the order has the listing at several."""
    prices: dict[str, set[int | None]] = {}
    for pack in packs:
        for row in pack.rows:
            prices.setdefault(row.listing, set()).add(row.unit_price)
    return {
        (listing, price): listing if len(known) == 1 else f"{listing}@{price}"
        for listing, known in prices.items()
        for price in known
    }


def combined(
    order_id: str, packs: Sequence[Pack], details: Mapping[str, Any], *, whole: bool = True
) -> ForeignOrder:
    """Return the order that packages make up; `details` are its other fields. Raises
    `ConnectorError`, to try again, while a package is replaced and its successors are not there."""
    if not packs:
        raise ConnectorError(f"order {order_id}: it has nothing in it")
    counted = [pack for pack in packs if pack.standing != "replaced"]
    _complete(order_id, packs, counted)
    live = [pack for pack in counted if pack.standing != "gone"]
    ready = all(pack.standing != "unpaid" for pack in live)
    state = "open" if live else "cancelled"
    if live and all(pack.standing == "left" for pack in live):
        state = "fulfilled"
    return ForeignOrder(
        order_id=order_id,
        version=max(pack.changed_ms for pack in packs),
        state=state,
        ready=ready,
        whole=whole,
        payment="paid" if ready else "pending",
        lines=_lines(packs, live),
        **details,
    )


def _complete(order_id: str, packs: Sequence[Pack], counted: Sequence[Pack]) -> None:
    there = Counter[str]()
    for pack in counted:
        there.update({row.listing: row.quantity for row in _merged(pack.rows)})
    for pack in packs:
        for row in _merged(pack.rows) if pack.standing == "replaced" else ():
            if there[row.listing] < row.quantity:
                text = f"order {order_id}: package {pack.number} is being split"
                raise ConnectorError(text, limits.PACKAGES_RETRY_S)


def _merged(rows: Iterable[Row]) -> list[Row]:
    """Return rows with one for each listing."""
    found: dict[str, Row] = {}
    for row in rows:
        before = found.get(row.listing)
        quantity = row.quantity + (before.quantity if before else 0)
        found[row.listing] = msgspec.structs.replace(row, quantity=quantity)
    return list(found.values())


def _lines(packs: Sequence[Pack], live: Sequence[Pack]) -> tuple[ForeignLine, ...]:
    names, found = lines_of(packs), {}
    for row in (row for pack in live for row in pack.rows):
        name = names[row.listing, row.unit_price]
        before = found.get(name)
        found[name] = ForeignLine(
            line=name,
            listing=row.listing,
            sku=row.sku,
            quantity=row.quantity + (before.quantity if before else 0),
            unit_price=row.unit_price,
        )
    return tuple(found[name] for name in sorted(found))


class Plan(msgspec.Struct, frozen=True):
    """How to tell of a parcel: these packages are it, or with `more` a part of it; or one is to be
    split first, so that its rows of these quantities, by number, are a package."""

    packs: tuple[Pack, ...] = ()
    more: bool = False
    split: Pack | None = None
    rows: tuple[tuple[str, int], ...] = ()


def plan(packs: Sequence[Pack], lines: Iterable[tuple[str, int]], mark: str) -> Plan:
    """Find what a parcel of `lines` is, among the packages of its order. What was told with `mark`
    already is not told again."""
    names, wanted = lines_of(packs), Counter(dict(lines))
    for pack in packs:
        if _says(pack.told, mark):
            wanted.subtract(_contents(pack, names))
    wanted = +wanted
    open_packs = [pack for pack in packs if pack.standing == "open"]
    for pack in open_packs:
        if _contents(pack, names) == wanted:
            return Plan((pack,))
    chosen = []
    for pack in open_packs:
        inside = _contents(pack, names)
        if inside <= wanted:
            chosen.append(pack)
            wanted -= inside
    if chosen or not wanted:
        return Plan(tuple(chosen), more=bool(wanted))
    for pack in open_packs:
        rows = _part(pack, names, wanted)
        if rows:
            return Plan(split=pack, rows=rows)
    raise ConnectorError(f"no open package holds {dict(wanted)}")


def _says(told: str, mark: str) -> bool:
    """Say whether a tracking number stands in a text, and not as a part of a longer one."""
    return bool(mark) and bool(re.search(rf"(?<![\w-]){re.escape(mark)}(?![\w-])", told))


def _contents(pack: Pack, names: Mapping[tuple[str, int | None], str]) -> Counter[str]:
    found = Counter[str]()
    for row in pack.rows:
        found[names[row.listing, row.unit_price]] += row.quantity
    return found


def _part(
    pack: Pack, names: Mapping[tuple[str, int | None], str], wanted: Mapping[str, int]
) -> tuple[tuple[str, int], ...]:
    left, found = Counter(wanted), []
    for row in pack.rows:
        name = names[row.listing, row.unit_price]
        if quantity := min(row.quantity, left[name]):
            found.append((row.number, quantity))
            left[name] -= quantity
    return tuple(found)
