"""The queue of orders as CSV for spreadsheets: a page at a time, by the filters of the queue."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

from engine.core import limits
from engine.views.queries import OrderFilter, OrderRow, newest, orders
from engine.views.work import Database

COLUMNS = (
    "channel",
    "order_id",
    "status",
    "placed_at",
    "changed_at",
    "required_by",
    "customer",
    "country",
    "city",
    "lines",
    "units",
    "backordered",
    "shipped",
    "value_minor",
    "currency",
    "payment",
    "hold_reason",
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# What a spreadsheet takes for a formula: https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def _moment(us: int | None) -> str:
    return (_EPOCH + timedelta(microseconds=us)).isoformat() if us is not None else ""


def _shown(value: Any) -> Any:
    """Return a value as a cell; a text that would be a formula gets a quote before it."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _cells(row: OrderRow) -> list[Any]:
    times = {
        "placed_at": _moment(row.placed_us),
        "changed_at": _moment(row.changed_us),
        "required_by": _moment(row.required_by_us),
    }
    return [times[name] if name in times else _shown(getattr(row, name)) for name in COLUMNS]


def head() -> bytes:
    """Return the line of column names."""
    return _written([COLUMNS])


def _written(rows: list) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue().encode()


def begin(views: Database, wanted: OrderFilter) -> tuple[int, bool]:
    """Return the log position of the newest order, from which on pages go back, and whether the
    filter leaves at most `limits.VIEW_EXPORT_ROWS_MAX` orders."""
    most = limits.VIEW_EXPORT_ROWS_MAX
    return newest(views), not orders(views, wanted, before=0, limit=1, skip=most)[0]


def page(views: Database, wanted: OrderFilter, before: int) -> tuple[bytes, int | None]:
    """Return lines for the orders older than seq `before`, and where the next page goes on."""
    rows, place = orders(views, wanted, before=before, limit=limits.VIEW_EXPORT_PAGE_ROWS)
    return _written([_cells(row) for row in rows]), place
