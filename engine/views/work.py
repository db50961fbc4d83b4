"""What one transaction reads and writes: rows in memory between two commits.

Rows are lists, in the order of their columns in `schema`. What is changed is loaded once and
written once, however many events changed it.
"""

from collections.abc import Iterable
from itertools import chain
from typing import Any, Protocol

from engine.core import limits
from engine.views.schema import BY_NAME

POSITION_BLOCK = 256  # positions loaded together: neighbours are often of the same delivery
# Tables of what is rare with an order: their columns begin with their key, the order first.
PARTS = ("holds", "fulfillments", "fulfillment_lines", "returns", "return_units")
_ONCE = ("movements", "terms", "activity", "audit", "shipments", "shipment_lines", "return_lines")
_ONCE += ("packages", "return_receipts", "dispositions", "refunds")
_PUT = ("locations", "skus", "channels", "entries", "purchase_orders")


def plain(text: str | None) -> str | None:
    """Return a text as every database keeps it: NUL is shown as U+FFFD, empty is null."""
    return text.replace("\0", "\ufffd") if text else None


class Database(Protocol):
    """A place for the tables of `schema`. Raises `ViewsError` where it fails. `like` is its word
    for LIKE that does not tell A from a."""

    like: str

    def begin(self) -> None:
        """Open a transaction."""

    def commit(self) -> None:
        """Make it durable and visible, all at once."""

    def rollback(self) -> None:
        """Drop it."""

    def select(self, sql: str, parameters: Iterable[Any] = ()) -> list[tuple]:
        """Return the rows of a query; parameters stand as `?`."""

    def search(self, words: str) -> tuple[str, list[str]]:
        """Return a query for the newest orders of which a term contains `words`, and its
        parameters."""

    def insert(self, table: str, rows: Iterable) -> None:
        """Insert rows that are new."""

    def put(self, table: str, rows: Iterable) -> None:
        """Insert rows, in place of those with the same key."""

    def add(self, table: str, rows: Iterable) -> None:
        """Insert rows, or add their numbers to those with the same key."""

    def delete(self, table: str, column: str, values: Iterable) -> None:
        """Remove the rows that have one of these values there."""


class OrderRows:
    """One order: its row, its lines, and their takes, as they will be written. `parts` are rows of
    `PARTS` by the rest of their key, of those tables that were asked for; `leaving` says of which
    fulfillment a shipment is, by its id, until the shipment itself follows in the same frame."""

    __slots__ = ("fresh", "head", "leaving", "lines", "parts", "takes")

    def __init__(self, head: list, lines: list, takes: list, *, fresh: bool) -> None:
        self.head, self.lines, self.takes, self.fresh = head, lines, takes, fresh
        self.parts: dict[str, dict[tuple, list]] = {}
        self.leaving: dict[str, int] = {}


