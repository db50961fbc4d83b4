"""Validation over HTTP: rules are put, and orders are held by them through every door."""

import json

import pytest

from tests.contract.world import World, furnished, order, problem_of

RULES = "/v1/channels/web/validation"


@pytest.fixture
async def world():
    async with furnished() as made:
        yield made


async def test_rules_are_put_read_and_ended(world: World) -> None:
    missing = await world.call("GET", RULES, scope="read")
    assert (missing.status_code, problem_of(missing)["code"]) == (404, "unknown_validation")
    rules = {"rules": [{"check": "quantity", "units": 5, "owner": "sales"}]}
    made = await world.call("PUT", RULES, json=rules)
    assert made.status_code == 201
    assert (await world.good("GET", RULES))["rules"] == rules["rules"]
    again = await world.call("PUT", RULES, json=rules)
    assert (again.status_code, again.json()["replayed"]) == (200, True)
    page = await world.good("GET", "/v1/validations")
    assert [row["channel"] for row in page["validations"]] == ["web"]
    wrong = await world.call("PUT", RULES, json={"rules": [{"check": "quantity"}]})
    assert (wrong.status_code, problem_of(wrong)["code"]) == (422, "incomplete_rule")
    held = await world.good("POST", "/v1/orders", order("1", 6))
    assert held["status"] == "on_hold" and held["holds"][0]["owner"] == "sales"
    await world.good("PUT", RULES, {"rules": []})
    assert (await world.good("POST", "/v1/orders", order("2", 6)))["status"] == "allocated"
    assert (await world.good("POST", "/v1/orders", order("1", 6)))["holds"] == held["holds"]


async def test_the_other_doors_hold_too(world: World) -> None:
    await world.good("PUT", RULES, {"rules": [{"check": "payment", "keeps_stock": False}]})
    orders = [order("1"), order("2", payment="paid")]
    batch = await world.good("POST", "/v1/orders/batch", {"orders": orders})
    assert [row["status"] for row in batch["results"]] == ["on_hold", "allocated"]
    lines = "".join(json.dumps(order(name)) + "\n" for name in ("3", "4"))
    response = await world.call(
        "POST",
        "/v1/orders/stream",
        content=lines,
        headers={"content-type": "application/x-ndjson"},
    )
    rows = [json.loads(line) for line in response.text.splitlines()]
    assert [row["holds"][0]["hold_id"] for row in rows] == ["payment", "payment"]
    assert (await world.stocked("TEA-1"))["allocated"] == 4
    found = await world.good("GET", "/v1/orders?status=on_hold")
    assert [row["order_id"] for row in found["orders"]] == ["4", "3", "1"]
