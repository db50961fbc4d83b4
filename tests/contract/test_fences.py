"""Fences over HTTP: set aside, kept, shown, and what is said about it."""

import pytest

from tests.contract.world import World, problem_of

URL = "/v1/channels/market/fences/TEA-1"


async def order(world: World, channel: str, name: str, units: int):
    body = {"order_id": name, "channel": channel, "lines": [{"sku": "TEA-1", "quantity": units}]}
    return await world.call("POST", "/v1/orders", json=body)


@pytest.fixture
async def fenced(world: World) -> World:
    """Of forty units of tea, thirty are set aside for the market."""
    await world.good("PUT", "/v1/channels/market", {})
    made = await world.call("PUT", URL, json={"quantity": 30})
    assert made.status_code == 201
    return world


async def test_a_fence_is_put_and_listed(fenced: World) -> None:
    again = await fenced.call("PUT", URL, json={"quantity": 30})
    assert (again.status_code, again.json()["replayed"]) == (200, True)
    await order(fenced, "market", "1", 4)
    page = await fenced.good("GET", "/v1/fences")
    (row,) = page["fences"]
    assert (row["channel"], row["sku"], row["status"]) == ("market", "TEA-1", "open")
    assert (row["quantity"], row["used"], row["left"], row["covered"]) == (30, 4, 26, 26)
    for query, count in (("sku=TEA-1", 1), ("sku=MUG-1", 0), ("channel=web", 0)):
        assert len((await fenced.good("GET", f"/v1/fences?{query}"))["fences"]) == count


async def test_an_order_of_another_channel_is_refused_and_told_why(fenced: World) -> None:
    problem = problem_of(await order(fenced, "web", "1", 11))
    assert (problem["status"], problem["code"]) == (409, "insufficient_stock")
    (error,) = problem["errors"]
    assert (error["path"], error["available"]) == ("lines[0]", 10)
    assert error["detail"] == "not enough available; 30 units are set aside for other channels"
    assert (await order(fenced, "web", "1", 10)).status_code == 201
    assert (await order(fenced, "market", "1", 30)).status_code == 201


async def test_each_channel_is_shown_what_is_for_it(fenced: World) -> None:
    url = "/v1/availability?skus=TEA-1&channel="
    (row,) = (await fenced.good("GET", url + "web"))["skus"]
    assert (row["sellable"], row["withheld"]) == (10, [{"cause": "fenced", "units": 30}])
    (row,) = (await fenced.good("GET", url + "market"))["skus"]
    assert (row["sellable"], row["own_fence"]) == (40, 30)
    await fenced.good("PUT", URL, {"quantity": 30, "fall_back": False})
    (row,) = (await fenced.good("GET", url + "market"))["skus"]
    assert (row["sellable"], row["withheld"]) == (30, [{"cause": "fence_only", "units": 10}])


@pytest.mark.parametrize(
    ("url", "body", "status", "code", "path"),
    [
        ("/v1/channels/none/fences/TEA-1", {}, 404, "unknown_channel", "channel"),
        ("/v1/channels/market/fences/NONE", {}, 422, "unknown_sku", "sku"),
        ("/v1/channels/market/fences/SET-1", {}, 409, "fenced_sku", "sku"),
        (URL, {"location": "moon"}, 422, "unknown_location", "location"),
        (URL, {"location": "berlin"}, 409, "fences_mixed", "location"),
        (URL, {"quantity": -1}, 422, "out_of_range", "quantity"),
        (
            URL,
            {"starts_at": "2027-01-02T00:00:00Z", "ends_at": "2027-01-01T00:00:00Z"},
            422,
            "invalid_value",
            "ends_at",
        ),
    ],
)
async def test_what_cannot_be_is_named(fenced: World, url, body, status, code, path) -> None:
    before = fenced.digest()
    problem = problem_of(await fenced.call("PUT", url, json={"quantity": 5, **body}))
    assert (problem["status"], problem["code"]) == (status, code)
    assert problem["errors"][0]["path"] == path
    assert fenced.digest() == before


async def test_a_fenced_sku_does_not_become_backorderable(fenced: World) -> None:
    body = {"title": "Tea", "backorderable": True}
    problem = problem_of(await fenced.call("PUT", "/v1/skus/TEA-1", json=body))
    assert (problem["status"], problem["code"]) == (409, "fenced_sku")
