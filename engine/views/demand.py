"""What a forecast asks of the views: what was wanted where, what there is, and the rules by which
it is sent. Each is a function of a database; all of them together belong into one transaction."""

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from engine.core import limits
from engine.core.commands import PutChannel, PutLocation, PutPurchaseOrder, PutSku
from engine.core.purchases import PurchaseOrder
from engine.core.register import Code
from engine.core.routing.policy import Policy, PutScarcity, RoutingPolicy
from engine.views.work import Database

_PARTS = "SELECT sku_number, component_number, quantity FROM components ORDER BY sku_number, n"


class Wanted(NamedTuple):
    """`units` of a SKU on `lines` lines that orders of a channel asked for."""

    sku_number: int
    channel: str
    units: int
    lines: int


class Window(NamedTuple):
    """Orders that a forecast looks at: from this log position on, placed in these days."""

    seq: int
    days: float


def window(views: Database, now_us: int, days: float) -> Window:
    """Return the last `days` before `now_us`; fewer, if more orders were placed in them than
    `limits.DEMAND_ORDERS_MAX`."""
    since_us = now_us - int(days * 86_400e6)
    sql = "SELECT seq, placed_us FROM orders ORDER BY seq DESC LIMIT 1 OFFSET ?"
    rows = views.select(sql, [limits.DEMAND_ORDERS_MAX - 1])
    if rows and rows[0][1] > since_us:
        seq, since_us = rows[0]
        return Window(seq, max((now_us - since_us) / 86_400e6, 1e-6))
    sql = "SELECT MIN(seq) FROM orders WHERE seq >= ? AND placed_us >= ?"
    seq = views.select(sql, [rows[0][0] if rows else 0, since_us])[0][0]
    return Window(limits.SEQ_MAX if seq is None else seq, days)


def wanted(views: Database, seq: int) -> list[Wanted]:
    """Return what orders from log position `seq` on asked for, less what was cancelled, by stocked
    SKU and channel."""
    sql = (
        "SELECT i.sku_number, o.channel, "
        "CAST(SUM(i.quantity - i.cancelled) AS BIGINT), COUNT(*) "
        "FROM order_lines i JOIN orders o ON o.seq = i.order_seq "
        "WHERE i.order_seq >= ? AND i.quantity > i.cancelled "
        "GROUP BY i.sku_number, o.channel"
    )
    parts: dict[int, list[tuple[int, int]]] = {}
    for bundle, part, units in views.select(_PARTS):
        parts.setdefault(bundle, []).append((part, units))
    found = []
    for row in map(Wanted._make, sorted(views.select(sql, [seq]))):
        for number, times in _stocked(row.sku_number, parts):
            found.append(row._replace(sku_number=number, units=row.units * times))
    return found


def destinations(views: Database, seq: int) -> list[tuple[str, str | None, str | None, int]]:
    """Return how many orders from log position `seq` on went where: channel, country, postcode and
    their number."""
    sql = (
        "SELECT channel, country, postcode, COUNT(*) FROM orders WHERE seq >= ? "
        "GROUP BY channel, country, postcode"
    )
    # Databases sort texts, and what is missing, each in its own way.
    return sorted(views.select(sql, [seq]), key=lambda row: [word or "" for word in row[:3]])


def _stocked(number: int, parts: dict) -> Iterator[tuple[int, int]]:
    """Yield what goes into one unit of a SKU, a bundle's parts down to what has stock."""
    if number not in parts:
        yield number, 1
        return
    for part, units in parts[number]:
        for stocked, times in _stocked(part, parts):
            yield stocked, times * units


def available(views: Database) -> dict[int, dict[str, int]]:
    """Return what can be sold of each SKU (by number) at each location at which it ever was."""
    sql = (
        "SELECT p.sku_number, l.location, p.on_hand - p.reserved - p.allocated - p.damaged "
        "- p.quality_control - p.safety_stock FROM positions p "
        "JOIN locations l ON l.number = p.location_number ORDER BY p.position"
    )
    found: dict[int, dict[str, int]] = {}
    for sku, location, units in views.select(sql):
        found.setdefault(sku, {})[location] = max(units, 0)
    return found


def skus(views: Database) -> dict[int, PutSku]:
    """Return the SKUs by number."""
    rows = views.select("SELECT number, document FROM skus")
    return {number: _read(PutSku, document) for number, document in rows}


def locations(views: Database) -> dict[str, PutLocation]:
    """Return the locations by id."""
    rows = views.select("SELECT location, document FROM locations")
    return {name: _read(PutLocation, document) for name, document in rows}


def policies(views: Database) -> dict[str, Policy]:
    """Return the routing policies by id."""
    rows = _entries(views, Code.ROUTING_POLICIES)
    return {name: Policy(_read(RoutingPolicy, document)) for name, document in rows}


def channels(views: Database) -> dict[str, str]:
    """Return the routing policy of each channel that has one."""
    rows = [_read(PutChannel, document) for _, document in _entries(views, Code.CHANNELS)]
    return {put.channel: put.policy for put in rows if put.policy is not None}


def scarcity(views: Database) -> dict[str, PutScarcity]:
    """Return the scarcity prices by SKU."""
    rows = _entries(views, Code.SCARCITY)
    return {name: _read(PutScarcity, document) for name, document in rows}


def deliveries(views: Database) -> dict[str, list[int]]:
    """Return when what is on its way of each SKU is expected, the earliest first, µs since 1970."""
    found: dict[str, list[int]] = {}
    for _, document in _entries(views, Code.PURCHASE_ORDERS):
        order = _read(PurchaseOrder, document)
        put: PutPurchaseOrder = order.put
        for sku, _ in order.open_lines():
            found.setdefault(sku, []).append(round(put.expected_at.timestamp() * 1e6))
    return {sku: sorted(times) for sku, times in found.items()}


def _entries(views: Database, code: Code) -> list[tuple[str, str]]:
    sql = "SELECT name, document FROM entries WHERE register = ? ORDER BY number"
    return views.select(sql, [int(code)])


def _read(kind: type, document: str):
    return msgspec.json.decode(document, type=kind)
