"""eBay asks at checkout what is there: whoever proves to be eBay is told from the ledger."""

import asyncio
import base64
import json
from typing import Any

import httpx
import msgspec
import pytest

from engine.connectors.base import BadSignature, ConnectorError, Units
from engine.connectors.ebay import check
from engine.connectors.ebay.twin import Marketplace
from engine.core import limits
from engine.core.errors import ConfigError
from engine.sync.asked import StockNow
from engine.sync.desk import Desk
from engine.sync.listings import Listing, Listings
from tests.sync.office import Running, running

EBAY = ("ebay", "ch3ck")


def question(sku: str, quantity: int = 1, at: str | None = None) -> dict[str, Any]:
    """Return a question about a SKU: to be picked up at a store, or to be shipped."""
    how = {"fulfillmentType": "PICKUP_IN_STORE" if at else "SHIP_TO_HOME"}
    return {"SKU": sku, "requestedQuantity": quantity} | how | ({"locationID": at} if at else {})


async def ask(site: Running, body: Any, auth: tuple[str, str] | None = EBAY) -> httpx.Response:
    """Ask the office, as eBay does."""
    async with httpx.AsyncClient() as client:
        return await client.post(site.hook + "/stock", json=body, auth=auth)


async def told(site: Running, *asked: dict[str, Any]) -> list[tuple[int, bool]]:
    """Return the units and the verdict that questions are answered with."""
    answer = await ask(site, list(asked))
    assert answer.status_code == 200, answer.text
    rows = answer.json()
    assert [row["SKU"] for row in rows] == [row["SKU"] for row in asked]
    return [(row["totalAvailableQuantity"], row["isAvailable"]) for row in rows]


async def test_each_store_and_the_whole_are_told_less_what_ebay_is_not_shown(desk) -> None:
    async with running(desk, "ebay", {"A": 4, "B": 1}) as site:
        a, b = site.twin.listings()
        shop = f"shop-{site.name}"
        place = {"name": "Shop", "kind": "store", "country": "DE"}
        await desk.put(f"/v1/locations/{shop}", place)
        lines = [{"sku": a, "quantity": 5}]
        body = {"receipt_id": f"{shop}-1", "location": shop, "lines": lines}
        await desk.post("/v1/stock/receipts", body)
        pick = [question(a, 5, shop), question(a, 5, "main"), question(b, 1, shop)]
        assert await told(site, *pick) == [(5, True), (4, False), (0, False)]
        assert await told(site, question(a, 9), question(b, 2)) == [(9, True), (1, False)]
        buffers = [{"units": 2, "locations": [shop]}]
        await desk.put(f"/v1/channels/{site.channel}", {"priority": 1, "buffers": buffers})
        assert await told(site, question(a, 5, shop), question(a, 7)) == [(3, False), (7, True)]
        await desk.put(f"/v1/channels/other-{site.name}", {"priority": 1})
        await desk.put(f"/v1/channels/other-{site.name}/fences/{a}", {"quantity": 6})
        assert (await told(site, question(a)))[0][0] == 3, "six of nine are another channel's"


async def test_what_was_just_sold_is_gone_from_the_next_answer(desk) -> None:
    async with running(desk, "ebay", {"A": 2}) as site:
        (a,) = site.twin.listings()
        await desk.put(f"/v1/channels/web-{site.name}", {"priority": 1})
        for left in (1, 0):
            order = {"order_id": f"o-{left}-{site.name}", "channel": f"web-{site.name}"}
            await desk.post("/v1/orders", order | {"lines": [{"sku": a, "quantity": 1}]})
            answers = await told(site, question(a), question(a, 1, "main"))
            assert answers == [(left, left > 0)] * 2


async def test_a_sku_that_nobody_knows_is_not_there_and_hides_no_other(desk) -> None:
    async with running(desk, "ebay", {"A": 3}) as site:
        (a,) = site.twin.listings()
        names = ["nobody", a, "spaces are no id", "ü" * 100, "no,body"]
        rows = await told(site, *(question(name) for name in names))
        assert rows == [(0, False), (3, True), *[(0, False)] * 3]
        row = Listing("eBay name", a, {})
        await site.worker.listings.put([row])
        assert await told(site, question("eBay name", 2)) == [(3, True)], "as it is mapped"


async def test_one_question_is_answered_by_one_answer(desk) -> None:
    async with running(desk, "ebay", {"A": 3}) as site:
        (a,) = site.twin.listings()
        asked = question(a) | {"merchantLocationKey": "main"}
        row = (await ask(site, asked)).json()
        assert row.pop("lastUpdated") > 0
        same = {name: asked[name] for name in ("SKU", "fulfillmentType", "merchantLocationKey")}
        assert row == same | {"isAvailable": True, "totalAvailableQuantity": 3}


