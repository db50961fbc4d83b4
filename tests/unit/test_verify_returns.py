"""The walker on goods that come back: right histories are clean, and what it must find, planted."""

from random import Random

import pytest

from engine.core import return_commands as rc
from engine.core.commands import Component, OrderLine, PlaceOrder, PutSku, Ship, ShipLine
from engine.core.events import (
    NO_LOCATION,
    BucketId,
    Cause,
    Document,
    Movement,
    OrderChanged,
    OrderStatus,
    StockMoved,
)
from engine.core.lives import Note, note_bytes
from engine.core.notes.returns import Part, ReturnInspected, ReturnOpened, ReturnReceived, Sorted
from engine.log import snapshot
from engine.log.verify import walk
from tests.model import drawing, returning
from tests.unit.logkit import Chain, stocked

NOBODY = Cause()


def line(sku: str, units: int) -> rc.ReturnedLine:
    return rc.ReturnedLine(sku, units)


def scene() -> Chain:
    """Three S0 and two sets have left; one S0 and a set are announced, one S0 waits at L0."""
    chain = stocked()
    chain.done(PutSku("SET", "a set", components=(Component("S1", 2), Component("S2", 1))))
    lines = (OrderLine("S0", 4), OrderLine("SET", 2))
    chain.done(PlaceOrder(order_id="o", channel="web", lines=lines))
    chain.done(Ship("web", "o", "s", lines=(ShipLine("S0", 3), ShipLine("SET", 2))))
    asked = (rc.ReturnLine("S0", 2), rc.ReturnLine("SET", 1))
    chain.done(rc.OpenReturn("web", "o", "r", "too small", asked, True))
    chain.done(rc.ReceiveReturn("web", "o", "r", "in", "L0", (line("S0", 1),)))
    return chain


def order_of(chain: Chain) -> int:
    return chain.ledger._state.order_seqs["web", "o"]


def inspect(name: str, sku: str, units: int, word: str) -> rc.InspectReturn:
    return rc.InspectReturn("web", "o", "r", name, "L0", (rc.InspectedLine(sku, units, word),))


def test_a_whole_history_of_returns_is_clean_from_the_start_and_from_a_snapshot(tmp_path) -> None:
    chain = scene()
    snapshot.write(tmp_path / "snapshots", chain.ledger.dump(), chain.link)
    middle = chain.link.seq
    chain.done(rc.ReceiveReturn("web", "o", "r", "in2", "L0", (line("S1", 2), line("S2", 1))))
    chain.done(inspect("a", "S0", 1, "damaged"), inspect("b", "S1", 1, "scrap"))
    chain.done(inspect("c", "S1", 1, "quality_control"), inspect("d", "S2", 1, "restock"))
    chain.done(rc.CloseReturn("web", "o", "r"))
    chain.done(Ship("web", "o", "s2"))
    chain.done(rc.OpenReturn("web", "o", "q", "late", None, True))
    chain.done(rc.ReceiveReturn("web", "o", "q", "in", "L0", (line("S0", 3), line("S1", 2))))
    snapshot.write(tmp_path / "snapshots", chain.ledger.dump(), chain.link)
    chain.archived(tmp_path)
    report = walk(None, tmp_path)
    assert report.ok, report.first_bad
    assert [check.state for check in report.snapshots] == ["equal", "equal"]
    assert report.units_returned == 1 + 3 - 1 + 5
    part = walk(None, tmp_path, from_seq=middle + 1)
    assert part.ok and part.base_seq == middle, part.first_bad


def moved(*moves: tuple[int, BucketId, int, int]) -> StockMoved:
    movements = tuple(Movement(*move) for move in moves)
    return StockMoved(NOBODY, Document.RETURN, "planted", 0, NO_LOCATION, movements)


def note(order: int, told: Note) -> OrderChanged:
    status = OrderStatus.PARTIALLY_SHIPPED
    return OrderChanged(NOBODY, order, status, note=note_bytes(told))


# Position 0 has 8 units of S0 on hand, one of them in quality control.
_ONE = Sorted(0, 1, "restock", "")
_IN = (0, BucketId.ON_HAND, 3, 11), (0, BucketId.QUALITY_CONTROL, 3, 4)


@pytest.mark.parametrize(
    ("words", "moves", "told"),
    [
        ("4 units of SKU 0 came back, 3", _IN, ReturnReceived("r", "x", 0, (Part(0, 0, 1, 3),))),
        (
            "other units than have moved",
            _IN[:1],
            ReturnReceived("r", "x", 0, (Part(0, 0, 1, 1),)),
        ),
        ("other units than have moved", (), ReturnInspected("r", "x", 0, (_ONE,))),
        (
            "more inspected than came",
            ((0, BucketId.QUALITY_CONTROL, -1, 0),),
            ReturnInspected("r", "x", 0, (_ONE, _ONE)),
        ),
        ("is used twice", (), ReturnReceived("r", "in", 0, ())),
        ("opened twice", (), ReturnOpened("r", "again", True, (), ())),
        ("opened twice, or never", (), ReturnReceived("none", "x", 0, ())),
        ("2 units of SKU 0 came back, 6", (), ReturnReceived("r", "x", 0, (Part(0, 0, 2, 1),))),
    ],
)  # fmt: skip
def test_a_planted_breach_is_found(words: str, moves: tuple, told: Note, tmp_path) -> None:
    chain = scene()
    events = [moved(*moves)] if moves else []
    chain.plant(*events, note(order_of(chain), told))
    chain.archived(tmp_path)
    report = walk(None, tmp_path)
    assert any(words in problem.why for problem in report.problems), report.problems


def test_units_that_move_for_a_return_without_a_note_are_found(tmp_path) -> None:
    for moves_after in (False, True):
        chain = scene()
        seq = chain.plant(moved((0, BucketId.QUALITY_CONTROL, -1, 0)))
        if moves_after:
            chain.plant(moved((0, BucketId.QUALITY_CONTROL, 1, 1)))
        folder = tmp_path / str(moves_after)
        chain.archived(folder)
        report = walk(None, folder)
        assert any(f"event {seq} have no note" in one.why for one in report.problems)


@pytest.mark.parametrize("seed", range(4))
def test_random_histories_of_returns_are_clean(seed: int, tmp_path) -> None:
    """What the ledger accepts the walk finds right, from the start and from a snapshot."""
    rng, chain = Random(seed), Chain()
    chain.done(*drawing.OPENING)
    for step in range(300):
        state = chain.ledger._state
        drawn = [drawing.request(rng, state).command, drawing.ship(rng, state)]
        drawn += [returning.step(rng, state) for _ in range(4)]
        chain.ask(*drawn)
        if step == 150:
            snapshot.write(tmp_path / "snapshots", chain.ledger.dump(), chain.link)
            middle = chain.link.seq
    snapshot.write(tmp_path / "snapshots", chain.ledger.dump(), chain.link)
    chain.archived(tmp_path)
    report = walk(None, tmp_path)
    assert report.ok, report.first_bad
    assert [check.state for check in report.snapshots] == ["equal", "equal"]
    assert walk(None, tmp_path, from_seq=middle + 1).ok
    lives = chain.ledger._state.lives._lives.values()
    assert sum(bool(one.came) for life in lives for one in life.returns.values()) > 5
