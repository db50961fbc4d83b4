"""The order of listings: the same as if all of them were looked at for each call."""

import random
from collections.abc import Callable

import hypothesis.strategies as st
import pytest
from hypothesis import given

from engine.sync.ordered import Ordered
from engine.sync.queue import FALLING, RANKS, RISING, SOLD_OUT, Due, Pace, Queue

NAMES = "abcdefgh"


class Clock:
    """Seconds that a test moves on."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def ready(queue: Queue, now_s: float, fits: Callable[[Due], bool]) -> list[Due]:
    """Return what is to be published, most urgent first, by looking at each row."""
    rows = [
        due
        for due in queue.rows.values()
        if due.not_before_s <= now_s
        and due.listing not in queue.flying
        and (queue.aloft.get(due.listing) != due.wanted or due.wanted == 0)
        and fits(due)
    ]
    return sorted(rows, key=queue.worth)


def same(queue: Queue, found: list[Due], right: list[Due]) -> bool:
    """Say whether rows are as urgent as those that are right, each in its place: which of two that
    are alike goes first does not matter, nor a rounding."""
    pairs = [(queue.worth(a), queue.worth(b)) for a, b in zip(found, right, strict=True)]
    return all(a[0] == b[0] and a[1:] == pytest.approx(b[1:], rel=1e-9, abs=0) for a, b in pairs)


def check(queue: Queue, clock: Clock) -> None:
    """Compare every answer of a queue with what looking at all rows says."""
    now_s, rows = clock.now_s, queue.rows.values()
    single = ready(queue, now_s, lambda _: True)
    bulk = ready(queue, now_s, lambda due: due.listing not in queue.aloft)
    for count in (1, 3, len(NAMES)):
        assert same(queue, queue.best(count, now_s), single[:count])
        assert {due.listing for due in queue.best(len(NAMES), now_s)} == {
            due.listing for due in single
        }
        assert same(queue, queue.best(count, now_s, bulk=True), bulk[:count])
    kin = queue.kin(9, now_s, lambda listing: listing in "abc")
    assert {due.listing for due in kin} == {d.listing for d in single if d.listing in "abc"}
    assert [queue.waiting(rank) for rank in RANKS] == [
        sum(due.rank == rank for due in rows) for rank in RANKS
    ]
    ages = sorted(due.since_s for due in rows)
    assert [due.since_s for due in queue.oldest(3)] == ages[:3]
    resting = [
        due.not_before_s - now_s
        for due in rows
        if due.listing not in queue.flying
        and (queue.aloft.get(due.listing) != due.wanted or due.wanted == 0)
    ]
    assert queue.rest_s(now_s) == (max(min(resting), 0.0) if resting else None)


def step(queue: Queue, pace: Pace, clock: Clock, draw: random.Random) -> None:
    """Do one thing that a publisher does."""
    name, units = draw.choice(NAMES), draw.randrange(4)
    due = queue.rows.get(name)
    match draw.randrange(9):
        case 0 | 1 | 2:
            shown = draw.choice((None, 0, 2, 3))
            queue.want(Due(name, name.upper(), units, shown, clock.now_s))
        case 3 if due is not None:
            held = draw.choice((None, due.wanted))
            queue.rest(due, clock.now_s + draw.choice((-1.0, 0.5, 2.0)), held)
        case 4:
            queue.fly({name})
        case 5:
            queue.land(set(draw.sample(NAMES, 3)))
        case 6:
            sent = {x: draw.randrange(3) for x in draw.sample(NAMES, 2)}
            if draw.random() < 0.5:
                queue.lift(sent)
            else:
                queue.landed(sent)
        case 7:
            queue.shown(name, units, clock.now_s)
        case 8:
            pace.sold(name.upper(), units + 1)
            shown = due.shown if due is not None else 3
            wanted = due.wanted if due is not None else 1
            queue.want(Due(name, name.upper(), wanted, shown, clock.now_s))


@given(st.integers(min_value=0))
def test_the_order_is_that_of_looking_at_all(seed: int) -> None:
    clock, draw = Clock(), random.Random(seed)
    pace = Pace(clock)
    queue = Queue(pace)
    for _ in range(80):
        step(queue, pace, clock, draw)
        clock.now_s += draw.choice((0.0, 0.1, 1.0, 40.0))
        check(queue, clock)


def test_what_fell_goes_before_what_rose_and_what_sells_before_what_does_not() -> None:
    clock = Clock()
    pace = Pace(clock)
    queue = Queue(pace)
    for n, (name, wanted, shown) in enumerate(
        [("up", 9, 1), ("down", 2, 9), ("out", 0, 1), ("unknown", 5, None), ("busy", 2, 9)]
    ):
        pace.sold("BUSY", 6)
        queue.want(Due(name, name.upper(), wanted, shown, float(n)))
    names = [due.listing for due in queue.best(9, 9.0)]
    assert names == ["out", "busy", "down", "unknown", "up"]
    assert [queue.waiting(rank) for rank in (SOLD_OUT, FALLING, RISING)] == [1, 3, 1]


def test_what_sold_long_ago_presses_no_more() -> None:
    clock = Clock()
    pace = Pace(clock)
    pace.sold("TEA", 100)
    queue = Queue(pace)
    queue.want(Due("tea", "TEA", 0, 5, 0.0))
    assert pace.of("TEA") > 1 and queue.pressing
    clock.now_s = 7_200.0
    assert not queue.pressing and [due.listing for due in queue.best(1, 0.0)] == ["tea"]


@pytest.mark.parametrize("rows", [10, 5_000])
def test_entries_that_hold_no_more_are_dropped(rows: int) -> None:
    """A listing that changes all day must not fill the memory."""
    clock = Clock()
    pace = Pace(clock)
    queue = Queue(pace)
    for turn in range(40_000):
        name = str(turn % rows)
        if turn % 3 == 0:
            pace.sold(name, 1)
        queue.want(Due(name, name, turn % 7 + 1, 9, float(turn)))
    held = [queue._ages, queue._resting, *queue._still, *queue._selling]
    assert all(isinstance(some, Ordered) for some in held)
    assert sum(len(some._heap) for some in held) <= 2 * len(held) * (rows + 100)
    assert len(queue.best(rows + 1, 0.0)) == rows
