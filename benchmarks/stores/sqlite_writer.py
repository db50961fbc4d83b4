"""The peer: SQLite in WAL mode with `synchronous=FULL`, one writer, one commit for each batch.

In this process, so without a socket, which is in its favour. A batch without repeats or shortage
costs one INSERT for each order and one UPDATE for each SKU; any other is taken order by order.
"""

import sqlite3
from collections import Counter
from pathlib import Path

from benchmarks.stores.contest import SKUS, UNITS, Broken, Order, Store

_TABLES = """
PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-262144;
CREATE TABLE stock (sku INTEGER PRIMARY KEY, units INTEGER NOT NULL CHECK (units >= 0));
CREATE TABLE orders (id INTEGER PRIMARY KEY, a INTEGER NOT NULL, b INTEGER NOT NULL);
"""
_PLACE = "INSERT INTO orders VALUES (?, ?, ?)"
_TAKE = "UPDATE stock SET units = units - ? WHERE sku = ?"


class SqliteWriter(Store):
    """One connection that writes."""

    name = "SQLite, batched"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self._open()
        self._books.executescript(_TABLES)
        rows = [(n, UNITS) for n in range(SKUS)]
        self._books.execute("BEGIN")
        self._books.executemany("INSERT INTO stock VALUES (?, ?)", rows)
        self._books.execute("COMMIT")

    def _open(self) -> None:
        self._books = sqlite3.connect(self.folder / "books.db", isolation_level=None)
        self._books.execute("PRAGMA synchronous=FULL")

    def prepare(self, batch: list[Order]) -> list[Order]:
        """Return a batch as it is."""
        return batch

    def send(self, payloads: list[list[Order]]) -> int:
        """Commit batch after batch."""
        return sum(map(self._commit, payloads))

    def _commit(self, batch: list[Order]) -> int:
        wanted = Counter(sku for _, *skus in batch for sku in skus)
        run = self._books.execute
        run("BEGIN IMMEDIATE")
        try:
            self._books.executemany(_PLACE, batch)
            self._books.executemany(_TAKE, [(units, sku) for sku, units in wanted.items()])
            taken = len(batch)
        except sqlite3.IntegrityError:
            run("ROLLBACK")
            run("BEGIN IMMEDIATE")
            taken = sum(map(self._one, batch))
        run("COMMIT")
        return taken

    def _one(self, order: Order) -> bool:
        run = self._books.execute
        run("SAVEPOINT one")
        try:
            run(_PLACE, order)
            for sku in order[1:]:
                run(_TAKE, (1, sku))
        except sqlite3.IntegrityError:
            run("ROLLBACK TO one")
            run("RELEASE one")
            return False
        run("RELEASE one")
        return True

    def taken(self) -> int:
        """Count what the table lacks; there must be a row for each order."""
        left, least = self._books.execute("SELECT sum(units), min(units) FROM stock").fetchone()
        placed = self._books.execute("SELECT count(*) FROM orders").fetchone()[0]
        if least < 0 or placed != self.sent:
            raise Broken(f"stock is negative, or there are {placed} orders")
        return SKUS * UNITS - left

    def crash(self) -> None:
        """Open the file anew: a process cannot kill a part of itself."""
        self.close()
        self._open()

    def close(self) -> None:
        """Close the file."""
        self._books.close()