class Work:
    """The rows of one transaction, and positions, which are kept for the next one."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.positions: dict[int, list] = {}
        self.clear()

    def clear(self) -> None:
        """Begin a transaction with nothing in it."""
        if len(self.positions) > limits.VIEW_POSITIONS_KEPT:
            self.positions.clear()
        self.orders: dict[int, OrderRows] = {}
        self.reservations: dict[int, list] = {}
        self.fresh_reservations: set[int] = set()
        self.touched: set[int] = set()
        self.new: dict[str, list] = {name: [] for name in _ONCE}
        self.changed: dict[str, dict[Any, tuple]] = {name: {} for name in _PUT}
        self.components: dict[int, list[tuple]] = {}
        self.purchase_lines: dict[int, list[tuple]] = {}
        self.kpis: dict[tuple[int, str, str], list[int]] = {}

    def order(self, seq: int) -> OrderRows:
        """Return the order placed at `seq`, to be changed."""
        found = self.orders.get(seq)
        if found is None:
            self.load_orders([seq])
            found = self.orders[seq]
        return found

    def load_orders(self, seqs: Iterable[int]) -> None:
        """Load those of these orders that are not here."""
        wanted = sorted({seq for seq in seqs if seq not in self.orders})
        for some in _some(wanted):
            marks, select = _marks(some), self.database.select
            for head in select(f"SELECT * FROM orders WHERE seq IN ({marks})", some):
                self.orders[head[0]] = OrderRows(list(head), [], [], fresh=False)
            where = f"WHERE order_seq IN ({marks}) ORDER BY order_seq, line"
            for row in select(f"SELECT * FROM order_lines {where}", some):
                self.orders[row[0]].lines.append(list(row))
            for row in select(f"SELECT * FROM allocations {where}, take", some):
                self.orders[row[0]].takes.append(list(row))

    def part(self, order: OrderRows, table: str) -> dict[tuple, list]:
        """Return the order's rows of a table of `PARTS`, by the rest of their key, to be changed
        and added to."""
        found = order.parts.get(table)
        if found is None:
            found = order.parts[table] = {}
            if not order.fresh:
                self.load_part(table, [order.head[0]])
        return found

    def load_part(self, table: str, seqs: Iterable[int]) -> None:
        """Load the rows that these orders, which are here, have in a table of `PARTS`."""
        width = len(BY_NAME[table].key)
        for some in _some(list(seqs)):
            for seq in some:
                self.orders[seq].parts.setdefault(table, {})
            sql = f"SELECT * FROM {table} WHERE order_seq IN ({_marks(some)})"
            for row in self.database.select(sql, some):
                self.orders[row[0]].parts[table][row[1:width]] = list(row)

    def term(self, seq: int, order_seq: int, *texts: str | None) -> None:
        """Let an order be found by these texts, told of in event `seq`."""
        rows, words = self.new["terms"], "\n".join(text for text in texts if text)
        if rows and rows[-1][0] == seq:
            words = "\n".join((rows.pop()[2], words))
        if words:
            rows.append((seq, order_seq, words))

    def reservation(self, seq: int) -> list:
        """Return the reservation made at `seq`, to be changed."""
        found = self.reservations.get(seq)
        if found is None:
            self.load_reservations([seq])
            found = self.reservations[seq]
        return found

    def load_reservations(self, seqs: Iterable[int]) -> None:
        """Load those of these reservations that are not here."""
        wanted = sorted({seq for seq in seqs if seq not in self.reservations})
        for some in _some(wanted):
            sql = f"SELECT * FROM reservations WHERE seq IN ({_marks(some)})"
            for row in self.database.select(sql, some):
                self.reservations[row[0]] = list(row)

    def position(self, number: int) -> list:
        """Return a position, to be changed."""
        found = self.positions.get(number)
        if found is None:
            first = number - number % POSITION_BLOCK
            sql = "SELECT * FROM positions WHERE position BETWEEN ? AND ?"
            for row in self.database.select(sql, [first, first + POSITION_BLOCK - 1]):
                self.positions.setdefault(row[0], list(row))
            found = self.positions[number]
        self.touched.add(number)
        return found

    def write(self) -> None:
        """Write all of it into the open transaction."""
        database = self.database
        for name, rows in self.changed.items():
            database.put(name, rows.values())
        if self.components:
            database.delete("components", "sku_number", self.components)
            database.insert("components", chain.from_iterable(self.components.values()))
        if self.purchase_lines:
            database.delete("purchase_lines", "number", self.purchase_lines)
            database.insert("purchase_lines", chain.from_iterable(self.purchase_lines.values()))
        self._write_orders()
        fresh = self.fresh_reservations
        made = [row for seq, row in self.reservations.items() if seq in fresh]
        database.insert("reservations", made)
        database.put(
            "reservations", [row for seq, row in self.reservations.items() if seq not in fresh]
        )
        self.new["movements"].sort()  # by position: neighbours lie on the same page
        for name, rows in self.new.items():
            database.insert(name, rows)
        database.put("positions", [self.positions[n] for n in sorted(self.touched)])
        database.add("kpis", [(*key, *row) for key, row in self.kpis.items()])

    def _write_orders(self) -> None:
        database, orders = self.database, self.orders.values()
        fresh = [order for order in orders if order.fresh]
        old = [order for order in orders if not order.fresh]
        database.insert("orders", [order.head for order in fresh])
        database.insert("order_lines", chain.from_iterable(order.lines for order in fresh))
        database.insert("allocations", chain.from_iterable(order.takes for order in fresh))
        if old:
            database.put("orders", [order.head for order in old])
            database.put("order_lines", chain.from_iterable(order.lines for order in old))
            database.delete("allocations", "order_seq", [order.head[0] for order in old])
            database.insert("allocations", chain.from_iterable(order.takes for order in old))
        changed = [order.parts for order in orders if order.parts]
        for name in PARTS:
            parts = (one[name].values() for one in changed if name in one)
            database.put(name, list(chain.from_iterable(parts)))


def _marks(values: list) -> str:
    return ",".join("?" * len(values))


def _some(values: list, size: int = 500) -> Iterable[list]:
    return (values[at : at + size] for at in range(0, len(values), size))
