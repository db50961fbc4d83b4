"""What is said of orders and reservations: as they were when they were made, as they stand, and to
whoever has just changed one."""

from engine.core import answers
from engine.core.events import OrderStatus
from engine.core.lives import Life, show_told
from engine.core.notes.fulfillments import FulfillmentStep, Released, Rerouted
from engine.core.notes.returns import ReturnNote, ReturnOpened
from engine.core.state import RESERVATION_STATUS, Order, Reservation, State


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


def order_first(state: State, order: Order) -> answers.OrderAnswer:
    """The first answer to the request that made `order`."""
    placed, checked = order.placed or order.event, state.lives.of(order.seq).checked(order.seq)
    if checked is None:
        lines = [answers.order_line(line, state) for line in placed.lines]
        return answers.order(placed, order.seq, lines)
    told, lines = checked.told, []
    cancelled = "cancelled" in told
    for line in placed.lines:
        if checked.keeps_stock and not cancelled:
            lines.append(answers.order_line(line, state))
            continue
        cut = line.quantity if cancelled else 0
        late, none = line.quantity - cut, [0] * len(line.takes)
        row = answers.order_line(line, state, takes=none, backordered=late, cancelled=cut)
        lines.append(row)
    status = OrderStatus.ON_HOLD if checked.holds else placed.status
    if cancelled:
        status = OrderStatus.CANCELLED
    answer = answers.order(placed, order.seq + 1 + cancelled, lines, status=status)
    answer.holds = answers.holds(list(checked.holds))
    show_told(answer, told, all_of_it=cancelled)
    return answer


def order_now(state: State, order: Order) -> answers.OrderAnswer:
    """Answer for an order as it stands."""
    rows = zip(
        order.event.lines,
        order.takes,
        order.backordered,
        order.cancelled,
        order.shipped,
        strict=True,
    )
    lines = [
        answers.order_line(line, state, takes=takes, backordered=late, cancelled=cut, shipped=gone)
        for line, takes, late, cut, gone in rows
    ]
    answer = answers.order(order.event, order.changed_seq, lines, status=order.status)
    state.lives.show(answer, order.seq, order.status)
    answer.fulfillments = answers.order_work(state.lives.of(order.seq), order.seq, state)
    return answer


def is_apart(life: Life, seq: int) -> bool:
    """Say whether the note of the change `seq` is about something that is answered by itself."""
    note = life.notes[-1].note if life.notes and life.notes[-1].seq == seq else None
    if isinstance(note, ReturnOpened):
        return not note.by_cancel
    return isinstance(note, Released | FulfillmentStep | Rerouted | ReturnNote)


def order_changed(state: State, order: Order) -> answers.base.Answer:
    """Answer to whoever has just changed an order: what the note of that is about, if it is not the
    order as a whole."""
    life = state.lives.of(order.seq)
    if not is_apart(life, state.seq):
        return order_now(state, order)
    note = life.notes[-1].note
    if isinstance(note, Released):
        return answers.release(order, life, note, state)
    if isinstance(note, FulfillmentStep | Rerouted):
        return answers.fulfillment(order, life.work[note.number], state)
    return answers.returned(life.returns[note.return_id], order.event, state)
