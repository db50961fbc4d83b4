"""Each row of the contract: exact status, exact body, exact effect.

Method: the real application over a real slow ledger; only the log is missing.
"""

import json

import pytest

from engine.core.errors import OutcomeUnknownError, OverloadedError, UnavailableError
from tests.contract.world import PROBLEM, World, problem_of, promise

TEA = "/v1/stock/TEA-1"


def quantities(on_hand=40, reserved=0, allocated=0, unavailable=0) -> dict:
    available = on_hand - reserved - allocated - unavailable
    return {
        "on_hand": on_hand,
        "reserved": reserved,
        "allocated": allocated,
        "unavailable": unavailable,
        "available": available,
    }


def order(order_id="7", quantity=4, **more) -> dict:
    return {
        "order_id": order_id,
        "channel": "web",
        "lines": [{"sku": "TEA-1", "quantity": quantity}],
        **more,
    }


def cart(name="cart-7", quantity=4) -> dict:
    lines = [{"sku": "TEA-1", "quantity": quantity}]
    return {"reservation_id": name, "channel": "web", "ttl_s": 60, "lines": lines}


# Locations and SKUs.


async def test_put_location_creates_changes_and_repeats(world: World) -> None:
    body = {"name": "Kiel", "kind": "store", "country": "DE", "latitude": 54.3, "longitude": 10.1}
    first = await world.call("PUT", "/v1/locations/kiel", json=body)
    seq = first.json()["seq"]
    answer = {"seq": seq, "location": "kiel", **body, "active": True, "priority": 100}
    assert (first.status_code, first.json()) == (201, answer)
    again = await world.call("PUT", "/v1/locations/kiel", json=body)
    assert (again.status_code, again.json()) == (200, answer | {"replayed": True})
    changed = await world.call("PUT", "/v1/locations/kiel", json=body | {"priority": 1})
    assert changed.status_code == 200
    assert changed.json() == answer | {"seq": seq + 1, "priority": 1}
    assert await world.good("GET", "/v1/locations/kiel") == changed.json()


async def test_put_sku_with_any_text_as_its_name(world: World) -> None:
    name, path = "Größe 42/rot ☂", "Gr%C3%B6%C3%9Fe%2042%2Frot%20%E2%98%82"
    first = await world.call("PUT", f"/v1/skus/{path}", json={"title": "Schirm"})
    answer = {"seq": 9, "sku": name, "title": "Schirm", "backorderable": False}
    assert (first.status_code, first.json()) == (201, answer)
    assert await world.good("GET", f"/v1/skus/{path}") == answer
    plain = await world.good("GET", "/v1/skus/Gr%C3%B6%C3%9Fe%2042/rot%20%E2%98%82")
    assert plain == answer, "a slash need not be encoded"
    assert (await world.good("GET", f"/v1/stock/{path}"))["sku"] == name


async def test_pages_of_locations_and_skus_meet_each_row_once(world: World) -> None:
    for noun, key in (("locations", "location"), ("skus", "sku")):
        names, cursor = [], ""
        while cursor is not None:
            page = await world.good("GET", f"/v1/{noun}?limit=1&cursor={cursor}")
            names += [row[key] for row in page[noun]]
            cursor = page["next_cursor"]
        whole = await world.good("GET", f"/v1/{noun}")
        assert whole["next_cursor"] is None
        assert names == [row[key] for row in whole[noun]]
        assert len(names) == len(set(names)) > 1


# Stock.


