"""What only Etsy does with quantities: listings put as a whole, and none without a unit."""

import asyncio
import os
import uuid
from collections import Counter

import httpx
import pytest

from engine.connectors.base import Quantity
from engine.connectors.calls import CallError, Calls
from engine.connectors.etsy import inventory, wire
from engine.connectors.etsy.twin import Shop
from engine.connectors.quotas import quotas_of
from tests.sync.alone import alone, publishing
from tests.sync.etsy import FAMILY, Quick, names, shop
from tests.sync.open_gate import OpenGate

FULL = os.environ.get("DIBS_SYNC_FULL") == "1"


@pytest.fixture
async def etsy():
    """An Etsy twin with a listing of three variations and one without, and its connector."""
    async with shop() as both:
        yield both


def shelf(twin: Shop) -> dict[str, int]:
    """Return what shoppers see of each SKU."""
    return {sku: twin.shown(name) for name, sku in twin.listings().items()}


def state(twin: Shop, sku: str) -> str:
    """Return the state of a SKU's listing."""
    return twin.products()[names(twin)[sku]][0]["state"]


# Quantities.


async def test_a_variation_is_changed_and_its_siblings_keep_what_they_have(etsy) -> None:
    twin, connector = etsy
    before = {name: product for name, (_, product) in twin.products().items()}
    (done,) = await connector.publish([Quantity(names(twin)["BLUE"], 9)])
    assert not done.problem
    assert shelf(twin) == {"RED": 5, "BLUE": 9, "GREEN": 3, "MUG": 2}
    for name, (_, product) in twin.products().items():
        (offering,), (old,) = product["offerings"], before[name]["offerings"]
        same = ("price", "is_enabled", "readiness_state_id")
        assert all(offering[field] == old[field] for field in same)
        values = [value["values"] for value in product["property_values"]]
        assert values == [value["values"] for value in before[name]["property_values"]]
    assert twin.meter.calls["stock"] == 1 and twin.meter.calls["inventory"] == 1


async def test_many_change_variations_of_one_listing_and_none_is_lost(etsy) -> None:
    twin, connector = etsy
    rows = [(sku, n) for n in range(10, 15) for sku in FAMILY]
    calls = (connector.publish([Quantity(names(twin)[sku], n)]) for sku, n in rows)
    await asyncio.gather(*calls)
    assert shelf(twin) == {"RED": 14, "BLUE": 14, "GREEN": 14, "MUG": 2}


class Crowd(OpenGate):
    """While one waits for the quota of a call that puts a listing, a shopper buys."""

    def __init__(self, twin: Shop, listing: str) -> None:
        self._twin, self._listing = twin, listing

    async def take(
        self, operation: str, units: int = 1, ticket: str = "", patient: bool = False
    ) -> float:
        """Have somebody buy, then let it pass."""
        if operation == "stock":
            self._twin.buy(self._listing)
        return 0.0


async def test_what_is_sold_while_the_quota_allows_no_call_is_not_put_back(store) -> None:
    """A listing is read after the wait for the call that puts it, never before."""
    twin = Shop({"RED": 5, "BLUE": 4}, families=[("RED", "BLUE")])
    red, blue = twin.listings()
    async with publishing(twin, store, uuid.uuid4().hex[:8], [red, blue]) as site:
        publisher, site.wanted.rows[red] = site.publisher, 8
        publisher.calls = publisher._connector._calls = Calls(
            httpx.AsyncClient(), Crowd(twin, blue), "etsy"
        )
        publisher.touch([red])
        await publisher.look()
        await publisher.calls.prepay("stock")
        assert await publisher.send_some() == 1
        assert (twin.shown(red), twin.shown(blue)) == (8, 3)


class Counting(OpenGate):
    """Counts what is taken of each quota, and given back."""

    def __init__(self) -> None:
        self.taken: Counter[str] = Counter()

    async def take(
        self, operation: str, units: int = 1, ticket: str = "", patient: bool = False
    ) -> float:
        """Count it."""
        self.taken[operation] += units
        return 0.0

    async def spared(self, operation: str, ticket: str, units: int = 1) -> None:
        """Count what is given back."""
        self.taken[operation] -= units


