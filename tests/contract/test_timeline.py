"""The timeline over HTTP: names of keys, pages, and the command that prints it."""

import importlib
import io
from pathlib import Path

from rich.console import Console

from tests.contract.world import furnished, order, problem_of

PATH = "/v1/orders/web/7/timeline"


async def test_a_change_names_the_key_by_its_label() -> None:
    async with furnished() as world:
        await world.call("POST", "/v1/orders", json=order(), scope="sell")
        await world.good("POST", "/v1/orders/web/7/cancel", {"reason": "asked"})
        found = await world.good("GET", PATH)
        placed, cancelled = found["changes"]
        assert (placed["actor_name"], cancelled["actor_name"]) == ("sell", "admin")
        assert placed["actor"] != cancelled["actor"] and placed["lines"][0]["location"] == "berlin"
        assert cancelled["reason"] == "asked" and found["next_cursor"] is None
        first = await world.good("GET", f"{PATH}?limit=1")
        assert first["changes"] == [placed]
        rest = await world.good("GET", f"{PATH}?limit=1&cursor={first['next_cursor']}")
        assert rest["changes"] == [cancelled]


async def test_a_revoked_key_keeps_its_name() -> None:
    async with furnished() as world:
        await world.call("POST", "/v1/orders", json=order(), scope="sell")
        (key,) = [key for key in world.book.list() if key.label == "sell"]
        world.book.revoke(key.id)
        (placed,) = (await world.good("GET", PATH))["changes"]
        assert (placed["actor"], placed["actor_name"]) == (key.id, "sell")


async def test_an_order_that_is_not_there_has_none() -> None:
    async with furnished() as world:
        response = await world.call("GET", PATH)
        assert problem_of(response)["code"] == "unknown_order" and response.status_code == 404


async def test_the_command_prints_it_as_a_table(monkeypatch) -> None:
    async with furnished() as world:
        await world.good("POST", "/v1/orders", order())
        await world.good("POST", "/v1/orders/web/7/cancel", {"reason": "asked twice"})
        pages = {f"{PATH}?limit=500": await world.good("GET", PATH)}
    cli = importlib.import_module("engine.cli.timeline")  # the package has a command of this name
    monkeypatch.setattr(cli, "ask", lambda url, key, data, path: pages[path])
    console = Console(width=160, file=io.StringIO())
    console.print(cli.timeline("", "", Path(), "web", "7"))
    text = console.file.getvalue()
    assert "asked twice" in text and "4 TEA-1 · berlin" in text and "admin" in text


async def test_the_audit_is_for_admins_and_names_its_fields() -> None:
    async with furnished() as world:
        assert await world.good("GET", "/v1/audit") == {"done": [], "next_cursor": None}
        span = "from=2026-11-27T00:00:00Z&to=2026-11-28T00:00:00Z"
        assert (await world.good("GET", f"/v1/audit?actor=ada&{span}"))["done"] == []
        assert (await world.call("GET", "/v1/audit", scope="stock")).status_code == 403
        wrong = problem_of(await world.call("GET", "/v1/audit?from=yesterday"))
        assert "from" in str(wrong)
