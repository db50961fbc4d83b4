"""What the ledger knows, as rows of the read models: the views must say the same."""

import msgspec

from engine.core import limits
from engine.core.answers import moment
from engine.core.events import NO_PRICE, OrderStatus
from engine.core.kept import Kept
from engine.core.notes.holds import Held
from engine.core.state import RESERVATION_STATUS, Order, State

_details = msgspec.json.Decoder(Kept).decode


def _us(at) -> int | None:
    return None if at is None else round((at - moment(0)).total_seconds() * 1e6)


def _live(state: State, order: Order) -> list[Held]:
    """The holds that stop an order: one that is closed has none."""
    found = state.lives.of(order.seq).holds
    return list(found.values()) if order.status is OrderStatus.ON_HOLD else []


def positions(state: State) -> list[tuple]:
    """Rows of `positions`, without the log position."""
    return [
        (
            number,
            p.sku,
            p.location,
            p.on_hand,
            p.reserved,
            p.allocated,
            p.damaged,
            p.quality_control,
            p.safety_stock,
        )
        for number, p in enumerate(state.positions)
    ]


def orders(state: State) -> list[tuple]:
    """Rows of `orders` that the ledger still has, without stamps."""
    rows = []
    for seq, order in sorted(state.orders.items()):
        event, found = order.event, _details(order.event.document)
        place = found.ship_to
        lines = list(zip(event.lines, order.cancelled, strict=True))
        holds = _live(state, order)
        rows.append(
            (
                seq,
                event.channel,
                event.order_id,
                order.status.name.lower(),
                order.changed_seq,
                event.reservation or None,
                found.customer,
                found.currency,
                found.payment,
                place.country if place else None,
                place.city if place else None,
                _us(found.required_by),
                len(lines),
                sum(line.quantity - cut for line, cut in lines),
                sum(order.backordered),
                sum(order.shipped),
                sum(
                    (line.quantity - cut) * line.unit_price
                    for line, cut in lines
                    if 0 < line.unit_price * line.quantity <= limits.VIEW_LINE_MINOR_MAX
                ),
                holds[-1].reason if holds else None,
                event.document.decode(),
            )
        )
    return rows


ORDER_COLUMNS = (
    "seq, channel, order_id, status, changed_seq, reservation_seq, customer, currency, payment, "
    "country, city, required_by_us, lines, units, backordered, shipped, value_minor, hold_reason, "
    "document"
)


def lines(state: State) -> list[tuple]:
    """Rows of `order_lines`."""
    return [
        (
            seq,
            n,
            line.line_id or None,
            line.sku,
            line.quantity,
            None if line.unit_price == NO_PRICE else line.unit_price,
            order.backordered[n],
            order.cancelled[n],
            order.shipped[n],
        )
        for seq, order in sorted(state.orders.items())
        for n, line in enumerate(order.event.lines)
    ]


def allocations(state: State) -> list[tuple]:
    """Rows of `allocations`."""
    return [
        (seq, n, t, take.position, order.takes[n][t])
        for seq, order in sorted(state.orders.items())
        for n, line in enumerate(order.event.lines)
        for t, take in enumerate(line.takes)
    ]


def holds(state: State) -> list[tuple]:
    """Rows of `holds` that are live, as far as the ledger tells of them."""
    return sorted(
        (seq, hold.hold_id, hold.reason, hold.owner, hold.then, int(hold.keeps_stock))
        for seq, order in state.orders.items()
        for hold in _live(state, order)
    )


def reservations(state: State) -> list[tuple]:
    """Rows of `reservations` that the ledger still has."""
    return [
        (
            seq,
            r.event.reservation_id,
            r.event.channel,
            RESERVATION_STATUS[r.status],
            r.expires_us,
            r.closed_us or None,
            r.order or None,
        )
        for seq, r in sorted(state.reservations.items())
    ]


def catalogue(state: State) -> dict[str, list[tuple]]:
    """Rows of the catalogue's tables, a few columns of each."""
    json = msgspec.json.encode
    return {
        "SELECT number, sku, title, weight_g, backorderable, seq FROM skus": [
            (n, s.put.sku, s.put.title, s.put.weight_g, int(s.put.backorderable), s.seq)
            for n, s in enumerate(state.skus)
        ],
        "SELECT sku_number, component_number, quantity FROM components": [
            (n, *part) for n, s in enumerate(state.skus) for part in s.components
        ],
        "SELECT number, location, active, priority, document, seq FROM locations": [
            (n, p.put.location, int(p.put.active), p.put.priority, json(p.put).decode(), p.seq)
            for n, p in enumerate(state.locations)
        ],
        "SELECT number, channel, name, priority, seq FROM channels": [
            (n, row.put.channel, row.put.name, row.put.priority, row.seq)
            for n, row in enumerate(state.registers.channels.rows)
        ],
        "SELECT register, number, name, document, seq FROM entries": [
            (register.code, n, getattr(row.put, register.noun), json(row.put).decode(), row.seq)
            for register in sorted(state.registers, key=lambda one: one.code)
            for n, row in enumerate(register.rows)
        ],
    }
