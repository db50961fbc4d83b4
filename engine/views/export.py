"""Tables and views as CSV, for spreadsheets and other tools."""

import csv
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, Protocol, TextIO

from engine.core.errors import ConfigError
from engine.views.ddl import VIEWS
from engine.views.schema import BY_NAME

# By which column a day is chosen.
_TIMES = {
    "orders": "placed_us",
    "order_items": "placed_us",
    "activity": "stamp_us",
    "stock_history": "stamp_us",
    "shipments": "shipped_us",
    "reservations": "reserved_us",
    "kpis": "hour_us",
}
_DAY_US = timedelta(days=1) // timedelta(microseconds=1)


class Exportable(Protocol):
    """A database that can tell what it has."""

    def columns(self, name: str) -> list[str]:
        """Return the names of the columns of a table or view."""

    def each(self, sql: str, parameters: Iterable[Any] = ()) -> Iterator[tuple]:
        """Yield the rows of a query."""


def export(views: Exportable, name: str, day: date | None, out: TextIO) -> int:
    """Write a table or view as CSV, with `day` only what is of that day in UTC; return its rows.

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
    writer = csv.writer(out)
    writer.writerow(columns)
    count = 0
    for row in views.each(f"SELECT {', '.join(columns)} FROM {name}{where}", bounds):
        writer.writerow([value.hex() if isinstance(value, bytes) else value for value in row])
        count += 1
    return count
