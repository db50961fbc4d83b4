"""The contract of orders: place, repeat, read, list, cancel, batch. Exact status, body, effect."""

import json

from tests.contract.world import World, cart, order, problem_of, promise, quantities


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
