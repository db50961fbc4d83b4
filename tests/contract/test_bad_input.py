"""Bad input: every field of every call gets a problem with a stable code and the field's path, and
changes nothing (the ledger's digest stays). Never a 5xx.

Method: the table of fields is walked out of the endpoint table's types, so a new field or call is
tested by being there.
"""

import json

import pytest

from api.endpoint import Endpoint
from api.table import ENDPOINTS
from engine.core import limits, records
from engine.core.events import BucketId, Cause, Document, Movement, StockMoved
from tests.contract.fields import (
    Field,
    bad_values,
    fields_of,
    full_body,
    objects_of,
    render,
    text_of,
    without,
)
from tests.contract.world import BY_NAME, World, problem_of, promise, url_of

# Of a body in lines, each is the body of another call; test_order_stream has them.
WITH_BODY = [e for e in ENDPOINTS if e.body is not None and not e.lines]
FIELDS = [(e, f) for e in WITH_BODY for f in fields_of(e)]
TELLS_NO_PLACE = {"malformed_json", "too_deep"}


def name_of(case) -> str:
    return case.name if isinstance(case, Endpoint) else case.text if isinstance(case, Field) else ""


async def refused(world: World, endpoint: Endpoint, content: bytes) -> dict:
    """Send a body that must be refused; of a batch, the problem of its only order."""
    before = world.digest()
    response = await world.call(endpoint.method, url_of(endpoint), content=content)
    if endpoint.name == "place_orders" and response.status_code == 200:
        (document,) = response.json()["results"]
        assert document.get("status") in (400, 409, 422), document
        for error in document.get("errors", ()):
            error["path"] = f"orders[0].{error['path']}".removesuffix(".")
    else:
        document = problem_of(response)
    assert world.digest() == before, "a refusal changed something"
    return document


def test_the_table_of_fields_is_whole() -> None:
    named = {f"{e.name}:{f.text}" for e, f in FIELDS}
    assert len(WITH_BODY) == 55 and len(named) > 90
    assert {
        "put_sku:components[0].quantity",
        "count:lines[0].expected_on_hand",
        "place_order:ship_to.latitude",
        "place_orders:orders[0].lines[0].unit_price",
        "commit:order_id",
        "cancel_order:lines[0].quantity",
    } <= named


@pytest.mark.parametrize("endpoint", WITH_BODY, ids=name_of)
async def test_the_full_body_is_good(world: World, endpoint: Endpoint) -> None:
    """Otherwise the refusals below might be for another reason."""
    await promise(world)
    response = await world.call(endpoint.method, url_of(endpoint), json=full_body(endpoint))
    if response.status_code >= 300:
        assert response.status_code in (404, 409, 422) or endpoint.name == "sign_in"
        assert problem_of(response)["code"] not in {"invalid_type", "unknown_field"}


@pytest.mark.parametrize(("endpoint", "field"), FIELDS, ids=name_of)
async def test_every_bad_value_of_every_field(
    world: World, endpoint: Endpoint, field: Field
) -> None:
    body = full_body(endpoint)
    for raw, codes in bad_values(field):
        document = await refused(world, endpoint, render(body, field.path, raw))
        hint = f"{field.text} = {raw[:60]!r} gave {document}"
        assert document["code"] in codes, hint
        path = document["errors"][0]["path"]
        if document["code"] not in TELLS_NO_PLACE:
            inner = path.startswith(field.text + "[")  # the first item of a list of wrong items
            assert path == field.text or inner, hint


@pytest.mark.parametrize(("endpoint", "field"), FIELDS, ids=name_of)
async def test_missing_and_duplicate_fields(world: World, endpoint: Endpoint, field: Field) -> None:
    body = full_body(endpoint)
    if field.required:
        document = await refused(world, endpoint, without(body, field.path))
        assert (document["code"], document["errors"][0]["path"]) == ("missing_field", field.text)
    name = field.path[-1]
    twice = render(body, field.path, b'1,"%b":2' % name.encode())
    document = await refused(world, endpoint, twice)
    assert (document["code"], document["errors"][0]["path"]) == ("duplicate_field", field.text)
    plain = json.dumps(body).encode()
    escaped = plain.replace(
        b'"%b":' % name.encode(), b'"\\u%04x%b":' % (ord(name[0]), name[1:].encode())
    )
    document = await refused(world, endpoint, escaped)
    assert document["code"] == "escaped_field"


