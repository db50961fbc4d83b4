"""The only code that changes state: one function per event, used live and in replay.

An event is a fact. If it does not fit, the log is not ours or the code is wrong: `fitting.misfit`.
"""

import msgspec

from engine.core import answers, bundles, limits, told
from engine.core.commands import PutLocation, PutSku
from engine.core.events import (
    NO_LOCATION,
    BucketId,
    Cause,
    Document,
    EntryPut,
    EpochOpened,
    Event,
    Kind,
    LocationPut,
    OrderCancelled,
    OrderChanged,
    OrderPlaced,
    OrderShipped,
    OrderStatus,
    PositionOpened,
    ReservationExpired,
    ReservationExtended,
    ReservationReleased,
    Reserved,
    SkuPut,
    StockMoved,
)
from engine.core.fence_moves import drawn, refill_fences, taken
from engine.core.fences import Moves
from engine.core.fitting import (
    check_ahead,
    check_channel,
    check_lines,
    check_receipt,
    check_scarcity,
    fits,
    misfit,
)
from engine.core.ranks import WORKED_ON
from engine.core.register import Code
from engine.core.restating import recount, restate
from engine.core.state import (
    COMMITTED,
    EXPIRED,
    LIVE,
    RELEASED,
    Location,
    Order,
    Position,
    Remembered,
    Reservation,
    Sku,
    State,
)
from engine.core.usual import learned

_location = msgspec.json.Decoder(PutLocation).decode
_sku = msgspec.json.Decoder(PutSku).decode
_json = msgspec.json.Encoder().encode
_BUCKETS = ("on_hand", "damaged", "quality_control", "safety_stock")


def apply(state: State, event: Event) -> None:
    """Apply `event` as number `state.seq + 1`."""
    state.seq += 1
    _APPLY[type(event)](state, event)


def remember_key(cause: Cause) -> str:
    """Return the table key of an Idempotency-Key: keys of different callers never meet."""
    return f"key:{cause.actor}:{cause.key}"


def document_key(document: Document, document_id: str) -> str:
    """Return the table key of a receipt, count, adjustment or transfer."""
    return f"{document.name.lower()}:{document_id}"


def shipment_key(order: int, shipment_id: str) -> str:
    """Return the table key of a shipment of the order placed at `order`."""
    return f"shipment:{order}:{shipment_id}"


def _remember(state: State, key: str, cause: Cause, answer: answers.base.Answer) -> None:
    state.remembered.pop(key, None)
    state.remembered[key] = Remembered(
        key, state.seq, state.now_us, cause.fingerprint, _json(answer)
    )


def _keyed(state: State, cause: Cause, answer) -> None:
    if cause.key:
        _remember(state, remember_key(cause), cause, answer())


def _epoch_opened(state: State, event: EpochOpened) -> None:
    pass


def _location_put(state: State, event: LocationPut) -> None:
    row, rows = Location(_location(event.document), state.seq), state.locations
    known = state.location_numbers.get(row.put.location, len(rows))
    misfit(f"location number {event.number} is not its own", event.number != known)
    misfit("a location's JSON is not as dibs writes it", _json(row.put) != event.document)
    misfit("too many locations", event.number >= limits.LOCATIONS_MAX)
    before = known < len(rows) and rows[known].put.active
    if known == len(rows):
        rows.append(row)
        state.location_numbers[row.put.location] = known
    else:
        rows[known] = row
    state.lives.worklist.close(event.number, not row.put.active)
    if row.put.active and not before:
        state.waiting.rise_all(state.seq, event.kind.name.lower())
    _keyed(state, event.cause, lambda: answers.location(row.put, row.seq))


