"""Tables and views as files for other tools: CSV, or Parquet with types, written row by row.

Parquet is written by pyarrow, the reference implementation (https://arrow.apache.org/docs/python),
which the extra `parquet` of the package brings: others need pandas or more.
"""

import csv
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Any, BinaryIO, Protocol, TextIO

from engine.core.errors import ConfigError
from engine.views.ddl import VIEWS
from engine.views.schema import BY_NAME, TABLES

try:
    import pyarrow
    from pyarrow import parquet
except ImportError:  # CSV needs nothing of it
    pyarrow = parquet = None

# By which column a day is chosen.
_TIMES = {
    "orders": "placed_us",
    "order_items": "placed_us",
    "activity": "stamp_us",
    "stock_history": "stamp_us",
    "shipments": "shipped_us",
    "fulfillments": "requested_us",
    "returns": "opened_us",
    "return_receipts": "received_us",
    "dispositions": "inspected_us",
    "refunds": "refunded_us",
    "reservations": "reserved_us",
    "kpis": "hour_us",
}
_DAY_US = timedelta(days=1) // timedelta(microseconds=1)
_GROUP = 50_000  # rows that are in memory and lie together in a Parquet file


class Exportable(Protocol):
    """A database that can tell what it has."""

    def columns(self, name: str) -> list[str]:
        """Return the names of the columns of a table or view."""

    def each(self, sql: str, parameters: Iterable[Any] = ()) -> Iterator[tuple]:
        """Yield the rows of a query."""


def _asked(views: Exportable, name: str, day: date | None) -> tuple[list[str], Iterator[tuple]]:
    """Return columns and rows of a table or view, with `day` only what is of that day in UTC.

    Raises `ConfigError` if there is no such table, or it knows no day.
    """
    if name not in BY_NAME and name not in VIEWS:
        known = ", ".join(sorted((*BY_NAME, *VIEWS)))
        raise ConfigError(f"there is no table {name!r}; there are {known}")
    columns, where, bounds = views.columns(name), "", []
    if day is not None:
        if name not in _TIMES:
            raise ConfigError(f"{name} has no days; leave --day out, or use {', '.join(_TIMES)}")
        begin = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1_000_000
        where = f" WHERE {_TIMES[name]} >= ? AND {_TIMES[name]} < ?"
        bounds = [begin, begin + _DAY_US]
    return columns, views.each(f"SELECT {', '.join(columns)} FROM {name}{where}", bounds)


def to_csv(views: Exportable, name: str, day: date | None, out: TextIO) -> int:
    """Write a table or view as CSV, blobs in hexadecimal digits; return its rows. See `_asked`."""
    columns, rows = _asked(views, name, day)
    writer, count = csv.writer(out), 0
    writer.writerow(columns)
    for row in rows:
        writer.writerow([value.hex() if isinstance(value, bytes) else value for value in row])
        count += 1
    return count


def to_parquet(views: Exportable, name: str, day: date | None, out: BinaryIO) -> int:
    """Write a table or view as Parquet, times as timestamps of UTC; return its rows. See `_asked`;
    `ConfigError` too if pyarrow is not installed."""
    if pyarrow is None:
        raise ConfigError("Parquet needs pyarrow: pip install 'dibs[parquet]'")
    columns, rows = _asked(views, name, day)
    schema = pyarrow.schema([(column, _kind(column)) for column in columns])
    count = 0
    with parquet.ParquetWriter(out, schema, compression="zstd") as writer:
        while some := list(islice(rows, _GROUP)):
            arrays = [
                pyarrow.array(values, kind)
                for values, kind in zip(zip(*some, strict=True), schema.types, strict=True)
            ]
            writer.write_batch(pyarrow.record_batch(arrays, schema=schema))
            count += len(some)
    return count


def _kind(column: str) -> Any:
    """Return the Arrow type of a column; those of views bear the names that they have in tables,
    or are sums."""
    if column.endswith("_us"):
        return pyarrow.timestamp("us", tz="UTC")
    words = {"int": pyarrow.int64(), "text": pyarrow.string(), "blob": pyarrow.binary()}
    known = {c.name: c.base for table in TABLES for c in table.columns}
    return words[known.get(column, "int")]
