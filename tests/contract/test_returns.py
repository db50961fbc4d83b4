"""Returns over HTTP."""

import pytest

from tests.contract.world import RETURN, TWO_TEA, World, bring_back, furnished, problem_of, promise

ONE = f"{RETURN}/rma-1"


@pytest.fixture
async def world():
    async with furnished() as made:
        await promise(made)  # order 1001: three TEA-1 from berlin, of 40
        yield made


async def test_a_return_goes_its_way(world: World) -> None:
    await bring_back(world)
    before = await world.stocked("TEA-1")
    label = {"carrier": "dhl", "tracking_number": "T1"}
    approved = await world.call("POST", f"{ONE}/approve", json=label, scope="sell")
    assert (approved.status_code, approved.json()["carrier"]) == (200, "dhl")
    goods = {"receipt_id": "p", "location": "hamburg", "lines": TWO_TEA}
    came = await world.call("POST", f"{ONE}/receipts", json=goods, scope="stock")
    assert (came.status_code, came.json()["status"]) == (201, "received")
    after = await world.stocked("TEA-1")
    assert after["available"] == before["available"]
    assert after["on_hand"] == before["on_hand"] + 2
    look = {
        "inspection_id": "l",
        "location": "hamburg",
        "lines": [
            {"sku": "TEA-1", "quantity": 1, "disposition": "restock"},
            {"sku": "TEA-1", "quantity": 1, "disposition": "scrap", "reason": "open"},
        ],
    }
    closed = await world.call("POST", f"{ONE}/inspections", json=look, scope="stock")
    assert (closed.status_code, closed.json()["status"]) == (201, "closed")
    again = await world.call("POST", f"{ONE}/inspections", json=look)
    assert (again.status_code, again.json()["replayed"]) == (201, True)
    stock = await world.good("GET", "/v1/stock/TEA-1")
    assert [row["available"] for row in stock["locations"] if row["location"] == "hamburg"] == [1]
    refund = {"refund_id": "m", "amount": 499, "currency": "EUR"}
    money = await world.call("POST", f"{ONE}/refunds", json=refund, scope="sell")
    assert money.json()["refunds"] == [refund]
    assert (await world.good("GET", ONE))["refunds"] == [refund]
    assert (await world.good("GET", "/v1/orders/web/1001"))["status"] == "shipped"


async def test_refusals_name_the_field_and_the_fix(world: World) -> None:
    body = {"return_id": "r", "reason": "late"}
    early = problem_of(await world.call("POST", RETURN, json=body))
    assert (early["status"], early["code"]) == (409, "not_returnable")
    await bring_back(world)
    more = problem_of(await world.call("POST", RETURN, json={**body, "lines": TWO_TEA}))
    assert more["errors"][0] | {"detail": ""} == {
        "path": "lines[0].quantity",
        "detail": "",
        "sku": "TEA-1",
        "requested": 2,
        "available": 1,
    }
    none = problem_of(await world.call("POST", f"{RETURN}/none/close"))
    assert (none["status"], none["code"]) == (404, "unknown_return")
    gone = problem_of(await world.call("GET", f"{RETURN}/none"))
    assert (gone["status"], gone["code"]) == (404, "unknown_return")
    await world.good("POST", f"{ONE}/reject", {"reason": "worn"})
    goods = {"receipt_id": "p", "location": "hamburg", "lines": TWO_TEA}
    late = problem_of(await world.call("POST", f"{ONE}/receipts", json=goods))
    assert (late["status"], late["code"]) == (409, "return_status")


async def test_returns_are_listed(world: World) -> None:
    await bring_back(world)
    await world.good("POST", RETURN, {"return_id": "rma-2", "reason": "late"})
    page = await world.good("GET", "/v1/returns?limit=1")
    assert [one["return_id"] for one in page["returns"]] == ["rma-2"]
    rest = await world.good("GET", f"/v1/returns?cursor={page['next_cursor']}")
    assert [one["return_id"] for one in rest["returns"]] == ["rma-1"]
    assert rest["next_cursor"] is None
    open_ = await world.good("GET", "/v1/returns?status=requested&channel=web")
    assert [one["return_id"] for one in open_["returns"]] == ["rma-2"]
    mine = await world.good("GET", "/v1/returns?channel=web&order_id=1001")
    assert [one["return_id"] for one in mine["returns"]] == ["rma-2", "rma-1"]
    assert (await world.good("GET", "/v1/returns?channel=shop"))["returns"] == []
