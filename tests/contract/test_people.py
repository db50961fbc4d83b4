"""People over HTTP: cookies, pages of others, guessing, what each may see; through a front too."""

import pytest

from engine.core import limits
from tests.contract.fronted import fronted
from tests.contract.site import LOOSE, site
from tests.contract.world import BY_NAME, PASSWORD, World, problem_of

ADA = {"user": "ada", "password": PASSWORD}
FIRST = BY_NAME["make_first_admin"].example


async def ask(world: World, method: str, path: str, body=None, **headers: str):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await world.http.request(method, path, json=body, headers=named)


def given(response) -> str:
    """The cookie that an answer gives, as it is sent back."""
    return response.headers["set-cookie"].partition(";")[0]


@pytest.mark.parametrize(
    ("host", "name", "secure"),
    [
        ("127.0.0.1:8787", "dibs-8787", False),
        ("localhost:9000", "dibs-9000", False),
        ("[::1]:8787", "dibs-8787", False),
        ("127.0.0.1", "dibs-80", False),
        ("dibs.example.com", "__Host-dibs", True),
        ("10.0.0.7:8787", "__Host-dibs", True),
        ("127.0.0.1.evil.example", "__Host-dibs", True),
    ],
)
async def test_the_cookie_is_closed_to_scripts_and_secure_but_on_this_machine(
    world: World, host: str, name: str, secure: bool
) -> None:
    world.sign_in("ada", "viewer")
    response = await ask(world, "POST", "/v1/session", ADA, host=host)
    assert response.status_code == 201 and response.headers["cache-control"] == "no-store"
    cookie, *rest = response.headers["set-cookie"].split("; ")
    assert cookie.startswith(f"{name}=")
    wanted = {"Path=/", "HttpOnly", "SameSite=Strict", f"Max-Age={limits.SESSION_S_MAX}"}
    assert set(rest) == wanted | ({"Secure"} if secure else set())
    answer = response.json()
    assert (answer["kind"], answer["user"], answer["may"]) == ("user", "ada", ["read"])
    found = await ask(world, "GET", "/v1/session", cookie=f"other=1; {cookie}", host=host)
    assert found.json() == answer
    assert (await ask(world, "GET", "/v1/overview", cookie=cookie, host=host)).status_code == 200
    elsewhere = await ask(world, "GET", "/v1/overview", cookie=cookie, host="127.0.0.1:1")
    assert elsewhere.status_code == 401


async def test_nobody_learns_who_is_there(world: World) -> None:
    world.sign_in("ada", "viewer")
    wrong = await ask(world, "POST", "/v1/session", ADA | {"password": "no"})
    nobody = await ask(world, "POST", "/v1/session", {"user": "eve", "password": "no"})
    assert (wrong.status_code, problem_of(wrong)["code"]) == (401, "sign_in_failed")
    assert wrong.json() == nobody.json() and "set-cookie" not in wrong.headers


async def test_guessing_is_slowed_down(world: World) -> None:
    world.sign_in("ada", "viewer")
    for _ in range(limits.SIGN_IN_TRIES):
        response = await ask(world, "POST", "/v1/session", ADA | {"password": "no"})
    assert response.status_code == 401
    response = await ask(world, "POST", "/v1/session", ADA)
    assert (response.status_code, problem_of(response)["code"]) == (429, "too_many_attempts")
    assert int(response.headers["retry-after"]) > 0


async def test_somebody_elses_page_can_do_nothing(world: World) -> None:
    cookie = world.sign_in("ada", "admin")["cookie"]
    before = world.digest()
    body = {"order_id": "7", "channel": "web", "lines": [{"sku": "TEA-1", "quantity": 1}]}
    for headers in (
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"sec_fetch_site": "cross-site", "origin": "http://dibs"},
        {"origin": "https://evil.example"},
        {"origin": "http://dibs:81"},
        {"origin": "http://dibs.evil.example"},
        {"origin": "null"},
    ):
        for method, path, sent in (
            ("POST", "/v1/orders", body),
            ("DELETE", "/v1/session", None),
            ("POST", "/v1/session", ADA),
            ("POST", "/v1/first-admin", FIRST),
            ("DELETE", "/v1/users/ada", None),
        ):
            response = await ask(world, method, path, sent, cookie=cookie, **headers)
            assert (response.status_code, problem_of(response)["code"]) == (403, "cross_site")
        assert (await ask(world, "GET", "/v1/orders", cookie=cookie, **headers)).status_code == 200
    assert world.digest() == before
    for headers in ({"sec_fetch_site": "same-origin"}, {"origin": "http://DIBS"}, {}):
        response = await ask(world, "POST", "/v1/orders", body, cookie=cookie, **headers)
        assert response.status_code == 201
    key = {"authorization": f"Bearer {world.tokens['sell']}", "sec_fetch_site": "cross-site"}
    assert (await ask(world, "POST", "/v1/orders", body, **key)).status_code == 201