async def test_who_does_not_prove_to_be_ebay_is_told_nothing(desk) -> None:
    async with running(desk, "ebay", {"A": 3}) as site:
        (a,) = site.twin.listings()
        for auth in (None, ("ebay", "guess"), ("other", "ch3ck"), ("", "")):
            answer = await ask(site, question(a), auth)
            assert answer.status_code == 401 and a not in answer.text
            assert answer.headers["www-authenticate"] == "Basic"
        assert site.office.hooks.counts[site.name, "forged"] == 4
        site.hook = site.hook.replace("tw1n", "guess")
        assert (await ask(site, question(a))).status_code == 404


def test_without_a_password_nobody_is_ebay() -> None:
    account = Marketplace({}).account("http://127.0.0.1:1")
    bare = msgspec.structs.replace(account, secrets={"check_user": "", "check_password": ""})
    with pytest.raises(BadSignature):
        check.prove(bare, {"authorization": "Basic " + base64.b64encode(b":").decode()})
    for text in ("Basic", "Basic !", "Bearer " + base64.b64encode(b"ebay:ch3ck").decode(), "ü"):
        with pytest.raises(BadSignature):
            check.prove(account, {"authorization": text})


UNANSWERABLE = (
    ([question("A"), question("A", 0)], "[1].requestedQuantity"),
    ([{"SKU": "A"}], "[0]"),
    ([question("A") | {"fulfillmentType": "BY_PIGEON"}], "[0].fulfillmentType"),
    (question("A", 1, "x") | {"locationID": None}, "merchantLocationKey"),
    ([], ""),
    ([question("A")] * (limits.ASKED_ROWS_MAX + 1), ""),
    ("A", ""),
)


async def test_what_cannot_be_answered_is_refused_by_its_field(desk) -> None:
    async with running(desk, "ebay", {"A": 1}) as site:
        for body, path in UNANSWERABLE:
            answer = await ask(site, body)
            assert answer.status_code == 400, path
            assert answer.headers["content-type"] == "application/problem+json"
            problem = answer.json()
            assert [fault["path"] for fault in problem["errors"]] == [path] and problem["detail"]
        whole = [question("A")] * limits.ASKED_ROWS_MAX
        assert len((await ask(site, whole)).json()) == limits.ASKED_ROWS_MAX


async def test_ebays_keys_may_be_other_names_of_locations() -> None:
    account = Marketplace({}).account("http://127.0.0.1:1")
    named = msgspec.structs.replace(account, options={"stores": "SUNNY-1=main, S2=shop"})
    assert check.stores(named) == {"SUNNY-1": "main", "S2": "shop"} and not check.stores(account)

    async def stock(listings: list[str]) -> dict[str, Units]:
        return {"A": Units(7, {"main": 5, "shop": 2})}

    asked = [question("A", 1, at) for at in ("SUNNY-1", "shop", "sunny-1")]
    rows = json.loads(await check.answer(json.dumps(asked).encode(), stock, check.stores(named)))
    assert [row["totalAvailableQuantity"] for row in rows] == [5, 2, 0], "keys are as they are"
    for wrong in ("SUNNY-1", "=main", "S=,T=x"):
        with pytest.raises(ConfigError, match="KEY=location"):
            check.stores(msgspec.structs.replace(account, options={"stores": wrong}))


async def test_while_dibs_is_away_there_is_no_answer_rather_than_an_old_one(monkeypatch) -> None:
    monkeypatch.setattr(limits, "ASKED_S", 0.05)
    transport = httpx.MockTransport(lambda _: httpx.Response(503))
    async with httpx.AsyncClient(transport=transport) as client:
        stock = StockNow(Desk(client, "http://dibs.example", "k"), "ebay", Listings(None, "ebay"))
        with pytest.raises(ConnectorError) as raised:
            await stock(["A"])
        assert raised.value.retry_s


async def test_who_asks_meanwhile_is_asked_for_together_and_with_what_is_new_then() -> None:
    units, questions, go_on = 5, [], asyncio.Event()

    async def answer(request: httpx.Request) -> httpx.Response:
        told = units  # as dibs has it when it is asked
        questions.append(sorted(request.url.params["skus"].split(",")))
        await go_on.wait()
        rows = [{"sku": sku, "sellable": told} for sku in questions[-1]]
        return httpx.Response(200, json={"skus": rows})

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        stock = StockNow(Desk(client, "http://dibs.example", "k"), "ebay", Listings(None, "ebay"))
        first = asyncio.create_task(stock(["A", "B"]))
        while not questions:
            await asyncio.sleep(0)
        units = 3  # two are sold while the first answer is on its way
        others = [asyncio.create_task(stock([sku])) for sku in "BCA"]
        many = [asyncio.create_task(stock([f"{n}-{m}" for m in range(500)])) for n in range(2)]
        await asyncio.sleep(0)
        go_on.set()
        assert {row.total for row in (await first).values()} == {5}
        assert [row.total for found in others for row in (await found).values()] == [3, 3, 3]
        assert [len(await found) for found in many] == [500, 500]
        assert questions[0] == ["A", "B"] and len(questions) == 3
        assert sum(map(len, questions[1:])) == 3 + 1_000
