"""What the ledger knows, as rows of the read models: the views must say the same."""

import msgspec

from engine.core import limits, sellable
from engine.core.answers import moment
from engine.core.events import NO_PRICE, OrderStatus
from engine.core.kept import Kept
from engine.core.notes.fulfillments import Fulfillment
from engine.core.notes.holds import Held
from engine.core.notes.returns import Return
from engine.core.purchases import PurchaseOrderAnswer
from engine.core.register import Entry, Register
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
            p.available,
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


def rare(state: State) -> dict[str, list[tuple]]:
    """Rows of what is rare with orders that the ledger still has, a few columns of each."""
    found: dict[str, list[tuple]] = {
        sql: [] for sql in (_FULFILLMENTS, _UNITS, _BOXES, _RETURNS, _COMING, _INSPECTED, _REFUNDS)
    }
    for seq in state.orders:
        life = state.lives.of(seq)
        for one in life.work.values():
            _work(found, seq, one)
        for name, back in life.returns.items():
            _back(found, seq, name, back)
    return found


_FULFILLMENTS = (
    "SELECT order_seq, number, fulfillment_id, location_number, status, pickup, open, "
    "COALESCE(accept_by_us, 0), COALESCE(reason, ''), seq FROM fulfillments"
)
_UNITS = "SELECT order_seq, number, line, position, open FROM fulfillment_lines WHERE open > 0"
_BOXES = (
    "SELECT order_seq, number, COALESCE(shipment_id, ''), n, package_id, "
    "COALESCE(weight_g, -1), contents FROM packages"
)
_RETURNS = (
    "SELECT order_seq, return_id, status, received - inspected, expected, received, "
    "COALESCE(why, ''), COALESCE(carrier, ''), COALESCE(exchange_order_id, '') FROM returns"
)
_COMING = "SELECT order_seq, return_id, line, sku_number, expected, received FROM return_units"
_INSPECTED = (
    "SELECT order_seq, return_id, location_number, sku_number, disposition, "
    "CAST(SUM(units) AS BIGINT) FROM dispositions GROUP BY 1, 2, 3, 4, 5"
)
_REFUNDS = "SELECT order_seq, return_id, refund_id, amount_minor, currency FROM refunds"


def _work(found: dict[str, list[tuple]], seq: int, one: Fulfillment) -> None:
    open_units = sum(one.units.values())
    head = (seq, one.number, f"{seq}-{one.number}", one.location, one.status, int(one.pickup))
    found[_FULFILLMENTS].append((*head, open_units, one.accept_by_us, one.reason, one.made_seq))
    found[_UNITS] += [(seq, one.number, *key, units) for key, units in one.units.items()]
    boxes = [("", one.packages), *((left.shipment_id, left.packages) for left in one.shipments)]
    for shipment, packages in boxes:
        for n, box in enumerate(packages):
            weight = -1 if box.weight_g is None else box.weight_g
            lines = msgspec.json.encode(box.lines).decode()
            found[_BOXES].append((seq, one.number, shipment, n, box.package_id, weight, lines))


def _back(found: dict[str, list[tuple]], seq: int, name: str, back: Return) -> None:
    came, expected = sum(back.came.values()), sum(back.expected.values())
    found[_RETURNS].append(
        (
            seq,
            name,
            back.status,
            sum(back.waiting.values()),
            expected,
            came,
            back.why,
            back.label[0],
            back.opened.exchange,
        )
    )
    for line, sku in {**back.expected, **back.came}:
        units = (back.expected.get((line, sku), 0), back.came.get((line, sku), 0))
        found[_COMING].append((seq, name, line, sku, *units))
    found[_INSPECTED] += [(seq, name, *key, units) for key, units in back.sorted.items()]
    found[_REFUNDS] += [
        (seq, name, one.refund_id, one.amount, one.currency) for one in back.refunds
    ]


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


def _parts(state: State, number: int) -> set[int]:
    """A SKU and what it is made of: units that are set aside of any of it leave it without rows."""
    return {number}.union(*(_parts(state, part) for part, _ in state.skus[number].components))


def availability(state: State, stamp_us: int) -> list[tuple]:
    """Rows of `sellable`: what each channel may show at this time of every SKU."""
    fenced = state.registers.fences.open
    skus = [
        sku.put.sku
        for number, sku in enumerate(state.skus)
        if not fenced.keys() & _parts(state, number)
    ]
    return sorted(
        (row.put.channel, found.sku, found.available, found.sellable)
        for row in state.registers.channels.rows
        for found in sellable.availability(state, row.put.channel, skus, stamp_us).skus
    )


def _name(register: Register, row: Entry) -> str:
    """An entry's id; a fence is found by its channel, SKU and perhaps location."""
    found = getattr(row.put, register.noun)
    return found if isinstance(found, str) else "/".join(filter(None, found))


def _purchases(state: State) -> list[PurchaseOrderAnswer]:
    register = state.registers.purchase_orders
    return [register.answer(row.put, row.seq) for row in register.rows]


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
        "SELECT number, purchase_order, status, location, supplier, expected_us, units, "
        "received, seq FROM purchase_orders": [
            (
                n,
                a.purchase_order,
                a.status,
                a.location,
                a.supplier,
                _us(a.expected_at),
                sum(line.quantity for line in a.lines),
                sum(line.received for line in a.lines),
                a.seq,
            )
            for n, a in enumerate(_purchases(state))
        ],
        "SELECT number, line, sku, quantity, received FROM purchase_lines": [
            (n, at, line.sku, line.quantity, line.received)
            for n, a in enumerate(_purchases(state))
            for at, line in enumerate(a.lines)
        ],
        "SELECT register, number, name, document, seq FROM entries": [
            (register.code, n, _name(register, row), json(row.put).decode(), row.seq)
            for register in sorted(state.registers, key=lambda one: one.code)
            for n, row in enumerate(register.rows)
        ],
    }