def _entry_put(state: State, event: EntryPut) -> None:
    answer = state.registers.apply(event, state.seq)
    if event.register == state.registers.scarcity.code:
        check_scarcity(state, state.registers.scarcity.rows[event.number].put.sku)
    elif event.register == Code.CHANNELS:
        check_channel(state, event.number)
        state.look_again(event.kind.name.lower())
    elif event.register == Code.CAPACITIES:
        state.look_again(event.kind.name.lower())
    elif event.register == Code.ROUTING_POLICIES:
        # Whether an order that is worked on is to leave complete, a policy may say (`ranks`).
        for order in state.orders.values():
            if order.status in WORKED_ON:
                state.await_stock(order, event.kind)
        state.look_again(event.kind.name.lower())
    elif event.register == Code.RING_FENCES:
        state.waiting.rise(
            state.registers.fences.rows[event.number].put.sku, state.seq, event.kind.name.lower()
        )
    _keyed(state, event.cause, lambda: answer)


def _sku_put(state: State, event: SkuPut) -> None:
    put, count = _sku(event.document), len(state.skus)
    known = state.sku_numbers.get(put.sku, count)
    misfit(f"SKU number {event.number} is not its own", event.number != known)
    misfit("a SKU's JSON is not as dibs writes it", _json(put) != event.document)
    misfit("too many SKUs", event.number >= limits.SKUS_MAX)
    components = tuple((state.sku_numbers[c.sku], c.quantity) for c in put.components)
    misfit("a bundle's components differ", components != event.components)
    misfit("a SKU's flags differ", put.backorderable != event.backorderable)
    if components:
        wrong = bundles.fault(state.skus, event.number, [child for child, _ in components])
        misfit("a bundle is made of what it cannot be made of", wrong is not None)
    if event.number == count:
        state.skus.append(Sku(put, state.seq, positions=[], parents=set()))
        state.sku_numbers[put.sku] = event.number
    sku = state.skus[event.number]
    remade = event.number < count and sku.components != event.components and state.waiting.entries
    for component, _ in sku.components:
        state.skus[component].parents.discard(event.number)
    sku.put, sku.seq, sku.components = put, state.seq, event.components
    for component, _ in sku.components:
        state.skus[component].parents.add(event.number)
    if remade:
        for order in list(state.waiting.entries):
            state.await_stock(state.orders[order])
    if remade or event.number in state.waiting.queues:
        state.waiting.rise_all(state.seq, event.kind.name.lower())
    _keyed(state, event.cause, lambda: answers.sku(put, state.seq))


def _position_opened(state: State, event: PositionOpened) -> None:
    taken = (event.sku, event.location) in state.cells
    misfit(f"position {event.number} is not new", event.number != len(state.positions) or taken)
    misfit("too many positions", event.number >= limits.POSITIONS_MAX)
    misfit("a position's location does not exist", event.location >= len(state.locations))
    misfit("a bundle has no position", bool(state.skus[event.sku].components))
    state.positions.append(Position(event.sku, event.location))
    state.cells[event.sku, event.location] = event.number
    state.skus[event.sku].positions.append(event.number)


def _stock_moved(state: State, event: StockMoved) -> None:
    transfer = event.document is Document.TRANSFER
    misfit("a paper's location does not exist", event.location >= len(state.locations))
    misfit(
        "a paper's target is wrong",
        event.to_location >= len(state.locations) if transfer else event.to_location != NO_LOCATION,
    )
    for move in event.movements:
        position = state.positions[move.position]
        name = _BUCKETS[move.bucket]
        quantity = getattr(position, name) + move.delta
        misfit(f"{name} of position {move.position} would be {quantity}", quantity != move.quantity)
        fits(quantity)
        setattr(position, name, quantity)
        state.touch(move.position, event.kind)
        if move.delta > 0 if move.bucket is BucketId.ON_HAND else move.delta < 0:
            state.rise(move.position, event.kind)
    answer = answers.document(event, state.seq, state)
    _remember(state, document_key(event.document, event.document_id), event.cause, answer)
    _keyed(state, event.cause, lambda: answer)


def _take(state: State, lines, kind: Kind, *, bucket: str, sign: int) -> None:
    for line in lines:
        for take in line.takes:
            position = state.positions[take.position]
            quantity = getattr(position, bucket) + sign * take.quantity
            fits(quantity)
            setattr(position, bucket, quantity)
            state.touch(take.position, kind)