async def test_receipt_adds(world: World) -> None:
    body = {
        "receipt_id": "r",
        "location": "hamburg",
        "lines": [{"sku": "TEA-1", "quantity": 5}, {"sku": "TEA-1", "quantity": 2}],
    }
    first = await world.call("POST", "/v1/stock/receipts", json=body, scope="stock")
    answer = {
        "seq": first.json()["seq"],
        "status": "accepted",
        "receipt_id": "r",
        "location": "hamburg",
        "lines": [
            {"sku": "TEA-1", "on_hand": 5, "quantity": 5},
            {"sku": "TEA-1", "on_hand": 7, "quantity": 2},
        ],
    }
    assert (first.status_code, first.json()) == (201, answer)
    again = await world.call("POST", "/v1/stock/receipts", json=body)
    assert (again.status_code, again.json()) == (201, answer | {"replayed": True})
    stock = await world.good("GET", TEA)
    assert stock == {
        "sku": "TEA-1",
        "seq": answer["seq"],
        **quantities(47),
        "locations": [
            {"location": "berlin", **quantities(40)},
            {"location": "hamburg", **quantities(7)},
        ],
    }


async def test_count_sets_and_refuses_what_is_stale(world: World) -> None:
    line = {"sku": "TEA-1", "on_hand": 38, "expected_on_hand": 40}
    body = {"count_id": "c", "location": "berlin", "lines": [line]}
    first = await world.call("POST", "/v1/stock/counts", json=body)
    assert first.status_code == 201
    assert first.json()["lines"] == [{"sku": "TEA-1", "on_hand": 38, "delta": -2}]
    before = world.digest()
    stale = await world.call("POST", "/v1/stock/counts", json=body | {"count_id": "d"})
    document = problem_of(stale)
    assert (stale.status_code, document["code"]) == (409, "stale_count")
    assert document["seq"] == first.json()["seq"]
    assert document["errors"] == [
        {
            "path": "lines[0].expected_on_hand",
            "detail": "on_hand has changed",
            "sku": "TEA-1",
            "expected": 40,
            "actual": 38,
        }
    ]
    assert world.digest() == before


async def test_adjustment_corrects_and_moves_between_buckets(world: World) -> None:
    lines = [
        {"sku": "TEA-1", "delta": -1, "reason": "lost"},
        {"sku": "TEA-1", "delta": 3, "reason": "wet", "bucket": "damaged"},
    ]
    body = {"adjustment_id": "a", "location": "berlin", "lines": lines}
    first = await world.call("POST", "/v1/stock/adjustments", json=body)
    assert (first.status_code, first.json()["adjustment_id"]) == (201, "a")
    assert await world.stocked("TEA-1") == quantities(39, unavailable=3)
    body = {"adjustment_id": "b", "location": "berlin", "lines": [lines[0] | {"delta": -37}]}
    refused = await world.call("POST", "/v1/stock/adjustments", json=body)
    assert (refused.status_code, problem_of(refused)["code"]) == (409, "promised_stock")


async def test_transfer_moves_what_is_available(world: World) -> None:
    lines = [{"sku": "TEA-1", "quantity": 15}]
    body = {"transfer_id": "t", "from_location": "berlin", "to_location": "hamburg", "lines": lines}
    first = await world.call("POST", "/v1/stock/transfers", json=body)
    assert first.status_code == 201
    assert first.json()["lines"] == [{"sku": "TEA-1", "on_hand": 15, "quantity": 15}]
    places = (await world.good("GET", TEA))["locations"]
    assert [(p["location"], p["on_hand"]) for p in places] == [("berlin", 25), ("hamburg", 15)]
    more = body | {"transfer_id": "u", "lines": [{"sku": "TEA-1", "quantity": 26}]}
    refused = await world.call("POST", "/v1/stock/transfers", json=more)
    assert (refused.status_code, problem_of(refused)["code"]) == (409, "insufficient_stock")


# Reservations.


