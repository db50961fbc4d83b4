"""What a channel has to be told of its orders: what has left, money that is to go back, and orders
that were cancelled here. Each is a function of a database, by log position, for who tells it."""

from typing import NamedTuple

from engine.core.events import OrderStatus
from engine.views.work import Database

_OVER = (OrderStatus.CANCELLED, OrderStatus.SHIPPED, OrderStatus.DELIVERED)
_STATUSES = tuple(status.name.lower() for status in OrderStatus if status not in _OVER)

_SHIPPED = """
    SELECT s.seq, o.channel, o.order_id, s.shipment_id, s.carrier, s.tracking_number, s.shipped_us,
           o.status IN ('shipped', 'delivered'), o.required_by_us,
           NOT EXISTS (SELECT 1 FROM shipments e WHERE e.order_seq = o.seq AND e.seq < s.seq)
    FROM shipments s JOIN orders o ON o.seq = s.order_seq
    WHERE s.seq > ? ORDER BY s.seq LIMIT ?
"""
_LINES = """
    SELECT l.line_id, s.quantity
    FROM shipment_lines s
    JOIN shipments h ON h.seq = s.shipment_seq
    JOIN order_lines l ON l.order_seq = h.order_seq AND l.line = s.line
    WHERE s.shipment_seq = ? ORDER BY s.line
"""
_REFUNDED = """
    SELECT r.seq, o.channel, o.order_id, r.return_id, r.refund_id, r.amount_minor, r.currency
    FROM refunds r JOIN orders o ON o.seq = r.order_seq
    WHERE r.seq > ? ORDER BY r.seq LIMIT ?
"""
_CANCELLED = """
    SELECT a.seq, o.channel, o.order_id
    FROM activity a JOIN orders o ON o.seq = a.order_seq
    WHERE a.seq > ? AND a.kind = 'order_cancelled' AND o.status = 'cancelled'
    ORDER BY a.seq LIMIT ?
"""
_HAPPENED = """
    SELECT a.seq, a.stamp_us, a.kind, a.what, o.channel, o.order_id
    FROM activity a JOIN orders o ON o.seq = a.order_seq
    WHERE a.seq > ? ORDER BY a.seq LIMIT ?
"""
_WAITING = """
    SELECT COUNT(*) FROM orders
    WHERE status IN ('backordered', 'partially_allocated') AND channel = ?
"""
# Of each status the oldest orders: an index has them in this order.
_OPEN = "SELECT channel, required_by_us FROM orders WHERE status = ? ORDER BY seq LIMIT ?"
_DUE = f"""
    SELECT COUNT(*) FROM ({" UNION ALL ".join([f"SELECT * FROM ({_OPEN}) s"] * len(_STATUSES))}) o
    WHERE channel = ? AND required_by_us < ?
"""
_SOLD_OUT = """
    SELECT s.sku FROM positions p JOIN skus s ON s.number = p.sku_number
    GROUP BY s.sku HAVING SUM(p.available) <= 0
"""


class Left(NamedTuple):
    """A shipment, quantities by the channel's name of the line; `last`: nothing more is to come,
    `first`: nothing of its order has left before, `required_us`: when the order was due."""

    seq: int
    channel: str
    order_id: str
    shipment_id: str
    carrier: str | None
    tracking: str | None
    shipped_us: int
    last: bool
    required_us: int | None
    first: bool
    lines: tuple[tuple[str, int], ...]


class Refunded(NamedTuple):
    """`amount` minor units that are to go back for a return."""

    seq: int
    channel: str
    order_id: str
    refund_id: str
    amount: int
    currency: str


class Cancelled(NamedTuple):
    """An order of which nothing is wanted any more, whoever said so."""

    seq: int
    channel: str
    order_id: str


class Happened(NamedTuple):
    """Something that happened to an order: the event's `kind`, and `what` it was if the order was
    changed."""

    seq: int
    stamp_us: int
    kind: str
    what: str | None
    channel: str
    order_id: str


def happened(views: Database, after: int, count: int) -> list[Happened]:
    """Return up to `count` things that happened to orders after a log position."""
    return [Happened(*row) for row in views.select(_HAPPENED, [after, count])]


def newest(views: Database) -> int:
    """Return the log position up to which the views are."""
    rows = views.select("SELECT seq FROM cursor")
    return rows[0][0] if rows else 0


def sold_out(views: Database) -> list[str]:
    """Return the SKUs that had stock once and of which nothing is available at any location."""
    return [sku for (sku,) in views.select(_SOLD_OUT)]


def waiting(views: Database, channel: str) -> int:
    """Return how many orders of a channel wait for stock that is not there."""
    return views.select(_WAITING, [channel])[0][0]


def due(views: Database, channel: str, before_us: int, count: int) -> int:
    """Return how many orders of a channel have not left whole and were to before a time; of each
    status, only the `count` oldest orders of all channels are looked at."""
    looked = [value for status in _STATUSES for value in (status, count)]
    return views.select(_DUE, [*looked, channel, before_us])[0][0]


def left(views: Database, after: int, count: int) -> list[Left]:
    """Return up to `count` shipments after a log position."""
    found = []
    for *head, last, required_us, first in views.select(_SHIPPED, [after, count]):
        rows = views.select(_LINES, [head[0]])
        lines = tuple((name, units) for name, units in rows if name is not None)
        found.append(Left(*head, bool(last), required_us, bool(first), lines))
    return found


def refunded(views: Database, after: int, count: int) -> list[Refunded]:
    """Return up to `count` refunds after a log position."""
    return [
        Refunded(seq, channel, order, f"{returned}/{refund}", amount, currency)
        for seq, channel, order, returned, refund, amount, currency in views.select(
            _REFUNDED, [after, count]
        )
    ]


def cancelled(views: Database, after: int, count: int) -> list[Cancelled]:
    """Return up to `count` orders that were cancelled whole after a log position."""
    return [Cancelled(*row) for row in views.select(_CANCELLED, [after, count])]
