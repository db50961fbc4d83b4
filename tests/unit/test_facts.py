"""Facts in any order: what channels tell of orders holds, whenever it comes (F03)."""

from datetime import UTC, datetime
from itertools import permutations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.core import commands as c
from engine.core import limits
from engine.core.fact_commands import TellFact
from engine.core.ledger import Ledger as SlowLedger
from engine.core.order_commands import Hold
from engine.core.outcomes import Code
from engine.core.validation_commands import PutValidation, ValidationRule
from ext.ledger import Ledger as FastLedger
from tests.unit.shop import Shop, allocations

BERLIN = c.Address(country="DE", postcode="10115", latitude=52.5, longitude=13.4)
LYON = c.Address(country="FR", postcode="69001", latitude=45.8, longitude=4.8)
WRONG = c.Address(country="FR", postcode="?", latitude=45.8, longitude=4.8)
PAYMENT = ValidationRule("payment", "accounts", keeps_stock=False)
ADDRESS = ValidationRule("bad_address", "care")


def fact(event: str, version: int, **told) -> TellFact:
    return TellFact("web", "1", event, version, **told)


PAID = fact("paid", 2, payment="paid")
CANCELLED = fact("gone", 4, cancelled=True, reason="changed mind")
MOVED = fact("moved", 3, ship_to=LYON, note="ring twice")


def opened(make, *rules: ValidationRule) -> Shop:
    """A shop with stock in two places, whose channel has rules."""
    shop = Shop(make())
    for place, address in (("north", BERLIN), ("south", LYON)):
        where = {"latitude": address.latitude, "longitude": address.longitude}
        shop.ok(c.PutLocation(place, place, "warehouse", "DE", **where))
        shop.receive(place, red=10)
    shop.ok(PutValidation("web", rules))
    return shop


def created(**more) -> c.PlaceOrder:
    return c.PlaceOrder(
        order_id="1",
        channel="web",
        lines=(c.OrderLine("red", 3),),
        **{"ship_to": BERLIN, "payment": "pending"} | more,
    )


def ends(shop: Shop) -> tuple:
    """What an order and the stock have come to, without when."""
    order = shop.ledger.order("web", "1")
    holds = sorted((hold.reason, hold.owner, hold.then) for hold in order.holds)
    order.seq, order.holds = 0, []
    return order, holds, shop.ledger.stock("red").locations


def told(shop: Shop, commands) -> tuple:
    for command in commands:
        shop.ok(command)
        shop.wait(1_000_000)
        shop.ok(command)  # and once more, as channels do
    return ends(shop)


@pytest.fixture
def web(make) -> Shop:
    return opened(make, PAYMENT)


@pytest.mark.parametrize("make", (SlowLedger, FastLedger))
@pytest.mark.parametrize("rules", ((), (PAYMENT,), (PAYMENT, ADDRESS)))
def test_pain_12_pushes_come_twice_late_and_out_of_order(make, rules) -> None:
    """Paid before created, cancelled before paid, an address before anything: every order of
    arrival of created, paid, updated and cancelled, each of them twice, ends alike."""
    for subset in ([created(), PAID, MOVED], [created(), PAID, MOVED, CANCELLED]):
        found = [told(opened(make, *rules), way) for way in permutations(subset)]
        assert all(end == found[0] for end in found), subset
        order, holds, _ = found[0]
        assert (order.payment, holds) == ("paid", [])
        assert order.ship_to["country"] == "FR" and order.note == "ring twice"
        if CANCELLED in subset:
            assert order.status == "cancelled" and order.lines[0].cancelled == 3
        else:
            assert order.status == "allocated" and allocations(order) == [[("south", 3)]]