async def test_reserve_read_extend_release(world: World) -> None:
    first = await world.call("POST", "/v1/reservations", json=cart(), scope="sell")
    answer = first.json()
    assert first.status_code == 201
    lines = [{"sku": "TEA-1", "quantity": 4, "location": "berlin"}]
    assert answer == {
        "seq": answer["seq"],
        "reservation_id": "cart-7",
        "channel": "web",
        "status": "reserved",
        "expires_at": answer["expires_at"],
        "lines": lines,
    }
    assert await world.stocked("TEA-1") == quantities(reserved=4)
    assert await world.good("GET", "/v1/reservations/cart-7") == answer
    longer = await world.call("POST", "/v1/reservations/cart-7/extend", json={"ttl_s": 600})
    assert longer.status_code == 200
    assert longer.json()["expires_at"] > answer["expires_at"]
    gone = await world.call("DELETE", "/v1/reservations/cart-7")
    assert (gone.status_code, gone.json()["status"]) == (200, "released")
    again = await world.call("DELETE", "/v1/reservations/cart-7")
    assert (again.status_code, again.json()["replayed"]) == (200, True)
    assert await world.stocked("TEA-1") == quantities()


async def test_reserve_names_each_short_line_and_takes_nothing(world: World) -> None:
    lines = [{"sku": s, "quantity": q} for s, q in (("TEA-1", 41), ("MUG-1", 1), ("MUG-1", 10))]
    before = world.digest()
    refused = await world.call("POST", "/v1/reservations", json=cart() | {"lines": lines})
    document = problem_of(refused)
    assert (refused.status_code, document["code"]) == (409, "insufficient_stock")
    assert [(e["path"], e["requested"], e["available"]) for e in document["errors"]] == [
        ("lines[0]", 41, 40),
        ("lines[2]", 10, 9),
    ]
    assert world.digest() == before


async def test_commit_makes_an_order_once(world: World) -> None:
    await world.good("POST", "/v1/reservations", cart())
    body = {"order_id": "8", "payment": "paid"}
    first = await world.call("POST", "/v1/reservations/cart-7/commit", json=body)
    answer = first.json()
    assert first.status_code == 201
    assert answer == {
        "seq": answer["seq"],
        "order_id": "8",
        "channel": "web",
        "status": "allocated",
        "payment": "paid",
        "lines": [
            {"sku": "TEA-1", "quantity": 4, "allocations": [{"location": "berlin", "quantity": 4}]}
        ],
    }
    again = await world.call("POST", "/v1/reservations/cart-7/commit", json=body)
    assert (again.status_code, again.json()) == (201, answer | {"replayed": True})
    assert await world.stocked("TEA-1") == quantities(allocated=4)
    assert (await world.good("GET", "/v1/reservations/cart-7"))["status"] == "committed"


async def test_commit_without_a_body_takes_the_reservations_id(world: World) -> None:
    await world.good("POST", "/v1/reservations", cart())
    assert (await world.good("POST", "/v1/reservations/cart-7/commit"))["order_id"] == "cart-7"


async def test_an_expired_reservation_cannot_be_committed(world: World) -> None:
    await world.good("POST", "/v1/reservations", cart())
    world.client.pass_time(61)
    refused = await world.call("POST", "/v1/reservations/cart-7/commit")
    assert (refused.status_code, problem_of(refused)["code"]) == (409, "reservation_expired")


# Orders.


async def test_order_is_allocated_read_and_repeated(world: World) -> None:
    body = order(
        lines=[{"line_id": "a", "sku": "TEA-1", "quantity": 4, "unit_price": 499}],
        ship_to={"city": "Berlin", "country": "DE"},
        currency="EUR",
        payment="pending",
        placed_at="2026-11-23T20:15:00Z",
    )
    first = await world.call("POST", "/v1/orders", json=body, scope="sell")
    answer = first.json()
    assert first.status_code == 201
    allocations = [{"location": "berlin", "quantity": 4}]
    assert answer == body | {
        "seq": answer["seq"],
        "status": "allocated",
        "lines": [body["lines"][0] | {"allocations": allocations}],
    }
    again = await world.call("POST", "/v1/orders", json=body)
    assert (again.status_code, again.json()) == (201, answer | {"replayed": True})
    assert await world.good("GET", "/v1/orders/web/7") == answer
    assert await world.stocked("TEA-1") == quantities(allocated=4)


