"""Matching cancellations, and the stock that orders imply."""

from collections import Counter

import pytest

from engine.replay import files, stocking
from engine.replay.documents import Order
from engine.replay.matching import OpenOrders
from engine.replay.places import CITIES, warehouses
from tests.unit import replay_files as given


@pytest.fixture
def orders() -> OpenOrders:
    found = OpenOrders()
    found.add("ann", "o1", {"A": 5, "B": 2})
    found.add("ann", "o2", {"A": 8})
    found.add("ann", "o3", {"A": 6})
    found.add("bob", "o4", {"A": 99})
    return found


@pytest.mark.parametrize(
    ("quantity", "rule", "cuts"),
    [
        (8, "exact", {"o2": 8}),
        (5, "exact", {"o1": 5}),
        (3, "enough", {"o3": 3}),
        (7, "enough", {"o2": 7}),
        (15, "spread", {"o3": 6, "o2": 8, "o1": 1}),
        (19, "spread", {"o3": 6, "o2": 8, "o1": 5}),
        (20, "", {}),
    ],
)
def test_rules_in_order_and_the_newest_first(orders, quantity, rule, cuts):
    assert orders.match("ann", "A", quantity) == (rule, cuts)


def test_what_is_matched_is_gone(orders):
    assert orders.match("ann", "A", 8) == ("exact", {"o2": 8})
    assert orders.match("ann", "A", 8) == ("spread", {"o3": 6, "o1": 2})
    assert orders.emptied("o2") and not orders.emptied("o1")
    assert orders.match("ann", "A", 4) == ("", {})


def test_nobody_and_strangers_match_nothing(orders):
    orders.add("", "o5", {"A": 7})
    assert orders.match("", "A", 7) == ("", {})
    assert orders.match("eve", "A", 1) == ("", {})
    assert orders.match("ann", "Z", 1) == ("", {})


def _loaded(tmp_path, **shape):
    return files.load([given.retail(tmp_path, given.many(**shape))])


def _demand(loaded) -> Counter:
    demand: Counter = Counter()
    for document in loaded.documents:
        if isinstance(document, Order):
            for line in document.command.lines:
                demand[line.sku] += line.quantity
    return demand


def test_same_seed_same_stock_other_seed_other_stock(tmp_path):
    loaded = _loaded(tmp_path)
    first = stocking.derive(loaded, seed=7)
    assert stocking.derive(loaded, seed=7) == first
    assert stocking.derive(loaded, seed=8).opening != first.opening


@pytest.mark.parametrize("count", [1, 4])
def test_opening_is_about_the_fraction_of_demand_at_so_many_locations(tmp_path, count):
    loaded = _loaded(tmp_path, orders=400, skus=100)
    catalogue = stocking.derive(loaded, locations=count, fill=0.9)
    assert len(catalogue.locations) == count
    assert {place for _, place in catalogue.opening} == {p.location for p in catalogue.locations}
    demand, opening = _demand(loaded), Counter()
    for (sku, _), units in catalogue.opening.items():
        assert units >= 0
        opening[sku] += units
    for sku, wanted in demand.items():
        assert opening[sku] >= int(wanted * 0.8)
    assert 0.86 < opening.total() / demand.total() < 0.96, "write-offs come on top"
    assert set(catalogue.home) == {put.sku for put in catalogue.skus}


def test_fill_decides_how_much(tmp_path):
    loaded = _loaded(tmp_path)
    some, plenty = (sum(stocking.derive(loaded, fill=f).opening.values()) for f in (0.5, 1.5))
    assert 2.5 < plenty / some < 3.5


def test_sellers_are_locations_unless_a_number_is_given(tmp_path):
    loaded = files.load([given.olist(tmp_path)])
    natural = stocking.derive(loaded, fill=1.1)
    assert [place.location for place in natural.locations] == ["s1", "s2"]
    assert set(natural.opening) == {("p1", "s1"), ("p2", "s2")}
    extract = loaded.extracts["olist"]
    extract.documents = stocking.unbind(extract.documents)
    lines = [line for d in extract.documents if isinstance(d, Order) for line in d.command.lines]
    assert lines and not any(line.location for line in lines)
    synthetic = stocking.derive(loaded, locations=2)
    assert [place.country for place in synthetic.locations] == ["BR", "BR"]


def test_cities_are_real_ones_and_ids_stay_distinct():
    places = warehouses("BR", 25)
    assert len({place.location for place in places}) == 25
    assert places[0].location == "BR-SAO-PAULO" and places[10].location == "BR-SAO-PAULO-2"
    assert all(place.location.isascii() for place in places)
    assert {len(rows) >= 10 for rows in CITIES.values()} == {True}
