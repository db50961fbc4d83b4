"""How Magento is asked for quantities: many SKUs in a call, and what that call leaves open."""

import asyncio
from collections import Counter
from random import Random

import httpx
import pytest

from engine.connectors.base import ConnectorError, Quantity
from engine.connectors.calls import Calls
from engine.connectors.magento.connector import Magento
from engine.connectors.magento.search import SKUS_PER_CALL, named, portions
from engine.connectors.magento.twin import Shop
from engine.connectors.twins import serving
from tests.sync.contracts.recorder import Recorder
from tests.sync.open_gate import OpenGate

LISTED = "GET /V1/inventory/export-stock-salable-qty/website/{website}"
SINGLY = "GET /V1/inventory/get-product-salable-quantity/{sku:path}/{stock:int}"
SOURCE = "GET /V1/inventory/source-items"
ORDERS, STOCK = "GET /V1/orders", "GET /V1/inventory/stocks/{stock:int}"
QUEUE = "POST /async/bulk/V1/inventory/source-items"
SHORT, LONG = "GET /V1/bulk/{bulk}/status", "GET /V1/bulk/{bulk}/detailed-status"


@pytest.fixture
async def shop():
    """A twin with a SKU more than one call asks for, and how to connect to it with options."""
    twin = Shop({f"S{n:04}": 9 for n in range(SKUS_PER_CALL + 1)} | {"MUG": 9, "CUP": 9})
    async with serving(twin.app) as url, Recorder("magento").client() as client:

        def connect(**options: str) -> Magento:
            account = twin.account(url)
            account.options.update(options)
            return Magento(account, Calls(client, OpenGate(), account.name))

        yield twin, connect


async def published(magento: Magento, units: dict[str, int]) -> list[str]:
    """Publish, and return the problem of each."""
    rows = [Quantity(sku, n) for sku, n in units.items()]
    return [row.problem for row in await magento.publish(rows)]


async def delivered(magento: Magento, units: dict[str, int]) -> list[str]:
    """Publish by the queue, and return the problem of each."""
    ticket = await magento.bulk.send([Quantity(sku, n) for sku, n in units.items()])
    return [row.problem for row in await magento.bulk.done(ticket, list(units))]


# Calls.


@pytest.mark.parametrize(("stocks", "calls"), [("1", 85), ("1,2", 126)])
async def test_2000_rows_are_85_calls_and_41_more_for_each_further_stock(
    shop, stocks, calls
) -> None:
    twin, connect = shop
    magento, count = connect(stocks=stocks), 2_000
    for n in range(count):
        twin.stocks.put(f"R{n:04}", 5, 1)
    assert not any(await delivered(magento, {f"R{n:04}": n % 7 for n in range(count)}))
    assert all(twin.salable(f"R{n:04}") == n % 7 for n in range(count))
    each = 1 + len(stocks) // 2
    portion = {SOURCE: 40, LISTED: 40 * each, STOCK: each}
    assert twin.asked == portion | {ORDERS: 1, QUEUE: 1, SHORT: 1, LONG: 1}
    assert twin.asked.total() == calls
    twin.asked.clear()
    assert not any(await delivered(magento, {f"R{n:04}": 3 for n in range(count)}))
    assert twin.asked[STOCK] == 0, "websites are asked for once"


async def test_a_publish_is_four_calls_and_a_look_is_one_for_fifty(shop) -> None:
    twin, connect = shop
    magento = connect()
    await magento.shown([Quantity("MUG", 1)])
    twin.asked.clear()
    names = [f"S{n:04}" for n in range(SKUS_PER_CALL)]
    assert not any(await published(magento, dict.fromkeys(names, 4)))
    told = "POST /V1/inventory/source-items"
    assert twin.asked == {ORDERS: 1, SOURCE: 1, LISTED: 1, told: 1}
    twin.asked.clear()
    rows = [Quantity(sku, 4) for sku in twin.source]
    assert await magento.shown(rows) == {sku: 4 if sku in names else 9 for sku in twin.source}
    assert twin.asked == {ORDERS: 1, LISTED: 2} and magento.shown_rows == 400


async def test_the_long_answer_of_the_queue_is_asked_for_once(shop) -> None:
    twin, connect = shop
    magento = connect()
    twin.queue_s = 0.2
    ticket = await magento.bulk.send([Quantity("MUG", 4), Quantity("GONE", 1)])
    for _ in range(5):
        assert await magento.bulk.done(ticket, ["MUG", "GONE"]) is None
    assert twin.asked[SHORT] == 5 and not twin.asked[LONG]
    await asyncio.sleep(0.25)
    mug, gone = await magento.bulk.done(ticket, ["MUG", "GONE"])
    assert not mug.problem and "no such SKU" in gone.problem
    assert twin.asked[SHORT] == 6 and twin.asked[LONG] == 1


def test_no_address_is_longer_than_web_servers_take() -> None:
    plain = [f"{n:064}" for n in range(120)]
    assert [len(some) for some in portions(plain)] == [50, 50, 20]
    odd = [f"{n:04}" + "ü/&" * 20 for n in range(60)]
    mixed = [plain[0], "A,B", plain[1], *odd]
    found = list(portions(mixed))
    assert Counter(sku for some in found for sku in some) == Counter(mixed)
    assert [some for some in found if "A,B" in some] == [["A,B"]]
    for some in found + list(portions(plain)):
        query = httpx.QueryParams(named(some, len(some), "type_id", "DESC"))
        assert len(str(query)) < 7_000, "with a path and a host it must be below 8 kB"


