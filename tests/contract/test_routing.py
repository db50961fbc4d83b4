"""Routing policies over HTTP: put, used, previewed, explained."""

import httpx
import pytest

from engine.cli.explain import explain
from engine.core.errors import ConfigError
from tests.contract.world import BY_NAME, World, furnished, order, problem_of
from tests.processes import Dibs

POLICY = BY_NAME["put_routing_policy"].example
URL = "/v1/routing/policies/main"
BERLIN = {"country": "DE", "postcode": "10115"}


@pytest.fixture
async def world():
    async with furnished() as made:
        await made.good("PUT", URL, POLICY)
        await made.good("PUT", "/v1/channels/web", {"policy": "main"})
        yield made


async def test_a_policy_is_put_read_and_changed(world: World) -> None:
    again = await world.call("PUT", URL, json=POLICY)
    assert (again.status_code, again.json()["replayed"]) == (200, True)
    read = await world.good("GET", URL)
    assert {name: read[name] for name in POLICY} == POLICY
    old = await world.call("PUT", URL, json={**POLICY, "note": "other"})
    assert problem_of(old)["code"] == "invalid_policy"
    assert (await world.good("PUT", URL, {**POLICY, "version": 4}))["version"] == 4
    missing = await world.call("GET", "/v1/routing/policies/none")
    assert (missing.status_code, problem_of(missing)["code"]) == (404, "unknown_policy")


async def test_an_order_says_why(world: World) -> None:
    body = order(ship_to=BERLIN)
    shown = await world.good(
        "POST", "/v1/routing/preview", {k: v for k, v in body.items() if k != "order_id"}
    )
    made = await world.good("POST", "/v1/orders", body)
    assert shown["lines"] == made["lines"]
    found = await world.good("GET", "/v1/orders/web/7/decisions")
    (decision,) = found["decisions"]
    assert decision.pop("seq") == made["seq"]
    assert decision == shown["decision"]
    assert decision["sentence"].startswith("All from berlin: the best of 1 candidate by")
    batch = await world.good("POST", "/v1/orders/batch", [order("8", ship_to=BERLIN)])
    assert batch["results"][0]["status"] == "allocated"
    missing = await world.call("GET", "/v1/orders/web/none/decisions")
    assert (missing.status_code, problem_of(missing)["code"]) == (404, "unknown_order")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"ship_to": None}, 409, "insufficient_stock"),
        ({"policy": "none"}, 422, "unknown_policy"),
        ({"strategy": "none"}, 422, "unknown_strategy"),
    ],
)
async def test_what_cannot_be_routed_is_refused(world: World, body, status, code) -> None:
    before = world.digest()
    whole = order(**{"ship_to": BERLIN} | body)
    refused = problem_of(await world.call("POST", "/v1/orders", json=whole))
    assert (refused["status"], refused["code"]) == (status, code)
    del whole["order_id"]
    again = problem_of(await world.call("POST", "/v1/routing/preview", json=whole))
    assert again == refused
    assert world.digest() == before


def test_dibs_explain_prints_the_sentence(tmp_path) -> None:
    with Dibs(tmp_path) as dibs:
        headers = {"authorization": f"Bearer {dibs.key}"}
        with httpx.Client(base_url=dibs.url, headers=headers) as http:
            for method, path, body in (
                ("PUT", "/v1/locations/berlin", BY_NAME["put_location"].example),
                ("PUT", "/v1/skus/TEA-1", {"title": "Tea", "backorderable": True}),
                ("PUT", "/v1/locations/hamburg", BY_NAME["put_location"].example),
                ("PUT", URL, POLICY),
                ("POST", "/v1/orders", order("1")),
                ("POST", "/v1/orders", order("2", policy="main", ship_to=BERLIN)),
            ):
                assert http.request(method, path, json=body).status_code == 201
        plain = explain(dibs.url, "", dibs.folder, "web", "1")
        assert plain[0].startswith("No routing policy applies to it")
        assert explain(dibs.url, dibs.key, tmp_path, "web", "2")[0].startswith("Not routed: ")
        with pytest.raises(ConfigError, match="has no order"):
            explain(dibs.url, "", dibs.folder, "web", "none")
