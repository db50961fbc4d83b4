"""Channels over HTTP: put, read, and what each may show."""

import pytest

from tests.contract.world import World, furnished, problem_of

RULES = {
    "name": "Own shop",
    "priority": 200,
    "buffers": [{"percent": 10, "locations": ["berlin"]}],
    "cap": 30,
}


@pytest.fixture
async def world():
    async with furnished() as made:
        yield made


async def test_a_channel_is_put_read_and_listed(world: World) -> None:
    made = await world.call("PUT", "/v1/channels/shop", json=RULES)
    assert made.status_code == 201
    again = await world.call("PUT", "/v1/channels/shop", json=RULES)
    assert (again.status_code, again.json()["replayed"]) == (200, True)
    read = await world.good("GET", "/v1/channels/shop")
    assert {name: read[name] for name in RULES} == RULES
    listed = await world.good("GET", "/v1/channels")
    assert [row["channel"] for row in listed["channels"]] == ["web", "shop"]
    page = await world.good("GET", "/v1/channels?limit=1")
    rest = await world.good("GET", f"/v1/channels?cursor={page['next_cursor']}")
    assert [row["channel"] for row in rest["channels"]] == ["shop"]


async def test_availability_says_what_to_show_and_why_not_more(world: World) -> None:
    await world.good("PUT", "/v1/channels/shop", RULES)
    found = await world.good("GET", "/v1/availability?channel=shop&skus=TEA-1,MUG-1,SET-1,TEA-1")
    tea, mug, bundle = found["skus"]
    assert found["channel"] == "shop" and found["seq"] > 0 and found["as_of"].endswith("Z")
    assert (tea["sku"], tea["sellable"], tea["available"]) == ("TEA-1", 30, 40)
    assert tea["locations"] == [{"location": "berlin", "available": 40, "sellable": 36}]
    assert tea["withheld"] == [
        {"cause": "buffer", "units": 4, "location": "berlin", "buffer": 0},
        {"cause": "cap", "units": 6},
    ]
    assert (mug["sellable"], bundle["sellable"], bundle["available"]) == (9, 9, 10)


async def test_availability_of_known_skus_leaves_out_the_others(world: World) -> None:
    found = await world.good("GET", "/v1/availability?channel=web&known=true&skus=NOPE,TEA-1")
    assert [row["sku"] for row in found["skus"]] == ["TEA-1"]


async def test_an_order_moves_it_at_once(world: World) -> None:
    line = [{"sku": "TEA-1", "quantity": 12}]
    url = "/v1/availability?channel=web&skus=TEA-1"
    assert (await world.good("GET", url))["skus"][0]["sellable"] == 40
    await world.good("POST", "/v1/orders", {"order_id": "9", "channel": "web", "lines": line})
    assert (await world.good("GET", url))["skus"][0]["sellable"] == 28


@pytest.mark.parametrize(
    ("url", "status", "code", "path"),
    [
        ("/v1/channels/none", 404, "unknown_channel", "channel"),
        ("/v1/availability?channel=none&skus=TEA-1", 404, "unknown_channel", "channel"),
        ("/v1/availability?channel=web&skus=TEA-1,NOPE", 404, "unknown_sku", "skus"),
        ("/v1/availability?channel=web&skus=", 422, "invalid_length", "skus"),
        ("/v1/availability?channel=web", 422, "missing_field", "skus"),
        ("/v1/availability?skus=TEA-1", 422, "missing_field", "channel"),
        ("/v1/availability?channel=web&skus=" + "A," * 1_001, 404, "unknown_sku", "skus"),
        (
            "/v1/availability?channel=web&skus=" + ",".join(f"S{n}" for n in range(1_001)),
            422,
            "invalid_length",
            "skus",
        ),
    ],
)
async def test_what_is_not_there_is_named(world: World, url, status, code, path) -> None:
    document = problem_of(await world.call("GET", url))
    assert (document["status"], document["code"]) == (status, code)
    assert document["errors"][0]["path"] == path


async def test_a_rule_for_what_does_not_exist_changes_nothing(world: World) -> None:
    before = world.digest()
    for body, path in (
        ({"locations": ["berlin", "nowhere"]}, "locations[1]"),
        ({"buffers": [{"units": 1, "skus": ["NOPE"]}]}, "buffers[0].skus[0]"),
        ({"buffers": [{"season": {"first": "13-01", "last": "12-31"}}]}, "buffers[0].season.first"),
        ({"buffers": [{"percent": 101}]}, "buffers[0].percent"),
    ):
        document = problem_of(await world.call("PUT", "/v1/channels/shop", json=body))
        assert document["status"] == 422
        assert document["errors"][0]["path"] == path
    assert world.digest() == before
