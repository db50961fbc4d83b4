"""The only code that changes state: one function per event, used live and in replay.

An event is a fact. If it does not fit, the log is not ours or the code is wrong: `LedgerError`.
"""

import msgspec

from engine.core import answers, limits
from engine.core.commands import PutLocation, PutSku
from engine.core.errors import LedgerError
from engine.core.events import (
    BucketId,
    Cause,
    Document,
    EpochOpened,
    Event,
    Kind,
    LocationPut,
    OrderCancelled,
    OrderPlaced,
    OrderStatus,
    PositionOpened,
    ReservationExpired,
    ReservationExtended,
    ReservationReleased,
    Reserved,
    SkuPut,
    StockMoved,
)
from engine.core.state import (
    COMMITTED,
    EXPIRED,
    LIVE,
    RELEASED,
    RESERVATION_STATUS,
    Location,
    Order,
    Position,
    Remembered,
    Reservation,
    Sku,
    State,
)

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


def _remember(state: State, key: str, cause: Cause, answer: answers._Answer) -> None:
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
    put = _location(event.document)
    if event.number == len(state.locations):
        state.locations.append(Location(put, state.seq))
        state.location_numbers[put.location] = event.number
    elif event.number < len(state.locations):
        state.locations[event.number] = Location(put, state.seq)
    else:
        raise LedgerError(f"location number {event.number} leaves a gap")
    _keyed(state, event.cause, lambda: answers.location(put, state.seq))


def _sku_put(state: State, event: SkuPut) -> None:
    put = _sku(event.document)
    if event.number == len(state.skus):
        state.skus.append(Sku(put, state.seq, positions=[], parents=set()))
        state.sku_numbers[put.sku] = event.number
    elif event.number > len(state.skus):
        raise LedgerError(f"SKU number {event.number} leaves a gap")
    sku = state.skus[event.number]
    for component, _ in sku.components:
        state.skus[component].parents.discard(event.number)
    sku.put, sku.seq, sku.components = put, state.seq, event.components
    for component, _ in sku.components:
        state.skus[component].parents.add(event.number)
    _keyed(state, event.cause, lambda: answers.sku(put, state.seq))


def _position_opened(state: State, event: PositionOpened) -> None:
    if event.number != len(state.positions) or (event.sku, event.location) in state.cells:
        raise LedgerError(f"position {event.number} is not new")
    state.positions.append(Position(event.sku, event.location))
    state.cells[event.sku, event.location] = event.number
    state.skus[event.sku].positions.append(event.number)


def _stock_moved(state: State, event: StockMoved) -> None:
    for move in event.movements:
        position = state.positions[move.position]
        name = _BUCKETS[BucketId(move.bucket)]
        quantity = getattr(position, name) + move.delta
        if quantity != move.quantity:
            raise LedgerError(f"{name} of position {move.position} would be {quantity}")
        setattr(position, name, quantity)
        state.touch(move.position, event.kind)
    answer = answers.document(event, state.seq, state)
    _remember(state, document_key(event.document, event.document_id), event.cause, answer)
    _keyed(state, event.cause, lambda: answer)


def _take(state: State, lines, kind: Kind, *, bucket: str, sign: int) -> None:
    for line in lines:
        for take in line.takes:
            position = state.positions[take.position]
            setattr(position, bucket, getattr(position, bucket) + sign * take.quantity)
            state.touch(take.position, kind)


def _reserved(state: State, event: Reserved) -> None:
    stale = state.reservation_seqs.get(event.reservation_id)
    if stale:
        state.drop_reservation(stale)
    _take(state, event.lines, event.kind, bucket="reserved", sign=1)
    entry = Reservation(state.seq, event, event.expires_us, state.seq)
    state.reservations[state.seq] = entry
    state.reservation_seqs[event.reservation_id] = state.seq
    state.arm(entry)
    _keyed(state, event.cause, lambda: reservation_first(state, entry))


def _close(state: State, entry: Reservation, status: int, kind: Kind) -> None:
    if entry.status != LIVE:
        raise LedgerError(f"reservation {entry.seq} is closed already")
    _take(state, entry.event.lines, kind, bucket="reserved", sign=-1)
    entry.status, entry.closed_us, entry.armed_seq = status, state.now_us, state.seq
    state.closed_reservations.append(entry.seq)


