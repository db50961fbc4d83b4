"""Backorders over HTTP: turns, promises, dated availability."""

import pytest

from tests.contract.world import furnished, problem_of


@pytest.fixture
async def world():
    async with furnished() as made:
        yield made


async def test_who_waits_and_until_when(world) -> None:
    await world.good("PUT", "/v1/channels/web", {})
    due = "2027-03-01T08:00:00Z"
    body = {"location": "berlin", "expected_at": due, "lines": [{"sku": "TEA-1", "quantity": 1000}]}
    await world.good("PUT", "/v1/purchase-orders/PO-1", body)
    order = {"order_id": "b1", "channel": "web", "when_short": "backorder", "priority": 3}
    lines = [{"sku": "TEA-1", "quantity": 900}]
    placed = await world.good("POST", "/v1/orders", {**order, "lines": lines})
    assert "promised_at" not in placed["lines"][0]
    waits = placed["lines"][0]["backordered"]
    read = await world.good("GET", "/v1/orders/web/b1")
    assert read["lines"][0]["promised_at"] == due
    found = await world.good("GET", "/v1/orders/web/b1/promises")
    assert (found["promised_at"], found["lines"][0]["units"]) == (due, waits)
    (row,) = (await world.good("GET", "/v1/backorders"))["backorders"]
    assert (row["sku"], row["units"], row["covered_at"]) == ("TEA-1", waits, due)
    turns = await world.good("GET", "/v1/backorders/TEA-1?limit=1")
    assert [turn["order_id"] for turn in turns["turns"]] == ["b1"]
    url = "/v1/availability?channel=web&skus=TEA-1&by="
    shown = await world.good("GET", url + due)
    assert shown["skus"][0]["promisable"] == 1000 - waits
    shown = await world.good("GET", url + "2027-02-01T00:00:00Z")
    assert shown["skus"][0]["promisable"] == 0


async def test_bad_questions_are_named(world) -> None:
    for url, status, code in (
        ("/v1/orders/web/none/promises", 404, "unknown_order"),
        ("/v1/backorders/NOPE", 404, "unknown_sku"),
        ("/v1/backorders?limit=0", 422, "out_of_range"),
    ):
        refused = await world.call("GET", url)
        assert (refused.status_code, problem_of(refused)["code"]) == (status, code)
