"""What events that take units, or give them back, do to fences: the part of `effects` that tells
`fences.Fences`."""

from engine.core.fences import Moves
from engine.core.notes.returns import ReturnInspected
from engine.core.state import State


def drawn(state: State, holder: int, channel: str, moves: Moves) -> None:
    """Note what an order or reservation, made at seq `holder`, holds more or fewer of."""
    state.registers.fences.moved(holder, channel, moves, state.positions)


def taken(lines, sign: int = 1) -> Moves:
    """Return the units that lines take, by position."""
    moves: Moves = {}
    for take in (take for line in lines for take in line.takes):
        moves[take.position] = moves.get(take.position, 0) + sign * take.quantity
    return moves


def refill_fences(tables, order: int) -> None:
    """If the last note of the order placed at `order` says that goods that came back are for sale
    again, let them go back into the fences that they were out of. `tables` are a state's, or a
    view's on one."""
    note = tables.lives.of(order).notes[-1].note
    if isinstance(note, ReturnInspected):
        for row in note.rows:
            if row.disposition == "restock":
                tables.registers.fences.returned(order, row.sku, note.location, row.units)
