"""Waves, and locations that close while they have work, in both twins."""

from datetime import UTC, datetime

import msgspec
import pytest

from engine.core import commands as c
from engine.core import fulfillment_commands as f
from engine.core import limits
from engine.core.ledger import Ledger as SlowLedger
from engine.core.outcomes import Code
from engine.core.waves import Wave, Waves
from ext.ledger import Ledger as FastLedger
from tests.unit.shop import Shop, allocations

TWINS = pytest.mark.parametrize("make", (SlowLedger, FastLedger))


def shop_of(make, count: int = 6) -> Shop:
    """Orders 0 to 5 hold one red each: the first three from north, the others from south."""
    shop = Shop(make())
    shop.receive("north", red=3)
    shop.receive("south", red=6)
    for number in range(count):
        due = datetime(2027, 1, 1 + number % 3, tzinfo=UTC)
        shop.ok(shop.order(str(number), ("red", 1), required_by=due))
    return shop


def names(answer) -> list[str]:
    return [one.order_id for one in answer.orders]


@TWINS
def test_a_wave_releases_the_oldest_that_fit(make) -> None:
    shop = shop_of(make)
    first = shop.ok(f.ReleaseWave("a", limit=2))
    assert names(first) == ["0", "1"]
    assert shop.ask(f.ReleaseWave("a", limit=2)).replayed
    shop.no(f.ReleaseWave("a", limit=3), Code.IDEMPOTENCY_CONFLICT)
    shop.no(f.ReleaseWave("b", location="none"), Code.UNKNOWN_LOCATION)
    assert names(shop.ok(f.ReleaseWave("b", location="south", limit=2))) == ["3", "4"]
    soon = datetime(2027, 1, 2, tzinfo=UTC)
    assert names(shop.ok(f.ReleaseWave("c", required_by=soon))) == []
    last = shop.ok(f.ReleaseWave("d"))
    assert (names(last), last.next_after) == (["2", "5"], None)
    assert shop.ledger.order("web", "5").status == "released"


@TWINS
def test_a_wave_goes_on_behind_the_last(make) -> None:
    shop = shop_of(make)
    shop.ok(c.Ship("web", "0", "s"))
    after, seen = 0, []
    for name in "abcd":
        answer = shop.ok(f.ReleaseWave(name, limit=2, after=after))
        seen += names(answer)
        after = answer.next_after
        if after is None:
            break
    assert seen == ["1", "2", "3", "4", "5"]
    assert names(shop.ok(f.ReleaseWave("z", channel="shop"))) == []


@TWINS
def test_a_wave_looks_at_a_bounded_number_of_orders(make, monkeypatch) -> None:
    monkeypatch.setattr(limits, "WAVE_SCAN_MAX", 3)
    shop = shop_of(make)
    shop.ok(c.Cancel("web", "0"))
    shop.ok(c.Cancel("web", "2"))
    answer = shop.ok(f.ReleaseWave("a"))
    assert names(answer) == ["1", "3"] and answer.next_after
    assert names(shop.ok(f.ReleaseWave("b", after=answer.next_after))) == ["4", "5"]


def test_the_last_waves_are_kept_and_their_ids_are_free_later() -> None:
    waves = Waves()
    waves.most = 3
    for seq, name in enumerate("abcd", 1):
        waves.put(waves.next_number, msgspec.json.encode(Wave(name, seq)), seq)
    assert [row.put.wave_id for row in waves.rows] == ["d", "b", "c"]
    again = Waves()
    again.most = 3
    for number, row in enumerate(waves.rows):
        again.put(number, msgspec.json.encode(row.put), row.seq)
    assert again.next_number == waves.next_number == 1
    assert waves.find("a") is None


def closed(shop: Shop, name: str, active: bool = False) -> None:
    shop.ok(c.PutLocation(name, name, "warehouse", "DE", active=active))


@TWINS
def test_a_closed_location_loses_what_nobody_has_begun_to_pick(make) -> None:
    shop = shop_of(make)
    made = [
        shop.ok(f.ReleaseOrder("web", str(number), "w")).fulfillments[0].fulfillment_id
        for number in range(3)
    ]
    shop.ok(f.AcceptFulfillment(made[1]))
    shop.ok(f.PickFulfillment(made[2]))
    assert shop.ledger.next_expiry_us() == 0
    closed(shop, "north")
    assert 0 < shop.ledger.next_expiry_us() < shop.now_us
    shop.wait(1)
    other = make.load(shop.ledger.dump())
    assert other.next_expiry_us() == shop.ledger.next_expiry_us()
    assert shop.ledger.expire() == 2
    assert (shop.ledger.expire(), shop.ledger.next_expiry_us()) == (0, 0)
    lost = shop.ledger.fulfillment(made[0])
    assert (lost.status, lost.reason) == ("cancelled", "the location is closed")
    for number in (0, 1):
        assert allocations(shop.ledger.order("web", str(number))) == [[("south", 1)]]
    assert shop.ledger.fulfillment(made[2]).status == "picking"
    rows, _ = shop.ledger.fulfillments(location="south", limit=9)
    assert [row.order_id for row in rows] == ["0", "1"]


@TWINS
def test_closing_comes_in_bounded_steps(make) -> None:
    count = limits.TIMERS_PER_TICK_MAX + 4
    shop = Shop(make())
    shop.receive("north", red=count)
    for number in range(count):
        shop.ok(shop.order(str(number), ("red", 1)))
    shop.ok(f.ReleaseWave("a", limit=count))
    closed(shop, "north")
    assert [shop.ledger.expire() for _ in range(3)] == [limits.TIMERS_PER_TICK_MAX, 4, 0]
    assert shop.ledger.order("web", "0").status == "allocated"  # nobody else has any
    closed(shop, "north", active=True)
    assert names(shop.ok(f.ReleaseWave("b", limit=1))) == ["0"]


@TWINS
def test_what_lies_at_a_closed_location_is_moved_when_it_is_released(make) -> None:
    shop = shop_of(make)
    closed(shop, "north")
    assert names(shop.ok(f.ReleaseWave("a"))) == ["3", "4", "5"]
    made = shop.ok(f.ReleaseOrder("web", "0", "w"))
    assert [one.location for one in made.fulfillments] == ["south"]
    shop.ok(c.Adjust("x", "south", (c.AdjustLine("red", -2, "lost"),)))
    shop.no(f.ReleaseOrder("web", "1", "w"), Code.LOCATION_INACTIVE)
