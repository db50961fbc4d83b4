"""Who may do what: every call × every kind of key and every role, its status, its body, and that
it did nothing.

The rows come from the endpoint table, so a new call without a key shows up here.
"""

import pytest

from api.access import SELF
from api.endpoint import Endpoint
from api.table import ENDPOINTS
from engine.service.keys import SCOPES
from engine.service.people.records import GRANTS, ROLES
from tests.contract.fields import full_body
from tests.contract.world import World, problem_of, url_of

CLOSED = [e for e in ENDPOINTS if e.scope]
OPEN = {"alive", "ready", "openapi", "docs", "page", "get_session", "sign_out"}
BY_PASSWORD = {"sign_in", "make_first_admin"}  # open, and they ask for a secret of their own
VERBS = (
    "accept",
    "reject",
    "cancel",
    "pick",
    "pack",
    "short",
    "ready",
    "ship",
    "handover",
    "deliver",
)
NEEDS = {
    "read": {
        "get_location",
        "list_locations",
        "get_sku",
        "list_skus",
        "get_channel",
        "list_channels",
        "get_availability",
        "list_connections",
        "list_listings",
        "list_dead_letters",
        "get_promises",
        "list_backorders",
        "get_turns",
        "get_purchase_order",
        "list_purchase_orders",
        "get_validation",
        "list_validations",
        "list_fences",
        "get_return",
        "list_returns",
        "get_stock",
        "list_stock",
        "get_reservation",
        "get_order",
        "get_routing_policy",
        "get_scarcity",
        "get_capacity",
        "get_decisions",
        "get_timeline",
        "list_orders",
        "get_fulfillment",
        "list_fulfillments",
        "stream_stock",
        "live",
        "view_orders",
        "export_orders",
        "view_order",
        "view_stock",
        "view_movements",
        "view_exceptions",
        "view_kpis",
        "metrics",
        "overview",
    },
    "sell": {
        "reserve",
        "commit",
        "extend",
        "release",
        "place_order",
        "place_orders",
        "stream_orders",
        "cancel_order",
        "edit_order",
        "merge_orders",
        "split_order",
        "reallocate_order",
        "hold_order",
        "release_hold",
        "open_return",
        "approve_return",
        "reject_return",
        "refund_return",
        "close_return",
        "preview_routing",
        "tell_fact",
    },
    "stock": {
        "receipt",
        "count",
        "adjustment",
        "transfer",
        "ship_order",
        "put_purchase_order",
        "receive_return",
        "inspect_return",
        "release_order",
        "release_wave",
        "put_capacity",
        *(f"{verb}_fulfillment" for verb in VERBS),
    },
    "plan": {
        "put_location",
        "put_sku",
        "put_channel",
        "put_validation",
        "put_fence",
        "put_routing_policy",
        "put_scarcity",
        "replay_dead_letter",
        "replay_dead_letters",
    },
    "admin": {
        "list_users",
        "get_user",
        "put_user",
        "remove_user",
        "reset_user",
        "list_keys",
        "create_key",
        "revoke_key",
        "list_access",
        "list_audit",
        "list_webhooks",
        "get_webhook",
        "put_webhook",
        "remove_webhook",
        "rotate_webhook",
        "list_deliveries",
        "test_webhook",
        "replay_delivery",
    },
    SELF: {"change_password", "list_sessions", "end_session"},
}


def name_of(case) -> str:
    return case.name if isinstance(case, Endpoint) else ""


async def ask(world: World, endpoint: Endpoint, authorization: str | None, content=None):
    headers = {} if authorization is None else {"authorization": authorization}
    if content is None and endpoint.body is not None:
        return await world.http.request(
            endpoint.method, url_of(endpoint), json=full_body(endpoint), headers=headers
        )
    return await world.http.request(
        endpoint.method, url_of(endpoint), content=content, headers=headers
    )


def test_every_call_is_in_the_matrix() -> None:
    assert {e.name for e in ENDPOINTS if not e.scope} == OPEN | BY_PASSWORD
    assert {e.scope for e in CLOSED} == set(NEEDS) == {*SCOPES, SELF}
    for scope in NEEDS:
        assert {e.name for e in CLOSED if e.scope == scope} == NEEDS[scope]


