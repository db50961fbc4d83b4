"""What screens ask of the views: each a function of a database, read-only, a page at a time.

Pages go on behind the log position or number of their last row, so a page costs the same wherever
it lies and new rows move nothing.
"""

from typing import Any

import msgspec

from engine.core import limits
from engine.views.work import Database


class OrderRow(msgspec.Struct):
    """An order in the queue. Times are UTC microseconds, `value_minor` minor units."""

    seq: int
    channel: str
    order_id: str
    status: str
    placed_us: int
    changed_us: int
    customer: str | None
    currency: str | None
    payment: str | None
    country: str | None
    city: str | None
    required_by_us: int | None
    lines: int
    units: int
    backordered: int
    shipped: int
    value_minor: int
    hold_reason: str | None


class OrderFilter(msgspec.Struct, frozen=True):
    """Which orders a queue shows: empty means all. `q` is a part of an order's id, customer,
    shipment's id or tracking number; `since_us` and `until_us` bound when it was placed."""

    status: str = ""
    channel: str = ""
    location: str = ""
    hold_reason: str = ""
    customer: str = ""
    sku: str = ""
    q: str = ""
    since_us: int = 0
    until_us: int = 0


class StockRow(msgspec.Struct):
    """A position: units of one SKU at one location."""

    position: int
    sku: str
    title: str
    location: str
    on_hand: int
    reserved: int
    allocated: int
    unavailable: int
    available: int
    seq: int


class MovementRow(msgspec.Struct):
    """A change of a bucket by `delta` to `quantity`, units `available` after it, and what did it:
    the event at log position `seq`."""

    seq: int
    n: int
    bucket: str
    delta: int
    quantity: int
    available: int
    reason: str | None
    stamp_us: int
    kind: str
    what: str | None
    ref: str | None
    channel: str | None
    order_id: str | None
    actor: str | None


class ExceptionRow(msgspec.Struct):
    """Open orders that wait for a person or for stock: how many for this reason, units of them,
    and since when the oldest."""

    status: str
    reason: str | None
    orders: int
    units: int
    oldest_us: int


class KpiRow(msgspec.Struct):
    """Counts of an hour, channel and currency; fields as the columns of `kpis`."""

    hour_us: int
    channel: str
    currency: str
    orders: int
    lines: int
    units: int
    revenue_minor: int
    units_backordered: int
    units_cancelled: int
    cancelled_minor: int
    units_shipped: int
    units_returned: int
    refunded_minor: int


ORDER_COLUMNS = ", ".join(f"o.{name}" for name in OrderRow.__struct_fields__)
# What of a position may be asked for, and the buckets that make it.
BUCKETS = {name: (name,) for name in ("on_hand", "reserved", "allocated")}
BUCKETS["unavailable"] = ("damaged", "quality_control", "safety_stock")
_MOVEMENT = """
    SELECT m.seq, m.n, m.bucket, m.delta, m.quantity, m.available, m.reason, a.stamp_us,
           a.kind, a.what, a.ref, o.channel, o.order_id, a.actor
    FROM movements m
    JOIN activity a ON a.seq = m.seq
    LEFT JOIN orders o ON o.seq = a.order_seq
    WHERE m.position = ? AND (m.seq < ? OR (m.seq = ? AND m.n < ?)) {of_bucket}
    ORDER BY m.seq DESC, m.n DESC LIMIT ?"""


def _number(views: Database, table: str, column: str, name: str) -> int:
    """Return the number of a SKU or location, -1 if there is none."""
    rows = views.select(f"SELECT number FROM {table} WHERE {column} = ?", [name])
    return rows[0][0] if rows else -1


def newest(views: Database) -> int:
    """Return the log position of the newest order, 0 if there is none."""
    return views.select("SELECT COALESCE(MAX(seq), 0) FROM orders")[0][0]


def _placed_from(views: Database, stamp_us: int) -> int:
    """Return the log position of the first order that was placed at `stamp_us` or later, or one
    behind all of them, by halving."""
    last = newest(views)
    low, high = 0, last + 1 if last else 0
    sql = "SELECT seq, placed_us FROM orders WHERE seq >= ? ORDER BY seq LIMIT 1"
    while low < high:
        middle = (low + high) // 2
        ((seq, placed_us),) = views.select(sql, [middle])
        low, high = (low, middle) if placed_us >= stamp_us else (seq + 1, high)
    return low


def _conditions(views: Database, wanted: OrderFilter) -> tuple[list[str], list[Any]]:
    where, values = [], []

    def add(condition: str, *more: Any) -> None:
        where.append(condition)
        values.extend(more)

    for name in ("status", "channel", "hold_reason", "customer"):
        if value := getattr(wanted, name):
            add(f"o.{name} = ?", value)
    if wanted.hold_reason and not wanted.status:
        add("o.status = 'on_hold'")
    # Stamps rise along the log, so times are bounds of the key: no index, and no row in vain.
    if wanted.since_us:
        add("o.seq >= ?", _placed_from(views, wanted.since_us))
    if wanted.until_us:
        add("o.seq < ?", _placed_from(views, wanted.until_us))
    if wanted.sku:
        number = _number(views, "skus", "sku", wanted.sku)
        add("o.seq IN (SELECT order_seq FROM order_lines WHERE sku_number = ?)", number)
    if wanted.location:
        held = (
            "EXISTS (SELECT 1 FROM allocations a JOIN positions p ON p.position = a.position "
            "WHERE a.order_seq = o.seq AND a.quantity > 0 AND p.location_number = ?)"
        )
        add(held, _number(views, "locations", "location", wanted.location))
    if len(wanted.q) >= limits.VIEW_WORDS_MIN:
        sql, words = views.search(wanted.q)
        add(f"o.seq IN ({sql})", *words)
    elif wanted.q:
        add("o.order_id = ?", wanted.q)
    return where, values


