"""The document tells the truth: it is valid, whole, its examples are accepted, and what a fuzzer
makes of it never finds a 5xx or an answer that the document does not describe.
"""

import json
from typing import Any

import jsonschema_rs
import msgspec
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import CHECKS

from api import problems
from api.endpoint import Endpoint
from api.lines import NDJSON
from api.table import ENDPOINTS
from tests.contract.world import BY_NAME, World, bring_back, furnish, promise, url_of

DOCUMENT = msgspec.json.decode(World().app.front.document)
TYPED = [e for e in ENDPOINTS if isinstance(e.answer, type) and e.answer_example is not None]


def name_of(case) -> str:
    return case.name if isinstance(case, Endpoint) else ""


def operation(endpoint: Endpoint) -> dict[str, Any]:
    return DOCUMENT["paths"][endpoint.path][endpoint.method.lower()]


def valid(schema: dict, value: Any) -> None:
    """Check a value against a schema of the document."""
    whole = schema | {"components": DOCUMENT["components"]}
    jsonschema_rs.Draft202012Validator(whole, validate_formats=True).validate(value)


def test_it_is_openapi_3_1_and_every_reference_leads_somewhere() -> None:
    assert DOCUMENT["openapi"] == "3.1.0"
    text = json.dumps(DOCUMENT)
    for part in text.split('"$ref": "')[1:]:
        ref = part.partition('"')[0]
        assert ref.removeprefix("#/components/schemas/") in DOCUMENT["components"]["schemas"], ref
    for schema in DOCUMENT["components"]["schemas"].values():
        jsonschema_rs.Draft202012Validator(schema | {"components": DOCUMENT["components"]})
    schemathesis.openapi.from_dict(DOCUMENT).validate()


def test_every_call_is_described() -> None:
    described = {
        (method.upper(), path) for path, item in DOCUMENT["paths"].items() for method in item
    }
    assert described == {(e.method, e.path) for e in ENDPOINTS}
    for endpoint in ENDPOINTS:
        found = operation(endpoint)
        assert found["summary"] and found["operationId"] == endpoint.name
        assert bool(found.get("security")) == bool(endpoint.scope)
        if endpoint.scope:
            assert f"`{endpoint.scope}`" in found["description"]
        assert ("requestBody" in found) == (endpoint.body is not None)
        assert {p["name"] for p in found["parameters"]} >= {
            p.name for p in (*endpoint.params, *endpoint.query, *endpoint.headers)
        }


def test_every_problem_stands_somewhere_with_an_example() -> None:
    seen: dict[str, int] = {}
    for endpoint in ENDPOINTS:
        for status, response in operation(endpoint)["responses"].items():
            media = response["content"].get("application/problem+json")
            for code, example in (media or {}).get("examples", {}).items():
                valid(media["schema"], example["value"])
                assert example["value"]["status"] == int(status)
                seen[code] = int(status)
    anywhere = set(problems.ANYWHERE_CODES)
    assert set(seen) | anywhere == set(problems.TABLE)
    for code in anywhere:
        assert f"`{code}`" in DOCUMENT["info"]["description"]


EXAMPLES = [e for e in ENDPOINTS if e.example or (e.name.endswith("_fulfillment") and e.body)]
BEFORE = {
    "pack_fulfillment": ("pick",),
    "short_fulfillment": ("pick",),
    "ready_fulfillment": ("pick", "pack"),
    "ship_fulfillment": ("pick", "pack"),
    "handover_fulfillment": ("pick", "pack", "ready"),
    "deliver_fulfillment": ("pick", "pack", "ship"),
}


async def brought(world: World, name: str) -> str:
    """Release order 1001 and bring its fulfillment to where the call `name` can go on; return its
    id."""
    pickup = name in ("ready_fulfillment", "handover_fulfillment")
    body = {"release_id": "r0", "pickup": pickup}
    made = await world.good("POST", "/v1/orders/web/1001/release", body)
    found = made["fulfillments"][0]["fulfillment_id"]
    for verb in BEFORE.get(name, ()):
        body = {"shipment_id": "p0"} if verb == "ship" else {}
        await world.good("POST", f"/v1/fulfillments/{found}/{verb}", body)
    return found


async def fall_short(world: World) -> None:
    """Let another order have all that is left, and order 1001 want more and come first."""
    left = (await world.good("GET", "/v1/stock/TEA-1"))["available"]
    line = [{"sku": "TEA-1", "quantity": left}]
    await world.good("POST", "/v1/orders", {"order_id": "1002", "channel": "web", "lines": line})
    more = {"edit_id": "e0", "priority": 5, "when_short": "backorder"}
    more["lines"] = [{"sku": "TEA-1", "quantity": 5}]
    await world.good("PATCH", "/v1/orders/web/1001", more)


