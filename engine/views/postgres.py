"""The tables in PostgreSQL, for those who have one: rows by COPY, through asyncpg on an event loop
of its own. The extra `postgres` of the package brings it.

    schema dibs_views      the tables that hold
    schema dibs_views_new  those that a rebuild is making; a swap renames both in one transaction
"""

import asyncio
import contextlib
import re
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import urlsplit

from engine.core import limits
from engine.core.errors import ConfigError, ViewsError
from engine.views.ddl import statements
from engine.views.schema import BY_NAME, VERSION

try:
    import asyncpg
except ImportError:  # SQLite needs nothing of it
    asyncpg = None

_TYPES = {"int": "BIGINT", "text": 'TEXT COLLATE "C"', "blob": "BYTEA"}
_HELD, _NEW, _OLD = "dibs_views", "dibs_views_new", "dibs_views_old"
_ROWS = 2_000  # of one fetch
_VERSION = re.compile(r"dibs views, version (\d+)")
_LOCKS = {"follower": 0x64696273_0001, "rebuild": 0x64696273_0002}


def _asyncpg() -> Any:
    if asyncpg is None:
        raise ConfigError("views in PostgreSQL need asyncpg: pip install 'dibs[postgres]'")
    return asyncpg


@contextlib.contextmanager
def _told(what: str) -> Iterator[None]:
    try:
        yield
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
        raise ViewsError(f"views, {what}: {error or type(error).__name__}") from error


class PostgresViews:
    """One schema. With `read_only` it can only be asked. One thread at a time."""

    like = "ILIKE"  # which does not tell A from a

    def __init__(self, url: str, schema: str, *, read_only: bool = False) -> None:
        self.schema, self._read_only, self._seconds = schema, read_only, 0.0
        self._loop = asyncio.new_event_loop()
        settings = {"search_path": schema, "application_name": "dibs views"}
        if schema == _NEW:
            settings["synchronous_commit"] = "off"  # the swap's commit makes it durable
        with _told("connect"):
            connect = _asyncpg().connect(url, server_settings=settings, timeout=10)
            self._db = self._loop.run_until_complete(connect)
        self._open: Any = None
        self._staged: set[str] = set()
        self.identity = self._identity()

    def _identity(self) -> int | None:
        """Return what tells this schema from another that bears its name later."""
        rows = self.select("SELECT to_regnamespace(?)::oid::bigint", [self.schema])
        return rows[0][0]

    def _run(self, work: Any, what: str) -> Any:
        with _told(what):
            return self._loop.run_until_complete(work)

    def create(self) -> None:
        """Make the tables, in a schema that is not there yet."""
        for text in (
            f"CREATE SCHEMA {self.schema}",
            f"COMMENT ON SCHEMA {self.schema} IS 'dibs views, version {VERSION}'",
            *statements(_TYPES, ""),
        ):
            self.execute(text)
        with contextlib.suppress(ViewsError):  # without it a search looks at every term
            self.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA public")
            index = "CREATE INDEX terms_text ON terms USING gin (text public.gin_trgm_ops)"
            self.execute(index)
        self.identity = self._identity()

    def execute(self, text: str) -> None:
        """Run one statement."""
        self._run(self._db.execute(text), text[:60])

    @property
    def version(self) -> int:
        """Version of the tables in it, 0 if they are none of ours."""
        sql = "SELECT obj_description(to_regnamespace(?)::oid, 'pg_namespace')"
        found = _VERSION.match(self.select(sql, [self.schema])[0][0] or "")
        return int(found[1]) if found else 0

    def close(self) -> None:
        """Let go of the server."""
        if not self._loop.is_closed():
            with contextlib.suppress(Exception):
                self._loop.run_until_complete(self._db.close(timeout=5))
            self._loop.close()

    def begin(self) -> None:
        """Open a transaction; one that only reads sees one moment."""
        how = {"isolation": "repeatable_read", "readonly": True} if self._read_only else {}
        self._open = self._db.transaction(**how)
        self._run(self._open.start(), "begin")
        if self._seconds:
            self.execute(f"SET LOCAL statement_timeout = {int(self._seconds * 1_000)}")

    def commit(self) -> None:
        """Make it durable and visible, all at once."""
        self._run(self._open.commit(), "commit")
        self._open = None

    def rollback(self) -> None:
        """Drop the transaction, if one is open."""
        if self._open:
            with contextlib.suppress(ViewsError):
                self._run(self._open.rollback(), "rollback")
            self._open = None

    def limit_time(self, seconds: float) -> None:
        """Let questions of transactions opened from now on fail that take longer; 0: no limit."""
        self._seconds = seconds

    def select(self, sql: str, parameters: Iterable[Any] = ()) -> list[tuple]:
        """Return the rows of a query; parameters stand as `?`."""
        rows = self._run(self._db.fetch(_numbered(sql), *parameters), "query")
        return [tuple(row) for row in rows]

    def columns(self, name: str) -> list[str]:
        """Return the names of the columns of a table or view."""
        sql = (
            "SELECT column_name::text FROM information_schema.columns "
            "WHERE table_schema = ? AND table_name = ? ORDER BY ordinal_position"
        )
        return [row[0] for row in self.select(sql, [self.schema, name])]

    def each(self, sql: str, parameters: Iterable[Any] = ()) -> Iterator[tuple]:
        """Yield the rows of a query without holding all of them."""
        own = self._open is None
        if own:
            self.begin()
        try:
            cursor = self._run(self._db.cursor(_numbered(sql), *parameters), "query")
            while rows := self._run(cursor.fetch(_ROWS), "query"):
                yield from map(tuple, rows)
        finally:
            if own:
                self.rollback()

    def search(self, words: str) -> tuple[str, list[str]]:
        """Return a query for the newest orders of which a term contains `words`, and its
        parameters."""
        like = words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        sql = (
            "SELECT order_seq FROM (SELECT t.order_seq, t.seq FROM terms t WHERE t.text ILIKE ? "
            f"ORDER BY t.seq DESC LIMIT {limits.VIEW_FINDS_MAX}) found"
        )
        return sql, [f"%{like}%"]

    # Writing.

    def _copy(self, table: str, rows: Iterable, into: str = "") -> bool:
        """COPY rows into a table, or into the temporary table `into`; say if there were any."""
        rows = [tuple(row) for row in rows]
        if rows:
            where = {} if into else {"schema_name": self.schema}
            columns = BY_NAME[table].names
            work = self._db.copy_records_to_table(
                into or table, records=rows, columns=columns, **where
            )
            self._run(work, table)
        return bool(rows)

    def insert(self, table: str, rows: Iterable) -> None:
        """Insert rows that are new."""
        self._copy(table, rows)

    def put(self, table: str, rows: Iterable) -> None:
        """Insert rows, in place of those with the same key."""
        self._upsert(table, rows, "{0} = excluded.{0}")

    def add(self, table: str, rows: Iterable) -> None:
        """Insert rows, or add their numbers to those with the same key."""
        self._upsert(table, rows, f"{{0}} = {table}.{{0}} + excluded.{{0}}")

    def _upsert(self, table: str, rows: Iterable, form: str) -> None:
        known, stage = BY_NAME[table], f"staged_{table}"
        rows = list(rows)
        if not rows:
            return
        if stage not in self._staged:
            made = f"CREATE TEMP TABLE IF NOT EXISTS {stage} (LIKE {self.schema}.{table})"
            self.execute(f"{made} ON COMMIT DELETE ROWS")
        self._staged.add(stage)
        self._copy(table, rows, stage)
        names = ", ".join(known.names)
        changes = ", ".join(form.format(name) for name in known.changing)
        self.execute(
            f"INSERT INTO {table} ({names}) SELECT {names} FROM {stage} "
            f"ON CONFLICT ({', '.join(known.key)}) DO UPDATE SET {changes}"
        )
        self.execute(f"DELETE FROM {stage}")

    def delete(self, table: str, column: str, values: Iterable) -> None:
        """Remove the rows that have one of these values there."""
        sql = f"DELETE FROM {table} WHERE {column} = ANY($1::bigint[])"
        self._run(self._db.execute(sql, list(values)), table)


