"""The tables in a SQLite file: WAL, so readers never wait for the one that writes."""

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from engine.core import limits
from engine.core.errors import ViewsError
from engine.log.files import sync_folder
from engine.views.ddl import statements
from engine.views.schema import BY_NAME, VERSION, Table

_TYPES = {"int": "INTEGER", "text": "TEXT", "blob": "BLOB"}
_CACHE_KIB = 64 << 10
_CHECKPOINT_PAGES = 8_000
_STEPS = 10_000  # of SQLite's machine, between two looks at the clock
# Terms by their trigrams; which of those stand side by side is looked up in the term itself.
_SEARCHED = (
    "CREATE VIRTUAL TABLE terms_text USING fts5(text, content = 'terms', content_rowid = 'seq', "
    "tokenize = 'trigram', detail = 'none')"
)


@contextlib.contextmanager
def _told(what: str) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise ViewsError(f"views, {what}: {error}") from error


def _marks(table: Table) -> str:
    return f"({', '.join(table.names)}) VALUES ({', '.join('?' * len(table.names))})"


def _changes(table: Table, form: str) -> str:
    return ", ".join(form.format(name) for name in table.changing)


class SqliteViews:
    """One file. With `read_only` it can only be asked; one that is `building` is durable only
    when it is finished. One thread at a time."""

    like = "LIKE"  # which does not tell A from a, of ASCII

    def __init__(self, path: Path, *, read_only: bool = False, building: bool = False) -> None:
        self.path = path
        mode = "?mode=ro" if read_only else "?mode=rwc"
        with _told(f"open {path}"):
            self._db = sqlite3.connect(
                path.absolute().as_uri() + mode,
                uri=True,
                isolation_level=None,
                check_same_thread=False,
                timeout=10.0,
            )
            self._db.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
            if not read_only:
                self._prepare("OFF" if building else "NORMAL")

    def _prepare(self, synchronous: str) -> None:
        db = self._db
        db.execute("PRAGMA page_size = 8192")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute(f"PRAGMA synchronous = {synchronous}")
        db.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
        if not db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            db.execute("BEGIN")
            for statement in (*statements(_TYPES, " WITHOUT ROWID"), _SEARCHED):
                db.execute(statement)
            db.execute(f"PRAGMA user_version = {VERSION}")
            db.execute("COMMIT")

    @property
    def version(self) -> int:
        """Version of the tables in it."""
        with _told("version"):
            return self._db.execute("PRAGMA user_version").fetchone()[0]

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def finish(self) -> None:
        """Make a file that was being built durable, and let go of it."""
        with _told("finish"):
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._db.close()
        number = os.open(self.path, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)
        sync_folder(self.path.parent)

    def begin(self) -> None:
        """Open a transaction."""
        with _told("begin"):
            self._db.execute("BEGIN")

    def commit(self) -> None:
        """Make it durable and visible, all at once."""
        with _told("commit"):
            self._db.execute("COMMIT")

    def rollback(self) -> None:
        """Drop the transaction, if one is open."""
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")

    def select(self, sql: str, parameters: Iterable[Any] = ()) -> list[tuple]:
        """Return the rows of a query; parameters stand as `?`."""
        with _told("query"):
            return self._db.execute(sql, tuple(parameters)).fetchall()

    def each(self, sql: str, parameters: Iterable[Any] = ()) -> Iterator[tuple]:
        """Yield the rows of a query without holding all of them."""
        with _told("query"):
            yield from self._db.execute(sql, tuple(parameters))

    def columns(self, name: str) -> list[str]:
        """Return the names of the columns of a table or view."""
        return [row[0] for row in self.select("SELECT name FROM pragma_table_info(?)", [name])]

    def _many(self, sql: str, rows: Iterable, what: str) -> None:
        with _told(what):
            self._db.executemany(sql, rows)

    def insert(self, table: str, rows: Iterable) -> None:
        """Insert rows that are new."""
        rows = list(rows)
        self._many(f"INSERT INTO {table} {_marks(BY_NAME[table])}", rows, table)
        if table == "terms":
            found = ((seq, text) for seq, _, text in rows)
            self._many("INSERT INTO terms_text (rowid, text) VALUES (?, ?)", found, table)

    def search(self, words: str) -> tuple[str, list[str]]:
        """Return a query for the newest orders of which a term contains `words`, at least three
        characters, and its parameters."""
        parts = {words[at : at + 3] for at in range(len(words) - 2)}
        match = " AND ".join('"' + part.replace('"', '""') + '"' for part in sorted(parts))
        like = words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        sql = (
            "SELECT t.order_seq FROM terms_text x JOIN terms t ON t.seq = x.rowid "
            "WHERE terms_text MATCH ? AND t.text LIKE ? ESCAPE '\\' "
            f"ORDER BY x.rowid DESC LIMIT {limits.VIEW_FINDS_MAX}"
        )
        return sql, [match, f"%{like}%"]

    def limit_time(self, seconds: float) -> None:
        """Let a question that takes longer from now on fail; 0: no limit."""
        until = time.monotonic() + seconds

        def late() -> bool:
            return time.monotonic() > until

        self._db.set_progress_handler(late if seconds else None, _STEPS)

    def put(self, table: str, rows: Iterable) -> None:
        """Insert rows, in place of those with the same key."""
        self._upsert(table, rows, "{0} = excluded.{0}")

    def add(self, table: str, rows: Iterable) -> None:
        """Insert rows, or add their numbers to those with the same key."""
        self._upsert(table, rows, "{0} = {0} + excluded.{0}")

    def _upsert(self, table: str, rows: Iterable, form: str) -> None:
        known = BY_NAME[table]
        then = f"ON CONFLICT ({', '.join(known.key)}) DO UPDATE SET {_changes(known, form)}"
        self._many(f"INSERT INTO {table} {_marks(known)} {then}", rows, table)

    def delete(self, table: str, column: str, values: Iterable) -> None:
        """Remove the rows that have one of these values there."""
        rows = [(value,) for value in values]
        self._many(f"DELETE FROM {table} WHERE {column} = ?", rows, table)