async def test_a_key_in_the_header_counts_and_not_the_cookie(world: World) -> None:
    cookie = world.sign_in("ada", "admin")["cookie"]
    key = f"Bearer {world.tokens['read']}"
    response = await ask(world, "GET", "/v1/users", cookie=cookie, authorization=key)
    assert response.status_code == 403
    found = (await ask(world, "GET", "/v1/session", cookie=cookie, authorization=key)).json()
    assert (found["kind"], found["may"]) == ("key", ["read"])
    wrong = await ask(world, "GET", "/v1/session", cookie=cookie, authorization="Bearer x")
    assert wrong.json()["kind"] == "nobody"


async def test_signing_out_ends_the_session_and_takes_the_cookie(world: World) -> None:
    cookie = world.sign_in("ada", "viewer")["cookie"]
    response = await ask(world, "DELETE", "/v1/session", cookie=cookie)
    assert response.status_code == 200 and response.json()["kind"] == "nobody"
    assert "Max-Age=0" in response.headers["set-cookie"]
    over = await ask(world, "GET", "/v1/overview", cookie=cookie)
    assert (over.status_code, problem_of(over)["code"]) == (401, "session_ended")
    assert (await ask(world, "DELETE", "/v1/session", cookie=cookie)).status_code == 200


async def test_what_a_user_does_is_done_in_that_name(world: World) -> None:
    cookie = world.sign_in("ada", "operator")["cookie"]
    body = {"order_id": "7", "channel": "web", "lines": [{"sku": "TEA-1", "quantity": 1}]}
    headers = {"cookie": cookie, "idempotency_key": "k"}
    assert (await ask(world, "POST", "/v1/orders", body, **headers)).status_code == 201
    assert world.client.ledger._state.answered("key:user:ada:k") is not None


async def test_one_sees_and_ends_ones_own_sessions_and_an_admin_all(world: World) -> None:
    ada = world.sign_in("ada", "admin")["cookie"]
    bob = world.sign_in("bob", "viewer")["cookie"]
    rows = (await ask(world, "GET", "/v1/sessions", cookie=bob)).json()["sessions"]
    assert {row["user"] for row in rows} == {"bob"}
    assert [row["current"] for row in rows] == [True]
    every = (await ask(world, "GET", "/v1/sessions", cookie=ada)).json()["sessions"]
    mine = next(row for row in every if row["user"] == "ada")
    refused = await ask(world, "DELETE", f"/v1/sessions/{mine['session']}", cookie=bob)
    assert (refused.status_code, problem_of(refused)["code"]) == (404, "unknown_session")
    ended = await ask(world, "DELETE", f"/v1/sessions/{rows[0]['session']}", cookie=ada)
    assert ended.status_code == 200
    assert (await ask(world, "GET", "/v1/overview", cookie=bob)).status_code == 401


async def test_users_are_made_changed_reset_and_removed(world: World) -> None:
    made = await world.call("PUT", "/v1/users/bob", json={"role": "viewer"})
    assert made.status_code == 201 and made.headers["cache-control"] == "no-store"
    password = made.json()["password"]
    again = await world.call("PUT", "/v1/users/bob", json={"role": "planner"})
    assert again.status_code == 200 and "password" not in again.json()
    signed = await ask(world, "POST", "/v1/session", {"user": "bob", "password": password})
    assert signed.json()["password_due"] is True and signed.json()["may"] == []
    wish = {"password": password, "new_password": PASSWORD}
    changed = await ask(world, "POST", "/v1/session/password", wish, cookie=given(signed))
    assert changed.json()["may"] == ["read", "sell", "stock", "plan"]
    reset = await world.good("POST", "/v1/users/bob/reset")
    assert reset["password"] != password and "sessions" not in reset
    over = await ask(world, "GET", "/v1/overview", cookie=given(changed))
    assert over.status_code == 401
    assert [user["user"] for user in (await world.good("GET", "/v1/users"))["users"]] == ["bob"]
    await world.good("DELETE", "/v1/users/bob")
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/reset")):
        response = await world.call(method, f"/v1/users/bob{path}")
        assert (response.status_code, problem_of(response)["code"]) == (404, "unknown_user")


@pytest.mark.parametrize("name", ["Bob", "b b", ".bob", "b/b", "bob%0A", "ünal"])
async def test_a_name_that_is_no_name_says_how_to_mend_it(world: World, name: str) -> None:
    response = await world.call("PUT", f"/v1/users/{name}", json={"role": "viewer"})
    document = problem_of(response)
    assert document["errors"][0]["path"] == "user"
    assert "small letters" in document["detail"]


