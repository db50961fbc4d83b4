"""What a channel may show: locations, buffers, seasons, protection, caps; and why."""

from datetime import UTC, datetime

import pytest

from engine.core import commands as c
from engine.core.outcomes import Code
from engine.core.sellable import in_season
from tests.unit.shop import Shop

BLACK_FRIDAY = datetime(2026, 11, 27, 9, tzinfo=UTC)
EASTER = datetime(2026, 4, 5, 9, tzinfo=UTC)


@pytest.fixture
def shop(shop: Shop) -> Shop:
    for place, units in (("berlin", 40), ("lyon", 100)):
        shop.ok(c.PutLocation(place, place, "warehouse", "DE"))
        shop.ok(c.PutSku("MUG", "Mug", baseline=50))
        shop.ok(c.PutSku("LID", "Lid"))
        lines = (c.ReceiptLine("MUG", units), c.ReceiptLine("LID", 10))
        shop.ok(c.Receive(f"open-{place}", place, lines))
    return shop


def shown(shop: Shop, channel: str, sku: str = "MUG", when: datetime = BLACK_FRIDAY):
    """The row of one SKU."""
    answer = shop.ledger.availability(channel, [sku], int(when.timestamp() * 1e6))
    assert answer.channel == channel and answer.as_of == when
    return answer.skus[0]


def test_a_channel_without_rules_shows_all_that_is_available(shop: Shop) -> None:
    shop.ok(c.PutChannel("amazon"))
    row = shown(shop, "amazon")
    assert (row.sellable, row.available, row.withheld) == (140, 140, [])
    assert [(r.location, r.sellable) for r in row.locations] == [("berlin", 40), ("lyon", 100)]


def test_stores_show_a_tenth_less_in_the_season_once_a_warehouse_is_below_its_baseline(
    shop: Shop,
) -> None:
    """From October to December, independent stores; the marketplace keeps the rest."""
    rule = c.Buffer(percent=10, below_baseline=True, season=c.Season("10-01", "12-31"))
    shop.ok(c.PutChannel("amazon"))
    shop.ok(c.PutChannel("own-store", buffers=(rule,)))
    row = shown(shop, "own-store")
    assert row.sellable == 136, "berlin has 40 of 50: 4 less there; lyon is above its baseline"
    (withheld,) = row.withheld
    assert (withheld.cause, withheld.units, withheld.location, withheld.buffer) == (
        "buffer",
        4,
        "berlin",
        0,
    )
    assert shown(shop, "amazon").sellable == 140
    assert shown(shop, "own-store", when=EASTER).sellable == 140
    shop.ok(c.Receive("more", "berlin", (c.ReceiptLine("MUG", 10),)))
    assert shown(shop, "own-store").sellable == 150, "at its baseline again"


def test_a_sku_without_baseline_is_never_below_it(shop: Shop) -> None:
    shop.ok(c.PutChannel("web", buffers=(c.Buffer(units=3, below_baseline=True),)))
    assert shown(shop, "web", "LID").sellable == 20


@pytest.mark.parametrize(
    ("buffer", "sellable"),
    [
        (c.Buffer(units=5), 130),
        (c.Buffer(units=60), 40),
        (c.Buffer(percent=1), 138),
        (c.Buffer(percent=100), 0),
        (c.Buffer(units=1, percent=50), 68),
        (c.Buffer(units=5, locations=("lyon",)), 135),
        (c.Buffer(units=5, skus=("LID",)), 140),
        (c.Buffer(units=5, below=41), 135),
        (c.Buffer(units=5, below=40), 140),
    ],
)
def test_buffers_take_from_each_location(shop: Shop, buffer: c.Buffer, sellable: int) -> None:
    shop.ok(c.PutChannel("web", buffers=(buffer,)))
    row = shown(shop, "web")
    assert row.sellable == sellable
    assert sum(w.units for w in row.withheld) == 140 - sellable


def test_buffers_add_up_and_never_go_below_nothing(shop: Shop) -> None:
    shop.ok(c.PutChannel("web", buffers=(c.Buffer(units=30), c.Buffer(percent=50))))
    row = shown(shop, "web")
    assert [(r.location, r.sellable) for r in row.locations] == [("berlin", 0), ("lyon", 20)]
    assert [w.units for w in row.withheld if w.location == "berlin"] == [30, 10]


def test_only_its_own_and_active_locations(shop: Shop) -> None:
    shop.ok(c.PutChannel("web", locations=("lyon",)))
    row = shown(shop, "web")
    assert row.sellable == 100
    assert [(w.cause, w.units, w.location) for w in row.withheld] == [("location", 40, "berlin")]
    shop.ok(c.PutLocation("lyon", "lyon", "warehouse", "DE", active=False))
    assert shown(shop, "web").sellable == 0


