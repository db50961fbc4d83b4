"""What of an order may come back, in units of stocked SKUs by line."""

from engine.core import bundles
from engine.core.decide.orders import served, taken_each
from engine.core.notes.returns import Part, Return
from engine.core.state import Order, State


class Returnable:
    """What has left of an order, what returns claim of it, and what one decision has `taken` on
    top, by (line, SKU)."""

    def __init__(self, state: State, order: Order) -> None:
        self.state, self.order = state, order
        self.life = state.lives.of(order.seq)
        self.taken: dict[tuple[int, int], int] = {}
        self._each: dict[int, dict[int, int]] = {}
        self._fixed: dict[int, dict[int, int]] = {}
        for (line, sku), units in self.life.parts.items():
            self._fixed.setdefault(line, {})[sku] = units

    def each(self, line: int) -> dict[int, int]:
        """Return the units of each stocked SKU in one unit of a line."""
        found = self._each.get(line)
        if found is None:
            found = self._each[line] = made_of(self.state, self.order, line)
            found |= self._fixed.get(line, {})
        return found

    def left(self, line: int, sku: int, of: Return | None = None) -> int:
        """Units that have left and that no return claims; what `of` expects still is free."""
        left = self.order.shipped[line] * self.each(line)[sku] - self.taken.get((line, sku), 0)
        for one in self.life.returns.values():
            left -= one.came.get((line, sku), 0) if one is of else one.claims(line, sku)
        return max(left, 0)

    def take(self, line: int, units: dict[int, int]) -> None:
        """Claim units."""
        for sku, count in units.items():
            self.taken[line, sku] = self.taken.get((line, sku), 0) + count

    def parts(self) -> tuple[Part, ...]:
        """Return all that was taken."""
        return tuple(
            Part(line, sku, self.each(line)[sku], units)
            for (line, sku), units in self.taken.items()
        )


def made_of(state: State, order: Order, line: int) -> dict[int, int]:
    """Return the units of each stocked SKU in one unit of a line: as it holds them, as they were
    taken when it was placed, or, of a line that was rewritten meanwhile, as its SKU is made now."""
    sku = order.event.lines[line].sku
    held = taken_each(state, order, line) if served(order, line) else {}
    if held and all(held.values()):
        return held
    placed = (order.placed or order.event).lines
    if line < len(placed) and placed[line].sku == sku and placed[line].takes:
        had, taken = placed[line].quantity - placed[line].backordered, {}
        for take in placed[line].takes:
            part = state.positions[take.position].sku
            taken[part] = taken.get(part, 0) + take.quantity
        if had and all(units >= had for units in taken.values()):
            return {part: units // had for part, units in taken.items()}
    found: dict[int, int] = {}
    bundles.leaves(state.skus, sku, 1, found)
    return found