def _reserved(state: State, event: Reserved) -> None:
    check_lines(state, event.lines)
    misfit("a reservation's end cannot be", event.expires_us > limits.EXPIRES_US_MAX)
    stale = state.reservation_seqs.get(event.reservation_id)
    if stale:
        misfit("a reservation's id is in use", state.reservations[stale].status == LIVE)
        state.drop_reservation(stale)
    misfit("too many reservations", len(state.reservations) >= limits.RESERVATIONS_MAX)
    _take(state, event.lines, event.kind, bucket="reserved", sign=1)
    entry = Reservation(state.seq, event, event.expires_us, state.seq)
    state.reservations[state.seq] = entry
    state.reservation_seqs[event.reservation_id] = state.seq
    state.arm(entry)
    drawn(state, state.seq, event.channel, taken(event.lines))
    _keyed(state, event.cause, lambda: told.reservation_first(state, entry))


def _close(state: State, entry: Reservation, status: int, kind: Kind) -> None:
    misfit(f"reservation {entry.seq} is closed already", entry.status != LIVE)
    _take(state, entry.event.lines, kind, bucket="reserved", sign=-1)
    state.disarm(entry)
    if status != COMMITTED:
        drawn(state, entry.seq, entry.event.channel, taken(entry.event.lines, -1))
        for line in entry.event.lines:
            for take in line.takes:
                state.rise(take.position, kind)
    entry.status, entry.closed_us, entry.armed_seq = status, state.now_us, state.seq
    state.closed_reservations.append(entry.seq)


def _reservation_extended(state: State, event: ReservationExtended) -> None:
    entry = state.reservations[event.reservation]
    misfit(f"reservation {entry.seq} is closed already", entry.status != LIVE)
    misfit("a reservation's end cannot be", event.expires_us > limits.EXPIRES_US_MAX)
    state.disarm(entry)
    entry.expires_us, entry.armed_seq = event.expires_us, state.seq
    state.arm(entry)
    _keyed(state, event.cause, lambda: told.reservation_now(state, entry, state.seq))


def _reservation_released(state: State, event: ReservationReleased) -> None:
    entry = state.reservations[event.reservation]
    _close(state, entry, RELEASED, event.kind)
    _keyed(state, event.cause, lambda: told.reservation_now(state, entry, state.seq))


def _reservation_expired(state: State, event: ReservationExpired) -> None:
    _close(state, state.reservations[event.reservation], EXPIRED, event.kind)


def _order_placed(state: State, event: OrderPlaced) -> None:
    check_lines(state, event.lines)
    check_receipt(state, event)
    misfit("an order is placed closed", event.status > OrderStatus.BACKORDERED)
    stale = state.order_seqs.get((event.channel, event.order_id))
    if stale:
        misfit("an order's id is in use", not state.orders[stale].closed_us)
        state.drop_order(stale)
    misfit("too many orders", len(state.orders) >= limits.ORDERS_MAX)
    if event.reservation:
        entry = state.reservations[event.reservation]
        _close(state, entry, COMMITTED, event.kind)
        entry.order = state.seq
        state.registers.fences.passed(entry.seq, state.seq)
    else:
        drawn(state, state.seq, event.channel, taken(event.lines))
    _take(state, event.lines, event.kind, bucket="allocated", sign=1)
    for line in event.lines:
        sku = state.skus[line.sku]
        sku.usual = learned(*sku.usual, line.quantity)
    order = Order(
        state.seq,
        event,
        state.seq,
        event.status,
        takes=[[take.quantity for take in line.takes] for line in event.lines],
        backordered=[line.backordered for line in event.lines],
        cancelled=[0] * len(event.lines),
        shipped=[0] * len(event.lines),
        placed_us=state.now_us,
    )
    state.orders[state.seq] = order
    state.placed_orders += 1
    state.placed_units += sum(sum(takes) for takes in order.takes)
    state.order_seqs[event.channel, event.order_id] = state.seq
    if event.receipt:
        state.load(event.receipt, 1)
    state.await_stock(order, event.kind)
    _keyed(state, event.cause, lambda: told.order_first(state, order))


