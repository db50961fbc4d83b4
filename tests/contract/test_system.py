"""The contract of the process: missing things, troubles of the engine, health, metrics, pages."""

import gc
import re

import httpx
import pytest

from api.table import ENDPOINTS
from engine.core import limits
from engine.core.errors import OutcomeUnknownError, OverloadedError, UnavailableError
from engine.service.cycles import Collector, settle
from tests.contract.world import (
    PROBLEM,
    World,
    furnished,
    order,
    problem_of,
    promise,
    quantities,
    url_of,
)


async def test_what_does_not_exist_is_404(world: World) -> None:
    for path, code in (
        ("/v1/locations/x", "unknown_location"),
        ("/v1/skus/x", "unknown_sku"),
        ("/v1/stock/x", "unknown_sku"),
        ("/v1/reservations/x", "unknown_reservation"),
        ("/v1/orders/web/x", "unknown_order"),
        ("/v1/nothing", "not_found"),
        ("/v1/skus/", "not_found"),
    ):
        response = await world.call("GET", path)
        assert (response.status_code, problem_of(response)["code"]) == (404, code)


async def test_a_wrong_method_says_which_there_are(world: World) -> None:
    response = await world.call("DELETE", "/v1/orders")
    assert (response.status_code, problem_of(response)["code"]) == (405, "method_not_allowed")
    assert response.headers["allow"] == "GET, HEAD, POST"


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (OverloadedError("full", retry_after_s=0.2), 429, "overloaded"),
        (UnavailableError("no writer leads", retry_after_s=2.5), 503, "unavailable"),
        (OutcomeUnknownError("in doubt"), 503, "outcome_unknown"),
    ],
)
async def test_the_engines_troubles(world: World, error, status: int, code: str) -> None:
    world.client.trouble = error
    for response in (
        await world.call("POST", "/v1/orders", json=order()),
        await world.call("POST", "/v1/orders/batch", json=[order()]),
    ):
        document = response.json()
        assert (response.status_code, document["code"]) == (status, code)
        assert response.headers["content-type"] == PROBLEM
        assert int(response.headers["retry-after"]) == document["retry_after_s"] >= 1
    if code == "outcome_unknown":
        assert "same id" in document["detail"]


HOT = [e for e in ENDPOINTS if e.hot]


@pytest.mark.parametrize("endpoint", HOT, ids=lambda e: e.name)
async def test_hot_calls_answer_the_same_through_the_framework(endpoint) -> None:
    """Two equal worlds, one asked through the framework's router, one at the front."""
    answers = []
    for through in (lambda app: app, lambda app: app.fastapi):
        async with furnished() as world:
            await promise(world)
            transport = httpx.ASGITransport(through(world.app))
            auth = {"authorization": f"Bearer {world.tokens['admin']}"}
            async with httpx.AsyncClient(transport=transport, base_url="http://x") as http:
                for body in (endpoint.example, {"zzz": 1}):
                    response = await http.request(
                        endpoint.method, url_of(endpoint), json=body, headers=auth
                    )
                    found = response.json()
                    found.pop("expires_at", None)
                    answers.append((response.status_code, sorted(response.headers), found))
    assert answers[:2] == answers[2:]


async def test_alive_and_ready(world: World) -> None:
    assert await world.good("GET", "/healthz") == {"status": "alive"}
    assert (await world.http.get("/readyz")).status_code == 200
    world.client.state = "recovering"
    response = await world.http.get("/readyz")
    assert (response.status_code, response.json()["state"]) == (503, "recovering")
    assert (await world.http.get("/healthz")).status_code == 200


