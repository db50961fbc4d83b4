"""Counts by hour, channel and currency: read model."""

from engine.core import limits
from engine.views.work import Work

HOUR_US = 3_600_000_000
ORDERS, LINES, UNITS, REVENUE, LATE, CUT_UNITS, CUT_VALUE, SHIPPED, RETURNED, REFUNDED = range(10)


def of(work: Work, stamp_us: int, channel: str, currency: str | None) -> list[int]:
    """Return the counts of this hour, to be added to."""
    key = (stamp_us - stamp_us % HOUR_US, channel, currency or "")
    found = work.kpis.get(key)
    if found is None:
        found = work.kpis[key] = [0] * 10
    return found


def add_order(counts: list[int], lines: int, units: int, value: int, late: int) -> None:
    """An order was placed."""
    counts[ORDERS] += 1
    counts[LINES] += lines
    counts[UNITS] += units
    counts[REVENUE] += value
    counts[LATE] += late


def add_cancelled(counts: list[int], units: int, value: int) -> None:
    """Units were cancelled."""
    counts[CUT_UNITS] += units
    counts[CUT_VALUE] += value


def add_shipped(counts: list[int], units: int) -> None:
    """Units have left."""
    counts[SHIPPED] += units


def add_returned(counts: list[int], units: int) -> None:
    """Units came back."""
    counts[RETURNED] += units


def add_refunded(counts: list[int], amount: int) -> None:
    """Money went back."""
    counts[REFUNDED] += amount if amount <= limits.VIEW_LINE_MINOR_MAX else 0


def add_difference(counts: list[int], before: tuple[int, ...], after: tuple[int, ...]) -> None:
    """An order was restated: (lines, units, value, units cancelled, their value, shipped)."""
    columns = (LINES, UNITS, REVENUE, CUT_UNITS, CUT_VALUE, SHIPPED)
    for column, old, new in zip(columns, before, after, strict=True):
        counts[column] += new - old
