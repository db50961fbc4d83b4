"""The contract of catalogue, stock and reservations: exact status, exact body, exact effect.

Method: the real application over a real slow ledger; only the log is missing.
"""

from tests.contract.world import World, cart, problem_of, quantities

TEA = "/v1/stock/TEA-1"


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
    answer = {"seq": 10, "sku": name, "title": "Schirm", "backorderable": False}
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


async def test_the_list_of_stock_says_what_each_sku_says(world: World) -> None:
    found, cursor = [], ""
    while cursor is not None:
        page = await world.good("GET", f"/v1/stock?limit=2&cursor={cursor}")
        found += page["stock"]
        cursor = page["next_cursor"]
    assert [row["sku"] for row in found] == ["TEA-1", "MUG-1", "SET-1"]
    assert found == [await world.good("GET", f"/v1/stock/{row['sku']}") for row in found]
    assert found[2]["available"] == 10, "a bundle has what could be built"


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