@pytest.mark.parametrize("endpoint", WITH_BODY, ids=name_of)
async def test_unknown_fields_in_every_object(world: World, endpoint: Endpoint) -> None:
    body = full_body(endpoint)
    for path in objects_of(endpoint):
        for name, raw in (("zzz", b"1"), ("a.b", b"null"), ("ünï", b"[]")):
            where = (*path, name)
            document = await refused(world, endpoint, render(body, where, raw))
            assert document["code"] == "unknown_field"
            assert document["errors"][0]["path"] == text_of(where)
    many = json.dumps(body)[:-1] + "".join(f',"k{i}":1' for i in range(100_000)) + "}"
    document = await refused(world, endpoint, many.encode())
    assert document["code"] in ("too_many_fields", "unknown_field")
    named = [param.name for param in endpoint.params]
    for name in named:  # what the path names is no field of the body
        document = await refused(world, endpoint, render(body, (name,), b'"x"'))
        assert (document["code"], document["errors"][0]["path"]) == ("unknown_field", name)


@pytest.mark.parametrize("endpoint", WITH_BODY, ids=name_of)
async def test_bodies_that_are_no_json_object(world: World, endpoint: Endpoint) -> None:
    good = json.dumps(full_body(endpoint)).encode()
    cases = {
        b" ": {"malformed_json"},
        b"null": {"invalid_type"},
        b"5": {"invalid_type"},
        b'"x"': {"invalid_type"},
        b"[]": {"invalid_type", "invalid_length"},
        b"{": {"malformed_json"},
        good[:-1]: {"malformed_json"},
        good + b"x": {"malformed_json"},
        good + good: {"malformed_json"},
        b"\xef\xbb\xbf" + good: {"malformed_json"},
        good.decode().encode("utf-16"): {"malformed_json", "invalid_utf8"},
        b"\x00": {"malformed_json"},
        b"[" * 100_000: {"too_deep"},
        b'{"a":' * 100_000: {"too_deep"},
        b'{"\xff":1}': {"invalid_utf8", "unknown_field"},
    }
    if not endpoint.body_optional:
        cases[b""] = {"malformed_json"}
    for content, codes in cases.items():
        document = await refused(world, endpoint, content)
        assert document["code"] in codes, (content[:40], document)


async def test_a_body_over_the_bound_is_413(world: World) -> None:
    before = world.digest()
    huge = b'{"order_id":"' + b"x" * limits.BODY_BYTES_MAX + b'"}'
    for endpoint in WITH_BODY:
        response = await world.call(endpoint.method, url_of(endpoint), content=huge)
        document = problem_of(response)
        assert (response.status_code, document["code"]) == (413, "body_too_large")
    assert world.digest() == before


# Paths, queries, headers.

WITH_PATH = [e for e in ENDPOINTS if e.params]
BAD_IDS = {
    "x" * 129: {"invalid_length"},
    "a%00": {"invalid_value"},
    "a%0A": {"invalid_value"},
    "%7F": {"invalid_value"},
    "%FF": {"invalid_utf8"},
    "%C3": {"invalid_utf8"},
    "%ED%A0%80": {"invalid_utf8"},
}


@pytest.mark.parametrize("endpoint", WITH_PATH, ids=name_of)
async def test_bad_ids_in_paths(world: World, endpoint: Endpoint) -> None:
    body = None if endpoint.body is None else full_body(endpoint)
    before = world.digest()
    for param in endpoint.params:
        for text, codes in BAD_IDS.items():
            url = url_of(endpoint, **{param.name: text})
            response = await world.call(endpoint.method, url, json=body)
            document = problem_of(response)
            assert document["code"] in codes, (url, document)
            assert document["errors"][0]["path"] == param.name
    assert world.digest() == before


BAD_QUERIES = {
    "limit": ("0", "-1", "501", "2147483648", "9223372036854775808", "1.5", "x", "", "true"),
    "cursor": ("!!!!", "AAAA", "x" * 65, "%00", "MQ==MQ=="),
    "status": ("nope", "", "ALLOCATED"),
    "channel": ("%00", "", "x" * 129),
    "order_id": ("%00", "", "x" * 129),
    "q": ("%0A", "x" * 129, ""),
    "skus": ("%00", "a,%0A", "x" * 129),
    "locations": ("%00", "x" * 129),
    "by": ("x", "", "2027-01-10", "2027-01-10T08:00:00", "0", "0.5", "1800000000"),
    "reservation": ("%00", "", "x" * 129),
    "location": ("%00", "", "x" * 129),
    "sku": ("%00", "", "x" * 129),
    "hold_reason": ("nope", ""),
    "customer": ("x" * 513,),
    "since_us": ("x", "", "-1", "1.5", "250000000000000001"),
    "until_us": ("x", "", "-1", "1.5", "250000000000000001"),
    "show": ("all", "now,all"),
    "bucket": ("nope", "sold"),
    "actor": ("%00", "x" * 129),
    "from": ("x", "", "2027-01-10", "2027-01-10T08:00:00", "0", "0.5", "1800000000"),
    "to": ("x", "", "2027-01-10", "2027-01-10T08:00:00", "0", "0.5", "1800000000"),
    "order_channel": ("%00", "", "x" * 129),
    "only": ("nope", ""),
    "every_ms": ("x", "", "49", "10001", "1.5"),
    "known": ("x", "", "maybe", "2"),
}
QUERIES = [e for e in ENDPOINTS if e.query]