async def test_what_etsy_shows_already_is_not_put_and_not_paid_for() -> None:
    twin, gate = Shop({"MUG": 5}), Counting()
    (mug,) = twin.listings()
    async with alone(twin, gate) as connector:
        await connector._calls.prepay("stock")
        twin.buy(mug)
        (done,) = await connector.publish([Quantity(mug, 4, shown=5)])
        assert not done.problem and not twin.meter.calls["stock"]
        assert gate.taken["stock"] == 0 and gate.taken["inventory"] == 1
        await connector._calls.unpay("stock")  # there is none to give back
        assert gate.taken["stock"] == 0


async def test_variations_that_change_together_are_one_call(store) -> None:
    twin = Quick({"RED": 5, "BLUE": 4, "GREEN": 3, "MUG": 2}, families=[FAMILY])
    listed = twin.listings()
    async with publishing(twin, store, uuid.uuid4().hex[:8], listed) as site:
        wanted = dict.fromkeys(listed, 7)
        site.wanted.rows |= wanted
        assert await site.show(wanted) == 2
    assert set(shelf(twin).values()) == {7}
    assert twin.meter.calls["stock"] == 2 == twin.meter.calls["inventory"]


async def test_a_listing_that_sells_out_is_closed_and_opened_again(etsy) -> None:
    twin, connector = etsy
    red, blue, green = (names(twin)[sku] for sku in FAMILY)
    await connector.publish([Quantity(red, 0), Quantity(green, 0)])
    assert state(twin, "RED") == "active" and shelf(twin)["BLUE"] == 4
    await connector.publish([Quantity(blue, 0, shown=4)])
    assert state(twin, "RED") == "inactive" and not any(shelf(twin)[sku] for sku in FAMILY)
    # One comes back: the unit that Etsy had to be left is of nobody.
    (done,) = await connector.publish([Quantity(green, 6, shown=0)])
    assert not done.problem and state(twin, "RED") == "active"
    assert shelf(twin) == {"RED": 0, "BLUE": 0, "GREEN": 6, "MUG": 2}


@pytest.mark.parametrize("lost", range(5))
async def test_who_is_stopped_on_the_way_goes_on_from_there(etsy, lost: int) -> None:
    """A listing is closed with two calls and opened with three; one of the five fails."""
    twin, connector = etsy
    ask, done = connector._ask, []

    async def fails_once(operation: str, *given, **more):
        if operation in ("stock", "state"):
            done.append(operation)
            if len(done) == lost + 1:
                raise CallError("stopped", 500)
        return await ask(operation, *given, **more)

    connector._ask = fails_once
    red, blue, green = (names(twin)[sku] for sku in FAMILY)
    close = [Quantity(red, 0, shown=5), Quantity(blue, 0, shown=4), Quantity(green, 0, shown=3)]
    for rows in (close, [Quantity(blue, 6, shown=0)]):
        found = await connector.publish(rows)
        while any(row.problem for row in found):
            assert all(row.again for row in found)
            shown = twin.shown(red), twin.shown(green)
            assert shown in ((5, 3), (1, 0), (0, 0)), "never more than there was"
            found = await connector.publish(rows)
        blues = rows[-1].quantity if rows is not close else 0
        assert [twin.shown(name) for name in (red, blue, green)] == [0, blues, 0]
    assert len(done) > 5


async def test_a_listing_that_shoppers_emptied_is_renewed(etsy) -> None:
    twin, connector = etsy
    mug = names(twin)["MUG"]
    twin.buy(mug, 2)
    assert state(twin, "MUG") == "sold_out"
    await connector.publish([Quantity(mug, 0)])
    assert state(twin, "MUG") == "sold_out" and not twin.meter.calls["stock"]
    await connector.publish([Quantity(mug, 8, shown=0)])
    assert shelf(twin)["MUG"] == 8


async def test_a_listing_that_the_seller_closed_stays_closed(etsy) -> None:
    twin, connector = etsy
    row, _ = twin.products()[names(twin)["RED"]]
    row["state"] = "inactive"
    rows = [Quantity(names(twin)["RED"], 9, shown=0), Quantity(names(twin)["BLUE"], 0, shown=4)]
    red, blue = await connector.publish(rows)
    assert "inactive" in red.problem and not red.again and not blue.problem
    assert row["state"] == "inactive" and not twin.meter.calls["stock"]


