"""Purchase orders, and receipts of them."""

import msgspec

from engine.core import purchases
from engine.core.commands import PutPurchaseOrder, Receive, Request
from engine.core.decide import Decision, Replay, cause_of, refusals, refuse, stock
from engine.core.events import EntryPut
from engine.core.outcomes import Code, Fault, Refused
from engine.core.state import State

_json = msgspec.json.Encoder().encode


def put_purchase_order(state: State, request: Request) -> Decision:
    """Create or change a purchase order; putting the same again is a replay."""
    put: PutPurchaseOrder = request.command
    orders = state.registers.purchase_orders
    known = orders.find(put.purchase_order)
    if known and known.put.put == put:
        return Replay(orders.answer(known.put, known.seq), known.seq)
    if state.location_numbers.get(put.location) is None:
        return refusals.missing_location(state, "location", put.location)
    for index, line in enumerate(put.lines):
        sku = stock.stocked(state, index, line.sku)
        if isinstance(sku, Refused):
            return sku
    number = orders.numbers.get(put.purchase_order, len(orders.rows))
    if number >= orders.most:
        return refusals.full(state, "purchase orders")
    made = purchases.made(put, known and known.put)
    return [EntryPut(cause_of(request), orders.code, number, _json(made))]


def receive(state: State, request: Request) -> Decision:
    """Goods arrived, perhaps of a purchase order: both are one step."""
    command: Receive = request.command
    decision = stock.receive(state, request)
    if command.purchase_order is None or not isinstance(decision, list):
        return decision
    orders = state.registers.purchase_orders
    known = orders.find(command.purchase_order)
    if known is None:
        name = command.purchase_order
        return refuse(
            state,
            Code.UNKNOWN_PURCHASE_ORDER,
            f"purchase order {name!r} does not exist; put it first, or receive without it",
            Fault("purchase_order", "unknown purchase order"),
        )
    # The answer to a key is the receipt's.
    cause = msgspec.structs.replace(cause_of(request), key="")
    number = orders.numbers[command.purchase_order]
    document = _json(purchases.arrived(known.put, command.lines))
    return [EntryPut(cause, orders.code, number, document), *decision]