def test_the_last_units_are_for_the_channel_that_protects_them(shop: Shop) -> None:
    shop.ok(c.PutChannel("amazon", priority=1, protect=25))
    shop.ok(c.PutChannel("ebay", priority=1))
    shop.ok(c.PutChannel("web", priority=2, cap=10))
    assert shown(shop, "web", "LID").sellable == 0, "20 units, the last 25 are not for it"
    assert shown(shop, "web", "LID").withheld[0].cause == "protected"
    assert shown(shop, "amazon", "LID").sellable == 20
    assert shown(shop, "ebay", "LID").sellable == 20, "same priority"
    row = shown(shop, "web")
    assert (row.sellable, [w.cause for w in row.withheld]) == (10, ["protected", "cap"])


def test_what_is_promised_is_not_shown(shop: Shop) -> None:
    shop.ok(c.PutChannel("web"))
    shop.ok(c.Reserve("cart", "web", 60, (c.ReserveLine("MUG", 15),)))
    shop.ok(c.PlaceOrder(order_id="1", channel="web", lines=(c.OrderLine("MUG", 5),)))
    aside = (c.AdjustLine("MUG", 10, "keep", "safety_stock"),)
    shop.ok(c.Adjust("safety", "berlin", aside))
    assert shown(shop, "web").sellable == 110


def test_a_bundle_shows_what_its_parts_allow(shop: Shop) -> None:
    parts = (c.Component("MUG", 2), c.Component("LID", 1))
    shop.ok(c.PutSku("SET", "Set", components=parts))
    shop.ok(c.PutChannel("web", buffers=(c.Buffer(units=20, skus=("MUG",)),)))
    row = shown(shop, "web", "SET")
    assert (row.available, row.sellable) == (20, 20), "the lids are scarce: 10 at each"
    shop.ok(c.PutChannel("web", buffers=(c.Buffer(units=30, skus=("MUG",)),)))
    assert shown(shop, "web", "SET").sellable == 15, "5 sets in berlin, 10 in lyon"
    shop.ok(c.PutChannel("web", buffers=(c.Buffer(units=2, skus=("SET",)),)))
    assert shown(shop, "web", "SET").sellable == 16
    assert shown(shop, "web").sellable == 140, "a buffer of the bundle leaves its parts alone"


@pytest.mark.parametrize(
    ("first", "last", "days", "others"),
    [
        ("10-01", "12-31", ("10-01", "11-27", "12-31"), ("09-30", "01-01")),
        ("11-15", "01-10", ("11-15", "12-31", "01-01", "01-10"), ("01-11", "11-14")),
        ("02-29", "02-29", ("02-29",), ("02-28", "03-01")),
    ],
)
def test_seasons_include_both_ends_and_span_new_year(first, last, days, others) -> None:
    season = c.Season(first, last)
    assert all(in_season(season, day) for day in days)
    assert not any(in_season(season, day) for day in others)


def test_names_that_do_not_exist_are_refused_with_their_place(shop: Shop) -> None:
    for put, code, path in (
        (c.PutChannel("x", locations=("lyon", "nowhere")), Code.UNKNOWN_LOCATION, "locations[1]"),
        (
            c.PutChannel("x", buffers=(c.Buffer(), c.Buffer(skus=("none",)))),
            Code.UNKNOWN_SKU,
            "buffers[1].skus[0]",
        ),
    ):
        refused = shop.ask(put)
        assert (refused.code, refused.faults[0].path) == (code, path)
    assert shop.ledger.channel("x") is None
    assert shop.ledger.availability("x", ["MUG"], 0) is None


def test_putting_again_is_a_replay_and_a_change_is_no_new_channel(shop: Shop) -> None:
    first, again, changed = (shop.ask(c.PutChannel("web", cap=cap)) for cap in (5, 5, 6))
    assert first.created and again.replayed and not changed.created
    assert changed.answer.cap == 6
    assert [row.channel for row in shop.ledger.channels()[0]] == ["web"]


def test_channels_survive_a_dump(shop: Shop) -> None:
    shop.ok(c.PutChannel("web", buffers=(c.Buffer(percent=3, season=c.Season("01-01", "02-29")),)))
    shop.ok(c.PutChannel("ünder ☕", locations=()))
    shop.wait(1)
    again = type(shop.ledger).load(shop.ledger.dump())
    assert again.channels() == shop.ledger.channels()
    assert again.dump() == shop.ledger.dump()