async def test_more_units_than_a_listing_may_change_its_state_with(etsy) -> None:
    twin, connector = etsy
    many = [Quantity(names(twin)[sku], 600, shown=3) for sku in FAMILY]
    none = [Quantity(names(twin)[sku], 0, shown=600) for sku in FAMILY]
    again = [Quantity(names(twin)[sku], 600, shown=0) for sku in FAMILY]
    for rows, units in ((many, 600), (none, 0), (again, 600)):
        assert not any(row.problem for row in await connector.publish(rows))
        assert [shelf(twin)[sku] for sku in FAMILY] == [units] * 3


def product(sku: str, colour: str, size: str, units: int, *, shows: bool = True) -> wire.Product:
    """Return a product of a listing with colours and sizes."""
    values = [wire.PropertyValue(200, values=[colour]), wire.PropertyValue(100, values=[size])]
    return wire.Product(sku, False, [wire.Offering(units, shows)], values)


ROOMS = [
    product("R", "red", "S", 4),
    product("R", "red", "L", 4),
    product("B", "blue", "S", 2),
    product("B", "blue", "L", 2),
]


def test_products_that_share_a_quantity_are_set_alike() -> None:
    there = wire.Inventory(ROOMS, quantity_on_property=[200], listing=wire.Listing("active"))
    plan = inventory.plan(there, {"R": Quantity("1/R", 9)})
    (body,) = plan.steps
    units = [row["offerings"][0]["quantity"] for row in body["products"]]
    assert units == [9, 9, 2, 2] and not plan.problems


@pytest.mark.parametrize(
    ("by", "products", "why"),
    [
        ([], ROOMS, "shares its quantity"),
        ([100], ROOMS, "several quantities"),
        ([200, 100], ROOMS, "several quantities"),
        ([200], ROOMS[2:], "no product"),
        ([200], [product("R", "red", "S", 4, shows=False), *ROOMS[2:]], "hidden"),
    ],
)
def test_what_would_change_a_sibling_is_not_done(by: list[int], products, why: str) -> None:
    there = wire.Inventory(products, quantity_on_property=by, listing=wire.Listing("active"))
    plan = inventory.plan(there, {"R": Quantity("1/R", 9)})
    assert why in plan.problems["R"] and not plan.steps


async def test_one_that_is_gone_does_not_hide_what_the_others_show(etsy) -> None:
    twin, connector = etsy
    items = [Quantity(name, 0) for name in twin.listings()] + [Quantity("999/GONE", 0)]
    seen = await connector.shown(items)
    assert seen == {name: twin.shown(name) for name in twin.listings()}
    twin.meter.calls.clear()
    await connector.shown(items[:-1])
    assert twin.meter.calls["items"] == 1
    found = await connector.publish([Quantity("999/GONE", 1), Quantity("abc/X", 1)])
    assert all(row.problem and not row.again for row in found)


async def test_two_thousand_listings_on_a_sale_day_inside_the_quota(store) -> None:
    """Every listing is shown, and many of them change; counted is what that takes of 10,000 calls
    in 24 hours."""
    count = 2_000 if FULL else 60
    twin = Quick({f"S{n}": 50 for n in range(count)})
    listed = list(twin.listings())
    async with publishing(twin, store, uuid.uuid4().hex[:8], listed) as site:
        changed = listed[: count // 5]
        await site.show(dict.fromkeys(listed, 40))
        for units in range(39, 34, -1):  # sales, five times for each of a fifth
            await site.show(dict.fromkeys(changed, units))
        for name in changed:
            twin.buy(name)  # one of each at Etsy, which shows that by itself
        await site.show(dict.fromkeys(changed, 34))
        await site.show(dict.fromkeys(changed[: count // 20], 0))
        assert not await site.publisher.audit()
    calls = sum(twin.meter.calls.values())
    right = dict.fromkeys(listed, 40) | dict.fromkeys(changed, 34)
    right |= dict.fromkeys(changed[: count // 20], 0)
    assert {name: twin.shown(name) for name in listed} == right
    # A call to read and one to put for each change, one more to close, none to put for what Etsy
    # shows already; an audit reads a hundred.
    changes = 2 * (count + count) + count // 5 + 3 * (count // 20)
    assert calls == changes + -(-count // 100) + 1
    assert calls * 2_000 / count < 10_000
    assert not twin.meter.over


def test_half_a_day_may_go_at_once_and_no_day_has_more_than_is_allowed() -> None:
    _, day = quotas_of("etsy").limits
    every_us, at_once = day.bucket()
    assert at_once == day.calls // 2
    assert at_once + day.window_s * 1e6 / every_us <= day.calls