def _order_cancelled(state: State, event: OrderCancelled) -> None:
    order = state.orders[event.order]
    misfit(f"order {order.seq} is closed already", bool(order.closed_us))
    for cut in event.cuts:
        order.cancelled[cut.line] += cut.quantity
        order.backordered[cut.line] -= cut.backordered
        misfit("more is cut than waited", order.backordered[cut.line] < 0)
        misfit("more of what waits is cut than is cut", cut.backordered > cut.quantity)
        asked = order.event.lines[cut.line].quantity - order.shipped[cut.line]
        misfit("more is cut than was asked for", order.cancelled[cut.line] > asked)
    moves: Moves = {}
    for freed in event.freed:
        order.takes[freed.line][freed.take] -= freed.quantity
        misfit("more is freed than was taken", order.takes[freed.line][freed.take] < 0)
        take = order.event.lines[freed.line].takes[freed.take]
        state.positions[take.position].allocated -= freed.quantity
        fits(state.positions[take.position].allocated)
        state.touch(take.position, event.kind)
        state.rise(take.position, event.kind)
        moves[take.position] = moves.get(take.position, 0) - freed.quantity
    drawn(state, order.seq, order.event.channel, moves)
    state.note_step(order, event)
    state.settle(order, event.status)
    state.await_stock(order, event.kind)
    _keyed(state, event.cause, lambda: told.order_now(state, order))


def _order_shipped(state: State, event: OrderShipped) -> None:
    order = state.orders[event.order]
    misfit(f"order {order.seq} is closed already", bool(order.closed_us))
    for row in event.left:
        order.shipped[row.line] += row.quantity
        asked = order.event.lines[row.line].quantity
        there = asked - order.cancelled[row.line] - order.backordered[row.line]
        misfit("more leaves than is allocated", order.shipped[row.line] > there)
    for freed in event.freed:
        order.takes[freed.line][freed.take] -= freed.quantity
        misfit("more leaves than was taken", order.takes[freed.line][freed.take] < 0)
        take = order.event.lines[freed.line].takes[freed.take]
        position = state.positions[take.position]
        position.allocated -= freed.quantity
        position.on_hand -= freed.quantity
        fits(position.allocated)
        fits(position.on_hand)
        state.touch(take.position, event.kind)
    state.note_step(order, event)
    state.settle(order, event.status)
    state.await_stock(order, event.kind)
    answer = answers.shipment(event, state.seq, state)
    _remember(state, shipment_key(event.order, event.shipment_id), event.cause, answer)
    _keyed(state, event.cause, lambda: answer)


def _order_changed(state: State, event: OrderChanged) -> None:
    order = state.orders[event.order]
    restate(state, order, event)
    state.lives.apply(state.seq, state.now_us, event)
    if event.lines is not None:
        check_ahead(state, order)
    if event.note:
        refill_fences(state, event.order)
        recount(state, order, state.lives.newest(order.seq))
    state.await_stock(order, event.kind)
    _keyed(state, event.cause, lambda: told.order_changed(state, order))


_APPLY = {
    EpochOpened: _epoch_opened,
    LocationPut: _location_put,
    EntryPut: _entry_put,
    SkuPut: _sku_put,
    PositionOpened: _position_opened,
    StockMoved: _stock_moved,
    Reserved: _reserved,
    ReservationExtended: _reservation_extended,
    ReservationReleased: _reservation_released,
    ReservationExpired: _reservation_expired,
    OrderPlaced: _order_placed,
    OrderCancelled: _order_cancelled,
    OrderShipped: _order_shipped,
    OrderChanged: _order_changed,
}

assert limits.DOCUMENT_LINES_MAX * 2 < 2**16, "a transfer logs two movements a line"