async def test_an_order_that_is_short_is_refused_backordered_or_split(world: World) -> None:
    refused = await world.call("POST", "/v1/orders", json=order(quantity=41))
    assert (refused.status_code, problem_of(refused)["code"]) == (409, "insufficient_stock")
    split = await world.good("POST", "/v1/orders", order("8", 41, when_short="split"))
    assert (split["status"], split["lines"][0]["backordered"]) == ("partially_allocated", 1)
    waits = await world.good("POST", "/v1/orders", order("9", 1, when_short="backorder"))
    assert (waits["status"], waits["lines"][0]["allocations"]) == ("backordered", [])


async def test_cancel_by_line_then_whole(world: World) -> None:
    await world.good("POST", "/v1/orders", order())
    part = {"lines": [{"sku": "TEA-1", "quantity": 1}], "reason": "changed mind"}
    first = await world.call("POST", "/v1/orders/web/7/cancel", json=part, scope="sell")
    assert (first.status_code, first.json()["lines"][0]["cancelled"]) == (200, 1)
    assert await world.stocked("TEA-1") == quantities(allocated=3)
    whole = await world.call("POST", "/v1/orders/web/7/cancel")
    assert (whole.status_code, whole.json()["status"]) == (200, "cancelled")
    again = await world.call("POST", "/v1/orders/web/7/cancel")
    assert (again.status_code, again.json()["replayed"]) == (200, True)
    assert await world.stocked("TEA-1") == quantities()


async def test_order_ids_with_slashes(world: World) -> None:
    await world.good("POST", "/v1/orders", order("2026/11/7") | {"channel": "shop/eu"})
    found = await world.good("GET", "/v1/orders/shop%2Feu/2026/11/7")
    assert (found["channel"], found["order_id"]) == ("shop/eu", "2026/11/7")
    gone = await world.good("POST", "/v1/orders/shop%2Feu/2026%2F11%2F7/cancel")
    assert gone["status"] == "cancelled"


async def test_an_id_that_ends_like_a_call_has_its_slash_encoded(world: World) -> None:
    for method, path in (
        ("DELETE", "/v1/reservations/cart-7/commit"),
        ("GET", "/v1/reservations/cart-7/extend"),
        ("GET", "/v1/orders/web/7/cancel"),
    ):
        response = await world.call(method, path)
        assert (response.status_code, response.headers["allow"]) == (405, "POST")
    await world.good("POST", "/v1/reservations", cart("a/commit"))
    path = "/v1/reservations/a%2Fcommit"
    assert (await world.good("GET", path))["reservation_id"] == "a/commit"
    assert (await world.good("POST", f"{path}/extend", {"ttl_s": 9}))["status"] == "reserved"
    assert (await world.good("DELETE", path))["status"] == "released"
    response = await world.call("POST", path)
    assert (response.status_code, response.headers["allow"]) == (405, "DELETE, GET, HEAD")


async def test_list_orders_filters_and_pages(world: World) -> None:
    for number in range(5):
        await world.good("POST", "/v1/orders", order(f"n-{number}", 1))
    await world.good("POST", "/v1/orders", order("m-1", 1) | {"channel": "shop"})
    await world.good("POST", "/v1/orders/web/n-0/cancel")

    async def ids(query: str) -> list[str]:
        found, cursor = [], ""
        while cursor is not None:
            page = await world.good("GET", f"/v1/orders?{query}&limit=2&cursor={cursor}")
            found += [row["order_id"] for row in page["orders"]]
            cursor = page["next_cursor"]
        return found

    assert await ids("channel=web") == ["n-4", "n-3", "n-2", "n-1", "n-0"]
    assert await ids("channel=shop") == ["m-1"]
    assert await ids("status=cancelled") == ["n-0"]
    assert await ids("q=n-&status=allocated") == ["n-4", "n-3", "n-2", "n-1"]


