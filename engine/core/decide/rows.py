"""An order's lines while a decision rewrites them: what edits, merges and splits work on."""

import msgspec

from engine.core import bundles, limits
from engine.core.decide import refusals
from engine.core.events import Line, Standing, Take
from engine.core.outcomes import Refused
from engine.core.state import Order, State


class Row(msgspec.Struct):
    """One line as `events.Standing` has it; `takes` are units held, by position."""

    sku: int
    quantity: int
    takes: dict[int, int]
    backordered: int
    unit_price: int
    line_id: str
    cancelled: int = 0
    shipped: int = 0

    @property
    def wanted(self) -> int:
        """Units that were asked for and not cancelled, those that have left among them."""
        return self.quantity - self.cancelled

    @property
    def served(self) -> int:
        """Units that are allocated and have not left."""
        return self.wanted - self.shipped - self.backordered

    def remove(self, state: State, units: int) -> "Row":
        """Take `units` that have not left out of this line, which must have so many: the waiting
        ones first, then of its last takes, of a bundle whole ones. Return them as a line of their
        own. `quantity` stays; whoever asks says what became of them."""
        served, waiting = self.served, min(units, self.backordered)
        held, self.backordered = units - waiting, self.backordered - waiting
        need = {sku: n // served * held for sku, n in self.held(state).items()} if held else {}
        taken: dict[int, int] = {}
        for position in reversed(self.takes):
            sku = state.positions[position].sku
            if back := min(need.get(sku, 0), self.takes[position]):
                taken[position] = back
                need[sku] -= back
        for position, back in taken.items():
            self.takes[position] -= back
        self.takes = {position: n for position, n in self.takes.items() if n}
        taken = dict(reversed(taken.items()))
        return Row(self.sku, units, taken, waiting, self.unit_price, self.line_id)

    def give_up(self, state: State, units: int, first: frozenset[int]) -> dict[int, int]:
        """Let `units` wait that are served, of a bundle whole ones. Return what they held, by
        position: of the positions in `first` first, then of the last takes."""
        served = self.served
        need = {sku: -(-n * units // served) for sku, n in self.held(state).items()}
        freed: dict[int, int] = {}
        last_first = [position for position in reversed(self.takes) if position not in first]
        for position in (*(held for held in self.takes if held in first), *last_first):
            sku = state.positions[position].sku
            if back := min(need[sku], self.takes[position]):
                freed[position] = back
                need[sku] -= back
        left = {position: n - freed.get(position, 0) for position, n in self.takes.items()}
        self.takes = {position: n for position, n in left.items() if n}
        self.backordered += units
        return freed

    def whole(self, state: State, lost: dict[int, int]) -> int:
        """Return how many served units lack something without the units in `lost`, by position."""
        by_sku: dict[int, int] = {}
        for position, units in lost.items():
            sku = state.positions[position].sku
            by_sku[sku] = by_sku.get(sku, 0) + units
        held = self.held(state)
        return max((-(-n * self.served // held[sku]) for sku, n in by_sku.items()), default=0)

    def add(self, takes: list[Take]) -> None:
        """Let it hold these units too."""
        for take in takes:
            self.takes[take.position] = self.takes.get(take.position, 0) + take.quantity

    def remade(self, state: State) -> bool:
        """Say whether it holds parts of a bundle that is made of others by now."""
        due: dict[int, int] = {}
        bundles.leaves(state.skus, self.sku, self.served, due)
        return bool(self.takes) and self.held(state) != due

    def held(self, state: State) -> dict[int, int]:
        """Return the units held of each stocked SKU."""
        found: dict[int, int] = {}
        for position, units in self.takes.items():
            sku = state.positions[position].sku
            found[sku] = found.get(sku, 0) + units
        return found


def rows_of(order: Order) -> list[Row]:
    """Return an order's lines as they stand."""
    rows = []
    for index, line in enumerate(order.event.lines):
        row = Row(
            line.sku,
            line.quantity,
            {},
            order.backordered[index],
            line.unit_price,
            line.line_id,
            order.cancelled[index],
            order.shipped[index],
        )
        pairs = zip(line.takes, order.takes[index], strict=True)
        row.add([Take(take.position, left) for take, left in pairs if left])
        rows.append(row)
    return rows


class Rows(list[Row]):
    """An order's lines as they stand, to be rewritten. The compiled ledger has its own, which makes
    a row when it is first looked at; so what is asked of all lines is asked here."""

    def looked_at(self) -> list[tuple[int, Row]]:
        """Return the rows that may have been rewritten, and their numbers."""
        return list(enumerate(self))

    def waiting(self) -> list[tuple[int, int]]:
        """Return (SKU number, units) of what waits."""
        return [(row.sku, row.backordered) for row in self if row.backordered]

    def totals(self) -> tuple[int, int, int]:
        """Return the units that are wanted and have not left, those that wait, those that left."""
        wanted = sum(row.wanted - row.shipped for row in self)
        return wanted, sum(row.backordered for row in self), sum(row.shipped for row in self)

    def standing(self) -> tuple[Standing, ...]:
        """Return them as `OrderChanged` carries them."""
        return standing_of(self)


def rewritten(order: Order) -> Rows:
    """Return an order's lines as they stand, to be rewritten in this step."""
    return Rows(rows_of(order)) if isinstance(order, Order) else order.rows()


def line_of(row: Row) -> Line:
    """Return a line as events carry it."""
    takes = tuple(Take(position, units) for position, units in row.takes.items())
    return Line(row.sku, row.quantity, takes, row.backordered, row.unit_price, row.line_id)


def standing_of(rows: list[Row]) -> tuple[Standing, ...]:
    """Return rewritten lines as `OrderChanged` carries them."""
    return tuple(Standing(line_of(row), row.cancelled, row.shipped) for row in rows)


def too_large(
    state: State, rows: list[Row], changed: list[tuple[int, Row]] | None = None
) -> Refused | None:
    """Refuse what an order cannot hold; by number, the rows that `changed` (None: any)."""
    if len(rows) > limits.ORDER_LINES_MAX:
        return refusals.full(state, "lines of this order")
    for index, row in enumerate(rows) if changed is None else changed:
        if row.quantity > limits.QUANTITY_MAX:
            return refusals.many_units(state, index, state.sku_name(row.sku))
        if len(row.takes) > limits.TAKES_PER_LINE_MAX:
            return refusals.many_takes(state, index)
    return None


class Named(msgspec.Struct, frozen=True):
    """The order's lines by the names that callers use for them."""

    state: State
    rows: list[Row]
    ids: dict[str, list[int]]
    skus: dict[int, list[int]]

    def find(self, sku: str, line_id: str | None) -> list[int]:
        """Return the numbers of the lines that this names: none, one, or more if it is not clear.
        One that has another SKU than its `line_id` says is not found."""
        number = self.state.sku_numbers.get(sku)
        if line_id is not None:
            return [i for i in self.ids.get(line_id, ()) if self.rows[i].sku == number]
        found = self.skus.get(number, [])
        return [i for i in found if self.rows[i].wanted] or found if len(found) > 1 else found


def named(state: State, rows: list[Row]) -> Named:
    """Index lines by their ids and SKUs."""
    if not isinstance(rows, list):
        return Named(state, rows, rows.ids, rows.skus)
    found = Named(state, rows, {}, {})
    for index, row in enumerate(rows):
        found.skus.setdefault(row.sku, []).append(index)
        if row.line_id:
            found.ids.setdefault(row.line_id, []).append(index)
    return found