@pytest.mark.parametrize("endpoint", QUERIES, ids=name_of)
async def test_bad_queries(world: World, endpoint: Endpoint) -> None:
    url = url_of(endpoint)
    for param in endpoint.query:
        for text in BAD_QUERIES[param.name]:
            if not text and param.name == "cursor":
                continue
            response = await world.call("GET", f"{url}?{param.name}={text}")
            document = problem_of(response)
            assert response.status_code == 422, (param.name, text, document)
            assert document["errors"][0]["path"] == param.name
        response = await world.call("GET", f"{url}?{param.name}=%FF")
        assert problem_of(response)["code"] == "invalid_utf8"
        good = param.example or ""
        response = await world.call("GET", f"{url}?{param.name}={good}&{param.name}={good}")
        assert problem_of(response)["code"] == "duplicate_parameter"


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=name_of)
async def test_unknown_parameters(world: World, endpoint: Endpoint) -> None:
    before = world.digest()
    body = None if endpoint.body is None else full_body(endpoint)
    response = await world.call(endpoint.method, url_of(endpoint) + "?zzz=1", json=body)
    document = problem_of(response)
    assert (response.status_code, document["code"]) == (422, "unknown_parameter")
    assert document["errors"][0]["path"] == "zzz"
    assert world.digest() == before


@pytest.mark.parametrize("endpoint", [e for e in ENDPOINTS if e.keyed], ids=name_of)
async def test_bad_idempotency_keys(world: World, endpoint: Endpoint) -> None:
    before = world.digest()
    body = None if endpoint.body is None else full_body(endpoint)
    for value in (b"", b"x" * 129, b"a b", b"\xc3\xa9", b"tab\there"):
        headers = {b"idempotency-key": value}
        auth = {b"authorization": f"Bearer {world.tokens['admin']}".encode()}
        response = await world.http.request(
            endpoint.method, url_of(endpoint), json=body, headers=auth | headers
        )
        document = problem_of(response)
        assert document["code"] == "invalid_value", value
        assert document["errors"][0]["path"] == "Idempotency-Key"
    assert world.digest() == before


# What only the ledger can see.

LINE = {"sku": "TEA-1", "quantity": 1}


def paper(name: str, **more) -> tuple[Endpoint, dict]:
    return BY_NAME[name], BY_NAME[name].example | more


UNKNOWN = [
    (*paper("receipt", location="nowhere"), 422, "unknown_location", "location"),
    (*paper("receipt", lines=[LINE | {"sku": "?"}]), 422, "unknown_sku", "lines[0].sku"),
    (*paper("receipt", lines=[LINE | {"sku": "SET-1"}]), 422, "bundle_not_stocked", "lines[0].sku"),
    (*paper("transfer", to_location="berlin"), 422, "same_location", "to_location"),
    (*paper("transfer", to_location="nowhere"), 422, "unknown_location", "to_location"),
    (*paper("reserve", lines=[LINE, LINE | {"sku": "?"}]), 422, "unknown_sku", "lines[1].sku"),
    (
        *paper("reserve", lines=[LINE | {"location": "?"}]),
        422,
        "unknown_location",
        "lines[0].location",
    ),
    (*paper("place_order", lines=[LINE | {"sku": "?"}]), 422, "unknown_sku", "lines[0].sku"),
    (
        *paper("place_order", lines=[{"sku": "SET-1", "quantity": 10**9}]),
        422,
        "quantity_overflow",
        "lines[0].quantity",
    ),
    (*paper("put_sku", components=[LINE]), 422, "bundle_cycle", "components"),
    (
        *paper("put_sku", components=[{"sku": "MUG-1", "quantity": 1}] * 2),
        422,
        "duplicate_line",
        "components",
    ),
    (
        *paper("put_sku", components=[{"sku": "MUG-1", "quantity": 1}]),
        409,
        "bundle_has_stock",
        "components",
    ),
    (
        *paper("count", lines=[{"sku": "TEA-1", "on_hand": 1}] * 2),
        422,
        "duplicate_line",
        "lines[1].sku",
    ),
]


