"""Olist (Brazilian marketplace): one row per order, one row per unit sold.

Units of one product by one seller at one price are added up to a line. Sellers are locations, and
a line is bound to the seller who sold it, unless the replay is given warehouses instead. An order
that ended `canceled` or `unavailable` is placed and then cancelled, one hour after its approval
or, without one, its purchase: the files do not say when. An order without items is skipped.
Times are naive Brazilian ones and taken as UTC. Prices are reais.
"""

from collections import Counter

import msgspec

from engine.core import limits
from engine.core.commands import Address, Cancel, OrderLine, PlaceOrder, PutLocation
from engine.replay import fields
from engine.replay.documents import Cancellation, Extract, Findings, Order, SkuFacts
from engine.replay.tables import Table

NAME = "olist"
COLUMNS = {
    "orders": (
        "order_id",
        "customer_id",
        "order_status",
        "order_purchase_timestamp",
        "order_approved_at",
    ),
    "items": ("order_id", "order_item_id", "product_id", "seller_id", "price"),
    "customers": (
        "customer_id",
        "customer_unique_id",
        "customer_zip_code_prefix",
        "customer_city",
        "customer_state",
    ),
    "sellers": ("seller_id", "seller_zip_code_prefix", "seller_city", "seller_state"),
    "products": ("product_id", "product_category_name", "product_weight_g"),
    "geo": ("zip_prefix", "lat", "lon"),
    "payments": ("order_id", "payment_sequential", "payment_type"),
}
NEEDED = ("orders", "items")
CANCELLED = frozenset(("canceled", "unavailable"))
CANCELLED_AFTER_US = 3_600 * 1_000_000


class _Buyer(msgspec.Struct):
    """Who an order goes to, and where."""

    customer: str
    address: Address


def read(tables: dict[str, list[Table]], findings: Findings) -> Extract:
    """Return the documents of these tables in time order."""
    extract = Extract(country="BR")
    points = _points(tables.get("geo", ()), findings)
    buyers = _buyers(tables.get("customers", ()), points, findings)
    _read_products(tables.get("products", ()), extract.skus, findings)
    items, dirty = _items(tables["items"], findings)
    for table in tables["orders"]:
        _read_orders(table, items, dirty, buyers, extract, findings)
    for _ in items:
        findings.skip(tables["items"][0].name, 1, "items of an order that is not in the files")
    sold = {line.sku for found in extract.documents for line in _lines(found)}
    extract.skus = {sku: extract.skus.get(sku, SkuFacts()) for sku in sorted(sold)}
    sellers = {line.location for found in extract.documents for line in _lines(found)}
    extract.places = _sellers(tables.get("sellers", ()), sellers, points, findings)
    extract.documents.sort(key=lambda found: found.at_us)
    return extract


def _lines(document) -> tuple[OrderLine, ...]:
    return document.command.lines if isinstance(document, Order) else ()


def _points(tables, findings: Findings) -> dict[str, tuple[float, float]]:
    points = {}
    for table in tables:
        for number, cells, good in table.rows(COLUMNS["geo"], findings):
            if not good:
                continue
            column = "lat"
            try:
                latitude = fields.degrees(cells[1], 90)
                column = "lon"
                points[cells[0]] = latitude, fields.degrees(cells[2], 180)
            except ValueError as error:
                findings.fault(table.name, number, column, str(error))
    return points


def _buyers(tables, points, findings: Findings) -> dict[str, _Buyer]:
    buyers = {}
    for table in tables:
        for _, cells, good in table.rows(COLUMNS["customers"], findings):
            if good:
                point = points.get(cells[2], (None, None))
                address = Address(
                    city=fields.optional(cells[3]),
                    region=fields.optional(cells[4]),
                    postcode=fields.optional(cells[2]),
                    country="BR",
                    latitude=point[0],
                    longitude=point[1],
                )
                buyers[cells[0]] = _Buyer(cells[1], address)
    return buyers


