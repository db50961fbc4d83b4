"""What a purchase order of a wholesale partner means. Terms of payment are between the two, so an
order that does not say counts as authorized: it is picked before it is paid."""

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

import msgspec

from engine.connectors.base import ConnectorError, ForeignLine, ForeignOrder
from engine.connectors.money import minor
from engine.connectors.wholesale import wire
from engine.core.terms import Address

decode = msgspec.json.Decoder(wire.Order, strict=False).decode


def understand(order: wire.Order, *, left: bool = False) -> ForeignOrder:
    """Return the order as all channels' orders are; `left` says that all of it has left."""
    state = "cancelled" if order.status == "cancelled" else "fulfilled" if left else "open"
    there = order.ship_to
    known = {} if there is None else {k: v for k, v in msgspec.structs.asdict(there).items() if v}
    return ForeignOrder(
        order_id=order.order_id,
        version=int(utc(order.changed_at).timestamp() * 1000),
        state=state,
        ready=order.status != "draft",
        payment=order.payment,
        lines=tuple(_line(line, order.currency) for line in order.lines if line.quantity > 0),
        currency=order.currency,
        ship_to=Address(**known) if known else None,
        customer=order.customer,
        note=order.note,
        placed_at=utc(order.ordered_at) if order.ordered_at else None,
        required_by=utc(order.required_by) if order.required_by else None,
    )


def utc(at: datetime) -> datetime:
    """Return a time that says its zone; one that says none is UTC."""
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _line(line: wire.Line, currency: str | None) -> ForeignLine:
    price = None
    if line.unit_price is not None:
        try:
            price = minor(Decimal(str(line.unit_price)), currency or "")
        except InvalidOperation as error:
            raise ConnectorError(f"line {line.line_id}: unit_price is no decimal") from error
    return ForeignLine(
        line=line.line_id,
        listing=line.sku,
        sku=line.sku,
        quantity=line.quantity,
        unit_price=price,
    )