async def test_metrics_count_requests_by_route_and_status(world: World) -> None:
    await world.good("POST", "/v1/orders", order())
    await world.call("POST", "/v1/orders", json=order(quantity=5))
    text = (await world.call("GET", "/metrics", scope="read")).text
    assert 'dibs_http_requests_total{endpoint="place_order",status="201"} 1.0' in text
    assert 'dibs_http_requests_total{endpoint="place_order",status="409"} 1.0' in text
    assert 'dibs_ledger_rows{table="orders"} 1.0' in text
    assert 'dibs_engine_state{state="leading"} 1.0' in text
    assert f"dibs_engine_seq {float(world.client.ledger.seq)}" in text


async def test_overview(world: World) -> None:
    await world.good("POST", "/v1/orders", order(quantity=40))
    found = await world.good("GET", "/v1/overview")
    assert found["units"] == quantities(50, allocated=40)
    assert found["sold_out"] == ["TEA-1", "SET-1"]
    assert [row["order_id"] for row in found["latest"]] == ["7"]
    assert (found["rows"]["orders"], found["skus_seen"]) == (1, 3)


async def test_pages_need_no_network(world: World) -> None:
    page = (await world.http.get("/")).text
    docs = (await world.http.get("/docs")).text
    for text in (page, docs):
        assert "http://" not in text and "https://" not in text and "//cdn" not in text
    for asset in ("swagger-ui-bundle.js", "swagger-ui.css", "favicon.png"):
        assert asset in docs
        assert (await world.http.get(f"/docs/assets/{asset}")).status_code == 200


async def test_the_console_is_served_under_a_strict_policy(world: World) -> None:
    pages = [await world.http.get("/") for _ in range(2)]
    policies = [page.headers["content-security-policy"] for page in pages]
    nonces = [re.search("'nonce-([^']+)'", policy)[1] for policy in policies]
    assert nonces[0] != nonces[1] and "unsafe" not in policies[0]
    assert pages[0].headers["cache-control"] == "no-store"
    assert f'nonce="{nonces[0]}"' in pages[0].text and "__NONCE__" not in pages[0].text


async def test_the_consoles_files_are_kept_for_good(world: World) -> None:
    page = (await world.http.get("/")).text
    names = re.findall(r'"\./(console/[^"]+)"', page)
    assert {name.rpartition(".")[2] for name in names} == {"js", "css"}
    for name in names:
        found = await world.http.get(f"/{name}", headers={"accept-encoding": "gzip"})
        plain = await world.http.get(f"/{name}", headers={"accept-encoding": "identity"})
        assert "immutable" in found.headers["cache-control"]
        assert found.headers["content-encoding"] == "gzip" and found.text == plain.text
        head = await world.http.head(f"/{name}", headers={"accept-encoding": "identity"})
        assert (head.content, head.headers["content-length"]) == (b"", str(len(plain.content)))
    for path, method, code in (
        ("/console/nothing.js", "GET", "not_found"),
        ("/console/../../api/pages.py", "GET", "not_found"),
        (f"/{names[0]}", "POST", "method_not_allowed"),
    ):
        assert problem_of(await world.http.request(method, path))["code"] == code


async def test_what_failing_requests_leave_behind_is_collected(world: World, monkeypatch) -> None:
    """P11: the heap stays within the collector's bound, however many fail."""
    monkeypatch.setattr(limits, "GC_YOUNG_OBJECTS", 500)
    before, found = gc.get_threshold(), []
    collector, counted = Collector(lambda: True), lambda _, info: found.append(info["collected"])
    settle()
    gc.callbacks.append(counted)
    try:
        began, most = len(gc.get_objects()), 0
        for number in range(300):
            failed = await world.call("POST", "/v1/orders", content=b'{"order_id": %d' % number)
            assert failed.status_code == 422
            collector.look()
            most = max(most, len(gc.get_objects()) - began)
    finally:
        gc.callbacks.remove(counted)
        gc.set_threshold(*before)
        gc.unfreeze()
    assert sum(found) > 4 * limits.GC_YOUNG_OBJECTS, "these requests leave no cycles: test others"
    assert most < 2 * limits.GC_YOUNG_OBJECTS