PIECES = st.lists(
    st.builds(
        lambda version, told: (version, told),
        st.integers(0, 3),
        st.sampled_from(
            (
                {"payment": "paid"},
                {"payment": "pending"},
                {"payment": "refunded"},
                {"payment": "authorized", "note": "a"},
                {"ship_to": LYON},
                {"ship_to": WRONG},
                {"ship_to": BERLIN, "customer": "Ada"},
                {"cancelled": True},
                {"required_by": datetime(2026, 12, 1, tzinfo=UTC)},
            )
        ),
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(pieces=PIECES, shuffle=st.randoms(use_true_random=False), rules=st.integers(0, 3))
def test_any_facts_in_any_order_end_alike(pieces, shuffle, rules) -> None:
    """P7: the same facts and the order, in two random ways, in both twins and in their replay."""
    chosen = [rule for bit, rule in ((1, PAYMENT), (2, ADDRESS)) if rules & bit]
    commands = [created()]
    commands += [fact(f"e{n}", version, **told) for n, (version, told) in enumerate(pieces)]
    found = []
    for make in (SlowLedger, FastLedger):
        for _ in range(2):
            way = shuffle.sample(commands, len(commands))
            shop = opened(make, *chosen)
            found.append(told(shop, way))
            shop.ledger.drain()
            assert make.load(shop.ledger.dump()).dump() == shop.ledger.dump()
    assert all(end == found[0] for end in found)


def test_what_comes_before_its_order_is_awaited(web: Shop) -> None:
    before = web.ok(PAID)
    assert (before.status, before.order_id, before.lines) == ("awaited", "1", [])
    assert web.ledger.order("web", "1") is None
    again = web.ask(PAID)
    assert again.replayed and again.answer.status == "awaited"
    web.no(fact("paid", 3, payment="paid"), Code.IDEMPOTENCY_CONFLICT)
    made = web.ask(created())
    assert (made.created, made.answer.status, made.answer.payment) == (True, "allocated", "paid")
    web.no(fact("paid", 3, payment="paid"), Code.IDEMPOTENCY_CONFLICT)
    again = web.ask(created())
    again.answer.replayed = False
    assert (again.seq, again.answer) == (made.seq, made.answer)
    assert web.ok(c.PlaceOrder(order_id="2", channel="web", lines=created().lines)).holds


def test_an_order_that_was_cancelled_before_it_came_takes_nothing(web: Shop) -> None:
    web.ok(CANCELLED)
    made = web.ask(created(), key="k")
    assert (made.answer.status, web.available("red")) == ("cancelled", 20)
    again = web.ask(created())
    again.answer.replayed = False
    assert (again.seq, again.answer) == (made.seq, made.answer)
    assert web.ask(created(), key="k").answer["status"] == "cancelled"
    web.ok(web.reserve("1", ("red", 2)))
    web.ok(TellFact("web", "9", "gone", 1, cancelled=True))
    gone = web.ok(c.Commit(reservation_id="1", order_id="9"))
    assert (gone.status, web.available("red")) == ("cancelled", 20)


def test_facts_that_come_for_no_order_make_room(web: Shop, monkeypatch) -> None:
    monkeypatch.setattr(web_register(web), "most", 2)
    for number in range(2):
        web.ok(TellFact("web", f"o{number}", "e", 1, payment="paid"))
    late = TellFact("web", "o3", "e", 1, payment="paid")
    web.no(late, Code.TABLE_FULL)
    web.wait(limits.EARLY_FACTS_KEPT_US)
    web.ok(late)
    assert web.ok(web.order("o0", ("red", 1))).holds, "what was told of it is over"


def web_register(shop: Shop):
    """The register of early facts of either twin, by way of what a rule reads."""
    state = getattr(shop.ledger, "_state", None)
    return state.registers.early_facts if state else pytest.skip("the compiled twin hides it")


def test_an_order_takes_so_many_facts_before_it_comes(web: Shop) -> None:
    for number in range(limits.EARLY_FACTS_OF_ORDER_MAX):
        web.ok(fact(f"e{number}", number, note=str(number)))
    web.no(fact("more", 99, note="more"), Code.TABLE_FULL)
    assert web.ok(created()).note == str(limits.EARLY_FACTS_OF_ORDER_MAX - 1)


def test_a_payment_ends_the_hold_that_waits_for_it(web: Shop) -> None:
    held = web.ok(created())
    assert (held.status, web.available("red")) == ("on_hold", 20)
    web.ok(Hold("web", "1", "look", "operator"))
    assert [h.hold_id for h in web.ok(PAID).holds] == ["look"]
    refunded = web.ok(fact("back", 3, payment="refunded"))
    assert [h.reason for h in refunded.holds] == ["operator", "payment"]
    assert web.ok(fact("old", 1, payment="paid")).holds == refunded.holds, "it is older"


def test_an_address_ends_the_hold_that_waits_for_it(make) -> None:
    shop = opened(make, ADDRESS)
    held = shop.ok(created(ship_to=None))
    assert [h.hold_id for h in held.holds] == ["bad_address"]
    still = shop.ok(fact("a", 1, ship_to=WRONG))
    assert still.status == "on_hold" and still.ship_to["postcode"] == "?"
    good = shop.ok(fact("b", 2, ship_to=LYON))
    assert (good.status, allocations(good)) == ("allocated", [[("south", 3)]])


def test_a_fact_says_something(web: Shop) -> None:
    web.no(fact("empty", 1, reason="none"), Code.NOTHING_TOLD)


@pytest.mark.parametrize("make", (SlowLedger, FastLedger))
def test_pain_11_an_order_exists_and_its_reservation_or_payment_does_not(make) -> None:
    """P3, P4: a cart, its payment and its order, stopped behind any step: what was answered is
    there whole, and sending all of it once more ends as if nothing had happened."""
    steps = (
        c.Reserve("cart", "web", 3_600, (c.ReserveLine("red", 3),)),
        fact("paid", 2, payment="paid"),
        c.Commit(reservation_id="cart", order_id="1", payment="pending", ship_to=BERLIN),
        fact("moved", 3, ship_to=LYON),
        c.Ship("web", "1", "parcel"),
    )
    shop = opened(make, PAYMENT, ADDRESS)
    shop.ledger.drain()
    before, frames = shop.ledger.dump(), []
    for step in steps:
        shop.now_us += 1_000_000
        shop.ledger.begin(shop.now_us)
        shop.ok(step)
        frames.append(shop.ledger.drain())
        assert frames[-1].count, "each step is one frame: all of it, or nothing"
    whole = ends(shop)
    assert whole[0].status == "shipped" and whole[0].payment == "paid"
    for done in range(len(frames) + 1):
        shop.ledger = make.load(before)
        for frame in frames[:done]:
            shop.ledger.apply(frame.stamp_us, frame.first_seq, frame.records)
        shop.ledger.begin(shop.now_us + 1)
        outcomes = [shop.ask(step) for step in steps]
        assert [outcome.replayed for outcome in outcomes] == [n < done for n in range(len(steps))]
        assert ends(shop) == whole