async def test_batch_each_order_stands_alone(world: World) -> None:
    good, short = order("1", 30), order("2", 30)
    bad = order("3") | {"lines": [{"sku": "TEA-1", "quantity": 0}]}
    twice = b'{"order_id":"4","order_id":"4","channel":"web","lines":[]}'
    unknown = order("5") | {"lines": [{"sku": "NOPE", "quantity": 1}]}
    parts = [json.dumps(x).encode() for x in (good, short, bad, good, unknown, 5)]
    parts += [twice, b'{"order_id":"\xff"}', json.dumps(order("6", 10)).encode()]
    for content in (b"[%b]", b'{"orders":[%b]}'):
        raw = content % b",".join(parts)
        response = await world.call("POST", "/v1/orders/batch", content=raw, scope="sell")
        assert response.status_code == 200
        seen = [r.get("code") or r["status"] for r in response.json()["results"]]
        assert seen == [
            "allocated",
            "insufficient_stock",
            "out_of_range",
            "allocated",
            "unknown_sku",
            "invalid_type",
            "duplicate_field",
            "invalid_utf8",
            "allocated",
        ]
    results = response.json()["results"]
    assert results[2]["errors"][0]["path"] == "lines[0].quantity"
    assert results[1]["status"] == 409
    assert [results[i]["replayed"] for i in (0, 3, 8)] == [True] * 3
    assert await world.stocked("TEA-1") == quantities(allocated=40)


async def test_batch_of_a_thousand_and_not_one_more(world: World) -> None:
    lines = [{"sku": "TEA-1", "quantity": 1}]
    orders = [{"order_id": str(i), "channel": "web", "lines": lines} for i in range(1001)]
    before = world.digest()
    refused = await world.call("POST", "/v1/orders/batch", json={"orders": orders})
    assert (refused.status_code, problem_of(refused)["code"]) == (422, "invalid_length")
    assert problem_of(refused)["errors"][0]["path"] == "orders"
    assert world.digest() == before
    done = await world.good("POST", "/v1/orders/batch", {"orders": orders[:1000]})
    statuses = [result["status"] for result in done["results"]]
    assert (statuses.count("allocated"), statuses.count(409)) == (40, 960)


async def test_idempotency_key_works_where_the_body_has_no_id(world: World) -> None:
    await promise(world)
    key = {"idempotency-key": "k-1"}
    body = {"lines": [{"sku": "TEA-1", "quantity": 1}]}
    first = await world.call("POST", "/v1/orders/web/1001/cancel", json=body, headers=key)
    again = await world.call("POST", "/v1/orders/web/1001/cancel", json=body, headers=key)
    assert again.json() == first.json() | {"replayed": True}
    assert again.json()["lines"][0]["cancelled"] == 1
    other = {"lines": [{"sku": "TEA-1", "quantity": 2}]}
    refused = await world.call("POST", "/v1/orders/web/1001/cancel", json=other, headers=key)
    assert (refused.status_code, problem_of(refused)["code"]) == (409, "idempotency_conflict")
    by_another = await world.call(
        "POST", "/v1/orders/web/1001/cancel", json=other, headers=key, scope="sell"
    )
    assert by_another.status_code == 200, "keys of different callers never meet"


async def test_idempotency_key_of_a_batch_is_one_key_an_order(world: World) -> None:
    key = {"idempotency-key": "night"}
    first = await world.call("POST", "/v1/orders/batch", json=[order("1"), order("2")], headers=key)
    again = await world.call("POST", "/v1/orders/batch", json=[order("1"), order("3")], headers=key)
    assert [r["status"] for r in first.json()["results"]] == ["allocated"] * 2
    replayed, conflict = again.json()["results"]
    assert (replayed["replayed"], conflict["code"]) == (True, "idempotency_conflict")


# The process.


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