@pytest.mark.parametrize("endpoint", CLOSED, ids=name_of)
async def test_no_malformed_wrong_and_revoked_keys(world: World, endpoint: Endpoint) -> None:
    good = world.tokens["admin"]
    other, revoked = world.book.create("leaver", ["admin"])
    world.book.revoke(other.id)
    wrong = good[:-1] + ("0" if good[-1] != "0" else "1")
    before = world.digest()
    for value in (
        None,
        "",
        "Bearer",
        "Bearer ",
        good,
        f"Basic {good}",
        f"Token {good}",
        f"Bearer {good}x",
        f"Bearer {good[:-1]}",
        f"Bearer {wrong}",
        f"Bearer {good.upper()}",
        f"Bearer {good} {good}",
        "Bearer dibs_",
        "Bearer " + "x" * 5000,
        f"Bearer {revoked}",
        f"Bearer {other.id}",
    ):
        for content in (None, b"{broken"):  # a body is not looked at without a key
            response = await ask(world, endpoint, value, content)
            document = problem_of(response)
            assert (response.status_code, document["code"]) == (401, "unauthorized"), value
            challenge = response.headers["www-authenticate"]
            expected = 'Bearer realm="dibs"' + ("" if value is None else ', error="invalid_token"')
            assert challenge == expected
            assert "errors" not in document and good not in response.text
    assert world.digest() == before


@pytest.mark.parametrize("endpoint", CLOSED, ids=name_of)
async def test_low_scopes_are_forbidden_and_the_right_ones_open(
    world: World, endpoint: Endpoint
) -> None:
    before = world.digest()
    for scope in SCOPES:
        if scope in (endpoint.scope, "admin"):
            continue
        response = await ask(world, endpoint, f"Bearer {world.tokens[scope]}")
        document = problem_of(response)
        assert (response.status_code, document["code"]) == (403, "forbidden")
        assert f'scope="{endpoint.scope}"' in response.headers["www-authenticate"]
        assert endpoint.scope in document["detail"]
    assert world.digest() == before
    if endpoint.media == "text/event-stream":
        return  # does not end by itself; see test_streams, test_live
    for scope in {endpoint.scope, "admin"} - {SELF}:
        response = await ask(world, endpoint, f"bearer  {world.tokens[scope]}")
        assert response.status_code not in (401, 403), response.text


@pytest.mark.parametrize("role", ROLES)
async def test_each_role_may_do_what_its_scopes_say(world: World, role: str) -> None:
    cookie = world.sign_in("ada", role)
    for endpoint in CLOSED:
        if endpoint.media == "text/event-stream":
            continue
        before = world.digest()
        body = None if endpoint.body is None else full_body(endpoint)
        response = await world.http.request(
            endpoint.method, url_of(endpoint), json=body, headers=cookie
        )
        if endpoint.scope == SELF or endpoint.scope in GRANTS[role]:
            assert response.status_code not in (401, 403), (endpoint.name, response.text)
            if given := response.headers.get("set-cookie"):
                cookie = {"cookie": given.partition(";")[0]}
            continue
        assert (response.status_code, problem_of(response)["code"]) == (403, "forbidden")
        assert repr(role) in response.text and endpoint.scope in response.text
        assert world.digest() == before


@pytest.mark.parametrize("endpoint", CLOSED, ids=name_of)
async def test_no_session_that_is_over_wrong_or_of_somebody_without_a_password(
    world: World, endpoint: Endpoint
) -> None:
    good = world.sign_in("ada", "admin")["cookie"]
    over = world.sign_in("bob", "admin")["cookie"]
    world.people.remove("bob", "test")
    before = world.digest()
    for cookie in (over, good[:-1], f"{good}x", good.upper(), "__Host-dibs=", f"x{good}"):
        response = await world.http.request(
            endpoint.method, url_of(endpoint), headers={"cookie": cookie}
        )
        assert response.status_code == 401, cookie
        assert problem_of(response)["code"] in ("session_ended", "unauthorized")
    assert world.digest() == before
    if endpoint.scope != SELF:
        _, first = world.people.put("eve", "admin", "test")
        _, token = world.people.sign_in("eve", first, "", "")
        before = world.digest()
        response = await world.http.request(
            endpoint.method, url_of(endpoint), headers={"cookie": f"__Host-dibs={token}"}
        )
        assert response.status_code == 403 and "a password of your own" in response.text
        assert world.digest() == before


@pytest.mark.parametrize("endpoint", [e for e in ENDPOINTS if e.name in OPEN], ids=name_of)
async def test_open_calls_need_no_key_and_mind_no_bad_one(world: World, endpoint: Endpoint) -> None:
    for value in (None, "Bearer nonsense"):
        assert (await ask(world, endpoint, value)).status_code == 200


async def test_several_scopes_on_one_key(world: World) -> None:
    _, token = world.book.create("till", ["read", "sell"])
    for endpoint in CLOSED:
        if endpoint.media == "text/event-stream":
            continue
        status = (await ask(world, endpoint, f"Bearer {token}")).status_code
        assert (status == 403) == (endpoint.scope in ("stock", "plan", "admin", SELF))
