"""What every event has to fit: one that does not is a `LedgerError`, a bug or a log not ours."""

from engine.core import limits
from engine.core.errors import LedgerError
from engine.core.routing import POLICY_COSTS, slip


def misfit(what: str, wrong: bool) -> None:
    """`LedgerError` if `wrong`; `what` says of which fact."""
    if wrong:
        raise LedgerError(f"{what}; the log is not ours or was written by a faulty version")


def fits(quantity: int) -> None:
    """`LedgerError` unless a bucket may hold so many units."""
    misfit(f"a bucket would hold {quantity} units", not 0 <= quantity <= limits.BUCKET_UNITS_MAX)


def check_lines(state, lines) -> None:
    """`LedgerError` unless every number in `lines` names something and every quantity can be."""
    for line in lines:
        misfit("a line's SKU does not exist", line.sku >= len(state.skus))
        misfit("a line's quantity cannot be", not 1 <= line.quantity <= limits.QUANTITY_MAX)
        misfit("more waits than was asked for", line.backordered > line.quantity)
        for take in line.takes:
            misfit("a take's position does not exist", take.position >= len(state.positions))
            misfit("a take's quantity cannot be", not 1 <= take.quantity <= limits.QUANTITY_MAX)


def check_ahead(state, order) -> None:
    """`LedgerError` unless parts that have left ahead of others are of bundles that an order, as it
    stands, holds the rest of."""
    for (index, sku), units in state.lives.of(order.seq).ahead.items():
        misfit("parts have left ahead of a line that is not there", index >= len(order.takes))
        line, served = order.event.lines[index], order.event.lines[index].quantity
        served -= order.cancelled[index] + order.backordered[index] + order.shipped[index]
        for take, left in zip(line.takes, order.takes[index], strict=True):
            units += left if state.positions[take.position].sku == sku else 0
        misfit("parts have left ahead of no bundle", not 0 < served <= units)


def check_receipt(state, event) -> None:
    """`LedgerError` unless what chose an order's locations is known, and its receipt can be."""
    misfit("an order's policy is not known", not 0 < event.policy <= POLICY_COSTS)
    if event.policy == POLICY_COSTS:
        made = slip.unpack(event.receipt)
        policies = len(state.registers.policies.rows)
        there = slip.fits(made, policies, len(state.locations), len(state.skus))
        misfit("an order's receipt names what is not there", not there)


def check_channel(state, number: int) -> None:
    """Refuse a channel that names a routing policy which is not there."""
    policy = state.registers.channels.rows[number].put.policy
    misfit(
        "a channel's policy does not exist",
        policy and policy not in state.registers.policies.numbers,
    )


def check_scarcity(state, sku: str) -> None:
    """`LedgerError` if scarcity prices are of a SKU that does not exist."""
    misfit("the SKU of a scarcity price does not exist", sku not in state.sku_numbers)
