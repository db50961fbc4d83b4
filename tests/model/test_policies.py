"""Orders routed by random policies: the compiled ledger, packed or not, and the plain one agree,
byte for byte (P7)."""

from datetime import UTC, date, datetime
from random import Random

import pytest

from engine.core import commands as c
from engine.core import packed
from engine.core.ledger import Ledger as SlowLedger
from engine.core.routing import POLICY_COSTS
from engine.core.routing.policy import PutCapacity
from ext.ledger import Ledger as FastLedger
from tests.model import policies

START_US = 1_800_000_000_000_000
PLACES, SKUS = 9, 7
DAYS = tuple(date(2027, 1, day) for day in (15, 16, 17))
CHANNELS = ("web", "shop", "ünder ☕", "plain")


def _opening(rng: Random) -> list:
    found: list = []
    for n in range(PLACES):
        point = {"latitude": 50.0 + n, "longitude": 8.0 + n * n / 3} if n % 4 else {}
        active = n != 3
        found.append(c.PutLocation(f"p{n}", "", "warehouse", "DE", active=active, **point))
    for n in range(SKUS):
        handling = "cold" if n % 3 == 0 else None
        found.append(c.PutSku(f"s{n}", "", rng.choice((None, 0, 90, 2_500)), handling=handling))
    parts = (c.Component("s1", 2), c.Component("s2", 1))
    found.append(c.PutSku("set", "", components=parts))
    for n in range(PLACES):
        lines = [
            c.ReceiptLine(f"s{s}", rng.randint(1, 40)) for s in range(SKUS) if rng.random() < 0.6
        ]
        if lines:
            found.append(c.Receive(f"r{n}", f"p{n}", tuple(lines)))
    return found


def _order(rng: Random, number: int) -> c.PlaceOrder:
    names = [*(f"s{n}" for n in range(SKUS)), "set"]
    lines = tuple(
        c.OrderLine(
            rng.choice(names), rng.choice((1, 1, 2, 3, 12)), None, rng.choice((None, 1_500))
        )
        for _ in range(rng.randint(1, 3))
    )
    where = {"latitude": 51.5, "longitude": 9.0} if rng.random() < 0.7 else {}
    postcode = rng.choice(("10115", "12ü", "1", "80331", None, 'a"b'))
    country = rng.choice(("DE", "DE", "DE", "FR", None))
    name = rng.choice((None, 'Zoë "Z"', "x"))
    home = c.Address(name=name, postcode=postcode, country=country, **where)
    return c.PlaceOrder(
        order_id=f"o{number}",
        channel=rng.choice(CHANNELS),
        lines=lines,
        ship_to=rng.choice((home, home, home, None)),
        note=rng.choice((None, "ring {twice}")),
        required_by=rng.choice((None, None, datetime(2027, 1, 18, 12, tzinfo=UTC))),
        when_short=rng.choice(("refuse", "refuse", "refuse", "split", "backorder", "complete")),
    )


def _changes(rng: Random) -> list:
    """Draw what makes the locations cost or allow something else than a moment before."""
    name = f"p{rng.randrange(PLACES)}"
    return rng.sample(
        (
            c.PutLocation(name, "", "warehouse", "DE", active=rng.random() < 0.5),
            c.PutLocation(f"new{rng.randrange(3)}", "", "warehouse", "DE"),
            PutCapacity(name, rng.choice(DAYS), rng.choice((0, 1, 3))),
            c.PutChannel("shop", policy=rng.choice(("main", None))),
        ),
        2,
    )


@pytest.mark.parametrize("number", range(60))
def test_twins_route_alike(number: int) -> None:
    rng, now_us = Random(number), START_US
    ledgers = SlowLedger(), FastLedger(), FastLedger()
    opening = _opening(rng)
    names = tuple(f"p{n}" for n in range(PLACES))
    puts = [policies.put(rng, names, 1)]
    puts += [c.PutChannel(name, policy="main") for name in CHANNELS[:3]]
    for round_ in range(5):
        orders = [c.Request(_order(rng, 100 * round_ + n), "a") for n in range(25)]
        data = b"".join(packed.pack(order, n) for n, order in enumerate(orders))
        if round_ == 3:
            puts = [policies.put(rng, names, 2)]
            puts += [policies.scarcity(rng, (f"s{n}",), names) for n in range(SKUS)]
        if round_ in (1, 2):
            puts = _changes(rng)
        found = []
        for at, ledger in enumerate(ledgers):
            ledger.begin(now_us)
            for command in (*(opening if not round_ else ()), *(puts if round_ < 4 else ())):
                ledger.decide(c.Request(command))
            if at < 2:
                found.append(ledger.decide_packed(data)[0])
            else:
                outcomes = [ledger.decide(order) for order in orders]
                found.append(b"".join(map(packed.pack_answer, outcomes, range(len(outcomes)))))
            found.append((ledger.drain().records, ledger.dump()))
        assert found[:2] == found[2:4] == found[4:]
        now_us += rng.choice((1, 3_600_000_000, 80_000_000_000))


def test_most_orders_are_routed_and_split_ones_among_them() -> None:
    """Otherwise the histories above would say little."""
    routed = legs = 0
    for number in range(60):
        ledger = SlowLedger()
        ledger.begin(START_US)
        rng = Random(number)
        for command in _opening(rng):
            ledger.decide(c.Request(command))
        ledger.decide(c.Request(policies.put(rng, tuple(f"p{n}" for n in range(PLACES)), 1)))
        ledger.decide(c.Request(c.PutChannel("web", policy="main")))
        for n in range(40):
            ledger.decide(c.Request(_order(rng, n)))
        for order in ledger._state.orders.values():
            if order.event.policy == POLICY_COSTS:
                decision = ledger.decisions("web", order.event.order_id)
                routed += 1
                chosen = decision.decisions[0].chosen if decision else None
                legs += len(chosen.shipments) > 1 if chosen else 0
    assert routed > 40 and legs > 10