def reservation_first(state: State, entry: Reservation) -> answers.ReservationAnswer:
    """The first answer to the request that made the reservation."""
    return answers.reservation(entry.event, entry.seq, state)


def reservation_now(state: State, entry: Reservation, seq: int) -> answers.ReservationAnswer:
    """Answer for a reservation as it stands."""
    return answers.reservation(
        entry.event,
        seq,
        state,
        status=RESERVATION_STATUS[entry.status],
        expires_us=entry.expires_us,
    )


def _reservation_extended(state: State, event: ReservationExtended) -> None:
    entry = state.reservations[event.reservation]
    entry.expires_us, entry.armed_seq = event.expires_us, state.seq
    state.arm(entry)
    _keyed(state, event.cause, lambda: reservation_now(state, entry, state.seq))


def _reservation_released(state: State, event: ReservationReleased) -> None:
    entry = state.reservations[event.reservation]
    _close(state, entry, RELEASED, event.kind)
    _keyed(state, event.cause, lambda: reservation_now(state, entry, state.seq))


def _reservation_expired(state: State, event: ReservationExpired) -> None:
    _close(state, state.reservations[event.reservation], EXPIRED, event.kind)


def _order_placed(state: State, event: OrderPlaced) -> None:
    stale = state.order_seqs.get((event.channel, event.order_id))
    if stale:
        state.drop_order(stale)
    if event.reservation:
        entry = state.reservations[event.reservation]
        _close(state, entry, COMMITTED, event.kind)
        entry.order = state.seq
    _take(state, event.lines, event.kind, bucket="allocated", sign=1)
    order = Order(
        state.seq,
        event,
        state.seq,
        event.status,
        takes=[[take.quantity for take in line.takes] for line in event.lines],
        backordered=[line.backordered for line in event.lines],
        cancelled=[0] * len(event.lines),
    )
    state.orders[state.seq] = order
    state.order_seqs[event.channel, event.order_id] = state.seq
    _keyed(state, event.cause, lambda: order_first(state, order))


def _order_cancelled(state: State, event: OrderCancelled) -> None:
    order = state.orders[event.order]
    for cut in event.cuts:
        order.cancelled[cut.line] += cut.quantity
        order.backordered[cut.line] -= cut.backordered
    for freed in event.freed:
        order.takes[freed.line][freed.take] -= freed.quantity
        take = order.event.lines[freed.line].takes[freed.take]
        state.positions[take.position].allocated -= freed.quantity
        state.touch(take.position, event.kind)
    order.status, order.changed_seq = event.status, state.seq
    if event.status is OrderStatus.CANCELLED:
        order.closed_us = state.now_us
        state.closed_orders.append(order.seq)
    _keyed(state, event.cause, lambda: order_now(state, order))


def order_first(state: State, order: Order) -> answers.OrderAnswer:
    """The first answer to the request that made `order`."""
    lines = [answers.order_line(line, state) for line in order.event.lines]
    return answers.order(order.event, order.seq, lines)


def order_now(state: State, order: Order) -> answers.OrderAnswer:
    """Answer for an order as it stands."""
    lines = [
        answers.order_line(line, state, takes=takes, backordered=waiting, cancelled=cut)
        for line, takes, waiting, cut in zip(
            order.event.lines, order.takes, order.backordered, order.cancelled, strict=True
        )
    ]
    return answers.order(order.event, order.changed_seq, lines, status=order.status)


_APPLY = {
    EpochOpened: _epoch_opened,
    LocationPut: _location_put,
    SkuPut: _sku_put,
    PositionOpened: _position_opened,
    StockMoved: _stock_moved,
    Reserved: _reserved,
    ReservationExtended: _reservation_extended,
    ReservationReleased: _reservation_released,
    ReservationExpired: _reservation_expired,
    OrderPlaced: _order_placed,
    OrderCancelled: _order_cancelled,
}

assert limits.DOCUMENT_LINES_MAX * 2 < 2**16, "a transfer logs two movements a line"
