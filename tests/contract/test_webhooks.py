"""Webhooks over HTTP: made, changed, shown and removed."""

import pytest
from standardwebhooks import Webhook

from tests.contract.world import World

URL = "https://crm.example.com/dibs"


@pytest.fixture
async def world():
    found = World()
    yield found
    await found.http.aclose()


async def test_the_secret_is_shown_when_it_is_made_and_not_again(world: World) -> None:
    made = await world.call("PUT", "/v1/webhooks/crm", json={"url": URL})
    assert made.status_code == 201 and made.headers["cache-control"] == "no-store"
    body = made.json()
    assert len(body["types"]) == 7 and body["waiting"] == 0 and "stopped" not in body
    Webhook(body["secret"])  # the public library takes it
    again = await world.call("PUT", "/v1/webhooks/crm", json={"url": URL, "active": False})
    assert again.status_code == 200 and "secret" not in again.json()
    shown = await world.good("GET", "/v1/webhooks/crm")
    assert "secret" not in shown and shown["active"] is False
    listed = (await world.good("GET", "/v1/webhooks"))["webhooks"]
    assert [row["webhook"] for row in listed] == ["crm"] and "secret" not in listed[0]
    secret = body["secret"].removeprefix("whsec_").encode()
    assert all(secret not in document for document in world.webhooks.shelf.rows.values())


async def test_a_rotation_changes_the_secret_once(world: World) -> None:
    first = (await world.good("PUT", "/v1/webhooks/crm", {"url": URL}))["secret"]
    wish = {"rotation_id": "r1", "overlap_s": 60}
    second = await world.good("POST", "/v1/webhooks/crm/rotations", wish)
    repeated = await world.good("POST", "/v1/webhooks/crm/rotations", wish)
    assert second["secret"] == repeated["secret"] != first and second["old_secret_until"]
    row = await world.webhooks.find("crm")
    assert world.webhooks.secrets(row) == [second["secret"], first]
    third = await world.good(
        "POST", "/v1/webhooks/crm/rotations", {"rotation_id": "r2", "overlap_s": 0}
    )
    row = await world.webhooks.find("crm")
    assert world.webhooks.secrets(row) == [third["secret"]] and "old_secret_until" not in third


async def test_one_that_is_made_anew_has_another_secret(world: World) -> None:
    first = (await world.good("PUT", "/v1/webhooks/crm", {"url": URL}))["secret"]
    await world.good("DELETE", "/v1/webhooks/crm")
    assert (await world.call("GET", "/v1/webhooks/crm")).status_code == 404
    assert (await world.good("PUT", "/v1/webhooks/crm", {"url": URL}))["secret"] != first


@pytest.mark.parametrize(
    "url",
    [
        "http://crm.example.com/dibs",
        "ftp://crm.example.com/",
        "https://user:pass@crm.example.com/",
        "https://127.0.0.1/x",
        "https://[::1]/x",
        "https://[::ffff:10.0.0.1]/",
        "https://10.1.2.3/",
        "https://169.254.169.254/latest/meta-data",
        "https://localhost/x",
        "https://crm.example.com/#x",
        "https:///x",
        "https://crm.example.com:99999/",
        "nonsense",
    ],
)
async def test_an_address_that_may_not_be_called_is_refused(world: World, url: str) -> None:
    answer = await world.call("PUT", "/v1/webhooks/crm", json={"url": url})
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["path"] == "url"
    assert world.webhooks.shelf.rows == {}


async def test_tries_come_in_pages(world: World) -> None:
    await world.good("PUT", "/v1/webhooks/crm", {"url": URL})
    page = await world.good("GET", "/v1/webhooks/crm/deliveries?limit=1")
    (told,) = page["deliveries"]
    assert told["status"] == 503 and told["problem"] == "answered 503" and told["next_at"]
    assert page["next_cursor"] is None


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "deliveries", None),
        ("POST", "rotations", {"rotation_id": "x"}),
        ("POST", "tests", {"test_id": "x"}),
        ("POST", "deliveries/order-41/replay", None),
    ],
)
async def test_of_no_webhook_nothing_is_told_or_done(world: World, method, path, body) -> None:
    answer = await world.call(method, f"/v1/webhooks/none/{path}", json=body)
    assert answer.status_code == 404 and answer.json()["code"] == "unknown_webhook"
    assert not world.webhooks.shelf.queued


async def test_a_test_is_queued_unless_nothing_is_sent(world: World) -> None:
    await world.good("PUT", "/v1/webhooks/crm", {"url": URL, "types": ["stock.back"]})
    queued = await world.good("POST", "/v1/webhooks/crm/tests", {"test_id": "7"})
    assert queued == {"webhook": "crm", "message": "test-7"}
    row = world.webhooks.shelf.queued.pop("test-7")
    assert row.kind == "webhook.test" and '"webhook":"crm"' in row.body
    await world.good("PUT", "/v1/webhooks/crm", {"url": URL, "active": False})
    for path, body in (("tests", {"test_id": "8"}), ("deliveries/order-41/replay", None)):
        answer = await world.call("POST", f"/v1/webhooks/crm/{path}", json=body)
        assert answer.status_code == 409 and answer.json()["code"] == "webhook_idle"
        assert "active" in answer.json()["detail"] and not world.webhooks.shelf.queued


async def test_what_does_not_wait_is_not_sent_again(world: World) -> None:
    await world.good("PUT", "/v1/webhooks/crm", {"url": URL})
    answer = await world.call("POST", "/v1/webhooks/crm/deliveries/order-40/replay")
    assert answer.status_code == 404 and answer.json()["code"] == "unknown_delivery"
    assert answer.json()["errors"][0]["path"] == "message"