def _read_products(tables, skus: dict[str, SkuFacts], findings: Findings) -> None:
    for table in tables:
        for number, cells, good in table.rows(COLUMNS["products"], findings):
            if not good:
                continue
            weight = None
            try:
                if cells[2]:
                    weight = fields.grams(cells[2])
            except ValueError as error:
                findings.fault(table.name, number, "product_weight_g", str(error))
            skus[cells[0]] = SkuFacts(fields.optional(cells[1]) or "", weight)


def _items(tables, findings: Findings) -> tuple[dict[str, Counter], set[str]]:
    """Units by order, then by (product, seller, price); and the orders with a dirty row."""
    items: dict[str, Counter] = {}
    dirty: set[str] = set()
    for table in tables:
        for number, cells, good in table.rows(COLUMNS["items"], findings):
            if not good:
                dirty.update(cells)
                continue
            column = "product_id"
            try:
                product = fields.identifier(cells[2])
                column = "seller_id"
                seller = fields.identifier(cells[3])
                column = "price"
                price = fields.minor_units(cells[4])
                if price < 0:
                    raise ValueError(f"{cells[4]} is negative")
            except ValueError as error:
                findings.fault(table.name, number, column, str(error))
                dirty.add(cells[0])
                continue
            items.setdefault(cells[0], Counter())[product, seller, price] += 1
    return items, dirty


def _read_orders(table: Table, items, dirty, buyers, extract: Extract, findings: Findings) -> None:
    for number, cells, good in table.rows(COLUMNS["orders"], findings):
        bought = items.pop(cells[0], None)
        if not good:
            continue
        if cells[0] in dirty:
            findings.skip(table.name, number, "document with a dirty row")
            continue
        column = "order_id"
        try:
            order_id = fields.identifier(cells[0])
            column = "order_purchase_timestamp"
            at_us = fields.moment_us(cells[3])
            column = "order_approved_at"
            approved_us = fields.moment_us(cells[4]) if cells[4] else 0
        except ValueError as error:
            findings.fault(table.name, number, column, str(error))
            continue
        if not bought:
            findings.skip(table.name, number, f"order without items, status {cells[2]}")
            continue
        if len(bought) > limits.ORDER_LINES_MAX:
            detail = f"the order has {len(bought)} lines, at most {limits.ORDER_LINES_MAX}"
            findings.fault(table.name, number, "order_id", detail)
            continue
        extract.documents.append(
            Order(at_us, _place(order_id, bought, buyers.get(cells[1]), bool(approved_us)))
        )
        if cells[2] in CANCELLED:
            at_us = max(at_us, approved_us) + CANCELLED_AFTER_US
            command = Cancel(NAME, order_id, None, f"order {cells[2]}")
            extract.documents.append(Cancellation(at_us, order_id, command, "status"))


def _place(order_id: str, bought: Counter, buyer: _Buyer | None, paid: bool) -> PlaceOrder:
    return PlaceOrder(
        order_id=order_id,
        channel=NAME,
        lines=tuple(
            OrderLine(product, units, unit_price=price, location=seller)
            for (product, seller, price), units in bought.items()
        ),
        ship_to=buyer.address if buyer else Address(country="BR"),
        payment="paid" if paid else "pending",
        currency="BRL",
        customer=fields.optional(buyer.customer) if buyer else None,
    )


def _sellers(tables, sold: set, points, findings: Findings) -> dict[str, PutLocation]:
    """Locations for the sellers who sold something; those without a row are known by id only."""
    found = {
        seller: PutLocation(seller, f"Seller {seller[:8]}", "third_party", "BR")
        for seller in sorted(sold)
    }
    for table in tables:
        for _, cells, good in table.rows(COLUMNS["sellers"], findings):
            if good and cells[0] in found:
                point = points.get(cells[1], (None, None))
                found[cells[0]] = PutLocation(
                    cells[0],
                    f"Seller {cells[0][:8]}, {fields.optional(cells[2]) or '?'}",
                    "third_party",
                    "BR",
                    postcode=fields.optional(cells[1]),
                    latitude=point[0],
                    longitude=point[1],
                )
    return found
