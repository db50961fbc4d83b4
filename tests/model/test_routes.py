"""Both twins route alike: exact search, single location, greedy; nearness to the last bit (P7)."""

from math import inf, nextafter
from random import Random

import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from engine.core import commands as c
from engine.core import limits
from engine.core.commands import Request
from engine.core.ledger import Ledger as SlowLedger
from engine.core.outcomes import Code
from ext.ledger import Ledger as FastLedger

START_US = 1_800_000_000_000_000
QUIET = settings(max_examples=60, deadline=None, database=None)


def _point(rng: Random) -> dict:
    if rng.random() < 0.1:
        return {}
    return {"latitude": rng.uniform(-90, 90), "longitude": rng.uniform(-180, 180)}


def _world(rng: Random, places: int, skus: int) -> list[c.Command]:
    """Locations with coordinates and priorities, and thin stock here and there."""
    found: list[c.Command] = [
        c.PutLocation(f"p{n}", "", "store", "DE", priority=rng.choice((1, 1, 1, 2)), **_point(rng))
        for n in range(places)
    ]
    found += [c.PutSku(f"s{n}", "", backorderable=rng.random() < 0.2) for n in range(skus)]
    for n in range(places):
        lines = tuple(
            c.ReceiptLine(f"s{m}", rng.randint(1, 9)) for m in range(skus) if rng.random() < 0.6
        )
        if lines:
            found.append(c.Receive(f"d{n}", f"p{n}", lines))
    found += [
        c.PutLocation(f"p{n}", "", "store", "DE", active=False)
        for n in range(places)
        if rng.random() < 0.1
    ]
    return found


def _order(rng: Random, number: int, places: int, skus: int) -> c.PlaceOrder:
    lines = tuple(
        c.OrderLine(
            f"s{rng.randrange(skus)}",
            rng.choice((1, 1, 2, 3, 5, 8, 15)),
            location=f"p{rng.randrange(places)}" if rng.random() < 0.1 else None,
        )
        for _ in range(rng.randint(1, 6))
    )
    return c.PlaceOrder(
        order_id=f"o{number}",
        channel="web",
        lines=lines,
        when_short=rng.choice(("refuse", "backorder", "split")),
        ship_to=c.Address(**_point(rng)),
    )


def _same_choices(rng: Random, places: int, skus: int) -> int:
    twins = (SlowLedger(), FastLedger())
    for ledger in twins:
        ledger.begin(START_US)
    requests = [Request(command) for command in _world(rng, places, skus)]
    requests += [Request(_order(rng, n, places, skus)) for n in range(10)]
    for request in requests:
        slow, fast = (ledger.decide(request) for ledger in twins)
        assert slow == fast
    frames = [ledger.drain() for ledger in twins]
    assert frames[0] == frames[1]
    return sum(ledger.sizes()["orders"] for ledger in twins)


@pytest.mark.parametrize("places", [1, 3, 12, 13, 30])
@seed(1)
@QUIET
@given(st.integers(0, 2**32), st.integers(1, 8))
def test_same_locations_are_chosen(places: int, number: int, skus: int) -> None:
    _same_choices(Random(number), places, skus)


@pytest.mark.parametrize(
    "name, value",
    [("ROUTE_EXACT_LOCATIONS_MAX", 2), ("ROUTE_EXACT_WORK_MAX", 24), ("ROUTE_OFFERS_MAX", 9)],
)
def test_same_beyond_the_exact_search(monkeypatch, name: str, value: int) -> None:
    monkeypatch.setattr(limits, name, value)
    placed = sum(_same_choices(Random(n), 6, 5) for n in range(60))
    assert placed > 60


def test_too_many_positions_to_choose_from(monkeypatch) -> None:
    monkeypatch.setattr(limits, "ROUTE_OFFERS_MAX", 3)
    for ledger in (SlowLedger(), FastLedger()):
        ledger.begin(START_US)
        for n in range(4):
            ledger.decide(Request(c.PutLocation(f"p{n}", "", "store", "DE")))
        ledger.decide(Request(c.PutSku("s", "")))
        for n in range(4):
            line = c.ReserveLine("s", 1)
            outcome = ledger.decide(Request(c.Reserve(f"r{n}", "web", 9, (line,))))
            assert outcome.code is Code.INSUFFICIENT_STOCK if n == 0 else outcome.seq
            ledger.decide(Request(c.Receive(f"d{n}", f"p{n}", (c.ReceiptLine("s", 5),))))
        outcome = ledger.decide(Request(c.Reserve("r", "web", 9, (c.ReserveLine("s", 1),))))
        assert outcome.code is Code.BUNDLE_TOO_WIDE


@QUIET
@given(
    st.tuples(st.floats(-90, 90), st.floats(-180, 180)),
    st.tuples(st.floats(-90, 90), st.floats(-180, 180)),
    st.booleans(),
)
def test_the_nearest_is_the_same_even_by_the_last_bit(home, here, up: bool) -> None:
    """Two locations that differ by one bit of latitude: both twins take the same one."""
    there = (max(-90.0, min(90.0, nextafter(here[0], inf if up else -inf))), here[1])
    chosen = []
    for ledger in (SlowLedger(), FastLedger()):
        ledger.begin(START_US)
        for name, (latitude, longitude) in (("a", here), ("b", there)):
            put = c.PutLocation(name, "", "store", "DE", latitude=latitude, longitude=longitude)
            ledger.decide(Request(put))
        ledger.decide(Request(c.PutSku("s", "")))
        for name in "ab":
            ledger.decide(Request(c.Receive(name, name, (c.ReceiptLine("s", 1),))))
        to = c.Address(latitude=home[0], longitude=home[1])
        order = c.PlaceOrder(order_id="o", channel="web", lines=(c.OrderLine("s", 1),), ship_to=to)
        chosen.append(ledger.decide(Request(order)).answer)
    assert chosen[0] == chosen[1]
