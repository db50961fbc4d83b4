"""Shipments over HTTP: parts leave, the rest follows, and a repeated call sends nothing twice."""

import pytest

from tests.contract.world import World, furnished, problem_of, promise, quantities

URL = "/v1/orders/web/1001/shipments"


@pytest.fixture
async def world():
    async with furnished() as made:
        await promise(made)  # order 1001: three TEA-1 from berlin; a cart holds three more
        yield made


async def stock(world: World) -> dict:
    """The buckets of TEA-1."""
    found = await world.good("GET", "/v1/stock/TEA-1")
    return {name: found[name] for name in quantities()}


async def test_an_order_leaves_in_two_parcels(world: World) -> None:
    body = {
        "shipment_id": "parcel-1",
        "lines": [{"sku": "TEA-1", "quantity": 2}],
        "carrier": "dhl",
        "tracking_number": "T-1",
    }
    first = await world.call("POST", URL, json=body, scope="stock")
    assert first.status_code == 201
    answer = first.json()
    assert answer.pop("seq") > 0
    assert answer == {
        "shipment_id": "parcel-1",
        "channel": "web",
        "order_id": "1001",
        "status": "partially_shipped",
        "lines": [{"sku": "TEA-1", "quantity": 2, "location": "berlin"}],
        "carrier": "dhl",
        "tracking_number": "T-1",
    }
    assert await stock(world) == quantities(on_hand=38, reserved=3, allocated=1)
    again = await world.call("POST", URL, json=body, scope="stock")
    assert (again.status_code, again.json()["replayed"]) == (201, True)
    assert await stock(world) == quantities(on_hand=38, reserved=3, allocated=1)
    rest = await world.good("POST", URL, {"shipment_id": "parcel-2"})
    assert rest["status"] == "shipped"
    order = await world.good("GET", "/v1/orders/web/1001")
    assert (order["status"], order["lines"][0]["shipped"]) == ("shipped", 3)
    assert "allocations" in order["lines"][0] and not order["lines"][0]["allocations"]
    listed = await world.good("GET", "/v1/orders?status=shipped")
    assert [row["order_id"] for row in listed["orders"]] == ["1001"]


@pytest.mark.parametrize(
    ("url", "body", "status", "code"),
    [
        ("/v1/orders/web/none/shipments", {"shipment_id": "p"}, 404, "unknown_order"),
        (URL, {"shipment_id": "p", "location": "nowhere"}, 422, "unknown_location"),
        (URL, {"shipment_id": "p", "location": "hamburg"}, 409, "quantity_not_held"),
        (
            URL,
            {"shipment_id": "p", "lines": [{"sku": "TEA-1", "quantity": 4}]},
            409,
            "quantity_not_held",
        ),
        (
            URL,
            {"shipment_id": "p", "lines": [{"sku": "TEA-1", "quantity": 0}]},
            422,
            "out_of_range",
        ),
        (URL, {}, 422, "missing_field"),
    ],
)
async def test_what_cannot_leave_is_named(world: World, url, body, status, code) -> None:
    before = world.digest()
    document = problem_of(await world.call("POST", url, json=body, scope="stock"))
    assert (document["status"], document["code"]) == (status, code)
    assert world.digest() == before


async def test_a_closed_order_ships_nothing_more(world: World) -> None:
    await world.good("POST", URL, {"shipment_id": "all"})
    for url, body in ((URL, {"shipment_id": "more"}), ("/v1/orders/web/1001/cancel", {})):
        document = problem_of(await world.call("POST", url, json=body))
        assert document["code"] == "order_closed"


async def test_selling_alone_does_not_let_ship(world: World) -> None:
    response = await world.call("POST", URL, json={"shipment_id": "p"}, scope="sell")
    assert problem_of(response)["code"] == "forbidden"
