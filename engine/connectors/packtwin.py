"""What the twins of channels that show orders as packages have in common: a shop whose orders are
packages that can be split, cancelled in part and sent, each time under other numbers.

A channel's own twin says what the standings are called there and how a package is shown, and is
told of each change. Shoppers buy what the shop shows, and nothing else.
"""

import asyncio
import itertools
import time
from collections.abc import Mapping

import msgspec

from engine.connectors.twins import Faults, Twin

SPLIT_S = 0.05  # from a split that is taken in to its packages


class Line(msgspec.Struct):
    """Units of a listing in a package."""

    number: int
    listing: str
    quantity: int


class Pack(msgspec.Struct):
    """A package: `origins` are those that it replaced, `by` what made it."""

    number: int
    order: str
    standing: str
    lines: list[Line]
    changed_ms: int
    placed_ms: int
    origins: list[int] = []
    by: str = "order-creation"
    told: str = ""
    box: str = ""  # where lines are packed later: the number of what they are in


class PackageTwin(Twin):
    """A shop of packages. `stock` is units by SKU, each a listing. Standings: unpaid, open,
    picking, left, cancelled (by the shopper), unsupplied (by the seller), replaced."""

    cents = 1_000

    def __init__(
        self, stock: Mapping[str, int], faults: Faults | None = None, seed: int = 1
    ) -> None:
        super().__init__(faults, seed)
        self.skus = {self.listing(n): sku for n, sku in enumerate(stock, 1)}
        self.stock = {self.listing(n): units for n, units in enumerate(stock.values(), 1)}
        self.packs: dict[int, Pack] = {}
        self.ids, self._last_ms = itertools.count(90_001), 0

    def listing(self, number: int) -> str:
        """Return what the channel calls the listing of this number."""
        raise NotImplementedError

    def changed(self, pack: Pack) -> None:
        """Tell of a package that is new or changed."""

    # Listings.

    def listings(self) -> dict[str, str]:
        """Return the SKU of each listing."""
        return dict(self.skus)

    def shown(self, listing: str) -> int:
        """Return the quantity that shoppers see."""
        return self.stock[listing]

    def meddle(self, listing: str, quantity: int) -> None:
        """Somebody changes the stock in the channel's own screens."""
        self.stock[listing] = quantity

    # Orders.

    def now_ms(self) -> int:
        """Return the time, later than all times before."""
        self._last_ms = max(int(time.time() * 1000), self._last_ms + 1)
        return self._last_ms

    def buy(self, listing: str, quantity: int = 1, *, paid: bool = True) -> str | None:
        """Have a shopper buy; what is shown falls at once."""
        return self.buy_all({listing: quantity}, paid=paid)

    def buy_all(self, wanted: Mapping[str, int], *, paid: bool = True) -> str | None:
        """Have a shopper buy several listings in one order."""
        if any(self.stock[listing] < units for listing, units in wanted.items()):
            return None
        for listing, units in wanted.items():
            self.stock[listing] -= units
        lines = [Line(next(self.ids), listing, units) for listing, units in wanted.items()]
        order, at_ms = str(next(self.ids)), self.now_ms()
        standing = "open" if paid else "unpaid"
        self._put(Pack(next(self.ids), order, standing, lines, at_ms, at_ms))
        return order

    def _put(self, pack: Pack) -> None:
        self.packs[pack.number] = pack
        self.changed(pack)

    def move(self, pack: Pack, standing: str) -> None:
        """Change where a package stands."""
        pack.standing, pack.changed_ms = standing, self.now_ms()
        self.changed(pack)

    def of(self, order: str) -> list[Pack]:
        """Return the packages of an order, replaced ones too."""
        return [pack for pack in self.packs.values() if pack.order == order]

    def pay(self, order: str) -> None:
        """The payment of an order arrives."""
        for pack in self.of(order):
            if pack.standing == "unpaid":
                self.move(pack, "open")

    def cancel(self, order: str) -> None:
        """The shopper cancels an order; its stock is shown again."""
        for pack in self.of(order):
            if pack.standing in ("unpaid", "open", "picking"):
                self.move(pack, "cancelled")
                for line in pack.lines:
                    self.stock[line.listing] += line.quantity

    def reduce(self, order: str, quantity: int = 1) -> None:
        """The shopper cancels units of the first line: the package is replaced by two."""
        pack = next(p for p in self.of(order) if p.standing in ("open", "picking"))
        line = pack.lines[0]
        self.replace(pack, [{line.number: quantity}], ["cancelled"], by="cancel")

    def replace(
        self, pack: Pack, parts: list[dict[int, int]], standings: list[str], *, by: str
    ) -> None:
        """Replace a package by one for each part, of units by line, and one for the rest. A line
        that is divided goes on under its number in one package and under new ones in others."""
        left = {line.number: line.quantity for line in pack.lines}
        for part in parts:
            for number, units in part.items():
                left[number] -= units
        before, used = pack.standing, set[int]()
        self.move(pack, "replaced")
        rest = {number: units for number, units in left.items() if units}
        kept = [(before, rest)] if rest else []
        for standing, part in [*kept, *zip(standings, parts, strict=True)]:
            lines = []
            for line in pack.lines:
                if units := part.get(line.number, 0):
                    number = next(self.ids) if line.number in used else line.number
                    used.add(line.number)
                    lines.append(Line(number, line.listing, units))
            at_ms, origins = self.now_ms(), [pack.number]
            number = next(self.ids)
            self._put(Pack(number, pack.order, standing, lines, at_ms, pack.placed_ms, origins, by))

    def split(self, pack: Pack, parts: list[dict[int, int]]) -> None:
        """Replace a package a moment later, as a channel does that takes a split in."""

        def now() -> None:
            if pack.standing in ("open", "picking"):
                self.replace(pack, parts, [pack.standing] * len(parts), by="split")

        asyncio.get_running_loop().call_later(SPLIT_S, now)

    def orders(self) -> dict[str, str]:
        """Return each order's standing."""
        return {
            order: self._word(self.of(order)) for order in {p.order for p in self.packs.values()}
        }

    def _word(self, packs: list[Pack]) -> str:
        standings = {pack.standing for pack in packs if pack.standing != "replaced"}
        live = standings - {"cancelled", "unsupplied"}
        if not live:
            return "cancelled"
        if "unpaid" in live:
            return "unpaid"
        return "fulfilled" if live == {"left"} else "open"

    def parcels(self, order: str) -> list[str]:
        """Return what was told of each package that left."""
        return [pack.told for pack in self.of(order) if pack.told]

    def refunds(self, order: str) -> list[int]:
        """Return nothing: these channels pay back themselves."""
        return []

    def price(self) -> float:
        """Return the price of one unit, as a decimal."""
        return self.cents / 100
