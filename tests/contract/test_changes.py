"""Edits, merges and splits over HTTP."""

import pytest

from tests.contract.world import World, furnished, problem_of, promise

ORDER = "/v1/orders/web/1001"


@pytest.fixture
async def world():
    async with furnished() as made:
        await promise(made)  # order 1001: three TEA-1 from berlin
        yield made


async def allocated(world: World) -> int:
    return (await world.good("GET", "/v1/stock/TEA-1"))["allocated"]


async def test_an_edit_changes_lines_price_and_address_in_one_step(world: World) -> None:
    body = {
        "edit_id": "e1",
        "lines": [{"sku": "TEA-1", "quantity": 2, "unit_price": 450}],
        "ship_to": {"city": "Ghent", "country": "BE"},
        "reason": "customer called",
    }
    edited = await world.call("PATCH", ORDER, json=body, scope="sell")
    assert edited.status_code == 200
    (line,) = edited.json()["lines"]
    assert (line["cancelled"], line["unit_price"]) == (1, 450)
    assert edited.json()["ship_to"] == {"city": "Ghent", "country": "BE"}
    assert await allocated(world) == 2
    again = await world.call("PATCH", ORDER, json=body)
    assert (again.status_code, again.json()["replayed"]) == (200, True)
    other = await world.call("PATCH", ORDER, json={**body, "note": "x"})
    assert problem_of(other)["code"] == "idempotency_conflict"


async def test_an_edit_of_another_version_changes_nothing(world: World) -> None:
    seen = (await world.good("GET", ORDER))["seq"]
    body = {"edit_id": "e1", "note": "ring twice", "expected_seq": seen}
    await world.good("PATCH", ORDER, body)
    late = await world.call("PATCH", ORDER, json={**body, "edit_id": "e2", "note": "do not ring"})
    problem = problem_of(late)
    assert (late.status_code, problem["code"]) == (409, "stale_order")
    assert problem["errors"][0]["path"] == "expected_seq"
    assert (await world.good("GET", ORDER))["note"] == "ring twice"


async def test_bad_edits_name_the_line(world: World) -> None:
    for line, status, code in (
        ({"sku": "TEA-1", "quantity": 1_000_000}, 409, "insufficient_stock"),
        ({"sku": "none", "quantity": 1}, 422, "unknown_sku"),
        ({"sku": "TEA-1", "line_id": "none"}, 422, "unknown_line"),
    ):
        refused = await world.call("PATCH", ORDER, json={"edit_id": "e", "lines": [line]})
        problem = problem_of(refused)
        assert (refused.status_code, problem["code"]) == (status, code)
        assert problem["errors"][0]["path"].startswith("lines[0]")
    assert await allocated(world) == 3


async def test_an_order_is_split_and_merged_again(world: World) -> None:
    split = {
        "split_id": "s1",
        "new_order_id": "1001-b",
        "lines": [{"sku": "TEA-1", "quantity": 1}],
    }
    made = await world.call("POST", f"{ORDER}/split", json=split, scope="sell")
    assert (made.status_code, made.json()["order_id"]) == (201, "1001-b")
    assert made.json()["lines"][0]["quantity"] == 1
    again = await world.call("POST", f"{ORDER}/split", json=split)
    assert (again.status_code, again.json()["replayed"]) == (201, True)
    merge = {"merge_id": "m1", "from_order_id": "1001-b"}
    whole = await world.call("POST", f"{ORDER}/merge", json=merge, scope="sell")
    assert whole.status_code == 200
    assert sum(a["quantity"] for one in whole.json()["lines"] for a in one["allocations"]) == 3
    assert await allocated(world) == 3
    gone = await world.good("GET", "/v1/orders/web/1001-b")
    assert gone["status"] == "cancelled"