# What is shown.


async def test_what_is_out_of_stock_at_the_source_does_not_count(shop) -> None:
    """Five units lie there and are not sold. To show three, the source is to have three."""
    twin, connect = shop
    magento = connect()
    for stock in (1, 2):
        twin.stocks.keep("CUP", stock, 2)
    twin.stocks.put("MUG", 5, 0)
    twin.stocks.put("CUP", 5, 0)
    assert twin.salable("MUG") == 0
    for way in (published, delivered):
        assert await way(magento, {"MUG": 3, "CUP": 3}) == ["", ""]
        assert (twin.salable("MUG"), twin.source["MUG"]) == (3, 3)
        assert (twin.salable("CUP"), twin.source["CUP"]) == (3, 5)
        twin.stocks.put("MUG", 5, 0)


async def test_two_stocks_never_show_too_much_however_they_are_told(shop) -> None:
    twin, connect = shop
    magento, chance = connect(stocks="1,2"), Random(5)
    names = [f"S{n:04}" for n in range(SKUS_PER_CALL + 1)]
    left, uneven = dict.fromkeys(names, 9), 0
    for way in (published, delivered) * 4:
        for sku in names:
            stock, other = chance.choice([(1, 2), (2, 1)])
            if left[sku] and twin.buy(sku, 1, stock=stock):
                left[sku] -= 1
                uneven += twin.salable(sku, other) > left[sku]
        some = dict(list(left.items())[: magento.publish_rows]) if way is published else left
        assert not any(await way(magento, some))
        for sku in some:
            assert max(twin.salable(sku, n) for n in (1, 2)) == left[sku]
    assert uneven, "the stocks do not share a source"


async def test_products_that_are_made_of_others_do_not_crowd_out_what_is_asked_for(shop) -> None:
    """A shop of 2.4.9 lists all of them beside the SKUs of a search; its page has only so many."""
    twin, connect = shop
    magento = connect()
    twin.stocks.composite |= {f"SHIRT-{n}": n % 2 == 0 for n in range(200)}
    names = [f"S{n:04}" for n in range(SKUS_PER_CALL)]
    assert not any(await published(magento, dict.fromkeys(names, 2)))
    assert {twin.salable(sku) for sku in names} == {2} and not twin.asked[SINGLY]
    problems = await published(magento, {"SHIRT-0": 1, "SHIRT-1": 1})
    assert all("no such SKU" in problem for problem in problems)


async def test_what_the_long_list_leaves_open_is_asked_singly(shop) -> None:
    """A product whose stock the shop does not manage, one that no source has yet, and none."""
    twin, connect = shop
    magento = connect()
    twin.stocks.unmanaged.add("MUG")
    twin.stocks.bare.add("NEW")
    rows = {"MUG": 3, "NEW": 4, "GONE": 1, "CUP": 2}
    for way in (published, delivered):
        twin.asked.clear()
        problems = await way(magento, rows)
        assert "no such SKU" in problems.pop(2) and not any(problems)
        assert [twin.salable(sku) for sku in ("MUG", "NEW", "CUP")] == [3, 4, 2]
        assert twin.asked[SINGLY] == (3 if way is published else 2)  # NEW is known by then
    found = await magento.shown([Quantity(sku, n) for sku, n in rows.items()])
    assert found == {"MUG": 3, "NEW": 4, "CUP": 2}


async def test_a_sku_with_a_comma_is_one_sku(shop) -> None:
    twin, connect = shop
    magento = connect()
    twin.stocks.put("MUG,CUP", 7, 1)
    twin.buy("MUG,CUP", 2)
    for way in (published, delivered):
        assert await way(magento, {"MUG,CUP": 5, "MUG": 1, "CUP": 2}) == ["", "", ""]
        shown = [twin.salable(sku) for sku in ("MUG,CUP", "MUG", "CUP")]
        assert shown == [5, 1, 2] and twin.source["MUG,CUP"] == 7
        assert not twin.asked[SINGLY] and twin.asked.pop(LISTED) == 2
    rows = [Quantity(sku, 0) for sku in ("MUG,CUP", "MUG")]
    assert await magento.shown(rows) == {"MUG,CUP": 5, "MUG": 1}


# Stocks.


async def test_a_stock_without_a_website_says_what_to_do(shop) -> None:
    twin, connect = shop
    twin.stocks.channels[2] = [{"type": "country", "code": "second"}]
    magento = connect(stocks="1,2")
    with pytest.raises(ConnectorError, match=r"stock 2 .* option stocks .* assign a website"):
        await published(magento, {"MUG": 1})
    assert twin.source["MUG"] == 9, "nothing was told"
    twin.stocks.channels[2].append({"type": "website", "code": "second"})
    assert await published(magento, {"MUG": 1}) == [""], "what is mended is seen"
    with pytest.raises(ConnectorError, match=r"stock 7 .* is not there"):
        await published(connect(stocks="7"), {"MUG": 1})
