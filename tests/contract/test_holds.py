"""Holds over HTTP: put on, seen, in the way of shipping, ended."""

import pytest

from tests.contract.world import World, furnished, problem_of, promise

ORDER = "/v1/orders/web/1001"
HOLD = {"hold_id": "h1", "reason": "payment", "owner": "risk", "minutes": 5, "then": "cancel"}


@pytest.fixture
async def world():
    async with furnished() as made:
        await promise(made)  # order 1001: three TEA-1 from berlin
        yield made


async def allocated(world: World) -> int:
    return (await world.good("GET", "/v1/stock/TEA-1"))["allocated"]


async def test_a_hold_stops_shipping_until_it_ends(world: World) -> None:
    made = await world.call("POST", f"{ORDER}/holds", json=HOLD, scope="sell")
    assert made.status_code == 201 and made.json()["status"] == "on_hold"
    (shown,) = (await world.good("GET", ORDER))["holds"]
    assert shown.pop("until").endswith("Z")
    assert shown == {
        "hold_id": "h1",
        "reason": "payment",
        "then": "cancel",
        "keeps_stock": True,
        "owner": "risk",
    }
    assert await allocated(world) == 3
    refused = await world.call("POST", f"{ORDER}/shipments", json={"shipment_id": "p"})
    assert problem_of(refused)["code"] == "order_status"
    again = await world.call("POST", f"{ORDER}/holds", json=HOLD)
    assert (again.status_code, again.json()["replayed"]) == (201, True)
    other = await world.call("POST", f"{ORDER}/holds", json={**HOLD, "owner": "another"})
    assert problem_of(other)["code"] == "idempotency_conflict"
    ended = await world.good("POST", f"{ORDER}/holds/h1/release")
    assert ended["status"] == "allocated" and "holds" not in ended
    ended = await world.good("POST", f"{ORDER}/holds/h1/release", {})
    assert ended["replayed"] is True


async def test_stock_is_given_back_and_taken_again(world: World) -> None:
    body = {"hold_id": "h", "reason": "review", "keeps_stock": False}
    held = await world.good("POST", f"{ORDER}/holds", body)
    assert (held["lines"][0]["backordered"], held["lines"][0]["allocations"]) == (3, [])
    assert await allocated(world) == 0
    await world.good("POST", f"{ORDER}/holds/h/release")
    assert await allocated(world) == 3
    listed = await world.good("GET", "/v1/orders?status=on_hold")
    assert listed["orders"] == []


async def test_a_repeated_order_is_answered_as_at_first(world: World) -> None:
    order = {"order_id": "7", "channel": "web", "lines": [{"sku": "TEA-1", "quantity": 2}]}
    first = await world.good("POST", "/v1/orders", order)
    body = {"hold_id": "h", "reason": "review", "keeps_stock": False}
    await world.good("POST", "/v1/orders/web/7/holds", body)
    again = await world.good("POST", "/v1/orders", order)
    assert again == {**first, "replayed": True}


async def test_a_held_order_can_be_cancelled(world: World) -> None:
    await world.good("POST", f"{ORDER}/holds", HOLD)
    part = {"lines": [{"sku": "TEA-1", "quantity": 1}]}
    assert (await world.good("POST", f"{ORDER}/cancel", part))["status"] == "on_hold"
    gone = await world.good("POST", f"{ORDER}/cancel", {})
    assert gone["status"] == "cancelled" and "holds" not in gone
    for url, body in (
        (f"{ORDER}/holds", {**HOLD, "hold_id": "h2"}),
        (f"{ORDER}/holds/h1/release", {}),
    ):
        assert problem_of(await world.call("POST", url, json=body))["code"] == "order_closed"


@pytest.mark.parametrize(
    ("url", "body", "status", "code"),
    [
        ("/v1/orders/web/none/holds", HOLD, 404, "unknown_order"),
        ("/v1/orders/web/none/holds/h1/release", {}, 404, "unknown_order"),
        (f"{ORDER}/holds/none/release", {}, 404, "unknown_hold"),
        (f"{ORDER}/holds", {**HOLD, "reason": "whim"}, 422, "invalid_value"),
        (f"{ORDER}/holds", {**HOLD, "minutes": 0}, 422, "out_of_range"),
        (f"{ORDER}/holds", {"reason": "review"}, 422, "missing_field"),
        (f"{ORDER}/holds/h1/release", {"how": "now"}, 422, "unknown_field"),
    ],
)
async def test_what_cannot_be_is_named(world: World, url, body, status, code) -> None:
    before = world.digest()
    document = problem_of(await world.call("POST", url, json=body))
    assert (document["status"], document["code"]) == (status, code)
    assert world.digest() == before