def orders(
    views: Database, wanted: OrderFilter, *, before: int, limit: int, skip: int = 0
) -> tuple[list[OrderRow], int | None]:
    """Return a page of orders, newest first, older than seq `before` (0: the newest) and behind
    `skip` others, and where the next page goes on."""
    where, values = _conditions(views, wanted)
    if before:
        where.append("o.seq < ?")
        values.append(before)
    text = f"WHERE {' AND '.join(where)} " if where else ""
    sql = f"SELECT {ORDER_COLUMNS} FROM orders o {text}ORDER BY o.seq DESC LIMIT ? OFFSET ?"
    rows = [OrderRow(*row) for row in views.select(sql, [*values, limit + 1, skip])]
    return _page(rows, limit, lambda row: row.seq)


def _page(rows: list, limit: int, place) -> tuple[list, int | None]:
    return rows[:limit], place(rows[limit - 1]) if len(rows) > limit else None


def stock(
    views: Database, *, q: str, location: str, after: int, limit: int
) -> tuple[list[StockRow], int | None]:
    """Return the positions of a page of SKUs in order of their numbers above `after`: those with
    `q` in id or title, at `location` only if it is given; and where the next page goes on."""
    where, values = ["s.number > ?"], [after]
    if q:
        where.append(f"(s.sku {views.like} ? ESCAPE '\\' OR s.title {views.like} ? ESCAPE '\\')")
        like = q.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        values += [f"%{like}%"] * 2
    there = "p.sku_number = s.number"
    if location:
        there += " AND p.location_number = ?"
        values.append(_number(views, "locations", "location", location))
    where.append(f"EXISTS (SELECT 1 FROM positions p WHERE {there})")
    sql = f"SELECT s.number FROM skus s WHERE {' AND '.join(where)} ORDER BY s.number LIMIT ?"
    numbers = [row[0] for row in views.select(sql, [*values, limit + 1])]
    numbers, place_of_next = _page(numbers, limit, lambda number: number)
    if not numbers:
        return [], None
    marks = ",".join("?" * len(numbers))
    sql = (
        f"SELECT {', '.join(f'v.{name}' for name in StockRow.__struct_fields__)} "
        "FROM stock v JOIN positions p ON p.position = v.position "
        f"WHERE p.sku_number IN ({marks}) {'AND v.location = ? ' if location else ''}"
        "ORDER BY p.sku_number, p.position"
    )
    more = [location] if location else []
    return [StockRow(*row) for row in views.select(sql, [*numbers, *more])], place_of_next


def movements(
    views: Database,
    sku: str,
    location: str,
    *,
    before: tuple[int, int],
    limit: int,
    bucket: str = "",
) -> tuple[list[MovementRow], tuple[int, int] | None] | None:
    """Return a page of a position's movements, newest first, before (seq, n), of one of `BUCKETS`
    if it is named, and where the next page goes on; None if there is no such position."""
    numbers = [
        _number(views, "skus", "sku", sku),
        _number(views, "locations", "location", location),
    ]
    sql = "SELECT position FROM positions WHERE sku_number = ? AND location_number = ?"
    rows = views.select(sql, numbers)
    if not rows:
        return None
    seq, n = before if before[0] else (limits.SEQ_MAX, 0)
    buckets = BUCKETS[bucket] if bucket else ()
    of_bucket = f"AND m.bucket IN ({','.join('?' * len(buckets))})" if buckets else ""
    sql = _MOVEMENT.format(of_bucket=of_bucket)
    found = views.select(sql, [rows[0][0], seq, seq, n, *buckets, limit + 1])
    return _page([MovementRow(*row) for row in found], limit, lambda row: (row.seq, row.n))


def exceptions(views: Database) -> list[ExceptionRow]:
    """Return what waits, by status and reason, the oldest first."""
    sql = (
        "SELECT status, hold_reason, COUNT(*), CAST(SUM(units) AS BIGINT), MIN(placed_us) "
        "FROM orders WHERE status IN ('on_hold', 'exception', 'backordered', "
        "'partially_allocated') GROUP BY status, hold_reason ORDER BY MIN(placed_us)"
    )
    return [ExceptionRow(*row) for row in views.select(sql)]


def kpis(views: Database, since_us: int, until_us: int) -> list[KpiRow]:
    """Return the counts of the hours that begin in this time, in order; at most a page of them."""
    sql = (
        "SELECT * FROM kpis WHERE hour_us >= ? AND hour_us < ? "
        f"ORDER BY hour_us, channel, currency LIMIT {limits.VIEW_KPIS_MAX}"
    )
    return [KpiRow(*row) for row in views.select(sql, [since_us, until_us])]
