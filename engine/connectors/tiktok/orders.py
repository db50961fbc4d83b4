"""What a TikTok Shop order means.

    UNPAID                                it takes nothing
    ON_HOLD                               paid, and its buyer may cancel it for an hour: it waits
                                          outside; with the option `cool_off` = `keep` it takes
                                          stock, as an order whose payment is pending
    AWAITING_SHIPMENT, PARTIALLY_SHIPPING placed, paid
    AWAITING_COLLECTION and later         it has left
    CANCELLED                             nothing of it is wanted

TikTok names each unit (a line item is one); a line of ours is all units of a SKU. Packages are no
part of it: split, combined and taken apart again, they hold units of the same orders.
"""

from collections import defaultdict
from datetime import UTC, datetime
from decimal import Decimal

from engine.connectors.base import ForeignLine, ForeignOrder
from engine.connectors.money import minor
from engine.connectors.tiktok import wire
from engine.core.terms import Address

_OVER = frozenset(("CANCELLED", "CANCEL"))
_LEFT = frozenset(("AWAITING_COLLECTION", "IN_TRANSIT", "DELIVERED", "COMPLETED"))
HELD = "ON_HOLD"


def moment(seconds: int | None) -> datetime | None:
    """Return the time of so many seconds since 1970."""
    return datetime.fromtimestamp(seconds, UTC) if seconds else None


def understand(order: wire.Order, keeps: bool) -> ForeignOrder:
    """Return the order as all channels' orders are; `keeps` says what the cool-off hour does."""
    state = "open"
    if order.status in _OVER:
        state = "cancelled"
    elif order.status in _LEFT:
        state = "fulfilled"
    held = order.status == HELD
    currency = (order.payment.currency if order.payment else None) or ""
    unpaid = order.status == "UNPAID"
    return ForeignOrder(
        order_id=str(order.id),
        version=order.update_time * 1000,
        state=state,
        ready=not unpaid and (keeps or not held),
        payment="pending" if unpaid or held else "authorized" if order.is_cod else "paid",
        lines=_lines(order, currency),
        currency=currency or None,
        ship_to=_address(order),
        customer=str(order.user_id) if order.user_id else order.buyer_email,
        note=order.buyer_message or None,
        placed_at=moment(order.create_time),
        required_by=moment(order.rts_sla_time),
        collect_by=moment(order.tts_sla_time),
        collected_at=moment(order.collection_time),
    )


def wanted(order: wire.Order) -> list[wire.Unit]:
    """Return the units that nobody cancelled."""
    return [unit for unit in order.line_items or () if unit.display_status not in _OVER]


def _lines(order: wire.Order, currency: str) -> tuple[ForeignLine, ...]:
    groups: dict[str, list[wire.Unit]] = defaultdict(list)
    for unit in wanted(order):
        groups[str(unit.sku_id)].append(unit)
    return tuple(_line(name, units, currency) for name, units in sorted(groups.items()))


def _line(name: str, units: list[wire.Unit], currency: str) -> ForeignLine:
    prices = [unit.sale_price for unit in units if unit.sale_price is not None]
    unit_price = None
    if prices and currency:
        unit_price = minor(sum(prices, Decimal(0)) / len(prices), currency)
    return ForeignLine(
        line=name,
        listing=f"{units[0].product_id}/{name}",
        sku=units[0].seller_sku or None,
        quantity=len(units),
        unit_price=unit_price,
    )


def _address(order: wire.Order) -> Address | None:
    there = order.recipient_address
    if there is None:
        return None
    levels = {row.address_level: row.address_name for row in there.district_info or ()}
    country = there.region_code
    fields = {
        "name": there.name,
        "line1": there.address_line1 or there.address_detail,
        "line2": there.address_line2,
        "city": there.post_town or levels.get("L3") or levels.get("L2"),
        "region": levels.get("L1"),
        "postcode": there.postal_code,
        "country": country if country and len(country) == 2 else None,
        "phone": there.phone_number,
        "email": order.buyer_email,
    }
    known = {name: text for name, text in fields.items() if text}
    return Address(**known) if known else None
