"""Fulfillments over HTTP: released, listed, done step by step."""

import pytest

from tests.contract.world import World, furnished, problem_of, promise

ORDER = "/v1/orders/web/1001"


@pytest.fixture
async def world():
    async with furnished() as made:
        await promise(made)  # order 1001: three TEA-1 from berlin
        yield made


async def released(world: World, **more) -> str:
    body = {"release_id": "r1", **more}
    made = await world.call("POST", f"{ORDER}/release", json=body, scope="stock")
    assert made.status_code == 201 and made.json()["status"] == "released"
    return "/v1/fulfillments/" + made.json()["fulfillments"][0]["fulfillment_id"]


async def test_an_order_is_released_picked_packed_shipped_and_delivered(world: World) -> None:
    url = await released(world, accept_minutes=30)
    (row,) = (await world.good("GET", "/v1/fulfillments?location=berlin"))["fulfillments"]
    assert url.endswith(row["fulfillment_id"]) and row["accept_by"].endswith("Z")
    assert (await world.good("GET", ORDER))["fulfillments"] == [
        {"fulfillment_id": row["fulfillment_id"], "location": "berlin", "status": "requested"}
    ]
    for verb, status in (("accept", "released"), ("pick", "picking"), ("pack", "packed")):
        step = await world.call("POST", f"{url}/{verb}", scope="stock")
        assert (step.status_code, step.json()["order_status"]) == (200, status)
        again = await world.good("POST", f"{url}/{verb}", {})
        assert again["replayed"] is True
    parcel = {"shipment_id": "p1", "carrier": "dhl", "packages": [{"package_id": "b1"}]}
    sent = await world.call("POST", f"{url}/ship", json=parcel, scope="stock")
    assert (sent.status_code, sent.json()["status"]) == (201, "shipped")
    done = await world.good("POST", f"{url}/deliver")
    assert (done["status"], done["order_status"]) == ("delivered", "delivered")
    assert done["shipments"] == [
        {"shipment_id": "p1", "carrier": "dhl", "packages": [{"package_id": "b1"}]}
    ]
    assert (await world.good("GET", "/v1/fulfillments"))["fulfillments"] == []
    assert (await world.good("GET", url)) == {k: v for k, v in done.items() if k != "replayed"}


async def test_pages_and_filters_of_the_work_list(world: World) -> None:
    for number in range(5):
        line = [{"sku": "TEA-1", "quantity": 1}]
        order = {"order_id": f"n{number}", "channel": "web", "lines": line}
        await world.good("POST", "/v1/orders", order)
        await world.good("POST", f"/v1/orders/web/n{number}/release", {"release_id": "r"})
    seen, url = [], "/v1/fulfillments?limit=2"
    cursor = ""
    while cursor is not None:
        page = await world.good("GET", url + (f"&cursor={cursor}" if cursor else ""))
        seen += [row["order_id"] for row in page["fulfillments"]]
        cursor = page["next_cursor"]
    assert seen == [f"n{number}" for number in range(5)]
    for query, count in (("status=requested", 5), ("status=packed", 0), ("location=nowhere", 0)):
        page = await world.good("GET", f"/v1/fulfillments?{query}")
        assert len(page["fulfillments"]) == count


@pytest.mark.parametrize(
    ("verb", "body", "status", "code"),
    [
        ("pack", {}, 409, "fulfillment_status"),
        ("ship", {"shipment_id": "p"}, 409, "fulfillment_status"),
        ("ready", {}, 409, "fulfillment_status"),
        ("reject", {}, 422, "missing_field"),
        ("accept", {"when": "now"}, 422, "unknown_field"),
    ],
)
async def test_what_cannot_be_is_named(world: World, verb, body, status, code) -> None:
    url = await released(world)
    before = world.digest()
    document = problem_of(await world.call("POST", f"{url}/{verb}", json=body))
    assert (document["status"], document["code"]) == (status, code)
    none = await world.call("POST", f"/v1/fulfillments/9-9/{verb}", json=body)
    assert problem_of(none)["status"] in (404, 422)
    assert world.digest() == before
    assert problem_of(await world.call("GET", "/v1/fulfillments/9-9"))["status"] == 404