async def test_keys_are_made_shown_once_and_revoked(world: World) -> None:
    made = await world.call("POST", "/v1/keys", json=BY_NAME["create_key"].example)
    assert made.status_code == 201
    token, name = made.json()["token"], made.json()["key"]
    key = {"authorization": f"Bearer {token}"}
    assert (await ask(world, "GET", "/v1/overview", **key)).status_code == 200
    listed = (await world.good("GET", "/v1/keys"))["keys"]
    assert next(k for k in listed if k["key"] == name)["label"] == "till 4"
    assert token.rpartition("_")[2] not in str(listed)
    assert "revoked_at" in await world.good("DELETE", f"/v1/keys/{name}")
    assert (await ask(world, "GET", "/v1/overview", **key)).status_code == 401
    response = await world.call("DELETE", "/v1/keys/nothing")
    assert (response.status_code, problem_of(response)["code"]) == (404, "unknown_key")


async def test_what_was_done_is_told_page_by_page(world: World) -> None:
    cookie = world.sign_in("ada", "admin")["cookie"]
    await ask(world, "PUT", "/v1/users/bob", {"role": "viewer"}, cookie=cookie)
    await ask(world, "PUT", "/v1/users/bob", {"role": "operator"}, cookie=cookie)
    rows, cursor = [], ""
    while cursor is not None:
        page = await world.good("GET", f"/v1/access?limit=3&cursor={cursor}")
        rows += page["entries"]
        cursor = page["next_cursor"]
    assert len(rows) == len(world.store.records)
    latest = rows[0]
    del latest["at"]
    assert latest == {
        "by": "user:ada",
        "what": "user.role",
        "of": "bob",
        "before": {"role": "viewer"},
        "after": {"role": "operator"},
    }


async def test_the_first_visit_makes_the_first_admin(world: World) -> None:
    assert (await ask(world, "GET", "/v1/session")).json()["first_admin"] is True
    wrong = await ask(world, "POST", "/v1/first-admin", FIRST | {"code": "no"})
    assert (wrong.status_code, problem_of(wrong)["code"]) == (403, "wrong_code")
    weak = await ask(world, "POST", "/v1/first-admin", FIRST | {"password": "short"})
    assert problem_of(weak)["errors"][0]["path"] == "password"
    made = await ask(world, "POST", "/v1/first-admin", FIRST)
    assert made.status_code == 201 and "admin" in made.json()["may"]
    assert (await ask(world, "GET", "/v1/users", cookie=given(made))).status_code == 200
    assert (await ask(world, "GET", "/v1/session")).json()["first_admin"] is False
    closed = await ask(world, "POST", "/v1/first-admin", FIRST)
    assert (closed.status_code, problem_of(closed)["code"]) == (409, "first_admin_closed")


async def test_a_front_honours_sessions_and_tells_whose_they_are() -> None:
    import httpx

    pytest.importorskip("ext.fastlane")
    async with fronted() as here:
        url = f"http://{here.host}:{here.port}"
        here.world.sign_in("ada", "operator")
        async with httpx.AsyncClient(base_url=url, trust_env=False) as http:
            forged = {"dibs-caller": "1.2.3.4"}
            response = await http.post("/v1/session", json=ADA, headers=forged)
            assert response.status_code == 201
            assert (await http.get("/v1/stock/TEA-1")).status_code == 200
            rows = (await http.get("/v1/sessions")).json()["sessions"]
            assert rows[0]["current"] and rows[0]["address"] == "127.0.0.1"
            assert (await http.put("/v1/users/bob", json={"role": "admin"})).status_code == 403
            await http.delete("/v1/session")
            assert (await http.get("/v1/stock/TEA-1")).status_code == 401


async def test_the_address_of_a_caller_is_not_what_it_says() -> None:
    import httpx

    async with site(LOOSE) as here:
        here.world.sign_in("ada", "operator")
        url = f"http://{here.host}:{here.port}"
        async with httpx.AsyncClient(base_url=url, trust_env=False) as http:
            await http.post("/v1/session", json=ADA, headers={"dibs-caller": "1.2.3.4"})
            (rows,) = (await http.get("/v1/sessions")).json().values()
            assert rows[0]["address"] == "127.0.0.1"


@pytest.mark.parametrize("path", ["/v1/live", "/v1/streams/stock"])
async def test_an_open_stream_ends_with_its_session(path: str, monkeypatch) -> None:
    monkeypatch.setattr(limits, "SESSION_LOOK_S", 0.01)
    async with site(LOOSE) as here, here.line() as line, here.line() as keyed:
        cookie = here.world.sign_in("ada", "viewer")["cookie"].encode()
        ask_for = b"GET %b HTTP/1.1\r\nHost: x\r\nCookie: %b\r\n\r\n"
        await line.send(ask_for % (path.encode(), cookie))
        await keyed.send(here.get(path))
        for each in (line, keyed):
            assert b" 200 " in await each.reader.readuntil(b"\r\n\r\n")
        (session,) = here.world.people.sessions("ada")
        assert not line.reader.at_eof()
        here.world.people.end(session.id, "test")
        await line.end()
        assert not keyed.reader.at_eof(), "a key's stream goes on"