@pytest.mark.parametrize(("endpoint", "body", "status", "code", "path"), UNKNOWN)
async def test_what_the_ledger_refuses(
    world: World, endpoint: Endpoint, body: dict, status: int, code: str, path: str
) -> None:
    document = await refused(world, endpoint, json.dumps(body).encode())
    assert (document["status"], document["code"]) == (status, code)
    assert document["errors"][0]["path"] == path
    assert document["seq"] == world.client.ledger.seq


async def test_sums_that_overflow_only_in_total(world: World) -> None:
    """A position is brought to its bound by a logged event, then two good lines go over it."""
    state = world.client.ledger._state
    number = state.cells[state.sku_numbers["TEA-1"], state.location_numbers["berlin"]]
    bound = limits.BUCKET_UNITS_MAX - 10**9
    move = Movement(number, BucketId.ON_HAND, bound - 40, bound)
    event = StockMoved(Cause(), Document.RECEIPT, "huge", 0, 0xFFFFFFFF, (move,))
    world.client.ledger.apply(state.now_us + 1, state.seq + 1, records.encode(event))
    lines = [{"sku": "TEA-1", "quantity": 10**9}, {"sku": "TEA-1", "quantity": 1}]
    endpoint, body = paper("receipt", lines=lines)
    document = await refused(world, endpoint, json.dumps(body).encode())
    assert document["code"] == "quantity_overflow"
    assert document["errors"][0]["path"] == "lines[1].quantity"
    assert (await world.stocked("TEA-1"))["on_hand"] == bound


async def test_the_same_sku_in_two_lines_is_added_up(world: World) -> None:
    lines = [{"sku": "TEA-1", "quantity": 21}, {"sku": "TEA-1", "quantity": 20}]
    endpoint, body = paper("place_order", lines=lines)
    document = await refused(world, endpoint, json.dumps(body).encode())
    assert document["code"] == "insufficient_stock"
    assert [e["path"] for e in document["errors"]] == ["lines[1]"]


@pytest.mark.parametrize(
    "name", ["receipt", "count", "adjustment", "transfer", "reserve", "place_order"]
)
async def test_a_used_id_with_another_body(world: World, name: str) -> None:
    endpoint = BY_NAME[name]
    await world.good(endpoint.method, url_of(endpoint), endpoint.example)
    line = endpoint.example["lines"][0]
    number = next(k for k in ("quantity", "on_hand", "delta") if k in line)
    other = endpoint.example | {"lines": [line | {number: line[number] + 1}]}
    document = await refused(world, endpoint, json.dumps(other).encode())
    assert (document["status"], document["code"]) == (409, "idempotency_conflict")


async def test_stale_ids(world: World) -> None:
    await promise(world)

    async def code(method: str, path: str, body: dict | None = None) -> tuple[int, str]:
        before = world.digest()
        response = await world.call(method, path, json=body)
        assert world.digest() == before
        return response.status_code, problem_of(response)["code"]

    for path in ("/v1/reservations/none/commit", "/v1/reservations/none/extend"):
        assert await code("POST", path, {"ttl_s": 5} if "extend" in path else {}) == (
            404,
            "unknown_reservation",
        )
    assert await code("DELETE", "/v1/reservations/none") == (404, "unknown_reservation")
    assert await code("POST", "/v1/orders/web/none/cancel") == (404, "unknown_order")
    taken = {"order_id": "1001"}
    assert await code("POST", "/v1/reservations/cart-1/commit", taken) == (409, "order_exists")
    more = {"lines": [{"sku": "TEA-1", "quantity": 4}]}
    assert await code("POST", "/v1/orders/web/1001/cancel", more) == (409, "quantity_not_held")
    await world.good("DELETE", "/v1/reservations/cart-1")
    assert await code("POST", "/v1/reservations/cart-1/commit") == (409, "reservation_closed")
    extend = {"ttl_s": 5}
    assert await code("POST", "/v1/reservations/cart-1/extend", extend) == (
        409,
        "reservation_closed",
    )
    await world.good("POST", "/v1/orders/web/1001/cancel")
    assert await code("POST", "/v1/orders/web/1001/cancel", more) == (409, "order_closed")