def _numbered(sql: str) -> str:
    """Return a query with `$1`, `$2`, … for each `?`."""
    first, *rest = sql.split("?")
    return first + "".join(f"${n}{part}" for n, part in enumerate(rest, 1))


class PostgresHome:
    """A database of a PostgreSQL server, `url` as postgresql://user:password@host/database."""

    def __init__(self, url: str) -> None:
        _asyncpg()
        self._url, place = url, urlsplit(url)
        self.shown = f"postgresql://{place.hostname or 'localhost'}{place.path}"

    def open(self, *, read_only: bool = False) -> PostgresViews | None:
        """Return the tables that hold, None while there are none."""
        database = PostgresViews(self._url, _HELD, read_only=read_only)
        if database.identity is None:
            database.close()
            return None
        return database

    def holds(self, database: PostgresViews) -> bool:
        """Say whether these tables still are those that hold."""
        return database.schema == _HELD and database.identity == database._identity()

    def new(self) -> PostgresViews:
        """Return empty tables that nobody reads yet. What was begun before is removed."""
        database = PostgresViews(self._url, _NEW)
        try:
            database.execute(f"DROP SCHEMA IF EXISTS {_NEW} CASCADE")
            database.create()
        except BaseException:
            database.close()
            raise
        return database

    def swap(self, database: PostgresViews) -> None:
        """Let new tables hold from now on; those before go with their last readers."""
        database.execute(f"DROP SCHEMA IF EXISTS {_OLD} CASCADE")
        held = database.select("SELECT to_regnamespace(?)::text", [_HELD])[0][0]
        database.begin()
        try:
            database.execute("SET LOCAL synchronous_commit = on")
            if held:
                database.execute(f"ALTER SCHEMA {_HELD} RENAME TO {_OLD}")
            database.execute(f"ALTER SCHEMA {_NEW} RENAME TO {_HELD}")
            database.commit()
        except BaseException:
            database.rollback()
            raise
        # Readers may hold the old tables for a while; then they go with the next swap.
        with contextlib.suppress(ViewsError):
            database.execute("SET lock_timeout = '2s'")
            database.execute(f"DROP SCHEMA IF EXISTS {_OLD} CASCADE")
        database.close()

    def discard(self, database: PostgresViews) -> None:
        """Remove new tables."""
        with contextlib.suppress(ViewsError):
            database.rollback()
            database.execute(f"DROP SCHEMA IF EXISTS {_NEW} CASCADE")
        database.close()

    @contextlib.contextmanager
    def alone(self, what: str) -> Iterator[None]:
        """Hold the lock of this name, follower or rebuild; `ViewsError` if another does."""
        database = PostgresViews(self._url, _HELD)
        try:
            if not database.select("SELECT pg_try_advisory_lock(?)", [_LOCKS[what]])[0][0]:
                raise ViewsError(f"another {what} works in {self.shown}; end it first")
            yield
        finally:
            database.close()