@pytest.mark.parametrize("endpoint", EXAMPLES, ids=name_of)
async def test_examples_of_bodies_are_accepted_by_the_real_thing(
    world: World, endpoint: Endpoint
) -> None:
    media = operation(endpoint)["requestBody"]["content"][endpoint.media]
    valid(media["schema"], media["example"])
    if endpoint.name not in ("reserve", "place_order", "place_orders", "stream_orders"):
        await promise(world)
    if endpoint.name == "sign_in":
        world.sign_in("ada", "admin")
    if endpoint.name == "commit":
        await world.good("POST", "/v1/orders/web/1001/cancel")
        media["example"]["order_id"] = "1002"
    if endpoint.name == "merge_orders":
        line = [{"sku": "TEA-1", "quantity": 1}]
        order = {"order_id": "1002", "channel": "web", "lines": line}
        await world.good("POST", "/v1/orders", order)
    if endpoint.name == "reallocate_order":
        await fall_short(world)
    if endpoint.name == "open_return":
        await world.good("POST", "/v1/orders/web/1001/shipments", {"shipment_id": "s"})
    elif endpoint.noun == "returns":
        await bring_back(world, received=endpoint.name == "inspect_return")
    headers, url = {"content-type": endpoint.media}, url_of(endpoint)
    if "{fulfillment_id}" in endpoint.path:
        url = url_of(endpoint, fulfillment_id=await brought(world, endpoint.name))
    if endpoint.name == "change_password":  # no key has one
        headers |= world.sign_in("ada", "viewer")
        response = await world.http.request("POST", url, json=media["example"], headers=headers)
    else:
        response = await world.call(endpoint.method, url, json=media["example"], headers=headers)
    assert response.status_code in (endpoint.status, endpoint.also), response.text
    answer = operation(endpoint)["responses"][str(response.status_code)]["content"]
    valid(answer[endpoint.media]["schema"], response.json())


@pytest.mark.parametrize("endpoint", TYPED, ids=name_of)
def test_examples_of_answers_are_of_their_type(endpoint: Endpoint) -> None:
    example = endpoint.answer_example
    assert msgspec.to_builtins(msgspec.convert(example, endpoint.answer), str_keys=True)
    unknown = set(example) - {f.encode_name for f in msgspec.structs.fields(endpoint.answer)}
    assert not unknown
    schema = {"$ref": f"#/components/schemas/{endpoint.answer.__name__}"}
    valid(schema, example)


@pytest.mark.parametrize("name", ["receipt", "count", "adjustment", "transfer", "place_order"])
async def test_examples_of_answers_have_the_shape_of_real_ones(world: World, name: str) -> None:
    endpoint = BY_NAME[name]
    real = await world.good(endpoint.method, url_of(endpoint), endpoint.example)
    example = endpoint.answer_example
    assert set(example) <= set(real)
    assert set(example["lines"][0]) <= set(real["lines"][0])


ENDLESS = ("stream_stock", "live")


@pytest.mark.parametrize(
    "endpoint", [e for e in ENDPOINTS if e.query and e.name not in ENDLESS], ids=name_of
)
async def test_examples_of_parameters_are_accepted_where_there_is_nothing(
    endpoint: Endpoint,
) -> None:
    bare, url = World(), url_of(endpoint)
    must = {p.name: p.example for p in endpoint.query if p.default is msgspec.NODEFAULT}
    for param in endpoint.query:
        if param.example is not None:
            response = await bare.call("GET", url, params=must | {param.name: param.example})
            assert response.status_code in (200, 404), (param.name, response.text)


# Fuzzing by the document.


@schemathesis.serializer(NDJSON)
def as_one_line(context, value: Any) -> bytes:
    """A body in lines that has one of them."""
    return json.dumps(value).encode() + b"\n"


WORLD = World()
SCHEMA = schemathesis.openapi.from_asgi("/openapi.json", WORLD.app).exclude(
    operation_id=list(ENDLESS)
)
# A body that the schema forbids and the front accepts, or the other way round, is found by
# these; the checks for 5xx and for undescribed answers are among them.
WANTED = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
    "negative_data_rejection",
    "ignored_auth",
    "unsupported_method",
)


@pytest.fixture(scope="module")
def furnished_world():
    import asyncio

    asyncio.run(furnish(WORLD))
    asyncio.run(promise(WORLD))


@SCHEMA.parametrize()
@settings(
    max_examples=10,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
def test_fuzzed_calls_are_answered_as_described(case, furnished_world) -> None:
    wanted = set(WANTED)
    if case.operation.path in ("/v1/orders/batch", "/v1/orders/stream"):
        wanted.discard("negative_data_rejection")  # a bad order is refused inside a 200
    case.call_and_validate(
        headers={"Authorization": f"Bearer {WORLD.tokens['admin']}"},
        checks=[CHECKS.get_one(name) for name in WANTED if name in wanted],
    )
