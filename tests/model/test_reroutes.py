"""Orders that a policy routes lose their locations in all the ways that there are, in both twins:
units that are not there, locations that close, reject, or can do less, edits, splits, holds, other
orders that come first (P1, P2, P7). An independent reader finds the books right."""

from random import Random

import msgspec
import pytest

from engine.core import commands as c
from engine.core.commands import Request
from engine.log.books import Books
from engine.log.books_snapshot import differences, read_books
from tests.model import changes, drawing, policies, working
from tests.model.machine import STEPS, Twins

HISTORIES = 16
ROUNDS = 8
STEPS_A_ROUND = 40
HOME = c.Address(country="DE", postcode="10115", latitude=52.5, longitude=13.4)
FRANCE = c.Address(country="FR", latitude=45.7, longitude=4.8)
MOVES: dict[str, int] = {}


def _place(rng: Random, state) -> c.PlaceOrder:
    """Draw an order that can be routed, mostly."""
    one = drawing.place(rng)
    lines = tuple(
        c.OrderLine(
            rng.choice((*drawing.SKUS, *drawing.BUNDLES)), rng.randint(1, 3), location=line.location
        )
        for line in one.lines[:3]
    )
    where = rng.choice((HOME, HOME, HOME, FRANCE))
    short = rng.choice(("backorder", "backorder", "split", "refuse"))
    named = {"policy": rng.choice((None, None, "main")), "strategy": None}
    return msgspec.structs.replace(one, lines=lines, ship_to=where, when_short=short, **named)


def _receive(rng: Random, state) -> c.Receive:
    lines = tuple(c.ReceiptLine(sku, rng.randint(1, 9)) for sku in rng.sample(drawing.SKUS, 2))
    return c.Receive(f"x{rng.randint(0, 999)}", rng.choice(drawing.LOCATIONS), lines)


def _edit(rng: Random, state):
    one = changes.edit(rng, state)
    return msgspec.structs.replace(one, ship_to=rng.choice((None, None, HOME, FRANCE)))


_DRAWS = (
    *(_place,) * 8,
    *(_receive,) * 4,
    *(lambda rng, _: drawing.put_location(rng),) * 2,
    *(working.step,) * 16,
    *(_edit,) * 3,
    changes.split,
    changes.merge,
    changes.fact,
    *(changes.reallocate,) * 2,
    *(drawing.hold,) * 2,
    *(drawing.release_hold,) * 2,
    drawing.cancel,
    *(policies.capacity,) * 3,
)


def _policy(rng: Random, state):
    """Draw the channel's policy anew."""
    known = state.registers.policies.find("main")
    return policies.put(rng, drawing.LOCATIONS, known.put.version + 1 if known else 1)


def _round(twins: Twins, rng: Random) -> None:
    state = twins.slow._state
    if rng.random() < 0.6:
        twins.decide(Request(_policy(rng, state)))
    twins.decide(Request(c.PutChannel("web", policy=rng.choice(("main", "main", "main", None)))))
    for _ in range(STEPS_A_ROUND):
        twins.decide(Request(rng.choice(_DRAWS)(rng, state), "alice"))
        if rng.random() < 0.1:
            twins.both(lambda ledger: ledger.expire(4))
    assert not working.miscounts(state)
    assert not working.faults(state, set())
    for channel, order_id in sorted(state.order_seqs):
        found = twins.both(lambda ledger, name=(channel, order_id): ledger.decisions(*name))
        for one in found.decisions if found else ():
            MOVES[one.because] = MOVES.get(one.because, 0) + 1
    for place in drawing.LOCATIONS:
        twins.both(lambda ledger, place=place: ledger.day(place))


def _books(twins: Twins) -> None:
    """The records say what the snapshot says, and break no promise."""
    problems: list[tuple[str, str]] = []
    books = Books(lambda promise, why: problems.append((promise, why)))
    for frame in twins.frames:
        books.stamp_us = frame.stamp_us
        books.take(frame.records, 0, len(frame.records), frame.first_seq, frame.count)
    assert not problems
    assert not differences(books, read_books(twins.slow.dump()))


@pytest.mark.parametrize("number", range(HISTORIES))
def test_twins_and_an_independent_reader_agree_on_what_is_routed_again(number: int) -> None:
    rng, twins = Random(number), Twins()
    for command in drawing.OPENING:
        twins.decide(Request(command))
    for _ in range(ROUNDS):
        _round(twins, rng)
        twins.next_batch(twins.now_us + rng.choice((1, 60_000_000, 40_000_000_000)))
        twins.same_state()
        twins.promises()
        if rng.random() < 0.3:
            twins.restart()
    twins.teardown()
    _books(twins)


def test_orders_were_moved_in_all_ways() -> None:
    """Otherwise the histories above would say little."""
    print(MOVES)
    for tag in ("rerouted", "filled", "edited", "hold_ended", "moved", "released", "fact"):
        assert MOVES.get(tag, 0) >= 3, tag
    assert STEPS["PutCapacity accepted"] >= HISTORIES
